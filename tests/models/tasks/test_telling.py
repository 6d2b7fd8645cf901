"""How cadres hear of tasks: three letters a day and one in the morning, and what nobody does goes up the tree."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import func, select, text

from handlers.tasks.words import TITLES
from handlers.tasks.words import letter as said
from models.hours import CHINA, CalendarOverride, WorkCalendar
from models.life import By
from models.messages.letters import Letter
from models.people.staff import StaffRole
from models.tasks.desk import finish, open_task, settle_for, tasks_for
from models.tasks.escalation import Escalation, escalate
from models.tasks.tasks import PRESSING, TASK_KINDS, Task
from models.tasks.telling import move_digests, next_morning
from scheduler.settings import ClockSettings, Hands
from scheduler.sweep import sweep_tasks
from tests.models.messages.test_outbox import claimed
from tests.plans import read_through
from tests.world import NOW
from wx_backend.wechat.templates import Template, fit

WEDNESDAY = datetime(2026, 11, 25, 8, 30, tzinfo=CHINA)
LATER = NOW + timedelta(days=3)


def china(*parts):
    return datetime(*parts, tzinfo=CHINA)


def opened(session, cast, n=0, kind="order_new", now=NOW, **more):
    facts = {"beneficiary": "王秀英", "service": "爱心送餐", "number": "1", "preferred_at": LATER.isoformat()}
    more = {"area_id": cast.village.id, "due_at": now + timedelta(days=3), "subject": f"order:{n}", **more}
    return open_task(session, key=f"t{n}", kind=kind, facts=facts, now=now, **more)


def committed(open_session, work):
    with open_session() as session, session.begin():
        return work(session)


def letters(session, kind, reader=None):
    query = select(Letter).where(Letter.kind == f"tasks.{kind}").order_by(Letter.id)
    return list(session.scalars(query if reader is None else query.where(Letter.person_id == reader)))


# The load guard.


@pytest.mark.case("J14")
def test_fourteen_tasks_of_a_day_are_three_letters_and_one_in_the_morning(session, cast):
    tasks = [opened(session, cast, n) for n in range(14)]
    (digest,) = letters(session, "digest")
    assert len(letters(session, "assigned")) == 3
    assert (digest.person_id, digest.due_at, digest.urgency) == (cast.li.id, WEDNESDAY, "digest")
    assert [item["task"] for item in digest.facts["items"]] == [task.id for task in tasks[3:]]
    opened(session, cast, 20, now=NOW + timedelta(days=1))
    assert len(letters(session, "assigned")) == 4  # another day, counted from midnight in China


@pytest.mark.case("J14")
@pytest.mark.parametrize("kind", PRESSING)
def test_what_presses_is_told_at_once_however_many_there_are_and_takes_no_place(session, cast, kind):
    for n in range(5):
        opened(session, cast, n, kind)
    assert {one.urgency for one in letters(session, "assigned")} == {"same_day"}
    for n in range(5, 10):
        opened(session, cast, n)
    opened(session, cast, 11, kind)
    assert (len(letters(session, "assigned")), len(letters(session, "digest"))) == (5 + 3 + 1, 1)


@pytest.mark.case("J14")
def test_what_is_due_before_that_morning_does_not_wait_for_it(session, cast):
    for n in range(5):
        opened(session, cast, n, due_at=WEDNESDAY)
    assert (len(letters(session, "assigned")), letters(session, "digest")) == (5, [])
    # On a Friday the next working morning is Monday's.
    friday = china(2026, 11, 27, 10)
    for n in range(10, 15):
        opened(session, cast, n, now=friday, due_at=china(2026, 11, 28, 12))
    assert letters(session, "digest") == []


@pytest.mark.case("J14", "J19")
@pytest.mark.parametrize(
    ("now", "morning"),
    [
        ((2026, 11, 24, 0, 5), (2026, 11, 25)),
        ((2026, 11, 27, 16, 0), (2026, 11, 30)),
        ((2026, 9, 19, 9, 0), (2026, 9, 20)),  # a Sunday that is worked before the National Day
        ((2026, 2, 13, 17, 0), (2026, 2, 14)),  # the Saturday that is worked for the Spring Festival
        ((2026, 2, 14, 9, 0), (2026, 2, 24)),  # and the nine days
        ((2026, 2, 20, 9, 0), (2026, 2, 24)),
        ((2026, 2, 27, 9, 0), (2026, 2, 28)),
        ((2025, 12, 31, 23, 59), (2026, 1, 4)),  # over the year's end to the Sunday that is worked
    ],
)
def test_the_morning_is_that_of_the_next_working_day(now, morning):
    assert next_morning(china(*now), WorkCalendar()) == china(*morning, 8, 30)


@pytest.mark.case("J14")
def test_a_task_settled_before_the_morning_leaves_the_letter_and_an_empty_letter_is_not_sent(session, cast):
    tasks = [opened(session, cast, n) for n in range(5)]
    finish(session, cast.who(cast.li), tasks[3].id, NOW)
    (digest,) = letters(session, "digest")
    assert ([item["task"] for item in digest.facts["items"]], digest.state) == ([tasks[4].id], "planned")
    settle_for(session, "order:4", "cancel", by=By(cast.xiaofang.id, "rule"), now=NOW)
    session.refresh(digest)
    assert (digest.facts["items"], digest.state, digest.settled_at) == ([], "withdrawn", NOW)
    assert claimed(session, now=WEDNESDAY).total <= 3  # the three of yesterday, no digest


@pytest.mark.case("J14")
def test_a_task_that_comes_after_the_letter_was_emptied_is_in_it_all_the_same(session, cast):
    tasks = [opened(session, cast, n) for n in range(4)]
    finish(session, cast.who(cast.li), tasks[3].id, NOW)
    late = opened(session, cast, 9)
    (digest,) = letters(session, "digest")
    assert ([item["task"] for item in digest.facts["items"]], digest.state) == ([late.id], "planned")
    assert digest.settled_at is None


@pytest.mark.case("J14")
def test_a_task_that_comes_when_the_letter_has_gone_is_told_by_itself(session, cast):
    for n in range(4):
        opened(session, cast, n)
    letters(session, "digest")[0].state = "sent"
    session.flush()
    opened(session, cast, 9)  # a clock that was ahead and was set right
    assert (len(letters(session, "assigned")), len(letters(session, "digest")[0].facts["items"])) == (4, 1)


@pytest.mark.case("J14")
@pytest.mark.parametrize("before", [0, 3, 4])
def test_tasks_that_come_at_the_same_moment_are_all_told_and_none_twice(open_session, cast, before):
    for n in range(before):
        committed(open_session, lambda session, n=n: opened(session, cast, n))
    together = Barrier(6)

    def add(n):
        together.wait()
        return committed(open_session, lambda session: opened(session, cast, n).id)

    with ThreadPoolExecutor(6) as pool:
        made = set(pool.map(add, range(10, 16)))
    with open_session() as session:
        alone = [one.facts["task"] for one in letters(session, "assigned")]
        (digest,) = letters(session, "digest")
        told = alone + [item["task"] for item in digest.facts["items"]]
    assert len(alone) == 3
    assert sorted(told) == sorted(set(told))
    assert made <= set(told)


@pytest.mark.case("J14")
def test_one_adding_while_another_settles_loses_neither(open_session, cast):
    made = [committed(open_session, lambda session, n=n: opened(session, cast, n).id) for n in range(6)]
    together = Barrier(2)

    def add():
        together.wait()
        return committed(open_session, lambda session: opened(session, cast, 9).id)

    def settle():
        together.wait()
        committed(open_session, lambda session: finish(session, cast.who(cast.li), made[4], NOW))

    with ThreadPoolExecutor(2) as pool:
        new, _ = pool.submit(add), pool.submit(settle).result()
    with open_session() as session:
        (digest,) = letters(session, "digest")
        assert sorted(item["task"] for item in digest.facts["items"]) == sorted([made[3], made[5], new.result()])


@pytest.mark.case("J14")
def test_a_morning_that_is_no_working_day_and_then_is_one_again_names_each_task_in_one_letter(session, cast):
    tasks = [opened(session, cast, n) for n in range(5)]
    off = CalendarOverride(day=date(2026, 11, 25), is_workday=False, name="台风停工")
    session.add(off)
    session.flush()
    assert move_digests(session, NOW) == 1
    session.delete(off)
    session.flush()
    opened(session, cast, 9)  # and the first letter is begun again
    named = {one.due_at: [item["task"] for item in one.facts["items"]] for one in letters(session, "digest")}
    late = session.scalars(select(Task.id).where(Task.key == "t9")).one()
    assert named == {WEDNESDAY: [late], WEDNESDAY + timedelta(days=1): [task.id for task in tasks[3:]]}


@pytest.mark.case("J14")
def test_who_settles_a_task_waits_for_no_other_cadres_letter(open_session, engine, cast):
    if engine.dialect.name == "sqlite":
        pytest.skip("one transaction writes at a time")
    for n in range(5):  # the village's are 李's, the township's 陈's
        committed(open_session, lambda session, n=n: opened(session, cast, n))
        committed(open_session, lambda session, n=n: opened(session, cast, n + 10, assignee_id=cast.chen.id))
    with open_session() as session:
        keys = dict(session.execute(select(Task.key, Task.id)).all())
        assert {one.person_id for one in letters(session, "digest")} == {cast.li.id, cast.chen.id}
    with open_session() as first, open_session() as second, first.begin(), second.begin():
        second.execute(text("SET LOCAL lock_timeout = '2s'"))
        finish(first, cast.who(cast.li), keys["t4"], NOW)
        finish(second, cast.who(cast.chen), keys["t14"], NOW)
    with open_session() as session:
        left = [[item["task"] for item in one.facts["items"]] for one in letters(session, "digest")]
        assert sorted(left) == sorted([[keys["t3"]], [keys["t13"]]])


def test_to_settle_a_task_reads_no_letter_that_has_gone(session, cast):
    tasks = [opened(session, cast, n) for n in range(5)]
    assert "letters" not in read_through(session, lambda: finish(session, cast.who(cast.li), tasks[4].id, NOW))


@pytest.mark.case("J14", "J16")
def test_the_mornings_letter_fits_wechat_and_says_what_there_is_and_by_when(session, cast):
    kinds = [kind for kind in TASK_KINDS if kind not in PRESSING]
    for n in range(3 + 5 * len(kinds)):  # three are told one by one
        opened(session, cast, n, kinds[n % len(kinds)], due_at=NOW + timedelta(days=3, minutes=n))
    (digest,) = letters(session, "digest")
    wording = said(digest.kind, digest.facts, CHINA)
    template = Template("t", "t", {"task": "thing1", "who": "thing2", "time": "time3", "contact": "phone_number4"})
    assert fit(template, wording.fields)["thing1"] == {"value": f"{5 * len(kinds)}件待办任务"}
    assert all(f"{TITLES[kind]}5件" in wording.text for kind in kinds)
    assert wording.text.startswith(f"您有{5 * len(kinds)}件新任务：")
    assert wording.text.endswith("最早的请在11月27日（周五）10:03前办好，回复“我的任务”查看。")
    assert not any(private in wording.text for private in ("王秀英", "139", "order"))


@pytest.mark.parametrize("kind", TASK_KINDS)
def test_an_overdue_task_of_every_kind_fits_wechat(kind):
    facts = {"kind": kind, "due_at": NOW.isoformat(), "phone": "0578-5550101", "person": "王秀英"}
    template = Template("t", "t", {"task": "thing1", "who": "thing2", "time": "time3", "contact": "phone_number4"})
    fields = fit(template, said("tasks.escalated", facts, CHINA).fields)
    assert fields["thing1"]["value"] == f"逾期：{TITLES[kind]}"


# Up the tree.


@pytest.fixture
def mayor(open_session, cast):
    """阿明 answers for the whole county."""
    with open_session() as session, session.begin():
        session.add(StaffRole(person_id=cast.aming.id, role="county_admin", area_id=cast.county.id, since=NOW))
    return cast.aming


def raised(session):
    return session.execute(select(Escalation.level, Escalation.area_id).order_by(Escalation.id)).all()


@pytest.mark.case("J19")
def test_overdue_it_goes_to_the_township_after_a_working_day_and_to_the_county_after_three(session, cast, mayor):
    due = china(2026, 11, 24, 11)
    task = opened(session, cast, due_at=due)
    assert escalate(session, china(2026, 11, 25, 10, 59)) == 0
    assert escalate(session, china(2026, 11, 25, 11)) == 1
    assert escalate(session, china(2026, 11, 26, 12)) == 0
    assert escalate(session, china(2026, 11, 27, 11)) == 1
    assert escalate(session, china(2026, 12, 2, 11)) == 0
    assert raised(session) == [(1, cast.township.id), (2, cast.county.id)]
    told = letters(session, "escalated")
    assert [letter.person_id for letter in told] == [cast.chen.id, mayor.id]
    assert {letter.facts["task"] for letter in told} == {task.id}


@pytest.mark.case("J19")
@pytest.mark.parametrize(
    ("due", "before", "then"),
    [
        # Friday afternoon: half an hour of it, and Monday.
        ((2026, 11, 27, 17), (2026, 11, 30, 16, 59), (2026, 11, 30, 17)),
        # A Saturday that is not worked: the whole of Monday, so Tuesday.
        ((2026, 11, 28, 9), (2026, 11, 30, 17, 29), (2026, 12, 1, 8, 30)),
        # A Sunday that is worked is a day like another.
        ((2026, 9, 19, 9), (2026, 9, 20, 17, 29), (2026, 9, 21, 8, 30)),
        # The Saturday before the Spring Festival is worked, the nine days after it are not.
        ((2026, 2, 13, 15), (2026, 2, 14, 14, 59), (2026, 2, 14, 15)),
        ((2026, 2, 14, 15), (2026, 2, 24, 14, 59), (2026, 2, 24, 15)),
        ((2026, 2, 18, 9), (2026, 2, 24, 17, 29), (2026, 2, 25, 8, 30)),
        ((2025, 12, 31, 12), (2026, 1, 4, 11, 59), (2026, 1, 4, 12)),
    ],
)
def test_only_working_days_count(session, cast, due, before, then):
    opened(session, cast, due_at=china(*due), now=china(*due) - timedelta(days=1))
    assert escalate(session, china(*before)) == 0
    assert escalate(session, china(*then)) == 1


@pytest.mark.case("J19")
@pytest.mark.parametrize(
    "asleep",
    [
        (2026, 2, 16, 10),
        (2026, 2, 23, 10),
        (2026, 2, 25, 8, 29),
        (2026, 2, 25, 17, 30),
        (2026, 2, 26, 3),
        (2026, 3, 1, 10),
    ],
)
def test_nothing_goes_up_on_holidays_at_weekends_or_at_night(session, cast, asleep):
    opened(session, cast, due_at=china(2026, 2, 3, 9), now=china(2026, 2, 2, 9))
    assert escalate(session, china(*asleep)) == 0
    assert escalate(session, china(2026, 2, 28, 10)) >= 1  # a Saturday that is worked


@pytest.mark.case("J19")
def test_the_countys_own_notice_stops_it_too(session, cast):
    opened(session, cast, due_at=china(2026, 11, 24, 11))
    session.add(CalendarOverride(day=date(2026, 11, 25), is_workday=False, name="台风停工"))
    session.flush()
    assert escalate(session, china(2026, 11, 25, 12)) == 0
    assert escalate(session, china(2026, 11, 26, 11)) == 1


@pytest.mark.case("J19", "J2")
def test_two_clocks_at_once_take_each_step_once(open_session, cast, mayor):
    for n in range(5):
        committed(open_session, lambda session, n=n: opened(session, cast, n, due_at=china(2026, 11, 24, 11)))
    together, at = Barrier(2), china(2026, 11, 27, 12)
    hands = Hands(open_session, lambda _: None, lambda: at, lambda: at, ClockSettings())

    def tick(_):
        together.wait()
        return sweep_tasks(hands)

    with ThreadPoolExecutor(2) as pool:
        steps = sum(pool.map(tick, range(2)))
    steps += sweep_tasks(hands)
    assert steps == 10
    with open_session() as session:
        assert session.scalar(select(func.count()).select_from(Escalation)) == 10
        assert len(letters(session, "escalated")) == 10


def test_whose_task_it_is_is_not_told_and_is_no_step(session, cast, mayor):
    opened(session, cast, assignee_id=cast.chen.id, due_at=china(2026, 11, 24, 11))
    assert escalate(session, china(2026, 11, 25, 12)) == 1
    assert [letter.person_id for letter in letters(session, "escalated")] == [mayor.id]


def test_where_nobody_is_above_nothing_is_written_and_others_are_not_held_up(session, cast):
    for n in range(230):
        opened(session, cast, n, area_id=cast.other_township.id, due_at=china(2026, 11, 24, 9), kind="call_help",
               assignee_id=cast.zhao.id)  # fmt: skip
    mine = opened(session, cast, 300, due_at=china(2026, 11, 24, 11))
    assert escalate(session, china(2026, 11, 25, 12)) == 1
    assert session.scalars(select(Escalation.task_id)).all() == [mine.id]


@pytest.mark.case("J22")
def test_done_it_is_overdue_no_more_and_stays_on_record_and_nobody_above_is_told_of_it(session, cast, mayor):
    task = opened(session, cast, due_at=china(2026, 11, 24, 11))
    assert escalate(session, china(2026, 11, 25, 12)) == 1
    finish(session, cast.who(cast.li), task.id, china(2026, 11, 25, 12, 1))
    (told,) = letters(session, "escalated")
    session.refresh(told)
    assert told.state == "withdrawn"  # nobody had begun to send it
    assert escalate(session, china(2026, 12, 2, 12)) == 0
    assert raised(session) == [(1, cast.township.id)]
    assert session.get_one(Task, task.id).state == "done"


def test_who_is_told_finds_it_on_the_list_also_when_it_is_somebodys_own(session, cast, mayor):
    task = opened(session, cast, assignee_id=cast.li.id, kind="call_help", due_at=china(2026, 11, 24, 11))
    assert tasks_for(session, cast.who(cast.chen)) == []
    escalate(session, china(2026, 11, 25, 12))
    assert tasks_for(session, cast.who(cast.chen)) == [task]
    assert tasks_for(session, cast.who(cast.li)) == [task]
    assert tasks_for(session, cast.who(cast.zhao)) == []
