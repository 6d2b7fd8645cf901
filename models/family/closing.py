"""A centre shuts on days that had been open: the calls that no longer lie in its hours are laid before its cadres."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.family.calls import FamilyCall
from models.family.proposals import on_their_way
from models.hours import WorkCalendar, calendar
from models.people.persons import Person
from models.places.centres import ServiceCentre, open_spans, why_shut
from models.tasks.desk import makes_way, open_task
from models.tasks.tasks import TASK, Task

KIND = "closure"
LOOK_WITHIN = timedelta(hours=24)
NEAR = timedelta(hours=1)


def list_shut_out(session: Session, now: datetime) -> int:
    """Bring the cadres' tasks in line with the hours as they are now; answers how many tasks were opened.

    One task for each centre, with all its calls that fall into hours when it is shut. A call that stood in a task which
    somebody has done is not brought up again; a task whose calls are all right again is taken back. One whose family
    is being asked for another time moves, or is off: it needs no cadre. Doing it twice is doing it once.
    """
    book, found = calendar(session), dict[int, list[FamilyCall]]()
    coming = select(FamilyCall).where(
        FamilyCall.state == "booked", FamilyCall.starts_at > now, FamilyCall.id.not_in(on_their_way())
    )
    for call in session.scalars(coming.order_by(FamilyCall.starts_at, FamilyCall.id)).all():
        if _is_shut_out(session, call, book):
            found.setdefault(call.centre_id, []).append(call)
    named = select(Task.subject).where(Task.kind == KIND, Task.state.not_in(TASK.ends))
    asked = {int(subject.partition(":")[2]) for subject in session.scalars(named)}
    return sum(_lay_before(session, key, found.get(key, []), now) for key in sorted(asked | found.keys()))


def _is_shut_out(session: Session, call: FamilyCall, book: WorkCalendar) -> bool:
    centre = session.get_one(ServiceCentre, call.centre_id)
    spans = open_spans(session, centre, call.starts_at.astimezone(centre.tz).date(), book)
    return not any(opens <= call.starts_at and call.ends_at <= closes for opens, closes in spans)


def _lay_before(session: Session, centre_id: int, calls: list[FamilyCall], now: datetime) -> int:
    """Open, replace or take back the task of one centre; the centre's row is held, so that of two one goes first."""
    centre = session.get_one(ServiceCentre, centre_id, with_for_update={"key_share": True})
    query = select(Task).where(Task.subject == f"centre:{centre_id}", Task.kind == KIND).order_by(Task.id)
    tasks = session.scalars(query, execution_options={"populate_existing": True}).all()
    seen = {_mark(line) for task in tasks if task.state == "done" for line in task.facts["calls"]}
    lines = [line for line in (_line(session, call) for call in calls) if _mark(line) not in seen]
    standing = [task for task in tasks if task.state not in TASK.ends]
    if not makes_way(session, standing, lines, now):
        return 0
    first = calls[0].starts_at
    open_task(
        session, key=f"centre:{centre_id}/shut/{len(tasks)}", kind=KIND, area_id=centre.area_id,
        subject=f"centre:{centre_id}", now=now, due_at=min(now + LOOK_WITHIN, max(now + NEAR, first - NEAR)),
        facts={"centre": centre.name, "calls": lines, "why": why_shut(session, centre, first)},
    )  # fmt: skip
    return 1


def _line(session: Session, call: FamilyCall) -> dict[str, Any]:
    cared, relative = session.get_one(Person, call.cared_id), session.get_one(Person, call.relative_id)
    return {
        "call": call.id, "revision": call.revision, "starts_at": call.starts_at.isoformat(), "cared": cared.name,
        "relative": relative.name,
    }  # fmt: skip


def _mark(line: dict[str, Any]) -> tuple[int, int]:
    return line["call"], line["revision"]
