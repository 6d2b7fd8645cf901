"""Nobody has accepted and the time draws near: who should answer is reminded, then those above on working days."""

from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.messages.outbox import post
from models.ordering.assignments import Assignment
from models.ordering.matching import answering
from models.ordering.news import facts_for, urgency
from models.ordering.offers import AT_LEAST, PHONE_WITHIN, in_hand, waking
from models.ordering.orders import Order
from models.people.staff import cadres_over
from models.places.areas import Area
from models.tasks.desk import open_task
from models.tasks.escalation import raise_now

NAG_HOURS = (48, 24, 3)  # before the wished time
CADRES_FROM = 24  # from here on the cadres hear of it as well


def nag(session: Session, now: datetime) -> int:
    """Remind of the orders that nobody has accepted, once at each point; answers how many orders.

    Of several points that are past, because the order came late or the clock was away, only the nearest is spoken of.
    Nobody is reminded at night, nor while the resident has to answer first.
    """
    if waking(now) != now:
        return 0
    query = select(Order.id, Order.preferred_at, Order.nagged_hours).where(
        Order.state == "open", Order.paused_since.is_(None), Order.preferred_at > now,
        Order.preferred_at <= now + timedelta(hours=NAG_HOURS[0]),
        or_(Order.nagged_hours.is_(None), Order.nagged_hours > NAG_HOURS[-1]),
    )  # fmt: skip
    due = [
        (row.id, hours) for row in session.execute(query.order_by(Order.id))
        if (hours := _point(row.preferred_at, now)) < (row.nagged_hours or NAG_HOURS[0] + 1)
    ]  # fmt: skip
    return sum(_nag(session, key, hours, now) for key, hours in due)


def _point(preferred_at: datetime, now: datetime) -> int:
    """The nearest point that is past."""
    return min(hours for hours in NAG_HOURS if preferred_at - timedelta(hours=hours) <= now)


def _nag(session: Session, order_id: int, hours: int, now: datetime) -> bool:
    order = _still_open(session, order_id)
    if order is None or (order.nagged_hours is not None and order.nagged_hours <= hours):
        return False
    order.nagged_hours = hours
    standing = list(
        session.scalars(select(Assignment).where(Assignment.order_id == order.id, Assignment.state == "offered"))
    )
    # Who was asked a moment ago has just heard of it; who was asked at night hears of it in the morning.
    asked = [one.organisation_id for one in standing if waking(one.offered_at) <= now - AT_LEAST]
    readers = {member.id for organisation in asked for member in answering(session, organisation)}
    if hours <= CADRES_FROM or not standing:
        readers |= {cadre.id for cadre in cadres_over(session, session.get_one(Area, order.area_id))}
    facts = facts_for(session, order)
    again = "/again" if order.reopened else ""  # for the same wish, perhaps
    for reader in sorted(readers):
        post(
            session, key=f"{order.subject}/nag/{hours}/{reader}{again}", person_id=reader, kind="ordering.nag",
            facts=facts, subject=order.subject, now=now, urgency=urgency(order, now), useful_until=order.preferred_at,
            about_id=order.beneficiary_id,
        )  # fmt: skip
    session.flush()
    return True


def raise_unanswered(session: Session, now: datetime) -> int:
    """Orders wanted within the last point's hours go to the cadres above, in a working day's hours; answers how many.

    It is the first step of the task's own escalation: the clock of working days takes the next.
    """
    soon = select(Order.id).where(
        Order.state == "open", Order.paused_since.is_(None), Order.preferred_at > now,
        Order.preferred_at <= now + timedelta(hours=NAG_HOURS[-1]),
    )  # fmt: skip
    return sum(_raise(session, key, now) for key in session.scalars(soon.order_by(Order.id)).all())


def _raise(session: Session, order_id: int, now: datetime) -> int:
    order = _still_open(session, order_id)
    if order is None:
        return 0
    task = in_hand(session, order)
    if task is None:
        task = open_task(
            session, key=f"{order.subject}/unanswered/soon/{order.revision}", kind="order_unanswered",
            area_id=order.area_id, subject=order.subject, facts=facts_for(session, order),
            person_id=order.beneficiary_id, now=now, due_at=min(order.preferred_at, now + PHONE_WITHIN),
        )  # fmt: skip
    return raise_now(session, task.id, now)


def _still_open(session: Session, order_id: int) -> Order | None:
    """The order, held, if it is open still; what somebody has in hand at this moment is left to them."""
    return session.scalar(
        select(Order).where(Order.id == order_id, Order.state == "open")
        .with_for_update(key_share=True, skip_locked=True),
        execution_options={"populate_existing": True},
    )  # fmt: skip
