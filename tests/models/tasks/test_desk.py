"""Cadres' tasks: who still sees them, and how the person they are about is reached."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from models.errors import Refused
from models.history import history_of
from models.messages.letters import Letter
from models.messages.receipts import record_receipt
from models.people.contacts import ContactStep, Way, ways_to
from models.people.persons import Person
from models.people.staff import StaffRole
from models.tasks import taking
from models.tasks.desk import acknowledge, finish, open_task, task_for, tasks_for
from models.tasks.holding import hold, resume
from models.tasks.taking import Seen
from models.tasks.tasks import Task
from models.tasks.undelivered import hand_over, receipt_came, take_back
from tests.cast import APP_ID
from tests.letters import posted
from tests.world import NOW


def opened(session, cast, key="t", **more):
    return open_task(
        session, key=key, kind="call_help", area_id=cast.village.id, subject="call:1", facts={}, now=NOW, due_at=NOW,
        **more,
    )  # fmt: skip


def undelivered(session, person, state, kind="family.changed"):
    letter = posted(session, key=f"k/{kind}", person_id=person.id, kind=kind, facts={}, subject="call:1", now=NOW)
    letter.state = state
    session.flush()
    return letter


@pytest.mark.case("L2")
def test_who_was_a_cadre_sees_no_task_and_what_was_theirs_is_everybodys_again(session, cast):
    task = opened(session, cast, assignee_id=cast.li.id)
    assert tasks_for(session, cast.who(cast.li)) == [task]
    assert tasks_for(session, cast.who(cast.chen)) == []
    session.scalars(select(StaffRole).where(StaffRole.person_id == cast.li.id)).one().ended_at = NOW
    session.flush()
    assert tasks_for(session, cast.who(cast.li)) == []
    for forbidden in (task_for, lambda *asked: finish(*asked, NOW)):
        with pytest.raises(Refused, match="not_yours"):
            forbidden(session, cast.who(cast.li), task.id)
    assert tasks_for(session, cast.who(cast.chen)) == [task]


@pytest.mark.parametrize(("state", "kind"), [("dead", "phone_call"), ("missed", "phone_call"),
                                             ("needs_check", "check_delivery")])  # fmt: skip
def test_only_what_may_have_arrived_is_to_be_checked(session, cast, state, kind):
    assert hand_over(session, undelivered(session, cast.xiaofang, state), NOW).kind == kind


NIGHT = NOW.replace(hour=18)  # two o'clock in China
MORNING = NIGHT + timedelta(hours=6)


@pytest.mark.case("J13")
@pytest.mark.parametrize(
    ("state", "urgency", "hours", "told", "due"),
    [
        ("dead", "routine", 48, MORNING, MORNING + timedelta(hours=4)),
        ("needs_check", "routine", 7, MORNING, MORNING + timedelta(hours=1)),
        ("dead", "routine", 5, NIGHT, NIGHT + timedelta(hours=4)),  # of no use by then
        ("missed", "routine", -1, MORNING, MORNING),  # of no use already
        ("dead", "same_day", 48, NIGHT, NIGHT + timedelta(hours=4)),
        ("dead", "safety", 48, NIGHT, NIGHT + timedelta(hours=4)),
    ],
)
def test_what_would_wake_no_reader_wakes_no_cadre(session, cast, state, urgency, hours, told, due):
    letter = undelivered(session, cast.xiaofang, state)
    letter.urgency, letter.useful_until = urgency, NIGHT + timedelta(hours=hours)
    task = hand_over(session, letter, NIGHT)
    heard = session.scalars(select(Letter).where(Letter.kind == "tasks.assigned")).one()
    assert (heard.due_at, heard.next_at, task.due_at) == (told, told, due)


@pytest.mark.parametrize(
    ("status", "left"), [("success", []), ("failed: system failed", ["phone_call"]), ("failed:user block", [])]
)
def test_a_receipt_that_comes_late_ends_the_doubt(session, cast, status, left):
    letter = undelivered(session, cast.xiaofang, "needs_check")
    letter.app_id, letter.msgid, letter.channel = APP_ID, "77", "template"
    task = hand_over(session, letter, NOW)
    assert record_receipt(session, APP_ID, "77", status, NOW) is letter
    made = receipt_came(session, letter, NOW)
    assert task.state == "cancelled"
    assert (letter.state == "retry") == (status == "failed:user block")
    assert [one.kind for one in tasks_for(session, cast.who(cast.li))] == left
    assert receipt_came(session, letter, NOW) is made, "said twice it is the same"


def test_what_went_another_way_after_a_doubt_and_is_in_doubt_again_is_to_be_checked_again(session, cast):
    letter = undelivered(session, cast.xiaofang, "needs_check")
    letter.app_id, letter.msgid, letter.channel, letter.tries = APP_ID, "77", "template", 1
    first = hand_over(session, letter, NOW)
    record_receipt(session, APP_ID, "77", "failed:user block", NOW)
    receipt_came(session, letter, NOW)
    letter.state, letter.in_doubt, letter.tries = "needs_check", True, 2
    second = hand_over(session, letter, NOW)
    assert hand_over(session, letter, NOW) is second
    assert (first.state, second.state, second.kind) == ("cancelled", "open", "check_delivery")


@pytest.mark.parametrize("status", ["success", "failed: system failed", "failed:user block"])
@pytest.mark.parametrize("state", ["needs_check", "unconfirmed"])
def test_a_receipt_for_what_has_been_taken_back_since_sends_nobody(session, cast, state, status):
    letter = undelivered(session, cast.xiaofang, state)
    letter.app_id, letter.msgid, letter.channel = APP_ID, "77", "template"
    hand_over(session, letter, NOW) if state == "needs_check" else None
    take_back(session, "call:1", NOW)
    record_receipt(session, APP_ID, "77", status, NOW)
    assert receipt_came(session, letter, NOW) is None
    assert letter.state == ("delivered" if status == "success" else "withdrawn")
    assert tasks_for(session, cast.who(cast.li)) == []


def test_a_reply_of_a_conversation_is_handed_to_nobody(session, cast):
    assert hand_over(session, undelivered(session, cast.xiaofang, "dead", "messages.reply"), NOW) is None


def test_the_plan_is_followed_in_its_order_through_the_people_it_names(session, cast):
    aming = session.get_one(Person, cast.aming.id)
    aming.phone = "13900000012"
    session.add_all([
        ContactStep(person_id=cast.wangnainai.id, position=3, means="wechat", through_id=cast.xiaofang.id),
        ContactStep(person_id=cast.wangnainai.id, position=2, means="phone", through_id=aming.id, note="晚上在家"),
    ])  # fmt: skip
    session.flush()
    assert ways_to(session, cast.wangnainai.id) == [
        Way("visit", "李站长"), Way("phone", "阿明", "13900000012", "晚上在家"), Way("wechat", "小芳"),
    ]  # fmt: skip


@pytest.mark.case("B6")
def test_where_wechat_has_just_failed_it_is_not_tried_again(session, cast):
    session.add_all([
        ContactStep(person_id=cast.grandpa.id, position=1, means="wechat", through_id=cast.aming.id),
        ContactStep(person_id=cast.xiaohong.id, position=1, means="wechat", through_id=cast.aming.id),
    ])  # fmt: skip
    session.flush()
    # Nothing else in the plan: the own phone, and for somebody without one a visit.
    assert ways_to(session, cast.grandpa.id, ("wechat",)) == [Way("phone", "", "13900000009")]
    assert ways_to(session, cast.xiaohong.id, ("wechat",)) == [Way("visit", "")]


def test_a_phone_in_the_plan_is_the_persons_own_where_nobody_else_is_named(session, cast):
    session.add(ContactStep(person_id=cast.grandpa.id, position=1, means="phone", through_id=cast.grandpa.id,
                            phone="0578-1"))  # fmt: skip
    session.flush()
    assert ways_to(session, cast.grandpa.id) == [Way("phone", "", "0578-1")]


def test_a_cadre_acknowledges_once_and_nobody_else_does(session, cast):
    task = opened(session, cast)
    for stranger in (cast.zhao, cast.aming):
        with pytest.raises(Refused, match="not_yours"):
            acknowledge(session, cast.who(stranger), task.id, NOW)
    for _ in range(2):
        assert acknowledge(session, cast.who(cast.li), task.id, NOW).state == "acknowledged"
    lines = [line.verb for line in history_of(session, f"task:{task.id}")]
    assert lines == ["begin", "acknowledge"]
    finish(session, cast.who(cast.li), task.id, NOW)
    with pytest.raises(Refused, match="wrong_state"):
        acknowledge(session, cast.who(cast.li), task.id, NOW)


def test_who_acknowledges_a_task_has_it_and_a_colleague_does_not_take_it_from_them(session, cast):
    li, chen = cast.who(cast.li), cast.who(cast.chen)
    task = opened(session, cast)
    assert acknowledge(session, li, task.id, NOW).assignee_id == cast.li.id
    assert (tasks_for(session, li), tasks_for(session, chen)) == ([task], [])
    for again in (acknowledge, lambda *asked: taking.acknowledge(*asked[:3], Seen("acknowledged", cast.li.id), NOW)):
        with pytest.raises(Refused, match="wrong_state"):
            again(session, chen, task.id, NOW)
    assert task.assignee_id == cast.li.id


def test_of_two_who_take_a_task_on_at_the_same_instant_one_has_it(session, cast):
    task = opened(session, cast)
    session.execute(  # another transaction's, of which this session has not heard
        update(Task).values(state="acknowledged", assignee_id=cast.chen.id),
        execution_options={"synchronize_session": False},
    )
    assert task.state == "open"
    with pytest.raises(Refused, match="wrong_state"):
        acknowledge(session, cast.who(cast.li), task.id, NOW)
    assert task.assignee_id == cast.chen.id


@pytest.mark.case("J20")
def test_what_nobody_had_before_it_waited_can_be_taken_on_when_it_goes_on(session, cast):
    first, second = opened(session, cast), opened(session, cast, "t2")
    li = cast.who(cast.li)
    for task in (first, second):
        hold(session, li, task.id, why="等本人考虑", now=NOW)
        with pytest.raises(Refused, match="wrong_state"):
            acknowledge(session, li, task.id, NOW)  # it is gone on with first
        resume(session, li, task.id, NOW)
        assert (task.state, task.assignee_id) == ("acknowledged", None)
    acknowledge(session, li, first.id, NOW)
    taking.acknowledge(session, cast.who(cast.chen), second.id, Seen("acknowledged", None), NOW)
    assert (first.assignee_id, second.assignee_id) == (cast.li.id, cast.chen.id)


@pytest.mark.parametrize("means", ["phone", "visit"])
def test_how_somebody_was_told_stands_on_the_task_and_on_its_letter(session, cast, means):
    letter = undelivered(session, cast.xiaofang, "dead")
    task = hand_over(session, letter, NOW)
    finish(session, cast.who(cast.li), task.id, NOW, means)
    told = [history_of(session, subject)[-1] for subject in (f"task:{task.id}", f"letter:{letter.id}")]
    assert [(line.verb, line.by_person_id, line.note) for line in told] == [
        ("finish", cast.li.id, means), ("tell", cast.li.id, means),
    ]  # fmt: skip
    assert letter.state == "told_in_person"


def test_what_had_arrived_all_the_same_was_looked_into_and_told_by_nobody(session, cast):
    letter = undelivered(session, cast.xiaofang, "needs_check")
    task = hand_over(session, letter, NOW)
    finish(session, cast.who(cast.li), task.id, NOW)
    line = history_of(session, f"letter:{letter.id}")[-1]
    assert (line.verb, line.by_person_id, line.note) == ("confirm", cast.li.id, "")
    assert (letter.state, letter.settled_at) == ("told_in_person", NOW)


def test_who_was_told_after_all_was_told_and_a_receipt_that_came_first_stands(session, cast):
    told, come = (
        undelivered(session, cast.xiaofang, "needs_check", f"family.{kind}") for kind in ("changed", "booked")
    )
    tasks = [hand_over(session, letter, NOW) for letter in (told, come)]
    come.state = "delivered"
    finish(session, cast.who(cast.li), tasks[0].id, NOW, "phone")
    finish(session, cast.who(cast.li), tasks[1].id, NOW)
    assert history_of(session, f"letter:{told.id}")[-1].verb == "tell"
    assert (come.state, history_of(session, f"letter:{come.id}")) == ("delivered", [])


def test_there_are_no_other_means_and_none_where_nobody_was_to_be_told(session, cast):
    task = hand_over(session, undelivered(session, cast.xiaofang, "dead"), NOW)
    for key, means in ((task.id, "pigeon"), (opened(session, cast).id, "phone")):
        with pytest.raises(Refused, match="wrong_state"):
            finish(session, cast.who(cast.li), key, NOW, means)
    assert (task.state, task.done_by_id) == ("open", None)
