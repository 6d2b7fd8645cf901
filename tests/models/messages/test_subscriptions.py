"""The ledger of agreements: what WeChat's event and the phone's own report of one tap add up to, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import product

import pytest
from sqlalchemy import select

from models.messages.subscriptions import (
    AT_ONCE,
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


WHO = {"E": agree, "P": agree_unless_told, "A": agree_unasked, "N": refuse}  # event, page, phone ("always"), a no


def hear(session, me, said, topic=TOPIC):
    """What is said, in this order: "E0 P95" is an event at once and a page's report after 95 seconds."""
    for one in said.split():
        WHO[one[0]](session, me, topic, NOW + timedelta(seconds=int(one[1:])))


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
    assert (standing(session, me), lines(session)) == (Agreed(1), [(1, "accept"), (0, "told")])
    agree_unless_told(session, me, TOPIC, LATER)
    assert standing(session, me) == Agreed(2, always=True)
    agree(session, me, TOPIC, LATER)  # the event came late: it was asked after all
    assert standing(session, me) == Agreed(2)
    agree_unless_told(session, me, TOPIC, LATER + 2 * SAME_TAP, long_term=True)
    assert standing(session, me) == Agreed(3, long_term=True, always=True)


@pytest.mark.parametrize(("said", "stands"), [
    ("E0 P1", Agreed(1)), ("P0 E1", Agreed(1)), ("A0 E1", Agreed(1)), ("E0 A1", Agreed(1, always=True)),
    ("P0 E119", Agreed(1)), ("E0 P119", Agreed(1)), ("P0 E120", Agreed(2)), ("E0 P120", Agreed(2, always=True)),
    # The choice is kept from the first tap on: of the others only the page tells.
    ("E0 P1 P20 P45 P70 P95", Agreed(5, always=True)), ("P0 E1 P20 P45 P70 P95", Agreed(5, always=True)),
    # Two taps, both told twice.
    ("E0 P1 E30 P31", Agreed(2)), ("P0 E1 E30 P31", Agreed(2)), ("E0 E30 P31 P32", Agreed(2)),
    ("P0 P30 E31 E32", Agreed(2)), ("P0 E29 P30 E31", Agreed(2)), ("E0 P1 P30 E31", Agreed(2)),
    ("E0 P110 E115 P125", Agreed(2)), ("P0 E110 P115 E125", Agreed(2)),  # the last is out of the reach of the first
    # Of one tap only one told.
    ("P0 E30", Agreed(1)), ("E0 E30 P31", Agreed(2)), ("P0 P30 E31", Agreed(2)), ("E0 P1 E30", Agreed(2)),
    # The phone knows that nothing was asked: an event is of the same tap only if it came at once.
    ("E0 A30", Agreed(2, always=True)), ("E0 A1 A30", Agreed(2, always=True)), ("A0 A30 E31", Agreed(2)),
    ("E0 E28 A30", Agreed(2, always=True)), ("A0 E119", Agreed(1)), ("A0 E120", Agreed(2)),
])  # fmt: skip
def test_an_event_and_a_report_are_one_tap_only_one_to_one(session, me, said, stands):
    hear(session, me, said)
    assert standing(session, me) == stands
    assert sum(change for change, _ in lines(session)) == stands.balance


@pytest.mark.parametrize("report", ["P", "A"])
def test_in_whatever_order_they_come_no_tap_is_lost_and_none_counts_twice(session, me, report):
    for order in (order for length in range(1, 6) for order in product("E" + report, repeat=length)):
        topic = "".join(order)
        hear(session, me, " ".join(f"{who}{second}" for second, who in enumerate(order)), topic)
        balance = agreed_to(session, me, [topic])[topic].balance
        assert balance == max(order.count("E"), order.count(report)), topic


def test_taps_told_twice_within_the_window_are_as_many_messages_however_late_either_comes(session, me):
    for number, late in enumerate(product((1, 119), repeat=6)):
        said = sorted((70 * (n // 2) + lag, "EP"[n % 2]) for n, lag in enumerate(late))
        told = " ".join(f"{who}{second}" for second, who in said)
        hear(session, me, told, f"t-{number}")
        assert agreed_to(session, me, [f"t-{number}"])[f"t-{number}"].balance == 3, told


@pytest.mark.parametrize(("said", "stands"), [
    ("E0 P1 N20 E40 P41", Agreed(1)), ("P0 E1 N20 P40 E41", Agreed(1)), ("E0 P1 N20 P40", Agreed(1, always=True)),
    ("E0 N20 E40 P41", Agreed(1)), ("E0 N20 P40 E41", Agreed(1)),  # the first report never came
    ("P0 N20 E40", Agreed(1)), ("A0 N20 E40", Agreed(1)),  # what WeChat says after a no is no echo of before
    ("E0 N20 P21", Agreed(refused=True)),  # but a page's report may be
    ("P0 N20 E21 N22", Agreed(refused=True)), ("E0 N20 P21 N22", Agreed(refused=True)),  # both, of both taps
])  # fmt: skip
def test_a_no_between_two_taps_takes_back_what_came_before_it_only(session, me, said, stands):
    hear(session, me, said)
    assert standing(session, me) == stands


def test_an_echo_gives_no_agreement_for_good_back_after_a_no(session, me):
    agree(session, me, TOPIC, NOW, long_term=True)
    agree_unless_told(session, me, TOPIC, SOON, long_term=True)
    assert standing(session, me) == Agreed(1, long_term=True)
    agree(session, me, TOPIC, SOON, long_term=True)
    refuse(session, me, TOPIC, SOON)
    for echo in (agree_unasked, agree_unless_told):
        echo(session, me, TOPIC, SOON, long_term=True)
        assert not standing(session, me).long_term
        agree(session, me, TOPIC, SOON, long_term=True)
        refuse(session, me, TOPIC, SOON)


def test_what_was_sent_between_the_event_and_the_report_changes_nothing(session, me):
    for first, second in ((agree, agree_unless_told), (agree_unless_told, agree), (agree_unasked, agree)):
        first(session, me, TOPIC, NOW)
        use(session, me, TOPIC, NOW)
        second(session, me, TOPIC, SOON)
        assert standing(session, me).balance == 0


def test_a_report_of_what_was_known_when_the_send_began_is_no_new_yes(session, me):
    hear(session, me, "E0 P20")
    refuse(session, me, TOPIC, LATER, "43101", asked_at=NOW + timedelta(seconds=10))
    assert standing(session, me) == Agreed()


def test_what_was_not_asked_is_a_tap_of_its_own_unless_an_event_has_just_come(session, me):
    agree(session, me, TOPIC, NOW)
    agree_unasked(session, me, TOPIC, NOW + AT_ONCE)
    assert standing(session, me).balance == 2


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
