"""Booking a family call on pages: with whom, which of the free times, everything once more; and moving one."""

import secrets
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from handlers.family import agreements, page_words, words
from handlers.family.free_times import FreeTimes, for_a_new_call, to_move_a_call
from handlers.family.moments import day_of, stamp_of
from handlers.family.pages import KEY, both, sent_time, to_call
from handlers.reach import not_reached
from handlers.typed import key_in
from handlers.words import on_day, two_lines
from models.errors import Refused
from models.family.booking import book, move, partner
from models.family.calls import AT_HOME, FamilyCall, led_by
from models.family.holding import hold_slot
from models.family.holds import HOLD_LASTS
from models.family.slots import Slot, best
from models.family.venues import venue_for
from models.people.care import cared_for_by
from models.people.persons import Person

ROOM = Blueprint("booking", __name__, template_folder="templates")
Shown = tuple[int, str]  # a time as a form sends it, and as it is read


@ROOM.get("/calls/new")
def whom() -> str | Answer:
    """With whom; straight to the times when there is only one."""
    found = [person for person, _ in cared_for_by(g.session, g.who.person_id)]
    if len(found) == 1:
        return redirect(url_for(".times", person=found[0].id))
    return render_template("family/pages/whom.html", words=page_words, people=found)


@ROOM.get("/calls/new/<int:person>")
def times(person: int) -> str:
    """The kindest times of the next days; with `day`, those of that day."""
    day = _day()
    free = for_a_new_call(g.session, g.who, person, g.now, day)
    head, here = page_words.PICK.format(name=free.cared.name), url_for(".times", person=person)
    return _times(free, day, head, here, back=url_for("pages.family.calls"))


@ROOM.post("/calls/new/<int:person>")
def check(person: int) -> str | Answer | tuple[str, int]:
    """The call as it will be, before it is booked; meanwhile its time is kept for who asks."""
    cared, relative = partner(g.session, g.who, person), g.session.get_one(Person, g.who.person_id)
    try:
        starts_at = sent_time()
        hold_slot(g.session, g.who, cared_id=person, starts_at=starts_at, now=g.now)
    except Refused as refusal:
        return _gone(refusal, page_words.PICK.format(name=cared.name), url_for(".times", person=person), relative)
    venue = venue_for(g.session, relative, cared)
    return render_template(
        "family/pages/check.html", words=page_words, person=cared, at=stamp_of(starts_at), time=both(starts_at),
        place=words.where(venue.centre.name, cared.name, at_home=venue.mode == AT_HOME),
        key=secrets.token_hex(12), away=not_reached(g.session, [relative.id], relative.id),
        minutes=HOLD_LASTS // timedelta(minutes=1),
    )  # fmt: skip


@ROOM.post("/calls/new/<int:person>/book")
def new(person: int) -> Answer | tuple[str, int]:
    """Booked; the same key again, a double tap, leads to the same call."""
    cared, relative = partner(g.session, g.who, person), g.session.get_one(Person, g.who.person_id)
    key, here = request.form.get("key", ""), url_for(".times", person=person)
    if not KEY.fullmatch(key):
        return redirect(f"{here}?gone=1", 303)
    try:
        call = book(g.session, g.who, cared_id=person, starts_at=sent_time(), client_key=key, now=g.now)
    except Refused as refusal:
        return _gone(refusal, page_words.PICK.format(name=cared.name), here, relative)
    return to_call(call.id, "booked")


@ROOM.get("/calls/<int:call>/move")
def other_times(call: int) -> str:
    """When it could be instead: the kindest times of the next days; with `day`, those of that day."""
    day, (found, _) = _day(), led_by(g.session, g.who, call)
    free = to_move_a_call(g.session, g.who, call, g.now, day)
    lead = page_words.MOVE_LEAD.format(time=both(found.starts_at, free.relative.time_zone))
    here = url_for(".other_times", call=call)
    back = url_for("pages.family.one", call=call)
    return _times(free, day, page_words.MOVE_PICK, here, back=back, lead=lead)


