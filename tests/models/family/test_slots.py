"""When a call can be: nobody is woken, nobody is at table, roads are reckoned with, and both clocks are right."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, time, timedelta
from threading import Barrier
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from handlers.family import words
from handlers.words import when, when_two
from models.errors import Refused
from models.family.booking import move
from models.family.joining import invite
from models.family.routines import Habit, put_habits, written_of
from models.family.slots import best, free_slots, nearest
from models.history import history_of
from models.hours import CHINA, instants
from models.people.persons import Person, move_to_zone
from models.people.staff import StaffRole
from models.places.areas import Area
from models.places.cells import occupy
from models.places.centres import Closure, OpeningHours, ServiceCentre
from models.places.travel import put_travel
from tests.models.family.test_calls import SUNDAY_16, booked, sister
from tests.world import NOW

MADRID, ROME = ZoneInfo("Europe/Madrid"), ZoneInfo("Europe/Rome")
SUNDAY = SUNDAY_16.date()
HALF = timedelta(minutes=30)


def slots(session, cast, day=SUNDAY, days=1, now=NOW, **more):
    people = (session.get_one(Person, one.id) for one in (cast.xiaofang, cast.wangnainai))
    return free_slots(session, *people, first_day=day, days=days, now=now, **more)


def clocks(found, zone=CHINA):
    return [f"{slot.starts_at.astimezone(zone):%H:%M}" for slot in found]


def clashes(found, clock):
    (slot,) = [one for one in found if f"{one.starts_at.astimezone(CHINA):%H:%M}" == clock]
    return set(slot.clashes)


def put(session, cast, person, kind, *habits):
    put_habits(session, cast.who(cast.li), person.id, kind, [Habit(kind, *one) for one in habits], NOW)


def test_nobody_is_asleep_at_table_or_at_their_nap_in_what_is_offered_first(session, cast):
    found = slots(session, cast)
    assert clocks(one for one in found if one.humane) == ["14:00", "14:30", "15:00", "15:30", "16:00", "16:30"]
    assert clashes(found, "12:30") == {("cared", "nap"), ("relative", "sleep")}  # half past five in Madrid
    assert clashes(found, "11:30") == {("cared", "meal"), ("relative", "sleep")}
    # An hour after the nap and after getting up, an hour before supper.
    assert clocks(best(found)) == ["14:30", "15:00", "15:30"]


def test_the_three_best_of_many_days_lie_on_three_days(session, cast):
    found = best(slots(session, cast, days=10), CHINA)
    assert [slot.starts_at.astimezone(CHINA).date() for slot in found] == [SUNDAY + timedelta(days=n) for n in range(3)]
    assert set(clocks(found)) == {"15:00"}


def test_what_is_written_down_of_a_persons_days_takes_the_place_of_what_is_assumed(session, cast):
    put(session, cast, cast.wangnainai, "nap", (time(14), time(15, 30)))
    found = slots(session, cast)
    assert clashes(found, "14:00") == {("cared", "nap")}
    assert clashes(found, "15:30") == set()
    assert clashes(found, "13:00") == {("relative", "sleep")}  # no nap is assumed beside the one that is known
    put(session, cast, cast.wangnainai, "nap", (time(0), time(0)))
    assert clashes(slots(session, cast), "14:00") == set()


@pytest.mark.parametrize(
    ("habit", "free"),
    [
        ((time(14), time(17), "", "38"), {29: True, 28: False}),  # 逢三逢八
        ((time(14), time(17), "7"), {29: False, 28: True}),  # every Sunday
        ((time(14), time(17), "7", "9"), {29: False, 28: True}),
        ((time(14), time(17), "6", "9"), {29: True, 28: True}),
    ],
)
def test_a_market_day_is_a_last_digit_of_the_month_or_a_weekday(session, cast, habit, free):
    put(session, cast, cast.wangnainai, "market", habit)
    found = slots(session, cast, day=date(2026, 11, 28), days=2)
    for day, wanted in free.items():
        (slot,) = [one for one in found if one.starts_at == datetime(2026, 11, day, 15, 0, tzinfo=CHINA)]
        assert slot.humane is wanted, day


def test_a_child_is_not_called_out_of_school_but_on_a_saturday(session, cast):
    session.get_one(Person, cast.wangnainai.id).left_behind = "child"
    session.flush()
    found = slots(session, cast, day=date(2026, 11, 27), days=2)
    humane = {one.starts_at.astimezone(CHINA).day: one.humane for one in found if clocks([one]) == ["15:00"]}
    assert humane == {27: False, 28: True}


def test_a_relatives_working_hours_count_where_they_are_known_by_their_own_clock(session, cast):
    xiaofang = cast.who(cast.xiaofang)
    put_habits(session, xiaofang, cast.xiaofang.id, "work", [Habit("work", time(8), time(17), "12345")], NOW)
    monday = slots(session, cast, day=SUNDAY + timedelta(days=1))
    assert clocks(one for one in monday if one.humane) == ["14:00", "14:30"]  # seven and half past seven in Madrid
    assert clashes(monday, "15:00") == {("relative", "work")}
    assert len([one for one in slots(session, cast) if one.humane]) == 6  # on Sunday she is free


@pytest.mark.case("D12")
def test_a_guests_night_counts_as_well(session, cast):
    call = booked(session, cast)
    yorker = sister(session, cast)
    move_to_zone(session, yorker, "America/New_York")
    invite(session, cast.who(cast.xiaofang), call.id, yorker.id, NOW)
    found = slots(session, cast, held_by=call.subject, guests=[yorker])
    assert clashes(found, "16:00") == {("guest", "sleep")}  # three at night


@pytest.mark.case("D11")
@pytest.mark.parametrize(("zone", "first"), [("Asia/Kolkata", "09:30"), ("Asia/Kathmandu", "09:30")])
def test_waking_hours_of_half_hour_zones(session, cast, zone, first):
    move_to_zone(session, session.get_one(Person, cast.xiaofang.id), zone)
    assert next(iter(clocks(one for one in slots(session, cast) if ("relative", "sleep") not in one.clashes))) == first


@pytest.mark.case("D11")
def test_nobody_lives_in_a_zone_that_does_not_exist(session, cast):
    with pytest.raises(Refused, match="unknown_zone"):
        move_to_zone(session, session.get_one(Person, cast.xiaofang.id), "Europe/Nowhere")
    assert slots(session, cast)


@pytest.mark.case("D9")
def test_the_hour_that_the_clock_shows_twice_is_two_slots_told_apart(session, cast):
    move_to_zone(session, session.get_one(Person, cast.xiaofang.id), "Europe/Rome")
    now = datetime(2026, 10, 20, 2, 0, tzinfo=CHINA)
    found = slots(session, cast, day=date(2026, 10, 25), now=now)
    said = [words.offered(one.starts_at, "Europe/Rome", ()) for one in found]
    assert said[0] == "国内10月25日（周日）08:30 · 罗马02:30（UTC+02:00）"
    assert said[2] == "国内10月25日（周日）09:30 · 罗马02:30（UTC+01:00）"
    assert said[4].endswith("罗马03:30")
    assert instants(date(2026, 10, 25), time(2, 30), ROME) == (found[0].starts_at, found[2].starts_at)
    call = booked(session, cast, found[2].starts_at, now=now)
    assert call.starts_at == datetime(2026, 10, 25, 9, 30, tzinfo=CHINA)  # the instant is kept, not the wall clock
    assert when(call.starts_at, ROME) == "10月25日（周日）02:30（UTC+01:00）"


@pytest.mark.case("D9")
def test_no_slot_lies_in_the_hour_that_the_clock_jumps_over(session, cast):
    move_to_zone(session, session.get_one(Person, cast.xiaofang.id), "Europe/Rome")
    session.get_one(OpeningHours, 7).opens = time(8)  # Sunday: 01:00 in Rome
    found = slots(session, cast, day=date(2026, 3, 29), now=datetime(2026, 3, 20, 8, 0, tzinfo=CHINA))
    assert clocks(found[:4], ROME) == ["01:00", "01:30", "03:00", "03:30"]
    assert instants(date(2026, 3, 29), time(2, 30), ROME) == ()


@pytest.mark.case("D7")
def test_the_list_says_the_date_of_each_side_where_they_differ(session, cast):
    move_to_zone(session, session.get_one(Person, cast.xiaofang.id), "America/New_York")
    first = slots(session, cast)[0]
    assert words.offered(first.starts_at, "America/New_York", first.clashes) == (
        "国内11月29日（周日）08:30 · 纽约11月28日（周六）19:30"
    )
    assert first.humane


@pytest.mark.case("D23")
@pytest.mark.parametrize("day", [date(2028, 2, 29), date(2026, 12, 31)])
def test_leap_days_and_the_last_day_of_the_year_are_days_like_others(session, cast, day):
    now = datetime.combine(day, time(8), CHINA) - timedelta(days=3)
    found = slots(session, cast, day=day, days=2, now=now)
    assert {one.starts_at.astimezone(CHINA).date() for one in found} >= {day}
    call = booked(session, cast, datetime.combine(day, time(15), CHINA), now=now)
    assert call.starts_at.astimezone(CHINA).date() == day


@pytest.mark.case("D23")
def test_a_night_that_goes_over_midnight_and_the_year_end_is_one_night(session, cast):
    """23:00 to 07:00 in New York on New Year's Eve is noon to eight in the evening of the new year in Lishui."""
    move_to_zone(session, session.get_one(Person, cast.xiaofang.id), "America/New_York")
    session.execute(update(OpeningHours).where(OpeningHours.centre_id == cast.centre.id).values(on_holidays=True))
    found = slots(session, cast, day=date(2027, 1, 1), now=datetime(2026, 12, 30, 8, 0, tzinfo=CHINA))
    awake = clocks(one for one in found if ("relative", "sleep") not in one.clashes)
    assert (awake[0], awake[-1]) == ("08:30", "11:30")


