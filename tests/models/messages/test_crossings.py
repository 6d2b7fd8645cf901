"""Where two rules of the outbox meet: a way that stays shut and another one, copies and receipts, two phones."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from models.life import By
from models.messages.breakers import EVERY, Breaker
from models.messages.letters import Letter
from models.messages.looking import not_again, resend
from models.messages.outcomes import Failed, Sent, Unsure
from models.messages.passage import give_up
from models.messages.receipts import record_receipt
from models.messages.settling import settle
from models.messages.subscriptions import agree
from models.messages.sweeping import look_again
from models.people.identities import Identity, is_reachable, reach_again_by_account
from models.people.persons import Person, move_to_zone
from models.register import LIVES
from models.reminding import person_moved_zone
from models.tasks.desk import finish
from models.tasks.tasks import Task
from models.tasks.undelivered import hand_over, receipt_came
from tests.cast import APP_ID
from tests.letters import posted
from tests.models.messages.test_ladder import TOPIC, TOPICS, account_identity, blocked, mini_identity, wrote
from tests.models.messages.test_outbox import FREE, carried, claimed, letters, settled, sweep
from tests.world import NOW

DESK = By(None, "desk")
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
NO_TEMPLATE = Failed("broken", "40037", "no such template", scope="template")


@pytest.fixture
def cast(at_home):
    return at_home


def another_wechat(session, cast):
    made = Identity(app_id=APP_ID, openid="o-new", person_id=cast.xiaofang.id, since=NOW)
    session.add(made)
    session.flush()
    return made


# A way that is shut


def test_what_half_open_lets_through_is_counted_until_it_is_back(session, cast):
    """A WeChat that hangs answers nothing for as long as a send may take: each look would put three more in doubt."""
    shut = Breaker(app_id=APP_ID, channel="template", kind=EVERY, code="outage", why="", since=NOW - MINUTE,
                   open_until=NOW - SECOND, times=4)  # fmt: skip
    session.add(shut)
    gone = list[int]()
    for second in range(10):
        at = NOW + second * SECOND
        for n in range(5):
            posted(session, key=f"{second}/{n}", person_id=cast.xiaofang.id, kind="family.booked", facts={},
                   subject=f"s:{second}/{n}", now=at, urgency="same_day")  # fmt: skip
        gone += [one.id for one in claimed(session, now=at).letters]
    assert len(gone) == 3
    settled(session, session.get_one(Letter, gone[0]), Sent("1", "好"), now=NOW + 11 * SECOND)
    assert session.scalar(select(func.count()).select_from(Breaker)) == 0  # it works: the others go
    assert len(claimed(session, now=NOW + MINUTE).letters) == 47


def test_of_those_that_find_out_whether_it_works_again_the_doubtful_are_first(session, cast):
    doubtful = posted(session, key="d", person_id=cast.xiaofang.id, kind="family.booked", facts={}, subject="s:d",
                      now=NOW)  # fmt: skip
    claimed(session)
    settled(session, doubtful, Unsure("timeout"))
    session.refresh(doubtful)
    at = doubtful.next_at + MINUTE
    session.add(Breaker(app_id=APP_ID, channel="template", kind=EVERY, code="outage", why="", since=NOW,
                        open_until=at - SECOND, times=1))  # fmt: skip
    for n in range(6):
        posted(session, key=f"s{n}", person_id=cast.xiaofang.id, kind="family.booked", facts={}, subject=f"s:{n}",
               now=at - MINUTE, urgency="safety")  # fmt: skip
    assert doubtful.id in {one.id for one in claimed(session, now=at).letters}


def test_a_template_that_stays_broken_is_waited_for_an_hour_and_no_longer(session, cast):
    agree(session, mini_identity(session, cast).id, TOPIC, NOW, long_term=True)
    (letter,) = letters(session, cast.xiaofang, useful_until=NOW + 48 * HOUR, urgency="same_day")
    at, ways = NOW, list[str]()
    while "mini_subscription" not in ways and at < NOW + 48 * HOUR:
        for one in claimed(session, now=at, allowance=TOPICS).letters:
            ways.append(one.channel)
            if one.channel == "template":
                settled(session, letter, NO_TEMPLATE, now=at, allowance=TOPICS)
        session.refresh(letter)
        at += MINUTE
    assert HOUR < at - NOW < 2 * HOUR
    later = posted(session, key="l", person_id=cast.xiaofang.id, kind=letter.kind, facts={}, subject="s:9", now=at,
                   urgency="same_day")  # fmt: skip
    assert [(one.id, one.channel) for one in claimed(session, now=at, allowance=TOPICS).letters] == [
        (later.id, "mini_subscription")
    ]  # fmt: skip


@pytest.mark.parametrize("who", ["by mini-program alone", "without WeChat", "of another account"])
def test_a_broken_template_holds_up_nobody_whom_it_does_not_concern(session, cast, who):
    (sick,) = letters(session, cast.li)
    claimed(session)
    settled(session, sick, NO_TEMPLATE)
    reader = cast.wangnainai if who == "without WeChat" else cast.xiaofang
    if who == "by mini-program alone":
        agree(session, mini_identity(session, cast).id, TOPIC, NOW)
        blocked(session, cast)
    elif who == "of another account":
        account_identity(session, cast).app_id = "wx-other"
    session.flush()
    letter = posted(session, key="h", person_id=reader.id, kind=sick.kind, facts={}, subject="s:3", now=NOW + MINUTE,
                    urgency="same_day")  # fmt: skip
    found = claimed(session, now=NOW + 2 * MINUTE, allowance=TOPICS)
    if who == "without WeChat":
        assert found.homeless == [letter.id]
    else:
        way = "mini_subscription" if who == "by mini-program alone" else "template"
        assert [(one.id, one.channel) for one in found.letters] == [(letter.id, way)]


@pytest.mark.parametrize("how", ["an unknown answer", "receipts of failure"])
def test_what_is_tried_out_on_one_way_goes_the_next(session, cast, how):
    agree(session, mini_identity(session, cast).id, TOPIC, NOW, long_term=True)
    (letter,) = letters(session, cast.xiaofang)
    at = NOW
    for n in range(20):
        carried = claimed(session, now=at, allowance=TOPICS).letters
        if [one.channel for one in carried] == ["mini_subscription"]:
            break
        if how == "an unknown answer":
            settled(session, letter, Failed("again", "88888"), now=at, allowance=TOPICS)
        else:
            settled(session, letter, Sent(f"m{n}", "好"), now=at, allowance=TOPICS)
            record_receipt(session, APP_ID, f"m{n}", "failed: system failed", at)
        session.refresh(letter)
        at = letter.next_at
    session.refresh(letter)
    assert (letter.state, letter.channel) == ("sending", "mini_subscription")


# What somebody has said again


def again(session, letter, at):
    """Somebody sends it once more, and WeChat takes that."""
    copy = resend(session, letter.id, lives=LIVES, by=DESK, reason="没看到", now=at)
    claimed(session, now=at)
    settled(session, copy, Sent("2", "好"), now=at)
    return copy


def heard(session, msgid, status, at):
    """A receipt, as the callback takes it."""
    letter = record_receipt(session, APP_ID, msgid, status, at)
    return receipt_came(session, letter, at) if letter is not None else None


def test_what_arrived_as_a_copy_does_not_go_again_for_the_firsts_receipt(session, cast):
    (letter,) = letters(session, cast.xiaofang)
    claimed(session)
    settled(session, letter, Sent("1", "好"))
    again(session, letter, NOW + MINUTE)
    heard(session, "2", "success", NOW + MINUTE)
    assert heard(session, "1", "failed: system failed", NOW + 2 * MINUTE) is None
    session.refresh(letter)
    assert letter.state == "withdrawn"
    assert claimed(session, now=NOW + HOUR).total == 0


def test_nor_is_it_phoned_when_the_first_was_in_doubt(session, cast):
    (letter,) = letters(session, cast.xiaofang, useful_until=NOW + 5 * HOUR)
    claimed(session)
    settled(session, letter, Sent("1", "好"))
    late = NOW + 11 * MINUTE
    (doubtful,) = sweep(session, late)
    task = hand_over(session, doubtful, late)
    again(session, letter, late)
    heard(session, "2", "success", late)
    session.refresh(task)
    assert task.state == "cancelled"
    assert heard(session, "1", "failed: system failed", late + MINUTE) is None
    assert set(session.scalars(select(Task.state))) == {"cancelled"}


def test_who_was_told_in_person_is_not_phoned_for_the_copy(session, cast):
    (letter,) = letters(session, cast.xiaofang)
    give_up(letter, NOW)
    task = hand_over(session, letter, NOW)
    copy = again(session, letter, NOW + MINUTE)
    finish(session, cast.who(cast.li), task.id, NOW + 2 * MINUTE, "phone")
    assert heard(session, "2", "failed:user block", NOW + 3 * MINUTE) is None
    session.refresh(copy)
    assert (letter.state, copy.state) == ("told_in_person", "withdrawn")
    assert claimed(session, now=NOW + HOUR).total == 0


def test_a_copy_that_still_waits_is_taken_back_when_the_first_arrives_or_is_told(session, cast):
    for how in ("told", "arrived"):
        letter = posted(session, key=how, person_id=cast.xiaofang.id, kind="family.booked", facts={},
                        subject=f"s:{how}", now=NOW, useful_until=NOW + 5 * HOUR)  # fmt: skip
        claimed(session)
        settled(session, letter, Sent(how, "好"))
        (doubtful,) = sweep(session, NOW + 11 * MINUTE)
        task = hand_over(session, doubtful, NOW + 11 * MINUTE)
        copy = resend(session, letter.id, lives=LIVES, by=DESK, reason="没看到", now=NOW + 11 * MINUTE)
        if how == "told":
            finish(session, cast.who(cast.li), task.id, NOW + 12 * MINUTE, "phone")
        else:
            heard(session, how, "success", NOW + 12 * MINUTE)
        session.refresh(copy)
        assert (how, copy.state) == (how, "withdrawn")


# Two WeChats of one person


@pytest.mark.parametrize("then", ["the newer one leaves", "a third one comes", "neither"])
def test_what_is_in_doubt_is_asked_of_the_same_wechat_or_of_a_cadre(session, cast, then):
    new = another_wechat(session, cast)
    (letter,) = letters(session, cast.xiaofang)
    claimed(session)
    settled(session, letter, Unsure("timeout"))
    if then == "the newer one leaves":
        new.following = False
    elif then == "a third one comes":
        session.add(Identity(app_id=APP_ID, openid="o-third", person_id=cast.xiaofang.id, since=NOW))
    session.flush()
    session.refresh(letter)
    found = claimed(session, now=letter.next_at)
    if then == "the newer one leaves":
        assert found.homeless == [letter.id]
        session.refresh(letter)
        give_up(letter, NOW)
        assert letter.state == "needs_check"
    else:
        assert [one.openid for one in found.letters] == ["o-new"]


def test_whom_a_lost_sender_had_tried_nobody_knows_where_there_are_two(session, cast):
    another_wechat(session, cast)
    alone, letter = (
        posted(session, key=f"p{person.id}", person_id=person.id, kind="people.x", facts={}, subject="s:1", now=NOW)
        for person in (cast.li, cast.xiaofang)
    )
    claimed(session)
    sweep(session, real_now=NOW + HOUR)  # its lease was over long since; it is in doubt
    session.refresh(letter)
    session.refresh(alone)
    for one in (letter, alone):
        one.state, one.first_attempt_at, one.next_at, one.in_doubt = "retry", NOW, NOW, True
    session.flush()
    found = claimed(session)
    assert ([one.id for one in found.letters], found.homeless) == ([alone.id], [letter.id])


@pytest.mark.parametrize("by", ["answer", "receipt"])
def test_whom_one_wechat_refuses_the_other_reaches_with_the_same_letter(session, cast, by):
    old, new = account_identity(session, cast), another_wechat(session, cast)
    (letter,) = letters(session, cast.xiaofang)
    claimed(session)
    first = letter.client_msg_id
    if by == "answer":
        settled(session, letter, Failed("person", "43004"))
    else:
        settled(session, letter, Sent("1", "好"))
        record_receipt(session, APP_ID, "1", "failed:user block", NOW, new.id)
    (carried,) = claimed(session, now=NOW + MINUTE).letters
    assert (carried.id, carried.openid, carried.channel) == (letter.id, old.openid, "template")
    assert carried.client_msg_id != first


# Hours that mean nothing any more


def test_who_comes_home_does_not_wait_for_the_morning_of_elsewhere(session, cast):
    person = session.get_one(Person, cast.xiaofang.id)
    move_to_zone(session, person, "Europe/Madrid")
    letter = posted(session, key="z", person_id=person.id, kind="family.booked", facts={}, subject="call:9", now=NOW)
    claimed(session)  # three in the morning there
    session.refresh(letter)
    assert letter.next_at > NOW + 4 * HOUR
    move_to_zone(session, person, "Asia/Shanghai")
    person_moved_zone(session, person.id, NOW + MINUTE)
    assert [one.id for one in claimed(session, now=NOW + MINUTE).letters] == [letter.id]


def test_what_was_to_settle_for_a_minute_is_looked_at_when_a_clock_ahead_is_set_right(session, cast):
    ahead = NOW + 5 * HOUR
    letter = posted(session, key="c", person_id=cast.xiaofang.id, kind="family.changed", facts={}, subject="call:9",
                    now=ahead, due_at=ahead + MINUTE)  # fmt: skip
    look_again(session, NOW)
    assert [one.id for one in claimed(session, now=NOW).letters] == [letter.id]


@pytest.mark.parametrize("spoke", [True, False])
def test_who_has_let_us_in_again_is_not_shut_by_the_receipt_of_before(session, cast, spoke):
    (letter,) = letters(session, cast.xiaofang)
    claimed(session)
    settled(session, letter, Sent("1", "好"))
    identity = account_identity(session, cast)
    if spoke:
        wrote(session, identity.id, NOW + 5 * SECOND)
        reach_again_by_account(session, cast.xiaofang.id)
    record_receipt(session, APP_ID, "1", "failed:user block", NOW + 8 * SECOND, identity.id)
    assert is_reachable(session, cast.xiaofang.id) is spoke


def test_who_refuses_us_and_goes_on_talking_is_not_sent_to_without_end(session, cast):
    """In the demo, too, where the clock is days ahead of the time at which letters are sent."""
    ahead, identity = timedelta(days=6), account_identity(session, cast)
    (letter,) = letters(session, cast.xiaofang, useful_until=NOW + ahead + 48 * HOUR)
    sends = 0
    wrote(session, identity.id, NOW + ahead)
    for n in range(20):
        real, at = NOW + n * SECOND, NOW + ahead + n * SECOND
        if [one.channel for one in claimed(session, now=at, real_now=real).letters] != ["template"]:
            break
        sends += 1
        settle(session, "me", {letter.id: (carried(session, letter), Sent(f"m{n}", "好"))}, now=at, real_now=real,
               jitter=0.5, allowance=FREE)  # fmt: skip
        record_receipt(session, APP_ID, f"m{n}", "failed:user block", at, identity.id)
        session.refresh(letter)
    assert sends == 3
    assert not is_reachable(session, cast.xiaofang.id)


def test_a_first_that_arrives_while_it_is_settled_ends_the_phone_call_for_its_copy(session, cast):
    (letter,) = letters(session, cast.xiaofang, useful_until=NOW + 5 * HOUR)
    claimed(session)
    settled(session, letter, Sent("1", "好"))
    copy = resend(session, letter.id, lives=LIVES, by=DESK, reason="没看到", now=NOW + MINUTE)
    claimed(session, now=NOW + MINUTE)
    heard(session, "1", "failed: system failed", NOW + MINUTE)
    give_up(copy, NOW + MINUTE)
    session.flush()
    assert letter.id in {one.id for one in claimed(session, now=NOW + MINUTE).letters}
    assert heard(session, "9", "success", NOW + MINUTE) is None  # before its msgid
    outcomes = {letter.id: (carried(session, letter), Sent("9", "好"))}
    now = NOW + MINUTE
    came = settle(session, "me", outcomes, now=now, real_now=now, jitter=0.5, allowance=FREE).arrived
    assert [one.id for one in came] == [letter.id]


def test_what_was_heard_by_a_copy_may_be_said_again_from_the_firsts_page(session, cast):
    (letter,) = letters(session, cast.xiaofang, useful_until=NOW + 5 * HOUR)
    claimed(session)
    settled(session, letter, Sent("1", "好"))
    again(session, letter, NOW + MINUTE)
    heard(session, "2", "success", NOW + MINUTE)
    session.refresh(letter)
    assert not_again(session, letter, NOW + 2 * MINUTE) is None


def test_what_has_no_other_way_does_not_fill_the_batches_while_a_template_stays_broken(session, cast):
    mini = mini_identity(session, cast)
    session.add(Breaker(app_id=APP_ID, channel="template", kind="people.x", code="40037", why="",
                        since=NOW - 2 * HOUR, open_until=NOW + HOUR / 2, times=9))  # fmt: skip
    for n in range(5):
        posted(session, key=f"x{n}", person_id=cast.xiaofang.id, kind="people.x", facts={}, subject=f"s:{n}",
               now=NOW - MINUTE, useful_until=NOW + 48 * HOUR)  # fmt: skip
    healthy = posted(session, key="h", person_id=cast.xiaofang.id, kind="people.y", facts={}, subject="s:h", now=NOW)
    found = claimed(session, limit=3)
    assert ([one.id for one in found.letters], found.put_back) == ([healthy.id], {})
    agree(session, mini.id, "any", NOW)
    assert claimed(session, limit=3).total == 3
