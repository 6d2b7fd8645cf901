"""Letters: claimed by one, settled under a fence, repeated only where that is safe, and always ended somewhere."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import delete, event, select

from models.messages.allowance import Allowance
from models.messages.claiming import Lease, claim
from models.messages.inbox import Dialogue
from models.messages.ladder import CHANNELS, LANES
from models.messages.letters import LETTER, Letter
from models.messages.optouts import opt_out
from models.messages.outbox import post, withdraw
from models.messages.outcomes import Failed, OpenLetter, Sent, Unsure
from models.messages.passage import give_up
from models.messages.receipts import Receipt, join_waiting, record_receipt
from models.messages.settling import settle
from models.messages.sweeping import sweep_letters
from models.people.identities import Identity, is_reachable
from models.people.persons import Person
from models.tasks.desk import finish
from models.tasks.tasks import Task
from models.tasks.undelivered import hand_over
from tests.cast import APP_ID
from tests.letters import posted
from tests.plans import asked, plan_of, read_through
from tests.world import NOW

FREE = Allowance()
LEASE, DEADLINE = timedelta(seconds=45), timedelta(seconds=20)


@pytest.fixture
def cast(at_home):
    return at_home


def letters(session, person, count=1, **more):
    """So many, due one after the other: of those that are due at the same moment a database takes any first."""
    made = [
        posted(
            session,
            key=f"k{n}",
            person_id=person.id,
            kind="people.link_declined",
            facts={"cared": "", "at": NOW.isoformat()},
            subject="s:1",
            now=NOW,
            **more,
        )
        for n in range(count)
    ]
    for n, letter in enumerate(made):
        letter.next_at -= timedelta(microseconds=count - 1 - n)
    session.flush()
    return made


def claimed(session, owner="me", now=NOW, real_now=None, limit=100, allowance=FREE):
    return claim(
        session,
        now=now,
        real_now=real_now or now,
        lease=Lease(owner, LEASE, DEADLINE),
        limit=limit,
        allowance=allowance,
    )


def carried(session, letter):
    through = CHANNELS[letter.channel].through
    query = select(Identity).where(Identity.person_id == letter.person_id, Identity.kind == through)
    identity = session.scalars(query.order_by(Identity.id.desc())).first()
    return OpenLetter(letter.id, letter.kind, letter.facts, letter.channel, identity.app_id, identity.openid,
                      identity.id, "Asia/Shanghai", letter.client_msg_id, NOW, 20.0, NOW)  # fmt: skip


def settled(session, letter, outcome, owner="me", now=NOW, allowance=FREE):
    outcomes = {letter.id: (carried(session, letter), outcome)}
    return settle(session, owner, outcomes, now=now, real_now=now, jitter=0.5, allowance=allowance).ended


def sweep(session, now=NOW, real_now=None):
    return sweep_letters(session, now=now, real_now=real_now or now, deadline=DEADLINE, jitter=0.5)


@pytest.mark.case("J2")
def test_of_eight_senders_exactly_one_has_each_letter(open_session, cast):
    with open_session() as session, session.begin():
        letters(session, cast.xiaofang, 200)

    def take(n):
        got = []
        while True:
            with open_session() as session, session.begin():
                batch = claimed(session, f"sender {n}", limit=7)
            if not batch.total:
                return got
            got += [letter.id for letter in batch.letters]

    with ThreadPoolExecutor(8) as pool:
        all_ids = [key for part in pool.map(take, range(8)) for key in part]
    assert len(all_ids) == len(set(all_ids)) == 200


def test_a_claim_of_200_letters_is_a_handful_of_statements(session, engine, cast):
    letters(session, cast.xiaofang, 200)
    session.flush()
    statements = []
    event.listen(engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    assert len(claimed(session, limit=200).letters) == 200
    assert len(statements) <= 10  # whatever the number of letters


def test_the_first_attempt_is_written_before_the_first_byte(session, cast):
    (letter,) = letters(session, cast.xiaofang)
    claimed(session)
    session.refresh(letter)
    assert (letter.state, letter.first_attempt_at, letter.tries) == ("sending", NOW, 1)


def test_a_sender_that_lost_its_lease_changes_nothing(session, cast):
    (letter,) = letters(session, cast.xiaofang)
    claimed(session, "first")
    sweep(session, real_now=NOW + LEASE + timedelta(seconds=1))
    claimed(session, "second", now=NOW + timedelta(minutes=1))
    settled(session, letter, Sent("1", "好"), "first")
    session.refresh(letter)
    assert (letter.state, letter.lease_owner) == ("sending", "second")


@pytest.mark.case("J11")
def test_somebody_without_an_address_and_the_dead_are_not_written_to(session, cast):
    (letter,) = letters(session, cast.wangnainai)
    batch = claimed(session)
    assert (batch.letters, batch.homeless) == ([], [letter.id])
    session.get_one(Person, cast.xiaofang.id).state = "deceased"
    gone = posted(session, key="x", person_id=cast.xiaofang.id, kind="people.x", facts={}, subject="s:1", now=NOW)
    assert claimed(session).suppressed == [gone.id]


@pytest.mark.case("J3", "J4")
def test_a_sender_that_dies_after_wechat_took_the_letter_is_followed_under_the_same_id(open_session, cast):
    def step(work):
        with open_session() as session, session.begin():
            return work(session)

    step(lambda session: letters(session, cast.xiaofang)[0].id)
    (first,) = step(lambda session: claimed(session, "died").letters)  # WeChat took it; nobody wrote that down
    after = NOW + LEASE + timedelta(seconds=1)
    assert step(lambda session: claimed(session, "next", now=NOW + LEASE - timedelta(seconds=1)).total) == 0
    step(lambda session: sweep(session, after))
    (again,) = step(lambda session: claimed(session, "next", now=after + timedelta(seconds=30)).letters)
    # The id is WeChat's for ten minutes: the second copy is the first message, and no second one is shown.
    assert (again.id, again.client_msg_id) == (first.id, first.client_msg_id)


def test_an_unsure_template_is_repeated_with_the_same_id_inside_ten_minutes(session, cast):
    (letter,) = letters(session, cast.xiaofang)
    first = claimed(session).letters[0]
    settled(session, letter, Unsure("timeout"))
    again = claimed(session, now=NOW + timedelta(minutes=5)).letters[0]
    assert again.client_msg_id == first.client_msg_id


@pytest.mark.case("R8")
def test_in_doubt_past_ten_minutes_it_is_never_sent_again_but_checked_by_a_cadre(session, cast):
    (letter,) = letters(session, cast.xiaofang)
    claimed(session)
    settled(session, letter, Unsure("timeout"))
    late = NOW + timedelta(minutes=9, seconds=50)
    assert claimed(session, now=late).total == 0
    assert [one.id for one in sweep(session, late)] == [letter.id]
    assert letter.state == "needs_check"
    assert hand_over(session, letter, late).kind == "check_delivery"


@pytest.mark.case("R8")
def test_one_in_doubt_that_waits_long_for_its_turn_is_not_begun_when_wechat_may_have_forgotten_it(session, cast):
    (letter,) = letters(session, cast.xiaofang)
    assert claimed(session).letters[0].start_before == NOW + LEASE - DEADLINE
    settled(session, letter, Unsure("timeout"))
    (again,) = claimed(session, now=NOW + timedelta(minutes=10) - DEADLINE - timedelta(seconds=1)).letters
    assert again.start_before == NOW + timedelta(minutes=10) - DEADLINE


def test_a_customer_service_letter_in_doubt_is_not_repeated_at_all(session, cast):
    (letter,) = letters(session, cast.xiaofang, channel="customer_service")
    claimed(session)
    assert settled(session, letter, Unsure("timeout")) == [letter]
    assert letter.state == "needs_check"


@pytest.mark.case("J4")
def test_a_dead_sender_leaves_a_doubt_by_channel(session, cast):
    letters(session, cast.xiaofang, 1)
    post(
        session,
        key="cs",
        person_id=cast.xiaofang.id,
        kind="people.link_declined",
        facts={"text": ""},
        subject="s:1",
        now=NOW,
        channel="customer_service",
    )
    claimed(session)
    sweep(session, real_now=NOW + LEASE + timedelta(seconds=1))
    assert dict(session.execute(select(Letter.channel, Letter.state)).all()) == {
        "template": "retry",
        "customer_service": "needs_check",
    }


def test_a_demo_clock_that_jumps_does_not_end_leases(session, cast):
    (letter,) = letters(session, cast.xiaofang)
    claimed(session)
    sweep(session, now=NOW + timedelta(hours=20), real_now=NOW + timedelta(seconds=5))
    session.refresh(letter)
    assert letter.state == "sending"


def nothing_is_left(session, letter, now):
    """Whether it has gone down its ladder and no rung is there for its reader: it is a cadre's then."""
    session.refresh(letter)
    assert (letter.state, letter.channel) == ("retry", "mini_subscription")
    homeless = claimed(session, now=now).homeless
    session.refresh(letter)
    give_up(letter, now)
    session.flush()
    return homeless == [letter.id]


