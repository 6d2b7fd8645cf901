"""A cadre asks a family for another time: which day, which hour, what otherwise, and why."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

from handlers.family import after_words, words
from handlers.family.moments import day_of, instant_of, stamp_of
from handlers.room import Ask, Choice, Handler, Reply
from handlers.words import on_day, when
from models.errors import Refused
from models.family.calls import FamilyCall, cadres_call
from models.family.changing import propose
from models.family.guests import guests_of
from models.family.proposals import POLICIES
from models.family.slots import Slot, free_slots
from models.hours import CHINA
from models.people.persons import Person

DAYS_SHOWN = 10


def days(ask: Ask, call: int) -> Reply:
    """The next days on which everything is free at some hour."""
    found = cadres_call(ask.session, ask.who, call)
    free = _free(ask, found, ask.now.astimezone(CHINA).date(), DAYS_SHOWN)
    listed = dict.fromkeys(slot.starts_at.astimezone(CHINA).date() for slot in free)
    choices = tuple(Choice(on_day(day), f"call/{call}/ask/{day:%Y%m%d}") for day in listed)
    return Reply(after_words.ASK_DAY if choices else words.GONE_ALL, choices, back=f"call/desk/{call}")


def hours(ask: Ask, call: int, day: str) -> Reply:
    """The free half-hours of that day, those in which the family is awake first."""
    found, zone = cadres_call(ask.session, ask.who, call), _zone(ask, call)
    free = sorted(_free(ask, found, day_of(day), 1), key=lambda slot: (not slot.humane, slot.starts_at))
    choices = tuple(
        Choice(words.both(slot.starts_at, zone), f"call/{call}/ask/at/{stamp_of(slot.starts_at)}")
        for slot in free
    )  # fmt: skip
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


def _free(ask: Ask, call: FamilyCall, first_day: date, many: int) -> list[Slot]:
    """What can be asked for, without the time that the call has.

    Not `free_times.to_move_a_call`, which is for who moves their own call at once. Here the family has still to answer:
    a time that begins as early as may be would leave them no moment for it, hence the minute; and a time that the
    relative is holding just now, who may be about to move the call, is not the centre's to ask for.
    """
    relative, cared = (ask.session.get_one(Person, key) for key in (call.relative_id, call.cared_id))
    free = free_slots(
        ask.session, relative, cared, first_day=first_day, days=many, now=ask.now + timedelta(minutes=1),
        held_by=call.subject, guests=guests_of(ask.session, call.id),
    )  # fmt: skip
    return [slot for slot in free if slot.starts_at != call.starts_at]


def _zone(ask: Ask, call: int) -> str:
    found = cadres_call(ask.session, ask.who, call)
    return ask.session.get_one(Person, found.relative_id).time_zone


ADDRESSES: dict[str, Handler] = {
    "call/<int:call>/ask": days,
    "call/<int:call>/ask/<day>": hours,
    "call/<int:call>/ask/at/<int:stamp>": policy,
    "call/<int:call>/ask/at/<int:stamp>/<int:otherwise>": why,
    "call/<int:call>/ask/at/<int:stamp>/<int:otherwise>/<int:reason>": asked,
}
