"""Who gathers the needs of a township: its clerks and those of the county above, and which of them keeps a secret."""

from collections.abc import Collection

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, aliased

from models.people.persons import Person
from models.people.staff import StaffRole, holders_above, nearest_of
from models.places.areas import Area, chain

TRIAGE_ROLES = ("township_clerk", "county_admin")


def township_of(session: Session, area: Area) -> Area:
    """The township to which an area belongs; the area itself where no township stands above it."""
    return next((above for above in chain(session, area) if above.kind == "township"), area)


def triaged_by(person_id: int) -> Select[int]:
    """The ids of all areas whose needs a person gathers now, to be joined into other questions."""
    above = aliased(Area)
    return (
        select(Area.id).join(above, Area.path.startswith(above.path)).join(StaffRole, StaffRole.area_id == above.id)
        .where(StaffRole.person_id == person_id, StaffRole.ended_at.is_(None), StaffRole.role.in_(TRIAGE_ROLES))
    )  # fmt: skip


def may_triage(session: Session, person_id: int, area_id: int) -> bool:
    """Whether a person gathers the needs of this area."""
    return session.scalar(triaged_by(person_id).where(Area.id == area_id).limit(1)) is not None


def townships_of(session: Session, person_id: int) -> list[Area]:
    """The townships whose needs a person gathers, by name."""
    query = select(Area).where(Area.id.in_(triaged_by(person_id)), Area.kind == "township").order_by(Area.name)
    return list(session.scalars(query))


def clerks_over(session: Session, area: Area, but_not: Collection[int | None] = ()) -> list[Person]:
    """Those who gather the needs of this area from the nearest place that has any, those in `but_not` left out."""
    return nearest_of(holders_above(session, [area.path], TRIAGE_ROLES)[area.path], but_not)