def tried_to_the_end(session, letter, code):
    """When it was given up, and the pauses before."""
    now, pauses = NOW, []
    while claimed(session, now=now).letters:
        settled(session, letter, Failed("again", code), now=now)
        session.refresh(letter)
        if letter.channel != "template":
            assert nothing_is_left(session, letter, now)
            return now, pauses
        pauses.append(letter.next_at - now)
        now = letter.next_at
    raise AssertionError("it is not there to be tried")


@pytest.mark.case("J5")
def test_a_refusal_that_nobody_knows_is_tried_later_and_later_and_in_the_end_a_cadre(session, cast):
    (letter,) = letters(session, cast.xiaofang)
    now, pauses = tried_to_the_end(session, letter, "88888")
    assert letter.state == "dead"
    assert pauses == sorted(pauses)
    assert len(pauses) == 11
    assert hand_over(session, letter, now).kind == "phone_call"


@pytest.mark.parametrize("code", ["-1", "unreached", "too_late"])
def test_a_wechat_that_is_busy_or_away_is_asked_as_long_as_the_letter_is_of_use(session, cast, code):
    (letter,) = letters(session, cast.xiaofang, urgency="same_day", useful_until=NOW + timedelta(hours=5))
    now, pauses = tried_to_the_end(session, letter, code)
    assert now > NOW + timedelta(hours=4, minutes=45)
    assert max(pauses) <= timedelta(minutes=10)
    assert letter.state == "dead"
    assert hand_over(session, letter, now).kind == "phone_call"


