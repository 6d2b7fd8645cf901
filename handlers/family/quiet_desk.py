"""Who needs company, at the staff desk: those who have not talked with their family for long, and overdue pairs."""

from flask import Blueprint, render_template

from handlers import desk
from handlers.family import after_words
from models.family.looking import pairs_below
from models.family.pairing import MEANS
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
    return render_template(
        "quiet/desk_list.html", found=Page(found[start : start + SIZE], before, after, len(found)), days=QUIET_DAYS,
        late=pairs_below(session, who, "late", desk.now()), means=MEANS, words=after_words,
    )  # fmt: skip


def _start() -> int:
    at = desk.cursor()
    mark = at.marks[0] if at is not None else 0
    return mark if isinstance(mark, int) else 0
