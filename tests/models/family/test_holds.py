"""Holding a time: five minutes for whoever chose it, and nobody else can take it meanwhile."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import func, select

from models.errors import Refused
from models.family.calls import FamilyCall
from models.family.holding import hold_slot
from models.family.holds import GRACE, HOLD_LASTS, MOST_HOLDS, CallHold, sweep_holds, uncounted_for
from models.family.parting import take_back
from models.family.slots import free_slots
from models.people.consent import agree
from models.people.persons import Person
from models.places.cells import Cell
from tests.models.family.test_calls import SUNDAY_16, booked, cells_of, sister
from tests.world import NOW

HALF = timedelta(minutes=30)
SECOND = timedelta(seconds=1)


def held(session, cast, starts_at=SUNDAY_16, who=None, now=NOW):
    who = who or cast.who(cast.xiaofang)
    return hold_slot(session, who, cared_id=cast.wangnainai.id, starts_at=starts_at, now=now)


def offered(session, cast, person, now=NOW):
    people = (session.get_one(Person, key) for key in (person.id, cast.wangnainai.id))
    found = free_slots(
        session, *people, first_day=SUNDAY_16.date(), days=1, now=now, held_by=uncounted_for(session, person.id, now)
    )
    return {slot.starts_at for slot in found}


def counted(session, table):
    return session.scalar(select(func.count()).select_from(table))


@pytest.mark.case("D4")
def test_who_holds_a_time_can_finish_within_the_grace_and_nobody_else_can_take_it(session, cast):
    other = sister(session, cast)
    hold = held(session, cast)
    late = NOW + HOLD_LASTS + GRACE - SECOND  # the five minutes are over: they are still typing
    for moment in (NOW, NOW + HOLD_LASTS, late):
        sweep_holds(session, moment)
        with pytest.raises(Refused, match="slot_taken") as refused:
            booked(session, cast, key="k2", who=cast.who(other), now=moment)
        assert SUNDAY_16 not in {slot.starts_at for slot in refused.value.facts["alternatives"]}
        with pytest.raises(Refused, match="slot_taken"):
            held(session, cast, who=cast.who(other), now=moment)
        assert SUNDAY_16 not in offered(session, cast, other, moment)
        assert SUNDAY_16 in offered(session, cast, cast.xiaofang, moment)
    subject = hold.subject
    call = booked(session, cast, now=late)
    assert sum(cells_of(session, call).values()) == 8
    assert set(session.scalars(select(Cell.held_by))) == {call.subject} != {subject}
    assert counted(session, CallHold) == 0


@pytest.mark.case("D4")
@pytest.mark.parametrize("swept", [True, False])
def test_when_the_grace_is_over_another_takes_it_and_the_first_is_offered_others(session, cast, swept):
    other = sister(session, cast)
    held(session, cast)
    over = NOW + HOLD_LASTS + GRACE
    assert not swept or sweep_holds(session, over) == 1
    assert SUNDAY_16 in offered(session, cast, other, over)
    assert booked(session, cast, key="k2", who=cast.who(other), now=over).starts_at == SUNDAY_16
    with pytest.raises(Refused, match="slot_taken"):
        booked(session, cast, now=over)


def test_who_has_held_nothing_books_as_before_and_a_late_one_too_while_it_is_free(session, cast):
    held(session, cast)
    much_later = NOW + timedelta(hours=1)
    sweep_holds(session, much_later)
    assert booked(session, cast, now=much_later).state == "booked"


def test_holding_the_same_time_again_begins_the_five_minutes_anew(session, cast):
    hold = held(session, cast)
    later = NOW + timedelta(minutes=3)
    assert held(session, cast, now=later).id == hold.id
    assert hold.expires_at == later + HOLD_LASTS
    assert counted(session, Cell) == 8


def test_a_person_holds_two_times_at_most_the_oldest_gives_way(session, cast):
    for n in range(MOST_HOLDS + 2):
        held(session, cast, SUNDAY_16 - n * HALF)
    standing = session.scalars(select(CallHold.starts_at).order_by(CallHold.starts_at)).all()
    assert standing == [SUNDAY_16 - 3 * HALF, SUNDAY_16 - 2 * HALF]
    assert counted(session, Cell) == 8 * MOST_HOLDS


def test_a_time_that_cannot_be_held_leaves_the_other_holds_as_they_were(session, cast):
    other = sister(session, cast)
    held(session, cast, SUNDAY_16, who=cast.who(other))
    for n in (1, 2):
        held(session, cast, SUNDAY_16 - n * HALF)
    with pytest.raises(Refused, match="slot_taken"):
        held(session, cast)
    assert counted(session, CallHold) == 3
    assert counted(session, Cell) == 24


def test_booking_another_time_gives_up_what_one_held_for_this_elder(session, cast):
    held(session, cast)
    call = booked(session, cast, SUNDAY_16 - HALF)
    assert set(session.scalars(select(Cell.held_by))) == {call.subject}


def test_a_stranger_holds_nothing_nor_does_anybody_after_the_consent_has_ended(session, cast):
    with pytest.raises(Refused, match="no_link"):
        held(session, cast, who=cast.who(cast.aming))
    with pytest.raises(Refused, match="bad_time"):
        held(session, cast, SUNDAY_16.replace(minute=7))
    held(session, cast)
    agree(session, cast.who(cast.li), cast.wangnainai.id, "family_calls", NOW)
    take_back(session, cast.who(cast.li), cast.wangnainai.id, "family_calls", NOW)
    with pytest.raises(Refused, match="consent_withdrawn"):
        booked(session, cast)


@pytest.mark.case("D4")
def test_of_many_who_reach_for_one_time_at_once_one_holds_it_and_only_that_one_books_it(open_session, cast):
    with open_session() as session, session.begin():
        people = [cast.who(sister(session, cast, n)) for n in range(8)]
    start = Barrier(8)

    def reach(n):
        start.wait(60)
        try:
            with open_session() as session, session.begin():
                held(session, cast, who=people[n])
        except Refused as refusal:
            return refusal.code
        return "held"

    with ThreadPoolExecutor(8) as pool:
        heard = list(pool.map(reach, range(8)))
    assert sorted(heard) == ["held"] + ["slot_taken"] * 7
    start.reset()

    def finish(n):
        start.wait(60)
        try:
            with open_session() as session, session.begin():
                booked(session, cast, key=f"k{n}", who=people[n], now=NOW + HOLD_LASTS)
        except Refused as refusal:
            return refusal.code
        return "held"

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(finish, range(8))) == heard
    with open_session() as session:
        call = session.scalars(select(FamilyCall)).one()
        assert set(session.scalars(select(Cell.held_by))) == {call.subject}


def test_one_who_taps_two_times_at_once_holds_both_and_never_more_than_allowed(open_session, cast):
    start = Barrier(4)

    def reach(n):
        start.wait(60)
        with open_session() as session, session.begin():
            held(session, cast, SUNDAY_16 - n * HALF)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(reach, range(4)))
    with open_session() as session:
        assert counted(session, CallHold) == MOST_HOLDS
        assert counted(session, Cell) == 8 * MOST_HOLDS
