"""The contact plan of someone without a phone: an ordered list of people and means."""

from sqlalchemy import ForeignKey, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row

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
