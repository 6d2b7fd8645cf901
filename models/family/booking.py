"""Booking, moving and cancelling a family call: all cells or none, and every reminder with it."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.errors import Refused
from models.family.calls import CALL, FamilyCall
from models.family.slots import CALL_LASTS, HORIZON_DAYS, NOTICE, Slot, Venue, is_free, nearest, venue_for
from models.hours import calendar
from models.life import BY_RULE, BY_TIME, By
from models.messages.outbox import post, withdraw
from models.messages.reminders import CALL_RULES, Recipient, plan
from models.people.contacts import plan_for
from models.people.identities import Who
from models.people.persons import Person
from models.people.scope import act_for, in_charge_of
from models.places.areas import Area
from models.places.cells import occupy, release, taken
from models.places.centres import ServiceCentre, open_spans
from models.tasks.desk import open_task, settle_for


def book(
    session: Session, who: Who, *, cared_id: int, starts_at: datetime, client_key: str, now: datetime
) -> FamilyCall:
    """Book a call between the one who asks and an elder or child that person may act for.

    The same `client_key` again answers the same call. Raises Refused("no_link"), Refused("bad_time"), and
    Refused("slot_taken", alternatives=[Slot…]) when a cell is gone.
    """
    known = _by_key(session, client_key)
    if known is not None:
        return _mine(known, who)
    cared, role = act_for(session, who.person_id, cared_id)
    if role != "relative":
        raise Refused("no_link")
    relative = session.get_one(Person, who.person_id)
    venue = venue_for(session, cared)
    _check_time(session, venue.centre, starts_at, now)
    call = FamilyCall(
        client_key=client_key, relative_id=relative.id, cared_id=cared.id, centre_id=venue.centre.id,
        station_id=venue.stations[0].id, helper_id=venue.helpers[0].id, starts_at=starts_at,
        ends_at=starts_at + CALL_LASTS, created_at=now,
    )  # fmt: skip
    try:
        with session.begin_nested():
            session.add(call)
    except IntegrityError:
        # The same tap arrived twice at the same moment, and the other one was first.
        return _mine(session.execute(select(FamilyCall).where(FamilyCall.client_key == client_key)).scalar_one(), who)
    _take(session, call, venue, relative, cared, starts_at, now)
    CALL.begin(session, call, by=By(who.person_id, "relative"), now=now)
    _announce(session, call, relative, cared, venue.centre, "booked", told_by=who.person_id, now=now)
    return call


def move(session: Session, who: Who, call_id: int, starts_at: datetime, now: datetime) -> FamilyCall:
    """Move a call to another time: the same call, one revision further, its old reminders gone.

    The new cells are taken before the old ones are given back; when they are gone, the old time stands. Raises like
    `book`, and Refused("wrong_state") when somebody moved or cancelled it meanwhile.
    """
    call, role = call_for(session, who, call_id)
    relative, cared = session.get_one(Person, call.relative_id), session.get_one(Person, call.cared_id)
    venue = venue_for(session, cared)
    _check_time(session, venue.centre, starts_at, now)
    if starts_at == call.starts_at:
        return call
    # The row first: whoever changes or cancels at the same moment waits here, and then finds another revision.
    seen = call.revision
    CALL.move(
        session, call, "change", by=By(who.person_id, role), now=now, note=starts_at.isoformat(),
        where={"revision": seen}, starts_at=starts_at, ends_at=starts_at + CALL_LASTS, revision=seen + 1,
    )  # fmt: skip
    _take(session, call, venue, relative, cared, starts_at, now)
    _announce(session, call, relative, cared, venue.centre, "changed", told_by=who.person_id, now=now)
    return call


def cancel(session: Session, who: Who, call_id: int, reason: str, now: datetime) -> FamilyCall:
    """Cancel a call: its cells free, its reminders withdrawn, the others told. Cancelling twice is once."""
    call, role = call_for(session, who, call_id)
    if call.state == "cancelled":
        return call
    CALL.move(session, call, "cancel", by=By(who.person_id, role), now=now, note=reason[:200], reason=reason[:200])
    release(session, call.subject)
    withdraw(session, call.subject, now)
    settle_for(session, call.subject, "cancel", by=BY_RULE, now=now)
    relative, cared = session.get_one(Person, call.relative_id), session.get_one(Person, call.cared_id)
    centre = session.get_one(ServiceCentre, call.centre_id)
    facts = {**_facts(call, relative, cared, centre), "reason": reason}
    for reader in {call.relative_id, call.helper_id} - {who.person_id}:
        _post(session, call, reader, "cancelled", facts, now)
    return call


def finish_past(session: Session, now: datetime) -> int:
    """Calls whose end lies two hours back are completed where no cadre said otherwise; answers how many."""
    query = select(FamilyCall).where(FamilyCall.state.in_(("booked", "checked_in", "in_call")),
                                     FamilyCall.ends_at < now - timedelta(hours=2))  # fmt: skip
    past = session.scalars(query.limit(200)).all()
    for call in past:
        CALL.move(session, call, "complete", by=BY_TIME, now=now)
        release(session, call.subject)
        settle_for(session, call.subject, "cancel", by=BY_TIME, now=now)
    return len(past)


def calls_of(session: Session, who: Who, now: datetime) -> list[FamilyCall]:
    """The coming calls this person takes part in or helps with, the soonest first."""
    query = (
        select(FamilyCall)
        .where((FamilyCall.relative_id == who.person_id) | (FamilyCall.helper_id == who.person_id))
        .where(FamilyCall.state.in_(("booked", "checked_in", "in_call")), FamilyCall.ends_at > now)
        .order_by(FamilyCall.starts_at)
    )
    return list(session.scalars(query))


def call_for(session: Session, who: Who, call_id: int) -> tuple[FamilyCall, str]:
    """The call and as what this person sees it: "relative" or "cadre"; raises Refused("not_yours") for strangers.

    A relative whose link was revoked is a stranger from then on.
    """
    call = session.get(FamilyCall, call_id)
    if call is None:
        raise Refused("not_yours")
    if call.relative_id == who.person_id:
        act_for(session, who.person_id, call.cared_id)
        return call, "relative"
    cared = session.get_one(Person, call.cared_id)
    if call.helper_id == who.person_id or in_charge_of(session, who.person_id, cared):
        return call, "cadre"
    raise Refused("not_yours")


def person_moved_zone(session: Session, person_id: int, now: datetime) -> None:
    """A relative lives elsewhere now: the reminders still to come are planned anew in that zone, the past stands."""
    query = select(FamilyCall).where(FamilyCall.relative_id == person_id, FamilyCall.state == "booked",
                                     FamilyCall.starts_at > now)  # fmt: skip
    for call in session.scalars(query).all():
        CALL.move(session, call, "change", by=BY_RULE, now=now, note="time zone", revision=call.revision + 1)
        relative, cared = session.get_one(Person, call.relative_id), session.get_one(Person, call.cared_id)
        centre = session.get_one(ServiceCentre, call.centre_id)
        _plan(session, call, _facts(call, relative, cared, centre), now)


def _by_key(session: Session, client_key: str) -> FamilyCall | None:
    return session.scalar(select(FamilyCall).where(FamilyCall.client_key == client_key))


def _mine(call: FamilyCall, who: Who) -> FamilyCall:
    if call.relative_id != who.person_id:
        raise Refused("not_yours")
    return call


def _check_time(session: Session, centre: ServiceCentre, starts_at: datetime, now: datetime) -> None:
    """A call lies in the future, within the horizon, on the centre's half-hours and inside its opening hours."""
    if not now + NOTICE <= starts_at <= now + timedelta(days=HORIZON_DAYS):
        raise Refused("bad_time")
    day = starts_at.astimezone(centre.tz).date()
    for opens, closes in open_spans(session, centre, day, calendar(session)):
        if opens <= starts_at and starts_at + CALL_LASTS <= closes and (starts_at - opens) % CALL_LASTS == timedelta(0):
            return
    raise Refused("bad_time")


