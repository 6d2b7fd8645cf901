"""A call for help on its way: taken down, looked at, given to somebody, noted, done or closed, and told."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.errors import Refused
from models.hours import calendar
from models.life import BY_RULE, By
from models.ordering.help import (
    HELP,
    LIVE_HELP,
    NOTE_LIMIT,
    HelpNote,
    HelpRequest,
    help_for,
    locked_help,
)
from models.ordering.matter_news import tell, tell_off
from models.ordering.matters import (
    HELP_OFF,
    WORKDAYS,
    attach_all,
    drop_desk,
    handed_over,
    hold,
    open_desk_task,
    settle_desk,
)
from models.ordering.said import CONFIDENTIAL, OWN_CHANNELS, Words, check_category, check_reason, cleaned, taken_down
from models.people.identities import Who
from models.people.persons import Person
from models.people.staff import CADRE_ROLES, StaffRole, is_cadre_over
from models.places.areas import Area, chain
from models.tasks.desk import settle_for
from models.tasks.escalation import DAY
from models.tasks.undelivered import take_back


def ask_for_help(session: Session, who: Who, words: Words, now: datetime) -> HelpRequest:
    """Take a call for help down; the same `client_key` again answers the same call.

    Raises Refused as `said.taken_down` does, ("name_needed") for an anonymous one, whom nobody could help,
    ("no_media"), or ("no_clerk") where nobody could keep it to themselves.
    """
    known = asked_with(session, who, words.client_key)
    if known is not None:
        return known
    if words.anonymous:
        raise Refused("name_needed")
    columns, by = taken_down(session, who, words, now)
    made = HelpRequest(**columns, due_at=_due(session, "help_triage", now))
    hold(session, made)
    try:
        with session.begin_nested():
            session.add(made)
    except IntegrityError:
        known = asked_with(session, who, words.client_key)
        assert known is not None
        return known
    HELP.begin(session, made, by=by, now=now)
    attach_all(session, who, made, words, now)
    open_desk_task(session, made, "help_triage", by=by, now=now)
    return made


def asked_with(session: Session, who: Who, client_key: str) -> HelpRequest | None:
    """The call that this key has brought already; raises Refused("not_yours") when another person brought it."""
    known = session.scalar(select(HelpRequest).where(HelpRequest.client_key == client_key))
    if known is not None and known.said_by_id != who.person_id:
        raise Refused("not_yours")
    return known


def look_at_help(
    session: Session, who: Who, help_id: int, category: str, now: datetime, *, confidential: bool = False
) -> HelpRequest:  # fmt: skip
    """A clerk has read it and says what kind it is; a kind that is nobody's business stays with this clerk alone.

    Raises Refused("not_yours"), ("no_category") or ("wrong_state").
    """
    found, by = _held(session, who, help_id)
    kind = check_category(category)
    secret = found.confidential or confidential or kind in CONFIDENTIAL
    holder = who.person_id if secret and found.holder_id is None else found.holder_id
    newly = secret and not found.confidential
    HELP.move(session, found, "triage", by=by, now=now, category=kind, confidential=secret, holder_id=holder,
              revision=found.revision + 1)  # fmt: skip
    if newly:
        # The task that named the person is taken back; one that names nobody stands in its place.
        drop_desk(session, found, now, goes_on=True)
        open_desk_task(session, found, "help_triage", by=by, now=now, mark=f":{found.revision}")
    return found


def helpers_for(session: Session, who: Who, help_id: int) -> list[Person]:
    """The cadres over the place, the nearest first, whom this person may ask to help; raises Refused("not_yours")."""
    found, _ = help_for(session, who, help_id)
    near = [area.id for area in chain(session, session.get_one(Area, found.area_id))]
    query = (
        select(Person, StaffRole.area_id).join(StaffRole, StaffRole.person_id == Person.id)
        .where(StaffRole.ended_at.is_(None), StaffRole.role.in_(CADRE_ROLES), StaffRole.area_id.in_(near))
        .where(Person.state == "active", Person.id.not_in([key for key in (found.person_id, found.teller_id) if key]))
    )  # fmt: skip
    rows = sorted(session.execute(query).all(), key=lambda row: (near.index(row.area_id), row.Person.id))
    return list({row.Person.id: row.Person for row in rows}.values())


def assign(session: Session, who: Who, help_id: int, to_id: int, now: datetime) -> HelpRequest:
    """Ask a cadre over the place to help; a confidential matter is from then on read by that cadre alone.

    Raises Refused("not_yours"), ("no_helper") for somebody who may not help there, or ("wrong_state").
    """
    found, by = _held(session, who, help_id)
    area = session.get_one(Area, found.area_id)
    concerned = to_id in (found.person_id, found.teller_id) and found.confidential
    if concerned or not is_cadre_over(session, to_id, area):
        raise Refused("no_helper")
    if found.state == "assigned" and found.holder_id == to_id:
        return found
    return _give(session, who, found, to_id, "assign", "help_do", by, now)


def hand_over(session: Session, who: Who, help_id: int, to_id: int, now: datetime) -> HelpRequest:
    """Give a confidential call to another clerk over the same place, who looks at it anew; who held it reads no more.

    The holder with a clerk's role may, and a county administrator, who does not read it. Twice is once. Raises
    Refused("not_yours"), ("no_clerk") for somebody who gathers no needs there or is concerned, or ("wrong_state").
    """
    found = handed_over(session, who, locked_help(session, help_id), to_id)
    if found.state in LIVE_HELP and found.holder_id == to_id:
        return found
    return _give(session, who, found, to_id, "hand_over", "help_triage", By(who.person_id, "clerk"), now)


def _give(
    session: Session, who: Who, found: HelpRequest, to_id: int, verb: str, task: str, by: By, now: datetime
) -> HelpRequest:  # fmt: skip
    """It is somebody else's from now on, with a task of this kind: who was asked to help before need not any more."""
    before = found.holder_id if found.state == "assigned" else None
    HELP.move(session, found, verb, by=by, now=now, holder_id=to_id, due_at=_due(session, task, now),
              revision=found.revision + 1)  # fmt: skip
    settle_for(session, found.subject, "cancel", by=BY_RULE, now=now, kinds=("help_do",))  # another's now
    settle_desk(session, found, who, now, goes_on=True)
    take_back(session, found.subject, now, person_id=to_id)  # that they need not
    tell_off(session, found, before, by, now)
    open_desk_task(session, found, task, by=by, now=now, mark=f":{found.revision}", assignee=to_id)
    return found


