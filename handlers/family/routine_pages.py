"""What fills a person's days, on pages: when who is called eats, naps and goes to market, and one's own nights."""

from collections.abc import Sequence
from datetime import time

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as Answer

from handlers.family import routine_words as words
from handlers.family.routines import MARKET
from handlers.words import WEEKDAYS
from models.errors import Refused
from models.family.routines import KINDS, MOST_SPANS, Habit, codes, days_for, put_habits, written_of

ROOM = Blueprint("routines", __name__, template_folder="templates")
SPANS = {"meal": 3, "sleep": 1, "nap": 1, "market": 1, "work": 2, "school": 2}  # for so many is there room at least
BY_WEEKDAY, BY_MONTH_END = ("market", "work"), ("market",)


@ROOM.get("/family/routines/<int:person>")
def one(person: int) -> str:
    """What fills somebody's days as far as we know, and what of it can be changed."""
    days = days_for(g.session, g.who, person)
    habits = days.known(g.session)
    rows = [
        (kind, words.KINDS[kind], [words.only_when(one, words.NEVER[kind]) for one in habits if one.kind == kind])
        for kind in days.kinds
    ]
    return render_template(
        "family/pages/routines.html", words=words, days=days, rows=rows, own=days.role == "self",
        told=words.TOLD if "told" in request.args else "",
    )  # fmt: skip


@ROOM.get("/family/routines/<int:person>/<kind>")
def form(person: int, kind: str) -> str:
    """From when to when, filled in as it is known."""
    return _form(person, kind, _known(person, kind))


@ROOM.post("/family/routines/<int:person>/<kind>")
def save(person: int, kind: str) -> Answer | tuple[str, int]:
    """Written down; later times that are offered keep clear of it."""
    _check(person, kind)
    try:
        habits = read(kind, request.form)
    except Refused:
        bad = words.PAGE_BAD_MARKET if kind == "market" else words.PAGE_BAD.format(never=words.NEVER[kind])
        return _form(person, kind, (), bad), 422
    try:
        put_habits(g.session, g.who, person, kind, habits, g.now, request.form.get("seen"))
    except Refused as refusal:
        if refusal.code != "stale":
            raise
        return _form(person, kind, _known(person, kind), words.PAGE_CHANGED, typed=False), 409
    return redirect(url_for(".one", person=person, told=1), 303)


def read(kind: str, sent: "MultiDict[str, str]") -> list[Habit]:
    """What the form says; raises Refused("bad_routine") for half a span, for none at all, and for what is no time."""
    if sent.get("is") == "never":
        return [Habit(kind, time(0), time(0))]
    pairs = [(sent.get(f"from{n}", ""), sent.get(f"until{n}", "")) for n in range(MOST_SPANS)]
    spans = [(_clock(begins), _clock(ends)) for begins, ends in pairs if begins or ends]
    weekdays = "".join(sorted(set(sent.getlist("weekday")))) if kind in BY_WEEKDAY else ""
    month_ends = "".join(sorted(set(sent.getlist("end")))) if kind in BY_MONTH_END else ""
    if kind == "market" and not (weekdays or month_ends):
        raise Refused("bad_routine")
    if kind == "market" and not spans:
        spans = [MARKET]
    if not spans or any(begins == ends for begins, ends in spans):
        raise Refused("bad_routine")
    return [Habit(kind, begins, ends, weekdays, month_ends) for begins, ends in spans]


def _clock(text: str) -> time:
    try:
        return time.fromisoformat(text).replace(second=0, microsecond=0, tzinfo=None)
    except ValueError as error:
        raise Refused("bad_routine") from error


def _check(person: int, kind: str) -> None:
    """Raises Refused("not_yours") for whose days, or what of them, is not one's to say."""
    if kind not in KINDS or kind not in days_for(g.session, g.who, person).kinds:
        raise Refused("not_yours")


def _known(person: int, kind: str) -> list[Habit]:
    return [one for one in days_for(g.session, g.who, person).known(g.session) if one.kind == kind]


def _form(person: int, kind: str, habits: Sequence[Habit], error: str = "", *, typed: bool = True) -> str:
    """The form as it is known, or with what was `typed` where that cannot be read."""
    _check(person, kind)
    days, sent = days_for(g.session, g.who, person), request.form if typed else MultiDict[str, str]()
    standing = codes(written_of(g.session, person).get(kind, []))
    known = [one for one in habits if one.begins != one.ends]
    spans = [(f"{one.begins:%H:%M}", f"{one.ends:%H:%M}") for one in known]
    if error and typed:
        pairs = [(sent.get(f"from{n}", ""), sent.get(f"until{n}", "")) for n in range(MOST_SPANS)]
        spans = [pair for pair in pairs if any(pair)]
    spans += [("", "")] * (SPANS[kind] - len(spans))
    chosen = set(sent.getlist("weekday") + [f"e{end}" for end in sent.getlist("end")])
    for habit in known:
        chosen |= {*habit.weekdays, *(f"e{end}" for end in habit.month_ends)}
    return render_template(
        "family/pages/routine.html", words=words, days=days, kind=kind, own=days.role == "self", error=error,
        seen=sent.get("seen", standing), spans=spans, never=bool(habits) and not known, chosen=chosen,
        weekdays=[(str(n), f"周{sign}") for n, sign in enumerate(WEEKDAYS, start=1)] if kind in BY_WEEKDAY else (),
        ends=words.END_NAMES.items() if kind in BY_MONTH_END else (),
    )  # fmt: skip
