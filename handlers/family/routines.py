"""What fills a person's days, in the official account: a cadre says it of a resident, a family of who is called, and
everybody of themselves."""

import re
import unicodedata
from datetime import time

from sqlalchemy.orm import Session

from handlers.family import routine_words as words
from handlers.room import Ask, Choice, Handler, Reply
from models.errors import Refused
from models.family.routines import KINDS, Days, Habit, days_for, habits_of, put_habits
from models.people.care import cared_for_by
from models.people.scope import residents_named
from models.people.staff import is_cadre

MARKET = (time(7), time(11))  # a market morning, where no hour is said
NONE = ("没有", "无", "不")

_SPAN = re.compile(r"(\d{1,2})(?::(\d{2})|[点时](半)?)(?:-|–|—|~|到|至)(\d{1,2})(?::(\d{2})|[点时](半)?)")
_END = r"[\d一二三四五六七八九十零](?![\d点:时])"
_MONTH_ENDS = re.compile(rf"逢({_END}(?:[、,和]{_END})*)")
_WEEKDAYS = re.compile(r"(?:周|星期|礼拜)([一二三四五六日天、,周和]+)")
_DAYS = {word: str(n) for n, word in enumerate("一二三四五六日", start=1)} | {"天": "7"}
_DIGITS = {**{word: str(n) for n, word in enumerate("一二三四五六七八九", start=1)}, "十": "0", "零": "0"}


def home(ask: Ask) -> Reply:
    """One's own days, or those of who is called; a cadre is asked whose."""
    me = ask.who.person_id
    family = [Choice(words.OF.format(name=person.name), f"routine/{person.id}")
              for person, _ in cared_for_by(ask.session, me)]  # fmt: skip
    choices = (Choice(words.MINE, f"routine/{me}"), *family)
    if is_cadre(ask.session, me):
        return Reply(words.WHOSE, choices, "routine/name")
    return Reply(words.WHICH, choices, back="menu") if family else own(ask)


def own(ask: Ask) -> Reply:
    """One's own days."""
    return one(ask, ask.who.person_id)


def find(ask: Ask) -> Reply:
    """Finds a resident by name, below the cadre's own areas only."""
    found = residents_named(ask.session, ask.who.person_id, ask.text)
    choices = tuple(Choice(f"{person.name}（{area.name}）", f"routine/{person.id}") for person, area in found)
    if not choices:
        return Reply(words.NO_RESIDENT, ask_for="routine/name", back="routine")
    return Reply(words.WHOSE, choices, back="routine")


def one(ask: Ask, person: int) -> Reply:
    """What fills somebody's days as far as we know, each kind of which can be changed."""
    days = days_for(ask.session, ask.who, person)
    mine = days.role == "self"
    lines = [words.habit(habit) for habit in shown(ask.session, days)]
    choices = tuple(
        Choice(words.CHANGE.format(kind=words.KINDS[kind]), f"routine/{person}/{KINDS.index(kind)}")
        for kind in days.kinds
    )  # fmt: skip
    return Reply(words.days_of(days.person.name, lines, own=mine), choices, back="menu" if mine else "routine")


def shown(session: Session, days: Days) -> list[Habit]:
    """What fills somebody's days, of the kinds that who asks may see, in the order of the day."""
    habits = habits_of(session, [days.person], (days.person.id,) if days.at_home else ())[days.person.id]
    return sorted((one for one in habits if one.kind in days.kinds), key=lambda one: (one.begins, one.kind))


def ask_habit(ask: Ask, person: int, kind: int) -> Reply:
    """Asks from when to when."""
    which = _kind(ask, person, kind)
    text = (words.ASK_MARKET if which == "market" else words.ASK).format(kind=words.KINDS[which])
    return Reply(text, ask_for=f"routine/{person}/{kind}/set", back=f"routine/{person}")


def set_habit(ask: Ask, person: int, kind: int) -> Reply:
    """Written down."""
    which = _kind(ask, person, kind)
    put_habits(ask.session, ask.who, person, which, understood(which, ask.text), ask.now)
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


def _kind(ask: Ask, person: int, number: int) -> str:
    """What an address speaks of; raises Refused("not_yours") where it is not for who asks to say."""
    days = days_for(ask.session, ask.who, person)
    if number >= len(KINDS):
        raise Refused("wrong_state")
    if not days.says(KINDS[number]):
        raise Refused("not_yours")
    return KINDS[number]


ADDRESSES: dict[str, Handler] = {
    "routine": home,
    "routine/own": own,
    "routine/name": find,
    "routine/<int:person>": one,
    "routine/<int:person>/<int:kind>": ask_habit,
    "routine/<int:person>/<int:kind>/set": set_habit,
}

KEYWORDS = {"作息": "routine", "我的作息": "routine/own", "作息时间": "routine"}
