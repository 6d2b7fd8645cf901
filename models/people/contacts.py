"""The contact plan of someone without a phone: an ordered list of people and means."""

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

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
