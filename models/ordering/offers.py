"""Offers: an order goes to one organisation after the other, each with a time to answer, and then to a cadre."""

from datetime import datetime, time, timedelta

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from models.hours import CHINA, WorkCalendar, calendar, instant
from models.life import BY_RULE, BY_TIME, By
from models.messages.outbox import post
from models.ordering.assignments import ASSIGNMENT, STANDING, Assignment, taken_from
from models.ordering.matching import answering, match
from models.ordering.news import facts_for, facts_for_provider, urgency
from models.ordering.orders import Order, turn
from models.ordering.visits import stand_down
from models.people.staff import Organisation
from models.tasks.desk import open_task, settle_for
from models.tasks.tasks import TASK, Task
from models.tasks.undelivered import take_back

PHONE_WITHIN = timedelta(hours=8)
ANSWER_WITHIN = timedelta(hours=4)  # of working time
AT_LEAST = timedelta(minutes=15)  # however soon the service is wanted
AWAKE_FROM, AWAKE_TO = time(8, 0), time(21, 0)  # nobody is asked, or passed over, at night
AT_ONCE = 100  # offers that one sweep ends, so that its transaction stays short
MOST_OFFERS = 12  # of one order, in all its rounds: after that a person decides


def offer_next(session: Session, order: Order, now: datetime) -> Assignment | None:
    """Offer an order to the organisation that fits best of those that have not had it in this round.

    With none left, after many rounds, when the wished time has come or would come before anybody is awake to answer, it
    becomes a cadre's task; who could do it but does not serve that village is named there, to be borrowed.
    """
    turn(order)
    had = set(session.scalars(_asked(order)))
    many = session.scalar(select(func.count()).where(Assignment.order_id == order.id)) or 0
    # Somebody has just ordered: the first offer goes at once. To ask on is the machine's own doing, and can wait.
    asked_at = waking(now) if many else now
    found = match(session, order)
    left = [key for key in found.inside if key not in had]
    if left and many < MOST_OFFERS and order.preferred_at > asked_at:
        return make_offer(session, order, left[0], now, asked_at=asked_at)
    if in_hand(session, order) is not None:
        return None
    names = [session.get_one(Organisation, key).name for key in found.outside]
    open_task(
        session, key=f"{order.subject}/unanswered/{order.revision}", kind="order_unanswered", area_id=order.area_id,
        subject=order.subject, facts={**facts_for(session, order), "outside": names}, person_id=order.beneficiary_id,
        now=now, due_at=now + PHONE_WITHIN,
    )  # fmt: skip
    return None


def make_offer(
    session: Session, order: Order, organisation_id: int, now: datetime, *, by: By = BY_RULE, mode: str = "offer",
    asked_at: datetime | None = None,
) -> Assignment:  # fmt: skip
    """Ask one organisation; its people read of it at `asked_at`. The cadre need not look for anybody now.

    To one that had it before the letter says that it must accept anew.
    """
    assignment = Assignment(
        order_id=order.id, organisation_id=organisation_id, offered_at=now, mode=mode, dispatched_by_id=by.person_id
    )
    session.add(assignment)
    ASSIGNMENT.begin(session, assignment, by=by, now=now)
    facts = {
        **facts_for_provider(session, order), "assignment": assignment.id, "mode": mode,
        "again": any(one.answered_at is not None for one in taken_from(session, assignment)),
    }  # fmt: skip
    for member in answering(session, organisation_id):
        post(
            session, key=f"{assignment.subject}/offered/{member.id}", person_id=member.id, kind="ordering.offered",
            facts=facts, subject=assignment.subject, now=now, due_at=asked_at or now, urgency=urgency(order, now),
        )  # fmt: skip
    settle_for(session, order.subject, "cancel", by=BY_RULE, now=now, kinds=("order_unanswered",))
    return assignment


def begin_round(session: Session, order: Order) -> None:
    """Everybody may be asked anew, also who said no before."""
    order.round_after = session.scalar(select(func.max(Assignment.id)).where(Assignment.order_id == order.id)) or 0
    session.flush()


def in_hand(session: Session, order: Order) -> Task | None:
    """The task of the cadre who looks for somebody, while it is open."""
    return session.scalar(
        select(Task).where(
            Task.subject == order.subject, Task.kind == "order_unanswered", Task.state.not_in(TASK.ends)
        ).limit(1)
    )  # fmt: skip


def waking(now: datetime) -> datetime:
    """The instant itself by day in China, at night the next morning."""
    local = now.astimezone(CHINA)
    if AWAKE_FROM <= local.time() < AWAKE_TO:
        return now
    day = local.date() if local.time() < AWAKE_FROM else local.date() + timedelta(days=1)
    return instant(day, AWAKE_FROM, CHINA)


def end_offers(session: Session, order: Order, now: datetime, *, but: int | None = None) -> list[Assignment]:
    """Withdraw what still stands of an order's assignments: letters that nobody has sent, and who was to go."""
    turn(order)
    query = select(Assignment).where(Assignment.order_id == order.id, Assignment.state.in_(STANDING))
    ended = [one for one in session.scalars(query.execution_options(populate_existing=True)).all() if one.id != but]
    for assignment in ended:
        ASSIGNMENT.move(session, assignment, "withdraw", by=BY_RULE, now=now)
        take_back(session, assignment.subject, now)
        stand_down(session, assignment.id, now)
    return ended


def answer_by(assignment: Assignment, order: Order, book: WorkCalendar) -> datetime:
    """Until when an offer waits: some hours of working time, or half of what is left before the service is wanted.

    What is offered at night is read in the morning, and waits from then on. Never until some time at night: then until
    the next morning.
    """
    since = waking(assignment.offered_at)
    half = since + max((order.preferred_at - since) / 2, AT_LEAST)
    until = min(book.add_working_time(since, ANSWER_WITHIN), half)
    return waking(until)


def expire_offers(session: Session, now: datetime) -> int:
    """End the offers that nobody answered in time and go on to the next organisation; answers how many.

    An order that somebody is answering at this moment is left to them, and to the next sweep. Nothing ends at night,
    also when the clock was away in the evening.
    """
    if waking(now) != now:
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


def _asked(order: Order) -> Select[int]:
    """The organisations that have had an order in this round."""
    return select(Assignment.organisation_id).where(Assignment.order_id == order.id, Assignment.id > order.round_after)


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
        take_back(session, assignment.subject, now)
    if late and order.state == "open":
        offer_next(session, order, now)
    return len(late)
