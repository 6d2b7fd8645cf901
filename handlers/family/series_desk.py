"""Series of calls at the staff desk: which there are below a cadre's areas, one with its dates, and what is done."""

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from handlers import desk, happened
from handlers.family import series_words, words
from models.errors import Refused
from models.family import resting
from models.family.editing import skip, take_up
from models.family.looking import one_series, series_below
from models.family.occurrences import LIVE, Occurrence, coming, occurrence_for
from models.family.repeating import glances
from models.family.series import SERIES, Series

ROOM = Blueprint("series", __name__, url_prefix="/series", template_folder="templates")
# What a button does to a whole series; in which states it stands there, the life of a series says.
DEEDS = {
    "suspend": resting.suspend, "resume": resting.resume, "cancel": resting.cancel_all, "restore": resting.restore,
}  # fmt: skip


@ROOM.get("/")
def listed() -> str:
    """The series below this cadre's areas, the newest first."""
    state = desk.asked("state", series_words.STATES) or "active"
    found = series_below(desk.session(), desk.who(), state, desk.cursor())
    return render_template("series/desk_list.html", found=found, state=state, words=series_words)


@ROOM.get("/<int:series>")
def one(series: int) -> str:
    """One series with its next dates, and what can be done with it."""
    return _whole(series)


@ROOM.post("/<int:series>/reveal")
def reveal(series: int) -> str:
    """The same with names, for a reason."""
    one_series(desk.session(), desk.who(), series)
    desk.reveal(f"series:{series}")
    return _whole(series, shown=True)


@ROOM.post("/<int:series>/<any(suspend, resume, cancel, restore):deed>")
def done(series: int, deed: str) -> Response:
    """It rests, goes on, is over or is taken up again; the family hears of it in one letter."""
    one_series(desk.session(), desk.who(), series)
    DEEDS[deed](desk.session(), desk.who(), series, desk.now())
    desk.note(f"series_{deed}", f"series:{series}")
    return desk.back_to("console.series.one", f"series_{deed}", series=series)


@ROOM.post("/dates/<int:day>/skip")
def leave_out(day: int) -> Response:
    """One date does not take place, for a reason that the family reads."""
    found, series = _below(day)
    skip(desk.session(), desk.who(), found.id, desk.typed("reason"), desk.now())
    desk.note("series_skip", f"occurrence:{day}")
    return desk.back_to("console.series.one", "series_skip", series=series.id)


@ROOM.post("/dates/<int:day>/again")
def again(day: int) -> Response:
    """One date is taken up again, where its time can still be had."""
    found, series = _below(day)
    taken = take_up(desk.session(), desk.who(), found.id, desk.now())
    desk.note("series_again", f"occurrence:{day}")
    return desk.back_to("console.series.one", "series_again" if taken.state in LIVE else "series_not", series=series.id)


def _below(day: int) -> tuple[Occurrence, Series]:
    """The date, for a cadre over the elder's village: a desk acts in office only."""
    found, series, role = occurrence_for(desk.session(), desk.who(), day)
    if role != "cadre":
        raise Refused("not_yours")
    return found, series


def _whole(key: int, *, shown: bool = False) -> str:
    session, now = desk.session(), desk.now()
    row = one_series(session, desk.who(), key)
    series = row.Series
    calls = {one.id: one.call_id for one in coming(session, series, now)}
    dates = [(one, calls.get(one.occurrence_id or 0)) for one in glances(session, series, now)]
    return render_template(
        "series/desk_one.html", row=row, series=series, shown=shown, words=series_words, call_words=words,
        dates=dates if series.state == "active" else [], takes_place=series_words.takes_place, zone=row.relative_zone,
        deeds=[(deed, series_words.DEEDS[deed]) for deed in DEEDS if series.state in SERIES.by_name[deed].sources],
        told_why=words.OF_A_CADRE, unknown=series_words.unknown([one for one, _ in dates]),
        story=happened.lines(session, series.subject, series_words.VERBS, shown=shown),
    )  # fmt: skip
