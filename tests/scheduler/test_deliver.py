"""The sender and the clock: many threads, no transaction on the wire, no crash when the database goes away."""

import itertools
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.exc import OperationalError

from models.life import By
from models.messages import settling
from models.messages.answers import Answer
from models.messages.inbox import Inbox
from models.messages.letters import Letter
from models.messages.looking import resend
from models.messages.outbox import post
from models.messages.outcomes import Failed, Sent, Unsure
from models.messages.receipts import Receipt
from models.people.identities import Identity
from models.people.signins import SignIn, sign_in
from models.tasks.tasks import Task
from scheduler import deliver
from scheduler.clock import run
from scheduler.deliver import Deliverer
from scheduler.retention import forget_inbox, forget_requests
from scheduler.settings import ClockSettings, Hands
from scheduler.sweep import sweep_bookings, sweep_outbox
from tests.cast import APP_ID
from tests.world import NOW
from wx_backend.locks import AlreadyRunning, only_clock


@pytest.fixture
def cast(at_home):
    return at_home


@pytest.fixture
def hands(open_session):
    return Hands(
        open_session,
        lambda letter: Sent(str(letter.id), "好"),
        lambda: NOW,
        lambda: NOW,
        ClockSettings(threads=8, batch=20),
    )


def wall():
    return datetime.now(UTC)


def posted(open_session, person, count):
    with open_session() as session, session.begin():
        for n in range(count):
            post(
                session,
                key=f"k{n}",
                person_id=person.id,
                kind="people.link_declined",
                facts={"cared": "", "at": NOW.isoformat()},
                subject="s:1",
                now=NOW,
            )


def states(open_session):
    with open_session() as session:
        return sorted(session.scalars(select(Letter.state)))


def once(hands):
    deliverer = Deliverer(hands)
    try:
        return deliverer.run_once()
    finally:
        deliverer.close()


def test_everything_due_is_sent_once(hands, open_session, cast):
    posted(open_session, cast.xiaofang, 130)
    assert once(hands) == 130
    assert states(open_session) == ["sent"] * 130
    assert once(hands) == 0


def test_no_transaction_is_open_while_letters_are_on_the_wire(hands, open_session, engine, cast):
    posted(open_session, cast.xiaofang, 8)
    checked = []

    def carry(letter):
        # The next batch is claimed meanwhile, so wait until that is done: then nothing may be open.
        for _ in range(1000):
            out = engine.pool.checkedout()
            if out == 0:
                break
            time.sleep(0.01)
        checked.append(out)
        return Sent(str(letter.id), "好")

    gate = threading.Barrier(8, timeout=10)
    together = replace(hands, carry=lambda letter: (gate.wait(), carry(letter))[1])
    assert once(together) == 8
    assert checked == [0] * 8


def test_somebody_without_wechat_becomes_a_phone_call_for_the_cadre(hands, open_session, cast):
    posted(open_session, cast.wangnainai, 1)
    once(hands)
    with open_session() as session:
        task = session.scalars(select(Task)).one()
    assert (task.kind, task.facts["why"]) == ("phone_call", "no address")
    assert once(hands) == 1  # the letter that tells the cadre


@pytest.mark.case("B7")
def test_who_gets_wechat_later_is_not_flooded_with_what_was_said_to_them_before(hands, open_session, cast):
    posted(open_session, cast.wangnainai, 5)
    once(hands)
    with open_session() as session, session.begin():
        session.add(Identity(app_id=APP_ID, openid="o-late", person_id=cast.wangnainai.id, since=NOW))
    carried = []
    after = replace(hands, carry=lambda letter: (carried.append(letter), Sent(str(letter.id), "好"))[1])
    for hours in (0, 1, 24):
        later = NOW + timedelta(hours=hours)
        once(replace(after, now=lambda later=later: later, real_now=lambda later=later: later))
    assert "o-late" not in {letter.openid for letter in carried}  # cadres hear of their phone calls, she of nothing old
    with open_session() as session, session.begin():
        post(session, key="new", person_id=cast.wangnainai.id, kind="people.link_declined",
             facts={"cared": "", "at": NOW.isoformat()}, subject="s:2", now=NOW)  # fmt: skip
    once(after)
    assert [letter.openid for letter in carried].count("o-late") == 1


