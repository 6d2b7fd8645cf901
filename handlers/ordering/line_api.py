"""The waiting list in the mini-program: into the line for what is full, where one stands, the answer to an offer."""

from typing import Any
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint
from flask import g

from handlers.envelope import Instant, Shown, refusing, said
from handlers.ordering import waiting_words as words
from handlers.ordering.api import OrderShown, WishAsked, shown
from handlers.words import when_two
from models.ordering import joining
from models.ordering.listings import Listing
from models.ordering.waiting import WaitlistEntry, ahead_of, service, why_not
from models.people.persons import Person
from models.places.centres import ServiceCentre

room = APIBlueprint("waiting", __name__, tag="waiting")


class WaitAsked(WishAsked):
    """What an order of the same wish would hold; joining twice is once."""


class PlaceInLine(Shown):
    """One place in line. `ahead` wait before it, `held` of its places are kept already; while it is offered one
    answers until `answer_by`. `text` says all that in one sentence; `may` names what the caller can do."""

    id: int
    service: str
    listing_id: int
    beneficiary_id: int
    beneficiary: str
    preferred_at: Instant
    preferred_at_text: str
    places: int
    held: int
    ahead: int
    state: str
    state_text: str
    text: str
    answer_by: Instant | None
    order_id: int | None
    may: list[str]


class PlacesInLine(Shown):
    """Where I and mine stand in line, the soonest first."""

    items: list[PlaceInLine]
    next: int | None = None


@room.post("/waiting")
@room.input(WaitAsked)
@room.output(PlaceInLine, status_code=201)
@room.doc(
    responses=refusing(
        "no_link", "not_active", "not_offered", "answer_needed", "answer_number", "answer_value", "answer_long",
        "bad_time", "too_far", "note_long", "ask_eligible", "not_eligible", "emergency", "full", "too_soon",
        "closed_already", "out_of_season", "not_then", "not_full", "on_list",
    )
)  # fmt: skip
def stand_in_line(json_data: WaitAsked) -> Any:
    """Into the line for what is full. `not_full`: there are places, order."""
    entry = joining.join(
        g.session, g.who, listing_id=json_data.listing_id, beneficiary_id=json_data.beneficiary_id or g.who.person_id,
        answers=dict(json_data.answers), preferred_at=json_data.preferred_at, note=json_data.note, now=g.now,
        warned=json_data.warned,
    )  # fmt: skip
    return said(_shown(entry), words.JOINED)


@room.get("/waiting")
@room.output(PlacesInLine)
def mine() -> Any:
    """Where I and those I care for stand in line."""
    return said(PlacesInLine(items=[_shown(entry) for entry in joining.in_line_of(g.session, g.who, g.now)]))


@room.get("/waiting/<key:entry>")
@room.output(PlaceInLine)
@room.doc(responses=refusing("not_yours"))
def one(entry: int) -> Any:
    """One place in line."""
    return said(_shown(joining.entry_for(g.session, g.who, entry)[0]))


@room.post("/waiting/<key:entry>/take")
@room.output(OrderShown)
@room.doc(responses=refusing("not_yours", "not_active", "wrong_state", "offer_over"))
def take(entry: int) -> Any:
    """The place is wanted: answers the order that it has become; twice is once."""
    return said(shown(joining.take(g.session, g.who, entry, g.now)))


@room.post("/waiting/<key:entry>/decline")
@room.output(PlaceInLine)
@room.doc(responses=refusing("not_yours", "wrong_state"))
def decline(entry: int) -> Any:
    """The place is not wanted: the next has it at once; twice is once."""
    return said(_shown(joining.decline(g.session, g.who, entry, g.now)), words.DECLINED)


@room.post("/waiting/<key:entry>/leave")
@room.output(PlaceInLine)
@room.doc(responses=refusing("not_yours", "wrong_state"))
def leave(entry: int) -> Any:
    """Wait no longer; twice is once."""
    return said(_shown(joining.leave(g.session, g.who, entry, g.now)), words.LEFT)


def _shown(entry: WaitlistEntry) -> PlaceInLine:
    zone, centre = ZoneInfo(g.who.zone), g.session.get_one(ServiceCentre, entry.centre_id)
    offered = entry.state == "offered" and entry.answer_by is not None and entry.answer_by > g.now
    waits = entry.state == "waiting"
    ahead, text = (ahead_of(g.session, entry) if waits else 0), words.ENDS.get(entry.state, words.OVER)
    if offered and entry.answer_by is not None:
        text = words.answer(entry.answer_by, zone)
    elif waits:
        offer = service(g.session, entry, g.now)
        why = why_not(g.session, entry, offer) if offer is not None else "not_offered"
        text = words.waits(ahead, entry.held, entry.places, why)
    return PlaceInLine(
        id=entry.id, service=g.session.get_one(Listing, entry.listing_id).title, listing_id=entry.listing_id,
        beneficiary_id=entry.beneficiary_id, beneficiary=g.session.get_one(Person, entry.beneficiary_id).name,
        preferred_at=entry.preferred_at, preferred_at_text=when_two(entry.preferred_at, centre.tz, zone),
        places=entry.places, held=entry.held, ahead=ahead, state=entry.state, state_text=words.STATES[entry.state],
        text=text, answer_by=entry.answer_by if offered else None, order_id=entry.order_id,
        may=["take", "decline"] if offered else ["leave"] if waits else [],
    )  # fmt: skip
