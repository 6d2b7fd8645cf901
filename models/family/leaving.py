"""A helper leaves: every call to come that they were to help with needs another, and one task names them all."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, not_, or_, select
from sqlalchemy.orm import Session, aliased

from models.errors import Refused
from models.family.call_days import CallDay, area_of
from models.family.calls import CALL, FamilyCall, place_of, relatives_on, resources_of
from models.family.proposals import keep_asking
from models.family.seating import hold_day
from models.family.telling import help_anew
from models.family.told import carry_over
from models.hours import calendar
from models.life import By
from models.people.identities import Who
from models.people.persons import Person
from models.people.staff import StaffRole, cadres_above, is_cadre_over
from models.places.areas import Area
from models.places.cells import occupy
from models.places.centres import ServiceCentre
from models.places.travel import in_a_hurry
from models.tasks.desk import makes_way, open_task, settle, task_for
from models.tasks.tasks import TASK, Task

KIND = "series_helper"
LOOK_WITHIN = timedelta(hours=4)  # of working time
NEAR = timedelta(hours=1)


def list_without_helper(session: Session, now: datetime) -> int:
    """Bring the cadres' tasks in line with the calls whose helper is none there any more; answers how many were opened.

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
    """The calls to come whose helper is not here, or a cadre neither over the elder's village nor over the centre's."""
    helper = aliased(Person)
    over_elder, over_centre = (
        cadres_above(area).where(StaffRole.person_id == FamilyCall.helper_id).exists()
        for area in (func.coalesce(Person.area_id, ServiceCentre.area_id), ServiceCentre.area_id)
    )
    return (
        select(FamilyCall).join(helper, FamilyCall.helper_id == helper.id)
        .join(Person, FamilyCall.cared_id == Person.id).join(ServiceCentre, FamilyCall.centre_id == ServiceCentre.id)
        .where(FamilyCall.state == "booked", FamilyCall.starts_at > now)
        .where(or_(helper.state != "active", not_(or_(over_elder, over_centre))))
        .order_by(FamilyCall.starts_at, FamilyCall.id)
    )  # fmt: skip


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
    """A cadre of the centre takes over the calls of who left, as far as their own time is free and they can be there
    in time; answers how many, and how many are left for another, with whom the task stays. The families hear nothing:
    their time stands.

    Raises Refused("not_yours"), or ("wrong_state") when there is nothing to take over any more.
    """
    task = task_for(session, who, task_id)
    if task.kind != KIND or task.state in TASK.ends:
        raise Refused("wrong_state")
    if not is_cadre_over(session, who.person_id, _area_of(session, task)):
        raise Refused("not_yours")
    days, calls = _held_of(session, task.facts["centre_id"], task.facts["helper_id"], now)
    # Cells cannot see a road: whoever sends this cadre to another village at this moment goes first. It is held after
    # the calls, as `taking` holds a helper: nobody who holds a helper waits for these.
    mine = session.get_one(Person, who.person_id, with_for_update={"key_share": True}, populate_existing=True)
    for day in days:
        _take_day(session, mine, day)
    taken = sum(_take_over(session, mine, call, now) for call in calls)
    if taken == len(calls):
        settle(session, task, "finish", by=By(who.person_id, "cadre"), now=now)
    else:
        list_without_helper(session, now)
    return taken, len(calls) - taken


def _held_of(
    session: Session, centre_id: int, left: int, now: datetime
) -> tuple[Sequence[CallDay], Sequence[FamilyCall]]:
    """The call days and the calls of who left at a centre, held; the days come before their calls."""
    days = select(CallDay).where(
        CallDay.centre_id == centre_id, CallDay.helper_id == left, CallDay.state == "open", CallDay.ends_at > now
    ).order_by(CallDay.id).with_for_update(key_share=True)  # fmt: skip
    calls = _orphaned(now).where(FamilyCall.helper_id == left, FamilyCall.centre_id == centre_id)
    as_they_are = {"populate_existing": True}
    return (
        session.scalars(days, execution_options=as_they_are).all(),
        session.scalars(calls.with_for_update(of=FamilyCall), execution_options=as_they_are).all(),
    )


def _take_day(session: Session, mine: Person, day: CallDay) -> None:
    """A call day is the cadre's, where they are free throughout and can be there in time."""
    if in_a_hurry(session, [mine.resource], area_of(session, day.centre_id), day.starts_at, day.ends_at, day.subject):
        return
    try:
        with session.begin_nested():
            day.helper_id = mine.id
            session.flush()
            hold_day(session, day)
    except Refused:
        session.refresh(day)


def _area_of(session: Session, task: Task) -> Area:
    centre = session.get_one(ServiceCentre, task.facts["centre_id"])
    return session.get_one(Area, centre.area_id)


def _take_over(session: Session, mine: Person, call: FamilyCall, now: datetime) -> bool:
    """One call, one revision further; no where the cadre is on another call then or cannot be there in time, or is a
    party to this one."""
    left, where = session.get_one(Person, call.helper_id), place_of(session, call)
    if mine.id in (call.cared_id, *relatives_on(session, call)):
        return False
    if call.call_day_id is not None:
        if session.get_one(CallDay, call.call_day_id).helper_id != mine.id:
            return False
    elif in_a_hurry(
        session, [mine.resource], session.get_one(Area, where), call.starts_at, call.ends_at, call.subject
    ):  # fmt: skip
        return False
    wanted = [mine.resource if one == left.resource else one for one in resources_of(session, call)]
    try:
        with session.begin_nested():
            CALL.move(
                session, call, "change", by=By(mine.id, "cadre"), now=now, note="helper",
                where={"revision": call.revision}, helper_id=mine.id, revision=call.revision + 1,
                set_out_at=None,  # that was another's way
            )  # fmt: skip
            occupy(session, wanted, call.starts_at, call.ends_at, call.subject, where)
    except Refused:
        session.refresh(call)
        return False
    keep_asking(session, call)
    carry_over(session, call)
    help_anew(session, call, now)
    return True
