"""What a desk asks of the orders that nobody has taken: a few of them in full, who could do one, who could go."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.ordering.assignments import Assignment
from models.ordering.listings import Listing, providers_of
from models.ordering.matching import able_members, match
from models.ordering.orders import Order
from models.ordering.visits import Visit, live_visit
from models.people.persons import Person
from models.people.staff import Organisation
from models.places.areas import Area


@dataclass(frozen=True)
class Clubs:
    """The organisations on a listing's list: those that fit, the best first; those to be borrowed; those that cannot.

    The first of them could go today; the second serve other villages; the third have nobody who answers or can.
    """

    inside: list[Organisation]
    outside: list[Organisation]
    unable: list[Organisation]


@dataclass(frozen=True)
class Going:
    """Who has accepted an order, who of them could go, and the visit where somebody is named."""

    assignment: Assignment
    members: list[Person]
    visit: Visit | None


def in_full(session: Session, orders: Collection[int]) -> dict[int, Any]:
    """Rows of (Order.id, service, category, beneficiary, area, asked) by order; `asked`: whose answer is awaited."""
    query = (
        select(
            Order.id, Listing.title.label("service"), Listing.category, Person.name.label("beneficiary"),
            Area.name.label("area"), Organisation.name.label("asked"),
        )
        .join(Listing, Order.listing_id == Listing.id).join(Person, Order.beneficiary_id == Person.id)
        .join(Area, Order.area_id == Area.id)
        .outerjoin(Assignment, (Assignment.order_id == Order.id) & (Assignment.state == "offered"))
        .outerjoin(Organisation, Assignment.organisation_id == Organisation.id)
        .where(Order.id.in_(orders)).order_by(Assignment.id)
    )  # fmt: skip
    return {row.id: row for row in session.execute(query)}


def clubs_for(session: Session, order: Order) -> Clubs:
    """The organisations that offer this service, by whether they can do this order."""
    found, keys = match(session, order), providers_of(session, order.listing_id)
    known = {one.id: one for one in session.scalars(select(Organisation).where(Organisation.id.in_(keys)))}
    fit = (*found.inside, *found.outside)
    return Clubs(
        [known[key] for key in found.inside], [known[key] for key in found.outside],
        [known[key] for key in keys if key not in fit],
    )  # fmt: skip


def going_to(session: Session, order: Order) -> Going | None:
    """Who has accepted the order and could go; None while nobody has, or when they are on the way."""
    query = select(Assignment).where(Assignment.order_id == order.id, Assignment.state == "accepted")
    assignment = session.scalar(query)
    if assignment is None:
        return None
    listing = session.get_one(Listing, order.listing_id)
    able = able_members(session, assignment.organisation_id, order, listing)
    return Going(assignment, able, live_visit(session, assignment.id))
