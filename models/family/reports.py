"""What a cadre said of a call: when it was so, and when it was written down; late reports keep both."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row

NOTE_LIMIT = 200
VERB_OF = {
    "completed": "complete", "relative_no_show": "miss_relative", "resident_no_show": "miss_resident",
    "neither_came": "miss_both", "technical_failure": "fail",
}  # fmt: skip
OUTCOMES = tuple(VERB_OF)
ARRIVED = "arrived"


class CallReport(Row):
    """One thing that was said of one call."""

    __tablename__ = "call_reports"

    call_id: Mapped[int] = mapped_column(ForeignKey("family_calls.id"), index=True)
    what: Mapped[str] = mapped_column(String(20))  # one of OUTCOMES, or ARRIVED
    happened_at: Mapped[datetime]
    reported_at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("persons.id"))
    note: Mapped[str] = mapped_column(String(NOTE_LIMIT), default="")


def reports_of(session: Session, call_id: int) -> list[CallReport]:
    """Everything that was said of a call, in the order in which it happened and not in which it was written down."""
    query = select(CallReport).where(CallReport.call_id == call_id)
    return list(session.scalars(query.order_by(CallReport.happened_at, CallReport.reported_at, CallReport.id)))


def moments_of(session: Session, calls: Collection[int]) -> tuple[dict[int, datetime], dict[int, datetime]]:
    """When the elders of these calls were at the screen, and when the calls were over, as far as anybody has said."""
    arrived, ended = dict[int, datetime](), dict[int, datetime]()
    query = select(CallReport).where(CallReport.call_id.in_(calls)).order_by(CallReport.happened_at, CallReport.id)
    for line in session.scalars(query):
        (arrived if line.what == ARRIVED else ended)[line.call_id] = line.happened_at
    return arrived, ended
