"""Call days for the mini-program: which there are, one tried out and made, seated anew, resized, called off."""

from typing import Annotated, Any

from apiflask import APIBlueprint
from flask import g
from pydantic import AwareDatetime, Field

from handlers.envelope import NO_NUL, Asked, Instant, Key, Shown, refusing, said
from handlers.family import day_words, half_days, words
from handlers.family.api import AgreedAsked
from handlers.words import on_day
from models.errors import Refused
from models.family.call_days import CallDay, calls_on, day_for
from models.family.calls import FamilyCall, call_for
from models.family.looking import days_to_come, seats_of
from models.family.reseating import call_off, reseat, resize, to_reserve
from models.family.seating import plan_day
from models.people.persons import Person
from models.places.centres import ServiceCentre

room = APIBlueprint("days", __name__, tag="call days")

PLANNING = ("not_yours", "bad_time", "no_station", "no_centre")
SEATING = ("not_yours", "no_link", "not_active", "wrong_state", "day_full", "slot_taken")


class OfCentre(Asked):
    """Of which of my centres."""

    centre_id: Key


class HalfAsked(OfCentre):
    """Which half day: one of those that `/call-days/halves` names."""

    starts_at: AwareDatetime


class MakeAsked(HalfAsked):
    """The same, to be made. `client_key` makes it one however often it is sent."""

    client_key: Annotated[str, Field(pattern=r"^[!-~]{8,40}$")]


class ScreensAsked(Asked):
    """How many screens the day has from now on."""

    screens: Annotated[int, Field(ge=1, le=100)]


class WhyAsked(Asked):
    """Why it does not take place; every family reads it."""

    reason: Annotated[str, Field(max_length=200, pattern=NO_NUL)]


class ReseatAsked(Asked):
    """To which half-hour of which day, and whose yes it was."""

    call_day_id: Key
    starts_at: AwareDatetime
    agreed: AgreedAsked | None = None


class CentreShown(Shown):
    """One of my centres."""

    id: int
    name: str


class Centres(Shown):
    """My centres; empty for who is no cadre."""

    items: list[CentreShown]
    next: int | None = None


class HalfShown(Shown):
    """A morning or an afternoon that is still free to begin."""

    starts_at: Instant
    ends_at: Instant
    text: str


class Halves(Shown):
    """The half days of the next open days."""

    items: list[HalfShown]
    next: int | None = None


class Seated(Shown):
    """Who would sit when."""

    starts_at: Instant
    starts_at_text: str
    cared: str
    relative: str


class NotSeated(Shown):
    """Who would not: "no_time" is kind to both ends, or all such seats are "full"."""

    cared: str
    why: str
    why_text: str


class PlanShown(Shown):
    """A day as it would be; nothing has happened yet."""

    screens: int
    seated: list[Seated]
    left_out: list[NotSeated]


class SeatShown(Shown):
    """One family's seat; `reserve` says whether it is in the day's last half-hour."""

    call_id: int
    starts_at: Instant
    starts_at_text: str
    cared: str
    relative: str
    village: str
    screen: str
    state: str
    state_text: str
    reserve: bool


class DayShown(Shown):
    """One call day with who sits when."""

    id: int
    centre: str
    helper: str
    starts_at: Instant
    ends_at: Instant
    reserve_at: Instant
    text: str
    screens: int
    state: str
    state_text: str
    seats: list[SeatShown]


class DayLine(Shown):
    """One day of a list."""

    id: int
    centre: str
    starts_at: Instant
    ends_at: Instant
    text: str
    screens: int
    families: int


class Days(Shown):
    """The days to come, the soonest first."""

    items: list[DayLine]
    next: int | None = None


class FreeSeat(Shown):
    """A half-hour at which a screen is free."""

    call_day_id: int
    starts_at: Instant
    starts_at_text: str
    centre: str


