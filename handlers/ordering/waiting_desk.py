"""排队 at the staff desk: the lines for what is full, who stands in one, why nobody is offered, answers by phone."""

from typing import Any

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from handlers import desk
from handlers.ordering import waiting_words as said
from handlers.ordering import words
from models.ordering import joining
from models.ordering.lines import line_with, look

ROOM = Blueprint("waiting", __name__, url_prefix="/waiting", template_folder="templates")


@ROOM.get("/")
def listed() -> str:
    """The lines in which somebody below this cadre's areas stands."""
    found = look(desk.session(), desk.who(), desk.cursor())
    return render_template("waiting/desk_list.html", found=found, labels=said.LABELS, words=words)


@ROOM.get("/<int:entry>")
def one(entry: int) -> str:
    """One line, from the first in it to the last."""
    line = line_with(desk.session(), desk.who(), entry, desk.now())
    return render_template("waiting/desk_one.html", line=line, labels=said.LABELS, said=said)


@ROOM.post("/<int:entry>/take")
def take(entry: int) -> Response:
    """Somebody without a phone of their own said yes: it is an order now."""
    order = joining.take(desk.session(), desk.who(), entry, desk.now())
    desk.note("waiting_take", f"waiting:{entry}")
    return desk.back_to("console.orders.one", "waiting_taken", order=order.id)


@ROOM.post("/<int:entry>/decline")
def decline(entry: int) -> Response:
    """They said no: the next has it at once."""
    joining.decline(desk.session(), desk.who(), entry, desk.now())
    return _done("waiting_decline", entry, "waiting_declined")


@ROOM.post("/<int:entry>/leave")
def leave(entry: int) -> Response:
    """They wait no longer."""
    joining.leave(desk.session(), desk.who(), entry, desk.now())
    return _done("waiting_leave", entry, "waiting_left")


def _done(verb: str, entry: int, word: str, **detail: Any) -> Response:
    desk.note(verb, f"waiting:{entry}", **detail)
    return desk.back_to("console.waiting.one", word, entry=entry)
