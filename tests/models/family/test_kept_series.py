"""What a change of a series leaves alone: the hour of days before it, a call that has begun, two who are parted."""

from datetime import date, time, timedelta

import pytest
from sqlalchemy import select, update

from handlers.people.befalling import mark
from models.errors import Refused
from models.family import parting
from models.family.calls import FamilyCall
from models.family.editing import Edit, Outcome, edit
from models.family.occurrences import follow
from models.family.reconsidering import reconsider
from models.family.recurring import read
from models.family.resting import cancel_all, prolong, restore, resume, suspend
from models.hours import CHINA, CalendarOverride
from models.people import consent
from models.people.persons import Person
from tests.models.family.serial import SUNDAY, begun, rows, sundays, told_of
from tests.models.family.test_calls import SUNDAY_16
from tests.models.family.test_parting import link_of
from tests.models.family.test_series import WEEK
from tests.world import NOW

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
NINE = time(9, 30)


def hours(session, series, count=4):
    """At what hour the first few are."""
    return [one.starts_at.astimezone(CHINA).time() for one in rows(session, series)[:count]]


def off(session, day):
    """A holiday by the county's notice."""
    notice = CalendarOverride(day=day, is_workday=False, name="调休")
    session.add(notice)
    session.flush()
    return notice


def later_at_nine(session, cast, **more):
    """At half past nine from 13 December on; the two before stay at four."""
    series = begun(session, cast, **more)
    edit(session, cast.who(cast.xiaofang), series.id, Edit(at=NINE), NOW, since=SUNDAY + 2 * WEEK)
    return series


@pytest.mark.case("F3")
@pytest.mark.parametrize("wanted", [
    Edit(on_holidays="keep"), Edit(rule=read("week-1-7")), Edit(last_day=SUNDAY + 20 * WEEK),
], ids=["holidays", "rule", "last day"])  # fmt: skip
def test_a_change_that_names_no_hour_leaves_each_day_its_own(session, cast, wanted):
    series = later_at_nine(session, cast)
    held = [(one.call_id, one.starts_at) for one in rows(session, series)]
    assert edit(session, cast.who(cast.xiaofang), series.id, wanted, NOW) == Outcome(0, 0)
    assert [(one.call_id, one.starts_at) for one in rows(session, series)] == held
    assert hours(session, series) == [time(16), time(16), NINE, NINE]


@pytest.mark.case("F3")
def test_a_holiday_that_is_made_up_for_after_all_has_the_hour_of_its_day(session, cast):
    off(session, SUNDAY + WEEK)
    series = later_at_nine(session, cast)
    assert told_of(session, series)[SUNDAY + WEEK] == ("skipped", "holiday")
    edit(session, cast.who(cast.xiaofang), series.id, Edit(on_holidays="shift"), NOW)
    shifted = rows(session, series)[1]
    assert (shifted.state, shifted.starts_at) == ("booked", SUNDAY_16 + WEEK + DAY)


@pytest.mark.case("F3")
@pytest.mark.parametrize("how", ["edit", "notice"])
def test_a_holiday_that_was_left_out_while_the_hour_changed_comes_back_at_the_new_one(session, cast, how):
    notice = off(session, SUNDAY + WEEK)
    series, me = begun(session, cast), cast.who(cast.xiaofang)
    edit(session, me, series.id, Edit(at=NINE), NOW)
    if how == "edit":
        edit(session, me, series.id, Edit(on_holidays="shift"), NOW + MINUTE)
    else:
        session.delete(notice)
        session.flush()
        reconsider(session, NOW + MINUTE)
    assert hours(session, series) == [NINE] * 4
    assert rows(session, series)[1].state == ("booked" if how == "edit" else "planned")


@pytest.mark.case("F3")
def test_what_an_earlier_rule_took_away_comes_back_at_the_hour_of_the_series(session, cast):
    series, me = begun(session, cast), cast.who(cast.xiaofang)
    for wanted in (Edit(rule=read("week-2-7")), Edit(at=NINE), Edit(rule=read("week-1-7"))):
        edit(session, me, series.id, wanted, NOW)
    assert [one.day for one in rows(session, series)] == sundays(8)
    assert hours(session, series, 8) == [NINE] * 8


def begins(session, series, state, row=0):
    """Its first call is under way before its time."""
    call = session.get_one(FamilyCall, rows(session, series)[row].call_id)
    call.state = state
    session.flush()
    return call


EARLY = SUNDAY_16 - 5 * MINUTE


