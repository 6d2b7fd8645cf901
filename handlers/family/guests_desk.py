"""The guests of a family call at the staff desk: another relative is asked to it, or does not come after all."""

from flask import Blueprint
from werkzeug.wrappers import Response

from handlers import desk
from handlers.family.desk import done
from models.family.calls import cadres_call
from models.family.joining import invite, leave

ROOM = Blueprint("guests", __name__, url_prefix="/calls")


@ROOM.post("/<int:call>/guests")
def asked(call: int) -> Response:
    """A relative is asked to it, and told by a letter."""
    cadres_call(desk.session(), desk.who(), call)
    guest = desk.number("guest", form=True) or 0
    invite(desk.session(), desk.who(), call, guest, desk.now())
    return done("call_guest", call, "call_guest", guest=guest)


@ROOM.post("/<int:call>/guests/<int:guest>/off")
def off(call: int, guest: int) -> Response:
    """A guest does not come: the call stays."""
    cadres_call(desk.session(), desk.who(), call)
    leave(desk.session(), desk.who(), call, guest, desk.now())
    return done("call_guest_off", call, "call_guest_off", guest=guest)
