"""Several relatives on one call: who booked it asks the others, and whoever leaves takes only their own part along."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.family.calls import CALL, LEADS, FamilyCall, call_for, led_by, locked, place_of, relatives_on, resources_of
from models.family.guests import GUEST, CallGuest, guests_of
from models.family.presence import MOST_SEATS
from models.family.telling import LEFT, facts_of, remind, tell
from models.life import By
from models.messages.letters import Letter
from models.people.care import links_to
from models.people.identities import Who
from models.people.persons import Person, stay_as_they_are
from models.places.cells import occupy
from models.tasks.tasks import TASK, Task
from models.tasks.undelivered import take_back

MOST_GUESTS = 7  # with the elder's screen and who booked, the nine that a WeChat video call holds


def may_be_asked(session: Session, who: Who, call_id: int) -> list[Person]:
    """The relatives whom one may ask to a call: a confirmed link to the same elder or child, and not on it yet.

    Raises Refused("not_yours") for anybody but who booked and cadres.
    """
    call, _ = led_by(session, who, call_id)
    on_it = {call.helper_id, *relatives_on(session, call)}
    return [person for _, person in links_to(session, call.cared_id) if person.id not in on_it]


def invite(session: Session, who: Who, call_id: int, person_id: int, now: datetime) -> FamilyCall:
    """Ask another relative to a call: from now on their time is taken, and they are reminded in their own zone.

    Asking twice is asking once. Raises Refused("not_yours"), Refused("no_link") for somebody who is no relative,
    Refused("call_full", most=…), Refused("guest_busy", name=…), or Refused("wrong_state") when the call is over.
    """
    seen, role = led_by(session, who, call_id)
    stay_as_they_are(session, seen.cared_id)
    call = _locked(session, call_id, now)
    on_it = [guest.id for guest in guests_of(session, call.id)]
    if person_id in on_it:
        return call
    guest = next((one for one in may_be_asked(session, who, call.id) if one.id == person_id), None)
    if guest is None:
        raise Refused("no_link")
    most = MOST_GUESTS if call.way != "room" else MOST_SEATS - 2  # beside the elder's screen and who booked
    if len(on_it) >= most:
        raise Refused("call_full", most=most)
    try:
        everything, where = {*resources_of(session, call), guest.resource}, place_of(session, call)
        occupy(session, everything, call.starts_at, call.ends_at, call.subject, where)
    except Refused as refusal:
        raise Refused("guest_busy", name=guest.name) from refusal
    row = _join(session, call, guest, By(who.person_id, role), now)
    take_back(session, call.subject, now, person_id=guest.id)  # that they were off it
    take_back(session, call.subject, now, but_not=~((Letter.kind == LEFT) & Letter.key.contains(f"/left:{guest.id}:")))
    facts = {**_told_anew(session, call, now), "role": "relative"}
    tell(session, call, {guest.id: "invited"}, facts, now, mark=f":{row.joined_at.timestamp():.0f}")
    return call


def leave(session: Session, who: Who, call_id: int, person_id: int, now: datetime) -> FamilyCall:
    """A guest leaves, or is taken off by who booked or a cadre: the call stays, only that guest's part of it ends.

    Leaving twice is leaving once. Raises Refused("not_yours"), or Refused("wrong_state") when the call is over.
    """
    was = _states(session, call_id, person_id)
    if who.person_id == person_id and was == {"left"}:
        return session.get_one(FamilyCall, call_id)
    call, role = call_for(session, who, call_id)
    if not was or (role not in LEADS and who.person_id != person_id):
        raise Refused("not_yours")  # somebody who never was on it is nobody here
    take_off(session, _locked(session, call.id, now), person_id, By(who.person_id, role), now)
    return call


def take_off(session: Session, call: FamilyCall, person_id: int, by: By, now: datetime) -> None:
    """End a guest's part of a call, which the caller has locked: their cells, their letters; who booked hears of it."""
    row = session.scalar(
        select(CallGuest).where(
            CallGuest.call_id == call.id, CallGuest.person_id == person_id, CallGuest.state == "joined"
        ),
        execution_options={"populate_existing": True},
    )
    if row is None:
        return
    GUEST.move(session, row, "leave", by=by, now=now)
    occupy(session, resources_of(session, call), call.starts_at, call.ends_at, call.subject)
    take_back(session, call.subject, now, person_id=person_id)
    facts, mark = _told_anew(session, call, now), f":{person_id}:{now.timestamp():.0f}"
    gone = session.get_one(Person, person_id).name
    words = {call.relative_id: "left", person_id: "uninvited"}
    readers = {reader: word for reader, word in words.items() if reader != by.person_id}
    if by.role == "rule":
        readers.pop(person_id, None)  # whose link has ended hears of that, and of no call any more
    about = {"guest": gone, "guest_id": person_id, "role": "relative"}
    tell(session, call, readers, {**facts, **about}, now, mark=mark)


def _states(session: Session, call_id: int, person_id: int) -> set[str]:
    """What a person is, or was, on a call: nothing for who was never asked."""
    rows = select(CallGuest.state).where(CallGuest.call_id == call_id, CallGuest.person_id == person_id)
    return set(session.scalars(rows))


def _join(session: Session, call: FamilyCall, guest: Person, by: By, now: datetime) -> CallGuest:
    assert by.person_id is not None
    row = CallGuest(call_id=call.id, person_id=guest.id, invited_by_id=by.person_id, joined_at=now)
    session.add(row)
    GUEST.begin(session, row, by=by, now=now)
    return row


def _told_anew(session: Session, call: FamilyCall, now: datetime) -> dict[str, object]:
    """Bring reminders and the helper's task in line with who is on the call now; answers the facts."""
    facts = facts_of(session, call)
    remind(session, call, facts, now)
    help_ = select(Task).where(Task.subject == call.subject, Task.kind == "call_help", Task.state.not_in(TASK.ends))
    for task in session.scalars(help_.with_for_update(), execution_options={"populate_existing": True}).all():
        task.facts = {**task.facts, "guests": facts["guests"]}
    session.flush()
    return facts


def _locked(session: Session, call_id: int, now: datetime) -> FamilyCall:
    """The call as it stands now, held: whoever moves or cancels it at this moment waits, or is waited for."""
    call = locked(session, call_id)
    if call.state != "booked" or call.starts_at <= now:
        raise Refused("wrong_state", thing=CALL.name, state=call.state)
    return call
