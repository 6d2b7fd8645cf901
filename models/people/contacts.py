"""The contact plan of someone without a phone: an ordered list of people and means."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ForeignKey, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.people.persons import Person

MEANS = ("wechat", "phone", "visit")


class ContactStep(Row):
    """The n-th way to reach a person: through whom, and how."""

    __tablename__ = "contact_steps"
    __table_args__ = (UniqueConstraint("person_id", "position"),)

    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"))
    position: Mapped[int]
    means: Mapped[str] = mapped_column(String(8))
    through_id: Mapped[int] = mapped_column(ForeignKey("persons.id"))  # the person self, a daughter, a cadre
    phone: Mapped[str] = mapped_column(String(20), default="")
    note: Mapped[str] = mapped_column(String(60), default="")


def plan_for(session: Session, person_id: int) -> list[ContactStep]:
    """The ways to reach a person, the first to try first; empty when nobody wrote one down."""
    query = select(ContactStep).where(ContactStep.person_id == person_id).order_by(ContactStep.position)
    return list(session.scalars(query))


@dataclass(frozen=True)
class Way:
    """One way to reach a person now: how, through whom ("" for the person self), on which phone."""

    means: str
    through: str
    phone: str = ""
    note: str = ""


def ways_to(session: Session, person_id: int, but_not: Collection[str] = ()) -> list[Way]:
    """The ways to reach a person in the order of the plan; never empty: without a plan their own phone, else a visit.

    A means in `but_not` is left out: what WeChat has just failed to bring is not tried by WeChat. A phone number in
    it is for a cadre's eyes, in the conversation only.
    """
    ways = []
    for step in plan_for(session, person_id):
        if step.means in but_not:
            continue
        through = session.get_one(Person, step.through_id)
        phone = (step.phone or through.phone) if step.means == "phone" else ""
        ways.append(Way(step.means, "" if through.id == person_id else through.name, phone, step.note))
    if ways:
        return ways
    phone = session.get_one(Person, person_id).phone
    return [Way("phone", "", phone)] if phone else [Way("visit", "")]
