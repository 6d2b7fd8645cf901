"""How times and texts are said to people."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from handlers import words
from models.hours import CHINA

MADRID, ROME, TOKYO, KOLKATA = (ZoneInfo(z) for z in ("Europe/Madrid", "Europe/Rome", "Asia/Tokyo", "Asia/Kolkata"))


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_time_has_its_weekday():
    assert words.when(at("2026-11-29T08:00"), CHINA) == "11月29日（周日）16:00"


def test_a_time_for_two_zones_names_both():
    assert words.when_two(at("2026-11-29T08:00"), CHINA, MADRID) == "国内11月29日（周日）16:00 · 马德里09:00"


def test_one_zone_is_said_once():
    assert words.when_two(at("2026-11-29T08:00"), CHINA, ZoneInfo("Asia/Singapore")) == "11月29日（周日）16:00"


@pytest.mark.case("D8")
def test_two_hours_that_a_clock_shows_alike_are_told_apart_whichever_is_said_first():
    first, second = (datetime(2026, 10, 25, 2, 30, tzinfo=MADRID, fold=fold) for fold in (0, 1))
    assert first == second  # to Python, which looks at the wall alone
    for moment, offset, lishui in ((first, "02:00", "08:30"), (second, "01:00", "09:30"), (first, "02:00", "08:30")):
        assert words.when(moment, MADRID) == f"10月25日（周日）02:30（UTC+{offset}）"
        assert words.when_two(moment, CHINA, MADRID).startswith(f"国内10月25日（周日）{lishui} ")
        assert words.on_card(moment, CHINA) == f"2026-10-25 {lishui}"


@pytest.mark.case("D7")
def test_the_date_is_right_on_each_side():
    said = words.when_two(at("2026-11-29T21:30"), CHINA, ROME)
    assert said == "国内11月30日（周一）05:30 · 罗马11月29日（周日）22:30"


@pytest.mark.case("D8")
@pytest.mark.parametrize(("day", "rome"), [("2026-10-18", "10:00"), ("2026-11-01", "09:00"), ("2027-03-21", "09:00"),
                                           ("2027-04-04", "10:00")])  # fmt: skip
def test_lishui_stays_at_sixteen_and_rome_moves_with_its_summer(day, rome):
    said = words.when_two(at(f"{day}T08:00"), CHINA, ROME)
    assert "16:00 · " in said
    assert said.endswith(rome)


@pytest.mark.case("D11")
def test_half_hour_zones_and_zones_without_summer_time():
    assert words.when(at("2026-07-01T08:00"), KOLKATA) == "7月1日（周三）13:30"
    assert words.when_two(at("2026-07-01T08:00"), CHINA, TOKYO).endswith("东京17:00")


@pytest.mark.case("D23")
def test_leap_days_midnights_and_year_ends():
    assert words.when(at("2028-02-28T16:00"), CHINA) == "2月29日（周二）00:00"
    said = words.when_two(at("2026-12-31T16:30"), CHINA, MADRID)
    assert said == "国内1月1日（周五）00:30 · 马德里12月31日（周四）17:30"


def test_a_city_nobody_listed_has_its_own_name():
    assert words.city(ZoneInfo("America/Mexico_City")) == "Mexico City"


@pytest.mark.case("B15")
def test_what_people_type_is_inert_and_saying_it_twice_changes_nothing():
    once = words.plain("<a href='weixin://x'>点我</a> & 你好 </script>")
    assert "<" not in once
    assert ">" not in once
    assert words.plain(once) == once
    assert "& 你好" in once
