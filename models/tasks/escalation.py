"""What nobody has done in time goes up the tree: to the township, then to the county, on working days only."""

from datetime import datetime, time

from sqlalchemy import ForeignKey, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.hours import CHINA, WorkCalendar, calendar
from models.messages.outbox import post
from models.people.staff import cadres_of, cadres_over
from models.places.areas import Area, chain
from models.tasks.tasks import TASK, Task

AFTER_WORKDAYS = (1, 3)  # overdue by so many working days: the area above, and then the one above that
DESK_OPENS, DESK_CLOSES = time(8, 30), time(17, 30)
AT_ONCE = 200  # tasks looked at in one round


class Escalation(Row):
    """One step up: which area's cadres were told that a task is overdue. It stays when the task is done."""

    __tablename__ = "escalations"
    __table_args__ = (UniqueConstraint("task_id", "level"),)

    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id"))
    level: Mapped[int]  # 1: first step up
    area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"))
    at: Mapped[datetime]


def escalate(session: Session, now: datetime) -> int:
    """Tell the cadres above of tasks that are overdue; answers how many steps were taken.

    Nothing happens outside the desk's hours of a working day. A level is reached once, however many clocks run.
    """
    book, local = calendar(session), now.astimezone(CHINA)
    if not book.is_workday(local.date()) or not DESK_OPENS <= local.time() < DESK_CLOSES:
        return 0
    overdue = (
        select(Task).where(Task.state.not_in(TASK.ends), Task.due_at < now).order_by(Task.due_at).limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    )  # fmt: skip
    steps = 0
    for task in session.scalars(overdue).all():
        reached = set(session.scalars(select(Escalation.level).where(Escalation.task_id == task.id)))
        for level, days in enumerate(AFTER_WORKDAYS, start=1):
            if level not in reached and workdays_since(task.due_at, now, book) >= days:
                steps += _step_up(session, task, level, now)
    return steps


def workdays_since(due_at: datetime, now: datetime, book: WorkCalendar) -> int:
    """How many whole working days lie between two instants, by the days of China."""
    day, today, count = due_at.astimezone(CHINA).date(), now.astimezone(CHINA).date(), 0
    while day < today:
        day = book.add_workdays(day, 1)
        count += day <= today
    return count


def _step_up(session: Session, task: Task, level: int, now: datetime) -> int:
    """Tell the cadres of the nearest area above that has any who do not know yet; none left is no step."""
    area = session.get_one(Area, task.area_id)
    known = {cadre.id for cadre in cadres_over(session, area)} | {task.assignee_id}
    told = set(session.scalars(select(Escalation.area_id).where(Escalation.task_id == task.id)))
    for above in chain(session, area)[1:]:
        fresh = [cadre.id for cadre in cadres_of(session, above) if cadre.id not in known]
        if above.id in told or not fresh:
            continue
        session.add(Escalation(task_id=task.id, level=level, area_id=above.id, at=now))
        facts = {**task.facts, "task": task.id, "kind": task.kind, "due_at": task.due_at.isoformat()}
        for cadre in fresh:
            post(
                session, key=f"task:{task.id}/overdue/{level}/{cadre}", person_id=cadre, kind="tasks.escalated",
                facts=facts, subject=TASK.subject(task), now=now, urgency="same_day",
            )  # fmt: skip
        session.flush()
        return 1
    return 0
