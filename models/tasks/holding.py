"""A task that waits for the resident: put on hold, nobody is reminded of it, and its time stands still."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, literal_column, select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.hours import CHINA, calendar
from models.life import BY_RULE, BY_TIME, By
from models.people.identities import Who
from models.people.staff import cadres_over
from models.places.areas import Area
from models.tasks.desk import task_for
from models.tasks.escalation import step_back
from models.tasks.tasks import TASK, Task, go_on
from models.tasks.telling import next_morning, tell, tell_no_more

WAITS_WORKDAYS = 10  # without a date of its own: what waits for ever is forgotten
LONGEST_WAIT = timedelta(days=90)
WHY_LIMIT = 200
AT_ONCE = 200


def hold(
    session: Session, who: Who, task_id: int, *, why: str, now: datetime, wake_at: datetime | None = None
) -> Task:  # fmt: skip
    """Wait for the resident, at most until `wake_at`, or else for ten working days: no letter and no step up meanwhile.

    Raises Refused("not_yours"), Refused("hold_why"), Refused("bad_wake", days=…) for a time that is past or too
    far, and Refused("wrong_state") when it is settled, or waits already.
    """
    task = task_for(session, who, task_id)
    text, wakes = why.strip()[:WHY_LIMIT], wake_at or next_morning(now, calendar(session), WAITS_WORKDAYS)
    if not text:
        raise Refused("hold_why")
    _check_wake(wakes, now)
    TASK.move(
        session, task, "hold", by=By(who.person_id, "cadre"), now=now, note=_noted(text, wakes),
        where={"times_held": task.times_held}, times_held=task.times_held + 1, held_at=now, held_by_id=who.person_id,
        held_why=text, wake_at=wakes,
    )  # fmt: skip
    tell_no_more(session, task, now)
    step_back(session, task)
    return task


def put_off(session: Session, who: Who, task_id: int, *, wake_at: datetime, now: datetime) -> Task:
    """Let it wait until another time; raises Refused like `hold`, "wrong_state" when it does not wait."""
    task = task_for(session, who, task_id)
    _check_wake(wake_at, now)
    TASK.move(
        session, task, "put_off", by=By(who.person_id, "cadre"), now=now, note=_noted(task.held_why, wake_at),
        wake_at=wake_at,
    )  # fmt: skip
    return task


def resume(session: Session, who: Who, task_id: int, now: datetime) -> Task:
    """A cadre goes on with it; raises Refused("not_yours"), or Refused("wrong_state") when it does not wait."""
    task = task_for(session, who, task_id)
    _resume(session, task, By(who.person_id, "cadre"), now)
    return task


def _resume(session: Session, task: Task, by: By, now: datetime) -> None:
    """Go on, and tell the assignee, or else the cadres over the area, but for whoever did this."""
    go_on(session, task, by=by, now=now)
    area = session.get_one(Area, task.area_id)
    over = cadres_over(session, area, task.but_not)
    readers = [task.assignee_id] if task.assignee_id is not None else [one.id for one in over]
    for reader in readers:
        if reader != by.person_id:
            tell(session, task, reader, now)


def wake_due(session: Session, now: datetime) -> int:
    """Go on with what was to wait until now; answers how many. What another clock has in hand is left to it."""
    return _resume_all(session, BY_TIME, now, Task.wake_at <= now)


def wake_for(session: Session, person_id: int, now: datetime) -> int:
    """The resident has done something: go on with what waited for that; answers how many tasks."""
    return _resume_all(session, BY_RULE, now, Task.person_id == person_id)


def _resume_all(session: Session, by: By, now: datetime, *which: ColumnElement[bool]) -> int:
    # Written out: PostgreSQL uses a partial index only where it sees that its condition holds.
    waits = Task.state == literal_column("'on_hold'")
    query = select(Task).where(waits, *which).order_by(Task.id).limit(AT_ONCE).with_for_update(skip_locked=True)
    tasks = session.scalars(query, execution_options={"populate_existing": True}).all()
    for task in tasks:
        _resume(session, task, by, now)
    return len(tasks)


def _check_wake(wake_at: datetime, now: datetime) -> None:
    if not now < wake_at <= now + LONGEST_WAIT:
        raise Refused("bad_wake", days=LONGEST_WAIT.days)


def _noted(why: str, wake_at: datetime) -> str:
    return f"{why} → {wake_at.astimezone(CHINA):%Y-%m-%d %H:%M}"
