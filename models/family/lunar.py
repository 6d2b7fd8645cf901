"""Lunar dates: the first and the fifteenth, birthdays with leap months, and the festivals families keep."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from lunar_python import Lunar, LunarYear, Solar
from lunar_python.util import LunarUtil

# Festival → its lunar month and day; 清明 follows the sun, as a solar term. 三月三 is the She people's own.
FESTIVALS: Mapping[str, tuple[int, int] | None] = {
    "spring": (1, 1), "lantern": (1, 15), "she": (3, 3), "qingming": None, "dragon": (5, 5), "qixi": (7, 7),
    "moon": (8, 15), "ninth": (9, 9),
}  # fmt: skip


# What people call the months and days: MONTH_NAMES[12] is 腊, DAY_NAMES[1] 初一.
MONTH_NAMES: tuple[str, ...] = tuple(LunarUtil.MONTH)
DAY_NAMES: tuple[str, ...] = tuple(LunarUtil.DAY)


@dataclass(frozen=True)
class Month:
    """A lunar month of one year: its first day in our calendar, and whether it has 29 or 30 days."""

    first: date
    length: int

    def day(self, number: int) -> date:
        """The day with this number; the thirtieth of a short month is its last."""
        return self.first + timedelta(days=min(number, self.length) - 1)


@cache
def months(year: int) -> Mapping[tuple[int, bool], Month]:
    """The months of a lunar year by (number, whether it is the leap one)."""
    found = {}
    for month in LunarYear.fromYear(year).getMonthsInYear():
        first = Solar.fromJulianDay(month.getFirstJulianDay())
        key = (abs(month.getMonth()), month.getMonth() < 0)
        found[key] = Month(date(first.getYear(), first.getMonth(), first.getDay()), month.getDayCount())
    return found


def month_days(numbers: Iterable[int], since: date, until: date) -> list[date]:
    """The days with these numbers of every lunar month, leap months too, from `since` to `until`."""
    wanted = tuple(numbers)
    days = {month.day(number) for year in _years(since, until) for month in months(year).values() for number in wanted}
    return sorted(day for day in days if since <= day <= until)


def birthdays(month: int, day: int, leap: bool, since: date, until: date) -> list[date]:
    """A lunar birthday each year; one of a leap month is kept in the plain month of a year without that leap month."""
    found = []
    for year in _years(since, until):
        known = months(year)
        kept = known.get((month, leap)) or known[month, False]
        found.append(kept.day(day))
    return [one for one in found if since <= one <= until]


def festivals(names: Iterable[str], since: date, until: date) -> list[date]:
    """The days of these festivals; in a year with a leap month they are kept in the plain one."""
    days = {_festival(name, year) for name in names for year in _years(since, until)}
    return sorted(day for day in days if since <= day <= until)


def festival_on(day: date) -> str:
    """The name of the festival that falls on a day; "" on most."""
    return next((name for name in FESTIVALS if any(_festival(name, year) == day for year in _years(day, day))), "")


@cache
def _festival(name: str, year: int) -> date:
    fixed = FESTIVALS[name]
    if fixed is not None:
        return months(year)[fixed[0], False].day(fixed[1])
    term = Lunar.fromYmd(year, 3, 1).getJieQiTable()["清明"]
    return date(term.getYear(), term.getMonth(), term.getDay())


def date_of(day: date) -> tuple[int, int, bool]:
    """A day's lunar month, day, and whether the month is a leap month."""
    for year in _years(day, day):
        for (number, leap), month in months(year).items():
            if 0 <= (day - month.first).days < month.length:
                return number, (day - month.first).days + 1, leap
    raise AssertionError("every day lies in a lunar month")


def is_birthday(month: int, day: int) -> bool:
    """Whether there can be such a lunar birthday at all."""
    return 1 <= month <= 12 and 1 <= day <= 30


def _years(since: date, until: date) -> range:
    """The lunar years that touch these days: a year ends in the January or February after."""
    return range(since.year - 1, until.year + 1)