@pytest.mark.parametrize(
    ("outcome", "state", "kind"),
    [
        (Failed("person", "43004"), "dead", "phone_call"),
        (Failed("window", "43101"), "dead", "phone_call"),
        (Failed("again", "-1"), "retry", None),
        (Failed("broken", "40037"), "retry", None),
        (Unsure("timeout"), "retry", None),
    ],
)
def test_each_outcome_leads_where_it_should(hands, open_session, cast, outcome, state, kind):
    posted(open_session, cast.xiaofang, 1)
    once(replace(hands, carry=lambda _: outcome))
    with open_session() as session:
        assert session.scalars(select(Letter.state).where(Letter.kind == "people.link_declined")).one() == state
        assert list(session.scalars(select(Task.kind))) == ([kind] if kind else [])


@pytest.mark.parametrize("msgid", ["77", None])
def test_what_is_said_again_and_arrives_leaves_no_call_to_make(hands, open_session, cast, msgid):
    posted(open_session, cast.xiaofang, 1)
    once(replace(hands, carry=lambda _: Failed("person", "43004")))
    with open_session() as session, session.begin():
        first = session.scalars(select(Letter).where(Letter.state == "dead")).one()
        resend(session, first.id, lives=(), by=By(None, "desk"), reason="来电", now=NOW)
        session.scalars(select(Identity).where(Identity.person_id == cast.xiaofang.id)).one().reachable = True
        if msgid:  # its receipt is here before WeChat's answer
            session.add(Receipt(app_id=APP_ID, msgid=msgid, status="success", received_at=NOW))
    once(replace(hands, carry=lambda letter: Sent(msgid if letter.kind == first.kind else str(letter.id), "好")))
    with open_session() as session:
        states = session.scalars(select(Letter.state).where(Letter.kind == first.kind).order_by(Letter.id)).all()
        assert (states, session.scalars(select(Task.state)).all()) == (["dead", "delivered"], ["cancelled"])


def test_a_postman_that_stumbles_leaves_a_doubt_and_not_a_loss(hands, open_session, cast, caplog):
    posted(open_session, cast.xiaofang, 1)
    once(replace(hands, carry=lambda _: 1 / 0))
    assert states(open_session) == ["retry"]
    with open_session() as session:
        assert session.scalars(select(Letter.in_doubt)).one()


def test_a_database_that_goes_away_ends_the_round_and_nothing_more(hands, open_session, engine, cast, caplog):
    posted(open_session, cast.xiaofang, 30)

    def fail(*_):
        raise OperationalError("gone", None, Exception("gone"))

    def carry(letter):
        if not event.contains(engine, "before_cursor_execute", fail):
            event.listen(engine, "before_cursor_execute", fail)
        return Sent(str(letter.id), "好")

    once(replace(hands, carry=carry))
    event.remove(engine, "before_cursor_execute", fail)
    late = replace(hands, real_now=lambda: NOW + timedelta(minutes=1))
    sweep_outbox(late)
    once(replace(late, now=lambda: NOW + timedelta(minutes=2)))
    assert states(open_session) == ["sent"] * 30


def test_what_came_back_while_the_database_was_away_is_written_down_later_and_not_sent_again(
    hands, open_session, engine, cast, monkeypatch
):
    posted(open_session, cast.xiaofang, 3)
    sent, times = [], iter([True] * 5)

    def settle(*args, **more):
        if next(times, False):
            raise OperationalError("gone", None, Exception("gone"))
        return settling.settle(*args, **more)

    monkeypatch.setattr("scheduler.deliver.settle", settle)
    deliverer = Deliverer(replace(hands, carry=lambda letter: sent.append(letter.id) or Sent(str(letter.id), "好")))
    for _ in range(6):
        deliverer.run_once()
    deliverer.close()
    assert states(open_session) == ["sent"] * 3
    assert len(sent) == 3


