"""Series of calls on pages: begun from one call, seen on both clocks before anything is booked, changed, ended."""

import secrets
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as Answer

from handlers.family import page_words, series_words, wishing, words
from handlers.family.moments import day_of
from handlers.family.pages import KEY, both, name_of, told
from handlers.family.series_dates import clock_of, half_hours
from handlers.typed import key_in
from models.errors import Refused
from models.family.calls import FamilyCall, calls_led, led_by, with_roles
from models.family.editing import Edit, edit, skip, take_up
from models.family.occurrences import LIVE, occurrence_for
from models.family.recurring import Rule, read
from models.family.repeating import Glance, Wish, begin, glances, try_out
from models.family.resting import cancel_all, prolong, restore, resume, suspend
from models.family.series import ON_HOLIDAYS, Series, series_for, series_of
from models.people.identities import Who
from models.people.persons import Person

ROOM = Blueprint("series", __name__, template_folder="templates")
BIRTHDAY = "birthday"
STARTS_SHOWN = 5


@ROOM.get("/series")
def mine() -> str:
    """The series that go on or rest, and the coming calls from which one can begin."""
    rows = [(one, head_of(one)) for one in series_of(g.session, g.who)]
    calls = calls_led(g.session, g.who, g.now)[:STARTS_SHOWN]
    starts = [(one.call, one.cared.name, both(one.call.starts_at)) for one in with_roles(g.session, g.who, calls)]
    return render_template(
        "family/pages/series.html",
        words=page_words,
        rows=rows,
        starts=starts,
        states=series_words.STATES,
    )


@ROOM.get("/series/of/<int:call>")
def rules(call: int) -> str:
    """How the call is to come again: a rule, what of holidays, for how long."""
    return _form(call)


@ROOM.post("/series/of/<int:call>")
def check(call: int) -> str | tuple[str, int]:
    """The series as it would be, each date on both clocks with its conflicts, before anything is booked."""
    try:
        rule = _rule()
    except Refused:
        error = series_words.BAD_BIRTHDAY if request.form.get("rule") == BIRTHDAY else page_words.PICK_RULE
        return _form(call, error), 422
    if "edit" in request.form:
        return _form(call)
    found, _ = led_by(g.session, g.who, call)
    wish = _wish(found, rule)
    seen = try_out(g.session, g.who, wish, client_key=f"try:{secrets.token_hex(12)}", now=g.now, call=found)
    return render_template(
        "family/pages/series_check.html", words=page_words, call=call, sent=_sent(), key=secrets.token_hex(12),
        facts=_facts(wish.relative_id, wish.cared_id, rule, wish.at, wish.last_day, wish.on_holidays),
        dates=dates_of(seen, wish.relative_id), unknown=series_words.unknown(seen),
        nothing=series_words.NO_DATES,
    )  # fmt: skip


@ROOM.post("/series/of/<int:call>/begin")
def new(call: int) -> Answer:
    """Begun; the same form again, a double tap, leads to the same series."""
    key = request.form.get("key", "")
    if not KEY.fullmatch(key):
        return redirect(url_for(".rules", call=call), 303)
    rule, (found, _) = _rule(), led_by(g.session, g.who, call)
    wish = _wish(found, rule)
    made = begin(g.session, g.who, wish, client_key=f"page:{key}", now=g.now, call=found)
    return to_series(made.id, "begun")


@ROOM.get("/series/<int:series>")
def one(series: int) -> str:
    """One series: its rule, its next dates, and what can be done with it."""
    found, _ = series_for(g.session, g.who, series)
    ahead = glances(g.session, found, g.now) if found.state == "active" else []
    kept = request.args.get("kept", "")
    return render_template(
        "family/pages/series_one.html", words=page_words, series=found, head=head_of(found), told=told(),
        until=f"{wishing.half_year_more(found, g.now):%Y%m%d}",
        kept=series_words.KEPT.format(kept=int(kept)) if kept.isdecimal() and len(kept) < 4 and int(kept) else "",
        facts=_facts(found.relative_id, found.cared_id, found.recurs, found.at, found.last_day, found.on_holidays),
        state=series_words.STATES[found.state], dates=dates_of(ahead, found.relative_id),
        unknown=series_words.unknown(ahead), nothing=series_words.NO_DATES,
        others=[(key, series_words.CHANGE_HOLIDAYS[key]) for key in ON_HOLIDAYS if key != found.on_holidays],
    )  # fmt: skip


