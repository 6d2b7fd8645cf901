"""What happens to a date of a series, or to its end, a second time: whoever heard otherwise hears how it is now."""

from concurrent.futures import ThreadPoolExecutor, wait
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from models.family.agreeing import Agreement
from models.family.booking import move
from models.family.calls import FamilyCall
from models.family.editing import Edit, edit, move_one, skip, take_up
from models.family.ending import cancel, undo
from models.family.keeping import book_planned
from models.family.occurrences import follow
from models.family.reconsidering import reconsider
from models.family.resting import cancel_all, prolong, restore, resume, suspend
from models.family.series_news import say_clocks, say_ending
from models.hours import CalendarOverride
from models.messages.letters import Letter
from tests.models.family.serial import SUNDAY, begun, rows
from tests.models.family.test_calls import booked, sister
from tests.models.family.test_second_times import phoned, planned, words_to
from tests.world import NOW

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SOON, LATER, FAR = ((NOW + days * DAY).date() for days in (10, 12, 100))
on_postgres = pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)


def stands(session, one):
    """An occurrence as it is now, and its call."""
    session.refresh(one)
    call = session.get(FamilyCall, one.call_id) if one.call_id is not None else None
    return one.state, one.reason, call.state if call else None


def leave_out(session, who, one):
    skip(session, who, one.id, "", NOW)


def let_rest(session, who, one):
    suspend(session, who, one.series_id, NOW)


def delivered(session, kind):
    """What was still to be said has arrived; answers how many letters."""
    found = planned(session, kind)
    for letter in found:
        letter.state = "delivered"
    session.flush()
    return len(found)


@pytest.fixture
def series(session, cast):
    return begun(session, cast)


@pytest.mark.case("F4", "G9")
@pytest.mark.parametrize("off", [leave_out, let_rest])
@pytest.mark.parametrize("clock", [True, False])
def test_a_call_left_out_and_taken_back_at_once_is_its_series_own_again(session, cast, series, off, clock):
    one, me = rows(session, series)[0], cast.who(cast.xiaofang)
    off(session, me, one)
    undo(session, me, one.call_id, NOW + MINUTE)
    if clock:
        assert (follow(session, NOW + 2 * MINUTE), follow(session, NOW + 2 * MINUTE)) == (1, 0)
        assert stands(session, one) == ("booked", "", "booked")
    cancel_all(session, me, series.id, NOW + 3 * MINUTE)
    assert stands(session, one) == ("cancelled", "series", "cancelled")


@pytest.mark.case("G9")
@pytest.mark.parametrize(("off", "on"), [(suspend, resume), (cancel_all, restore)])
@pytest.mark.parametrize("clock", [True, False])
def test_a_series_that_goes_on_leaves_the_call_that_was_taken_back_as_it_is(session, cast, series, off, on, clock):
    one, me = rows(session, series)[0], cast.who(cast.xiaofang)
    call_id = one.call_id
    off(session, me, series.id, NOW)
    undo(session, me, call_id, NOW + MINUTE)
    if clock:
        follow(session, NOW + MINUTE)
    on(session, me, series.id, NOW + 2 * MINUTE)
    assert (stands(session, one), one.call_id) == (("booked", "", "booked"), call_id)
    assert [row.state for row in rows(session, series)[:4]] == ["booked"] * 4


def test_a_call_that_was_taken_back_rests_with_its_series(session, cast, series):
    one, me = rows(session, series)[0], cast.who(cast.xiaofang)
    leave_out(session, me, one)
    undo(session, me, one.call_id, NOW + MINUTE)
    suspend(session, me, series.id, NOW + 2 * MINUTE)
    assert stands(session, one) == ("skipped", "suspended", "cancelled")


@on_postgres
def test_who_ends_a_series_waits_for_the_clock_that_follows_its_call(open_session, cast):
    me = cast.who(cast.xiaofang)
    with open_session() as session, session.begin():
        series = begun(session, cast)
        one = rows(session, series)[0]
        leave_out(session, me, one)
        undo(session, me, one.call_id, NOW + MINUTE)

    def end_it():
        with open_session() as session, session.begin():
            cancel_all(session, me, series.id, NOW + 2 * MINUTE)

    with ThreadPoolExecutor(1) as pool:
        with open_session() as session, session.begin():
            assert follow(session, NOW + 2 * MINUTE) == 1
            ends = pool.submit(end_it)
            assert not wait([ends], timeout=0.5).done
        ends.result()
    with open_session() as session:
        assert session.get_one(FamilyCall, one.call_id).state == "cancelled"


