"""Holidays become known, or the county's notice changes one: what is planned for those days is looked at again."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session

from models.errors import Refused
from models.family.booking import move
from models.family.calls import FamilyCall, held_under_way
from models.family.editing import put_back
from models.family.ending import end
from models.family.generating import refitted
from models.family.keeping import who_is
from models.family.occurrences import LIVE, Occurrence, change
from models.family.series import Series
from models.family.series_news import is_unheard_of, say_skipped, say_takes_place
from models.hours import WorkCalendar, calendar
from models.life import BY_RULE
from models.people.persons import Person


def reconsider(session: Session, now: datetime) -> int:
    """Bring the coming rows of all series in line with the holidays as they are known now; answers how many changed.

    A holiday that has come to be leaves a call out or shifts it, as its series says, and the relative hears of it; one
    that is none any more brings back what it took. What somebody gave a time of its own stays. Doing it twice is doing
    it once.
    """
    book = calendar(session)
    days = session.scalars(select(Occurrence.day).where(Occurrence.starts_at > now).distinct()).all()
    off = [day for day in days if book.is_holiday(day)]
    query = (
        select(Occurrence, Series).join(Series, Occurrence.series_id == Series.id)
        .where(Series.state == "active", Occurrence.starts_at > now, Occurrence.own_time.is_(False), _may_change(off))
        .order_by(Occurrence.id).with_for_update(of=Occurrence)
    )  # fmt: skip
    rows = session.execute(query, execution_options={"populate_existing": True}).all()
    changed = sum(_look_at(session, one, series, book, now) for one, series in rows)
    known = [day for day in days if book.knows(day.year) or day in book.overrides]
    session.execute(
        update(Occurrence).where(Occurrence.calendar_known.is_(False), Occurrence.day.in_(known))
        .values(calendar_known=True), execution_options={"synchronize_session": "fetch"},
    )  # fmt: skip
    return changed


def _may_change(off: Sequence[date]) -> ColumnElement[bool]:
    """Of ten thousand series' rows, those few of which these holidays may make something else."""
    on_holiday = Occurrence.day.in_(off)
    return or_(
        Occurrence.state.in_(LIVE) & (on_holiday | (Occurrence.reason == "shifted")),
        (Occurrence.state == "skipped") & (Occurrence.reason == "holiday") & ~on_holiday,
    )  # fmt: skip


def reconsider_unknown(session: Session, now: datetime) -> int:
    """The same for rows that were made before their year's holidays were published, once they are."""
    query = (
        select(Occurrence.day).where(Occurrence.calendar_known.is_(False), Occurrence.state.in_(LIVE))
        .where(Occurrence.starts_at > now).order_by(Occurrence.day).limit(1)
    )  # fmt: skip
    first = session.scalar(query)
    return reconsider(session, now) if first is not None and calendar(session).knows(first.year) else 0


def _look_at(session: Session, one: Occurrence, series: Series, book: WorkCalendar, now: datetime) -> bool:
    """One row; answers whether it changed."""
    held = refitted(series, book, one)
    starts_at = held["starts_at"]
    if held["state"] == "skipped":
        return one.state != "skipped" and _leave_out(session, one, series, now)
    if one.state == "skipped":
        was_told, before = one.revision > 0, one.starts_at  # of what was made as left out nobody was told
        knows = put_back(session, series, one, BY_RULE, now)
        change(session, one, "retime", BY_RULE, now, starts_at=starts_at, reason=held["reason"])
        if was_told and (knows or starts_at != before):
            say_takes_place(session, series, one, now)
        return True
    return starts_at != one.starts_at and _shift(session, one, series, starts_at, held["reason"], now)


def _leave_out(session: Session, one: Occurrence, series: Series, now: datetime) -> bool:
    if held_under_way(session, one.call_id):
        return False
    call = session.get(FamilyCall, one.call_id) if one.call_id is not None else None
    change(session, one, "pass_over", BY_RULE, now, reason="holiday")
    if call is not None:
        end(session, call, by=BY_RULE, reason="holiday", now=now, but_not={series.relative_id})
    say_skipped(session, series, one, now)
    return True


def _shift(session: Session, one: Occurrence, series: Series, starts_at: datetime, reason: str, now: datetime) -> bool:
    if one.call_id is not None:
        try:
            move(session, who_is(session.get_one(Person, series.relative_id)), one.call_id, starts_at, now)
        except Refused:
            return False  # the new time is taken: the closure's task lays the old one before the cadres
    change(session, one, "retime" if one.call_id is None else "stay", BY_RULE, now, starts_at=starts_at, reason=reason)
    # Who had still to hear of a shift that is none any more believes what is so.
    if reason == "shifted" or not is_unheard_of(session, series, one):
        say_takes_place(session, series, one, now)
    return True