@pytest.mark.case("F4")
@pytest.mark.parametrize("deed", [
    lambda session, cast, key: suspend(session, cast.who(cast.xiaofang), key, EARLY),
    lambda session, cast, key: cancel_all(session, cast.who(cast.xiaofang), key, EARLY),
    lambda session, cast, _: mark(session, cast.who(cast.li), cast.wangnainai.id, "pause", EARLY),
    lambda session, cast, _: mark(session, cast.who(cast.li), cast.wangnainai.id, "die", EARLY),
    lambda session, cast, _: parting.part(session, cast.who(cast.chen), link_of(session, cast).id, EARLY),
    lambda session, cast, key: edit(session, cast.who(cast.xiaofang), key, Edit(rule=read("week-1-6")), EARLY),
], ids=["rests", "ends", "hospital", "death", "parted", "another rule"])  # fmt: skip
def test_a_call_that_has_begun_early_goes_on_when_its_series_does_not(session, cast, deed):
    series = begun(session, cast)
    call = begins(session, series, "in_call")
    deed(session, cast, series.id)
    sunday = [one for one in rows(session, series) if one.day in sundays(8)]
    assert (call.state, sunday[0].state) == ("in_call", "booked")
    assert {one.state for one in sunday[1:]} in ({"skipped"}, {"cancelled"})
    call.state = "completed"
    session.flush()
    follow(session, SUNDAY_16 + DAY)
    assert sunday[0].state == "done"


@pytest.mark.case("F4")
def test_of_a_series_that_another_rule_ends_what_is_under_way_is_not_counted_as_off(session, cast):
    series = begun(session, cast)
    begins(session, series, "in_call")
    assert edit(session, cast.who(cast.xiaofang), series.id, Edit(rule=read("week-1-6")), EARLY).off == 3


@pytest.mark.case("F3")
@pytest.mark.parametrize("state", ["checked_in", "in_call"])
def test_a_new_hour_leaves_a_call_for_which_the_elder_has_come_at_its_own(session, cast, state):
    series, me = begun(session, cast), cast.who(cast.xiaofang)
    call, at = begins(session, series, state), time(16, 30)
    outcome = edit(session, me, series.id, Edit(at=at), EARLY)
    assert outcome.kept == 1
    assert (call.state, call.starts_at) == (state, SUNDAY_16)
    assert hours(session, series) == [time(16), at, at, at]
    assert told_of(session, series)[SUNDAY] == ("booked", "kept")


@pytest.mark.case("F1")
def test_a_call_that_has_begun_is_not_ended_by_a_notice_of_a_holiday(session, cast):
    series = begun(session, cast)
    call = begins(session, series, "in_call")
    off(session, SUNDAY)
    off(session, SUNDAY + WEEK)
    assert reconsider(session, EARLY) == 1
    assert (call.state, told_of(session, series)[SUNDAY][0]) == ("in_call", "booked")


def back(session, who, series, now):
    """An ended series goes on."""
    return restore(session, who, series.id, now)


def longer(session, who, series, now):
    """It goes on until later."""
    return prolong(session, who, series.id, SUNDAY + 20 * WEEK, now)


def made(session, cast, deed):
    """A series that can be taken up again or prolonged."""
    series = begun(session, cast, last_day=SUNDAY + 10 * WEEK)
    if deed is back:
        cancel_all(session, cast.who(cast.xiaofang), series.id, NOW)
    return series


AGAIN = pytest.mark.parametrize("deed", [back, longer])


def refused(session, cast, deed, series, cadres, relatives):
    """Neither the cadre nor the relative lets it go on, and why."""
    for who, code in ((cast.li, cadres), (cast.xiaofang, relatives)):
        with pytest.raises(Refused, match=code):
            deed(session, cast.who(who), series, NOW)


@pytest.mark.case("L6")
@AGAIN
def test_no_series_of_two_who_are_parted_goes_on(session, cast, deed):
    series = made(session, cast, deed)
    link_of(session, cast).state = "revoked"
    session.flush()
    refused(session, cast, deed, series, "not_together", "not_yours")


@pytest.mark.case("L6")
@AGAIN
def test_no_series_goes_on_without_the_consent_to_calls(session, cast, deed):
    series, li, elder = made(session, cast, deed), cast.who(cast.li), cast.wangnainai.id
    consent.agree(session, li, elder, "family_calls", NOW)
    consent.take_back(session, li, elder, "family_calls", NOW)
    refused(session, cast, deed, series, "consent_withdrawn", "consent_withdrawn")


@pytest.mark.case("F9")
@AGAIN
def test_no_series_goes_on_for_who_is_not_here(session, cast, deed):
    series = made(session, cast, deed)
    session.execute(update(Person.__table__).where(Person.id == cast.wangnainai.id).values(state="paused"))
    refused(session, cast, deed, series, "not_together", "not_active")


@pytest.mark.case("E9")
@AGAIN
def test_no_series_with_a_child_goes_on_without_a_guardian(session, cast, deed):
    series = made(session, cast, deed)
    session.get_one(Person, cast.wangnainai.id).born = date(2020, 1, 1)
    session.flush()
    refused(session, cast, deed, series, "guardian_missing", "guardian_missing")


def test_what_rests_for_a_stay_in_hospital_goes_on_after_it_with_the_call_that_was_under_way(session, cast):
    series = begun(session, cast)
    begins(session, series, "in_call")
    suspend(session, cast.who(cast.xiaofang), series.id, EARLY)
    resume(session, cast.who(cast.xiaofang), series.id, EARLY + MINUTE)
    assert [one.state for one in rows(session, series)[:4]] == ["booked"] * 4
    live = session.scalars(select(FamilyCall.state).where(FamilyCall.state.in_(("booked", "in_call")))).all()
    assert sorted(live) == ["booked"] * 3 + ["in_call"]
