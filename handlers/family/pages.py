"""My family calls on a page: with whom, when on both clocks, where; and the way into the room when it is time."""

from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, g, redirect, render_template, url_for
from werkzeug.wrappers import Response as Answer

from handlers.family import entering, words
from handlers.words import two_lines, when_two
from models.family.calls import FamilyCall, call_for, calls_of
from models.family.passes import give_pass, open_calls, open_screen
from models.hours import CHINA
from models.people.persons import Person
from models.places.centres import ServiceCentre

ROOM = Blueprint("family", __name__, template_folder="templates")


@ROOM.get("/calls")
def calls() -> str:
    """The calls to come that I take part in or help with, the soonest first."""
    # One that is late is among them: its time is over, and its room is open.
    found = {call.id: call for call in (*open_calls(g.session, g.who, g.now), *calls_of(g.session, g.who, g.now))}
    return render_template("family/pages/calls.html", words=words, rows=[_row(call) for call in found.values()])


@ROOM.post("/calls/<int:call>/join")
def join(call: int) -> Answer:
    """On into the room, with a pass of one's own; a cadre opens the elder's screen."""
    _, role = call_for(g.session, g.who, call)
    give = open_screen if role == "cadre" else give_pass
    return redirect(url_for("video.look", secret=give(g.session, g.who, call, g.now)), 303)


def _row(call: FamilyCall) -> dict[str, Any]:
    """One call as its reader sees it: a relative the other end, a helper both ends."""
    cared, relative = (g.session.get_one(Person, key) for key in (call.cared_id, call.relative_id))
    helps = g.who.person_id != relative.id
    role = "cadre" if g.who.person_id == call.helper_id else "relative"
    return {
        "with": f"{cared.name}、{relative.name}" if helps else cared.name,
        "time": two_lines(when_two(call.starts_at, CHINA, ZoneInfo(relative.time_zone if helps else g.who.zone))),
        "call": call.id, "enter": [one.label for one in entering.ways_in(call, role, g.now)],
        "state": words.STATE_NAMES[call.state], "mark": call.state,
        "centre": words.where(
            g.session.get_one(ServiceCentre, call.centre_id).name, cared.name, at_home=call.at_home
        ),
    }  # fmt: skip
