"""A time that is kept for a moment for whoever has chosen it: nobody else can take it while they make up their mind."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, Index, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.family.calls import FamilyCall
from models.family.venues import CALL_LASTS, Venue
from models.places.cells import hand_on, release

HOLD_LASTS = timedelta(minutes=5)
GRACE = timedelta(minutes=2)  # who is still typing when the five minutes end may finish the sentence
MOST_HOLDS = 2  # of one person: the oldest is given up for a third


class CallHold(Row):
    """Half an hour kept for one person: its cells are held by "hold:7". It leaves no trace when it is used or over."""

    __tablename__ = "call_holds"
    __table_args__ = (Index(None, "expires_at"),)

    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    cared_id: Mapped[int] = mapped_column(ForeignKey("persons.id"))
    station_id: Mapped[int] = mapped_column(ForeignKey("stations.id"))
    helper_id: Mapped[int] = mapped_column(ForeignKey("persons.id"))
    starts_at: Mapped[datetime]
    expires_at: Mapped[datetime]

    @property
    def subject(self) -> str:
        """The name under which cells know this hold."""
        return f"hold:{self.id}"


def holds_of(session: Session, person_id: int) -> list[CallHold]:
    """What a person holds, the oldest first, locked: a sweep at this moment waits, or has taken it away before."""
    query = select(CallHold).where(CallHold.person_id == person_id).order_by(CallHold.id).with_for_update()
    return list(session.scalars(query, execution_options={"populate_existing": True}))


def uncounted_for(session: Session, person_id: int, now: datetime) -> list[str]:
    """The holds that are free for this person: their own, and those that are over and not yet swept."""
    query = select(CallHold.id).where((CallHold.person_id == person_id) | (CallHold.expires_at <= now - GRACE))
    return [f"hold:{key}" for key in session.scalars(query)]


def let_go(session: Session, holds: Sequence[CallHold]) -> None:
    """Give up holds: their time is free again."""
    for one in holds:
        release(session, one.subject)
        session.delete(one)
    session.flush()


def claim(session: Session, call: FamilyCall, venue: Venue, now: datetime) -> CallHold | None:
    """What the relative holds for this very call passes on to it; what they hold beside it for this elder is let go.

    Answers the hold that was used, None where there was none. What is long over is swept on the way.
    """
    sweep_holds(session, now)
    mine = holds_of(session, call.relative_id)
    used = next((one for one in mine if _fits(one, call, venue)), None)
    if used is not None:
        hand_on(session, used.subject, call.subject)
    close = (one for one in mine if one.cared_id == call.cared_id or abs(one.starts_at - call.starts_at) < CALL_LASTS)
    let_go(session, list(close))
    return used


def _fits(hold: CallHold, call: FamilyCall, venue: Venue) -> bool:
    """Whether a hold is for this call, and its screen and helper are still those of the place."""
    return (
        (hold.cared_id, hold.starts_at) == (call.cared_id, call.starts_at)
        and hold.station_id in {station.id for station in venue.stations}
        and hold.helper_id in {helper.id for helper in venue.helpers}
    )


def sweep_holds(session: Session, now: datetime) -> int:
    """Give up holds whose time and grace are over; answers how many. What somebody is using now is left alone."""
    query = select(CallHold).where(CallHold.expires_at <= now - GRACE).order_by(CallHold.id).limit(200)
    over = session.scalars(query.with_for_update(skip_locked=True)).all()
    let_go(session, over)
    return len(over)
