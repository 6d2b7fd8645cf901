"""Whose calls need another helper, and who can take them over: where a helper serves now, and how far the road is."""

from datetime import timedelta

import pytest
from sqlalchemy import delete

from models.family.call_days import CallDay, calls_on
from models.family.homes import set_out
from models.family.keeping import who_is
from models.family.leaving import list_without_helper, take_over
from models.people.persons import Person
from models.people.staff import StaffRole, end_role, roles_of
from models.places.cells import occupy
from tests.models.family.in_turn import one_waits
from tests.models.family.test_call_days import families, made
from tests.models.family.test_calls import SUNDAY_16, booked
from tests.models.family.test_heard_after_all import left_to
from tests.models.family.test_homes import for_grandpa
from tests.models.family.test_parting import second_helper
from tests.models.family.test_second_times import living
from tests.world import NOW

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
HALF = timedelta(minutes=30)


def goes_elsewhere(session, person, area, role="station_cadre"):
    """Their role here ends, and they have one over another area."""
    for one in roles_of(session, person.id):
        end_role(session, one, NOW)
    session.add(StaffRole(person_id=person.id, role=role, area_id=area.id, since=NOW))
    session.flush()


@pytest.mark.case("F10")
def test_a_helper_who_serves_another_village_now_is_replaced(session, cast):
    call, helper = booked(session, cast), second_helper(session, cast)
    goes_elsewhere(session, cast.li, cast.other_village)
    assert (list_without_helper(session, NOW), list_without_helper(session, NOW)) == (1, 0)
    assert take_over(session, who_is(helper), living(session, "series_helper").id, NOW) == (1, 0)
    assert (call.helper_id, list_without_helper(session, NOW)) == (helper.id, 0)


@pytest.mark.case("F10")
@pytest.mark.parametrize("over", ["township", "grid"])
def test_a_helper_who_still_serves_the_elder_or_the_centre_stays(session, cast, over):
    """Of a hamlet whose elder comes to the centre of the village, say; or of all of the township."""
    session.get_one(Person, cast.wangnainai.id).area_id = cast.grid.id
    booked(session, cast)
    goes_elsewhere(session, cast.li, getattr(cast, over), "grid_officer")
    assert list_without_helper(session, NOW) == 0


@pytest.mark.case("F10")
def test_an_elder_who_has_moved_keeps_the_helper_of_the_centre(session, cast):
    booked(session, cast)
    session.get_one(Person, cast.wangnainai.id).area_id = cast.other_village.id
    session.flush()
    assert list_without_helper(session, NOW) == 0


@pytest.mark.case("F10")
def test_a_helper_in_hospital_is_replaced(session, cast):
    booked(session, cast)
    session.get_one(Person, cast.li.id).state = "paused"
    session.flush()
    assert list_without_helper(session, NOW) == 1


@pytest.mark.case("E4")
@pytest.mark.parametrize(("gap", "taken"), [(timedelta(0), 0), (HALF, 1)])
def test_who_cannot_be_there_in_time_takes_over_no_call(session, cast, hills, gap, taken):
    """Twenty minutes from the hamlet in which the other call of the new helper is."""
    call, helper = booked(session, cast, SUNDAY_16 - 2 * HOUR), second_helper(session, cast)
    area = session.get_one(Person, hills.grandpa.id).area_id
    occupy(session, [helper.resource], call.ends_at + gap, call.ends_at + gap + HALF, "call:9999", area)
    assert left_to(session, cast, helper) == (taken, 1 - taken)
    assert call.helper_id == (helper.id if taken else cast.li.id)


@pytest.mark.case("E4")
def test_who_cannot_be_there_in_time_takes_over_no_call_day(session, cast, hills):
    families(session, cast, 1)
    helper, day = second_helper(session, cast), made(session, cast)
    many = len(calls_on(session, day.id))
    area = session.get_one(Person, hills.grandpa.id).area_id
    occupy(session, [helper.resource], day.ends_at, day.ends_at + HALF, "call:9999", area)
    assert left_to(session, cast, helper) == (0, many)
    assert session.get_one(CallDay, day.id).helper_id == cast.li.id


@pytest.mark.case("E4")
def test_a_call_that_is_booked_at_this_moment_is_waited_for_before_the_road_is_reckoned(
    open_session, cast, hills, engine
):  # fmt: skip
    with open_session() as session, session.begin():
        booked(session, cast, SUNDAY_16 - 2 * HOUR)
        helper = who_is(second_helper(session, cast))
        session.execute(delete(StaffRole).where(StaffRole.person_id == cast.li.id))
        list_without_helper(session, NOW)
        task = living(session, "series_helper").id
    with one_waits(open_session, engine, lambda later: take_over(later, helper, task, NOW)) as (first, answer):
        first.get_one(Person, helper.person_id, with_for_update={"key_share": True})
        busy = [f"person:{helper.person_id}"]
        occupy(first, busy, SUNDAY_16 - 3 * HALF, SUNDAY_16 - 2 * HALF, "call:9999", hills.grandpa.area_id)
    assert answer() == (0, 1)


def test_who_takes_over_has_not_set_out(session, cast, hills):
    call, helper = for_grandpa(session, hills, SUNDAY_16 - 2 * HOUR), second_helper(session, cast)
    now = call.starts_at - HOUR
    set_out(session, cast.who(cast.li), call.id, now)
    assert call.set_out_at == now
    session.execute(delete(StaffRole).where(StaffRole.person_id == cast.li.id))
    list_without_helper(session, now)
    assert take_over(session, who_is(helper), living(session, "series_helper").id, now + MINUTE) == (1, 0)
    assert (call.helper_id, call.set_out_at) == (helper.id, None)
    set_out(session, who_is(helper), call.id, now + 2 * MINUTE)
    assert call.set_out_at == now + 2 * MINUTE
