"""Reminders of a visit: to the resident, or to who ordered for them, and to who goes; by rules, in its transaction."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from models.messages.reminders import Occasion, Recipient
from models.ordering.assignments import Assignment
from models.ordering.loans import lent_for
from models.ordering.news import facts_for
from models.ordering.orders import Order
from models.ordering.visits import Visit
from models.people.care import CareLink
from models.people.identities import is_reachable
from models.people.persons import Person
from models.people.scope import in_charge_of
from models.people.staff import Organisation, is_member
from models.places.areas import Area
from models.tasks.undelivered import plan_reminders

REMINDER = "ordering.reminder"
ROLES = ("beneficiary", "requester", "provider")
COMING = ("scheduled", "on_the_way")


def remind(session: Session, visit: Visit, order: Order, now: datetime) -> None:
    """Bring the reminders of a visit in line with its time, its people and the rules; twice is once."""
    occasion = Occasion(
        visit.subject, visit.revision, REMINDER, visit.starts_at, _facts(session, visit, order),
        about_id=order.beneficiary_id,
    )  # fmt: skip
    readers = [_household(session, visit, order)]
    if _goes(session, visit, order):
        readers.append((visit.person_id, "provider"))
    recipients = [Recipient(key, role, session.get_one(Person, key).tz) for key, role in readers]
    plan_reminders(session, occasion, recipients, now)


def coming(session: Session, now: datetime, after: int, most: int) -> Sequence[int]:
    """The keys of so many orders with a visit to come, beyond a key."""
    query = select(Order.id).join(Visit, Visit.order_id == Order.id).where(*_to_come(now), Order.id > after).distinct()
    return session.scalars(query.order_by(Order.id).limit(most)).all()


def remind_these(session: Session, now: datetime, keys: Collection[int]) -> int:
    """Plan the reminders of the coming visits of these orders anew: what an edited rule calls for; answers how many."""
    return _remind_anew(session, now, Order.id.in_(keys))


def remind_who(session: Session, now: datetime, person_id: int) -> int:
    """The same for the coming visits that a person goes to, receives or has ordered."""
    return _remind_anew(session, now, or_(
        Visit.person_id == person_id, Order.beneficiary_id == person_id, Order.requested_by_id == person_id
    ))  # fmt: skip


def _remind_anew(session: Session, now: datetime, which: ColumnElement[bool]) -> int:
    """The orders are locked first, as by every rule that moves or ends a visit: what somebody does at this moment must
    not have its old reminders brought back."""
    these = (*_to_come(now), which)
    orders = select(Order).join(Visit, Visit.order_id == Order.id).where(*these).order_by(Order.id)
    locked = {
        order.id: order for order in session.scalars(
            orders.with_for_update(of=Order, key_share=True), execution_options={"populate_existing": True}
        )
    }  # fmt: skip
    # Asked again: the lock may have waited for who moved or ended one of them.
    query = select(Visit).join(Order, Visit.order_id == Order.id).where(*these).order_by(Visit.id)
    visits = session.scalars(query, execution_options={"populate_existing": True}).all()
    held = [visit for visit in visits if visit.order_id in locked]
    for visit in held:
        remind(session, visit, locked[visit.order_id], now)
    return len(held)


def _to_come(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return Visit.state.in_(COMING), Visit.starts_at > now


def person_moved_zone(session: Session, person_id: int, now: datetime) -> None:
    """Somebody who goes, is visited or has ordered lives elsewhere now: their reminders come at their hour there."""
    remind_who(session, now, person_id)


def _household(session: Session, visit: Visit, order: Order) -> tuple[int, str]:
    """The resident; where WeChat does not reach them, who ordered for them and may still hear of it.

    Where neither is left it is the resident again, and a cadre phones.
    """
    beneficiary = session.get_one(Person, order.beneficiary_id)
    proxy = order.requested_by_id
    gone = session.get_one(Person, proxy).state == "deceased"
    if proxy == beneficiary.id or gone or is_reachable(session, beneficiary.id):
        return beneficiary.id, "beneficiary"
    lasts = or_(CareLink.expires_at.is_(None), CareLink.expires_at > visit.starts_at)
    linked = select(CareLink.id).where(
        CareLink.relative_id == proxy, CareLink.cared_id == beneficiary.id, CareLink.state == "confirmed", lasts
    )
    if session.scalar(linked.limit(1)) is not None or in_charge_of(session, proxy, beneficiary):
        return proxy, "requester"
    return beneficiary.id, "beneficiary"


def _goes(session: Session, visit: Visit, order: Order) -> bool:
    """Whether who was named may go still: who has left the organisation, or was given back, is told no more of it."""
    organisation_id = session.get_one(Assignment, visit.assignment_id).organisation_id
    return is_member(session, visit.person_id, organisation_id) or lent_for(
        session, "person", visit.person_id, order, visit.starts_at
    )


def _facts(session: Session, visit: Visit, order: Order) -> dict[str, Any]:
    """Who comes, when and where; no address and no phone of a resident."""
    assignment = session.get_one(Assignment, visit.assignment_id)
    return {
        **facts_for(session, order), "organisation": session.get_one(Organisation, assignment.organisation_id).name,
        "visitor": session.get_one(Person, visit.person_id).name,
        "village": session.get_one(Area, order.area_id).name, "preferred_at": visit.starts_at.isoformat(),
        "starts_at": visit.starts_at.isoformat(),
    }  # fmt: skip
