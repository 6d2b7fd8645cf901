"""Open311 GeoReport v2, to be read by anybody: the services, and what has become of orders, without a single person.

http://wiki.open311.org/GeoReport_v2/ — service requests are orders under the numbers that people have of them. Kinds of
help that say something of a neighbour's health or need do not appear at all, and where is said as the township only.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from apiflask import APIBlueprint
from flask import Response, g, jsonify, request
from sqlalchemy import Row, Select, func, select

from handlers.ordering.standing import HOLDING
from handlers.ordering.words import CATEGORY_NAMES, NAMED_ON_LOCK_SCREENS, STATE_NAMES
from models.errors import Refused
from models.history import History
from models.ordering.assignments import Assignment
from models.ordering.listings import Listing, published
from models.ordering.orders import LIVE_ORDERS, Order
from models.people.staff import Organisation
from models.places.areas import Area, chain
from models.places.centres import ServiceCentre

WINDOW = timedelta(days=90)
MOST = 1000
MOST_NAMED = 100
SHOWN_CATEGORIES = NAMED_ON_LOCK_SCREENS  # what may not stand on a lock screen may not stand here

room = APIBlueprint("open311", __name__, url_prefix="/open311/v2", tag="open311")


def _printed(what: str, kind: str = "array") -> dict[int | str, Any]:
    """How an answer stands in the OpenAPI document; its fields are GeoReport's own."""
    return {
        200: {"description": what, "content": {"application/json": {"schema": {"type": kind}}}},
        404: {"description": "there is no such service or request here"},
        422: {"description": "a date without its zone, or too many numbers"},
        429: {"description": "more than 60 requests in a minute"},
        503: {"description": "the database does not answer"},
    }


@room.get("/services.json")
@room.doc(responses=_printed("The service list"))
def services() -> Any:
    """The services that centres offer today."""
    centres = g.session.scalars(select(ServiceCentre).order_by(ServiceCentre.id)).all()
    offered = [one for centre in centres for one in published(g.session, centre, g.now) if _shows(one)]
    return _public([
        {
            "service_code": one.code, "service_name": one.title, "description": one.summary,
            "metadata": bool(one.questions), "type": "realtime", "keywords": CATEGORY_NAMES[one.category],
            "group": CATEGORY_NAMES[one.category],
        } for one in offered
    ])  # fmt: skip


@room.get("/services/<code>.json")
@room.doc(responses=_printed("The service definition", "object"))
def definition(code: str) -> Any:
    """The questions of one service."""
    listing = g.session.scalar(select(Listing).where(Listing.code == _plain(code)))
    centre = g.session.get_one(ServiceCentre, listing.centre_id) if listing is not None else None
    if centre is None or not _shows(listing) or listing not in published(g.session, centre, g.now):
        raise Refused("not_yours")
    attributes = [
        {
            "variable": True, "code": one["code"], "datatype": one["datatype"],
            "required": one.get("required", False), "datatype_description": "", "order": order,
            "description": one["description"],
            "values": [{"key": value, "name": value} for value in one.get("values", [])],
        } for order, one in enumerate(listing.questions, start=1)
    ]  # fmt: skip
    return _public({"service_code": listing.code, "attributes": attributes})


@room.get("/requests.json")
@room.doc(responses=_printed("The service requests of 90 days, at most 1000, the newest first"))
def requests() -> Any:
    """What has become of orders, by number, service, state and date."""
    query = _orders()
    numbers, codes = _named("service_request_id"), _named("service_code")
    if numbers:
        query = query.where(Order.number.in_(numbers))
    else:
        start, end = _window()
        query = query.where(Order.created_at >= start, Order.created_at <= end)
    if codes:
        query = query.where(Listing.code.in_(codes))
    status = request.args.get("status", "")
    if status == "open":
        query = query.where(Order.state.in_(LIVE_ORDERS))
    elif status == "closed":
        query = query.where(Order.state.not_in(LIVE_ORDERS))
    return _public(_shown(g.session.execute(query.order_by(Order.id.desc()).limit(MOST)).all()))


@room.get("/requests/<number>.json")
@room.doc(responses=_printed("The service request, as a list of one"))
def one_request(number: str) -> Any:
    """What has become of one order, by its number."""
    found = g.session.execute(_orders().where(Order.number == _plain(number))).all()
    if not found:
        raise Refused("not_yours")
    return _public(_shown(found))


