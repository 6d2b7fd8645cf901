"""Whom a closure would reach, the calls and call days in some days; and who sits at one screen for a while."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, aliased

from models.family.call_days import CallDay
from models.family.calls import LIVE_CALLS, FamilyCall
from models.family.proposals import CallProposal
from models.people.persons import Person
from models.places.centres import ServiceCentre, Station
from models.places.days import Days


@dataclass(frozen=True)
class Affected:
    """What lies in some days, in order of time: rows of (FamilyCall, ServiceCentre, cared, relative, relative_zone).

    `centres` are the keys of those that were asked about. `calls` can still be settled one by one; those of the `days`
    go as their call day goes; for those that have `begun` it is too late. Those in `asked` lie on other days: their
    families are just being asked whether they would come on these.
    """

    centres: Sequence[int]
    calls: list[Any]
    days: list[tuple[CallDay, ServiceCentre, list[Any]]]
    begun: list[Any]
    asked: list[Any] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.calls) + len(self.begun) + sum(len(rows) for _, _, rows in self.days)


def affected(session: Session, centres: Sequence[int], days: Days, now: datetime) -> Affected:
    """Everything at these centres that lies in these days, or was to come there, and is not over; in few statements."""
    since, until = days.span()
    calls = _calls(
        FamilyCall.centre_id.in_(centres), FamilyCall.ends_at > now, FamilyCall.starts_at >= since,
        FamilyCall.starts_at < until,
    )  # fmt: skip
    rows = [row for row in session.execute(calls, execution_options={"populate_existing": True})
            if days.hold(row.FamilyCall.starts_at, row.ServiceCentre)]  # fmt: skip
    query = (
        select(CallDay, ServiceCentre).join(ServiceCentre, CallDay.centre_id == ServiceCentre.id)
        .where(CallDay.centre_id.in_(centres), CallDay.state == "open", CallDay.starts_at > max(now, since))
        .where(CallDay.starts_at < until).order_by(CallDay.starts_at, CallDay.id)
    )  # fmt: skip
    held = {day.id: (day, centre) for day, centre in session.execute(query) if days.hold(day.starts_at, centre)}
    alone = [row for row in rows if row.FamilyCall.call_day_id not in held]
    return Affected(
        centres, [row for row in alone if is_to_come(row.FamilyCall, now)],
        [(day, centre, [row for row in rows if row.FamilyCall.call_day_id == key])
         for key, (day, centre) in held.items()],
        [row for row in alone if not is_to_come(row.FamilyCall, now)],
        _asked_for(session, centres, days, {row.FamilyCall.id for row in rows}),
    )  # fmt: skip


def _asked_for(session: Session, centres: Sequence[int], days: Days, but_not: Collection[int]) -> list[Any]:
    """The calls whose families are being asked for a time in these days."""
    since, until = days.span()
    asked = select(CallProposal.call_id, CallProposal.starts_at).where(
        CallProposal.state == "asked", CallProposal.starts_at >= since, CallProposal.starts_at < until
    )
    times = {row.call_id: row.starts_at for row in session.execute(asked) if row.call_id not in but_not}
    if not times:
        return []
    query = _calls(FamilyCall.id.in_(times), FamilyCall.centre_id.in_(centres))
    return [row for row in session.execute(query) if days.hold(times[row.FamilyCall.id], row.ServiceCentre)]


def is_to_come(call: FamilyCall, now: datetime) -> bool:
    """Whether a call can still be moved or called off without anybody being there already."""
    return call.state == "booked" and call.starts_at > now


def seated_at(
    session: Session, station: Station, centre_id: int, since: datetime, until: datetime, now: datetime
) -> Affected:  # fmt: skip
    """The calls at one seat in a stretch of time that are not over, those of call days one by one as well."""
    query = _calls(
        FamilyCall.station_id == station.id, FamilyCall.starts_at < until, FamilyCall.ends_at > max(since, now)
    )
    rows = session.execute(query, execution_options={"populate_existing": True}).all()
    to_come = [row for row in rows if is_to_come(row.FamilyCall, now)]
    return Affected([centre_id], to_come, [], [row for row in rows if not is_to_come(row.FamilyCall, now)])


def _calls(*where: ColumnElement[bool]) -> Any:
    cared, relative = aliased(Person), aliased(Person)
    return (
        select(
            FamilyCall, ServiceCentre, cared.name.label("cared"), relative.name.label("relative"),
            relative.time_zone.label("relative_zone"),
        )
        .join(cared, FamilyCall.cared_id == cared.id).join(relative, FamilyCall.relative_id == relative.id)
        .join(ServiceCentre, FamilyCall.centre_id == ServiceCentre.id)
        .where(FamilyCall.state.in_(LIVE_CALLS), *where)
        .order_by(FamilyCall.starts_at, FamilyCall.id)
    )  # fmt: skip
