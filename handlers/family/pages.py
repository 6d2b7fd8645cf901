"""My family calls on a page: with whom, when on both clocks, where."""

from zoneinfo import ZoneInfo

from flask import Blueprint, g, render_template

from handlers.family import words
from handlers.words import two_lines, when_two
from models.family.calls import FamilyCall, calls_of
from models.hours import CHINA
from models.people.persons import Person
from models.places.centres import ServiceCentre

ROOM = Blueprint("family", __name__, template_folder="templates")


@ROOM.get("/calls")
def calls() -> str:
    """The calls to come that I take part in or help with, the soonest first."""
    rows = [_row(call) for call in calls_of(g.session, g.who, g.now)]
    return render_template("family/pages/calls.html", words=words, rows=rows)


def _row(call: FamilyCall) -> dict[str, str]:
    """One call as its reader sees it: a relative the other end, a helper both ends."""
    cared, relative = (g.session.get_one(Person, key) for key in (call.cared_id, call.relative_id))
    helps = g.who.person_id != relative.id
    return {
        "with": f"{cared.name}、{relative.name}" if helps else cared.name,
        "time": two_lines(when_two(call.starts_at, CHINA, ZoneInfo(relative.time_zone if helps else g.who.zone))),
        "state": words.STATE_NAMES[call.state], "mark": call.state,
        "centre": g.session.get_one(ServiceCentre, call.centre_id).name,
    }  # fmt: skip