@pytest.mark.parametrize("day", [date.min, date.max])
def test_a_forged_day_at_the_end_of_time_has_no_slot(session, cast, day):
    assert slots(session, cast, day=day) == []


def test_a_day_on_which_the_centre_is_shut_has_no_slot(session, cast):
    session.add(Closure(centre_id=cast.centre.id, first_day=SUNDAY, last_day=SUNDAY, reason="台风"))
    session.flush()
    days = {one.starts_at.astimezone(CHINA).date() for one in slots(session, cast, days=2)}
    assert days == {SUNDAY + timedelta(days=1)}


def between_villages(session, cast, minutes=35):
    """李站长 alone helps in both villages, and the road between them takes so long."""
    one, other = (session.get_one(Area, key.id) for key in (cast.village, cast.other_village))
    put_travel(session, one, other, minutes)
    helper = session.get_one(Person, cast.li.id)
    occupy(session, [helper.resource], SUNDAY_16 - timedelta(hours=1), SUNDAY_16 - HALF, "elsewhere:1", other.id)


@pytest.mark.case("D5", "D13")
def test_a_helper_who_is_in_another_village_is_free_again_when_the_road_is_behind_them(session, cast):
    between_villages(session, cast)
    free = clocks(slots(session, cast))
    # There from 15:00 to 15:30, and 35 minutes on the road before and after: nothing from 14:00 to 16:05.
    assert {"14:00", "14:30", "15:00", "15:30", "16:00"}.isdisjoint(free)
    assert {"13:30", "16:30"} <= set(free)
    with pytest.raises(Refused, match="slot_taken") as refused:
        booked(session, cast)
    assert clocks(refused.value.facts["alternatives"])[0] == "16:30"
    assert booked(session, cast, SUNDAY_16 + HALF).helper_id == cast.li.id


