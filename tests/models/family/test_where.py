"""Where one call is held: at home for who is homebound or where a cadre says why, else at the centre."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import select

from models.errors import Refused
from models.family.agreeing import Agreement
from models.family.booking import book_for, move, relocate
from models.family.calls import AT_CENTRE, AT_HOME, FamilyCall
from models.family.deciding import kind_time
from models.family.ending import cancel
from models.family.slots import free_slots
from models.history import history_of
from models.messages.letters import Letter
from models.people.mobility import write_homebound
from models.people.persons import Person
from models.places.cells import Cell
from models.places.centres import Station
from tests.models.family.test_calls import SUNDAY_16, booked
from tests.models.family.test_homes import car, for_grandpa
from tests.models.family.test_slots import clocks
from tests.world import NOW

HALF = timedelta(minutes=30)
EARLIER = SUNDAY_16 - HALF


@pytest.fixture
def well(session, cast, hills):
    """王奶奶 can come to the centre; a tablet is there for whom it is taken to."""
    write_homebound(session, cast.who(cast.li), cast.wangnainai.id, False, NOW)
    return hills


def letters(session, call):
    said = select(Letter).where(Letter.subject == call.subject, Letter.kind == "family.changed")
    return [(one.person_id, one.facts["at_home"]) for one in session.scalars(said.where(Letter.state != "withdrawn"))]


def test_a_homebound_elder_who_wants_to_come_that_day_comes(session, cast, hills):
    call = booked(session, cast, EARLIER)
    seen = call.revision
    relocate(session, cast.who(cast.xiaofang), call.id, AT_CENTRE, NOW)
    assert (call.venue_mode, call.station_id, call.starts_at) == (AT_CENTRE, cast.stations[0].id, EARLIER)
    assert call.revision == seen + 1 and call.vehicle_id is None
    assert hills.tablet.resource not in set(session.scalars(select(Cell.resource_id)))
    assert letters(session, call) == [(cast.li.id, False)]  # the helper need not go; who did it knows
    relocate(session, cast.who(cast.xiaofang), call.id, AT_CENTRE, NOW)
    assert call.revision == seen + 1  # twice is once
    assert history_of(session, call.subject)[-1].verb == "relocate"
    # This one call: it stays at the centre when it is moved, and the next is at home again.
    move(session, cast.who(cast.xiaofang), call.id, EARLIER + HALF, NOW)
    assert call.venue_mode == AT_CENTRE
    assert booked(session, cast, EARLIER - 4 * HALF, "k2").venue_mode == AT_HOME


def test_who_is_not_homebound_is_visited_where_a_cadre_says_why(session, cast, well):
    call = booked(session, cast, EARLIER)
    assert call.venue_mode == AT_CENTRE
    with pytest.raises(Refused, match="not_homebound"):
        relocate(session, cast.who(cast.xiaofang), call.id, AT_HOME, NOW, "想在家")
    with pytest.raises(Refused, match="reason_missing"):
        relocate(session, cast.who(cast.li), call.id, AT_HOME, NOW, " ")
    relocate(session, cast.who(cast.li), call.id, AT_HOME, NOW, "这几天腿疼")
    assert (call.venue_mode, call.station_id, call.venue_why) == (AT_HOME, well.tablet.id, "这几天腿疼")
    assert letters(session, call) == [(cast.xiaofang.id, True)]
    assert not session.get_one(Person, cast.wangnainai.id).homebound
    # Back again within the minute in which a change waits to be said: one letter, and what it says is true.
    relocate(session, cast.who(cast.li), call.id, AT_CENTRE, NOW)
    assert letters(session, call) == [(cast.xiaofang.id, False)]
    assert call.venue_why == ""


def test_nobody_else_says_where_and_a_forged_place_is_none(session, cast, hills):
    call = booked(session, cast, EARLIER)
    for stranger in (cast.aming, cast.zhao, cast.laoxu):
        with pytest.raises(Refused, match=r"not_yours|no_link"):
            relocate(session, cast.who(stranger), call.id, AT_CENTRE, NOW)
    for forged in ("", "moon", "x" * 99):
        with pytest.raises(Refused, match="bad_place"):
            relocate(session, cast.who(cast.li), call.id, forged, NOW)
    cancel(session, cast.who(cast.xiaofang), call.id, "", NOW)
    with pytest.raises(Refused, match="wrong_state"):
        relocate(session, cast.who(cast.xiaofang), call.id, AT_CENTRE, NOW)


def test_where_nothing_is_free_there_the_call_stays_where_it_is(session, cast, well):
    for_grandpa(session, well, EARLIER)  # the only tablet and the only helper
    with pytest.raises(Refused, match="slot_taken"):
        booked(session, cast, EARLIER)
    call = booked(session, cast, EARLIER - 4 * HALF)
    early = booked(session, cast, SUNDAY_16 - 15 * HALF, "k2")  # half past eight: nobody is at her door by then
    car(session, cast)
    session.get_one(Station, well.tablet.id).battery_minutes = 30
    session.flush()
    for one, code in ((call, "slot_taken"), (early, "bad_time")):
        held = set(session.execute(select(Cell.resource_id, Cell.cell_start).where(Cell.held_by == one.subject)).all())
        with pytest.raises(Refused, match=code):
            relocate(session, cast.who(cast.li), one.id, AT_HOME, NOW, "腿疼")
        assert (one.venue_mode, one.venue_wish, one.revision) == (AT_CENTRE, "", 0)
        now_held = session.execute(select(Cell.resource_id, Cell.cell_start).where(Cell.held_by == one.subject)).all()
        assert set(now_held) == held


def test_a_clerk_books_at_home_or_at_the_centre_as_this_call_asks_for(session, cast, hills):
    wanted = {"relative_id": cast.xiaofang.id, "cared_id": cast.wangnainai.id, "now": NOW}
    li = cast.who(cast.li)
    call = book_for(session, li, starts_at=EARLIER, client_key="d1", wish=AT_CENTRE, **wanted)
    assert (call.venue_mode, call.venue_wish) == (AT_CENTRE, AT_CENTRE)
    write_homebound(session, li, cast.wangnainai.id, False, NOW)
    with pytest.raises(Refused, match="reason_missing"):
        book_for(session, li, starts_at=EARLIER - 4 * HALF, client_key="d2", wish=AT_HOME, **wanted)
    home = book_for(session, li, starts_at=EARLIER - 4 * HALF, client_key="d2", wish=AT_HOME, why="腿疼", **wanted)
    assert (home.venue_mode, home.station_id, home.venue_why) == (AT_HOME, hills.tablet.id, "腿疼")
    people = [session.get_one(Person, one.id) for one in (cast.xiaofang, cast.wangnainai)]
    day = SUNDAY_16.date() + timedelta(days=1)
    at = {wish: clocks(free_slots(session, *people, first_day=day, days=1, now=NOW, wish=wish)) for wish in
          ("", AT_HOME)}  # fmt: skip
    assert (at[""][0], at[AT_HOME][0]) == ("08:30", "09:30")  # forty minutes of road from half past eight on


def test_of_a_move_and_another_place_at_the_same_moment_one_comes_first(open_session, cast, hills):
    with open_session() as session, session.begin():
        key = booked(session, cast, EARLIER).id
    start = Barrier(2)

    def want(place):
        try:
            with open_session() as session, session.begin():
                start.wait(20)
                if place:
                    relocate(session, cast.who(cast.xiaofang), key, AT_CENTRE, NOW)
                else:
                    move(session, cast.who(cast.li), key, EARLIER - 4 * HALF, NOW, Agreement(cast.xiaofang.id, "phone"))
                return "done"
        except Refused as refusal:
            return refusal.code

    with ThreadPoolExecutor(2) as pool:
        heard = list(pool.map(want, (True, False)))
    assert set(heard) <= {"done", "wrong_state"} and "done" in heard
    with open_session() as session:
        call = session.get_one(FamilyCall, key)
        starts = sorted(session.scalars(select(Cell.cell_start).where(
            Cell.held_by == call.subject, Cell.resource_id == f"station:{call.station_id}")))  # fmt: skip
        assert starts == [call.starts_at, call.starts_at + HALF / 2]


@pytest.mark.case("D19")
def test_where_a_centre_asks_for_another_time_it_is_one_at_the_place_of_this_call(session, cast, hills):
    call = booked(session, cast, EARLIER)
    relocate(session, cast.who(cast.xiaofang), call.id, AT_CENTRE, NOW)
    session.delete(hills.tablet)  # at home there is no time any more
    session.flush()
    assert kind_time(session, call, None, NOW) is not None
