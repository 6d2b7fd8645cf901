"""A call that stays after all is said to stay, what is set out again is said again, and no makeup is kept in vain."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from handlers.family.letter_words import letter as family_letter
from handlers.places.words import became as said_of
from models.family.booking import move
from models.family.changing import accept, lapse_proposals
from models.family.ending import cancel, undo
from models.family.homes import set_out
from models.family.keeping import who_is
from models.family.out_of_service import mend
from models.family.proposals import CallProposal
from models.family.shut_out import shut_out_by
from models.family.shutting import open_again
from models.hours import CHINA
from models.messages.letters import Letter
from models.tasks.undelivered import hand_over
from tests.models.family.test_calls import SUNDAY_16, booked
from tests.models.family.test_changing import asked
from tests.models.family.test_out_of_service import alone, out
from tests.models.family.test_parting import second_helper
from tests.models.family.test_second_times import another_helps, off_and_on
from tests.models.family.test_shutting import closed, pick
from tests.world import NOW

MINUTE, HALF = timedelta(minutes=1), timedelta(minutes=30)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def planned(session, kind):
    """The letters of a kind that are still to go."""
    query = select(Letter).where(Letter.kind == kind, Letter.state == "planned").order_by(Letter.id)
    return session.scalars(query, execution_options={"populate_existing": True}).all()


def arrive(session, kind, state="delivered"):
    """What was to be said of a kind has been."""
    for letter in planned(session, kind):
        letter.state = state
    session.flush()


def told(session, kind="family.kept"):
    return [letter.person_id for letter in planned(session, kind)]


def on_the_page(session, cast, closure):
    """What the page of a closure says of its one call."""
    (row,) = shut_out_by(session, cast.li.id, closure.subject)
    return said_of(row)


@pytest.fixture(params=["centre", "screen"])
def stays(request, session, cast):
    """A call whose family is asked for another time, and what brings its place back."""
    call = booked(session, cast)
    if request.param == "centre":
        closure = closed(session, cast, pick(ask=[call]))
        return call, lambda: open_again(session, cast.who(cast.li), closure.id, NOW + HOUR)
    alone(session, cast)
    outage = out(session, cast, pick(ask=[call]))
    return call, lambda: mend(session, cast.who(cast.li), outage.id, NOW + HOUR)


@pytest.mark.case("D19", "D22")
@pytest.mark.parametrize("state", ["delivered", "sending", "sent", "needs_check"])
def test_who_may_have_read_that_silence_cancels_hears_once_that_the_call_stands(session, cast, stays, state):
    call, back = stays
    arrive(session, "family.asked_to_move", state)
    for _ in range(2):
        back()
    (letter,) = planned(session, "family.kept")
    assert letter.person_id == cast.xiaofang.id
    assert "照原来的时间" in family_letter(letter.kind, letter.facts, CHINA).text
    assert letter.useful_until == call.starts_at
    assert session.scalars(select(CallProposal.state)).all() == ["withdrawn"]
    assert lapse_proposals(session, NOW + 2 * DAY) == 0
    assert (call.state, call.starts_at) == ("booked", SUNDAY_16)


@pytest.mark.parametrize("state", ["planned", "retry"])
def test_a_question_that_nobody_has_read_is_taken_back_without_a_word(session, stays, state):
    call, back = stays
    arrive(session, "family.asked_to_move", state)
    back()
    query = select(Letter.state).where(Letter.subject == call.subject, Letter.kind == "family.asked_to_move")
    assert session.scalars(query).all() == ["withdrawn"]
    assert told(session) == []


def test_a_question_that_a_cadre_was_to_put_by_phone_is_put_no_more(session, stays):
    _, back = stays
    letter = planned(session, "family.asked_to_move")[0]
    letter.state = "dead"
    session.flush()
    task = hand_over(session, letter, NOW)
    back()
    session.refresh(task)
    assert (task.state, told(session)) == ("cancelled", [])


def test_each_question_has_its_own_word_that_it_is_over(session, cast):
    call = booked(session, cast)
    for n in range(2):
        closure = closed(session, cast, pick(ask=[call]), key=f"c{n}", now=NOW + n * HOUR)
        arrive(session, "family.asked_to_move")
        open_again(session, cast.who(cast.li), closure.id, NOW + n * HOUR + MINUTE)
        assert told(session) == [cast.xiaofang.id]
        arrive(session, "family.kept")
    assert on_the_page(session, cast, closure) == "照原来的时间"
    off_and_on(session, cast.who(cast.xiaofang), call)
    assert on_the_page(session, cast, closure) == "照原来的时间"  # one revision further, and where it was
    move(session, cast.who(cast.xiaofang), call.id, SUNDAY_16 - HOUR, NOW + HOUR)
    assert on_the_page(session, cast, closure).startswith("后来改到")  # of their own accord


def test_the_page_of_a_closure_says_that_a_family_agreed_where_it_did(session, cast):
    call = booked(session, cast)
    closure = closed(session, cast, pick(ask=[call]))
    accept(session, cast.who(cast.xiaofang), session.scalars(select(CallProposal.id)).one(), NOW)
    assert on_the_page(session, cast, closure).startswith("家人同意了，改到")


def test_who_read_the_first_of_two_questions_hears_it_though_the_second_went_unread(session, cast):
    call = booked(session, cast)
    closure = closed(session, cast, pick(ask=[call]))
    arrive(session, "family.asked_to_move")
    asked(session, cast, call, SUNDAY_16 + 3 * DAY, otherwise="cancel")
    open_again(session, cast.who(cast.li), closure.id, NOW + HOUR)
    assert (told(session), planned(session, "family.asked_to_move")) == ([cast.xiaofang.id], [])


def test_a_question_that_never_put_the_call_in_doubt_is_asked_on(session, cast):
    call = booked(session, cast)
    closure = closed(session, cast, pick(ask=[call]))
    own = asked(session, cast, call, SUNDAY_16 + 3 * DAY)
    open_again(session, cast.who(cast.li), closure.id, NOW + HOUR)
    assert (own.otherwise, own.state, told(session)) == ("keep", "asked", [])
    assert [letter.facts["otherwise"] for letter in planned(session, "family.asked_to_move")] == ["keep"]


def test_that_a_call_stands_outlives_another_helper_and_a_cancellation_that_is_taken_back(session, cast):
    call, helper = booked(session, cast), second_helper(session, cast)
    closure = closed(session, cast, pick(ask=[call]))
    arrive(session, "family.asked_to_move")
    open_again(session, cast.who(cast.li), closure.id, NOW + HOUR)
    another_helps(session, cast, helper)
    assert told(session) == [cast.xiaofang.id]
    cancel(session, who_is(helper), call.id, "老人不方便", NOW + HOUR + MINUTE)
    assert told(session) == []
    undo(session, who_is(helper), call.id, NOW + HOUR + 2 * MINUTE)
    assert told(session) == [cast.xiaofang.id]


@pytest.mark.parametrize("read", [True, False])
def test_who_sets_out_again_after_a_cancellation_that_was_taken_back_is_announced_again(session, cast, hills, read):
    call = booked(session, cast, SUNDAY_16 - HALF)
    at = call.starts_at - 2 * HOUR
    set_out(session, cast.who(cast.li), call.id, at)
    if read:
        arrive(session, "family.on_the_way")
    cancel(session, cast.who(cast.xiaofang), call.id, "", at + MINUTE)
    if read:
        arrive(session, "family.cancelled")  # the helper has turned back
    undo(session, cast.who(cast.xiaofang), call.id, at + 2 * MINUTE)
    assert call.set_out_at is None
    for _ in range(2):
        _, arrives = set_out(session, cast.who(cast.li), call.id, at + HOUR)
    assert (call.set_out_at, arrives) == (at + HOUR, at + HOUR + 40 * MINUTE)
    assert told(session, "family.on_the_way") == [cast.xiaofang.id]
