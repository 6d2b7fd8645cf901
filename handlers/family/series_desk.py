"""Series of calls at the staff desk: which there are below a cadre's areas, one with its dates, and what is done."""

from datetime import date, timedelta

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from handlers import desk, happened
from handlers.family import series_words, wishing, words
from handlers.family.series_dates import clock_of
from models.errors import Refused
from models.family import resting
from models.family.editing import Edit, edit, skip, take_up, try_edit
from models.family.looking import one_series, series_below
from models.family.occurrences import LIVE, Occurrence, coming, occurrence_for
from models.family.recurring import read
from models.family.repeating import glances
from models.family.series import SERIES, Series, locked

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


@ROOM.post("/<int:series>/change")
def check(series: int) -> str:
    """The dates as they would be from a day on, by another rule or at another hour, before anything changes."""
    row = one_series(desk.session(), desk.who(), series)
    wanted, since = _wanted(row.Series)
    seen, outcome = try_edit(desk.session(), desk.who(), series, wanted, desk.now(), since)
    rule, at = wanted.rule or row.Series.recurs, wanted.at or row.Series.at
    return render_template(
        "series/desk_check.html", row=row, series=row.Series, words=series_words, since=since, rule=rule, at=at,
        dates=seen, outcome=outcome, zone=row.relative_zone, takes_place=series_words.takes_place,
        sent={"since": since.isoformat(), "rule": wanted.rule.code if wanted.rule else "", "at": f"{at:%H:%M}",
              "seen": _seen(row.Series)},
        unknown=series_words.unknown(seen),
    )  # fmt: skip


@ROOM.post("/<int:series>/changed")
def turned(series: int) -> Response:
    """So it is from that day on, where the series is still as the page showed it; the family hears of it."""
    one_series(desk.session(), desk.who(), series)
    found = locked(desk.session(), series)
    if desk.typed("seen") != _seen(found):
        raise Refused("stale", subject=found.subject)
    rule, since = read(desk.typed("rule")) if desk.typed("rule") else None, _day("since")
    wanted = Edit(rule=rule, at=clock_of(desk.typed("at").replace(":", "")))
    outcome = edit(desk.session(), desk.who(), series, wanted, desk.now(), since)
    desk.note("series_edit", found.subject, set=found.rule)
    return desk.back_to("console.series.one", "series_kept" if outcome.kept else "series_edit", series=series)


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


def changed(subject: str) -> str:
    """What has been done to a series since a page showed it."""
    return series_words.CHANGED.format(what=happened.last(desk.session(), subject, series_words.VERBS, desk.now()))


def _seen(series: Series) -> str:
    """How the series stands, as a form keeps it."""
    return f"{series.state}.{series.rule}.{series.at:%H%M}.{series.anchor}"


def _wanted(series: Series) -> tuple[Edit, date]:
    """What the form wants, and from which day on; that day says which day of the week or month a rule means."""
    since, how = _day("since"), desk.typed("how")
    rule = None
    if how == "birthday":
        rule = wishing.birthday(desk.typed("birthday"))
    elif how in series_words.HOWS:
        rule = dict(zip(series_words.HOWS, wishing.rules_from(since), strict=True))[how]
    elif how:
        rule = read(how)
    at = clock_of(desk.typed("at").replace(":", "")) if desk.typed("at") else series.at
    return Edit(rule=rule, at=at), since


def _day(key: str) -> date:
    try:
        return date.fromisoformat(desk.typed(key))
    except ValueError as error:
        raise Refused("bad_time") from error


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
        tomorrow=now.astimezone(series.tz).date() + timedelta(days=1), feasts=wishing.feasts(),
        story=happened.lines(session, series.subject, series_words.VERBS, shown=shown),
    )  # fmt: skip
