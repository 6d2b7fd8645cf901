"""What became of a call: three separate facts, suggested by presence, said by a person, held against nobody."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from handlers.family.letter_words import letter as family_letter
from models.errors import Refused
from models.family.booking import book, move
from models.family.calls import CALL, MISSED
from models.family.ending import cancel, finish_past
from models.family.joining import invite
from models.family.makeup import HELD_FOR, Makeup, decline, lapse_makeups, makeups_of, take
from models.family.outcomes import arrive, report, suggested, suggestion
from models.family.parting import part, stop_calls
from models.family.reports import OUTCOMES, CallReport, reports_of
from models.family.slots import free_slots
from models.history import history_of
from models.hours import CHINA
from models.life import By
from models.messages.letters import Letter
from models.people.care import CareLink
from models.people.persons import Person
from models.places.cells import Cell
from models.tasks.tasks import Task
from tests.models.family.test_calls import SUNDAY_16, booked, cells_of, reminders, sister
from tests.world import NOW

MINUTE = timedelta(minutes=1)
AFTER = SUNDAY_16 + 25 * MINUTE


def became(session, cast, call, what, at=AFTER, now=None, who=None):
    return report(session, who or cast.who(cast.li), call.id, what, at, now or at)


def open_tasks(session, kind):
    return session.scalars(select(Task).where(Task.kind == kind, Task.state.in_(("open", "acknowledged")))).all()


def letters(session, kind):
    query = select(Letter).where(Letter.kind == kind, Letter.state == "planned")
    return session.scalars(query.order_by(Letter.id)).all()


def makeup_of(session, call):
    return session.scalar(select(Makeup).where(Makeup.call_id == call.id))


@pytest.mark.case("I5")
@pytest.mark.parametrize(
    ("relative", "resident", "connected", "minutes", "suggests"),
    [
        (False, True, False, 20, "relative_no_show"),
        (True, False, False, 20, "resident_no_show"),
        (False, False, False, 20, "neither_came"),
        (True, True, False, 20, "technical_failure"),
        (True, True, True, 1, "completed"),
        (False, True, False, 19, None),  # somebody may still come
    ],
)
def test_presence_only_suggests_and_changes_nothing(session, cast, relative, resident, connected, minutes, suggests):
    call = booked(session, cast)
    assert suggestion(call, relative, resident, connected, SUNDAY_16 + minutes * MINUTE) == suggests
    session.flush()
    assert (call.state, session.scalar(select(func.count()).select_from(CallReport))) == ("booked", 0)
    assert len(history_of(session, call.subject)) == 1


@pytest.mark.case("I5")
def test_no_outcome_is_ever_written_by_time_or_by_a_relative(session, cast):
    for verb in ("miss_relative", "miss_resident", "miss_both", "fail"):
        assert CALL.by_name[verb].who == ("cadre",)
    call = booked(session, cast)
    for stranger in (cast.xiaofang, cast.aming, cast.zhao):
        with pytest.raises(Refused, match="not_yours"):
            became(session, cast, call, "relative_no_show", who=cast.who(stranger))
    finish_past(session, SUNDAY_16 + timedelta(hours=5))
    assert call.state == "unreported"


@pytest.mark.case("I1")
def test_an_absent_relative_hears_a_kind_word_and_is_first_in_line_for_another_time(session, cast):
    call = booked(session, cast)
    arrive(session, cast.who(cast.li), call.id, SUNDAY_16, SUNDAY_16)
    with pytest.raises(Refused, match="still_waiting"):
        became(session, cast, call, "relative_no_show", SUNDAY_16 + 19 * MINUTE)
    became(session, cast, call, "relative_no_show")
    assert call.state == "relative_no_show"
    (letter,) = letters(session, "family.relative_no_show")
    assert (letter.person_id, letter.facts["makeup"]) == (cast.xiaofang.id, True)
    makeup = makeup_of(session, call)
    assert [makeup.id] == [one.id for one in makeups_of(session, cast.who(cast.xiaofang), AFTER)]
    assert len(makeup.starts) == 3
    assert all(7 <= start.astimezone(cast.xiaofang.tz).hour < 23 for start in makeup.starts)
    # The first hour of the next day in which she is awake, kept from everybody else.
    assert makeup.starts[0].astimezone(CHINA).replace(tzinfo=None).isoformat() == "2026-11-30T14:00:00"
    other = cast.who(sister(session, cast))
    with pytest.raises(Refused, match="slot_taken"):
        book(session, other, cared_id=cast.wangnainai.id, starts_at=makeup.starts[0], client_key="k9", now=AFTER)
    assert open_tasks(session, "elder_absent") == []


@pytest.mark.case("I1", "D21")
def test_a_makeup_is_linked_to_the_call_that_was_missed_and_booked_once(session, cast):
    call, me = booked(session, cast), cast.who(cast.xiaofang)
    became(session, cast, call, "relative_no_show")
    makeup = makeup_of(session, call)
    with pytest.raises(Refused, match="bad_time"):
        take(session, me, makeup.id, SUNDAY_16 + timedelta(days=9), AFTER)
    for stranger in (cast.li, cast.aming):
        with pytest.raises(Refused, match="not_yours"):
            take(session, cast.who(stranger), makeup.id, makeup.starts[0], AFTER)
    made = take(session, me, makeup.id, makeup.starts[1], AFTER)
    assert take(session, me, makeup.id, makeup.starts[2], AFTER).id == made.id
    assert (makeup.state, makeup.call_id, makeup.made_id) == ("taken", call.id, made.id)
    assert (made.state, made.starts_at, len(reminders(session, made))) == ("booked", makeup.starts[1], 4)
    assert set(session.scalars(select(Cell.held_by))) == {made.subject}  # the other two times are free again


@pytest.mark.case("I1")
def test_what_nobody_takes_is_everybodys_again_after_a_day(session, cast):
    call = booked(session, cast)
    became(session, cast, call, "relative_no_show")
    makeup, late = makeup_of(session, call), AFTER + HELD_FOR
    assert lapse_makeups(session, late - MINUTE) == 0
    with pytest.raises(Refused, match="wrong_state"):
        take(session, cast.who(cast.xiaofang), makeup.id, makeup.starts[0], late)
    assert (lapse_makeups(session, late), lapse_makeups(session, late)) == (1, 0)
    assert (makeup.state, session.scalar(select(func.count()).select_from(Cell))) == ("lapsed", 0)


def test_declined_is_free_at_once_and_a_refused_booking_leaves_the_offer_as_it_was(session, cast):
    call, me = booked(session, cast), cast.who(cast.xiaofang)
    became(session, cast, call, "relative_no_show")
    makeup = makeup_of(session, call)
    held = session.scalar(select(func.count()).select_from(Cell))
    session.get_one(Person, cast.wangnainai.id).state = "paused"
    session.flush()
    with pytest.raises(Refused, match="not_active"):
        take(session, me, makeup.id, makeup.starts[0], AFTER)
    assert (makeup.state, session.scalar(select(func.count()).select_from(Cell))) == ("offered", held)
    decline(session, me, makeup.id, AFTER)
    decline(session, me, makeup.id, AFTER)
    assert (makeup.state, session.scalar(select(func.count()).select_from(Cell))) == ("declined", 0)


@pytest.mark.case("I1")
def test_nobody_is_punished_however_often(session, cast):
    for n in range(5):
        at = SUNDAY_16 + timedelta(days=n)
        call = booked(session, cast, at, f"k{n}", now=at - timedelta(days=3))
        became(session, cast, call, ("relative_no_show", "technical_failure")[n % 2], at + 25 * MINUTE)
        decline(session, cast.who(cast.xiaofang), makeup_of(session, call).id, at + 26 * MINUTE)
    last = SUNDAY_16 + timedelta(days=5)
    free = free_slots(session, cast.xiaofang, cast.wangnainai, first_day=last.date(), days=1, now=last - timedelta(1))
    assert last in {slot.starts_at for slot in free}
    assert booked(session, cast, last, "k9", now=last - timedelta(days=1)).state == "booked"


@pytest.mark.case("I2")
@pytest.mark.parametrize("hour", [16, 9])
def test_an_absent_elder_is_looked_after_the_same_day_and_the_family_is_told(session, cast, hour):
    call = booked(session, cast, SUNDAY_16.replace(hour=hour))
    now = call.starts_at + 10 * MINUTE
    became(session, cast, call, "resident_no_show", now)
    (task,) = open_tasks(session, "elder_absent")
    assert task.due_at.astimezone(CHINA).date() == SUNDAY_16.date()
    assert now < task.due_at <= now + timedelta(hours=4)
    assert task.person_id == cast.wangnainai.id
    assert [letter.person_id for letter in letters(session, "family.resident_no_show")] == [cast.xiaofang.id]
    # It does not wait for a morning's digest.
    assert {letter.urgency for letter in letters(session, "tasks.assigned")} == {"same_day"}


@pytest.mark.case("I2")
def test_late_in_the_evening_it_is_still_the_same_day(session, cast):
    call = booked(session, cast)
    now = SUNDAY_16.replace(hour=22)
    became(session, cast, call, "resident_no_show", SUNDAY_16 + 10 * MINUTE, now)
    (task,) = open_tasks(session, "elder_absent")
    assert task.due_at == SUNDAY_16.replace(hour=23, minute=59)


@pytest.mark.case("D12")
def test_each_relative_on_the_call_hears_it_once_on_their_own_clock(session, cast):
    call, me = booked(session, cast), cast.who(cast.xiaofang)
    others = [sister(session, cast, n) for n in (1, 2)]
    session.get_one(Person, others[1].id).time_zone = "America/New_York"
    session.flush()
    for other in others:
        invite(session, me, call.id, other.id, NOW)
    became(session, cast, call, "technical_failure")
    said = {}
    for letter in letters(session, "family.technical_failure"):
        reader = session.get_one(Person, letter.person_id)
        said[reader.id] = family_letter(letter.kind, letter.facts, reader.tz).text
    assert set(said) == {cast.xiaofang.id, *(other.id for other in others)}
    assert [there in said[key] for key, there in zip(said, ("马德里09:00", "罗马09:00", "纽约03:00"), strict=True)] == [
        True, True, True,
    ]  # fmt: skip
    # The times that are kept are for who booked; the others are told how to book.
    assert ["我的连线" in text for text in said.values()] == [True, False, False]


@pytest.mark.case("I3")
def test_where_neither_came_the_elder_is_looked_after_and_both_may_try_again(session, cast):
    call = booked(session, cast)
    became(session, cast, call, "neither_came")
    assert call.state == "neither_came"
    assert len(open_tasks(session, "elder_absent")) == 1
    assert makeup_of(session, call).state == "offered"
    assert len(letters(session, "family.neither_came")) == 1


@pytest.mark.case("I4")
def test_a_technical_failure_is_nobodys_absence_and_another_time_is_offered(session, cast):
    call = booked(session, cast)
    became(session, cast, call, "technical_failure", SUNDAY_16 + 5 * MINUTE)
    assert (call.state, makeup_of(session, call).state) == ("technical_failure", "offered")
    assert open_tasks(session, "elder_absent") == []
    said = session.scalars(select(Letter.kind).where(Letter.person_id == cast.xiaofang.id, Letter.state == "planned"))
    assert [kind for kind in said if "no_show" in kind] == []


@pytest.mark.case("I6")
@pytest.mark.parametrize("what", OUTCOMES)
def test_what_was_cancelled_has_no_outcome(session, cast, what):
    call = booked(session, cast)
    cancel(session, cast.who(cast.xiaofang), call.id, "临时有事", NOW)
    assert suggestion(call, False, True, False, AFTER) is None
    with pytest.raises(Refused, match="wrong_state"):
        became(session, cast, call, what)
    with pytest.raises(Refused, match="wrong_state"):
        CALL.move(session, call, "miss_relative", by=By(cast.li.id, "cadre"), now=AFTER)
    assert (call.state, makeup_of(session, call)) == ("cancelled", None)


@pytest.mark.case("I7")
def test_who_arrives_after_time_has_closed_the_call_still_finds_it(session, cast):
    call, night = booked(session, cast), SUNDAY_16 + timedelta(hours=3)
    finish_past(session, night)
    assert (call.state, cells_of(session, call)) == ("unreported", {})
    arrive(session, cast.who(cast.li), call.id, SUNDAY_16 + 70 * MINUTE, night)
    assert call.state == "checked_in"
    became(session, cast, call, "completed", SUNDAY_16 + 90 * MINUTE, night)
    assert call.state == "completed"
    assert [line.verb for line in history_of(session, call.subject)] == ["begin", "close", "check_in", "complete"]
    assert open_tasks(session, "call_outcome") == []


@pytest.mark.case("I9")
def test_reports_stand_in_the_order_of_what_happened_and_keep_when_they_were_written(session, cast):
    call = booked(session, cast)
    became(session, cast, call, "relative_no_show", SUNDAY_16 + 25 * MINUTE)
    next_day = SUNDAY_16 + timedelta(days=1)
    chen = cast.who(cast.chen)
    became(session, cast, call, "technical_failure", SUNDAY_16 + 5 * MINUTE, next_day, chen)
    assert call.state == "relative_no_show"  # what happened later counts, though it was written earlier
    became(session, cast, call, "completed", SUNDAY_16 + 40 * MINUTE, next_day + MINUTE, chen)
    assert call.state == "completed"
    assert [(one.what, one.happened_at - SUNDAY_16, one.reported_at) for one in reports_of(session, call.id)] == [
        ("technical_failure", 5 * MINUTE, next_day),
        ("relative_no_show", 25 * MINUTE, AFTER),
        ("completed", 40 * MINUTE, next_day + MINUTE),
    ]


@pytest.mark.parametrize(("at", "now"), [(SUNDAY_16 - MINUTE, AFTER), (AFTER + MINUTE, AFTER)])
def test_nothing_became_of_a_call_before_it_began_or_tomorrow(session, cast, at, now):
    call = booked(session, cast)
    with pytest.raises(Refused, match="bad_time"):
        became(session, cast, call, "resident_no_show", at, now)


def test_a_report_that_says_otherwise_takes_back_what_the_first_set_going(session, cast):
    call = booked(session, cast)
    became(session, cast, call, "resident_no_show")
    became(session, cast, call, "completed", AFTER + MINUTE)
    assert (open_tasks(session, "elder_absent"), letters(session, "family.resident_no_show")) == ([], [])
    assert makeup_of(session, call).state == "withdrawn"
    assert session.scalar(select(func.count()).select_from(Cell)) == 0


def test_the_same_report_twice_is_once(session, cast):
    call = booked(session, cast)
    for _ in range(2):
        became(session, cast, call, "resident_no_show")
    assert len(reports_of(session, call.id)) == len(open_tasks(session, "elder_absent")) == 1
    assert len(letters(session, "family.resident_no_show")) == 1


@pytest.mark.case("E5")
def test_a_past_call_is_planned_anew_and_never_confirmed(session, cast):
    call, night = booked(session, cast), SUNDAY_16 + timedelta(hours=3)
    finish_past(session, night)
    with pytest.raises(Refused, match="bad_time"):
        move(session, cast.who(cast.xiaofang), call.id, SUNDAY_16 + timedelta(minutes=30), night)
    with pytest.raises(Refused, match="bad_time"):
        booked(session, cast, SUNDAY_16, "k2", now=night)
    move(session, cast.who(cast.xiaofang), call.id, SUNDAY_16 + timedelta(days=1), night)
    assert (call.state, call.revision, sum(cells_of(session, call).values())) == ("booked", 1, 8)
    assert open_tasks(session, "call_outcome") == []


@pytest.mark.case("B10")
def test_when_a_life_or_a_link_ends_nothing_is_kept_for_a_makeup(session, cast):
    call = booked(session, cast)
    became(session, cast, call, "relative_no_show")
    stop_calls(session, session.get_one(Person, cast.wangnainai.id), By(cast.li.id, "cadre"), AFTER)
    assert (makeup_of(session, call).state, session.scalar(select(func.count()).select_from(Cell))) == ("withdrawn", 0)
    second = booked(session, cast, SUNDAY_16 + timedelta(days=1), "k2")
    became(session, cast, second, "technical_failure", second.starts_at)
    link = session.scalars(select(CareLink).where(CareLink.relative_id == cast.xiaofang.id)).one()
    part(session, cast.who(cast.chen), link.id, second.starts_at)
    assert makeup_of(session, second).state == "withdrawn"


def test_what_the_call_itself_knows_suggests_too(session, cast):
    call = booked(session, cast)
    assert suggested(session, call, AFTER) == "neither_came"
    arrive(session, cast.who(cast.li), call.id, SUNDAY_16, AFTER)
    assert suggested(session, call, AFTER) == "relative_no_show"
    call.state = "in_call"
    assert suggested(session, call, AFTER) == "completed"


def test_only_who_has_talked_is_done_for_good():
    assert CALL.ends == {"completed"}
    assert all("cancelled" not in CALL.by_name[verb].sources for verb in ("complete", "miss_relative", "fail"))
    assert set(MISSED) < set(OUTCOMES)
