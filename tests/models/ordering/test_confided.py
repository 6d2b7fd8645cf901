"""A secret whose holder has left goes to another clerk; who administers the place sees that it waits, and no more."""

from dataclasses import asdict
from datetime import timedelta

import pytest
from sqlalchemy import select

from models.errors import Refused
from models.history import history_of
from models.messages.letters import Letter
from models.ordering import triage
from models.ordering.confided import confided, confided_one, door, hand_on, takers
from models.ordering.help import help_for, help_waiting
from models.ordering.helping import assign, finish, hand_over
from models.paging import SIZE
from models.people.staff import StaffRole, end_role, roles_of
from models.places.areas import add_area
from models.tasks.desk import tasks_for
from models.tasks.tasks import TASK, Task
from tests.desk import statements
from tests.models.family.in_turn import one_waits
from tests.models.ordering.voicing import calls, joins, lives, says
from tests.world import NOW

SECRET = "婆媳矛盾闹得厉害，想请人劝劝"
HOUR = timedelta(hours=1)


@pytest.fixture
def chen(cast):
    return cast.who(cast.chen)


@pytest.fixture
def admin(session, cast):
    return joins(session, "吴主任", cast.county, "county_admin")


def confides(session, cast, takes=calls, **more):
    return takes(session, cast.who(cast.xiaofang), SECRET, cast.wangnainai, confidential=True, **more)


def leaves(session, person_id):
    for role in roles_of(session, person_id):
        end_role(session, role, NOW)


def opened(session):
    query = select(Task.kind, Task.assignee_id).where(Task.state.not_in(TASK.ends)).order_by(Task.id)
    return [tuple(row) for row in session.execute(query)]


def told(session, kind):
    return list(session.scalars(select(Letter.person_id).where(Letter.kind == kind, Letter.state == "planned")))


@pytest.mark.case("L1", "L2")
def test_a_call_whose_holder_has_left_is_given_to_another_clerk_who_reads_and_ends_it(session, cast, chen, admin):
    call = confides(session, cast)
    assert call.holder_id == chen.person_id
    second = joins(session, "周干事", cast.township)
    leaves(session, chen.person_id)
    assert [task.subject for task in tasks_for(session, second)] == [call.subject]  # everybody's, and nobody's to open
    for nobody in (chen, second, admin):
        with pytest.raises(Refused, match="not_yours"):
            help_for(session, nobody, call.id)
    later = NOW + HOUR
    hand_over(session, admin, call.id, second.person_id, later)
    assert (call.state, call.holder_id, call.revision) == ("triaged", second.person_id, 1)
    assert call.due_at > later
    assert opened(session) == [("help_triage", second.person_id)]
    assert told(session, "tasks.assigned") == [second.person_id]
    assert help_waiting(session, second) == [call]
    for nobody in (chen, admin):
        with pytest.raises(Refused, match="not_yours"):
            help_for(session, nobody, call.id)
    finish(session, second, call.id, "已经和好", later)
    assert (opened(session), [line.verb for line in history_of(session, call.subject)]) == (
        [], ["begin", "hand_over", "assign", "finish"]
    )  # fmt: skip


def test_only_its_holder_or_an_administrator_gives_it_and_only_to_a_clerk_whom_it_does_not_concern(
    session, cast, chen, admin
):
    second = joins(session, "周干事", cast.township)
    call = calls(session, second, SECRET, confidential=True)  # a clerk's own trouble
    assert call.holder_id == chen.person_id
    far = joins(session, "别县主任", cast.other_village, "county_admin")
    for nobody in (second, far, cast.who(cast.li), cast.who(cast.xiaofang)):
        with pytest.raises(Refused, match="not_yours"):
            hand_over(session, nobody, call.id, admin.person_id, NOW)
    for nobody in (second.person_id, cast.li.id, cast.aming.id, 10**9):
        with pytest.raises(Refused, match="no_clerk"):
            hand_over(session, admin, call.id, nobody, NOW)
    with pytest.raises(Refused, match="not_yours"):
        hand_over(session, admin, 10**9, chen.person_id, NOW)
    with pytest.raises(Refused, match="not_yours"):
        hand_over(session, admin, calls(session, cast.who(cast.aming)).id, chen.person_id, NOW)  # no secret
    third = joins(session, "钱干事", cast.township)
    assert [one.id for one in takers(session, chen, "help", call.id)] == [third.person_id]
    hand_over(session, chen, call.id, third.person_id, NOW)
    with pytest.raises(Refused, match="not_yours"):
        hand_over(session, chen, call.id, third.person_id, NOW)
    finish(session, third, call.id, "谈过了", NOW)
    with pytest.raises(Refused, match="wrong_state"):
        hand_over(session, third, call.id, third.person_id, NOW)


