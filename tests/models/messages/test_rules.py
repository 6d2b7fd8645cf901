"""Rules of reminders: an administrator edits them, and every letter still to come follows, once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta
from threading import Barrier
from time import sleep
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, func, select, text

from models import reminding
from models.errors import Refused
from models.family.agreeing import Agreement
from models.family.booking import move
from models.family.ending import cancel, undo
from models.family.keeping import who_is
from models.family.leaving import list_without_helper, take_over
from models.family.telling import REMINDER, coming, remind_these
from models.hours import CHINA, CalendarOverride, WorkCalendar
from models.messages.letters import Letter
from models.messages.optouts import opt_out
from models.messages.outcomes import Sent
from models.messages.reminders import Occasion, Recipient, plan
from models.messages.rules import SHIPPED, Replanning, Rule, due_time, put_rule, rules_for, take_changed
from models.people.persons import Person, move_to_zone
from models.people.staff import StaffRole
from models.reminding import person_moved_zone, plan_some, take_up_changes
from models.tasks.tasks import Task
from scheduler.plan import plan_anew
from scheduler.settings import ClockSettings, Hands
from tests.models.family.test_calls import SUNDAY_16, booked
from tests.models.family.test_parting import second_helper
from tests.models.messages.test_outbox import claimed
from tests.world import NOW

MADRID, ROME, NEW_YORK = ZoneInfo("Europe/Madrid"), ZoneInfo("Europe/Rome"), ZoneInfo("America/New_York")
START = SUNDAY_16.astimezone(UTC)
HOUR = timedelta(hours=1)
BOOK = WorkCalendar()


def rule(name="t", mode="before", role="*", kind=REMINDER, **more):
    return Rule(kind, role, name, mode, **({"minutes": 60} if mode == "before" else {}) | more)


def names(session, role="relative", kind=REMINDER):
    return sorted(one.name for one in rules_for(session, kind, [role])[role])


# What an administrator writes.


@pytest.mark.parametrize(
    "good",
    [
        rule(minutes=30),
        rule(mode="day_at", days=1, at=time(9)),
        rule(mode="workdays_at", days=2, at=time(14, 30), grace_minutes=5),
        rule(mode="at_once", urgency="same_day"),
    ],
    ids=lambda one: one.mode,
)
def test_a_rule_of_each_mode_is_kept_and_read_as_it_was_written(session, good):
    put_rule(session, good, NOW)
    assert [one for one in rules_for(session, REMINDER, ["helper"])["helper"] if one.name == "t"] == [good]
    assert len(names(session)) == len([one for one in SHIPPED if one.kind == REMINDER]) + 1


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (rule(mode="sometimes"), "mode or urgency"),
        (rule(urgency="whenever"), "mode or urgency"),
        (rule(minutes=0), "time"),
        (rule(minutes=-5), "time"),
        (rule(minutes=60, at=time(9)), "time"),
        (rule(mode="day_at", days=1), "time"),
        (rule(mode="workdays_at", days=-1, at=time(9)), "time"),
        (rule(mode="day_at", days=400, at=time(9)), "time"),
        (rule(mode="day_at", days=1, at=time(9), minutes=5), "time"),
        (rule(mode="at_once", at=time(9)), "time"),
        (rule(grace_minutes=-1), "time"),
        (rule(name=""), "name"),
        (rule(name="n" * 17), "name"),
        (rule(role="r" * 17), "name"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_and_nothing_is_kept(session, bad, why):
    with pytest.raises(Refused) as refused:
        put_rule(session, bad, NOW)
    assert (refused.value.code, refused.value.facts["why"]) == ("bad_rule", why)
    assert not take_changed(session, REMINDER)


def test_what_an_administrator_writes_stands_in_the_place_of_what_we_ship(session):
    put_rule(session, rule("t-24h", minutes=36 * 60), NOW)
    put_rule(session, rule("t-1h"), NOW, active=False)
    found = {one.name: one.minutes for one in rules_for(session, REMINDER, ["relative"])["relative"]}
    assert found == {"t-24h": 36 * 60, "t-10min": 10}
    put_rule(session, rule("t-1h"), NOW)
    assert names(session) == ["t-10min", "t-1h", "t-24h"]


@pytest.mark.parametrize("first", ["helper", "*"])
def test_a_rule_for_one_role_beats_the_one_for_every_role_whichever_was_written_first(session, first):
    for role in (first, "*" if first == "helper" else "helper"):
        put_rule(session, rule("t-1h", role=role, minutes=90 if role == "helper" else 45), NOW)
    assert {one.minutes for one in rules_for(session, REMINDER, ["helper"])["helper"] if one.name == "t-1h"} == {90}
    assert {one.minutes for one in rules_for(session, REMINDER, ["relative"])["relative"] if one.name == "t-1h"} == {45}
    put_rule(session, rule("t-1h", role="helper"), NOW, active=False)
    assert ("t-1h" in names(session, "helper"), "t-1h" in names(session)) == (False, True)


def test_rules_of_one_kind_say_nothing_about_another(session):
    put_rule(session, rule("x", kind="order.reminder"), NOW)
    assert "x" not in names(session)
    assert not take_changed(session, REMINDER)
    assert take_changed(session, "order.reminder")


def test_an_edit_is_heeded_once_also_one_of_the_same_second_and_one_made_while_the_clock_went_back(session):
    put_rule(session, rule(), NOW)
    assert [take_changed(session, REMINDER) for _ in range(2)] == [True, False]
    for at in (NOW, NOW - HOUR):
        put_rule(session, rule(minutes=30), at)
        assert [take_changed(session, REMINDER) for _ in range(2)] == [True, False]


def test_an_edit_that_commits_after_a_later_one_was_heeded_is_heeded_too(open_session, engine):
    if engine.dialect.name == "sqlite":
        pytest.skip("one writer at a time: edits commit in their order")
    with open_session() as slow, slow.begin():
        put_rule(slow, rule("slow"), NOW)
        with open_session() as quick, quick.begin():
            put_rule(quick, rule("quick"), NOW + HOUR)
        with open_session() as clock, clock.begin():
            assert take_changed(clock, REMINDER)
    with open_session() as clock, clock.begin():
        assert take_changed(clock, REMINDER)


# The plan follows the rules.


def occasion(starts_at=START, revision=0):
    return Occasion("call:1", revision, REMINDER, starts_at, {})


def planned(session, cast, now=NOW, starts_at=START, revision=0, zone=MADRID):
    reader = Recipient(cast.xiaofang.id, "relative", zone)
    return plan(session, occasion(starts_at, revision), [reader], now)


def due(session, state="planned"):
    rows = session.scalars(select(Letter).where(Letter.state == state, Letter.kind == REMINDER))
    return {row.facts["rule"]: row.due_at for row in rows}


@pytest.mark.case("J10")
def test_a_rule_edited_twice_moves_each_letter_once_to_where_it_stands_now(session, cast):
    planned(session, cast)
    put_rule(session, rule("t-1h", minutes=90, urgency="same_day"), NOW)
    put_rule(session, rule("t-1h", minutes=120, urgency="same_day"), NOW)
    # The 24-hour letter is useful only until the one that moved: it changes with it.
    assert planned(session, cast, NOW + HOUR) == 2
    assert due(session)["t-1h"] == START - 2 * HOUR
    assert planned(session, cast, NOW + HOUR) == 0
    assert session.scalar(select(func.count()).select_from(Letter)) == 3


@pytest.mark.case("J10", "J9")
def test_what_was_sent_stays_and_is_not_said_again_whatever_the_rule_says_now(session, cast):
    planned(session, cast)
    after = START - 2 * HOUR
    (sent,) = claimed(session, now=START - 24 * HOUR + timedelta(minutes=1)).letters
    session.expire_all()
    put_rule(session, rule("t-24h", minutes=20), after)
    planned(session, cast, after)
    letter = session.get_one(Letter, sent.id)
    assert (letter.state, letter.due_at) == ("sending", START - 24 * HOUR)
    assert sorted(due(session)) == ["t-10min", "t-1h"]


@pytest.mark.case("J10")
def test_a_rule_switched_off_takes_its_letters_back_and_switched_on_again_brings_them_back(session, cast):
    planned(session, cast)
    put_rule(session, rule("t-1h"), NOW, active=False)
    planned(session, cast)
    assert sorted(due(session, "withdrawn")) == ["t-1h"]
    put_rule(session, rule("t-1h", minutes=50, urgency="same_day"), NOW)
    planned(session, cast)
    assert due(session, "withdrawn") == {}
    assert due(session)["t-1h"] == START - timedelta(minutes=50)
    back = session.scalars(select(Letter).where(Letter.due_at == START - timedelta(minutes=50))).one()
    assert (back.settled_at, back.next_at) == (None, back.due_at)


@pytest.mark.case("J9")
def test_a_new_rule_whose_time_is_past_brings_no_letter_and_a_withdrawn_one_does_not_come_back_late(session, cast):
    planned(session, cast)
    put_rule(session, rule("t-24h"), NOW, active=False)
    planned(session, cast)
    late = START - 3 * HOUR
    put_rule(session, rule("t-24h", minutes=24 * 60), late)
    put_rule(session, rule("t-48h", minutes=48 * 60), late)
    assert planned(session, cast, late) == 0
    assert sorted(due(session)) == ["t-10min", "t-1h"]


@pytest.mark.case("J9")
def test_a_letter_that_a_rule_moves_into_the_past_is_withdrawn_and_not_fired_with_the_next(session, cast):
    planned(session, cast)
    late = START - 30 * HOUR
    put_rule(session, rule("t-1h", minutes=48 * 60, urgency="same_day"), late)
    # The ten-minute letter follows the 24-hour one now, whose use ends later: that one changes with it.
    assert planned(session, cast, late) == 2
    assert due(session) == {"t-24h": START - 24 * HOUR, "t-10min": START - HOUR / 6}
    assert due(session, "withdrawn") == {"t-1h": START - HOUR}
    assert claimed(session, now=late).letters == []
    assert planned(session, cast, late + HOUR) == 0
    # Put back in time, it is said as if nothing had been.
    put_rule(session, rule("t-1h", minutes=60, urgency="same_day"), late + HOUR)
    assert planned(session, cast, late + HOUR) == 2
    assert due(session)["t-1h"] == START - HOUR


@pytest.mark.case("J9", "J10")
def test_a_letter_that_was_due_before_the_edit_and_waits_to_be_taken_is_said_all_the_same(session, cast):
    planned(session, cast)
    late = START - HOUR / 2  # the clock stood still: what was due half an hour ago is in the queue
    put_rule(session, rule("t-1h", minutes=45, urgency="same_day"), late)
    planned(session, cast, late)
    assert due(session)["t-1h"] == START - HOUR
    assert [letter.facts["rule"] for letter in claimed(session, now=late).letters] == ["t-1h"]


@pytest.mark.case("J9", "J12")
def test_a_letter_that_a_move_to_another_zone_puts_into_the_past_is_withdrawn_too(session, cast):
    put_rule(session, rule("eve", "day_at", days=1, at=time(18), urgency="same_day"), NOW)
    planned(session, cast, zone=NEW_YORK)
    between = datetime(2026, 11, 28, 18, 30, tzinfo=CHINA)  # six is over in Lishui, and to come in New York
    planned(session, cast, between, zone=CHINA)
    assert "eve" in due(session, "withdrawn")
    assert claimed(session, now=between).letters == []


def test_at_once_is_when_it_was_booked_and_not_when_somebody_writes_the_rule(session, cast):
    planned(session, cast)
    put_rule(session, rule("now", "at_once", urgency="same_day"), NOW + HOUR)
    assert planned(session, cast, NOW + HOUR) == 0
    assert planned(session, cast, NOW + HOUR, START + HOUR, revision=1) == 4
    assert due(session)["now"] == NOW + HOUR
    (letter,) = claimed(session, now=NOW + HOUR).letters
    # Planned again it is neither said twice, nor does it end the use of another that is due and has not gone yet.
    session.expire_all()
    day_before = START - 22 * HOUR
    assert planned(session, cast, day_before, START + HOUR, revision=1) == 0
    assert sorted(due(session)) == ["t-10min", "t-1h", "t-24h"]
    assert letter.facts["rule"] == "now"


def at_once(session, cast, now, starts_at, revision):
    """The letters that say at once, as they stand after a revision was planned."""
    when = Occasion("call:1", revision, REMINDER, starts_at, {"starts_at": starts_at.isoformat()})
    plan(session, when, [Recipient(cast.xiaofang.id, "relative", MADRID)], now)
    query = select(Letter).where(Letter.key.contains("/now/")).order_by(Letter.revision)
    return session.scalars(query, execution_options={"populate_existing": True}).all()


@pytest.mark.parametrize(
    ("state", "many"),
    [
        ("planned", 2), ("withdrawn", 2), ("dead", 2), ("missed", 2), ("needs_check", 2), ("sending", 1), ("sent", 1),
        ("unconfirmed", 1), ("delivered", 1), ("told_in_person", 1),
    ],
)  # fmt: skip
def test_at_once_is_said_again_of_another_start_and_of_the_same_where_it_reached_nobody(session, cast, state, many):
    put_rule(session, rule("now", "at_once", urgency="same_day"), NOW)
    (letter,) = at_once(session, cast, NOW, START, 0)
    letter.state = state
    assert len(at_once(session, cast, NOW + HOUR, START.astimezone(CHINA), 1)) == many
    assert len(due(session)) == many + 2, "the others are said at their time"
    found = at_once(session, cast, NOW + 2 * HOUR, START + HOUR, 2)
    assert (len(found), found[-1].state, found[-1].revision) == (many + 1, "planned", 2)


@pytest.mark.parametrize("how", ["take_over", "undo"])
def test_a_reminder_at_once_is_not_said_twice(session, cast, how):
    put_rule(session, rule("now", "at_once", urgency="same_day"), NOW)
    call, helper = booked(session, cast), second_helper(session, cast)
    mine = select(Letter).where(Letter.kind == REMINDER, Letter.person_id == cast.xiaofang.id, Letter.due_at == NOW)
    session.scalars(mine).one().state = "delivered"
    if how == "undo":
        cancel(session, cast.who(cast.xiaofang), call.id, "", NOW + HOUR)
        undo(session, cast.who(cast.xiaofang), call.id, NOW + HOUR)
    else:
        session.execute(delete(StaffRole).where(StaffRole.person_id == cast.li.id))
        list_without_helper(session, NOW)
        todo = session.scalars(select(Task).where(Task.kind == "series_helper")).one()
        take_over(session, who_is(helper), todo.id, NOW + HOUR)
    assert call.revision == 1
    again = select(Letter.person_id).where(Letter.revision == 1, Letter.key.contains("/now/"))
    assert cast.xiaofang.id not in session.scalars(again).all()


@pytest.mark.case("J11")
def test_reminders_of_who_wants_none_are_planned_and_never_sent_so_that_a_change_of_mind_counts(session, cast):
    opt_out(session, cast.xiaofang.id, REMINDER, NOW)
    assert planned(session, cast) == 3
    batch = claimed(session, now=START - timedelta(minutes=5))
    assert (batch.letters, len(batch.suppressed)) == ([], 1)


@pytest.mark.parametrize("hour", [8, 9, 12])
def test_working_days_before_what_begins_on_the_readers_day_before_are_counted_from_that_day(hour):
    starts = datetime(2026, 12, 8, hour, tzinfo=CHINA)  # Tuesday in Lishui, Monday evening in New York
    found = due_time(rule(mode="workdays_at", days=1, at=time(20)), starts, NEW_YORK, BOOK, NOW)
    assert found == datetime(2026, 12, 4, 20, tzinfo=NEW_YORK)
    assert due_time(rule(mode="workdays_at", days=1, at=time(20)), starts, MADRID, BOOK, NOW) == datetime(
        2026, 12, 7, 20, tzinfo=MADRID
    )


@pytest.mark.case("J15")
def test_who_books_moves_or_cancels_is_not_told_of_it_but_reminded_like_everybody(session, cast):
    call = booked(session, cast)
    move(session, cast.who(cast.li), call.id, SUNDAY_16 - 2 * HOUR, NOW, Agreement(call.relative_id, "phone"))
    cancelled = booked(session, cast, SUNDAY_16 - 5 * HOUR, "k2")
    cancel(session, cast.who(cast.xiaofang), cancelled.id, "", NOW)
    told = session.execute(
        select(Letter.kind, Letter.person_id).where(Letter.kind.in_(("family.booked", "family.changed",
                                                                     "family.cancelled"))).order_by(Letter.id)
    ).all()  # fmt: skip
    assert told == [
        ("family.booked", cast.li.id), ("family.changed", cast.xiaofang.id),
        ("family.booked", cast.li.id), ("family.cancelled", cast.li.id),
    ]  # fmt: skip
    reminded = session.scalars(select(Letter.person_id).where(Letter.state == "planned", Letter.kind == REMINDER))
    assert set(reminded) == {cast.xiaofang.id, cast.li.id}


# The clock carries an edit out.


def hands(open_session, now=NOW):
    return Hands(open_session, lambda letter: Sent(str(letter.id), "好"), lambda: now, lambda: now, ClockSettings())


def committed(open_session, work):
    with open_session() as session, session.begin():
        return work(session)


@pytest.mark.case("J10")
def test_of_two_clocks_at_once_one_plans_anew(open_session, cast):
    committed(open_session, lambda session: booked(session, cast))
    committed(open_session, lambda session: put_rule(session, rule("t-1h", minutes=90), NOW))
    together = Barrier(2)

    def tick(_):
        together.wait()
        return plan_anew(hands(open_session))

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(tick, range(2))) == [0, 1]
    assert plan_anew(hands(open_session)) == 0


@pytest.mark.case("J10", "E8")
def test_an_edit_reaches_the_letters_of_every_coming_call_and_of_no_other(open_session, cast):
    def prepare(session):
        coming, past, off = (
            booked(session, cast, at, key) for at, key in (
                (SUNDAY_16, "a"), (SUNDAY_16 - 72 * HOUR, "b"), (SUNDAY_16 - HOUR, "c"),
            )
        )  # fmt: skip
        cancel(session, cast.who(cast.xiaofang), off.id, "", NOW)
        return coming.subject, past.subject, off.subject

    coming, past, off = committed(open_session, prepare)
    committed(open_session, lambda session: put_rule(session, rule("eve", "day_at", days=1, at=time(18)), NOW))
    assert plan_anew(hands(open_session, SUNDAY_16 - 48 * HOUR)) == 1
    with open_session() as session:
        made = session.scalars(select(Letter).where(Letter.key.contains("/eve/"))).all()
        assert {letter.subject for letter in made} == {coming}
        at = {letter.facts["role"]: letter.due_at for letter in made}
        assert {letter.state for letter in session.scalars(select(Letter).where(Letter.subject == off,
                Letter.kind == REMINDER))} == {"withdrawn"}  # fmt: skip
        assert session.scalars(select(Letter.id).where(Letter.subject == past, Letter.state == "planned")).all()
    # Each at six in the evening of the own day before.
    assert at["helper"] == datetime(2026, 11, 28, 18, 0, tzinfo=CHINA)
    assert at["relative"] == datetime(2026, 11, 28, 18, 0, tzinfo=MADRID)


def somebody_waits(engine):
    """Returns when another connection waits for a lock that we hold; SQLite shows none, so there it is a moment."""
    if engine.dialect.name == "sqlite":
        return sleep(0.2)
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    for _ in range(500):
        with engine.connect() as connection:
            if connection.scalar(text(query)):
                return None
        sleep(0.01)
    raise AssertionError("nobody waits")


@pytest.mark.case("E1", "E9")
def test_a_call_moved_or_cancelled_while_rules_are_carried_out_leaves_no_old_letter(open_session, engine, cast):
    first = committed(open_session, lambda session: booked(session, cast).id)
    second = committed(open_session, lambda session: booked(session, cast, SUNDAY_16 - 5 * HOUR, "k2").id)

    def anew():
        return committed(open_session, lambda session: remind_these(session, NOW, coming(session, NOW, 0, 99)))

    with ThreadPoolExecutor(1) as pool:
        with open_session() as session, session.begin():
            move(session, cast.who(cast.xiaofang), first, SUNDAY_16 - 2 * HOUR, NOW)
            cancel(session, cast.who(cast.xiaofang), second, "", NOW)
            waiting = pool.submit(anew)
            somebody_waits(engine)
        assert waiting.result(timeout=20) == 1
    with open_session() as session:
        live = session.scalars(select(Letter).where(Letter.state == "planned", Letter.kind == REMINDER)).all()
        assert {(letter.subject, letter.revision) for letter in live} == {(f"call:{first}", 1)}


def five_calls(session, cast):
    """Of one family, an hour apart."""
    return [booked(session, cast, SUNDAY_16 - n * HOUR, f"k{n}").id for n in range(5)]


def hour_before(session):
    """When each call's last reminder but one comes before it, by call."""
    rows = session.scalars(select(Letter).where(Letter.key.contains("/t-1h/relative"), Letter.state == "planned"))
    return {row.subject: datetime.fromisoformat(row.facts["starts_at"]) - row.due_at for row in rows}


