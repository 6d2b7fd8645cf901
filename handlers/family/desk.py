"""Family calls at the staff desk: which there are, one of them, and what a clerk writes down of it."""

from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from handlers import desk, happened, masking
from handlers.family import after_words, daysheets, words
from handlers.family.story import told as told_in
from handlers.reach import not_reached
from handlers.tasks import words as task_words
from models.errors import Refused
from models.family import ending, told, ways, wellbeing
from models.family.agreeing import family_of
from models.family.booking import relocate
from models.family.calls import AT_CENTRE, AT_HOME, CALL, LIVE_CALLS, FamilyCall, cadres_call, call_for
from models.family.devices import whom_to_ring
from models.family.guests import guests_of
from models.family.homes import ended_at, may_set_out, set_out
from models.family.joining import may_be_asked
from models.family.looking import Question, look
from models.family.looking import one as call_row
from models.family.outcomes import EARLY, arrive, report, suggested
from models.family.proposals import waiting_for
from models.family.reports import OUTCOMES, reports_of
from models.people.contacts import ways_to
from models.people.persons import Person, stay_as_they_are

ROOM = Blueprint("calls", __name__, url_prefix="/calls", template_folder="templates")


@ROOM.get("/")
def listed() -> str:
    """The calls below this cadre's areas."""
    view = desk.asked("view", after_words.VIEWS) or "coming"
    state = desk.asked("state", words.STATE_NAMES)
    question = Question("" if view == "all" else view, state)
    found = look(desk.session(), desk.who(), question, desk.now(), desk.cursor())
    return render_template(
        "calls/desk_list.html", found=found, view=view, state=state, words=words, after_words=after_words,
        both=words.both, live=LIVE_CALLS,
    )  # fmt: skip


@ROOM.get("/<int:call>")
def one(call: int) -> str:
    """One call, and what can be written down of it."""
    return _whole(call)


@ROOM.post("/<int:call>/reveal")
def reveal(call: int) -> str:
    """The same with names and ways to the elder, for a reason."""
    call_row(desk.session(), desk.who(), call)
    desk.reveal(f"{CALL.name}:{call}")
    return _whole(call, shown=True)


@ROOM.post("/<int:call>/outcome")
def became(call: int) -> Response:
    """What became of it, and when that was."""
    found = as_seen(call)
    what, moment = desk.typed("what"), desk.moment("at") or ended_at(found, desk.now())
    report(desk.session(), desk.who(), call, what, moment, desk.now(), desk.typed("note"))
    return done("call_outcome", call, "outcome", what=what if what in OUTCOMES else "")


@ROOM.post("/<int:call>/well")
def well(call: int) -> Response:
    """How the elder was."""
    verdict, days = desk.typed("verdict"), desk.number("days", form=True) or wellbeing.SOON
    wellbeing.tick(desk.session(), desk.who(), call, verdict, desk.now(), desk.typed("note"), days)
    return done("call_wellbeing", call, "well")


@ROOM.post("/<int:call>/off")
def off(call: int) -> Response:
    """The centre cancels, and says what there is instead."""
    as_seen(call)
    ending.call_off(desk.session(), desk.who(), call, desk.typed("why"), desk.typed("instead"), desk.now())
    return done("call_off", call, "off")


@ROOM.post("/<int:call>/cancel")
def cancelled(call: int) -> Response:
    """The family cancels: a clerk writes down what they said."""
    as_seen(call)
    ending.cancel(desk.session(), desk.who(), call, desk.typed("why"), desk.now())
    return done("call_cancel", call, "call_cancelled")


@ROOM.post("/<int:call>/undo")
def took_back(call: int) -> Response:
    """The cancellation was a click too many."""
    as_seen(call)
    ending.undo(desk.session(), desk.who(), call, desk.now())
    return done("call_undo", call, "call_undone")


@ROOM.post("/<int:call>/here")
def here(call: int) -> Response:
    """The elder has come, or the helper has come to them; now, or at the time of the form."""
    found = as_seen(call)
    moment = desk.moment("at") or min(desk.now(), found.ends_at)
    arrive(desk.session(), desk.who(), call, moment, desk.now())
    return done("call_arrive", call, "call_here")


@ROOM.post("/<int:call>/out")
def out(call: int) -> Response:
    """The helper has set out for a home."""
    as_seen(call)
    set_out(desk.session(), desk.who(), call, desk.now())
    return done("call_set_out", call, "call_out")


