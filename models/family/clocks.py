"""When the clocks of two places drift apart: the day from which the same hour here is another hour there."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

LOOK_AHEAD = timedelta(days=7)


def clock_change(home: str, away: str, now: datetime) -> date | None:
    """The first day of the next week, by the clock at `away`, on which the two zones differ otherwise than now."""
    here, there = ZoneInfo(home), ZoneInfo(away)

    def apart(moment: datetime) -> timedelta:
        return moment.astimezone(there).replace(tzinfo=None) - moment.astimezone(here).replace(tzinfo=None)

    if apart(now + LOOK_AHEAD) == apart(now):
        return None
    early, late = timedelta(), LOOK_AHEAD
    while late - early > timedelta(minutes=1):  # the change lies between
        middle = (early + late) / 2
        early, late = (middle, late) if apart(now + middle) == apart(now) else (early, middle)
    return (now + late).astimezone(there).date()