def note(session: Session, who: Who, help_id: int, text: str, now: datetime) -> HelpNote:
    """Write down how it goes; raises Refused("not_yours"), ("said_nothing") or ("note_long")."""
    _held(session, who, help_id)
    written = HelpNote(help_id=help_id, by_person_id=who.person_id, text=_short(text), at=now)
    session.add(written)
    session.flush()
    return written


def finish(session: Session, who: Who, help_id: int, outcome: str, now: datetime) -> HelpRequest:
    """It is done: what was done is told, and how it was may be rated from then on. Twice is once.

    Raises Refused("not_yours"), ("said_nothing"), ("note_long") or ("wrong_state").
    """
    found, by = _held(session, who, help_id)
    said = _short(outcome)
    if found.state == "done":
        return found
    before = found.holder_id if found.state == "assigned" else None
    if found.state in ("received", "triaged"):
        HELP.move(session, found, "assign", by=by, now=now, holder_id=who.person_id, revision=found.revision + 1)
    HELP.move(session, found, "finish", by=by, now=now, outcome=said, settled_by_id=who.person_id, settled_at=now)
    settle_desk(session, found, who, now)
    tell_off(session, found, before, by, now)
    tell(session, found, "done", {"outcome": said, "who": who.name}, key=f"{found.subject}/done", by=by, now=now)
    return found


def close(session: Session, who: Who, help_id: int, reason: str, now: datetime) -> HelpRequest:
    """It ends without having been done, for a reason that the person reads together with who said it. Twice is once.

    Raises Refused("not_yours"), ("reason_missing"), ("note_long") or ("wrong_state").
    """
    found, by = _held(session, who, help_id)
    why = check_reason(reason)
    if found.state == "closed":
        return found
    before = found.holder_id if found.state == "assigned" else None
    HELP.move(session, found, "close", by=by, now=now, note="" if found.confidential else why, reason=why,
              settled_by_id=who.person_id, settled_at=now)  # fmt: skip
    settle_desk(session, found, who, now)
    tell_off(session, found, before, by, now)
    tell(session, found, "closed", {"reason": why, "who": who.name}, key=f"{found.subject}/closed", by=by, now=now)
    return found


def withdraw(session: Session, who: Who, help_id: int, now: datetime) -> HelpRequest:
    """Who told it needs no help any more; twice is once. Raises Refused("not_yours") or ("wrong_state")."""
    found, role = help_for(session, who, help_id)
    if role != "teller":
        raise Refused("not_yours")
    found = locked_help(session, found.id)
    if found.state != "withdrawn":
        by, before = By(who.person_id, role), found.holder_id if found.state == "assigned" else None
        HELP.move(session, found, "withdraw", by=by, now=now, settled_at=now)
        drop_desk(session, found, now)
        take_back(session, found.subject, now, but_not=HELP_OFF)
        tell_off(session, found, before, by, now)
    return found


def help_of(session: Session, who: Who, limit: int = 20) -> list[HelpRequest]:
    """What this person asked for, for themselves or for others, newest first."""
    me = who.person_id
    told = ((HelpRequest.said_by_id == me) & HelpRequest.channel.in_(OWN_CHANNELS)) | (HelpRequest.person_id == me)
    found = list[HelpRequest]()
    for one in session.scalars(select(HelpRequest).where(told).order_by(HelpRequest.id.desc()).limit(limit * 3)):
        if len(found) < limit and _is_tellers(session, who, one):
            found.append(one)
    return found


def _is_tellers(session: Session, who: Who, one: HelpRequest) -> bool:
    try:
        return help_for(session, who, one.id)[1] == "teller"
    except Refused:
        return False


def _held(session: Session, who: Who, help_id: int) -> tuple[HelpRequest, By]:
    """The call as it stands now, held, for who may do something about it; raises Refused("not_yours")."""
    found, role = help_for(session, who, help_id)
    if role == "teller":
        raise Refused("not_yours")
    return locked_help(session, found.id), By(who.person_id, role)


def _short(text: str) -> str:
    said = cleaned(text)
    if not said:
        raise Refused("said_nothing")
    if len(said) > NOTE_LIMIT:
        raise Refused("note_long", limit=NOTE_LIMIT, length=len(said))
    return said


def _due(session: Session, kind: str, now: datetime) -> datetime:
    return calendar(session).add_working_time(now, WORKDAYS[kind] * DAY)