def test_a_deadlock_while_settling_is_tried_again_at_once(hands, open_session, cast, monkeypatch):
    posted(open_session, cast.xiaofang, 3)
    gave_way = Exception("deadlock detected")
    gave_way.sqlstate = "40P01"
    faults = iter([OperationalError("UPDATE", None, gave_way)] * 2)

    def settle(*args, **more):
        for fault in faults:
            raise fault
        return settling.settle(*args, **more)

    monkeypatch.setattr("scheduler.deliver.settle", settle)
    assert once(hands) == 3
    assert states(open_session) == ["sent"] * 3


def test_a_letter_that_waited_past_its_lease_is_not_begun(hands, open_session, cast):
    posted(open_session, cast.xiaofang, 1)
    carried = []
    times = iter([NOW, NOW + timedelta(seconds=26)])  # claimed; begun 26 s later, a send may take 20 of the lease's 45
    once(replace(hands, carry=carried.append, real_now=lambda: next(times, NOW + timedelta(seconds=27))))
    assert carried == []
    with open_session() as session:
        letter = session.scalars(select(Letter)).one()
        assert (letter.state, letter.error_code, letter.in_doubt) == ("retry", "too_late", False)


def test_while_sends_are_slow_no_more_letters_are_claimed_than_two_for_each_thread(
    hands, open_session, cast, monkeypatch
):
    monkeypatch.setattr(deliver, "QUICK_SECONDS", 0.0)
    posted(open_session, cast.xiaofang, 60)
    held = []

    def carry(letter):
        with open_session() as session:
            held.append(session.scalar(select(func.count()).where(Letter.state == "sending")))
        return Sent(str(letter.id), "好")

    once(replace(hands, carry=carry, settings=ClockSettings(threads=4, batch=200)))
    assert max(held) <= 8 + 4  # and what has come back and waits to be written down
    assert states(open_session) == ["sent"] * 60


def test_the_sweep_ends_what_time_ended(hands, open_session, cast):
    posted(open_session, cast.xiaofang, 1)
    late = replace(hands, now=lambda: NOW + timedelta(days=3), real_now=lambda: NOW + timedelta(days=3))
    assert sweep_outbox(late) == 1
    assert sweep_bookings(late) == 0
    assert "missed" in states(open_session)


def test_old_messages_are_forgotten_and_new_ones_kept(hands, open_session):
    with open_session() as session, session.begin():
        session.add(Inbox(key="old", received_at=NOW - timedelta(days=91), kind="text"))
        session.add(Inbox(key="new", received_at=NOW - timedelta(days=89), kind="text"))
        for msgid, days in (("old", 91), ("new", 89)):
            came = NOW - timedelta(days=days)
            session.add(Receipt(app_id=APP_ID, msgid=msgid, status="success", received_at=came))
    assert forget_inbox(hands) == 2
    with open_session() as session:
        assert session.scalars(select(Inbox.key)).all() == ["new"]
        assert session.scalars(select(Receipt.msgid)).all() == ["new"]


def test_answers_kept_for_retries_are_forgotten_after_a_day(hands, open_session, cast):
    with open_session() as session, session.begin():
        for key, hours in (("old", 25), ("new", 23)):
            session.add(Answer(person_id=cast.li.id, key=key, route="r", body_hash="h", status=200,
                               asked_at=NOW - timedelta(hours=hours)))  # fmt: skip
        sign_in(session, cast.identities[cast.li.id], NOW)
    assert forget_requests(hands) == 1
    assert forget_requests(replace(hands, now=lambda: NOW + timedelta(days=300))) == 2
    with open_session() as session:
        assert session.scalars(select(SignIn)).all() == []


