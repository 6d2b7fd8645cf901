"""Working days and opening hours: statutory holidays, make-up workdays, and what a known year means."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import chinese_calendar
from sqlalchemy import String, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, Steady, once
from models.errors import Refused

CHINA = ZoneInfo("Asia/Shanghai")
CLOCKS_DIFFER = timedelta(seconds=5)  # as far as those of several machines may stand apart
WORK_BEGINS, WORK_ENDS = time(8, 30), time(17, 30)
FIRST_KNOWN = 2004  # the year with which the statutory calendar begins


def midnight(at: datetime) -> datetime:
    """When the day of an instant began in China, in its zone."""
    return at.astimezone(CHINA).replace(hour=0, minute=0, second=0, microsecond=0)


class CalendarOverride(Steady, Base):
    """One day on which the county's own notice wins over the statutory calendar."""

    __tablename__ = "calendar_overrides"

    day: Mapped[date] = mapped_column(primary_key=True)
    is_workday: Mapped[bool]
    name: Mapped[str] = mapped_column(String(40))  # "春节调休", "台风停工"
    # Whether what is planned by working days has been planned by it; whoever changes the row asks for it again.
    heeded: Mapped[bool] = mapped_column(default=False, onupdate=False)


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
        return known.worked if known is not None else day.weekday() < 5

    def is_holiday(self, day: date) -> bool:
        """Whether `day` is a holiday, on whatever weekday it falls; a plain weekend is none.

        The county's own notice wins on every day: a Saturday that it takes away is a holiday.
        """
        if day in self.overrides:
            return not self.overrides[day]
        known = _statutory(day)
        return known is not None and known.name is not None and not known.worked

    def add_workdays(self, day: date, count: int) -> date:
        """The day that lies `count` working days after `day` (before, when negative)."""
        step = timedelta(days=1 if count >= 0 else -1)
        for _ in range(abs(count)):
            day += step
            while not self.is_workday(day):
                day += step
        return day

    def add_working_time(self, moment: datetime, length: timedelta) -> datetime:
        """The instant at which `length` of working time in China has passed since `moment`."""
        day = moment.astimezone(CHINA).date()
        while True:
            begins, ends = max(instant(day, WORK_BEGINS, CHINA), moment), instant(day, WORK_ENDS, CHINA)
            if self.is_workday(day) and begins < ends:
                if length <= ends - begins:
                    return begins + length
                length -= ends - begins
            day += timedelta(days=1)

    def working_time(self, since: datetime, until: datetime) -> timedelta:
        """How much working time in China lies between two instants; none where the second is not the later."""
        day, last = since.astimezone(CHINA).date(), until.astimezone(CHINA).date()
        passed = timedelta(0)
        while day <= last:
            begins, ends = max(instant(day, WORK_BEGINS, CHINA), since), min(instant(day, WORK_ENDS, CHINA), until)
            if begins < ends and self.is_workday(day):
                passed += ends - begins
            day += timedelta(days=1)
        return passed


@dataclass(frozen=True)
class _Day:
    """What the statutory calendar says of a day; `name`: the holiday that it belongs to or makes up for."""

    worked: bool
    name: str | None


@cache
def _statutory(day: date) -> _Day | None:
    """What the statutory calendar says of `day`; None where it does not reach."""
    try:
        free, name = chinese_calendar.get_holiday_detail(day)
    except NotImplementedError:
        return None
    return _Day(not free, name)


def last_known_year() -> int:
    """The last year whose statutory holidays are in the installed calendar; another one comes with a restart."""
    year = FIRST_KNOWN
    while _statutory(date(year + 1, 1, 1)) is not None:
        year += 1
    return year


def calendar(session: Session) -> WorkCalendar:
    """The county's working calendar as it stands now."""

    def ask() -> WorkCalendar:
        rows: Iterable[Any] = session.execute(select(CalendarOverride.day, CalendarOverride.is_workday))
        return WorkCalendar({row.day: row.is_workday for row in rows})

    return once(session, CalendarOverride, "all", ask)


def take_changed_days(session: Session) -> bool:
    """Whether the county's calendar has changed since it was last planned by; answering yes marks it as heeded.

    Of several clocks one hears yes: the others wait for its transaction.
    """
    changed = (
        update(CalendarOverride).where(CalendarOverride.heeded.is_(False)).values(heeded=True)
        .returning(CalendarOverride.day)
    )  # fmt: skip
    return bool(session.execute(changed, execution_options={"synchronize_session": False}).all())


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


def instants(day: date, clock: time, zone: ZoneInfo) -> tuple[datetime, ...]:
    """Every UTC instant at which a clock in `zone` shows this: two where summer ends, none where it begins."""
    wall = datetime.combine(day, clock, tzinfo=zone)
    both = (wall.replace(fold=fold).astimezone(ZoneInfo("UTC")) for fold in (0, 1))
    return tuple(dict.fromkeys(m for m in both if m.astimezone(zone).replace(tzinfo=None) == wall.replace(tzinfo=None)))
