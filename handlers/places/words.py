"""How we speak of centres and their hours."""

from collections.abc import Sequence
from itertools import groupby

from handlers.words import WEEKDAYS, on_day
from models.places.centres import Closure, OpeningHours

NO_HOURS = "还没有登记开放时间"
ALL_CENTRES = "全部中心"


def week(hours: Sequence[OpeningHours]) -> list[str]:
    """A usual week in as few lines as it needs: "周一至周五 08:30–17:00"."""
    days: dict[int, list[str]] = {}
    for row in hours:
        days.setdefault(row.weekday, []).append(f"{row.opens:%H:%M}–{row.closes:%H:%M}")
    spans = [(day, "、".join(times)) for day, times in sorted(days.items())]
    lines = []
    # Days in a row with the same times: their number less their place is the same.
    for (_, times), group in groupby(enumerate(spans), lambda item: (item[1][0] - item[0], item[1][1])):
        found = [day for _, (day, _) in group]
        first, last = WEEKDAYS[found[0] - 1], WEEKDAYS[found[-1] - 1]
        lines.append(f"周{first}至周{last} {times}" if len(found) > 1 else f"周{first} {times}")
    return lines or [NO_HOURS]


def on_holidays(hours: Sequence[OpeningHours]) -> str:
    """Whether a centre is open on holidays."""
    if not hours:
        return ""
    marked = [row.on_holidays for row in hours]
    return "节假日照常" if all(marked) else "节假日部分开放" if any(marked) else "节假日休息"


def closure(row: Closure) -> str:
    """Some days on which a centre is shut, and why."""
    days = on_day(row.first_day)
    if row.last_day != row.first_day:
        days += f"至{on_day(row.last_day)}"
    return f"{days} {row.reason}" + (f"（{ALL_CENTRES}）" if row.centre_id is None else "")
