"""What a family answers, for the mini-program: another time, a makeup; who else is on a call; a cancel taken back."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint
from flask import g
from pydantic import AwareDatetime

from handlers.envelope import Asked, Instant, Key, Nothing, Shown, refusing, said
from handlers.family import after_words, words
from handlers.family.api import BOOKING, CallShown, shown
from handlers.words import when
from models.family import changing, makeup
from models.family.calls import FamilyCall, call_for
from models.family.ending import undo
from models.family.guests import guests_of
from models.family.joining import invite, leave, may_be_asked
from models.family.proposals import CallProposal
from models.people.persons import Person

room = APIBlueprint("answers", __name__, tag="calls")


class GuestAsked(Asked):
    """Which relative."""

    person_id: Key


class TakeAsked(Asked):
    """Which of the times that are kept."""

    starts_at: AwareDatetime


class GuestShown(Shown):
    """One relative; `joined` says whether they are on the call already."""

    person_id: int
    name: str
    joined: bool


class Guests(Shown):
    """Who is on a call beside who booked it, and who may be asked."""

    items: list[GuestShown]
    next: int | None = None


class ProposalShown(Shown):
    """The centre's wish to move a call; without an answer by `answer_by` it is as `otherwise` says (keep, cancel)."""

    id: int
    call_id: int
    with_name: str
    from_starts_at: Instant
    from_text: str
    to_starts_at: Instant
    to_text: str
    reason: str
    otherwise: str
    answer_by: Instant
    answer_by_text: str
    state: str


class Proposals(Shown):
    """What waits for an answer, the most urgent first."""

    items: list[ProposalShown]
    next: int | None = None


class TimeShown(Shown):
    """A time that is kept; `text` is it on both clocks."""

    starts_at: Instant
    text: str


class MakeupShown(Shown):
    """Times kept for the two of a call that was missed, until `held_until`."""

    id: int
    with_name: str
    times: list[TimeShown]
    held_until: Instant
    held_until_text: str
    state: str


class Makeups(Shown):
    """What is on offer, the oldest first."""

    items: list[MakeupShown]
    next: int | None = None


@room.get("/calls/<key:call>/guests")
@room.output(Guests)
@room.doc(responses=refusing("not_yours", "no_link", "not_active"))
def guests(call: int) -> Any:
    """Who is on a call beside who booked it, and which relatives may be asked: for who booked it, and for cadres."""
    free = may_be_asked(g.session, g.who, call)
    found = [(person, True) for person in guests_of(g.session, call)] + [(person, False) for person in free]
    return said(Guests(items=[
        GuestShown(person_id=person.id, name=person.name, joined=joined) for person, joined in found
    ]))  # fmt: skip


@room.post("/calls/<key:call>/guests")
@room.input(GuestAsked)
@room.output(CallShown)
@room.doc(responses=refusing("not_yours", "no_link", "not_active", "wrong_state", "call_full", "guest_busy"))
def asked(call: int, json_data: GuestAsked) -> Any:
    """Ask another relative to a call; twice is once."""
    found = invite(g.session, g.who, call, json_data.person_id, g.now)
    guest = g.session.get_one(Person, json_data.person_id)
    return said(_shown(found), words.INVITED.format(guest=guest.name))


@room.post("/calls/<key:call>/guests/<key:person>/leave")
@room.output(Nothing)
@room.doc(responses=refusing("not_yours", "no_link", "not_active", "wrong_state"))
def left(call: int, person: int) -> Any:
    """A guest leaves, or is taken off by who booked: the call stays. Twice is once."""
    leave(g.session, g.who, call, person, g.now)
    if person == g.who.person_id:
        return said(Nothing(), words.LEFT)
    return said(Nothing(), words.TAKEN_OFF.format(guest=g.session.get_one(Person, person).name))


@room.post("/calls/<key:call>/undo")
@room.output(CallShown)
@room.doc(responses=refusing(
    "not_yours", "no_link", "not_active", "wrong_state", "undo_over", "slot_taken", "consent_withdrawn", "not_together",
    "guardian_missing",
))  # fmt: skip
def taken_back(call: int) -> Any:
    """Take a cancellation back, within two minutes and while the time is free; twice is once."""
    return said(_shown(undo(g.session, g.who, call, g.now)))


