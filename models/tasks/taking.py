"""Taking a task on, and handing it over: what several cadres at one desk tell each other about a task."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from models.errors import Refused
from models.history import History
from models.life import By
from models.messages.outbox import post, withdraw
from models.people.identities import Who
from models.people.persons import Person
from models.people.staff import CADRE_ROLES, StaffRole
from models.places.areas import Area
from models.tasks.desk import finish, task_for
from models.tasks.tasks import PRESSING, TASK, Task


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
    """A cadre takes the task on: it is theirs, and off everybody else's list. Raises like `as_seen`."""
    task = as_seen(session, who, task_id, seen)
    TASK.move(session, task, "acknowledge", by=By(who.person_id, "cadre"), now=now, assignee_id=who.person_id)
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
    TASK.move(
        session, task, "hand_over", by=By(who.person_id, "cadre"), now=now, assignee_id=to_id,
        held_at=None, held_by_id=None, held_why="", wake_at=None,
    )  # fmt: skip
    withdraw(session, TASK.subject(task), now)
    times = select(func.count()).where(History.subject == TASK.subject(task), History.verb == "hand_over")
    if to_id != who.person_id:
        post(
            session, key=f"task:{task.id}/handed/{session.scalar(times)}/{to_id}", person_id=to_id,
            kind="tasks.assigned", facts=task.told, subject=TASK.subject(task), now=now,
            urgency="same_day" if task.kind in PRESSING else "routine",
        )  # fmt: skip
    return task


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
    above, here = aliased(Area), aliased(Area)
    query = (
        select(Person).join(StaffRole, StaffRole.person_id == Person.id).join(above, StaffRole.area_id == above.id)
        .join(here, here.path.startswith(above.path)).where(here.id == task.area_id, Person.state == "active")
        .where(StaffRole.ended_at.is_(None), StaffRole.role.in_(CADRE_ROLES)).distinct().order_by(Person.id)
    )  # fmt: skip
    return list(session.scalars(query))
