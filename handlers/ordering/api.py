"""Orders for the mini-program: placed for oneself or a linked person, followed, found by number, cancelled."""

from typing import Annotated, Any
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint
from flask import g
from pydantic import AwareDatetime, Field
from sqlalchemy import select

from handlers.envelope import NO_NUL, Asked, Instant, Key, PageAsked, Shown, refusing, said
from handlers.ordering import words
from handlers.words import when_two
from models.ordering.assignments import Assignment
from models.ordering.listings import Listing
from models.ordering.numbers import spoken
from models.ordering.orders import LIVE_ORDERS, Order, find_by_number, order_for, orders_of
from models.ordering.placing import cancel, place
from models.people.persons import Person
from models.people.staff import Organisation
from models.places.centres import ServiceCentre

HOLDING = ("accepted", "started", "done")  # the assignment whose organisation gives, or gave, the service

room = APIBlueprint("orders", __name__, tag="orders")

Value = (
    Annotated[int, Field(ge=-(10**9), le=10**9)]
    | Annotated[str, Field(max_length=2000, pattern=NO_NUL)]
    | Annotated[list[Annotated[str, Field(max_length=200, pattern=NO_NUL)]], Field(max_length=50)]
)
Answers = dict[Annotated[str, Field(max_length=40, pattern=NO_NUL)], Value]


class OrderAsked(Asked):
    """A new order. `client_key` makes it one however often, and under whatever Idempotency-Key, it is sent."""

    client_key: Annotated[str, Field(pattern=r"^[!-~]{8,40}$")]
    listing_id: Key
    beneficiary_id: Key | None = None  # None: for myself
    answers: Answers = Field({}, max_length=50)
    preferred_at: AwareDatetime
    note: Annotated[str, Field(max_length=2000, pattern=NO_NUL)] = ""


class CancelAsked(Asked):
    """Why; the others read it."""

    reason: Annotated[str, Field(max_length=200, pattern=NO_NUL)] = ""


class Answered(Shown):
    """One question and what was answered."""

    question: str
    answer: int | str | list[str] | None


class PlaceShown(Shown):
    """The centre behind an order, and the phone to ask at."""

    id: int
    name: str
    phone: str


class OrderShown(Shown):
    """One order. `number_text` is the number as people read it out; `may` names what the caller can still do."""

    id: int
    number: str
    number_text: str
    listing_id: int
    service: str
    category: str
    beneficiary_id: int
    beneficiary: str
    state: str
    state_text: str
    provider: str | None
    preferred_at: Instant
    preferred_at_text: str
    answers: list[Answered]
    note: str
    reason: str
    centre: PlaceShown
    created_at: Instant
    may: list[str]


class Orders(Shown):
    """A page of orders, the newest first."""

    items: list[OrderShown]
    next: int | None


@room.post("/orders")
@room.input(OrderAsked)
@room.output(OrderShown, status_code=201)
@room.doc(
    responses=refusing(
        "no_link", "not_active", "not_offered", "answer_needed", "answer_number", "answer_value", "answer_long",
        "bad_time", "too_far", "note_long", "no_contact", "not_yours",
    )
)  # fmt: skip
def new(json_data: OrderAsked) -> Any:
    """Place an order for myself or for a person who is linked to me."""
    order = place(
        g.session, g.who, listing_id=json_data.listing_id, beneficiary_id=json_data.beneficiary_id or g.who.person_id,
        answers=dict(json_data.answers), preferred_at=json_data.preferred_at, note=json_data.note,
        client_key=json_data.client_key, now=g.now,
    )  # fmt: skip
    made = _shown(order)
    text = words.PLACED.format(
        number=made.number_text, beneficiary=made.beneficiary, service=made.service, wanted=made.preferred_at_text
    )
    return said(made, text)


@room.get("/orders")
@room.input(PageAsked, location="query")
@room.output(Orders)
def mine(query_data: PageAsked) -> Any:
    """My orders and those of the people I may act for, the newest first."""
    found = orders_of(g.session, g.who, query_data.limit + 1, before=query_data.cursor)
    page = found[: query_data.limit]
    rest = page[-1].id if len(found) > len(page) else None
    return said(Orders(items=[_shown(order) for order in page], next=rest))


@room.get("/orders/<key:order>")
@room.output(OrderShown)
@room.doc(responses=refusing("not_yours"))
def one(order: int) -> Any:
    """One order."""
    return said(_shown(order_for(g.session, g.who, order)[0]))


@room.get("/orders/by-number/<number>")
@room.output(OrderShown)
@room.doc(responses=refusing("not_yours", "number_mistyped"))
def by_number(number: str) -> Any:
    """An order by its number, as somebody typed it; a slip of the pen never leads to another's order."""
    return said(_shown(find_by_number(g.session, g.who, number)))


@room.post("/orders/<key:order>/cancel")
@room.input(CancelAsked)
@room.output(OrderShown)
@room.doc(responses=refusing("not_yours", "wrong_state"))
def end(order: int, json_data: CancelAsked) -> Any:
    """Cancel an order; twice is once."""
    gone = cancel(g.session, g.who, order, json_data.reason, g.now)
    return said(_shown(gone), words.CANCELLED.format(number=spoken(gone.number or "")))


def _shown(order: Order) -> OrderShown:
    listing = g.session.get_one(Listing, order.listing_id)
    centre = g.session.get_one(ServiceCentre, order.centre_id)
    number = order.number or ""
    return OrderShown(
        id=order.id, number=number, number_text=spoken(number), listing_id=listing.id, service=listing.title,
        category=listing.category, beneficiary_id=order.beneficiary_id,
        beneficiary=g.session.get_one(Person, order.beneficiary_id).name, state=order.state,
        state_text=words.STATE_NAMES[order.state], provider=_provider(order), preferred_at=order.preferred_at,
        preferred_at_text=when_two(order.preferred_at, centre.tz, ZoneInfo(g.who.zone)),
        answers=answered(listing, order), note=order.note, reason=order.reason,
        centre=PlaceShown(id=centre.id, name=centre.name, phone=centre.phone), created_at=order.created_at,
        may=["cancel"] if order.state in LIVE_ORDERS else [],
    )  # fmt: skip


def answered(listing: Listing, order: Order) -> list[Answered]:
    """The questions of a service with what was answered."""
    return [Answered(question=asked, answer=value) for asked, value in words.asked(listing.questions, order.answers)]


def _provider(order: Order) -> str | None:
    """The organisation that has taken the order on; None while nobody has."""
    query = (
        select(Organisation.name).join(Assignment, Assignment.organisation_id == Organisation.id)
        .where(Assignment.order_id == order.id, Assignment.state.in_(HOLDING)).order_by(Assignment.id.desc())
    )  # fmt: skip
    name: str | None = g.session.scalar(query.limit(1))
    return name
