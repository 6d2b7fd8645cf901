"""How tasks are told apart in a list: whatever kind, from whatever facts."""

import pytest

from handlers.tasks.words import brief
from tests.world import NOW


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"service": "爱心送餐", "number": "100014"}, "爱心送餐"),
        ({"number": 2, "listing": "上门理发", "version": 7, "centre": "葛山村党群服务中心"}, "上门理发"),
        ({"letter_kind": "family.reminder", "letter_facts": {}}, "亲情连线提醒"),
        ({"kinship": "女儿"}, "女儿"),
        ({"starts_at": NOW.isoformat()}, "今天10:00"),
        ({}, ""),
    ],
    ids=["order", "version to review", "letter", "link", "call", "nothing"],
)
def test_what_tells_one_task_from_the_next(facts, said):
    assert brief(facts, NOW).startswith(said)
    assert bool(brief(facts, NOW)) == bool(said)
