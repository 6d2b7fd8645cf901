"""Where a call is held and what it needs there: a screen at the centre, or one that a helper takes to the home."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import product

from sqlalchemy import BigInteger, ColumnElement, String, cast, extract, func, select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.family.calls import AT_CENTRE, AT_HOME, FamilyCall
from models.hours import CHINA, instant
from models.people.persons import Person
from models.people.staff import cadres_over
from models.places.areas import Area
from models.places.cells import CELL, Cell
from models.places.centres import (
    ServiceCentre,
    Station,
    borrowed_screens,
    centre_for,
    phone_of,
    portable_screen,
    stations_of,
)
from models.places.equipment import Equipment, vehicles_of
from models.places.lent import borrowed_keys, holders
from models.places.outages import outages_of
from models.places.quarters import Grid
from models.places.travel import NEAR, roads_from, travel_minutes

DAY = timedelta(days=1)
CALL_LASTS = timedelta(minutes=30)
USED = ("completed", "relative_no_show", "technical_failure", "unreported")  # the screen was on
SCREENS = {AT_CENTRE: "video_call", AT_HOME: "portable_call"}


@dataclass(frozen=True)
class Crew:
    """What one call takes beside its people: a screen, a helper, and a vehicle where the road calls for one."""

    station: Station
    helper: Person
    vehicle: Equipment | None = None

    @property
    def vehicle_id(self) -> int | None:
        """The key of the vehicle, for the call's row."""
        return self.vehicle.id if self.vehicle else None

    def resources(self) -> list[str]:
        """Everything of it, as the occupancy cells name it."""
        return [one.resource for one in (self.station, self.helper, self.vehicle) if one is not None]


@dataclass(frozen=True)
class Venue:
    """Where an elder's calls are held: the centre that sees to it, the screens, helpers and vehicles it has for them.

    `area_id` is where the call takes place, `road` how long the way from the centre is. Where no vehicles are needed,
    or the centre has none and its helpers go as they can, `vehicles` is empty. `borrowed` names those of all these that
    are another centre's, and there on some days only.
    """

    centre: ServiceCentre
    stations: Sequence[Station]
    helpers: Sequence[Person]
    area_id: int
    mode: str = AT_CENTRE
    road: timedelta = timedelta(0)
    vehicles: Sequence[Equipment] = ()
    borrowed: frozenset[str] = frozenset()

    def kinds(self) -> list[list[str]]:
        """The resources of which a call takes one of each kind."""
        kinds = [[one.resource for one in self.stations], [one.resource for one in self.helpers]]
        return [*kinds, [one.resource for one in self.vehicles]] if self.vehicles else kinds

    def resources(self) -> set[str]:
        """All of them."""
        return {one for kind in self.kinds() for one in kind}

    def movers(self) -> set[str]:
        """What may be elsewhere before or after, and has to come from there: at the centre the helpers alone."""
        return self.resources() if self.mode == AT_HOME else {one.resource for one in self.helpers}

    def crews(self) -> Iterator[Crew]:
        """Every crew that there could be."""
        return (Crew(*one) for one in product(self.stations, self.helpers, self.vehicles or (None,)))


@dataclass(frozen=True)
class Taken:
    """What is taken in a stretch of time, resource by resource; the roads of whoever comes from elsewhere too."""

    grid: Grid
    bits: Mapping[str, int]

    def is_free(self, resource: str, quarters: int) -> bool:
        """Whether a resource is free in all these quarters."""
        return not self.bits.get(resource, 0) & quarters


@dataclass(frozen=True)
class Busy:
    """The quarters in which a call cannot be: its people's, and of each kind of thing it needs those of every one."""

    people: int
    kinds: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, venue: Venue, people: Collection[str], taken: Taken) -> "Busy":
        """Of these people at this venue."""
        theirs = 0
        for person in people:
            theirs |= taken.bits.get(person, 0)
        return cls(theirs, tuple(tuple(taken.bits.get(one, 0) for one in kind) for kind in venue.kinds()))

    def leaves(self, quarters: int) -> bool:
        """Whether all people, and of what the call needs one of each kind, are free in these quarters."""
        return not self.people & quarters and all(any(not one & quarters for one in kind) for kind in self.kinds)


