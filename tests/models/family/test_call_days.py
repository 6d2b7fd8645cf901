"""Call days: every family a kind half-hour, a reserve for what goes wrong, and no seat given twice."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from threading import Barrier

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from models.errors import Refused
from models.family.agreeing import Agreement
from models.family.booking import book, move
from models.family.call_days import CallDay, calls_on
from models.family.calls import CALL, FamilyCall
from models.family.ending import cancel
from models.family.joining import invite
from models.family.packing import pack
from models.family.reseating import call_off, close_past, reseat, resize, to_reserve
from models.family.seating import make_day, plan_day
from models.history import history_of
from models.hours import CHINA
from models.life import By
from models.messages.letters import Letter
from models.people import guardians, links
from models.people.care import CareLink
from models.people.identities import Identity
from models.people.persons import Person
from models.people.staff import StaffRole
from models.places.cells import Cell, occupy
from tests.cast import APP_ID
from tests.models.family.test_calls import sister
from tests.world import NOW

HALF = timedelta(minutes=30)
TWO = datetime(2026, 11, 28, 14, 0, tzinfo=CHINA)  # Saturday; seven in the morning in Madrid
FIVE = TWO + 6 * HALF


def families(session, cast, count, zone="Europe/Rome", name="老人"):
    """So many elders of Geshan, each with one relative in a zone."""
    made = []
    for n in range(count):
        elder = Person(name=f"{name}{n}", area_id=cast.village.id, left_behind="elder", created_at=NOW)
        relative = Person(name=f"{name}{n}的亲人", created_at=NOW, time_zone=zone)
        session.add_all([elder, relative])
        session.flush()
        link = CareLink(relative_id=relative.id, cared_id=elder.id, kinship="儿子", state="confirmed", asked_at=NOW)
        identity = Identity(app_id=APP_ID, openid=f"o-{name}{n}", person_id=relative.id, since=NOW)
        session.add_all([link, identity])
        session.flush()
        cast.identities[relative.id] = identity
        made.append((relative, elder))
    return made


def made(session, cast, starts_at=TWO, ends_at=FIVE, key="d1", who=None, now=NOW):
    return make_day(
        session, who or cast.who(cast.li), centre_id=cast.centre.id, starts_at=starts_at, ends_at=ends_at,
        client_key=key, now=now,
    )  # fmt: skip


def sat(session, day):
    """How many sit at each half-hour, as the day's clock shows it."""
    return Counter(f"{call.starts_at.astimezone(CHINA):%H:%M}" for call in calls_on(session, day.id))


def yes(call):
    """Who booked it has agreed, on the phone."""
    return Agreement(call.relative_id, "phone")


def held_at(session, resource, moment):
    return session.scalar(select(Cell.held_by).where(Cell.resource_id == resource, Cell.cell_start == moment))


def test_a_day_seats_every_family_at_a_kind_time_and_they_hear_of_it(session, cast):
    families(session, cast, 9)  # with 王奶奶 ten: as many as two screens hold in two and a half hours
    day = made(session, cast)
    assert sat(session, day) == dict.fromkeys(("14:00", "14:30", "15:00", "15:30", "16:00"), 2)
    told = session.scalars(select(Letter).where(Letter.kind == "family.seated")).all()
    assert {one.person_id for one in told} == {call.relative_id for call in calls_on(session, day.id)}
    assert cast.li.id not in {one.person_id for one in told}
    # One cadre watches over both screens throughout; the calls do not take the cadre's time each.
    for n in range(6):
        assert held_at(session, f"person:{cast.li.id}", TWO + n * HALF) == day.subject
    for station in cast.stations:
        assert held_at(session, f"station:{station.id}", FIVE - HALF) == day.subject
    assert made(session, cast).id == day.id  # the same tap again
    assert len(calls_on(session, day.id)) == 10