class FreeSeats(Shown):
    """Where else a family could sit, its own day first."""

    items: list[FreeSeat]
    next: int | None = None


@room.get("/call-days")
@room.output(Days)
def mine() -> Any:
    """The call days to come at my centres, the soonest first; empty for who is no cadre."""
    return said(Days(items=[
        DayLine(
            id=row.CallDay.id, centre=row.centre, starts_at=row.CallDay.starts_at, ends_at=row.CallDay.ends_at,
            text=day_words.whole_time(row.CallDay.starts_at, row.CallDay.ends_at), screens=row.CallDay.seats,
            families=row.families,
        )
        for row in days_to_come(g.session, g.who, g.now)
    ]))  # fmt: skip


@room.get("/call-days/centres")
@room.output(Centres)
def centres() -> Any:
    """At which centres I can hold one."""
    return said(Centres(items=[
        CentreShown(id=one.id, name=one.name) for one in half_days.centres_of(g.session, g.who)
    ]))  # fmt: skip


@room.get("/call-days/halves")
@room.input(OfCentre, location="query")
@room.output(Halves)
@room.doc(responses=refusing("not_yours"))
def halves(query_data: OfCentre) -> Any:
    """The mornings and afternoons of the next open days of one of my centres."""
    centre = half_days.centre_of(g.session, g.who, query_data.centre_id)
    return said(Halves(items=[
        HalfShown(starts_at=starts, ends_at=ends, text=on_day(day) + day_words.half(half, starts, ends))
        for day in half_days.open_days(g.session, centre, g.now)
        for half, (starts, ends) in half_days.windows(g.session, centre, day, g.now)
    ]))  # fmt: skip


@room.get("/call-days/plan")
@room.input(HalfAsked, location="query")
@room.output(PlanShown)
@room.doc(responses=refusing(*PLANNING))
def tried(query_data: HalfAsked) -> Any:
    """Who would sit when, and who would not and why, before anything is booked or anybody told."""
    centre = half_days.centre_of(g.session, g.who, query_data.centre_id)
    start = query_data.starts_at
    end = half_days.ends_at(g.session, centre, start, g.now)
    plan = plan_day(g.session, g.who, centre_id=centre.id, starts_at=start, ends_at=end, now=g.now)
    return said(PlanShown(
        screens=plan.seats,
        seated=[
            Seated(starts_at=at, starts_at_text=words.both(at, relative.time_zone), cared=cared.name,
                   relative=relative.name)
            for relative, cared, at in plan.seated
        ],
        left_out=[
            NotSeated(cared=one.person.name, why=one.why, why_text=day_words.LEFT_OUT[one.why])
            for one in plan.left_out
        ],
    ))  # fmt: skip


@room.post("/call-days")
@room.input(MakeAsked)
@room.output(DayShown, status_code=201)
@room.doc(responses=refusing(*PLANNING, "nobody_fits", "slot_taken"))
def new(json_data: MakeAsked) -> Any:
    """Hold a day, watched over by me: every family for whom there is a kind time is seated and hears of it."""
    made = half_days.hold(g.session, g.who, json_data.centre_id, json_data.starts_at, json_data.client_key, g.now)
    return said(_shown(made), day_words.MADE.format(count=len(calls_on(g.session, made.id))))


@room.get("/call-days/<key:day>")
@room.output(DayShown)
@room.doc(responses=refusing("not_yours"))
def one(day: int) -> Any:
    """One day with who sits when."""
    return said(_shown(day_for(g.session, g.who, day)))


@room.post("/call-days/<key:day>/resize")
@room.input(ScreensAsked)
@room.output(DayShown)
@room.doc(responses=refusing("not_yours", "wrong_state", "bad_seats", "seats_taken", "slot_taken"))
def resized(day: int, json_data: ScreensAsked) -> Any:
    """More screens or fewer; `seats_taken` names who has to agree to another time first."""
    found = resize(g.session, g.who, day, json_data.screens, g.now)
    return said(_shown(found), day_words.RESIZED.format(seats=found.seats))


