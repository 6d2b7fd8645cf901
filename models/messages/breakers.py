"""Breakers: what of an account is out of order stops by itself, says so once, and is tried again later."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import String, case, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, locked_row

EVERY = "*"  # a breaker for every kind of letter on this channel
Mark = tuple[str, str, str]  # app_id, channel, kind or EVERY
FIRST_PAUSE = timedelta(minutes=5)
LONGEST_PAUSE = timedelta(hours=1)
MENDS_WITHIN = timedelta(minutes=30)  # what should mend by itself
JUST_BEFORE = timedelta(seconds=1)
MISFITS = 3  # so many different letters that do not fit, and none between that does: then it is the template
Standing = Literal["suspected", "open", "half_open"]


class Breaker(Base):
    """One channel of one account (or, with a `kind`, one kind of letter on it: a template) is not to be tried.

    One that was never open (`open_until` is `since`) stops nothing and is no news: it only counts, in `times`, the
    letters that make its template suspect, or those of an account that have no receipt (`silence`).
    """

    __tablename__ = "breakers"

    app_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    channel: Mapped[str] = mapped_column(String(20), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    code: Mapped[str] = mapped_column(String(24))
    why: Mapped[str] = mapped_column(String(300))
    since: Mapped[datetime]
    open_until: Mapped[datetime]
    times: Mapped[int] = mapped_column(default=1)

    @property
    def was_open(self) -> bool:
        """Whether it has ever stopped anything."""
        return self.open_until > self.since


@dataclass(frozen=True)
class Blown:
    """A breaker that has just opened: said aloud once, not for every letter behind it."""

    app_id: str
    channel: str
    kind: str
    code: str
    why: str
    needs_person: bool = False  # it will not mend before somebody has done something about it


@dataclass(frozen=True)
class Breakers:
    """What is not to be tried (open: until when), what may be tried by a few letters only (half open), and of both what
    has lasted so long that nobody waits for it."""

    open: dict[Mark, datetime]
    half_open: frozenset[Mark] = frozenset()
    lasting: frozenset[Mark] = frozenset()


def opened(session: Session) -> dict[Mark, datetime]:
    """The breakers that have opened and that nothing has mended since, each with the end of its pause."""
    return {mark: until for mark, (_, until) in _opened(session).items()}


def _opened(session: Session) -> dict[Mark, tuple[datetime, datetime]]:
    """Those breakers, each with when it opened first and the end of its pause."""
    columns = (Breaker.app_id, Breaker.channel, Breaker.kind, Breaker.since, Breaker.open_until)
    rows = session.execute(select(*columns).where(Breaker.open_until > Breaker.since)).all()
    return {(row.app_id, row.channel, row.kind): (row.since, row.open_until) for row in rows}


def standing(session: Session, now: datetime) -> Breakers:
    """The breakers as they stand. One whose time is over stays half open until a letter has gone through."""
    marks = _opened(session)
    still = {mark: until for mark, (_, until) in marks.items() if until > now}
    lasting = frozenset(mark for mark, (since, _) in marks.items() if now - since > LONGEST_PAUSE)
    return Breakers(still, frozenset(marks.keys() - still.keys()), lasting)


def trip(
    session: Session, *, app_id: str, channel: str, kind: str, code: str, why: str, now: datetime,
    pause: timedelta | None = None, first: timedelta = FIRST_PAUSE, longest: timedelta = LONGEST_PAUSE,
    needs_person: bool = False,
) -> tuple[datetime, Blown | None]:  # fmt: skip
    """Open a breaker, or keep it open; answers until when, and the news if it was not open, or now is for another
    reason and longer. What should mend by itself and has not for `MENDS_WITHIN` needs a person too.

    Without a `pause` of its own it waits as long as `first`, and twice as long each time it fails again, as `longest`
    at most. A batch that fails together counts once.
    """
    held = _locked(session, (app_id, channel, kind), now)
    if held.open_until > now and pause is None:
        return held.open_until, None
    if not held.was_open:
        held.since, held.open_until, held.times = now, now, 0
    held.times += 1
    until = now + (pause or min(first * (1 << min(held.times - 1, 8)), longest))
    news = None
    if until > held.open_until:
        if held.open_until <= now or held.code != code[:24]:
            news = Blown(app_id, channel, kind, code, why, needs_person or now - held.since >= MENDS_WITHIN)
        held.code, held.why, held.open_until = code[:24], why[:300], until
    session.flush()
    return held.open_until, news


def half_open(session: Session, now: datetime) -> None:
    """End every pause: what stands open is tried by a few letters now. One that a clock ahead has opened has been open
    all the same."""
    ended = {"open_until": now, "since": case((Breaker.since < now, Breaker.since), else_=now - JUST_BEFORE)}
    session.execute(
        update(Breaker).where(Breaker.open_until > Breaker.since, Breaker.open_until > now).values(ended),
        execution_options={"synchronize_session": False},
    )


def suspect(session: Session, mark: Mark, misfits: int, now: datetime) -> Standing:
    """So many different letters of a mark were refused for what they say, and none of it went through; answers how
    its breaker stands then: "open" also where so many have come together that it is to be opened.

    They are counted until a letter of the mark goes through (`mend`): where letters are few, each comes alone.
    """
    held = _locked(session, mark, now)
    if held.was_open:
        return "open" if held.open_until > now else "half_open"
    held.times += misfits
    session.flush()
    return "open" if held.times >= MISFITS else "suspected"


def _locked(session: Session, mark: Mark, now: datetime) -> Breaker:
    """The breaker of a mark, locked; a new one has never been open."""
    key = dict(zip(("app_id", "channel", "kind"), mark, strict=True))
    return locked_row(session, Breaker, key, code="", why="", since=now, open_until=now, times=0)


def mend(session: Session, went: Collection[Mark], now: datetime) -> None:
    """Letters of these marks went through: what stood half open against them, or was suspected, is forgotten.

    While a breaker is open nothing is tried: what goes through then was on the wire before, and proves nothing.
    """
    if not went or session.scalar(select(Breaker.app_id).limit(1)) is None:
        return
    for app_id, channel in sorted({(app_id, channel) for app_id, channel, _ in went}):
        kinds = [EVERY, *sorted(kind for app, through, kind in went if (app, through) == (app_id, channel))]
        session.execute(
            delete(Breaker).where(
                Breaker.app_id == app_id, Breaker.channel == channel, Breaker.kind.in_(kinds), Breaker.open_until <= now
            ),
            execution_options={"synchronize_session": False},
        )
