"""Calls that end before they begin: how late, by whom, told to whom; and a cancellation that is taken back."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from models.errors import Refused
from models.family.agreeing import Agreement
from models.family.booking import move
from models.family.calls import FamilyCall
from models.family.ending import call_off, cancel, ended_by, finish_past, undo
from models.family.outcomes import report
from models.history import history_of
from models.messages.letters import Letter
from models.places.cells import Cell, occupy
from models.tasks.tasks import Task
from tests.models.family.test_calls import SUNDAY_16, booked, cells_of, reminders, sister
from tests.world import NOW

MINUTE = timedelta(minutes=1)


def told(session, kind):
    return sorted(session.scalars(select(Letter.person_id).where(Letter.kind == kind, Letter.state == "planned")))


@pytest.mark.case("G1")
@pytest.mark.parametrize(
    ("before", "code"),
    [
        (timedelta(hours=24), "in_time"),
        (timedelta(hours=24) - MINUTE, "late"),
        (timedelta(hours=16) + MINUTE, "late"),  # the last minute of the day before, in Lishui
        (timedelta(hours=16), "same_day"),
        (MINUTE, "same_day"),
    ],
)
def test_how_late_a_call_was_cancelled_is_kept_by_the_centres_own_day(session, cast, before, code):
    call = booked(session, cast)
    cancel(session, cast.who(cast.xiaofang), call.id, "临时有事", SUNDAY_16 - before)
    assert (call.state, call.end_code) == ("cancelled", code)


@pytest.mark.case("G1")
def test_what_ends_by_a_rule_or_the_centre_is_nobodys_late_cancellation(session, cast):
    call = booked(session, cast)
    call_off(session, cast.who(cast.li), call.id, "停电或断网", "周一上午", SUNDAY_16 - MINUTE)
    assert call.end_code == "centre"


@pytest.mark.case("G2")
def test_the_second_to_cancel_changes_nothing_and_finds_who_was_first(session, cast):
    call = booked(session, cast)
    cancel(session, cast.who(cast.xiaofang), call.id, "临时有事", NOW)
    lines = len(history_of(session, call.subject))
    later = NOW + timedelta(hours=1)
    assert cancel(session, cast.who(cast.li), call.id, "家人来电话取消", later).state == "cancelled"
    assert call_off(session, cast.who(cast.li), call.id, "停电", "改天", later).reason == "临时有事"
    assert (ended_by(session, call).by_person_id, ended_by(session, call).at) == (cast.xiaofang.id, NOW)
    assert len(history_of(session, call.subject)) == lines
    assert told(session, "family.cancelled") == [cast.li.id]


@pytest.mark.case("G2", "D21")
def test_a_cancel_link_tapped_after_the_call_took_place_changes_nothing(session, cast):
    call, after = booked(session, cast), SUNDAY_16 + timedelta(minutes=30)
    report(session, cast.who(cast.li), call.id, "completed", after, after)
    assert cancel(session, cast.who(cast.xiaofang), call.id, "临时有事", after).state == "completed"
    assert told(session, "family.cancelled") == []


@pytest.mark.case("G2")
@pytest.mark.parametrize("database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True)
def test_of_eight_who_cancel_at_once_one_does(open_session, cast):
    with open_session() as session, session.begin():
        call = booked(session, cast).id

    def tap(n):
        with open_session() as session, session.begin():
            who = cast.who(cast.li if n % 2 else cast.xiaofang)
            return cancel(session, who, call, "临时有事", NOW).state

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(tap, range(8))) == {"cancelled"}
    with open_session() as session:
        assert [line.verb for line in history_of(session, f"call:{call}")] == ["begin", "cancel"]


@pytest.mark.case("G5")
@pytest.mark.parametrize(
    ("reason", "instead", "code"), [("", "周一", "reason_missing"), ("停电", " ", "alternative_needed")]
)
def test_the_centre_cancels_only_with_why_and_what_instead(session, cast, reason, instead, code):
    call = booked(session, cast)
    with pytest.raises(Refused, match=code):
        call_off(session, cast.who(cast.li), call.id, reason, instead, NOW)
    assert (call.state, len(reminders(session, call))) == ("booked", 6)


@pytest.mark.case("G5")
def test_both_sides_hear_why_and_what_there_is_instead(session, cast):
    call = booked(session, cast)
    call_off(session, cast.who(cast.chen), call.id, "停电或断网", "周一上午照常", NOW)
    letters = session.scalars(select(Letter).where(Letter.kind == "family.cancelled")).all()
    assert {letter.person_id for letter in letters} == {cast.xiaofang.id, cast.li.id}
    assert {(letter.facts["reason"], letter.facts["alternative"]) for letter in letters} == {
        ("停电或断网", "周一上午照常")
    }
    for stranger in (cast.zhao, cast.aming, cast.xiaofang):
        with pytest.raises(Refused, match=r"not_yours|no_link"):
            call_off(session, cast.who(stranger), call.id, "停电", "周一", NOW)


def test_a_cadre_who_cancels_for_the_family_says_what_they_were_told(session, cast):
    call = booked(session, cast)
    with pytest.raises(Refused, match="reason_missing"):
        cancel(session, cast.who(cast.li), call.id, " ", NOW)
    cancel(session, cast.who(cast.li), call.id, "家人来电话取消", NOW)
    assert (call.state, call.end_code) == ("cancelled", "in_time")
    assert told(session, "family.cancelled") == [cast.xiaofang.id]


@pytest.mark.case("G9")
def test_within_two_minutes_the_slot_is_restored_with_one_set_of_reminders(session, cast):
    call, me = booked(session, cast), cast.who(cast.xiaofang)
    cancel(session, me, call.id, "点错了", NOW)
    undo(session, me, call.id, NOW + 2 * MINUTE)
    undo(session, me, call.id, NOW + 2 * MINUTE)
    assert (call.state, call.revision, call.end_code, call.reason) == ("booked", 1, "", "")
    assert sum(cells_of(session, call).values()) == 8
    assert [letter.revision for letter in reminders(session, call)] == [1] * 6
    open_tasks = session.scalars(select(Task).where(Task.subject == call.subject, Task.state == "open")).all()
    assert [task.kind for task in open_tasks] == ["call_help"]
    # Nobody had heard that it was off: nobody hears anything.
    assert (told(session, "family.cancelled"), told(session, "family.restored")) == ([], [])


@pytest.mark.case("G9")
def test_who_has_heard_that_it_is_off_hears_that_it_is_on_and_again_that_it_is_off(session, cast):
    call, me = booked(session, cast), cast.who(cast.xiaofang)
    cancel(session, me, call.id, "点错了", NOW)
    session.scalars(select(Letter).where(Letter.kind == "family.cancelled")).one().state = "sent"
    undo(session, me, call.id, NOW + MINUTE)
    assert told(session, "family.restored") == [cast.li.id]
    cancel(session, me, call.id, "还是不行", NOW + MINUTE)
    assert told(session, "family.cancelled") == [cast.li.id]


@pytest.mark.case("G9")
def test_what_was_taken_meanwhile_or_long_ago_or_by_the_centre_is_not_restored(session, cast):
    call, me = booked(session, cast), cast.who(cast.xiaofang)
    cancel(session, me, call.id, "点错了", NOW)
    with pytest.raises(Refused, match="undo_over"):
        undo(session, me, call.id, NOW + 2 * MINUTE + timedelta(seconds=1))
    occupy(session, [cast.wangnainai.resource], SUNDAY_16, SUNDAY_16 + 30 * MINUTE, "call:9999")
    with pytest.raises(Refused, match="slot_taken"):
        undo(session, me, call.id, NOW + MINUTE)
    assert (call.state, call.revision) == ("cancelled", 0)
    assert session.scalars(select(Cell.held_by).distinct()).all() == ["call:9999"]
    other = booked(session, cast, SUNDAY_16 + timedelta(days=1), "k2")
    call_off(session, cast.who(cast.li), other.id, "停电", "周三", NOW)
    with pytest.raises(Refused, match="undo_over"):
        undo(session, me, other.id, NOW)


@pytest.mark.case("E2")
def test_moved_and_moved_back_within_a_minute_the_helper_hears_nothing_more(session, cast):
    call, me = booked(session, cast), cast.who(cast.xiaofang)
    session.scalars(select(Letter).where(Letter.kind == "family.booked")).one().state = "delivered"
    move(session, me, call.id, SUNDAY_16 + timedelta(days=1), NOW)
    (first,) = session.scalars(select(Letter).where(Letter.kind == "family.changed")).all()
    assert (first.state, first.due_at) == ("planned", NOW + MINUTE)  # nothing has gone out before it is settled
    move(session, me, call.id, SUNDAY_16, NOW + timedelta(seconds=50))
    assert told(session, "family.changed") == []
    assert len(reminders(session, call)) == 6


@pytest.mark.case("E2")
def test_moved_twice_within_a_minute_is_one_message_and_moved_back_after_it_is_another(session, cast):
    call, me = booked(session, cast), cast.who(cast.xiaofang)
    session.scalars(select(Letter).where(Letter.kind == "family.booked")).one().state = "delivered"
    move(session, me, call.id, SUNDAY_16 + timedelta(days=1), NOW)
    move(session, me, call.id, SUNDAY_16 + timedelta(days=2), NOW + timedelta(seconds=20))
    (net,) = session.scalars(select(Letter).where(Letter.kind == "family.changed", Letter.state == "planned")).all()
    assert net.facts["starts_at"] == call.starts_at.isoformat()
    net.state = "sent"
    move(session, me, call.id, SUNDAY_16, NOW + timedelta(minutes=5))
    assert told(session, "family.changed") == [cast.li.id]


@pytest.mark.case("E8")
def test_a_change_is_said_to_each_in_the_zone_they_live_in(session, cast):
    call = booked(session, cast)
    yes = Agreement(call.relative_id, "phone")
    move(session, cast.who(cast.li), call.id, SUNDAY_16 + timedelta(days=1), NOW, yes)
    (letter,) = session.scalars(select(Letter).where(Letter.kind == "family.changed")).all()
    assert (letter.person_id, letter.facts["relative_zone"]) == (cast.xiaofang.id, "Europe/Madrid")
    due = {(r.person_id, r.facts["rule"]): r.due_at for r in reminders(session, call)}
    assert due[cast.xiaofang.id, "t-1h"] == due[cast.li.id, "t-1h"]


@pytest.mark.case("E9")
def test_a_move_by_one_child_and_a_cancel_by_another_at_once_leave_one_truth(open_session, cast):
    with open_session() as session, session.begin():
        call = booked(session, cast).id
        other = cast.who(cast.chen)
        sister(session, cast)

    def do(n):
        with open_session() as session:
            try:
                with session.begin():
                    if n % 2:
                        cancel(session, other, call, "家人来电话取消", NOW)
                    else:
                        move(session, cast.who(cast.xiaofang), call, SUNDAY_16 + timedelta(days=1 + n), NOW)
            except Refused as refusal:
                return refusal.code
        return "done"

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(do, range(4))) <= {"done", "wrong_state"}
    with open_session() as session:
        ended = session.get_one(FamilyCall, call)
        assert (ended.state, ended.end_code) == ("cancelled", "in_time")
        assert (cells_of(session, ended), reminders(session, ended)) == ({}, [])


def test_time_alone_completes_what_was_begun_and_asks_about_the_rest(session, cast):
    begun = booked(session, cast)
    begun.state = "in_call"
    silent = booked(session, cast, SUNDAY_16 + timedelta(minutes=30), "k2")
    after = SUNDAY_16 + timedelta(hours=4)
    assert finish_past(session, after) == 2
    assert (begun.state, silent.state) == ("completed", "unreported")
    (asked,) = session.scalars(select(Task).where(Task.kind == "call_outcome")).all()
    assert (asked.subject, asked.assignee_id, asked.state) == (silent.subject, cast.li.id, "open")
    assert finish_past(session, after) == 0
