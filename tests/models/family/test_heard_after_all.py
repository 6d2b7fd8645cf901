"""Who takes over a call day has all of it; what was taken back for a stay in hospital is said after it; an answer is
heard by who asked; nobody is sent to ask for a leave that is given."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, select

from handlers.people.befalling import mark
from models.family import devices, news
from models.family.call_days import calls_on
from models.family.changing import accept, decline, propose
from models.family.keeping import who_is
from models.family.leaving import list_without_helper, take_over
from models.family.pairing import ask_overdue, pair
from models.family.reseating import to_reserve
from models.people import consent
from models.people.staff import StaffRole, end_role
from models.places.cells import occupy
from tests.models.family.test_call_days import families, held_at, made
from tests.models.family.test_calls import SUNDAY_16, booked
from tests.models.family.test_guests import helper_as_guest
from tests.models.family.test_parting import colleague, second_helper
from tests.models.family.test_second_times import another_helps, living, off_and_on, planned, states, words_to
from tests.models.family.test_ways import DAY_BEFORE, rung
from tests.world import NOW

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def left_to(session, cast, helper):
    """李站长 is a cadre no more; how many calls `helper` takes over, and how many are left."""
    session.execute(delete(StaffRole).where(StaffRole.person_id == cast.li.id))
    list_without_helper(session, NOW)
    return take_over(session, who_is(helper), living(session, "series_helper").id, NOW + MINUTE)


def test_who_takes_over_the_calls_of_a_day_has_the_day(session, cast):
    families(session, cast, 1)
    helper, day = second_helper(session, cast), made(session, cast)
    call = calls_on(session, day.id)[0]
    another_helps(session, cast, helper)
    to_reserve(session, who_is(helper), call.id, call.starts_at + 10 * MINUTE)
    assert (call.helper_id, planned(session, "family.booked", cast.li)) == (helper.id, [])
    assert held_at(session, helper.resource, call.starts_at) == day.subject  # nobody else books them then


def test_who_has_something_else_to_do_takes_over_no_call_of_a_day(session, cast):
    families(session, cast, 1)
    helper, day = second_helper(session, cast), made(session, cast)
    call = calls_on(session, day.id)[0]
    occupy(session, [helper.resource], call.starts_at, call.ends_at, "call:9999")
    assert left_to(session, cast, helper) == (0, 2)


def test_a_guest_takes_over_no_call_that_they_are_on(session, cast):
    _, helper = helper_as_guest(session, cast)
    assert left_to(session, cast, helper) == (0, 1)
    assert len(planned(session, "family.reminder", helper)) == 3  # not as a guest and as the helper, each time


@pytest.mark.parametrize("kind", ["family.paired", "family.pairing_due"])
def test_a_volunteer_who_had_still_to_hear_of_a_pair_hears_when_the_elder_is_home(session, cast, kind):
    pair(session, cast.who(cast.li), cast.ama.id, cast.wangnainai.id, 7, NOW)
    at = NOW
    if kind == "family.pairing_due":
        planned(session, "family.paired")[0].state = "delivered"
        session.flush()
        at = NOW + 8 * DAY
        assert ask_overdue(session, at) == 1
    mark(session, cast.who(cast.li), cast.wangnainai.id, "pause", at)
    assert planned(session, kind, cast.ama) == []
    mark(session, cast.who(cast.li), cast.wangnainai.id, "resume", at + DAY)
    ask_overdue(session, at + DAY)
    assert len(planned(session, kind, cast.ama)) == 1


def test_news_that_nobody_had_heard_of_are_said_when_the_elder_is_home(session, cast):
    consent.agree(session, cast.who(cast.li), cast.wangnainai.id, "home_news", NOW)
    news.write(session, cast.who(cast.li), cast.wangnainai.id, "很好", NOW)
    mark(session, cast.who(cast.li), cast.wangnainai.id, "pause", NOW)
    mark(session, cast.who(cast.li), cast.wangnainai.id, "resume", NOW + DAY)
    assert len(planned(session, "family.news", cast.xiaofang)) == 1


def test_who_is_no_volunteer_any_more_is_not_asked_to_look_in(session, cast):
    pair(session, cast.who(cast.li), cast.ama.id, cast.wangnainai.id, 7, NOW)
    for role in session.scalars(select(StaffRole).where(StaffRole.person_id == cast.ama.id)).all():
        end_role(session, role, NOW + DAY)
    assert ask_overdue(session, NOW + 8 * DAY) == 1
    assert planned(session, "family.pairing_due", cast.ama) == []


def test_the_letter_about_a_pair_says_the_rhythm_that_it_has(session, cast):
    pair(session, cast.who(cast.li), cast.ama.id, cast.wangnainai.id, 7, NOW)
    pair(session, cast.who(cast.li), cast.ama.id, cast.wangnainai.id, 30, NOW + MINUTE)
    assert [one.facts["days"] for one in planned(session, "family.paired")] == [30]


@pytest.mark.parametrize("how", ["off_and_on", "helper"])
def test_who_asked_a_family_and_does_not_help_hears_the_no_whatever_changes_then(session, cast, how):
    call, helper = booked(session, cast), second_helper(session, cast)
    asks = colleague(session, "钟网格员", "grid_officer", cast.village)
    question = propose(session, who_is(asks), call.id, SUNDAY_16 + DAY, "设备坏了", "keep", NOW)
    decline(session, cast.who(cast.xiaofang), question.id, NOW)
    assert words_to(session, asks) == ["family.kept"]
    if how == "helper":
        another_helps(session, cast, helper)
    else:
        off_and_on(session, cast.who(cast.xiaofang), call)
    assert words_to(session, asks) == ["family.kept"]


def test_who_asked_a_family_and_does_not_help_hears_the_yes(session, cast):
    call = booked(session, cast)
    asks = colleague(session, "钟网格员", "grid_officer", cast.village)
    question = propose(session, who_is(asks), call.id, SUNDAY_16 + DAY, "设备坏了", "keep", NOW)
    accept(session, cast.who(cast.xiaofang), question.id, NOW)
    assert words_to(session, asks) == ["family.changed"]


def test_a_phone_that_may_be_rung_is_nobodys_task_for_the_next_call_either(session, cast):
    call = rung(session, cast)
    other = booked(session, cast, SUNDAY_16 - HOUR, "k2")
    other.way = "device_voip"
    session.flush()
    assert (other.station_id, devices.look_ahead(session, DAY_BEFORE)) == (call.station_id, 2)
    devices.said(session, call, cast.xiaofang.id, "granted", DAY_BEFORE + MINUTE)
    assert states(session, "device_grant") == ["cancelled", "cancelled"]
