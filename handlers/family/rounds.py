"""A helper's rounds of calls at home: from door to door, when to leave, when they are there, and that they set out."""

from collections.abc import Sequence

from handlers.family import after_words, daysheets
from handlers.room import Ask, Choice, Handler, Reply
from models.family.daysheet import Line, day_sheet, rounds_on
from models.family.homes import SET_OUT_WITHIN
from models.hours import CHINA

TASKS = (Choice("今天的视频", "call/sheet"), Choice("我的任务", "task"))


def mine(ask: Ask) -> Reply:
    """My rounds of today; who goes nowhere sees those of the helpers whose calls they look after."""
    found = rounds_on(day_sheet(ask.session, ask.who, ask.now.astimezone(CHINA).date()))
    own = [one for one in found if _helper(one) == ask.who.person_id]
    if not found:
        return Reply(after_words.NO_ROUND, TASKS)
    text = "\n".join(daysheets.round_text(one) for one in own or found)
    going = [Choice(after_words.SET_OUT_TO.format(cared=line.cared), f"call/{line.call_id}/out")
             for one in own for line in _next(ask, one)]  # fmt: skip
    doors = [Choice(f"{line.starts_at.astimezone(CHINA):%H:%M} {line.cared}", f"call/desk/{line.call_id}")
             for one in own or found for line in one]  # fmt: skip
    return Reply(text, (*going, *doors, *TASKS))


def _helper(lines: Sequence[Line]) -> int:
    return next(line.stop.call.helper_id for line in lines if line.stop is not None)


def _next(ask: Ask, lines: Sequence[Line]) -> list[Line]:
    """The next door of a round to which nobody has set out yet, where it is time for it."""
    coming = [line for line in lines if line.stop is not None and line.stop.is_coming]
    first = coming[:1]
    return [line for line in first if line.stop is not None and line.stop.call.set_out_at is None
            and ask.now >= line.starts_at - SET_OUT_WITHIN]  # fmt: skip


ADDRESSES: dict[str, Handler] = {"call/round": mine}

KEYWORDS = {"上门路线": "call/round"}
