"""How cadres hear of tasks: at once when it presses, in one morning digest when there are many."""

from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.hours import CHINA, WorkCalendar, calendar, instant
from models.messages.letters import Letter
from models.messages.outbox import post
from models.tasks.tasks import PRESSING, TASK, Task

PINGS_A_DAY = 3  # so many tasks that do not press are told one by one; the rest of the day's come together
MORNING = time(8, 30)


def tell(session: Session, task: Task, reader: int, now: datetime) -> None:
    """Tell a cadre of a task: at once, or with the others tomorrow morning when the day has brought enough."""
    facts = {**task.facts, "task": task.id, "kind": task.kind, "due_at": task.due_at.isoformat()}
    if task.kind not in PRESSING and _told_today(session, reader, now) >= PINGS_A_DAY:
        _into_digest(session, task, reader, now)
        return
    post(
        session, key=f"task:{task.id}/assigned/{reader}", person_id=reader, kind="tasks.assigned", facts=facts,
        subject=TASK.subject(task), now=now, urgency="same_day" if task.kind in PRESSING else "routine",
    )  # fmt: skip


def _told_today(session: Session, reader: int, now: datetime) -> int:
    midnight = now.astimezone(CHINA).replace(hour=0, minute=0, second=0, microsecond=0)
    return session.scalar(
        select(func.count()).where(
            Letter.person_id == reader, Letter.kind == "tasks.assigned", Letter.created_at >= midnight
        )
    ) or 0  # fmt: skip


def _into_digest(session: Session, task: Task, reader: int, now: datetime) -> None:
    """Add the task to the letter of the next working morning; the first task of the day begins it."""
    book = calendar(session)
    due = next_morning(now, book)
    key = f"digest:{reader}/{due.astimezone(CHINA):%Y-%m-%d}"
    empty: dict[str, Any] = {"items": [], "phone": task.facts.get("phone", "")}
    letter = post(
        session, key=key, person_id=reader, kind="tasks.digest", facts=empty, subject=f"digest:{reader}", now=now,
        due_at=due, urgency="digest", useful_until=due + timedelta(hours=12),
    )  # fmt: skip
    session.refresh(letter, with_for_update=True)
    item = {"task": task.id, "kind": task.kind, "due_at": task.due_at.isoformat()}
    letter.facts = {**letter.facts, "items": [*letter.facts["items"], item]}
    session.flush()


def next_morning(now: datetime, book: WorkCalendar) -> datetime:
    """Half past eight of the next working day in China, make-up Sundays included."""
    return instant(book.add_workdays(now.astimezone(CHINA).date(), 1), MORNING, CHINA)


def leave_digests(session: Session, task: Task, now: datetime) -> None:
    """The task is settled: a digest that has not gone out yet does not name it; an empty one is not sent."""
    waiting = select(Letter).where(Letter.kind == "tasks.digest", Letter.state == "planned").with_for_update()
    for letter in session.scalars(waiting).all():
        items: list[Any] = [item for item in letter.facts["items"] if item["task"] != task.id]
        if len(items) == len(letter.facts["items"]):
            continue
        letter.facts = {**letter.facts, "items": items}
        if not items:
            letter.state, letter.settled_at = "withdrawn", now
    session.flush()
