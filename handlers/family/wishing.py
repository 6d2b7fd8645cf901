"""A series as people wish it, from one call on: which rules there are, a lunar birthday as it is written, how long."""

import re
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from models.errors import Refused
from models.family.calls import FamilyCall
from models.family.lunar import DAY_NAMES, FESTIVALS, MONTH_NAMES
from models.family.recurring import LAST, Rule, read
from models.family.repeating import Wish
from models.family.series import ON_HOLIDAYS, Series
from models.places.centres import ServiceCentre

MONTHS = (6, 12, 0)  # how long a series goes on that nobody says otherwise of: half a year; 0: until somebody says so
HALF_A_YEAR = timedelta(days=182)  # whole weeks: the same weekday
_SPOKEN = re.compile(r"(?:农历)?(闰?)(\w{1,3}?)[月./-](\w{1,3}?)[日号]?")
_MONTHS = {name: n for n, name in enumerate(MONTH_NAMES) if name} | {"一": 1, "十一": 11, "十二": 12}
_DAYS = {name: n for n, name in enumerate(DAY_NAMES) if name}


def local_start(session: Session, call: FamilyCall) -> datetime:
    """When it begins, by the centre's clock."""
    return call.starts_at.astimezone(session.get_one(ServiceCentre, call.centre_id).tz)


def rules_from(first: date) -> list[Rule]:
    """The rules by which a call could come again, the most usual first; `first` is by the centre's clock."""
    nth = min((first.day - 1) // 7 + 1, LAST)
    codes = (
        f"week-1-{first.isoweekday()}", f"week-2-{first.isoweekday()}", f"month-1-{first.day}",
        f"nth-{nth}-{first.isoweekday()}", "lunar-1-15", "feast-all",
    )  # fmt: skip
    return [read(code) for code in codes]


def feasts() -> list[Rule]:
    """One festival a year, of each."""
    return [read(f"feast-{one}") for one in FESTIVALS]


def birthday(said: str) -> Rule:
    """A lunar birthday as people write it: 8月15, 八月十五, 闰6月10; raises Refused("bad_repeat") for anything else."""
    found = _SPOKEN.fullmatch(said.replace(" ", ""))
    month = _number(found[2], _MONTHS) if found else 0
    day = _number(found[3], _DAYS) if found else 0
    return read(f"birthday-{month}{'L' if found and found[1] else ''}-{day}")


def _number(said: str, names: dict[str, int]) -> int:
    return int(said) if said.isascii() and said.isdigit() else names.get(said, 0)


def months_for(rule: Rule, said: str) -> int:
    """For how many months, as an address or a form says it; half a year where it says nothing that is a number.

    What comes once a year goes on until somebody says so, where half a year is asked for.
    """
    months = int(said) if said.isascii() and said.isdecimal() and len(said) < 3 else MONTHS[0]
    return 0 if rule.is_yearly and months == MONTHS[0] else months


def half_year_more(series: Series, now: datetime) -> date:
    """Until when a series goes on that is made half a year longer: from its last day, from today where that is past."""
    today = now.astimezone(series.tz).date()
    return max(series.last_day or today, today) + HALF_A_YEAR


def wish_from(session: Session, call: FamilyCall, rule: Rule, kept: str, months: int, now: datetime) -> Wish:
    """The wish: from that call on (or from today, where it lies in the past), for so many of `MONTHS`.

    `kept` is how holidays are kept, by its first two letters or whole; anything else means the rule's own way.
    Raises Refused("bad_repeat") for another span.
    """
    if months not in MONTHS:
        raise Refused("bad_repeat")
    on_holidays = next((one for one in ON_HOLIDAYS if len(kept) > 1 and one.startswith(kept)), "")
    on_holidays = on_holidays or ("keep" if rule.is_yearly else "skip")  # festivals are holidays
    local = local_start(session, call)
    first = max(local.date(), now.astimezone(local.tzinfo).date())
    last = first + timedelta(days=months * 365 // 12) if months else None
    return Wish(call.relative_id, call.cared_id, rule, local.time(), first, last, on_holidays)