@pytest.mark.parametrize("takes", [calls, says], ids=["help", "need"])
def test_given_to_who_has_it_already_nothing_changes(session, cast, chen, admin, takes):
    thing, second = confides(session, cast, takes), joins(session, "周干事", cast.township)
    give = hand_over if takes is calls else triage.hand_over
    thing.holder_id = chen.person_id
    for _ in range(2):
        give(session, admin, thing.id, second.person_id, NOW)
    assert (thing.revision, len(opened(session))) == (1, 1)
    assert [line.verb for line in history_of(session, thing.subject)] == ["begin", "hand_over"]


@pytest.mark.parametrize("left", [False, True])
def test_who_was_asked_to_help_hears_that_they_need_not_unless_they_have_left(session, cast, chen, admin, left):
    call = confides(session, cast)
    assign(session, chen, call.id, cast.li.id, NOW)
    if left:
        leaves(session, cast.li.id)
    session.expire_all()
    hand_over(session, admin, call.id, chen.person_id, NOW)
    assert told(session, "ordering.help_off") == ([] if left else [cast.li.id])
    assert opened(session) == [("help_triage", chen.person_id)]
    assert session.scalars(select(Task.state).where(Task.kind == "help_do")).all() == ["cancelled"]


@pytest.mark.case("A10")
def test_danger_stays_urgent_when_it_is_given_on(session, cast, chen, admin):
    call = calls(session, cast.who(cast.aming), "他又家暴，不要说出去", confidential=True)
    second = joins(session, "周干事", cast.township)
    hand_over(session, admin, call.id, second.person_id, NOW)
    assert sorted(opened(session)) == [("help_triage", second.person_id), ("matter_urgent", second.person_id)]


def test_what_somebody_told_of_an_administrator_is_not_theirs_to_see_or_to_give_on(session, cast, chen, admin):
    second = joins(session, "周干事", cast.township)
    whose = joins(session, "钱主任", cast.county, "county_admin")
    call = calls(session, chen, SECRET, confidential=True, channel="page")
    call.person_id = whose.person_id
    session.flush()
    assert confided(session, whose).rows == []
    with pytest.raises(Refused, match="not_yours"):
        hand_over(session, whose, call.id, second.person_id, NOW)
    assert [row.key for row in confided(session, admin).rows] == [call.id]
    hand_over(session, admin, call.id, second.person_id, NOW)


def test_an_administrator_sees_where_and_since_when_secrets_wait_those_without_a_holder_first(
    session, cast, chen, admin
):
    second = joins(session, "周干事", cast.township)
    need, call, burning, over = (confides(session, cast, takes) for takes in (says, calls, calls, calls))
    held = {need: second, call: second, burning: chen, over: chen}
    for thing, who in held.items():
        thing.holder_id = who.person_id
    burning.urgent, need.created_at = True, NOW - HOUR
    calls(session, cast.who(cast.aming)), says(session, cast.who(cast.aming))  # no secrets
    finish(session, chen, over.id, "好了", NOW)
    leaves(session, second.person_id)
    found = confided(session, admin).rows
    assert [(row.kind, row.key, row.stays) for row in found] == [
        ("need", need.id, False), ("help", call.id, False), ("help", burning.id, True),
    ]  # fmt: skip
    assert [(row.holder, row.due_at is None, row.place) for row in found[:2]] == [
        ("周干事", True, cast.village.name), ("周干事", False, cast.village.name)
    ]  # fmt: skip
    assert [[one.name for one in row.clerks] for row in found] == [["陈干事"], ["陈干事"], ["吴主任"]]
    assert not any(word in str([asdict(row) for row in found]) for word in ("婆媳", "王秀英", "小芳"))
    ended = confided_one(session, admin, "help", over.id)
    assert (ended.live, ended.state) == (False, "done")
    for nobody in (chen, cast.who(cast.li), joins(session, "别县主任", cast.other_village, "county_admin")):
        assert confided(session, nobody).rows == []
        with pytest.raises(Refused, match="not_yours"):
            confided_one(session, nobody, "need", need.id)


