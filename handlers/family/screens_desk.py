"""The family calls of now at the staff desk: the elder is here, and this very computer becomes their screen."""

from zoneinfo import ZoneInfo

from flask import Blueprint, redirect, render_template, url_for
from werkzeug.wrappers import Response

from handlers import desk, masking
from handlers.family import room_words, words
from handlers.words import two_lines, when_two
from models.family.passes import open_screen
from models.family.rooms import EARLY, calls_near
from models.hours import CHINA
from models.people.persons import Person
from models.places.centres import ServiceCentre

ROOM = Blueprint("screens", __name__, url_prefix="/screens", template_folder="templates")


@ROOM.get("/")
def listed() -> str:
    """The calls below this cadre's areas that are to come today, or late; names masked."""
    session, rows = desk.session(), []
    for call in calls_near(session, desk.who().person_id, desk.now()):
        cared, relative = (session.get_one(Person, key) for key in (call.cared_id, call.relative_id))
        rows.append({
            "call": call.id, "cared": masking.name(cared.name), "relative": masking.name(relative.name),
            "time": two_lines(when_two(call.starts_at, CHINA, ZoneInfo(relative.time_zone))),
            "place": words.where(session.get_one(ServiceCentre, call.centre_id).name, masking.name(cared.name),
                                 at_home=call.at_home),
            "state": words.STATE_NAMES[call.state],
            "open": desk.now() >= call.starts_at - EARLY,
        })  # fmt: skip
    return render_template("screens/desk_list.html", rows=rows, words=room_words)


@ROOM.post("/<int:call>/screen")
def screen(call: int) -> Response:
    """Checked in, and on into the room in this browser."""
    secret = open_screen(desk.session(), desk.who(), call, desk.now())
    desk.note("call_screen", f"call:{call}")
    return redirect(url_for("video.look", secret=secret), 303)
