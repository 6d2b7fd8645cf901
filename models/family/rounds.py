"""Rounds of calls at home (上门): one helper's way from the centre from door to door and back, as it stands now."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from models.family.calls import LIVE_CALLS, FamilyCall
from models.family.reports import moments_of
from models.family.venues import CALL_LASTS
from models.hours import CHINA, instant
from models.people.persons import Person
from models.places.areas import Area
from models.places.centres import ServiceCentre, Station
from models.places.travel import roads_between

DAY = timedelta(days=1)
PAUSE = timedelta(hours=1)  # who could be back at the centre for so long begins another round
UNUSED = ("cancelled", "resident_no_show", "neither_came")  # the screen was not switched on, or not taken along


@dataclass(frozen=True)
class Stop:
    """One home of a round. `number` counts from 1; `battery_left` is in minutes, None for a screen without a limit.

    `arrives_at` is as planned until somebody has set out or been late; `ends_at` when the call is, or was, over.
    """

    call: FamilyCall
    number: int
    leaves_at: datetime
    road: timedelta
    arrives_at: datetime
    ends_at: datetime
    battery_left: int | None = None

    @property
    def late(self) -> timedelta:
        """How long after the agreed time the helper comes to a call that is still to be held."""
        return max(self.arrives_at - self.call.starts_at, timedelta(0)) if self.is_coming else timedelta(0)

    @property
    def is_coming(self) -> bool:
        """Whether nobody has been there yet."""
        return self.call.state == "booked"


@dataclass(frozen=True)
class Round:
    """The homes in the order of the day, and when the helper is back at the centre."""

    stops: tuple[Stop, ...]
    back_at: datetime

    def after(self, call: FamilyCall) -> Sequence[Stop]:
        """The homes that come after this one."""
        number = next(stop.number for stop in self.stops if stop.call.id == call.id)
        return self.stops[number:]


def round_of(session: Session, call: FamilyCall) -> Round:
    """The round to which a call at home belongs."""
    day = call.starts_at.astimezone(CHINA).date()
    found = rounds_of(session, [call.helper_id], day)
    return next(one for one in found if any(stop.call.id == call.id for stop in one.stops))


def rounds_of(session: Session, helpers: Collection[int], day: date) -> list[Round]:
    """The rounds of these helpers on a day in China, in order of helper and time; a few queries, however many."""
    rows = _calls_on(session, helpers, day) if helpers else ()
    homes = [row for row in rows if row.FamilyCall.at_home]
    if not homes:
        return []
    roads = _roads(session, rows)
    arrived, ended = moments_of(session, [row.FamilyCall.id for row in homes])
    batteries = _batteries(session, homes, day)
    return [_walked(one, roads, arrived, ended, batteries) for one in _rounds(rows, roads)]


def _calls_on(session: Session, helpers: Collection[int], day: date) -> Sequence[Any]:
    """Rows of a call, the area of the elder's home, that of the centre, and how long the screen's battery lasts."""
    begins, home, base = instant(day, time(0), CHINA), aliased(Area), aliased(Area)
    query = (
        select(FamilyCall, home, base, Station.battery_minutes.label("limit"))
        .join(Person, FamilyCall.cared_id == Person.id).outerjoin(home, Person.area_id == home.id)
        .join(ServiceCentre, FamilyCall.centre_id == ServiceCentre.id).join(base, ServiceCentre.area_id == base.id)
        .join(Station, FamilyCall.station_id == Station.id)
        .where(FamilyCall.helper_id.in_(sorted(helpers)), FamilyCall.state != "cancelled")
        .where(FamilyCall.starts_at >= begins, FamilyCall.starts_at < begins + DAY)
        .order_by(FamilyCall.helper_id, FamilyCall.starts_at, FamilyCall.id)
    )  # fmt: skip
    return session.execute(query).all()


Roads = Mapping[tuple[int, int], timedelta]


def _base(row: Any) -> Area:
    """Where a round begins and ends: at the centre."""
    area: Area = row[2]
    return area


def _home(row: Any) -> Area:
    """Where a call at home takes place; of whom nobody knows where they live, at the centre."""
    area: Area | None = row[1]
    return area or _base(row)


def _roads(session: Session, rows: Sequence[Any]) -> Roads:
    """The roads from the centre to each home and from each home to the next."""
    homes = [row for row in rows if row.FamilyCall.at_home]
    pairs = {(_base(row), _home(row)) for row in homes} | {(_home(one), _home(two)) for one, two in pairwise(homes)}
    found = roads_between(session, pairs)
    return {pair: timedelta(minutes=minutes) for pair, minutes in found.items()}


def _rounds(rows: Sequence[Any], roads: Roads) -> Iterator[list[Any]]:
    """The calls at home of each round: another helper, a call at the centre or a long pause there begins a new one."""
    current = list[Any]()
    for row in rows:
        if current and not _goes_on(current[-1], row, roads):
            yield current
            current = []
        if row.FamilyCall.at_home:
            current.append(row)
    if current:
        yield current


def _goes_on(before: Any, row: Any, roads: Roads) -> bool:
    one, two = before.FamilyCall, row.FamilyCall
    if not two.at_home or (one.helper_id, one.centre_id) != (two.helper_id, two.centre_id):
        return False
    by_the_centre = roads[_base(before).id, _home(before).id] + roads[_base(row).id, _home(row).id]
    return bool(two.starts_at - one.ends_at < by_the_centre + PAUSE)


def _walked(
    rows: Sequence[Any], roads: Roads, arrived: Mapping[int, datetime], ended: Mapping[int, datetime],
    batteries: Mapping[int, int],
) -> Round:  # fmt: skip
    """One round, from door to door: who is late somewhere is late further on, unless there is time to make it up."""
    stops, here, free = list[Stop](), _base(rows[0]).id, None
    for number, row in enumerate(rows, start=1):
        call, home = row.FamilyCall, _home(row).id
        road = roads[here, home]
        planned = call.starts_at - road
        leaves = call.set_out_at or (max(planned, free) if free is not None else planned)
        arrives = arrived.get(call.id, leaves + road)
        over = call.state not in LIVE_CALLS
        ends = ended.get(call.id, call.ends_at) if over else max(call.starts_at, arrives) + CALL_LASTS
        stops.append(Stop(call, number, leaves, road, arrives, ends, batteries.get(call.id)))
        here, free = home, ends
    return Round(tuple(stops), stops[-1].ends_at + roads[_base(rows[-1]).id, here])


def _batteries(session: Session, homes: Sequence[Any], day: date) -> dict[int, int]:
    """How many minutes are left in the screen after each call: it is charged at the centre over night."""
    limits = {row.FamilyCall.station_id: row.limit for row in homes if row.limit is not None}
    if not limits:
        return {}
    begins, left = instant(day, time(0), CHINA), dict[int, int]()
    query = select(FamilyCall.id, FamilyCall.station_id, FamilyCall.starts_at, FamilyCall.ends_at).where(
        FamilyCall.station_id.in_(limits), FamilyCall.state.not_in(UNUSED), FamilyCall.starts_at >= begins,
        FamilyCall.starts_at < begins + DAY,
    ).order_by(FamilyCall.starts_at, FamilyCall.id)  # fmt: skip
    for row in session.execute(query):
        limits[row.station_id] -= (row.ends_at - row.starts_at) // timedelta(minutes=1)
        left[row.id] = max(limits[row.station_id], 0)
    return left
