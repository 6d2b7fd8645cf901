"""The centre needs another time: it asks the family, who say yes or no, or whose time to answer runs out."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.family.asking import say_of
from models.family.booking import move
from models.family.calls import FamilyCall, cadres_call, call_for, locked, place_of
from models.family.ending import end
from models.family.guests import guests_of
from models.family.holds import uncounted_for
from models.family.proposals import ASKS, POLICIES, PROPOSAL, CallProposal, drop_proposals, end_asking, standing
from models.family.slots import HORIZON_DAYS, NOTICE, free_slots, nearest
from models.family.telling import SAYS_WHEN, facts_of, tell
from models.life import BY_TIME, By
from models.messages.letters import Letter
from models.people.identities import Who
from models.people.persons import Person, stay_as_they_are
from models.people.scope import in_charge_of
from models.people.staff import cadres_over, roles_of
from models.places.areas import Area
from models.places.centres import ServiceCentre
from models.places.heeding import look_again

ANSWER_WITHIN = timedelta(hours=24)
LAST_CHANCE = timedelta(hours=1)  # before the call as it stands: then everybody has to know where they are
NOTE_LIMIT = 200
AT_ONCE = 200
_NEVER_HEARD = ("withdrawn", "suppressed", "dead", "missed")  # what is on the wire, or in doubt, may have arrived


def propose(
    session: Session, who: Who, call_id: int, starts_at: datetime, reason: str, otherwise: str, now: datetime
) -> CallProposal:  # fmt: skip
    """A cadre asks the family for another time; until they say yes the call stands where it is.

    `otherwise` says what becomes of it without a yes: "keep", or "cancel" where the old time cannot be held. A new
    question takes the place of the old; the same again is once. Raises Refused("not_yours"), ("reason_missing"),
    ("wrong_state"), ("bad_time") for the time it has and where nobody could answer any more, or
    ("slot_taken", alternatives=…).
    """
    return ask(session, who, cadres_call(session, who, call_id), starts_at, reason, otherwise, now)


def ask(
    session: Session, who: Who, call: FamilyCall, starts_at: datetime, reason: str, otherwise: str, now: datetime
) -> CallProposal:  # fmt: skip
    """The same of a call that the caller holds and has made sure is theirs to ask about."""
    why = reason.strip()[:NOTE_LIMIT]
    if call.state != "booked" or otherwise not in POLICIES:
        raise Refused("wrong_state", thing="call", state=call.state)
    if not why:
        raise Refused("reason_missing")
    if not now < starts_at <= now + timedelta(days=HORIZON_DAYS):
        raise Refused("bad_time")
    answer_by = min(now + ANSWER_WITHIN, call.starts_at - LAST_CHANCE, starts_at - NOTICE)
    if answer_by <= now or starts_at == call.starts_at:
        raise Refused("bad_time")
    asked = standing(session, call.id)
    if asked is not None and (asked.starts_at, asked.otherwise) == (starts_at, otherwise):
        return asked
    _check_free(session, call, starts_at, now)
    drop_proposals(session, call.id, now)
    made = CallProposal(
        call_id=call.id, seen_revision=call.revision, starts_at=starts_at, reason=why, otherwise=otherwise,
        proposed_by_id=who.person_id, answer_by=answer_by, created_at=now,
    )  # fmt: skip
    session.add(made)
    PROPOSAL.begin(session, made, by=By(who.person_id, "cadre"), now=now, note=why)
    say_of(session, call, made, "asked_to_move", call.relative_id, now)
    if asked is not None and (asked.otherwise, otherwise) == ("cancel", "keep"):
        look_again(session)  # it may stay where it cannot be: that is a cadre's then
    return made


def proposal_for(session: Session, who: Who, proposal_id: int) -> tuple[CallProposal, FamilyCall]:
    """A proposal and its call, both held, for the relative who booked it; raises Refused("not_yours") for others."""
    found = session.get(CallProposal, proposal_id)
    if found is None:
        raise Refused("not_yours")
    call, role = call_for(session, who, found.call_id)
    if role != "relative" or call.relative_id != who.person_id:
        raise Refused("not_yours")
    stay_as_they_are(session, call.relative_id, call.cared_id)  # for a yes: people come before their calls
    call = locked(session, call.id)
    session.refresh(found, with_for_update=True)
    return found, call


def asked_of(session: Session, who: Who, now: datetime) -> list[CallProposal]:
    """What waits for this relative's answer, the most urgent first."""
    query = (
        select(CallProposal).join(FamilyCall, CallProposal.call_id == FamilyCall.id)
        .where(FamilyCall.relative_id == who.person_id, CallProposal.state == "asked", CallProposal.answer_by > now)
        .order_by(CallProposal.answer_by, CallProposal.id)
    )  # fmt: skip
    return list(session.scalars(query))


def accept(session: Session, who: Who, proposal_id: int, now: datetime) -> FamilyCall:
    """The family agrees: the call moves. Twice is once, and a forwarded link does nothing more.

    Raises Refused("not_yours"), ("wrong_state") when the answer comes too late or the call went another way, and what
    `booking.move` raises: a time that has passed meanwhile ("bad_time") or is gone ("slot_taken") is not confirmed.
    """
    asked, call = proposal_for(session, who, proposal_id)
    if asked.state == "accepted":
        return call
    _check_open(asked, call, now)
    try:
        with session.begin_nested():
            PROPOSAL.move(session, asked, "accept", by=By(who.person_id, "relative"), now=now)
            move(session, who, call.id, asked.starts_at, now)
            if roles_of(session, asked.proposed_by_id):
                tell(session, call, {asked.proposed_by_id: "changed"}, facts_of(session, call), now)
    except Refused:
        session.refresh(asked)
        session.refresh(call)
        raise
    return call


