"""An order: somebody asks for one service for one beneficiary, perhaps through a relative or a cadre."""

from datetime import datetime
from typing import Any, cast

from sqlalchemy import ForeignKey, String, Table
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Row
from models.life import TIME, Life, Verb


class Order(Row):
    """One order. `number` is short, speakable and carries a check digit; `client_key` makes a double tap one order."""

    __tablename__ = "orders"

    number: Mapped[str | None] = mapped_column(String(12), unique=True)
    client_key: Mapped[str] = mapped_column(String(40), unique=True)
    listing_id: Mapped[int] = mapped_column(ForeignKey("listings.id"), index=True)
    centre_id: Mapped[int] = mapped_column(ForeignKey("service_centres.id"), index=True)
    area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"), index=True)  # the beneficiary's village
    requested_by_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    beneficiary_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    answers: Mapped[dict[str, Any]]  # question code → answer
    preferred_at: Mapped[datetime]
    note: Mapped[str] = mapped_column(String(200), default="")
    state: Mapped[str] = mapped_column(String(12), default="open")
    revision: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str] = mapped_column(String(200), default="")  # why it was cancelled or stayed unmet
    created_at: Mapped[datetime]

    @property
    def subject(self) -> str:
        """The name under which history, letters and tasks know this order."""
        return f"order:{self.id}"


ORDER = Life(
    "order",
    cast(Table, Order.__table__),
    "open",
    (
        Verb("accept", ("open",), "accepted", who=("provider",), tells=("requester", "cadre")),
        Verb("hand_back", ("accepted",), "open", who=("provider",), tells=("requester", "cadre")),
        Verb("complete", ("accepted",), "completed", who=("provider", "cadre"), tells=("requester",)),
        Verb("close", ("completed",), "closed", who=("requester", TIME)),
        Verb("cancel", ("open", "accepted"), "cancelled", who=("requester", "beneficiary", "cadre"),
             tells=("requester", "provider", "cadre")),
        Verb("give_up", ("open",), "unmet", who=("cadre", TIME), tells=("requester",)),
    ),
)  # fmt: skip
