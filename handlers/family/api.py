"""Family calls for the mini-program: mine, the free times, booked, moved, cancelled."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint
from flask import g
from pydantic import AwareDatetime, Field

from handlers.envelope import NO_NUL, Asked, ClientKey, Instant, Key, Shown, refusing, said
from handlers.family import words
from handlers.family.free_times import for_a_new_call, to_move_a_call
from handlers.reach import not_reached, warned
from handlers.words import when_two
from models.errors import Refused
from models.family import rooms, ways
from models.family.agreeing import Agreement
from models.family.booking import book, move
from models.family.calls import FamilyCall, Seen, call_for, calls_of, with_roles
from models.family.ending import cancel
from models.family.guests import guests_of
from models.family.slots import Slot, best
from models.hours import CHINA
from models.places.centres import phone_of

room = APIBlueprint("calls", __name__, tag="calls")

BOOKING = (
    "no_link", "not_active", "consent_withdrawn", "guardian_missing", "no_centre", "no_station", "bad_time",
    "slot_taken", "not_together",
)  # fmt: skip


class BookAsked(Asked):
    """A new call. `client_key` makes it one however often, and under whatever Idempotency-Key, it is sent."""

    client_key: ClientKey
    person_id: Key  # the elder or child
    starts_at: AwareDatetime


class AgreedAsked(Asked):
    """With whom of the family a cadre has agreed on it, and how."""

    person_id: Key
    means: Literal["phone", "wechat", "visit"]

    def said(self) -> Agreement:
        """As the rules take it."""
        return Agreement(self.person_id, self.means)


class MoveAsked(Asked):
    """To which time instead; a cadre says whose yes it was."""

    starts_at: AwareDatetime
    agreed: AgreedAsked | None = None

    @property
    def yes(self) -> Agreement | None:
        """The family's yes as the rules take it."""
        return self.agreed.said() if self.agreed else None


class CancelAsked(Asked):
    """Why; the others read it."""

    reason: Annotated[str, Field(max_length=200, pattern=NO_NUL)] = ""


class SlotsAsked(Asked):
    """With whom, from which day at the elder's centre, and how many days."""

    person_id: Key
    first_day: date
    days: Annotated[int, Field(ge=1, le=14)] = 7
    call: Key | None = None  # of a call that is to be moved: its own time counts as free, its guests as on it


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
    """One call. `role` is "relative" (who booked), "guest", "cadre" or "cared" (I am called: I look and join, and for
    all else there is `phone`); `with_name` is whom I talk with, and `starts_at_text` is it on both clocks."""

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


@room.get("/calls")
@room.output(Calls)
def mine() -> Any:
    """The calls to come that I take part in or help with, the soonest first."""
    found = with_roles(g.session, g.who, calls_of(g.session, g.who, g.now))
    return said(Calls(items=[whole(one) for one in found]))


@room.get("/calls/slots")
@room.input(SlotsAsked, location="query")
@room.output(Slots)
@room.doc(responses=refusing("no_link", "not_active", "consent_withdrawn", "no_centre", "no_station", "not_yours"))
def slots(query_data: SlotsAsked) -> Any:
    """The free half-hours for a call with somebody linked to me, or for one of my calls that is to be moved."""
    when = (query_data.first_day, query_data.days)
    if query_data.call is None:
        free = for_a_new_call(g.session, g.who, query_data.person_id, g.now, *when)
    else:
        free = to_move_a_call(g.session, g.who, query_data.call, g.now, *when)
    kindest = best(free.slots, free.centre.tz)
    items = [_slot(slot, slot in kindest, free.relative.time_zone) for slot in free.slots]
    return said(Slots(items=items, not_reached=not_reached(g.session, [free.relative.id], g.who.person_id)))


@room.post("/calls")
@room.input(BookAsked)
@room.output(CallShown, status_code=201)
@room.doc(responses=refusing(*BOOKING, "not_yours"))
def new(json_data: BookAsked) -> Any:
    """Book a call with a person who is linked to me. `slot_taken` names in `data.alternatives` what is free."""
    with Alternatives():
        call = book(
            g.session, g.who, cared_id=json_data.person_id, starts_at=json_data.starts_at,
            client_key=json_data.client_key, now=g.now,
        )  # fmt: skip
    call, _ = call_for(g.session, g.who, call.id)  # the same key again may come from who may not see it any more
    made = shown(call, "relative")
    return said(made, _warned(call, words.BOOKED.format(cared=made.with_name, time=made.starts_at_text)))


@room.get("/calls/<key:call>")
@room.output(CallShown)
@room.doc(responses=refusing("not_yours", "no_link", "not_active"))
def one(call: int) -> Any:
    """One call."""
    return said(_one(call))


@room.post("/calls/<key:call>/move")
@room.input(MoveAsked)
@room.output(CallShown)
@room.doc(responses=refusing(*BOOKING, "not_yours", "wrong_state", "agreement_missing"))
def moved(call: int, json_data: MoveAsked) -> Any:
    """Move a call to another time; the old time stands until the new one is taken."""
    with Alternatives():
        found = move(g.session, g.who, call, json_data.starts_at, g.now, json_data.yes)
    made = _one(call)
    return said(made, _warned(found, words.MOVED.format(cared=made.with_name, time=made.starts_at_text)))


@room.post("/calls/<key:call>/cancel")
@room.input(CancelAsked)
@room.output(CallShown)
@room.doc(responses=refusing("not_yours", "no_link", "not_active", "wrong_state", "reason_missing"))
def off(call: int, json_data: CancelAsked) -> Any:
    """Cancel a call; twice is once. A cadre says why: what the family has told them."""
    cancel(g.session, g.who, call, json_data.reason, g.now)
    return said(_one(call), words.CANCELLED)


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
    """One call as the mini-program shows it to who sees it as `role`."""
    return whole(replace(with_roles(g.session, g.who, [call])[0], role=role))


def whole(one: Seen) -> CallShown:
    """The same where everybody on it is known already."""
    call = one.call
    return CallShown(
        id=call.id, with_name=one.relative.name if one.role == "cared" else one.cared.name, relative=one.relative.name,
        role=one.role,
        guests=[guest.name for guest in one.guests], starts_at=call.starts_at, ends_at=call.ends_at,
        starts_at_text=_both(call.starts_at, one.relative.time_zone if one.role == "cadre" else g.who.zone),
        state=call.state, state_text=words.STATE_NAMES[call.state],
        reason=words.listed(call.reason) if call.reason else "", revision=call.revision, centre=one.centre.name,
        venue_mode=call.venue_mode, phone=phone_of(g.session, one.centre), way=call.way, way_text=words.WAYS[call.way],
        media=call.media, opens_at=call.starts_at - ways.OPENS,
        closes_at=call.ends_at + (rooms.GRACE if call.way == "room" else ways.GRACE),
    )  # fmt: skip


def _slot(slot: Slot, kindest: bool, zone: str) -> SlotShown:
    text = words.offered(slot.starts_at, zone, slot.clashes)
    return SlotShown(starts_at=slot.starts_at, text=text, humane=slot.humane, best=kindest)


def _both(moment: datetime, zone: str) -> str:
    return when_two(moment, CHINA, ZoneInfo(zone))
