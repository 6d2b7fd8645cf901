"""Offering an order to organisations, and their answers: the first accept wins, in the database."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.errors import Refused
from models.life import BY_RULE, By
from models.messages.outbox import post
from models.ordering.assignments import ASSIGNMENT, Assignment
from models.ordering.listings import Listing, providers_of
from models.ordering.orders import ORDER, Order
from models.people.identities import Who
from models.people.persons import Person
from models.people.staff import Organisation, StaffRole, cadres_over, is_member, members_of
from models.places.areas import Area
from models.places.centres import ServiceCentre
from models.tasks.desk import open_task

PHONE_WITHIN = timedelta(hours=8)


def offer_next(session: Session, order: Order, facts: dict[str, Any], now: datetime) -> Assignment | None:
    """Offer an order to the next organisation that has not had it; with none left it becomes a cadre's task."""
    had = set(session.scalars(select(Assignment.organisation_id).where(Assignment.order_id == order.id)))
    chosen = next((key for key in providers_of(session, order.listing_id) if key not in had), None)
    if chosen is None:
        open_task(
            session, key=f"{order.subject}/unanswered", kind="order_unanswered", area_id=order.area_id,
            subject=order.subject, facts=facts, person_id=order.beneficiary_id, now=now, due_at=now + PHONE_WITHIN,
        )  # fmt: skip
        return None
    assignment = Assignment(order_id=order.id, organisation_id=chosen, offered_at=now)
    session.add(assignment)
    ASSIGNMENT.begin(session, assignment, by=BY_RULE, now=now)
    for member in members_of(session, chosen):
        post(
            session, key=f"assignment:{assignment.id}/offered/{member.id}", person_id=member.id,
            kind="ordering.offered", facts={**facts, "assignment": assignment.id}, subject=order.subject, now=now,
        )  # fmt: skip
    return assignment


def accept(session: Session, who: Who, assignment_id: int, now: datetime) -> Order:
    """A member takes the order on for the organisation.

    Raises Refused("not_yours") for a stranger, Refused("already_taken") when another was first (a member of the same
    organisation or of another), Refused("order_gone") when it was cancelled meanwhile.
    """
    assignment, order = offered_to(session, who, assignment_id)
    by = By(who.person_id, "provider")
    try:
        with session.begin_nested():
            ASSIGNMENT.move(
                session, assignment, "accept", by=by, now=now, answered_by_id=who.person_id, answered_at=now
            )
            ORDER.move(session, order, "accept", by=by, now=now)
    except IntegrityError as error:
        raise Refused("already_taken") from error
    except Refused as refusal:
        session.refresh(order)
        if refusal.code != "wrong_state":
            raise
        gone = order.state in ("cancelled", "unmet")
        raise Refused("order_gone" if gone else "already_taken") from refusal
    for other in live_assignments(session, order.id, end_with="withdraw", now=now, but=assignment.id):
        for member in members_of(session, other.organisation_id):
            _tell(session, order, member.id, "taken", now, assignment=other.id)
    for reader in _concerned(session, order) - {who.person_id}:
        _tell(session, order, reader, "accepted", now, organisation=assignment.organisation_id)
    return order


def decline(session: Session, who: Who, assignment_id: int, reason: str, now: datetime) -> Order:
    """A member declines for the organisation; the next one is offered the order.

    Raises Refused("not_yours"), or Refused("already_taken") when the offer no longer stands.
    """
    assignment, order = offered_to(session, who, assignment_id)
    try:
        ASSIGNMENT.move(
            session, assignment, "decline", by=By(who.person_id, "provider"), now=now, note=reason[:200],
            reason=reason[:200], answered_by_id=who.person_id, answered_at=now,
        )  # fmt: skip
    except Refused as refusal:
        raise Refused("already_taken" if refusal.code == "wrong_state" else refusal.code) from refusal
    if order.state == "open":
        offer_next(session, order, facts_for(session, order), now)
    return order


def offered_to(session: Session, who: Who, assignment_id: int) -> tuple[Assignment, Order]:
    """An offer and its order, for a member of that organisation; raises Refused("not_yours") for anybody else."""
    assignment = session.get(Assignment, assignment_id)
    if assignment is None or not is_member(session, who.person_id, assignment.organisation_id):
        raise Refused("not_yours")
    return assignment, session.get_one(Order, assignment.order_id)


def jobs_of(session: Session, who: Who) -> list[tuple[Assignment, Order, Listing]]:
    """The open offers and accepted orders of this person's organisations, offers first."""
    mine = select(StaffRole.organisation_id).where(
        StaffRole.person_id == who.person_id, StaffRole.ended_at.is_(None), StaffRole.organisation_id.is_not(None)
    )
    query = (
        select(Assignment, Order, Listing)
        .join(Order, Assignment.order_id == Order.id).join(Listing, Order.listing_id == Listing.id)
        .where(Assignment.organisation_id.in_(mine), Assignment.state.in_(("offered", "accepted", "started")))
        .order_by(Assignment.state.desc(), Order.preferred_at)
    )  # fmt: skip
    return [(row.Assignment, row.Order, row.Listing) for row in session.execute(query)]


def live_assignments(
    session: Session, order_id: int, *, end_with: str, now: datetime, but: int | None = None
) -> list[Assignment]:
    """End the offers and acceptances of an order that still stand, with one verb; answers them."""
    query = select(Assignment).where(Assignment.order_id == order_id, Assignment.state.in_(("offered", "accepted")))
    ended = [a for a in session.scalars(query).all() if a.id != but]
    for assignment in ended:
        ASSIGNMENT.move(session, assignment, end_with, by=BY_RULE, now=now)
    return ended


def _concerned(session: Session, order: Order) -> set[int]:
    """The one who ordered, and the cadres of the village."""
    area = session.get_one(Area, order.area_id)
    return {order.requested_by_id, *(cadre.id for cadre in cadres_over(session, area))}


def facts_for(session: Session, order: Order) -> dict[str, Any]:
    """What a letter about an order needs to know; no phone of a resident and no address."""
    listing = session.get_one(Listing, order.listing_id)
    centre = session.get_one(ServiceCentre, order.centre_id)
    return {
        "order": order.id, "number": order.number, "service": listing.title,
        "beneficiary": session.get_one(Person, order.beneficiary_id).name,
        "requester": session.get_one(Person, order.requested_by_id).name,
        "preferred_at": order.preferred_at.isoformat(), "centre": centre.name, "phone": centre.phone,
    }  # fmt: skip


def _tell(session: Session, order: Order, reader: int, word: str, now: datetime, *, organisation: int | None = None,
          assignment: int | None = None) -> None:  # fmt: skip
    facts = facts_for(session, order)
    if organisation is not None:
        facts["organisation"] = session.get_one(Organisation, organisation).name
    mark = f"assignment:{assignment}" if assignment else order.subject
    post(session, key=f"{mark}/{word}/{reader}", person_id=reader, kind=f"ordering.{word}", facts=facts,
         subject=order.subject, now=now)  # fmt: skip
