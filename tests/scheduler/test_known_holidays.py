"""The holidays of another year become known: what was planned by Monday to Friday is planned anew, once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import delete, event, select

from models import hours
from models.family.telling import REMINDER
from models.hours import CHINA, CalendarOverride
from models.messages.letters import Letter
from models.messages.rules import Replanning, put_rule
from models.places.centres import Closure
from models.places.heeding import HoursHeeded
from scheduler import plan
from scheduler.plan import plan_anew
from tests.models.family.test_calls import booked
from tests.models.messages.test_rules import committed, hands, rule
from tests.models.tasks.test_telling import letters, opened
from tests.scheduler.test_plan import closures, eves

DECEMBER = datetime(2026, 12, 6, 2, 0, tzinfo=UTC)
FRIDAY = datetime(2027, 1, 1, 16, 0, tzinfo=CHINA)  # New Year's Day: it and the weekend after it are free
MONDAY = datetime(2027, 1, 4, 16, 0, tzinfo=CHINA)
GUESSED, KNOWN = datetime(2027, 1, 1, 18, tzinfo=CHINA), datetime(2026, 12, 31, 18, tzinfo=CHINA)
HOUR = timedelta(hours=1)


class Installed(threading.local):
    """Up to which year the installed calendar knows the holidays: each thread is a process with a version of its own.

    What it says of the years up to 2026 is true.
    """

    until = 2026

    def says(self, day):
        if day.year > self.until:
            return None
        if day.year == 2027:
            free = day <= date(2027, 1, 3)
            return hours._Day(not free and day.weekday() < 5, "元旦" if free else None)
        return TRULY(day)


TRULY = hours._statutory


@pytest.fixture
def installed(monkeypatch):
    made = Installed()
    monkeypatch.setattr(hours, "_statutory", made.says)
    return made


@pytest.fixture
def guessed(open_session, cast, installed):
    """A call on New Year's Day and one on the Monday after it, planned while nobody knew; answers the first's id."""

    def prepare(session):
        put_rule(session, rule("wd", "workdays_at", days=1, at=time(18), urgency="same_day"), DECEMBER)
        booked(session, cast, MONDAY, "monday", now=DECEMBER)
        return booked(session, cast, FRIDAY, "friday", now=DECEMBER).id

    made = committed(open_session, prepare)
    ticks(open_session)
    with open_session() as session:
        assert (GUESSED in eves(session), closures(session)) == (True, [])
    return made


def ticks(open_session, times=1, now=DECEMBER):
    """What so many ticks of this thread's clock planned anew."""
    return [plan_anew(hands(open_session, now)) for _ in range(times)]


def at_once(open_session, installed, *years):
    """A tick each of clocks that know the holidays up to these years, at one moment; answers what they planned anew."""
    together = threading.Barrier(len(years))

    def tick(year):
        installed.until = year
        together.wait()
        return plan_anew(hands(open_session, DECEMBER))

    with ThreadPoolExecutor(len(years)) as pool:
        return list(pool.map(tick, years))


def is_put_right(session, call):
    """Whether one task lays the call of New Year's Day before the cadres, and no reminder waits for that day."""
    tasks = [[line["call"] for line in task.facts["calls"]] for task in closures(session)]
    return tasks == [[call]] and GUESSED not in eves(session) and KNOWN in eves(session)


@pytest.mark.case("D19", "J19")
def test_holidays_that_become_known_lay_calls_before_the_cadres_and_move_letters_once_whoever_runs(
    open_session, installed, guessed
):
    assert ticks(open_session, 2) == [0, 0]
    # The reminders of two calls, and one task; a clock that meets another at a kind's reminders leaves them to it.
    assert sum(at_once(open_session, installed, 2027, 2027, 2027)) == 3
    with open_session() as session:
        assert is_put_right(session, guessed)
    installed.until = 2027
    assert ticks(open_session, 2) == [0, 0]
    with open_session() as session:
        waiting = select(Letter.key).where(Letter.kind == REMINDER, Letter.state == "planned")
        assert len(session.scalars(waiting).all()) == len(set(session.scalars(waiting)))
        assert closures(session, "cancelled") == []


@pytest.mark.case("J14", "J19")
def test_a_morning_letter_of_a_day_that_becomes_a_holiday_waits_for_the_next_that_is_none(
    open_session, cast, installed
):
    thursday = datetime(2026, 12, 31, 2, 0, tzinfo=UTC)
    due = thursday + timedelta(days=9)
    committed(open_session, lambda session: [opened(session, cast, n, now=thursday, due_at=due) for n in range(5)])
    assert ticks(open_session, now=thursday) == [0]
    installed.until = 2027
    assert ticks(open_session, 2, now=thursday) == [1, 0]
    with open_session() as session:
        old, new = letters(session, "digest")
        assert (old.state, old.due_at.astimezone(CHINA).date()) == ("withdrawn", date(2027, 1, 1))
        assert new.due_at == datetime(2027, 1, 4, 8, 30, tzinfo=CHINA)


@pytest.mark.case("D19")
def test_a_database_that_was_looked_through_before_holidays_were_written_down_is_looked_through_once(
    open_session, installed, guessed
):
    def forget(session):
        session.execute(delete(HoursHeeded).where(HoursHeeded.name == "holidays"))

    committed(open_session, forget)
    assert ticks(open_session, 2) == [2, 0]  # the same version: the reminders of two calls, to no end
    committed(open_session, forget)
    assert sum(at_once(open_session, installed, 2027, 2027)) == 3
    with open_session() as session:
        assert is_put_right(session, guessed)