@ROOM.post("/calls/<int:call>/move")
def moved(call: int) -> str | Answer | tuple[str, int]:
    """Moved, or the nearest times that are still free; a cadre is asked first whose yes it was."""
    found, role = led_by(g.session, g.who, call)
    relative, yes = g.session.get_one(Person, found.relative_id), request.form.get("yes", "")
    if role == "cadre" and not yes:
        return _whose(found, sent_time(), relative)
    answer = key_in(yes)
    try:
        move(g.session, g.who, call, sent_time(), g.now, None if answer is None else agreements.tapped(answer))
    except Refused as refusal:
        return _gone(refusal, page_words.MOVE_PICK, url_for(".other_times", call=call), relative)
    return to_call(call, "moved")


def _whose(call: FamilyCall, starts_at: datetime, relative: Person) -> str:
    """With whom of the family a cadre has agreed on a time, and how; nothing has moved yet."""
    return render_template(
        "family/pages/agreed.html", words=page_words, call=call, at=stamp_of(starts_at), head=words.WITH_WHOM_HEAD,
        lead=words.TO_TIME.format(time=both(starts_at, relative.time_zone)),
        options=agreements.options(g.session, call),
    )  # fmt: skip


def _day() -> date | None:
    asked = request.args.get("day", "")
    return day_of(asked) if asked else None


def _times(free: FreeTimes, day: date | None, head: str, here: str, *, back: str, lead: str = "") -> str:
    """A page of times: the kindest of some days, or all of one, those that disturb nobody first."""
    zone, error = free.relative.time_zone, page_words.GONE if "gone" in request.args else ""
    if day:
        kind, others = ([slot for slot in free.slots if slot.humane is humane] for humane in (True, False))
        named = [
            (page_words.ON_DAY.format(day=on_day(day)), "", kind),
            (page_words.OTHERS, page_words.OTHERS_LEAD, others),
        ]
    else:
        named = [(page_words.BEST, page_words.BEST_LEAD, best(free.slots, free.centre.tz))]
    return render_template(
        "family/pages/times.html", words=page_words, head=head, lead=lead, error=error, here=here, back=back,
        groups=[(title, note, _shown(slots, zone, day)) for title, note, slots in named if slots],
        nothing=words.NO_SLOTS if day else page_words.NO_BEST,
        days=[(f"{one:%Y%m%d}", on_day(one), one == day) for one in free.open_days(g.session, g.now)],
    )  # fmt: skip


def _shown(slots: Sequence[Slot], zone: str, day: date | None = None) -> list[Shown]:
    """Each time as a button: on both clocks, without the day where the page has it above."""
    labels = [two_lines(words.offered(one.starts_at, zone, one.clashes)) for one in slots]
    if day:
        labels = [label.replace(on_day(day), "", 1) for label in labels]
    return [(stamp_of(one.starts_at), label) for one, label in zip(slots, labels, strict=True)]


def _gone(refusal: Refused, head: str, here: str, relative: Person) -> Answer | tuple[str, int]:
    """That time cannot be had: the nearest that are still free, where somebody was quicker; else all times anew."""
    if refusal.code == "bad_time":
        g.session.rollback()
        return redirect(f"{here}?gone=1", 303)  # it has come too near, or the form is old
    if refusal.code != "slot_taken":
        raise refusal
    found: Sequence[Slot] = refusal.facts.get("alternatives", ())
    groups = [(page_words.GONE_HEAD, "", _shown(found, relative.time_zone))] if found else []
    g.session.rollback()
    return render_template(
        "family/pages/times.html", words=page_words, head=head, error=words.REFUSALS["slot_taken"], groups=groups,
        nothing=words.GONE_ALL, days=(), here=here, back=here, lead="",
    ), 409  # fmt: skip
