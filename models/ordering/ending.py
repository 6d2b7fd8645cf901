"""Ends that are not the family's own: the centre calls an order off, a life changes; and an end that is taken back."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.history import history_of
from models.life import BY_RULE, By
from models.ordering.assignments import Assignment
from models.ordering.matching import match
from models.ordering.news import facts_for, tell
from models.ordering.offers import begin_round, make_offer, offer_next
from models.ordering.orders import LIVE_ORDERS, ORDER, UNDO_WITHIN, Order, locked, order_for
from models.ordering.placing import end_order, hold_places
from models.ordering.sla import cadres_order
from models.ordering.visits import end_looking
from models.ordering.waiting import leave_all
from models.people.identities import Who
from models.people.persons import Person, stay_active
from models.tasks.desk import open_task, settle_for
from models.tasks.undelivered import take_back

LOOK_WITHIN = timedelta(hours=24)
NOTE_LIMIT = 200


def call_off(session: Session, who: Who, order_id: int, reason: str, alternative: str, now: datetime) -> Order:
    """The centre cancels: it says why, and what there is instead. Twice is once.

    Raises Refused("not_yours") for anybody but a cadre over the village, ("reason_missing"), ("alternative_needed"), or
    ("wrong_state") when it is over already.
    """
    order = cadres_order(session, who, order_id)
    why, instead = reason.strip()[:NOTE_LIMIT], alternative.strip()[:NOTE_LIMIT]
    if order.state == "cancelled":
        return order
    if not why:
        raise Refused("reason_missing")
    if not instead:
        raise Refused("alternative_needed")
    end_order(session, order, "call_off", By(who.person_id, "cadre"), why, "centre", now, {"alternative": instead})
    return order


def stop_all(session: Session, person: Person, by: By, now: datetime) -> int:
    """A person has died, moved away or is in hospital: their orders to come stop at once; answers how many.

    Who was to come hears that they need not. Nobody else hears anything: not the family, not even that it stopped, and
    what waited to be said to anybody about it is taken back.
    """
    query = select(Order.id).where(Order.beneficiary_id == person.id, Order.state.in_(LIVE_ORDERS)).order_by(Order.id)
    keys = list(session.scalars(query))
    for key in keys:
        order = locked(session, key)
        if order.state in LIVE_ORDERS:
            end_order(session, order, "stop", By(by.person_id, "rule"), "", "stopped", now)
    leave_all(session, person, now)
    over = select(Order).where(
        Order.beneficiary_id == person.id, Order.state.not_in(LIVE_ORDERS), Order.end_code != "stopped"
    )
    for order in session.scalars(over).all():
        if order.id not in keys:
            take_back(session, order.subject, now)
            settle_for(session, order.subject, "cancel", by=BY_RULE, now=now)
            end_looking(session, order.id, now)
    return len(keys)


def undo(session: Session, who: Who, order_id: int, now: datetime) -> Order:
    """A cancellation is taken back within ten minutes: whoever had the order is asked first. Twice is once.

    The last word counts, whoever of the family says it, and all of them hear it. Raises Refused("not_yours"),
    ("not_active") for somebody who is not here any more, ("wrong_state") for what was not cancelled by the family,
    ("too_late_to_undo"), or ("full") and ("quota_used") when others have taken its place meanwhile.
    """
    seen, role = order_for(session, who, order_id)
    stay_active(session, seen.beneficiary_id)
    order = locked(session, order_id)
    if order.state in LIVE_ORDERS:
        return order
    last = history_of(session, order.subject)[-1]
    if order.state != "cancelled" or last.verb != "cancel":
        raise Refused("wrong_state", state=order.state)
    if last.at + UNDO_WITHIN < now or order.preferred_at <= now:
        raise Refused("too_late_to_undo")
    by = By(who.person_id, role)
    held = _held_before(session, order)
    with session.begin_nested():
        hold_places(session, order)
    ORDER.move(session, order, "undo", by=by, now=now, reason="", end_code="")
    take_back(session, order.subject, now)
    tell(session, order, "undo", by=by, now=now, mark=f":{last.id}", facts={})
    open_task(
        session, key=f"{order.subject}/new/{last.id}", kind="order_new", area_id=order.area_id, subject=order.subject,
        facts=facts_for(session, order), person_id=order.beneficiary_id, now=now, due_at=now + LOOK_WITHIN, by=by,
    )  # fmt: skip
    begin_round(session, order)
    if held is not None and held in match(session, order).inside:
        make_offer(session, order, held, now)
    else:
        offer_next(session, order, now)
    return order


def _held_before(session: Session, order: Order) -> int | None:
    """The organisation that had the order, or was being asked, when it was cancelled."""
    last = select(Assignment).where(Assignment.order_id == order.id).order_by(Assignment.id.desc()).limit(1)
    found = session.scalar(last)
    return found.organisation_id if found is not None and found.state == "withdrawn" else None