def test_a_new_database_has_nothing_to_plan_anew(open_session, cast, installed):
    installed.until = 2027
    committed(open_session, lambda session: booked(session, cast, MONDAY, now=DECEMBER))
    assert ticks(open_session, 2) == [0, 0]


def test_where_nothing_has_become_known_a_tick_asks_one_question_more_and_an_hour_later_writes_once(
    open_session, engine, installed, guessed
):
    said = []

    @event.listens_for(engine, "before_cursor_execute")
    def note(connection, cursor, statement, *more):
        if "hours_heeded" in statement:
            said.append(statement.split()[0])

    ticks(open_session)
    assert said == ["SELECT", "SELECT"]  # hours and holidays
    said.clear()
    assert ticks(open_session, 2, DECEMBER + HOUR) == [0, 0]
    assert said.count("UPDATE") == 1


@pytest.mark.case("D19")
def test_a_clock_that_knows_less_neither_judges_days_nor_plans_reminders_beside_one_that_knows_more(
    open_session, cast, installed, guessed
):
    installed.until = 2027
    assert ticks(open_session) == [3]

    def edit(session):
        session.add(CalendarOverride(day=date(2026, 12, 20), is_workday=False, name="调休"))
        session.add(Closure(centre_id=cast.centre.id, first_day=MONDAY.date(), last_day=MONDAY.date(), reason="台风"))

    installed.until = 2026
    committed(open_session, lambda session: session.add(Replanning(kind=REMINDER, reached=0)))
    assert ticks(open_session, 2, DECEMBER + HOUR) == [0, 0]
    committed(open_session, edit)
    assert ticks(open_session, 2, DECEMBER + HOUR) == [0, 0]
    with open_session() as session:
        assert is_put_right(session, guessed)
        assert session.scalars(select(Replanning.reached)).all() == [0]
    installed.until = 2027
    assert ticks(open_session, 2, DECEMBER + HOUR) == [3, 0]  # what the other left: two calls, one task for both
    with open_session() as session:
        assert [len(task.facts["calls"]) for task in closures(session)] == [2]
        assert GUESSED not in eves(session)
    installed.until = 2026
    assert ticks(open_session, 2, DECEMBER + HOUR) == [0, 0]


@pytest.mark.case("D19")
def test_an_update_that_is_taken_back_leaves_no_clock_idle_and_counts_when_it_comes_again(
    open_session, cast, installed, guessed
):
    installed.until = 2027
    assert ticks(open_session) == [3]
    installed.until, later = 2026, DECEMBER + 3 * HOUR
    edited = CalendarOverride(day=date(2026, 12, 20), is_workday=False, name="调休")
    committed(open_session, lambda session: session.add(edited))
    assert ticks(open_session, 2, later) == [2, 0]
    with open_session() as session:
        assert (closures(session), GUESSED in eves(session)) == ([], True)  # by what is known again
    installed.until = 2027
    assert ticks(open_session, 2, later) == [3, 0]
    with open_session() as session:
        assert is_put_right(session, guessed)


@pytest.mark.case("D19")
@pytest.mark.parametrize("again", range(5))
def test_whoever_comes_first_what_the_best_informed_clock_says_stands(open_session, cast, installed, guessed, again):
    def edit(session):
        session.add(CalendarOverride(day=date(2026, 12, 20), is_workday=False, name="调休"))
        session.add(
            Closure(centre_id=cast.centre.id, first_day=date(2026, 12, 9), last_day=date(2026, 12, 9), reason="")
        )

    committed(open_session, edit)
    at_once(open_session, installed, 2026, 2027, 2026, 2027)
    at_once(open_session, installed, 2026, 2027)
    with open_session() as session:
        assert is_put_right(session, guessed)
        assert (len(closures(session, "cancelled")), session.scalars(select(Replanning)).all()) == (0, [])


@pytest.mark.case("D19")
def test_a_clock_that_is_overtaken_by_one_that_knows_more_undoes_what_it_has_done(
    open_session, engine, cast, installed, guessed, monkeypatch
):
    if engine.dialect.name == "sqlite":
        pytest.skip("one transaction writes at a time")
    has_looked, is_edited, has_planned = threading.Event(), threading.Event(), threading.Event()
    take_up_changes, list_shut_out = plan.take_up_changes, plan.list_shut_out

    def taken_up(session, *, days):
        if installed.until == 2027:
            has_looked.set()
            assert is_edited.wait(20)
        take_up_changes(session, days=days)

    def listed(session, now):
        if installed.until == 2026:
            is_edited.set()
            assert has_planned.wait(20)
        return list_shut_out(session, now)

    def better():
        installed.until = 2027
        done = ticks(open_session)
        has_planned.set()
        return done

    monkeypatch.setattr(plan, "take_up_changes", taken_up)
    monkeypatch.setattr(plan, "list_shut_out", listed)
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(better)
        assert has_looked.wait(20)
        day = MONDAY.date()
        committed(
            open_session,
            lambda session: session.add(Closure(centre_id=cast.centre.id, first_day=day, last_day=day, reason="台风")),
        )
        assert ticks(open_session) == [0]
        assert other.result() == [3]
    installed.until = 2027
    assert ticks(open_session, 2) == [0, 0]
    with open_session() as session:
        (task,) = closures(session)  # the closure's call was seen already
        assert guessed in [line["call"] for line in task.facts["calls"]]
        assert (len(task.facts["calls"]), closures(session, "cancelled"), GUESSED in eves(session)) == (2, [], False)