@pytest.mark.case("J10")
def test_many_bookings_are_planned_anew_a_few_at_a_time_and_who_dies_leaves_the_rest_to_the_next(
    open_session, cast, monkeypatch
):  # fmt: skip
    monkeypatch.setattr(reminding, "AT_ONCE", 2)
    calls = committed(open_session, lambda session: five_calls(session, cast))
    committed(open_session, lambda session: put_rule(session, rule("t-1h", minutes=90, urgency="same_day"), NOW))
    committed(open_session, lambda session: take_up_changes(session, days=False))
    assert committed(open_session, lambda session: plan_some(session, NOW)) == 2
    with open_session() as session:
        assert sorted(hour_before(session).values()) == [HOUR] * 3 + [1.5 * HOUR] * 2
    with pytest.raises(KeyError), open_session() as session, session.begin():
        plan_some(session, NOW)
        raise KeyError  # killed before it was written down
    assert plan_anew(hands(open_session)) == 3
    with open_session() as session:
        assert hour_before(session) == {f"call:{key}": 1.5 * HOUR for key in calls}
        assert session.scalar(select(func.count()).where(Letter.key.contains("/t-1h/relative"))) == 5
    assert plan_anew(hands(open_session)) == 0


@pytest.mark.case("J10")
def test_an_edit_while_many_are_planned_anew_reaches_those_too_that_had_been_planned(open_session, cast, monkeypatch):
    monkeypatch.setattr(reminding, "AT_ONCE", 2)
    committed(open_session, lambda session: five_calls(session, cast))
    committed(open_session, lambda session: put_rule(session, rule("t-1h", minutes=90, urgency="same_day"), NOW))
    committed(open_session, lambda session: take_up_changes(session, days=False))
    committed(open_session, lambda session: plan_some(session, NOW))
    committed(open_session, lambda session: put_rule(session, rule("t-1h", minutes=75, urgency="same_day"), NOW))
    assert plan_anew(hands(open_session)) == 5
    with open_session() as session:
        assert set(hour_before(session).values()) == {1.25 * HOUR}


