"""The generator twice, by two and after days without a clock; what befalls people; helpers who leave; other zones."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta

import pytest
from sqlalchemy import delete, func, select, update

from handlers.family.series_words import TEMPLATES, dated, letter
from handlers.people.befalling import mark
from models.errors import Refused
from models.family.booking import book
from models.family.calls import FamilyCall
from models.family.editing import Edit, edit, skip, take_up
from models.family.generating import AHEAD, generate
from models.family.keeping import book_planned, who_is
from models.family.leaving import list_without_helper, take_over
from models.family.occurrences import OCCURRENCE, Occurrence, follow
from models.family.parting import part, take_back
from models.family.recurring import read
from models.family.repeating import glances
from models.family.resting import cancel_all, restore, resume, suspend
from models.family.series import SERIES, Series
from models.family.series_news import say_clocks
from models.hours import CHINA
from models.messages.letters import Letter
from models.people import consent
from models.people.care import CareLink
from models.people.persons import Person, move_to_zone
from models.people.staff import StaffRole
from models.places.cells import Cell
from models.tasks.tasks import Task
from scheduler.series import sweep_series
from tests.models.family.serial import SUNDAY, begun, rows, sundays
from tests.models.family.test_calls import MADRID, ROME, SUNDAY_16, reminders, sister
from tests.models.family.test_parting import link_of, second_helper, told
from tests.models.family.test_series import WEEK, calls, letters, states
from tests.stories.test_series import Hands
from tests.world import NOW

on_postgres = pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)
TODAY = NOW.astimezone(CHINA).date()


def many(session, cast, count, rule="week-1-7"):
    """Series of as many pairs, with no rows yet."""
    for n in range(count):
        person = Person(name=f"老人{n}", area_id=cast.village.id, created_at=NOW)
        session.add(person)
        session.flush()
        session.add(Series(
            client_key=f"k{n}", relative_id=cast.xiaofang.id, cared_id=person.id, rule=rule, at=time(16),
            zone=CHINA.key, anchor=SUNDAY, first_day=SUNDAY, scheduled_through=TODAY,
            created_by_id=cast.xiaofang.id, created_at=NOW,
        ))  # fmt: skip


def days_of(session):
    found = {}
    for key, day in session.execute(select(Occurrence.series_id, Occurrence.day).order_by(Occurrence.day)):
        found.setdefault(key, []).append(day)
    return found


def all_of_them(open_session, now=NOW, limit=3):
    while True:
        with open_session() as session, session.begin():
            if not generate(session, now, limit):
                return


@pytest.mark.case("F5")
@on_postgres
def test_four_generators_at_once_make_each_row_once_and_leave_no_gap(open_session, cast):
    with open_session() as session, session.begin():
        many(session, cast, 40)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: all_of_them(open_session), range(4)))
    with open_session() as session:
        found = days_of(session)
        assert len(found) == 40
        assert all(days == sundays(8) for days in found.values())
        assert set(session.scalars(select(Series.scheduled_through))) == {TODAY + AHEAD}


@pytest.mark.case("F5")
def test_running_twice_and_with_a_lost_cursor_makes_nothing_twice(open_session, cast):
    with open_session() as session, session.begin():
        many(session, cast, 3)
    all_of_them(open_session)
    with open_session() as session, session.begin():
        before = {one.id: (one.series_id, one.day) for one in session.scalars(select(Occurrence))}
        assert len(before) == 24
        assert generate(session, NOW) == 0
        session.execute(update(Series).values(scheduled_through=TODAY))
    all_of_them(open_session)
    with open_session() as session:
        assert {one.id: (one.series_id, one.day) for one in session.scalars(select(Occurrence))} == before


@pytest.mark.case("F5")
@pytest.mark.parametrize("down", [3, 75])
def test_after_days_without_a_clock_there_is_no_gap_and_what_went_by_is_written_down(session, cast, down):
    many(session, cast, 1)
    generate(session, NOW)
    back = NOW + timedelta(days=down)
    assert (generate(session, back), generate(session, back)) == (1, 0)
    (days,) = days_of(session).values()
    assert days == sundays(len(days))
    assert days[-1] > back.date() + AHEAD - WEEK
    gone = session.scalars(select(Occurrence).where(Occurrence.reason == "missed")).all()
    assert {one.state for one in gone} <= {"skipped"}
    late = [day for day in days if SUNDAY + 8 * WEEK <= day < back.date()]  # beyond what had been made, and gone by
    assert [one.day for one in gone] == late
    assert bool(late) == (down == 75)


@pytest.mark.case("F3")
@on_postgres
def test_an_edit_while_the_generator_runs_leaves_no_row_of_the_old_rule(open_session, cast):
    with open_session() as session, session.begin():
        series = begun(session, cast).id
    later = NOW + timedelta(days=20)
    me = cast.who(cast.xiaofang)

    def do(n):
        with open_session() as session, session.begin():
            if n % 2:
                edit(session, me, series, Edit(rule=read("week-1-3")), later)
            else:
                generate(session, later)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(do, range(6)))
    with open_session() as session:
        live = session.scalars(
            select(Occurrence.day).where(Occurrence.state.in_(("planned", "booked")), Occurrence.starts_at > later)
        ).all()
        assert {day.isoweekday() for day in live} == {3}
        assert sorted(live) == sundays(len(live), min(live))


@on_postgres
def test_two_clocks_book_each_planned_call_once(open_session, cast):
    with open_session() as session, session.begin():
        many(session, cast, 6)
        session.add_all(
            CareLink(relative_id=cast.xiaofang.id, cared_id=key, kinship="女儿", state="confirmed", asked_at=NOW)
            for key in session.scalars(select(Series.cared_id))
        )
        for n, one in enumerate(session.scalars(select(Series))):
            one.at = time(9 + n)
    all_of_them(open_session)

    def run(_):
        done = 0
        while True:
            with open_session() as session, session.begin():
                some = book_planned(session, NOW, 3)
            if not some:
                return done
            done += some

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(run, range(2))) == 24
    with open_session() as session:
        assert session.scalar(select(func.count()).select_from(FamilyCall)) == 24
        assert session.scalar(select(func.count()).where(Occurrence.state == "booked")) == 24


@pytest.mark.case("F9")
def test_a_stay_in_hospital_rests_the_series_and_nothing_of_it_is_made_up_for(session, cast):
    series = begun(session, cast)
    li = cast.who(cast.li)
    mark(session, li, cast.wangnainai.id, "pause", NOW)
    assert (series.state, series.why) == ("suspended", "hospital")
    assert set(states(session, series)) == {"skipped"}
    assert calls(session) == {}
    assert generate(session, NOW + timedelta(days=30)) == 0
    assert letters(session, "series.rests") == []  # a cadre speaks with the family
    with pytest.raises(Refused, match="not_active"):
        resume(session, cast.who(cast.xiaofang), series.id, NOW)
    home = SUNDAY_16 + 2 * WEEK + timedelta(hours=2)
    mark(session, li, cast.wangnainai.id, "resume", home)
    found = rows(session, series)
    assert [(one.state, one.reason) for one in found[:3]] == [("skipped", "suspended")] * 3
    assert [one.state for one in found[3:7]] == ["booked"] * 4
    assert {one.state for one in found[7:]} == {"planned"}
    assert [one.day for one in found] == sundays(len(found))
    assert sorted(calls(session)) == sundays(4, SUNDAY + 3 * WEEK)


@pytest.mark.case("F9")
def test_after_months_of_rest_there_is_no_gap_and_the_months_say_why(session, cast):
    me, series = cast.who(cast.xiaofang), begun(session, cast)
    suspend(session, me, series.id, NOW)
    assert suspend(session, me, series.id, NOW).state == "suspended"
    back = NOW + timedelta(days=150)
    resume(session, me, series.id, back)
    found = rows(session, series)
    assert [one.day for one in found] == sundays(len(found))
    assert {(one.state, one.reason) for one in found if one.starts_at < back} == {("skipped", "suspended")}
    assert {one.state for one in found if one.starts_at > back} == {"booked", "planned"}


def test_what_the_family_has_put_to_rest_is_not_woken_by_coming_home(session, cast):
    series = begun(session, cast)
    suspend(session, cast.who(cast.xiaofang), series.id, NOW)
    mark(session, cast.who(cast.li), cast.wangnainai.id, "pause", NOW)
    mark(session, cast.who(cast.li), cast.wangnainai.id, "resume", NOW)
    assert (series.state, series.why) == ("suspended", "asked")


@pytest.mark.case("F9")
@pytest.mark.parametrize("verb", ["die", "move_away"])
def test_who_has_died_or_moved_has_no_series_any_more_and_nobody_is_written_to(session, cast, verb):
    series = begun(session, cast)
    mark(session, cast.who(cast.li), cast.wangnainai.id, verb, NOW)
    assert (series.state, series.why) == ("cancelled", "stopped")
    assert set(states(session, series)) == {"cancelled"}
    assert told(session, "family.cancelled") == []
    assert [letter.kind for letter in session.scalars(select(Letter)) if letter.kind in TEMPLATES] == []
    with pytest.raises(Refused, match="not_active"):
        restore(session, cast.who(cast.xiaofang), series.id, NOW)


@pytest.mark.case("F9")
@pytest.mark.parametrize(("rests", "goes_on"), [(suspend, resume), (cancel_all, restore)])
def test_a_series_does_not_go_on_for_who_has_died_since_they_were_read(session, cast, rests, goes_on):
    """While the series was waited for, say: what this transaction had read of them before does not count."""
    series, me = begun(session, cast), cast.who(cast.xiaofang)
    rests(session, me, series.id, NOW)
    read_before = session.get_one(Person, cast.wangnainai.id)
    session.execute(update(Person.__table__).where(Person.id == cast.wangnainai.id).values(state="deceased"))
    assert read_before.state == "active"
    with pytest.raises(Refused, match="not_active"):
        goes_on(session, me, series.id, NOW)


@pytest.mark.case("L6")
def test_a_link_or_a_consent_that_ends_ends_the_series_of_these_two(session, cast):
    series = begun(session, cast)
    who = cast.who(sister(session, cast))
    other = begun(session, cast, key="s2", who=who, relative_id=who.person_id, at=time(10))
    part(session, cast.who(cast.chen), link_of(session, cast).id, NOW)
    assert (series.state, series.why, other.state) == ("cancelled", "unlinked", "active")
    consent.agree(session, cast.who(cast.li), cast.wangnainai.id, "family_calls", NOW)
    take_back(session, cast.who(cast.li), cast.wangnainai.id, "family_calls", NOW)
    assert (other.state, other.why) == ("cancelled", "consent")
    assert session.scalar(select(func.count()).select_from(Cell)) == 0


@pytest.mark.case("F10")
def test_one_task_for_all_calls_of_a_helper_who_left_and_it_stays_for_what_is_left_over(session, cast):
    series = begun(session, cast)
    helper = second_helper(session, cast)
    assert list_without_helper(session, NOW) == 0
    session.execute(delete(StaffRole).where(StaffRole.person_id == cast.li.id))
    assert (list_without_helper(session, NOW), list_without_helper(session, NOW)) == (1, 0)
    (task,) = session.scalars(select(Task).where(Task.kind == "series_helper")).all()
    assert [line["starts_at"] for line in task.facts["calls"]] == [
        (SUNDAY_16 + n * WEEK).astimezone(UTC).isoformat() for n in range(4)
    ]
    # The other cadre is on another call in the second week.
    busy = Person(name="雷爷爷", area_id=cast.village.id, created_at=NOW)
    session.add(busy)
    session.flush()
    session.add(CareLink(relative_id=cast.aming.id, cared_id=busy.id, kinship="孙子", state="confirmed", asked_at=NOW))
    second = SUNDAY_16 + WEEK
    book(session, cast.who(cast.aming), cared_id=busy.id, starts_at=second, client_key="k8", now=NOW)
    with pytest.raises(Refused, match="not_yours"):
        take_over(session, cast.who(cast.zhao), task.id, NOW)
    assert take_over(session, who_is(helper), task.id, NOW) == (3, 1)
    assert task.state == "cancelled"
    (rest,) = session.scalars(select(Task).where(Task.kind == "series_helper", Task.state == "open")).all()
    assert [line["starts_at"] for line in rest.facts["calls"]] == [second.astimezone(UTC).isoformat()]
    assert take_over(session, cast.who(cast.chen), rest.id, NOW) == (1, 0)
    assert rest.state == "done"
    held_by = [session.get_one(FamilyCall, one.call_id) for one in rows(session, series)[:4]]
    assert [call.helper_id for call in held_by] == [helper.id, cast.chen.id, helper.id, helper.id]
    assert told(session, "family.changed") == []  # the family's time stands
    first = held_by[0]
    assert {letter.person_id for letter in reminders(session, first)} == {cast.xiaofang.id, helper.id}
    held = session.scalars(select(Cell.resource_id).where(Cell.held_by == first.subject)).all()
    assert helper.resource in held
    assert cast.li.resource not in held
    open_tasks = select(Task.assignee_id).where(Task.subject == first.subject, Task.state == "open")
    assert session.scalars(open_tasks).all() == [helper.id]


@pytest.mark.case("D8")
def test_rome_hears_a_week_before_that_its_clock_moves_and_lishui_stands(session, cast):
    who = cast.who(sister(session, cast))
    march = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
    series = begun(session, cast, who=who, relative_id=who.person_id, first_day=march.date(), now=march)
    for one in rows(session, series):
        assert one.starts_at.astimezone(CHINA).time() == time(16)
        summer = one.day >= datetime(2026, 3, 29).date()
        assert one.starts_at.astimezone(ROME).time() == time(10 if summer else 9)
    assert say_clocks(session, march) == 0
    week_before = datetime(2026, 3, 23, 2, 0, tzinfo=UTC)
    assert (say_clocks(session, week_before), say_clocks(session, week_before + timedelta(hours=5))) == (1, 0)
    (found,) = letters(session, "series.clock")
    assert found.person_id == who.person_id
    said = letter(found.kind, found.facts, ROME).text
    assert "3月29日（周日）罗马的钟要调了" in said
    assert "仍是国内16:00，您那边由09:00变为10:00" in said
    assert say_clocks(session, datetime(2026, 4, 20, 2, 0, tzinfo=UTC)) == 0
    assert say_clocks(session, datetime(2026, 10, 20, 2, 0, tzinfo=UTC)) == 1
    assert "由10:00变为09:00" in letter("series.clock", letters(session, "series.clock")[-1].facts, ROME).text


@pytest.mark.case("D10")
def test_who_moves_to_another_zone_reads_the_series_there_and_hears_of_its_clocks(session, cast):
    series = begun(session, cast)
    before = [one.starts_at for one in rows(session, series)]
    shown = dated(glances(session, series, NOW), cast.xiaofang.time_zone)
    assert "国内11月29日（周日）16:00 · 马德里09:00" in shown
    move_to_zone(session, session.get_one(Person, cast.xiaofang.id), "America/New_York")
    shown = dated(glances(session, series, NOW), "America/New_York")
    assert "国内11月29日（周日）16:00 · 纽约03:00" in shown
    assert [one.starts_at for one in rows(session, series)] == before
    assert say_clocks(session, datetime(2027, 3, 10, 2, 0, tzinfo=UTC)) == 1  # New York changes two weeks before Madrid
    assert say_clocks(session, datetime(2027, 3, 24, 2, 0, tzinfo=UTC)) == 0
    assert "您那边由" in letter("series.clock", letters(session, "series.clock")[0].facts, MADRID).text


def test_a_tick_of_the_clock_does_all_of_it_and_the_next_finds_nothing(open_session, cast):
    with open_session() as session, session.begin():
        many(session, cast, 1)
        begun(session, cast)
    assert sweep_series(Hands(open_session)) > 0
    assert sweep_series(Hands(open_session)) == 0
    with open_session() as session:
        # The link of the other pair was never made: each of its near weeks is left out, and says why.
        assert {one.reason for one in session.scalars(select(Occurrence).where(Occurrence.state == "skipped"))} == {
            "unlinked"
        }  # fmt: skip


def test_what_became_of_a_call_becomes_of_its_occurrence(session, cast):
    series = begun(session, cast)
    found = rows(session, series)
    for one, state in zip(found, ("completed", "relative_no_show", "technical_failure", "cancelled"), strict=False):
        session.get_one(FamilyCall, one.call_id).state = state
    assert (follow(session, NOW), follow(session, NOW)) == (4, 0)
    assert states(session, series, 4) == ["done", "failed", "failed", "cancelled"]
    assert found[1].reason == "call_relative_no_show"


VERBS = (
    lambda session, me, series, now: skip(session, me, rows(session, series)[2].id, "", now),
    lambda session, me, series, now: take_up(session, me, rows(session, series)[2].id, now),
    lambda session, me, series, now: suspend(session, me, series.id, now),
    lambda session, me, series, now: resume(session, me, series.id, now),
    lambda session, me, series, now: cancel_all(session, me, series.id, now),
    lambda session, me, series, now: restore(session, me, series.id, now),
    lambda session, me, series, now: edit(session, me, series.id, Edit(at=time(9)), now),
    lambda session, me, series, now: edit(session, me, series.id, Edit(rule=read("week-2-7")), now),
    lambda session, me, series, now: book_planned(session, now, 50),
    lambda session, me, series, now: follow(session, now),
    lambda session, me, series, now: generate(session, now),
)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_done_in_whatever_order_rows_calls_and_cells_agree(session, cast, seed):
    dice, me, series, now = random.Random(seed), cast.who(cast.xiaofang), begun(session, cast), NOW
    for _ in range(14):
        now += timedelta(days=dice.choice((0, 0, 1, 5)))
        try:
            dice.choice(VERBS)(session, me, series, now)
        except Refused as refusal:
            assert refusal.code == "wrong_state"
        follow(session, now)
        live = {one.call_id for one in rows(session, series) if one.state in ("booked", "moved")}
        assert live == {call.id for call in calls(session).values()}
        assert set(session.scalars(select(Cell.held_by))) == {f"call:{key}" for key in live}
        assert all(one.call_id is None for one in rows(session, series) if one.state == "planned")
        if series.state != "active":
            assert {one.state for one in rows(session, series) if one.starts_at > now} <= {"skipped", "cancelled"}
    assert set(states(session, series)) <= set(OCCURRENCE.states)
    assert series.state in SERIES.states


@pytest.mark.case("J15")
@pytest.mark.parametrize("maker", ["relative", "helper"])
def test_who_makes_a_series_is_not_told_of_each_of_its_calls(session, cast, maker):
    """The helper hears of the calls that another has made."""
    begun(session, cast, who=cast.who(cast.xiaofang if maker == "relative" else cast.li))
    assert len(calls(session)) > 1
    assert set(told(session, "family.booked")) == (set() if maker == "helper" else {cast.li.id})


@pytest.mark.case("J15")
def test_what_comes_of_writing_down_that_somebody_is_home_is_told_to_who_helps(session, cast):
    begun(session, cast)
    for verb in ("pause", "resume"):
        mark(session, cast.who(cast.li), cast.wangnainai.id, verb, NOW)
    assert told(session, "family.booked") == [cast.li.id] * len(calls(session))
