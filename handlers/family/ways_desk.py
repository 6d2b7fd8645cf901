"""The way in which a family call is held, chosen at the staff desk."""

from flask import Blueprint
from werkzeug.wrappers import Response

from handlers import desk
from handlers.family.desk import done
from models.family import ways
from models.family.calls import cadres_call

ROOM = Blueprint("ways", __name__, url_prefix="/calls")


@ROOM.post("/<int:call>/way")
def chosen(call: int) -> Response:
    """Chosen: a way and a medium."""
    cadres_call(desk.session(), desk.who(), call)
    way, media = desk.typed("way"), desk.typed("media")
    ways.choose(desk.session(), desk.who(), call, way, media, desk.offered(), desk.now())
    return done("call_way", call, "call_way", way=way, media=media)
