"""What a centre owns and takes along: vehicles, portable devices, tools; each is in one place at a time."""

from collections.abc import Collection

from sqlalchemy import ForeignKey, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row

EQUIPMENT_KINDS = ("vehicle", "device", "tool")


class Equipment(Row):
    """One vehicle, device or tool of a centre."""

    __tablename__ = "equipment"
    __table_args__ = (UniqueConstraint("centre_id", "name"),)

    centre_id: Mapped[int] = mapped_column(ForeignKey("service_centres.id"))
    kind: Mapped[str] = mapped_column(String(8))
    name: Mapped[str] = mapped_column(String(40))  # a plate, or what people call it

    @property
    def resource(self) -> str:
        """The name under which it is taken in the occupancy cells."""
        return f"equipment:{self.id}"


def vehicles_of(session: Session, centre_id: int, borrowed: Collection[int] = ()) -> list[Equipment]:
    """The vehicles of a centre, in the order in which it got them, and after them those that it has borrowed."""
    theirs = Equipment.centre_id == centre_id
    query = select(Equipment).where(theirs | Equipment.id.in_(borrowed), Equipment.kind == "vehicle")
    return list(session.scalars(query.order_by(~theirs, Equipment.id)))
