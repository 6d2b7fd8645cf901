"""What changes on a call day: a call goes to the reserve or another seat, a screen falls out, the day is called off."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.family.agreeing import Agreement, yes_of
from models.family.call_days import CALL_DAY, CallDay, area_of, calls_held, day_for
from models.family.calls import CALL, MISSED, FamilyCall, relatives_on
from models.family.ending import end
from models.family.guests import guests_of
from models.family.makeup import drop_makeup
from models.family.permitted import check_pair
from models.family.proposals import drop_proposals
from models.family.seating import free_screen, hold_day, screens_of, seat_again, sit
from models.family.telling import announce
from models.family.venues import CALL_LASTS
from models.life import BY_TIME, By
from models.people.identities import Who
from models.people.persons import Person
from models.places.cells import occupy, release
from models.places.centres import stations_of


def to_reserve(session: Session, who: Who, call_id: int, now: datetime) -> FamilyCall:
    """A call that is late, or came to nothing, goes on in the reserve of its own day; the family hears of it at once.

    One that stands is moved, one that has ended is made up for by a new one, in place of the times that were kept for
    that. Raises Refused("not_yours"), Refused("no_reserve") when the reserve has begun, Refused("day_full"),
    Refused("slot_taken") or ("wrong_state"), and what `permitted.check_pair` raises where these two may not call each
    other any more: then there is no new seat.
    """
    call, day = _on_a_day(session, who, call_id)
    if now >= day.reserve_at:
        raise Refused("no_reserve")
    if call.state in MISSED:
        theirs = FamilyCall.relative_id == call.relative_id, FamilyCall.client_key.startswith(f"{call.subject}/again/")
        made = session.scalars(select(FamilyCall).where(*theirs)).all()
        again = next((one for one in made if one.state != "cancelled"), None)
        if again is None:
            again = seat_again(session, who, day, call, now, len(made))
            drop_makeup(session, call.id, now)
        return again
    if call.starts_at >= day.reserve_at:
        return call
    return _move(session, who, call, day, day.reserve_at, f"reserve {day.reserve_at.isoformat()}", now)


def reseat(
    session: Session, who: Who, call_id: int, day_id: int, starts_at: datetime, agreed: Agreement | None, now: datetime
) -> FamilyCall:  # fmt: skip
    """Seat a family at another half-hour of its day, or of another day, to which the family has agreed.

    The new seat is taken before the old one is given back. Raises Refused("not_yours"), ("agreement_missing"),
    ("bad_time") for what is no half-hour to come of that day, ("day_full"), ("slot_taken") or ("wrong_state"), and what
    `permitted.check_pair` raises.
    """
    call, here = _on_a_day(session, who, call_id)
    day = here if here.id == day_id else day_for(session, who, day_id)
    if starts_at not in day.times() or starts_at <= now or day.state != "open":
        raise Refused("bad_time")
    if (call.call_day_id, call.starts_at) == (day.id, starts_at):
        return call
    return _move(session, who, call, day, starts_at, yes_of(session, call, agreed, starts_at), now)


def resize(session: Session, who: Who, day_id: int, seats: int, now: datetime) -> CallDay:
    """Change how many screens a day has. Who sits at one that falls out sits at another at the same time.

    Where there is none, nothing changes and Refused("seats_taken", names=…) says who has to agree to another time
    first. Raises Refused("not_yours"), Refused("wrong_state"), or Refused("bad_seats").
    """
    day = day_for(session, who, day_id)
    if not 0 < seats <= len(stations_of(session, day.centre_id, "video_call")):
        raise Refused("bad_seats")
    try:
        with session.begin_nested():
            _resize(session, day, seats, By(who.person_id, "cadre"), now)
    except Refused:
        session.refresh(day)
        raise
    return day


def _resize(session: Session, day: CallDay, seats: int, by: By, now: datetime) -> None:
    CALL_DAY.move(session, day, "resize", by=by, now=now, note=f"{day.seats} → {seats}", seats=seats)
    kept, stranded = {one.id for one in screens_of(session, day)}, list[str]()
    for call in calls_held(session, day.id):
        if call.station_id not in kept and not at_another_screen(session, day, call):
            stranded.append(session.get_one(Person, call.cared_id).name)
    if stranded:
        raise Refused("seats_taken", names="、".join(stranded))
    hold_day(session, day)


def call_off(
    session: Session, who: Who, day_id: int, reason: str, now: datetime, alternative: str = ""
) -> CallDay:  # fmt: skip
    """There is no such day after all: its calls are cancelled one by one, and every family hears why. Twice is once.

    `alternative` says what there is instead. Raises Refused("not_yours") or Refused("wrong_state").
    """
    day = day_for(session, who, day_id)
    if day.state == "called_off":
        return day
    by = By(who.person_id, "cadre")
    CALL_DAY.move(session, day, "call_off", by=by, now=now, note=reason[:200])
    for call in calls_held(session, day.id):
        if call.state != "in_call":
            end(session, call, by=by, reason=reason, now=now, code="centre", alternative=alternative)
    release(session, day.subject)
    return day


def close_past(session: Session, now: datetime) -> int:
    """Days that are over are closed; answers how many."""
    query = select(CallDay).where(CallDay.state == "open", CallDay.ends_at < now - timedelta(hours=2)).limit(200)
    over = session.scalars(query.with_for_update(skip_locked=True)).all()
    for day in over:
        CALL_DAY.move(session, day, "close", by=BY_TIME, now=now)
        release(session, day.subject)
    return len(over)


def _on_a_day(session: Session, who: Who, call_id: int) -> tuple[FamilyCall, CallDay]:
    """A call and its day, both as they stand now; the day is locked first, so that its seats stay as they are."""
    call = session.get(FamilyCall, call_id)
    if call is None or call.call_day_id is None:
        raise Refused("not_yours")
    day = day_for(session, who, call.call_day_id)
    session.refresh(call)
    if call.call_day_id != day.id or day.state != "open":
        raise Refused("wrong_state", thing=CALL_DAY.name, state=day.state)
    return call, day


def _move(
    session: Session, who: Who, call: FamilyCall, day: CallDay, starts_at: datetime, note: str, now: datetime
) -> FamilyCall:
    """Another seat for a call: the same call, one revision further. A refusal leaves it where it was."""
    relative, cared = (session.get_one(Person, key) for key in (call.relative_id, call.cared_id))
    check_pair(session, relative, cared, "cadre", now)
    left, helper = call.call_day_id, call.helper_id
    try:
        with session.begin_nested():
            CALL.move(
                session, call, "reseat", by=By(who.person_id, "cadre"), now=now, note=note,
                where={"revision": call.revision}, starts_at=starts_at, ends_at=starts_at + CALL_LASTS,
                revision=call.revision + 1, call_day_id=day.id, centre_id=day.centre_id, helper_id=day.helper_id,
            )  # fmt: skip
            sit(session, day, call, [relative, cared, *guests_of(session, call.id)], starts_at)
            announce(session, call, "changed", but_not={who.person_id}, now=now, helped_before=helper)
            drop_proposals(session, call.id, now)
            before = session.get_one(CallDay, left)
            hold_day(session, before)  # a seat that has come free in the reserve is the reserve's again
    except Refused:
        session.refresh(call)
        raise
    return call


def at_another_screen(session: Session, day: CallDay, call: FamilyCall) -> bool:
    """Seat a call at another screen at the same time; whether there was one."""
    screen = free_screen(session, day, call.starts_at)
    if screen is None:
        return False
    keys = [call.cared_id, *relatives_on(session, call)]
    names = [session.get_one(Person, key).resource for key in keys]
    area = area_of(session, day.centre_id).id
    occupy(session, [*names, screen.resource], call.starts_at, call.ends_at, call.subject, area)
    call.station_id = screen.id
    session.flush()
    return True