@pytest.mark.case("J11")
@pytest.mark.parametrize("why", ["opted out", "dead", "of the dead"])
def test_whom_no_letter_would_be_sent_to_nobody_phones_either(session, cast, why):
    (letter,) = letters(session, cast.xiaofang, about_id=cast.wangnainai.id)
    if why == "opted out":
        opt_out(session, cast.xiaofang.id, "people", NOW)
    else:
        person = cast.xiaofang if why == "dead" else cast.wangnainai
        session.get_one(Person, person.id).state = "deceased"
    session.flush()
    (missed,) = sweep(session, now=NOW + timedelta(days=3))
    assert missed.id == letter.id
    assert hand_over(session, missed, NOW + timedelta(days=3)) is None


@pytest.mark.case("J11")
@pytest.mark.parametrize("state", ["paused", "moved"])
def test_who_has_moved_away_or_is_in_hospital_hears_of_what_they_have_booked(session, cast, state):
    (letter,) = letters(session, cast.xiaofang, about_id=cast.wangnainai.id)
    session.get_one(Person, cast.xiaofang.id).state = state
    session.flush()
    assert [one.id for one in claimed(session).letters] == [letter.id]
    letter.state = "dead"
    assert hand_over(session, letter, NOW).kind == "phone_call"


def test_a_refused_attempt_leaves_no_doubt_so_the_ten_minutes_begin_anew(session, cast):
    (letter,) = letters(session, cast.xiaofang)
    claimed(session)
    settled(session, letter, Failed("again", "-1"))
    later = NOW + timedelta(minutes=30)
    assert len(claimed(session, now=later).letters) == 1
    session.refresh(letter)
    assert letter.first_attempt_at == later


