"""The day sheet: the calls of one day in the order of the day, whom to fetch, whom to phone, who has been told."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, aliased

from models.family.calls import FamilyCall
from models.family.devices import whom_to_ring
from models.family.guests import CallGuest
from models.family.rounds import Stop, rounds_of
from models.family.told import CallTelling
from models.hours import CHINA, instant
from models.people.contacts import ContactStep, Way
from models.people.identities import Identity, Who, reached
from models.people.persons import Person
from models.people.staff import areas_under
from models.places.areas import Area
from models.places.centres import ServiceCentre, Station
from models.places.equipment import Equipment

ON_THE_SHEET = ("booked", "checked_in", "in_call", "unreported", "completed", "relative_no_show", "resident_no_show",
                "neither_came", "technical_failure")  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One call on the sheet. `place` is the centre and its screen; `stop` the call's place in a round of homes, None
    where the elder comes. `ways`: how to reach an elder whom WeChat does not; else empty.

    `told_by` and `told_at` say who has told the elder of this very time. `phone` is the centre's.
    """

    call_id: int
    starts_at: datetime
    ends_at: datetime
    state: str
    cared: str
    village: str
    relatives: tuple[str, ...]
    relative_zone: str
    place: str
    helper: str
    phone: str
    ways: tuple[Way, ...]
    told_by: str
    told_at: datetime | None
    vehicle: str = ""
    ring: tuple[tuple[str, str], ...] = ()  # whom the device of the seat is to ring, and whether it may (`Ring.state`)
    stop: Stop | None = None
    back_at: datetime | None = None  # of the round, when its helper is at the centre again


def day_sheet(session: Session, who: Who, day: date) -> list[Line]:
    """The calls of a day in China below a cadre's areas, or that they help with; a few statements, however many calls.

    What is cancelled is not on it.
    """
    begins, mine = instant(day, time(0), CHINA), areas_under(who.person_id)
    cared, relative, helper, teller = (aliased(Person) for _ in range(4))
    query = (
        select(FamilyCall, cared, Area.name.label("village"), relative, helper.name.label("helper"),
               Station.name.label("station"), Equipment.name.label("vehicle"), ServiceCentre,
               teller.name.label("teller"), CallTelling.at.label("told_at"))
        .join(cared, FamilyCall.cared_id == cared.id).join(relative, FamilyCall.relative_id == relative.id)
        .join(helper, FamilyCall.helper_id == helper.id).join(ServiceCentre, FamilyCall.centre_id == ServiceCentre.id)
        .outerjoin(Area, cared.area_id == Area.id).outerjoin(Station, FamilyCall.station_id == Station.id)
        .outerjoin(Equipment, FamilyCall.vehicle_id == Equipment.id)
        .outerjoin(CallTelling, and_(CallTelling.call_id == FamilyCall.id,
                                     CallTelling.revision == FamilyCall.revision))
        .outerjoin(teller, CallTelling.by_id == teller.id)
        .where(FamilyCall.starts_at >= begins, FamilyCall.starts_at < begins + timedelta(days=1))
        .where(FamilyCall.state.in_(ON_THE_SHEET))
        .where(or_(cared.area_id.in_(mine), and_(FamilyCall.helper_id == who.person_id,
                                                 ServiceCentre.area_id.in_(mine))))
        .order_by(FamilyCall.starts_at, FamilyCall.id)
    )  # fmt: skip
    rows = session.execute(query).all()
    rounds = rounds_of(session, {row.FamilyCall.helper_id for row in rows if row.FamilyCall.at_home}, day)
    stops = {stop.call.id: (stop, one.back_at) for one in rounds for stop in one.stops}
    rings = whom_to_ring(session, [row.FamilyCall for row in rows])
    guests = _guests(session, [row.FamilyCall.id for row in rows])
    ways = _ways(session, {row[1].id: row[1] for row in rows})
    return [
        Line(
            row.FamilyCall.id, row.FamilyCall.starts_at, row.FamilyCall.ends_at, row.FamilyCall.state, row[1].name,
            row.village or "", (row[3].name, *guests.get(row.FamilyCall.id, ())), row[3].time_zone,
            f"{row.ServiceCentre.name} {row.station or ''}".strip(), row.helper, row.ServiceCentre.phone,
            ways[row[1].id], row.teller or "", row.told_at, row.vehicle or "",
            tuple((one.person.name, one.state) for one in rings.get(row.FamilyCall.id, ())),
            *stops.get(row.FamilyCall.id, (None, None)),
        )
        for row in rows
    ]  # fmt: skip


def rounds_on(lines: Iterable[Line]) -> list[list[Line]]:
    """The calls at home of a sheet, round by round, each in the order of its doors."""
    found = dict[tuple[int, datetime], list[Line]]()
    for line in lines:
        if line.stop is not None and line.back_at is not None:
            found.setdefault((line.stop.call.helper_id, line.back_at), []).append(line)
    return list(found.values())


def to_phone(lines: Iterable[Line]) -> list[Line]:
    """Of a sheet, whom somebody has still to tell: not told of this time, out of WeChat's reach, the call to come."""
    return [line for line in lines if line.ways and line.told_at is None and line.state == "booked"]


def _guests(session: Session, calls: list[int]) -> Mapping[int, list[str]]:
    query = (
        select(CallGuest.call_id, Person.name).join(Person, CallGuest.person_id == Person.id)
        .where(CallGuest.call_id.in_(calls), CallGuest.state == "joined").order_by(CallGuest.id)
    )  # fmt: skip
    found: dict[int, list[str]] = {}
    for row in session.execute(query):
        found.setdefault(row.call_id, []).append(row.name)
    return found


def _ways(session: Session, people: dict[int, Person]) -> dict[int, tuple[Way, ...]]:
    """As `contacts.ways_to` answers for one, for many at once; none for whom the account reaches by itself."""
    by_wechat = set(session.scalars(reached().where(Identity.person_id.in_(people))))
    steps: dict[int, list[Any]] = {}
    query = (
        select(ContactStep, Person.name, Person.phone).join(Person, ContactStep.through_id == Person.id)
        .where(ContactStep.person_id.in_(people), ContactStep.means != "wechat").order_by(ContactStep.position)
    )  # fmt: skip
    for row in session.execute(query):
        steps.setdefault(row.ContactStep.person_id, []).append(row)
    return {key: () if key in by_wechat else _of(person, steps.get(key, [])) for key, person in people.items()}


def _of(person: Person, steps: list[Any]) -> tuple[Way, ...]:
    if not steps:
        return (Way("phone", "", person.phone) if person.phone else Way("visit", ""),)
    return tuple(
        Way(
            row.ContactStep.means, "" if row.ContactStep.through_id == person.id else row.name,
            (row.ContactStep.phone or row.phone) if row.ContactStep.means == "phone" else "", row.ContactStep.note,
        )
        for row in steps
    )  # fmt: skip
