"""Series of calls for the mini-program: tried out, begun, changed, rested, ended; single dates left out and back."""

from datetime import date, time
from typing import Annotated, Any, Literal

from apiflask import APIBlueprint
from flask import g
from pydantic import Field

from handlers.envelope import NO_NUL, Asked, ClientKey, Instant, Key, Shown, refusing, said
from handlers.family import series_words as words
from handlers.family.api import BOOKING, Alternatives, MoveAsked
from models.family.editing import Edit, edit, move_one, skip, take_up
from models.family.occurrences import occurrence_for
from models.family.recurring import read
from models.family.repeating import Glance, Wish, begin, glances, try_out
from models.family.resting import cancel_all, prolong, restore, resume, suspend
from models.family.series import Series, series_for, series_of
from models.people.persons import Person

room = APIBlueprint("series", __name__, tag="series")

BEGINNING = (
    "no_link", "not_active", "consent_withdrawn", "no_centre", "no_station", "not_yours", "bad_repeat",
    "overlaps_itself", "series_there",
)  # fmt: skip
PARTED = ("not_active", "no_link", "consent_withdrawn", "guardian_missing", "not_together")  # who may call no more
CHANGING = ("not_yours", "wrong_state", "bad_repeat", "overlaps_itself", "series_there")
Rule = Annotated[str, Field(pattern=r"^[a-z]{2,8}(-[a-z0-9L]{1,8}){1,8}$")]
Holidays = Literal["skip", "shift", "keep"]


class WishAsked(Asked):
    """What is wanted. `rule` is "week-1-7" (every Sunday), "month-1-15", "nth-5-7" (the last Sunday), "lunar-1-15",
    "birthday-8-15" (lunar; a leap month as "6L") or "feast-all"; `at` is the centre's clock."""

    person_id: Key  # the elder or child
    rule: Rule
    at: time
    first_day: date
    last_day: date | None = None
    on_holidays: Holidays = "skip"


class BeginAsked(WishAsked):
    """The same, to be begun. `client_key` makes it one however often it is sent."""

    client_key: ClientKey


class ChangeAsked(Asked):
    """What is to be otherwise: the rule, the hour, the holidays; from `since` on, or all to come."""

    rule: Rule | None = None
    at: time | None = None
    on_holidays: Holidays | None = None
    since: date | None = None


class LongerAsked(Asked):
    """Until when instead."""

    last_day: date


class SkipAsked(Asked):
    """Why; the others read it."""

    reason: Annotated[str, Field(max_length=200, pattern=NO_NUL)] = ""


class DateShown(Shown):
    """One date. `id` is there once it has a row of its own; `text` is it on both clocks with what is not as usual."""

    id: int | None
    starts_at: Instant
    text: str
    state: str
    reason: str
    calendar_known: bool


class Dates(Shown):
    """Dates in order of time."""

    items: list[DateShown]
    next: int | None = None


class SeriesShown(Shown):
    """One series with its next dates; `kept` counts those whose new time was taken, after a change."""

    id: int
    with_name: str
    relative: str
    role: str
    rule: str
    rule_text: str
    at: str
    zone: str
    first_day: date
    last_day: date | None
    on_holidays: str
    state: str
    state_text: str
    dates: list[DateShown]
    kept: int = 0


class ManySeries(Shown):
    """A list of series, the newest first."""

    items: list[SeriesShown]
    next: int | None = None


@room.get("/series")
@room.output(ManySeries)
def mine() -> Any:
    """The series that go on or rest: mine, and those of the residents below my areas."""
    found = series_of(g.session, g.who)
    return said(ManySeries(items=[_shown(one, series_for(g.session, g.who, one.id)[1]) for one in found]))


@room.get("/series/dates")
@room.input(WishAsked, location="query")
@room.output(Dates)
@room.doc(responses=refusing(*BEGINNING))
def tried(query_data: WishAsked) -> Any:
    """The dates that a series would have, each with its conflict, before anything is booked."""
    wish = _wish(query_data)
    seen = try_out(g.session, g.who, wish, client_key=f"try:{g.who.person_id}", now=g.now)
    return said(Dates(items=[_date(one, _zone(wish.relative_id)) for one in seen]))


@room.post("/series")
@room.input(BeginAsked)
@room.output(SeriesShown, status_code=201)
@room.doc(responses=refusing(*BEGINNING))
def new(json_data: BeginAsked) -> Any:
    """Begin a series with a person who is linked to me: its nearest calls are booked at once."""
    made = begin(g.session, g.who, _wish(json_data), client_key=json_data.client_key, now=g.now)
    return said(_shown(made, "relative"))


@room.get("/series/<key:number>")
@room.output(SeriesShown)
@room.doc(responses=refusing("not_yours"))
def one(number: int) -> Any:
    """One series with its next dates."""
    return said(_shown(*series_for(g.session, g.who, number)))