def test_the_clock_ticks_delivers_and_stops_when_told(hands, open_session, cast):
    posted(open_session, cast.xiaofang, 5)
    stop, arrived = threading.Event(), threading.Event()

    def carry(letter):
        arrived.set()
        return Sent(str(letter.id), "好")

    ticking = replace(hands, carry=carry, real_now=wall, settings=ClockSettings(tick_seconds=0.05, threads=2))
    clock = threading.Thread(target=run, args=(ticking, stop))
    clock.start()
    assert arrived.wait(10)
    stop.set()
    clock.join(10)
    assert not clock.is_alive()
    assert set(states(open_session)) <= {"sent", "planned"}  # what was on the wire has landed
    assert "sent" in states(open_session)


@pytest.mark.parametrize("fault", [OperationalError("gone", None, Exception("gone")), ValueError("ours")])
def test_a_line_that_fails_comes_again_and_the_others_go_on(hands, open_session, cast, monkeypatch, fault):
    tries = threading.Semaphore(0)

    def fail(*_):
        tries.release()
        raise fault

    monkeypatch.setattr("scheduler.clock.sweep_outbox", fail)
    posted(open_session, cast.xiaofang, 1)
    stop, arrived = threading.Event(), threading.Event()
    ticking = replace(hands, carry=lambda letter: arrived.set() or Sent(str(letter.id), "好"), real_now=wall,
                      settings=ClockSettings(tick_seconds=0.02, threads=2))  # fmt: skip
    clock = threading.Thread(target=run, args=(ticking, stop))
    clock.start()
    try:
        assert all(tries.acquire(timeout=10) for _ in range(3))
        assert arrived.wait(10)
    finally:
        stop.set()
        clock.join(10)


def test_a_clock_that_is_stopped_waits_for_what_is_on_the_wire_and_writes_it_down(hands, open_session, cast):
    posted(open_session, cast.xiaofang, 40)
    stop, on_the_wire = threading.Event(), threading.Semaphore(0)

    def slowly(letter):
        on_the_wire.release()
        assert stop.wait(10)
        time.sleep(0.3)
        return Sent(str(letter.id), "好")

    ticking = replace(hands, carry=slowly, real_now=wall, settings=ClockSettings(tick_seconds=0.05, threads=4, batch=4))
    clock = threading.Thread(target=run, args=(ticking, stop))
    clock.start()
    assert all(on_the_wire.acquire(timeout=10) for _ in range(4))
    stop.set()
    clock.join(10)
    assert not clock.is_alive()
    ended = states(open_session)
    # What had begun has arrived and is written down; nothing was begun after the stop, and nothing hangs on a lease.
    assert 4 <= ended.count("sent") <= 8
    assert set(ended) == {"sent", "planned"}


def test_a_machine_whose_clock_is_set_back_by_an_hour_goes_on_at_once(hands, open_session, cast, monkeypatch):
    """APScheduler reads the machine's clock itself, so here that clock runs an hour behind from the second look on."""
    swept, stop = threading.Semaphore(0), threading.Event()
    once = threading.Lock()
    monkeypatch.setattr("scheduler.clock.sweep_outbox", lambda _: once.acquire(blocking=False) and swept.release())
    monkeypatch.setattr("scheduler.clock.LOOK_SECONDS", 0.05)
    looked: list[object] = []

    def look(hands):
        looked.append(hands)
        if len(looked) < 3:  # the machine has just woken up
            raise OperationalError("UPDATE", {}, Exception("the connection is stale"))
        swept.release()

    monkeypatch.setattr("scheduler.clock.look_again", look)
    looks = itertools.count()
    ahead = timedelta(hours=1)

    def real_now():
        # Until the clock is set back, everything was planned for an hour that has not come yet.
        return wall() + ahead if next(looks) < 30 else wall()

    ticking = replace(hands, real_now=real_now, settings=ClockSettings(tick_seconds=0.05, threads=2))
    clock = threading.Thread(target=run, args=(ticking, stop))
    clock.start()
    try:
        assert all(swept.acquire(timeout=10) for _ in range(2))
        time.sleep(0.3)
    finally:
        stop.set()
        clock.join(10)
    assert looked == [ticking] * 3  # until it is done and no longer, and what was put off is not put off for an hour


