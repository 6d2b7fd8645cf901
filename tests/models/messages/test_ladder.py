"""Down the ladder: consent, window, blocks; budgets and breakers; what a person does not want to hear."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from models.hours import CHINA
from models.messages.allowance import Allowance, Limits
from models.messages.breakers import Breaker
from models.messages.inbox import Dialogue
from models.messages.ladder import CHANNELS, LADDERS, LANES
from models.messages.letters import Letter
from models.messages.optouts import opt_in, opt_out
from models.messages.outbox import post
from models.messages.outcomes import Failed, Sent, Unsure
from models.messages.passage import step_down
from models.messages.receipts import Receipt, record_receipt
from models.messages.silence import MANY, deaf, listen
from models.messages.subscriptions import Subscription, SubscriptionEntry, agree, refuse
from models.people.identities import Identity, is_reachable
from models.people.persons import Person
from tests.cast import APP_ID
from tests.letters import posted
from tests.models.messages.test_outbox import claimed, letters, settled, sweep
from tests.plans import read_through
from tests.world import NOW

MINI, TOPIC = "wx-test-mini", "sub-tmpl-1"
TOPICS = Allowance(topics={"people.link_declined": {"mini_subscription": TOPIC, "account_subscription": "sub-tmpl-2"}})


@pytest.fixture
def cast(at_home):
    return at_home


def mini_identity(session, cast):
    made = Identity(app_id=MINI, openid="m-xiaofang", kind="mini_program", person_id=cast.xiaofang.id, since=NOW)
    session.add(made)
    session.flush()
    return made


def wrote(session, identity_id, at, served=0):
    session.add(
        Dialogue(identity_id=identity_id, choices=[], shown={}, draft={}, updated_at=at, heard_at=at, served=served)
    )
    session.flush()


def account_identity(session, cast):
    query = select(Identity).where(Identity.app_id == APP_ID, Identity.person_id == cast.xiaofang.id)
    return session.scalars(query).one()


def blocked(session, cast):
    account_identity(session, cast).reachable = False
    session.flush()


def another(session, cast, key):
    return posted(session, key=key, person_id=cast.xiaofang.id, kind="people.link_declined", facts={}, subject="s:1",
                now=NOW)  # fmt: skip


def one_way(session, allowance=TOPICS, now=NOW):
    (letter,) = claimed(session, allowance=allowance, now=now, limit=1).letters
    return letter.channel, letter.app_id


def test_the_template_comes_first_and_needs_a_follower(session, cast):
    letters(session, cast.xiaofang)
    assert one_way(session) == ("template", APP_ID)


def test_who_blocked_the_account_is_written_to_through_the_mini_program_when_that_was_agreed_to(session, cast):
    agree(session, mini_identity(session, cast).id, TOPIC, NOW)
    blocked(session, cast)
    letters(session, cast.xiaofang)
    assert one_way(session) == ("mini_subscription", MINI)


def test_what_does_not_go_into_the_templates_form_goes_by_the_next_way_and_stops_nobody_elses(session, cast):
    (letter,) = letters(session, cast.xiaofang)
    wrote(session, account_identity(session, cast).id, NOW)
    claimed(session, allowance=TOPICS, limit=1)
    settled(session, letter, Failed("unfit", "bad_field", "contact"), allowance=TOPICS)
    assert one_way(session) == ("customer_service", APP_ID)
    assert session.scalars(select(Breaker)).all() == []
    assert session.scalars(select(Subscription)).all() == []


@pytest.mark.case("J8")
def test_one_agreement_is_one_message_and_what_is_used_up_is_not_counted_on(session, cast):
    mini = mini_identity(session, cast)
    agree(session, mini.id, TOPIC, NOW)
    agree(session, mini.id, TOPIC, NOW)
    blocked(session, cast)
    for letter in letters(session, cast.xiaofang, 2):
        assert one_way(session) == ("mini_subscription", MINI)
        session.refresh(letter)
        settled(session, letter, Sent(f"7{letter.id}", "好"), allowance=TOPICS)
    balance = session.scalars(select(Subscription.balance)).one()
    assert balance == 0
    another(session, cast, "third")
    assert len(claimed(session, allowance=TOPICS).homeless) == 1
    ledger = session.scalars(select(SubscriptionEntry).order_by(SubscriptionEntry.id))
    assert [(row.change, row.why) for row in ledger] == [(1, "accept"), (1, "accept"), (-1, "sent"), (-1, "sent")]


@pytest.mark.case("J8")
def test_43101_empties_the_balance_and_the_next_rung_is_tried(session, cast):
    mini = mini_identity(session, cast)
    agree(session, mini.id, TOPIC, NOW)
    agree(session, mini.id, TOPIC, NOW)
    blocked(session, cast)
    (letter,) = letters(session, cast.xiaofang)
    assert one_way(session) == ("mini_subscription", MINI)
    session.refresh(letter)
    settled(session, letter, Failed("window", "43101"), allowance=TOPICS)
    assert session.scalars(select(Subscription.balance)).one() == 0
    assert (letter.state, letter.channel) == ("retry", "account_subscription")
    assert account_identity(session, cast).unreachable_why == ""


@pytest.mark.case("J8")
@pytest.mark.parametrize("long_term", [False, True])
@pytest.mark.parametrize(
    ("refusal", "goes"),
    [
        (Failed("again", "43108"), ("retry", "mini_subscription")),
        (Failed("unfit", "43177"), ("retry", "account_subscription")),
        (Failed("unfit", "40038"), ("retry", "account_subscription")),
        (Failed("broken", "43107", scope="template"), ("retry", "mini_subscription")),
    ],
)  # fmt: skip
def test_what_says_nothing_of_an_agreement_leaves_it_alone(session, cast, refusal, goes, long_term):
    mini = mini_identity(session, cast)
    agree(session, mini.id, TOPIC, NOW - timedelta(hours=1), long_term=long_term)
    blocked(session, cast)
    (letter,) = letters(session, cast.xiaofang)
    assert one_way(session) == ("mini_subscription", MINI)
    session.refresh(letter)
    settled(session, letter, refusal, allowance=TOPICS)
    held = session.scalars(select(Subscription)).one()
    assert (held.balance, held.long_term) == (1, long_term)
    assert (letter.state, letter.channel) == goes


@pytest.mark.case("J8")
def test_what_was_agreed_to_while_43101_was_on_its_way_stands(session, cast):
    mini = mini_identity(session, cast)
    agree(session, mini.id, TOPIC, NOW - timedelta(hours=1))
    blocked(session, cast)
    (letter,) = letters(session, cast.xiaofang)
    assert one_way(session) == ("mini_subscription", MINI)
    session.refresh(letter)
    agree(session, mini.id, TOPIC, NOW + timedelta(seconds=1))
    settled(session, letter, Failed("window", "43101"), allowance=TOPICS)
    assert session.scalars(select(Subscription.balance)).one() == 2


@pytest.mark.case("J8")
@pytest.mark.parametrize("status", ["failed: system failed", "failed:freq limit", "failed:something new"])
def test_an_agreement_that_a_failed_message_used_up_is_not_drawn_on_again(session, cast, status):
    mini = mini_identity(session, cast)
    agree(session, mini.id, TOPIC, NOW)
    agree(session, mini.id, TOPIC, NOW)
    blocked(session, cast)
    (letter,) = letters(session, cast.xiaofang)
    assert one_way(session) == ("mini_subscription", MINI)
    session.refresh(letter)
    settled(session, letter, Sent("77", "好"), allowance=TOPICS)
    first = letter.client_msg_id
    assert record_receipt(session, MINI, "77", status, NOW) is letter
    assert (letter.state, letter.channel, letter.msgid) == ("retry", "account_subscription", None)
    assert (letter.client_msg_id != first, letter.error_code) == (True, status[:24])
    assert session.scalars(select(Subscription.balance)).one() == 1  # the other agreement is for another message
    assert claimed(session, allowance=TOPICS).homeless == [letter.id]


@pytest.mark.case("J8")
def test_where_no_rung_is_left_after_a_failed_subscription_message_it_is_a_cadres(session, cast):
    (letter,) = letters(session, cast.xiaofang)
    letter.state, letter.msgid, letter.app_id, letter.channel = "sent", "78", APP_ID, "account_subscription"
    letter.useful_until = NOW
    session.flush()
    record_receipt(session, APP_ID, "78", "failed: system failed", NOW)
    assert letter.state == "dead"


def test_a_long_term_agreement_is_not_used_up_until_it_is_taken_back(session, cast):
    mini = mini_identity(session, cast)
    agree(session, mini.id, TOPIC, NOW, long_term=True)
    blocked(session, cast)
    for letter in letters(session, cast.xiaofang, 3):
        claimed(session, allowance=TOPICS, limit=1)
        session.refresh(letter)
        settled(session, letter, Sent(f"8{letter.id}", "好"), allowance=TOPICS)
        assert letter.channel == "mini_subscription"
    refuse(session, mini.id, TOPIC, NOW)
    another(session, cast, "more")
    assert len(claimed(session, allowance=TOPICS).homeless) == 1


@pytest.mark.parametrize(("hours", "served", "opens"), [(1, 0, True), (47, 4, True), (49, 0, False), (1, 5, False)])
def test_the_customer_service_window_is_two_days_and_five_messages_wide(session, cast, hours, served, opens):
    identity = account_identity(session, cast)
    wrote(session, identity.id, NOW - timedelta(hours=hours), served)
    (letter,) = letters(session, cast.xiaofang, channel="account_subscription")
    batch = claimed(session)
    assert ([one.channel for one in batch.letters], batch.homeless) == (
        (["customer_service"], []) if opens else ([], [letter.id])
    )


def test_what_goes_through_the_window_narrows_it_and_ends_there_since_no_receipt_comes(session, cast):
    identity = account_identity(session, cast)
    wrote(session, identity.id, NOW, served=4)
    one, other = letters(session, cast.xiaofang, 2, channel="account_subscription")
    claimed(session, limit=1)
    session.refresh(one)
    settled(session, one, Sent(None, "好"))
    assert one.state == "delivered"
    assert claimed(session).homeless == [other.id]


@pytest.mark.parametrize("code", ["45015", "45047"])
def test_a_window_that_wechat_says_is_closed_is_believed_and_silences_nothing_else(session, cast, code):
    identity = account_identity(session, cast)
    wrote(session, identity.id, NOW)
    (letter,) = letters(session, cast.xiaofang, channel="customer_service")
    claimed(session)
    (dead,) = settled(session, letter, Failed("window", code))
    assert (dead.state, is_reachable(session, cast.xiaofang.id)) == ("dead", True)
    assert session.get_one(Dialogue, identity.id, populate_existing=True).heard_at is None


def test_who_writes_while_the_closed_window_is_on_its_way_has_opened_it_anew(session, cast):
    identity = account_identity(session, cast)
    wrote(session, identity.id, NOW)
    (letter,) = letters(session, cast.xiaofang, channel="customer_service")
    claimed(session)
    session.get_one(Dialogue, identity.id).heard_at = NOW + timedelta(seconds=1)
    session.flush()
    settled(session, letter, Failed("window", "45015"))
    assert session.get_one(Dialogue, identity.id, populate_existing=True).heard_at == NOW + timedelta(seconds=1)


def test_a_letter_that_may_have_arrived_does_not_go_down_the_ladder(session, cast):
    (letter,) = letters(session, cast.xiaofang)
    letter.in_doubt = True
    assert not step_down(letter, NOW)
    letter.in_doubt = False
    assert step_down(letter, NOW)


def test_every_ladder_is_made_of_channels_and_every_lane_has_its_share():
    assert {channel for ladder in LADDERS.values() for channel in ladder} <= CHANNELS.keys()
    assert list(LANES) == ["safety", "same_day", "routine", "digest"]
    assert sorted(LANES.values(), reverse=True) == list(LANES.values())


@pytest.mark.case("J11")
def test_who_does_not_want_reminders_gets_none_until_that_is_taken_back(session, cast):
    opt_out(session, cast.xiaofang.id, "people.", NOW)
    opt_out(session, cast.xiaofang.id, "people.", NOW)
    one, other = letters(session, cast.xiaofang, 2)
    assert claimed(session, limit=1).suppressed == [one.id]
    opt_in(session, cast.xiaofang.id, "people.")
    assert [letter.id for letter in claimed(session).letters] == [other.id]


@pytest.mark.case("J11", "B10")
def test_nobody_is_reminded_of_somebody_who_has_died(session, cast):
    (letter,) = letters(session, cast.xiaofang, about_id=cast.wangnainai.id)
    session.get_one(Person, cast.wangnainai.id).state = "deceased"
    session.flush()
    assert claimed(session).suppressed == [letter.id]


# Budgets.


def limited(**limits):
    return Allowance(limits={APP_ID: Limits(**limits)})


@pytest.mark.case("J18")
def test_when_the_day_is_nearly_used_up_what_is_urgent_still_goes_and_the_rest_waits_for_tomorrow(session, cast):
    routine = letters(session, cast.xiaofang, 12, useful_until=NOW + timedelta(days=3))
    few = limited(per_day=10)
    batch = claimed(session, allowance=few)
    assert [letter.id for letter in batch.letters] == [letter.id for letter in routine[:9]]
    ((until, held),) = batch.put_back.items()
    assert held == [letter.id for letter in routine[9:]]
    assert until == NOW + timedelta(hours=22)  # the new day begins at midnight in China, and hers at eight
    urgent = posted(session, key="u", person_id=cast.xiaofang.id, kind="people.link_declined", facts={}, subject="s:2",
                  now=NOW, urgency="same_day")  # fmt: skip
    assert [letter.id for letter in claimed(session, allowance=few).letters] == [urgent.id]
    tomorrow = NOW + timedelta(days=1)
    assert len(claimed(session, allowance=few, now=tomorrow, limit=5).letters) == 3


@pytest.mark.case("J12", "J18")
def test_nobody_is_woken_at_midnight_in_china_when_a_new_days_budget_begins(session, cast):
    for urgency in ("routine", "same_day"):
        post(session, key=urgency, person_id=cast.li.id, kind="people.link_declined", facts={}, subject="s:1", now=NOW,
             urgency=urgency, useful_until=NOW + timedelta(days=3))  # fmt: skip
    waits = claimed(session, allowance=limited(per_day=0)).put_back
    assert sorted(moment.astimezone(CHINA).hour for moment in waits) == [0, 8]  # what is urgent goes at night too


@pytest.mark.case("J18")
def test_two_machines_whose_clocks_differ_by_seconds_share_one_minute(session, cast):
    letters(session, cast.xiaofang, 12)
    few = limited(per_minute=10)
    assert len(claimed(session, limit=5, now=NOW + timedelta(seconds=2), allowance=few).letters) == 5
    assert len(claimed(session, now=NOW + timedelta(seconds=1), allowance=few).letters) == 4


@pytest.mark.case("J18")
def test_a_full_minute_is_waited_for_and_is_no_reason_to_change_the_channel(session, cast):
    agree(session, mini_identity(session, cast).id, TOPIC, NOW)
    letters(session, cast.xiaofang, 3)
    few = Allowance(limits={APP_ID: Limits(per_minute=2)}, topics=TOPICS.topics)
    batch = claimed(session, allowance=few)
    assert [letter.channel for letter in batch.letters] == ["template"] * 2
    assert list(batch.put_back) == [NOW + timedelta(minutes=1)]
    later = claimed(session, allowance=few, now=NOW + timedelta(seconds=61))
    assert [letter.channel for letter in later.letters] == ["template"]


def test_a_letter_that_was_put_back_has_not_been_tried(session, cast):
    letters(session, cast.xiaofang, 3)
    claimed(session, allowance=limited(per_minute=2))
    waiting = session.scalars(select(Letter).where(Letter.state == "retry")).all()
    assert {(letter.tries, letter.first_attempt_at) for letter in waiting} == {(0, None)}


def test_many_processes_never_spend_more_than_the_budget(open_session, cast):
    with open_session() as session, session.begin():
        letters(session, cast.xiaofang, 60, urgency="same_day", useful_until=NOW + timedelta(days=3))

    def take(n):
        got = 0
        for _ in range(6):
            with open_session() as session, session.begin():
                got += len(claimed(session, f"sender {n}", limit=5, allowance=limited(per_day=20)).letters)
        return got

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(take, range(4))) == 20


# Breakers.


def test_a_template_out_of_order_stops_its_own_kind_once_and_nothing_else(session, cast):
    broken = letters(session, cast.xiaofang, 3)
    other = posted(session, key="o", person_id=cast.xiaofang.id, kind="family.booked", facts={}, subject="s:2", now=NOW)
    claimed(session, limit=1)
    session.refresh(broken[0])
    settled(session, broken[0], Failed("broken", "40037", "no such template", scope="template"))
    assert (broken[0].state, broken[0].next_at) == ("retry", NOW + timedelta(minutes=5))
    assert [letter.id for letter in claimed(session).letters] == [other.id]
    assert claimed(session, now=NOW + timedelta(minutes=4)).total == 0
    again = claimed(session, now=NOW + timedelta(minutes=6), limit=1)
    assert len(again.letters) == 1


def test_each_time_it_fails_again_the_pause_is_longer_and_one_success_forgets_it(session, cast):
    (letter,) = letters(session, cast.xiaofang, useful_until=NOW + timedelta(days=3))
    now, pauses = NOW, []
    for _ in range(3):
        claimed(session, now=now)
        session.refresh(letter)
        settled(session, letter, Failed("broken", "40164", "not on the list", scope="account"), now=now)
        pauses.append(letter.next_at - now)
        now = letter.next_at
    assert pauses == [timedelta(minutes=5), timedelta(minutes=10), timedelta(minutes=20)]
    claimed(session, now=now)
    session.refresh(letter)
    settled(session, letter, Sent("77", "好"), now=now)
    assert session.scalars(select(Breaker)).all() == []


@pytest.mark.case("J18")
def test_an_account_whose_day_is_used_up_says_wechat_moves_to_the_next_channel(session, cast):
    agree(session, mini_identity(session, cast).id, TOPIC, NOW)
    one, other = letters(session, cast.xiaofang, 2)
    claimed(session, limit=1, allowance=TOPICS)
    session.refresh(one)
    settled(session, one, Failed("broken", "45009", pause_seconds=36_000, scope="account"), allowance=TOPICS)
    batch = claimed(session, allowance=TOPICS)
    assert [(letter.channel, letter.app_id) for letter in batch.letters] == [("mini_subscription", MINI)]
    # One agreement is one message: the other waits for the new day.
    assert batch.put_back == {NOW + timedelta(hours=10): [other.id if batch.letters[0].id == one.id else one.id]}


@pytest.mark.case("J18")
def test_a_letter_that_was_tried_on_one_account_takes_the_ways_of_the_other_as_an_untried_one_does(session, cast):
    tried, used_up = letters(session, cast.xiaofang, 2, useful_until=NOW + timedelta(days=3))
    claimed(session)
    settled(session, tried, Failed("again", "-1"))
    settled(session, used_up, Failed("broken", "45009", pause_seconds=50_400, scope="account"))
    agree(session, mini_identity(session, cast).id, TOPIC, NOW, long_term=True)
    later = NOW + timedelta(minutes=1)
    ways = [(letter.channel, letter.app_id) for letter in claimed(session, now=later, allowance=TOPICS).letters]
    assert ways == [("mini_subscription", MINI)] * 2


def test_what_is_the_accounts_trouble_uses_up_no_tries(session, cast):
    (letter,) = letters(session, cast.xiaofang, useful_until=NOW + timedelta(days=3))
    now = NOW
    for _ in range(20):
        claimed(session, now=now)
        settled(session, letter, Failed("again", "token busy", pause_seconds=60, scope="account"), now=now)
        session.refresh(letter)
        now = letter.next_at
    assert (letter.state, letter.tries) == ("retry", 20)


@pytest.mark.case("J12", "J18")
def test_where_no_other_way_leads_to_the_reader_a_new_day_is_waited_for_and_the_readers_morning(session, cast):
    (letter,) = letters(session, cast.xiaofang, useful_until=NOW + timedelta(days=3))
    claimed(session)
    settled(session, letter, Failed("broken", "45009", pause_seconds=50_400, scope="account"))
    assert claimed(session).put_back == {NOW + timedelta(hours=22): [letter.id]}


# The night.


@pytest.mark.case("J12")
def test_whatever_is_not_about_now_waits_for_the_readers_morning(session, cast):
    session.get_one(Person, cast.xiaofang.id).time_zone = "Europe/Madrid"  # three at night
    morning = NOW + timedelta(hours=5)
    waits = letters(session, cast.xiaofang, useful_until=NOW + timedelta(days=1))
    urgent = posted(session, key="u", person_id=cast.xiaofang.id, kind="people.link_declined", facts={}, subject="s:2",
                    now=NOW, urgency="same_day")  # fmt: skip
    only_now = posted(session, key="n", person_id=cast.xiaofang.id, kind="people.link_declined", facts={},
                      subject="s:3", now=NOW, useful_until=morning + timedelta(minutes=30))  # fmt: skip
    batch = claimed(session)
    assert {letter.id for letter in batch.letters} == {urgent.id, only_now.id}
    assert batch.put_back == {morning: [waits[0].id]}
    session.refresh(waits[0])
    assert (waits[0].tries, waits[0].first_attempt_at) == (0, None)
    assert [letter.id for letter in claimed(session, now=morning).letters] == [waits[0].id]


@pytest.mark.case("J12", "J4")
def test_what_may_have_arrived_is_asked_about_at_night_too_while_wechat_knows_it(session, cast):
    (letter,) = letters(session, cast.xiaofang)
    claimed(session)
    settled(session, letter, Unsure("timeout"))
    session.get_one(Person, cast.xiaofang.id).time_zone = "Europe/Madrid"
    session.refresh(letter)
    assert [one.id for one in claimed(session, now=letter.next_at).letters] == [letter.id]


def test_a_sick_account_does_not_stop_another(session, cast):
    session.add(Identity(app_id="wx-other", openid="o-2", person_id=cast.li.id, since=NOW - timedelta(days=1)))
    session.execute(Identity.__table__.delete().where(Identity.person_id == cast.li.id, Identity.app_id == APP_ID))
    (sick,) = letters(session, cast.xiaofang)
    claimed(session)
    settled(session, sick, Failed("broken", "50002", scope="account"))
    healthy = posted(session, key="h", person_id=cast.li.id, kind="people.x", facts={}, subject="s:3", now=NOW)
    assert [letter.id for letter in claimed(session).letters] == [healthy.id]


def test_what_would_have_to_wait_beyond_its_use_is_a_cadres_now(session, cast):
    one, other = letters(session, cast.xiaofang, 2, useful_until=NOW + timedelta(hours=2))
    claimed(session, limit=1)
    session.refresh(one)
    settled(session, one, Failed("broken", "45009", pause_seconds=36_000, scope="account"))
    assert claimed(session).homeless == [one.id, other.id]


# Receipts that never come.


def accepted(session, cast, count=1, **more):
    made = letters(session, cast.xiaofang, count, **more)
    claimed(session)
    for number, letter in enumerate(made):
        session.refresh(letter)
        settled(session, letter, Sent(f"55{number}", "好"))
    return made


def test_a_receipt_that_never_comes_is_looked_into_while_that_is_of_use(session, cast):
    (letter,) = accepted(session, cast, useful_until=NOW + timedelta(hours=1))
    assert sweep(session, NOW + timedelta(minutes=9)) == []
    assert [one.id for one in sweep(session, NOW + timedelta(minutes=11))] == [letter.id]
    assert letter.state == "needs_check"
    record_receipt(session, APP_ID, letter.msgid, "success", NOW + timedelta(minutes=12))
    assert letter.state == "delivered"


def test_when_it_is_of_no_use_any_more_it_is_only_written_down(session, cast):
    (letter,) = accepted(session, cast, useful_until=NOW + timedelta(minutes=5))
    assert sweep(session, NOW + timedelta(minutes=11)) == []
    assert letter.state == "unconfirmed"


def test_when_no_receipts_come_at_all_no_cadre_is_sent_after_each(session, cast, caplog):
    made = accepted(session, cast, 30, useful_until=NOW + timedelta(hours=1))
    assert sweep(session, NOW + timedelta(minutes=11)) == []
    assert {letter.state for letter in made} == {"unconfirmed"}
    assert "does WeChat reach our callback?" in caplog.text


def unheard(session, cast, count, at=NOW, key="u", **more):
    """So many letters that WeChat has accepted at this time and not reported on."""
    made = [
        posted(session, key=f"{key}{n}", person_id=cast.xiaofang.id, kind="people.link_declined", facts={},
               subject=f"s:{n}", now=at, **more)
        for n in range(count)
    ]  # fmt: skip
    for n, letter in enumerate(made):
        letter.state, letter.app_id, letter.sent_at, letter.msgid = "sent", APP_ID, at, f"{key}{n}"
    session.flush()
    return made


def heard(session, count, at, app_id=APP_ID):
    """So many receipts of other letters that have come at this time."""
    for n in range(count):
        session.add(Receipt(app_id=app_id, msgid=f"{at:%d%H%M%S}/{n}", status="success", received_at=at, letter_id=1))
    session.flush()


def asked_of(session, minutes):
    """How many letters a cadre is to ask about after each of these minutes."""
    return [len(sweep(session, NOW + timedelta(minutes=minute))) for minute in minutes]


def test_a_burst_of_which_no_receipt_comes_floods_no_cadre_whatever_came_before_it(session, cast):
    heard(session, 600, NOW - timedelta(minutes=1))
    made = unheard(session, cast, 1010)
    assert asked_of(session, (11, 11.2, 11.4, 11.6)) == [0, 0, 0, 0]  # three sweeps full, the last of them of ten
    assert {letter.state for letter in made} == {"unconfirmed"}
    assert [one.app_id for one in deaf(session)] == [APP_ID]


def test_a_trickle_of_which_no_receipt_comes_is_as_deaf_as_a_burst(session, cast):
    for n in range(10):
        unheard(session, cast, 19, NOW + timedelta(seconds=10 * n), key=f"u{n}/")
    assert asked_of(session, [10 + n / 6 + 0.1 for n in range(10)]) == [0] * 10


def test_where_letters_are_few_those_without_a_receipt_add_up_until_it_is_no_chance_any_more(session, cast):
    asked = []
    for minute in range(120):  # one in two minutes
        if minute % 2 == 0:
            unheard(session, cast, 1, NOW + timedelta(minutes=minute), key=f"u{minute}/")
        asked += asked_of(session, [minute + 0.5])
    assert 10 < sum(asked) < MANY
    assert sum(asked[60:]) == 0


def test_letters_whose_receipt_is_lost_among_many_that_come_are_asked_about(session, cast):
    unheard(session, cast, 2 * MANY)
    heard(session, 100, NOW + timedelta(seconds=3))
    assert asked_of(session, [11]) == [2 * MANY]
    assert deaf(session) == []


def test_now_and_then_one_without_a_receipt_is_asked_about_for_ever_where_receipts_come_between(session, cast):
    for n in range(2 * MANY):
        unheard(session, cast, 1, NOW + timedelta(minutes=60 * n), key=f"u{n}/")
        assert asked_of(session, [60 * n + 11]) == [1]
        heard(session, 1, NOW + timedelta(minutes=60 * n + 30))
        assert asked_of(session, [60 * n + 31]) == [0]


def test_the_receipts_of_one_account_say_nothing_of_another(session, cast):
    unheard(session, cast, 30)
    heard(session, 100, NOW + timedelta(seconds=3), app_id="wx-another")
    assert asked_of(session, [11]) == [0]


def test_when_receipts_come_again_few_of_the_letters_from_before_are_asked_about_and_all_that_come_after(session, cast):
    asked = []
    for n in range(6 * 40):  # a letter every ten seconds; receipts for those that are sent after twenty minutes
        at = NOW + timedelta(seconds=10 * n)
        if n < 6 * 20:
            unheard(session, cast, 1, at, key=f"u{n}/")
        else:
            heard(session, 1, at)
        asked.append(len(sweep(session, at)))
    assert sum(asked) < MANY
    assert deaf(session) == []
    late = NOW + timedelta(minutes=40)
    unheard(session, cast, 1, late, key="late")
    heard(session, 1, late)
    assert asked_of(session, [51]) == [1]


def test_where_no_receipts_come_what_concerns_safety_is_asked_about_and_what_presses_while_it_is_little(session, cast):
    def pressing(urgency, count, minutes, **more):
        return unheard(session, cast, count, NOW + timedelta(minutes=minutes), f"{urgency}{minutes}/", urgency=urgency,
                       useful_until=NOW + timedelta(hours=1), **more)  # fmt: skip

    unheard(session, cast, 30)
    safety, few = pressing("safety", 3, 0), pressing("same_day", 5, 0)
    assert {one.id for one in sweep(session, NOW + timedelta(minutes=11))} == {one.id for one in (*safety, *few)}
    safety, _ = pressing("safety", 2, 20), pressing("same_day", MANY, 20)
    assert {one.id for one in sweep(session, NOW + timedelta(minutes=31))} == {one.id for one in safety}
    pressing("same_day", 5, 50)
    assert asked_of(session, [61]) == [0]  # it has taken place meanwhile


def test_to_find_out_whether_receipts_come_reads_no_table_through(session, cast):
    made = unheard(session, cast, 3)
    heard(session, 1, NOW - timedelta(minutes=1))
    at = NOW + timedelta(minutes=11)
    assert read_through(session, lambda: listen(session, made, at, at)) <= {"breakers"}  # a handful of rows
