"""A centre shuts: who is affected is seen before, each call goes the way that was chosen, and none is lost silently."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from threading import Barrier

import pytest
from sqlalchemy import func, select

from models.base import again_where_it_gave_way
from models.errors import Refused
from models.family.booking import book, move
from models.family.call_days import CallDay
from models.family.calls import FamilyCall
from models.family.changing import accept, decline, lapse_proposals
from models.family.deciding import Choice, Decided
from models.family.ending import cancel, undo
from models.family.outcomes import arrive
from models.family.proposals import CallProposal
from models.family.shut_out import ShutOut, shut_out_by
from models.family.shutting import Wish, may_shut_all, open_again, opens_again, preview, shut
from models.family.slots import free_slots
from models.history import history_of
from models.hours import CHINA
from models.messages.letters import Letter
from models.people.persons import Person
from models.people.staff import StaffRole
from models.places.cells import Cell
from models.places.centres import Closure
from models.places.days import Days
from models.tasks.tasks import Task
from scheduler.plan import plan_anew
from tests.models.family.test_call_days import FIVE, TWO, families, made
from tests.models.family.test_calls import SUNDAY_16, booked
from tests.models.messages.test_rules import committed, hands
from tests.world import NOW

SATURDAY, SUNDAY = date(2026, 11, 28), date(2026, 11, 29)
HALF, DAY = timedelta(minutes=30), timedelta(days=1)
INSTEAD = "周三可以再约"


def wish(cast, first=SUNDAY, last=None, reason="台风", everywhere=False):
    return Wish(None if everywhere else cast.centre.id, Days(first, last or first), reason)


def pick(**calls):
    """Choices for calls as they stand: `ask=[…]`, `cancel=[…]`, `keep=[…]`."""
    return {call.id: Choice(what, call.revision) for what, several in calls.items() for call in several}


def closed(session, cast, calls=None, days=None, *, who=None, key="c1", now=NOW, instead=INSTEAD, **asked):
    decided = Decided(calls or {}, days or {}, instead)
    return shut(session, who or cast.who(cast.li), wish(cast, **asked), decided, key, now)


def outcomes(session, closure):
    query = select(ShutOut).where(ShutOut.cause == closure.subject).order_by(ShutOut.call_id)
    return {one.call_id: one.outcome for one in session.scalars(query)}


def hours(session, cast, *back):
    return [booked(session, cast, SUNDAY_16 - timedelta(hours=n), f"k{n}") for n in back]


def letters(session, call, kind):
    query = select(Letter).where(Letter.subject == call.subject, Letter.kind == kind)
    return {letter.person_id: letter for letter in session.scalars(query)}


def tasks(session):
    return list(session.scalars(select(Task).where(Task.kind == "closure", Task.state == "open")))


def administers(session, cast, person=None):
    session.add(StaffRole(person_id=(person or cast.chen).id, role="county_admin", area_id=cast.county.id, since=NOW))
    session.flush()


@pytest.mark.case("D19")
def test_the_preview_names_whom_a_closure_reaches_and_changes_nothing(session, cast):
    (call,) = hours(session, cast, 6)
    booked(session, cast, SUNDAY_16 - DAY, "other day")
    families(session, cast, 2)
    day = made(session, cast, TWO + DAY, FIVE + DAY)
    found = preview(session, cast.who(cast.li), wish(cast), NOW)
    assert [(row.FamilyCall.id, row.cared, row.relative) for row in found.calls] == [(call.id, "王秀英", "小芳")]
    ((shown, centre, rows),) = found.days
    assert (shown.id, centre.id, len(rows), found.begun, len(found)) == (day.id, cast.centre.id, 2, [], 3)
    assert session.scalars(select(Closure)).all() == []
    assert call.state == "booked"


@pytest.mark.case("D19")
def test_each_call_goes_the_way_that_was_chosen_and_its_history_says_so(session, cast):
    asked, off, kept = hours(session, cast, 0, 1, 2)
    closure = closed(session, cast, pick(ask=[asked], cancel=[off], keep=[kept]))
    assert outcomes(session, closure) == {asked.id: "asked", off.id: "cancelled", kept.id: "kept"}
    assert [call.state for call in (asked, off, kept)] == ["booked", "cancelled", "booked"]
    last = history_of(session, off.subject)[-1]
    assert (last.verb, last.note, last.by_person_id) == ("call_off", "台风", cast.li.id)
    told = letters(session, off, "family.cancelled")[cast.xiaofang.id].facts
    assert (told["reason"], told["alternative"]) == ("台风", INSTEAD)
    question = session.scalars(select(CallProposal)).one()
    assert (question.call_id, question.otherwise, question.reason) == (asked.id, "cancel", "台风")
    assert question.starts_at.astimezone(CHINA).date() == SUNDAY + DAY
    assert cast.xiaofang.id in letters(session, asked, "family.asked_to_move")
    assert [line.verb for line in history_of(session, closure.subject)] == ["begin"]
    rows = {row.FamilyCall.id: row for row in shut_out_by(session, cast.li.id, closure.subject)}
    assert rows[asked.id].new_at == question.starts_at
    assert rows[off.id].new_at is None


@pytest.mark.case("D19")
def test_a_call_that_is_asked_about_moves_with_the_familys_yes_only(session, cast):
    yes, no, silent = hours(session, cast, 0, 1, 2)
    closed(session, cast, pick(ask=[yes, no, silent]))
    questions = {one.call_id: one for one in session.scalars(select(CallProposal))}
    assert len({one.starts_at for one in questions.values()}) == 3  # nobody is asked for what another may say yes to
    accept(session, cast.who(cast.xiaofang), questions[yes.id].id, NOW)
    decline(session, cast.who(cast.xiaofang), questions[no.id].id, NOW)
    lapse_proposals(session, NOW + 2 * DAY)
    assert [(call.state, call.revision) for call in (yes, no, silent)] == [
        ("booked", 1), ("cancelled", 0), ("cancelled", 0)
    ]  # fmt: skip
    assert yes.starts_at == questions[yes.id].starts_at
    assert [line.verb for line in history_of(session, yes.subject)] == ["begin", "change"]


@pytest.mark.case("D19")
def test_the_first_day_with_a_kind_time_is_proposed_and_of_that_day_the_kindest(session, cast):
    (call,) = hours(session, cast, 0)
    closed(session, cast, pick(ask=[call]))
    people = session.get_one(Person, cast.xiaofang.id), session.get_one(Person, cast.wangnainai.id)
    free = free_slots(session, *people, first_day=SUNDAY + DAY, days=1, now=NOW)
    kind = [one for one in free if one.humane]
    best = min(kind, key=lambda one: (-one.ease, one.starts_at))
    assert session.scalars(select(CallProposal.starts_at)).one() == best.starts_at


@pytest.mark.case("D19")
@pytest.mark.parametrize("asked", [{"last": SUNDAY + 40 * DAY}, {"now": SUNDAY_16 - HALF}], ids=["far", "soon"])
def test_where_no_time_is_found_or_could_be_answered_a_cadre_sees_to_it(session, cast, asked):
    (call,) = hours(session, cast, 0)
    closure = closed(session, cast, pick(ask=[call]), **asked)
    assert outcomes(session, closure) == {call.id: "no_time"}
    assert session.scalars(select(CallProposal)).all() == []
    assert call.state == "booked"


@pytest.mark.case("D19")
def test_a_typhoon_that_stays_a_day_longer_asks_anew_whoever_was_asked_to_come_on_that_day(session, cast):
    (call,) = hours(session, cast, 0)
    closed(session, cast, pick(ask=[call]))
    first = session.scalars(select(CallProposal)).one()
    assert first.starts_at.astimezone(CHINA).date() == SUNDAY + DAY
    longer = {"first": SUNDAY + DAY, "last": SUNDAY + DAY}
    found = preview(session, cast.who(cast.li), wish(cast, **longer), NOW)
    assert ([row.FamilyCall.id for row in found.asked], len(found)) == ([call.id], 0)
    closure = closed(session, cast, key="c2", **longer)
    assert outcomes(session, closure) == {call.id: "asked"}
    second = session.scalars(select(CallProposal).where(CallProposal.state == "asked")).one()
    assert (second.call_id, second.otherwise, first.state) == (call.id, "cancel", "withdrawn")
    assert second.starts_at.astimezone(CHINA).date() == SUNDAY + 2 * DAY


@pytest.mark.case("D19")
def test_where_there_is_no_other_time_to_ask_anew_for_a_cadre_sees_to_it(open_session, cast):
    def prepare(session):
        (call,) = hours(session, cast, 0)
        closed(session, cast, pick(ask=[call]))
        far = closed(session, cast, key="c2", first=SUNDAY + DAY, last=SUNDAY + 40 * DAY)
        return call.id, outcomes(session, far)

    call, done = committed(open_session, prepare)
    assert done == {call: "no_time"}
    assert plan_anew(hands(open_session)) == 1
    with open_session() as session:
        (task,) = tasks(session)
        assert [line["call"] for line in task.facts["calls"]] == [call]
        lapse_proposals(session, NOW + 2 * DAY)
        assert session.get_one(FamilyCall, call).state == "booked"


@pytest.mark.case("D19")
def test_the_clock_opens_one_task_with_the_kept_calls_only(open_session, cast):
    def prepare(session):
        asked, off, kept, lost = hours(session, cast, 0, 1, 2, 3)
        # The last was booked while the clerk decided.
        closure = closed(session, cast, pick(ask=[asked], cancel=[off], keep=[kept]))
        return [kept.id, lost.id], outcomes(session, closure)[lost.id]

    left, of_the_new_one = committed(open_session, prepare)
    assert of_the_new_one == "meanwhile"
    assert [plan_anew(hands(open_session)) for _ in range(2)] == [1, 0]
    with open_session() as session:
        (task,) = tasks(session)
        assert sorted(line["call"] for line in task.facts["calls"]) == left
        assert task.facts["why"] == "台风"


@pytest.mark.case("D19")
def test_what_was_moved_is_over_or_has_begun_meanwhile_is_named_and_left_alone(session, cast):
    moved, over, here, other = hours(session, cast, 0, 1, 2, 3)
    shown = pick(cancel=[moved, over, here, other])
    move(session, cast.who(cast.xiaofang), moved.id, SUNDAY_16 - DAY, NOW)
    move(session, cast.who(cast.xiaofang), other.id, SUNDAY_16 + HALF, NOW)  # another time of the same day
    cancel(session, cast.who(cast.xiaofang), over.id, "", NOW)
    noon = here.starts_at - timedelta(minutes=5)
    arrive(session, cast.who(cast.li), here.id, noon, noon)
    found = preview(session, cast.who(cast.li), wish(cast), noon)
    assert [row.FamilyCall.id for row in found.begun] == [here.id]
    closure = closed(session, cast, shown, now=noon)
    assert outcomes(session, closure) == {
        moved.id: "changed", over.id: "changed", here.id: "changed", other.id: "meanwhile"
    }  # fmt: skip
    assert [call.state for call in (moved, here, other)] == ["booked", "checked_in", "booked"]


@pytest.mark.case("D19", "G9")
def test_a_cancellation_is_not_taken_back_into_days_that_have_been_shut_meanwhile(session, cast):
    (call,) = hours(session, cast, 0)
    cancel(session, cast.who(cast.xiaofang), call.id, "", NOW)
    closure = closed(session, cast)
    with pytest.raises(Refused, match="undo_over"):
        undo(session, cast.who(cast.xiaofang), call.id, NOW)
    assert call.state == "cancelled"
    open_again(session, cast.who(cast.li), closure.id, NOW)
    assert undo(session, cast.who(cast.xiaofang), call.id, NOW).state == "booked"


@pytest.mark.case("D19")
def test_a_day_that_another_closure_shuts_as_well_stays_shut_for_whoever_is_asked(session, cast):
    (call,) = hours(session, cast, 0)
    closed(session, cast, pick(ask=[call]))
    wider = closed(session, cast, pick(ask=[call]), key="c2", first=SUNDAY - DAY, last=SUNDAY + DAY)
    question = session.scalars(select(CallProposal).where(CallProposal.state == "asked"))
    open_again(session, cast.who(cast.li), wider.id, NOW)
    assert question.one().otherwise == "cancel"


@pytest.mark.case("D19")
@pytest.mark.parametrize(("choice", "state", "outcome"), [("cancel", "called_off", "cancelled"),
                                                          ("keep", "open", "kept")])  # fmt: skip
def test_a_call_day_goes_as_a_whole(session, cast, choice, state, outcome):
    families(session, cast, 2)
    day = made(session, cast, TWO + DAY, FIVE + DAY)
    closure = closed(session, cast, days={day.id: choice})
    assert session.get_one(CallDay, day.id).state == state
    assert set(outcomes(session, closure).values()) == {outcome}
    assert len(outcomes(session, closure)) == 3
    if choice == "cancel":
        told = session.scalars(select(Letter).where(Letter.kind == "family.cancelled")).all()
        assert {letter.facts["alternative"] for letter in told} == {INSTEAD}


def test_the_same_form_again_is_the_same_closure_and_decides_nothing_twice(session, cast):
    (call,) = hours(session, cast, 0)
    shown = pick(cancel=[call])
    first = closed(session, cast, shown)
    assert closed(session, cast, shown).id == first.id
    assert session.scalar(select(func.count()).select_from(ShutOut)) == 1
    administers(session, cast, cast.li)
    with pytest.raises(Refused, match="not_yours"):
        closed(session, cast, everywhere=True)  # with that key


@pytest.mark.case("D19")
def test_who_may_shut_what(session, cast):
    for person in (cast.zhao, cast.laoxu, cast.xiaofang):
        for asked in ({}, {"everywhere": True}):
            with pytest.raises(Refused, match="not_yours"):
                preview(session, cast.who(person), wish(cast, **asked), NOW)
            with pytest.raises(Refused, match="not_yours"):
                closed(session, cast, who=cast.who(person), **asked)
    with pytest.raises(Refused, match="not_yours"):
        closed(session, cast, who=cast.who(cast.chen), everywhere=True)
    session.add(StaffRole(person_id=cast.li.id, role="county_admin", area_id=cast.township.id, since=NOW))
    session.flush()
    assert not may_shut_all(session, cast.who(cast.li))  # there is a centre beyond that township
    administers(session, cast)
    assert closed(session, cast, who=cast.who(cast.chen), everywhere=True).centre_id is None
    with pytest.raises(Refused, match="not_yours"):
        open_again(session, cast.who(cast.li), session.scalars(select(Closure.id)).one(), NOW)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"reason": "  "}, "reason_missing"), ({"first": date(2026, 11, 23)}, "bad_days"),
        ({"first": SUNDAY, "last": SATURDAY}, "bad_days"), ({"first": date(9999, 12, 31)}, "bad_days"),
        ({"last": date(2027, 12, 1)}, "bad_days"), ({"first": date(1, 1, 1)}, "bad_days"),
    ],
)  # fmt: skip
def test_days_and_reasons_that_cannot_be_are_refused(session, cast, asked, code):
    with pytest.raises(Refused, match=code):
        preview(session, cast.who(cast.li), wish(cast, **asked), NOW)
    with pytest.raises(Refused, match=code):
        closed(session, cast, **asked)
    assert session.scalars(select(Closure)).all() == []


def test_a_choice_that_is_none_or_a_no_with_nothing_instead_shuts_nothing(session, cast):
    (call,) = hours(session, cast, 0)
    for shown, instead, code in (({call.id: Choice("burn", 0)}, INSTEAD, "bad_choice"),
                                 (pick(cancel=[call]), " ", "alternative_needed")):  # fmt: skip
        with pytest.raises(Refused, match=code):
            closed(session, cast, shown, instead=instead)
    with pytest.raises(Refused, match="alternative_needed"):
        closed(session, cast, days={1: "cancel"}, instead="")
    assert session.scalars(select(Closure)).all() == []
    assert call.state == "booked"


def test_days_that_are_shut_already_are_not_shut_again(session, cast):
    closed(session, cast, last=SUNDAY + DAY)
    for first in (SUNDAY, SUNDAY + DAY):
        with pytest.raises(Refused, match="shut_already"):
            preview(session, cast.who(cast.li), wish(cast, first), NOW)
        with pytest.raises(Refused, match="shut_already"):
            closed(session, cast, key="c2", first=first)
    assert closed(session, cast, key="c3", first=SUNDAY + DAY, last=SUNDAY + 2 * DAY)  # one more day
    administers(session, cast)
    everywhere = closed(session, cast, who=cast.who(cast.chen), key="c4", everywhere=True)  # others are open still
    assert everywhere.state == "standing"


@pytest.mark.case("D19")
def test_a_closure_of_all_centres_decides_for_every_one(session, cast):
    (here,) = hours(session, cast, 0)
    administers(session, cast)
    elsewhere = session.get_one(Person, cast.grandpa.id)
    elsewhere.area_id = cast.other_village.id
    there = FamilyCall(
        client_key="there", relative_id=cast.aming.id, cared_id=elsewhere.id, centre_id=cast.other_centre.id,
        station_id=cast.stations[0].id, helper_id=cast.zhao.id, starts_at=SUNDAY_16, ends_at=SUNDAY_16 + HALF,
        created_at=NOW,
    )  # fmt: skip
    session.add(there)
    session.flush()
    chen = cast.who(cast.chen)
    closure = closed(session, cast, pick(cancel=[here, there]), who=chen, everywhere=True)
    assert outcomes(session, closure) == {here.id: "cancelled", there.id: "cancelled"}
    seen = {who.id: [row.FamilyCall.id for row in shut_out_by(session, who.id, closure.subject)]
            for who in (cast.chen, cast.li, cast.zhao)}  # fmt: skip
    assert seen == {cast.chen.id: [here.id, there.id], cast.li.id: [here.id], cast.zhao.id: [there.id]}


@pytest.mark.case("D19")
def test_a_closure_that_is_taken_back_brings_nothing_back_and_calls_nothing_off_any_more(session, cast):
    asked, off = hours(session, cast, 0, 1)
    closure = closed(session, cast, pick(ask=[asked], cancel=[off]))
    with pytest.raises(Refused, match="not_yours"):
        open_again(session, cast.who(cast.zhao), closure.id, NOW)
    for _ in range(2):
        assert open_again(session, cast.who(cast.li), closure.id, NOW).state == "taken_back"
    assert [line.verb for line in history_of(session, closure.subject)] == ["begin", "take_back"]
    assert off.state == "cancelled"
    lapse_proposals(session, NOW + 2 * DAY)  # without a yes the call stays: its centre is open
    assert (asked.state, asked.starts_at) == ("booked", SUNDAY_16)
    # The days are open: for others, for the clock, and to be shut again.
    assert booked(session, cast, SUNDAY_16 - timedelta(hours=1), "again").state == "booked"
    assert closed(session, cast, key="c2").id != closure.id


@pytest.mark.case("D19")
def test_a_closure_that_has_begun_ends_earlier_and_the_days_after_today_are_open(session, cast):
    sunday, monday = booked(session, cast), booked(session, cast, SUNDAY_16 + DAY, "monday")
    closure = closed(session, cast, pick(ask=[sunday, monday]), first=SATURDAY, last=SUNDAY + DAY)
    li, morning = cast.who(cast.li), SUNDAY_16 - timedelta(hours=8)
    assert opens_again(session, li, closure, NOW) == SATURDAY
    assert opens_again(session, li, closure, morning) == SUNDAY + DAY
    assert opens_again(session, cast.who(cast.chen), closure, morning) == SUNDAY + DAY
    assert [one.otherwise for one in session.scalars(select(CallProposal).order_by(CallProposal.call_id))] == [
        "cancel", "cancel"
    ]  # fmt: skip
    for _ in range(2):
        found = open_again(session, li, closure.id, morning)
        assert (found.state, found.first_day, found.last_day) == ("standing", SATURDAY, SUNDAY)
    assert opens_again(session, li, closure, morning) is None
    assert [(line.verb, line.note) for line in history_of(session, closure.subject)][1:] == [
        ("shorten", "11-30 → 11-29")
    ]  # fmt: skip
    lapse_proposals(session, morning + DAY)
    assert [(call.state, call.revision) for call in (sunday, monday)] == [("cancelled", 0), ("booked", 0)]


def test_what_is_over_is_not_opened_again(session, cast):
    closure = closed(session, cast, first=SATURDAY)
    assert opens_again(session, cast.who(cast.li), closure, SUNDAY_16 + 3 * DAY) is None
    with pytest.raises(Refused, match="closure_over"):
        open_again(session, cast.who(cast.li), closure.id, SUNDAY_16 + 3 * DAY)
    with pytest.raises(Refused, match="not_yours"):
        open_again(session, cast.who(cast.li), 999, NOW)


@pytest.mark.case("D19")
def test_of_two_clerks_who_shut_the_same_days_at_once_one_does(open_session, cast):
    shown = committed(open_session, lambda session: pick(cancel=hours(session, cast, 0, 1)))
    together = Barrier(2)

    def confirm(who):
        together.wait()
        try:
            with open_session() as session, session.begin():
                return closed(session, cast, shown, who=cast.who(who), key=f"of-{who.id}").id
        except Refused as refusal:
            return refusal.code

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(confirm, (cast.li, cast.chen)))
    assert answers.count("shut_already") == 1
    with open_session() as session:
        assert len(session.scalars(select(Closure)).all()) == 1
        told = session.scalars(select(Letter).where(Letter.kind == "family.cancelled")).all()
        assert sorted(letter.subject for letter in told if letter.person_id == cast.xiaofang.id) == [
            f"call:{key}" for key in sorted(shown)
        ]


@pytest.mark.case("D19")
def test_the_same_form_sent_twice_at_once_is_one_closure(open_session, cast):
    shown = committed(open_session, lambda session: pick(cancel=hours(session, cast, 0)))
    together = Barrier(2)

    def confirm(_):
        together.wait()
        with open_session() as session, session.begin():
            return closed(session, cast, shown).id

    with ThreadPoolExecutor(2) as pool:
        assert len(set(pool.map(confirm, range(2)))) == 1


@pytest.mark.case("D19")
def test_a_family_that_books_while_the_clerk_confirms_is_named_or_finds_it_shut(open_session, cast):
    together = Barrier(2)

    def books():
        together.wait()
        try:
            with open_session() as session, session.begin():
                return book(session, cast.who(cast.xiaofang), cared_id=cast.wangnainai.id, starts_at=SUNDAY_16,
                            client_key="k", now=NOW).id  # fmt: skip
        except Refused as refusal:
            return refusal.code

    def confirms():
        together.wait()
        with open_session() as session, session.begin():
            return outcomes(session, closed(session, cast))

    with ThreadPoolExecutor(2) as pool:
        call, named = pool.submit(books), pool.submit(confirms)
        call, named = call.result(), named.result()
    assert (call == "bad_time" and named == {}) or named == {call: "meanwhile"}
    with open_session() as session:
        held = session.scalar(select(func.count()).select_from(Cell).where(Cell.resource_id.startswith("station:")))
    assert held == (0 if call == "bad_time" else 2)


@pytest.mark.case("D19")
def test_a_family_that_says_yes_while_the_clerk_shuts_that_day_has_moved_or_is_asked_anew(open_session, cast):
    def prepare(session):
        (call,) = hours(session, cast, 0)
        closed(session, cast, pick(ask=[call]))
        return call.id, session.scalars(select(CallProposal.id)).one()

    call, question = committed(open_session, prepare)
    together = Barrier(2)

    def says_yes():
        together.wait()

        def work():
            with open_session() as session, session.begin():
                return accept(session, cast.who(cast.xiaofang), question, NOW).revision

        try:
            return again_where_it_gave_way(work)
        except Refused as refusal:
            return refusal.code

    def shuts():
        together.wait()

        def work():
            with open_session() as session, session.begin():
                return outcomes(session, closed(session, cast, key="c2", first=SUNDAY + DAY))

        return again_where_it_gave_way(work)

    with ThreadPoolExecutor(2) as pool:
        answer, named = pool.submit(says_yes), pool.submit(shuts)
        answer, named = answer.result(), named.result()
    if answer == 1:  # it moved before: it is a call of that day, of which nobody had decided
        assert named == {call: "meanwhile"}
    else:
        assert (answer, named) == ("wrong_state", {call: "asked"})


@pytest.mark.case("D19")
def test_who_is_booking_is_waited_for_and_who_comes_after_finds_it_shut(open_session, cast, engine):
    """The same, one step at a time: the clerk confirms between the family's look at the hours and its commit."""
    if engine.dialect.name == "sqlite":
        pytest.skip("one transaction writes at a time")
    with ThreadPoolExecutor(1) as pool, open_session() as family:
        family.begin()
        call = booked(family, cast).id

        def confirms():
            with open_session() as session, session.begin():
                return outcomes(session, closed(session, cast))

        waits = pool.submit(confirms)
        with pytest.raises(TimeoutError):
            waits.result(timeout=0.5)
        family.commit()
        assert waits.result(timeout=10) == {call: "meanwhile"}
    with open_session() as session, pytest.raises(Refused, match="bad_time"):
        booked(session, cast, SUNDAY_16 - timedelta(hours=1), "late")
