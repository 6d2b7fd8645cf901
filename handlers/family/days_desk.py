"""Call days at the staff desk: which there are, a new one tried out and made, one changed or called off."""

import secrets
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, render_template, request
from sqlalchemy import select
from werkzeug.wrappers import Response

from handlers import desk, happened
from handlers.family import day_words, half_days, words
from handlers.family.moments import instant_in, stamp_of
from handlers.words import on_day
from models.errors import Refused
from models.family.call_days import CALL_DAY, CallDay, calls_on, day_for
from models.family.looking import days_below, seats_of
from models.family.reseating import call_off, resize
from models.family.seating import Plan, plan_day
from models.hours import CHINA
from models.people.persons import Person
from models.places.areas import Area
from models.places.centres import ServiceCentre, stations_of

ROOM = Blueprint("days", __name__, url_prefix="/days", template_folder="templates")
KEY_LENGTH = 24


@ROOM.get("/")
def listed() -> str:
    """The call days at this cadre's centres: those to come, or those that were."""
    view = desk.asked("view", day_words.VIEWS) or "coming"
    found = days_below(desk.session(), desk.who(), view, desk.now(), desk.cursor())
    return render_template("days/desk_list.html", found=found, view=view, words=day_words)


@ROOM.get("/new")
def form() -> str:
    """Where, on which day, morning or afternoon; then who would sit when: nothing has happened yet."""
    return _form()


@ROOM.post("/new/reveal")
def reveal_plan() -> str:
    """The same with names, for a reason."""
    desk.reveal(f"centre:{desk.number('centre', form=True) or 0}")
    return _form(shown=True)


@ROOM.post("/new")
def make() -> Response:
    """The day stands, and every family hears of it; the same form again is the same day."""
    centre, key = desk.number("centre", form=True), desk.typed("key")[:KEY_LENGTH]
    if centre is None or not key:
        raise Refused("not_yours")
    starts_at = instant_in(desk.typed("at"))
    made = half_days.hold(desk.session(), desk.who(), centre, starts_at, f"desk:{key}", desk.now())
    return _done("day_make", made.id, "day_made")


@ROOM.get("/<int:day>")
def one(day: int) -> str:
    """One day: who sits when and at which screen, and what can be changed."""
    return _whole(day)


@ROOM.post("/<int:day>/reveal")
def reveal(day: int) -> str:
    """The same with names, for a reason."""
    day_for(desk.session(), desk.who(), day)
    desk.reveal(f"{CALL_DAY.name}:{day}")
    return _whole(day, shown=True)


@ROOM.post("/<int:day>/screens")
def screens(day: int) -> Response:
    """More screens or fewer; who would have none has to agree to another time first."""
    _as_seen(day)
    found = resize(desk.session(), desk.who(), day, desk.number("screens", form=True) or 0, desk.now())
    return _done("day_resize", day, "day_resized", screens=found.seats)


@ROOM.get("/<int:day>/off")
def ask_off(day: int) -> str:
    """How many families would hear of it, and why it is."""
    found = day_for(desk.session(), desk.who(), day)
    if found.state != "open":
        raise Refused("wrong_state", thing=CALL_DAY.name, state=found.state)
    return render_template(
        "days/desk_off.html", day=found, centre=_centre(found), seen=_mark(found), words=day_words,
        count=len(calls_on(desk.session(), day)),
    )  # fmt: skip


@ROOM.post("/<int:day>/off")
def off(day: int) -> Response:
    """It does not take place; every family hears why."""
    _as_seen(day)
    reason = desk.typed("why")
    if not reason:
        raise Refused("reason_missing")
    call_off(desk.session(), desk.who(), day, reason, desk.now())
    return _done("day_off", day, "day_off")


def changed(subject: str) -> str:
    """What has happened to a day since a page showed it."""
    what = happened.last(desk.session(), subject, day_words.VERBS, desk.now())
    return day_words.CHANGED.format(what=what)


def _done(verb: str, day: int, said: str, **detail: Any) -> Response:
    desk.note(verb, f"{CALL_DAY.name}:{day}", **detail)
    return desk.back_to("console.days.one", said, day=day)


def _mark(day: CallDay) -> str:
    return f"{day.state}.{day.seats}"


def _as_seen(day: int) -> CallDay:
    """The day, held, where the page that was acted from is still true; raises Refused("stale")."""
    found = day_for(desk.session(), desk.who(), day)
    if desk.typed("seen") != _mark(found):
        raise Refused("stale", subject=found.subject)
    return found


def _centre(day: CallDay) -> str:
    return desk.session().get_one(ServiceCentre, day.centre_id).name


def _form(*, shown: bool = False) -> str:
    """The choices so far, each as the one before allows it; with all of them, the plan."""
    session, who, now = desk.session(), desk.who(), desk.now()
    centres = half_days.centres_of(session, who)
    key = _number("centre")
    if key is None and len(centres) == 1:
        key = centres[0].id
    centre = next((one for one in centres if one.id == key), None)
    if key is not None and centre is None:
        raise Refused("not_yours")
    days = half_days.open_days(session, centre, now) if centre else []
    day = next((one for one in days if one.isoformat() == request.values.get("day", "")), None)
    halves = half_days.windows(session, centre, day, now) if centre and day else []
    window = next((found for half, found in halves if str(half) == request.values.get("half", "")), None)
    plan = None
    if centre and window:
        plan = plan_day(session, who, centre_id=centre.id, starts_at=window[0], ends_at=window[1], now=now)
    return render_template(
        "days/desk_new.html", centres=[(one.id, one.name) for one in centres], centre=centre, day=day,
        days=[(one.isoformat(), on_day(one)) for one in days],
        halves=[(half, day_words.half(half, *found)) for half, found in halves], half=request.values.get("half", ""),
        none_left=day is not None and not halves, plan=plan, villages=_villages(plan), shown=shown,
        key=secrets.token_hex(KEY_LENGTH // 2), at=stamp_of(window[0]) if window else 0, words=day_words,
        clock=_clock, there=_there,
    )  # fmt: skip


def _number(key: str) -> int | None:
    return desk.number(key, form=request.method == "POST")


def _villages(plan: Plan | None) -> dict[int, str]:
    """Where those live whom a plan names, by their keys."""
    if plan is None:
        return {}
    people: list[Person] = [cared for _, cared, _ in plan.seated] + [one.person for one in plan.left_out]
    names = select(Area.id, Area.name).where(Area.id.in_({one.area_id for one in people}))
    known = {row.id: row.name for row in desk.session().execute(names)}
    return {one.id: known.get(one.area_id or 0, "") for one in people}


def _whole(key: int, *, shown: bool = False) -> str:
    session, day = desk.session(), day_for(desk.session(), desk.who(), key)
    rows = seats_of(session, day)
    times = dict.fromkeys((*day.times(), day.reserve_at, *(row.FamilyCall.starts_at for row in rows)))
    return render_template(
        "days/desk_one.html", day=day, centre=_centre(day), helper=session.get_one(Person, day.helper_id).name,
        seats=[(time, [row for row in rows if row.FamilyCall.starts_at == time]) for time in sorted(times)],
        count=len(rows), most=len(stations_of(session, day.centre_id, "video_call")), shown=shown, seen=_mark(day),
        words=day_words, call_words=words, clock=_clock, there=_there,
        on=day.starts_at.astimezone(CHINA).date().isoformat(),
        story=happened.lines(session, day.subject, day_words.VERBS, shown=shown),
    )  # fmt: skip


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(CHINA):%H:%M}"


def _there(moment: datetime, zone: str) -> str:
    return day_words.there(moment, ZoneInfo(zone))
