"""Family calls for the mini-program: booked, moved, cancelled, and the way in which each is held."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint
from flask import g
from pydantic import AwareDatetime, Field

from handlers.envelope import NO_NUL, Asked, Instant, Key, Nothing, Shown, refusing, said
from handlers.family import words
from handlers.family.free_times import for_a_new_call, to_move_a_call
from handlers.reach import not_reached, warned
from handlers.words import when_two
from models.errors import Refused
from models.family import devices, minutes, rooms, ways
from models.family.booking import book, move
from models.family.calls import FamilyCall, call_for, calls_of
from models.family.ending import cancel
from models.family.guests import guests_of
from models.family.slots import Slot, best
from models.hours import CHINA
from models.people.persons import Person
from models.places.centres import ServiceCentre, phone_of

BOOKING = (
    "no_link", "not_active", "consent_withdrawn", "guardian_missing", "no_centre", "no_station", "bad_time",
    "slot_taken",
)  # fmt: skip


class BookAsked(Asked):
    """A new call. `client_key` makes it one however often, and under whatever Idempotency-Key, it is sent."""

    client_key: Annotated[str, Field(pattern=r"^[!-~]{8,40}$")]
    person_id: Key  # the elder or child
    starts_at: AwareDatetime


class MoveAsked(Asked):
    """To which time instead."""

    starts_at: AwareDatetime


class CancelAsked(Asked):
    """Why; the others read it."""

    reason: Annotated[str, Field(max_length=200, pattern=NO_NUL)] = ""


class SlotsAsked(Asked):
    """With whom, from which day at the elder's centre, and how many days."""

    person_id: Key
    first_day: date
    days: Annotated[int, Field(ge=1, le=14)] = 7
    call: Key | None = None  # of a call that is to be moved: its own time counts as free, its guests as on it


class WayAsked(Asked):
    """How the call shall be held."""

    way: Literal["room", "mini_voip", "mini_1v1", "device_voip", "link", "by_hand"]
    media: Literal["video", "voice"] = "video"


class GrantAsked(Asked):
    """What the phone says of the device: allowed, refused, or allowed once and no more (errCode 9)."""

    state: Literal["granted", "refused", "gone"]


class EndedAsked(Asked):
    """How many minutes the phone was on the call, begun ones counted."""

    minutes: Annotated[int, Field(ge=0, le=600)]


class SlotShown(Shown):
    """A free half-hour; `text` is it on both clocks with what it would fall into, `humane` whether that is nothing, and
    `best` marks the kindest three, of different days."""

    starts_at: Instant
    text: str
    humane: bool
    best: bool


class Slots(Shown):
    """The free half-hours, in order of time. `not_reached` is "", or says to be shown with them that WeChat does not
    reach the relative now, and what happens instead."""

    items: list[SlotShown]
    not_reached: str
    next: int | None = None


class CallShown(Shown):
    """One call. `role` is "relative" (who booked), "guest" or "cadre"; `starts_at_text` is it on both clocks."""

    id: int
    with_name: str
    relative: str
    guests: list[str]
    role: str
    starts_at: Instant
    ends_at: Instant
    starts_at_text: str
    state: str
    state_text: str
    reason: str
    revision: int
    centre: str
    venue_mode: str
    phone: str
    way: str
    way_text: str
    media: str
    opens_at: Instant
    closes_at: Instant


class Calls(Shown):
    """A list of calls, the soonest first."""

    items: list[CallShown]
    next: int | None = None


class WayShown(Shown):
    """One way; `why_not` is "" where it can be, else a sentence. `minutes_left` is there where minutes are counted."""

    way: str
    text: str
    possible: bool
    why_not: str
    minutes_left: int | None


class Ways(Shown):
    """The ways of one call. `advice` is "" or a sentence that advises to talk without video."""

    items: list[WayShown]
    chosen: str
    media: str
    advice: str
    next: int | None = None


def room(offered: ways.Offered) -> APIBlueprint:
    """The room. `offered` is what the county has switched on."""
    calls = APIBlueprint("calls", __name__, tag="calls")
    _about_time(calls)
    _about_ways(calls, offered)
    return calls