@ROOM.post("/series/<int:series>/holidays")
def set_holidays(series: int) -> Answer:
    """Holidays are kept otherwise from now on."""
    edit(g.session, g.who, series, Edit(on_holidays=request.form.get("kept", "")), g.now)
    return to_series(series, "changed")


@ROOM.get("/series/<int:series>/time")
def ask_time(series: int) -> str:
    """At what hour instead: of all to come, or from one date on (`since`)."""
    found, first = _since(series, request.args.get("since", ""))
    near = first[1] if first else next((one.starts_at for one in glances(g.session, found, g.now)), g.now)
    zone = g.session.get_one(Person, found.relative_id).time_zone
    day = series_words.on_the_day(near)
    hours = [
        (f"{at.astimezone(found.tz):%H%M}", both(at, zone).replace(day, "", 1))
        for at in half_hours(g.session, found, near)
    ]
    lead = page_words.RETIME_LEAD if first is None else series_words.FROM_THEN.format(
        day=series_words.on_the(first[1])) + "。"  # fmt: skip
    return render_template(
        "family/pages/series_time.html", words=page_words, series=found, head=head_of(found), lead=lead, hours=hours,
        since=request.args.get("since", ""), nothing=series_words.NO_TIMES,
    )  # fmt: skip


@ROOM.post("/series/<int:series>/time")
def set_time(series: int) -> Answer:
    """The hour is changed; dates whose new time is taken keep the old one, and the page says how many."""
    _, first = _since(series, request.form.get("since", ""))
    wanted = Edit(at=clock_of(request.form.get("clock", "")))
    outcome = edit(g.session, g.who, series, wanted, g.now, since=first[0] if first else None)
    return to_series(series, "changed", kept=outcome.kept or None)


@ROOM.get("/series/<int:series>/end")
def ask_end(series: int) -> str:
    """Asks once more, and says how many calls are off then."""
    found, _ = series_for(g.session, g.who, series)
    booked = [one for one in glances(g.session, found, g.now, 20) if one.state in ("booked", "moved")]
    return render_template(
        "family/pages/series_end.html", words=page_words, series=found, count=len(booked),
        cared=name_of(found.cared_id), head=head_of(found), rests=found.state == "suspended",
    )  # fmt: skip


def _longer(session: Session, who: Who, series: int, now: datetime) -> None:
    """Until the day that the page has shown, so that a second tap adds nothing."""
    found, _ = series_for(session, who, series)
    until = day_of(request.form.get("until", ""))
    if until != found.last_day:
        prolong(session, who, series, until, now)


# What one tap does to a whole series, and what the page says then.
DEEDS: Mapping[str, tuple[Callable[[Session, Who, int, datetime], Any], str]] = {
    "rest": (suspend, "rests"), "go": (resume, "goes_on"), "end": (cancel_all, "ended"),
    "restore": (restore, "restored"), "longer": (_longer, "longer"),
}  # fmt: skip


@ROOM.post("/series/<int:series>/<any(rest, go, end, restore, longer):deed>")
def done(series: int, deed: str) -> Answer:
    """It rests, goes on, is over, is taken up again, or goes on until the day that the page named; twice is once."""
    act, said = DEEDS[deed]
    act(g.session, g.who, series, g.now)
    return to_series(series, said)


@ROOM.get("/series/dates/<int:day>")
def one_date(day: int) -> str:
    """One date, and what can be done with it alone."""
    found, series, role = occurrence_for(g.session, g.who, day)
    glance = Glance(found.starts_at, found.state, found.reason, found.calendar_known, found.id)
    ahead = found.starts_at > g.now and series.state == "active"
    return render_template(
        "family/pages/series_date.html", words=page_words, date=found, series=series, told=told(), ahead=ahead,
        live=found.state in LIVE, time=both(found.starts_at, g.session.get_one(Person, series.relative_id).time_zone),
        state=series_words.state_of(glance), head=head_of(series), reasons=words.OF_A_CADRE if role == "cadre" else (),
    )  # fmt: skip