def to(day):
    return lambda session, cast, series: edit(session, cast.who(cast.li), series.id, Edit(last_day=day), NOW)


def longer(session, cast, series):
    prolong(session, cast.who(cast.xiaofang), series.id, FAR, NOW)


def over(session, cast, series):
    cancel_all(session, cast.who(cast.xiaofang), series.id, NOW)


@pytest.mark.case("F8")
@pytest.mark.parametrize("goes_on", [longer, to(FAR), over])
def test_a_series_that_does_not_end_then_is_not_told_to(session, cast, goes_on):
    series = begun(session, cast, last_day=SOON)
    say_ending(session, NOW)
    edit(session, cast.who(cast.li), series.id, Edit(on_holidays="keep"), NOW)
    assert len(planned(session, "series.ending")) == 1  # still true
    goes_on(session, cast, series)
    assert (planned(session, "series.ending"), say_ending(session, NOW)) == ([], 0)
    assert bool(planned(session, "series.edited")) is (series.state == "active")


@pytest.mark.case("F8")
def test_no_cadre_phones_about_an_end_that_is_put_off(session, cast):
    series = begun(session, cast, last_day=SOON)
    say_ending(session, NOW)
    task = phoned(session, planned(session, "series.ending")[0])
    longer(session, cast, series)
    session.refresh(task)
    assert task.state == "cancelled"


@pytest.mark.case("F8")
@pytest.mark.parametrize("arrives", [True, False])
@pytest.mark.parametrize("between", [to(LATER), to(FAR)])
def test_a_relative_hears_a_second_time_that_the_series_ends_on_that_day(session, cast, between, arrives):
    series = begun(session, cast, last_day=SOON)
    for change in (to(SOON), between, to(SOON)):
        change(session, cast, series)
        soon = series.last_day != FAR
        assert (say_ending(session, NOW), say_ending(session, NOW)) == (int(soon), 0)
        assert [one.facts["last_day"] for one in planned(session, "series.ending")] == [str(series.last_day)] * soon
        if arrives:
            delivered(session, "series.ending")


@pytest.mark.case("F8", "G10")
@pytest.mark.parametrize("arrives", [True, False])
def test_the_end_of_a_series_that_was_over_for_a_while_is_told_once(session, cast, arrives):
    series = begun(session, cast, last_day=SOON)
    say_ending(session, NOW)
    if arrives:
        delivered(session, "series.ending")
    over(session, cast, series)
    restore(session, cast.who(cast.xiaofang), series.id, NOW + MINUTE)
    assert say_ending(session, NOW + MINUTE) == int(not arrives)
    assert len(planned(session, "series.ending")) == int(not arrives)


def left_out(session, cast, one, now=NOW):
    """A cadre leaves a date out, and the relative hears of it at once or has still to."""
    skip(session, cast.who(cast.li), one.id, "下雨", now)


def arrived(session):
    return delivered(session, "family.cancelled") + delivered(session, "series.skipped")


NEAR_AND_FAR = pytest.mark.parametrize("which", [0, -1], ids=["booked", "planned"])


@pytest.mark.case("F4")
@NEAR_AND_FAR
def test_a_relative_who_heard_that_a_call_is_left_out_hears_that_it_is_not(session, cast, series, which):
    one = rows(session, series)[which]
    state = one.state
    for time in (NOW, NOW + HOUR):
        left_out(session, cast, one, time)
        arrived(session)
        take_up(session, cast.who(cast.li), one.id, time + MINUTE)
        assert stands(session, one)[0] == state
        assert words_to(session, cast.xiaofang) == ["series.takes_place"]
        delivered(session, "series.takes_place")


@pytest.mark.case("F4")
@NEAR_AND_FAR
@pytest.mark.parametrize("fails", [True, False])
def test_who_has_still_to_hear_that_a_call_is_left_out_does_not_when_it_is_taken_up(
    session, cast, series, which, fails
):
    one = rows(session, series)[which]
    left_out(session, cast, one)
    (kind,) = words_to(session, cast.xiaofang)
    task = phoned(session, planned(session, kind, cast.xiaofang)[0]) if fails else None
    take_up(session, cast.who(cast.li), one.id, NOW + MINUTE)
    assert words_to(session, cast.xiaofang) == []
    if task is not None:
        session.refresh(task)
        assert task.state == "cancelled"


