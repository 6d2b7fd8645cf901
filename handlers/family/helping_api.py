"""A cadre's work on one call, for the mini-program: what is known of it, who came, what became of it, how the elder is.

A resident's phone stands in none of it: the conversation alone shows it.
"""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint
from flask import g
from pydantic import AwareDatetime, Field

from handlers.envelope import NO_NUL, Asked, Instant, Shown, refusing, said
from handlers.family import after_words, daysheets, words
from handlers.family.answers_api import ProposalShown, proposed
from handlers.family.api import Alternatives, CallShown, shown
from handlers.words import clock_span, when
from models.family import changing, ending, homes, outcomes, proposals, told, wellbeing
from models.family.agreeing import family_of
from models.family.calls import FamilyCall, cadres_call
from models.family.daysheet import Line, day_sheet
from models.hours import CHINA
from models.people.persons import Person

room = APIBlueprint("helping", __name__, tag="calls")

Text = Annotated[str, Field(max_length=200, pattern=NO_NUL)]


class ProposeAsked(Asked):
    """Another time for which the family is asked; `otherwise` says what becomes of the call without a yes."""

    starts_at: AwareDatetime
    reason: Text
    otherwise: Literal["keep", "cancel"]


class OffAsked(Asked):
    """Why the centre cannot, and what there is instead; the family reads both."""

    reason: Text
    alternative: Text


class WellAsked(Asked):
    """How the elder was; "follow_up" says why, and in how many working days somebody looks in again."""

    verdict: Literal["ok", "follow_up"]
    note: Text = ""
    workdays: Annotated[int, Field(ge=1, le=wellbeing.LATEST)] = wellbeing.SOON


class CameAsked(Asked):
    """When the elder had come, where that is told later."""

    happened_at: AwareDatetime | None = None


class BecameAsked(Asked):
    """What became of a call, and when that was; without a time, at its end or now, whichever is earlier."""

    what: Literal["completed", "relative_no_show", "resident_no_show", "neither_came", "technical_failure"]
    happened_at: AwareDatetime | None = None
    note: Text = ""


class TellAsked(Asked):
    """How the elder was told of the time."""

    means: Literal["visit", "phone"]


class SheetAsked(Asked):
    """Of which day in China; without one, today."""

    day: date | None = None


class OfFamily(Shown):
    """One whose yes it can be: "relative" (who booked), "guest", or "cared" (the elder or child)."""

    person_id: int
    name: str
    role: str


class Helped(Shown):
    """One call as its cadre sees it. `suggested` is what presence tells of it, never more than a suggestion."""

    call: CallShown
    family: list[OfFamily]
    told: bool
    told_text: str
    suggested: str | None
    well: str | None
    well_note: str
    may_undo: bool
    asked: ProposalShown | None


class SheetLine(Shown):
    """One call of a day's sheet: `who_helps` fetches or waits; a call at home has `leaves_at` and `arrives_at`."""

    call_id: int
    time_text: str
    cared: str
    village: str
    relatives: list[str]
    place: str
    who_helps: str
    told: bool
    state: str
    leaves_at: Instant | None
    arrives_at: Instant | None


class Sheet(Shown):
    """The calls of one day in the order of the day."""

    day: date
    title: str
    items: list[SheetLine]
    next: int | None = None


@room.get("/calls/sheet")
@room.input(SheetAsked, location="query")
@room.output(Sheet)
def sheet(query_data: SheetAsked) -> Any:
    """The sheet of a day: the calls below my areas, or that I help with; empty for who is no cadre."""
    day = query_data.day or g.now.astimezone(CHINA).date()
    if not date(2000, 1, 1) <= day <= date(2200, 1, 1):  # before and after it there is no such day of calls
        return said(Sheet(day=day, title=daysheets.head(day), items=[]))
    lines = [_line(one) for one in day_sheet(g.session, g.who, day)]
    return said(Sheet(day=day, title=daysheets.head(day), items=lines))


@room.get("/calls/<key:call>/desk")
@room.output(Helped)
@room.doc(responses=refusing("not_yours", "no_link", "not_active"))
def one(call: int) -> Any:
    """One call as its cadre sees it: who may say yes to another time, who has been told, what is suggested."""
    return said(_helped(cadres_call(g.session, g.who, call)))


@room.post("/calls/<key:call>/propose")
@room.input(ProposeAsked)
@room.output(ProposalShown, status_code=201)
@room.doc(responses=refusing(
    "not_yours", "no_link", "not_active", "reason_missing", "wrong_state", "bad_time", "slot_taken", "no_centre",
    "no_station",
))  # fmt: skip
def asked(call: int, json_data: ProposeAsked) -> Any:
    """Ask the family for another time; until they say yes the call stands. A new question replaces the old."""
    found = cadres_call(g.session, g.who, call)
    with Alternatives():
        made = changing.propose(
            g.session, g.who, call, json_data.starts_at, json_data.reason, json_data.otherwise, g.now
        )
    text = after_words.PROPOSED.format(by=when(made.answer_by, ZoneInfo(g.who.zone)))
    return said(proposed(made, found, _zone(found)), text)


