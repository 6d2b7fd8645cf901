"""What became of a call: they talked, one or neither came, the technology failed; a cadre says it, never time."""

from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.family import devices
from models.family.calls import CALL, LIVE_CALLS, MISSED, FamilyCall, cadres_call, relatives_on
from models.family.homes import move_on
from models.family.makeup import drop_makeup, offer
from models.family.presence import who_came
from models.family.reports import ARRIVED, NOTE_LIMIT, VERB_OF, CallReport, reports_of
from models.family.telling import facts_of
from models.hours import CHINA, instant
from models.life import BY_RULE, By
from models.messages.outbox import post
from models.people.identities import Who
from models.people.persons import Person
from models.places.cells import release
from models.places.centres import ServiceCentre
from models.tasks.desk import open_task, settle_for
from models.tasks.tasks import Task
from models.tasks.undelivered import take_back

EARLY = timedelta(hours=1)  # before the call: from then on somebody may have come
WAITED = timedelta(minutes=20)  # so long an elder waits before a relative counts as absent
LAST_MINUTE = time(23, 59)
LOOK_WITHIN = timedelta(hours=4)

_ELDER_ABSENT = ("resident_no_show", "neither_came")


def suggestion(
    call: FamilyCall, relative_seen: bool, resident_seen: bool, connected: bool, now: datetime
) -> str | None:  # fmt: skip
    """What became of a call as far as presence tells; only ever a suggestion, which a cadre confirms or does not.

    None for what is cancelled or has its outcome, and while there is still somebody to wait for.
    """
    if call.state not in (*LIVE_CALLS, "unreported") or now < call.starts_at + (timedelta(0) if connected else WAITED):
        return None
    if connected:
        return "completed"
    if relative_seen and resident_seen:
        return "technical_failure"
    if resident_seen:
        return "relative_no_show"
    return "resident_no_show" if relative_seen else "neither_came"


def suggested(session: Session, call: FamilyCall, now: datetime) -> str | None:
    """The suggestion from what is known: who came into the room in the browser, who was checked in, if it was begun."""
    came, begun = who_came(session, call), call.state == "in_call"
    connected = begun or came.met
    resident_seen = connected or came.home or call.state == "checked_in"
    return suggestion(call, connected or came.away, resident_seen, connected, now)


def arrive(session: Session, who: Who, call_id: int, happened_at: datetime, now: datetime) -> FamilyCall:
    """The elder is at the screen; also said later, when time has closed the call already. Twice is once.

    Raises Refused("not_yours"), ("bad_time") for what lies in the future or long before, or ("wrong_state").
    """
    call = cadres_call(session, who, call_id)
    if call.state in ("checked_in", "in_call"):
        return call
    _check_when(call, happened_at, now, call.starts_at - timedelta(hours=2))
    CALL.move(session, call, "check_in", by=By(who.person_id, "cadre"), now=now, note=happened_at.isoformat())
    _write(session, who, call, ARRIVED, happened_at, now, "")
    return call


