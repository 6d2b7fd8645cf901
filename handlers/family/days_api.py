"""Call days for the mini-program: which there are, one tried out and made, seated anew, resized, called off."""

from typing import Annotated, Any

from apiflask import APIBlueprint
from flask import g
from pydantic import AwareDatetime, Field

from handlers.envelope import NO_NUL, Asked, ClientKey, Instant, Key, Shown, refusing, said
from handlers.family import day_words, half_days, words
from handlers.words import on_day
from models.errors import Refused
from models.family.call_days import CallDay, calls_on, day_for
from models.family.looking import days_to_come, seats_of
from models.family.reseating import call_off, resize
from models.family.seating import plan_day
from models.people.persons import Person
from models.places.centres import ServiceCentre

room = APIBlueprint("days", __name__, tag="call days")

PLANNING = ("not_yours", "bad_time", "no_station", "no_centre")


class OfCentre(Asked):
    """Of which of my centres."""

    centre_id: Key


class HalfAsked(OfCentre):
    """Which half day: one of those that `/call-days/halves` names."""

    starts_at: AwareDatetime


class MakeAsked(HalfAsked):
    """The same, to be made. `client_key` makes it one however often it is sent."""

    client_key: ClientKey


class ScreensAsked(Asked):
    """How many screens the day has from now on."""

    screens: Annotated[int, Field(ge=1, le=100)]


class WhyAsked(Asked):
    """Why it does not take place; every family reads it."""

    reason: Annotated[str, Field(max_length=200, pattern=NO_NUL)]


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
    return said(whole(made), day_words.MADE.format(count=len(calls_on(g.session, made.id))))


@room.get("/call-days/<key:day>")
@room.output(DayShown)
@room.doc(responses=refusing("not_yours"))
def one(day: int) -> Any:
    """One day with who sits when."""
    return said(whole(day_for(g.session, g.who, day)))


@room.post("/call-days/<key:day>/resize")
@room.input(ScreensAsked)
@room.output(DayShown)
@room.doc(responses=refusing("not_yours", "wrong_state", "bad_seats", "seats_taken", "slot_taken"))
def resized(day: int, json_data: ScreensAsked) -> Any:
    """More screens or fewer; `seats_taken` names who has to agree to another time first."""
    found = resize(g.session, g.who, day, json_data.screens, g.now)
    return said(whole(found), day_words.RESIZED.format(seats=found.seats))


@room.post("/call-days/<key:day>/call-off")
@room.input(WhyAsked)
@room.output(DayShown)
@room.doc(responses=refusing("not_yours", "wrong_state", "reason_missing"))
def off(day: int, json_data: WhyAsked) -> Any:
    """It does not take place: every call of it is cancelled, and every family hears why. Twice is once."""
    if not json_data.reason.strip():
        raise Refused("reason_missing")
    return said(whole(call_off(g.session, g.who, day, json_data.reason.strip(), g.now)), day_words.CALLED_OFF)


def centre_name(day: CallDay) -> str:
    """Where a day is held."""
    name: str = g.session.get_one(ServiceCentre, day.centre_id).name
    return name


def whole(day: CallDay) -> DayShown:
    """One day with everybody who sits on it."""
    return DayShown(
        id=day.id, centre=centre_name(day), helper=g.session.get_one(Person, day.helper_id).name,
        starts_at=day.starts_at, ends_at=day.ends_at, reserve_at=day.reserve_at,
        text=day_words.whole_time(day.starts_at, day.ends_at),
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
