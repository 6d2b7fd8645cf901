"""What people read about the ways of a call: what to press so that a device may ring, and what a helper prepares."""

from zoneinfo import ZoneInfo

import pytest

from handlers.family import words
from handlers.people import words as people_words
from handlers.tasks.words import sentence
from models.family.minutes import COSTS
from models.family.ways import WAYS
from tests.world import NOW

CHINA = ZoneInfo("Asia/Shanghai")
FACTS = {"starts_at": NOW.isoformat(), "cared": "王秀英", "relative": "小芳", "centre": "葛山村党群服务中心"}


@pytest.mark.case("D17")
@pytest.mark.parametrize(
    ("why", "presses"),
    [("never", "允许来电"), ("refused", "设备来电"), ("gone", "再点一次"), ("no_device", "换个座位")],
)
def test_the_task_says_what_to_press(why, presses):
    said = sentence("device_grant", {**FACTS, "why": why}, NOW, CHINA)
    assert presses in said
    assert "小芳" in said
    assert "errCode" not in said


def test_every_way_has_its_name_its_reasons_and_what_the_helper_prepares():
    assert set(words.WAYS) == set(WAYS)
    assert {need for way in WAYS.values() for need in way.needs} == set(words.WHY_NOT)
    assert set(words.MEDIA) == set(COSTS)
    prepared = {sentence("call_help", {**FACTS, "way": way}, NOW, CHINA) for way in WAYS}
    assert len(prepared) == len(WAYS)
    assert sentence("call_help", FACTS, NOW, CHINA) == sentence("call_help", {**FACTS, "way": "by_hand"}, NOW, CHINA)


def test_a_link_that_ends_says_when_and_to_whom_to_turn():
    facts = {"cared": "王秀英", "at": NOW.isoformat()}
    said = people_words.letter("people.link_expiring", facts, CHINA).text
    assert "王秀英" in said
    assert "11月24日" in said
    # Whose link is over hears no name any more.
    assert "王秀英" not in people_words.letter("people.link_lapsed", facts, CHINA).text
