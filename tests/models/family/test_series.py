"""Series of calls: one row for each with its state and reason; a week that cannot be leaves the rest."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta
from threading import Barrier

import pytest
from sqlalchemy import func, select

from models.errors import Refused
from models.family.booking import move
from models.family.calls import FamilyCall
from models.family.editing import Edit, edit, move_one, skip, take_up, try_edit
from models.family.ending import cancel, undo
from models.family.generating import AHEAD, generate
from models.family.keeping import book_planned
from models.family.occurrences import Occurrence, follow
from models.family.reconsidering import reconsider, reconsider_unknown
from models.family.recurring import check_fits, read
from models.family.repeating import begin, glances, try_out
from models.family.resting import cancel_all, prolong, restore, run_out
from models.family.series import Series, series_for, series_of
from models.family.series_news import say_ending
from models.history import history_of
from models.hours import CHINA, CalendarOverride, WorkCalendar
from models.messages.letters import Letter
from models.places.cells import Cell, occupy
from models.places.centres import Closure
from tests.models.family.serial import SUNDAY, begun, day, rows, sundays, told_of, wish
from tests.models.family.test_calls import SUNDAY_16, booked, sister
from tests.world import NOW

WEEK = timedelta(days=7)


def states(session, series, count=None):
    return [one.state for one in rows(session, series)][:count]


def letters(session, kind):
    return list(session.scalars(select(Letter).where(Letter.kind == kind).order_by(Letter.id)))


def calls(session):
    return {
        call.starts_at.astimezone(CHINA).date(): call
        for call in session.scalars(select(FamilyCall).where(FamilyCall.state == "booked"))
    }


def test_a_series_has_a_row_for_each_week_and_books_the_nearest_four(session, cast):
    series = begun(session, cast)
    assert [one.day for one in rows(session, series)] == sundays(8)
    assert states(session, series) == ["booked"] * 4 + ["planned"] * 4
    assert sorted(calls(session)) == sundays(4)
    assert {one.starts_at.astimezone(CHINA).time() for one in rows(session, series)} == {time(16)}


def test_the_same_tap_twice_is_one_series_and_another_like_it_is_refused(session, cast):
    assert begun(session, cast).id == begun(session, cast).id
    with pytest.raises(Refused, match="series_there"):
        begun(session, cast, key="s2")


@pytest.mark.case("L1")
def test_a_stranger_makes_sees_and_changes_no_series(session, cast):
    series = begun(session, cast)
    for stranger in (cast.aming, cast.zhao):
        who = cast.who(stranger)
        with pytest.raises(Refused, match="not_yours"):
            begun(session, cast, who=who, key="s2")
        with pytest.raises(Refused, match="not_yours"):
            series_for(session, who, series.id)
        for verb in (skip, take_up):
            with pytest.raises(Refused, match="not_yours"):
                verb(session, who, rows(session, series)[0].id, *(["x"] if verb is skip else []), NOW)
        assert series_of(session, who) == []
    assert [one.id for one in series_of(session, cast.who(cast.xiaofang))] == [series.id]
    assert [one.id for one in series_of(session, cast.who(cast.chen))] == [series.id]


def test_a_cadre_makes_one_for_a_family_and_the_relative_hears_of_it(session, cast):
    series = begun(session, cast, who=cast.who(cast.li))
    assert series.relative_id == cast.xiaofang.id
    assert [letter.person_id for letter in letters(session, "series.begun")] == [cast.xiaofang.id]


@pytest.mark.case("F1")
def test_a_term_with_two_holidays_and_a_worked_sunday_shows_each_with_its_reason(session, cast):
    # From August 2026: 27 September lies in the Mid-Autumn holiday, 4 October in National Day; 20 September is worked.
    august = datetime(2026, 8, 10, 2, 0, tzinfo=UTC)
    first = day("2026-08-16")
    skipping = begun(session, cast, first_day=first, now=august)
    seen = told_of(session, skipping)
    assert seen[day("2026-09-20")] == ("planned", "workday")
    assert seen[day("2026-09-27")] == ("skipped", "holiday")
    assert seen[day("2026-10-04")] == ("skipped", "holiday")
    assert {state for one, (state, _) in seen.items() if one < day("2026-09-20")} == {"booked", "planned"}


@pytest.mark.case("F1")
def test_shifting_puts_a_holiday_on_the_next_day_that_is_none_and_keeps_the_day_of_the_rule(session, cast):
    august = datetime(2026, 8, 20, 2, 0, tzinfo=UTC)
    series = begun(session, cast, first_day=day("2026-08-23"), on_holidays="shift", now=august)
    found = {one.day: one for one in rows(session, series)}
    shifted = found[day("2026-09-27")]
    assert (shifted.state, shifted.reason) == ("planned", "shifted")
    assert shifted.starts_at == datetime(2026, 9, 28, 16, 0, tzinfo=CHINA)
    assert found[day("2026-10-04")].starts_at == datetime(2026, 10, 8, 16, 0, tzinfo=CHINA)


@pytest.mark.case("F1")
def test_a_shift_never_falls_onto_the_next_of_the_same_series(session, cast):
    september = datetime(2026, 9, 20, 2, 0, tzinfo=UTC)
    series = begun(session, cast, "day-2", first_day=day("2026-09-30"), on_holidays="shift", now=september)
    found = told_of(session, series)
    assert found[day("2026-10-04")] == ("skipped", "holiday")
    assert found[day("2026-10-06")] == ("skipped", "holiday")


@pytest.mark.case("F2")
def test_a_conflict_in_one_week_is_told_before_and_leaves_the_rest_and_is_taken_up_again(session, cast):
    third = SUNDAY_16 + 2 * WEEK
    sister_call = booked(session, cast, third, "k9", cast.who(sister(session, cast)))
    seen = try_out(session, cast.who(cast.xiaofang), wish(cast), client_key="s1", now=NOW)
    assert [one.state for one in seen[:4]] == ["booked", "booked", "skipped", "booked"]
    assert (seen[2].starts_at, seen[2].reason) == (third, "conflict")
    assert session.scalar(select(func.count()).select_from(Series)) == 0
    assert session.scalar(select(func.count()).select_from(FamilyCall)) == 1
    series = begun(session, cast)
    assert states(session, series, 4) == ["booked", "booked", "skipped", "booked"]
    assert letters(session, "series.skipped") == []  # it was told in the chat
    again = rows(session, series)[2]
    assert take_up(session, cast.who(cast.xiaofang), again.id, NOW).state == "skipped"  # still taken
    cancel(session, cast.who(cast.li), sister_call.id, "家人来电话取消", NOW)
    assert take_up(session, cast.who(cast.xiaofang), again.id, NOW).state == "booked"
    assert third.date() in calls(session)


@pytest.mark.case("F2")
@pytest.mark.case("F12")
def test_a_conflict_found_by_the_clock_is_told_once_and_the_key_is_the_occurrences_own(session, cast):
    series = begun(session, cast)
    fifth = rows(session, series)[4]
    other = cast.who(sister(session, cast))
    later = NOW + timedelta(days=8)
    booked(session, cast, fifth.starts_at, "k9", other, later)
    assert book_planned(session, later) == 1
    session.refresh(fifth)
    assert (fifth.state, fifth.reason) == ("skipped", "conflict")
    (letter,) = letters(session, "series.skipped")
    assert (letter.key, letter.person_id) == (f"occurrence:{fifth.id}/1/skipped", cast.xiaofang.id)
    assert book_planned(session, later) == 0
    assert len(letters(session, "series.skipped")) == 1


def test_a_date_on_which_another_series_of_the_elder_falls_is_told_to_be_doubtful(session, cast):
    begun(session, cast)
    who = cast.who(sister(session, cast))
    seen = try_out(session, who, wish(cast, relative_id=who.person_id), client_key="s2", now=NOW)
    assert {one.reason for one in seen[:4]} == {"conflict"}
    assert {one.reason for one in seen[4:]} == {"may_clash"}


def test_a_closed_day_leaves_out_only_itself(session, cast):
    session.add(Closure(first_day=SUNDAY + WEEK, last_day=SUNDAY + WEEK, reason="台风"))
    series = begun(session, cast)
    assert told_of(session, series)[SUNDAY + WEEK] == ("skipped", "closed")
    assert states(session, series, 4) == ["booked", "skipped", "booked", "booked"]


@pytest.mark.case("F3")
def test_an_edit_of_all_leaves_the_past_and_what_was_moved_by_itself(session, cast):
    me, series = cast.who(cast.xiaofang), begun(session, cast)
    keys = [one.id for one in rows(session, series)]
    own = move_one(session, me, keys[2], SUNDAY_16 + 2 * WEEK + timedelta(hours=-2), NOW)
    later = SUNDAY_16 + timedelta(hours=2)  # the first is over
    outcome = edit(session, me, series.id, Edit(at=time(10)), later)
    found = rows(session, series)
    assert [one.id for one in found] == keys  # the same rows
    assert found[0].starts_at == SUNDAY_16
    assert (own.state, own.starts_at) == ("moved", SUNDAY_16 + 2 * WEEK - timedelta(hours=2))
    assert {one.starts_at.astimezone(CHINA).time() for one in (found[1], *found[3:])} == {time(10)}
    assert session.get_one(FamilyCall, found[1].call_id).starts_at == found[1].starts_at
    assert (outcome.changed, outcome.kept) == (6, 0)


@pytest.mark.case("F3")
def test_an_edit_from_one_on_leaves_those_before_it(session, cast):
    me, series = cast.who(cast.xiaofang), begun(session, cast)
    edit(session, me, series.id, Edit(at=time(9, 30)), NOW, since=SUNDAY + 2 * WEEK)
    times = [one.starts_at.astimezone(CHINA).time() for one in rows(session, series)]
    assert times == [time(16)] * 2 + [time(9, 30)] * 6


@pytest.mark.case("F3")
def test_an_edit_of_the_rule_gives_up_days_and_adds_others_and_comes_back(session, cast):
    me, series = cast.who(cast.xiaofang), begun(session, cast)
    before = {one.day: one.id for one in rows(session, series)}
    edit(session, me, series.id, Edit(rule=read("week-1-3")), NOW)
    live = [one.day for one in rows(session, series) if one.state in ("planned", "booked")]
    assert {one.isoweekday() for one in live} == {3}
    assert live == sundays(len(live), SUNDAY + timedelta(days=3))
    assert {told_of(session, series)[one] for one in before} == {("cancelled", "edited")}
    assert {one.isoweekday() for one in calls(session)} == {3}
    edit(session, me, series.id, Edit(rule=read("week-1-7")), NOW)
    again = {one.day: one for one in rows(session, series) if one.state in ("planned", "booked")}
    assert {key: one.id for key, one in again.items()} == before


TUESDAY = SUNDAY + timedelta(days=9)  # the second after the series begins


@pytest.mark.case("F3")
def test_another_rule_from_a_day_on_leaves_what_lies_before_it_and_is_seen_before_it_is_done(session, cast):
    me, series = cast.who(cast.xiaofang), begun(session, cast)
    wanted = Edit(rule=read("week-1-2"), anchor=TUESDAY)
    seen, outcome = try_edit(session, me, series.id, wanted, NOW, TUESDAY)
    assert [one.starts_at.astimezone(CHINA).date() for one in seen[:2]] == [TUESDAY, TUESDAY + WEEK]
    assert outcome.off == 2  # of the four that were booked
    assert (series.rule, {one.isoweekday() for one in calls(session)}) == ("week-1-7", {7})
    edit(session, me, series.id, wanted, NOW, TUESDAY)
    live = [one.day for one in rows(session, series) if one.state in ("planned", "booked")]
    assert live[:3] == [SUNDAY, SUNDAY + WEEK, TUESDAY]
    assert {one.isoweekday() for one in live[2:]} == {2}
    # Another hour for all that is to come is one for those by the old rule as well.
    edit(session, me, series.id, Edit(at=time(10)), NOW)
    again = [one for one in rows(session, series) if one.state in ("planned", "booked")]
    assert [one.day for one in again] == live
    assert {one.starts_at.astimezone(CHINA).time() for one in again} == {time(10)}


@pytest.mark.case("F3")
def test_from_one_date_on_that_date_goes_and_every_two_weeks_counts_from_the_first_new_day(session, cast):
    me, series = cast.who(cast.xiaofang), begun(session, cast)
    second = SUNDAY + WEEK
    own = move_one(session, me, rows(session, series)[3].id, SUNDAY_16 + 3 * WEEK - timedelta(hours=2), NOW)
    edit(session, me, series.id, Edit(rule=read("week-2-2"), anchor=TUESDAY), NOW, since=second)
    live = [one.day for one in rows(session, series) if one.state in ("planned", "booked", "moved")]
    assert live[:4] == [SUNDAY, TUESDAY, SUNDAY + 3 * WEEK, TUESDAY + 2 * WEEK]
    assert (own.state, told_of(session, series)[second]) == ("moved", ("cancelled", "edited"))
    edit(session, me, series.id, Edit(at=time(10)), NOW)
    assert told_of(session, series)[second] == ("cancelled", "edited")  # what was given up stays so


@pytest.mark.case("F7")
@pytest.mark.parametrize(
    ("code", "anchor", "expected"),
    [
        ("month-1-31", "2026-12-31", ["2026-12-31", "2027-01-31", "2027-02-28", "2027-03-31"]),
        ("nth-5-5", "2026-12-04", ["2026-12-25", "2027-01-29", "2027-02-26"]),
        ("lunar-1-15", "2026-12-02", ["2026-12-09", "2026-12-23", "2027-01-08"]),
        ("birthday-6L-10", "2026-12-02", ["2027-07-13"]),
        ("feast-moon", "2026-12-02", ["2027-09-15"]),
    ],
)
def test_weekly_becomes_monthly_lunar_or_a_birthday_from_a_day_on(session, cast, code, anchor, expected):
    me, series = cast.who(cast.xiaofang), begun(session, cast, on_holidays="keep")
    first = day(anchor)
    seen, _ = try_edit(session, me, series.id, Edit(rule=read(code), anchor=first), NOW, first)
    assert [one.starts_at.astimezone(CHINA).date().isoformat() for one in seen][: len(expected)] == expected


@pytest.mark.case("F5")
def test_another_rule_from_far_ahead_leaves_no_gap_before_it(session, cast):
    me, series = cast.who(cast.xiaofang), begun(session, cast)
    far = SUNDAY + 20 * WEEK + timedelta(days=2)
    edit(session, me, series.id, Edit(rule=read("week-1-2")), NOW, since=far)
    later = NOW + 19 * WEEK
    while generate(session, later):
        pass
    days = [one.day for one in rows(session, series)]
    assert days == [*sundays(21), *(far + n * WEEK for n in range(len(days) - 21))]
    assert days[-1] > far


@pytest.mark.parametrize(
    ("wanted", "since"),
    [(Edit(rule=read("week-1-2")), date(9999, 1, 1)), (Edit(rule=read("week-1-2"), anchor=date(9999, 1, 1)), None),
     (Edit(rule=read("week-1-2")), SUNDAY + 10 * WEEK), (Edit(rule=read("week-1-2"), anchor=SUNDAY + 10 * WEEK), None)],
)  # fmt: skip
def test_a_change_beyond_a_year_or_beyond_the_end_is_refused_and_nothing_is_tried(session, cast, wanted, since):
    me, series = cast.who(cast.xiaofang), begun(session, cast, last_day=SUNDAY + 8 * WEEK)
    for act in (try_edit, edit):
        with pytest.raises(Refused, match="bad_repeat"):
            act(session, me, series.id, wanted, NOW, since)
    assert {one.isoweekday() for one in calls(session)} == {7}


def test_a_stranger_tries_nothing(session, cast):
    series = begun(session, cast)
    with pytest.raises(Refused, match="not_yours"):
        try_edit(session, cast.who(cast.aming), series.id, Edit(rule=read("week-1-2")), NOW)


def test_where_the_new_time_is_taken_in_one_week_the_old_one_stands_there(session, cast):
    me, series = cast.who(cast.xiaofang), begun(session, cast)
    taken = SUNDAY_16 + WEEK - timedelta(hours=6)
    occupy(session, [cast.wangnainai.resource], taken, taken + timedelta(minutes=30), "call:9999")
    outcome = edit(session, me, series.id, Edit(at=time(10)), NOW)
    assert (outcome.changed, outcome.kept) == (7, 1)
    second = rows(session, series)[1]
    assert (second.starts_at, second.state, second.reason) == (SUNDAY_16 + WEEK, "booked", "kept")


@pytest.mark.case("F3")
def test_a_call_moved_in_its_own_conversation_is_moved_in_the_series_too(session, cast):
    me, series = cast.who(cast.xiaofang), begun(session, cast)
    one = rows(session, series)[1]
    move(session, me, one.call_id, one.starts_at - timedelta(hours=1), NOW)
    edit(session, me, series.id, Edit(at=time(9)), NOW)
    session.refresh(one)
    assert (one.state, one.starts_at) == ("moved", SUNDAY_16 + WEEK - timedelta(hours=1))


@pytest.mark.case("F4")
def test_cancelling_this_cancels_only_this(session, cast):
    me, series = cast.who(cast.xiaofang), begun(session, cast)
    skip(session, me, rows(session, series)[1].id, "有事", NOW)
    skip(session, me, rows(session, series)[1].id, "再点", NOW)
    assert states(session, series, 4) == ["booked", "skipped", "booked", "booked"]
    cancel(session, me, rows(session, series)[2].call_id, "临时有事", NOW)  # by the call's own link
    assert follow(session, NOW) == 1
    assert follow(session, NOW) == 0
    assert states(session, series, 4) == ["booked", "skipped", "cancelled", "booked"]
    assert series.state == "active"


@pytest.mark.case("F4", "G9")
def test_a_cancelled_call_that_is_on_again_is_its_dates_again(session, cast):
    me, series = cast.who(cast.xiaofang), begun(session, cast)
    call = rows(session, series)[1].call_id
    cancel(session, me, call, "点错了", NOW)
    follow(session, NOW)
    undo(session, me, call, NOW + timedelta(minutes=1))
    assert (follow(session, NOW), follow(session, NOW)) == (1, 0)
    assert states(session, series, 3) == ["booked"] * 3
    assert rows(session, series)[1].call_id == call


@pytest.mark.case("F4")
def test_cancelling_all_cancels_all_to_come_and_what_had_its_own_time(session, cast):
    me, series = cast.who(cast.xiaofang), begun(session, cast)
    move_one(session, me, rows(session, series)[2].id, SUNDAY_16 + 2 * WEEK - timedelta(hours=2), NOW)
    later = SUNDAY_16 + timedelta(hours=2)
    cancel_all(session, me, series.id, later)
    assert states(session, series) == ["booked"] + ["cancelled"] * 7  # the first was over
    assert sorted(calls(session)) == [SUNDAY]
    assert session.scalar(select(func.count()).where(Cell.cell_start > later)) == 0
    assert generate(session, later + AHEAD) == 0
    assert (series.state, cancel_all(session, me, series.id, later).state) == ("cancelled", "cancelled")


@pytest.mark.case("G10")
def test_an_uncancelled_series_has_its_coming_calls_again_and_its_past_stands(session, cast):
    me, series = cast.who(cast.xiaofang), begun(session, cast)
    skip(session, me, rows(session, series)[3].id, "有事", NOW)
    keys = [one.id for one in rows(session, series)]
    cancel_all(session, me, series.id, NOW)
    back = NOW + timedelta(days=8)  # the first Sunday has gone by
    restore(session, me, series.id, back)
    found = rows(session, series)
    assert [one.id for one in found][: len(keys)] == keys
    assert [one.state for one in found][:5] == ["cancelled", "booked", "booked", "skipped", "booked"]
    assert series.state == "active"
    assert [row.verb for row in history_of(session, series.subject)] == ["begin", "cancel", "restore"]
    assert restore(session, me, series.id, back).state == "active"


@pytest.mark.case("G10")
def test_a_series_cancelled_for_months_comes_back_without_a_gap_in_its_rows(session, cast):
    me, series = cast.who(cast.xiaofang), begun(session, cast)
    cancel_all(session, me, series.id, NOW)
    back = NOW + timedelta(days=120)
    restore(session, me, series.id, back)
    found = rows(session, series)
    assert [one.day for one in found] == sundays(len(found))
    assert {one.state for one in found if one.starts_at < back} == {"cancelled"}
    assert {one.state for one in found if one.starts_at > back} == {"booked", "planned"}


@pytest.mark.case("F6")
def test_a_round_of_three_days_every_two_days_overlaps_itself(session, cast, monkeypatch):
    check_fits(read("day-3"), SUNDAY, timedelta(days=3))
    with pytest.raises(Refused, match="overlaps_itself"):
        check_fits(read("day-2"), SUNDAY, timedelta(days=3))
    monkeypatch.setattr("models.family.repeating.CALL_LASTS", timedelta(days=3))
    with pytest.raises(Refused, match="overlaps_itself"):
        begun(session, cast, "day-2")


@pytest.mark.case("F8")
def test_the_end_of_a_series_is_told_a_fortnight_before_and_once(session, cast):
    me, series = cast.who(cast.xiaofang), begun(session, cast, last_day=SUNDAY + 5 * WEEK)
    assert say_ending(session, NOW) == 0
    soon = SUNDAY_16 + 3 * WEEK
    assert (say_ending(session, soon), say_ending(session, soon)) == (1, 0)
    assert [letter.person_id for letter in letters(session, "series.ending")] == [cast.xiaofang.id]
    prolong(session, me, series.id, SUNDAY + 20 * WEEK, soon)
    assert say_ending(session, soon) == 0
    found = rows(session, series)
    assert [one.day for one in found] == sundays(len(found))
    assert found[-1].day > SUNDAY + 5 * WEEK
    assert say_ending(session, SUNDAY_16 + 19 * WEEK) == 1


@pytest.mark.case("F8")
def test_a_series_that_ran_out_is_over_and_can_be_prolonged(session, cast):
    me, series = cast.who(cast.xiaofang), begun(session, cast, last_day=SUNDAY + WEEK)
    after = SUNDAY_16 + 2 * WEEK
    assert (run_out(session, NOW), run_out(session, after), series.state) == (0, 1, "ended")
    with pytest.raises(Refused, match="bad_repeat"):
        prolong(session, me, series.id, SUNDAY, after)
    prolong(session, me, series.id, SUNDAY + 9 * WEEK, after)
    assert series.state == "active"
    assert [one.day for one in rows(session, series)] == sundays(10)


@pytest.mark.case("F11")
def test_beyond_the_known_holidays_rows_say_so_and_are_looked_at_again_when_they_are_known(session, cast, monkeypatch):
    series = begun(session, cast)
    known = {one.day: one.calendar_known for one in rows(session, series)}
    assert {key: value for key, value in known.items() if value} == dict.fromkeys(sundays(5), True)
    assert not known[day("2027-01-03")]
    assert [one.calendar_known for one in glances(session, series, NOW)] == [True] * 5 + [False] * 3
    assert reconsider_unknown(session, NOW) == 0
    # The State Council publishes 2027: the third of January is a holiday.
    monkeypatch.setattr(WorkCalendar, "knows", lambda self, year: True)
    plain = WorkCalendar.is_holiday
    holiday = {day("2027-01-03")}
    monkeypatch.setattr(WorkCalendar, "is_holiday", lambda self, one: one in holiday or plain(self, one))
    assert reconsider_unknown(session, NOW) == 1
    assert told_of(session, series)[day("2027-01-03")] == ("skipped", "holiday")
    assert all(one.calendar_known for one in rows(session, series))
    assert [letter.facts["reason"] for letter in letters(session, "series.skipped")] == ["holiday"]
    assert reconsider_unknown(session, NOW) == 0


@pytest.mark.case("F11")
def test_a_notice_of_the_county_takes_a_booked_call_and_its_withdrawal_brings_it_back(session, cast):
    series = begun(session, cast)
    notice = CalendarOverride(day=SUNDAY + WEEK, is_workday=False, name="调休")
    session.add(notice)
    session.flush()
    assert (reconsider(session, NOW), reconsider(session, NOW)) == (1, 0)
    assert told_of(session, series)[SUNDAY + WEEK] == ("skipped", "holiday")
    assert SUNDAY + WEEK not in calls(session)
    session.delete(notice)
    session.flush()
    assert (reconsider(session, NOW), book_planned(session, NOW)) == (1, 1)
    assert told_of(session, series)[SUNDAY + WEEK] == ("booked", "")


def test_a_call_booked_before_is_the_first_of_its_series(session, cast):
    call = booked(session, cast)
    series = begun(session, cast, call=call)
    assert (rows(session, series)[0].call_id, states(session, series, 4)) == (call.id, ["booked"] * 4)


def test_a_wish_that_cannot_be_is_refused(session, cast):
    for wrong in ("week-0-7", "week-1-8", "month-1-32", "lunar-31", "feast-xmas", "birthday-13-1", "x", "week-1", ""):
        with pytest.raises(Refused, match="bad_repeat"):
            read(wrong)
    for wrong in ({"last_day": SUNDAY - WEEK}, {"on_holidays": "never"}):
        with pytest.raises(Refused, match="bad_repeat"):
            begun(session, cast, **wrong)
    with pytest.raises(Refused, match="no_link"):
        begin(
            session, cast.who(cast.aming), wish(cast, relative_id=cast.aming.id), client_key="s", now=NOW
        )  # fmt: skip


@pytest.mark.case("F12")
def test_an_occurrence_keeps_its_key_through_all_that_happens_to_it(session, cast):
    me, series = cast.who(cast.xiaofang), begun(session, cast)
    one = rows(session, series)[1]
    key, seen = one.id, [one.revision]
    for step in (
        lambda: move_one(session, me, key, one.starts_at - timedelta(hours=1), NOW),
        lambda: skip(session, me, key, "", NOW),
        lambda: take_up(session, me, key, NOW),
    ):
        step()
        found = session.get_one(Occurrence, key)
        assert (found.day, found.series_id) == (SUNDAY + WEEK, series.id)
        seen.append(found.revision)
    assert seen == sorted(set(seen))
    assert date.fromisoformat("2026-12-06") == SUNDAY + WEEK


def test_of_two_who_begin_with_one_key_at_once_both_have_the_same_series(open_session, cast):
    barrier = Barrier(2)

    def begin_it():
        barrier.wait(20)
        with open_session() as session, session.begin():
            return begun(session, cast, key="one-tap").id

    with ThreadPoolExecutor(2) as pool:
        first, second = (one.result(60) for one in [pool.submit(begin_it) for _ in range(2)])
    assert first == second
