"""Until when a service can be ordered: working time that it needs, and an hour after which the list is closed."""

from datetime import date, datetime, timedelta

from models.errors import Refused
from models.hours import WorkCalendar, instant
from models.ordering.listings import CentreTerms, Offered, Terms
from models.places.centres import ServiceCentre


def closes_at(terms: Terms, centre: ServiceCentre, day: date, book: WorkCalendar) -> datetime | None:
    """The instant after which nobody orders for `day` any more; None where the listing names no hour.

    Counted in working days back from the day of the service. With none, it is that day itself, or the last working day
    before it where it is free: somebody must read the list and cook.
    """
    if terms.cutoff_at is None:
        return None
    last = book.add_workdays(day, -terms.cutoff_days) if terms.cutoff_days else day
    if not book.is_workday(last):
        last = book.add_workdays(last, -1)
    return instant(last, terms.cutoff_at, centre.tz)


def check_deadline(offer: Offered, wished: datetime, book: WorkCalendar, now: datetime) -> None:
    """Whether there is time left; `now` is the server's, whatever a phone's clock shows.

    Raises Refused("too_soon", earliest=…) within the working hours that the service needs, Refused("closed_already",
    closed=…) after the hour of closing; both are instants in ISO form.
    """
    terms = offer.listing
    earliest = book.add_working_time(now, timedelta(hours=terms.lead_hours)) if terms.lead_hours else now
    if wished < earliest:
        raise Refused("too_soon", earliest=earliest.isoformat())
    closed = closes_at(terms, offer.centre, wished.astimezone(offer.centre.tz).date(), book)
    if closed is not None and now >= closed:
        raise Refused("closed_already", closed=closed.isoformat())


def check_season(offer: Offered, wished: datetime) -> None:
    """Whether the service is given on that day and at that hour.

    Raises Refused("out_of_season") outside the listing's dates, Refused("not_then", weekdays=…, opens=…, closes=…)
    outside the centre's own times for it.
    """
    terms, local = offer.listing, wished.astimezone(offer.centre.tz)
    if (terms.valid_from and local.date() < terms.valid_from) or (terms.valid_to and local.date() > terms.valid_to):
        raise Refused("out_of_season")
    if offer.here is not None and not _given(offer.here, local):
        here = offer.here
        raise Refused("not_then", weekdays=here.weekdays, opens=_clock(here.opens), closes=_clock(here.closes))


def _given(here: CentreTerms, local: datetime) -> bool:
    if here.weekdays and str(local.isoweekday()) not in here.weekdays:
        return False
    return here.opens is None or here.closes is None or here.opens <= local.time() < here.closes


def _clock(moment: object) -> str:
    return f"{moment:%H:%M}" if moment else ""
