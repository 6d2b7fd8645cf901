"""保密事项 at the staff desk: what is kept in confidence below an administrator, and to whom it goes when who kept it
has left; not a word of what it is."""

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from handlers import desk
from handlers.ordering import need_desk_words as said
from handlers.ordering import need_words
from models.errors import Refused
from models.ordering.confided import Confided, confided, confided_one, hand_on
from models.paging import Page

ROOM = Blueprint("confided", __name__, url_prefix="/confided", template_folder="templates")


@ROOM.get("/")
def listed() -> str:
    """What waits; for administrators only, to anybody else there is no such page."""
    if not desk.at_desk().is_admin:
        raise Refused("not_yours")
    return _page(confided(desk.session(), desk.who(), desk.cursor()))


@ROOM.get("/<any(need, help):kind>/<int:key>")
def one(kind: str, key: int) -> str:
    """One of them, to which a task leads, however it stands."""
    return _page(Page([confided_one(desk.session(), desk.who(), kind, key)], None, None, 1), alone=key)


@ROOM.post("/<any(need, help):kind>/<int:key>/to")
def hand_over(kind: str, key: int) -> Response:
    """Another clerk keeps it from now on."""
    to = desk.number("to", form=True) or 0
    hand_on(desk.session(), desk.who(), kind, key, to, desk.typed("seen"), desk.now())
    desk.note(f"{kind}_hand_over", f"{kind}:{key}", to=to)
    return desk.back_to("console.confided.listed", "confided_given")


def _page(found: Page[Confided], alone: int | None = None) -> str:
    return render_template(
        "confided/desk_list.html", found=found, labels=said.LABELS, said=said, alone=alone,
        states={"need": need_words.NEED_STATES, "help": need_words.HELP_STATES},
    )  # fmt: skip