def _orders() -> Select[Order, Listing, ServiceCentre, Area]:
    """The orders that may be shown, each with its service, centre and village."""
    return (
        select(Order, Listing, ServiceCentre, Area)
        .join(Listing, Order.listing_id == Listing.id).join(ServiceCentre, Order.centre_id == ServiceCentre.id)
        .join(Area, Order.area_id == Area.id).where(Listing.category.in_(SHOWN_CATEGORIES))
    )  # fmt: skip


def _shown(rows: Iterable[Row[Order, Listing, ServiceCentre, Area]]) -> list[dict[str, Any]]:
    rows = list(rows)
    orders = [row.Order for row in rows]
    updated, agencies = _updated(orders), _agencies(orders)
    townships = {row.Area: _township(row.Area) for row in rows}
    centres = {row.ServiceCentre: _answers_for(row.ServiceCentre) for row in rows}
    return [
        {
            "service_request_id": order.number, "status": "open" if order.state in LIVE_ORDERS else "closed",
            "status_notes": STATE_NAMES[order.state], "service_name": listing.title, "service_code": listing.code,
            "description": None, "agency_responsible": agencies.get(order.id, centres[centre]), "service_notice": None,
            "requested_datetime": _said(order.created_at), "updated_datetime": _said(updated[order.subject]),
            "expected_datetime": _said(order.preferred_at), "address": townships[area], "address_id": None,
            "zipcode": None, "lat": None, "long": None, "media_url": None,
        } for order, listing, centre, area in rows
    ]  # fmt: skip


def _updated(orders: list[Order]) -> dict[str, datetime]:
    """When something last happened to each order, by subject."""
    subjects = {order.subject: order.created_at for order in orders}
    last = select(History.subject, func.max(History.at)).where(History.subject.in_(subjects)).group_by(History.subject)
    return subjects | dict(g.session.execute(last).all())


def _agencies(orders: list[Order]) -> dict[int, str]:
    """The organisation that has, or had, each order; the centre answers for the others."""
    held = (
        select(Assignment.order_id, Organisation.name).join(Organisation, Assignment.organisation_id == Organisation.id)
        .where(Assignment.order_id.in_([order.id for order in orders]), Assignment.state.in_(HOLDING))
        .order_by(Assignment.id)
    )  # fmt: skip
    return dict(g.session.execute(held).all())


def _township(village: Area) -> str:
    """Where, no closer than a township: in a village of thirty everybody knows whose meal it is."""
    above = chain(g.session, village)
    return next((area.name for area in above if area.kind == "township"), above[-1].name)


def _answers_for(centre: ServiceCentre) -> str:
    """Who answers for what nobody has taken on: the centre, and of a village's, whose name is the village's, the
    township."""
    above = chain(g.session, g.session.get_one(Area, centre.area_id))[1:]
    return next((area.name for area in above if area.kind == "township"), centre.name)


def _shows(listing: Listing | None) -> bool:
    return listing is not None and listing.category in SHOWN_CATEGORIES


def _window() -> tuple[datetime, datetime]:
    """The span that is asked for: 90 days at most, the last ones where nothing is said."""
    start, end = _moment("start_date"), _moment("end_date")
    if end is None:
        end = min(start + WINDOW, g.now) if start is not None else g.now
    return max(start or end - WINDOW, end - WINDOW), end


def _moment(name: str) -> datetime | None:
    """A time of the query (W3C: with its zone); raises Refused("invalid")."""
    text = request.args.get(name, "")
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))  # an unescaped plus sign comes as a blank
    except ValueError:
        raise Refused("invalid") from None
    if moment.tzinfo is None or not 2000 <= moment.year <= 2100:
        raise Refused("invalid")
    return moment


def _named(name: str) -> list[str]:
    """A list of the query, divided by commas; raises Refused("invalid") for too many."""
    found = [_plain(part.strip()) for part in request.args.get(name, "").split(",") if part.strip()]
    if len(found) > MOST_NAMED:
        raise Refused("invalid")
    return found


def _plain(text: str) -> str:
    """A text of the address without what no database keeps."""
    return text.replace("\x00", "")[:40]


def _said(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _public(body: Any) -> Response:
    response = jsonify(body)
    response.headers["Cache-Control"] = "public, max-age=60"
    return response
