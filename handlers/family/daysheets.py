"""The day sheet of calls in words: a few lines for the phone, and the columns of a page with boxes for the printer."""

from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

from handlers.family import after_words, words
from handlers.family.day_words import there
from handlers.tasks.words import reached
from handlers.words import clock_span, on_day, when
from models.family.daysheet import Line, to_phone
from models.hours import CHINA


def head(day: date) -> str:
    """What the sheet is for."""
    return after_words.SHEET_HEAD.format(day=on_day(day))


def as_text(day: date, lines: Sequence[Line]) -> str:
    """The sheet in a bubble, and below it whom to phone or go to; the numbers stand in the conversation only."""
    if not lines:
        return after_words.SHEET_NONE.format(day=on_day(day))
    listed = [f"{n}. {_span(line)} {line.village}{line.cared} 与{'、'.join(line.relatives)}（{_place(line)}）"
              for n, line in enumerate(lines, start=1)]  # fmt: skip
    calls = [f"· {_span(line)} {line.cared}：{reached(line.ways).replace(chr(10), ' ')}" for line in to_phone(lines)]
    phone = [after_words.PHONE_HEAD, *calls] if calls else [after_words.PHONE_NONE]
    return "\n".join([head(day), *listed, *phone])


def cells(line: Line, *, shown: bool) -> tuple[str, ...]:
    """One call as the columns of a sheet have it, all but the last; ways to reach people only where all is `shown`."""
    return (
        _span(line), f"{line.village} {line.cared}", f"{'、'.join(line.relatives)} {_there(line)}".strip(),
        _place(line), line.helper, _told(line, shown=shown),
    )  # fmt: skip


def foot(lines: Sequence[Line]) -> str:
    """What to do without signal, and whom to call."""
    return after_words.SHEET_FOOT.format(phone="、".join(dict.fromkeys(line.phone for line in lines)))


def state(line: Line) -> str:
    """What is known of it already; "" where it is still to come."""
    return "" if line.state == "booked" else words.STATE_NAMES[line.state]


def _told(line: Line, *, shown: bool) -> str:
    if line.told_at is not None:
        return f"{line.told_by} {when(line.told_at, CHINA)}"
    if not line.ways:
        return ""
    return reached(line.ways) if shown else after_words.NOT_TOLD


def _place(line: Line) -> str:
    """Where, and for a call at home what goes along and when."""
    if line.set_out_by is None:
        return line.place
    along = "、".join(one for one in (line.place, line.vehicle) if one)
    return after_words.AT_HOME.format(along=along, leave=f"{line.set_out_by.astimezone(CHINA):%H:%M}")


def _span(line: Line) -> str:
    return clock_span(line.starts_at, line.ends_at, CHINA)


def _there(line: Line) -> str:
    return there(line.starts_at, ZoneInfo(line.relative_zone))
