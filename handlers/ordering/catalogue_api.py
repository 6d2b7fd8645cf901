"""The catalogue for the mini-program: what a centre offers today, on which terms, with its questions and next times."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint
from flask import g
from pydantic import Field

from handlers.envelope import NOT_CHANGED, Asked, Instant, Shown, refusing, said
from handlers.ordering.catalogue_words import QUOTA_PER, for_whom, given, order_by, season, who_may
from handlers.ordering.fitting import area_names
from handlers.ordering.words import CATEGORY_NAMES
from handlers.words import when_two
from models.errors import Refused
from models.ordering.listings import CATEGORIES, EMERGENCIES, Listing, Offered, offered
from models.ordering.tallies import places_left
from models.ordering.times import next_times
from models.places.centres import ServiceCentre

room = APIBlueprint("catalogue", __name__, tag="catalogue")


class Question(Shown):
    """One question of a service, in the words of Open311 GeoReport v2: its datatypes are string, number, datetime,
    text, singlevaluelist and multivaluelist."""

    code: str
    datatype: str
    description: str
    required: bool
    values: list[str]


class Rule(Shown):
    """Whom a service is for. `effect` is "warn" (order again with `code` in `warned`) or "block"."""

    code: str
    effect: str
    text: str


class ListingShown(Shown):
    """One service on the list of one centre. What is "" or null is not said, or without a limit.

    `order_by` is until when one orders, `when` when it is given. An emergency service is telephoned for, not ordered.
    """

    id: int
    code: str
    centre_id: int
    category: str
    category_name: str
    title: str
    summary: str
    mode: str
    questions: list[Question]
    who_may: str
    rules: list[Rule]
    when: str
    order_by: str
    bring: str
    price: str
    minutes: int
    capacity: int | None
    capacity_per: str
    quota: str
    phone: str
    emergency: bool


class Listings(Shown):
    """A list of services."""

    items: list[ListingShown]
    next: int | None = None


class ListingsAsked(Asked):
    """Of which kind of help; without one, all."""

    category: Annotated[Literal[CATEGORIES], Field()] | None = None  # type: ignore[valid-type]


class TimeShown(Shown):
    """One time at which a service can be had; `places_left` is null where as many come as like."""

    at: Instant
    at_text: str
    places_left: int | None


class Times(Shown):
    """The next times."""

    items: list[TimeShown]
    next: int | None = None


@room.get("/centres/<key:centre>/listings")
@room.input(ListingsAsked, location="query")
@room.output(Listings)
@room.doc(responses={**NOT_CHANGED, **refusing("not_yours")})
def listings(centre: int, query_data: ListingsAsked) -> Any:
    """What a centre offers today."""
    found = g.session.get(ServiceCentre, centre)
    if found is None:
        raise Refused("not_yours")
    offers = offered(g.session, found, g.now, category=query_data.category)
    names = area_names(g.session, [rule for one in offers for rule in one.listing.rules])
    return said(Listings(items=[_shown(one, names) for one in offers]), kept=True)


@room.get("/centres/<key:centre>/listings/<key:listing>/times")
@room.output(Times)
@room.doc(responses=refusing("not_yours", "not_offered"))
def times(centre: int, listing: int) -> Any:
    """The next times at which a centre gives a service, with the places left at each."""
    found = g.session.get(ServiceCentre, centre)
    if found is None:
        raise Refused("not_yours")
    offer = _offer(found, listing)
    items = [
        TimeShown(
            at=moment, at_text=when_two(moment, found.tz, ZoneInfo(g.who.zone)),
            places_left=places_left(g.session, [offer], moment).get(listing),
        )
        for moment in next_times(g.session, offer, g.now)
    ]  # fmt: skip
    return said(Times(items=items))


@room.get("/listings/<key:listing>")
@room.output(ListingShown)
@room.doc(responses={**NOT_CHANGED, **refusing("not_offered")})
def listing(listing: int) -> Any:
    """One service, as long as it is on the list of its own centre."""
    found = g.session.get(Listing, listing)
    if found is None:
        raise Refused("not_offered")
    offer = _offer(g.session.get_one(ServiceCentre, found.centre_id), listing)
    return said(_shown(offer, area_names(g.session, found.rules)), kept=True)


def _offer(centre: ServiceCentre, listing: int) -> Offered:
    found = offered(g.session, centre, g.now, listing_id=listing)
    if not found:
        raise Refused("not_offered")
    return found[0]


def _shown(offer: Offered, areas: Mapping[str, str]) -> ListingShown:
    listing = offer.listing
    questions = [
        Question(
            code=one["code"], datatype=one["datatype"], description=one["description"],
            required=one.get("required", False), values=one.get("values", []),
        ) for one in listing.questions
    ]  # fmt: skip
    rules = [Rule(code=one["code"], effect=one["effect"], text=for_whom(one, areas)) for one in listing.rules]
    return ListingShown(
        id=listing.id, code=listing.code, centre_id=offer.centre.id, category=listing.category,
        category_name=CATEGORY_NAMES[listing.category], title=listing.title, summary=listing.summary,
        mode=listing.mode, questions=questions, who_may=who_may(listing.rules, areas), rules=rules,
        when="，".join(part for part in (season(listing), given(offer.here)) if part), order_by=order_by(listing),
        bring=listing.bring, price=listing.price, minutes=listing.minutes, capacity=offer.capacity,
        capacity_per=listing.capacity_per, phone=offer.phone, emergency=listing.category in EMERGENCIES,
        quota=f"{QUOTA_PER[listing.quota_per]}{listing.quota}" if listing.quota else "",
    )  # fmt: skip
