"""The centre needs another time: nothing moves without the family's yes, and no answer is an answer by a rule."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from models.errors import Refused
from models.family.agreeing import AGREED_BY, Agreement
from models.family.booking import move
from models.family.calls import FamilyCall
from models.family.changing import accept, asked_of, decline, lapse_proposals, propose
from models.family.ending import cancel, undo
from models.family.holding import hold_slot
from models.family.proposals import CallProposal
from models.history import history_of
from models.messages.letters import Letter
from models.places.cells import occupy
from tests.models.family.test_calls import SUNDAY_16, booked, cells_of, reminders, sister
from tests.world import NOW

MONDAY = SUNDAY_16 + timedelta(days=1)
MINUTE = timedelta(minutes=1)


def asked(session, cast, call, at=MONDAY, otherwise="keep", now=NOW, reason="设备坏了"):
    return propose(session, cast.who(cast.li), call.id, at, reason, otherwise, now)


def told(session, kind):
    return sorted(session.scalars(select(Letter.person_id).where(Letter.kind == kind, Letter.state == "planned")))


@pytest.mark.case("J13")
def test_what_lies_days_ahead_wakes_nobody_and_what_is_about_today_goes_at_night(session, cast):
    call = booked(session, cast)
    asked(session, cast, call)
    late = SUNDAY_16 - timedelta(hours=9)  # seven in the morning in Lishui, midnight in Madrid
    cancel(session, cast.who(cast.xiaofang), call.id, "临时有事", late)
    rows = session.scalars(select(Letter).where(Letter.subject == call.subject, Letter.kind != "family.reminder"))
    found = {letter.kind: letter.urgency for letter in rows}
    assert found == {"family.booked": "routine", "family.asked_to_move": "routine", "family.cancelled": "same_day"}


@pytest.mark.case("E4")
def test_the_centre_only_asks_and_the_call_stands_until_the_family_agrees(session, cast):
    call = booked(session, cast)
    proposal = asked(session, cast, call)
    assert (call.starts_at, call.revision, len(reminders(session, call))) == (SUNDAY_16, 0, 6)
    assert told(session, "family.asked_to_move") == [cast.xiaofang.id]
    assert [one.id for one in asked_of(session, cast.who(cast.xiaofang), NOW)] == [proposal.id]
    for stranger in (cast.li, cast.aming, cast.zhao):
        with pytest.raises(Refused, match=r"not_yours|no_link"):
            accept(session, cast.who(stranger), proposal.id, NOW)
    accept(session, cast.who(cast.xiaofang), proposal.id, NOW)
    assert (call.starts_at, call.revision, proposal.state) == (MONDAY, 1, "accepted")
    assert told(session, "family.changed") == [cast.li.id]


@pytest.mark.case("E4")
def test_without_an_answer_the_call_is_kept_where_it_can_be(session, cast):
    call = booked(session, cast)
    proposal = asked(session, cast, call)
    assert proposal.answer_by == NOW + timedelta(hours=24)
    assert lapse_proposals(session, proposal.answer_by - MINUTE) == 0
    assert lapse_proposals(session, proposal.answer_by) == 1
    assert lapse_proposals(session, proposal.answer_by) == 0
    assert (call.state, call.starts_at, proposal.state) == ("booked", SUNDAY_16, "lapsed")
    assert told(session, "family.kept") == [cast.li.id]


@pytest.mark.case("E4")
@pytest.mark.parametrize("answer", ["no", "none"])
def test_without_a_yes_it_is_off_where_the_old_time_cannot_be_held(session, cast, answer):
    call = booked(session, cast)
    proposal = asked(session, cast, call, otherwise="cancel")
    if answer == "no":
        decline(session, cast.who(cast.xiaofang), proposal.id, NOW)
        decline(session, cast.who(cast.xiaofang), proposal.id, NOW)
    else:
        lapse_proposals(session, proposal.answer_by)
    assert (call.state, call.end_code, call.reason) == ("cancelled", "centre", "设备坏了")
    assert (cells_of(session, call), reminders(session, call)) == ({}, [])
    assert cast.li.id in told(session, "family.cancelled")


@pytest.mark.case("E4")
def test_the_answer_is_due_while_everybody_can_still_act_on_it(session, cast):
    call = booked(session, cast)
    late = SUNDAY_16 - timedelta(hours=3)
    assert asked(session, cast, call, now=late).answer_by == SUNDAY_16 - timedelta(hours=1)
    with pytest.raises(Refused, match="bad_time"):
        asked(session, cast, call, MONDAY + timedelta(minutes=30), now=SUNDAY_16 - timedelta(hours=1))
    with pytest.raises(Refused, match="bad_time"):
        asked(session, cast, call, SUNDAY_16)
    with pytest.raises(Refused, match="reason_missing"):
        asked(session, cast, call, reason=" ")
    for stranger in (cast.zhao, cast.xiaofang):
        with pytest.raises(Refused, match="not_yours"):
            propose(session, cast.who(stranger), call.id, MONDAY, "设备坏了", "keep", NOW)


@pytest.mark.case("D3", "E3", "E4")
def test_a_time_that_is_gone_when_the_family_says_yes_leaves_the_old_one(session, cast):
    call = booked(session, cast)
    proposal = asked(session, cast, call)
    occupy(session, [cast.wangnainai.resource], MONDAY, MONDAY + timedelta(minutes=30), "call:9999")
    with pytest.raises(Refused, match="slot_taken") as refused:
        accept(session, cast.who(cast.xiaofang), proposal.id, NOW)
    assert refused.value.facts["alternatives"]
    assert (call.starts_at, call.revision, proposal.state) == (SUNDAY_16, 0, "asked")
    with pytest.raises(Refused, match="slot_taken"):
        asked(session, cast, call, MONDAY, otherwise="cancel")


@pytest.mark.case("E5")
def test_an_answer_that_comes_after_its_time_moves_nothing(session, cast):
    call = booked(session, cast)
    proposal = asked(session, cast, call, SUNDAY_16 - timedelta(hours=2))
    with pytest.raises(Refused, match="wrong_state"):
        accept(session, cast.who(cast.xiaofang), proposal.id, proposal.answer_by)
    assert (call.starts_at, call.revision) == (SUNDAY_16, 0)


@pytest.mark.case("D21")
def test_a_forwarded_yes_does_nothing_more_and_an_old_one_nothing_at_all(session, cast):
    call, me = booked(session, cast), cast.who(cast.xiaofang)
    proposal = asked(session, cast, call)
    for _ in range(3):
        accept(session, me, proposal.id, NOW)
    assert (call.revision, len(reminders(session, call))) == (1, 6)
    again = asked(session, cast, call, MONDAY + timedelta(days=1))
    move(session, me, call.id, MONDAY + timedelta(days=2), NOW)
    with pytest.raises(Refused, match="wrong_state"):
        accept(session, me, again.id, NOW)
    assert call.starts_at == MONDAY + timedelta(days=2)


def test_a_new_question_takes_the_place_of_the_old_and_ends_with_the_call(session, cast):
    call, me = booked(session, cast), cast.who(cast.xiaofang)
    first = asked(session, cast, call)
    assert asked(session, cast, call).id == first.id
    second = asked(session, cast, call, MONDAY + timedelta(days=1))
    cancel(session, me, call.id, "临时有事", NOW)
    session.refresh(first)
    session.refresh(second)
    assert (first.state, second.state) == ("withdrawn", "withdrawn")
    undo(session, me, call.id, NOW)
    assert [one.starts_at for one in asked_of(session, me, NOW)] == [second.starts_at]  # as it was before


def test_a_question_about_a_call_that_went_another_way_ends_silently(session, cast):
    call, me = booked(session, cast), cast.who(cast.xiaofang)
    proposal = asked(session, cast, call, otherwise="cancel")
    move(session, me, call.id, MONDAY + timedelta(days=2), NOW)
    assert (call.state, proposal.state) == ("booked", "withdrawn")  # nobody is asked any more
    assert asked_of(session, me, NOW) == []
    assert lapse_proposals(session, proposal.answer_by) == 0


@pytest.mark.case("E9")
@pytest.mark.parametrize("database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True)
def test_a_yes_a_no_a_cancel_and_the_deadline_at_once_leave_one_truth(open_session, cast):
    with open_session() as session, session.begin():
        call = booked(session, cast).id
        sister(session, cast)
        proposal = asked(session, cast, session.get_one(FamilyCall, call), otherwise="cancel").id
        due = session.get_one(CallProposal, proposal).answer_by
    me = cast.who(cast.xiaofang)
    deeds = (
        lambda session: accept(session, me, proposal, NOW),
        lambda session: decline(session, me, proposal, NOW),
        lambda session: cancel(session, me, call, "临时有事", NOW),
        lambda session: lapse_proposals(session, due),
    )

    def do(deed):
        with open_session() as session:
            try:
                with session.begin():
                    deed(session)
            except Refused as refusal:
                return refusal.code
        return "done"

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(do, deeds)) <= {"done", "wrong_state"}
    with open_session() as session:
        ended, kept = session.get_one(FamilyCall, call), session.get_one(CallProposal, proposal)
        assert kept.state != "asked"
        assert ended.state == "cancelled"  # whoever was first, the cancel or the policy ended it
        assert (cells_of(session, ended), reminders(session, ended)) == ({}, [])


@pytest.mark.case("E4")
def test_a_cadre_moves_a_call_only_with_a_yes_of_somebody_on_it_and_history_keeps_whose(session, cast):
    call = booked(session, cast)
    someone_else = Agreement(cast.aming.id, "phone")
    for no in (None, someone_else, Agreement(999_999, "phone"), Agreement(cast.xiaofang.id, "letter")):
        with pytest.raises(Refused, match="agreement_missing"):
            move(session, cast.who(cast.li), call.id, MONDAY, NOW, no)
    assert (call.starts_at, call.revision) == (SUNDAY_16, 0)
    for stranger in (cast.zhao, cast.aming):
        with pytest.raises(Refused, match="not_yours"):
            move(session, cast.who(stranger), call.id, MONDAY, NOW, Agreement(cast.xiaofang.id, "phone"))
    for n, means in enumerate(AGREED_BY):
        at, whose = MONDAY + n * timedelta(days=1), (cast.xiaofang, cast.wangnainai, cast.xiaofang)[n]
        move(session, cast.who(cast.li), call.id, at, NOW, Agreement(whose.id, means))
        assert (call.starts_at, call.revision) == (at, n + 1)
        assert history_of(session, call.subject)[-1].note == f"agreed {whose.id} {means} {at.isoformat()}"


def test_a_relative_who_moves_their_own_call_need_not_say_who_agreed(session, cast):
    call = booked(session, cast)
    assert move(session, cast.who(cast.xiaofang), call.id, MONDAY, NOW).starts_at == MONDAY


def test_a_time_that_the_relative_is_looking_at_themselves_may_be_asked_for(session, cast):
    call = booked(session, cast)
    hold_slot(session, cast.who(cast.xiaofang), cared_id=cast.wangnainai.id, starts_at=MONDAY, now=NOW)
    assert accept(session, cast.who(cast.xiaofang), asked(session, cast, call).id, NOW).starts_at == MONDAY
