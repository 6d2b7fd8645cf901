"""The organisation's side in the mini-program: its offers, answered; who goes; on the way, arrived, done."""

from typing import Annotated, Any

from apiflask import APIBlueprint
from flask import g
from pydantic import AwareDatetime, Field

from handlers.envelope import NO_NUL, Asked, Instant, Key, Shown, refusing, said
from handlers.ordering import page_words, words
from handlers.ordering.api import Answered, answered
from handlers.words import when
from models.hours import calendar
from models.ordering.assignments import STANDING, Assignment, assigned_to, jobs_of
from models.ordering.dispatch import accept, complete, decline, hand_back, set_out
from models.ordering.listings import Listing, Terms
from models.ordering.matching import able_members
from models.ordering.offers import answer_by
from models.ordering.orders import Order
from models.ordering.versions import terms_of
from models.ordering.visiting import arrive, find_nobody, name_person
from models.ordering.visits import Visit, live_visit
from models.people.persons import Person
from models.places.areas import Area
from models.places.centres import ServiceCentre

room = APIBlueprint("offers", __name__, tag="offers")

_ANSWERED = ("not_yours", "already_taken", "order_gone", "offer_over")


class Why(Asked):
    """Why not; "" where it is not said."""

    reason: Annotated[str, Field(max_length=200, pattern=NO_NUL)] = ""


class WhoAsked(Asked):
    """Who goes, and when where it is another time than the wished one."""

    person_id: Key
    starts_at: AwareDatetime | None = None


class HappenedAsked(Asked):
    """When it happened, where that was told later: a phone may have had no signal."""

    happened_at: AwareDatetime | None = None


class Member(Shown):
    """Somebody of the organisation who can go."""

    id: int
    name: str


class Members(Shown):
    """A list of them."""

    items: list[Member]
    next: int | None = None


class Going(Shown):
    """Who goes and when, and how far they are."""

    id: int
    person_id: int
    person: str
    starts_at: Instant
    starts_at_text: str
    state: str
    state_text: str


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
    visit: Going | None
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


@room.post("/offers/<key:offer>/start")
@room.output(OfferShown)
@room.doc(responses=refusing("not_yours", "wrong_state", "too_early"))
def leave(offer: int) -> Any:
    """On the way: those who wait for the service are told."""
    set_out(g.session, g.who, offer, g.now)
    return said(_mine(offer), words.SET_OUT)


@room.get("/offers/<key:offer>/members")
@room.output(Members)
@room.doc(responses=refusing("not_yours"))
def members(offer: int) -> Any:
    """Who can go: with certificates good on that day, and not away."""
    found, order = assigned_to(g.session, g.who, offer)
    listing = g.session.get_one(Listing, order.listing_id)
    able = able_members(g.session, found.organisation_id, order, listing)
    return said(Members(items=[Member(id=one.id, name=one.name) for one in able]))


@room.post("/offers/<key:offer>/visit")
@room.input(WhoAsked)
@room.output(OfferShown)
@room.doc(
    responses=refusing(
        "not_yours", "wrong_state", "bad_time", "too_far", "not_member", "not_qualified", "time_off", "travel",
        "slot_taken",
    )
)  # fmt: skip
def send(offer: int, json_data: WhoAsked) -> Any:
    """Name who goes; another than before stands in, and the household is told."""
    assigned_to(g.session, g.who, offer)
    name_person(g.session, g.who, offer, json_data.person_id, now=g.now, starts_at=json_data.starts_at)
    return said(_mine(offer), page_words.JOB_TOLD["named"])


@room.post("/visits/<key:visit>/arrive")
@room.input(HappenedAsked)
@room.output(OfferShown)
@room.doc(responses=refusing("not_yours", "wrong_state", "bad_time"))
def arrived(visit: int, json_data: HappenedAsked) -> Any:
    """Whoever goes has arrived; also told later."""
    found = arrive(g.session, g.who, visit, json_data.happened_at or g.now, g.now)
    return said(_of(found), page_words.JOB_TOLD["arrived"])


@room.post("/visits/<key:visit>/nobody-home")
@room.input(HappenedAsked)
@room.output(OfferShown)
@room.doc(responses=refusing("not_yours", "wrong_state", "bad_time"))
def nobody(visit: int, json_data: HappenedAsked) -> Any:
    """Nobody opened the door: family and village are told at once; the order stands."""
    found = find_nobody(g.session, g.who, visit, json_data.happened_at or g.now, g.now)
    return said(_of(found), words.NOBODY_HOME)


def _of(visit: Visit) -> OfferShown:
    """The offer behind a visit, for a member or for who goes."""
    offer = g.session.get_one(Assignment, visit.assignment_id)
    return _shown(offer, g.session.get_one(Order, visit.order_id))


def _mine(offer: int) -> OfferShown:
    return _shown(*assigned_to(g.session, g.who, offer))


def _shown(offer: Assignment, order: Order) -> OfferShown:
    terms = terms_of(g.session, order)
    until = answer_by(offer, order, calendar(g.session)) if offer.state == "offered" else None
    centre = g.session.get_one(ServiceCentre, order.centre_id)
    visit = live_visit(g.session, offer.id) if offer.state in STANDING else None
    return OfferShown(
        id=offer.id, state=offer.state, state_text=words.JOB_STATES.get(offer.state, words.JOB_OVER),
        service=terms.title, category=terms.category, visit=_going(visit, centre) if visit else None,
        job=_job(terms, order, centre) if offer.state in STANDING else None, answer_by=until,
        answer_by_text=when(until, centre.tz) if until else None, may=_may(offer, visit, terms),
    )  # fmt: skip


def _may(offer: Assignment, visit: Visit | None, terms: Terms) -> list[str]:
    if offer.state == "offered":
        return ["accept", "decline"]
    if offer.state not in STANDING:
        return []
    out = ["start"] if offer.state == "accepted" and terms.mode != "at_centre" else []
    named = visit is None or visit.state == "scheduled"
    who = ["visit"] if offer.state == "accepted" and named else []
    there = [] if visit is None else ["nobody_home"] if visit.state == "arrived" else ["arrive", "nobody_home"]
    return [*who, *out, *there, "hand_back", "complete"]


def _going(visit: Visit, centre: ServiceCentre) -> Going:
    return Going(
        id=visit.id, person_id=visit.person_id, person=g.session.get_one(Person, visit.person_id).name,
        starts_at=visit.starts_at, starts_at_text=when(visit.starts_at, centre.tz), state=visit.state,
        state_text=page_words.VISIT_STATES[visit.state],
    )  # fmt: skip


def _job(listing: Terms, order: Order, centre: ServiceCentre) -> Job:
    return Job(
        village=g.session.get_one(Area, order.area_id).name,
        beneficiary=g.session.get_one(Person, order.beneficiary_id).name, preferred_at=order.preferred_at,
        preferred_at_text=when(order.preferred_at, centre.tz), answers=answered(listing, order), note=order.note,
        centre=centre.name, centre_phone=centre.phone,
    )  # fmt: skip
