"""Organisations and staff: who works for which place or organisation, and over which part of the area tree."""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    ColumnExpressionArgument,
    ForeignKey,
    Index,
    Select,
    String,
    select,
    text,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute, Mapped, Session, aliased, mapped_column

from models.base import Row
from models.people import desk_sessions
from models.people.persons import Person
from models.places.areas import Area, chain, keys_in

ORGANISATION_KINDS = ("department", "social_organisation", "resident_club", "resident_unit", "third_party")
CADRE_ROLES = ("station_cadre", "grid_officer", "township_clerk", "county_admin")  # scoped to an area's subtree
ADMINISTRATORS = ("county_admin",)
ROLES = (*CADRE_ROLES, "organisation_member")


class Organisation(Row):
    """A department, a social organisation or another body that publishes or accepts services."""

    __tablename__ = "organisations"

    code: Mapped[str] = mapped_column(String(20), unique=True)
    name: Mapped[str] = mapped_column(String(60))
    kind: Mapped[str] = mapped_column(String(24))
    area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"), index=True)  # the subtree that it serves
    phone: Mapped[str] = mapped_column(String(20), default="")


class StaffRole(Row):
    """One role of one person, over an area's subtree or in an organisation, from a day until it is ended."""

    __tablename__ = "staff_roles"
    __table_args__ = tuple(
        # Two of them: a role has either an area or an organisation, and NULL never equals NULL.
        Index(
            f"uq_staff_roles_live_{place}", "person_id", "role", f"{place}_id", unique=True,
            postgresql_where=text("ended_at IS NULL"), sqlite_where=text("ended_at IS NULL"),
        ) for place in ("area", "organisation")
    )  # fmt: skip

    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    role: Mapped[str] = mapped_column(String(24))
    area_id: Mapped[int | None] = mapped_column(ForeignKey("areas.id"), index=True)
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisations.id"), index=True)
    since: Mapped[datetime]
    ended_at: Mapped[datetime | None]


def _live() -> Select[StaffRole]:
    return select(StaffRole).where(StaffRole.ended_at.is_(None))


def cadres_of(session: Session, area: Area, but_not: Collection[int] = ()) -> list[Person]:
    """The cadres of this very area, those in `but_not` left out."""
    return holders_of(session, area, CADRE_ROLES, but_not)


def cadres_over(session: Session, area: Area, but_not: Collection[int | None] = ()) -> list[Person]:
    """The cadres nearest to `area`, those in `but_not` left out: its own, else of the nearest area above with any."""
    return nearest_of(holders_above(session, [area.path], CADRE_ROLES)[area.path], but_not)


def holders_above(session: Session, paths: Collection[str], roles: Collection[str]) -> dict[str, list[list[Person]]]:
    """Path of an area → who holds one of these roles there and above, place by place, the nearest first.

    One question for all of them; a place without anybody is not among its area's.
    """
    keys = {key for path in paths for key in keys_in(path)}
    query = (
        select(Person, StaffRole.area_id).join(StaffRole, StaffRole.person_id == Person.id)
        .where(StaffRole.ended_at.is_(None), StaffRole.role.in_(roles), StaffRole.area_id.in_(keys))
        .where(Person.state == "active").order_by(Person.id)
    )  # fmt: skip
    found = dict[int | None, dict[int, Person]]()
    for person, key in session.execute(query):
        found.setdefault(key, {})[person.id] = person
    return {path: [list(found[key].values()) for key in keys_in(path) if key in found] for path in paths}


def nearest_of(places: Iterable[list[Person]], but_not: Collection[int | None] = ()) -> list[Person]:
    """The people of the first such place that has any but those in `but_not`."""
    free = ([person for person in there if person.id not in but_not] for there in places)
    return next((there for there in free if there), [])


def areas_under(
    person_id: int, roles: Collection[str] = CADRE_ROLES, *, ended_at: datetime | None = None
) -> Select[int]:  # fmt: skip
    """The ids of all areas over which a person holds a cadre's role now (or held one that ended at that moment), to be
    joined into other questions."""
    above = aliased(Area)
    query = (
        select(Area.id).join(above, Area.path.startswith(above.path)).join(StaffRole, StaffRole.area_id == above.id)
        .where(StaffRole.person_id == person_id, StaffRole.role.in_(roles))
    )  # fmt: skip
    return query.where(StaffRole.ended_at.is_(None) if ended_at is None else StaffRole.ended_at == ended_at)


