"""The catalogue for the mini-program: what a centre offers today, with its questions."""

from typing import Annotated, Any, Literal

from apiflask import APIBlueprint
from flask import g
from pydantic import Field

from handlers.envelope import NOT_CHANGED, Asked, Shown, refusing, said
from handlers.ordering.words import CATEGORY_NAMES
from models.errors import Refused
from models.ordering.listings import CATEGORIES, Listing, published
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


class ListingShown(Shown):
    """One service on the list of one centre."""

    id: int
    code: str
    centre_id: int
    category: str
    category_name: str
    title: str
    summary: str
    mode: str
    questions: list[Question]


class Listings(Shown):
    """A list of services."""

    items: list[ListingShown]
    next: int | None = None


class ListingsAsked(Asked):
    """Of which kind of help; without one, all."""

    category: Annotated[Literal[CATEGORIES], Field()] | None = None  # type: ignore[valid-type]


@room.get("/centres/<key:centre>/listings")
@room.input(ListingsAsked, location="query")
@room.output(Listings)
@room.doc(responses={**NOT_CHANGED, **refusing("not_yours")})
def listings(centre: int, query_data: ListingsAsked) -> Any:
    """What a centre offers today."""
    found = g.session.get(ServiceCentre, centre)
    if found is None:
        raise Refused("not_yours")
    items = [_shown(listing) for listing in published(g.session, found, g.now, query_data.category)]
    return said(Listings(items=items), kept=True)


@room.get("/listings/<key:listing>")
@room.output(ListingShown)
@room.doc(responses={**NOT_CHANGED, **refusing("not_offered")})
def listing(listing: int) -> Any:
    """One service, as long as it is on the list."""
    found = g.session.get(Listing, listing)
    centre = g.session.get_one(ServiceCentre, found.centre_id) if found is not None else None
    if centre is None or found not in published(g.session, centre, g.now):
        raise Refused("not_offered")
    return said(_shown(found), kept=True)


def _shown(listing: Listing) -> ListingShown:
    questions = [
        Question(
            code=one["code"], datatype=one["datatype"], description=one["description"],
            required=one.get("required", False), values=one.get("values", []),
        ) for one in listing.questions
    ]  # fmt: skip
    return ListingShown(
        id=listing.id, code=listing.code, centre_id=listing.centre_id, category=listing.category,
        category_name=CATEGORY_NAMES[listing.category], title=listing.title, summary=listing.summary,
        mode=listing.mode, questions=questions,
    )  # fmt: skip
