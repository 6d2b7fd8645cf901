"""Opening tasks for the cadres of an area, telling them, and settling what they have done."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.life import BY_RULE, By
from models.messages.letters import LETTER, MEANS, Letter
from models.messages.looking import end_others
from models.messages.outbox import confirm, tell_in_person
from models.people.identities import Who
from models.people.persons import Person
from models.people.staff import areas_under, cadres_above, cadres_over, is_cadre_over
from models.places.areas import Area
from models.places.centres import phone_for
from models.tasks.escalation import Escalation
from models.tasks.tasks import DECIDED_ELSEWHERE, TASK, TOLD, Task, go_on, take
from models.tasks.telling import ESCALATED, tell, tell_no_more


def open_task(
    session: Session,
    *,
    key: str,
    kind: str,
    area_id: int,
    subject: str,
    facts: dict[str, Any],
    now: datetime,
    due_at: datetime,
    person_id: int | None = None,
    assignee_id: int | None = None,
    by: By = BY_RULE,
    but_not: Collection[int] = (),
    channel: str | None = None,
    tell_at: datetime | None = None,
) -> Task:
    """Open a task and post a letter to the assignee, or else to the nearest cadres over the area.

    A cadre in `but_not` may not do it, so another is told. The same `key` again answers the task that is there already.
    Nobody is told of a task that they made themselves. The letter tries `channel` first, where the ladder's first is
    not to be relied on; with `tell_at` it goes then, for what is not to wake a cadre.
    """
    found = session.scalar(select(Task).where(Task.key == key))
    if found is not None:
        return found
    area = session.get_one(Area, area_id)
    if assignee_id is not None and session.get_one(Person, assignee_id).state != "active":
        assignee_id = None  # the dead and who is in hospital do nothing: it is everybody's
    if "phone" not in facts:
        # The number on every task is the centre's own: a resident's never leaves the house.
        facts = {**facts, "phone": phone_for(session, area.path)}
    task = Task(
        key=key, kind=kind, area_id=area_id, assignee_id=assignee_id, person_id=person_id, subject=subject,
        facts=facts, due_at=due_at, created_at=now, but_not=list(but_not),
    )  # fmt: skip
    session.add(task)
    TASK.begin(session, task, by=by, now=now)
    readers = [assignee_id] if assignee_id is not None else [p.id for p in cadres_over(session, area, but_not)]
    for reader in readers:
        if reader != by.person_id:
            tell(session, task, reader, now, channel, tell_at)
    return task


def who_works_there(session: Session, person_id: int, area_id: int) -> int | None:
    """The person, where they are a cadre over this area still; else nobody: what is to be done is everybody's there."""
    return person_id if is_cadre_over(session, person_id, session.get_one(Area, area_id)) else None


def opened_before(session: Session, subject: str, kind: str) -> int:
    """How many tasks of this kind there have been about `subject`: by it the next has a key of its own."""
    query = select(func.count()).select_from(Task).where(Task.subject == subject, Task.kind == kind)
    return session.scalar(query) or 0


def makes_way(session: Session, standing: Sequence[Task], lines: Sequence[Any], now: datetime) -> bool:
    """Whether a task with these lines is to be opened; what stands with other lines is taken back.

    `standing` are the open tasks in whose place it would come: one that has these very lines stays.
    """
    if lines and any(task.facts["calls"] == lines for task in standing):
        return False
    for task in standing:
        settle(session, task, "cancel", by=BY_RULE, now=now)
    return bool(lines)


def settle_for(
    session: Session, subject: str, verb: str, *, by: By, now: datetime, kinds: Collection[str] | None = None
) -> None:
    """Finish or cancel every unsettled task about `subject` (of these kinds only): what it was for has been decided."""
    query = select(Task).where(Task.subject == subject, Task.state.not_in(TASK.ends)).order_by(Task.id)
    if kinds is not None:
        query = query.where(Task.kind.in_(kinds))
    # Locked: what a cadre settles at this very moment is settled, and no reason to refuse what has been decided.
    locked = query.with_for_update()
    for task in session.scalars(locked, execution_options={"populate_existing": True}).all():
        settle(session, task, verb, by=by, now=now)


