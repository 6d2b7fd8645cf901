"""The run sheet: the visits of one day in the order of the day, for whoever goes without signal."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from models.hours import CHINA, instant
from models.ordering.assignments import Assignment
from models.ordering.listings import Listing
from models.ordering.loans import ResourceLoan, brings
from models.ordering.orders import Order
from models.ordering.versions import ListingVersion
from models.ordering.visits import LIVE_VISITS, Visit
from models.people.identities import Who
from models.people.persons import Person
from models.people.staff import areas_under, memberships
from models.places.areas import Area
from models.places.centres import ServiceCentre
from models.places.equipment import Equipment


@dataclass(frozen=True)
class Stop:
    """One visit on the sheet. The phone is the centre's, never the household's."""

    visit_id: int
    starts_at: datetime
    ends_at: datetime
    visitor: str
    beneficiary: str
    village: str
    service: str
    number: str
    questions: list[Any]
    answers: dict[str, Any]
    note: str
    vehicle: str
    phone: str


def run_sheet(session: Session, who: Who, day: date) -> list[Stop]:
    """The live visits of a day in China that somebody's organisations have to do, or that they go to as who is lent."""
    ours = Assignment.organisation_id.in_(memberships(who.person_id))
    return _stops(session, day, or_(ours, (Visit.person_id == who.person_id) & _lent()))


def sheet_below(session: Session, who: Who, day: date) -> list[Stop]:
    """The live visits of a day in China to the villages below a cadre's areas, whoever goes."""
    return _stops(session, day, Order.area_id.in_(areas_under(who.person_id)))


def _lent() -> ColumnElement[bool]:
    """Whether who goes is lent for their visit's order at its time, as `models.ordering.loans.lent_for` has it."""
    this_or_all = or_(ResourceLoan.order_id.is_(None), ResourceLoan.order_id == Order.id)
    return exists().where(brings("person", Visit.person_id, Order.centre_id, Visit.starts_at), this_or_all)


def _stops(session: Session, day: date, which: ColumnElement[bool]) -> list[Stop]:
    begins = instant(day, time(0), CHINA)
    visitor, beneficiary = aliased(Person), aliased(Person)
    # What was asked when it was ordered, whatever is asked by now.
    asked = func.coalesce(ListingVersion.questions, Listing.questions).label("questions")
    query = (
        select(Visit, Order, Listing, Area.name.label("village"), visitor.name.label("visitor"),
               beneficiary.name.label("beneficiary"), Equipment.name.label("vehicle"), ServiceCentre.phone, asked)
        .join(Order, Visit.order_id == Order.id).join(Listing, Order.listing_id == Listing.id)
        .join(Assignment, Visit.assignment_id == Assignment.id).join(Area, Order.area_id == Area.id)
        .join(visitor, Visit.person_id == visitor.id).join(beneficiary, Order.beneficiary_id == beneficiary.id)
        .join(ServiceCentre, Order.centre_id == ServiceCentre.id)
        .outerjoin(Equipment, Visit.vehicle_id == Equipment.id)
        .outerjoin(ListingVersion, Order.version_id == ListingVersion.id)
        .where(Visit.state.in_(LIVE_VISITS), Visit.starts_at >= begins, Visit.starts_at < begins + timedelta(days=1))
        .where(which).order_by(Visit.starts_at, Visit.id)
    )  # fmt: skip
    return [
        Stop(
            row.Visit.id, row.Visit.starts_at, row.Visit.ends_at, row.visitor, row.beneficiary, row.village,
            row.Listing.title, row.Order.number or "", row.questions, row.Order.answers, row.Order.note,
            row.vehicle or "", row.phone,
        )
        for row in session.execute(query)
    ]  # fmt: skip
