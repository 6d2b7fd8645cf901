"""A preferred time as people write it: “明天上午9点”, “11月29日 14:30”, “周五下午三点半”."""

import re
import unicodedata
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_DAYS = {"今天": 0, "今日": 0, "明天": 1, "明日": 1, "后天": 2, "大后天": 3}
_WEEK = "一二三四五六日"
_HOUR_WORDS = {"一": 1, "两": 2, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9, "十": 10,
               "十一": 11, "十二": 12}  # fmt: skip
_PART = {"早上": 8, "上午": 9, "中午": 12, "下午": 14, "傍晚": 17, "晚上": 19}  # the hour when none is said

_DATE = re.compile(r"(?:(\d{4})[年/-])?(\d{1,2})[月/-](\d{1,2})[日号]?")
_WEEKDAY = re.compile(r"(下)?(?:周|星期|礼拜)([一二三四五六日天])")
_CLOCK = re.compile(r"(\d{1,2}|十[一二]?|[一两二三四五六七八九])(?::(\d{2})|[点时](半|一刻|三刻|\d{1,2}分?)?)")


def understood(text: str, now: datetime, zone: ZoneInfo) -> datetime | None:
    """The instant that somebody means, in the centre's zone; None where it is not said plainly enough."""
    found = day_and_clock(text, now, zone)
    return datetime.combine(*found, zone).astimezone(ZoneInfo("UTC")) if found else None


def day_and_clock(text: str, now: datetime, zone: ZoneInfo) -> tuple[date, time] | None:
    """The day and hour that somebody means by the clock of a zone; None where it is not said plainly enough.

    A day needs a time of day or a part of one ("明天上午" is nine o'clock), and a time alone is today's.
    """
    flat = "".join(unicodedata.normalize("NFKC", text).split())
    today = now.astimezone(zone).date()
    day, rest = _day(flat, today)
    clock = _clock(rest)
    if clock is None or (day is None and rest != flat):
        return None
    return day or today, clock


def _day(flat: str, today: date) -> tuple[date | None, str]:
    """The day that is named, and what is left of the text."""
    for word in sorted(_DAYS, key=len, reverse=True):
        if word in flat:
            return today + timedelta(days=_DAYS[word]), flat.replace(word, "", 1)
    if found := _DATE.search(flat):
        year, month, number = found.groups()
        day = _real(int(year) if year else today.year, int(month), int(number))
        if day is not None and not year and day < today:
            day = _real(today.year + 1, int(month), int(number))
        return day, flat[: found.start()] + flat[found.end() :]
    if found := _WEEKDAY.search(flat):
        weekday = _WEEK.index("日" if found.group(2) == "天" else found.group(2))
        ahead = weekday - today.weekday() + (7 if found.group(1) else 0)
        return today + timedelta(days=ahead if ahead >= 0 else ahead + 7), flat[: found.start()] + flat[found.end() :]
    return None, flat


def _real(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _clock(rest: str) -> time | None:
    part = next((word for word in _PART if word in rest), None)
    found = _CLOCK.search(rest)
    if found is None:
        return time(_PART[part]) if part else None
    said, colon, after = found.groups()
    hour = int(said) if said.isdigit() else _HOUR_WORDS[said]
    minute = int(colon) if colon else _minutes(after)
    if part in ("下午", "傍晚", "晚上") and hour < 12:
        hour += 12
    return time(hour, minute) if hour < 24 and minute < 60 else None


def _minutes(after: str | None) -> int:
    if after is None:
        return 0
    return {"半": 30, "一刻": 15, "三刻": 45}.get(after) or int(after.rstrip("分"))
