"""Placing and cancelling an order: for oneself, for someone one is linked to, or by a cadre for anyone below."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.errors import Refused
from models.hours import CHINA
from models.life import BY_RULE, By
from models.messages.outbox import post, withdraw
from models.ordering.dispatch import facts_for, live_assignments, offer_next
from models.ordering.listings import Listing, published
from models.ordering.numbers import heard, number_for
from models.ordering.orders import ORDER, Order
from models.people.care import CareLink
from models.people.contacts import plan_for
from models.people.identities import Who, is_reachable
from models.people.persons import Person
from models.people.scope import act_for
from models.people.staff import members_of
from models.places.areas import Area
from models.places.centres import ServiceCentre, centre_for
from models.tasks.desk import open_task, settle_for

NOTE_LIMIT = 200
HORIZON = timedelta(days=60)
LOOK_WITHIN = timedelta(hours=24)


def place(
    session: Session, who: Who, *, listing_id: int, beneficiary_id: int, answers: dict[str, Any],
    preferred_at: datetime, note: str, client_key: str, now: datetime,
) -> Order:  # fmt: skip
    """Place an order; the same `client_key` again answers the same order.

    The beneficiary's own data are never touched by what the orderer says of themselves. Raises Refused("no_link"),
    ("not_offered"), ("bad_time"), ("note_long") or ("no_contact"): somebody without any way to be told must first
    get a contact plan.
    """
    known = placed_with(session, who, client_key)
    if known is not None:
        return known
    beneficiary, role = act_for(session, who.person_id, beneficiary_id)
    listing, centre = _offered(session, listing_id, beneficiary, now)
    if not now < preferred_at <= now + HORIZON:
        raise Refused("bad_time")
    if len(note) > NOTE_LIMIT:
        raise Refused("note_long", limit=NOTE_LIMIT, length=len(note))
    _check_can_be_told(session, beneficiary, role)
    assert beneficiary.area_id is not None
    order = Order(
        client_key=client_key, listing_id=listing.id, centre_id=centre.id, area_id=beneficiary.area_id,
        requested_by_id=who.person_id, beneficiary_id=beneficiary.id, answers=answers, preferred_at=preferred_at,
        note=note, created_at=now,
    )  # fmt: skip
    try:
        with session.begin_nested():
            session.add(order)
    except IntegrityError:
        return _own(session.execute(select(Order).where(Order.client_key == client_key)).scalar_one(), who)
    order.number = number_for(order.id)
    by = By(who.person_id, "cadre" if role == "cadre" else "requester")
    ORDER.begin(session, order, by=by, now=now)
    facts = facts_for(session, order)
    open_task(
        session, key=f"{order.subject}/new", kind="order_new", area_id=order.area_id, subject=order.subject,
        facts=facts, person_id=beneficiary.id, now=now, due_at=now + LOOK_WITHIN, by=by,
    )  # fmt: skip
    for reader in others_told(session, order) - {who.person_id}:
        post(session, key=f"{order.subject}/placed/{reader}", person_id=reader, kind="ordering.placed", facts=facts,
             subject=order.subject, now=now)  # fmt: skip
    offer_next(session, order, facts, now)
    return order


def placed_with(session: Session, who: Who, client_key: str) -> Order | None:
    """The order that this key has placed already; raises Refused("not_yours") when another person placed it."""
    known = session.scalar(select(Order).where(Order.client_key == client_key))
    return _own(known, who) if known is not None else None


def cancel(session: Session, who: Who, order_id: int, reason: str, now: datetime) -> Order:
    """Cancel an order; twice, or by two people, is once. The offers end, and everybody else it concerns is told.

    Raises Refused("not_yours"), or Refused("wrong_state") when it is done already.
    """
    order, role = order_for(session, who, order_id)
    if order.state == "cancelled":
        return order
    text = reason.strip()[:NOTE_LIMIT]
    ORDER.move(session, order, "cancel", by=By(who.person_id, role), now=now, note=text, reason=text)
    withdraw(session, order.subject, now)
    told: set[int] = others_told(session, order)
    for assignment in live_assignments(session, order.id, end_with="withdraw", now=now):
        told |= {member.id for member in members_of(session, assignment.organisation_id)}
    settle_for(session, order.subject, "cancel", by=BY_RULE, now=now)
    facts = {**facts_for(session, order), "reason": text}
    for reader in told - {who.person_id}:
        post(session, key=f"{order.subject}/cancelled/{reader}", person_id=reader, kind="ordering.cancelled",
             facts=facts, subject=order.subject, now=now, urgency="same_day")  # fmt: skip
    return order


def orders_of(session: Session, who: Who, limit: int = 20) -> list[Order]:
    """The orders this person made, or that were made for this person or somebody they are linked to; newest first."""
    linked = select(CareLink.cared_id).where(CareLink.relative_id == who.person_id, CareLink.state == "confirmed")
    query = (
        select(Order)
        .where(or_(Order.requested_by_id == who.person_id, Order.beneficiary_id == who.person_id,
                   Order.beneficiary_id.in_(linked)))
        .order_by(Order.id.desc()).limit(limit)
    )  # fmt: skip
    return list(session.scalars(query))


def order_for(session: Session, who: Who, order_id: int) -> tuple[Order, str]:
    """The order, and as what this person sees it: "requester", "beneficiary" or "cadre".

    Raises Refused("not_yours") for a stranger, the same whether there is such an order or not.
    """
    order = session.get(Order, order_id)
    if order is None:
        raise Refused("not_yours")
    if order.beneficiary_id == who.person_id:
        return order, "beneficiary"
    try:
        _, role = act_for(session, who.person_id, order.beneficiary_id)
    except Refused as refusal:
        raise Refused("not_yours") from refusal
    return order, "cadre" if role == "cadre" else "requester"


def find_by_number(session: Session, who: Who, text: str) -> Order:
    """The order with a number as somebody typed it; raises Refused("number_mistyped") or Refused("not_yours")."""
    order = session.scalar(select(Order).where(Order.number == heard(text)))
    if order is None:
        raise Refused("not_yours")
    return order_for(session, who, order.id)[0]


def same_day(session: Session, listing_id: int, beneficiary_id: int, preferred_at: datetime) -> Order | None:
    """A living order of the same service for the same person on the same day in China: worth a question first."""
    day = preferred_at.astimezone(CHINA).replace(hour=0, minute=0, second=0, microsecond=0)
    return session.scalar(
        select(Order).where(
            Order.listing_id == listing_id, Order.beneficiary_id == beneficiary_id,
            Order.state.in_(("open", "accepted")),
            Order.preferred_at >= day, Order.preferred_at < day + timedelta(days=1),
        ).limit(1)
    )  # fmt: skip


def others_told(session: Session, order: Order) -> set[int]:
    """Whom a change concerns: the one who ordered, and the beneficiary where WeChat reaches that person at all.

    Somebody who is only reached by phone is not written to: the cadre's task says it to them.
    """
    told = {order.requested_by_id}
    if is_reachable(session, order.beneficiary_id):
        told.add(order.beneficiary_id)
    return told


def _own(order: Order, who: Who) -> Order:
    if order.requested_by_id != who.person_id:
        raise Refused("not_yours")
    return order


def _offered(session: Session, listing_id: int, beneficiary: Person, now: datetime) -> tuple[Listing, ServiceCentre]:
    area = session.get(Area, beneficiary.area_id) if beneficiary.area_id else None
    centre = centre_for(session, area.path) if area else None
    listing = session.get(Listing, listing_id)
    if centre is None or listing is None or listing.id not in {row.id for row in published(session, centre, now)}:
        raise Refused("not_offered")
    return listing, centre


def _check_can_be_told(session: Session, beneficiary: Person, role: str) -> None:
    if role in ("self", "relative") or beneficiary.phone:
        return
    if not is_reachable(session, beneficiary.id) and not plan_for(session, beneficiary.id):
        raise Refused("no_contact")