def test_the_preview_says_who_is_left_out_and_changes_nothing(session, cast):
    families(session, cast, 3, "America/New_York", "夜里")  # it is one o'clock at night there
    families(session, cast, 12)
    plan = plan_day(session, cast.who(cast.li), centre_id=cast.centre.id, starts_at=TWO, ends_at=FIVE, now=NOW)
    assert len(plan.seated) == 10
    assert {one.person.name for one in plan.left_out if one.why == "no_time"} == {"夜里0", "夜里1", "夜里2"}
    assert [one.why for one in plan.left_out].count("full") == 3
    assert session.scalars(select(Cell)).all() == session.scalars(select(CallDay)).all() == []


def test_who_talks_this_week_anyway_gives_way_to_the_others(session, cast):
    book(session, cast.who(cast.xiaofang), cared_id=cast.wangnainai.id, starts_at=TWO - timedelta(days=1),
         client_key="k", now=NOW)  # fmt: skip
    families(session, cast, 1)
    (call,) = calls_on(session, made(session, cast).id)
    assert call.cared_id != cast.wangnainai.id


def test_what_is_booked_already_is_worked_around_in_the_hours_and_in_the_reserve(session, cast):
    session.add(StaffRole(person_id=cast.aming.id, role="grid_officer", area_id=cast.village.id, since=NOW))
    families(session, cast, 6)
    occupy(session, [f"station:{cast.stations[0].id}"], TWO, TWO + HALF, "call:98")
    occupy(session, [f"station:{cast.stations[1].id}"], FIVE - HALF, FIVE, "call:99")
    day = made(session, cast)
    assert sat(session, day) == {"14:00": 1, "14:30": 2, "15:00": 2, "15:30": 2}
    (first, second, *_) = calls_on(session, day.id)
    to_reserve(session, cast.who(cast.li), first.id, NOW)
    with pytest.raises(Refused, match="day_full"):
        to_reserve(session, cast.who(cast.li), second.id, NOW)


def test_a_day_made_twice_at_once_is_one_day(open_session, cast):
    def tap(_):
        with open_session() as session, session.begin():
            return made(session, cast).id

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(tap, range(4)))) == 1


def test_nobody_fits_is_said_and_a_stranger_makes_no_day(session, cast):
    with pytest.raises(Refused, match="nobody_fits"):
        made(session, cast, TWO - timedelta(hours=4), TWO - timedelta(hours=2))  # Madrid sleeps
    for stranger in (cast.zhao, cast.xiaofang):
        with pytest.raises(Refused, match="not_yours"):
            made(session, cast, who=cast.who(stranger))
    for bad in ((TWO, TWO + HALF), (TWO - timedelta(days=9), FIVE), (TWO + timedelta(days=60), FIVE)):
        with pytest.raises(Refused, match="bad_time"):
            made(session, cast, *bad)
    assert session.scalars(select(CallDay)).all() == []


def test_a_late_call_goes_to_the_reserve_of_its_day_and_there_is_one_for_each_screen(session, cast):
    families(session, cast, 2)
    day = made(session, cast)
    calls = calls_on(session, day.id)
    session.execute(update(Letter).where(Letter.kind == "family.seated").values(state="delivered"))
    for call in calls[:2]:
        moved = to_reserve(session, cast.who(cast.li), call.id, TWO + HALF)
        assert (moved.id, moved.starts_at, moved.revision) == (call.id, FIVE - HALF, 1)
        assert to_reserve(session, cast.who(cast.li), call.id, TWO + HALF).revision == 1  # twice is once
    with pytest.raises(Refused, match="day_full"):
        to_reserve(session, cast.who(cast.li), calls[2].id, TWO + HALF)
    assert calls[2].starts_at < FIVE - HALF
    assert {held_at(session, f"station:{one.id}", FIVE - HALF) for one in cast.stations} == {
        one.subject for one in calls[:2]
    }
    told = session.scalars(select(Letter.person_id).where(Letter.kind == "family.changed")).all()
    assert set(told) == {one.relative_id for one in calls[:2]}
    assert history_of(session, calls[0].subject)[-1].note.startswith("reserve ")
    with pytest.raises(Refused, match="no_reserve"):
        to_reserve(session, cast.who(cast.li), calls[2].id, FIVE - HALF)