@pytest.mark.case("J10")
def test_several_clocks_plan_each_booking_once(open_session, cast, monkeypatch):
    monkeypatch.setattr(reminding, "AT_ONCE", 2)
    committed(open_session, lambda session: five_calls(session, cast))
    committed(open_session, lambda session: put_rule(session, rule("t-1h", minutes=90, urgency="same_day"), NOW))
    together = Barrier(3)

    def tick(_):
        together.wait()
        return plan_anew(hands(open_session))

    with ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(tick, range(3))) == 5
    assert plan_anew(hands(open_session)) == 0
    with open_session() as session:
        assert set(hour_before(session).values()) == {1.5 * HOUR}
        assert session.scalars(select(Replanning)).all() == []


@pytest.mark.case("E2")
def test_moved_and_moved_back_with_an_edit_between_there_is_one_set_of_letters(session, cast):
    call = booked(session, cast)
    for at in (SUNDAY_16 - HOUR, SUNDAY_16):
        move(session, cast.who(cast.xiaofang), call.id, at, NOW)
        put_rule(session, rule("t-1h", minutes=90, urgency="same_day"), NOW)
        remind_these(session, NOW, coming(session, NOW, 0, 99))
    live = session.scalars(select(Letter).where(Letter.state == "planned", Letter.kind == REMINDER,
                                                Letter.person_id == cast.xiaofang.id)).all()  # fmt: skip
    assert {letter.facts["rule"]: letter.due_at for letter in live} == {
        "t-24h": START - 24 * HOUR, "t-1h": START - 1.5 * HOUR, "t-10min": START - HOUR / 6,
    }  # fmt: skip
    assert len(live) == 3


