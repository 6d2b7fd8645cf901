"""A helper's round of homes: from door to door, on time or late, and who hears when the helper comes."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import select

from handlers.family.daysheets import door_cells, round_text
from handlers.family.letter_words import letter
from models.errors import Refused
from models.family.booking import book
from models.family.calls import FamilyCall
from models.family.daysheet import day_sheet, rounds_on
from models.family.ending import cancel
from models.family.homes import set_out
from models.family.outcomes import arrive, report
from models.family.rounds import round_of, rounds_of
from models.hours import CHINA
from models.messages.letters import Letter
from models.people.care import CareLink
from models.people.identities import Identity, Who
from models.people.persons import Person
from models.places.centres import Station
from tests.cast import APP_ID
from tests.desk import statements
from tests.models.family.test_calls import SUNDAY_16, booked
from tests.models.family.test_homes import car, for_grandpa
from tests.world import NOW

HALF, MINUTE = timedelta(minutes=30), timedelta(minutes=1)
TEN = SUNDAY_16 - timedelta(hours=6)


@pytest.fixture
def granny(session, hills):
    """A third home, in the same hamlet as 张爷爷's, and who phones from it."""
    made = Person(name="陈阿香", area_id=hills.grandpa.area_id, left_behind="elder", created_at=NOW, homebound=True)
    niece = Person(name="陈小妹", created_at=NOW, away=True)
    session.add_all([made, niece])
    session.flush()
    identity = Identity(app_id=APP_ID, openid="o-niece", person_id=niece.id, since=NOW)
    session.add_all([identity, CareLink(relative_id=niece.id, cared_id=made.id, kinship="侄女", state="confirmed",
                                        asked_at=NOW)])  # fmt: skip
    session.flush()
    return made, Who(niece.id, identity.id, niece.name, "Asia/Shanghai", APP_ID, "o-niece")


@pytest.fixture
def morning(session, cast, hills, granny):
    """王奶奶 at ten (forty minutes from the centre), 张爷爷 at eleven (twenty from her), 陈阿香 at half past."""
    elder, niece = granny
    first = booked(session, cast, TEN)
    second = for_grandpa(session, hills, TEN + 2 * HALF)
    third = book(session, niece, cared_id=elder.id, starts_at=TEN + 3 * HALF, client_key="n1", now=NOW)
    session.commit()
    return first, second, third


def clocks(round_):
    return [
        f"{stop.leaves_at.astimezone(CHINA):%H:%M}→{stop.arrives_at.astimezone(CHINA):%H:%M}" for stop in round_.stops
    ]


def told(session, call, word):
    which = select(Letter).where(Letter.subject == call.subject, Letter.kind == f"family.{word}")
    found = session.scalars(which.where(Letter.state != "withdrawn").order_by(Letter.id)).all()
    return [f"{datetime.fromisoformat(one.facts['arrives_at']).astimezone(CHINA):%H:%M}" for one in found]


def over(session, cast, call, at, what="completed"):
    return report(session, cast.who(cast.li), call.id, what, at, at)


