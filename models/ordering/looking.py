"""What a desk asks of the orders below a cadre's areas: which there are, and everything about one of them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import String, cast, func, literal, select
from sqlalchemy.orm import Session, aliased

from models.errors import Refused
from models.messages.letters import Letter
from models.ordering.assignments import Assignment
from models.ordering.listings import Listing
from models.ordering.numbers import heard
from models.ordering.orders import LIVE_ORDERS, Order
from models.ordering.versions import ListingVersion
from models.ordering.visits import VISIT, Visit
from models.paging import Asked, Cursor, Page, page
from models.people.identities import Who
from models.people.persons import Person
from models.people.staff import Organisation, areas_under
from models.places.areas import Area
from models.places.centres import ServiceCentre

DOING = ("accepted", "started", "done")  # states of the assignment that carries an order out


@dataclass(frozen=True)
class Question:
    """What the desk looks for; empty parts are not asked. `late`: wanted before now and not over. `number` as said."""

    state: str = ""
    centre_id: int | None = None
    category: str = ""
    late: bool = False
    number: str = ""


def look(session: Session, who: Who, question: Question, now: datetime, cursor: Cursor | None = None) -> Page[Any]:
    """Rows of (Order, service, category, beneficiary, area, organisation), the newest first.

    Raises Refused("number_mistyped") for a number whose check digit does not fit.
    """
    query = _below(who)
    if question.state:
        query = query.where(Order.state == question.state)
    if question.centre_id is not None:
        query = query.where(Order.centre_id == question.centre_id)
    if question.category:
        query = query.where(Listing.category == question.category)
    if question.late:
        query = query.where(Order.state.in_(LIVE_ORDERS), Order.preferred_at < now)
    if question.number:
        query = query.where(Order.number == heard(question.number))
    return page(session, query, (Order.id,), lambda row: (row.Order.id,), cursor, newest_first=True)


def _below(who: Who) -> Asked:
    doing, beneficiary = aliased(Assignment), aliased(Person)
    return (
        select(
            Order, Listing.title.label("service"), Listing.category, beneficiary.name.label("beneficiary"),
            Area.name.label("area"), Organisation.name.label("organisation"), ServiceCentre.name.label("centre"),
            func.coalesce(ListingVersion.questions, Listing.questions).label("questions"),  # as it was asked
        )
        .join(Listing, Order.listing_id == Listing.id).join(beneficiary, Order.beneficiary_id == beneficiary.id)
        .join(Area, Order.area_id == Area.id).join(ServiceCentre, Order.centre_id == ServiceCentre.id)
        .outerjoin(ListingVersion, Order.version_id == ListingVersion.id)
        .outerjoin(doing, (doing.order_id == Order.id) & doing.state.in_(DOING))
        .outerjoin(Organisation, doing.organisation_id == Organisation.id)
        .where(Order.area_id.in_(areas_under(who.person_id)))
    )  # fmt: skip


def one(session: Session, who: Who, order_id: int) -> Any:
    """One row as `look` answers them; raises Refused("not_yours") for an order that is not below this cadre."""
    row = session.execute(_below(who).where(Order.id == order_id).limit(1)).first()
    if row is None:
        raise Refused("not_yours")
    return row


def offers_of(session: Session, order_id: int) -> list[Any]:
    """Rows of (Assignment, organisation, phone) in the order in which they were made."""
    query = (
        select(Assignment, Organisation.name.label("organisation"), Organisation.phone)
        .join(Organisation, Assignment.organisation_id == Organisation.id)
        .where(Assignment.order_id == order_id).order_by(Assignment.id)
    )  # fmt: skip
    return list(session.execute(query).all())


def letters_about(session: Session, order: Order, offers: list[Any]) -> list[Any]:
    """Rows of (Letter, reader): what was said of an order, its offers and its visits, the newest first."""
    subjects = [order.subject, *(offer.Assignment.subject for offer in offers)]
    visits = select(literal(f"{VISIT.name}:") + cast(Visit.id, String)).where(Visit.order_id == order.id)
    query = (
        select(Letter, Person.name.label("reader")).join(Person, Letter.person_id == Person.id)
        .where(Letter.subject.in_(subjects) | Letter.subject.in_(visits)).order_by(Letter.id.desc())
    )  # fmt: skip
    return list(session.execute(query).all())
