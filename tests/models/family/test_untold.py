"""What a cadre was to tell in a letter's place, and is not true any more: nobody phones an old time around."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy import select

from models.family.booking import move
from models.family.ending import cancel
from models.family.joining import leave
from models.family.telling import facts_of, remind
from models.messages.letters import Letter
from models.tasks.desk import finish
from models.tasks.tasks import Task
from models.tasks.undelivered import hand_over
from tests.models.family.test_calls import SUNDAY_16, booked, reminders
from tests.models.family.test_guests import joined
from tests.world import NOW


def untold(session, call, person, state="dead", kind=None):
    """The task to tell this person what their (first) letter about the call could not."""
    query = select(Letter).where(Letter.subject == call.subject, Letter.person_id == person.id).order_by(Letter.id)
    letter = session.scalars(query.where(Letter.kind == kind) if kind else query).first()
    letter.state = state
    session.flush()
    return hand_over(session, letter, NOW)


@pytest.mark.case("E1")
@pytest.mark.parametrize("state", ["dead", "missed", "needs_check"])
def test_a_moved_call_is_not_told_with_its_old_time(session, cast, state):
    call = booked(session, cast)
    task = untold(session, call, cast.xiaofang, state, "family.reminder")
    move(session, cast.who(cast.xiaofang), call.id, SUNDAY_16 + timedelta(days=1), NOW)
    session.refresh(task)
    assert task.state == "cancelled"
    letter = reminders(session, call)[0]
    letter.state = state
    of_the_new_time = hand_over(session, letter, NOW)
    remind(session, call, facts_of(session, call), NOW)
    session.refresh(of_the_new_time)
    assert of_the_new_time.state == "open"


def test_who_has_not_heard_of_a_call_hears_of_it_where_it_was_moved_there_and_back(session, cast):
    call = booked(session, cast)
    untold(session, call, cast.li, kind="family.booked")
    move(session, cast.who(cast.xiaofang), call.id, SUNDAY_16 + timedelta(days=1), NOW)
    move(session, cast.who(cast.xiaofang), call.id, SUNDAY_16, NOW)
    waits = select(Letter).where(Letter.kind == "family.changed", Letter.state == "planned")
    assert [(one.person_id, one.revision) for one in session.scalars(waits)] == [(cast.li.id, 2)]


def test_a_call_that_is_off_is_told_as_such_and_no_more_as_one_to_come(session, cast):
    call = booked(session, cast)
    task = untold(session, call, cast.li, kind="family.booked")
    cancel(session, cast.who(cast.xiaofang), call.id, "临时有事", NOW)
    session.refresh(task)
    assert task.state == "cancelled"
    off = session.scalars(select(Letter).where(Letter.kind == "family.cancelled")).one()
    assert (off.person_id, off.state) == (cast.li.id, "planned")


def test_who_leaves_a_call_takes_only_their_own_task_along(session, cast):
    call, roman, _ = joined(session, cast)
    theirs, hers = untold(session, call, roman), untold(session, call, cast.xiaofang, kind="family.reminder")
    leave(session, cast.who(roman), call.id, roman.id, NOW)
    assert [session.get_one(Task, one.id, populate_existing=True).state for one in (theirs, hers)] == [
        "cancelled", "open",
    ]  # fmt: skip


def test_who_told_it_at_the_moment_it_is_called_off_has_told_it_and_it_is_off(open_session, cast):
    with open_session() as session, session.begin():
        call = booked(session, cast)
        tasks = [untold(session, call, cast.li, kind="family.booked").id]
        key = call.id
    both, failures = Barrier(2), list[BaseException]()

    def at_once(deed):
        try:
            with open_session() as session, session.begin():
                both.wait(10)
                deed(session)
        except BaseException as error:
            failures.append(error)

    deeds = [
        lambda session: finish(session, cast.who(cast.chen), tasks[0], NOW),
        lambda session: cancel(session, cast.who(cast.xiaofang), key, "", NOW),
    ]
    threads = [Thread(target=at_once, args=(deed,)) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert {getattr(error, "code", error) for error in failures} <= {"wrong_state"}  # the cadre came too late
    with open_session() as session:
        state = session.get_one(Task, tasks[0]).state
        assert (state, session.scalar(select(Letter.id).where(Letter.kind == "family.cancelled")) is not None) == (
            "cancelled" if failures else "done", True,
        )  # fmt: skip
