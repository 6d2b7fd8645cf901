"""审核 at the staff desk: the versions that wait, one beside what is in force, and the decision with its reason."""

from datetime import date, time
from typing import Any

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from handlers import desk, happened
from handlers.ordering import catalogue_words, desk_words, words
from handlers.ordering.fitting import area_names
from models.errors import Refused
from models.ordering.queue import beside, check_round, look
from models.ordering.queue import one as version_row
from models.ordering.review import decide, writers_of
from models.ordering.versions import VERSION, ListingVersion

ROOM = Blueprint("review", __name__, url_prefix="/review", template_folder="templates")
DECISIONS = {"approve": "approved", "return": "returned", "reject": "rejected"}
_NAMED = {
    "category": words.CATEGORY_NAMES, "audience": catalogue_words.AUDIENCES, "mode": catalogue_words.MODES,
    "capacity_per": catalogue_words.CAPACITY_PER, "quota_per": catalogue_words.QUOTA_PER,
}  # fmt: skip


@ROOM.get("/")
def listed() -> str:
    """What waits for this person's review."""
    found = look(desk.session(), desk.who(), desk.cursor())
    return render_template("review/desk_list.html", found=found, words=words, desk_words=desk_words)


@ROOM.get("/<int:version>")
def one(version: int) -> str:
    """One version and what changed against the one in force."""
    session = desk.session()
    row = version_row(session, desk.who(), version)
    found: ListingVersion = row.ListingVersion
    places = area_names(session, found.rules)
    changed = [
        (catalogue_words.COLUMNS[term], _said(term, before, places), _said(term, after, places))
        for term, before, after in beside(session, found)
    ] if found.state == "submitted" else []  # fmt: skip
    own = desk.who().person_id in writers_of(session, found)
    return render_template(
        "review/desk_one.html", row=row, version=found, words=words, states=catalogue_words.VERSION_STATES, own=own,
        changed=changed, waits=found.state == "submitted",
        happened=happened.lines(session, VERSION.subject(found), desk_words.VERSION_VERBS),
    )  # fmt: skip


@ROOM.post("/<int:version>/decide")
def decided(version: int) -> Response:
    """Approved, returned or rejected; only what has been read is decided on."""
    session, verb = desk.session(), desk.typed("verb")
    version_row(session, desk.who(), version)
    check_round(session, version, desk.number("seen", form=True) or 0)
    if verb not in DECISIONS:
        raise Refused("wrong_state")
    decide(session, desk.who(), version, verb, desk.typed("why"), desk.now())
    desk.note(f"version_{verb}", f"version:{version}")
    return desk.back_to("console.review.one", DECISIONS[verb], version=version)


def changed(subject: str) -> str:
    """What has happened to a version since a page showed it."""
    what = happened.last(desk.session(), subject, desk_words.VERSION_VERBS, desk.now())
    return desk_words.CHANGED_VERSION.format(what=what)


def _said(term: str, value: Any, places: dict[str, str]) -> str:
    """One term as a reviewer reads it; "" where nothing is said."""
    if value is None or value in ("", []):
        return ""
    if term in _NAMED:
        return _NAMED[term][value]
    if term == "rules":
        return catalogue_words.who_may(value, places)
    if term == "questions":
        return "；".join(str(question["description"]) for question in value)
    if isinstance(value, time):
        return f"{value:%H:%M}"
    if isinstance(value, date):
        return value.isoformat()
    return "、".join(value) if isinstance(value, list) else str(value)
