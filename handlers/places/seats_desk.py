"""Seats of a centre at the staff desk: taking one out of service for a while, and saying that it works again."""

import secrets
from datetime import datetime

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from handlers import desk, happened
from handlers.family import words as family_words
from handlers.places import choices, words
from models.errors import Refused
from models.family import out_of_service
from models.family.shut_out import shut_out_by
from models.hours import CHINA
from models.places.outages import outages_of

ROOM = Blueprint("outages", __name__, url_prefix="/seats", template_folder="templates")
CLOCK = "%Y-%m-%dT%H:%M"  # as a form writes a time


@ROOM.get("/<int:station>")
def one(station: int) -> str:
    """One seat: when it is out of service, and a form to take it out."""
    session, now = desk.session(), desk.now()
    found, centre = out_of_service.station_for(session, desk.who(), station)
    return render_template(
        "seats/desk_one.html", station=found, centre=centre, words=words, reasons_of_the_centre=words.OF_AN_OUTAGE,
        outages=outages_of(session, [station], now, now + out_of_service.LONGEST),
        begins=f"{now.astimezone(CHINA):{CLOCK}}",
    )  # fmt: skip


@ROOM.post("/<int:station>/preview")
def preview(station: int) -> str:
    """Who would sit elsewhere, and a choice for whoever finds no other seat; nothing has happened yet."""
    session, who, wish = desk.session(), desk.who(), _wish(station)
    reached = out_of_service.preview(session, who, wish, desk.now())
    found, centre = out_of_service.station_for(session, who, station)
    desk.note("outage_preview", f"station:{station}", found=len(reached))
    calls, left_over = choices.page_of(reached.rest.calls)
    return render_template(
        "seats/desk_preview.html", station=found, centre=centre, wish=wish, found=reached, calls=calls,
        left_over=left_over, words=words, both=family_words.both, span=words.in_span(wish.starts_at, wish.ends_at),
        times={"since": f"{wish.starts_at:{CLOCK}}", "until": f"{wish.ends_at:{CLOCK}}"}, key=secrets.token_hex(12),
    )  # fmt: skip


@ROOM.post("/<int:station>/out")
def out(station: int) -> Response:
    """Out of service, and each call seated elsewhere or settled as it was chosen; the same form again is once."""
    key, wish = desk.typed("key"), _wish(station)
    if not key:
        raise Refused("not_yours")
    made = out_of_service.take_out(
        desk.session(), desk.who(), wish, choices.decided(), f"desk:{key[:24]}", desk.now()
    )  # fmt: skip
    desk.note("outage_begin", made.subject)
    return desk.back_to("console.outages.outage", "outage", outage=made.id)


@ROOM.get("/outages/<int:outage>")
def outage(outage: int) -> str:
    """One outage, and what became of each call at that seat."""
    session, who = desk.session(), desk.who()
    found, station, centre = out_of_service.outage_for(session, who, outage)
    return render_template(
        "seats/desk_outage.html", outage=found, station=station, centre=centre, words=words, both=family_words.both,
        span=words.in_span(found.starts_at, found.ends_at), rows=shut_out_by(session, who.person_id, found.subject),
        story=happened.lines(session, found.subject, words.OUTAGE_VERBS),
    )  # fmt: skip


@ROOM.post("/outages/<int:outage>/mended")
def mended(outage: int) -> Response:
    """It works again."""
    found = out_of_service.mend(desk.session(), desk.who(), outage, desk.now())
    desk.note("outage_mend", found.subject)
    return desk.back_to("console.outages.outage", "mended", outage=outage)


def _wish(station: int) -> out_of_service.Wish:
    return out_of_service.Wish(station, _moment("since"), _moment("until"), desk.typed("reason"))


def _moment(field: str) -> datetime:
    """A time of the form, in China; raises Refused("bad_outage") for what is none."""
    try:
        return datetime.fromisoformat(desk.typed(field)).replace(tzinfo=CHINA)
    except ValueError as error:
        raise Refused("bad_outage") from error