def test_a_morning_of_homes_is_one_round_from_the_centre_and_back(session, cast, hills, morning):
    session.get_one(Station, hills.tablet.id).battery_minutes = 80
    car(session, cast)
    (found,) = rounds_of(session, [cast.li.id], TEN.date())
    assert clocks(found) == ["09:20→10:00", "10:40→11:00", "11:30→11:30"]
    assert [stop.road // MINUTE for stop in found.stops] == [40, 20, 0]
    assert [stop.battery_left for stop in found.stops] == [50, 20, 0]
    assert found.back_at == TEN + 5 * HALF  # the last call, and half an hour of road


def test_who_could_be_back_for_an_hour_begins_another_round_there(session, cast, hills):
    booked(session, cast, TEN)
    for_grandpa(session, hills, TEN + 6 * HALF)  # two and a half hours later; by the centre it is seventy minutes
    found = rounds_of(session, [cast.li.id], TEN.date())
    assert [clocks(one) for one in found] == [["09:20→10:00"], ["12:30→13:00"]]


def test_a_call_at_the_centre_in_between_ends_the_round(session, cast, hills):
    session.get_one(Person, hills.grandpa.id).homebound = False
    booked(session, cast, TEN)
    for_grandpa(session, hills, TEN + 3 * HALF)  # at the centre, forty minutes away
    booked(session, cast, TEN + 6 * HALF, "k2")
    assert [clocks(one) for one in rounds_of(session, [cast.li.id], TEN.date())] == [["09:20→10:00"], ["12:20→13:00"]]


def test_what_is_cancelled_is_no_door_and_the_road_goes_past_it(session, cast, hills, morning):
    cancel(session, hills.son, morning[1].id, "", NOW)
    (found,) = rounds_of(session, [cast.li.id], TEN.date())
    assert clocks(found) == ["09:20→10:00", "11:10→11:30"]


def test_setting_out_tells_the_first_household_and_each_next_when_the_call_before_is_over(session, cast, morning):
    first, second, third = morning
    leaves = TEN - 42 * MINUTE
    set_out(session, cast.who(cast.li), first.id, leaves)
    assert (told(session, first, "on_the_way"), told(session, second, "on_the_way")) == (["09:58"], [])
    over(session, cast, first, TEN + 31 * MINUTE)
    assert (told(session, second, "on_the_way"), told(session, third, "on_the_way")) == (["10:51"], [])
    assert second.set_out_at == TEN + 31 * MINUTE
    # Said once, whoever taps "set out" as well.
    assert set_out(session, cast.who(cast.li), second.id, TEN + 33 * MINUTE)[1] == TEN + 51 * MINUTE
    over(session, cast, second, TEN + 88 * MINUTE)
    assert told(session, third, "on_the_way") == ["11:28"]
    assert not any(told(session, one, "running_late") for one in morning)


def test_a_call_that_ends_late_gives_the_next_households_one_letter_each_with_the_new_time(session, cast, morning):
    first, second, third = morning
    set_out(session, cast.who(cast.li), first.id, TEN - 40 * MINUTE)
    over(session, cast, first, TEN + 55 * MINUTE)  # twenty-five minutes late; twenty minutes of road
    assert told(session, second, "on_the_way") == ["11:15"] and told(session, second, "running_late") == []
    assert told(session, third, "running_late") == ["11:45"]
    (late,) = session.scalars(select(Letter).where(Letter.kind == "family.running_late")).all()
    assert (late.urgency, late.subject, late.due_at) == ("same_day", third.subject, TEN + 55 * MINUTE)
    text = letter(late.kind, late.facts, CHINA).text
    assert "李站长要晚一点，大约11月29日（周日）11:45到陈阿香家" in text
    line = next(one for one in day_sheet(session, cast.who(cast.li), TEN.date()) if one.call_id == third.id)
    assert "11:45（晚15分钟）" in door_cells(line)


def test_no_household_hears_of_a_late_helper_more_than_once_in_a_quarter_of_an_hour(session, cast, morning):
    first, second, third = morning
    li = cast.who(cast.li)
    set_out(session, li, first.id, TEN - 10 * MINUTE)  # half an hour late
    assert told(session, first, "on_the_way") == ["10:30"]
    assert told(session, second, "running_late") == ["11:20"] and told(session, third, "running_late") == ["11:50"]
    over(session, cast, first, TEN + 4 * MINUTE, "technical_failure")  # nobody could talk: there is time now
    # Both are on time again, and hear that not at once but fifteen minutes after the last letter.
    for call in (second, third):
        which = select(Letter.due_at).where(Letter.subject == call.subject, Letter.kind == "family.running_late")
        assert [(due - TEN) // MINUTE for due in session.scalars(which.order_by(Letter.id))] == [-10, 5]
    assert told(session, second, "running_late") == ["11:20", "11:00"]
    set_out(session, li, second.id, TEN + 35 * MINUTE)
    assert (told(session, second, "on_the_way"), told(session, second, "running_late")) == (
        ["10:55"],
        ["11:20", "11:00"],
    )
    over(session, cast, second, TEN + 104 * MINUTE)  # and now it is late after all
    assert told(session, third, "on_the_way") == ["11:44"]


def test_what_was_to_be_said_in_a_few_minutes_gives_way_to_what_is_true_now(session, cast, morning):
    first, _, third = morning
    li = cast.who(cast.li)
    set_out(session, li, first.id, TEN - 10 * MINUTE)
    arrive(session, li, first.id, TEN - 2 * MINUTE, TEN - 2 * MINUTE)
    over(session, cast, first, TEN + 1 * MINUTE, "technical_failure")
    assert told(session, third, "running_late") == ["11:50", "11:30"]
    waits = session.scalars(select(Letter).where(Letter.subject == third.subject, Letter.kind == "family.running_late")
                            .order_by(Letter.id.desc())).first()  # fmt: skip
    assert (waits.state, waits.due_at) == ("planned", TEN + 5 * MINUTE)
    assert "赶上来了，陈阿香家的视频照约好的时间" in letter(waits.kind, waits.facts, CHINA).text


def test_what_is_written_down_in_the_evening_tells_nobody_that_somebody_comes(session, cast, morning):
    first, second, _ = morning
    evening = TEN + timedelta(hours=9)
    report(session, cast.who(cast.li), first.id, "completed", first.ends_at, evening)
    assert (second.set_out_at, told(session, second, "on_the_way"), told(session, second, "running_late")) == (
        None,
        [],
        [],
    )


def test_who_has_time_before_the_next_door_sets_out_when_they_do(session, cast, hills):
    first = booked(session, cast, TEN)
    second = for_grandpa(session, hills, TEN + 4 * HALF)
    (found,) = rounds_of(session, [cast.li.id], TEN.date())
    assert len(found.stops) == 2
    over(session, cast, first, TEN + 20 * MINUTE)
    assert (second.set_out_at, told(session, second, "on_the_way")) == (None, [])
    set_out(session, cast.who(cast.li), second.id, TEN + 90 * MINUTE)
    assert told(session, second, "on_the_way") == ["11:50"]


def test_a_correction_of_what_was_reported_sends_nobody_on_again(session, cast, morning):
    first, second, _ = morning
    over(session, cast, first, TEN + 25 * MINUTE, "technical_failure")
    over(session, cast, first, TEN + 30 * MINUTE)
    assert told(session, second, "on_the_way") == ["10:45"]


def test_a_clerk_who_reports_and_a_helper_who_taps_at_once_send_one_letter_each(open_session, session, cast, morning):
    keys = [one.id for one in morning]
    session.rollback()  # reading them has begun a transaction
    with open_session() as session, session.begin():
        first, second, third = (session.get_one(FamilyCall, key) for key in keys)
        set_out(session, cast.who(cast.li), first.id, TEN - 40 * MINUTE)
    start, at = Barrier(2), TEN + 55 * MINUTE

    def do(reports):
        with open_session() as session, session.begin():
            start.wait(20)
            if reports:
                report(session, cast.who(cast.chen), keys[0], "completed", at, at)
            else:
                set_out(session, cast.who(cast.li), keys[1], at)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(do, (True, False)))
    with open_session() as session:
        assert told(session, second, "on_the_way") == ["11:15"]
        assert told(session, third, "running_late") == ["11:45"]


def test_nobody_but_its_cadres_sets_out_on_a_round(session, cast, hills, morning):
    for stranger in (cast.who(cast.zhao), cast.who(cast.xiaofang), hills.son):
        with pytest.raises(Refused, match="not_yours"):
            set_out(session, stranger, morning[0].id, TEN - 40 * MINUTE)
    assert session.scalars(select(FamilyCall.set_out_at).where(FamilyCall.set_out_at.is_not(None))).all() == []


def test_the_sheet_shows_the_round_door_by_door(session, cast, hills, morning):
    session.get_one(Station, hills.tablet.id).battery_minutes = 240
    lines = day_sheet(session, cast.who(cast.li), TEN.date())
    (round_,) = rounds_on(lines)
    said = round_text(round_).splitlines()
    assert said[0] == "李站长的上门路线，带葛山村党群服务中心 平板1号："
    assert said[1] == "1. 09:20出发，路上40分钟，10:00到山背自然村王秀英家，设备还够用210分钟"
    assert said[-1] == "全部做完大约12:30回到中心。"
    set_out(session, cast.who(cast.li), morning[0].id, TEN - 35 * MINUTE)
    (round_,) = rounds_on(day_sheet(session, cast.who(cast.chen), TEN.date()))
    assert door_cells(round_[0])[1:4] == ("09:25已出发", "40分钟", "10:05（晚5分钟）")


def test_a_round_is_reckoned_in_the_same_questions_however_long_it_is(session, cast, hills, morning, engine):
    counts = []
    for call in (None, morning[2], morning[1]):
        if call is not None:
            cancel(session, Who(call.relative_id, 0, "", "Asia/Shanghai", "", ""), call.id, "", NOW)
        session.flush()
        with statements(engine) as asked:
            rounds_of(session, [cast.li.id], TEN.date())
        counts.append(len(asked))
    assert counts[0] <= 6 and len(set(counts)) == 1
    assert len(round_of(session, morning[0]).stops) == 1