def _about_time(calls: APIBlueprint) -> None:
    @calls.get("/calls")
    @calls.output(Calls)
    def mine() -> Any:
        """The calls to come that I take part in or help with, the soonest first."""
        found = [shown(call, call_for(g.session, g.who, call.id)[1]) for call in calls_of(g.session, g.who, g.now)]
        return said(Calls(items=found))

    @calls.get("/calls/slots")
    @calls.input(SlotsAsked, location="query")
    @calls.output(Slots)
    @calls.doc(responses=refusing("no_link", "not_active", "consent_withdrawn", "no_centre", "no_station", "not_yours"))
    def slots(query_data: SlotsAsked) -> Any:
        """The free half-hours for a call with somebody linked to me, or for one of my calls that is to be moved."""
        when = (query_data.first_day, query_data.days)
        if query_data.call is None:
            free = for_a_new_call(g.session, g.who, query_data.person_id, g.now, *when)
        else:
            free = to_move_a_call(g.session, g.who, query_data.call, g.now, *when)
        kindest = best(free.slots, free.centre.tz)
        items = [_slot(slot, slot in kindest, free.relative.time_zone) for slot in free.slots]
        away = not_reached(g.session, [free.relative.id], g.who.person_id)
        return said(Slots(items=items, not_reached=away))

    @calls.post("/calls")
    @calls.input(BookAsked)
    @calls.output(CallShown, status_code=201)
    @calls.doc(responses=refusing(*BOOKING, "not_yours"))
    def new(json_data: BookAsked) -> Any:
        """Book a call with a person who is linked to me. `slot_taken` names in `data.alternatives` what is free."""
        with Alternatives():
            call = book(
                g.session, g.who, cared_id=json_data.person_id, starts_at=json_data.starts_at,
                client_key=json_data.client_key, now=g.now,
            )  # fmt: skip
        made = shown(call, "relative")
        return said(made, _warned(call, words.BOOKED.format(cared=made.with_name, time=made.starts_at_text)))

    @calls.get("/calls/<key:call>")
    @calls.output(CallShown)
    @calls.doc(responses=refusing("not_yours", "no_link", "not_active"))
    def one(call: int) -> Any:
        """One call."""
        return said(_one(call))

    @calls.post("/calls/<key:call>/move")
    @calls.input(MoveAsked)
    @calls.output(CallShown)
    @calls.doc(responses=refusing(*BOOKING, "not_yours", "wrong_state"))
    def moved(call: int, json_data: MoveAsked) -> Any:
        """Move a call to another time; the old time stands until the new one is taken."""
        with Alternatives():
            found = move(g.session, g.who, call, json_data.starts_at, g.now)
        made = _one(call)
        return said(made, _warned(found, words.MOVED.format(cared=made.with_name, time=made.starts_at_text)))

    @calls.post("/calls/<key:call>/cancel")
    @calls.input(CancelAsked)
    @calls.output(CallShown)
    @calls.doc(responses=refusing("not_yours", "no_link", "not_active", "wrong_state"))
    def off(call: int, json_data: CancelAsked) -> Any:
        """Cancel a call; twice is once."""
        cancel(g.session, g.who, call, json_data.reason, g.now)
        return said(_one(call), words.CANCELLED)


