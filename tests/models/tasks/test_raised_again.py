"""Who is above hears that a task is overdue although it goes to another cadre or waits, and hears it once."""

from datetime import timedelta

from sqlalchemy import select

from models.messages.letters import Letter
from models.people.staff import end_role, roles_of
from models.tasks.escalation import Escalation, escalate
from models.tasks.holding import hold, wake_due
from models.tasks.taking import Seen, hand_over, leave
from tests.models.family.test_parting import colleague, second_helper
from tests.models.tasks.test_telling import opened
from tests.world import NOW

MINUTE = timedelta(minutes=1)
LONG_AGO = NOW - timedelta(days=4)  # a working day and more


def escalated(session, *states):
    query = select(Letter.person_id).where(Letter.kind == "tasks.escalated", Letter.state.in_(states or ("planned",)))
    return sorted(session.scalars(query))


def overdue(session, cast, *others):
    """A task that has gone up to the township, whose cadres (the clerk and these) have not heard of it yet."""
    task = opened(session, cast, kind="confirm_link", now=LONG_AGO, due_at=LONG_AGO)
    assert escalate(session, NOW) >= 1
    assert escalated(session) == sorted(one.id for one in (cast.chen, *others))
    return task


def seen(task):
    return Seen(task.state, task.assignee_id)


def waited(session, cast, task):
    hold(session, cast.who(cast.li), task.id, why="等家属", now=NOW, wake_at=NOW + 5 * MINUTE)
    assert escalated(session) == []
    wake_due(session, NOW + 6 * MINUTE)
    session.refresh(task)
    assert task.due_at < NOW


def second_above(session, cast):
    """Another cadre of the township."""
    return colleague(session, "镇上的小周", "township_clerk", cast.township)


def test_who_is_above_hears_of_an_overdue_task_though_it_is_handed_over(session, cast):
    helper, task = second_helper(session, cast), overdue(session, cast)
    hand_over(session, cast.who(cast.li), task.id, seen(task), helper.id, NOW + MINUTE)
    escalate(session, NOW + 60 * MINUTE)
    assert escalated(session) == [cast.chen.id]


def test_who_is_above_and_is_given_the_task_hears_that_it_is_theirs_and_not_that_it_is_overdue_too(session, cast):
    other = second_above(session, cast)
    task = overdue(session, cast, other)
    hand_over(session, cast.who(cast.li), task.id, seen(task), cast.chen.id, NOW + MINUTE)
    assert escalated(session) == [other.id]


def test_who_is_above_hears_of_it_though_its_cadre_works_there_no_more(session, cast):
    second_helper(session, cast)
    task = overdue(session, cast)
    task.assignee_id = cast.li.id
    for role in roles_of(session, cast.li.id):
        end_role(session, role, NOW)
    assert leave(session, cast.li.id, NOW) == 1
    assert escalated(session) == [cast.chen.id]


def test_what_is_overdue_again_after_it_waited_goes_up_again(session, cast):
    task = overdue(session, cast)
    waited(session, cast, task)
    escalate(session, NOW + 10 * MINUTE)
    assert escalated(session) == [cast.chen.id]
    waited(session, cast, task)
    escalate(session, NOW + 10 * MINUTE)
    assert escalated(session) == [cast.chen.id]


def test_who_has_heard_before_it_waited_is_not_told_again_and_the_others_are(session, cast):
    other = second_above(session, cast)
    task = overdue(session, cast, other)
    first = session.scalars(select(Letter).where(Letter.kind == "tasks.escalated", Letter.person_id == cast.chen.id))
    first.one().state = "delivered"
    waited(session, cast, task)
    escalate(session, NOW + 10 * MINUTE)
    assert (escalated(session), escalated(session, "delivered")) == ([other.id], [cast.chen.id])


def test_what_all_above_have_heard_is_no_step_again(session, cast):
    task = overdue(session, cast)
    session.scalars(select(Letter).where(Letter.kind == "tasks.escalated")).one().state = "delivered"
    waited(session, cast, task)
    assert session.scalars(select(Escalation.task_id)).all() == [task.id]
    assert escalate(session, NOW + 10 * MINUTE) == 0
