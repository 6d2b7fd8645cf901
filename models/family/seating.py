"""Making a call day and seating families on it: each at a kind half-hour, with a reserve for what goes wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.errors import Refused
from models.family.call_days import CALL_DAY, LIVE_CALLS, CallDay, area_of, centre_of
from models.family.calls import CALL, FamilyCall
from models.family.packing import pack
from models.family.permitted import check_pair, may_call
from models.family.slots import HORIZON_DAYS, NOTICE, free_slots
from models.family.telling import announce
from models.family.venues import CALL_LASTS
from models.life import By
from models.people import guardians
from models.people.care import CareLink
from models.people.consent import has_taken_back
from models.people.identities import Who
from models.people.persons import Person, stay_as_they_are
from models.places.areas import Area
from models.places.cells import hold, occupy
from models.places.centres import ServiceCentre, Station, centre_for, stations_of, stays_open
from models.places.outages import unusable

MOST_FAMILIES = 40  # more do not fit into a day, and the cadre waits for the answer
LATELY = timedelta(days=7)  # who has a call within a week of the day has their turn another time


@dataclass(frozen=True)
class LeftOut:
    """An elder or child whom a plan does not seat: "no_time" is kind to both ends, or all such seats are "full"."""

    person: Person
    why: str


@dataclass(frozen=True)
class Plan:
    """Who would sit when, and who would not and why."""

    seats: int
    seated: list[tuple[Person, Person, datetime]]  # relative, elder or child, when
    left_out: list[LeftOut]


def plan_day(
    session: Session, who: Who, *, centre_id: int, starts_at: datetime, ends_at: datetime, now: datetime
) -> Plan:
    """How a call day would be filled; nothing is changed. Who has not talked for longest chooses first.

    Raises Refused("not_yours"), Refused("bad_time"), or Refused("no_station").
    """
    centre = centre_of(session, who, centre_id)
    stations = stations_of(session, centre.id, "video_call")
    times = _times(starts_at, ends_at, now)
    if not stations:
        raise Refused("no_station", centre=centre.name, phone=centre.phone)
    relatives, wishes, elders = dict[int, Person](), dict[int, list[datetime]](), dict[int, Person]()
    for cared in _waiting(session, centre, starts_at):
        elders[cared.id] = cared
        relatives[cared.id], wishes[cared.id] = _kind_times(session, who, cared, centre, times, now)
    held = unusable(session, stations, starts_at, ends_at)
    seats = {time: sum((one.resource, time) not in held for one in stations) for time in times}
    found = pack(wishes, seats)
    seated = sorted(((relatives[key], elders[key], time) for key, time in found.items()), key=lambda one: one[2])
    others = [
        LeftOut(elder, "full" if wishes[key] else "no_time") for key, elder in elders.items() if key not in found
    ]  # fmt: skip
    return Plan(len(stations), seated, others)


def make_day(
    session: Session, who: Who, *, centre_id: int, starts_at: datetime, ends_at: datetime, client_key: str,
    now: datetime,
) -> CallDay:  # fmt: skip
    """Open a call day, watched over by the cadre who asks, and seat every family for whom there is a kind time.

    The families hear of it. The same `client_key` again answers the same day. Raises like `plan_day`, and
    Refused("slot_taken") when the cadre, or the reserve, is taken meanwhile: then there is no day.
    """
    known = _by_key(session, who, client_key)
    if known is not None:
        return known
    stays_open(session, centre_of(session, who, centre_id).id)
    plan = plan_day(session, who, centre_id=centre_id, starts_at=starts_at, ends_at=ends_at, now=now)
    seated = _still_together(session, plan, now)
    if not seated:
        raise Refused("nobody_fits")
    day = CallDay(
        client_key=client_key, centre_id=centre_id, helper_id=who.person_id, starts_at=starts_at, ends_at=ends_at,
        seats=plan.seats, created_at=now,
    )  # fmt: skip
    try:
        with session.begin_nested():
            session.add(day)
            CALL_DAY.begin(session, day, by=By(who.person_id, "cadre"), now=now)
            hold_day(session, day)
            for number, (relative, cared, time) in enumerate(seated):
                _seat_new(session, who, day, relative, cared, time, f"{day.subject}/{number}", now)
    except IntegrityError:
        # The same tap arrived twice at the same moment, and the other one was first.
        other = _by_key(session, who, client_key)
        if other is None:
            raise
        return other
    return day


def _still_together(session: Session, plan: Plan, now: datetime) -> list[tuple[Person, Person, datetime]]:
    """Whom a plan seats, as they stand now: all held at once and in one order, so that nobody waits for each other."""
    stay_as_they_are(session, *(person.id for one in plan.seated for person in one[:2]))
    return [one for one in plan.seated if may_call(session, one[0], one[1], now)]


def _by_key(session: Session, who: Who, client_key: str) -> CallDay | None:
    known = session.scalar(select(CallDay).where(CallDay.client_key == client_key))
    if known is not None:
        centre_of(session, who, known.centre_id)
    return known


def hold_day(session: Session, day: CallDay, given: Station | None = None) -> None:
    """The day holds its cadre throughout and, in the reserve, every screen at which nobody sits but `given`.

    Raises Refused("slot_taken") when the cadre has something else to do.
    """
    screens = [one for one in screens_of(session, day) if one != given]
    others = unusable(session, screens, day.reserve_at, day.ends_at, but_not=day.subject)
    names = {one.resource for one in screens} - {resource for resource, _ in others}
    helper = session.get_one(Person, day.helper_id).resource
    spans = [(helper, day.starts_at, day.ends_at), *((name, day.reserve_at, day.ends_at) for name in names)]
    hold(session, spans, day.subject, area_of(session, day.centre_id).id)


def screens_of(session: Session, day: CallDay) -> list[Station]:
    """The screens that belong to the day."""
    return stations_of(session, day.centre_id, "video_call")[: day.seats]


def free_screen(session: Session, day: CallDay, starts_at: datetime) -> Station | None:
    """A screen that is free at a half-hour of the day, in the reserve one that the day keeps; None where it is full."""
    screens, ends_at = screens_of(session, day), starts_at + CALL_LASTS
    own = day.subject if starts_at >= day.reserve_at else None
    names = {one for one, _ in unusable(session, screens, starts_at, ends_at, but_not=own)}
    return next((one for one in screens if one.resource not in names), None)


def free_times(session: Session, day: CallDay, now: datetime) -> list[datetime]:
    """The half-hours to come of a day, its reserve left out, at which one of its screens is free."""
    names = [one.resource for one in screens_of(session, day)]
    held = unusable(session, screens_of(session, day), day.starts_at, day.reserve_at)
    return [
        time for time in day.times()
        if time > now and any(
            not any(resource == name and time <= cell < time + CALL_LASTS for resource, cell in held) for name in names
        )
    ]  # fmt: skip


def sit(session: Session, day: CallDay, call: FamilyCall, people: Sequence[Person], starts_at: datetime) -> None:
    """Take the time of these people and of a free screen of the day for a call, whose row is the caller's to change.

    A screen of the reserve is the day's own, and passes on to the call. Raises Refused("day_full"), or
    Refused("slot_taken") when somebody of them is on another call then.
    """
    screen = free_screen(session, day, starts_at)
    if screen is None:
        raise Refused("day_full")
    if starts_at >= day.reserve_at:
        hold_day(session, day, screen)
    names = [one.resource for one in people]
    area = area_of(session, day.centre_id).id
    occupy(session, [*names, screen.resource], starts_at, starts_at + CALL_LASTS, call.subject, area)
    call.station_id = screen.id
    session.flush()


def _seat_new(
    session: Session, who: Who, day: CallDay, relative: Person, cared: Person, time: datetime, key: str, now: datetime
) -> FamilyCall:
    """A call of the day that stands from now on, and of which the family hears."""
    call = FamilyCall(
        client_key=key, relative_id=relative.id, cared_id=cared.id, centre_id=day.centre_id, helper_id=day.helper_id,
        station_id=screens_of(session, day)[0].id, call_day_id=day.id, starts_at=time, ends_at=time + CALL_LASTS,
        created_at=now,
    )  # fmt: skip
    session.add(call)
    session.flush()
    sit(session, day, call, [relative, cared], time)
    CALL.begin(session, call, by=By(who.person_id, "cadre"), now=now)
    announce(session, call, "seated", but_not={day.helper_id}, now=now)
    return call


def seat_again(
    session: Session, who: Who, day: CallDay, before: FamilyCall, now: datetime, times: int = 0
) -> FamilyCall:  # fmt: skip
    """A call that came to nothing is made up for in the day's reserve, as a call of its own; `times`: how often it has
    been, by calls that were cancelled again."""
    relative, cared = (session.get_one(Person, key) for key in (before.relative_id, before.cared_id))
    check_pair(session, relative, cared, "cadre", now)
    return _seat_new(session, who, day, relative, cared, day.reserve_at, f"{before.subject}/again/{times}", now)


def _times(starts_at: datetime, ends_at: datetime, now: datetime) -> list[datetime]:
    """The half-hours to talk in, at least one beside the reserve. Raises Refused("bad_time")."""
    count = (ends_at - starts_at) // CALL_LASTS - 1
    if not now + NOTICE <= starts_at <= now + timedelta(days=HORIZON_DAYS) or count < 1:
        raise Refused("bad_time")
    return [starts_at + n * CALL_LASTS for n in range(count)]


def _waiting(session: Session, centre: ServiceCentre, day: datetime) -> list[Person]:
    """Whom the centre serves and who has no call around that day: who has not talked for longest comes first."""
    here = session.get_one(Area, centre.area_id)
    near = select(FamilyCall.cared_id).where(
        FamilyCall.state.in_((*LIVE_CALLS, "completed")), FamilyCall.starts_at > day - LATELY,
        FamilyCall.starts_at < day + LATELY,
    )  # fmt: skip
    last = (
        select(func.max(FamilyCall.starts_at)).where(FamilyCall.cared_id == Person.id, FamilyCall.state == "completed")
        .scalar_subquery()
    )  # fmt: skip
    query = (
        select(Person, Area.path).join(Area, Person.area_id == Area.id)
        .where(Area.path.startswith(here.path), Person.state == "active", Person.id.not_in(near))
        .where(Person.homebound.is_(False))
        .where(Person.id.in_(select(CareLink.cared_id).where(CareLink.state == "confirmed")))
        .order_by(last.is_not(None), last, Person.id)
    )  # fmt: skip
    seatable = (
        row.Person for row in session.execute(query)
        if _serves(session, centre, row.path) and not has_taken_back(session, row.Person.id, "family_calls")
        and (not guardians.is_child(row.Person, day) or guardians.agreed(session, row.Person.id))
    )  # fmt: skip
    return list(islice(seatable, MOST_FAMILIES))


def _serves(session: Session, centre: ServiceCentre, path: str) -> bool:
    nearest = centre_for(session, path)
    return nearest is not None and nearest.id == centre.id


def _kind_times(
    session: Session, who: Who, cared: Person, centre: ServiceCentre, times: Sequence[datetime], now: datetime
) -> tuple[Person, list[datetime]]:
    """The relative to whom the day is kindest, and the half-hours at which nobody is disturbed."""
    query = (
        select(Person).join(CareLink, CareLink.relative_id == Person.id)
        .where(CareLink.cared_id == cared.id, CareLink.state == "confirmed", Person.state == "active")
        .where(Person.id != who.person_id).order_by(CareLink.id)
    )  # fmt: skip
    first_day, found = times[0].astimezone(centre.tz).date(), list[tuple[Person, list[datetime]]]()
    for relative in session.scalars(query):
        free = free_slots(session, relative, cared, first_day=first_day, days=1, now=now)
        found.append((relative, [slot.starts_at for slot in free if slot.humane and slot.starts_at in times]))
    return max(found, key=lambda one: len(one[1]), default=(cared, []))