def test_an_answer_in_a_conversation_that_did_not_arrive_is_nobody_elses_to_read(session, cast):
    letter = posted(session, key="reply:1", person_id=cast.xiaofang.id, kind="messages.reply", facts={"text": "私事"},
                  subject="identity:1", now=NOW, channel="customer_service")  # fmt: skip
    claimed(session)
    (dead,) = settled(session, letter, Failed("window", "45015"))
    assert hand_over(session, dead, NOW) is None
    assert session.scalars(select(Task)).all() == []


def test_somebody_who_cannot_be_reached_so_is_marked_and_becomes_a_phone_call(session, cast):
    (letter,) = letters(session, cast.xiaofang)
    claimed(session)
    assert settled(session, letter, Failed("person", "43004")) == []
    assert not is_reachable(session, cast.xiaofang.id)
    assert claimed(session).homeless == [letter.id]  # no rung below reaches her either
    session.refresh(letter)
    letter.error_code = "43004"
    give_up(letter, NOW)
    task = hand_over(session, letter, NOW)
    assert (task.kind, task.area_id, task.facts["why"]) == ("phone_call", cast.village.id, "43004")
    assert finish(session, cast.who(cast.li), task.id, NOW).state == "done"
    assert letter.state == "told_in_person"


@pytest.mark.parametrize("code", ["43004", "40003", "43019"])
@pytest.mark.parametrize("minutes", [1, -1], ids=["since", "before"])
def test_who_follows_while_a_letter_is_on_its_way_is_not_given_up_for_its_answer(session, cast, code, minutes):
    (letter,) = letters(session, cast.xiaofang)
    (carried_now,) = claimed(session).letters
    at = NOW + timedelta(minutes=minutes)
    session.add(Dialogue(identity_id=carried_now.identity_id, choices=[], shown={}, draft={}, updated_at=at))
    session.flush()
    settled(session, letter, Failed("person", code))
    session.refresh(letter)
    again = minutes > 0 and code != "43019"  # a blacklist is ours, and following anew changes nothing of it
    assert is_reachable(session, cast.xiaofang.id) is again
    assert letter.state == "retry"
    assert (letter.next_at > NOW, letter.channel == carried_now.channel) == ((True, True) if again else (False, False))


@pytest.mark.parametrize("by", ["answer", "receipt", "early receipt"])
def test_of_two_wechats_the_newer_is_written_to_and_a_refusal_is_of_that_one_alone(session, cast, by):
    """The older one lies in a drawer, or is the one that answers after all."""
    new = Identity(app_id=APP_ID, openid="o-new-phone", person_id=cast.xiaofang.id, since=NOW)
    session.add(new)
    session.flush()
    (letter,) = letters(session, cast.xiaofang)
    (carried_now,) = claimed(session).letters
    assert (carried_now.openid, carried_now.identity_id) == ("o-new-phone", new.id)
    if by == "answer":
        settled(session, letter, Failed("person", "43004"))
    else:
        steps = [lambda: settled(session, letter, Sent("77", "好")),
                 lambda: record_receipt(session, APP_ID, "77", "failed:user block", NOW, new.id)]  # fmt: skip
        for step in steps if by == "receipt" else reversed(steps):
            step()
    session.refresh(new)
    assert (new.reachable, is_reachable(session, cast.xiaofang.id)) == (False, True)
    next_one = posted(session, key="next", person_id=cast.xiaofang.id, kind="people.link_declined", facts={},
                      subject="s:2", now=NOW)  # fmt: skip
    assert {one.id: one.openid for one in claimed(session).letters}[next_one.id] == f"o-{cast.xiaofang.id}"


