"""When and where a cadre can hold a call day, as every floor asks it: their centres, open days, half days."""

from datetime import date, datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.family.call_days import CallDay, days_of
from models.family.calls import FamilyCall
from models.family.seating import free_times, make_day
from models.family.slots import HORIZON_DAYS, NOTICE
from models.family.venues import CALL_LASTS
from models.hours import calendar, instant
from models.people.identities import Who
from models.people.staff import areas_under
from models.places.centres import ServiceCentre, open_spans

DAYS_SHOWN = 10
HALVES = (0, 1)  # morning, afternoon
NOON, AFTER_NAP = time(12), time(14)

Window = tuple[datetime, datetime]


def centres_of(session: Session, who: Who) -> list[ServiceCentre]:
    """The centres below a cadre's areas; none for anybody else."""
    query = select(ServiceCentre).where(ServiceCentre.area_id.in_(areas_under(who.person_id)))
    return list(session.scalars(query.order_by(ServiceCentre.id)))


def centre_of(session: Session, who: Who, centre_id: int) -> ServiceCentre:
    """One of them; raises Refused("not_yours")."""
    found = session.scalar(
        select(ServiceCentre).where(
            ServiceCentre.id == centre_id, ServiceCentre.area_id.in_(areas_under(who.person_id))
        )
    )
    if found is None:
        raise Refused("not_yours")
    return found


def open_days(session: Session, centre: ServiceCentre, now: datetime) -> list[date]:
    """The next days on which a centre is open."""
    spans = open_spans(session, centre, now.astimezone(centre.tz).date(), calendar(session), DAYS_SHOWN)
    return list(dict.fromkeys(opens.astimezone(centre.tz).date() for opens, _ in spans))


def window(session: Session, centre: ServiceCentre, day: date, half: int, now: datetime) -> Window | None:
    """A morning or an afternoon as the centre is open, in whole half-hours; None where nothing of it is left."""
    noon, after = (instant(day, clock, centre.tz) for clock in (NOON, AFTER_NAP))
    for opens, closes in open_spans(session, centre, day, calendar(session)):
        first, last = (opens, min(closes, noon)) if half == 0 else (max(opens, after), closes)
        # The half-hours of the centre are counted from when it opens; what has begun, or begins at once, is gone.
        earliest = max(first, now + NOTICE)
        start = opens + -(-(earliest - opens) // CALL_LASTS) * CALL_LASTS
        end = start + (last - start) // CALL_LASTS * CALL_LASTS
        if end - start >= 2 * CALL_LASTS:
            return start, end
    return None


def windows(session: Session, centre: ServiceCentre, day: date, now: datetime) -> list[tuple[int, Window]]:
    """What is left of a day: the number of each half with its window."""
    found = ((half, window(session, centre, day, half, now)) for half in HALVES)
    return [(half, one) for half, one in found if one is not None]


def ends_at(session: Session, centre: ServiceCentre, starts_at: datetime, now: datetime) -> datetime:
    """When the half day ends that begins at this instant; what does not begin then (any more) ends where it begins.

    The rules refuse a day without half-hours, and answer one that stands already.
    """
    if not now <= starts_at <= now + timedelta(days=HORIZON_DAYS):
        return starts_at
    local = starts_at.astimezone(centre.tz)
    found = window(session, centre, local.date(), int(local.time() >= NOON), now)
    return found[1] if found is not None and found[0] == starts_at else starts_at


def hold(session: Session, who: Who, centre_id: int, starts_at: datetime, client_key: str, now: datetime) -> CallDay:
    """Hold the half day that begins at this instant; the same key again is the same day. Raises as `make_day` does."""
    end = ends_at(session, centre_of(session, who, centre_id), starts_at, now)
    return make_day(
        session, who, centre_id=centre_id, starts_at=starts_at, ends_at=end, client_key=client_key, now=now
    )  # fmt: skip


def free_seats(session: Session, who: Who, call: FamilyCall, now: datetime) -> list[tuple[CallDay, datetime]]:
    """Where else a family could sit: on its own day first, then on the others to come."""
    days = days_of(session, who, now)
    own = [day for day in days if day.id == call.call_day_id]
    return [
        (day, at) for day in (*own, *(one for one in days if one not in own)) for at in free_times(session, day, now)
        if (day.id, at) != (call.call_day_id, call.starts_at)
    ]  # fmt: skip