# When it is due.


def at(zone, *parts):
    return datetime(*parts, tzinfo=zone)


@pytest.mark.case("J12")
@pytest.mark.parametrize(
    ("starts", "zone", "minutes", "expected"),
    [
        # 24 hours before a Lishui evening is a Roman midday: nothing to move.
        (at(CHINA, 2026, 11, 29, 20), ROME, 1440, "11-28 13:00"),
        # Ten in the morning in Lishui is the middle of the Roman night: the morning after is in good time.
        (at(CHINA, 2026, 11, 29, 22), ROME, 12 * 60, "11-29 08:00"),
        # The morning would come after the start: the evening before.
        (at(CHINA, 2026, 11, 29, 12), ROME, 120, "11-28 20:59"),
        # Just inside, and just outside, of what is allowed.
        (at(ROME, 2026, 11, 29, 9), ROME, 61, "11-29 08:00"),
        (at(ROME, 2026, 11, 29, 8, 59), ROME, 61, "11-28 20:59"),
        (at(ROME, 2026, 11, 29, 22), ROME, 61, "11-29 20:59"),
        (at(ROME, 2026, 11, 30, 10), ROME, 13 * 60, "11-30 08:00"),
    ],
)
def test_a_routine_letter_keeps_out_of_the_readers_night(starts, zone, minutes, expected):
    moment = due_time(rule(minutes=minutes), starts, zone, BOOK, NOW).astimezone(zone)
    assert (f"{moment:%m-%d %H:%M}", moment < starts) == (expected, True)


