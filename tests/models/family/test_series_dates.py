"""On which days a rule falls: months of any length, lunar days, leap months, festivals; and the clock beside it."""

from datetime import date, timedelta

import pytest

from models.errors import Refused
from models.family.clocks import clock_change
from models.family.lunar import birthdays, date_of, festival_on, festivals, month_days
from models.family.recurring import read
from tests.world import NOW


def falls(code, anchor, count, since=None):
    first = date.fromisoformat(anchor)
    since = date.fromisoformat(since) if since else first
    return [day.isoformat() for day in read(code).days(first, since, first + timedelta(days=1500))[:count]]


@pytest.mark.case("F7")
def test_the_31st_is_the_last_day_of_a_month_that_has_none():
    assert falls("month-1-31", "2026-11-01", 5) == [
        "2026-11-30",
        "2026-12-31",
        "2027-01-31",
        "2027-02-28",
        "2027-03-31",
    ]
    assert falls("month-1-29", "2028-02-01", 2) == ["2028-02-29", "2028-03-29"]
    assert falls("month-2-30", "2026-12-05", 3) == ["2026-12-30", "2027-02-28", "2027-04-30"]


@pytest.mark.case("F7")
def test_the_fifth_friday_is_the_last_one_and_the_second_is_the_second():
    assert falls("nth-5-5", "2026-11-01", 4) == ["2026-11-27", "2026-12-25", "2027-01-29", "2027-02-26"]
    assert falls("nth-2-7", "2026-11-01", 2) == ["2026-11-08", "2026-12-13"]


def test_every_two_weeks_counts_from_its_first_day_however_late_it_is_asked():
    assert falls("week-2-7", "2026-11-29", 3) == ["2026-11-29", "2026-12-13", "2026-12-27"]
    assert falls("week-2-7", "2026-11-29", 2, since="2027-03-01") == ["2027-03-07", "2027-03-21"]


@pytest.mark.case("F7")
def test_every_lunar_first_and_fifteenth_also_of_a_leap_month():
    # From the Observatory's tables: 2025 has a second sixth month, from 25 July.
    found = month_days((1, 15), date(2025, 6, 25), date(2025, 8, 31))
    assert [day.isoformat() for day in found] == [
        "2025-06-25", "2025-07-09", "2025-07-25", "2025-08-08", "2025-08-23",
    ]  # fmt: skip
    assert falls("lunar-1-15", "2026-11-29", 2) == ["2026-12-09", "2026-12-23"]


@pytest.mark.case("F7")
def test_a_lunar_birthday_of_a_leap_month_is_kept_in_the_plain_month_of_other_years():
    found = birthdays(6, 10, True, date(2025, 1, 1), date(2027, 12, 31))
    assert [date_of(day) for day in found] == [(6, 10, True), (6, 10, False), (6, 10, False)]
    assert found[0] == date(2025, 8, 3)
    assert date_of(birthdays(6, 10, False, date(2025, 1, 1), date(2025, 12, 31))[0]) == (6, 10, False)


@pytest.mark.case("F7")
def test_a_birthday_on_the_thirtieth_is_the_last_day_of_a_short_month():
    found = birthdays(12, 30, False, date(2025, 1, 1), date(2027, 3, 1))
    assert [date_of(day + timedelta(days=1))[:2] for day in found] == [(1, 1)] * 3  # New Year's Eve, of 29 or 30 days


def test_the_festivals_of_2026_fall_as_the_county_keeps_them():
    kept = {
        "spring": "2026-02-17", "lantern": "2026-03-03", "qingming": "2026-04-05", "she": "2026-04-19",
        "dragon": "2026-06-19", "qixi": "2026-08-19", "moon": "2026-09-25", "ninth": "2026-10-18",
    }  # fmt: skip
    for name, day in kept.items():
        assert festivals([name], date(2026, 1, 1), date(2026, 12, 31)) == [date.fromisoformat(day)]
        assert festival_on(date.fromisoformat(day)) == name
    assert falls("feast-all", "2026-01-01", 8) == sorted(kept.values())
    assert festival_on(date(2026, 11, 29)) == ""


def test_a_rule_that_no_library_could_read_is_refused():
    for code in ("week-1-7-7", "nth-6-1", "birthday-5-31", "feast-", "lunar-", "week-1-7" + "0" * 30):
        with pytest.raises(Refused, match="bad_repeat"):
            read(code)


@pytest.mark.case("D8")
@pytest.mark.parametrize(
    ("zone", "days_later", "changes"),
    [
        ("Europe/Rome", 120, "2027-03-28"),
        ("America/New_York", 108, "2027-03-14"),
        ("Australia/Sydney", 126, "2027-04-04"),
    ],
)
def test_the_day_on_which_the_clocks_drift_apart_is_found_a_week_before(zone, days_later, changes):
    near = NOW + timedelta(days=days_later)
    assert clock_change("Asia/Shanghai", zone, near) == date.fromisoformat(changes)
    assert clock_change("Asia/Shanghai", zone, NOW) is None
    assert clock_change("Asia/Shanghai", zone, near + timedelta(days=10)) is None
    assert clock_change("Asia/Shanghai", "Asia/Tokyo", near) is None
