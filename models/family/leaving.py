"""A helper leaves: every call to come that they were to help with needs another, and one task names them all."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.family.call_days import CallDay
from models.family.calls import CALL, FamilyCall, place_of, relatives_on, resources_of
from models.family.proposals import keep_asking
from models.family.seating import hold_day
from models.family.telling import help_anew
from models.family.told import carry_over
from models.hours import calendar
from models.life import By
from models.people.identities import Who
from models.people.persons import Person
from models.people.staff import CADRE_ROLES, StaffRole, is_cadre_over
from models.places.areas import Area
from models.places.cells import occupy
from models.places.centres import ServiceCentre
from models.tasks.desk import makes_way, open_task, settle, task_for
from models.tasks.tasks import TASK, Task

KIND = "series_helper"
LOOK_WITHIN = timedelta(hours=4)  # of working time
NEAR = timedelta(hours=1)


def list_without_helper(session: Session, now: datetime) -> int:
    """Bring the cadres' tasks in line with the calls whose helper is a cadre no more; answers how many were opened.

    One task for each who left and each centre, with all their calls to come. A task whose calls all have a helper
    again, or are off, is taken back. Doing it twice is doing it once.
    """
    found: dict[tuple[int, int], list[FamilyCall]] = {}
    for call in session.scalars(_orphaned(now)).all():
        found.setdefault((call.centre_id, call.helper_id), []).append(call)
    standing = session.scalars(select(Task).where(Task.kind == KIND, Task.state.not_in(TASK.ends))).all()
    asked = {(task.facts["centre_id"], task.facts["helper_id"]) for task in standing}
    pairs = sorted(asked | found.keys())
    return sum(_lay_before(session, centre, helper, found.get((centre, helper), []), now) for centre, helper in pairs)


def _orphaned(now: datetime) -> Any:
    cadres = select(StaffRole.person_id).where(StaffRole.ended_at.is_(None), StaffRole.role.in_(CADRE_ROLES))
    gone = FamilyCall.helper_id.not_in(cadres) | FamilyCall.helper_id.in_(
        select(Person.id).where(Person.state != "active")
    )
    coming = select(FamilyCall).where(FamilyCall.state == "booked", FamilyCall.starts_at > now, gone)
    return coming.order_by(FamilyCall.starts_at, FamilyCall.id)


def _lay_before(session: Session, centre_id: int, helper_id: int, calls: list[FamilyCall], now: datetime) -> int:
    """Open, replace or take back one task; the centre's row is held, so that of two clocks one goes first."""
    centre = session.get_one(ServiceCentre, centre_id, with_for_update={"key_share": True}, populate_existing=True)
    query = select(Task).where(Task.subject == f"centre:{centre_id}", Task.kind == KIND).order_by(Task.id)
    tasks = session.scalars(query, execution_options={"populate_existing": True}).all()
    standing = [task for task in tasks if task.state not in TASK.ends and task.facts["helper_id"] == helper_id]
    lines = [_line(session, call) for call in calls]
    if not makes_way(session, standing, lines, now):
        return 0
    soon = max(now + NEAR, calls[0].starts_at - NEAR)
    open_task(
        session, key=f"centre:{centre_id}/helper/{len(tasks)}", kind=KIND, area_id=centre.area_id,
        subject=f"centre:{centre_id}", now=now, due_at=min(calendar(session).add_working_time(now, LOOK_WITHIN), soon),
        facts={"helper_id": helper_id, "centre_id": centre_id, "helper": session.get_one(Person, helper_id).name,
               "centre": centre.name, "calls": lines},
    )  # fmt: skip
    return 1


def _line(session: Session, call: FamilyCall) -> dict[str, Any]:
    cared, relative = session.get_one(Person, call.cared_id), session.get_one(Person, call.relative_id)
    return {
        "call": call.id, "starts_at": call.starts_at.isoformat(), "cared": cared.name, "relative": relative.name,
    }  # fmt: skip


def take_over(session: Session, who: Who, task_id: int, now: datetime) -> tuple[int, int]:
    """A cadre of the centre takes over the calls of who left, as far as their own time is free; answers how many, and
    how many are left for another, with whom the task stays. The families hear nothing: their time stands.

    Raises Refused("not_yours"), or ("wrong_state") when there is nothing to take over any more.
    """
    task = task_for(session, who, task_id)
    if task.kind != KIND or task.state in TASK.ends:
        raise Refused("wrong_state")
    if not is_cadre_over(session, who.person_id, _area_of(session, task)):
        raise Refused("not_yours")
    _take_days(session, who.person_id, task.facts["centre_id"], task.facts["helper_id"], now)
    query = (
        _orphaned(now).where(FamilyCall.helper_id == task.facts["helper_id"])
        .where(FamilyCall.centre_id == task.facts["centre_id"]).with_for_update()
    )  # fmt: skip
    calls = session.scalars(query, execution_options={"populate_existing": True}).all()
    taken = sum(_take_over(session, who, call, now) for call in calls)
    if taken == len(calls):
        settle(session, task, "finish", by=By(who.person_id, "cadre"), now=now)
    else:
        list_without_helper(session, now)
    return taken, len(calls) - taken


def _take_days(session: Session, mine: int, centre_id: int, left: int, now: datetime) -> None:
    """The call days of who left are the cadre's, where they are free throughout; the days come before their calls."""
    query = select(CallDay).where(
        CallDay.centre_id == centre_id, CallDay.helper_id == left, CallDay.state == "open", CallDay.ends_at > now
    ).order_by(CallDay.id).with_for_update(key_share=True)  # fmt: skip
    for day in session.scalars(query, execution_options={"populate_existing": True}).all():
        try:
            with session.begin_nested():
                day.helper_id = mine
                session.flush()
                hold_day(session, day)
        except Refused:
            session.refresh(day)


def _area_of(session: Session, task: Task) -> Area:
    centre = session.get_one(ServiceCentre, task.facts["centre_id"])
    return session.get_one(Area, centre.area_id)


def _take_over(session: Session, who: Who, call: FamilyCall, now: datetime) -> bool:
    """One call, one revision further; no where the cadre is on another call then, or a party to this one."""
    left, mine = session.get_one(Person, call.helper_id), session.get_one(Person, who.person_id)
    if mine.id in (call.cared_id, *relatives_on(session, call)):
        return False
    if call.call_day_id is not None and session.get_one(CallDay, call.call_day_id).helper_id != mine.id:
        return False
    wanted = [mine.resource if one == left.resource else one for one in resources_of(session, call)]
    try:
        with session.begin_nested():
            CALL.move(
                session, call, "change", by=By(who.person_id, "cadre"), now=now, note="helper",
                where={"revision": call.revision}, helper_id=mine.id, revision=call.revision + 1,
            )  # fmt: skip
            occupy(session, wanted, call.starts_at, call.ends_at, call.subject, place_of(session, call))
    except Refused:
        session.refresh(call)
        return False
    keep_asking(session, call)
    carry_over(session, call)
    help_anew(session, call, now)
    return True
