"""Orders for the mini-program: placed for oneself or a linked person, followed, found by number, cancelled."""

from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint
from flask import g
from pydantic import AwareDatetime, Field

from handlers.envelope import NO_NUL, Asked, ClientKey, Instant, Key, PageAsked, Shown, refusing, said
from handlers.ordering import page_words, words
from handlers.ordering.standing import Coming, Whole, wholes
from handlers.reach import warned
from handlers.words import when_two
from models.ordering.listings import Terms
from models.ordering.numbers import spoken
from models.ordering.orders import Order, find_by_number, order_for, orders_of, same_day
from models.ordering.placing import cancel, place
from models.places.centres import ServiceCentre

room = APIBlueprint("orders", __name__, tag="orders")

Value = (
    Annotated[int, Field(ge=-(10**9), le=10**9)]
    | Annotated[str, Field(max_length=2000, pattern=NO_NUL)]
    | Annotated[list[Annotated[str, Field(max_length=200, pattern=NO_NUL)]], Field(max_length=50)]
)
Answers = dict[Annotated[str, Field(max_length=40, pattern=NO_NUL)], Value]


class WishAsked(Asked):
    """What is wished for whom, when and how."""

    listing_id: Key
    beneficiary_id: Key | None = None  # None: for myself
    answers: Answers = Field({}, max_length=50)
    preferred_at: AwareDatetime
    note: Annotated[str, Field(max_length=2000, pattern=NO_NUL)] = ""
    # The codes that an `ask_eligible` named: read by whoever orders, and wanted all the same.
    warned: list[Annotated[str, Field(max_length=40, pattern=NO_NUL)]] = Field([], max_length=20)


class OrderAsked(WishAsked):
    """A new order. `client_key` makes it one however often, and under whatever Idempotency-Key, it is sent."""

    client_key: ClientKey


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


class VisitShown(Shown):
    """Who comes, when, and how far they are; `visitor` is "" where only the organisation is known."""

    visitor: str
    starts_at: Instant | None
    starts_at_text: str
    state: str
    state_text: str


class OrderShown(Shown):
    """One order, on the terms on which it was placed. `number_text` is the number as people read it out; `promised_by`
    is there while an organisation is looked for; `may` names what the caller can still do."""

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
    visit: VisitShown | None
    promised_by: Instant | None
    promised_by_text: str
    preferred_at: Instant
    preferred_at_text: str
    answers: list[Answered]
    note: str
    reason: str
    bring: str
    price: str
    minutes: int
    phone: str
    rating: int | None
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
        "bad_time", "too_far", "note_long", "no_contact", "not_yours", "ask_eligible", "not_eligible", "emergency",
        "full", "quota_used", "too_soon", "closed_already", "out_of_season", "not_then",
    )
)  # fmt: skip
def new(json_data: OrderAsked) -> Any:
    """Place an order for myself or for a person who is linked to me.

    `ask_eligible` names in `data.rules` the conditions that may not fit: ask, and order again with them as `warned`.
    Where the same service is ordered for the same person and day already, `msg` says so, with what to do.
    """
    order = place(
        g.session, g.who, listing_id=json_data.listing_id, beneficiary_id=json_data.beneficiary_id or g.who.person_id,
        answers=dict(json_data.answers), preferred_at=json_data.preferred_at, note=json_data.note,
        client_key=json_data.client_key, now=g.now, warned=json_data.warned,
    )  # fmt: skip
    order, _ = order_for(g.session, g.who, order.id)  # the same key again may come from who may not see it any more
    made = shown(order)
    text = words.PLACED.format(
        number=made.number_text, beneficiary=made.beneficiary, service=made.service, wanted=made.preferred_at_text
    )
    twin = same_day(g.session, order.listing_id, order.beneficiary_id, order.preferred_at, but_not=order.id)
    if twin is not None:
        text += words.TWICE_THAT_DAY.format(number=spoken(twin.number or ""))
    people = [g.who.person_id, order.beneficiary_id]
    return said(made, warned(text, g.session, people, g.who.person_id))


@room.get("/orders")
@room.input(PageAsked, location="query")
@room.output(Orders)
def mine(query_data: PageAsked) -> Any:
    """My orders and those of the people I may act for, the newest first."""
    found = orders_of(g.session, g.who, query_data.limit + 1, before=query_data.cursor)
    page = found[: query_data.limit]
    rest = page[-1].id if len(found) > len(page) else None
    return said(Orders(items=all_shown(page), next=rest))


@room.get("/orders/<key:order>")
@room.output(OrderShown)
@room.doc(responses=refusing("not_yours"))
def one(order: int) -> Any:
    """One order."""
    return said(shown(order_for(g.session, g.who, order)[0]))


@room.get("/orders/by-number/<number>")
@room.output(OrderShown)
@room.doc(responses=refusing("not_yours", "number_mistyped"))
def by_number(number: str) -> Any:
    """An order by its number, as somebody typed it; a slip of the pen never leads to another's order."""
    return said(shown(find_by_number(g.session, g.who, number)))


@room.post("/orders/<key:order>/cancel")
@room.input(CancelAsked)
@room.output(OrderShown)
@room.doc(responses=refusing("not_yours", "wrong_state"))
def end(order: int, json_data: CancelAsked) -> Any:
    """Cancel an order; twice is once."""
    gone = cancel(g.session, g.who, order, json_data.reason, g.now)
    return said(shown(gone), words.CANCELLED.format(number=spoken(gone.number or "")))


def shown(order: Order) -> OrderShown:
    """One order as the mini-program shows it."""
    return all_shown([order])[0]


def all_shown(orders: list[Order]) -> list[OrderShown]:
    """Several, with as many questions as one."""
    known = wholes(g.session, orders, g.now)
    return [_shown(order, known[order.id]) for order in orders]


def _shown(order: Order, whole: Whole) -> OrderShown:
    terms, centre, number, who = whole.terms, whole.offer.centre, order.number or "", whole.coming
    over = order.state in ("completed", "closed")
    return OrderShown(
        id=order.id, number=number, number_text=spoken(number), listing_id=order.listing_id, service=terms.title,
        category=terms.category, beneficiary_id=order.beneficiary_id, beneficiary=whole.beneficiary.name,
        state=order.state, state_text=words.STATE_NAMES[order.state], provider=who.organisation if who else None,
        visit=_visit(who, centre) if who and who.state else None, promised_by=whole.due,
        promised_by_text=words.PROMISED.format(due=_both(whole.due, centre)) if whole.due else "",
        preferred_at=order.preferred_at, preferred_at_text=_both(order.preferred_at, centre),
        answers=answered(terms, order), note=order.note, reason=order.reason, bring=terms.bring, price=terms.price,
        minutes=terms.minutes, phone=whole.offer.phone, rating=whole.rating if over else None,
        centre=PlaceShown(id=centre.id, name=centre.name, phone=centre.phone), created_at=order.created_at,
        may=whole.may,
    )  # fmt: skip


def _visit(who: Coming, centre: ServiceCentre) -> VisitShown:
    return VisitShown(
        visitor=who.visitor, starts_at=who.starts_at, state=who.state, state_text=page_words.VISIT_STATES[who.state],
        starts_at_text=_both(who.starts_at, centre) if who.starts_at else "",
    )  # fmt: skip


def answered(terms: Terms, order: Order) -> list[Answered]:
    """The questions of a service with what was answered."""
    return [Answered(question=asked, answer=value) for asked, value in words.asked(terms.questions, order.answers)]


def _both(moment: datetime, centre: ServiceCentre) -> str:
    return when_two(moment, centre.tz, ZoneInfo(g.who.zone))
