"""Offers: an order goes to one organisation after the other, each with a time to answer, and then to a cadre."""

from datetime import datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.hours import CHINA, WorkCalendar, calendar, instant
from models.life import BY_RULE, BY_TIME
from models.messages.outbox import post, withdraw
from models.ordering.assignments import ASSIGNMENT, STANDING, Assignment
from models.ordering.listings import providers_of
from models.ordering.news import facts_for, urgency
from models.ordering.orders import Order
from models.people.identities import is_reachable
from models.people.persons import Person
from models.people.staff import members_of
from models.tasks.desk import open_task

PHONE_WITHIN = timedelta(hours=8)
ANSWER_WITHIN = timedelta(hours=4)  # of working time
AT_LEAST = timedelta(minutes=15)  # however soon the service is wanted
AWAKE_FROM, AWAKE_TO = time(8, 0), time(21, 0)  # nobody is asked, or passed over, at night
AT_ONCE = 100  # offers that one sweep ends, so that its transaction stays short


def offer_next(session: Session, order: Order, now: datetime) -> Assignment | None:
    """Offer an order to the next organisation that has not had it and has somebody to answer.

    With none left, or when the wished time has come, it becomes a cadre's task.
    """
    had = list(session.scalars(select(Assignment.organisation_id).where(Assignment.order_id == order.id)))
    facts = facts_for(session, order)
    left = (key for key in providers_of(session, order.listing_id) if key not in had)
    for organisation in left if order.preferred_at > now else ():
        members = answering(session, organisation)
        if not members:
            continue
        assignment = Assignment(order_id=order.id, organisation_id=organisation, offered_at=now)
        session.add(assignment)
        ASSIGNMENT.begin(session, assignment, by=BY_RULE, now=now)
        for member in members:
            post(
                session, key=f"{assignment.subject}/offered/{member.id}", person_id=member.id, kind="ordering.offered",
                facts={**facts, "assignment": assignment.id}, subject=assignment.subject, now=now,
                urgency=urgency(order, now),
            )  # fmt: skip
        return assignment
    open_task(
        session, key=f"{order.subject}/unanswered/{len(had)}", kind="order_unanswered", area_id=order.area_id,
        subject=order.subject, facts=facts, person_id=order.beneficiary_id, now=now, due_at=now + PHONE_WITHIN,
    )  # fmt: skip
    return None


def answering(session: Session, organisation_id: int) -> list[Person]:
    """The members whom an offer reaches; an organisation without any would be offered to silence."""
    return [
        member
        for member in members_of(session, organisation_id)
        if member.state == "active" and is_reachable(session, member.id)
    ]


def end_offers(session: Session, order: Order, now: datetime, *, but: int | None = None) -> list[Assignment]:
    """Withdraw what still stands of an order's assignments, and their letters that nobody has sent; answers them."""
    query = select(Assignment).where(Assignment.order_id == order.id, Assignment.state.in_(STANDING))
    ended = [one for one in session.scalars(query.execution_options(populate_existing=True)).all() if one.id != but]
    for assignment in ended:
        ASSIGNMENT.move(session, assignment, "withdraw", by=BY_RULE, now=now)
        withdraw(session, assignment.subject, now)
    return ended


def answer_by(assignment: Assignment, order: Order, book: WorkCalendar) -> datetime:
    """Until when an offer waits: some hours of working time, or half of what is left before the service is wanted.

    Never at night: then until the next morning.
    """
    since = assignment.offered_at
    half = since + max((order.preferred_at - since) / 2, AT_LEAST)
    until = min(book.add_working_time(since, ANSWER_WITHIN), half)
    local = until.astimezone(CHINA)
    if local.time() < AWAKE_FROM:
        return instant(local.date(), AWAKE_FROM, CHINA)
    if local.time() >= AWAKE_TO:
        return instant(local.date() + timedelta(days=1), AWAKE_FROM, CHINA)
    return until


def expire_offers(session: Session, now: datetime) -> int:
    """End the offers that nobody answered in time and go on to the next organisation; answers how many.

    An order that somebody is answering at this moment is left to them, and to the next sweep. Nothing ends at night,
    also when the clock was away in the evening.
    """
    if not AWAKE_FROM <= now.astimezone(CHINA).time() < AWAKE_TO:
        return 0
    book, ended = calendar(session), 0
    query = (
        select(Assignment, Order).join(Order, Assignment.order_id == Order.id)
        .where(Assignment.state == "offered", Assignment.offered_at <= now - AT_LEAST).order_by(Order.id)
    )  # fmt: skip
    late = [row.Order.id for row in session.execute(query) if answer_by(row.Assignment, row.Order, book) <= now]
    for order_id in late:
        ended += _expire(session, order_id, book, now)
        if ended >= AT_ONCE:
            break
    return ended


def _expire(session: Session, order_id: int, book: WorkCalendar, now: datetime) -> int:
    """End the late offers of one order and offer it on."""
    fresh = {"populate_existing": True}
    order = session.scalar(
        select(Order).where(Order.id == order_id).with_for_update(key_share=True, skip_locked=True),
        execution_options=fresh,
    )
    if order is None:
        return 0
    standing = select(Assignment).where(Assignment.order_id == order_id, Assignment.state == "offered")
    late = [one for one in session.scalars(standing, execution_options=fresh) if answer_by(one, order, book) <= now]
    for assignment in late:
        ASSIGNMENT.move(session, assignment, "expire", by=BY_TIME, now=now, answered_at=now)
        withdraw(session, assignment.subject, now)
    if late and order.state == "open":
        offer_next(session, order, now)
    return len(late)