@pytest.mark.case("F2")
@pytest.mark.parametrize("heard", [True, False])
def test_a_call_that_cannot_be_taken_up_is_still_said_to_be_off_and_once(session, cast, series, heard):
    one = rows(session, series)[0]
    left_out(session, cast, one)
    booked(session, cast, one.starts_at, "k9", cast.who(sister(session, cast)))
    if heard:
        arrived(session)
    for _ in range(2):
        take_up(session, cast.who(cast.li), one.id, NOW + MINUTE)
        assert stands(session, one) == ("skipped", "conflict", None)
        assert words_to(session, cast.xiaofang) == ([] if heard else ["series.skipped"])


@pytest.mark.case("F4")
def test_what_a_relative_has_done_they_know_and_what_a_cadre_makes_of_it_they_hear(session, cast, series):
    one, me = rows(session, series)[0], cast.who(cast.xiaofang)
    leave_out(session, me, one)
    take_up(session, me, one.id, NOW + MINUTE)
    assert words_to(session, cast.xiaofang) == []
    skip(session, me, one.id, "", NOW + HOUR)
    take_up(session, cast.who(cast.li), one.id, NOW + 2 * HOUR)
    assert words_to(session, cast.xiaofang) == ["series.takes_place"]


@pytest.mark.case("F4")
def test_who_has_not_heard_of_the_time_of_a_call_that_is_taken_up_hears_it(session, cast, series):
    one, li = rows(session, series)[0], cast.who(cast.li)
    at = one.starts_at - 2 * HOUR
    move(session, li, one.call_id, at, NOW, Agreement(cast.xiaofang.id, "phone"))
    left_out(session, cast, one)
    take_up(session, li, one.id, NOW + MINUTE)
    (said,) = planned(session, "series.takes_place")
    assert (said.facts["starts_at"], words_to(session, cast.xiaofang)) == (at.isoformat(), [said.kind])


@pytest.mark.case("F4")
def test_that_a_call_takes_place_is_not_said_when_it_is_off_once_more(session, cast, series):
    one, li = rows(session, series)[0], cast.who(cast.li)
    left_out(session, cast, one)
    arrived(session)
    take_up(session, li, one.id, NOW + MINUTE)
    cancel(session, li, one.call_id, "家人来电话取消", NOW + HOUR)
    follow(session, NOW + HOUR)
    assert words_to(session, cast.xiaofang) == ["family.cancelled"]


@pytest.mark.case("F11")
@pytest.mark.parametrize("heard", [True, False])
def test_a_holiday_that_is_none_after_all_is_said_to_who_heard_of_it(session, cast, series, heard):
    one = rows(session, series)[0]
    for time in (NOW, NOW + HOUR):
        notice = CalendarOverride(day=one.day, is_workday=False, name="调休")
        session.add(notice)
        session.flush()
        reconsider(session, time)
        assert words_to(session, cast.xiaofang) == ["series.skipped"]
        if heard:
            arrived(session)
        session.delete(notice)
        session.flush()
        assert (reconsider(session, time + MINUTE), reconsider(session, time + MINUTE)) == (1, 0)
        assert book_planned(session, time + MINUTE) == 1
        assert stands(session, one)[0] == "booked"
        assert words_to(session, cast.xiaofang) == ["series.takes_place"] * heard
        delivered(session, "series.takes_place")


@pytest.mark.case("F11")
def test_a_call_that_was_made_as_left_out_is_taken_back_without_a_word(session, cast):
    notice = CalendarOverride(day=SUNDAY, is_workday=False, name="调休")
    session.add(notice)
    series = begun(session, cast)
    session.delete(notice)
    session.flush()
    assert (reconsider(session, NOW), rows(session, series)[0].state) == (1, "planned")
    assert words_to(session, cast.xiaofang) == []


