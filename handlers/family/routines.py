"""What fills a person's days, in the official account: a cadre writes it down for a resident, others for themselves."""

import re
import unicodedata
from datetime import time

from handlers.family import routine_words as words
from handlers.room import Ask, Choice, Handler, Reply
from models.errors import Refused
from models.family.routines import KINDS, Habit, habits_of, put_habits
from models.people.persons import Person
from models.people.scope import resident_of, residents_named
from models.people.staff import is_cadre

AT_HOME, ONES_OWN = ("meal", "nap", "market", "sleep", "school"), ("sleep", "work")  # what is asked of whom
MARKET = (time(7), time(11))  # a market morning, where no hour is said
NONE = ("没有", "无", "不")

_SPAN = re.compile(r"(\d{1,2})(?::(\d{2})|[点时](半)?)(?:-|–|—|~|到|至)(\d{1,2})(?::(\d{2})|[点时](半)?)")
_END = r"[\d一二三四五六七八九十零](?![\d点:时])"
_MONTH_ENDS = re.compile(rf"逢({_END}(?:[、,和]{_END})*)")
_WEEKDAYS = re.compile(r"(?:周|星期|礼拜)([一二三四五六日天、,周和]+)")
_DAYS = {word: str(n) for n, word in enumerate("一二三四五六日", start=1)} | {"天": "7"}
_DIGITS = {**{word: str(n) for n, word in enumerate("一二三四五六七八九", start=1)}, "十": "0", "零": "0"}


def home(ask: Ask) -> Reply:
    """One's own days; a cadre is asked whose."""
    if not is_cadre(ask.session, ask.who.person_id):
        return one(ask, ask.who.person_id)
    return Reply(words.WHOSE, (Choice(words.MINE, f"routine/{ask.who.person_id}"),), "routine/name")


def find(ask: Ask) -> Reply:
    """Finds a resident by name, below the cadre's own areas only."""
    found = residents_named(ask.session, ask.who.person_id, ask.text)
    choices = tuple(Choice(f"{person.name}（{area.name}）", f"routine/{person.id}") for person, area in found)
    if not choices:
        return Reply(words.NO_RESIDENT, ask_for="routine/name", back="routine")
    return Reply(words.WHOSE, choices, back="routine")


def one(ask: Ask, person: int) -> Reply:
    """What fills somebody's days as far as we know, each kind of which can be changed."""
    found = _of(ask, person)
    own = person == ask.who.person_id
    habits = habits_of(ask.session, [found], () if own else (found.id,))[found.id]
    kinds = ONES_OWN if own else AT_HOME
    shown = sorted((habit for habit in habits if habit.kind in kinds), key=lambda habit: (habit.begins, habit.kind))
    lines = [words.habit(habit) for habit in shown]
    choices = tuple(
        Choice(words.CHANGE.format(kind=words.KINDS[kind]), f"routine/{person}/{KINDS.index(kind)}") for kind in kinds
    )
    return Reply(words.days_of(found.name, lines, own=own), choices, back="routine" if not own else "menu")


def ask_habit(ask: Ask, person: int, kind: int) -> Reply:
    """Asks from when to when."""
    _of(ask, person)
    question = words.ASK_MARKET if _kind(kind) == "market" else words.ASK
    text = question.format(kind=words.KINDS[_kind(kind)])
    return Reply(text, ask_for=f"routine/{person}/{kind}/set", back=f"routine/{person}")


def set_habit(ask: Ask, person: int, kind: int) -> Reply:
    """Written down."""
    _of(ask, person)
    put_habits(ask.session, ask.who, person, _kind(kind), understood(_kind(kind), ask.text), ask.now)
    return Reply(words.KEPT, (Choice(words.LOOK, f"routine/{person}"),))


def understood(kind: str, text: str) -> list[Habit]:
    """What somebody writes of their days: "12:30-14:00", "逢三逢八 7点到11点", "周六周日", "没有".

    Raises Refused("bad_routine").
    """
    flat = "".join(unicodedata.normalize("NFKC", text).split())
    if flat in NONE:
        return [Habit(kind, time(0), time(0))]
    ends, week, spans = "".join(_MONTH_ENDS.findall(flat)), _WEEKDAYS.search(flat), _SPAN.findall(flat)
    month_ends = "".join(_DIGITS.get(sign, sign) for sign in ends if sign in _DIGITS or sign.isdigit())
    weekdays = "".join(_DAYS[sign] for sign in week[1] if sign in _DAYS) if week else ""
    hours = [(_clock(*found[:3]), _clock(*found[3:])) for found in spans]
    if kind == "market" and (month_ends or weekdays):
        hours = hours or [MARKET]
    if not hours:
        raise Refused("bad_routine")
    days = ["".join(sorted(set(one))) for one in (weekdays, month_ends)]
    return [Habit(kind, begins, until, *days) for begins, until in hours]


def _clock(hour: str, minute: str, half: str) -> time:
    try:
        return time(int(hour), int(minute) if minute else 30 if half else 0)
    except ValueError as error:
        raise Refused("bad_routine") from error


def _of(ask: Ask, person: int) -> Person:
    if person == ask.who.person_id:
        return ask.session.get_one(Person, person)
    return resident_of(ask.session, ask.who.person_id, person)


def _kind(number: int) -> str:
    if number >= len(KINDS):
        raise Refused("wrong_state")
    return KINDS[number]


ADDRESSES: dict[str, Handler] = {
    "routine": home,
    "routine/name": find,
    "routine/<int:person>": one,
    "routine/<int:person>/<int:kind>": ask_habit,
    "routine/<int:person>/<int:kind>/set": set_habit,
}

KEYWORDS = {"作息": "routine", "我的作息": "routine", "作息时间": "routine"}