@room.post("/series/<key:number>/change")
@room.input(ChangeAsked)
@room.output(SeriesShown)
@room.doc(responses=refusing(*CHANGING))
def changed(number: int, json_data: ChangeAsked) -> Any:
    """Change all calls to come, or those from a day on; the past, and what has a time of its own, stays."""
    wanted = Edit(
        rule=read(json_data.rule) if json_data.rule else None, at=json_data.at, on_holidays=json_data.on_holidays
    )  # fmt: skip
    outcome = edit(g.session, g.who, number, wanted, g.now, since=json_data.since)
    return said(_shown(*series_for(g.session, g.who, number), kept=outcome.kept))


@room.post("/series/<key:number>/prolong")
@room.input(LongerAsked)
@room.output(SeriesShown)
@room.doc(responses=refusing("not_yours", "wrong_state", "bad_repeat", *PARTED))
def longer(number: int, json_data: LongerAsked) -> Any:
    """Let it go on until another day; one that has run out begins again."""
    prolong(g.session, g.who, number, json_data.last_day, g.now)
    return said(_shown(*series_for(g.session, g.who, number)), words.PROLONGED.format(
        until=words.span(json_data.last_day)))  # fmt: skip


_VERBS = {
    "suspend": (suspend, words.RESTS),
    "resume": (resume, ""),
    "cancel": (cancel_all, words.ENDED),
    "restore": (restore, ""),
}


def _verb(verb: str, act: Any, text: str) -> None:
    @room.post(f"/series/<key:number>/{verb}", endpoint=verb)
    @room.output(SeriesShown)
    @room.doc(summary=f"{verb.capitalize()} a series; twice is once.", responses=refusing(
        "not_yours", "wrong_state", "series_there", *PARTED))  # fmt: skip
    def done(number: int) -> Any:
        act(g.session, g.who, number, g.now)
        shown = _shown(*series_for(g.session, g.who, number))
        return said(shown, text) if text else said(shown)


for _name, (_act, _text) in _VERBS.items():
    _verb(_name, _act, _text)


@room.post("/series/dates/<key:number>/skip")
@room.input(SkipAsked)
@room.output(DateShown)
@room.doc(responses=refusing("not_yours", "wrong_state", "reason_missing"))
def left_out(number: int, json_data: SkipAsked) -> Any:
    """Leave out this one date and no other; it can be taken up again."""
    skip(g.session, g.who, number, json_data.reason, g.now)
    return said(_row(number))


@room.post("/series/dates/<key:number>/move")
@room.input(MoveAsked)
@room.output(DateShown)
@room.doc(responses=refusing("not_yours", "wrong_state", "agreement_missing", *BOOKING))
def moved(number: int, json_data: MoveAsked) -> Any:
    """Give this one date a time of its own, which a change of all leaves as it is."""
    with Alternatives():
        move_one(g.session, g.who, number, json_data.starts_at, g.now, json_data.yes)
    return said(_row(number))


@room.post("/series/dates/<key:number>/take-up")
@room.output(DateShown)
@room.doc(responses=refusing("not_yours", "wrong_state"))
def again(number: int) -> Any:
    """Take up a date that was left out; `state` and `reason` say when it still cannot be."""
    take_up(g.session, g.who, number, g.now)
    return said(_row(number))


def _wish(asked: WishAsked) -> Wish:
    return Wish(
        g.who.person_id, asked.person_id, read(asked.rule), asked.at.replace(tzinfo=None), asked.first_day,
        asked.last_day, asked.on_holidays,
    )  # fmt: skip


def _shown(series: Series, role: str, kept: int = 0) -> SeriesShown:
    relative, cared = (g.session.get_one(Person, key) for key in (series.relative_id, series.cared_id))
    zone = _zone(series.relative_id)
    return SeriesShown(
        id=series.id, with_name=cared.name, relative=relative.name, role=role, rule=series.rule,
        rule_text=words.repeats(series.recurs), at=words.clock(series.at), zone=series.zone,
        first_day=series.first_day, last_day=series.last_day, on_holidays=series.on_holidays, state=series.state,
        state_text=words.STATES[series.state], kept=kept,
        dates=[_date(one, zone) for one in glances(g.session, series, g.now)] if series.state == "active" else [],
    )  # fmt: skip


def _row(number: int) -> DateShown:
    found, series, _ = occurrence_for(g.session, g.who, number)
    return _date(Glance(found.starts_at, found.state, found.reason, found.calendar_known, found.id),
                 _zone(series.relative_id))  # fmt: skip


def _date(one: Glance, zone: str) -> DateShown:
    return DateShown(
        id=one.occurrence_id, starts_at=one.starts_at, text=words.line(one, zone), state=one.state, reason=one.reason,
        calendar_known=one.calendar_known,
    )  # fmt: skip


def _zone(relative_id: int) -> str:
    zone: str = g.session.get_one(Person, relative_id).time_zone
    return zone