def cadres_above(area_id: ColumnExpressionArgument[int] | int, roles: Collection[str] = CADRE_ROLES) -> Select[int]:
    """The ids of who holds a cadre's role now over an area or one above it, to be joined into other questions."""
    above, here = aliased(Area), aliased(Area)
    return (
        select(StaffRole.person_id).join(above, StaffRole.area_id == above.id)
        .join(here, here.path.startswith(above.path))
        .where(here.id == area_id, StaffRole.ended_at.is_(None), StaffRole.role.in_(roles))
    )  # fmt: skip


def is_cadre(session: Session, person_id: int) -> bool:
    """Whether the person holds a cadre's role anywhere."""
    return session.scalar(areas_under(person_id).limit(1)) is not None


def is_cadre_over(session: Session, person_id: int, area: Area) -> bool:
    """Whether the person holds a cadre's role over this area or any area above it."""
    return has_role_over(session, person_id, CADRE_ROLES, area)


def has_role_over(session: Session, person_id: int, roles: Collection[str], area: Area) -> bool:
    """Whether the person holds one of these roles over this area or any area above it."""
    above = [a.id for a in chain(session, area)]
    query = _live().where(StaffRole.person_id == person_id, StaffRole.role.in_(roles), StaffRole.area_id.in_(above))
    return session.scalar(query.limit(1)) is not None


def holders_of(session: Session, area: Area, roles: Collection[str], but_not: Collection[int] = ()) -> list[Person]:
    """Who holds one of these roles over this very area, those in `but_not` left out."""
    query = (
        select(Person).join(StaffRole, StaffRole.person_id == Person.id)
        .where(StaffRole.ended_at.is_(None), StaffRole.role.in_(roles), StaffRole.area_id == area.id)
        .where(Person.state == "active", Person.id.not_in(but_not)).distinct().order_by(Person.id)
    )  # fmt: skip
    return list(session.scalars(query))


def members_of(session: Session, organisation_id: int, *which: ColumnElement[bool]) -> list[Person]:
    """The people who answer for an organisation, or of them those who meet `which`."""
    query = (
        select(Person).join(StaffRole, StaffRole.person_id == Person.id)
        .where(StaffRole.ended_at.is_(None), StaffRole.organisation_id == organisation_id, *which).order_by(Person.id)
    )  # fmt: skip
    return list(session.scalars(query))


def memberships(person_id: int | BindParameter[int] | InstrumentedAttribute[int]) -> Select[int | None]:
    """The ids of the organisations for which a person answers now, to be joined into other questions."""
    return select(StaffRole.organisation_id).where(
        StaffRole.person_id == person_id, StaffRole.ended_at.is_(None), StaffRole.organisation_id.is_not(None)
    )


def helpers_named(session: Session, name: str, limit: int = 10) -> list[Person]:
    """Who holds any role now, as a cadre or in an organisation, and is called so: whom the county knows by office."""
    query = (
        select(Person).join(StaffRole, StaffRole.person_id == Person.id)
        .where(StaffRole.ended_at.is_(None), Person.name == name.strip(), Person.state == "active")
        .distinct().order_by(Person.id).limit(limit)
    )  # fmt: skip
    return list(session.scalars(query))


def is_member(session: Session, person_id: int, organisation_id: int) -> bool:
    """Whether the person answers for this organisation."""
    query = _live().where(StaffRole.person_id == person_id, StaffRole.organisation_id == organisation_id)
    return session.scalar(query.limit(1)) is not None


def roles_of(session: Session, person_id: int) -> list[StaffRole]:
    """The roles that a person holds now, the oldest first."""
    return list(session.scalars(_live().where(StaffRole.person_id == person_id).order_by(StaffRole.id)))


def end_role(session: Session, role: StaffRole, now: datetime) -> bool:
    """End a role; answers whether this ended it (twice is once).

    Everything that goes by the role goes by it no more, in the same transaction: sight of the subtree, tasks that were
    the cadre's own (they are everybody's again), and the desk, where nobody stays signed in without a cadre's role.
    """
    ended = session.execute(
        update(StaffRole).where(StaffRole.id == role.id, StaffRole.ended_at.is_(None)).values(ended_at=now)
        .returning(StaffRole.id),
        execution_options={"synchronize_session": False},
    ).first()  # fmt: skip
    session.refresh(role)
    if ended is not None and not is_cadre(session, role.person_id):
        desk_sessions.end_all(session, role.person_id, "role", now)
    return ended is not None