def report(
    session: Session, who: Who, call_id: int, what: str, happened_at: datetime, now: datetime, note: str = ""
) -> FamilyCall:  # fmt: skip
    """A cadre says what became of a call; what comes of it is offered at once, and nothing is held against anybody.

    Of several reports the one counts that tells of the latest moment, whenever it was written down; that they talked is
    never taken back. The same again is once. Raises Refused("not_yours"), ("bad_time"), ("still_waiting", minutes=…)
    before a relative can be called absent, or ("wrong_state") for a call that was cancelled.
    """
    call = cadres_call(session, who, call_id)
    if what not in VERB_OF or call.state == "cancelled":
        raise Refused("wrong_state", thing=CALL.name, state=call.state)
    _check_when(call, happened_at, now, call.starts_at)
    if what in ("relative_no_show", "neither_came") and happened_at < call.starts_at + WAITED:
        raise Refused("still_waiting", minutes=WAITED // timedelta(minutes=1))
    if call.state == what:
        return call
    known = [one for one in reports_of(session, call.id) if one.what in VERB_OF]
    before = call.state
    written = _write(session, who, call, what, happened_at, now, note)
    if before == "completed" or (known and known[-1].happened_at > happened_at):
        return call  # it is kept, and tells of an earlier moment than what is known already
    by = By(who.person_id, "cadre")
    CALL.move(session, call, VERB_OF[what], by=by, now=now, note=happened_at.isoformat())
    release(session, call.subject)
    settle_for(session, call.subject, "finish", by=by, now=now, kinds=("call_help", "call_outcome"))
    settle_for(session, call.subject, "cancel", by=BY_RULE, now=now, kinds=(devices.KIND,))
    _take_back(session, call, before, now)
    if what in MISSED:
        _make_good(session, call, written, now)
    if call.at_home and before in (*LIVE_CALLS, "unreported"):
        move_on(session, by, call, happened_at, now)
    return call


def _take_back(session: Session, call: FamilyCall, before: str, now: datetime) -> None:
    """What the report before this one set going, where the new one says otherwise."""
    take_back(session, call.subject, now)
    if before in _ELDER_ABSENT and call.state not in _ELDER_ABSENT:
        settle_for(session, call.subject, "cancel", by=BY_RULE, now=now, kinds=("elder_absent",))
    if call.state not in MISSED:
        drop_makeup(session, call.id, now)


def _make_good(session: Session, call: FamilyCall, written: CallReport, now: datetime) -> None:
    """The relatives hear a kind word and who booked the times that are kept; an absent elder is looked after today."""
    makeup = offer(session, call, now)
    facts = {**facts_of(session, call), "role": "relative"}
    if call.state in _ELDER_ABSENT:
        _look_after(session, call, written, facts, now)
    for reader in relatives_on(session, call):
        kept = makeup is not None and makeup.state == "offered" and reader == call.relative_id
        post(
            session, key=f"{call.subject}/{call.revision}/{call.state}:{written.id}/{reader}", person_id=reader,
            kind=f"family.{call.state}", facts={**facts, "makeup": kept}, subject=call.subject, urgency="same_day",
            revision=call.revision, now=now, useful_until=now + timedelta(hours=20), about_id=call.cared_id,
        )  # fmt: skip


def _look_after(
    session: Session, call: FamilyCall, written: CallReport, facts: dict[str, Any], now: datetime
) -> None:  # fmt: skip
    """Somebody sees on the same day whether the elder is well, unless somebody does already, or has."""
    looked = select(Task.id).where(
        Task.subject == call.subject, Task.kind == "elder_absent", Task.state != "cancelled"
    ).limit(1)  # fmt: skip
    if session.scalar(looked) is not None:
        return
    cared, centre = session.get_one(Person, call.cared_id), session.get_one(ServiceCentre, call.centre_id)
    tonight = instant(now.astimezone(CHINA).date(), LAST_MINUTE, CHINA)
    open_task(
        session, key=f"{call.subject}/absent:{written.id}", kind="elder_absent", subject=call.subject, now=now,
        area_id=cared.area_id or centre.area_id, person_id=cared.id, by=BY_RULE,
        due_at=max(now, min(now + LOOK_WITHIN, tonight)),
        facts={key: facts[key] for key in ("call", "cared", "relative", "starts_at", "centre", "phone")},
    )  # fmt: skip


def _check_when(call: FamilyCall, happened_at: datetime, now: datetime, earliest: datetime) -> None:
    if not earliest <= happened_at <= now:
        raise Refused("bad_time")


def _write(
    session: Session, who: Who, call: FamilyCall, what: str, happened_at: datetime, now: datetime, note: str
) -> CallReport:  # fmt: skip
    line = CallReport(call_id=call.id, what=what, happened_at=happened_at, reported_at=now, by_id=who.person_id,
                      note=note.strip()[:NOTE_LIMIT])  # fmt: skip
    session.add(line)
    session.flush()
    return line