@ROOM.post("/series/dates/<int:day>/skip")
def leave_out(day: int) -> Answer:
    """This one is left out, and no other."""
    skip(g.session, g.who, day, request.form.get("reason", ""), g.now)
    return redirect(url_for(".one_date", day=day, told="skipped"), 303)


@ROOM.post("/series/dates/<int:day>/again")
def again(day: int) -> Answer:
    """Taken up again, or it still cannot be."""
    found = take_up(g.session, g.who, day, g.now)
    said = "taken_up" if found.state in LIVE else "not_taken_up"
    return redirect(url_for(".one_date", day=day, told=said), 303)


def _form(call: int, error: str = "") -> str:
    found, _ = led_by(g.session, g.who, call)
    local = wishing.local_start(g.session, found)
    options = [(rule.code, series_words.repeats(rule)) for rule in wishing.rules_from(local)]
    more = [(rule.code, series_words.feast(rule)) for rule in wishing.feasts()]
    zone = g.session.get_one(Person, found.relative_id).time_zone
    lead = page_words.RULE_LEAD.format(
        time=series_words.at_both(found.starts_at, zone), cared=name_of(found.cared_id),
        clock=series_words.clock(local.time()),
    )  # fmt: skip
    return render_template(
        "family/pages/series_rules.html", words=page_words, call=call, lead=lead, options=options, more=more,
        error=error, chosen=_sent(), holidays=series_words.CHANGE_HOLIDAYS, birthday=BIRTHDAY,
    )  # fmt: skip


def _sent() -> dict[str, str]:
    """What the form says, to be carried on."""
    return {name: request.form.get(name, "") for name in ("rule", "birthday", "kept", "months")}


def _rule() -> Rule:
    """The rule that the form asks for; raises Refused("bad_repeat")."""
    asked = request.form.get("rule", "")
    return wishing.birthday(request.form.get("birthday", "")) if asked == BIRTHDAY else read(asked)


def _wish(call: FamilyCall, rule: Rule) -> Wish:
    """From that call on, for as long and with such holidays as the form says."""
    months = wishing.months_for(rule, request.form.get("months", ""))
    return wishing.wish_from(g.session, call, rule, request.form.get("kept", ""), months, g.now)


def _since(series: int, asked: str) -> tuple[Series, tuple[date, datetime] | None]:
    """The series, and the day and start of the date from which on it is to change; None where that is all to come."""
    found, _ = series_for(g.session, g.who, series)
    if not asked:
        return found, None
    first, of, _ = occurrence_for(g.session, g.who, key_in(asked) or 0)
    if of.id != series:
        raise Refused("not_yours")
    return found, (first.day, first.starts_at)


def head_of(series: Series) -> str:
    """A series as the heading of a page."""
    return f"{name_of(series.cared_id)} · {series_words.repeats(series.recurs)} {series_words.clock(series.at)}"


def _facts(relative: int, cared: int, rule: Rule, at: time, last_day: date | None, kept: str) -> list[tuple[str, str]]:
    return [
        (page_words.WITH_WHOM, f"{name_of(cared)}、{name_of(relative)}"),
        (page_words.EVERY, series_words.repeats(rule)), (page_words.AT, series_words.clock(at)),
        (page_words.UNTIL_WHEN, series_words.span(last_day)), (page_words.HOLIDAYS, series_words.ON_HOLIDAYS[kept]),
    ]  # fmt: skip


def dates_of(seen: list[Glance], relative: int) -> list[tuple[int | None, str, str, bool]]:
    """Each date: its key where it has a row, its time on both clocks, what is not as usual, whether it takes place."""
    zone = g.session.get_one(Person, relative).time_zone
    return [
        (one.occurrence_id, both(one.starts_at, zone) + ("" if one.calendar_known else "*"), series_words.notes(one),
         series_words.takes_place(one))
        for one in seen
    ]  # fmt: skip


def to_series(series: int, done: str, **more: Any) -> Answer:
    """On to the page of the series, which says what was done."""
    return redirect(url_for("pages.series.one", series=series, told=done, **more), 303)