@pytest.mark.case("D13")
def test_a_call_is_not_moved_to_where_the_road_is_too_long_and_stays_where_it_was(session, cast):
    between_villages(session, cast)
    call = booked(session, cast, SUNDAY_16 + HALF)
    with pytest.raises(Refused, match="slot_taken"):
        move(session, cast.who(cast.xiaofang), call.id, SUNDAY_16, NOW)
    assert call.starts_at == SUNDAY_16 + HALF


@pytest.mark.case("D13")
def test_another_helper_goes_where_the_first_cannot_be_in_time(session, cast):
    between_villages(session, cast)
    session.add(StaffRole(person_id=cast.aming.id, role="grid_officer", area_id=cast.village.id, since=NOW))
    session.flush()
    assert booked(session, cast).helper_id == cast.aming.id


def test_within_one_village_there_is_no_road(session, cast):
    helper = session.get_one(Person, cast.li.id)
    occupy(session, [helper.resource], SUNDAY_16 - HALF, SUNDAY_16, "elsewhere:1", cast.village.id)
    assert "16:00" in clocks(slots(session, cast))


def test_the_nearest_times_to_a_wish_are_offered_first(session, cast):
    people = (session.get_one(Person, one.id) for one in (cast.xiaofang, cast.wangnainai))
    found = nearest(session, *people, SUNDAY_16 + timedelta(minutes=5), NOW)
    assert clocks(found) == ["16:00", "16:30", "15:30"]
    assert when_two(found[0].starts_at, CHINA, MADRID).endswith("马德里09:00")