def test_with_sqlite_a_second_clock_refuses_kindly_and_the_first_gives_the_right_back(tmp_path):
    url = f"sqlite:///{tmp_path}/a.db"
    with only_clock(url), pytest.raises(AlreadyRunning, match="with SQLite there is one"), only_clock(url):
        pass
    with only_clock(url):
        pass
    with only_clock("postgresql+psycopg://x/y"), only_clock("postgresql+psycopg://x/y"):
        pass


def test_an_answer_that_is_back_does_not_wait_for_a_send_that_hangs(hands, open_session, cast):
    posted(open_session, cast.xiaofang, 3)
    hang, first = threading.Event(), threading.Lock()

    def carry(letter):
        if first.acquire(blocking=False):
            for _ in range(100):
                with open_session() as session:
                    if session.scalar(select(func.count()).where(Letter.state == "sent")) == 2:
                        hang.set()
                        break
                time.sleep(0.02)
        return Sent(str(letter.id), "好")

    once(replace(hands, carry=carry))
    assert hang.is_set()
    assert states(open_session) == ["sent"] * 3


def test_what_falls_due_while_a_send_hangs_does_not_wait_for_it(hands, open_session, cast):
    posted(open_session, cast.xiaofang, 1)
    went, meanwhile = [], []

    def carry(letter):
        if went:
            went.append(letter.id)
            return Sent(str(letter.id), "好")
        went.append(letter.id)
        time.sleep(0.3)  # the queue has been looked through by then, and nothing more was due
        with open_session() as session, session.begin():
            late = {"key": "late", "kind": "people.link_declined", "facts": {"cared": "", "at": NOW.isoformat()}}
            post(session, **late, person_id=cast.xiaofang.id, subject="s:1", now=NOW)
        ends = time.monotonic() + 10
        while len(went) < 2 and time.monotonic() < ends:
            time.sleep(0.01)
        meanwhile.extend(went[1:])
        return Sent("1", "好")

    settings = ClockSettings(threads=4, batch=20, tick_seconds=0.05)
    assert once(replace(hands, carry=carry, settings=settings)) == 2
    assert len(meanwhile) == 1


def test_one_outcome_that_cannot_be_written_down_is_a_doubt_and_holds_up_no_other(hands, open_session, cast):
    posted(open_session, cast.xiaofang, 4)
    culprit = []

    def carry(letter):
        if not culprit:
            culprit.append(letter.id)
        return Sent("\ud800" if letter.id == culprit[0] else str(letter.id), "好")

    deliverer = Deliverer(replace(hands, carry=carry))
    deliverer.run_once()
    deliverer.close()
    assert deliverer.sending.back == {}
    assert states(open_session) == ["retry", "sent", "sent", "sent"]
    with open_session() as session:
        doubtful = session.get_one(Letter, culprit[0])
        assert (doubtful.in_doubt, doubtful.error_code) == (True, "unsure")


def test_a_letter_claimed_again_while_its_first_attempt_is_on_the_wire_is_not_sent_beside_it(
    hands, open_session, cast
):  # fmt: skip
    posted(open_session, cast.xiaofang, 1)
    at, sends = [NOW], []

    def carry(letter):
        sends.append(letter.client_msg_id)
        at[0] = NOW + timedelta(seconds=60)  # the machine slept past the lease
        assert sweep_outbox(clock) == 0
        at[0] += timedelta(seconds=30)  # and past the back-off
        ends = time.monotonic() + 10
        while time.monotonic() < ends:
            with open_session() as session:
                if session.scalars(select(Letter.tries)).one() == 2:
                    break
            time.sleep(0.02)
        return Sent("1", "好")

    settings = ClockSettings(threads=4, batch=20, tick_seconds=0.05)
    clock = replace(hands, carry=carry, now=lambda: at[0], real_now=lambda: at[0], settings=settings)
    once(clock)
    assert len(sends) == 1
    assert states(open_session) == ["sent"]
