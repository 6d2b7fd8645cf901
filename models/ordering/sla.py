"""The promise: by when somebody will have accepted an order. Its clock is the resident's and nobody else's."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.history import steps_of
from models.hours import WorkCalendar, calendar
from models.ordering.news import facts_for
from models.ordering.orders import ORDER, Order, locked, turn
from models.people.identities import Who
from models.people.persons import Person
from models.people.scope import in_charge_of
from models.tasks.desk import open_task
from models.tasks.tasks import Task

BACK = tuple(verb.name for verb in ORDER.verbs if verb.target == "open")  # how an order comes back to be open
WORKDAY = timedelta(hours=9)
PROMISE = timedelta(hours=18)  # of working time: two working days


def due_at(order: Order, book: WorkCalendar) -> datetime | None:
    """By when an order should be accepted, for everybody to see; None while the resident has to answer first.

    It runs from the moment of ordering (or of taking the order up again), through every offer, hand-back and
    re-dispatch: the resident has waited all the while. Only a pause moves it, by the working time that it lasted. It
    never lies after the wished time.
    """
    if order.paused_since is not None:
        return None
    promised = book.add_working_time(
        order.promised_from or order.created_at, PROMISE + timedelta(minutes=order.paused_minutes)
    )
    return min(promised, order.preferred_at)


def is_overdue(order: Order, book: WorkCalendar, now: datetime) -> bool:
    """Whether the promise is broken: nobody has accepted and the time is over."""
    due = due_at(order, book)
    return order.state == "open" and due is not None and due <= now


def cadres_order(session: Session, who: Who, order_id: int) -> Order:
    """The order, held, for a cadre over the beneficiary's village; raises Refused("not_yours") for anybody else."""
    order = session.get(Order, order_id)
    if order is None or not in_charge_of(session, who.person_id, session.get_one(Person, order.beneficiary_id)):
        raise Refused("not_yours")
    return locked(session, order.id)


def pause(session: Session, who: Who, order_id: int, now: datetime) -> Order:
    """A cadre waits for the resident's answer: the clock stands still. Twice is once.

    Raises Refused("not_yours"), or Refused("wrong_state") for an order that nobody waits for.
    """
    order = cadres_order(session, who, order_id)
    if order.state != "open":
        raise Refused("wrong_state", state=order.state)
    if order.paused_since is None:
        order.paused_since = now
        turn(order)
        session.flush()
    return order


def resume(session: Session, who: Who, order_id: int, now: datetime) -> Order:
    """The resident has answered: the clock goes on where it stood. Raises Refused("not_yours")."""
    order = cadres_order(session, who, order_id)
    if order.paused_since is not None:
        end_pause(session, order, now)
        turn(order)
        session.flush()
    return order


def end_pause(session: Session, order: Order, now: datetime) -> None:
    """Nobody waits for the resident's answer any more, also because somebody has accepted or it has ended."""
    if order.paused_since is not None:
        waited = calendar(session).working_time(order.paused_since, now)
        order.paused_minutes += int(waited / timedelta(minutes=1))
        order.paused_since = None


def open_overdue(session: Session, now: datetime) -> int:
    """Broken promises become a task of the station, which goes up the tree by working days; answers how many."""
    book, opened = calendar(session), 0
    waiting = select(Order).where(Order.state == "open", Order.paused_since.is_(None)).order_by(Order.id)
    promised = [(order, due_at(order, book)) for order in session.scalars(waiting).all()]
    broken = [(order, due) for order, due in promised if due is not None and due <= now]
    returns = steps_of(session, [order.subject for order, _ in broken], *BACK)
    for order, due in broken:
        # Once each time that it waits for somebody; and again where a day after it was called done nobody has it.
        stem = f"{order.subject}/overdue/{returns[order.subject]}"
        mine = Task.subject == order.subject, (Task.key == stem) | Task.key.startswith(f"{stem}/", autoescape=True)
        before = session.scalars(select(Task).where(*mine).order_by(Task.id)).all()
        last = before[-1] if before else None
        if last is not None and (
            last.state != "done" or last.settled_at is None or book.add_working_time(last.settled_at, WORKDAY) > now
        ):
            continue
        task = open_task(
            session, key=f"{stem}/{len(before)}" if before else stem, kind="order_overdue",
            area_id=order.area_id, subject=order.subject, facts=facts_for(session, order),
            person_id=order.beneficiary_id, now=now, due_at=max(due, now) if before else due,
        )  # fmt: skip
        opened += task.created_at == now
    return opened