def test_strangers_write_nothing_of_a_persons_days(session, cast):
    for stranger in (cast.aming, cast.zhao, cast.laoxu):
        with pytest.raises(Refused, match="not_yours"):
            put_habits(session, cast.who(stranger), cast.wangnainai.id, "nap", [], NOW)


@pytest.mark.parametrize(
    ("kind", "habit"),
    [("party", Habit("party", time(1), time(2))), ("nap", Habit("meal", time(1), time(2))),
     ("market", Habit("market", time(1), time(2), "8")), ("market", Habit("market", time(1), time(2), "", "x")),
     ("work", Habit("work", time(1), time(2), "1231"))],
)  # fmt: skip
def test_what_no_day_can_hold_is_refused(session, cast, kind, habit):
    with pytest.raises(Refused, match="bad_routine"):
        put_habits(session, cast.who(cast.li), cast.wangnainai.id, kind, [habit], NOW)


def test_of_two_spans_that_begin_together_the_later_stands(session, cast):
    put(session, cast, cast.wangnainai, "nap", (time(13), time(14)), (time(13), time(15)))
    assert written_of(session, cast.wangnainai.id) == {"nap": [Habit("nap", time(13), time(15))]}


def test_history_keeps_what_was_written_by_whom(session, cast):
    put(session, cast, cast.wangnainai, "market", (time(7), time(11), "67", "38"))
    put(session, cast, cast.wangnainai, "market")
    lines = history_of(session, f"routine:{cast.wangnainai.id}")
    assert [line.note for line in lines] == ["market 07:00-11:00 w67 d38", "market"]
    assert {(line.by_person_id, line.as_role, line.at) for line in lines} == {(cast.li.id, "cadre", NOW)}


def test_of_two_who_write_at_once_one_has_not_seen_what_stands(cast, open_session):
    start = Barrier(2)

    def writes(hour):
        with open_session() as session:
            start.wait()
            try:
                put_habits(session, cast.who(cast.li), cast.wangnainai.id, "nap",
                           [Habit("nap", time(hour), time(15))], NOW, seen="")  # fmt: skip
                session.commit()
            except Refused as refusal:
                return refusal.code
            return "written"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(writes, (12, 13))) == ["stale", "written"]
    with open_session() as session:
        assert len(written_of(session, cast.wangnainai.id)["nap"]) == 1


def test_a_centre_in_the_middle_of_a_quarter_still_has_its_half_hours(session, cast):
    session.execute(update(OpeningHours).where(OpeningHours.centre_id == cast.centre.id).values(opens=time(8, 50)))
    first = slots(session, cast)[0]
    assert clocks([first]) == ["08:50"]
    booked(session, cast, first.starts_at)
    assert clocks(slots(session, cast)[:1]) == ["09:50"]  # a call until 09:20 touches the quarter of 09:15
    assert session.get_one(ServiceCentre, cast.centre.id).tz.key == "Asia/Shanghai"
