"""Letters of the family: no typed word leaves the conversation, and no word that a late letter would make a lie."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from handlers.family import words
from handlers.tasks import words as task_words
from models.hours import CHINA
from models.people.contacts import Way

MADRID, TOKYO = ZoneInfo("Europe/Madrid"), ZoneInfo("Asia/Tokyo")
FACTS = {
    "call": 3, "starts_at": "2026-11-29T08:00:00+00:00", "cared": "王秀英", "relative": "小芳",
    "relative_zone": "Europe/Madrid", "centre": "葛山村党群服务中心", "centre_zone": "Asia/Shanghai",
    "phone": "0578-5550101",
}  # fmt: skip


def said(word, role="relative", zone=MADRID, **more):
    return words.letter(f"family.{word}", {**FACTS, "role": role, **more}, zone)


@pytest.mark.case("L3")
@pytest.mark.parametrize(
    ("reason", "listed"),
    [("我妈脑梗住院了", "未说明"), ("", "未说明"), ("老人不方便", "老人不方便"), ("unlinked", "家人关联已解除")],
)
def test_a_letter_says_a_listed_reason_and_never_a_typed_one(reason, listed):
    wording = said("cancelled", reason=reason)
    assert wording.fields["reason"] == listed
    assert listed in wording.text
    assert not reason or reason == listed or reason not in wording.text + str(wording.fields)


def test_in_the_conversation_the_reason_stands_as_it_was_typed_and_inert():
    whole = words.whole("王秀英", "小芳", (), "葛山村", "11月29日", "cancelled", "<a>我妈住院了</a>")
    assert "已取消" in whole
    assert "＜a＞我妈住院了" in whole


@pytest.mark.case("J1")
@pytest.mark.parametrize("rule", ["t-24h", "t-1h", "t-10min", "a rule that comes later"])
@pytest.mark.parametrize("role", ["relative", "helper"])
def test_a_reminder_names_its_day_and_both_hours_and_no_distance(rule, role):
    text = said("reminder", role, MADRID if role == "relative" else CHINA, rule=rule).text
    assert "国内11月29日（周日）16:00 · 马德里09:00" in text
    assert not [word for word in ("今天", "明天", "小时后", "分钟") if word in text]


@pytest.mark.case("J10")
@pytest.mark.parametrize(("ahead", "words"), [(48 * 60, ""), (60, "视频时间快到了"), (10, "请准备好视频"), (0, "")])
def test_that_it_is_soon_is_said_by_what_the_rule_is_now_and_not_by_what_it_is_called(ahead, words):
    text = said("reminder", "relative", MADRID, rule="t-1h", ahead=ahead).text
    assert [one for one in ("视频时间快到了", "请准备好视频") if one in text] == ([words] if words else [])


@pytest.mark.case("D10")
def test_a_relative_reads_the_hour_of_where_they_live_when_it_is_carried():
    wording = said("reminder", zone=TOKYO, rule="t-1h")
    assert "东京17:00" in wording.text
    assert wording.fields["time"] == "2026-11-29 17:00"


def test_the_ways_to_reach_somebody_stand_in_order_with_their_phones():
    text = task_words.reached(
        [Way("visit", "李站长", "", "文化礼堂后面"), Way("phone", "阿明", "139"), Way("phone", "", "138")]
    )
    assert text.splitlines()[1:] == [
        "· 请李站长上门 文化礼堂后面", "· 打电话给阿明，请对方转告 139", "· 打电话 138",
    ]  # fmt: skip


@pytest.mark.case("L3")
def test_a_task_as_a_template_names_no_phone_but_the_centres():
    facts = {
        **FACTS,
        "task": 1,
        "kind": "call_help",
        "due_at": datetime(2026, 11, 29, 15, 30, tzinfo=CHINA).isoformat(),
    }
    wording = task_words.letter("tasks.assigned", facts, CHINA)
    assert wording.fields["contact"] == "0578-5550101"
    assert set(wording.fields) == {"task", "who", "time", "contact"}
