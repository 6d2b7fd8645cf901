"""My family calls on a page: which there are, one of them, the way into its room, and what can be done with it."""

import re
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from handlers.family import entering, page_words, words
from handlers.family.moments import instant_in
from handlers.reach import not_reached
from handlers.words import two_lines, when_two
from models.family import changing, makeup, ways
from models.family.calls import LIVE_CALLS, FamilyCall, Seen, call_for, calls_of, led_by, with_roles
from models.family.ending import NOTE_LIMIT, cancel, may_undo, undo
from models.family.joining import invite, leave, may_be_asked
from models.family.passes import give_pass, open_calls, open_screen
from models.family.rooms import joins_alone
from models.hours import CHINA
from models.people.care import links_of
from models.people.identities import out_of_reach
from models.people.persons import Person
from models.places.centres import phone_of

ROOM = Blueprint("family", __name__, template_folder="templates")
KEY = re.compile(r"[0-9a-f]{24}")  # what a form carries so that sending it twice does one thing


@ROOM.get("/calls")
def calls() -> str:
    """What waits for my answer, and the calls to come that I take part in, am called by or help with, in order."""
    # One that is late is among them: its time is over, and its room is open.
    found = {call.id: call for call in (*open_calls(g.session, g.who, g.now), *calls_of(g.session, g.who, g.now))}
    asked = [(one, both(one.starts_at)) for one in changing.asked_of(g.session, g.who, g.now)]
    kept = [(one, name_of(one.cared_id)) for one in makeup.makeups_of(g.session, g.who, g.now)]
    rows = [_row(one) for one in with_roles(g.session, g.who, list(found.values()))]
    own = bool(rows) and all(row["own"] for row in rows)
    books = not own or bool(links_of(g.session, g.who.person_id))  # who is only called books nothing
    return render_template(
        "family/pages/calls.html", words=page_words, asked=asked, kept=kept, told=told(), rows=rows, books=books,
        lead=page_words.OWN_LEAD if own else page_words.LEAD,
    )  # fmt: skip


@ROOM.get("/calls/<int:call>")
def one(call: int) -> str:
    """One call on both clocks, who is on it, and what can be done with it."""
    found, role = call_for(g.session, g.who, call)
    seen = _seen(found, role)
    changes = found.state == "booked" and role == "relative"
    told_by = [found.relative_id, *(guest.id for guest in seen.guests)] if found.state == "booked" else []
    return render_template(
        "family/pages/call.html", words=page_words, row=_row(seen), call=found, told=told(), role=role,
        guests=[guest.name for guest in seen.guests], changes=changes,
        away=not_reached(g.session, told_by, g.who.person_id),
        way=words.WAYS[found.way], media=words.MEDIA[found.media],
        undoing=role == "relative" and may_undo(g.session, found, g.now),
        reason=words.listed(found.reason) if found.reason else "",
        own=_own(seen) if role == "cared" else None,
    )  # fmt: skip


@ROOM.post("/calls/<int:call>/join")
def join(call: int) -> Answer:
    """On into the room, with a pass of one's own; a cadre opens the elder's screen."""
    _, role = call_for(g.session, g.who, call)
    give = open_screen if role == "cadre" else give_pass
    return redirect(url_for("video.look", secret=give(g.session, g.who, call, g.now)), 303)


@ROOM.get("/calls/<int:call>/cancel")
def ask_reason(call: int) -> str:
    """Asks why, before anything is cancelled."""
    found, role = led_by(g.session, g.who, call)
    reasons = words.OF_A_CADRE if role == "cadre" else words.REASONS
    return render_template(
        "family/pages/cancel.html", words=page_words, row=_row(_seen(found, role)), reasons=reasons, most=NOTE_LIMIT
    )


@ROOM.post("/calls/<int:call>/cancel")
def off(call: int) -> Answer:
    """Cancelled, for a reason from the list or in words; twice is once."""
    reason = request.form.get("other", "").strip() or request.form.get("reason", "")
    found = cancel(g.session, g.who, call, reason, g.now)
    return to_call(call, "cancelled" if found.state == "cancelled" else "")


@ROOM.post("/calls/<int:call>/undo")
def take_back(call: int) -> Answer:
    """The cancellation was a tap too many."""
    undo(g.session, g.who, call, g.now)
    return to_call(call, "undone")


