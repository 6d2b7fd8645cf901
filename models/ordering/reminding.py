"""Reminders of a visit: to the resident, or to who ordered for them, and to who goes; by rules, in its transaction."""

from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.messages.reminders import Occasion, Recipient, plan
from models.ordering.assignments import Assignment
from models.ordering.news import facts_for
from models.ordering.orders import Order
from models.ordering.visits import Visit
from models.people.care import CareLink
from models.people.identities import is_reachable
from models.people.persons import Person
from models.people.scope import in_charge_of
from models.people.staff import Organisation
from models.places.areas import Area
from models.tasks.undelivered import end_telling

REMINDER = "ordering.reminder"
ROLES = ("beneficiary", "requester", "provider")
COMING = ("scheduled", "on_the_way")


def remind(session: Session, visit: Visit, order: Order, now: datetime) -> None:
    """Bring the reminders of a visit in line with its time, its people and the rules; twice is once."""
    occasion = Occasion(
        visit.subject, visit.revision, REMINDER, visit.starts_at, _facts(session, visit, order),
        about_id=order.beneficiary_id,
    )  # fmt: skip
    readers = [_household(session, visit, order), (visit.person_id, "provider")]
    plan(session, occasion, [Recipient(key, role, session.get_one(Person, key).tz) for key, role in readers], now)
    end_telling(session, visit.subject, now, before_revision=visit.revision)


def remind_anew(session: Session, now: datetime, person_id: int | None = None) -> int:
    """Plan the reminders of the coming visits anew (of those a person has to do with, with `person_id`); answers how
    many.

    The orders are locked first, as by every rule that moves or ends a visit: what somebody does at this moment must not
    have its old reminders brought back.
    """
    coming = [Visit.state.in_(COMING), Visit.starts_at > now]
    if person_id is not None:
        coming.append(or_(
            Visit.person_id == person_id, Order.beneficiary_id == person_id, Order.requested_by_id == person_id
        ))  # fmt: skip
    orders = select(Order).join(Visit, Visit.order_id == Order.id).where(*coming).order_by(Order.id)
    locked = {
        order.id: order for order in session.scalars(
            orders.with_for_update(of=Order, key_share=True), execution_options={"populate_existing": True}
        )
    }  # fmt: skip
    # Asked again: the lock may have waited for who moved or ended one of them.
    query = select(Visit).join(Order, Visit.order_id == Order.id).where(*coming).order_by(Visit.id)
    visits = session.scalars(query, execution_options={"populate_existing": True}).all()
    held = [visit for visit in visits if visit.order_id in locked]
    for visit in held:
        remind(session, visit, locked[visit.order_id], now)
    return len(held)


def person_moved_zone(session: Session, person_id: int, now: datetime) -> None:
    """Somebody who goes, is visited or has ordered lives elsewhere now: their reminders come at their hour there."""
    remind_anew(session, now, person_id)


def _household(session: Session, visit: Visit, order: Order) -> tuple[int, str]:
    """The resident; where WeChat does not reach them, who ordered for them and may still hear of it.

    Where neither is left it is the resident again, and a cadre phones.
    """
    beneficiary = session.get_one(Person, order.beneficiary_id)
    proxy = order.requested_by_id
    if proxy == beneficiary.id or is_reachable(session, beneficiary.id):
        return beneficiary.id, "beneficiary"
    lasts = or_(CareLink.expires_at.is_(None), CareLink.expires_at > visit.starts_at)
    linked = select(CareLink.id).where(
        CareLink.relative_id == proxy, CareLink.cared_id == beneficiary.id, CareLink.state == "confirmed", lasts
    )
    if session.scalar(linked.limit(1)) is not None or in_charge_of(session, proxy, beneficiary):
        return proxy, "requester"
    return beneficiary.id, "beneficiary"


def _facts(session: Session, visit: Visit, order: Order) -> dict[str, Any]:
    """Who comes, when and where; no address and no phone of a resident."""
    assignment = session.get_one(Assignment, visit.assignment_id)
    return {
        **facts_for(session, order), "organisation": session.get_one(Organisation, assignment.organisation_id).name,
        "visitor": session.get_one(Person, visit.person_id).name,
        "village": session.get_one(Area, order.area_id).name, "preferred_at": visit.starts_at.isoformat(),
        "starts_at": visit.starts_at.isoformat(),
    }  # fmt: skip
