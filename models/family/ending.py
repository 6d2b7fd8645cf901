"""Calls that end: the family cancels, the centre calls off, a tap too many is taken back, time closes what is past."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.family.asking import ask_again
from models.family.call_days import CallDay, held
from models.family.calls import CALL, FamilyCall, cadres_call, led_by, locked, place_of, relatives_on, resources_of
from models.family.closing import is_shut_out
from models.family.permitted import check_pair
from models.family.proposals import drop_proposals
from models.family.seating import screens_of
from models.family.telling import facts_of, farewells, open_help, own_phone, remind, say_left_again, tell, unheard
from models.family.told import carry_over
from models.family.venues import check_here
from models.history import History, history_of
from models.life import BY_RULE, BY_TIME, By
from models.messages.letters import Letter
from models.people.identities import Who
from models.people.persons import Person, stay_as_they_are
from models.places.cells import occupy, release
from models.places.centres import ServiceCentre, stays_open
from models.tasks.desk import open_task, opened_before, settle_for, who_works_there
from models.tasks.holding import wake_for
from models.tasks.undelivered import take_back

CUT_OFF = timedelta(hours=24)  # later than this the helper and the screen hardly find another family
UNDO_WITHIN = timedelta(minutes=2)
SAY_WITHIN = timedelta(hours=24)  # in which a cadre says what became of a call
CLOSED_AFTER = timedelta(hours=2)
NOTE_LIMIT = 200


def cancel_code(call: FamilyCall, centre: ServiceCentre, now: datetime) -> str:
    """How close to the call it is cancelled: on its very day at the centre, within the last day, or in time."""
    if call.starts_at.astimezone(centre.tz).date() <= now.astimezone(centre.tz).date():
        return "same_day"
    return "late" if call.starts_at - now < CUT_OFF else "in_time"


def cancel(session: Session, who: Who, call_id: int, reason: str, now: datetime) -> FamilyCall:
    """The family cancels, or a cadre writes down that they have; what is over already is answered as it stands.

    Who asks may be the second, or late: `ended_by` tells them who was first. The centre's own reasons go through
    `call_off`. Raises Refused("not_yours"), and ("reason_missing") for a cadre who does not say what they were told.
    """
    _, role = led_by(session, who, call_id)
    call = locked(session, call_id)
    if call.state not in CALL.by_name["cancel"].sources and call.state != "in_call":
        return call
    if role == "cadre" and not reason.strip():
        raise Refused("reason_missing")
    code = cancel_code(call, session.get_one(ServiceCentre, call.centre_id), now)
    end(session, call, by=By(who.person_id, role), reason=reason, now=now, code=code)
    if role != "cadre":
        wake_for(session, call.cared_id, now)  # a cadre's own deed is no answer
    return call


def call_off(session: Session, who: Who, call_id: int, reason: str, alternative: str, now: datetime) -> FamilyCall:
    """The centre cancels: it says why, and what there is instead. Twice is once.

    Raises Refused("not_yours") for anybody but a cadre, ("reason_missing"), ("alternative_needed"), or ("wrong_state")
    when the call has taken place.
    """
    call = cadres_call(session, who, call_id)
    why, instead = reason.strip()[:NOTE_LIMIT], alternative.strip()[:NOTE_LIMIT]
    if call.state == "cancelled":
        return call
    if not why:
        raise Refused("reason_missing")
    if not instead:
        raise Refused("alternative_needed")
    end(session, call, by=By(who.person_id, "cadre"), reason=why, now=now, code="centre", alternative=instead)
    return call


def end(
    session: Session, call: FamilyCall, *, by: By, reason: str, now: datetime, but_not: Collection[int] = (),
    code: str = "stopped", alternative: str = "",
) -> None:  # fmt: skip
    """A call is off: its cells free, its reminders and its task gone, both sides told but whoever did it.

    Who is in `but_not` is not told either. Raises Refused("wrong_state").
    """
    text, verb = reason[:NOTE_LIMIT], "call_off" if code == "centre" else "cancel"
    CALL.move(session, call, verb, by=by, now=now, note=text, reason=text, end_code=code)
    release(session, call.subject)
    take_back(session, call.subject, now, but_not=farewells(session, call))
    settle_for(session, call.subject, "cancel", by=BY_RULE, now=now)
    drop_proposals(session, call.id, now)
    readers = {*relatives_on(session, call), *own_phone(session, call), call.helper_id} - {by.person_id, *but_not}
    facts: dict[str, Any] = {**facts_of(session, call), "reason": text, "code": code, "alternative": alternative}
    tell(session, call, dict.fromkeys(readers, "cancelled"), facts, now)


def ended_by(session: Session, call: FamilyCall) -> History:
    """The last thing that was done to a call: who ended it, when, and how."""
    return history_of(session, call.subject)[-1]


def may_undo(session: Session, call: FamilyCall, now: datetime) -> bool:
    """Whether a cancellation can still be taken back: the family's own, two minutes long, of a call to come.

    On a call day, as long as the day stands and the screen is one of its own.
    """
    if call.state != "cancelled" or call.starts_at <= now or not _day_has_room(session, call):
        return False
    last = ended_by(session, call)
    return last.verb == "cancel" and last.as_role != "rule" and now <= last.at + UNDO_WITHIN


def _day_has_room(session: Session, call: FamilyCall) -> bool:
    day = session.get(CallDay, call.call_day_id) if call.call_day_id is not None else None
    return day is None or (day.state == "open" and call.station_id in {one.id for one in screens_of(session, day)})


def undo(session: Session, who: Who, call_id: int, now: datetime) -> FamilyCall:
    """A cancellation is taken back within two minutes, where the time is still free. Twice is once.

    Who has heard that it was off hears that it is on, and who had still to hear of it at all hears that. Raises
    Refused("not_yours"), ("undo_over"), also where the centre has shut or the call day is off meanwhile, what
    `check_pair` raises, or ("slot_taken") when another took the screen, the helper or one of the people.
    """
    seen, role = led_by(session, who, call_id)
    stay_as_they_are(session, seen.relative_id, seen.cared_id)
    day_id = seen.call_day_id
    if day_id is not None:
        held(session, day_id)
    call = locked(session, call_id)
    if call.state == "booked":
        return call
    if not may_undo(session, call, now) or call.call_day_id != day_id:
        raise Refused("undo_over")
    stays_open(session, call.centre_id)
    if is_shut_out(session, call):
        raise Refused("undo_over")
    relative, cared = session.get_one(Person, call.relative_id), session.get_one(Person, call.cared_id)
    check_pair(session, relative, cared, role, now)
    heard, cancelled = _heard_that_it_is_off(session, call) - {who.person_id}, ended_by(session, call)
    try:
        with session.begin_nested():
            # Another revision: what is said of this life of the call has keys of its own. Who was on the way may have
            # turned back, and that they set out was taken back with the call: they set out anew, and it is said anew.
            CALL.move(session, call, "undo", by=By(who.person_id, role), now=now, reason="", end_code="",
                      revision=call.revision + 1, set_out_at=None)  # fmt: skip
            if call.at_home:
                check_here(session, call)
            where = place_of(session, call)
            occupy(session, resources_of(session, call), call.starts_at, call.ends_at, call.subject, where)
    except Refused:
        session.refresh(call)
        raise
    carry_over(session, call)
    _say_it_is_on(session, call, heard, who.person_id, now)
    ask_again(session, call, cancelled, now)
    return call


def _say_it_is_on(session: Session, call: FamilyCall, heard: set[int], told: int, now: datetime) -> None:
    """Who has `heard` that a call was off, and who has still to hear something of it, but not who was `told`."""
    take_back(session, call.subject, now, but_not=farewells(session, call))
    facts = facts_of(session, call)
    remind(session, call, facts, now)
    open_help(session, call, facts, now)
    waits = {reader: word for reader, word in unheard(session, call).items() if reader != told}
    tell(session, call, {**waits, **dict.fromkeys(heard, "restored")}, facts, now)
    say_left_again(session, call, facts, now)


def _heard_that_it_is_off(session: Session, call: FamilyCall) -> set[int]:
    said = select(Letter.person_id).where(
        Letter.subject == call.subject, Letter.revision == call.revision, Letter.kind == "family.cancelled",
        Letter.state.not_in(("planned", "retry", "withdrawn")),
    )  # fmt: skip
    return set(session.scalars(said))


def finish_past(session: Session, now: datetime) -> int:
    """Calls whose end lies two hours back are closed where no cadre said what became of them; answers how many.

    One that was under way is completed. Of any other nobody knows: its helper is asked, for nothing is counted against
    anybody because time has passed. A call that another clock is finishing at this moment is left to it.
    """
    query = (
        select(FamilyCall)
        .where(FamilyCall.state.in_(("booked", "checked_in", "in_call")), FamilyCall.ends_at < now - CLOSED_AFTER)
        .limit(200).with_for_update(skip_locked=True)
    )  # fmt: skip
    past = session.scalars(query, execution_options={"populate_existing": True}).all()
    for call in past:
        talked = call.state == "in_call"
        CALL.move(session, call, "complete" if talked else "close", by=BY_TIME, now=now)
        release(session, call.subject)
        take_back(session, call.subject, now, but_not=farewells(session, call))
        settle_for(session, call.subject, "cancel", by=BY_TIME, now=now)
        drop_proposals(session, call.id, now)
        if not talked:
            _ask_what_became(session, call, now)
    return len(past)


def _ask_what_became(session: Session, call: FamilyCall, now: datetime) -> None:
    cared, centre = session.get_one(Person, call.cared_id), session.get_one(ServiceCentre, call.centre_id)
    # Once more, where meanwhile the elder's arrival was told late and nothing else.
    before = opened_before(session, call.subject, "call_outcome")
    here = cared.area_id or centre.area_id
    open_task(
        session, key=f"{call.subject}/{call.revision}/became/{before}", kind="call_outcome", subject=call.subject,
        now=now, area_id=here, assignee_id=who_works_there(session, call.helper_id, here),
        person_id=cared.id, due_at=now + SAY_WITHIN, facts=facts_of(session, call), by=BY_TIME,
    )  # fmt: skip
