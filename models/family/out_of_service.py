"""A screen is out of service for a while: who sits there sits at another; whoever finds none is decided upon."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.errors import Refused
from models.family.affected import Affected, is_to_come, seated_at
from models.family.call_days import CallDay, centre_of
from models.family.calls import CALL, FamilyCall, locked
from models.family.deciding import Cause, Decided, carry_out, let_stay, write_down
from models.family.guests import guests_of
from models.family.makeup import drop_lost_times
from models.family.reseating import at_another_screen
from models.family.taking import take
from models.family.venues import CALL_LASTS, venue_for
from models.life import By
from models.people.identities import Who
from models.people.persons import Person
from models.places.centres import ServiceCentre, Station, held_to_shut, seat_of
from models.places.outages import OUTAGE, StationOutage, outages_of

LONGEST = timedelta(days=366)
REASON_LIMIT = 60


@dataclass(frozen=True)
class Wish:
    """An outage as it is written down: which station, from when until when, why."""

    station_id: int
    starts_at: datetime
    ends_at: datetime
    reason: str


@dataclass(frozen=True)
class Reach:
    """Whom an outage reaches: rows as in `Affected`, each of those that find another screen with its name."""

    reseated: list[tuple[Any, str]]
    rest: Affected

    def __len__(self) -> int:
        return len(self.reseated) + len(self.rest)


def station_for(session: Session, who: Who, station_id: int) -> tuple[Station, ServiceCentre]:
    """A station and its centre, for a cadre over it; raises Refused("not_yours") for anybody else."""
    found = seat_of(session, station_id)
    if found is None:
        raise Refused("not_yours")
    station, centre = found
    centre_of(session, who, centre.id)
    return station, centre


def preview(session: Session, who: Who, wish: Wish, now: datetime) -> Reach:
    """Whom an outage would reach: it is tried out and taken back, so that nothing is changed.

    Raises Refused("not_yours"), ("reason_missing"), ("bad_outage") for a span that is past, too long or the wrong way
    round, or ("out_already").
    """
    station, centre = _check(session, who, wish, now)
    trial = session.begin_nested()
    try:
        _write(session, wish, f"trial/{who.person_id}")
        there = seated_at(session, station, centre.id, wish.starts_at, wish.ends_at, now)
        moved = _reseat(session, who, station, there, now)
        names = {call.id: session.get_one(Station, call.station_id).name for call in moved}
    finally:
        trial.rollback()
        session.expire_all()
    found = seated_at(session, station, centre.id, wish.starts_at, wish.ends_at, now)
    stay = [row for row in found.calls if row.FamilyCall.id not in names]
    return Reach(
        [(row, names[row.FamilyCall.id]) for row in found.calls if row.FamilyCall.id in names],
        Affected(found.centres, stay, [], found.begun),
    )


def take_out(
    session: Session, who: Who, wish: Wish, decided: Decided, client_key: str, now: datetime
) -> StationOutage:  # fmt: skip
    """The station is out of service; each call there sits at another screen, or goes the way that was decided.

    The same `client_key` again answers the same outage. Raises as `preview`, and what `Decided.check` raises.
    """
    held_to_shut(session, station_for(session, who, wish.station_id)[1].id)
    known = session.scalar(select(StationOutage).where(StationOutage.client_key == client_key))
    if known is not None:
        if known.station_id != wish.station_id:
            raise Refused("not_yours")
        return known
    station, centre = _check(session, who, wish, now)
    decided.check()
    try:
        with session.begin_nested():
            made = _write(session, wish, client_key)
    except IntegrityError:
        raise Refused("not_yours") from None  # the same key at the same moment at another centre
    OUTAGE.begin(session, made, by=By(who.person_id, "cadre"), now=now, note=made.reason)
    there = seated_at(session, station, centre.id, wish.starts_at, wish.ends_at, now)
    cause = Cause(made.subject, made.reason)
    moved = _reseat(session, who, station, there, now)
    for call in moved:
        write_down(session, cause, call, "", "reseated")
    keys = {call.id for call in moved}
    rest = [row for row in there.calls if row.FamilyCall.id not in keys]
    others = {key: choice for key, choice in decided.calls.items() if key not in keys}
    carry_out(session, who, cause, Affected(there.centres, rest, [], there.begun),
              Decided(others, {}, decided.instead), now)  # fmt: skip
    drop_lost_times(session, wish.starts_at - CALL_LASTS, wish.ends_at, now)
    return made


def outage_for(session: Session, who: Who, outage_id: int) -> tuple[StationOutage, Station, ServiceCentre]:
    """An outage with its station and centre, for a cadre over it; raises Refused("not_yours") for anybody else."""
    found = session.get(StationOutage, outage_id)
    if found is None:
        raise Refused("not_yours")
    return found, *station_for(session, who, found.station_id)


def mend(session: Session, who: Who, outage_id: int, now: datetime) -> StationOutage:
    """The station can be used again. Twice is once.

    Nothing that was cancelled or seated elsewhere comes back; a family that has not answered yet keeps its time without
    a yes, and hears so. Raises Refused("not_yours").
    """
    found, _, __ = outage_for(session, who, outage_id)
    session.refresh(found, with_for_update=True)
    if found.state == "standing":
        OUTAGE.move(session, found, "mend", by=By(who.person_id, "cadre"), now=now)
        let_stay(session, found.subject, now)
    return found


def _check(session: Session, who: Who, wish: Wish, now: datetime) -> tuple[Station, ServiceCentre]:
    station, centre = station_for(session, who, wish.station_id)
    if not wish.reason.strip():
        raise Refused("reason_missing")
    if not max(wish.starts_at, now) < wish.ends_at <= now + LONGEST or wish.starts_at < now - LONGEST:
        raise Refused("bad_outage")
    standing = outages_of(session, [station.id], wish.starts_at, wish.ends_at)
    if any(one.starts_at <= wish.starts_at and wish.ends_at <= one.ends_at for one in standing):
        raise Refused("out_already")
    return station, centre


def _write(session: Session, wish: Wish, client_key: str) -> StationOutage:
    made = StationOutage(
        client_key=client_key, station_id=wish.station_id, starts_at=wish.starts_at, ends_at=wish.ends_at,
        reason=wish.reason.strip()[:REASON_LIMIT],
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


def _reseat(
    session: Session, who: Who, station: Station, found: Affected, now: datetime
) -> Sequence[FamilyCall]:  # fmt: skip
    """Seat the calls to come at other screens at the same time, as far as there are any; answers those that sit.

    Nobody hears of it: for the family nothing changes. Where a seat's own device rings the relative, it would.
    """
    calls = [row.FamilyCall for row in found.calls if row.FamilyCall.way != "device_voip"]
    return [call for call in calls if _sits_elsewhere(session, who, station, call, now)]


def _sits_elsewhere(session: Session, who: Who, station: Station, call: FamilyCall, now: datetime) -> bool:
    seen = call.revision
    try:
        with session.begin_nested():
            # The row before its cells, as whoever cancels or moves the call takes them.
            if not is_to_come(locked(session, call.id), now) or call.revision != seen:
                return False
            new = _another(session, call)
            note = f"{station.name} → {session.get_one(Station, new).name}"
            CALL.move(session, call, "reseat", by=By(who.person_id, "cadre"), now=now, note=note,
                      where={"revision": seen}, station_id=new)  # fmt: skip
    except Refused:
        session.refresh(call)
        return False
    return True


def _another(session: Session, call: FamilyCall) -> int:
    """The key of a screen taken for a call in place of its own, all else as it is; raises Refused without one."""
    if call.call_day_id is not None:
        if not at_another_screen(session, session.get_one(CallDay, call.call_day_id), call):
            raise Refused("day_full")
        return call.station_id
    relative, cared = session.get_one(Person, call.relative_id), session.get_one(Person, call.cared_id)
    venue = venue_for(session, relative, cared, call.venue_wish)
    before = (call.helper_id, call.vehicle_id, call.centre_id, call.venue_mode)
    people = [relative, cared, *guests_of(session, call.id)]
    crew = take(session, venue, people, call.starts_at, call.subject, first=(None, call.helper_id, call.vehicle_id))
    if (crew.helper.id, crew.vehicle_id, venue.centre.id, venue.mode) != before:
        raise Refused("slot_taken")
    return crew.station.id
