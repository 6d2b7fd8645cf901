"""The day sheet of calls in words: a few lines for the phone, and the columns of a page with boxes for the printer."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
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


def round_text(lines: Sequence[Line]) -> str:
    """One round in a bubble: what goes along, door by door, and when its helper is back."""
    doors = [after_words.DOOR.format(number=number, leave=leave, road=road, arrives=arrives, door=door,
                                     battery=f"，{battery}" if battery else "")
             for number, leave, road, arrives, door, _, battery in (door_cells(line) for line in lines)]  # fmt: skip
    return "\n".join([round_head(lines), *doors, back(lines)])


def door_cells(line: Line) -> tuple[str, ...]:
    """One door of a round as the columns of a page have it."""
    stop = line.stop
    assert stop is not None
    minute = timedelta(minutes=1)
    late = after_words.LATE_BY.format(minutes=stop.late // minute) if stop.late >= minute else ""
    left = "" if stop.battery_left is None else after_words.BATTERY.format(minutes=stop.battery_left)
    leaves = after_words.HAS_LEFT if stop.call.set_out_at is not None else after_words.LEAVES
    road = after_words.MINUTES.format(minutes=stop.road // minute)
    return (
        str(stop.number), leaves.format(at=_clock(stop.leaves_at)), road,
        _clock(stop.arrives_at) + late, f"{line.village}{line.cared}", state(line) or _span(line), left,
    )  # fmt: skip


def back(lines: Sequence[Line]) -> str:
    """When the helper of a round is at the centre again."""
    assert lines[0].back_at is not None
    return after_words.BACK_AT.format(at=_clock(lines[0].back_at))


def round_head(lines: Sequence[Line]) -> str:
    """Whose round it is, and what goes along."""
    return after_words.ROUND_HEAD.format(helper=lines[0].helper, along=_along(lines[0]))


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
    """Where, for a call at home what goes along and when, and whom a device is to ring."""
    return "；".join(one for one in (_where(line), ring(line.ring)) if one)


def ring(whom: Sequence[tuple[str, str]]) -> str:
    """Whose WeChat the device of a call is to ring; "" where none rings."""
    if not whom:
        return ""
    return after_words.RING.format(whom="、".join(name + after_words.RING_STATES[state] for name, state in whom))


def _where(line: Line) -> str:
    if line.stop is None:
        return line.place
    return after_words.AT_HOME.format(along=_along(line), leave=_clock(line.stop.leaves_at))


def _along(line: Line) -> str:
    return "、".join(one for one in (line.place, line.vehicle) if one)


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(CHINA):%H:%M}"


def _span(line: Line) -> str:
    return clock_span(line.starts_at, line.ends_at, CHINA)


def _there(line: Line) -> str:
    return there(line.starts_at, ZoneInfo(line.relative_zone))
