"""The figures of a month: what was asked, done and left undone, how soon, how well, and for how many people."""

from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from statistics import median
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from models.hours import CHINA, WorkCalendar, calendar, instant
from models.ordering.assignments import Assignment
from models.ordering.listings import Listing
from models.ordering.orders import Order
from models.ordering.ratings import Rating
from models.ordering.sla import due_at
from models.people.identities import Who
from models.people.persons import Person
from models.people.staff import Organisation, areas_under
from models.places.areas import Area
from models.places.centres import ServiceCentre

YEARS = range(2000, 2100)
SERVED = ("completed", "closed")
TAKEN = ("accepted", "started", "done", "handed_back", "withdrawn")  # somebody said yes, whatever came after


@dataclass(frozen=True)
class Figures:
    """One service of one centre in a month, or the sum of all (centre and service are "").

    `people`: beneficiaries, each once however often they ordered. `wait`: the median from ordering, or from taking the
    order up again, to the first acceptance after it; None while nobody has accepted any. `kept` of `promised` promises
    were kept; what is still in time, or was cancelled before anybody accepted, is no promise yet. `rating`: the mean of
    1 to 5; None without any.
    """

    centre: str
    service: str
    category: str
    orders: int
    served: int
    unmet: int
    cancelled: int
    people: int
    wait: timedelta | None
    kept: int
    promised: int
    rating: float | None
    rated: int


def month_of(moment: datetime) -> date:
    """The first day of an instant's month in China."""
    return moment.astimezone(CHINA).date().replace(day=1)


def read_month(text: str) -> date | None:
    """The month behind "2026-11"; None for whatever is none, or lies outside what anybody has kept."""
    try:
        month = date.fromisoformat(f"{text}-01")
    except ValueError:
        return None
    return month if month.year in YEARS else None


def after(month: date) -> date:
    """The first day of the month after."""
    return (month + timedelta(days=31)).replace(day=1)


def report(session: Session, scope: Select[int] | None, month: date, now: datetime) -> tuple[list[Figures], Figures]:
    """The figures of the orders placed in a month, by centre and service, and their sum: two questions in all.

    `scope`: the areas of the beneficiaries (None: everywhere). Cancellations, orders that are under way and orders
    that nobody could do are all demand.
    """
    book, lines = calendar(session), list(session.execute(_lines(scope, month)))
    groups = defaultdict[Hashable, list[Any]](list)
    for line in lines:
        groups[line.centre, line.service, line.category].append(line)
    named = [_figures(str(key[0]), str(key[1]), str(key[2]), rows, book, now) for key, rows in _sorted(groups)]
    return named, _figures("", "", "", lines, book, now)


def report_for(session: Session, who: Who, month: date, now: datetime) -> tuple[list[Figures], Figures]:
    """The same below a cadre's areas; nothing for anybody else."""
    return report(session, areas_under(who.person_id), month, now)


def rows_for(session: Session, who: Who, month: date) -> list[Any]:
    """The orders behind the figures, one row each, with whom they were for: to be masked before it leaves the house."""
    query = _lines(areas_under(who.person_id), month).add_columns(
        Order.number, Order.reason, Person.name.label("beneficiary"), Person.phone, Area.name.label("area"),
        _accepted(Organisation.name),
    )  # fmt: skip
    query = query.join(Person, Order.beneficiary_id == Person.id).join(Area, Order.area_id == Area.id)
    return list(session.execute(query.order_by(Order.id)).all())


def _lines(scope: Select[int] | None, month: date) -> Select[Any]:
    begins, ends = (instant(day, time(0), CHINA) for day in (month, after(month)))
    query = (
        select(
            Order, ServiceCentre.name.label("centre"), Listing.title.label("service"), Listing.category,
            _accepted(None), Rating.score,
        )
        .join(Listing, Order.listing_id == Listing.id).join(ServiceCentre, Order.centre_id == ServiceCentre.id)
        .outerjoin(Rating, Rating.order_id == Order.id)
        .where(Order.created_at >= begins, Order.created_at < ends)
    )  # fmt: skip
    return query if scope is None else query.where(Order.area_id.in_(scope))


def _accepted(what: Any) -> ColumnElement[Any]:
    """When somebody first accepted since the clock runs (an order that was taken up again has a new one), or, with an
    organisation's name, who had the order last."""
    mine = (Assignment.order_id == Order.id, Assignment.state.in_(TAKEN), Assignment.answered_at.is_not(None))
    if what is None:
        began = func.coalesce(Order.promised_from, Order.created_at)
        first = select(func.min(Assignment.answered_at)).where(*mine, Assignment.answered_at >= began)
        return first.correlate(Order).scalar_subquery().label("accepted_at")
    last = select(what).join(Assignment, Assignment.organisation_id == Organisation.id).where(*mine)
    return last.order_by(Assignment.id.desc()).limit(1).correlate(Order).scalar_subquery().label("organisation")


def _sorted(groups: dict[Hashable, list[Any]]) -> Iterable[tuple[Any, list[Any]]]:
    return sorted(groups.items(), key=lambda one: str(one[0]))


def _figures(centre: str, service: str, category: str, rows: list[Any], book: WorkCalendar, now: datetime) -> Figures:
    states = [row.Order.state for row in rows]
    accepted = [row for row in rows if row.accepted_at is not None]
    waits = [row.accepted_at - (row.Order.promised_from or row.Order.created_at) for row in accepted]
    promises = [kept for row in rows if (kept := _kept(row, book, now)) is not None]
    scores = [row.score for row in rows if row.score is not None]
    return Figures(
        centre, service, category, len(rows), sum(state in SERVED for state in states), states.count("unmet"),
        states.count("cancelled"), len({row.Order.beneficiary_id for row in rows}), median(waits) if waits else None,
        sum(promises), len(promises), sum(scores) / len(scores) if scores else None, len(scores),
    )  # fmt: skip


def _kept(row: Any, book: WorkCalendar, now: datetime) -> bool | None:
    """Whether somebody accepted in time; None while that is open, and for what ended before anybody had to."""
    order: Order = row.Order
    due = due_at(order, book)
    if row.accepted_at is not None:
        return due is None or row.accepted_at <= due
    if order.state == "unmet":
        return False
    return False if order.state == "open" and due is not None and due <= now else None
