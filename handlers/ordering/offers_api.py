"""The organisation's side in the mini-program: its offers, answered, and the end of the work."""

from typing import Annotated, Any

from apiflask import APIBlueprint
from flask import g
from pydantic import Field

from handlers.envelope import NO_NUL, Asked, Instant, Shown, refusing, said
from handlers.ordering import words
from handlers.ordering.api import Answered, answered
from handlers.words import when
from models.hours import calendar
from models.ordering.assignments import STANDING, Assignment, assigned_to, jobs_of
from models.ordering.dispatch import accept, complete, decline, hand_back
from models.ordering.listings import Listing
from models.ordering.offers import answer_by
from models.ordering.orders import Order
from models.people.persons import Person
from models.places.areas import Area
from models.places.centres import ServiceCentre

room = APIBlueprint("offers", __name__, tag="offers")

_ANSWERED = ("not_yours", "already_taken", "order_gone", "offer_over")


class Why(Asked):
    """Why not; "" where it is not said."""

    reason: Annotated[str, Field(max_length=200, pattern=NO_NUL)] = ""


class Job(Shown):
    """What the organisation needs to know; the centre's phone, never the resident's."""

    village: str
    beneficiary: str
    preferred_at: Instant
    preferred_at_text: str
    answers: list[Answered]
    note: str
    centre: str
    centre_phone: str


class OfferShown(Shown):
    """One offer. `job` is there while the organisation has or is offered the order; afterwards nothing of the resident
    is. `answer_by` is there while an answer is waited for."""

    id: int
    state: str
    state_text: str
    service: str
    category: str
    job: Job | None
    answer_by: Instant | None
    answer_by_text: str | None
    may: list[str]


class Offers(Shown):
    """A list of offers."""

    items: list[OfferShown]
    next: int | None = None


@room.get("/offers")
@room.output(Offers)
def mine() -> Any:
    """The open offers and accepted orders of my organisations; empty for who answers for none."""
    return said(Offers(items=[_shown(offer, order) for offer, order, _ in jobs_of(g.session, g.who)]))


@room.get("/offers/<key:offer>")
@room.output(OfferShown)
@room.doc(responses=refusing("not_yours"))
def one(offer: int) -> Any:
    """One offer."""
    return said(_mine(offer))


@room.post("/offers/<key:offer>/accept")
@room.output(OfferShown)
@room.doc(responses=refusing(*_ANSWERED))
def take(offer: int) -> Any:
    """Take the order on; the first who accepts has it."""
    order = accept(g.session, g.who, offer, g.now)
    phone = g.session.get_one(ServiceCentre, order.centre_id).phone
    return said(_mine(offer), words.TAKEN.format(phone=phone))


@room.post("/offers/<key:offer>/decline")
@room.input(Why)
@room.output(OfferShown)
@room.doc(responses=refusing(*_ANSWERED))
def refuse(offer: int, json_data: Why) -> Any:
    """Decline; the next organisation is asked."""
    decline(g.session, g.who, offer, json_data.reason, g.now)
    return said(_mine(offer), words.DECLINED)


@room.post("/offers/<key:offer>/hand-back")
@room.input(Why)
@room.output(OfferShown)
@room.doc(responses=refusing("not_yours", "wrong_state"))
def give_back(offer: int, json_data: Why) -> Any:
    """Give an accepted order back; the next organisation is asked, and who ordered is told."""
    hand_back(g.session, g.who, offer, json_data.reason, g.now)
    return said(_mine(offer), words.HANDED_BACK)


@room.post("/offers/<key:offer>/complete")
@room.output(OfferShown)
@room.doc(responses=refusing("not_yours", "wrong_state"))
def done(offer: int) -> Any:
    """The service was given; there is no way back."""
    complete(g.session, g.who, offer, g.now)
    return said(_mine(offer), words.COMPLETED)


def _mine(offer: int) -> OfferShown:
    return _shown(*assigned_to(g.session, g.who, offer))


def _shown(offer: Assignment, order: Order) -> OfferShown:
    listing = g.session.get_one(Listing, order.listing_id)
    until = answer_by(offer, order, calendar(g.session)) if offer.state == "offered" else None
    centre = g.session.get_one(ServiceCentre, order.centre_id)
    may = {"offered": ["accept", "decline"], "accepted": ["hand_back", "complete"], "started": ["complete"]}
    return OfferShown(
        id=offer.id, state=offer.state, state_text=words.JOB_STATES.get(offer.state, words.JOB_OVER),
        service=listing.title, category=listing.category,
        job=_job(listing, order, centre) if offer.state in STANDING else None, answer_by=until,
        answer_by_text=when(until, centre.tz) if until else None, may=may.get(offer.state, []),
    )  # fmt: skip


def _job(listing: Listing, order: Order, centre: ServiceCentre) -> Job:
    return Job(
        village=g.session.get_one(Area, order.area_id).name,
        beneficiary=g.session.get_one(Person, order.beneficiary_id).name, preferred_at=order.preferred_at,
        preferred_at_text=when(order.preferred_at, centre.tz), answers=answered(listing, order), note=order.note,
        centre=centre.name, centre_phone=centre.phone,
    )  # fmt: skip
