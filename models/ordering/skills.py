"""What somebody can do, with which certificate until when, and what a service needs; and when they are away."""

from collections.abc import Collection
from datetime import date, datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.errors import Refused
from models.hours import CHINA


class Skill(Row):
    """One thing that a person can do. `valid_until` is the certificate's last day; None: it does not run out."""

    __tablename__ = "skills"
    __table_args__ = (UniqueConstraint("person_id", "skill"),)

    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"))
    skill: Mapped[str] = mapped_column(String(24))  # "care_worker", "first_aid", "hairdresser"
    certificate: Mapped[str] = mapped_column(String(40), default="")
    valid_until: Mapped[date | None]


class RequiredSkill(Row):
    """What whoever does a service must be able to do; with `certified`, with a certificate."""

    __tablename__ = "required_skills"
    __table_args__ = (UniqueConstraint("listing_id", "skill"),)

    listing_id: Mapped[int] = mapped_column(ForeignKey("listings.id"))
    skill: Mapped[str] = mapped_column(String(24))
    certified: Mapped[bool] = mapped_column(default=False)


class TimeOff(Row):
    """A span in which a person does no visits."""

    __tablename__ = "time_off"

    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    note: Mapped[str] = mapped_column(String(60), default="")


def qualified(session: Session, people: Collection[int], listing_id: int, at: datetime) -> set[int]:
    """Those of `people` who can do a service, with certificates that are still good on its day in China."""
    needed = list(session.scalars(select(RequiredSkill).where(RequiredSkill.listing_id == listing_id)))
    able, day = set(people), at.astimezone(CHINA).date()
    for need in needed:
        holders = select(Skill.person_id).where(
            Skill.person_id.in_(able), Skill.skill == need.skill,
            or_(Skill.valid_until.is_(None), Skill.valid_until >= day),
        )  # fmt: skip
        if need.certified:
            holders = holders.where(Skill.certificate != "")
        able = set(session.scalars(holders))
    return able


def away(session: Session, people: Collection[int], starts_at: datetime, ends_at: datetime) -> set[int]:
    """Those of `people` who are away in any part of the span, not only at its start."""
    query = select(TimeOff.person_id).where(
        TimeOff.person_id.in_(people), TimeOff.starts_at < ends_at, TimeOff.ends_at > starts_at
    )
    return set(session.scalars(query))


def take_time_off(session: Session, person_id: int, starts_at: datetime, ends_at: datetime, note: str = "") -> TimeOff:
    """A person is away; visits that fall into it are found by the next look (`models.ordering.rechecking`).

    Raises Refused("bad_time") for a span that ends before it begins.
    """
    if ends_at <= starts_at:
        raise Refused("bad_time")
    off = TimeOff(person_id=person_id, starts_at=starts_at, ends_at=ends_at, note=note[:60])
    session.add(off)
    session.flush()
    return off
