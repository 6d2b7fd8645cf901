"""Days and closures that are edited: what hangs on them is planned anew once, and the cadre hears of what is hit."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, time, timedelta
from threading import Barrier

import pytest
from sqlalchemy import select

from handlers.tasks.words import sentence
from models.family.booking import move
from models.family.calls import FamilyCall
from models.family.ending import cancel
from models.family.telling import REMINDER
from models.hours import CHINA, CalendarOverride
from models.messages.letters import Letter
from models.messages.rules import put_rule
from models.places.centres import Closure, OpeningHours
from models.tasks.desk import finish
from models.tasks.tasks import Task
from scheduler.plan import plan_anew
from tests.models.family.test_calls import SUNDAY_16, booked, reminders
from tests.models.messages.test_rules import committed, hands, rule
from tests.models.tasks.test_telling import letters, opened
from tests.world import NOW

FRIDAY, SUNDAY = date(2026, 11, 27), date(2026, 11, 29)


def eve(session):
    """One working day before, at six."""
    put_rule(session, rule("wd", "workdays_at", days=1, at=time(18), urgency="same_day"), NOW)


def off(session, day=FRIDAY, name="台风停工"):
    session.add(CalendarOverride(day=day, is_workday=False, name=name))


def shut(session, cast, first=SUNDAY, last=SUNDAY, reason="台风", everywhere=False):
    session.add(
        Closure(centre_id=None if everywhere else cast.centre.id, first_day=first, last_day=last, reason=reason)
    )


def closures(session, state="open"):
    return list(session.scalars(select(Task).where(Task.kind == "closure", Task.state == state).order_by(Task.id)))


def planned_eve(open_session, cast):
    """A call on Sunday, reminded of on Friday at six; answers its id."""

    def prepare(session):
        eve(session)
        return booked(session, cast).id

    made = committed(open_session, prepare)
    plan_anew(hands(open_session))
    return made


def eves(session):
    query = select(Letter).where(Letter.kind == REMINDER, Letter.key.contains("/wd/"), Letter.state == "planned")
    return {letter.due_at.astimezone(CHINA) for letter in session.scalars(query) if letter.facts["role"] == "helper"}


@pytest.mark.case("J19", "D19")
def test_a_day_taken_away_moves_the_letters_that_count_working_days_once_whoever_runs(open_session, cast):
    planned_eve(open_session, cast)
    with open_session() as session:
        assert eves(session) == {datetime(2026, 11, 27, 18, tzinfo=CHINA)}
    committed(open_session, off)
    together = Barrier(2)

    def tick(_):
        together.wait()
        return plan_anew(hands(open_session))

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(tick, range(2))) == [0, 1]
    assert plan_anew(hands(open_session)) == 0
    with open_session() as session:
        assert eves(session) == {datetime(2026, 11, 26, 18, tzinfo=CHINA)}


@pytest.mark.case("J19")
def test_an_edited_day_counts_anew_and_one_that_is_written_again_as_it_was_does_not(open_session, cast):
    planned_eve(open_session, cast)
    committed(open_session, off)
    assert plan_anew(hands(open_session)) == 1

    def write(worked):
        def work(session):
            row = session.get_one(CalendarOverride, FRIDAY)
            row.is_workday, row.name = worked, "台风停工"

        return committed(open_session, work)

    write(False)
    assert plan_anew(hands(open_session)) == 0
    write(True)
    assert plan_anew(hands(open_session)) == 1
    with open_session() as session:
        assert eves(session) == {datetime(2026, 11, 27, 18, tzinfo=CHINA)}


@pytest.mark.case("D19")
def test_a_closure_lays_the_calls_that_it_hits_before_the_cadres_in_one_task_whoever_runs(open_session, cast):
    def prepare(session):
        hit = [booked(session, cast, SUNDAY_16 - timedelta(hours=n), f"k{n}").id for n in (0, 1)]
        booked(session, cast, SUNDAY_16 - timedelta(days=1), "other day")
        cancel(session, cast.who(cast.xiaofang), booked(session, cast, SUNDAY_16 - timedelta(hours=3), "c").id, "", NOW)
        return hit

    hit = committed(open_session, prepare)
    assert plan_anew(hands(open_session)) == 0
    committed(open_session, lambda session: shut(session, cast))
    together = Barrier(2)

    def tick(_):
        together.wait()
        return plan_anew(hands(open_session))

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(tick, range(2))) == [0, 1]
    with open_session() as session:
        (task,) = closures(session)
        assert [line["call"] for line in task.facts["calls"]] == hit[::-1]
        said = sentence(task.kind, task.facts, task.due_at, CHINA)
        told = [letter.person_id for letter in letters(session, "assigned") if letter.facts["task"] == task.id]
    assert (task.area_id, told) == (cast.village.id, [cast.li.id])
    assert (
        "葛山村党群服务中心在这些时间不开门（台风）：\n11月29日（周日）15:00 王秀英与小芳\n11月29日（周日）16:00"
        in said
    )


@pytest.mark.case("D19")
def test_a_day_that_the_county_takes_away_shuts_the_centres_too(open_session, cast):
    committed(open_session, lambda session: booked(session, cast))
    committed(open_session, lambda session: off(session, SUNDAY, "调休"))
    assert plan_anew(hands(open_session)) == 2  # the call's reminders, and the task
    with open_session() as session:
        (task,) = closures(session)
        assert task.facts["why"] == "调休"


@pytest.mark.case("D19")
def test_a_closure_that_is_corrected_takes_its_task_back_and_one_that_grows_puts_another_in_its_place(
    open_session, cast
):
    committed(
        open_session, lambda session: [booked(session, cast), booked(session, cast, SUNDAY_16 - timedelta(days=1), "s")]
    )
    committed(open_session, lambda session: shut(session, cast))
    assert plan_anew(hands(open_session)) == 1

    def days(first, last):
        def work(session):
            row = session.scalars(select(Closure)).one()
            row.first_day, row.last_day = first, last

        return committed(open_session, work)

    days(SUNDAY - timedelta(days=1), SUNDAY)
    assert plan_anew(hands(open_session)) == 1
    with open_session() as session:
        assert ([len(task.facts["calls"]) for task in closures(session)], len(closures(session, "cancelled"))) == (
            [2],
            1,
        )
    days(SUNDAY + timedelta(days=1), SUNDAY + timedelta(days=1))
    assert plan_anew(hands(open_session)) == 0
    with open_session() as session:
        assert (closures(session), len(closures(session, "cancelled"))) == ([], 2)


@pytest.mark.case("D19")
def test_a_closure_that_is_taken_away_takes_its_task_back(open_session, cast):
    committed(open_session, lambda session: booked(session, cast))
    committed(open_session, lambda session: shut(session, cast))
    assert plan_anew(hands(open_session)) == 1
    committed(open_session, lambda session: session.delete(session.scalars(select(Closure)).one()))
    assert plan_anew(hands(open_session)) == 0
    with open_session() as session:
        assert (closures(session), len(closures(session, "cancelled"))) == ([], 1)


@pytest.mark.case("D19")
@pytest.mark.parametrize("edit", ["shorter", "gone"])
def test_hours_that_are_shortened_or_taken_away_lay_their_calls_before_the_cadres(open_session, cast, edit):
    committed(open_session, lambda session: booked(session, cast))
    assert plan_anew(hands(open_session)) == 0

    def edited(session):
        sunday = select(OpeningHours).where(OpeningHours.centre_id == cast.centre.id, OpeningHours.weekday == 7)
        for row in session.scalars(sunday).all():
            if edit == "gone":
                session.delete(row)
            else:
                row.closes = time(16, 15)

    committed(open_session, edited)
    assert [plan_anew(hands(open_session)) for _ in range(2)] == [1, 0]
    with open_session() as session:
        assert [len(task.facts["calls"]) for task in closures(session)] == [1]


@pytest.mark.case("D19")
def test_what_a_cadre_has_seen_to_is_not_brought_up_again_unless_it_moved(open_session, cast):
    call = committed(open_session, lambda session: booked(session, cast).id)
    committed(open_session, lambda session: shut(session, cast))
    plan_anew(hands(open_session))
    committed(open_session, lambda session: finish(session, cast.who(cast.li), closures(session)[0].id, NOW))
    committed(
        open_session, lambda session: shut(session, cast, date(2026, 12, 20), date(2026, 12, 20), everywhere=True)
    )
    assert plan_anew(hands(open_session)) == 0
    committed(
        open_session, lambda session: move(session, cast.who(cast.xiaofang), call, SUNDAY_16 - timedelta(days=1), NOW)
    )
    committed(open_session, lambda session: shut(session, cast, date(2026, 11, 28), date(2026, 11, 28)))
    assert plan_anew(hands(open_session)) == 1
    with open_session() as session:
        assert [line["revision"] for line in closures(session)[0].facts["calls"]] == [1]
        assert len(reminders(session, session.get_one(FamilyCall, call))) == 6


@pytest.mark.case("J14", "J19")
def test_a_morning_letter_waits_for_the_next_morning_when_its_own_is_taken_away(open_session, cast):
    committed(
        open_session, lambda session: [opened(session, cast, n, due_at=NOW + timedelta(days=6)) for n in range(5)]
    )
    committed(open_session, lambda session: off(session, date(2026, 11, 25)))
    assert plan_anew(hands(open_session)) == 1
    with open_session() as session:
        old, new = letters(session, "digest")
        assert (old.state, new.state, new.due_at) == (
            "withdrawn",
            "planned",
            datetime(2026, 11, 26, 8, 30, tzinfo=CHINA),
        )
        assert old.facts["items"] == []
        assert len(new.facts["items"]) == 2
    assert plan_anew(hands(open_session)) == 0
