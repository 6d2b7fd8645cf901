"""How an order stands for those who wait: who comes and how far they are, by when it is promised, what can be done."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.base import Row
from models.history import History
from models.hours import calendar
from models.ordering.aftercare import OPEN_FOR
from models.ordering.assignments import Assignment
from models.ordering.listings import CentreTerms, Listing, Offered, Terms
from models.ordering.orders import LIVE_ORDERS, UNDO_WITHIN, Order
from models.ordering.ratings import Rating
from models.ordering.sla import due_at
from models.ordering.versions import ListingVersion
from models.ordering.visits import LIVE_VISITS, Visit
from models.people.persons import Person
from models.people.staff import Organisation
from models.places.centres import ServiceCentre

R = TypeVar("R", bound=Row)
HOLDING = ("accepted", "started", "done")  # the assignment whose organisation gives, or gave, the service
SHOWN = (*LIVE_VISITS, "nobody_home")


@dataclass(frozen=True)
class Coming:
    """Who carries an order out. `state` is that of the visit, or "" while nobody has been named."""

    organisation: str
    visitor: str = ""
    starts_at: datetime | None = None
    state: str = ""


@dataclass(frozen=True)
class Whole:
    """One order with all that is said beside it. `due`: by when somebody will have accepted it."""

    terms: Terms
    offer: Offered
    beneficiary: Person
    coming: Coming | None
    due: datetime | None
    rating: int | None
    may: list[str]


def wholes(session: Session, orders: Sequence[Order], now: datetime) -> dict[int, Whole]:
    """Each of these orders as it stands, by its key: as many questions for fifty as for one."""
    if not orders:
        return {}

    def known(table: type[R], keys: Iterable[int | None]) -> dict[int, R]:
        wanted = {key for key in keys if key is not None}
        return {row.id: row for row in session.scalars(select(table).where(table.id.in_(wanted)))} if wanted else {}

    listings, centres = known(Listing, (one.listing_id for one in orders)), known(
        ServiceCentre, (one.centre_id for one in orders)
    )  # fmt: skip
    versions = known(ListingVersion, (one.version_id for one in orders))
    people, keys = known(Person, (one.beneficiary_id for one in orders)), [one.id for one in orders]
    own = select(CentreTerms).where(CentreTerms.listing_id.in_(listings), CentreTerms.centre_id.in_(centres))
    here = {(one.centre_id, one.listing_id): one for one in session.scalars(own)}
    given = dict(session.execute(select(Rating.order_id, Rating.score).where(Rating.order_id.in_(keys))).all())
    goes, ends, book = comings(session, orders), _last_deeds(session, orders), calendar(session)
    return {
        one.id: Whole(
            versions[one.version_id] if one.version_id is not None else listings[one.listing_id],
            Offered(listings[one.listing_id], centres[one.centre_id], here.get((one.centre_id, one.listing_id))),
            people[one.beneficiary_id], goes.get(one.id), due_at(one, book) if one.state == "open" else None,
            given.get(one.id), _may(one, now, ends.get(one.id)),
        )
        for one in orders
    }  # fmt: skip


def coming(session: Session, order: Order) -> Coming | None:
    """Who has the order, or had it; with the visit while it is carried out. None while nobody has it."""
    return comings(session, [order]).get(order.id)


def comings(session: Session, orders: Sequence[Order]) -> dict[int, Coming]:
    """The same for several, by order; two questions."""
    query = (
        select(Assignment, Organisation.name).join(Organisation, Assignment.organisation_id == Organisation.id)
        .where(Assignment.order_id.in_([one.id for one in orders]), Assignment.state.in_(HOLDING))
        .order_by(Assignment.id)
    )  # fmt: skip
    held = {row.Assignment.order_id: row for row in session.execute(query)}
    live = [held[one.id].Assignment.id for one in orders if one.state == "accepted" and one.id in held]
    last = (
        select(Visit, Person.name).join(Person, Visit.person_id == Person.id)
        .where(Visit.assignment_id.in_(live), Visit.state.in_(SHOWN)).order_by(Visit.id)
    )  # fmt: skip
    visits = {row.Visit.assignment_id: row for row in session.execute(last)} if live else {}
    return {one.id: _coming(one, held[one.id], visits) for one in orders if one.id in held}


def _coming(order: Order, held: Any, visits: Mapping[int, Any]) -> Coming:
    if order.state != "accepted":
        return Coming(held.name)
    row = visits.get(held.Assignment.id)
    if row is None:
        return Coming(held.name, state="on_the_way" if held.Assignment.state == "started" else "")
    return Coming(held.name, row.name, row.Visit.starts_at, row.Visit.state)


def promised(session: Session, order: Order) -> datetime | None:
    """By when somebody will have accepted; None where somebody has, or where we wait for the resident's answer."""
    return due_at(order, calendar(session)) if order.state == "open" else None


def may(session: Session, order: Order, now: datetime) -> list[str]:
    """What somebody who sees an order can do with it at this moment; the rules decide again when they do."""
    return _may(order, now, _last_deeds(session, [order]).get(order.id))


def _may(order: Order, now: datetime, last: History | None) -> list[str]:
    if order.state in LIVE_ORDERS:
        return ["cancel"] if order.state == "open" else ["cancel", "complain"]
    if order.state == "cancelled":
        return ["undo"] if _just_cancelled(order, now, last) else ["complain"]
    if order.state == "unmet":
        return ["complain"]
    done_at = order.completed_at
    again = order.state == "completed" and not order.reopened and done_at is not None and done_at + OPEN_FOR > now
    return ["rate", *(["reopen"] if again else []), "complain"]


def _last_deeds(session: Session, orders: Sequence[Order]) -> dict[int, History]:
    """What was done last to each of these orders that was cancelled."""
    ended = {one.subject: one.id for one in orders if one.state == "cancelled"}
    query = select(History).where(History.subject.in_(ended)).order_by(History.id)
    return {ended[row.subject]: row for row in session.scalars(query)} if ended else {}


def _just_cancelled(order: Order, now: datetime, last: History | None) -> bool:
    return (
        last is not None and last.verb == "cancel" and last.at + UNDO_WITHIN >= now and order.preferred_at > now
    )  # fmt: skip
