"""Family calls at the staff desk: which there are, one of them, and what a clerk writes down of it."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from handlers import desk, happened, masking
from handlers.family import after_words, words
from handlers.reach import not_reached
from handlers.tasks import words as task_words
from models.errors import Refused
from models.family import ending, told, wellbeing
from models.family.calls import CALL, LIVE_CALLS, FamilyCall, cadres_call
from models.family.guests import guests_of
from models.family.looking import Question, look
from models.family.looking import one as call_row
from models.family.outcomes import OUTCOMES, report, reports_of, suggested
from models.hours import CHINA
from models.people.contacts import ways_to

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
    found = _as_seen(call)
    what, moment = desk.typed("what"), _moment("at") or min(desk.now(), found.ends_at)
    report(desk.session(), desk.who(), call, what, moment, desk.now(), desk.typed("note"))
    return _done("call_outcome", call, "outcome", what=what if what in OUTCOMES else "")


@ROOM.post("/<int:call>/well")
def well(call: int) -> Response:
    """How the elder was."""
    verdict, days = desk.typed("verdict"), desk.number("days", form=True) or wellbeing.SOON
    wellbeing.tick(desk.session(), desk.who(), call, verdict, desk.now(), desk.typed("note"), days)
    return _done("call_wellbeing", call, "well")


@ROOM.post("/<int:call>/off")
def off(call: int) -> Response:
    """The centre cancels, and says what there is instead."""
    _as_seen(call)
    ending.call_off(desk.session(), desk.who(), call, desk.typed("why"), desk.typed("instead"), desk.now())
    return _done("call_off", call, "off")


@ROOM.post("/<int:call>/told")
def tell(call: int) -> Response:
    """The elder was told in person."""
    _as_seen(call)
    told.tell_in_person(desk.session(), desk.who(), call, desk.typed("means"), desk.now())
    return _done("call_told", call, "told_elder")


def changed(subject: str) -> str:
    """What has happened to a call since a page showed it."""
    what = happened.last(desk.session(), subject, after_words.VERBS, desk.now())
    return after_words.CHANGED.format(what=what)


def _done(verb: str, call: int, said: str, **detail: Any) -> Response:
    desk.note(verb, f"{CALL.name}:{call}", **detail)
    return desk.back_to("console.calls.one", said, call=call)


def _seen(call: FamilyCall) -> str:
    """How the call stands, as a form keeps it."""
    return f"{call.state}.{call.revision}"


def _as_seen(call: int) -> FamilyCall:
    """The call, held, where the page that was acted from is still true; raises Refused("stale")."""
    found = cadres_call(desk.session(), desk.who(), call)
    if desk.typed("seen") != _seen(found):
        raise Refused("stale", subject=found.subject)
    return found


def _moment(key: str) -> datetime | None:
    """The time of the form, in China; None where none was put in."""
    text = desk.typed(key)
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=CHINA)
    except ValueError as error:
        raise Refused("bad_time") from error


def _whole(key: int, *, shown: bool = False) -> str:
    session = desk.session()
    row = call_row(session, desk.who(), key)
    call: FamilyCall = row.FamilyCall
    telling, company = told.telling_of(session, call), guests_of(session, key)
    told_by = [call.relative_id, *(guest.id for guest in company)] if call.state == "booked" else []
    names = [row.cared, row.relative, *(guest.name for guest in company)]
    return render_template(
        "calls/desk_one.html", row=row, call=call, shown=shown, words=words, after_words=after_words,
        task_words=task_words, guests=names[2:], ways=ways_to(session, call.cared_id), seen=_seen(call),
        time=words.both(call.starts_at, row.relative_zone), zone=ZoneInfo(row.relative_zone), telling=telling,
        tick=wellbeing.tick_of(session, desk.who(), key), reports=reports_of(session, key), outcomes=OUTCOMES,
        hint=suggested(session, call, desk.now()), begun=call.starts_at <= desk.now(), means=told.MEANS,
        story=happened.lines(session, call.subject, after_words.VERBS, shown=shown),
        away=not_reached(session, told_by, desk.who().person_id, str if shown else masking.name),
        said=lambda text: text if shown else masking.typed(text, *names),
    )  # fmt: skip