@pytest.mark.case("J13")
@pytest.mark.parametrize("urgency", ["same_day", "safety"])
def test_what_is_about_now_goes_at_night_too(urgency):
    starts = at(CHINA, 2026, 11, 29, 9)
    assert due_time(rule(minutes=60, urgency=urgency), starts, ROME, BOOK, NOW) == starts - HOUR


@pytest.mark.case("J12", "D8")
@pytest.mark.parametrize(
    ("starts", "before", "expected"),
    [
        (at(ROME, 2026, 10, 25, 16), 1440, "10-24 17:00"),  # 25 hours in that day: 24 hours before is an hour later
        (at(ROME, 2027, 3, 28, 16), 1440, "03-27 15:00"),  # 23 hours
        (at(ROME, 2026, 10, 25, 9), 600, "10-25 08:00"),  # midnight, an hour more of night, and then the morning
        (at(ROME, 2027, 3, 28, 8, 30), 120, "03-27 20:59"),
    ],
)
def test_where_the_clocks_change_hours_are_hours_and_the_morning_is_at_eight(starts, before, expected):
    assert f"{due_time(rule(minutes=before), starts, ROME, BOOK, NOW).astimezone(ROME):%m-%d %H:%M}" == expected


@pytest.mark.case("D8", "D9")
@pytest.mark.parametrize(
    ("day", "clock", "utc"),
    [
        (date(2026, 10, 26), time(18), "17:00"),  # the day before has summer time until three in the morning
        (date(2026, 10, 25), time(18), "16:00"),
        (date(2027, 3, 29), time(18), "16:00"),
        (date(2027, 3, 28), time(18), "17:00"),
        (date(2026, 10, 26), time(2, 30), "00:30"),  # occurs twice: the first time
        (date(2027, 3, 29), time(2, 30), "01:30"),  # does not occur: moved on by the gap
    ],
)
def test_a_time_of_day_is_the_readers_clock_on_either_side_of_a_change(day, clock, utc):
    starts = datetime.combine(day, time(20), ROME)
    found = due_time(rule(mode="day_at", days=1, at=clock, urgency="same_day"), starts, ROME, BOOK, NOW)
    assert f"{found:%H:%M}" == utc


