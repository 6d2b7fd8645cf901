"""What was still to be said when a call changes again: nobody is left with what they heard before."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update

from models.family.booking import move
from models.family.ending import cancel, undo
from models.family.joining import invite, leave
from models.family.keeping import who_is
from models.family.leaving import list_without_helper, take_over
from models.messages.letters import Letter
from models.people.staff import StaffRole
from models.tasks.tasks import Task
from models.tasks.undelivered import hand_over
from tests.models.family.test_calls import SUNDAY_16, booked
from tests.models.family.test_guests import joined
from tests.models.family.test_parting import second_helper
from tests.world import NOW

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


def of(session, person, *states):
    """What a person was written of calls, reminders apart: (word, state), the first first."""
    query = select(Letter).where(Letter.person_id == person.id, Letter.kind != "family.reminder").order_by(Letter.id)
    found = [(letter.kind.partition(".")[2], letter.state) for letter in session.scalars(query)]
    return [word for word, state in found if state in states] if states else found


def phoned(session, person, word):
    """The task of a cadre to say this to a person, whom no letter reached."""
    letter = session.scalars(select(Letter).where(Letter.person_id == person.id, Letter.kind == f"family.{word}")).one()
    letter.state = "dead"
    session.flush()
    return hand_over(session, letter, NOW)


def after(session, cast, call, what):
    me = cast.who(cast.xiaofang)
    if what == "move":
        move(session, me, call.id, SUNDAY_16 + DAY, NOW + 5 * MINUTE)
    else:
        cancel(session, me, call.id, "", NOW + 5 * MINUTE)
    if what == "undo":
        undo(session, me, call.id, NOW + 6 * MINUTE)


@pytest.mark.case("E1")
@pytest.mark.parametrize("what", ["move", "cancel", "undo"])
def test_a_guest_who_was_taken_off_hears_that_whatever_becomes_of_the_call_before(session, cast, what):
    call, roman, yorker = joined(session, cast)
    leave(session, cast.who(cast.xiaofang), call.id, yorker.id, NOW)
    leave(session, cast.who(cast.xiaofang), call.id, roman.id, NOW)
    task = phoned(session, roman, "uninvited")
    after(session, cast, call, what)
    assert of(session, yorker, "planned") == ["uninvited"]
    assert task.state == "open"


def test_a_guest_who_is_asked_again_does_not_hear_that_they_were_off(session, cast):
    call, _, yorker = joined(session, cast)
    leave(session, cast.who(cast.xiaofang), call.id, yorker.id, NOW)
    invite(session, cast.who(cast.xiaofang), call.id, yorker.id, NOW + MINUTE)
    assert of(session, yorker)[-2:] == [("uninvited", "withdrawn"), ("invited", "planned")]


@pytest.mark.parametrize("what", ["move", "cancel"])
def test_a_helper_whose_turn_it_is_no_more_hears_that_whatever_becomes_of_the_call_before(session, cast, what):
    call = booked(session, cast)
    helper = second_helper(session, cast)
    booked_for_li = session.scalars(
        select(Letter).where(Letter.person_id == cast.li.id, Letter.kind == "family.booked")
    )
    booked_for_li.one().state = "delivered"
    session.execute(delete(StaffRole).where(StaffRole.person_id == cast.li.id))
    move(session, cast.who(cast.xiaofang), call.id, SUNDAY_16 + 2 * DAY, NOW)
    assert (call.helper_id, of(session, cast.li, "planned")) == (helper.id, ["cancelled"])
    after(session, cast, call, what)
    assert of(session, cast.li, "planned") == ["cancelled"]


@pytest.mark.parametrize("reached", [True, False])
def test_who_had_still_to_hear_of_a_time_does_when_another_helps(session, cast, reached):
    call, roman, yorker = joined(session, cast)
    helper = second_helper(session, cast)
    session.execute(update(Letter).where(Letter.kind == "family.invited").values(state="delivered"))
    move(session, cast.who(cast.xiaofang), call.id, SUNDAY_16 + DAY, NOW)
    task = phoned(session, roman, "changed")
    if reached:
        told = session.scalars(select(Letter).where(Letter.person_id == yorker.id, Letter.kind == "family.changed"))
        told.one().state = "delivered"
    session.execute(delete(StaffRole).where(StaffRole.person_id == cast.li.id))
    list_without_helper(session, NOW)
    (todo,) = session.scalars(select(Task).where(Task.kind == "series_helper")).all()
    take_over(session, who_is(helper), todo.id, NOW + MINUTE)
    session.refresh(task)
    assert (task.state, of(session, roman, "planned")) == ("cancelled", ["changed"])
    assert of(session, yorker, "planned") == ([] if reached else ["changed"])
    assert of(session, cast.xiaofang, "planned") == []  # she moved it herself


@pytest.mark.parametrize("state", ["planned", "delivered"])
def test_a_helper_who_has_not_heard_of_a_call_that_was_off_for_a_minute_does(session, cast, state):
    call = booked(session, cast)
    first = session.scalars(select(Letter).where(Letter.person_id == cast.li.id, Letter.kind == "family.booked")).one()
    first.state = state
    session.flush()
    cancel(session, cast.who(cast.xiaofang), call.id, "", NOW + MINUTE / 3)
    undo(session, cast.who(cast.xiaofang), call.id, NOW + MINUTE)
    assert of(session, cast.li, "planned") == (["booked"] if state == "planned" else [])
    assert of(session, cast.xiaofang, "planned") == []
