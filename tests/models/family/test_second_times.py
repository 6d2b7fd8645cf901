"""What happens to a call a second time is said and asked a second time; a question stands as long as its call does."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, select

from models.family import devices
from models.family.booking import move
from models.family.calls import CALL, FamilyCall
from models.family.changing import accept, decline
from models.family.closing import list_shut_out
from models.family.ending import cancel, finish_past, undo
from models.family.joining import invite
from models.family.keeping import who_is
from models.family.leaving import list_without_helper, take_over
from models.family.out_of_service import mend
from models.family.outcomes import arrive, report
from models.family.reseating import to_reserve
from models.family.shutting import open_again
from models.family.told import tell_in_person, telling_of
from models.family.ways import choose
from models.life import By
from models.messages.letters import Letter
from models.people.staff import StaffRole
from models.tasks.desk import finish
from models.tasks.tasks import TASK, Task
from models.tasks.undelivered import hand_over
from tests.models.family.test_call_days import families, made
from tests.models.family.test_calls import SUNDAY_16, booked, sister
from tests.models.family.test_changing import asked
from tests.models.family.test_out_of_service import alone, out
from tests.models.family.test_outcomes import became
from tests.models.family.test_parting import second_helper
from tests.models.family.test_shutting import closed, outcomes, pick
from tests.models.family.test_ways import DAY_BEFORE, OFFERED, rung
from tests.world import NOW

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
AFTER = SUNDAY_16 + 25 * MINUTE


def states(session, kind):
    """The states of the tasks of a kind, in the order in which they were opened."""
    return list(session.scalars(select(Task.state).where(Task.kind == kind).order_by(Task.id)))


def living(session, kind):
    """The task of a kind that is still to be done."""
    query = select(Task).where(Task.kind == kind, Task.state.not_in(TASK.ends))
    return session.scalars(query, execution_options={"populate_existing": True}).one()


def planned(session, kind, person=None):
    """The letters of a kind that are still to go, to this person."""
    query = select(Letter).where(Letter.kind == kind, Letter.state == "planned").order_by(Letter.id)
    found = session.scalars(query, execution_options={"populate_existing": True}).all()
    return [one for one in found if person is None or one.person_id == person.id]


def words_to(session, person):
    """What is still to be said to a person, reminders apart."""
    query = select(Letter.kind).where(
        Letter.person_id == person.id, Letter.state == "planned", Letter.kind != "family.reminder"
    )
    return list(session.scalars(query.order_by(Letter.id)))


def phoned(session, letter, now=NOW):
    """The task of a cadre to say what a letter could not."""
    letter.state = "dead"
    session.flush()
    return hand_over(session, letter, now)


def another_helps(session, cast, helper):
    """李站长 is a cadre no more, and `helper` takes the calls over."""
    session.execute(delete(StaffRole).where(StaffRole.person_id == cast.li.id))
    list_without_helper(session, NOW)
    take_over(session, who_is(helper), living(session, "series_helper").id, NOW + MINUTE)


def off_and_on(session, who, call):
    """A call is cancelled, and that is taken back."""
    cancel(session, who, call.id, "说错了", NOW + MINUTE)
    undo(session, who, call.id, NOW + 2 * MINUTE)


def test_an_elder_reported_absent_a_second_time_is_looked_after(session, cast):
    call = booked(session, cast)
    became(session, cast, call, "resident_no_show", AFTER)
    became(session, cast, call, "relative_no_show", AFTER + MINUTE)
    became(session, cast, call, "resident_no_show", AFTER + 2 * MINUTE)
    assert (call.state, states(session, "elder_absent")) == ("resident_no_show", ["cancelled", "open"])
    became(session, cast, call, "neither_came", AFTER + 3 * MINUTE)
    assert states(session, "elder_absent") == ["cancelled", "open"]
    finish(session, cast.who(cast.li), living(session, "elder_absent").id, AFTER + 4 * MINUTE)
    became(session, cast, call, "resident_no_show", AFTER + 5 * MINUTE)
    assert states(session, "elder_absent") == ["cancelled", "done"]  # somebody has looked


def test_a_call_of_which_only_the_arrival_was_told_late_is_still_asked_about(session, cast):
    call = booked(session, cast)
    late = call.ends_at + 2 * HOUR + MINUTE
    finish_past(session, late)
    arrive(session, cast.who(cast.li), call.id, call.starts_at, late + MINUTE)
    finish_past(session, late + 2 * MINUTE)
    assert (call.state, states(session, "call_outcome")) == ("unreported", ["cancelled", "open"])


@pytest.mark.case("E1")
@pytest.mark.parametrize("how", ["off_and_on", "helper", "move"])
def test_a_guest_who_has_not_heard_that_they_are_asked_does(session, cast, how):
    call, roman, helper = booked(session, cast), sister(session, cast), second_helper(session, cast)
    invite(session, cast.who(cast.xiaofang), call.id, roman.id, NOW)
    if how == "off_and_on":
        off_and_on(session, cast.who(cast.xiaofang), call)
    elif how == "helper":
        another_helps(session, cast, helper)
    else:
        move(session, cast.who(cast.xiaofang), call.id, SUNDAY_16 + DAY, NOW + MINUTE)
    assert words_to(session, roman) == ["family.invited"]
    (said,) = planned(session, "family.invited")
    assert (said.facts["by"], said.facts["starts_at"]) == ("小芳", call.starts_at.isoformat())


@pytest.mark.parametrize("how", ["off_and_on", "helper"])
def test_a_family_that_has_not_heard_that_it_is_seated_does(session, cast, how):
    ((relative, _),) = families(session, cast, 1)
    helper, day = second_helper(session, cast), made(session, cast)
    on_it = FamilyCall.call_day_id == day.id, FamilyCall.relative_id == relative.id
    call = session.scalars(select(FamilyCall).where(*on_it)).one()
    if how == "off_and_on":
        off_and_on(session, cast.who(cast.li), call)
    else:
        another_helps(session, cast, helper)
    assert words_to(session, relative) == ["family.seated"]


def test_moved_there_and_back_after_only_a_reminder_of_the_new_time_is_told(session, cast):
    call = booked(session, cast)
    planned(session, "family.booked", cast.li)[0].state = "delivered"
    move(session, cast.who(cast.xiaofang), call.id, SUNDAY_16 - 2 * HOUR, NOW)
    planned(session, "family.changed", cast.li)[0].state = "missed"
    reminder = planned(session, "family.reminder", cast.li)[0]
    reminder.state = "delivered"
    session.flush()
    move(session, cast.who(cast.xiaofang), call.id, SUNDAY_16, reminder.due_at + HOUR)
    assert words_to(session, cast.li) == ["family.changed"]


def test_a_question_to_the_family_outlives_a_change_of_helper(session, cast):
    call, helper = booked(session, cast), second_helper(session, cast)
    question = asked(session, cast, call, otherwise="cancel")
    another_helps(session, cast, helper)
    assert len(planned(session, "family.asked_to_move", cast.xiaofang)) == 1
    accept(session, cast.who(cast.xiaofang), question.id, NOW + 2 * MINUTE)
    assert (call.starts_at, planned(session, "family.asked_to_move")) == (question.starts_at, [])


def test_a_second_question_takes_back_the_first_and_an_answer_the_last(session, cast):
    call = booked(session, cast)
    asked(session, cast, call)
    task = phoned(session, planned(session, "family.asked_to_move")[0])
    asked(session, cast, call, SUNDAY_16 + 2 * DAY, now=NOW + MINUTE)
    last = asked(session, cast, call, SUNDAY_16 + 3 * DAY, now=NOW + 2 * MINUTE)
    assert len(planned(session, "family.asked_to_move")) == 1
    session.refresh(task)
    assert task.state == "cancelled"
    decline(session, cast.who(cast.xiaofang), last.id, NOW + 3 * MINUTE)
    assert planned(session, "family.asked_to_move") == []


def test_a_call_shut_out_by_another_closure_is_laid_before_a_cadre_again_and_by_the_same_is_not(session, cast):
    call = booked(session, cast)
    closure = closed(session, cast, pick(keep=[call]))
    list_shut_out(session, NOW)
    finish(session, cast.who(cast.li), living(session, "closure").id, NOW + MINUTE)
    assert list_shut_out(session, NOW + 2 * MINUTE) == 0
    open_again(session, cast.who(cast.li), closure.id, NOW + HOUR)
    list_shut_out(session, NOW + HOUR)
    again = closed(session, cast, pick(keep=[call]), key="c2", now=NOW + 2 * HOUR)
    list_shut_out(session, NOW + 2 * HOUR)
    assert (outcomes(session, again), states(session, "closure")) == ({call.id: "kept"}, ["done", "open"])


def test_a_screen_that_breaks_a_second_time_is_laid_before_a_cadre_again(session, cast):
    call = booked(session, cast)
    alone(session, cast)
    first = out(session, cast, pick(keep=[call]))
    list_shut_out(session, NOW)
    finish(session, cast.who(cast.li), living(session, "screen_out").id, NOW + MINUTE)
    mend(session, cast.who(cast.li), first.id, NOW + HOUR)
    list_shut_out(session, NOW + HOUR)
    out(session, cast, pick(keep=[call]), key="o2", now=NOW + 2 * HOUR)
    list_shut_out(session, NOW + 2 * HOUR)
    assert states(session, "screen_out") == ["done", "open"]


def test_a_call_that_has_been_held_is_not_phoned_around(session, cast):
    call = booked(session, cast)
    task = phoned(session, planned(session, "family.reminder", cast.xiaofang)[-1], SUNDAY_16 - HOUR)
    CALL.move(session, call, "start", by=By(cast.li.id, "cadre"), now=SUNDAY_16)
    finish_past(session, call.ends_at + 3 * HOUR)
    session.refresh(task)
    assert (call.state, task.state) == ("completed", "cancelled")


def test_a_call_goes_to_the_reserve_again_after_that_was_cancelled(session, cast):
    families(session, cast, 1)
    day, me = made(session, cast), cast.who(cast.li)
    call = session.scalars(select(FamilyCall).where(FamilyCall.call_day_id == day.id)).first()
    at = call.starts_at + 25 * MINUTE
    report(session, me, call.id, "relative_no_show", at, at)
    first = to_reserve(session, me, call.id, at)
    assert to_reserve(session, me, call.id, at).id == first.id
    cancel(session, me, first.id, "说错了", at + MINUTE)
    second = to_reserve(session, me, call.id, at + 5 * MINUTE)
    assert (second.id != first.id, second.state) == (True, "booked")


def test_a_phone_that_may_not_be_rung_any_more_is_a_task_a_second_time(session, cast):
    call = rung(session, cast)
    devices.look_ahead(session, DAY_BEFORE)
    devices.said(session, call, cast.xiaofang.id, "granted", DAY_BEFORE + MINUTE)
    devices.said(session, call, cast.xiaofang.id, "gone", DAY_BEFORE + HOUR)
    assert [devices.look_ahead(session, DAY_BEFORE + n * HOUR) for n in (2, 3)] == [1, 0]
    assert states(session, "device_grant") == ["cancelled", "open"]


@pytest.mark.parametrize("then", ["link", "completed"])
def test_a_device_that_is_not_to_ring_any_more_needs_no_leave(session, cast, then):
    call = rung(session, cast)
    devices.look_ahead(session, DAY_BEFORE)
    if then == "link":
        choose(session, cast.who(cast.li), call.id, "link", "video", OFFERED, DAY_BEFORE)
    else:
        became(session, cast, call, "completed", AFTER)
    assert states(session, "device_grant") == ["cancelled"]


@pytest.mark.parametrize("how", ["off_and_on", "helper"])
def test_an_elder_who_was_told_of_a_time_that_stands_need_not_be_told_again(session, cast, how):
    call, helper = booked(session, cast), second_helper(session, cast)
    first = tell_in_person(session, cast.who(cast.li), call.id, "visit", NOW)
    if how == "off_and_on":
        off_and_on(session, cast.who(cast.xiaofang), call)
    else:
        another_helps(session, cast, helper)
    told = telling_of(session, call)
    assert (told.revision, told.by_id, told.at) == (1, first.by_id, first.at)
    move(session, cast.who(cast.xiaofang), call.id, SUNDAY_16 + DAY, NOW + HOUR)
    assert telling_of(session, call) is None
