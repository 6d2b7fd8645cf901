"""A cadre who works there no more: what they had in hand is everybody's again, and nothing of it reaches them."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.history import history_of
from models.messages.letters import Letter
from models.ordering.complaints import complain, settle
from models.people.identities import Who
from models.people.persons import Person
from models.people.staff import StaffRole, end_role, roles_of
from models.tasks import linking, taking
from models.tasks.desk import task_for, tasks_for
from models.tasks.escalation import escalate
from models.tasks.looking import load_of
from models.tasks.taking import Seen, leave
from models.tasks.undelivered import hand_over
from tests.models.ordering.test_dispatch import ordered
from tests.models.tasks.test_holding import DUE, held
from tests.models.tasks.test_telling import china, letters, opened
from tests.world import NOW

HOUR = timedelta(hours=1)
SOON = NOW + HOUR


@pytest.fixture
def second(session, cast):
    """小赵 works in the same village."""
    person = Person(code="p-second", name="小赵", time_zone="Asia/Shanghai", area_id=cast.village.id, created_at=NOW)
    session.add(person)
    session.flush()
    session.add(StaffRole(person_id=person.id, role="grid_officer", area_id=cast.village.id, since=NOW))
    session.flush()
    return Who(person.id, 0, person.name, person.time_zone, "", "")


def goes(session, cast, to=None):
    """李站长's role ends; `to`: begins in another area."""
    for role in roles_of(session, cast.li.id):
        end_role(session, role, SOON)
    if to is not None:
        session.add(StaffRole(person_id=cast.li.id, role="station_cadre", area_id=to.id, since=SOON))
        session.flush()


def in_hand(session, cast, n=0, **more):
    task = opened(session, cast, n, kind="phone_call", due_at=NOW + 4 * HOUR, **more)
    return taking.acknowledge(session, cast.who(cast.li), task.id, Seen("open", None), NOW)


@pytest.mark.case("L2")
def test_who_went_to_another_village_leaves_what_was_in_hand_on_the_lists_of_those_who_stay(session, cast, second):
    task = in_hand(session, cast)
    assert tasks_for(session, second) == []
    goes(session, cast, to=cast.other_village)
    assert tasks_for(session, cast.who(cast.li)) == []
    assert tasks_for(session, second) == [task]


@pytest.mark.case("L2")
def test_those_who_stay_are_told_of_it_and_it_is_to_be_taken_on(session, cast, second):
    task = in_hand(session, cast)
    goes(session, cast)
    assert leave(session, cast.li.id, SOON) == 1
    assert leave(session, cast.li.id, SOON) == 0
    assert (task.state, task.assignee_id) == ("open", None)
    first, again = letters(session, "assigned", second.person_id)
    assert (first.state, again.state, again.urgency) == ("withdrawn", "planned", "same_day")
    assert history_of(session, "task:1")[-1].verb == "leave"


@pytest.mark.case("L2")
def test_what_waited_for_a_resident_goes_on_with_the_time_that_was_left(session, cast, second):
    task = held(session, cast, assignee_id=cast.li.id)
    goes(session, cast)
    leave(session, cast.li.id, china(2026, 11, 26, 10))
    assert (task.state, task.assignee_id, task.due_at) == ("open", None, china(2026, 11, 27, 11))


@pytest.mark.case("L2")
def test_what_was_to_tell_who_has_gone_is_taken_back_and_the_others_hear_of_it(session, cast, second):
    for n in range(5):
        opened(session, cast, n)
    goes(session, cast)
    leave(session, cast.li.id, SOON)
    kinds = ("tasks.assigned", "tasks.digest")
    waiting = select(Letter).where(Letter.kind.in_(kinds), Letter.state == "planned")
    readers = [letter.person_id for letter in session.scalars(waiting)]
    assert readers == [second.person_id] * 4  # three one by one, and the morning's


@pytest.mark.case("L2")
def test_who_still_works_above_keeps_what_they_have_and_hears_of_it(session, cast, second):
    task = in_hand(session, cast)
    opened(session, cast, 1)
    goes(session, cast, to=cast.county)
    assert leave(session, cast.li.id, SOON) == 0
    assert task.assignee_id == cast.li.id
    assert tasks_for(session, second) != [task]
    assert [letter.state for letter in letters(session, "assigned", cast.li.id)][-1] == "planned"


@pytest.mark.case("L2")
def test_where_the_only_cadre_leaves_the_next_above_hear_of_what_is_open_and_nobodys_once(session, cast):
    """Else nobody would be told of it until it is overdue, and then those above them."""
    pressing = opened(session, cast, 0, kind="phone_call", due_at=NOW + 4 * HOUR)
    usual = [opened(session, cast, n) for n in range(1, 6)]  # some of them in the digest of who goes
    waits = held(session, cast, n=9)
    assert letters(session, "assigned", cast.chen.id) == []
    goes(session, cast)
    for _ in range(2):
        leave(session, cast.li.id, SOON)
    told = letters(session, "assigned", cast.chen.id)
    named = {one.facts["task"] for one in told}
    for digest in letters(session, "digest", cast.chen.id):
        named |= {item["task"] for item in digest.facts["items"]}
        assert len(digest.facts["items"]) == len({item["task"] for item in digest.facts["items"]})
    assert named == {pressing.id, *(task.id for task in usual)}
    assert len(told) == len({one.facts["task"] for one in told})
    assert waits.id not in named
    assert {one.state for one in letters(session, "assigned", cast.li.id)} == {"withdrawn"}


