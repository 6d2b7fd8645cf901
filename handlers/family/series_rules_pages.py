"""Another rule for a series, on pages: from which day on, by which rule, each date seen before anything changes."""

from datetime import date

from flask import Blueprint, g, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from handlers.family import page_words, series_words, wishing
from handlers.family.moments import day_of
from handlers.family.series_pages import BIRTHDAY, dates_of, head_of, to_series
from handlers.family.series_rules import first_days, from_when, wanted
from handlers.typed import key_in
from handlers.words import on_day
from models.errors import Refused
from models.family.editing import edit, try_edit
from models.family.recurring import Rule, read
from models.family.series import Series, series_for

ROOM = Blueprint("series_rule", __name__, template_folder="templates")


@ROOM.get("/series/<int:series>/days")
def days(series: int) -> str:
    """On which day the new rule begins, of those on which the centre is open."""
    found, _, earliest = _from(series)
    shown = [(f"{day:%Y%m%d}", on_day(day)) for day in first_days(g.session, found, earliest)]
    return render_template(
        "family/pages/series_days.html", words=page_words, series=found, days=shown, since=_since(),
        lead=series_words.PICK_DAY.format(rule=series_words.repeats(found.recurs)), nothing=series_words.NO_TIMES,
    )  # fmt: skip


@ROOM.get("/series/<int:series>/rule")
def rules(series: int) -> str:
    """By which rule from that day on."""
    return _form(series)


@ROOM.post("/series/<int:series>/rule")
def check(series: int) -> str | tuple[str, int]:
    """The dates as they would be and what is off then, before anything changes."""
    try:
        rule = _rule()
    except Refused:
        error = series_words.BAD_BIRTHDAY if request.form.get("rule") == BIRTHDAY else page_words.PICK_RULE
        return _form(series, error), 422
    found, start, _ = _from(series)
    change, begins = wanted(rule, day_of(_day()), start)
    seen, outcome = try_edit(g.session, g.who, series, change, g.now, begins)
    return render_template(
        "family/pages/series_rule_check.html", words=page_words, series=found, head=head_of(found),
        sent={"since": _since(), "day": _day(), "rule": rule.code}, dates=dates_of(seen, found.relative_id),
        facts=[(page_words.FROM_DAY, on_day(begins)), (page_words.EVERY, series_words.repeats(rule)),
               (page_words.AT, series_words.clock(found.at))],
        off=series_words.off(outcome.off), unknown=series_words.unknown(seen), nothing=series_words.NO_DATES,
        again=url_for(".rules", series=series, since=_since(), day=_day()),
    )  # fmt: skip


@ROOM.post("/series/<int:series>/turn")
def turn(series: int) -> Answer:
    """The rule is another from that day on; the same form again changes nothing more."""
    _, start, _ = _from(series)
    change, begins = wanted(_rule(), day_of(_day()), start)
    outcome = edit(g.session, g.who, series, change, g.now, begins)
    return to_series(series, "changed", kept=outcome.kept or None)


def _form(series: int, error: str = "") -> str:
    found, _, _ = _from(series)
    first = day_of(_day())
    return render_template(
        "family/pages/series_turn.html", words=page_words, series=found, since=_since(), day=_day(), error=error,
        lead=series_words.PICK_OTHER_RULE.format(day=on_day(first), clock=series_words.clock(found.at)),
        options=[(rule.code, series_words.repeats(rule)) for rule in wishing.rules_from(first)],
        more=[(rule.code, series_words.feast(rule)) for rule in wishing.feasts()], birthday=BIRTHDAY,
        chosen={name: request.form.get(name, "") for name in ("rule", "birthday")},
    )  # fmt: skip


def _rule() -> Rule:
    """The rule that the form asks for; raises Refused("bad_repeat")."""
    asked = request.form.get("rule", "")
    return wishing.birthday(request.form.get("birthday", "")) if asked == BIRTHDAY else read(asked)


def _from(series: int) -> tuple[Series, date | None, date]:
    since, (found, _) = _since(), series_for(g.session, g.who, series)
    key = key_in(since or "0")
    if key is None:
        raise Refused("not_yours")
    return from_when(g.session, g.who, series, key, g.now.astimezone(found.tz).date())


def _since() -> str:
    return str(request.values.get("since", ""))


def _day() -> str:
    return str(request.values.get("day", ""))
