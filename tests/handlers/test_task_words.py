"""How tasks are told apart in a list: whatever kind, from whatever facts."""

import pytest

from handlers.tasks.words import brief, note
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


@pytest.mark.parametrize(
    ("verb", "kept", "said"),
    [
        ("resume", "+0 min", ""),
        ("resume", "+45 min", "期限顺延45分钟"),
        ("resume", "+1080 min", "期限顺延18小时"),
        ("resume", "+1085 min", "期限顺延18小时5分钟"),
        ("hold", "等本人考虑 → 2026-12-08 08:30", "等本人考虑 → 2026-12-08 08:30"),
        ("finish", "phone", "phone"),  # how somebody was told has its word where all stories are told
    ],
)
def test_how_long_a_task_waited_is_said_in_hours_and_minutes(verb, kept, said):
    assert note(verb, kept) == said
