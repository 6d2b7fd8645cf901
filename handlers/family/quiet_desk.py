"""Who needs company, at the staff desk: those who have not talked with their family for long, and overdue pairs."""

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from handlers import desk
from handlers.family import after_words
from models.family.pairing import MEANS, pairs_of, touch
from models.family.quiet import QUIET_DAYS, quiet
from models.paging import SIZE, Cursor, Page

ROOM = Blueprint("quiet", __name__, url_prefix="/quiet", template_folder="templates")


@ROOM.get("/")
def listed() -> str:
    """Who has not talked for long, and the pairs that should have been in touch."""
    session, who, start = desk.session(), desk.who(), _start()
    found = quiet(session, who, desk.now())
    before = Cursor((max(start - SIZE, 0),)) if start else None
    after = Cursor((start + SIZE,)) if start + SIZE < len(found) else None
    late = [one for one in pairs_of(session, who, below=True) if one.late(desk.now())]
    return render_template(
        "quiet/desk_list.html", found=Page(found[start : start + SIZE], before, after, len(found)), days=QUIET_DAYS,
        pairs=late[:SIZE], means=MEANS, words=after_words,
    )  # fmt: skip


@ROOM.post("/pairs/<int:pair>/touch")
def touched(pair: int) -> Response:
    """A pair was in touch, just now."""
    touch(desk.session(), desk.who(), pair, desk.typed("means"), desk.now(), desk.now())
    desk.note("pair_touch", f"pair:{pair}")
    return desk.back_to("console.quiet.listed", "touched")


def _start() -> int:
    at = desk.cursor()
    mark = at.marks[0] if at is not None else 0
    return mark if isinstance(mark, int) else 0
