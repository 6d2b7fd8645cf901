"""What a desk asks of the tasks below a cadre's areas: what is due, in whose hands, how many of each kind."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session, aliased

from models.paging import Asked, Cursor, Page, page
from models.people.identities import Who
from models.people.persons import Person
from models.people.staff import areas_under
from models.places.areas import Area
from models.tasks.desk import waits_for
from models.tasks.tasks import TASK, Task


@dataclass(frozen=True)
class Question:
    """What the desk looks for. `mine`: what waits for this cadre; `state`: "todo", "late", "done" or "" for all."""

    mine: bool = True
    state: str = "todo"
    kind: str = ""


def look(session: Session, who: Who, question: Question, now: datetime, cursor: Cursor | None = None) -> Page[Any]:
    """Rows of (Task, area, assignee), what is due soonest first; what is over, the latest first."""
    query = _below(who)
    if question.mine:
        query = query.where(waits_for(who.person_id))
    if question.state in ("todo", "late"):
        query = query.where(Task.state.not_in(TASK.ends))
    if question.state == "late":
        query = query.where(_late(now))
    if question.state == "done":
        query = query.where(Task.state.in_(TASK.ends))
    if question.kind:
        query = query.where(Task.kind == question.kind)
    return page(
        session, query, (Task.due_at, Task.id), lambda row: (row.Task.due_at, row.Task.id), cursor,
        newest_first=question.state in ("done", ""),
    )  # fmt: skip


def soonest(session: Session, who: Who, limit: int) -> list[Any]:
    """The rows of (Task, area, assignee) that wait for this cadre and are due first."""
    query = _below(who).where(Task.state.not_in(TASK.ends), waits_for(who.person_id))
    return list(session.execute(query.order_by(Task.due_at, Task.id).limit(limit)).all())


@dataclass(frozen=True)
class Load:
    """How many tasks of a kind wait for a cadre: overdue, due by tonight, and later."""

    kind: str
    late: int
    today: int
    later: int


def load_of(session: Session, who: Who, now: datetime, tonight: datetime) -> list[Load]:
    """What waits for this cadre, by kind, the kind with most that is overdue first; not what waits for a resident."""
    late = func.sum(case((Task.due_at < now, 1), else_=0)).label("late")
    later = func.sum(case((Task.due_at >= tonight, 1), else_=0)).label("later")
    query = (
        select(Task.kind, late, later, func.count().label("many")).where(Task.state != "on_hold")
        .where(Task.state.not_in(TASK.ends), Task.area_id.in_(areas_under(who.person_id)), waits_for(who.person_id))
        .group_by(Task.kind)
    )  # fmt: skip
    found = [Load(row.kind, row.late, row.many - row.late - row.later, row.later) for row in session.execute(query)]
    return sorted(found, key=lambda one: (-one.late, -one.today, one.kind))


def standing(session: Session) -> dict[str, int]:
    """How many unsettled tasks there are of each kind. They are counted area by area, each by its index: settled ones
    only grow, and so would the work of reading past them."""
    living = sorted(set(TASK.states) - TASK.ends)
    query = (
        select(Task.kind, func.count().label("many")).join(Area, Area.id == Task.area_id)
        .where(Task.state.in_(living)).group_by(Task.kind)
    )  # fmt: skip
    return {row.kind: row.many for row in session.execute(query)}


def _late(now: datetime) -> ColumnElement[bool]:
    """What should be done by now; the time of what waits for a resident stands still."""
    return (Task.due_at < now) & (Task.state != "on_hold")


def _below(who: Who) -> Asked:
    assignee = aliased(Person)
    return (
        select(Task, Area.name.label("area"), assignee.name.label("assignee"))
        .join(Area, Task.area_id == Area.id).outerjoin(assignee, Task.assignee_id == assignee.id)
        .where(Task.area_id.in_(areas_under(who.person_id)))
    )  # fmt: skip