def _about_ways(calls: APIBlueprint, offered: ways.Offered) -> None:
    @calls.get("/calls/<key:call>/ways")
    @calls.output(Ways)
    @calls.doc(responses=refusing("not_yours", "no_link", "not_active"))
    def every_way(call: int) -> Any:
        """The ways in which this call can be held, and why the others cannot be chosen."""
        found, _ = call_for(g.session, g.who, call)
        return said(_ways(found))

    @calls.post("/calls/<key:call>/way")
    @calls.input(WayAsked)
    @calls.output(Ways)
    @calls.doc(responses=refusing("not_yours", "no_link", "not_active", "no_way", "way_not_possible", "wrong_state"))
    def choose(call: int, json_data: WayAsked) -> Any:
        """Choose how a call is held: for who booked it, and for cadres."""
        found = ways.choose(g.session, g.who, call, json_data.way, json_data.media, offered, g.now)
        text = words.CHOSEN.format(way=words.WAYS[found.way], media=words.MEDIA[found.media])
        return said(_ways(found), text)

    @calls.post("/calls/<key:call>/grant")
    @calls.input(GrantAsked)
    @calls.output(Nothing)
    @calls.doc(responses=refusing("not_yours", "no_link", "not_active", "no_device"))
    def grant(call: int, json_data: GrantAsked) -> Any:
        """Say whether my phone lets the device of this call ring it."""
        found, role = call_for(g.session, g.who, call)
        if role == "cadre":
            raise Refused("not_yours")  # a phone speaks for its owner only
        state = devices.said(g.session, found, g.who.person_id, json_data.state, g.now)
        return said(Nothing(), words.SAID_GRANT[state])

    @calls.post("/calls/<key:call>/ended")
    @calls.input(EndedAsked)
    @calls.output(Nothing)
    @calls.doc(responses=refusing("not_yours", "no_link", "not_active"))
    def ended(call: int, json_data: EndedAsked) -> Any:
        """Say how long I was on the call: what was held of the month's minutes beyond it is given back."""
        found, role = call_for(g.session, g.who, call)
        if role == "cadre" and found.helper_id != g.who.person_id:
            raise Refused("not_yours")
        minutes.report(g.session, found, g.who.person_id, json_data.minutes, g.now)
        return said(Nothing(), words.ENDED)

    def _ways(call: FamilyCall) -> Ways:
        found = ways.possible(g.session, call, offered, g.now)
        advice = words.VOICE_FIRST if ways.voice_advised(g.session, call, offered, found) else ""
        items = [
            WayShown(
                way=one.way, text=words.WAYS[one.way], possible=not one.why_not,
                why_not=words.WHY_NOT.get(one.why_not, ""), minutes_left=one.left,
            )
            for one in found
        ]  # fmt: skip
        return Ways(items=items, chosen=call.way, media=call.media, advice=advice)


class Alternatives:
    """A time that is taken names the nearest free ones as instants, which a mini-program can show on both clocks."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, refusal: object, __: object) -> None:
        if isinstance(refusal, Refused) and refusal.code == "slot_taken":
            free: Sequence[Slot] = refusal.facts.get("alternatives", ())
            refusal.facts["alternatives"] = [slot.starts_at.isoformat() for slot in free]


def _warned(call: FamilyCall, text: str) -> str:
    people = [call.relative_id, *(guest.id for guest in guests_of(g.session, call.id))]
    return warned(text, g.session, people, g.who.person_id)


def _one(call: int) -> CallShown:
    return shown(*call_for(g.session, g.who, call))


def shown(call: FamilyCall, role: str) -> CallShown:
    """One call as the mini-program shows it."""
    cared, relative = (g.session.get_one(Person, key) for key in (call.cared_id, call.relative_id))
    centre = g.session.get_one(ServiceCentre, call.centre_id)
    return CallShown(
        id=call.id, with_name=cared.name, relative=relative.name, role=role,
        guests=[guest.name for guest in guests_of(g.session, call.id)], starts_at=call.starts_at, ends_at=call.ends_at,
        starts_at_text=_both(call.starts_at, relative.time_zone if role == "cadre" else g.who.zone), state=call.state,
        state_text=words.STATE_NAMES[call.state], reason=words.listed(call.reason) if call.reason else "",
        revision=call.revision, centre=centre.name, venue_mode=call.venue_mode, phone=phone_of(g.session, centre),
        way=call.way,
        way_text=words.WAYS[call.way], media=call.media, opens_at=call.starts_at - ways.OPENS,
        closes_at=call.ends_at + (rooms.GRACE if call.way == "room" else ways.GRACE),
    )  # fmt: skip


def _slot(slot: Slot, kindest: bool, zone: str) -> SlotShown:
    text = words.offered(slot.starts_at, zone, slot.clashes)
    return SlotShown(starts_at=slot.starts_at, text=text, humane=slot.humane, best=kindest)


def _both(moment: datetime, zone: str) -> str:
    return when_two(moment, CHINA, ZoneInfo(zone))