@pytest.mark.case("J12", "J13")
def test_at_once_in_the_night_is_the_morning_unless_it_presses():
    night, starts = at(ROME, 2026, 11, 27, 23), at(ROME, 2026, 11, 29, 9)
    assert due_time(rule(mode="at_once"), starts, ROME, BOOK, night) == at(ROME, 2026, 11, 28, 8)
    assert due_time(rule(mode="at_once", urgency="same_day"), starts, ROME, BOOK, night) == night


@pytest.mark.case("J19", "J21")
@pytest.mark.parametrize(
    ("starts", "days", "expected"),
    [
        ((2026, 2, 24), 1, (2026, 2, 14)),  # the Saturday that is worked for the nine days of the festival
        ((2026, 2, 24), 2, (2026, 2, 13)),
        ((2026, 2, 18), 1, (2026, 2, 14)),  # in the middle of it
        ((2026, 3, 2), 1, (2026, 2, 28)),  # and the Saturday after it
        ((2026, 3, 1), 1, (2026, 2, 28)),
        ((2026, 3, 2), 0, (2026, 3, 2)),
        ((2026, 9, 21), 1, (2026, 9, 20)),  # a Sunday that is worked
        ((2026, 10, 8), 1, (2026, 9, 30)),
        ((2026, 1, 4), 1, (2025, 12, 31)),  # over the year's end; that Sunday is worked for New Year
    ],
)
def test_working_days_before_are_chinas_with_their_make_up_days(starts, days, expected):
    found = due_time(rule(mode="workdays_at", days=days, at=time(9)), at(CHINA, *starts, 10), CHINA, BOOK, NOW)
    assert found == at(CHINA, *expected, 9)


