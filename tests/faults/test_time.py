"""Time jumps, a process sleeps past its lease, a doubt grows old: nothing twice, nothing early, nothing forgotten."""

import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from models.messages.claiming import Lease, claim
from models.messages.letters import Letter
from models.messages.outbox import post
from models.messages.outcomes import Failed, Outcome, Sent, Unsure
from models.tasks.tasks import Task
from scheduler.deliver import Deliverer
from scheduler.settings import ClockSettings, Hands
from scheduler.sweep import look_again, sweep_outbox
from tests.faults.ground import Moved
from tests.faults.waiting import until
from tests.world import NOW

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass
class Office:
    """A sender whose clock the test moves, and a WeChat that remembers when it saw what."""

    hands: Hands
    now: Moved
    true: list[datetime]  # the time outside this machine
    answer: Callable[[], Outcome]
    seen: list[tuple[str, datetime]] = field(default_factory=list)

    def work(self, **passed: float) -> None:
        """Time passes, then the clock ticks as it does."""
        self.true[0] += timedelta(**passed)
        sweep_outbox(self.hands)
        sender = Deliverer(self.hands)
        try:
            sender.run_once()
        finally:
            sender.close()

    def states(self) -> dict[str, int]:
        """How many letters to the family stand in each state."""
        with self.hands.open_session() as session:
            query = select(Letter.state).where(Letter.kind == "people.link_declined")
            return dict(Counter(session.scalars(query)))

    def calls(self) -> int:
        """How many phone calls the cadre was given."""
        with self.hands.open_session() as session:
            return len(session.scalars(select(Task)).all())


@pytest.fixture
def cast(at_home):
    return at_home


@pytest.fixture
def office(open_session, cast):
    true = [NOW]
    now = Moved(lambda: true[0])

    def carry(letter):
        if letter.kind == "people.link_declined":
            made.seen.append((letter.client_msg_id, true[0]))
            return made.answer()
        return Sent(str(letter.id), "好")

    made = Office(
        Hands(open_session, carry, now, now, ClockSettings(threads=4, batch=20)), now, true,
        lambda: Sent(str(len(made.seen)), "好"),
    )  # fmt: skip
    made.person_id = cast.xiaofang.id
    return made


def posted(office, *due, useful=timedelta(hours=2)):
    with office.hands.open_session() as session, session.begin():
        for n, due_at in enumerate(due):
            post(
                session, key=f"k{n}", person_id=office.person_id, kind="people.link_declined", subject=f"care:{n}",
                now=NOW, facts={"cared": "", "at": NOW.isoformat()}, due_at=due_at, useful_until=due_at + useful,
            )  # fmt: skip


def test_a_clock_that_jumps_on_an_hour_sends_what_is_overdue_once_and_the_future_not_early(office):
    posted(office, *(NOW + timedelta(minutes=n) for n in (5, 30, 59, 61, 90)))
    office.work()
    assert office.seen == []
    office.now.by = HOUR
    office.work()
    assert office.states() == {"sent": 3, "planned": 2}
    office.now.by = timedelta()  # it is put right again: what went does not go again
    office.work(minutes=3)
    assert office.states() == {"sent": 3, "planned": 2}
    office.work(minutes=100)
    assert len(office.seen) == len({key for key, _ in office.seen}) == 5


def test_a_clock_that_jumps_back_an_hour_sends_nothing_twice_and_nothing_early(office):
    posted(office, NOW, NOW + timedelta(minutes=10))
    office.work()
    office.now.by = -HOUR
    office.work(minutes=20)  # outside it is past the second letter's time, but not on this machine
    assert office.states() == {"sent": 1, "planned": 1}
    office.work(minutes=50)
    assert len(office.seen) == len({key for key, _ in office.seen}) == 2


def test_a_clock_that_jumps_on_a_day_misses_what_nobody_can_use_and_sends_the_rest_once(office):
    posted(office, NOW + HOUR, NOW + 2 * HOUR)
    with office.hands.open_session() as session, session.begin():
        session.scalars(select(Letter).where(Letter.key == "k1")).one().useful_until = NOW + 3 * DAY
    office.now.by = DAY
    office.work()
    office.work()
    assert office.states() == {"missed": 1, "sent": 1}
    assert (len(office.seen), office.calls()) == (1, 1)


