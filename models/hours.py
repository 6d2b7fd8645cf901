"""Working days and opening hours: statutory holidays, make-up workdays, and what a known year means."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import chinese_calendar
from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base
from models.errors import Refused

CHINA = ZoneInfo("Asia/Shanghai")


class CalendarOverride(Base):
    """One day on which the county's own notice wins over the statutory calendar."""

    __tablename__ = "calendar_overrides"

    day: Mapped[date] = mapped_column(primary_key=True)
    is_workday: Mapped[bool]
    name: Mapped[str] = mapped_column(String(40))  # "春节调休", "台风停工"


@dataclass(frozen=True)
class WorkCalendar:
    """Which days are worked: overrides first, then the statutory calendar, then Monday to Friday.

    The State Council publishes a year's holidays only in the November before, so a year may be unknown:
    `knows` says so, and `is_workday` falls back to Monday–Friday.
    """

    overrides: Mapping[date, bool] = field(default_factory=dict)

    def knows(self, year: int) -> bool:
        """Whether the statutory holidays of `year` are in the installed calendar."""
        return _statutory(date(year, 1, 1)) is not None

    def is_workday(self, day: date) -> bool:
        """Whether `day` is worked in China, make-up Sundays included."""
        if day in self.overrides:
            return self.overrides[day]
        known = _statutory(day)
        return known if known is not None else day.weekday() < 5

    def add_workdays(self, day: date, count: int) -> date:
        """The day that lies `count` working days after `day` (before, when negative)."""
        step = timedelta(days=1 if count >= 0 else -1)
        for _ in range(abs(count)):
            day += step
            while not self.is_workday(day):
                day += step
        return day


@cache
def _statutory(day: date) -> bool | None:
    """Whether the statutory calendar works on `day`; None where it does not reach."""
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return None


def calendar(session: Session) -> WorkCalendar:
    """The county's working calendar as it stands now."""
    rows: Iterable[Any] = session.execute(select(CalendarOverride.day, CalendarOverride.is_workday))
    return WorkCalendar({row.day: row.is_workday for row in rows})


def zone_named(name: str) -> ZoneInfo:
    """The IANA zone called `name`; raises Refused("unknown_zone") for anything else."""
    if name not in _zone_names():
        raise Refused("unknown_zone", zone=name)
    return ZoneInfo(name)


@cache
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones())


def instant(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """The UTC instant of a wall-clock time in `zone`.

    An hour that occurs twice is taken the first time; one that does not exist is moved forward by the gap,
    which is what `fold=0` does (PEP 495).
    """
    return datetime.combine(day, clock, tzinfo=zone).astimezone(ZoneInfo("UTC"))
