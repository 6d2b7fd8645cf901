"""A family call: one relative, one elder or child, a station at the centre, a helper, half an hour."""

from datetime import datetime
from typing import cast

from sqlalchemy import ForeignKey, String, Table
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Row
from models.life import TIME, Life, Verb


class FamilyCall(Row):
    """One call. A change of time is a new revision of the same call, never a new call."""

    __tablename__ = "family_calls"

    client_key: Mapped[str] = mapped_column(String(40), unique=True)
    relative_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    cared_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    centre_id: Mapped[int] = mapped_column(ForeignKey("service_centres.id"), index=True)
    station_id: Mapped[int] = mapped_column(ForeignKey("stations.id"))
    helper_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    venue_mode: Mapped[str] = mapped_column(String(12), default="at_centre")
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(20), default="booked")
    revision: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str] = mapped_column(String(200), default="")
    created_at: Mapped[datetime]

    @property
    def subject(self) -> str:
        """The name under which history, cells, letters and tasks know this call."""
        return f"call:{self.id}"


CALL = Life(
    "call",
    cast(Table, FamilyCall.__table__),
    "booked",
    (
        Verb("change", ("booked",), "booked", who=("relative", "cadre", "rule"), tells=("relative", "helper")),
        Verb("check_in", ("booked",), "checked_in", who=("cadre",)),
        Verb("start", ("booked", "checked_in"), "in_call", who=("cadre", "relative")),
        Verb("complete", ("booked", "checked_in", "in_call"), "completed", who=("cadre", TIME)),
        Verb("cancel", ("booked", "checked_in"), "cancelled", who=("relative", "cadre"), tells=("relative", "helper")),
        Verb("miss_relative", ("booked", "checked_in"), "relative_no_show", who=("cadre",)),
        Verb("miss_resident", ("booked", "checked_in"), "resident_no_show", who=("cadre",)),
        Verb("fail", ("booked", "checked_in", "in_call"), "technical_failure", who=("cadre",)),
    ),
)