@pytest.mark.case("F11")
@NEAR_AND_FAR
@pytest.mark.parametrize("heard", [True, False])
def test_a_relative_hears_that_a_holiday_shifts_a_call_and_that_it_does_not(session, cast, which, heard):
    series = begun(session, cast, on_holidays="shift")
    one = rows(session, series)[which]
    before, notice = one.starts_at, CalendarOverride(day=one.day, is_workday=False, name="调休")
    session.add(notice)
    session.flush()
    assert (reconsider(session, NOW), reconsider(session, NOW)) == (1, 0)
    session.refresh(one)
    (said,) = planned(session, "series.takes_place")
    assert (one.reason, said.facts["starts_at"]) == ("shifted", one.starts_at.isoformat())
    assert words_to(session, cast.xiaofang) == [said.kind]
    if heard:
        delivered(session, said.kind)
    session.delete(notice)
    session.flush()
    assert reconsider(session, NOW + HOUR) == 1
    back = [datetime.fromisoformat(letter.facts["starts_at"]) for letter in planned(session, said.kind)]
    assert back == [before] * heard


@pytest.mark.case("F4")
def test_a_relative_hears_that_a_cadre_gives_a_call_that_is_not_booked_yet_another_time(session, cast, series):
    one = rows(session, series)[-1]
    for who, said in ((cast.xiaofang, []), (cast.li, ["series.takes_place"])):
        move_one(session, cast.who(who), one.id, one.starts_at - HOUR, NOW)
        assert words_to(session, cast.xiaofang) == said


@pytest.mark.case("F11")
def test_a_relative_hears_that_a_call_made_as_shifted_is_on_its_own_day(session, cast):
    notice = CalendarOverride(day=SUNDAY, is_workday=False, name="调休")
    session.add(notice)
    series = begun(session, cast, on_holidays="shift")
    session.delete(notice)
    session.flush()
    assert (reconsider(session, NOW), rows(session, series)[0].reason) == (1, "")
    assert words_to(session, cast.xiaofang) == ["series.takes_place"]


HEARD = ("series.begun", "series.edited", "series.rests", "series.goes_on", "series.cancelled", "series.restored")


def still_said(session):
    """What the relative is still to hear of how a series stands, in the order in which it was written."""
    query = select(Letter.kind).where(Letter.kind.in_(HEARD), Letter.state == "planned").order_by(Letter.id)
    return [kind.partition(".")[2] for kind in session.scalars(query)]


@pytest.mark.parametrize(("done", "said"), [
    ((suspend, resume), ["goes_on"]), ((suspend, resume, suspend), ["rests"]), ((cancel_all, restore), ["restored"]),
    ((cancel_all, restore, cancel_all), ["cancelled"]), ((suspend, cancel_all), ["cancelled"]),
])  # fmt: skip
@pytest.mark.parametrize("by_relative", [False, True])
def test_only_how_a_series_stands_at_last_is_said(session, cast, series, done, said, by_relative):
    for minute, verb in enumerate(done):
        last = minute == len(done) - 1
        who = cast.xiaofang if by_relative and last else cast.li
        verb(session, cast.who(who), series.id, NOW + minute * MINUTE)
    assert still_said(session) == ([] if by_relative else said)


def test_of_a_series_only_the_last_rule_is_said_and_of_one_that_is_over_none(session, cast):
    series = begun(session, cast, who=cast.who(cast.li))
    assert still_said(session) == ["begun"]
    for keep in ("keep", "skip"):
        edit(session, cast.who(cast.li), series.id, Edit(on_holidays=keep), NOW)
        assert still_said(session) == ["edited"]
    edit(session, cast.who(cast.xiaofang), series.id, Edit(on_holidays="keep"), NOW + MINUTE)
    assert still_said(session) == []
    edit(session, cast.who(cast.li), series.id, Edit(on_holidays="skip"), NOW + HOUR)
    suspend(session, cast.who(cast.li), series.id, NOW + HOUR)
    assert still_said(session) == ["edited", "rests"]
    cancel_all(session, cast.who(cast.li), series.id, NOW + HOUR)
    assert still_said(session) == ["cancelled"]


@pytest.mark.parametrize("arrives", [False, True])
def test_the_hour_is_said_of_no_series_that_is_over_and_again_where_it_goes_on_and_that_was_not_heard(
    session, cast, arrives
):
    series, me, spring = begun(session, cast), cast.who(cast.xiaofang), NOW + 122 * DAY
    assert say_clocks(session, spring) == 1
    if arrives:
        delivered(session, "series.clock")
    cancel_all(session, me, series.id, spring)
    assert planned(session, "series.clock") == []
    restore(session, me, series.id, spring + MINUTE)
    assert [say_clocks(session, spring + 2 * MINUTE) for _ in range(2)] == [int(not arrives), 0]
    assert len(planned(session, "series.clock")) == int(not arrives)