@pytest.mark.case("J1")
def test_after_two_hours_of_silence_what_is_still_useful_goes_and_the_rest_is_missed_aloud(session, cast):
    useful, stale = letters(session, cast.xiaofang, 2)
    stale.useful_until = NOW + timedelta(hours=1)
    session.flush()
    late = NOW + timedelta(hours=2)
    assert [one.id for one in claimed(session, now=late).letters] == [useful.id]
    (missed,) = sweep(session, late)
    assert (missed.id, missed.state) == (stale.id, "missed")
    assert hand_over(session, missed, late) is not None


def test_a_letter_about_a_task_makes_no_further_task(session, cast):
    letter = posted(session, key="t", person_id=cast.li.id, kind="tasks.assigned", facts={}, subject="task:1", now=NOW)
    letter.state = "dead"
    assert hand_over(session, letter, NOW) is None
    assert session.scalars(select(Task)).all() == []


def sent(session, cast, msgid="9007199254740993"):
    (letter,) = letters(session, cast.xiaofang)
    claimed(session)
    settled(session, letter, Sent(msgid, "好"))
    return letter


@pytest.mark.case("J7")
def test_a_receipt_settles_the_letter_once_however_often_it_comes(session, cast):
    letter = sent(session, cast)
    assert letter.msgid == "9007199254740993"
    assert record_receipt(session, APP_ID, letter.msgid, "success", NOW) is letter
    assert record_receipt(session, APP_ID, letter.msgid, "failed:user block", NOW) is None
    assert letter.state == "delivered"


@pytest.mark.case("J7")
def test_a_receipt_before_its_msgid_is_kept_and_joined(session, cast):
    (letter,) = letters(session, cast.xiaofang)
    claimed(session)
    assert record_receipt(session, APP_ID, "77", "success", NOW) is None
    settled(session, letter, Sent("77", "好"))
    assert letter.state == "delivered"


@pytest.mark.case("J7")
def test_a_receipt_of_failure_before_its_msgid_still_ends_in_a_cadres_hands(session, cast):
    (letter,) = letters(session, cast.xiaofang)
    claimed(session)
    session.get_one(Letter, letter.id, populate_existing=True).tries = 9
    early = {"app_id": APP_ID, "status": "failed: system failed", "received_at": NOW, "letter_id": letter.id}
    session.add_all([Receipt(msgid=msgid, **early) for msgid in ("29", "30")])  # it has failed often enough
    session.flush()
    assert record_receipt(session, APP_ID, "31", "failed: system failed", NOW) is None
    assert settled(session, letter, Sent("31", "好")) == []
    assert nothing_is_left(session, letter, NOW)
    assert letter.state == "dead"


@pytest.mark.case("J7")
def test_a_receipt_that_crossed_its_msgid_is_joined_by_the_sweep(session, cast):
    letter = sent(session, cast, "78")
    session.add(Receipt(app_id=APP_ID, msgid="78", status="success", received_at=NOW))
    session.flush()
    assert join_waiting(session, NOW) == [letter]
    assert letter.state == "delivered"


@pytest.mark.case("J7")
def test_an_unknown_receipt_and_one_of_another_account_change_nothing(session, cast):
    letter = sent(session, cast, "79")
    record_receipt(session, APP_ID, "80", "success", NOW)
    record_receipt(session, "wx-other", "79", "success", NOW)
    assert letter.state == "sent"
    assert len(session.scalars(select(Receipt)).all()) == 2


