"""Orders for which people come to a centre: whom a closure of it reaches beside the family calls."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.ordering.listings import Listing
from models.ordering.orders import LIVE_ORDERS, Order
from models.ordering.versions import ListingVersion
from models.ordering.visits import LIVE_VISITS, Visit
from models.people.identities import Who
from models.people.persons import Person
from models.people.staff import areas_under
from models.places.centres import ServiceCentre
from models.places.days import Days


def at_centre(session: Session, who: Who, centre_id: int | None, days: Days) -> list[Any]:
    """Rows of (Order, ServiceCentre, service, beneficiary, at) in these days, in order of time.

    Those below this cadre's areas; without a centre, of every one. An order is done at the time of its visit, and where
    there is none yet at the time that was wished for. What is done at somebody's home, or brought there, does not need
    the centre.
    """
    since, until = days.span()
    at = func.coalesce(Visit.starts_at, Order.preferred_at, type_=Order.preferred_at.type).label("at")
    mode = func.coalesce(ListingVersion.mode, Listing.mode)
    query = (
        select(Order, ServiceCentre, Listing.title.label("service"), Person.name.label("beneficiary"), at)
        .join(Listing, Order.listing_id == Listing.id).join(Person, Order.beneficiary_id == Person.id)
        .join(ServiceCentre, Order.centre_id == ServiceCentre.id)
        .outerjoin(ListingVersion, Order.version_id == ListingVersion.id)
        .outerjoin(Visit, (Visit.order_id == Order.id) & Visit.state.in_(LIVE_VISITS))
        .where(Order.state.in_(LIVE_ORDERS), mode == "at_centre")
        .where(Order.area_id.in_(areas_under(who.person_id)), at >= since, at < until)
        .order_by(at, Order.id)
    )  # fmt: skip
    if centre_id is not None:
        query = query.where(Order.centre_id == centre_id)
    return [row for row in session.execute(query) if days.hold(row.at, row.ServiceCentre)]
