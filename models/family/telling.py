"""What a call makes us say: reminders, letters to those who did not do it themselves, the helper's task."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from models.family.calls import FamilyCall, relatives_on
from models.family.guests import calls_joined, guests_of, inviter
from models.family.proposals import ASKS, CallProposal, is_asked
from models.life import BY_RULE, By
from models.messages.letters import Letter
from models.messages.outbox import SETTLES, post
from models.messages.passage import ENDED_UNDELIVERED
from models.messages.reminders import Occasion, Recipient
from models.people.care import may_act_for
from models.people.identities import is_reachable
from models.people.persons import Person
from models.people.staff import roles_of
from models.places.centres import ServiceCentre, phone_of
from models.tasks.desk import open_task, settle_for, who_works_there
from models.tasks.undelivered import plan_reminders

REMINDER = "family.reminder"
KEPT, LEFT = "family.kept", "family.left"
ROLES = ("relative", "cared", "helper")
SOON = timedelta(hours=24)  # a change this close is about today: it goes at night too
NEAR = timedelta(hours=2)  # so close to the call every minute counts
SAYS_WHEN = (
    "family.booked", "family.booked_for", "family.changed", "family.restored", "family.invited", "family.seated",
    KEPT,
)  # fmt: skip
_FIRST_WORDS = ("invited", "seated")  # to who has not heard of a call at all, its new time is no change


def announce(
    session: Session, call: FamilyCall, word: str, *, but_not: Collection[int | None], now: datetime,
    helped_before: int | None = None,
) -> None:  # fmt: skip
    """Reminders for all, a letter to all `but_not` who did it themselves, and the helper's task for this time.

    Where a change brought another helper, the new one hears of a new call, and `helped_before` that it is off.
    """
    guests, own = guests_of(session, call.id), own_phone(session, call)
    facts = _facts(session, call, guests)
    relatives = [call.relative_id, *(guest.id for guest in guests)]
    _remind(session, call, facts, now, relatives, own)
    words = dict.fromkeys([*relatives, *own, call.helper_id], word)
    if word == "booked_for":
        words[call.helper_id] = "booked"
    if helped_before not in (None, call.helper_id):
        words |= {call.helper_id: "booked", helped_before: "cancelled"}
    words = {reader: said for reader, said in words.items() if reader not in but_not}
    if word == "changed":
        words = {reader: said for reader, said in words.items() if said != word or not _knows(session, call, reader)}
        first = {reader: said for reader, said in unheard(session, call).items() if said in _FIRST_WORDS}
        words |= {reader: said for reader, said in first.items() if reader in words}
    tell(session, call, words, facts, now, relatives=relatives)
    settle_for(session, call.subject, "cancel", by=BY_RULE, now=now)
    open_help(session, call, facts, now)


def _knows(session: Session, call: FamilyCall, reader: int) -> bool:
    """Whether the last that this reader has heard of a call is this very time and place: it was moved back."""
    reminded = (Letter.kind == REMINDER) & Letter.state.not_in(("planned", "retry"))
    last = session.scalar(
        select(Letter).where(
            Letter.subject == call.subject, Letter.person_id == reader, Letter.kind.in_(SAYS_WHEN) | reminded,
            Letter.state.not_in(("withdrawn", "suppressed", *ENDED_UNDELIVERED)),
        ).order_by(Letter.id.desc()).limit(1)
    )  # fmt: skip
    if last is None or datetime.fromisoformat(last.facts["starts_at"]) != call.starts_at:
        return False
    where = last.facts["centre"], last.facts.get("at_home", False)
    return where == (session.get_one(ServiceCentre, call.centre_id).name, call.at_home)


def own_phone(session: Session, call: FamilyCall) -> list[int]:
    """The elder or child, where WeChat reaches them themselves; most have no phone, and somebody tells them."""
    return [call.cared_id] if is_reachable(session, call.cared_id) else []


def tell(
    session: Session, call: FamilyCall, words: dict[int, str], facts: dict[str, Any], now: datetime, mark: str = "",
    due_at: datetime | None = None, relatives: Collection[int] | None = None,
) -> None:  # fmt: skip
    """One letter for each reader; `words` says which ("booked", "changed", "cancelled", …).

    Facts that name a "role" are for readers of that role alone; `mark` tells a second time from the first. `relatives`
    are those on the call, where the caller has asked for them already.
    """
    relatives = relatives_on(session, call) if relatives is None else relatives
    settled = now if call.starts_at - now < NEAR else now + SETTLES
    for reader, word in words.items():
        others = "cared" if reader == call.cared_id else "helper"
        role = facts.get("role") or ("relative" if reader in relatives else others)
        more: dict[str, Any] = {"by": inviter(session, call.id, reader)} if word == "invited" else {}
        need_not = word == "cancelled" and role == "helper" and not may_act_for(session, reader, call.cared_id)
        if need_not:  # they have to hear it also where the elder has died, and do not mourn: it is about nobody
            more = {"area_id": session.get_one(Person, call.cared_id).area_id}
        post(
            session, key=f"{call.subject}/{call.revision}/{word}{mark}/{reader}", person_id=reader,
            kind=f"family.{word}", facts={**facts, **more, "role": role}, subject=call.subject, revision=call.revision,
            urgency=urgency(call.starts_at, now), now=now,
            due_at=due_at or (settled if word == "changed" else now),
            useful_until=max(call.starts_at, now + timedelta(hours=1)), about_id=None if need_not else call.cared_id,
        )  # fmt: skip


def urgency(until: datetime, now: datetime) -> str:
    """How urgent a change is: "same_day" when it is about today; what lies further ahead wakes nobody."""
    return "same_day" if until - now < SOON else "routine"


def facts_of(session: Session, call: FamilyCall) -> dict[str, Any]:
    """What every letter and task about a call may need."""
    return _facts(session, call, guests_of(session, call.id))


def _facts(session: Session, call: FamilyCall, guests: list[Person]) -> dict[str, Any]:
    relative, cared = session.get_one(Person, call.relative_id), session.get_one(Person, call.cared_id)
    centre = session.get_one(ServiceCentre, call.centre_id)
    return {
        "call": call.id, "starts_at": call.starts_at.isoformat(), "cared": cared.name, "relative": relative.name,
        "relative_zone": relative.time_zone, "centre": centre.name, "centre_zone": centre.time_zone,
        "phone": phone_of(session, centre), "guests": [guest.name for guest in guests],
        "way": call.way, "at_home": call.at_home,
    }  # fmt: skip


def remind(session: Session, call: FamilyCall, facts: dict[str, Any], now: datetime) -> None:
    """Bring the reminders of a call in line with its time, its people and the rules; twice is once."""
    _remind(session, call, facts, now, relatives_on(session, call), own_phone(session, call))


def _remind(
    session: Session, call: FamilyCall, facts: dict[str, Any], now: datetime, relatives: list[int], own: list[int]
) -> None:
    occasion = Occasion(call.subject, call.revision, REMINDER, call.starts_at, facts, about_id=call.cared_id)
    readers = [*((key, "relative") for key in relatives), *((key, "cared") for key in own)]
    if call.call_day_id is None:  # the cadre of a call day has it before them: a reminder for each call is too many
        readers.append((call.helper_id, "helper"))
    stands = _farewells(call, relatives) | (Letter.kind == LEFT)
    if is_asked(session, call):
        stands |= Letter.kind == ASKS  # whoever helps, the family is still asked for another time
    recipients = [Recipient(key, role, session.get_one(Person, key).tz) for key, role in readers]
    plan_reminders(session, occasion, recipients, now, stands)


def farewells(session: Session, call: FamilyCall) -> ColumnElement[bool]:
    """The letters to those who are on a call no more, that they are off it: true whatever becomes of the call."""
    return _farewells(call, relatives_on(session, call))


def _farewells(call: FamilyCall, relatives: list[int]) -> ColumnElement[bool]:
    on_it = {*relatives, call.cared_id, call.helper_id}
    return Letter.kind.in_(("family.uninvited", "family.cancelled")) & Letter.person_id.not_in(on_it)


def unheard(session: Session, call: FamilyCall) -> dict[int, str]:
    """What readers of a call were to hear of its time and have not, as `tell` takes it: the last letter about it was
    taken back, or brought to nobody, and none before it says how the call stands now. After a question for another
    time, none before it does."""
    on_it = {*relatives_on(session, call), *own_phone(session, call), call.helper_id}
    asking = select(CallProposal.proposed_by_id).where(CallProposal.call_id == call.id).distinct()
    askers = [key for key in session.scalars(asking).all() if roles_of(session, key)]  # the answer is theirs to hear
    said = select(Letter.person_id, Letter.kind, Letter.state, Letter.facts).where(
        Letter.subject == call.subject, Letter.kind.in_(SAYS_WHEN), Letter.person_id.in_({*on_it, *askers})
    )  # fmt: skip
    last = {row.person_id: row for row in session.execute(said.order_by(Letter.id))}
    return {
        reader: row.kind.partition(".")[2] for reader, row in last.items() if (reader in on_it or _keeps(row, call))
        and row.state in ("withdrawn", *ENDED_UNDELIVERED) and (row.kind == KEPT or not _knows(session, call, reader))
    }  # fmt: skip


def _keeps(row: Any, call: FamilyCall) -> bool:
    """Whether a letter says that a call keeps the time that it has."""
    return bool(row.kind == KEPT and datetime.fromisoformat(row.facts["starts_at"]) == call.starts_at)


def say_left_again(session: Session, call: FamilyCall, facts: dict[str, Any], now: datetime) -> None:
    """A call is on again: who booked it and had still to hear which guests have left hears that."""
    said = select(Letter).where(Letter.subject == call.subject, Letter.kind == LEFT).order_by(Letter.id)
    last = {letter.facts.get("guest_id"): letter for letter in session.scalars(said)}
    for guest_id in last.keys() - set(relatives_on(session, call)):
        letter = last[guest_id]
        if letter.state in ("withdrawn", *ENDED_UNDELIVERED):
            about = {"guest": letter.facts["guest"], "guest_id": guest_id, "role": "relative"}
            tell(session, call, {letter.person_id: "left"}, {**facts, **about}, now, mark=f":{guest_id}:{letter.id}")


def coming(session: Session, now: datetime, after: int, most: int) -> Sequence[int]:
    """The keys of so many calls that are still to come, beyond a key."""
    query = select(FamilyCall.id).where(*_to_come(now), FamilyCall.id > after).order_by(FamilyCall.id).limit(most)
    return session.scalars(query).all()


def remind_these(session: Session, now: datetime, keys: Collection[int]) -> int:
    """Plan the reminders of those among these calls that still come anew: what an edited rule calls for; answers how
    many."""
    return _remind_anew(session, now, FamilyCall.id.in_(keys))


def _remind_anew(session: Session, now: datetime, which: ColumnElement[bool]) -> int:
    """What was sent stands. The calls are locked first: what somebody moves or cancels at this moment must not have its
    old reminders brought back."""
    query = select(FamilyCall).where(*_to_come(now), which).order_by(FamilyCall.id).with_for_update(key_share=True)
    calls = session.scalars(query, execution_options={"populate_existing": True}).all()
    for call in calls:
        remind(session, call, facts_of(session, call), now)
    return len(calls)


def _to_come(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return FamilyCall.state == "booked", FamilyCall.starts_at > now


def person_moved_zone(session: Session, person_id: int, now: datetime) -> None:
    """Somebody lives elsewhere now: what is still to be said of their calls says so, and comes at its hour there."""
    theirs = or_(
        FamilyCall.relative_id == person_id, FamilyCall.cared_id == person_id, FamilyCall.helper_id == person_id,
        FamilyCall.id.in_(calls_joined(person_id)),
    )  # fmt: skip
    _remind_anew(session, now, theirs)  # locks the calls, and only then come their letters
    zone = session.get_one(Person, person_id).time_zone
    calls = select(FamilyCall.id).where(FamilyCall.relative_id == person_id)
    subjects = [f"call:{key}" for key in session.scalars(calls)]
    # Put back too: what was held up by a breaker or a budget has not been said yet. In doubt it may have been.
    unsent = select(Letter).where(
        Letter.subject.in_(subjects), Letter.state.in_(("planned", "retry")), Letter.in_doubt.is_(False)
    ).with_for_update()  # fmt: skip
    for letter in session.scalars(unsent, execution_options={"populate_existing": True}).all():
        letter.facts = {**letter.facts, "relative_zone": zone}
    session.flush()


def help_anew(session: Session, call: FamilyCall, now: datetime) -> None:
    """Another helps: the reminders and the task are theirs now. Of the family, whose time stands, only who had still to
    hear of it does."""
    facts = facts_of(session, call)
    remind(session, call, facts, now)
    waits = {reader: word for reader, word in unheard(session, call).items() if reader != call.helper_id}
    tell(session, call, waits, facts, now)
    settle_for(session, call.subject, "cancel", by=BY_RULE, now=now)
    open_help(session, call, facts, now)


def open_help(session: Session, call: FamilyCall, facts: dict[str, Any], now: datetime) -> None:
    """The helper's task: bring the elder to the screen, and have it ready."""
    cared, centre = session.get_one(Person, call.cared_id), session.get_one(ServiceCentre, call.centre_id)
    here = cared.area_id or centre.area_id
    open_task(
        session, key=f"{call.subject}/{call.revision}/help", kind="call_help", area_id=here,
        assignee_id=who_works_there(session, call.helper_id, here), person_id=cared.id, subject=call.subject, now=now,
        due_at=call.starts_at - timedelta(minutes=30), facts=facts,
        by=By(call.helper_id, "rule"),  # the helper already has the letter about the call itself
    )  # fmt: skip