@room.post("/call-days/<key:day>/call-off")
@room.input(WhyAsked)
@room.output(DayShown)
@room.doc(responses=refusing("not_yours", "wrong_state", "reason_missing"))
def off(day: int, json_data: WhyAsked) -> Any:
    """It does not take place: every call of it is cancelled, and every family hears why. Twice is once."""
    if not json_data.reason.strip():
        raise Refused("reason_missing")
    return said(_shown(call_off(g.session, g.who, day, json_data.reason.strip(), g.now)), day_words.CALLED_OFF)


@room.get("/call-days/seats/<key:call>")
@room.output(FreeSeats)
@room.doc(responses=refusing("not_yours", "no_link", "not_active"))
def free(call: int) -> Any:
    """Where else a family could sit, on this day or on another."""
    found = _on_a_day(call)
    zone = g.session.get_one(Person, found.relative_id).time_zone
    return said(FreeSeats(items=[
        FreeSeat(call_day_id=day.id, starts_at=at, starts_at_text=words.both(at, zone), centre=_centre(day))
        for day, at in half_days.free_seats(g.session, g.who, found, g.now)
    ]))  # fmt: skip


@room.post("/call-days/seats/<key:call>/reseat")
@room.input(ReseatAsked)
@room.output(DayShown)
@room.doc(responses=refusing(*SEATING, "bad_time", "agreement_missing"))
def seated(call: int, json_data: ReseatAsked) -> Any:
    """Seat a family elsewhere because it agrees; answers the day on which it sits then."""
    agreed = json_data.agreed.said() if json_data.agreed else None
    return _moved(reseat(g.session, g.who, call, json_data.call_day_id, json_data.starts_at, agreed, g.now))


@room.post("/call-days/seats/<key:call>/reserve")
@room.output(DayShown)
@room.doc(responses=refusing(*SEATING, "no_reserve", "guardian_missing"))
def reserve(call: int) -> Any:
    """A call that is late, or came to nothing, goes on in the reserve of its day; twice is once."""
    return _moved(to_reserve(g.session, g.who, call, g.now))


def _moved(call: FamilyCall) -> Any:
    relative, cared = (g.session.get_one(Person, key) for key in (call.relative_id, call.cared_id))
    text = day_words.MOVED.format(time=day_words.seat(call.starts_at, relative, cared))
    return said(_shown(g.session.get_one(CallDay, call.call_day_id)), text)


def _on_a_day(call: int) -> FamilyCall:
    found, role = call_for(g.session, g.who, call)
    if role != "cadre" or found.call_day_id is None:
        raise Refused("not_yours")
    day_for(g.session, g.who, found.call_day_id)
    return found


def _centre(day: CallDay) -> str:
    name: str = g.session.get_one(ServiceCentre, day.centre_id).name
    return name


def _shown(day: CallDay) -> DayShown:
    return DayShown(
        id=day.id, centre=_centre(day), helper=g.session.get_one(Person, day.helper_id).name, starts_at=day.starts_at,
        ends_at=day.ends_at, reserve_at=day.reserve_at, text=day_words.whole_time(day.starts_at, day.ends_at),
        screens=day.seats, state=day.state, state_text=day_words.STATES[day.state],
        seats=[
            SeatShown(
                call_id=row.FamilyCall.id, starts_at=row.FamilyCall.starts_at, cared=row.cared, relative=row.relative,
                starts_at_text=words.both(row.FamilyCall.starts_at, row.relative_zone), village=row.village or "",
                screen=row.screen, state=row.FamilyCall.state, state_text=words.STATE_NAMES[row.FamilyCall.state],
                reserve=row.FamilyCall.starts_at >= day.reserve_at,
            )
            for row in seats_of(g.session, day)
        ],
    )  # fmt: skip
