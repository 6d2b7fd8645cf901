"""One occurrence of a series: a row of its own with a stable key, a state and the reason why it is so."""

from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import ForeignKey, Index, String, Table, UniqueConstraint, and_, or_, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.errors import Refused
from models.family.calls import LIVE_CALLS, OVER, FamilyCall
from models.family.series import Series, series_for
from models.life import BY_TIME, TIME, By, Life, Verb
from models.people.identities import Who
from models.tasks.undelivered import take_back

LIVE = ("planned", "booked", "moved")
WITH_CALL = ("booked", "moved")
_OFF = ("skipped", "cancelled")
_ENDED = {"completed": "complete", "cancelled": "cancel"}


class Occurrence(Row):
    """One call of a series, `day` being the day of its rule: that stays, wherever the call itself goes.

    What the generator makes has no first line in history: the row says what it was made as.
    """

    __tablename__ = "occurrences"
    __table_args__ = (
        UniqueConstraint("series_id", "day"),  # whoever makes rows twice, or two at once: one row
        Index(
            "ix_occurrences_planned", "starts_at",
            postgresql_where=text("state = 'planned'"), sqlite_where=text("state = 'planned'"),
        ),
        Index(
            "uq_occurrences_call", "call_id", unique=True,
            postgresql_where=text("call_id IS NOT NULL"), sqlite_where=text("call_id IS NOT NULL"),
        ),
        Index(
            "ix_occurrences_unknown", "day",
            postgresql_where=text("NOT calendar_known"), sqlite_where=text("NOT calendar_known"),
        ),
    )  # fmt: skip

    series_id: Mapped[int] = mapped_column(ForeignKey("series.id"))
    day: Mapped[date]
    starts_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(12), default="planned")
    reason: Mapped[str] = mapped_column(String(24), default="")
    call_id: Mapped[int | None] = mapped_column(ForeignKey("family_calls.id"))
    own_time: Mapped[bool] = mapped_column(default=False)  # somebody gave this very one its time: edits of all leave it
    calendar_known: Mapped[bool] = mapped_column(default=True)  # whether that year's holidays were published
    revision: Mapped[int] = mapped_column(default=0)

    @property
    def subject(self) -> str:
        """The name under which history and letters know this occurrence."""
        return f"occurrence:{self.id}"


OCCURRENCE = Life(
    "occurrence",
    cast(Table, Occurrence.__table__),
    "planned",
    (
        Verb("book", ("planned",), "booked", who=("relative", "cadre", "rule", TIME)),
        Verb("retime", ("planned",), "planned", who=("relative", "cadre", "rule")),
        Verb("move", WITH_CALL, "moved", who=("relative", "cadre", TIME)),
        Verb("stay", ("booked",), "booked", who=("relative", "cadre", "rule")),
        Verb("pass_over", LIVE, "skipped", who=("relative", "cadre", "rule", TIME), tells=("relative",)),
        Verb("take_up", _OFF, "planned", who=("relative", "cadre", "rule", TIME)),
        Verb("cancel", LIVE, "cancelled", who=("relative", "cadre", "rule", TIME)),
        Verb("complete", WITH_CALL, "done", who=(TIME,)),
        Verb("fail", WITH_CALL, "failed", who=(TIME,)),
    ),
)


def occurrence_for(session: Session, who: Who, occurrence_id: int) -> tuple[Occurrence, Series, str]:
    """The occurrence, its series, and as what this person sees them; raises Refused("not_yours") for strangers."""
    found = session.get(Occurrence, occurrence_id)
    if found is None:
        raise Refused("not_yours")
    series, role = series_for(session, who, found.series_id)
    return found, series, role


def coming(session: Session, series: Series, now: datetime, limit: int = 100) -> list[Occurrence]:
    """The rows of a series that lie ahead, whatever their state, in order of time."""
    query = (
        select(Occurrence).where(Occurrence.series_id == series.id, Occurrence.starts_at > now)
        .order_by(Occurrence.starts_at, Occurrence.id).limit(limit)
    )  # fmt: skip
    return list(session.scalars(query))


def ahead(session: Session, series: Series, now: datetime, *states: str) -> list[Occurrence]:
    """The rows of a series that lie ahead in these states, each of them held and as it stands now."""
    query = (
        select(Occurrence)
        .where(Occurrence.series_id == series.id, Occurrence.starts_at > now, Occurrence.state.in_(states))
        .order_by(Occurrence.id).with_for_update()
    )  # fmt: skip
    return list(session.scalars(query, execution_options={"populate_existing": True}))


def change(session: Session, one: Occurrence, verb: str, by: By, now: datetime, **columns: Any) -> None:
    """Do a verb to an occurrence, one revision further: where it is on or off now, or at another time, what was still
    to be said of it is not true. Raises Refused("wrong_state")."""
    OCCURRENCE.move(
        session, one, verb, by=by, now=now, note=str(columns.get("reason", "")), revision=one.revision + 1, **columns
    )
    if verb in ("pass_over", "cancel", "take_up") or "starts_at" in columns:
        take_back(session, one.subject, now)


def follow(session: Session, now: datetime, series_id: int | None = None) -> int:
    """Bring occurrences in line with their calls, which are moved, cancelled and ended by rules of their own.

    Of one series, or of all; answers how many changed. Of all, what another is following at this moment is left to
    them; of one, that is waited for: whoever asks goes on with its rows. A call that was cancelled and is on again,
    because somebody took that back, is its occurrence's again, also where that was left out or its series rests.
    """
    ended = FamilyCall.state.in_(OVER)
    is_on_again = and_(Occurrence.state.in_(_OFF), FamilyCall.state.in_(LIVE_CALLS))
    query = (
        select(Occurrence, FamilyCall).join(FamilyCall, Occurrence.call_id == FamilyCall.id)
        .where(or_(
            and_(Occurrence.state.in_(WITH_CALL), ended | (FamilyCall.starts_at != Occurrence.starts_at)), is_on_again
        ))
        .order_by(Occurrence.id).limit(200).with_for_update(of=Occurrence, skip_locked=series_id is None)
    )  # fmt: skip
    if series_id is not None:
        query = query.where(Occurrence.series_id == series_id)
    rows = session.execute(query, execution_options={"populate_existing": True}).all()
    for one, call in rows:
        if one.state in _OFF:
            change(session, one, "take_up", BY_TIME, now, reason="")
            change(session, one, "book", BY_TIME, now)
        elif call.state in OVER:
            verb = _ENDED.get(call.state, "fail")
            change(session, one, verb, BY_TIME, now, reason="" if verb == "complete" else f"call_{call.state}"[:24])
        else:
            change(session, one, "move", BY_TIME, now, starts_at=call.starts_at, own_time=True)
    return len(rows)
