"""How cadres hear of tasks: at once when it presses, in one morning digest when there are many."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from models.hours import CHINA, WorkCalendar, calendar, instant, midnight
from models.messages.letters import Letter, in_states
from models.messages.outbox import post, withdraw
from models.people.persons import Person
from models.tasks.tasks import PRESSING, TASK, Task

PINGS_A_DAY = 3  # so many tasks that do not press are told one by one; the rest of the day's come together
MORNING = time(8, 30)
ESCALATED = "tasks.escalated"
# Also one that WeChat has refused for now: until it goes it can still be put right.
_WAITING = (
    in_states("planned", "retry"), Letter.in_doubt.is_(False), Letter.urgency == "digest",
    Letter.kind == "tasks.digest",
)  # fmt: skip


def tell(
    session: Session, task: Task, reader: int, now: datetime, channel: str | None = None, at: datetime | None = None
) -> None:
    """Tell a cadre of a task: at once (or `at` then), or with the others tomorrow morning when the day brought enough.

    What presses, or would be due before that morning, does not wait for it. One that was on hold is told again.
    """
    morning = next_morning(now, calendar(session))
    presses = task.kind in PRESSING or task.due_at <= morning
    if not presses and _has_heard_enough(session, reader, now) and _into_digest(session, task, reader, morning, now):
        return
    again = f":{task.times_held}" if task.times_held else ""
    key = f"task:{task.id}/assigned{again}/{reader}"
    back = select(func.count()).where(Letter.key.startswith(key, autoescape=True), Letter.subject == TASK.subject(task),
                                      Letter.person_id == reader, Letter.state == "withdrawn")  # fmt: skip
    if many := session.scalar(back):
        key = f"{key}:{many}"  # it was taken back before they heard of it
    post(
        session, key=key, person_id=reader, kind="tasks.assigned", facts=task.told,
        subject=TASK.subject(task), now=now, urgency="same_day" if presses else "routine",
        channel=channel, due_at=at,
    )  # fmt: skip


def _has_heard_enough(session: Session, reader: int, now: datetime) -> bool:
    """Whether the day has brought this cadre its letters; who tells the same cadre of something waits here."""
    session.execute(select(Person.id).where(Person.id == reader).with_for_update(key_share=True))
    today = select(func.count()).where(
        Letter.person_id == reader, Letter.kind == "tasks.assigned", Letter.urgency == "routine",
        Letter.created_at >= midnight(now),
    )  # fmt: skip
    return (session.scalar(today) or 0) >= PINGS_A_DAY


def _into_digest(session: Session, task: Task, reader: int, due: datetime, now: datetime) -> bool:
    """Add the task to the letter of the next working morning; the first begins it. False when it has gone already."""
    empty: dict[str, Any] = {"items": [], "phone": task.facts.get("phone", "")}
    posted = post(
        session, key=f"digest:{reader}/{due.astimezone(CHINA):%Y-%m-%d}", person_id=reader, kind="tasks.digest",
        facts=empty, subject=f"digest:{reader}", now=now, due_at=due, urgency="digest",
        useful_until=due + timedelta(hours=12),
    )  # fmt: skip
    letter = session.get_one(Letter, posted)
    session.refresh(letter, with_for_update=True)
    if letter.state not in ("planned", "withdrawn"):
        return False
    item = {"task": task.id, "kind": task.kind, "due_at": task.due_at.isoformat()}
    letter.facts = {**letter.facts, "items": [*letter.facts["items"], item]}
    letter.state, letter.settled_at = "planned", None  # it was taken back when its last task was settled
    session.flush()
    return True


def next_morning(now: datetime, book: WorkCalendar, workdays: int = 1) -> datetime:
    """Half past eight of the next working day in China (or of a later one), make-up Sundays included."""
    return instant(book.add_workdays(now.astimezone(CHINA).date(), workdays), MORNING, CHINA)


def has_heard(session: Session, task: Task, reader: int) -> bool:
    """Whether a cadre has been told of a task, or is to be, by itself or in a morning's digest."""
    told = select(Letter).where(
        Letter.person_id == reader, Letter.kind.in_(("tasks.assigned", "tasks.digest")), Letter.state != "withdrawn",
        Letter.subject.in_((TASK.subject(task), f"digest:{reader}")), Letter.due_at >= task.created_at,
    )  # fmt: skip
    return any(task.id in _named_in(letter) for letter in session.scalars(told))


def tell_no_more(
    session: Session, task: Task, now: datetime, but_not: ColumnElement[bool] | None = None
) -> None:  # fmt: skip
    """A task is settled, waits, has been taken on or goes to others: who has not heard of it yet need not. `but_not`:
    letters that stay true."""
    withdraw(session, TASK.subject(task), now, but_not=but_not)
    leave_digests(session, task, now)


def leave_digests(session: Session, task: Task, now: datetime, reader: int | None = None) -> None:
    """A digest that has not gone out yet (only this reader's) does not name the task any more: it is settled, or not
    theirs. An empty one is not sent."""
    whose = () if reader is None else (Letter.person_id == reader,)
    waiting = session.execute(select(Letter.id, Letter.facts).where(*_WAITING, *whose)).all()
    naming = [row.id for row in waiting if any(item["task"] == task.id for item in row.facts["items"])]
    for letter in _held(session, Letter.id.in_(naming)) if naming else ():
        items: list[Any] = [item for item in letter.facts["items"] if item["task"] != task.id]
        letter.facts = {**letter.facts, "items": items}
        if not items:
            letter.state, letter.settled_at = "withdrawn", now
    session.flush()


def forget(session: Session, reader: int, gone: Select[int], now: datetime) -> None:
    """What waits to tell a cadre of these tasks (their ids) is taken back: they are not theirs to know any more."""
    query = select(Letter).where(
        Letter.person_id == reader, Letter.kind.startswith("tasks."), in_states("planned", "retry")
    )
    letters = session.scalars(query.order_by(Letter.id)).all()
    named = {letter.id: _named_in(letter) for letter in letters}
    every = set(session.scalars(gone.where(Task.id.in_(set().union(*named.values())))))
    for letter in letters:
        if letter.subject.startswith(f"{TASK.name}:") and named[letter.id] & every:
            withdraw(session, letter.subject, now, person_id=reader)
    for key in sorted(every):
        leave_digests(session, session.get_one(Task, key), now, reader)


def _named_in(letter: Letter) -> set[int]:
    """The keys of the tasks of which a letter tells."""
    if letter.kind == "tasks.digest":
        return {item["task"] for item in letter.facts["items"]}
    return {letter.facts["task"]}


def move_digests(session: Session, now: datetime) -> int:
    """What waits for a morning that is no working day any more waits for the next that is; answers how many letters."""
    book, moved = calendar(session), 0
    for letter in _held(session, Letter.due_at > now):
        if book.is_workday(letter.due_at.astimezone(CHINA).date()):
            continue
        due, moved = next_morning(letter.due_at, book), moved + 1
        items, letter.facts = letter.facts["items"], {**letter.facts, "items": []}  # should that morning come back
        letter.state, letter.settled_at = "withdrawn", now
        for item in items:
            _into_digest(session, session.get_one(Task, item["task"]), letter.person_id, due, now)
    session.flush()
    return moved


def _held(session: Session, which: ColumnElement[bool]) -> Sequence[Letter]:
    """The waiting digests among these, locked: no other's is, so that cadres do not wait for each other."""
    query = select(Letter).where(*_WAITING, which).order_by(Letter.id).with_for_update()
    return session.scalars(query, execution_options={"populate_existing": True}).all()