@pytest.mark.case("J19")
def test_the_countys_own_notice_wins_and_the_days_are_chinas_even_for_a_reader_elsewhere(session, cast):
    session.add(CalendarOverride(day=date(2026, 11, 27), is_workday=False, name="台风停工"))
    session.flush()
    put_rule(session, rule("wd", "workdays_at", days=1, at=time(18)), NOW)
    # Monday 07:00 in Lishui is still Sunday in New York; one working day before Monday, Friday off, is Thursday.
    planned(session, cast, starts_at=at(CHINA, 2026, 11, 30, 7), zone=NEW_YORK)
    assert due(session)["wd"] == at(NEW_YORK, 2026, 11, 26, 18)


@pytest.mark.case("J23")
def test_where_the_holidays_are_not_known_yet_monday_to_friday_are_worked():
    assert not BOOK.knows(2031)
    starts = at(CHINA, 2031, 1, 27, 10)  # a Monday
    found = due_time(rule(mode="workdays_at", days=1, at=time(9)), starts, CHINA, BOOK, NOW)
    assert found == at(CHINA, 2031, 1, 24, 9)


@pytest.mark.case("J10")
@pytest.mark.parametrize("how", ["book", "move", "zone"])
def test_who_read_the_rules_before_an_edit_and_commits_after_it_was_taken_up_has_the_new_ones(
    open_session, engine, cast, how, caplog
):
    if engine.dialect.name == "sqlite":
        pytest.skip("one transaction writes at a time")
    call = None if how == "book" else committed(open_session, lambda session: booked(session, cast).id)
    with open_session() as late, late.begin():
        if how == "book":
            booked(late, cast)
        elif how == "move":
            move(late, cast.who(cast.xiaofang), call, SUNDAY_16 - 2 * HOUR, NOW)
        else:
            move_to_zone(late, late.get_one(Person, cast.xiaofang.id), "Asia/Tokyo")
            person_moved_zone(late, cast.xiaofang.id, NOW)
        edited = rule("t-1h", minutes=90, urgency="same_day")
        committed(open_session, lambda session: put_rule(session, edited, NOW))
        assert plan_anew(hands(open_session)) == 0  # it waits until who writes has done so
        assert "family.reminder: planned anew later" in caplog.text
    assert plan_anew(hands(open_session)) == 1
    with open_session() as session:
        assert set(hour_before(session).values()) == {1.5 * HOUR}
    assert plan_anew(hands(open_session)) == 0
