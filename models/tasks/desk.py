"""Opening a task for the cadres of an area, and telling them."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.life import BY_RULE, By
from models.messages.outbox import post
from models.people.staff import cadres_over
from models.places.areas import Area
from models.tasks.tasks import TASK, Task


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
) -> Task:
    """Open a task and post a letter to the assignee, or else to the nearest cadres over the area.

    The same `key` again answers the task that is there already. Nobody is told of a task that they made themselves.
    """
    found = session.scalar(select(Task).where(Task.key == key))
    if found is not None:
        return found
    task = Task(
        key=key, kind=kind, area_id=area_id, assignee_id=assignee_id, person_id=person_id, subject=subject,
        facts=facts, due_at=due_at, created_at=now,
    )  # fmt: skip
    session.add(task)
    TASK.begin(session, task, by=by, now=now)
    area = session.get_one(Area, area_id)
    readers = [assignee_id] if assignee_id is not None else [p.id for p in cadres_over(session, area)]
    for reader in readers:
        if reader == by.person_id:
            continue
        post(
            session, key=f"task:{task.id}/assigned/{reader}", person_id=reader, kind="tasks.assigned",
            facts={**facts, "task": task.id, "kind": kind, "due_at": due_at.isoformat()},
            subject=TASK.subject(task), now=now,
        )  # fmt: skip
    return task
