"""A cadre asks a family for another time: which day, which hour, what otherwise, and why."""

from zoneinfo import ZoneInfo

from handlers.family import after_words, words
from handlers.family.free_times import to_ask_for
from handlers.family.moments import day_of, instant_of, stamp_of
from handlers.room import Ask, Choice, Handler, Reply
from handlers.words import on_day, when
from models.errors import Refused
from models.family.calls import cadres_call
from models.family.changing import propose
from models.family.proposals import POLICIES
from models.hours import CHINA


def days(ask: Ask, call: int) -> Reply:
    """The next days on which everything is free at some hour."""
    found = cadres_call(ask.session, ask.who, call)
    free = to_ask_for(ask.session, ask.who, found.id, ask.now).slots
    listed = dict.fromkeys(slot.starts_at.astimezone(CHINA).date() for slot in free)
    choices = tuple(Choice(on_day(day), f"call/{call}/ask/{day:%Y%m%d}") for day in listed)
    return Reply(after_words.ASK_DAY if choices else words.GONE_ALL, choices, back=f"call/desk/{call}")


def hours(ask: Ask, call: int, day: str) -> Reply:
    """The free half-hours of that day, those in which the family is awake first."""
    cadres_call(ask.session, ask.who, call)
    free = to_ask_for(ask.session, ask.who, call, ask.now, day_of(day))
    choices = tuple(
        Choice(words.both(slot.starts_at, free.relative.time_zone), f"call/{call}/ask/at/{stamp_of(slot.starts_at)}")
        for slot in sorted(free.slots, key=lambda slot: (not slot.humane, slot.starts_at))
    )
    return Reply(after_words.ASK_TIME if choices else words.NO_SLOTS, choices, back=f"call/{call}/ask")


def policy(ask: Ask, call: int, stamp: int) -> Reply:
    """Asks what becomes of the call without a yes."""
    cadres_call(ask.session, ask.who, call)
    choices = tuple(
        Choice(after_words.POLICY_NAMES[one], f"call/{call}/ask/at/{stamp}/{n}") for n, one in enumerate(POLICIES)
    )
    return Reply(after_words.ASK_POLICY, choices, back=f"call/{call}/ask")


def why(ask: Ask, call: int, stamp: int, otherwise: int) -> Reply:
    """Asks why."""
    cadres_call(ask.session, ask.who, call)
    at = f"call/{call}/ask/at/{stamp}/{otherwise}"
    choices = tuple(Choice(reason, f"{at}/{n}") for n, reason in enumerate(words.OF_THE_CENTRE))
    return Reply(after_words.ASK_WHY, choices, back=f"call/{call}/ask")


def asked(ask: Ask, call: int, stamp: int, otherwise: int, reason: int) -> Reply:
    """The family has been asked."""
    if otherwise >= len(POLICIES) or reason >= len(words.OF_THE_CENTRE):
        raise Refused("wrong_state")
    starts_at = instant_of(stamp)
    made = propose(ask.session, ask.who, call, starts_at, words.OF_THE_CENTRE[reason], POLICIES[otherwise], ask.now)
    by = when(made.answer_by, ZoneInfo(ask.who.zone))
    return Reply(after_words.PROPOSED.format(by=by), (Choice("查看", f"call/desk/{call}"), Choice("我的任务", "task")))


ADDRESSES: dict[str, Handler] = {
    "call/<int:call>/ask": days,
    "call/<int:call>/ask/<day>": hours,
    "call/<int:call>/ask/at/<int:stamp>": policy,
    "call/<int:call>/ask/at/<int:stamp>/<int:otherwise>": why,
    "call/<int:call>/ask/at/<int:stamp>/<int:otherwise>/<int:reason>": asked,
}
