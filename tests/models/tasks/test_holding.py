"""A task that waits for the resident: no reminder, no step up, and its time stands still until it goes on."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import select

from models.errors import Refused
from models.family.agreeing import Agreement
from models.family.booking import move
from models.family.ending import cancel
from models.history import history_of
from models.hours import WorkCalendar
from models.life import BY_RULE
from models.messages.letters import Letter
from models.ordering.placing import cancel as cancel_order
from models.tasks.desk import finish, settle_for, tasks_for
from models.tasks.escalation import escalate
from models.tasks.holding import hold, put_off, resume, wake_due, wake_for
from models.tasks.tasks import TASK, Task
from scheduler.settings import ClockSettings, Hands
from scheduler.sweep import sweep_tasks
from tests.models.family.test_calls import SUNDAY_16, booked
from tests.models.ordering.test_dispatch import ordered
from tests.models.tasks.test_telling import china, committed, letters, opened
from tests.world import NOW

DUE = china(2026, 11, 25, 11)
HOUR = timedelta(hours=1)


def held(session, cast, now=NOW, wake_at=None, n=0, **more):
    task = opened(session, cast, n, **{"due_at": DUE, **more})
    return hold(session, cast.who(cast.li), task.id, why="等本人考虑", now=now, wake_at=wake_at)


def hands_at(open_session, at):
    return Hands(open_session, lambda _: None, lambda: at, lambda: at, ClockSettings())


@pytest.mark.case("J20")
def test_on_hold_nothing_goes_up_and_nobody_is_reminded_and_afterwards_it_is_due_so_much_later(session, cast):
    task = held(session, cast)
    assert {one.state for one in letters(session, "assigned")} == {"withdrawn"}
    assert escalate(session, china(2026, 12, 3, 12)) == 0
    resume(session, cast.who(cast.li), task.id, china(2026, 11, 26, 10))
    assert (task.state, task.due_at) == ("acknowledged", china(2026, 11, 27, 11))  # two working days on hold
    assert escalate(session, china(2026, 11, 30, 10, 59)) == 0
    assert escalate(session, china(2026, 11, 30, 11)) == 1


@pytest.mark.case("J20")
@pytest.mark.parametrize(
    ("since", "until", "due"),
    [
        # From Friday at four to Monday at ten: an hour and a half, twice.
        ((2026, 11, 27, 16), (2026, 11, 30, 10), (2026, 11, 25, 14)),
        # A weekend is no working time.
        ((2026, 11, 28, 9), (2026, 11, 29, 18), (2026, 11, 25, 11)),
        # Over the nine days of the Spring Festival, with the Saturdays that are worked before and after it.
        ((2026, 2, 14, 15), (2026, 2, 24, 10), (2026, 11, 25, 15)),
        ((2026, 2, 15, 9), (2026, 2, 23, 18), (2026, 11, 25, 11)),
        ((2026, 2, 27, 17), (2026, 2, 28, 9), (2026, 11, 25, 12)),
    ],
)
def test_only_working_time_on_hold_counts(session, cast, since, until, due):
    task = held(session, cast, china(*since))
    resume(session, cast.who(cast.li), task.id, china(*until))
    assert task.due_at == china(*due)


@pytest.mark.case("J20", "J21")
@pytest.mark.parametrize(
    ("since", "until", "hours"),
    [
        ((2026, 11, 24, 8), (2026, 11, 24, 18), 9),
        ((2026, 11, 24, 10), (2026, 11, 24, 10), 0),
        ((2026, 11, 24, 12), (2026, 11, 24, 10), 0),
        ((2026, 11, 24, 20), (2026, 11, 25, 7), 0),
        ((2025, 12, 31, 16, 30), (2026, 1, 4, 9, 30), 2),  # over the year's end to the Sunday that is worked
        ((2026, 2, 13, 8, 30), (2026, 2, 25, 8, 30), 27),
    ],
)
def test_working_time_between_two_instants(since, until, hours):
    assert WorkCalendar().working_time(china(*since), china(*until)) == hours * HOUR


@pytest.mark.case("J20")
def test_what_is_overdue_already_stays_as_overdue_as_it_was(session, cast):
    task = opened(session, cast, due_at=china(2026, 11, 23, 11))
    hold(session, cast.who(cast.li), task.id, why="等家人回话", now=china(2026, 11, 24, 10))
    assert escalate(session, china(2026, 11, 26, 10)) == 0
    resume(session, cast.who(cast.li), task.id, china(2026, 11, 26, 10))
    assert escalate(session, china(2026, 11, 26, 10, 59)) == 0
    assert escalate(session, china(2026, 11, 26, 11)) == 1


@pytest.mark.case("J20", "J14")
def test_a_morning_digest_does_not_name_it_and_names_it_again_when_it_goes_on(session, cast):
    tasks = [opened(session, cast, n, due_at=china(2026, 11, 27, 11)) for n in range(5)]
    hold(session, cast.who(cast.li), tasks[4].id, why="等本人考虑", now=NOW)
    (digest,) = letters(session, "digest")
    assert [item["task"] for item in digest.facts["items"]] == [tasks[3].id]
    assert wake_for(session, cast.wangnainai.id, NOW) == 0  # the task names nobody
    tasks[4].person_id = cast.wangnainai.id
    session.flush()
    assert wake_for(session, cast.wangnainai.id, NOW + HOUR) == 1
    session.refresh(digest)
    assert [item["task"] for item in digest.facts["items"]] == [tasks[3].id, tasks[4].id]


@pytest.mark.case("J20")
def test_at_its_time_it_goes_on_by_itself_once_whatever_the_number_of_clocks(open_session, cast):
    wakes = china(2026, 11, 26, 8, 30)
    key = committed(open_session, lambda session: held(session, cast, wake_at=wakes).id)
    assert sweep_tasks(hands_at(open_session, wakes - HOUR)) == 0
    together = Barrier(2)

    def tick(_):
        together.wait()
        return sweep_tasks(hands_at(open_session, wakes))

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(tick, range(2))) == [0, 1]
    with open_session() as session:
        task = session.get_one(Task, key)
        assert (task.state, task.due_at) == ("acknowledged", china(2026, 11, 27, 9, 30))  # sixteen and a half hours
        told = letters(session, "assigned")
        assert [(one.person_id, one.state) for one in told] == [(cast.li.id, "withdrawn"), (cast.li.id, "planned")]
        assert told[1].facts["resumed"] is True
        assert [line.verb for line in history_of(session, TASK.subject(task))] == ["begin", "hold", "resume"]


@pytest.mark.case("J20")
def test_without_a_date_it_waits_ten_working_days_and_not_for_ever(session, cast):
    task = held(session, cast)
    assert task.wake_at == china(2026, 12, 8, 8, 30)
    assert wake_due(session, china(2026, 12, 8, 8, 29)) == 0
    assert wake_due(session, china(2026, 12, 8, 8, 30)) == 1


@pytest.mark.case("J20")
def test_the_resident_or_their_family_acting_wakes_it_and_a_cadre_acting_does_not(session, cast):
    waits, other = held(session, cast, person_id=cast.wangnainai.id), held(session, cast, n=99)
    xiaofang, li = cast.who(cast.xiaofang), cast.who(cast.li)

    def wakes(deed):
        done = deed()
        session.refresh(waits)
        woken = waits.state == "acknowledged"
        if woken:
            hold(session, li, waits.id, why="等家人回话", now=NOW)
        return woken, done

    woken, call = wakes(lambda: booked(session, cast, SUNDAY_16))
    assert woken
    assert wakes(lambda: move(session, xiaofang, call.id, SUNDAY_16 - HOUR, NOW))[0]
    assert not wakes(lambda: move(session, li, call.id, SUNDAY_16, NOW, Agreement(call.relative_id, "phone")))[0]
    assert wakes(lambda: cancel(session, xiaofang, call.id, "", NOW))[0]
    woken, order = wakes(lambda: ordered(session, cast))
    assert woken
    assert not wakes(lambda: ordered(session, cast, "k2", who=li))[0]
    assert wakes(lambda: cancel_order(session, xiaofang, order.id, "", NOW))[0]
    assert (waits.times_held, other.state) == (6, "on_hold")
    # Each time it goes on its cadre hears of it anew.
    keys = [letter.key for letter in letters(session, "assigned", cast.li.id) if letter.facts["task"] == waits.id]
    assert len(keys) == len(set(keys)) >= 2


@pytest.mark.case("J20")
def test_history_keeps_who_held_it_when_why_and_until_when(session, cast):
    task = held(session, cast, wake_at=china(2026, 11, 27, 9))
    put_off(session, cast.who(cast.chen), task.id, wake_at=china(2026, 11, 30, 9), now=NOW + HOUR)
    assert (task.held_at, task.held_by_id, task.held_why) == (NOW, cast.li.id, "等本人考虑")
    resume(session, cast.who(cast.chen), task.id, NOW + 2 * HOUR)
    lines = [(line.verb, line.by_person_id, line.note) for line in history_of(session, TASK.subject(task))][1:]
    assert lines == [
        ("hold", cast.li.id, "等本人考虑 → 2026-11-27 09:00"),
        ("put_off", cast.chen.id, "等本人考虑 → 2026-11-30 09:00"),
        ("resume", cast.chen.id, "+120 min"),
    ]  # fmt: skip
    assert (task.held_at, task.held_by_id, task.held_why, task.wake_at) == (None, None, "", None)


@pytest.mark.case("J20")
def test_settled_while_it_waited_its_waiting_counts_all_the_same(session, cast):
    done, off = held(session, cast), held(session, cast, n=1)
    finish(session, cast.who(cast.li), done.id, china(2026, 11, 26, 10))
    settle_for(session, "order:1", "cancel", by=BY_RULE, now=china(2026, 11, 26, 10))
    assert (done.state, off.state) == ("done", "cancelled")
    assert done.due_at == off.due_at == china(2026, 11, 27, 11)
    assert wake_due(session, china(2026, 12, 30, 9)) == 0


@pytest.mark.case("J20", "L1")
def test_only_cadres_over_the_area_may_and_only_what_is_open_can_wait(session, cast):
    task = opened(session, cast)
    for stranger in (cast.zhao, cast.xiaofang, cast.laoxu):
        with pytest.raises(Refused, match="not_yours"):
            hold(session, cast.who(stranger), task.id, why="x", now=NOW)
    for bad, code in (({"why": " "}, "hold_why"), ({"why": "x", "wake_at": NOW}, "bad_wake"),
                      ({"why": "x", "wake_at": NOW + timedelta(days=91)}, "bad_wake")):  # fmt: skip
        with pytest.raises(Refused, match=code):
            hold(session, cast.who(cast.li), task.id, now=NOW, **bad)
    for verb in (lambda: resume(session, cast.who(cast.li), task.id, NOW),
                 lambda: put_off(session, cast.who(cast.li), task.id, wake_at=NOW + HOUR, now=NOW)):  # fmt: skip
        with pytest.raises(Refused, match="wrong_state"):
            verb()
    hold(session, cast.who(cast.li), task.id, why="x", now=NOW)
    with pytest.raises(Refused, match="wrong_state"):
        hold(session, cast.who(cast.chen), task.id, why="y", now=NOW)
    for stranger in (cast.zhao, cast.xiaofang):
        with pytest.raises(Refused, match="not_yours"):
            resume(session, cast.who(stranger), task.id, NOW)


@pytest.mark.case("J20")
def test_what_waits_stands_last_in_the_list(session, cast):
    waiting, other = held(session, cast), opened(session, cast, 1, due_at=DUE + HOUR)
    assert tasks_for(session, cast.who(cast.li)) == [other, waiting]


@pytest.mark.case("J20")
def test_of_two_who_go_on_at_once_one_shifts_the_time(open_session, cast):
    key = committed(open_session, lambda session: held(session, cast).id)
    together, later = Barrier(2), china(2026, 11, 26, 10)

    def go_on(person):
        together.wait()
        try:
            committed(open_session, lambda session: resume(session, cast.who(person), key, later))
        except Refused as refusal:
            return refusal.code
        return "done"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(go_on, (cast.li, cast.chen))) == ["done", "wrong_state"]
    with open_session() as session:
        assert session.get_one(Task, key).due_at == china(2026, 11, 27, 11)
        assert len(session.scalars(select(Letter).where(Letter.kind == "tasks.assigned")).all()) in (1, 2)