@pytest.mark.case("L2")
def test_who_may_not_do_a_task_is_not_told_of_it_because_another_leaves(session, cast, second):
    """Who asked for a link does not confirm it: the next above are told."""
    task = opened(session, cast, 0, but_not={second.person_id})
    assert [one.person_id for one in letters(session, "assigned")] == [cast.li.id]
    goes(session, cast)
    leave(session, cast.li.id, SOON)
    assert [one.person_id for one in letters(session, "assigned") if one.state == "planned"] == [cast.chen.id]
    assert task.assignee_id is None


@pytest.mark.case("L2")
def test_what_stands_in_a_digest_that_was_begun_days_before_is_not_named_twice(session, cast, second):
    friday, saturday = china(2026, 11, 27, 10), china(2026, 11, 28, 10)
    for n in range(4):
        opened(session, cast, n, now=friday, due_at=china(2026, 12, 4, 10))
    for n in range(4, 8):
        opened(session, cast, n, now=saturday, due_at=china(2026, 12, 4, 10))
    named = [[item["task"] for item in one.facts["items"]] for one in letters(session, "digest", second.person_id)]
    for role in roles_of(session, cast.li.id):
        end_role(session, role, saturday + HOUR)
    leave(session, cast.li.id, saturday + HOUR)
    after = letters(session, "digest", second.person_id)
    assert [[item["task"] for item in one.facts["items"]] for one in after] == named


@pytest.mark.case("L2")
def test_where_others_stay_and_have_heard_nobody_is_told_again(session, cast, second):
    for n in range(6):
        opened(session, cast, n)
    before = len(letters(session, "assigned")), len(letters(session, "digest"))
    goes(session, cast)
    leave(session, cast.li.id, SOON)
    assert (len(letters(session, "assigned")), len(letters(session, "digest"))) == before


@pytest.mark.case("J20")
def test_handed_over_while_it_waits_it_is_due_later_by_the_time_that_it_waited(session, cast, second):
    task = held(session, cast)
    later = china(2026, 12, 3, 10)
    taking.hand_over(session, cast.who(cast.li), task.id, Seen("on_hold", None), second.person_id, later)
    assert (task.state, task.assignee_id, task.wake_at) == ("open", second.person_id, None)
    assert task.due_at > later > DUE
    assert letters(session, "assigned", second.person_id)[-1].facts["due_at"] == task.due_at.isoformat()
    assert escalate(session, later + timedelta(minutes=1)) == 0


@pytest.mark.case("J20")
def test_what_waits_for_a_resident_is_not_due_today(session, cast):
    held(session, cast)
    opened(session, cast, 1, due_at=china(2026, 12, 3, 12))
    (load,) = load_of(session, cast.who(cast.li), china(2026, 12, 3, 10), china(2026, 12, 4, 0))
    assert (load.late, load.today, load.later) == (0, 1, 0)


# Whose task it is to tell what a letter could not.


def dead(session, letter):
    letter.state = "dead"
    session.flush()
    return hand_over(session, letter, NOW)


@pytest.mark.case("L1")
def test_what_came_of_a_complaint_is_told_by_those_who_settled_it_and_not_by_the_station_it_may_be_about(session, cast):
    order = ordered(session, cast)
    made = complain(session, cast.who(cast.xiaofang), order.id, "李站长态度不好", NOW)
    settle(session, cast.who(cast.chen), made.id, "已批评李站长", NOW)
    task = dead(session, session.scalars(select(Letter).where(Letter.kind == "ordering.complaint_settled")).one())
    assert task.area_id == made.area_id != cast.village.id
    assert cast.li.id not in {one.id for one in taking.takers(session, task)}
    assert task_for(session, cast.who(cast.chen), task.id) is task


@pytest.mark.case("L1")
@pytest.mark.parametrize("known", [True, False])
def test_it_is_theirs_where_the_person_lives_of_whom_it_speaks_and_the_readers_own_where_nobody_knows(
    session, cast, known
):
    link = linking.invite(session, cast.who(cast.zhao), cast.grandpa.id, NOW)
    asked = linking.ask(session, cast.who(cast.xiaofang), link.code, "邻居", NOW)
    linking.answer(session, cast.who(cast.zhao), asked.id, "confirm", NOW)
    if not known:
        session.get_one(Person, cast.grandpa.id).area_id = None
    task = dead(session, session.scalars(select(Letter).where(Letter.kind == "people.link_confirmed")).one())
    assert task.area_id == (cast.other_village if known else cast.village).id