def check_wish(cared: Person, wish: str, role: str, why: str = "") -> None:
    """Whether one call may be held where somebody wants it.

    At the centre for everybody who wants to come; at home for who is homebound, or where a cadre says why. Raises
    Refused("bad_place"), ("not_homebound", cared=…) or ("reason_missing").
    """
    if wish not in ("", *SCREENS):
        raise Refused("bad_place")
    if wish == AT_HOME and not cared.homebound:
        if role != "cadre":
            raise Refused("not_homebound", cared=cared.name)
        if not why.strip():
            raise Refused("reason_missing")


def venue_for(session: Session, relative: Person, cared: Person, wish: str = "") -> Venue:
    """The place of their calls, which is the home of somebody who is homebound; nobody helps with a call of their own.

    `wish` says where one call is held that is held elsewhere. Raises Refused("no_centre") or Refused("no_station").
    """
    area = session.get(Area, cared.area_id) if cared.area_id else None
    centre = centre_for(session, area.path) if area else None
    if area is None or centre is None:
        raise Refused("no_centre")
    mode = wish or (AT_HOME if cared.homebound else AT_CENTRE)
    stations, borrowed = stations_of(session, centre.id, SCREENS[mode]), dict[str, list[int]]()
    if mode == AT_HOME:  # what stands at the centre is not lent
        borrowed = borrowed_keys(session, centre.id)
        stations += borrowed_screens(session, borrowed.get("station", ()))
    helpers = cadres_over(session, area, but_not=(relative.id, cared.id))
    if not stations or not helpers:
        raise Refused("no_station", centre=centre.name, phone=phone_of(session, centre))
    if mode == AT_CENTRE:
        return Venue(centre, stations, helpers, centre.area_id)
    road = timedelta(minutes=travel_minutes(session, session.get_one(Area, centre.area_id), area))
    vehicles = vehicles_of(session, centre.id, borrowed.get("equipment", ())) if road else ()
    away = {f"{kind}:{key}" for kind, keys in borrowed.items() for key in keys}
    return Venue(centre, stations, helpers, area.id, mode, road, vehicles, frozenset(away))


