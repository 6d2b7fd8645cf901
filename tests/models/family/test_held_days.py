"""A call day is changed while a family cancels or takes that back: no seat is held by a call that is off."""

from datetime import timedelta

import pytest

from models.errors import Refused
from models.family.call_days import CallDay
from models.family.calls import FamilyCall, locked
from models.family.deciding import Decided
from models.family.ending import cancel, undo
from models.family.out_of_service import Wish, take_out
from models.family.reseating import call_off, resize
from models.history import history_of
from tests.models.family.in_turn import one_comes_between, one_waits
from tests.models.family.test_call_days import calls_on, families, made
from tests.models.family.test_calls import booked, cells_of
from tests.world import NOW


def at_second_screen(session, cast):
    """A day with one family, at the second of its two screens; the first is free again."""
    families(session, cast, 1)
    day = made(session, cast)
    first, second = sorted(calls_on(session, day.id), key=lambda call: call.station_id)
    cancel(session, cast.who(cast.li), first.id, "家里有事", NOW)
    return day.id, second.id


@pytest.mark.case("D22", "E9")
def test_a_call_that_is_cancelled_while_its_screen_falls_out_holds_no_other(open_session, cast, engine):
    with open_session() as session, session.begin():
        day, call = at_second_screen(session, cast)
    with one_waits(open_session, engine, lambda session: resize(session, cast.who(cast.li), day, 1, NOW).seats) as (
        family, answer,
    ):  # fmt: skip
        cancel(family, cast.who(cast.li), call, "家里有事", NOW)
    assert answer() == 1
    with open_session() as session:
        found = session.get_one(FamilyCall, call)
        assert (found.state, cells_of(session, found)) == ("cancelled", {})


@pytest.mark.case("D19", "E9")
def test_a_day_is_called_off_also_where_a_family_cancels_at_the_same_moment(open_session, cast, engine):
    with open_session() as session, session.begin():
        day, call = at_second_screen(session, cast)
    with one_waits(open_session, engine, lambda session: off(session, cast, day)) as (family, answer):
        cancel(family, cast.who(cast.li), call, "家里有事", NOW)
    assert answer() == "called_off"
    with open_session() as session:
        found = session.get_one(FamilyCall, call)
        assert [line.verb for line in history_of(session, found.subject)] == ["begin", "cancel"]


def off(session, cast, day):
    return call_off(session, cast.who(cast.li), day, "停电", NOW).state


@pytest.mark.case("G9", "D19")
def test_what_was_cancelled_is_not_restored_onto_a_day_that_has_been_called_off(session, cast):
    day, call = at_second_screen(session, cast)
    cancel(session, cast.who(cast.li), call, "点错了", NOW)
    off(session, cast, day)
    with pytest.raises(Refused, match="undo_over"):
        undo(session, cast.who(cast.li), call, NOW)
    found = session.get_one(FamilyCall, call)
    assert (found.state, cells_of(session, found)) == ("cancelled", {})


@pytest.mark.case("G9", "D22")
def test_what_was_cancelled_is_not_restored_to_a_screen_that_has_fallen_out(session, cast):
    day, call = at_second_screen(session, cast)
    cancel(session, cast.who(cast.li), call, "点错了", NOW)
    resize(session, cast.who(cast.li), day, 1, NOW)
    with pytest.raises(Refused, match="undo_over"):
        undo(session, cast.who(cast.li), call, NOW)
    found = session.get_one(FamilyCall, call)
    assert (found.state, cells_of(session, found)) == ("cancelled", {})


@pytest.mark.case("G9", "D19")
def test_who_restores_while_the_day_is_being_called_off_waits_and_is_refused(open_session, cast, engine):
    with open_session() as session, session.begin():
        day, call = at_second_screen(session, cast)
        cancel(session, cast.who(cast.li), call, "点错了", NOW)
    with one_waits(open_session, engine, lambda session: undo(session, cast.who(cast.li), call, NOW).state) as (
        clerk, answer,
    ):  # fmt: skip
        off(clerk, cast, day)
    assert answer() == "undo_over"


@pytest.mark.case("G9", "D19")
def test_who_calls_a_day_off_while_a_call_is_being_restored_waits_and_ends_it(open_session, cast, engine):
    with open_session() as session, session.begin():
        day, call = at_second_screen(session, cast)
        cancel(session, cast.who(cast.li), call, "点错了", NOW)
    with one_waits(open_session, engine, lambda session: off(session, cast, day)) as (family, answer):
        undo(family, cast.who(cast.li), call, NOW)
    assert answer() == "called_off"
    with open_session() as session:
        found = session.get_one(FamilyCall, call)
        assert (found.state, found.end_code, cells_of(session, found)) == ("cancelled", "centre", {})
        assert session.get_one(CallDay, day).state == "called_off"


@pytest.mark.case("D22", "E9")
@pytest.mark.parametrize("of_a_day", [True, False])
def test_a_family_that_cancels_while_its_screen_breaks_is_in_nobodys_way(open_session, cast, engine, of_a_day):
    with open_session() as session, session.begin():
        call = at_second_screen(session, cast)[1] if of_a_day else booked(session, cast).id
        station = session.get_one(FamilyCall, call).station_id
    wish = Wish(station, NOW, NOW + timedelta(days=9), "设备坏了")

    def breaks(session):
        take_out(session, cast.who(cast.li), wish, Decided({}, {}, ""), "o1", NOW)

    with one_comes_between(open_session, engine, breaks) as (family, comes):
        locked(family, call)
        comes()
        cancel(family, cast.who(cast.li), call, "家里有事", NOW)
    with open_session() as session:
        found = session.get_one(FamilyCall, call)
        assert (found.state, found.station_id, cells_of(session, found)) == ("cancelled", station, {})
