"""What is said of series: every rule, reason and letter has its words, on the reader's clock, and fits its card."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from handlers.family import series_words as words
from handlers.messages.words import KINDS
from models.family.keeping import REASONS
from models.family.lunar import FESTIVALS
from models.family.recurring import read
from models.family.repeating import Glance
from models.family.series import ON_HOLIDAYS, SERIES
from models.hours import CHINA
from tests.gate import config_for
from wx_backend.hands import make_templates
from wx_backend.wechat.templates import fit

ROME = ZoneInfo("Europe/Rome")
FACTS = {
    "series": 1, "rule": "week-2-7", "at": "16:00:00", "zone": "Asia/Shanghai", "cared": "王秀英", "relative": "小芳",
    "phone": "0578-5550101", "starts_at": "2027-04-04T08:00:00+00:00", "reason": "conflict", "occurrence": 7,
    "last_day": "2027-04-04", "changes": "2027-03-28",
}  # fmt: skip


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("week-1-7", "每周日"),
        ("week-2-7", "每两周的周日"),
        ("week-12-1", "每12周的周一"),
        ("day-1", "每天"),
        ("day-3", "每三天"),
        ("month-1-31", "每月31日"),
        ("month-2-1", "每两个月的1日"),
        ("nth-5-5", "每月最后一个周五"),
        ("nth-2-6", "每月第二个周六"),
        ("lunar-1-15", "每逢农历初一、十五"),
        ("birthday-8-15", "农历八月十五生日那天"),
        ("birthday-12L-30", "农历闰腊月三十生日那天"),
        ("feast-all", "逢年过节"),
        ("feast-she-moon", "三月三、中秋那天"),
    ],
)
def test_a_rule_is_said_as_people_say_it(code, said):
    assert words.repeats(read(code)) == said


def test_everything_has_its_words():
    assert set(words.FESTIVALS) == set(FESTIVALS)
    assert set(words.STATES) == set(SERIES.states)
    assert set(words.ON_HOLIDAYS) == set(words.CHANGE_HOLIDAYS) == set(ON_HOLIDAYS)
    assert set(REASONS.values()) <= set(words.REASONS)
    assert set(words.TEMPLATES) <= set(KINDS)


@pytest.mark.parametrize("kind", words.TEMPLATES)
@pytest.mark.parametrize("zone", [CHINA, ROME])
def test_each_letter_fits_its_card_and_says_what_to_do(kind, zone):
    said = words.letter(kind, FACTS, zone)
    template = make_templates(config_for("sqlite:///nowhere"))[said.template]
    filled = fit(template, said.fields)
    assert all(str(value["value"]).strip() for value in filled.values())
    assert "王秀英" in said.text
    assert "0578-5550101" in said.text
    assert "{" not in said.text


def test_a_letter_about_a_week_shows_both_clocks():
    text = words.letter("series.skipped", FACTS, ROME).text
    assert "国内4月4日（周日）16:00 · 罗马10:00" in text
    assert "这个时间已有别的安排" in text


@pytest.mark.case("D8")
def test_a_letter_about_clocks_says_the_hour_before_and_after():
    assert "您那边由10:00变为11:00" not in words.letter("series.clock", FACTS, ROME).text
    assert "您那边由09:00变为10:00" in words.letter("series.clock", FACTS, ROME).text


def test_dates_show_why_they_are_not_as_usual():
    start = datetime(2026, 9, 25, 16, 0, tzinfo=CHINA)
    shown = words.dated(
        [
            Glance(start, "booked", "", True),
            Glance(start + timedelta(days=1), "skipped", "holiday", True),
            Glance(start + timedelta(days=2), "planned", "may_clash", False),
        ],
        "Asia/Shanghai",
    )
    assert shown.splitlines()[:3] == [
        "· 9月25日（周五）16:00（中秋）",
        "× 9月26日（周六）16:00（法定节假日）",
        "· 9月27日（周日）16:00*（可能与别的连线重叠）",
    ]
    assert words.dated([], "Asia/Shanghai") == words.NO_DATES
    assert words.clock(time(9, 5)) == "09:05"


@pytest.mark.parametrize(("word", "is_on"), [
    ("begun", True), ("edited", True), ("goes_on", True), ("restored", True), ("rests", False), ("cancelled", False),
])  # fmt: skip
def test_what_is_said_of_a_series_that_goes_on_says_until_when(word, is_on):
    assert ("，到4月4日（周日）为止）" in words.letter(f"series.{word}", FACTS, CHINA).text) is is_on
    assert "为止" not in words.letter(f"series.{word}", {**FACTS, "last_day": None}, CHINA).text