@room.get("/proposals")
@room.output(Proposals)
def proposals() -> Any:
    """The times that a centre asks me to move my calls to."""
    found = changing.asked_of(g.session, g.who, g.now)
    return said(
        Proposals(items=[proposed(one, g.session.get_one(FamilyCall, one.call_id), g.who.zone) for one in found])
    )


@room.get("/proposals/<key:proposal>")
@room.output(ProposalShown)
@room.doc(responses=refusing("not_yours", "no_link", "not_active"))
def proposal(proposal: int) -> Any:
    """One of them, whatever has become of it."""
    return said(proposed(*changing.proposal_for(g.session, g.who, proposal), g.who.zone))


@room.post("/proposals/<key:proposal>/accept")
@room.output(CallShown)
@room.doc(responses=refusing("not_yours", "no_link", "not_active", "wrong_state", *BOOKING))
def accepted(proposal: int) -> Any:
    """It suits: the call is moved. Twice is once; where the time is gone (`slot_taken`) the old one stands."""
    call = changing.accept(g.session, g.who, proposal, g.now)
    made = _shown(call)
    return said(made, words.MOVED.format(cared=made.with_name, time=made.starts_at_text))


@room.post("/proposals/<key:proposal>/decline")
@room.output(CallShown)
@room.doc(responses=refusing("not_yours", "no_link", "not_active", "wrong_state"))
def declined(proposal: int) -> Any:
    """It does not suit: the call stays, or is off, as `otherwise` said. Twice is once."""
    made = _shown(changing.decline(g.session, g.who, proposal, g.now))
    text = after_words.DECLINED_OFF if made.state == "cancelled" else after_words.DECLINED_KEPT
    return said(made, text.format(time=made.starts_at_text))


@room.get("/makeups")
@room.output(Makeups)
def makeups() -> Any:
    """What is kept for me after calls that were missed."""
    return said(Makeups(items=[_makeup(one) for one in makeup.makeups_of(g.session, g.who, g.now)]))


@room.get("/makeups/<key:kept>")
@room.output(MakeupShown)
@room.doc(responses=refusing("not_yours"))
def makeup_one(kept: int) -> Any:
    """One of them, whatever has become of it."""
    return said(_makeup(makeup.makeup_for(g.session, g.who, kept)))


@room.post("/makeups/<key:kept>/take")
@room.input(TakeAsked)
@room.output(CallShown, status_code=201)
@room.doc(responses=refusing("wrong_state", *BOOKING, "not_yours"))
def makeup_taken(kept: int, json_data: TakeAsked) -> Any:
    """Book one of the times that are kept; twice is once, whichever time is named then."""
    made = _shown(makeup.take(g.session, g.who, kept, json_data.starts_at, g.now))
    return said(made, words.BOOKED.format(cared=made.with_name, time=made.starts_at_text))


@room.post("/makeups/<key:kept>/decline")
@room.output(MakeupShown)
@room.doc(responses=refusing("not_yours", "wrong_state"))
def makeup_declined(kept: int) -> Any:
    """None of them suits: the times are free again. Twice is once."""
    return said(_makeup(makeup.decline(g.session, g.who, kept, g.now)), after_words.MAKEUP_DECLINED)


def _shown(call: FamilyCall) -> CallShown:
    return shown(*call_for(g.session, g.who, call.id))


def proposed(one: CallProposal, call: FamilyCall, zone: str) -> ProposalShown:
    """The centre's wish to move a call; `zone` is the one beside the centre's in which its times are said."""
    return ProposalShown(
        id=one.id, call_id=call.id, with_name=g.session.get_one(Person, call.cared_id).name,
        from_starts_at=call.starts_at, from_text=words.both(call.starts_at, zone), to_starts_at=one.starts_at,
        to_text=words.both(one.starts_at, zone), reason=words.listed(one.reason), otherwise=one.otherwise,
        answer_by=one.answer_by, answer_by_text=_mine(one.answer_by), state=one.state,
    )  # fmt: skip


def _makeup(one: makeup.Makeup) -> MakeupShown:
    return MakeupShown(
        id=one.id, with_name=g.session.get_one(Person, one.cared_id).name,
        times=[TimeShown(starts_at=start, text=words.both(start, g.who.zone)) for start in one.starts],
        held_until=one.held_until, held_until_text=_mine(one.held_until), state=one.state,
    )  # fmt: skip


def _mine(moment: datetime) -> str:
    return when(moment, ZoneInfo(g.who.zone))
