"""Minutes of WeChat's one-to-one calls: a mini-program has so many a month, and the database counts them.

1,000 are free in each natural month and a minute of video counts 15 (1v1 音视频通话, its price list). WeChat keeps no
record that a server could ask for, so that the phones report how long it was; until they do, the whole time counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, String, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, Row, insert_of
from models.errors import Refused
from models.family.calls import FamilyCall
from models.hours import CHINA

COSTS: Mapping[str, int] = {"voice": 1, "video": 15}  # what a minute counts
LONGER = timedelta(minutes=10)  # a call may go on so much longer than it was booked for


class VoipMonth(Base):
    """How much of a month's minutes of one mini-program is taken: used, or held for a call that is going on."""

    __tablename__ = "voip_months"

    app_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    month: Mapped[str] = mapped_column(String(7), primary_key=True)  # "2026-11", by China's clock
    taken: Mapped[int]


class VoipUse(Row):
    """What one call has taken, and how long it was as the phones said."""

    __tablename__ = "voip_uses"

    call_id: Mapped[int] = mapped_column(ForeignKey("family_calls.id"), unique=True)
    app_id: Mapped[str] = mapped_column(String(32))
    month: Mapped[str] = mapped_column(String(7))
    media: Mapped[str] = mapped_column(String(8))
    taken: Mapped[int]
    minutes: Mapped[int | None]  # empty: nobody has said
    said_by_id: Mapped[int | None] = mapped_column(ForeignKey("persons.id"))
    said_at: Mapped[datetime | None]


@dataclass(frozen=True)
class Budget:
    """The minutes of a month, and below how many minutes of video a voice call is advised."""

    minutes: int
    low: int = 60


def left(session: Session, app_id: str, budget: Budget, at: datetime, media: str) -> int:
    """How many whole minutes of this kind are left in the month of `at`."""
    query = select(VoipMonth.taken).where(VoipMonth.app_id == app_id, VoipMonth.month == month_of(at))
    return max(budget.minutes - (session.scalar(query) or 0), 0) // COSTS[media]


def voice_advised(session: Session, app_id: str, budget: Budget, at: datetime) -> bool:
    """Whether so little video is left that people should rather talk without it."""
    return left(session, app_id, budget, at, "video") < budget.low


def hold(session: Session, call: FamilyCall, app_id: str, budget: Budget, now: datetime) -> VoipUse:
    """Take the whole time of a call that begins now; who joins it second, or again, takes nothing more.

    Raises Refused("no_minutes") when the month has not so many left: of two who want the last ones, one gets them.
    """
    known = session.scalar(select(VoipUse).where(VoipUse.call_id == call.id))
    if known is not None:
        return known
    wanted, month = _whole(call) * COSTS[call.media], month_of(now)
    made = insert_of(session, VoipUse).values(
        call_id=call.id, app_id=app_id, month=month, media=call.media, taken=wanted
    )  # fmt: skip
    with session.begin_nested():
        first = session.execute(made.on_conflict_do_nothing(index_elements=[VoipUse.call_id]).returning(VoipUse.id))
        if first.first() is not None:
            counted = insert_of(session, VoipMonth).values(app_id=app_id, month=month, taken=wanted)
            statement = counted.on_conflict_do_update(
                index_elements=[VoipMonth.app_id, VoipMonth.month], set_={"taken": VoipMonth.taken + wanted},
                where=VoipMonth.taken + wanted <= budget.minutes,
            ).returning(VoipMonth.taken)  # fmt: skip
            if wanted > budget.minutes or session.execute(statement).first() is None:
                raise Refused("no_minutes")
    return session.scalars(select(VoipUse).where(VoipUse.call_id == call.id)).one()


def report(session: Session, call: FamilyCall, said_by_id: int, minutes: int, now: datetime) -> VoipUse | None:
    """A phone says how long it was: of several reports the longest counts, and what was held beyond it is given back.

    None when nothing was taken for this call. A report never counts for more than the call could last.
    """
    query = select(VoipUse).where(VoipUse.call_id == call.id).with_for_update()
    use = session.scalar(query, execution_options={"populate_existing": True})
    if use is None or (use.minutes is not None and use.minutes >= minutes):
        return use
    use.minutes = min(minutes, _whole(call) + LONGER // timedelta(minutes=1))
    use.said_by_id, use.said_at = said_by_id, now
    taken = use.minutes * COSTS[use.media]
    session.execute(
        update(VoipMonth).where(VoipMonth.app_id == use.app_id, VoipMonth.month == use.month)
        .values(taken=VoipMonth.taken + taken - use.taken).execution_options(synchronize_session=False)
    )  # fmt: skip
    use.taken = taken
    session.flush()
    return use


def month_of(moment: datetime) -> str:
    """The natural month in which WeChat counts a moment."""
    return f"{moment.astimezone(CHINA):%Y-%m}"


def _whole(call: FamilyCall) -> int:
    return (call.ends_at - call.starts_at) // timedelta(minutes=1)