def test_a_late_call_goes_to_the_reserve_also_where_the_elder_sits_there_already(session, cast):
    day = made(session, cast)
    (call,) = calls_on(session, day.id)
    CALL.move(session, call, "check_in", by=By(cast.li.id, "cadre"), now=call.starts_at)
    moved = to_reserve(session, cast.who(cast.li), call.id, call.starts_at + HALF)
    assert (moved.state, moved.starts_at) == ("booked", FIVE - HALF)


@pytest.mark.case("D20")
def test_a_child_is_seated_only_where_a_guardian_has_agreed(session, cast):
    ((mother, child),) = families(session, cast, 1, name="小宝")
    child.born, child.left_behind = date(2017, 5, 1), "child"
    link = session.scalars(select(CareLink).where(CareLink.cared_id == child.id)).one()
    session.flush()
    seated = {cared.id for _, cared, _ in planned(session, cast).seated}
    assert child.id not in seated
    links.entrust(session, cast.who(cast.li), link.id, NOW, guardian=True)
    paper = guardians.agree(session, cast.who(mother), child.id, mother.id, "wechat", NOW)
    assert child.id in {cared.id for _, cared, _ in planned(session, cast).seated}
    day = made(session, cast)
    call = next(one for one in calls_on(session, day.id) if one.cared_id == child.id)
    CALL.move(session, call, "fail", by=By(cast.li.id, "cadre"), now=TWO + HALF)
    session.delete(paper)
    with pytest.raises(Refused, match="guardian_missing"):
        to_reserve(session, cast.who(cast.li), call.id, TWO + HALF)


def planned(session, cast):
    return plan_day(session, cast.who(cast.li), centre_id=cast.centre.id, starts_at=TWO, ends_at=FIVE, now=NOW)


@pytest.mark.parametrize("verb", ["fail", "miss_relative"])
def test_a_call_that_came_to_nothing_is_made_up_for_in_the_reserve(session, cast, verb):
    day = made(session, cast)
    (call,) = calls_on(session, day.id)
    CALL.move(session, call, verb, by=By(cast.li.id, "cadre"), now=TWO + HALF)
    again = to_reserve(session, cast.who(cast.li), call.id, TWO + HALF)
    assert again.id != call.id
    assert (again.cared_id, again.starts_at, again.call_day_id) == (call.cared_id, FIVE - HALF, day.id)
    assert to_reserve(session, cast.who(cast.li), call.id, TWO + HALF).id == again.id


@pytest.mark.case("E4", "D22")
def test_nobody_is_seated_elsewhere_without_a_yes_of_the_family(session, cast):
    day = made(session, cast)
    (call,) = calls_on(session, day.id)
    for no in (None, Agreement(cast.aming.id, "phone"), Agreement(call.relative_id, "letter")):
        with pytest.raises(Refused, match="agreement_missing"):
            reseat(session, cast.who(cast.li), call.id, day.id, TWO + HALF, no, NOW)
    assert (call.starts_at, call.revision) == (TWO, 0)
    assert reseat(session, cast.who(cast.li), call.id, day.id, TWO + HALF, Agreement(call.cared_id, "visit"), NOW)


def test_a_call_that_leaves_the_reserve_gives_it_back(session, cast):
    day = made(session, cast)
    (call,) = calls_on(session, day.id)
    to_reserve(session, cast.who(cast.li), call.id, NOW)
    reseat(session, cast.who(cast.li), call.id, day.id, TWO + HALF, yes(call), NOW)
    assert {held_at(session, f"station:{one.id}", FIVE - HALF) for one in cast.stations} == {day.subject}