@pytest.mark.case("J6")
@pytest.mark.parametrize("status", ["failed:user block", "failed: user block", "Failed:User Block"])
def test_a_block_marks_the_person_and_sends_the_letter_down_the_ladder(session, cast, status):
    letter = sent(session, cast)
    assert record_receipt(session, APP_ID, letter.msgid, status, NOW) is letter
    assert (letter.state, letter.channel) == ("retry", "mini_subscription")
    assert claimed(session).homeless == [letter.id]
    identity = session.scalars(select(Identity).where(Identity.person_id == cast.xiaofang.id)).one()
    assert (identity.reachable, identity.unreachable_why) == (False, "user block")


def test_only_what_wechat_took_and_then_reported_failed_is_counted_and_no_try_that_never_got_there(session, cast):
    (letter,) = letters(session, cast.xiaofang)
    posted(session, key="other", person_id=cast.xiaofang.id, kind="people.x", facts={}, subject="s:2", now=NOW)
    now, states = NOW, []
    for outcome in [Failed("again", "-1"), Failed("again", "unreached"), Failed("again", "-1"), "41", "42", "43"]:
        now += timedelta(hours=1)
        assert letter.id in {one.id for one in claimed(session, now=now).letters}
        if isinstance(outcome, Failed):
            settled(session, letter, outcome, now=now)
            continue
        settled(session, letter, Sent(outcome, "好"), now=now)
        record_receipt(session, APP_ID, outcome, "failed: system failed", now)
        record_receipt(session, APP_ID, outcome, "failed: system failed", now)  # WeChat says things twice
        states.append((letter.state, letter.channel))
    assert states == [("retry", "template"), ("retry", "template"), ("retry", "mini_subscription")]
    assert letter.tries == 6


@pytest.mark.parametrize("status", ["failed: system failed", "failed:freq limit", "failed:something new"])
def test_a_failure_of_wechats_own_goes_again_under_a_new_id_and_ends_with_a_cadre(session, cast, status):
    letter = sent(session, cast)
    first = letter.client_msg_id
    for number in range(3):
        record_receipt(session, APP_ID, letter.msgid, status, NOW)
        if letter.channel != "template":
            break
        assert letter.next_at - NOW == timedelta(minutes=1 if "freq" in status else 0)
        claimed(session, now=letter.next_at)
        settled(session, letter, Sent(f"10{number}", "好"))
    assert letter.client_msg_id != first
    assert nothing_is_left(session, letter, NOW)


OUTCOMES = [
    Sent("1", "好"), Failed("again", "-1"), Failed("person", "43004"), Failed("window", "45015"),
    Failed("broken", "40037"), Failed("unfit", "47003", scope="template"), Unsure("timeout"),
]  # fmt: skip


def something_happens(session, alive, dice, now, said):
    """One of the things that can happen to letters; answers how many have been said by then."""
    deed = dice.randrange(6)
    if deed <= 1:
        for key in claimed(session, now=now, limit=dice.randrange(1, 4)).homeless:
            give_up(session.get_one(Letter, key, populate_existing=True), now)
            session.flush()
    elif deed == 2:
        for letter in [one for one in alive if one.state == "sending"]:
            outcome, said = dice.choice(OUTCOMES), said + 1
            settled(session, letter, Sent(str(said), "好") if isinstance(outcome, Sent) else outcome, now=now)
    elif deed == 3:
        sweep(session, now)
    elif deed == 4:
        status = dice.choice(["success", "failed:user block", "failed: system failed"])
        record_receipt(session, APP_ID, str(dice.randrange(1, said + 2)), status, now)
    elif dice.random() < 0.05:
        withdraw(session, "s:1", now)
    return said


