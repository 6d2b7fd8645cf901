"""What a call that is off and on again, helped by another or shut out, still owes those who are on it: that a guest has
left, that the family was asked for another time, that a cadre sees to it."""

from datetime import timedelta

import pytest

from models.family.booking import move
from models.family.calls import FamilyCall
from models.family.changing import decline, lapse_proposals, propose
from models.family.joining import invite, leave
from models.family.proposals import standing
from scheduler.plan import plan_anew
from tests.models.family.test_calls import SUNDAY_16, booked
from tests.models.family.test_changing import asked
from tests.models.family.test_guests import joined
from tests.models.family.test_parting import second_helper
from tests.models.family.test_second_times import another_helps, off_and_on, states, words_to
from tests.models.family.test_series_second_times import delivered
from tests.models.family.test_shutting import SUNDAY, closed, outcomes, pick
from tests.models.messages.test_rules import committed, hands
from tests.world import NOW

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def test_a_call_at_a_shut_centre_that_is_to_stay_without_a_yes_is_laid_before_a_cadre(open_session, cast):
    def prepare(session):
        call = booked(session, cast)
        closed(session, cast, pick(ask=[call]))
        return call.id

    def asked_again(session):
        question = propose(session, cast.who(cast.li), key, SUNDAY_16 + 3 * DAY, "再问一次", "keep", NOW + MINUTE)
        decline(session, cast.who(cast.xiaofang), question.id, NOW + 2 * MINUTE)

    key = committed(open_session, prepare)
    assert plan_anew(hands(open_session)) == 0  # the family is asked, and the call goes one way or the other
    committed(open_session, asked_again)
    plan_anew(hands(open_session, NOW + 3 * MINUTE))
    with open_session() as session:
        assert session.get_one(FamilyCall, key).state == "booked"
        assert states(session, "closure") == ["open"]


def test_a_call_that_a_clerk_keeps_is_a_cadres_and_not_called_off_by_silence(open_session, cast):
    def prepare(session):
        call = booked(session, cast)
        closed(session, cast, pick(ask=[call]))
        second = closed(session, cast, pick(keep=[call]), key="c2", first=SUNDAY - DAY, last=SUNDAY)
        return call.id, outcomes(session, second)

    key, done = committed(open_session, prepare)
    assert done == {key: "kept"}
    plan_anew(hands(open_session))
    with open_session() as session, session.begin():
        tasks = states(session, "closure")
        lapse_proposals(session, NOW + 2 * DAY)
        assert (tasks, session.get_one(FamilyCall, key).state) == (["open"], "booked")


@pytest.mark.parametrize("how", ["helper", "move", "off_and_on"])
def test_who_booked_hears_that_a_guest_has_left_whatever_changes_then(session, cast, how):
    call, roman, _ = joined(session, cast)
    helper = second_helper(session, cast)
    leave(session, cast.who(roman), call.id, roman.id, NOW)
    assert words_to(session, cast.xiaofang) == ["family.left"]
    if how == "helper":
        another_helps(session, cast, helper)
    elif how == "move":
        move(session, cast.who(cast.xiaofang), call.id, SUNDAY_16 + DAY, NOW + MINUTE)
    else:
        off_and_on(session, cast.who(cast.xiaofang), call)
    assert words_to(session, cast.xiaofang) == ["family.left"]


@pytest.mark.parametrize("is_read", [True, False])
def test_a_question_outlives_a_cancellation_that_is_taken_back(session, cast, is_read):
    call = booked(session, cast)
    question = asked(session, cast, call, otherwise="cancel")
    if is_read:
        delivered(session, "family.asked_to_move")
    off_and_on(session, cast.who(cast.xiaofang), call)
    again = standing(session, call.id)
    assert (again.starts_at, again.otherwise, again.answer_by) == (question.starts_at, "cancel", question.answer_by)
    assert words_to(session, cast.xiaofang).count("family.asked_to_move") == int(not is_read)
    lapse_proposals(session, question.answer_by)
    assert session.get_one(FamilyCall, call.id).state == "cancelled"


def test_a_question_that_had_its_answer_before_a_cancellation_is_not_asked_again(session, cast):
    call = booked(session, cast)
    question = asked(session, cast, call, otherwise="keep")
    decline(session, cast.who(cast.xiaofang), question.id, NOW)
    off_and_on(session, cast.who(cast.xiaofang), call)
    assert standing(session, call.id) is None


def test_who_has_left_and_is_on_the_call_again_is_not_said_to_have_left(session, cast):
    call, roman, _ = joined(session, cast)
    leave(session, cast.who(roman), call.id, roman.id, NOW)
    invite(session, cast.who(cast.li), call.id, roman.id, NOW + MINUTE)
    assert words_to(session, cast.xiaofang) == []
    off_and_on(session, cast.who(cast.xiaofang), call)
    assert words_to(session, cast.xiaofang) == []
