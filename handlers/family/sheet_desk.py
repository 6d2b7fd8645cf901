"""The day sheet of calls at the staff desk: to be printed for the hall and for those who fetch the elders."""

from dataclasses import replace
from datetime import date, timedelta

from flask import Blueprint, render_template

from handlers import desk, masking
from handlers.family import after_words, daysheets
from models.family.daysheet import Line, day_sheet, rounds_on

ROOM = Blueprint("callsheet", __name__, url_prefix="/callsheet", template_folder="templates")


@ROOM.get("/")
def listed() -> str:
    """The calls of today, or of the day that is asked for, below this cadre's areas; names masked, no phone."""
    day = desk.day(desk.asked("day"))
    return _page(day, [_masked(line) for line in day_sheet(desk.session(), desk.who(), day)], shown=False)


@ROOM.post("/reveal")
def reveal() -> str:
    """The same with names and ways to reach the elders, to be printed, for a reason."""
    day = desk.day(desk.typed("day"))
    desk.reveal(f"callsheet:{day.isoformat()}")
    return _page(day, day_sheet(desk.session(), desk.who(), day), shown=True)


def _page(day: date, lines: list[Line], *, shown: bool) -> str:
    return render_template(
        "callsheet/desk_list.html", day=day, head=daysheets.head(day), columns=after_words.SHEET_COLUMNS, shown=shown,
        rows=[(daysheets.cells(line, shown=shown), daysheets.state(line)) for line in lines],
        boxes=after_words.SHEET_BOXES, signature=after_words.SHEET_SIGNATURE, foot=daysheets.foot(lines),
        rounds=[(daysheets.round_head(one), [daysheets.door_cells(line) for line in one], daysheets.back(one))
                for one in rounds_on(lines)], door_columns=after_words.ROUND_COLUMNS,
        before=day - timedelta(days=1), after=day + timedelta(days=1), none=after_words.NO_SHEET,
    )  # fmt: skip


def _masked(line: Line) -> Line:
    """A call without the family's names and without ways to their doors."""
    return replace(
        line, cared=masking.name(line.cared), relatives=tuple(masking.name(one) for one in line.relatives),
        ring=tuple((masking.name(name), state) for name, state in line.ring),
    )  # fmt: skip
