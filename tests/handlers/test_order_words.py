"""What is said of an order: on a lock screen nothing of anybody's health or need, in the conversation everything."""

import pytest

from handlers.ordering.letter_words import TEMPLATES, letter
from handlers.ordering.words import NAMED_ON_LOCK_SCREENS, UNNAMED
from models.hours import CHINA
from models.ordering.listings import CATEGORIES, MODES
from models.ordering.news import LETTER_KINDS
from tests.world import NOW


def facts(**more):
    return {
        "order": 1, "number": "40213975", "service": "陪同就医", "category": "medical", "mode": "at_home",
        "beneficiary": "王秀英", "requester": "小芳", "preferred_at": NOW.isoformat(), "centre": "葛山村党群服务中心",
        "phone": "0578-5550101", "organisation": "老徐好帮手",
        "visitor": "阿妈", "village": "葛山村", "role": "provider", **more,
    }  # fmt: skip


KINDS = [kind for kind, template in TEMPLATES.items() if template == "order_update"]


@pytest.mark.case("L3")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("category", "title"),
    [("medical", "陪同就医"), ("bathing", "助浴"), ("emergency", "急救送医"), ("schooling", "心理陪伴")],
)
def test_a_lock_screen_says_nothing_of_health_or_need(kind, category, title):
    said = letter(kind, facts(service=title, category=category, reason="我妈脑梗住院了"), CHINA)
    assert said.fields["service"] == "上门服务·王秀英"
    assert not any(title in value or "脑梗" in value for value in said.fields.values())
    assert title in said.text


def test_what_is_nobodys_secret_is_named():
    assert letter("ordering.placed", facts(service="爱心送餐", category="meal"), CHINA).fields["service"] == (
        "爱心送餐·王秀英"
    )
    assert letter("ordering.placed", facts(mode="at_centre"), CHINA).fields["service"] == "中心服务·王秀英"


def test_a_letter_from_before_categories_were_written_down_names_nothing():
    old = {name: value for name, value in facts().items() if name not in ("category", "mode")}
    assert letter("ordering.accepted", old, CHINA).fields["service"] == "上门服务·王秀英"


def test_every_category_and_mode_is_decided():
    assert set(NAMED_ON_LOCK_SCREENS) < set(CATEGORIES)
    assert set(UNNAMED) == set(MODES)


def test_the_state_of_an_order_fits_a_phrase():
    assert all(len(letter(kind, facts(), CHINA).fields["state"]) <= 5 for kind in KINDS)


def test_a_reason_nobody_gave_is_said_so():
    assert "原因：未说明" in letter("ordering.cancelled", facts(reason=""), CHINA).text


@pytest.mark.parametrize(("typed", "said"), [
    ("道路塌方", "道路塌方。"), ("道路塌方。", "道路塌方。"), ("太远了！", "太远了！"), ("改天行吗？ ", "改天行吗？"),
])  # fmt: skip
def test_what_a_clerk_typed_is_a_sentence_of_its_own(typed, said):
    told = letter("ordering.called_off", facts(reason=typed, alternative=typed), CHINA).text
    assert f"原因：{said}{said}有问题请打" in told


def test_whatever_the_rules_post_can_be_said():
    assert set(LETTER_KINDS.values()) < set(KINDS)


@pytest.mark.parametrize("word", ["approved", "refused", "cancelled"])
def test_a_loan_says_what_is_lent_by_whom_and_for_how_long(word):
    told = {
        "lent": "护士小梅", "borrower": "葛山中心", "lender": "桂远中心", "reason": "义诊",
        "first_day": "2026-11-24", "last_day": "2026-11-26", "order_over": False,
        "phone": "0578-5550101", "at": NOW.isoformat(),
    }  # fmt: skip
    said = letter(f"ordering.loan_{word}", told, CHINA)
    assert all(part in said.text for part in ("护士小梅", "葛山中心", "11月24日（周二）到11月26日（周四）", "义诊"))
    assert said.fields["contact"] == "0578-5550101"
    of_its_order = {**told, "last_day": "2026-11-24", "reason": "", "order_over": True}
    lent, why = letter(f"ordering.loan_{word}", of_its_order, CHINA).text.split("。", 1)
    assert lent.endswith("借护士小梅，11月24日（周二）")
    assert why == "要用的那个订单已经结束了。"