@room.post("/calls/<key:call>/call-off")
@room.input(OffAsked)
@room.output(CallShown)
@room.doc(responses=refusing(
    "not_yours", "no_link", "not_active", "reason_missing", "alternative_needed", "wrong_state"
))  # fmt: skip
def off(call: int, json_data: OffAsked) -> Any:
    """The centre cancels, and says what there is instead; twice is once."""
    found = ending.call_off(g.session, g.who, call, json_data.reason, json_data.alternative, g.now)
    return said(shown(found, "cadre"), after_words.CALLED_OFF)


@room.post("/calls/<key:call>/well")
@room.input(WellAsked)
@room.output(Helped)
@room.doc(responses=refusing("not_yours", "no_link", "not_active", "wrong_state", "note_needed"))
def well(call: int, json_data: WellAsked) -> Any:
    """How the elder was after a call; said anew, the last word counts."""
    found = wellbeing.tick(
        g.session, g.who, call, json_data.verdict, g.now, json_data.note, json_data.workdays
    )  # fmt: skip
    due = when(found.due_at, ZoneInfo(g.who.zone)) if found.due_at else ""
    text = after_words.FOLLOW_NOTED.format(due=due) if due else after_words.WELL_NOTED
    return said(_helped(cadres_call(g.session, g.who, call)), text)


@room.post("/calls/<key:call>/arrived")
@room.input(CameAsked)
@room.output(CallShown)
@room.doc(responses=refusing("not_yours", "no_link", "not_active", "bad_time", "wrong_state"))
def arrived(call: int, json_data: CameAsked) -> Any:
    """The elder has come, also told later; twice is once."""
    moment = json_data.happened_at or _at_most_its_end(cadres_call(g.session, g.who, call))
    return said(shown(outcomes.arrive(g.session, g.who, call, moment, g.now), "cadre"), after_words.ARRIVED)


@room.post("/calls/<key:call>/outcome")
@room.input(BecameAsked)
@room.output(CallShown)
@room.doc(responses=refusing("not_yours", "no_link", "not_active", "bad_time", "wrong_state", "still_waiting"))
def became(call: int, json_data: BecameAsked) -> Any:
    """What became of a call; of several reports the one counts that tells of the latest moment."""
    moment = json_data.happened_at or _at_most_its_end(cadres_call(g.session, g.who, call))
    found = outcomes.report(g.session, g.who, call, json_data.what, moment, g.now, json_data.note)
    kept = after_words.KEPT_AS.format(state=words.STATE_NAMES[found.state])
    return said(shown(found, "cadre"), after_words.NOTED[json_data.what] if found.state == json_data.what else kept)


@room.post("/calls/<key:call>/told")
@room.input(TellAsked)
@room.output(Helped)
@room.doc(responses=refusing("not_yours", "no_link", "not_active", "wrong_state"))
def tell(call: int, json_data: TellAsked) -> Any:
    """The elder has been told when the call is; who was first stands."""
    made = told.tell_in_person(g.session, g.who, call, json_data.means, g.now)
    by = g.session.get_one(Person, made.by_id).name
    text = after_words.TOLD.format(by=by, at=when(made.at, CHINA))
    return said(_helped(cadres_call(g.session, g.who, call)), text)


@room.post("/calls/<key:call>/set-out")
@room.output(CallShown)
@room.doc(responses=refusing("not_yours", "no_link", "not_active", "wrong_state"))
def set_out(call: int) -> Any:
    """I am on the way to the home, and the family hears when I am there; twice is once."""
    found, arrives = homes.set_out(g.session, g.who, call, g.now)
    made = shown(found, "cadre")
    text = after_words.HAS_SET_OUT.format(cared=made.with_name, arrives=f"{arrives.astimezone(CHINA):%H:%M}")
    return said(made, text)


def _helped(call: FamilyCall) -> Helped:
    telling, tick = told.telling_of(g.session, call), wellbeing.tick_of(g.session, g.who, call.id)
    waits = proposals.waiting_for(g.session, call.id, g.now)
    roles = {call.relative_id: "relative", call.cared_id: "cared"}
    by = g.session.get_one(Person, telling.by_id).name if telling else ""
    return Helped(
        call=shown(call, "cadre"), told=telling is not None, suggested=outcomes.suggested(g.session, call, g.now),
        family=[OfFamily(person_id=person.id, name=person.name, role=roles.get(person.id, "guest"))
                for person in family_of(g.session, call)],
        told_text=after_words.TOLD.format(by=by, at=when(telling.at, CHINA)) if telling else after_words.NOT_TOLD,
        well=tick.verdict if tick else None, well_note=tick.note if tick else "",
        may_undo=ending.may_undo(g.session, call, g.now),
        asked=proposed(waits, call, _zone(call)) if waits else None,
    )  # fmt: skip


def _line(line: Line) -> SheetLine:
    return SheetLine(
        call_id=line.call_id, time_text=clock_span(line.starts_at, line.ends_at, CHINA), cared=line.cared,
        village=line.village, relatives=list(line.relatives), place=line.place, who_helps=line.helper,
        told=line.told_at is not None, state=line.state,
        leaves_at=line.stop.leaves_at if line.stop else None, arrives_at=line.stop.arrives_at if line.stop else None,
    )  # fmt: skip


def _at_most_its_end(call: FamilyCall) -> datetime:
    """Now, or the end of a call that is over: told later, it was so while the call lasted."""
    now: datetime = g.now
    return min(now, call.ends_at)


def _zone(call: FamilyCall) -> str:
    zone: str = g.session.get_one(Person, call.relative_id).time_zone
    return zone
