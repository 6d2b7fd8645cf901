"""A reminder that was due and is still to be heard outlives a change that leaves its time as it is."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.family.booking import move
from models.family.ending import cancel, undo
from models.family.keeping import who_is
from models.family.leaving import list_without_helper, take_over
from models.family.telling import remind_these
from models.life import By
from models.messages.letters import Letter
from models.messages.looking import resend
from models.messages.outcomes import Failed, Sent
from models.messages.passage import give_up
from models.messages.receipts import record_receipt
from models.messages.rules import Rule, put_rule
from models.register import LIVES
from models.tasks.desk import finish
from models.tasks.tasks import Task
from models.tasks.undelivered import hand_over, receipt_came
from tests.cast import APP_ID
from tests.models.family.in_turn import one_comes_between
from tests.models.family.test_calls import SUNDAY_16, booked
from tests.models.family.test_leaving import goes_elsewhere
from tests.models.family.test_parting import second_helper
from tests.models.messages.test_outbox import claimed, settled

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
BUSY = Failed("broken", "45009", pause_seconds=1800, scope="account")


def due(session, cast):
    """Her first reminder of a call, and everything else has arrived."""
    call = booked(session, cast)
    hers = select(Letter).where(Letter.person_id == cast.xiaofang.id, Letter.kind == "family.reminder")
    letter = session.scalars(hers.order_by(Letter.due_at)).first()
    for other in session.scalars(select(Letter).where(Letter.kind != "family.reminder")):
        other.state = "delivered"
    assert letter.id in {carried.id for carried in claimed(session, now=letter.due_at).letters}
    return call, letter


def phoned(session, cast):
    """The same, and nothing brings it to her: the letter, when it was due, and the cadre's task."""
    _, letter = due(session, cast)
    give_up(letter, letter.due_at)
    session.flush()
    return letter, letter.due_at, hand_over(session, letter, letter.due_at)


def another_helps(session, cast, at):
    helper = second_helper(session, cast)
    goes_elsewhere(session, cast.li, cast.other_village)
    list_without_helper(session, at)
    (task,) = session.scalars(select(Task).where(Task.kind == "series_helper", Task.state == "open"))
    assert take_over(session, who_is(helper), task.id, at) == (1, 0)


def off_and_on_again(session, cast, at):
    (call,) = session.scalars(select(Letter.subject).where(Letter.kind == "family.reminder").limit(1))
    key = int(call.partition(":")[2])
    cancel(session, cast.who(cast.xiaofang), key, "", at)
    undo(session, cast.who(cast.xiaofang), key, at + MINUTE)


def said_of(session, cast, since, until):
    """How often she is reminded in that time."""
    mine = cast.identities[cast.xiaofang.id].openid
    found, at = 0, since
    while at < until:
        carried = claimed(session, now=at).letters
        found += sum((one.kind, one.openid) == ("family.reminder", mine) for one in carried)
        at += 10 * MINUTE
    return found


CHANGES = pytest.mark.parametrize("change", [another_helps, off_and_on_again])


@CHANGES
def test_what_waits_goes_all_the_same(session, cast, change):
    call, letter = due(session, cast)
    at = letter.due_at
    settled(session, letter, BUSY, now=at)
    change(session, cast, at + 5 * MINUTE)
    session.refresh(call)
    assert (call.revision, call.starts_at) == (1, SUNDAY_16)
    assert said_of(session, cast, at + 10 * MINUTE, SUNDAY_16 - 70 * MINUTE) == 1
    session.refresh(letter)
    assert letter.facts["relative_zone"] == cast.xiaofang.time_zone


@CHANGES
def test_what_is_on_its_way_goes_again_when_it_fails(session, cast, change):
    _, letter = due(session, cast)
    at = letter.due_at
    settled(session, letter, Sent("1", "好"), now=at)
    change(session, cast, at + 5 * MINUTE)
    record_receipt(session, APP_ID, "1", "failed: system failed", at + 7 * MINUTE)
    session.refresh(letter)
    assert (letter.state, letter.unwanted) == ("retry", False)
    assert said_of(session, cast, at + 10 * MINUTE, SUNDAY_16 - 70 * MINUTE) == 1


@CHANGES
def test_what_has_arrived_is_not_said_twice(session, cast, change):
    _, letter = due(session, cast)
    at = letter.due_at
    settled(session, letter, Sent("1", "好"), now=at)
    record_receipt(session, APP_ID, "1", "success", at)
    change(session, cast, at + 5 * MINUTE)
    assert said_of(session, cast, at + 10 * MINUTE, SUNDAY_16 - 70 * MINUTE) == 0


def test_a_cadres_phone_call_for_it_stands_and_ends_it(session, cast):
    letter, at, task = phoned(session, cast)
    another_helps(session, cast, at + 5 * MINUTE)
    session.refresh(task)
    assert task.state == "open"
    finish(session, cast.who(cast.chen), task.id, at + 6 * MINUTE)
    session.refresh(letter)
    assert letter.state == "told_in_person"


@pytest.mark.parametrize("heard", ["by the copy", "from a cadre"])
def test_what_was_heard_in_another_way_is_not_said_again(session, cast, heard):
    letter, at, task = phoned(session, cast)
    copy = resend(session, letter.id, lives=LIVES, by=By(None, "desk"), reason="没看到", now=at)
    if heard == "by the copy":
        claimed(session, now=at)
        settled(session, copy, Sent("2", "好"), now=at)
        receipt_came(session, record_receipt(session, APP_ID, "2", "success", at), at)
    else:
        finish(session, cast.who(cast.chen), task.id, at + MINUTE, "phone")
    another_helps(session, cast, at + 5 * MINUTE)
    assert said_of(session, cast, at + 10 * MINUTE, SUNDAY_16 - 70 * MINUTE) == 0


def test_one_of_another_time_goes_with_its_revision(session, cast):
    call, letter = due(session, cast)
    at = letter.due_at
    settled(session, letter, BUSY, now=at)
    move(session, cast.who(cast.xiaofang), call.id, SUNDAY_16 + 30 * MINUTE, at + 5 * MINUTE)
    session.refresh(letter)
    assert letter.state == "withdrawn"
    another_helps(session, cast, at + 6 * MINUTE)
    session.refresh(letter)
    assert letter.state == "withdrawn"


def test_what_an_edit_of_its_rule_has_skipped_stays_skipped(session, cast):
    call = booked(session, cast)
    for other in session.scalars(select(Letter).where(Letter.kind != "family.reminder")):
        other.state = "delivered"
    session.flush()
    put_rule(session, Rule("family.reminder", "*", "t-24h", "before", 2880), SUNDAY_16 - 30 * HOUR)
    remind_these(session, SUNDAY_16 - 30 * HOUR, [call.id])
    another_helps(session, cast, SUNDAY_16 - 20 * HOUR)
    assert said_of(session, cast, SUNDAY_16 - 20 * HOUR, SUNDAY_16 - 70 * MINUTE) == 0


def test_whoever_tells_one_in_person_at_that_moment_is_waited_for(open_session, engine, cast):
    """The task first, and then its letter: so do both."""
    with open_session() as session, session.begin():
        letter, at, made = phoned(session, cast)
        task = made.id

    def told(session):
        finish(session, cast.who(cast.chen), task, at + MINUTE)

    with one_comes_between(open_session, engine, told) as (session, comes):
        session.scalars(select(Task.id).where(Task.id == task).with_for_update()).all()
        comes()
        another_helps(session, cast, at + 5 * MINUTE)
    with open_session() as session:
        assert session.get_one(Letter, letter.id).state == "told_in_person"