def _take(
    session: Session,
    call: FamilyCall,
    venue: Venue,
    relative: Person,
    cared: Person,
    starts_at: datetime,
    now: datetime,
) -> None:
    """Take the cells of both people, one free screen and one free helper; another pair is tried while there is one."""
    ends_at = starts_at + CALL_LASTS
    people = [relative.resource, cared.resource]
    tried: set[tuple[int, int]] = set()
    while True:
        held = taken(session, [*people, *venue.resources()], starts_at, ends_at, but_not=call.subject)
        pair = next(
            (
                (station, helper) for station in venue.stations for helper in venue.helpers
                if (station.id, helper.id) not in tried
                and is_free(Venue(venue.centre, [station], [helper]), people, starts_at, held)
            ),
            None,
        )  # fmt: skip
        if pair is None:
            raise Refused("slot_taken", alternatives=_alternatives(session, call, relative, cared, starts_at, now))
        station, helper = pair
        tried.add((station.id, helper.id))
        try:
            occupy(session, [*people, station.resource, helper.resource], starts_at, ends_at, call.subject)
        except Refused:
            continue  # taken between the look and the insert: look again
        call.station_id, call.helper_id = station.id, helper.id
        session.flush()
        return


def _alternatives(
    session: Session, call: FamilyCall, relative: Person, cared: Person, starts_at: datetime, now: datetime
) -> list[Slot]:
    return nearest(session, relative, cared, starts_at, now, held_by=call.subject)