def test_a_clerk_who_is_a_village_cadre_by_now_can_open_a_call_and_no_need(session, cast, chen, admin):
    things = [confides(session, cast, takes) for takes in (says, calls)]
    leaves(session, chen.person_id)
    session.add(StaffRole(person_id=chen.person_id, role="station_cadre", area_id=cast.village.id, since=NOW))
    session.flush()
    assert [(row.kind, row.stays) for row in confided(session, admin).rows] == [("need", False), ("help", True)]
    assert [door(session, chen, one.subject) for one in things] == ["secret", "open"]


def test_a_page_of_secrets_is_asked_for_in_as_many_questions_as_one(session, engine, cast, admin):
    confides(session, cast), confides(session, cast, says)
    session.flush()
    with statements(engine) as with_few:
        confided(session, admin)
    other = add_area(session, code="T9", name="岭脚乡", kind="township", parent=cast.county)
    where = [cast.wangnainai, *(lives(session, f"远{n}", other) for n in range(2))]
    joins(session, "岭脚干事", other)
    for n in range(SIZE):
        (calls if n % 2 else says)(session, where[1 + n % 2], SECRET, confidential=True)
    session.flush()
    session.expire_all()
    with statements(engine) as with_many:
        first = confided(session, admin)
    assert len(with_many) == len(with_few) <= 6
    second = confided(session, admin, first.after)
    assert (len(first.rows), len(second.rows), first.many) == (SIZE, 2, SIZE + 2)
    assert len({(row.kind, row.key) for row in (*first.rows, *second.rows)}) == SIZE + 2
    assert confided(session, admin, second.before).rows == first.rows


def test_behind_a_task_about_a_secret_is_what_each_may_do(session, cast, chen, admin):
    call, need, plain = confides(session, cast), confides(session, cast, says), calls(session, cast.who(cast.aming))
    second = joins(session, "周干事", cast.township)
    for secret in (call, need):
        assert [door(session, who, secret.subject) for who in (chen, admin, second)] == ["open", "confided", "secret"]
    assert [door(session, who, plain.subject) for who in (admin, cast.who(cast.li))] == ["open", ""]
    assert [door(session, admin, subject) for subject in ("help:999", "order:1")] == ["", ""]
    finish(session, chen, call.id, "好了", NOW)
    assert door(session, admin, call.subject) == "secret"


@pytest.mark.parametrize("takes", [calls, says], ids=["help", "need"])
def test_of_two_who_give_it_on_at_once_the_second_sees_first_what_the_other_did(open_session, engine, cast, takes):
    kind = "help" if takes is calls else "need"
    with open_session() as session, session.begin():
        admins = [joins(session, name, cast.county, "county_admin") for name in ("吴主任", "钱主任")]
        clerks = [joins(session, name, cast.township).person_id for name in ("周干事", "孙干事")]
        thing = confides(session, cast, takes)
        thing.holder_id = cast.chen.id
        key, seen = thing.id, thing.standing
    with one_waits(
        open_session, engine, lambda session: hand_on(session, admins[1], kind, key, clerks[1], seen, NOW)
    ) as (first, answer):
        hand_on(first, admins[0], kind, key, clerks[0], seen, NOW)
    assert answer() == "stale"
    with open_session() as session:
        assert confided_one(session, admins[0], kind, key).holder == "周干事"
        assert opened(session) == [(f"{kind}_triage", clerks[0])]
