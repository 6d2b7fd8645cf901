"""How an order stands for those who wait: who comes and how far they are, by when it is promised, what can be done."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.history import history_of
from models.hours import calendar
from models.ordering.aftercare import OPEN_FOR
from models.ordering.assignments import Assignment
from models.ordering.ending import UNDO_WITHIN
from models.ordering.orders import LIVE_ORDERS, Order
from models.ordering.sla import due_at
from models.ordering.visits import LIVE_VISITS, Visit
from models.people.persons import Person
from models.people.staff import Organisation

HOLDING = ("accepted", "started", "done")  # the assignment whose organisation gives, or gave, the service
SHOWN = (*LIVE_VISITS, "nobody_home")


@dataclass(frozen=True)
class Coming:
    """Who carries an order out. `state` is that of the visit, or "" while nobody has been named."""

    organisation: str
    visitor: str = ""
    starts_at: datetime | None = None
    state: str = ""


def coming(session: Session, order: Order) -> Coming | None:
    """Who has the order, or had it; with the visit while it is carried out. None while nobody has it."""
    query = (
        select(Assignment, Organisation.name).join(Organisation, Assignment.organisation_id == Organisation.id)
        .where(Assignment.order_id == order.id, Assignment.state.in_(HOLDING)).order_by(Assignment.id.desc())
    )  # fmt: skip
    found = session.execute(query.limit(1)).first()
    if found is None:
        return None
    assignment, organisation = found
    if order.state != "accepted":
        return Coming(organisation)
    last = (
        select(Visit, Person.name).join(Person, Visit.person_id == Person.id)
        .where(Visit.assignment_id == assignment.id, Visit.state.in_(SHOWN)).order_by(Visit.id.desc()).limit(1)
    )  # fmt: skip
    row = session.execute(last).first()
    if row is None:
        return Coming(organisation, state="on_the_way" if assignment.state == "started" else "")
    return Coming(organisation, row[1], row[0].starts_at, row[0].state)


def promised(session: Session, order: Order) -> datetime | None:
    """By when somebody will have accepted; None where somebody has, or where we wait for the resident's answer."""
    return due_at(order, calendar(session)) if order.state == "open" else None


def may(session: Session, order: Order, now: datetime) -> list[str]:
    """What somebody who sees an order can do with it at this moment; the rules decide again when they do."""
    if order.state in LIVE_ORDERS:
        return ["cancel"] if order.state == "open" else ["cancel", "complain"]
    if order.state == "cancelled":
        return ["undo"] if _just_cancelled(session, order, now) else ["complain"]
    if order.state == "unmet":
        return ["complain"]
    done_at = order.completed_at
    again = order.state == "completed" and not order.reopened and done_at is not None and done_at + OPEN_FOR > now
    return ["rate", *(["reopen"] if again else []), "complain"]


def _just_cancelled(session: Session, order: Order, now: datetime) -> bool:
    last = history_of(session, order.subject)[-1]
    return last.verb == "cancel" and last.at + UNDO_WITHIN >= now and order.preferred_at > now
