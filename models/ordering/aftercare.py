"""After the service: once more where it was not right, a question where nobody can tap, and the end after a week."""

from datetime import datetime, timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.life import BY_TIME, By
from models.ordering.complaints import Complaint
from models.ordering.news import tell
from models.ordering.offers import begin_round, offer_next
from models.ordering.orders import ORDER, Order, locked, order_for, turn
from models.ordering.placing import check_wished, hold_places
from models.ordering.ratings import Rating, follow_up
from models.ordering.waiting import free_places
from models.people.identities import Identity, Who
from models.people.persons import stay_active
from models.tasks.undelivered import take_back

OPEN_FOR = timedelta(days=7)  # so long an order can be taken up again; then it is closed
ASK_AFTER = timedelta(days=1)
NOTE_LIMIT = 200
AT_ONCE = 200


def reopen(session: Session, who: Who, order_id: int, reason: str, preferred_at: datetime, now: datetime) -> Order:
    """It was not right: once, within a week, the same order is offered anew for another time. Twice is once.

    Raises Refused("not_yours"), ("not_active"), ("wrong_state"), ("reopened_already"), ("too_late", days=…), or like
    `check_wished` and `hold_places`.
    """
    seen, role = order_for(session, who, order_id)
    stay_active(session, seen.beneficiary_id)
    order = locked(session, order_id)
    if order.reopened and order.state != "completed":
        return order
    if order.reopened:
        raise Refused("reopened_already")
    if order.state == "closed" or (order.completed_at is not None and order.completed_at + OPEN_FOR <= now):
        raise Refused("too_late", days=OPEN_FOR.days)
    check_wished(preferred_at, now)
    why, by = reason.strip()[:NOTE_LIMIT], By(who.person_id, role)
    ORDER.move(
        session, order, "reopen", by=by, now=now, note=why, reopened=True, preferred_at=preferred_at,
        completed_at=None, nagged_hours=None, asked_after=False, promised_from=now, paused_minutes=0,
        where={"reopened": False},
    )  # fmt: skip
    turn(order)
    with session.begin_nested():  # a place at the new time for that of the old
        free_places(session, order, now)
        hold_places(session, order)
    take_back(session, order.subject, now)
    begin_round(session, order)
    tell(session, order, "reopen", by=by, now=now, facts={"reason": why})
    offer_next(session, order, now)
    return order


def ask_after(session: Session, now: datetime) -> int:
    """A day after a service a cadre asks those whom nobody can ask in WeChat how it was; answers how many are new.

    Nobody asks of a service that has been rated; of one that was given a second time they do.
    """
    reachable = exists().where(
        Identity.person_id == Order.beneficiary_id, Identity.kind == "official_account",
        Identity.following.is_(True), Identity.reachable.is_(True),
    )  # fmt: skip
    rated = exists().where(Rating.order_id == Order.id, Rating.changed_at >= Order.completed_at)
    query = (
        select(Order).where(Order.state == "completed", Order.asked_after.is_(False), ~reachable, ~rated)
        .where(Order.completed_at <= now - ASK_AFTER).order_by(Order.id).limit(AT_ONCE)
        .with_for_update(key_share=True, skip_locked=True)
    )  # fmt: skip
    found = session.scalars(query, execution_options={"populate_existing": True}).all()
    for order in found:
        order.asked_after = True
        follow_up(session, order, "no_wechat", order.area_id, now)
    session.flush()
    return len(found)


def close_old(session: Session, now: datetime) -> int:
    """Orders that were completed a week ago are closed, where nobody waits for an answer to a complaint."""
    complained = exists().where(Complaint.order_id == Order.id, Complaint.state == "open")
    query = (
        select(Order).where(Order.state == "completed", Order.completed_at <= now - OPEN_FOR, ~complained)
        .order_by(Order.id).limit(AT_ONCE).with_for_update(key_share=True, skip_locked=True)
    )  # fmt: skip
    old = session.scalars(query, execution_options={"populate_existing": True}).all()
    for order in old:
        turn(order)
        ORDER.move(session, order, "close", by=BY_TIME, now=now)
    return len(old)
