"""The ledger of agreements: what WeChat's event and the phone's own report of one tap add up to, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from models.messages.subscriptions import (
    SAME_TAP,
    Agreed,
    Subscription,
    SubscriptionEntry,
    agree,
    agree_unasked,
    agree_unless_told,
    agreed_to,
    refuse,
    use,
)
from tests.models.messages.test_rules import somebody_waits
from tests.world import NOW

TOPIC = "sub-1"
SOON, LATER = NOW + timedelta(seconds=3), NOW + SAME_TAP + timedelta(seconds=1)


@pytest.fixture
def me(cast):
    return cast.identities[cast.xiaofang.id].id


def standing(session, me):
    return agreed_to(session, me, [TOPIC])[TOPIC]


def lines(session):
    return [(row.change, row.why) for row in session.scalars(select(SubscriptionEntry).order_by(SubscriptionEntry.id))]


@pytest.mark.parametrize("first", [agree, agree_unasked])
def test_the_event_and_the_report_of_one_tap_are_one_message_in_either_order(session, me, first):
    second = agree_unasked if first is agree else agree
    first(session, me, TOPIC, NOW)
    second(session, me, TOPIC, SOON)
    assert standing(session, me).balance == 1
    assert [change for change, _ in lines(session)] == [1, 0]


@pytest.mark.parametrize("how", [agree, agree_unasked])
def test_two_taps_are_two_messages(session, me, how):
    how(session, me, TOPIC, NOW)
    how(session, me, TOPIC, SOON)
    assert standing(session, me).balance == 2


def test_what_lies_further_apart_are_two_taps(session, me):
    agree(session, me, TOPIC, NOW)
    agree_unasked(session, me, TOPIC, LATER)
    assert standing(session, me) == Agreed(2, always=True)


@pytest.mark.parametrize("report_by", [agree_unasked, agree_unless_told])
def test_an_event_and_a_report_at_the_same_moment_are_one_message(open_session, engine, me, report_by):
    def report():
        with open_session() as session, session.begin():
            report_by(session, me, TOPIC, NOW)

    with ThreadPoolExecutor(1) as pool:
        with open_session() as session, session.begin():
            agree(session, me, TOPIC, NOW)
            second = pool.submit(report)
            somebody_waits(engine)
        second.result(timeout=20)
    with open_session() as session:
        assert standing(session, me).balance == 1


def test_a_page_that_does_not_know_whether_was_asked_says_nothing_after_the_event_and_a_kept_choice_without(
    session, me
):
    agree(session, me, TOPIC, NOW)
    agree_unless_told(session, me, TOPIC, SOON, long_term=True)
    assert (standing(session, me), lines(session)) == (Agreed(1), [(1, "accept")])
    agree_unless_told(session, me, TOPIC, LATER)
    assert standing(session, me) == Agreed(2, always=True)
    agree(session, me, TOPIC, LATER)  # the event came late: it was asked after all
    assert standing(session, me) == Agreed(2)
    agree_unless_told(session, me, TOPIC, LATER + 2 * SAME_TAP, long_term=True)
    assert standing(session, me) == Agreed(3, long_term=True, always=True)


def test_a_no_that_both_say_is_one_line_and_a_new_no_is_another(session, me):
    agree(session, me, TOPIC, NOW, long_term=True)
    refuse(session, me, TOPIC, NOW)
    refuse(session, me, TOPIC, SOON)
    assert (standing(session, me), lines(session)) == (Agreed(refused=True), [(1, "accept"), (-1, "reject")])
    agree(session, me, TOPIC, SOON)
    refuse(session, me, TOPIC, SOON)
    assert lines(session)[2:] == [(1, "accept"), (-1, "reject")]
    refuse(session, me, TOPIC, LATER + SAME_TAP)
    assert lines(session)[4:] == [(0, "reject")]


def test_the_ledger_says_how_it_stands_whatever_was_sent_since(session, me, cast):
    assert agreed_to(session, me, ["a", "b"]) == {"a": Agreed(), "b": Agreed()}
    assert agreed_to(session, me, []) == {}
    agree_unasked(session, me, TOPIC, NOW)
    use(session, me, TOPIC, NOW)
    assert standing(session, me) == Agreed(0, always=True)
    agree(session, me, TOPIC, LATER, long_term=True)
    use(session, me, TOPIC, LATER)
    assert standing(session, me) == Agreed(1, long_term=True)
    refuse(session, me, TOPIC, LATER, "43101")
    assert standing(session, me) == Agreed()
    refuse(session, me, TOPIC, LATER, "ban")
    assert standing(session, me) == Agreed(refused=True)
    other = cast.identities[cast.li.id].id
    agree(session, other, TOPIC, LATER)
    assert standing(session, me) == Agreed(refused=True)  # another's yes is not mine
    assert session.scalars(select(Subscription.balance).where(Subscription.identity_id == other)).one() == 1
