"""The run sheet at the staff desk: who goes where on a day, to be printed for those who go without signal."""

from dataclasses import replace
from datetime import date, timedelta

from flask import Blueprint, render_template

from handlers import desk, masking
from handlers.ordering import desk_words, sheets
from models.ordering.runsheet import Stop, sheet_below

ROOM = Blueprint("sheet", __name__, url_prefix="/sheet", template_folder="templates")


@ROOM.get("/")
def listed() -> str:
    """The visits of today, or of the day that is asked for, below this cadre's areas; names masked."""
    day = desk.day(desk.asked("day"))
    return _page(day, [_masked(stop) for stop in sheet_below(desk.session(), desk.who(), day)], shown=False)


@ROOM.post("/reveal")
def reveal() -> str:
    """The same with names and wishes, to be printed, for a reason."""
    day = desk.day(desk.typed("day"))
    desk.reveal(f"sheet:{day.isoformat()}")
    return _page(day, sheet_below(desk.session(), desk.who(), day), shown=True)


def _page(day: date, stops: list[Stop], *, shown: bool) -> str:
    phones = "、".join(dict.fromkeys(stop.phone for stop in stops))
    return render_template(
        "sheet/desk_list.html", day=day, head=sheets.head(day), columns=sheets.COLUMNS, boxes=sheets.BOXES, shown=shown,
        rows=[(sheets.cells(stop), "") for stop in stops], signature=sheets.SIGNATURE,
        foot=sheets.FOOT.format(phone=phones),
        before=day - timedelta(days=1), after=day + timedelta(days=1), desk_words=desk_words,
    )  # fmt: skip


def _masked(stop: Stop) -> Stop:
    """A visit without the household's name, and without what was typed for whoever goes."""
    return replace(stop, beneficiary=masking.name(stop.beneficiary), questions=[], answers={}, note="")