@pytest.mark.parametrize("seed", range(12))
def test_whatever_happens_a_letter_only_goes_where_its_life_leads(session, cast, seed):
    dice, now, said, walked = random.Random(seed), NOW, 0, set()
    leads = {(source, verb.target) for verb in LETTER.verbs for source in verb.sources}
    leads |= {(one, last) for one, middle in leads for first, last in leads if middle == first}  # two verbs at once
    alive = letters(session, cast.xiaofang, 6, channel=dice.choice(["template", "customer_service"]))
    for _ in range(60):
        before = {letter.id: letter.state for letter in alive}
        said = something_happens(session, alive, dice, now, said)
        now += timedelta(seconds=dice.choice([0, 5, 50, 400]))
        for letter in alive:
            session.refresh(letter)
            if letter.state != before[letter.id]:
                walked.add((before[letter.id], letter.state))
    assert walked - leads == set()
    assert walked


@pytest.mark.case("E1")
@pytest.mark.parametrize(
    "outcome", [Failed("again", "-1"), Failed("broken", "40037"), Failed("person", "43004"), Unsure("timeout")]
)
def test_what_is_withdrawn_while_it_is_on_the_wire_is_not_tried_again_and_bothers_nobody(session, cast, outcome):
    (letter,) = letters(session, cast.xiaofang)
    claimed(session)
    assert withdraw(session, "s:1", NOW) == 0
    assert settled(session, letter, outcome) == []
    assert letter.state == "withdrawn"
    assert claimed(session, now=NOW + timedelta(hours=1)).total == 0


@pytest.mark.case("E1")
def test_what_was_withdrawn_after_it_was_sent_is_not_sent_again_when_its_receipt_says_it_failed(session, cast):
    letter = sent(session, cast)
    withdraw(session, "s:1", NOW)
    record_receipt(session, APP_ID, letter.msgid, "failed: system failed", NOW)
    assert letter.state == "withdrawn"


def test_a_withdrawal_and_a_claim_at_the_same_moment_never_leave_a_letter_that_is_tried_again(open_session, cast):
    for _ in range(30):
        with open_session() as session, session.begin():
            session.execute(delete(Letter))
            letters(session, cast.xiaofang, 20)

        def take():
            with open_session() as session, session.begin():
                return [letter.id for letter in claimed(session, limit=20).letters]

        def back():
            with open_session() as session, session.begin():
                withdraw(session, "s:1", NOW)

        with ThreadPoolExecutor(2) as pool:
            taking, _ = pool.submit(take), pool.submit(back).result()
            taken = taking.result()
        with open_session() as session, session.begin():
            for key in taken:
                settled(session, session.get_one(Letter, key), Failed("again", "-1"))
            # A claim that came second takes nothing; one that came first brings what is never tried again.
            assert set(session.scalars(select(Letter.state))) == {"withdrawn"}


def test_a_claim_finds_what_is_due_by_the_index_of_the_waiting_and_reads_no_other_row(session, engine, cast):
    letters(session, cast.xiaofang, 50)
    session.flush()
    (claiming,) = [one for one in asked(engine, lambda: claimed(session, limit=10)) if one[0].startswith("UPDATE")]
    plan = plan_of(session, *claiming)
    assert plan.count("ix_letters_due") >= len(LANES)
    assert "Seq Scan on letters" not in plan
    assert "SCAN letters\n" not in plan


def test_what_is_swept_and_joined_reads_no_row_of_what_is_over(session, cast):
    letter = sent(session, cast)
    letters(session, cast.aming, 3, due_at=NOW + timedelta(days=1))
    letter.tries = 9
    session.add_all(Receipt(app_id=APP_ID, msgid=f"x{n}", status="success", received_at=NOW) for n in range(3))
    session.flush()

    def deed():
        join_waiting(session, NOW)
        record_receipt(session, APP_ID, letter.msgid, "failed: system failed", NOW)
        sweep(session, real_now=NOW + timedelta(minutes=11))

    assert read_through(session, deed) & {"letters", "receipts"} == set()
