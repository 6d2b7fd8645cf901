"""Centres at the staff desk: where they are, when they are open, and shutting one for some days."""

import secrets
from datetime import date

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from handlers import desk, happened
from handlers.family import words as family_words
from handlers.places import choices, words
from models.errors import Refused
from models.family import shutting
from models.family.call_days import centre_of
from models.family.out_of_service import LONGEST
from models.family.shut_out import shut_out_by
from models.ordering.at_centre import at_centre
from models.people.staff import areas_under
from models.places.areas import Area
from models.places.centres import ServiceCentre
from models.places.days import Days
from models.places.outages import outages_of
from models.places.overview import look, stations_in, times_of

ROOM = Blueprint("centres", __name__, url_prefix="/centres", template_folder="templates")


@ROOM.get("/")
def listed() -> str:
    """The centres below this cadre's areas."""
    found = look(desk.session(), areas_under(desk.who().person_id), desk.cursor())
    times = times_of(desk.session(), [row.ServiceCentre.id for row in found.rows], desk.now())
    return render_template("centres/desk_list.html", found=found, times=times, words=words)


@ROOM.get("/<int:centre>")
def one(centre: int) -> str:
    """One centre: its hours, its seats, the days on which it is shut, and a form to shut it."""
    session, now, found = desk.session(), desk.now(), centre_of(desk.session(), desk.who(), centre)
    stations = stations_in(session, centre)
    outages = outages_of(session, [row.Station.id for row in stations], now, now + LONGEST)
    return render_template(
        "centres/desk_one.html", centre=found, area=session.get_one(Area, found.area_id).name, words=words,
        times=times_of(session, [centre], now)[centre], stations=stations, outages=outages,
        everywhere=shutting.may_shut_all(session, desk.who()), reasons_to_shut=family_words.OF_A_CLOSURE,
        today=now.astimezone(found.tz).date().isoformat(),
    )  # fmt: skip


@ROOM.post("/<int:centre>/preview")
def preview(centre: int) -> str:
    """Whom a closure would reach, with a choice for each; nothing has happened yet."""
    session, who, wish = desk.session(), desk.who(), _wish(centre)
    found, reached = centre_of(session, who, centre), shutting.preview(session, who, wish, desk.now())
    desk.note("closure_preview", f"centre:{centre}", found=len(reached))
    calls, left_over = choices.page_of(reached.calls)
    return render_template(
        "centres/desk_preview.html", centre=found, wish=wish, found=reached, calls=calls, left_over=left_over,
        orders=at_centre(session, who, wish.centre_id, wish.days), words=words, both=family_words.both,
        key=secrets.token_hex(12),
    )  # fmt: skip


@ROOM.post("/<int:centre>/shut")
def shut(centre: int) -> Response:
    """Shut, and each call settled as it was chosen; the same form again is the same closure."""
    key = desk.typed("key")
    centre_of(desk.session(), desk.who(), centre)
    if not key:
        raise Refused("not_yours")
    made = shutting.shut(desk.session(), desk.who(), _wish(centre), choices.decided(), f"desk:{key[:24]}", desk.now())
    desk.note("closure_shut", made.subject)
    return desk.back_to("console.centres.closure", "shut", closure=made.id)


@ROOM.get("/closures/<int:closure>")
def closure(closure: int) -> str:
    """One closure, and what became of each call that it shut out."""
    session, who = desk.session(), desk.who()
    found = shutting.closure_for(session, who, closure)
    centre = session.get_one(ServiceCentre, found.centre_id) if found.centre_id is not None else None
    days = Days(found.first_day, found.last_day)
    return render_template(
        "centres/desk_closure.html", closure=found, centre=centre, days=days, words=words, both=family_words.both,
        rows=shut_out_by(session, who.person_id, found.subject),
        opens=shutting.opens_again(session, who, found, desk.now()),
        orders=at_centre(session, who, found.centre_id, days) if found.state == "standing" else [],
        story=happened.lines(session, found.subject, words.VERBS),
    )  # fmt: skip


@ROOM.post("/closures/<int:closure>/back")
def back(closure: int) -> Response:
    """Open after all, or from tomorrow on."""
    found = shutting.open_again(desk.session(), desk.who(), closure, desk.now())
    desk.note("closure_open_again", found.subject)
    said = "closure_back" if found.state == "taken_back" else "closure_shorter"
    return desk.back_to("console.centres.closure", said, closure=closure)


def _wish(centre: int) -> shutting.Wish:
    """The closure of the form: of this centre, or of all."""
    first = _day("first")
    last = _day("last") if desk.typed("last") else first
    return shutting.Wish(None if desk.typed("where") == "all" else centre, Days(first, last), desk.typed("reason"))


def _day(field: str) -> date:
    """A day of the form; raises Refused("bad_days") for what is none."""
    try:
        return date.fromisoformat(desk.typed(field))
    except ValueError as error:
        raise Refused("bad_days") from error
