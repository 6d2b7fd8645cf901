"""Organisations and staff: who works for which place or organisation, and over which part of the area tree."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Select, String, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.people.persons import Person
from models.places.areas import Area, chain

ORGANISATION_KINDS = ("department", "social_organisation", "resident_club", "resident_unit", "third_party")
CADRE_ROLES = ("station_cadre", "grid_officer", "township_clerk", "county_admin")  # scoped to an area's subtree
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
    __table_args__ = (
        Index(
            "uq_staff_roles_live", "person_id", "role", "area_id", "organisation_id", unique=True,
            postgresql_where=text("ended_at IS NULL"), sqlite_where=text("ended_at IS NULL"),
        ),
    )  # fmt: skip

    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    role: Mapped[str] = mapped_column(String(24))
    area_id: Mapped[int | None] = mapped_column(ForeignKey("areas.id"), index=True)
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisations.id"), index=True)
    since: Mapped[datetime]
    ended_at: Mapped[datetime | None]


def _live() -> Select[StaffRole]:
    return select(StaffRole).where(StaffRole.ended_at.is_(None))


def cadres_over(session: Session, area: Area) -> list[Person]:
    """The cadres nearest to `area`: those of the area itself, else of the nearest area above that has any."""
    for near in chain(session, area):
        query = (
            select(Person).join(StaffRole, StaffRole.person_id == Person.id)
            .where(StaffRole.ended_at.is_(None), StaffRole.role.in_(CADRE_ROLES), StaffRole.area_id == near.id)
            .where(Person.state == "active").distinct().order_by(Person.id)
        )  # fmt: skip
        found = list(session.scalars(query))
        if found:
            return found
    return []


def is_cadre_over(session: Session, person_id: int, area: Area) -> bool:
    """Whether the person holds a cadre's role over this area or any area above it."""
    above = [a.id for a in chain(session, area)]
    query = _live().where(
        StaffRole.person_id == person_id, StaffRole.role.in_(CADRE_ROLES), StaffRole.area_id.in_(above)
    )
    return session.scalar(query.limit(1)) is not None


def roles_of(session: Session, person_id: int) -> list[StaffRole]:
    """The live roles of a person, the oldest first."""
    return list(session.scalars(_live().where(StaffRole.person_id == person_id).order_by(StaffRole.id)))


def members_of(session: Session, organisation_id: int) -> list[Person]:
    """The people who answer for an organisation."""
    query = (
        select(Person).join(StaffRole, StaffRole.person_id == Person.id)
        .where(StaffRole.ended_at.is_(None), StaffRole.organisation_id == organisation_id).order_by(Person.id)
    )  # fmt: skip
    return list(session.scalars(query))


def is_member(session: Session, person_id: int, organisation_id: int) -> bool:
    """Whether the person answers for this organisation."""
    query = _live().where(StaffRole.person_id == person_id, StaffRole.organisation_id == organisation_id)
    return session.scalar(query.limit(1)) is not None