def decline(session: Session, who: Who, proposal_id: int, now: datetime) -> FamilyCall:
    """The family does not agree: the call stays, or is off, as the question said. Twice is once; raises as `accept`."""
    asked, call = proposal_for(session, who, proposal_id)
    if asked.state == "declined":
        return call
    _check_open(asked, call, now)
    PROPOSAL.move(session, asked, "decline", by=By(who.person_id, "relative"), now=now)
    _without_a_yes(session, asked, call, By(who.person_id, "rule"), now)
    return call


def lapse_proposals(session: Session, now: datetime) -> int:
    """Nobody has answered in time: what the question said for that case happens; answers how many ended.

    The call is held before its proposal, as everywhere; one that has gone another way meanwhile is left alone.
    """
    late = select(CallProposal.id, CallProposal.call_id).where(
        CallProposal.state == "asked", CallProposal.answer_by <= now
    ).order_by(CallProposal.id).limit(AT_ONCE)  # fmt: skip
    ended = 0
    for key, call_id in session.execute(late).all():
        call, asked = locked(session, call_id), session.get_one(CallProposal, key)
        session.refresh(asked, with_for_update=True)
        if asked.state != "asked":
            continue
        ended += 1
        if call.revision != asked.seen_revision or call.state != "booked":
            drop_proposals(session, call.id, now)
            continue
        PROPOSAL.move(session, asked, "lapse", by=BY_TIME, now=now)
        _without_a_yes(session, asked, call, By(None, "rule"), now)
    return ended


def _without_a_yes(session: Session, asked: CallProposal, call: FamilyCall, by: By, now: datetime) -> None:
    end_asking(session, call.id, now)
    if asked.otherwise == "keep":
        cared = session.get_one(Person, call.cared_id)
        stays = in_charge_of(session, asked.proposed_by_id, cared) or asked.proposed_by_id == call.helper_id
        stays = stays and bool(roles_of(session, asked.proposed_by_id))
        stays = stays and session.get_one(Person, asked.proposed_by_id).state == "active"
        area = session.get_one(Area, place_of(session, call))
        for reader in [asked.proposed_by_id] if stays else [one.id for one in cadres_over(session, area)]:
            say_of(session, call, asked, "kept", reader, now)
        return
    local = asked.starts_at.astimezone(session.get_one(ServiceCentre, call.centre_id).tz)
    end(session, call, by=by, reason=asked.reason, now=now, code="centre", alternative=f"{local:%m-%d %H:%M}")


def let_stand(session: Session, call: FamilyCall, asked: CallProposal, now: datetime) -> None:
    """The call can be where it is after all: the family need not answer.

    Who may have read that it is off without an answer hears that it stands; from whom the question was taken back
    unsent never heard that it was in doubt. A question that said that the call stays without an answer is still asked.
    """
    if asked.otherwise == "keep" and not _may_think_it_is_off(session, call):
        return
    drop_proposals(session, call.id, now)
    if call.state == "booked" and call.starts_at > now and _may_think_it_is_off(session, call):
        tell(session, call, {call.relative_id: "kept"}, facts_of(session, call), now, f":{asked.id}")


def _may_think_it_is_off(session: Session, call: FamilyCall) -> bool:
    """Whether the last that the relative may have heard of the time of a call is that without an answer it is off."""
    last = session.scalar(
        select(Letter).where(
            Letter.subject == call.subject, Letter.person_id == call.relative_id, Letter.kind.in_((*SAYS_WHEN, ASKS)),
            Letter.state.not_in(_NEVER_HEARD),
        ).order_by(Letter.id.desc()).limit(1)
    )  # fmt: skip
    return last is not None and last.kind == ASKS and last.facts["otherwise"] == "cancel"


def _check_open(asked: CallProposal, call: FamilyCall, now: datetime) -> None:
    if asked.state != "asked" or now >= asked.answer_by or call.revision != asked.seen_revision:
        raise Refused("wrong_state", thing=PROPOSAL.name, state=asked.state)


def _check_free(session: Session, call: FamilyCall, starts_at: datetime, now: datetime) -> None:
    """Whether the time could be had as things stand; it is looked at again when the family has answered."""
    relative, cared = session.get_one(Person, call.relative_id), session.get_one(Person, call.cared_id)
    guests, centre = guests_of(session, call.id), session.get_one(ServiceCentre, call.centre_id)
    day = starts_at.astimezone(centre.tz).date()
    own = [call.subject, *uncounted_for(session, relative.id, now)]  # what they keep for themselves they may say yes to
    about: dict[str, Any] = {"now": now, "held_by": own, "guests": guests, "wish": call.venue_wish}
    free = free_slots(session, relative, cared, first_day=day, days=1, **about)
    if starts_at not in {slot.starts_at for slot in free}:
        others = nearest(session, relative, cared, starts_at, **about)
        raise Refused("slot_taken", alternatives=others)
