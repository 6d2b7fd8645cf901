"""Calls at home: the helper brings a screen, and roads, the battery and the vehicle are reckoned with."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import select

from models.errors import Refused
from models.family.booking import book, move
from models.family.calls import AT_CENTRE, AT_HOME
from models.family.ending import cancel
from models.family.homes import set_out
from models.family.outcomes import report
from models.family.seating import plan_day
from models.history import history_of
from models.messages.letters import Letter
from models.people.mobility import write_homebound
from models.people.persons import Person
from models.people.staff import StaffRole
from models.places.cells import Cell
from models.places.centres import Station
from models.places.equipment import Equipment
from tests.models.family.test_calls import SUNDAY_16, booked, cells_of
from tests.models.family.test_slots import clocks, slots
from tests.world import NOW

HALF = timedelta(minutes=30)


def for_grandpa(session, hills, starts_at, key="g1", now=NOW):
    return book(session, hills.son, cared_id=hills.grandpa.id, starts_at=starts_at, client_key=key, now=now)


def helper_too(session, cast):
    session.add(StaffRole(person_id=cast.aming.id, role="grid_officer", area_id=cast.village.id, since=NOW))
    session.flush()


def car(session, cast, name="浙K12345"):
    made = Equipment(centre_id=cast.centre.id, kind="vehicle", name=name)
    session.add(made)
    session.flush()
    return made


def test_a_homebound_elder_is_visited_with_the_screen_that_goes_along(session, cast, hills):
    call = booked(session, cast, SUNDAY_16 - HALF)
    assert (call.venue_mode, call.station_id, call.helper_id) == (AT_HOME, hills.tablet.id, cast.li.id)
    assert cells_of(session, call)[hills.tablet.resource] == 2
    where = set(session.scalars(select(Cell.area_id).where(Cell.held_by == call.subject)))
    assert where == {session.get_one(Person, cast.wangnainai.id).area_id}
    letter = session.scalars(select(Letter).where(Letter.kind == "family.booked")).one()
    assert letter.facts["at_home"] is True


def test_the_way_there_and_back_lies_within_the_hours_of_the_centre(session, cast, hills):
    free = clocks(slots(session, cast))
    # Open from 8:30 to 17:00, and forty minutes on the road each way.
    assert (free[0], free[-1]) == ("09:30", "15:30")
    with pytest.raises(Refused, match="bad_time"):
        booked(session, cast, SUNDAY_16 + HALF)


@pytest.mark.case("D14")
def test_one_tablet_goes_to_two_homes_only_where_the_road_between_them_is_long_enough(session, cast, hills):
    helper_too(session, cast)  # a second helper, and still one tablet
    booked(session, cast, SUNDAY_16 - HALF)
    with pytest.raises(Refused, match="slot_taken"):
        for_grandpa(session, hills, SUNDAY_16)  # at once after: twenty minutes of road lie between
    assert for_grandpa(session, hills, SUNDAY_16 - 3 * HALF).station_id == hills.tablet.id


@pytest.mark.case("D14")
def test_a_battery_that_has_no_further_call_in_it_is_not_taken_along(session, cast, hills):
    session.get_one(Station, hills.tablet.id).battery_minutes = 60
    session.flush()
    booked(session, cast, SUNDAY_16 - 4 * HALF)
    call = for_grandpa(session, hills, SUNDAY_16 - HALF)
    assert slots(session, cast) == []  # an hour of that day is used up
    with pytest.raises(Refused, match="slot_taken"):
        booked(session, cast, SUNDAY_16 - 9 * HALF, key="k2")
    # It is charged over night, and whoever moves their own call within the day has its half-hour to spend.
    assert slots(session, cast, SUNDAY_16.date() + timedelta(days=1))
    assert move(session, hills.son, call.id, SUNDAY_16 - 9 * HALF, NOW).station_id == hills.tablet.id


@pytest.mark.case("D14")
def test_what_a_call_took_of_the_battery_is_gone_when_the_call_is_over(session, cast, hills):
    session.get_one(Station, hills.tablet.id).battery_minutes = 60
    first = booked(session, cast, SUNDAY_16 - 8 * HALF)
    second = for_grandpa(session, hills, SUNDAY_16 - 3 * HALF)
    report(session, cast.who(cast.li), first.id, "completed", first.ends_at, first.ends_at)
    soon = first.ends_at
    assert slots(session, cast, SUNDAY_16.date(), now=soon) == []
    cancel(session, hills.son, second.id, "", soon)
    assert slots(session, cast, SUNDAY_16.date(), now=soon)


@pytest.mark.case("D14")
def test_of_two_families_that_want_the_last_half_hour_of_a_battery_one_gets_it(open_session, cast, hills):
    with open_session() as session, session.begin():
        session.get_one(Station, hills.tablet.id).battery_minutes = 30
        helper_too(session, cast)
    start = Barrier(2)

    def want(n):
        with open_session() as session, session.begin():
            start.wait(20)
            try:
                if n:
                    return for_grandpa(session, hills, SUNDAY_16 - 8 * HALF).id
                return booked(session, cast, SUNDAY_16 - HALF).id
            except Refused as refusal:
                return refusal.code

    with ThreadPoolExecutor(2) as pool:
        heard = list(pool.map(want, range(2)))
    assert heard.count("slot_taken") == 1, heard


def test_a_vehicle_goes_along_where_the_centre_has_any_and_the_road_calls_for_one(session, cast, hills):
    helper_too(session, cast)
    session.add(Station(room_id=hills.tablet.room_id, name="平板2号", kind="portable_call"))
    made = car(session, cast)
    call = booked(session, cast, SUNDAY_16 - HALF)
    assert call.vehicle_id == made.id and cells_of(session, call)[made.resource] == 2
    with pytest.raises(Refused, match="slot_taken"):
        for_grandpa(session, hills, SUNDAY_16 - HALF)  # another helper, another tablet, no car
    another = car(session, cast, "浙K54321")
    assert for_grandpa(session, hills, SUNDAY_16 - HALF).vehicle_id == another.id
    cancel(session, cast.who(cast.xiaofang), call.id, "临时有事", NOW)
    assert not cells_of(session, call)


def test_in_the_centres_own_village_nobody_needs_a_vehicle(session, cast, hills):
    car(session, cast)
    session.get_one(Person, cast.wangnainai.id).area_id = cast.village.id
    session.flush()
    call = booked(session, cast)
    assert (call.venue_mode, call.vehicle_id) == (AT_HOME, None)
    assert clocks(slots(session, cast))[0] == "08:30"


def test_what_stands_keeps_its_place_until_it_is_moved(session, cast, hills):
    call = booked(session, cast, SUNDAY_16 - HALF)
    write_homebound(session, cast.who(cast.li), cast.wangnainai.id, False, NOW)
    assert call.venue_mode == AT_HOME
    move(session, cast.who(cast.xiaofang), call.id, SUNDAY_16, NOW)
    assert (call.venue_mode, call.station_id) == (AT_CENTRE, cast.stations[0].id)
    rows = history_of(session, f"mobility:{cast.wangnainai.id}")
    assert [(row.from_state, row.to_state) for row in rows] == [("mobile", "homebound"), ("homebound", "mobile")]
    for stranger in (cast.aming, cast.zhao, cast.xiaofang):
        with pytest.raises(Refused, match="not_yours"):
            write_homebound(session, cast.who(stranger), cast.wangnainai.id, True, NOW)


def test_the_family_hears_when_the_helper_has_set_out_and_hears_it_once(session, cast, hills):
    call, li = booked(session, cast, SUNDAY_16 - HALF), cast.who(cast.li)
    with pytest.raises(Refused, match="wrong_state"):
        set_out(session, li, call.id, NOW)  # days before
    leaves = call.starts_at - timedelta(minutes=45)
    _, arrives = set_out(session, li, call.id, leaves)
    assert arrives == call.starts_at - timedelta(minutes=5)
    assert set_out(session, li, call.id, leaves + timedelta(minutes=3)) == (call, arrives)
    told = session.scalars(select(Letter).where(Letter.kind == "family.on_the_way")).all()
    assert [(one.person_id, one.facts["arrives_at"]) for one in told] == [(cast.xiaofang.id, arrives.isoformat())]
    for stranger in (cast.xiaofang, cast.zhao):
        with pytest.raises(Refused, match="not_yours"):
            set_out(session, cast.who(stranger), call.id, leaves)


def test_nobody_sets_out_to_a_call_at_the_centre(session, cast):
    call = booked(session, cast)
    with pytest.raises(Refused, match="wrong_state"):
        set_out(session, cast.who(cast.li), call.id, call.starts_at - HALF)


def test_where_nothing_goes_along_the_family_hears_whom_to_call(session, cast, hills):
    session.delete(session.get_one(Station, hills.tablet.id))
    session.flush()
    with pytest.raises(Refused, match="no_station"):
        booked(session, cast)


def test_a_call_day_at_the_centre_seats_nobody_who_cannot_come(session, cast, hills):
    begins = SUNDAY_16 - 2 * HALF
    plan = plan_day(session, cast.who(cast.li), centre_id=cast.centre.id, starts_at=begins, ends_at=SUNDAY_16, now=NOW)
    assert not plan.seated and not plan.left_out


def test_a_missed_call_at_home_is_made_up_for_at_home(session, cast, hills):
    call = booked(session, cast, SUNDAY_16 - HALF)
    report(session, cast.who(cast.li), call.id, "technical_failure", call.ends_at, call.ends_at, "没有信号")
    kept = select(Cell.resource_id, Cell.area_id).where(Cell.held_by.startswith("makeup:"))
    rows = session.execute(kept).all()
    assert hills.tablet.resource in {row.resource_id for row in rows}
    assert {row.area_id for row in rows} == {session.get_one(Person, cast.wangnainai.id).area_id}