@pytest.mark.parametrize("jump", [HOUR, DAY])
@pytest.mark.parametrize("fault", [
    Failed("again", "45011", "too fast", 60, scope="account"), Failed("again", "-1"), Failed("again", "unreached"),
    Failed("broken", "40037", "no such template", scope="template"),
])  # fmt: skip
def test_what_a_clock_that_was_ahead_put_off_is_tried_when_it_is_set_right(office, jump, fault):
    posted(office, *[NOW] * 12, useful=3 * DAY)
    office.now.by, office.answer = jump, lambda: fault
    office.work()
    assert "sent" not in office.states()
    office.now.by, office.answer = timedelta(), lambda: Sent(str(len(office.seen)), "好")
    office.work(minutes=1)
    assert "sent" not in office.states()  # they wait for an hour that is not meant
    look_again(office.hands)
    for _ in range(6):
        office.work(seconds=11)  # what was out of order is tried by a few first
    assert office.states() == {"sent": 12}


def test_what_was_written_to_be_said_at_once_by_a_clock_that_was_ahead_goes_when_it_is_set_right(office):
    office.now.by = DAY
    wrong = office.now()
    posted(office, wrong, wrong + HOUR, useful=3 * DAY)  # at once; and for later, by what it is about
    with office.hands.open_session() as session, session.begin():
        session.execute(update(Letter).values(created_at=wrong))
    office.now.by = timedelta()
    office.work()
    assert office.states() == {"planned": 2}
    assert look_again(office.hands) == 1
    office.work()
    assert office.states() == {"planned": 1, "sent": 1}


@pytest.mark.parametrize("jump", [-HOUR, -timedelta(minutes=11), HOUR, DAY])
def test_a_doubt_across_a_jump_is_looked_into_and_never_sent_after_wechats_ten_minutes(office, jump):
    posted(office, NOW, useful=2 * DAY)
    office.answer = lambda: Unsure("timeout")
    office.work()
    office.answer = lambda: Sent("1", "好")
    office.now.by = jump
    for _ in range(30):
        office.work(minutes=5)
    first = office.seen[0][1]
    assert [at for _, at in office.seen if at - first > timedelta(minutes=10)] == []
    assert office.states() == {"needs_check": 1} if len(office.seen) == 1 else {"sent": 1}


@pytest.mark.parametrize("away", [timedelta(minutes=9, seconds=50), timedelta(minutes=11), DAY])
def test_a_doubt_older_than_ten_minutes_needs_a_look_and_is_never_sent_again(office, away):
    posted(office, NOW, useful=2 * DAY)
    office.answer = lambda: Unsure("timeout")
    office.work()
    for _ in range(5):
        office.work(seconds=away.total_seconds())
    assert office.states() == {"needs_check": 1}
    assert (len(office.seen), office.calls()) == (1, 1)


def test_a_sender_that_died_and_was_missed_for_ten_minutes_left_something_to_look_into(office):
    posted(office, NOW, useful=2 * DAY)
    hands = office.hands
    with hands.open_session() as session, session.begin():
        lease = Lease("dead", hands.settings.lease, hands.settings.send_deadline)
        claimed = claim(session, now=NOW, real_now=NOW, lease=lease, limit=9, allowance=hands.allowance)
    assert len(claimed.letters) == 1
    for _ in range(5):
        office.work(minutes=11)
    assert office.states() == {"needs_check": 1}
    assert (office.seen, office.calls()) == ([], 1)


@pytest.mark.postgres
@pytest.mark.timeout(120)
def test_a_process_suspended_past_its_lease_sends_nothing_twice(on_postgres):
    place = on_postgres
    place.misbehave(0.1, "drop_after")
    place.post(120)
    sleeper = place.clock()
    until(lambda: len(place.world.sends) >= 20, 40, place.states)
    sleeper.send_signal(signal.SIGSTOP)
    other = place.clock()
    slept = time.monotonic()
    until(lambda: place.states().get("sending", 0) == 0 or time.monotonic() > slept + 7, 15, place.states)
    time.sleep(max(0.0, slept + 6 - time.monotonic()))  # past the lease of five seconds
    sleeper.send_signal(signal.SIGCONT)
    place.drained(60)
    verdict = place.verdict()
    place.say("suspended past its lease", clocks=2)
    assert (sleeper.poll(), other.poll()) == (None, None)
    assert (verdict.lost, verdict.doubled, verdict.unwritten) == (0, 0, 0)