def look(session: Session, venue: Venue, people: Collection[str], grid: Grid, but_not: Collection[str] = ()) -> Taken:
    """What is taken of a venue and of these people; `but_not` names bookings and holds that do not count.

    Who or what is in another village before or after is also taken for as long as the road is, a screen or a vehicle
    on the days on which another centre has it, a portable screen on a day when its battery has no further call in it,
    and a screen that is out of service.
    """
    wide = grid.with_room(NEAR)
    # Summed up by the database: a month of many calendars is thousands of cells, and a handful of lines.
    seconds = func.aggregate_strings(cast(cast(extract("epoch", Cell.cell_start), BigInteger), String), ",")
    query = (
        select(Cell.resource_id, Cell.area_id, seconds)
        .where(*_held([*people, *venue.resources()], wide.start, wide.end, but_not))
        .group_by(Cell.resource_id, Cell.area_id)
    )
    rows, movers = session.execute(query).all(), venue.movers()
    roads = _roads(session, venue.area_id, {area for resource, area, _ in rows if area and resource in movers})
    found = dict[str, int]()
    if venue.mode == AT_HOME:
        found = _drained(session, venue, grid, but_not)
        for resource, days in _lent(session, venue, grid).items():
            found[resource] = found.get(resource, 0) | days
    for resource, area_id, starts in rows:
        road = roads.get(area_id, timedelta(0)) if resource in movers else timedelta(0)
        bits = wide.widened(wide.bits_at(int(start) for start in starts.split(",")), -(-road // CELL))
        found[resource] = found.get(resource, 0) | wide.inside(grid, bits)
    for one in outages_of(session, [station.id for station in venue.stations], grid.start, grid.end):
        name = f"station:{one.station_id}"
        found[name] = found.get(name, 0) | grid.bits(one.starts_at, one.ends_at)
    return Taken(grid, found)


def _held(
    resources: Collection[str], since: datetime, until: datetime, but_not: Collection[str]
) -> tuple[ColumnElement[bool], ...]:
    return (
        Cell.resource_id.in_(sorted(set(resources))), Cell.cell_start >= since, Cell.cell_start < until,
        Cell.held_by.not_in(sorted(but_not)),
    )  # fmt: skip


def _roads(session: Session, here_id: int, away: Collection[int]) -> dict[int | None, timedelta]:
    """How long the road is from here to where somebody is, area by area."""
    if not away:
        return {}
    there = session.scalars(select(Area).where(Area.id.in_(away))).all()
    roads = roads_from(session, session.get_one(Area, here_id), there)
    return {key: timedelta(minutes=minutes) for key, minutes in roads.items()}


def _lent(session: Session, venue: Venue, grid: Grid) -> dict[str, int]:
    """The days on which a screen or a vehicle is another centre's: lent by this one, or not yet borrowed by it."""
    things = {one.resource for one in venue.stations} | {one.resource for one in venue.vehicles}
    first, last = grid.start.astimezone(CHINA).date(), grid.end.astimezone(CHINA).date()
    held, found = holders(session, things, first, last), dict[str, int]()
    if not held and not venue.borrowed:
        return found
    for day in (first + n * DAY for n in range((last - first).days + 1)):
        whole = grid.bits(instant(day, time(0), CHINA), instant(day + DAY, time(0), CHINA))
        for resource in things:
            at = held.get((resource, day), 0 if resource in venue.borrowed else venue.centre.id)
            if at != venue.centre.id:
                found[resource] = found.get(resource, 0) | whole
    return found


def check_here(session: Session, call: FamilyCall) -> None:
    """Holds the screen and the vehicle of a call at home that is to stand again.

    Raises Refused("slot_taken") where another centre has one of them on that day now.
    """
    owners = dict[str, int]()
    for table, key in ((Station, call.station_id), (Equipment, call.vehicle_id or 0)):
        session.execute(select(table.id).where(table.id == key).with_for_update(key_share=True))
    if call.vehicle_id is not None:
        vehicle = session.get_one(Equipment, call.vehicle_id)
        owners[vehicle.resource] = vehicle.centre_id
    portable = portable_screen(session, call.station_id)
    if portable is not None:
        owners[portable[0].resource] = portable[1].id
    day = call.starts_at.astimezone(CHINA).date()
    held = holders(session, owners, day, day)
    if any(held.get((name, day), owner) != call.centre_id for name, owner in owners.items()):
        raise Refused("slot_taken")


def _drained(session: Session, venue: Venue, grid: Grid, but_not: Collection[str]) -> dict[str, int]:
    """The days on which a screen's battery is used up, screen by screen; it is charged at the centre over night."""
    limits = {one.resource: one.battery_minutes for one in venue.stations if one.battery_minutes is not None}
    if not limits:
        return {}
    zone = venue.centre.tz
    first, last = grid.start.astimezone(zone).date(), grid.end.astimezone(zone).date()
    begins, ends = instant(first, time(0), zone), instant(last + DAY, time(0), zone)
    used: dict[tuple[str, date], timedelta] = {
        (one, first + n * DAY): timedelta(0) for one in limits for n in range((last - first).days + 1)
    }
    cells = select(Cell.resource_id, Cell.cell_start).where(*_held(limits, begins, ends, but_not))
    for resource, start in session.execute(cells):
        used[resource, start.astimezone(zone).date()] += CELL
    # A call that is over has given its time back, and not what it took of the battery.
    over = select(FamilyCall.station_id, FamilyCall.starts_at, FamilyCall.ends_at).where(
        FamilyCall.station_id.in_([one.id for one in venue.stations]), FamilyCall.state.in_(USED),
        FamilyCall.starts_at >= begins, FamilyCall.starts_at < ends,
    )  # fmt: skip
    for key, start, end in session.execute(over):
        named = f"station:{key}"
        if named in limits:
            used[named, start.astimezone(zone).date()] += end - start
    found = dict[str, int]()
    for (resource, day), spent in used.items():
        if spent + CALL_LASTS > timedelta(minutes=limits[resource]):
            whole = grid.bits(instant(day, time(0), zone), instant(day + DAY, time(0), zone))
            found[resource] = found.get(resource, 0) | whole
    return found
