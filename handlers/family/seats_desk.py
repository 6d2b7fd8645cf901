"""One family's seat on a call day, at the staff desk: elsewhere because they agree, or in the reserve when late."""

from datetime import datetime

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from handlers import desk
from handlers.family import day_words, half_days, words
from handlers.family.desk import as_seen, mark
from handlers.family.moments import instant_of, stamp_of
from handlers.family.moving_desk import agreed_in_form
from models.errors import Refused
from models.family.agreeing import AGREED_BY, family_of
from models.family.call_days import CallDay, day_for
from models.family.calls import CALL, MISSED, FamilyCall, call_for
from models.family.reseating import reseat, to_reserve
from models.people.persons import Person
from models.places.centres import ServiceCentre

ROOM = Blueprint("seats", __name__, url_prefix="/days/seats", template_folder="templates")


@ROOM.get("/<int:call>")
def one(call: int) -> str:
    """One seat, and where else there is one: on this day, or on another."""
    session, (found, day) = desk.session(), _seat(call)
    cared, relative = (session.get_one(Person, key) for key in (found.cared_id, found.relative_id))
    movable = day.state == "open" and found.state in CALL.by_name["reseat"].sources
    late = found.starts_at <= desk.now() < day.reserve_at and day.state == "open" and found.starts_at < day.reserve_at
    return render_template(
        "days/desk_seat.html", day=day, call=found, cared=cared.name, relative=relative.name, words=day_words,
        call_words=words, time=words.both(found.starts_at, relative.time_zone), seen=mark(found),
        free=[
            (f"{one.id}.{stamp_of(at)}", _label(one, at, relative))
            for one, at in (half_days.free_seats(session, desk.who(), found, desk.now()) if movable else ())
        ],
        late=late and found.state in (*MISSED, *CALL.by_name["reseat"].sources), movable=movable,
        family=family_of(session, found), agreed_by=AGREED_BY,
    )  # fmt: skip


@ROOM.post("/<int:call>/to")
def moved(call: int) -> Response:
    """The family has agreed: seated there, and written down whose yes it was."""
    _seat(call)
    as_seen(call)
    agreed, (day, starts_at) = agreed_in_form(), _where(desk.typed("to"))
    found = reseat(desk.session(), desk.who(), call, day, instant_of(starts_at), agreed, desk.now())
    return _done("day_reseat", found, whose=agreed.person_id, means=agreed.means)


@ROOM.post("/<int:call>/reserve")
def reserve(call: int) -> Response:
    """It is late, or came to nothing: on in the reserve of the same day."""
    _seat(call)
    as_seen(call)
    return _done("day_reserve", to_reserve(desk.session(), desk.who(), call, desk.now()))


def _done(verb: str, call: FamilyCall, **detail: int | str) -> Response:
    desk.note(verb, call.subject, **detail)
    return desk.back_to("console.days.one", "day_seated", day=call.call_day_id)


def _seat(call: int) -> tuple[FamilyCall, CallDay]:
    """The call and its day, the day held: it comes before its calls, as in every rule. Raises Refused("not_yours")."""
    found, role = call_for(desk.session(), desk.who(), call)
    if role != "cadre" or found.call_day_id is None:
        raise Refused("not_yours")
    return found, day_for(desk.session(), desk.who(), found.call_day_id)


def _where(text: str) -> tuple[int, int]:
    """The day and the instant of the form; raises Refused("bad_time") for what is none."""
    day, _, stamp = text.partition(".")
    if not (text.isascii() and day.isdecimal() and stamp.isdecimal() and len(day) < 16 and len(stamp) < 12):
        raise Refused("bad_time")
    return int(day), int(stamp)


def _label(day: CallDay, at: datetime, relative: Person) -> str:
    """A free seat; its centre too, since the other day may be elsewhere."""
    centre = desk.session().get_one(ServiceCentre, day.centre_id).name
    return f"{words.both(at, relative.time_zone)} {centre}"
