"""A recurrence rule as a short code ("week-2-7"), what it means, and on which days it falls."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise

from dateutil.rrule import DAILY, MONTHLY, WEEKLY, rrule, weekday

from models.errors import Refused
from models.family.lunar import FESTIVALS, birthdays, festivals, is_birthday, month_days

CODE_LIMIT = 24  # what fits into one part of a conversation's address
LAST = 5  # "the fifth Friday" is the last one: most months have only four
LOOKED_THROUGH = timedelta(days=400)  # a year of every rule


@dataclass(frozen=True)
class Rule:
    """One rule: its kind, and its numbers or names as `_KINDS` says."""

    kind: str
    parts: tuple[str, ...]

    @property
    def code(self) -> str:
        """The rule as it is kept, and as an address carries it."""
        return "-".join((self.kind, *self.parts))

    @property
    def numbers(self) -> tuple[int, ...]:
        """The parts as numbers."""
        return tuple(int(part) for part in self.parts)

    @property
    def is_yearly(self) -> bool:
        """Whether a year has only a few of its days."""
        return self.kind in ("birthday", "feast")

    def days(self, anchor: date, since: date, until: date) -> Sequence[date]:
        """The days of this rule from `since` to `until`; an interval of several weeks counts from `anchor`."""
        first = max(anchor, since)
        counts = self.kind in ("week", "day", "month") and self.numbers[0] > 1
        return () if first > until else _days(self, anchor if counts else first, first, until)


@lru_cache(maxsize=4096)  # thousands of series have the same rule, and their rows are made together
def _days(rule: Rule, anchor: date, since: date, until: date) -> tuple[date, ...]:
    return tuple(_KINDS[rule.kind][1](rule, anchor, since, until))


def weekly(day: date, every: int = 1) -> Rule:
    """Every so many weeks on the weekday of `day`."""
    return Rule("week", (str(every), str(day.isoweekday())))


@lru_cache(maxsize=4096)
def read(code: str) -> Rule:
    """The rule behind a code; raises Refused("bad_repeat") for anything that is none."""
    kind, *parts = code.split("-")
    known = _KINDS.get(kind)
    if len(code) > CODE_LIMIT or known is None or not re.fullmatch(known[0], "-".join(parts)):
        raise Refused("bad_repeat")
    rule = Rule(kind, tuple(parts))
    if kind == "feast" and not set(parts) <= {*FESTIVALS, "all"}:
        raise Refused("bad_repeat")
    if kind == "birthday" and not is_birthday(*_birthday(rule)[:2]):
        raise Refused("bad_repeat")
    return rule


def check_fits(rule: Rule, anchor: date, lasts: timedelta) -> None:
    """Raises Refused("overlaps_itself") when one occurrence would still last when the next begins."""
    days = rule.days(anchor, anchor, anchor + LOOKED_THROUGH)
    if any(following - day < lasts for day, following in pairwise(days)):
        raise Refused("overlaps_itself")


def _weeks(rule: Rule, anchor: date, since: date, until: date) -> list[date]:
    every, day = rule.numbers
    return _dates(rrule(WEEKLY, interval=every, byweekday=day - 1, dtstart=_noon(anchor)), since, until)


def _daily(rule: Rule, anchor: date, since: date, until: date) -> list[date]:
    return _dates(rrule(DAILY, interval=rule.numbers[0], dtstart=_noon(anchor)), since, until)


def _month_days(rule: Rule, anchor: date, since: date, until: date) -> list[date]:
    """A month that has no such day takes its last: of the days up to the wanted one, the last that exists."""
    every, number = rule.numbers
    candidates = tuple(range(min(number, 28), number + 1))
    start = _noon(anchor.replace(day=1))
    found = rrule(MONTHLY, interval=every, bymonthday=candidates, bysetpos=-1, dtstart=start)
    return _dates(found, since, until)


def _nth_weekdays(rule: Rule, anchor: date, since: date, until: date) -> list[date]:
    number, day = rule.numbers
    wanted = weekday(day - 1, -1 if number >= LAST else number)
    return _dates(rrule(MONTHLY, byweekday=wanted, dtstart=_noon(anchor.replace(day=1))), since, until)


def _birthday(rule: Rule) -> tuple[int, int, bool]:
    month, day = rule.parts
    return int(month.rstrip("L")), int(day), month.endswith("L")


def _feasts(rule: Rule) -> Iterator[str]:
    return iter(FESTIVALS if "all" in rule.parts else rule.parts)


def _noon(day: date) -> datetime:
    """A day for `rrule`, which counts in naive times and knows no zone: the clock is added by whoever plans."""
    return datetime.combine(day, time(12))


def _dates(rule: rrule, since: date, until: date) -> list[date]:
    return [found.date() for found in rule.between(_noon(since), _noon(until), inc=True)]


Days = Callable[[Rule, date, date, date], list[date]]

# Kind → what its parts look like, and its days. week-N-D: every N weeks on ISO weekday D. day-N: every N days.
# month-N-D: every N months on day D. nth-N-D: the Nth weekday D of a month. lunar-D-D: these days of every lunar month.
# birthday-M-D: a lunar birthday, ML of a leap month. feast-NAME: festivals by name, or all of them.
_KINDS: Mapping[str, tuple[str, Days]] = {
    "week": (r"[1-9]\d?-[1-7]", _weeks),
    "day": (r"[1-9]\d?", _daily),
    "month": (r"[1-9]\d?-([1-9]|[12]\d|3[01])", _month_days),
    "nth": (r"[1-5]-[1-7]", _nth_weekdays),
    "lunar": (
        r"([1-9]|[12]\d|30)(-([1-9]|[12]\d|30))*",
        lambda rule, _, since, until: month_days(rule.numbers, since, until),
    ),
    "birthday": (
        r"\d{1,2}L?-\d{1,2}",
        lambda rule, _, since, until: birthdays(*_birthday(rule), since, until),
    ),
    "feast": (r"[a-z]+(-[a-z]+)*", lambda rule, _, since, until: festivals(_feasts(rule), since, until)),
}