def _facts(call: FamilyCall, relative: Person, cared: Person, centre: ServiceCentre) -> dict[str, Any]:
    return {
        "call": call.id, "starts_at": call.starts_at.isoformat(), "cared": cared.name, "relative": relative.name,
        "relative_zone": relative.time_zone, "centre": centre.name, "centre_zone": centre.time_zone,
        "phone": centre.phone,
    }  # fmt: skip


def _post(session: Session, call: FamilyCall, reader: int, word: str, facts: dict[str, Any], now: datetime) -> None:
    role = "relative" if reader == call.relative_id else "helper"
    post(
        session, key=f"{call.subject}/{call.revision}/{word}/{reader}", person_id=reader, kind=f"family.{word}",
        facts={**facts, "role": role}, subject=call.subject, revision=call.revision, urgency="same_day", now=now,
        useful_until=max(call.starts_at, now + timedelta(hours=1)),
    )  # fmt: skip


def _plan(session: Session, call: FamilyCall, facts: dict[str, Any], now: datetime) -> None:
    readers = [(call.relative_id, "relative"), (call.helper_id, "helper")]
    plan(
        session, subject=call.subject, revision=call.revision, kind="family.reminder", rules=CALL_RULES,
        recipients=[Recipient(key, role, session.get_one(Person, key).tz) for key, role in readers],
        starts_at=call.starts_at, facts=facts, now=now,
    )  # fmt: skip


def _announce(
    session: Session, call: FamilyCall, relative: Person, cared: Person, centre: ServiceCentre, word: str, *,
    told_by: int, now: datetime,
) -> None:  # fmt: skip
    """Reminders for both, a letter to those who did not do it themselves, and the helper's task for this time."""
    facts = _facts(call, relative, cared, centre)
    _plan(session, call, facts, now)
    for reader in {call.relative_id, call.helper_id} - {told_by}:
        _post(session, call, reader, word, facts, now)
    settle_for(session, call.subject, "cancel", by=BY_RULE, now=now)
    steps = plan_for(session, cared.id)
    area = session.get_one(Area, cared.area_id) if cared.area_id else session.get_one(Area, centre.area_id)
    open_task(
        session, key=f"{call.subject}/{call.revision}/help", kind="call_help", area_id=area.id,
        assignee_id=call.helper_id, person_id=cared.id, subject=call.subject, now=now,
        due_at=call.starts_at - timedelta(minutes=30),
        facts={**facts, "means": steps[0].means if steps else ("phone" if cared.phone else "visit")},
        by=By(call.helper_id, "rule"),  # the helper already has the letter about the call itself
    )  # fmt: skip
