"""What organisations do with an order: accept it (the first one wins, in the database), decline, hand back, finish."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.life import BY_RULE, By
from models.messages.letters import Letter
from models.messages.outbox import post
from models.ordering.assignments import ASSIGNMENT, Assignment, assigned_to, taken_from
from models.ordering.lending import order_over
from models.ordering.news import STILL_ASKED, facts_for_provider, spare, tell, tell_on_the_way
from models.ordering.offers import end_offers, offer_next
from models.ordering.orders import ORDER, Order, locked, turn
from models.ordering.sla import end_pause
from models.ordering.visits import VISIT, comes_at, end_looking, end_pressing, goers_of, let_go, live_visit, stand_down
from models.people.identities import Who
from models.people.staff import Organisation, members_of, memberships
from models.tasks.desk import settle_for
from models.tasks.undelivered import take_back

REASON_LIMIT = 200
SET_OUT_WITHIN = timedelta(hours=12)  # before the service: a tap days before is a slip of the thumb


def accept(session: Session, who: Who, assignment_id: int, now: datetime) -> Order:
    """A member takes the order on for the organisation; whoever has taken it on and says so again is answered again.

    Raises Refused("not_yours") for a stranger, Refused("already_taken") when another was first (a member of the same
    organisation or of another), Refused("order_gone") when it was cancelled meanwhile, Refused("offer_over") when the
    offer was declined or waited too long.
    """
    assignment, order, won = _take(session, who, assignment_id, now)
    if not won:
        return order
    by = By(who.person_id, "provider")
    take_back(session, assignment.subject, now)
    take_back(session, order.subject, now, but_not=Letter.kind != "ordering.nag")
    settle_for(session, order.subject, "cancel", by=BY_RULE, now=now, kinds=("order_unanswered", "order_overdue"))
    end_pause(session, order, now)
    _have_it_again(session, assignment, by, now)
    for other in end_offers(session, order, now, but=assignment.id):
        for member in members_of(session, other.organisation_id):
            post(
                session, key=f"{other.subject}/taken/{member.id}", person_id=member.id, kind="ordering.taken",
                facts=facts_for_provider(session, order), subject=other.subject, now=now,
            )  # fmt: skip
    _tell(session, order, assignment, "accept", by, now)
    return order


def _have_it_again(session: Session, assignment: Assignment, by: By, now: datetime) -> None:
    """That the organisation's earlier assignments were withdrawn is not so any more, but to who was named to go: they
    need not, until they are named again."""
    for earlier in taken_from(session, assignment):
        named = goers_of(session, earlier.id) - {by.person_id}
        take_back(session, earlier.subject, now, but_not=Letter.person_id.in_(named))
        settle_for(session, earlier.subject, "cancel", by=BY_RULE, now=now)


def _take(session: Session, who: Who, assignment_id: int, now: datetime) -> tuple[Assignment, Order, bool]:
    """Take the order for this assignment; the last is False when this very person has it already.

    The order is held only while it is open. PostgreSQL (READ COMMITTED) looks again at a row that it had to wait for:
    of those who stand in line it lets all but the first go at once, with nothing held, and they ask why
    (tests/bench/accepting.py measures what that saves).
    """
    asked = {"offer": assignment_id, "person": who.person_id}
    mine = session.execute(_HOLD, asked).first() is None and _has_it(session, who, asked)
    assignment, order = assigned_to(session, who, assignment_id)
    if mine:
        return assignment, order, False
    _check_stands(assignment.state, order.state)
    by = By(who.person_id, "provider")
    ORDER.move(session, order, "accept", by=by, now=now)
    ASSIGNMENT.move(session, assignment, "accept", by=by, now=now, answered_by_id=who.person_id, answered_at=now)
    return assignment, order, True


# Made once: fifty people ask the same thing in the same second.
_OFFERED = (
    select(Order.id, Order.state, Assignment.state.label("offer"), Assignment.answered_by_id)
    .join(Assignment, Assignment.order_id == Order.id)
    .where(Assignment.id == bindparam("offer"), Assignment.organisation_id.in_(memberships(bindparam("person"))))
)  # fmt: skip
_HOLD = _OFFERED.where(Order.state == "open").with_for_update(of=Order, key_share=True)


def _has_it(session: Session, who: Who, asked: Mapping[str, int]) -> bool:
    """Whether this very person has taken the order that could not be held; raises like `accept`."""
    found = session.execute(_OFFERED, asked).one_or_none()
    if found is None:
        raise Refused("not_yours")
    if found.offer != "accepted" or found.answered_by_id != who.person_id:
        _check_stands(found.offer, found.state)
        return False
    return True


def decline(session: Session, who: Who, assignment_id: int, reason: str, now: datetime) -> Order:
    """A member declines for the organisation; the next one is offered the order. Twice is once.

    Raises Refused like `accept`.
    """
    assignment, order, by = _held(session, who, assignment_id)
    if assignment.state == "declined" and assignment.answered_by_id == who.person_id:
        return order
    _check_stands(assignment.state, order.state)
    why = reason.strip()[:REASON_LIMIT]
    ASSIGNMENT.move(
        session, assignment, "decline", by=by, now=now, note=why, reason=why, answered_by_id=who.person_id,
        answered_at=now,
    )  # fmt: skip
    take_back(session, assignment.subject, now)
    offer_next(session, order, now)
    return order


def hand_back(session: Session, who: Who, assignment_id: int, reason: str, now: datetime) -> Order:
    """A member gives back an order that the organisation had accepted: the next one is offered it. Twice is once.

    Whom it concerns is told once, here; the next accept is told by itself. Raises Refused("not_yours"), or
    Refused("wrong_state") when the organisation does not hold the order.
    """
    assignment, order, by = _held(session, who, assignment_id)
    if assignment.state == "handed_back":
        return order
    why, at = reason.strip()[:REASON_LIMIT], comes_at(session, order)
    ASSIGNMENT.move(session, assignment, "hand_back", by=by, now=now, note=why, reason=why)
    ORDER.move(session, order, "hand_back", by=by, now=now, note=why)
    take_back(session, order.subject, now, but_not=STILL_ASKED)
    end_pressing(session, order.subject, assignment.subject, now)
    visit = stand_down(session, assignment.id, now)
    if visit is not None:
        spare(session, visit, order, by, now)
    _tell(session, order, assignment, "hand_back", by, now, at, reason=why)
    offer_next(session, order, now)
    return order


def set_out(session: Session, who: Who, assignment_id: int, now: datetime) -> Order:
    """A member is on the way: those who wait for the service hear of it. Twice is once.

    From now on a cancelled order calls them back (`models.ordering.news.call_back`). Raises Refused("not_yours"),
    Refused("too_early", hours=…), or Refused("wrong_state") when the organisation does not hold the order.
    """
    assignment, order, by = _held(session, who, assignment_id)
    if assignment.state == "started":
        return order
    if assignment.state == "accepted" and comes_at(session, order) - now > SET_OUT_WITHIN:
        raise Refused("too_early", hours=SET_OUT_WITHIN // timedelta(hours=1))
    ASSIGNMENT.move(session, assignment, "start", by=by, now=now)
    visit = live_visit(session, assignment.id)
    if visit is not None and visit.state == "scheduled":
        VISIT.move(session, visit, "set_out", by=by, now=now)
    tell_on_the_way(session, order, assignment, by, now)
    return order


def complete(session: Session, who: Who, assignment_id: int, now: datetime) -> Order:
    """A member says that the service was given: the order is over, and what cadres had to do for it. Twice is once.

    Raises Refused("not_yours"), or Refused("wrong_state") when the organisation does not hold the order.
    """
    assignment, order, by = _held(session, who, assignment_id)
    if assignment.state != "done":
        conclude(session, assignment, order, by, now, now)
    return order


def conclude(
    session: Session, assignment: Assignment, order: Order, by: By, happened_at: datetime, now: datetime
) -> None:
    """The service was given, at `happened_at`: assignment, visit and order end. Raises Refused("wrong_state")."""
    ASSIGNMENT.move(session, assignment, "finish", by=by, now=now)
    visit = live_visit(session, assignment.id)
    if visit is not None:
        VISIT.move(session, visit, "finish", by=by, now=now, ended_at=happened_at, reported_at=now)
        let_go(session, visit, now)
    turn(order)
    ORDER.move(session, order, "complete", by=by, now=now, completed_at=happened_at)
    for subject in (order.subject, assignment.subject):
        take_back(session, subject, now)
    settle_for(session, order.subject, "cancel", by=BY_RULE, now=now)
    end_looking(session, order.id, now)
    order_over(session, order, now)
    _tell(session, order, assignment, "complete", by, now)


def _held(session: Session, who: Who, assignment_id: int) -> tuple[Assignment, Order, By]:
    """The assignment and its order as they stand now, the order held; raises Refused("not_yours")."""
    assignment, order = assigned_to(session, who, assignment_id)
    order = locked(session, order.id)
    session.refresh(assignment)
    return assignment, order, By(who.person_id, "provider")


def _check_stands(offer: str, order: str) -> None:
    """Whether an offer may be answered, by its own state and its order's; raises like `accept`."""
    if order in ("cancelled", "unmet"):
        raise Refused("order_gone")
    if order != "open" or offer == "accepted":
        raise Refused("already_taken")
    if offer != "offered":
        raise Refused("offer_over")


def _tell(
    session: Session, order: Order, assignment: Assignment, verb: str, by: By, now: datetime,
    at: datetime | None = None, **facts: str,
) -> None:  # fmt: skip
    """News of an assignment names the organisation; its mark makes a second round news again."""
    name = session.get_one(Organisation, assignment.organisation_id).name
    told = {"organisation": name, **facts}
    tell(session, order, verb, by=by, now=now, mark=f":{assignment.id}", facts=told, at=at)
