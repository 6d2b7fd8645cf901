"""Booking a family call at the staff desk: for an elder at the counter, or a relative who phones."""

import secrets

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from handlers import desk, masking
from handlers.family import after_words, words
from handlers.family.free_times import for_a_new_call
from handlers.family.moments import instant_in, stamp_of
from handlers.reach import not_reached
from handlers.words import on_day
from models.errors import Refused
from models.family.booking import book_for
from models.family.calls import AT_HOME
from models.family.keeping import who_is
from models.family.slots import best, kindest_first
from models.people.care import links_to
from models.people.scope import resident_of

ROOM = Blueprint("booking", __name__, url_prefix="/booking", template_folder="templates")


@ROOM.get("/<int:person>")
def form(person: int) -> str:
    """With which relative; then the times: the kindest of the next days, or all of one day."""
    session, now = desk.session(), desk.now()
    cared, key = resident_of(session, desk.who().person_id, person), desk.number("relative")
    family = links_to(session, person)
    relative = next((one for _, one in family if one.id == key), None)
    day = desk.day(desk.asked("day")) if desk.asked("day") else None
    wish = desk.asked("wish", after_words.PLACES)
    free = for_a_new_call(session, who_is(relative), person, now, day, wish=wish) if relative else None
    slots = (kindest_first(free.slots) if day else best(free.slots, free.centre.tz)) if free else []
    return render_template(
        "booking/desk_form.html", cared=cared, family=family, relative=relative, day=day, words=words, wish=wish,
        places=after_words.PLACES, why_home=wish == AT_HOME and not cared.homebound, reasons=words.WHY_AT_HOME,
        away=not_reached(session, [relative.id], desk.who().person_id, masking.name) if relative else "",
        days=[(one.isoformat(), on_day(one)) for one in free.open_days(session, now)] if free else [],
        key=secrets.token_hex(12),
        times=[(stamp_of(one.starts_at), words.offered(one.starts_at, relative.time_zone, one.clashes))
               for one in slots] if relative else [],
    )  # fmt: skip


@ROOM.post("/<int:person>")
def new(person: int) -> Response:
    """Booked for the relative, who hears of it; the same form again is the same call."""
    starts_at, relative, key = instant_in(desk.typed("at")), desk.number("relative", form=True), desk.typed("key")
    if relative is None or not key:
        raise Refused("not_yours")
    call = book_for(
        desk.session(), desk.who(), relative_id=relative, cared_id=person, starts_at=starts_at,
        client_key=f"desk:{key[:24]}", now=desk.now(), wish=desk.typed("wish"), why=desk.typed("why"),
    )  # fmt: skip
    desk.note("call_book", call.subject)
    return desk.back_to("console.calls.one", "call_booked", call=call.id)
