"""What is out of order rests, is tried by a few, and comes back; what is in doubt never goes a second way."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from models.messages.allowance import Allowance, Limits
from models.messages.breakers import Breaker, mend, trip
from models.messages.budgets import Purse, SendBudget
from models.messages.letters import Letter
from models.messages.outcomes import Failed, Sent, Unsure
from models.messages.settling import settle
from models.messages.subscriptions import agree
from models.people.identities import Identity
from models.tasks.alarm import end_alarms, raise_alarm
from tests.cast import APP_ID
from tests.letters import posted
from tests.models.messages.test_ladder import TOPIC, TOPICS, mini_identity
from tests.models.messages.test_outbox import FREE, carried, claimed, letters
from tests.world import NOW

QUIET = Failed("again", "unreached")


@pytest.fixture
def cast(at_home):
    return at_home


def more_letters(session, cast, count):
    """Beside those of `letters`."""
    return [
        posted(session, key=f"m{n}", person_id=cast.xiaofang.id, now=NOW, facts={}, kind="people.link_declined",
               subject="s:1")
        for n in range(count)
    ]  # fmt: skip


def come_back(session, letters, outcomes, now=NOW):
    """Settle them together, as they came back together."""
    found = {one.id: (carried(session, session.get_one(Letter, one.id)), said)
             for one, said in zip(letters, outcomes, strict=True)}  # fmt: skip
    return settle(session, "me", found, now=now, real_now=now, jitter=0.5, allowance=FREE)


def breakers(session):
    rows = session.execute(select(Breaker.channel, Breaker.kind, Breaker.code, Breaker.open_until)).all()
    return [(row.channel, row.kind, row.code, row.open_until - NOW) for row in rows]


@pytest.mark.case("J18")
def test_what_was_on_the_wire_before_does_not_end_a_pause(session, cast):
    one, other = letters(session, cast.xiaofang, 2)
    third = more_letters(session, cast, 1)
    claimed(session)
    busy = Failed("again", "45011", "too many calls", 60, scope="account")
    come_back(session, [one, other], [busy, Sent("7", "好")])
    assert breakers(session) == [("template", "*", "45011", timedelta(minutes=1))]
    come_back(session, third, [Sent("8", "好")], now=NOW + timedelta(seconds=1))
    assert len(breakers(session)) == 1
    assert claimed(session, now=NOW + timedelta(seconds=59)).letters == []
    again = claimed(session, now=NOW + timedelta(seconds=61)).letters
    come_back(session, again, [Sent("9", "好")], now=NOW + timedelta(seconds=62))
    assert breakers(session) == []


def test_a_few_letters_find_out_whether_it_works_again_and_the_others_wait_for_them(session, cast):
    letters(session, cast.xiaofang, 20)
    come_back(session, claimed(session, limit=1).letters, [Failed("broken", "50002", "limited", scope="account")])
    later = NOW + timedelta(minutes=5, seconds=1)
    batch = claimed(session, now=later)
    assert len(batch.letters) == 3
    assert list(batch.put_back) == [later + timedelta(seconds=10)]
    come_back(session, batch.letters[:1], [Sent("5", "好")], now=later)
    assert breakers(session) == []
    assert len(claimed(session, now=later + timedelta(seconds=11)).letters) == 17


@pytest.mark.parametrize("silence", [QUIET, Failed("again", "-1"), Unsure("timeout")], ids=["away", "busy", "timeout"])
def test_where_nothing_of_a_batch_is_answered_the_channel_rests_and_not_every_letter_is_put_in_doubt(
    session, cast, silence
):
    letters(session, cast.xiaofang, 30, useful_until=NOW + timedelta(days=3))
    waited = Failed("again", "too_late")  # it says nothing of the channel
    blown = come_back(session, claimed(session, limit=9).letters, [*[silence] * 8, waited]).blown
    assert [(one.channel, one.kind, one.code) for one in blown] == [("template", "*", "outage")]
    assert breakers(session) == [("template", "*", "outage", timedelta(seconds=5))]
    assert claimed(session, now=NOW + timedelta(seconds=4)).letters == []
    # Three at a time until somebody is there; the pauses grow.
    now, open_for = NOW, []
    for seconds in (5, 10, 20, 40, 60, 60):
        now += timedelta(seconds=seconds)
        probes = claimed(session, now=now).letters
        assert 0 < len(probes) <= 3
        come_back(session, probes, [silence] * len(probes), now=now)
        open_for.append(session.scalars(select(Breaker.open_until)).one() - now)
    assert open_for == [timedelta(seconds=n) for n in (10, 20, 40, 60, 60, 60)]
    touched = session.scalars(select(Letter).where(Letter.tries > 0)).all()
    assert len(touched) <= 8 + 6 * 3
    assert not [letter for letter in touched if letter.state == "dead"]


@pytest.mark.parametrize("answer", [Sent("5", "好"), Failed("again", "88888", "what is that")], ids=["yes", "no"])
def test_silences_beside_an_answer_stop_nothing(session, cast, answer):
    all_ = letters(session, cast.xiaofang, 12)
    claimed(session)
    come_back(session, all_, [QUIET] * 11 + [answer])
    assert breakers(session) == []


@pytest.mark.case("J4")
def test_what_may_have_arrived_is_never_sent_a_second_way(session, cast):
    agree(session, mini_identity(session, cast).id, TOPIC, NOW)
    (letter,) = letters(session, cast.xiaofang)
    claimed(session)
    come_back(session, [letter], [Unsure("timeout")])
    of_account = Identity.app_id == APP_ID, Identity.person_id == cast.xiaofang.id
    session.execute(update(Identity).where(*of_account).values(reachable=False))
    session.refresh(letter)
    batch = claimed(session, now=letter.next_at, allowance=TOPICS)
    assert (batch.letters, batch.homeless) == ([], [letter.id])


def test_what_cannot_wait_for_its_template_goes_the_next_way(session, cast):
    agree(session, mini_identity(session, cast).id, TOPIC, NOW)
    first = letters(session, cast.xiaofang)
    soon, patient = more_letters(session, cast, 2)
    soon.useful_until, patient.useful_until = NOW + timedelta(minutes=4), NOW + timedelta(days=1)
    first[0].next_at -= timedelta(seconds=1)  # of what is due at the same moment a database takes any first
    session.flush()
    claimed(session, limit=1)
    come_back(session, first, [Failed("broken", "40037", "no such template", scope="template")])
    batch = claimed(session, allowance=TOPICS)
    assert [(one.id, one.channel) for one in batch.letters] == [(soon.id, "mini_subscription")]


@pytest.mark.case("J18")
@pytest.mark.parametrize(
    ("code", "lasts", "alarmed"),
    [("outage", 20, False), ("outage", 40, True), ("token stuck", 40, True), ("40001", 40, True), ("45011", 20, False)],
)
def test_what_should_mend_by_itself_and_does_not_becomes_a_persons(session, cast, code, lasts, alarmed):
    found = [
        trip(session, app_id=APP_ID, channel="template", kind="*", code=code, why="", now=NOW + timedelta(minutes=n),
             pause=timedelta(seconds=60))[1]
        for n in range(0, lasts + 1, 2)
    ]  # fmt: skip
    tasks = [raise_alarm(session, news, NOW) for news in found]
    assert {task.facts["code"] for task in tasks if task} == ({code} if alarmed else set())
    assert len([task for task in tasks if task]) == alarmed
    mend(session, [(APP_ID, "template", "people.x")], NOW + timedelta(minutes=lasts, seconds=61))
    assert end_alarms(session, NOW + timedelta(hours=1)) == alarmed


def test_a_budget_that_a_clock_ahead_has_begun_begins_anew_and_a_second_is_no_day(session, cast):
    midnight = NOW.replace(hour=16)  # in China
    limits = Allowance({APP_ID: Limits(per_day=10, per_minute=10)})

    def take(at):
        purse = Purse(session, limits, at)
        assert purse.take(APP_ID, "template", "safety") is None
        purse.close()
        session.flush()
        return session.scalars(select(SendBudget.day_used)).one()

    assert [take(NOW + timedelta(days=1)), take(NOW + timedelta(days=1))] == [1, 2]
    assert take(NOW) == 1  # it is set right
    ahead, behind = midnight + timedelta(seconds=1), midnight - timedelta(seconds=2)
    assert [take(ahead), take(behind), take(ahead)] == [1, 2, 3]