@ROOM.post("/<int:call>/told")
def tell(call: int) -> Response:
    """The elder was told in person."""
    as_seen(call)
    told.tell_in_person(desk.session(), desk.who(), call, desk.typed("means"), desk.now())
    return done("call_told", call, "told_elder")


@ROOM.post("/<int:call>/place")
def place(call: int) -> Response:
    """This one call at the elder's home, or at the centre, at the time that it has."""
    as_seen(call)
    relocate(desk.session(), desk.who(), call, desk.typed("wish"), desk.now(), desk.typed("why"))
    return done("call_place", call, "call_placed")


def changed(subject: str) -> str:
    """What has happened to a call since a page showed it."""
    what = happened.last(desk.session(), subject, after_words.VERBS, desk.now())
    return after_words.CHANGED.format(what=what)


def done(verb: str, call: int, said: str, **detail: Any) -> Response:
    """After a deed on a call: written down, and back to the call, which says so."""
    desk.note(verb, f"{CALL.name}:{call}", **detail)
    return desk.back_to("console.calls.one", said, call=call)


def mark(call: FamilyCall) -> str:
    """How a call stands, as a form keeps it."""
    return f"{call.state}.{call.revision}"


def as_seen(call: int) -> FamilyCall:
    """The call, held, where the page that was acted from is still true; raises Refused("stale")."""
    seen, _ = call_for(desk.session(), desk.who(), call)
    stay_as_they_are(desk.session(), seen.relative_id, seen.cared_id)  # people come before their calls
    found = cadres_call(desk.session(), desk.who(), call)
    if desk.typed("seen") != mark(found):
        raise Refused("stale", subject=found.subject)
    return found


def _whole(key: int, *, shown: bool = False) -> str:
    session = desk.session()
    row = call_row(session, desk.who(), key)
    call: FamilyCall = row.FamilyCall
    guests = guests_of(session, key)
    told_by = [call.relative_id, *(guest.id for guest in guests)] if call.state == "booked" else []
    names = [row.cared, row.relative, *(guest.name for guest in guests)]
    known = {person.id: person.name for person in family_of(session, call)}
    rings = [(one.person.name if shown else masking.name(one.person.name), one.state)
             for one in whom_to_ring(session, [call]).get(key, ())]  # fmt: skip
    return render_template(
        "calls/desk_one.html", row=row, call=call, shown=shown, words=words, after_words=after_words,
        task_words=task_words, ring=daysheets.ring(rings), guests=guests, ways=ways_to(session, call.cared_id),
        seen=mark(call), time=words.both(call.starts_at, row.relative_zone), zone=ZoneInfo(row.relative_zone),
        telling=told.telling_of(session, call),
        tick=wellbeing.tick_of(session, desk.who(), key), reports=reports_of(session, key), outcomes=OUTCOMES,
        other=AT_CENTRE if call.at_home else AT_HOME, homebound=session.get_one(Person, call.cared_id).homebound,
        hint=suggested(session, call, desk.now()), begun=call.starts_at <= desk.now(), means=told.MEANS,
        away=not_reached(session, told_by, desk.who().person_id, str if shown else masking.name),
        story=happened.lines(
            session, call.subject, after_words.VERBS, shown=shown,
            said=lambda verb, note: told_in(verb, note, known, shown=shown),
        ),
        said=lambda text: text if shown else masking.typed(text, *names), **_open(call),
    )  # fmt: skip


def _open(call: FamilyCall) -> dict[str, Any]:
    """What can still be changed on a call as it stands, and by whom it may be joined."""
    session, now = desk.session(), desk.now()
    coming = call.state == "booked" and call.starts_at > now
    possible = ways.possible(session, call, desk.offered(), now) if call.state == "booked" else []
    return {
        "may_come": now >= call.starts_at - EARLY and call.state in CALL.by_name["check_in"].sources,
        "may_set_out": may_set_out(call, now), "undoing": ending.may_undo(session, call, now),
        "movable": call.state in CALL.by_name["change"].sources, "coming": coming, "possible": possible,
        "media": ways.MEDIA, "asked": waiting_for(session, call.id, now), "both": words.both,
        "free": may_be_asked(session, desk.who(), call.id) if coming else [],
    }  # fmt: skip
