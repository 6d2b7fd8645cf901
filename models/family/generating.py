"""Making the rows of all series ahead of time: by a cursor, many in one INSERT, twice or by two is once."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.base import insert_of
from models.family.occurrences import Occurrence
from models.family.series import Series
from models.hours import CHINA, WorkCalendar, calendar, instant

AHEAD = timedelta(days=60)  # twice as far as calls are booked
BATCH = 500  # series in one transaction
SHIFTS_BY = 9  # days: longer than any holiday

MISSED = ("skipped", "missed")  # what a row becomes that is made too late

Values = dict[str, Any]


def generate(session: Session, now: datetime, limit: int = BATCH) -> int:
    """Make the rows of the series whose cursor lags behind, the furthest behind first; answers how many series.

    Ask again until the answer is 0. A series that somebody else holds is left to them: whoever makes its rows, or
    changes it, moves its cursor in the same transaction. After days without a clock it goes on where it stood; what
    lies in the past by then is written down as missed.
    """
    through = now.astimezone(CHINA).date() + AHEAD
    query = (
        select(Series).where(Series.state == "active", Series.scheduled_through < through)
        .order_by(Series.scheduled_through, Series.id).limit(limit).with_for_update(skip_locked=True)
    )  # fmt: skip
    due = session.scalars(query, execution_options={"populate_existing": True}).all()
    fill(session, due, through, now)
    return len(due)


def fill(
    session: Session,
    several: Sequence[Series],
    through: date,
    now: datetime,
    past: tuple[str, str] = MISSED,
) -> None:
    """Make the rows of these series, which the caller holds, through a day; `past` is what has gone by becomes."""
    if not several:
        return
    book = calendar(session)
    rows = [row for one in several for row in foreseen(one, book, one.scheduled_through, through)]
    for row in rows:
        if row["starts_at"] <= now:
            row["state"], row["reason"] = past
    table = Occurrence.__table__
    if rows:
        once = insert_of(session, table).on_conflict_do_nothing(index_elements=["series_id", "day"])
        session.execute(once, rows)
    session.execute(
        update(Series).where(Series.id.in_([one.id for one in several]), Series.scheduled_through < through)
        .values(scheduled_through=through), execution_options={"synchronize_session": False},
    )  # fmt: skip
    for one in several:
        session.expire(one, ["scheduled_through"])


def foreseen(series: Series, book: WorkCalendar, after: date, through: date) -> Iterator[Values]:
    """The rows of a series for the days after one day through another, as they would be made."""
    rule, until = series.recurs, min(through, series.last_day or through)
    days = rule.days(series.anchor, max(series.first_day, after + timedelta(days=1)), until)
    for day in days:
        yield {
            "series_id": series.id, "day": day, "own_time": False, "revision": 0, **fitted(series, book, day),
        }  # fmt: skip


def fitted(series: Series, book: WorkCalendar, day: date) -> Values:
    """What the calendar makes of one day of a series: its instant, state, reason, and whether that year is known."""
    known = book.knows(day.year) or day in book.overrides
    held: Values = {"starts_at": series.moment(day), "state": "planned", "reason": "", "calendar_known": known}
    if not book.is_holiday(day):
        # A weekend day that is worked is told apart: the centre opens as on a Monday.
        return held | {"reason": "workday" if day.isoweekday() > 5 and book.is_workday(day) else ""}
    if series.on_holidays == "keep":
        return held | {"reason": "on_holiday"}
    later = _shifted(series, book, day) if series.on_holidays == "shift" else None
    if later is None:
        return held | {"state": "skipped", "reason": "holiday"}
    return held | {"starts_at": series.moment(later), "reason": "shifted"}


def refitted(series: Series, book: WorkCalendar, one: Occurrence) -> Values:
    """The same of a row that is there. Its hour is its own: an edit may have begun later than its day."""
    held = fitted(series, book, one.day)
    day, hour = (at.astimezone(series.tz) for at in (held["starts_at"], one.starts_at))
    return held | {"starts_at": instant(day.date(), hour.time(), series.tz)}


def _shifted(series: Series, book: WorkCalendar, day: date) -> date | None:
    """The next day that is no holiday, before the series' own next day; None where there is none."""
    days = [day + timedelta(days=n) for n in range(1, SHIFTS_BY + 1)]
    own = set(series.recurs.days(series.anchor, days[0], days[-1]))
    later = next((one for one in days if one in own or not book.is_holiday(one)), None)
    return None if later in own else later