@pytest.mark.case("D22")
def test_with_fewer_screens_a_family_that_would_have_none_has_to_agree_first(session, cast):
    families(session, cast, 1)
    day = made(session, cast)
    calls = calls_on(session, day.id)
    assert sat(session, day) == {"14:00": 2}
    session.execute(update(Letter).where(Letter.kind == "family.seated").values(state="delivered"))
    with pytest.raises(Refused, match="seats_taken") as refused:
        resize(session, cast.who(cast.li), day.id, 1, NOW)
    (stranded,) = [one for one in calls if one.station_id != cast.stations[0].id]
    assert refused.value.facts["names"] == session.get_one(Person, stranded.cared_id).name
    assert (day.seats, sat(session, day)) == (2, {"14:00": 2})
    reseat(session, cast.who(cast.li), stranded.id, day.id, TWO + HALF, yes(stranded), NOW)
    note = history_of(session, stranded.subject)[-1].note
    assert note == f"agreed {stranded.relative_id} phone {(TWO + HALF).isoformat()}"
    assert resize(session, cast.who(cast.li), day.id, 1, NOW).seats == 1
    assert {one.station_id for one in calls_on(session, day.id)} == {cast.stations[0].id}
    assert held_at(session, f"station:{cast.stations[1].id}", FIVE - HALF) is None
    told = session.scalars(select(Letter.person_id).where(Letter.kind == "family.changed")).all()
    assert told == [stranded.relative_id]  # whose time has not changed hears nothing
    for bad in (0, 3):
        with pytest.raises(Refused, match="bad_seats"):
            resize(session, cast.who(cast.li), day.id, bad, NOW)


@pytest.mark.case("E7")
def test_a_call_goes_to_another_day_where_there_is_a_seat_and_both_days_count_right(session, cast):
    families(session, cast, 1, name="甲")
    first = made(session, cast)
    families(session, cast, 2, name="乙")
    second = made(session, cast, TWO + timedelta(days=1), FIVE + timedelta(days=1), key="d2")
    calls = calls_on(session, first.id)
    full = second.starts_at
    with pytest.raises(Refused, match="day_full"):
        reseat(session, cast.who(cast.li), calls[0].id, second.id, full, yes(calls[0]), NOW)
    assert (sat(session, first), sat(session, second)) == ({"14:00": 2}, {"14:00": 2})
    moved = reseat(session, cast.who(cast.li), calls[0].id, second.id, full + HALF, yes(calls[0]), NOW)
    assert (moved.id, moved.revision, moved.state) == (calls[0].id, 1, "booked")
    assert (sat(session, first), sat(session, second)) == ({"14:00": 1}, {"14:00": 2, "14:30": 1})
    assert held_at(session, f"person:{moved.cared_id}", TWO) is None
    with pytest.raises(Refused, match="bad_time"):
        reseat(session, cast.who(cast.li), moved.id, second.id, full + timedelta(minutes=7), yes(moved), NOW)


@pytest.mark.case("E7")
def test_of_many_who_are_moved_to_one_last_seat_at_once_one_gets_it(open_session, cast):
    with open_session() as session, session.begin():
        families(session, cast, 5, name="甲")
        day = made(session, cast)
        first, last = day.id, day.times()[-1]
        calls = [one.id for one in calls_on(session, first)]
    start = Barrier(len(calls))

    def go(call):
        start.wait(60)
        try:
            with open_session() as session, session.begin():
                reseat(session, cast.who(cast.li), call, first, last, yes(session.get_one(FamilyCall, call)), NOW)
        except Refused as refusal:
            return refusal.code
        return "seated"

    with ThreadPoolExecutor(len(calls)) as pool:
        heard = Counter(pool.map(go, calls))
    assert heard == {"seated": 2, "day_full": len(calls) - 2}
    with open_session() as session:
        assert sat(session, session.get_one(CallDay, first))["16:00"] == 2


