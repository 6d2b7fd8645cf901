"""The first page with its three doors, and settings: the larger size, reminders, leaving on all phones."""

from flask import Blueprint, g, make_response, redirect, render_template, request, url_for
from flask import session as cookie
from werkzeug.wrappers import Response as Answer

from handlers import words as shared
from handlers.people import words
from models.errors import Refused
from models.messages.optouts import wants_none, wish
from models.people.entering import end_sessions
from models.people.persons import Person

ROOM = Blueprint("people", __name__, template_folder="templates")


@ROOM.get("/")
def home() -> str:
    """The three doors."""
    return render_template("people/pages/home.html", words=words, name=g.who.name)


@ROOM.get("/settings")
def settings() -> str:
    """What a person may set for themselves."""
    person = g.session.get_one(Person, g.who.person_id)
    silent = {name for name, one in words.REMINDERS.items() if wants_none(g.session, person.id, one.kind)}
    return render_template(
        "people/pages/settings.html", words=words, name=person.name, city=shared.city(person.tz), silent=silent,
        notices=any(topic.channel == "account_subscription" for topic in g.topics),
    )  # fmt: skip


@ROOM.post("/settings/size")
def size() -> Answer:
    """The larger size (长辈版), or the standard one again."""
    g.session.get_one(Person, g.who.person_id).large_type = request.form.get("large") == "1"
    return redirect(url_for(".settings"), 303)


@ROOM.post("/settings/reminders")
def reminders() -> Answer:
    """No reminders of calls (or of visits) from now on, or reminders again; what changes is told in any case."""
    of = words.REMINDERS.get(request.form.get("of", "calls"))
    if of is None:
        raise Refused("wrong_state")
    wish(g.session, g.who.person_id, of.kind, silent=request.form.get("silent") == "1", now=g.now)
    return redirect(url_for(".settings"), 303)


@ROOM.post("/settings/leave")
def leave() -> Answer:
    """Every session of this person is over, on whatever phone."""
    end_sessions(g.session, g.who.person_id, g.now)
    cookie.clear()
    g.who = None
    return make_response(render_template("told.html", sentence=words.LEFT, again="/m/enter"))