@ROOM.get("/calls/<int:call>/way")
def way(call: int) -> str:
    """How it is held, how else it could be, and why not otherwise."""
    found, _ = led_by(g.session, g.who, call)
    possible = ways.possible(g.session, found, g.offered, g.now)
    return render_template(
        "family/pages/way.html", words=page_words, said=words, row=_row(_seen(found, "relative")), call=found,
        possible=[one for one in possible if one.way != found.way], other=ways.other_media(found),
        advice=words.VOICE_FIRST if ways.voice_advised(g.session, found, g.offered, possible) else "",
    )  # fmt: skip


@ROOM.post("/calls/<int:call>/way")
def choose(call: int) -> Answer:
    """Chosen."""
    sent = request.form.get("way", ""), request.form.get("media", "")
    ways.choose(g.session, g.who, call, *sent, g.offered, g.now)
    return to_call(call, "way")


@ROOM.get("/calls/<int:call>/guests")
def guests(call: int) -> str:
    """Whom one may ask to it, and who is on it already."""
    free = may_be_asked(g.session, g.who, call)
    seen = _seen(*call_for(g.session, g.who, call))
    away = {one.id: words.NO_WECHAT for one in out_of_reach(g.session, [person.id for person in free])}
    return render_template(
        "family/pages/guests.html", words=page_words, row=_row(seen), free=free, away=away, guests=seen.guests,
        nothing=words.NO_GUESTS,
    )  # fmt: skip


@ROOM.post("/calls/<int:call>/guests/<int:person>")
def ask_guest(call: int, person: int) -> Answer:
    """Asked, and told by a letter."""
    invite(g.session, g.who, call, person, g.now)
    return to_call(call, "asked")


@ROOM.post("/calls/<int:call>/guests/<int:person>/off")
def take_off(call: int, person: int) -> Answer:
    """Taken off by who booked; or a guest leaves."""
    leave(g.session, g.who, call, person, g.now)
    if person == g.who.person_id:
        return redirect(url_for(".calls", told="left"), 303)
    return to_call(call, "off")


def told() -> str:
    """What has just been done, by the address that the deed led to."""
    return page_words.TOLD.get(request.args.get("told", ""), "")


def to_call(call: int, done: str) -> Answer:
    """On to a call, which says what was done: loading it again does nothing twice."""
    return redirect(url_for("pages.family.one", call=call, told=done or None), 303)


def sent_time() -> datetime:
    """The time that a form sends; raises Refused("bad_time") for anything that is none."""
    return instant_in(request.form.get("at", ""))


def both(moment: datetime, zone: str = "") -> str:
    """A time for both ends, one below the other; the second is the reader's unless another zone is named."""
    return two_lines(when_two(moment, CHINA, ZoneInfo(zone or g.who.zone)))


def name_of(person: int) -> str:
    """A person's name."""
    return g.session.get_one(Person, person).name  # type: ignore[no-any-return]


def _seen(call: FamilyCall, role: str) -> Seen:
    """One call with everybody on it, for who sees it as `role`."""
    return replace(with_roles(g.session, g.who, [call])[0], role=role)


def _own(one: Seen) -> dict[str, Any]:
    """What who is called reads besides: that somebody will be there, and whom to phone who cannot come."""
    return {
        "live": one.call.state in LIVE_CALLS, "phone": phone_of(g.session, one.centre), "alone": joins_alone(one.call),
        "centre": one.centre.name,
    }  # fmt: skip


def _row(one: Seen) -> dict[str, Any]:
    """One call as its reader sees it: a relative and who is called the other end, a cadre both ends."""
    call, helps, own = one.call, one.role == "cadre", one.role == "cared"
    return {
        "with": f"{one.cared.name}、{one.relative.name}" if helps else one.relative.name if own else one.cared.name,
        "own": own, "time": both(call.starts_at, one.relative.time_zone if helps else ""),
        "call": call.id, "enter": [way.label for way in entering.ways_in(call, one.role, g.now)],
        "state": words.STATE_NAMES[call.state], "mark": call.state,
        "centre": words.where(one.centre.name, words.YOU if own else one.cared.name, at_home=call.at_home),
    }  # fmt: skip
