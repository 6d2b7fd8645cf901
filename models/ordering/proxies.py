"""A proxy may act for somebody no more while an order of theirs is open: the order stays, and the family is asked."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.life import BY_RULE
from models.messages.outbox import post
from models.ordering.news import facts_for, family_of, urgency
from models.ordering.orders import LIVE_ORDERS, Order
from models.ordering.reminding import remind_who
from models.people.care import CareLink
from models.people.identities import is_reachable
from models.tasks.desk import open_task

ASK_WITHIN = timedelta(hours=24)


def ask_family(session: Session, link: CareLink, now: datetime) -> int:
    """After a link has ended: who is left decides about what the proxy had ordered; answers how many orders.

    The beneficiary and whoever else may act for them hear of it; where WeChat reaches nobody, a cadre asks. The proxy
    is not reminded of visits any more.
    """
    query = select(Order).where(
        Order.requested_by_id == link.relative_id, Order.beneficiary_id == link.cared_id, Order.state.in_(LIVE_ORDERS)
    )
    remind_who(session, now, link.relative_id)
    orders = list(session.scalars(query.order_by(Order.id)))
    family = {link.cared_id, *family_of(session, link.cared_id)} - {link.relative_id}
    readers = sorted(one for one in family if is_reachable(session, one))
    for order in orders:
        facts = facts_for(session, order)
        for reader in readers:
            post(
                session, key=f"{order.subject}/still_wanted:{link.id}/{reader}", person_id=reader,
                kind="ordering.still_wanted", facts=facts, subject=order.subject, now=now,
                urgency=urgency(order, now), about_id=order.beneficiary_id,
            )  # fmt: skip
        if not readers:
            open_task(
                session, key=f"{order.subject}/still_wanted:{link.id}", kind="still_wanted", area_id=order.area_id,
                subject=order.subject, facts=facts, person_id=order.beneficiary_id, now=now,
                due_at=min(now + ASK_WITHIN, max(order.preferred_at, now + timedelta(hours=1))), by=BY_RULE,
            )  # fmt: skip
    return len(orders)
