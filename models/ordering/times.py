"""The next times at which a service can be had: what an answer offers to tap, before anybody has to guess."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from models.errors import Refused
from models.hours import WorkCalendar, calendar, instant
from models.ordering.deadlines import check_deadline, check_season
from models.ordering.listings import Offered
from models.ordering.tallies import places_left
from models.places.centres import open_spans

LOOK_DAYS = 21
AFTER_OPENING, BEFORE_CLOSING = timedelta(minutes=30), timedelta(hours=2)


def next_times(session: Session, offer: Offered, now: datetime, limit: int = 4) -> list[datetime]:
    """The first times from tomorrow on that fit the service's own days and hours, its deadline and its places."""
    book, found = calendar(session), list[datetime]()
    today = now.astimezone(offer.centre.tz).date()
    for ahead in range(1, LOOK_DAYS + 1):
        for moment in _of_day(session, offer, today + timedelta(days=ahead), book):
            if moment not in found and _can_be_had(session, offer, moment, book, now):
                found.append(moment)
        if len(found) >= limit:
            break
    return found[:limit]


def _of_day(session: Session, offer: Offered, day: date, book: WorkCalendar) -> Iterator[datetime]:
    """One time of the morning and one of the afternoon, or the hour at which the centre begins with this service."""
    spans, here = open_spans(session, offer.centre, day, book), offer.here
    if not spans:
        return
    if here is not None and here.opens is not None:
        yield instant(day, here.opens, offer.centre.tz)
        return
    yield from (spans[0][0] + AFTER_OPENING, spans[-1][1] - BEFORE_CLOSING)


def _can_be_had(session: Session, offer: Offered, moment: datetime, book: WorkCalendar, now: datetime) -> bool:
    try:
        check_season(offer, moment)
        check_deadline(offer, moment, book, now)
    except Refused:
        return False
    return offer.capacity is None or places_left(session, [offer], moment)[offer.listing.id] > 0
