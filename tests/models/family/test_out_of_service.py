"""A screen is out of service: who sits there sits at another one, and only whoever finds none has to be asked."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import func, select

from models.errors import Refused
from models.family import out_of_service
from models.family.booking import book, move
from models.family.call_days import calls_on
from models.family.calls import CALL, FamilyCall
from models.family.changing import lapse_proposals
from models.family.deciding import Choice, Decided
from models.family.ending import cancel, undo
from models.family.out_of_service import Wish, mend, preview, take_out
from models.family.proposals import CallProposal
from models.family.reseating import resize
from models.family.slots import free_slots
from models.history import History, history_of
from models.life import By
from models.messages.letters import Letter
from models.people.persons import Person
from models.places.cells import Cell, occupy
from models.places.outages import StationOutage
from models.tasks.tasks import Task
from scheduler.plan import plan_anew
from tests.models.family.test_call_days import FIVE, TWO, families, made, sat
from tests.models.family.test_calls import SUNDAY_16, booked, cells_of
from tests.models.family.test_shutting import INSTEAD, outcomes, pick
from tests.models.messages.test_rules import committed, hands
from tests.world import NOW

HALF, DAY = timedelta(minutes=30), timedelta(days=1)


def wish(cast, since=SUNDAY_16 - HALF, until=SUNDAY_16 + 2 * HALF, reason="设备坏了", seat=0):
    return Wish(cast.stations[seat].id, since, until, reason)


def out(session, cast, calls=None, *, who=None, key="o1", now=NOW, instead=INSTEAD, **asked):
    decided = Decided(calls or {}, {}, instead)
    return take_out(session, who or cast.who(cast.li), wish(cast, **asked), decided, key, now)


def alone(session, cast, moment=SUNDAY_16, seat=1):
    """The other screen is taken at that time."""
    occupy(session, [cast.stations[seat].resource], moment, moment + HALF, f"call:99{moment:%H%M}")


def free_at(session, cast, moment=SUNDAY_16):
    people = session.get_one(Person, cast.xiaofang.id), session.get_one(Person, cast.wangnainai.id)
    day = moment.date()
    return moment in {one.starts_at for one in free_slots(session, *people, first_day=day, days=1, now=NOW)}


@pytest.mark.case("D22")
def test_who_sits_at_a_broken_screen_sits_at_another_and_nobody_hears_of_it(session, cast):
    call = booked(session, cast)
    told = session.scalar(select(func.count()).select_from(Letter))
    found = preview(session, cast.who(cast.li), wish(cast), NOW)
    assert [(row.FamilyCall.id, name) for row, name in found.reseated] == [(call.id, "2号机")]
    assert len(found.rest) == 0
    assert call.station_id == cast.stations[0].id  # seen, not done
    assert session.scalars(select(StationOutage)).all() == []
    outage = out(session, cast)
    assert call.station_id == cast.stations[1].id
    assert cells_of(session, call)[cast.stations[1].resource] == 2
    assert cells_of(session, call)[cast.stations[0].resource] == 0
    assert outcomes(session, outage) == {call.id: "reseated"}
    last = history_of(session, call.subject)[-1]
    assert (last.verb, last.note, call.revision, call.helper_id) == ("reseat", "1号机 → 2号机", 0, cast.li.id)
    assert session.scalar(select(func.count()).select_from(Letter)) == told


@pytest.mark.case("D22")
def test_whoever_finds_no_other_screen_goes_the_way_that_was_chosen(session, cast):
    asked, off, kept = [booked(session, cast, SUNDAY_16 - n * HALF, f"k{n}") for n in range(3)]
    for call in (asked, off, kept):
        alone(session, cast, call.starts_at)
    since = kept.starts_at
    found = preview(session, cast.who(cast.li), wish(cast, since), NOW)
    assert [row.FamilyCall.id for row in found.rest.calls] == [kept.id, off.id, asked.id]
    outage = out(session, cast, pick(ask=[asked], cancel=[off], keep=[kept]), since=since)
    assert outcomes(session, outage) == {asked.id: "asked", off.id: "cancelled", kept.id: "kept"}
    question = session.scalars(select(CallProposal)).one()
    assert (question.call_id, question.otherwise) == (asked.id, "cancel")
    assert not since <= question.starts_at < SUNDAY_16 + 2 * HALF
    assert off.state == "cancelled"


@pytest.mark.case("D22")
def test_a_screen_that_is_out_is_offered_to_nobody_until_it_is_mended(session, cast):
    alone(session, cast)
    assert free_at(session, cast)
    outage = out(session, cast)
    assert not free_at(session, cast)
    with pytest.raises(Refused, match="slot_taken"):
        booked(session, cast)
    assert booked(session, cast, SUNDAY_16 - HALF, "k2").station_id == cast.stations[1].id  # the other one is free
    assert mend(session, cast.who(cast.li), outage.id, NOW).state == "mended"
    assert mend(session, cast.who(cast.li), outage.id, NOW).state == "mended"
    assert booked(session, cast).station_id == cast.stations[0].id


@pytest.mark.case("D22")
def test_a_call_day_seats_as_many_as_there_are_screens_that_work(session, cast):
    families(session, cast, 9)
    out(session, cast, since=TWO, until=TWO + 2 * HALF)
    day = made(session, cast)
    assert sat(session, day) == {"14:00": 1, "14:30": 1, "15:00": 2, "15:30": 2, "16:00": 2}
    assert {call.station_id for call in calls_on(session, day.id) if call.starts_at < TWO + 2 * HALF} == {
        cast.stations[1].id
    }
    out(session, cast, key="o2", since=FIVE - HALF, until=FIVE, seat=0)
    with pytest.raises(Refused, match="seats_taken"):
        resize(session, cast.who(cast.li), day.id, 1, NOW)


@pytest.mark.case("D22")
def test_on_a_call_day_whoever_can_sits_at_another_screen(session, cast):
    families(session, cast, 1)
    day = made(session, cast)
    first, second = calls_on(session, day.id)  # both at the kindest time, side by side
    assert first.starts_at == second.starts_at
    outage = out(session, cast, since=TWO, until=FIVE)
    broken = next(one for one in (first, second) if one.station_id == cast.stations[0].id)
    assert outcomes(session, outage) == {broken.id: "meanwhile"}
    assert out(session, cast, key="o2", since=TWO, until=FIVE, seat=1)
    assert {call.station_id for call in calls_on(session, day.id)} == {station.id for station in cast.stations}


def test_a_seat_whose_own_device_rings_the_relative_is_not_changed_behind_their_back(session, cast):
    call = booked(session, cast)
    CALL.move(session, call, "choose", by=By(cast.xiaofang.id, "relative"), now=NOW, way="device_voip")
    found = preview(session, cast.who(cast.li), wish(cast), NOW)
    assert [row.FamilyCall.id for row in found.rest.calls] == [call.id]
    assert found.reseated == []


@pytest.mark.case("D22")
def test_the_clock_lays_those_that_were_kept_before_the_cadre_and_takes_it_back_when_mended(open_session, cast):
    def prepare(session):
        kept, off = booked(session, cast), booked(session, cast, SUNDAY_16 - HALF, "k2")
        for call in (kept, off):
            alone(session, cast, call.starts_at)
        return kept.id, out(session, cast, pick(keep=[kept], cancel=[off])).id

    kept, outage = committed(open_session, prepare)
    assert [plan_anew(hands(open_session)) for _ in range(2)] == [1, 0]
    with open_session() as session:
        (task,) = session.scalars(select(Task).where(Task.kind == "screen_out"))
        assert [line["call"] for line in task.facts["calls"]] == [kept]
        assert (task.facts["screen"], task.facts["why"], task.area_id) == ("1号机", "设备坏了", cast.village.id)
    committed(open_session, lambda session: mend(session, cast.who(cast.li), outage, NOW))
    assert plan_anew(hands(open_session)) == 0
    with open_session() as session:
        assert session.get_one(Task, task.id).state == "cancelled"


def test_a_family_that_has_not_answered_keeps_its_time_when_the_screen_is_mended(session, cast):
    call = booked(session, cast)
    alone(session, cast)
    outage = out(session, cast, pick(ask=[call]))
    mend(session, cast.who(cast.li), outage.id, NOW)
    lapse_proposals(session, NOW + 2 * DAY)
    assert (call.state, call.starts_at) == ("booked", SUNDAY_16)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"reason": " "}, "reason_missing"), ({"until": NOW}, "bad_outage"), ({"until": NOW - DAY}, "bad_outage"),
        ({"since": SUNDAY_16, "until": SUNDAY_16}, "bad_outage"), ({"until": NOW + 367 * DAY}, "bad_outage"),
        ({"since": NOW - 367 * DAY}, "bad_outage"),
    ],
)  # fmt: skip
def test_a_span_that_cannot_be_is_refused(session, cast, asked, code):
    for attempt in (lambda: preview(session, cast.who(cast.li), wish(cast, **asked), NOW),
                    lambda: out(session, cast, **asked)):  # fmt: skip
        with pytest.raises(Refused, match=code):
            attempt()
    assert session.scalars(select(StationOutage)).all() == []


def test_nobody_else_takes_a_screen_out_and_a_no_needs_something_instead(session, cast):
    call = booked(session, cast)
    alone(session, cast)
    for person in (cast.zhao, cast.xiaofang, cast.laoxu):
        for attempt in (lambda who: preview(session, who, wish(cast), NOW), lambda who: out(session, cast, who=who)):
            with pytest.raises(Refused, match="not_yours"):
                attempt(cast.who(person))
    with pytest.raises(Refused, match="not_yours"):
        preview(session, cast.who(cast.li), Wish(999, SUNDAY_16, SUNDAY_16 + HALF, "x"), NOW)
    with pytest.raises(Refused, match="alternative_needed"):
        out(session, cast, pick(cancel=[call]), instead="")
    with pytest.raises(Refused, match="bad_choice"):
        out(session, cast, {call.id: Choice("burn", 0)})
    outage = out(session, cast)
    for attempt in (lambda: mend(session, cast.who(cast.zhao), outage.id, NOW),
                    lambda: mend(session, cast.who(cast.li), 999, NOW)):  # fmt: skip
        with pytest.raises(Refused, match="not_yours"):
            attempt()
    with pytest.raises(Refused, match="out_already"):
        out(session, cast, key="o2", since=SUNDAY_16)


@pytest.mark.case("D22")
def test_of_two_clerks_at_once_one_takes_it_out_and_the_same_form_is_once(open_session, cast):
    shown = committed(open_session, lambda session: pick(keep=[booked(session, cast)]))
    for keys in (("a", "b"), ("c", "c")):
        together = Barrier(2)

        def confirm(key, together=together, seat=int(keys[0] == "c")):
            together.wait()
            try:
                with open_session() as session, session.begin():
                    return out(session, cast, shown, key=key, seat=seat).id
            except Refused as refusal:
                return refusal.code

        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(confirm, keys))
        assert answers.count("out_already") == (keys[0] == "a")
        assert len(set(answers)) == (2 if keys[0] == "a" else 1)
    with open_session() as session:
        assert len(session.scalars(select(StationOutage)).all()) == 2
        reseats = select(func.count()).select_from(History).where(History.verb == "reseat")
        assert session.scalar(reseats) == 1


@pytest.mark.case("D22")
def test_a_family_that_books_while_the_screen_is_taken_out_sits_at_one_that_works(open_session, cast):
    together = Barrier(2)

    def books():
        together.wait()
        with open_session() as session, session.begin():
            return book(session, cast.who(cast.xiaofang), cared_id=cast.wangnainai.id, starts_at=SUNDAY_16,
                        client_key="k", now=NOW).id  # fmt: skip

    def confirms():
        together.wait()
        with open_session() as session, session.begin():
            return out(session, cast).id

    with ThreadPoolExecutor(2) as pool:
        call, outage = pool.submit(books), pool.submit(confirms)
        call, outage = call.result(), outage.result()
    with open_session() as session:
        assert session.get_one(FamilyCall, call).station_id == cast.stations[1].id
        held = select(Cell.resource_id).where(Cell.held_by == f"call:{call}", Cell.resource_id.startswith("station:"))
        assert set(session.scalars(held)) == {cast.stations[1].resource}


def test_what_moved_away_meanwhile_is_named(session, cast):
    call = booked(session, cast)
    shown = pick(cancel=[call])
    move(session, cast.who(cast.xiaofang), call.id, SUNDAY_16 - DAY, NOW)
    assert outcomes(session, out(session, cast, shown)) == {call.id: "changed"}
    assert call.state == "booked"
    assert out_of_service.outage_for(session, cast.who(cast.li), 1)[1].id == cast.stations[0].id


def test_a_cancellation_is_not_taken_back_to_a_screen_that_is_out(session, cast):
    call = booked(session, cast)
    cancel(session, cast.who(cast.xiaofang), call.id, "", NOW)
    out(session, cast)
    with pytest.raises(Refused, match="undo_over"):
        undo(session, cast.who(cast.xiaofang), call.id, NOW)
