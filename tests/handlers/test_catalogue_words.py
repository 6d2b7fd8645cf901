"""What is said of the catalogue: hours and days as people say them, letters that fit WeChat's fields."""

from datetime import date, time

import pytest

from handlers.ordering import catalogue_words as words
from models.hours import CHINA
from models.ordering.listings import TERMS, CentreTerms, Listing
from tests.world import NOW
from wx_backend.config import EXAMPLE, load_config
from wx_backend.hands import make_templates
from wx_backend.wechat.business import BUSINESS
from wx_backend.wechat.templates import fit

TEMPLATES_OF = make_templates(load_config(EXAMPLE, {}))
FACTS = {
    "listing": "二十个字的服务名称也要放得下才算数一二", "code": "L-GS-12345", "centre": "葛山村党群服务中心",
    "phone": "0578-5550101", "reason": "请写清收费", "at": NOW.isoformat(), "version": 1, "number": 2,
}  # fmt: skip


@pytest.mark.parametrize("kind", words.TEMPLATES)
def test_every_letter_of_the_catalogue_fits_its_template_and_says_what_to_do(kind):
    wording = words.letter(kind, FACTS, CHINA)
    assert wording.fields.keys() <= BUSINESS[wording.template].keys()
    fitted = fit(TEMPLATES_OF[wording.template], wording.fields)
    assert any(one["value"] == FACTS["listing"] for one in fitted.values())
    assert FACTS["listing"] in wording.text


@pytest.mark.parametrize(
    ("at", "said"),
    [(time(8, 30), "上午8点半"), (time(12), "中午12点"), (time(16), "下午4点"), (time(19, 15), "晚上7点15分"),
     (time(0), "上午0点")],
)  # fmt: skip
def test_hours_are_said_as_people_say_them(at, said):
    assert words.spoken_hour(at) == said


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"cutoff_days": 0, "cutoff_at": time(9), "lead_hours": 0}, "当天上午9点前"),
        ({"cutoff_days": 1, "cutoff_at": time(16), "lead_hours": 0}, "前一个工作日下午4点前"),
        ({"cutoff_days": 3, "cutoff_at": time(16), "lead_hours": 0}, "提前3个工作日，下午4点前"),
        ({"cutoff_days": 0, "cutoff_at": None, "lead_hours": 18}, "至少提前2个工作日"),
        ({"cutoff_days": 0, "cutoff_at": None, "lead_hours": 4}, "至少提前4小时（上班时间）"),
        ({"cutoff_days": 0, "cutoff_at": None, "lead_hours": 0}, ""),
    ],
)
def test_a_deadline_is_said_in_working_days(terms, said):
    assert words.order_by(Listing(**terms)) == said


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"kind": "age", "least": 60}, "60岁及以上"),
        ({"kind": "age", "most": 14}, "14岁及以下"),
        ({"kind": "age", "least": 6, "most": 12}, "6到12岁"),
        ({"kind": "village", "areas": ["1", "2"]}, "葛山村、2居民"),
        ({"kind": "left_behind", "values": ["elder"]}, "留守老人"),
        ({"kind": "hardship", "values": ["low_income", "disabled"]}, "低保家庭、残疾人"),
    ],
)
def test_for_whom_a_service_is(rule, said):
    assert words.for_whom(rule, {"1": "葛山村"}) == said


def test_a_season_and_a_centres_own_hours():
    assert words.season(Listing(valid_from=date(2026, 7, 1), valid_to=date(2026, 8, 31))) == "7月1日到8月31日"
    assert words.season(Listing(valid_from=None, valid_to=date(2026, 8, 31))) == "到8月31日为止"
    assert words.given(CentreTerms(weekdays="25", opens=time(9), closes=time(11))) == "周二、周五 上午9点到上午11点"
    assert words.given(None) == ""


def test_every_term_has_a_name_that_clerks_read():
    assert set(TERMS) <= set(words.COLUMNS)
