"""A centre shuts, or a screen is out of service: the calls that cannot stay there are laid before its cadres."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.family.calls import FamilyCall
from models.family.proposals import on_their_way
from models.hours import WorkCalendar, calendar
from models.people.persons import Person
from models.places.centres import ServiceCentre, Station, closures_on, open_spans, seat_of, why_shut
from models.places.outages import outages_of
from models.tasks.desk import makes_way, open_task
from models.tasks.tasks import TASK, Task

KIND, SCREEN_KIND = "closure", "screen_out"
LOOK_WITHIN = timedelta(hours=24)
NEAR = timedelta(hours=1)

Place = tuple[str, int]  # ("centre", 3), or ("station", 5)


def list_shut_out(session: Session, now: datetime) -> int:
    """Bring the cadres' tasks in line with hours and outages as they are now; answers how many tasks were opened.

    One task for each centre, with all its calls that fall into hours when it is shut, and one for each screen that is
    out of service while people sit at it. A call that stood in a task which somebody has done is brought up again for
    another cause only; a task whose calls are all right again is taken back. One whose family is being asked for
    another time moves, or is off: it needs no cadre. Doing it twice is doing it once.
    """
    book, found = calendar(session), dict[Place, list[FamilyCall]]()
    coming = select(FamilyCall).where(
        FamilyCall.state == "booked", FamilyCall.starts_at > now, FamilyCall.id.not_in(on_their_way())
    )
    calls = session.scalars(coming.order_by(FamilyCall.starts_at, FamilyCall.id)).all()
    broken = _broken(session, calls)
    for call in calls:
        if _outside_hours(session, call, book):
            found.setdefault(("centre", call.centre_id), []).append(call)
        elif call.id in broken:
            found.setdefault(("station", call.station_id), []).append(call)
    named = select(Task.subject).where(Task.kind.in_((KIND, SCREEN_KIND)), Task.state.not_in(TASK.ends))
    asked = {(kind, int(key)) for kind, _, key in (subject.partition(":") for subject in session.scalars(named))}
    return sum(_lay_before(session, place, found.get(place, []), now) for place in sorted(asked | found.keys()))


def is_shut_out(session: Session, call: FamilyCall) -> bool:
    """Whether a call cannot be where it is: its centre is shut then, or its screen is out of service."""
    return _outside_hours(session, call, calendar(session)) or bool(_broken(session, [call]))


def _outside_hours(session: Session, call: FamilyCall, book: WorkCalendar) -> bool:
    centre = session.get_one(ServiceCentre, call.centre_id)
    spans = open_spans(session, centre, call.starts_at.astimezone(centre.tz).date(), book)
    return not any(opens <= call.starts_at and call.ends_at <= closes for opens, closes in spans)


def _broken(session: Session, calls: Sequence[FamilyCall]) -> set[int]:
    """The keys of those calls whose screen is out of service at their time."""
    if not calls:
        return set()
    until = max(call.ends_at for call in calls)
    outages = outages_of(session, {call.station_id for call in calls}, calls[0].starts_at, until)
    return {
        call.id for call in calls for one in outages
        if one.station_id == call.station_id and one.starts_at < call.ends_at and call.starts_at < one.ends_at
    }  # fmt: skip


def _lay_before(session: Session, place: Place, calls: list[FamilyCall], now: datetime) -> int:
    """Open, replace or take back the task of one place; the centre's row is held, so that of two one goes first."""
    subject, seat = "{}:{}".format(*place), seat_of(session, place[1]) if place[0] == "station" else None
    kind, key = (SCREEN_KIND, seat[1].id) if seat else (KIND, place[1])
    centre = session.get_one(ServiceCentre, key, with_for_update={"key_share": True}, populate_existing=True)
    query = select(Task).where(Task.subject == subject, Task.kind == kind).order_by(Task.id)
    tasks = session.scalars(query, execution_options={"populate_existing": True}).all()
    done = [task.facts.get("calls", ()) for task in tasks if task.state == "done"]  # after a year without its words
    seen = {mark for lines in done for line in lines for mark in _marks(line)}
    lines = [line for line in (_line(session, call, kind) for call in calls) if not _marks(line) <= seen]
    standing = [task for task in tasks if task.state not in TASK.ends]
    if not makes_way(session, standing, lines, now):
        return 0
    first = calls[0]
    open_task(
        session, key=f"{subject}/shut/{len(tasks)}", kind=kind, area_id=centre.area_id, subject=subject, now=now,
        due_at=min(now + LOOK_WITHIN, max(now + NEAR, first.starts_at - NEAR)),
        facts={"centre": centre.name, "calls": lines, **_why(session, centre, seat[0] if seat else None, first)},
    )  # fmt: skip
    return 1


def _why(session: Session, centre: ServiceCentre, station: Station | None, first: FamilyCall) -> dict[str, str]:
    if station is None:
        return {"why": why_shut(session, centre, first.starts_at)}
    return {
        "screen": station.name, "why": outages_of(session, [station.id], first.starts_at, first.ends_at)[0].reason
    }  # fmt: skip


def _line(session: Session, call: FamilyCall, kind: str) -> dict[str, Any]:
    cared, relative = session.get_one(Person, call.cared_id), session.get_one(Person, call.relative_id)
    return {
        "call": call.id, "revision": call.revision, "starts_at": call.starts_at.isoformat(), "cared": cared.name,
        "relative": relative.name, "causes": _causes(session, call, kind),
    }  # fmt: skip


def _causes(session: Session, call: FamilyCall, kind: str) -> list[str]:
    """What a call is shut out by, each cause by its name; with none of its own it is the centre's hours."""
    if kind == SCREEN_KIND:
        return [one.subject for one in outages_of(session, [call.station_id], call.starts_at, call.ends_at)]
    centre = session.get_one(ServiceCentre, call.centre_id)
    day = call.starts_at.astimezone(centre.tz).date()
    return [one.subject for one in closures_on(session, centre, day)] or ["hours"]


def _marks(line: dict[str, Any]) -> set[tuple[int, int, str]]:
    return {(line["call"], line["revision"], cause) for cause in line.get("causes", ())}
