"""No task falls out of all hands: who is gone holds none, who may not do one is not asked, who is back is told."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from handlers.people.befalling import mark
from models.family.ending import finish_past
from models.messages.letters import Letter
from models.people.staff import StaffRole, end_role, roles_of
from models.tasks import linking
from models.tasks.desk import tasks_for
from models.tasks.escalation import escalate
from models.tasks.holding import hold, wake_due
from models.tasks.taking import leave, takers
from models.tasks.tasks import Task
from tests.models.family.test_calls import SUNDAY_16, booked
from tests.models.family.test_carried_over import off_and_on_again, phoned
from tests.models.tasks.test_leaving import goes, in_hand, second
from tests.models.tasks.test_telling import china, letters, opened
from tests.world import NOW

__all__ = ["second"]
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def told_of(session, task):
    """Who has been written to about a task."""
    return set(session.scalars(select(Letter.person_id).where(Letter.subject == f"task:{task.id}")))


@pytest.mark.parametrize("verb", ["pause", "die", "move_away"])
def test_what_a_cadre_had_in_hand_who_is_gone_is_everybodys_and_they_hear(session, cast, second, verb):
    task = in_hand(session, cast)
    cast.li.area_id = cast.village.id
    session.flush()
    mark(session, cast.who(cast.chen), cast.li.id, verb, NOW + 5 * MINUTE)
    session.refresh(task)
    assert task.assignee_id is None
    assert task in tasks_for(session, second)
    assert second.person_id in told_of(session, task)
    later = opened(session, cast, 1, due_at=NOW + 4 * HOUR, assignee_id=cast.li.id)
    assert later.assignee_id is None


def test_what_became_of_a_call_is_asked_of_who_is_there_when_its_helper_has_left(session, cast, second):
    booked(session, cast)
    goes(session, cast)
    leave(session, cast.li.id, NOW + HOUR)
    finish_past(session, SUNDAY_16 + 5 * HOUR)
    task = session.scalars(select(Task).where(Task.kind == "call_outcome")).one()
    assert task.assignee_id is None
    assert second.person_id in told_of(session, task)
    assert cast.li.id not in told_of(session, task)


def test_a_phone_call_that_was_taken_back_is_to_be_made_when_the_call_is_on_again(session, cast):
    _, at, task = phoned(session, cast)
    off_and_on_again(session, cast, at + 5 * MINUTE)
    session.refresh(task)
    calls = select(Task.id).where(Task.kind == "phone_call", Task.subject == task.subject, Task.state == "open")
    assert (task.state, len(session.scalars(calls).all())) == ("cancelled", 1)


def test_who_may_not_do_it_is_not_asked_later_either(session, cast, second):
    others = {cast.li.id, second.person_id}
    task = opened(session, cast, 0, but_not=others, due_at=china(2026, 11, 25, 11))
    hold(session, cast.who(cast.chen), task.id, why="等老人出院", now=NOW)
    wake_due(session, NOW + timedelta(days=30))
    assert told_of(session, task) == {cast.chen.id}


def test_nor_when_it_is_late_and_it_is_not_handed_to_them(session, cast, second):
    task = opened(session, cast, 0, but_not={cast.chen.id}, due_at=china(2026, 11, 25, 11))
    escalate(session, china(2026, 12, 3, 12))
    assert cast.chen.id not in told_of(session, task)
    assert cast.chen.id not in {one.id for one in takers(session, task)}


def test_a_cadre_who_asks_for_a_link_of_their_own_is_not_asked_to_confirm_it(session, cast):
    made = linking.invite(session, cast.who(cast.chen), cast.wangnainai.id, NOW)
    linking.ask(session, cast.who(cast.li), made.code, "儿子", NOW)
    task = session.scalars(select(Task).where(Task.kind == "confirm_link")).one()
    hold(session, cast.who(cast.chen), task.id, why="等老人出院", now=NOW)
    wake_due(session, NOW + timedelta(days=30))
    assert told_of(session, task) == {cast.chen.id}


def test_who_left_and_is_back_is_told_of_what_is_nobodys(session, cast, second):
    opened(session, cast, 0, due_at=china(2026, 12, 25, 11))
    (role,) = roles_of(session, second.person_id)
    end_role(session, role, NOW + MINUTE)
    leave(session, second.person_id, NOW + MINUTE)
    session.add(StaffRole(person_id=second.person_id, role="grid_officer", area_id=cast.village.id, since=NOW + HOUR))
    for letter in letters(session, "assigned"):
        if letter.person_id == cast.li.id:
            letter.state = "delivered"
    session.flush()
    for role in roles_of(session, cast.li.id):
        end_role(session, role, NOW + 2 * HOUR)
    leave(session, cast.li.id, NOW + 2 * HOUR)
    planned = [one for one in letters(session, "assigned") if one.state == "planned"]
    assert [one.person_id for one in planned] == [second.person_id]


def test_who_comes_back_from_hospital_hears_of_what_is_nobodys(session, cast, second):
    """Also who was marked by a wrong tap, put right a minute later: their letters were taken back."""
    task = opened(session, cast, 0, due_at=china(2026, 12, 25, 11))
    cast.li.area_id = cast.village.id
    session.flush()
    for minutes, verb in ((1, "pause"), (2, "resume")):
        mark(session, cast.who(cast.chen), cast.li.id, verb, NOW + minutes * MINUTE)
    waits = [one.person_id for one in letters(session, "assigned") if one.state == "planned"]
    assert sorted(waits) == sorted({cast.li.id, second.person_id})
    assert told_of(session, task) == {cast.li.id, second.person_id}
