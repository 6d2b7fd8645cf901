"""Orders for which people come to a centre: whom a closure of it reaches beside the family calls."""

from collections.abc import Sequence
from datetime import datetime
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


def at_centres(session: Session, who: Who, centres: Sequence[int], since: datetime, until: datetime) -> list[Any]:
    """Rows of (Order, ServiceCentre, service, beneficiary, at) below this cadre's areas, in order of time.

    An order is done at the time of its visit, and where there is none yet at the time that was wished for. What is
    done at somebody's home, or brought there, does not need the centre.
    """
    at = func.coalesce(Visit.starts_at, Order.preferred_at, type_=Order.preferred_at.type).label("at")
    mode = func.coalesce(ListingVersion.mode, Listing.mode)
    query = (
        select(Order, ServiceCentre, Listing.title.label("service"), Person.name.label("beneficiary"), at)
        .join(Listing, Order.listing_id == Listing.id).join(Person, Order.beneficiary_id == Person.id)
        .join(ServiceCentre, Order.centre_id == ServiceCentre.id)
        .outerjoin(ListingVersion, Order.version_id == ListingVersion.id)
        .outerjoin(Visit, (Visit.order_id == Order.id) & Visit.state.in_(LIVE_VISITS))
        .where(Order.centre_id.in_(centres), Order.state.in_(LIVE_ORDERS), mode == "at_centre")
        .where(Order.area_id.in_(areas_under(who.person_id)), at >= since, at < until)
        .order_by(at, Order.id)
    )  # fmt: skip
    return list(session.execute(query))