def settle(session: Session, task: Task, verb: str, *, by: By, now: datetime, note: str = "") -> None:
    """Finish or cancel one task: its letters that nobody has sent are taken back. Raises Refused("wrong_state")."""
    if task.state == "on_hold":
        go_on(session, task, by=BY_RULE, now=now)  # the time it waited is not the cadre's
    TASK.move(session, task, verb, by=by, now=now, note=note, settled_at=now, done_by_id=by.person_id)
    tell_no_more(session, task, now)


def tasks_for(session: Session, who: Who) -> list[Task]:
    """What this person has still to do below their areas, the soonest first: their own, and what nobody else has.

    Where an assignee is no cadre there any more, it is everybody's again; so is what went up to this person's areas.
    What waits for a resident comes last.
    """
    query = (
        select(Task).where(Task.state.not_in(TASK.ends), Task.area_id.in_(areas_under(who.person_id)))
        .where(waits_for(who.person_id)).order_by(Task.state == "on_hold", Task.due_at, Task.id)
    )  # fmt: skip
    return list(session.scalars(query))


def waits_for(person_id: int) -> ColumnElement[bool]:
    """Whether a task below a cadre's areas waits for this cadre: their own, nobody's, or one that came up to them."""
    raised = select(Escalation.task_id).where(Escalation.area_id.in_(areas_under(person_id)))
    return or_(
        Task.assignee_id == person_id, Task.assignee_id.is_(None),
        Task.assignee_id.not_in(cadres_above(Task.area_id)), Task.id.in_(raised),
    )  # fmt: skip


def task_for(session: Session, who: Who, task_id: int) -> Task:
    """The task, for a cadre over its area; raises Refused("not_yours") for anybody else, an assignee of once too."""
    task = session.get(Task, task_id)
    if task is None or not is_cadre_over(session, who.person_id, session.get_one(Area, task.area_id)):
        raise Refused("not_yours")
    return task


def acknowledge(session: Session, who: Who, task_id: int, now: datetime) -> Task:
    """A cadre has seen it and will do it: it is theirs; twice is once. Raises Refused("not_yours"), or like `take`."""
    task = task_for(session, who, task_id)
    if (task.state, task.assignee_id) != ("acknowledged", who.person_id):
        take(session, task, who.person_id, now)
        tell_no_more(session, task, now, but_not=Letter.kind == ESCALATED)
    return task


def finish(session: Session, who: Who, task_id: int, now: datetime, means: str = "") -> Task:
    """A cadre has done it. When it was about a letter that could not be delivered, that letter was told in person; or,
    where it was only to be checked and nobody says by which means, the person knew of it.

    `means`, one of MEANS, is how somebody was told, where the task was to tell them. Raises Refused("not_yours"),
    Refused("decided_elsewhere") for a task that ends with the matter it is about, Refused("answer_first") for a link
    that is to be answered, or Refused("wrong_state").
    """
    task = task_for(session, who, task_id)
    if task.kind in DECIDED_ELSEWHERE:
        raise Refused("decided_elsewhere")
    if task.kind == "confirm_link":
        raise Refused("answer_first")
    if means and (means not in MEANS or task.kind not in TOLD):
        raise Refused("wrong_state", thing=TASK.name, state=task.state)
    by = By(who.person_id, "cadre")
    settle(session, task, "finish", by=by, now=now, note=means)
    kind, _, key = task.subject.partition(":")
    if kind == LETTER.name:
        letter = session.get_one(Letter, int(key))
        if task.kind == "check_delivery" and not means:
            confirm(session, letter, by=by, now=now)
        else:
            tell_in_person(session, letter, by=by, now=now, means=means)
        arrived(session, letter, now)
    return task


def arrived(session: Session, letter: Letter, now: datetime) -> None:
    """Its reader knows what a letter says. Where it says another again, or was said again, nobody need send or phone
    that any more."""
    for one in end_others(session, letter, now):
        settle_for(session, LETTER.subject(one), "cancel", by=BY_RULE, now=now)
