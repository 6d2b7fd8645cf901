"""Taking a task on, and handing it over: what several cadres at one desk tell each other about a task."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, false, func, select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.history import History
from models.life import BY_RULE, By
from models.messages.letters import Letter
from models.messages.outbox import post
from models.people.identities import Who
from models.people.persons import Person
from models.people.staff import areas_under, cadres_above, cadres_over
from models.places.areas import Area
from models.tasks.desk import finish, task_for
from models.tasks.tasks import PRESSING, TASK, Task, go_on, take
from models.tasks.telling import ESCALATED, forget, has_heard, tell, tell_no_more


@dataclass(frozen=True)
class Seen:
    """How a task stood on the page from which somebody decides."""

    state: str
    assignee_id: int | None

    def __str__(self) -> str:
        """As a form carries it."""
        return f"{self.state}:{self.assignee_id or ''}"

    @classmethod
    def read(cls, text: str) -> "Seen":
        """What a form carried; whatever is no such thing agrees with no task."""
        state, _, assignee = text.partition(":")
        return cls(state, int(assignee) if assignee.isascii() and assignee.isdecimal() and len(assignee) < 19 else None)


def acknowledge(session: Session, who: Who, task_id: int, seen: Seen, now: datetime) -> Task:
    """A cadre takes the task on: it is theirs, and off everybody else's list. Raises like `as_seen` and `take`."""
    task = as_seen(session, who, task_id, seen)
    take(session, task, who.person_id, now)
    tell_no_more(session, task, now, but_not=Letter.kind == ESCALATED)
    return task


def done(session: Session, who: Who, task_id: int, seen: Seen, now: datetime, means: str = "") -> Task:
    """A cadre has done it. Raises like `as_seen` and `finish`."""
    task = as_seen(session, who, task_id, seen)
    return finish(session, who, task.id, now, means)


def hand_over(session: Session, who: Who, task_id: int, seen: Seen, to_id: int, now: datetime) -> Task:
    """Give the task to another cadre over its area, who hears of it; whoever was to hear before does not any more.

    Raises like `as_seen`, and Refused("not_a_cadre") for somebody who may not do it or has it already.
    """
    task = as_seen(session, who, task_id, seen)
    if to_id not in {cadre.id for cadre in takers(session, task) if cadre.id != task.assignee_id}:
        raise Refused("not_a_cadre")
    _let_go(session, task, "hand_over", By(who.person_id, "cadre"), now, {to_id}, assignee_id=to_id)
    if to_id != who.person_id:
        _tell(session, task, to_id, now)
    return task


def leave(session: Session, person_id: int, now: datetime) -> int:
    """A cadre works there no more: what they had in hand is everybody's again, and the others over its area hear of it,
    and of what nobody has who is there now knows of; what was to tell this one of tasks there is taken back. Answers
    how many tasks they had."""
    here = session.get_one(Person, person_id).state == "active"  # else they do nothing, whatever the role
    theirs = areas_under(person_id) if here else select(Area.id).where(false())
    query = (
        select(Task).where(Task.assignee_id == person_id, Task.state.not_in(TASK.ends), Task.area_id.not_in(theirs))
        .order_by(Task.id).with_for_update()
    )  # fmt: skip
    left = session.scalars(query, execution_options={"populate_existing": True}).all()
    for task in left:
        others = [one.id for one in _nearest(session, task, person_id)]
        _let_go(session, task, "leave", BY_RULE, now, others, assignee_id=None)
        for one in others:
            _tell(session, task, one, now)
    lost = areas_under(person_id, ended_at=now) if here else areas_under(person_id)
    _pass_on(session, person_id, (Task.area_id.in_(lost), Task.area_id.not_in(theirs)), now)
    forget(session, person_id, select(Task.id).where(Task.area_id.not_in(theirs)), now)
    return len(left)


def work_again(session: Session, person_id: int, now: datetime) -> None:
    """A cadre works there again: of what is nobody's there, and they do not know of (any more), they hear."""
    query = select(Task).where(
        Task.area_id.in_(areas_under(person_id)), Task.assignee_id.is_(None), Task.state.in_(("open", "acknowledged"))
    )
    for task in session.scalars(query.order_by(Task.id)).all():
        nearest = cadres_over(session, session.get_one(Area, task.area_id), task.but_not)
        if person_id in {one.id for one in nearest} and not has_heard(session, task, person_id):
            tell(session, task, person_id, now)


def _pass_on(session: Session, person_id: int, lost: tuple[ColumnElement[bool], ...], now: datetime) -> None:
    """Where a cadre was the only one, who is nearest from now on hears of what is open there and nobody's.

    What waits for a resident is told when it goes on. Nothing is locked: readers come before their tasks.
    """
    query = select(Task).where(*lost, Task.assignee_id.is_(None), Task.state.in_(("open", "acknowledged")))
    for task in session.scalars(query.order_by(Task.id)).all():
        for one in _nearest(session, task, person_id):
            if not has_heard(session, task, one.id):
                tell(session, task, one.id, now)


def _nearest(session: Session, task: Task, left: int) -> list[Person]:
    """The nearest cadres who may do a task, without the one who left."""
    return cadres_over(session, session.get_one(Area, task.area_id), {left, *task.but_not})


def _let_go(
    session: Session, task: Task, verb: str, by: By, now: datetime, to: Collection[int], *, assignee_id: int | None
) -> None:  # fmt: skip
    """A task goes from one cadre to others (`to`); whoever was to hear that it is theirs does not any more.

    That it is overdue stays so, and who is above still hears it, unless they are the ones who have it now.
    """
    if task.state == "on_hold":
        go_on(session, task, by=BY_RULE, now=now)  # the time it waited is nobody's delay
    TASK.move(session, task, verb, by=by, now=now, assignee_id=assignee_id)
    tell_no_more(session, task, now, but_not=(Letter.kind == ESCALATED) & Letter.person_id.not_in(to))


def _tell(session: Session, task: Task, reader: int, now: datetime) -> None:
    """Tell a cadre of a task that was another's."""
    times = select(func.count()).where(History.subject == TASK.subject(task), History.verb.in_(("hand_over", "leave")))
    post(
        session, key=f"task:{task.id}/handed/{session.scalar(times)}/{reader}", person_id=reader,
        kind="tasks.assigned", facts=task.told, subject=TASK.subject(task), now=now,
        urgency="same_day" if task.kind in PRESSING else "routine",
    )  # fmt: skip


def as_seen(session: Session, who: Who, task_id: int, seen: Seen) -> Task:
    """The task, held until the transaction ends, when it still stands as the page showed it.

    Raises Refused("not_yours"), or Refused("stale") when somebody has done something with it since.
    """
    task = task_for(session, who, task_id)
    session.refresh(task, with_for_update=True)
    if Seen(task.state, task.assignee_id) != seen:
        raise Refused("stale", subject=TASK.subject(task))
    return task


def takers(session: Session, task: Task) -> list[Person]:
    """The cadres over the area of a task: who may be given it."""
    query = select(Person).where(
        Person.id.in_(cadres_above(task.area_id)), Person.state == "active", Person.id.not_in(task.but_not)
    )
    return list(session.scalars(query.order_by(Person.id)))
