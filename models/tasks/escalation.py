"""What nobody has done in time goes up the tree: to the township, then to the county, on working days only."""

from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, UniqueConstraint, delete, exists, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.hours import CHINA, WORK_BEGINS, WORK_ENDS, WorkCalendar, calendar
from models.messages.letters import Letter
from models.messages.outbox import post
from models.people.staff import cadres_of, cadres_over
from models.places.areas import Area, chain
from models.tasks.tasks import TASK, Task
from models.tasks.telling import ESCALATED

AFTER_WORKDAYS = (1, 3)  # overdue by so many working days: the area above, and then the one above that
AT_REST = TASK.ends | {"on_hold"}
DAY = timedelta(hours=9)  # of working time, from WORK_BEGINS to WORK_ENDS


class Escalation(Row):
    """One step up: which area's cadres were told that a task is overdue. It stays when the task is done; one that is
    put on hold before they were is taken again."""

    __tablename__ = "escalations"
    __table_args__ = (UniqueConstraint("task_id", "level"),)

    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id"))
    level: Mapped[int]  # 1: first step up
    area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"))
    at: Mapped[datetime]


def escalate(session: Session, now: datetime) -> int:
    """Tell the cadres above of tasks that are overdue; answers how many steps were taken.

    Nothing happens outside the desk's hours of a working day. A level is reached once, however many clocks run. What
    waits for the resident is nobody's delay.
    """
    book = calendar(session)
    if not _at_work(book, now):
        return 0
    all_known = exists().where(Escalation.task_id == Task.id, Escalation.level == len(AFTER_WORKDAYS))
    overdue = select(Task.id, Task.due_at).where(Task.state.not_in(AT_REST), Task.due_at < now, ~all_known)
    steps = 0
    for key, due_at in session.execute(overdue.order_by(Task.id)).all():
        levels = [n for n, days in enumerate(AFTER_WORKDAYS, 1) if book.add_working_time(due_at, days * DAY) <= now]
        if levels:
            steps += _raise(session, key, levels, now)
    return steps


def raise_now(session: Session, task_id: int, now: datetime) -> int:
    """Take the first step up at once, where waiting for a working day would be too late for what the task is about.

    Answers 1 when it was taken; 0 outside the desk's hours, and when it was taken before.
    """
    return _raise(session, task_id, [1], now) if _at_work(calendar(session), now) else 0


def step_back(session: Session, task: Task) -> None:
    """A task waits, and what was to tell those above has been taken back: where one of them had not heard of it yet,
    its steps are taken again once it goes on and is overdue still. Who has heard is not told again."""
    told = select(Letter.person_id, Letter.state).where(Letter.subject == TASK.subject(task), Letter.kind == ESCALATED)
    letters = session.execute(told).all()
    if {row.person_id for row in letters} - {row.person_id for row in letters if row.state != "withdrawn"}:
        session.execute(delete(Escalation).where(Escalation.task_id == task.id))


def _heard(session: Session, task: Task, level: int) -> set[int]:
    """Those above who heard of this step before the task waited, or may have."""
    same = Letter.key.startswith(_key(task, level), autoescape=True)
    told = select(Letter.person_id).where(Letter.subject == TASK.subject(task), same, Letter.state != "withdrawn")
    return set(session.scalars(told)) if task.times_held else set()


def _key(task: Task, level: int) -> str:
    """How the keys of the letters of one step begin."""
    return f"{TASK.subject(task)}/overdue/{level}/"


def _at_work(book: WorkCalendar, now: datetime) -> bool:
    local = now.astimezone(CHINA)
    return book.is_workday(local.date()) and WORK_BEGINS <= local.time() < WORK_ENDS


def _raise(session: Session, task_id: int, levels: list[int], now: datetime) -> int:
    """Take the steps that a task has not taken yet; what another clock has in hand, or is done by now, is left."""
    task = session.get(Task, task_id, with_for_update={"skip_locked": True, "key_share": True}, populate_existing=True)
    if task is None or task.state in AT_REST:
        return 0
    reached = set(session.scalars(select(Escalation.level).where(Escalation.task_id == task.id)))
    return sum(_step_up(session, task, level, now) for level in levels if level not in reached)


def _step_up(session: Session, task: Task, level: int, now: datetime) -> int:
    """Tell the cadres of the nearest area above that has any who do not know yet; none left is no step."""
    area = session.get_one(Area, task.area_id)
    known = {cadre.id for cadre in cadres_over(session, area, task.but_not)} | {task.assignee_id, *task.but_not}
    told = set(session.scalars(select(Escalation.area_id).where(Escalation.task_id == task.id)))
    for above in chain(session, area)[1:]:
        fresh = [cadre.id for cadre in cadres_of(session, above) if cadre.id not in known]
        if above.id in told or not fresh:
            continue
        session.add(Escalation(task_id=task.id, level=level, area_id=above.id, at=now))
        again, heard = f":{task.times_held}" if task.times_held else "", _heard(session, task, level)
        for cadre in fresh:
            if cadre not in heard:
                post(
                    session, key=f"{_key(task, level)}{cadre}{again}", person_id=cadre, kind=ESCALATED, facts=task.told,
                    subject=TASK.subject(task), now=now, urgency="same_day",
                )  # fmt: skip
        session.flush()
        return 1
    return 0
