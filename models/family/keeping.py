"""Keeping what a series planned: each call is booked four weeks ahead, and a week that cannot be leaves the rest."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.family.booking import book
from models.family.occurrences import Occurrence, change
from models.family.series import Series
from models.family.series_news import say_skipped
from models.life import BY_TIME, By
from models.people.identities import Who
from models.people.persons import Person

BOOK_AHEAD = timedelta(days=28)
BATCH = 10  # calls in one transaction: each takes cells, and nobody should wait long for them
AT_ONCE = 8  # calls that are booked while somebody waits for the answer; the clock books the rest

# What a booking refuses → why the occurrence is left out. Any other refusal is its own reason.
REASONS = {
    "slot_taken": "conflict", "bad_time": "closed", "no_centre": "no_place", "no_station": "no_place",
    "no_link": "unlinked", "not_active": "stopped",
}  # fmt: skip


def book_planned(session: Session, now: datetime, limit: int = BATCH) -> int:
    """Book the next planned calls of all series that have come near; answers how many were looked at.

    Ask again until the answer is 0. What another clock is booking at this moment is left to it.
    """
    query = (
        select(Occurrence, Series).join(Series, Occurrence.series_id == Series.id)
        .where(Occurrence.state == "planned", Occurrence.starts_at <= now + BOOK_AHEAD, Series.state == "active")
        .order_by(Occurrence.starts_at, Occurrence.id).limit(limit).with_for_update(of=Occurrence, skip_locked=True)
    )  # fmt: skip
    rows = session.execute(query, execution_options={"populate_existing": True}).all()
    for one, series in rows:
        if not keep(session, series, one, BY_TIME, now):
            say_skipped(session, series, one, now)
    return len(rows)


def keep(session: Session, series: Series, one: Occurrence, by: By, now: datetime) -> bool:
    """Book one planned occurrence, or leave it out with the reason; answers whether it is booked."""
    relative = session.get_one(Person, series.relative_id)
    if one.starts_at <= now:
        change(session, one, "pass_over", by, now, reason="missed")
        return False
    try:
        call = book(
            session, who_is(relative), cared_id=series.cared_id, starts_at=one.starts_at,
            client_key=f"{one.subject}:{one.revision}", now=now, maker=by.person_id if by.role != "rule" else None,
        )  # fmt: skip
    except Refused as refusal:
        change(session, one, "pass_over", by, now, reason=REASONS.get(refusal.code, refusal.code)[:24])
        return False
    change(session, one, "book", by, now, call_id=call.id)
    return True


def keep_near(session: Session, series: Series, now: datetime, by: By, *, says: bool) -> None:
    """Book the nearest planned calls of a series that somebody is waiting for. With `says` the relative, who is not the
    one that waits, hears which of them cannot be."""
    near = (
        select(Occurrence)
        .where(Occurrence.series_id == series.id, Occurrence.state == "planned")
        .where(Occurrence.starts_at <= now + BOOK_AHEAD).order_by(Occurrence.starts_at).limit(AT_ONCE)
        .with_for_update()
    )  # fmt: skip
    for one in session.scalars(near).all():
        if not keep(session, series, one, by, now) and says:
            say_skipped(session, series, one, now)


def who_is(person: Person) -> Who:
    """A person as the one who asks, through no identity: the clock acts for the relative."""
    return Who(person.id, 0, person.name, person.time_zone, "", "")
