"""When a call can be: the centre open, a screen free, a helper free, both people free."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from models.errors import Refused
from models.hours import calendar
from models.people.persons import Person
from models.people.staff import cadres_over
from models.places.areas import Area
from models.places.cells import cells_between, taken
from models.places.centres import ServiceCentre, Station, centre_for, open_spans, phone_of, stations_of

CALL_LASTS = timedelta(minutes=30)
NOTICE = timedelta(minutes=30)  # the elder has to be fetched
HORIZON_DAYS = 30
WAKING = (7, 23)  # hours in the relative's own zone that are offered first


@dataclass(frozen=True)
class Venue:
    """Where an elder's calls are held: the centre, its screens, and the cadres who may help."""

    centre: ServiceCentre
    stations: list[Station]
    helpers: list[Person]

    def resources(self) -> list[str]:
        """Every resource of which a call takes one."""
        return [s.resource for s in self.stations] + [p.resource for p in self.helpers]


@dataclass(frozen=True)
class Slot:
    """Half an hour in which everything is free; `humane` says whether the relative is awake."""

    starts_at: datetime
    ends_at: datetime
    humane: bool


def venue_for(session: Session, relative: Person, cared: Person) -> Venue:
    """The place of their calls; nobody helps with a call of their own.

    Raises Refused("no_centre") or Refused("no_station").
    """
    area = session.get(Area, cared.area_id) if cared.area_id else None
    centre = centre_for(session, area.path) if area else None
    if area is None or centre is None:
        raise Refused("no_centre")
    stations = stations_of(session, centre.id, "video_call")
    helpers = cadres_over(session, area, but_not=(relative.id, cared.id))
    if not stations or not helpers:
        raise Refused("no_station", centre=centre.name, phone=phone_of(session, centre))
    return Venue(centre, stations, helpers)


def free_slots(
    session: Session, relative: Person, cared: Person, *, first_day: date, days: int, now: datetime,
    held_by: str | None = None, guests: Sequence[Person] = (),
) -> list[Slot]:  # fmt: skip
    """The free half-hours of `days` local days at the elder's centre, in order of time.

    `held_by` ("call:3") may be moved: what it holds itself counts as free. Its `guests` must be free as well.
    """
    place = venue_for(session, relative, cared)
    venue = Venue(place.centre, place.stations, [one for one in place.helpers if one not in guests])
    book = calendar(session)
    spans = [
        span for n in range(days) for span in open_spans(session, venue.centre, first_day + timedelta(days=n), book)
    ]
    if not spans:
        return []
    people = [relative.resource, cared.resource, *(guest.resource for guest in guests)]
    held = taken(session, [*people, *venue.resources()], spans[0][0], spans[-1][1], but_not=held_by)
    found: list[Slot] = []
    for opens, closes in spans:
        start = opens
        while start + CALL_LASTS <= closes:
            if start >= now + NOTICE and is_free(venue, people, start, held):
                hour = start.astimezone(relative.tz).hour
                found.append(Slot(start, start + CALL_LASTS, WAKING[0] <= hour < WAKING[1]))
            start += CALL_LASTS
    return found


def is_free(venue: Venue, people: list[str], start: datetime, held: set[tuple[str, datetime]]) -> bool:
    """Whether both people, some screen and some helper are free for a call that starts then."""
    cells = cells_between(start, start + CALL_LASTS)

    def free(resource: str) -> bool:
        return all((resource, cell) not in held for cell in cells)

    return (
        all(free(person) for person in people)
        and any(free(station.resource) for station in venue.stations)
        and any(free(helper.resource) for helper in venue.helpers)
    )


def nearest(session: Session, relative: Person, cared: Person, wanted: datetime, now: datetime, *,
            held_by: str | None = None, guests: Sequence[Person] = (), count: int = 3) -> list[Slot]:  # fmt: skip
    """The free slots nearest to a wanted time, within a week around it: what to offer when it is gone."""
    day = wanted.astimezone(venue_for(session, relative, cared).centre.tz).date()
    slots = free_slots(
        session, relative, cared, first_day=day - timedelta(days=1), days=8, now=now, held_by=held_by, guests=guests
    )
    return sorted(slots, key=lambda s: (abs(s.starts_at - wanted), s.starts_at))[:count]
