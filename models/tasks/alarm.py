"""What of WeChat is out of order and stays so until a person acts: a task for those who administer the accounts."""

from collections.abc import Collection
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.hours import midnight
from models.life import BY_TIME
from models.messages.breakers import EVERY, Blown, Mark, opened
from models.messages.ladder import LADDER, rungs_from
from models.messages.silence import NO_RECEIPTS, Deaf, deaf
from models.people.staff import ADMINISTRATORS, cadres_of, holders_of
from models.places.areas import Area, root
from models.tasks.desk import open_task, settle
from models.tasks.tasks import TASK, Task

KIND = "wechat_stopped"
MEND_WITHIN = timedelta(hours=4)
OWN_BUDGET = "own_budget"  # the code of a day that our own limit has ended, and no breaker


def raise_alarm(session: Session, blown: Blown, now: datetime) -> Task | None:
    """Open the task for a breaker that has just opened and needs a person; None where it mends by itself, or where the
    county knows of it.

    It is said once while it stands, and once a day where it mends and opens again; but again when somebody has called
    it done, and it is not. The breaker's row is locked: of several senders one sees it open.
    """
    area_id = root(session)
    if not blown.needs_person or area_id is None:
        return None
    area, subject = session.get_one(Area, area_id), _subject(blown)
    today = midnight(now)
    known = session.scalars(
        select(Task.state).where(
            Task.subject == subject, or_(Task.state.not_in(TASK.ends), Task.created_at >= today)
        )
    ).all()  # fmt: skip
    if any(state != "done" for state in known):
        return None
    admins = {one.id for one in holders_of(session, area, ADMINISTRATORS)}
    others = {one.id for one in cadres_of(session, area)} - admins if admins else set()
    return open_task(
        session, key=f"{subject}/{today:%Y-%m-%d}/{len(known)}", kind=KIND, area_id=area.id, subject=subject, now=now,
        due_at=now + MEND_WITHIN, by=BY_TIME, but_not=others, channel=_another_way(blown),
        facts={"app_id": blown.app_id, "channel": blown.channel, "of_kind": blown.kind, "code": blown.code,
               "errmsg": blown.why[:300]},
    )  # fmt: skip


def day_spent(session: Session, app_id: str, channel: str, now: datetime) -> Task | None:
    """Open the task for a channel whose day is used up by our own limit, but for what is urgent; once a day."""
    return raise_alarm(session, Blown(app_id, channel, EVERY, OWN_BUDGET, "", needs_person=True), now)


def receipts_missing(session: Session, silent: Deaf, now: datetime) -> Task | None:
    """Open the task for an account whose receipts do not reach us. Called done it is opened again only for a letter
    that was sent since: those from before cannot get their receipts any more."""
    blown = Blown(silent.app_id, silent.channel, EVERY, NO_RECEIPTS, "", needs_person=True)
    done = select(Task.id).where(Task.subject == _subject(blown), Task.state == "done", Task.settled_at >= silent.last)
    return None if session.scalar(done.limit(1)) else raise_alarm(session, blown, now)


def end_alarms(session: Session, now: datetime) -> int:
    """Take back the tasks of breakers that have mended: a letter has gone through; of accounts whose receipts come
    again; and of days that are over. Answers how many."""
    query = (
        select(Task).where(Task.kind == KIND, Task.state.not_in(TASK.ends)).order_by(Task.id)
        .with_for_update(skip_locked=True)
    )  # fmt: skip
    tasks = session.scalars(query, execution_options={"populate_existing": True}).all()
    # Read after them: a task that another process has just opened is met with what it was opened for.
    standing, silent = opened(session), {one.app_id for one in deaf(session)}
    over = [task for task in tasks if not _stands(task, standing, silent, now)]
    for task in over:
        settle(session, task, "cancel", by=BY_TIME, now=now)
    return len(over)


def _stands(task: Task, standing: Collection[Mark], silent: Collection[str], now: datetime) -> bool:
    if task.facts["code"] == OWN_BUDGET:
        return task.created_at >= midnight(now)
    if task.facts["code"] == NO_RECEIPTS:
        return task.facts["app_id"] in silent
    return (task.facts["app_id"], task.facts["channel"], task.facts["of_kind"]) in standing


def _subject(blown: Blown) -> str:
    """A mark and what is wrong with it as one number, always the same: a subject has no room for their names."""
    named = "/".join((blown.app_id, blown.channel, blown.kind, blown.code))
    return f"breaker:{int.from_bytes(sha256(named.encode()).digest()[:6])}"


def _another_way(blown: Blown) -> str | None:
    """Where the letter about it begins: below the first channel when that is stopped for such letters too; where only
    another kind's template is out of order, or letters go and only their receipts do not come, as every letter."""
    if blown.code == NO_RECEIPTS:
        return None
    below = rungs_from("tasks.assigned", blown.channel)[1:]
    stopped = blown.channel == LADDER[0] and (blown.kind == EVERY or blown.kind.startswith("tasks."))
    return below[0] if stopped and below else None
