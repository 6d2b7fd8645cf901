"""What fills a person's days, in the official account: a cadre says it of a resident, a family of who is called, and
everybody of themselves."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import time

from handlers.family import routine_words as words
from handlers.room import Ask, Choice, Handler, Reply
from models.errors import Refused
from models.family.routines import KINDS, Habit, days_for, put_habits
from models.people.care import cared_for_by
from models.people.scope import residents_named
from models.people.staff import is_cadre

MARKET = (time(7), time(11))  # a market morning, where no hour is said
NONE = ("没有", "无", "不")

_CLOCK = r"(\d{1,2}) ?(?:: ?(\d{2})|[点时](半|\d{2}(?=\D|$))?分?)"
_SPAN = re.compile(rf"{_CLOCK} ?(?:-|–|—|~|到|至) ?{_CLOCK}")
_END = r"(?:\d(?!\d?[点:时])|[一二三四五六七八九十零](?![点时]))"  # what is no hour
_MONTH_ENDS = re.compile(rf"逢 ?({_END}(?:[、,和逢 ]*{_END})*)")
_WEEKDAY = r"(?:周|星期|礼拜)([一二三四五六日天])"
_WEEK_SPAN = re.compile(rf"{_WEEKDAY} ?(?:-|–|—|~|到|至) ?(?:周|星期|礼拜)?([一二三四五六日天])")
_WEEKDAYS = re.compile(r"(?:周|星期|礼拜)([一二三四五六日天](?:[、,和周 ]*[一二三四五六日天])*)")
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
    lines = [words.habit(habit) for habit in days.known(ask.session)]
    choices = tuple(
        Choice(words.CHANGE.format(kind=words.KINDS[kind]), f"routine/{person}/{KINDS.index(kind)}")
        for kind in days.kinds
    )  # fmt: skip
    return Reply(words.days_of(days.person.name, lines, own=mine), choices, back="menu" if mine else "routine")


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
    flat = " ".join(unicodedata.normalize("NFKC", text).split())
    if flat in NONE:
        return [Habit(kind, time(0), time(0))]
    ends, spans = "".join(_MONTH_ENDS.findall(flat)), _SPAN.findall(flat)
    month_ends = "".join(_DIGITS.get(sign, sign) for sign in ends if sign in _DIGITS or sign.isdigit())
    weekdays = _weekdays(flat)
    hours = [(_clock(*found[:3]), _clock(*found[3:])) for found in spans]
    if kind == "market" and (month_ends or weekdays):
        hours = hours or [MARKET]
    if not hours:
        raise Refused("bad_routine")
    days = ["".join(sorted(set(one))) for one in (weekdays, month_ends)]
    return [Habit(kind, begins, until, *days) for begins, until in hours]


def as_typed(habits: Sequence[Habit]) -> str:
    """The same as somebody would write it, to be changed; "" where one line cannot say it."""
    if not habits or len({(one.weekdays, one.month_ends) for one in habits}) > 1:
        return ""
    if habits[0].begins == habits[0].ends:
        return NONE[0]
    return " ".join([*words.days(habits[0]), "，".join(words.span(one) for one in habits)])


def _weekdays(flat: str) -> str:
    """The days of the week that a text names, "周一到周五" with those between, as ISO digits."""
    found = ""
    for first, last in _WEEK_SPAN.findall(flat):
        begins, count = int(_DAYS[first]), (int(_DAYS[last]) - int(_DAYS[first])) % 7 + 1
        found += "".join(str((begins + n - 1) % 7 + 1) for n in range(count))
    return found + "".join(_DAYS[sign] for signs in _WEEKDAYS.findall(flat) for sign in signs if sign in _DAYS)


def _clock(hour: str, minute: str, after: str) -> time:
    try:
        return time(int(hour), 30 if after == "半" else int(minute or after or 0))
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