@pytest.mark.case("D19")
def test_a_day_that_is_called_off_cancels_every_call_with_its_reason_and_leaves_no_cell(session, cast):
    families(session, cast, 3)
    day = made(session, cast)
    calls = calls_on(session, day.id)
    call_off(session, cast.who(cast.li), day.id, "恶劣天气", NOW)
    call_off(session, cast.who(cast.li), day.id, "恶劣天气", NOW)
    assert {(one.state, one.reason) for one in calls} == {("cancelled", "恶劣天气")}
    assert session.scalars(select(Cell)).all() == []
    told = session.scalars(select(Letter.person_id).where(Letter.kind == "family.cancelled")).all()
    assert sorted(told) == sorted(one.relative_id for one in calls)
    assert [line.verb for line in history_of(session, calls[0].subject)] == ["begin", "call_off"]
    with pytest.raises(Refused, match="wrong_state"):
        reseat(session, cast.who(cast.li), calls[0].id, day.id, TWO + HALF, yes(calls[0]), NOW)


def test_a_family_that_wants_another_time_leaves_the_day_and_has_a_helper_of_its_own(session, cast):
    day = made(session, cast)
    (call,) = calls_on(session, day.id)
    move(session, cast.who(cast.xiaofang), call.id, TWO + timedelta(days=2), NOW)
    assert (call.call_day_id, calls_on(session, day.id)) == (None, [])
    assert held_at(session, f"person:{cast.li.id}", TWO + timedelta(days=2)) == call.subject
    cancel(session, cast.who(cast.xiaofang), call.id, "", NOW)
    assert set(session.scalars(select(Cell.held_by))) == {day.subject}


def test_a_guest_joins_a_call_of_a_day_without_taking_the_cadres_time(session, cast):
    day = made(session, cast)
    (call,) = calls_on(session, day.id)
    invite(session, cast.who(cast.xiaofang), call.id, sister(session, cast).id, NOW)
    assert held_at(session, f"person:{cast.li.id}", call.starts_at) == day.subject


def test_the_cadre_is_not_reminded_of_each_call_and_the_families_are(session, cast):
    day = made(session, cast)
    reminded = session.scalars(select(Letter.person_id).where(Letter.kind == "family.reminder")).all()
    assert set(reminded) == {one.relative_id for one in calls_on(session, day.id)}


def test_a_day_that_is_over_is_closed_and_frees_what_it_held(session, cast):
    day = made(session, cast)
    assert close_past(session, FIVE + timedelta(hours=1)) == 0
    assert close_past(session, FIVE + timedelta(hours=3)) == 1
    assert (day.state, close_past(session, FIVE + timedelta(hours=3))) == ("closed", 0)
    assert day.subject not in set(session.scalars(select(Cell.held_by)))


def test_strangers_change_nothing_on_a_day(session, cast):
    day = made(session, cast)
    (call,) = calls_on(session, day.id)
    for stranger in (cast.who(cast.zhao), cast.who(cast.xiaofang)):
        for deed in (
            lambda who: to_reserve(session, who, call.id, NOW), lambda who: resize(session, who, day.id, 1, NOW),
            lambda who: reseat(session, who, call.id, day.id, TWO + HALF, yes(call), NOW),
            lambda who: call_off(session, who, day.id, "", NOW),
        ):  # fmt: skip
            with pytest.raises(Refused, match="not_yours"):
                deed(stranger)
    assert session.get_one(FamilyCall, call.id).revision == 0


WISHES = st.dictionaries(st.integers(0, 7), st.lists(st.integers(0, 3), unique=True, max_size=4), max_size=8)


@settings(deadline=None, max_examples=200)
@given(WISHES, st.dictionaries(st.integers(0, 3), st.integers(0, 2)))
def test_packing_seats_as_many_as_anybody_could_and_never_two_in_one_seat(wishes, seats):
    found = pack(wishes, seats)
    assert all(time in wishes[family] for family, time in found.items())
    assert all(count <= seats[time] for time, count in Counter(found.values()).items())
    assert len(found) == most(list(wishes.values()), seats)


def most(wishes, seats):
    """The same by trying everything."""
    if not wishes:
        return 0
    best = most(wishes[1:], seats)
    for time in wishes[0]:
        if seats.get(time, 0):
            best = max(best, 1 + most(wishes[1:], {**seats, time: seats[time] - 1}))
    return best
