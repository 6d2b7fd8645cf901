"""When a reminder is due: before the start, out of the reader's night, right when the clocks change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from models.hours import CHINA, WorkCalendar
from models.life import By
from models.messages.allowance import Allowance
from models.messages.claiming import Lease, claim
from models.messages.letters import Letter
from models.messages.looking import resend
from models.messages.outbox import post, withdraw
from models.messages.reminders import Occasion, Recipient, plan
from models.messages.rules import SHIPPED
from models.messages.rules import due_time as due_by_rule
from models.messages.sweeping import sweep_letters
from models.register import LIVES
from tests.world import NOW

OF_CALLS = [rule for rule in SHIPPED if rule.kind == "family.reminder"]
DAY, HOUR, TEN = OF_CALLS
MADRID, ROME, NEW_YORK = ZoneInfo("Europe/Madrid"), ZoneInfo("Europe/Rome"), ZoneInfo("America/New_York")
START = datetime(2026, 11, 29, 16, 0, tzinfo=CHINA)


def before(rule):
    return timedelta(minutes=rule.minutes)


def due_time(rule, start, zone):
    return due_by_rule(rule, start, zone, WorkCalendar(), NOW)


def planned(session, starts_at=START, revision=0, now=NOW, people=((1, "relative", MADRID),)):
    occasion = Occasion("call:1", revision, "family.reminder", starts_at, {})
    return plan(session, occasion, [Recipient(*one) for one in people], now)


@pytest.fixture
def session(session, cast):
    return session


@pytest.mark.case("J9")
def test_offsets_that_are_past_are_skipped_and_do_not_fire_together(session):
    assert planned(session, starts_at=NOW + timedelta(minutes=50)) == 1
    assert session.scalars(select(Letter.facts)).one()["rule"] == "t-10min"


@pytest.mark.case("J1")
def test_each_is_useful_only_until_the_next_is_due_so_a_clock_that_slept_sends_one_and_not_three(session, cast):
    planned(session, people=[(cast.xiaofang.id, "relative", MADRID)])
    rows = session.scalars(select(Letter).order_by(Letter.due_at)).all()
    assert [row.useful_until for row in rows] == [
        START - before(HOUR),
        START - before(TEN),
        START + timedelta(minutes=TEN.grace_minutes),
    ]
    awake = START - timedelta(minutes=5)
    lease = Lease("me", timedelta(seconds=45), timedelta(seconds=20))
    taken = claim(session, now=awake, real_now=awake, lease=lease, limit=9, allowance=Allowance())
    assert [letter.facts["rule"] for letter in taken.letters] == ["t-10min"]
    # The two that are missed are followed by the third: no cadre need phone.
    assert sweep_letters(session, now=awake, real_now=awake, deadline=timedelta(seconds=20), jitter=0.5) == []
    assert sorted(session.scalars(select(Letter.state))) == ["missed", "missed", "sending"]


@pytest.mark.case("J1")
def test_a_reminder_that_is_missed_with_nothing_after_it_is_a_cadres(session):
    planned(session)
    late = START + timedelta(minutes=20)
    ended = sweep_letters(session, now=late, real_now=late, deadline=timedelta(seconds=20), jitter=0.5)
    assert [letter.facts["rule"] for letter in ended] == ["t-10min"]


@pytest.mark.case("E1")
def test_planning_a_revision_twice_is_once_and_takes_the_older_back(session):
    planned(session)
    planned(session, START + timedelta(hours=2), revision=1)
    planned(session, START + timedelta(hours=2), revision=1)
    live = session.scalars(select(Letter).where(Letter.state == "planned")).all()
    assert {(letter.revision, letter.due_at) for letter in live} == {
        (1, START + timedelta(hours=2) - before(rule)) for rule in OF_CALLS
    }
    assert set(session.scalars(select(Letter.state).where(Letter.revision == 0))) == {"withdrawn"}


@pytest.mark.case("E1")
def test_what_somebody_has_sent_again_by_hand_is_not_taken_back_by_planning_anew_but_by_a_move(session, cast):
    planned(session, people=[(cast.xiaofang.id, "relative", MADRID)])
    first = session.scalars(select(Letter).order_by(Letter.due_at)).first()
    first.state = "dead"
    session.flush()
    again = resend(session, first.id, lives=LIVES, by=By(None, "desk"), reason="家属来电", now=NOW)
    planned(session, people=[(cast.xiaofang.id, "relative", MADRID)])
    assert again.state == "planned"
    planned(session, START + timedelta(hours=2), revision=1, people=[(cast.xiaofang.id, "relative", MADRID)])
    assert again.state == "withdrawn"


@pytest.mark.case("J12")
def test_a_routine_reminder_waits_for_the_readers_morning():
    start = datetime(2026, 11, 29, 21, 0, tzinfo=ROME)
    night = start - timedelta(hours=12)
    due = due_time(DAY, night + timedelta(hours=15), ROME)  # 24 hours before is midnight in Rome
    assert due.astimezone(ROME).strftime("%H:%M") == "08:00"


@pytest.mark.case("J12")
def test_where_the_morning_is_too_late_it_is_the_last_minute_of_the_evening():
    """24 hours before a call at half past eight in New York's evening of the day after is quiet time there."""
    start = datetime(2026, 11, 28, 8, 30, tzinfo=NEW_YORK)
    rule = type(DAY)("k", "*", "t-9h", "before", minutes=9 * 60)
    assert due_time(rule, start, NEW_YORK).astimezone(NEW_YORK).strftime("%d %H:%M") == "27 20:59"


@pytest.mark.case("J13")
def test_what_is_about_now_does_not_wait():
    start = datetime(2026, 11, 29, 7, 0, tzinfo=ROME)
    assert due_time(HOUR, start, ROME) == start - timedelta(hours=1)
    assert due_time(TEN, start, ROME) == start - timedelta(minutes=10)


@pytest.mark.parametrize(
    "start", [datetime(2026, 3, 29, 12, 0, tzinfo=ROME), datetime(2026, 10, 25, 12, 0, tzinfo=ROME)]
)
def test_a_day_before_is_24_hours_also_when_the_clocks_change(start):
    assert start.astimezone(UTC) - due_time(DAY, start, ROME).astimezone(UTC) == timedelta(hours=24)


def test_posting_the_same_key_twice_is_once(session):
    told = {"key": "k", "person_id": 1, "kind": "messages.reply", "facts": {}, "subject": "s:1", "now": NOW}
    assert post(session, **told) == post(session, **told)


def test_withdrawing_one_subject_leaves_the_others(session):
    planned(session)
    post(session, key="other", person_id=1, kind="messages.reply", facts={}, subject="call:2", now=NOW)
    assert withdraw(session, "call:1", NOW) == 3
    assert session.scalars(select(Letter.subject).where(Letter.state == "planned")).all() == ["call:2"]
