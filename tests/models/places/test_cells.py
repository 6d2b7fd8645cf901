"""Nobody and nothing is in two places at once: the primary key refuses it, whatever the code believes."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from models.errors import Refused
from models.places.cells import Cell, cells_between, occupy, release, taken
from tests.world import NOW

HALF = timedelta(minutes=30)


@pytest.mark.case("D5")
def test_adjacent_bookings_do_not_conflict(session):
    occupy(session, ["person:1"], NOW, NOW + HALF, "call:1")
    occupy(session, ["person:1"], NOW + HALF, NOW + 2 * HALF, "call:2")


@pytest.mark.case("D6")
@pytest.mark.parametrize("shift", [-29, -15, -1, 0, 1, 15, 29])
def test_every_kind_of_overlap_is_refused_and_takes_nothing(session, shift):
    occupy(session, ["person:1"], NOW, NOW + HALF, "call:1")
    start = NOW + timedelta(minutes=shift)
    with pytest.raises(Refused, match="slot_taken"):
        occupy(session, ["station:9", "person:1"], start, start + HALF, "call:2")
    assert session.scalar(select(func.count()).select_from(Cell).where(Cell.held_by == "call:2")) == 0


def test_a_span_that_touches_a_quarter_takes_it():
    start = NOW.replace(minute=7)
    assert cells_between(start, start + timedelta(minutes=10)) == [NOW.replace(minute=0), NOW.replace(minute=15)]


@pytest.mark.case("E3")
def test_a_move_that_overlaps_itself_keeps_what_it_can_and_a_refused_one_keeps_all(session):
    occupy(session, ["person:1", "station:1"], NOW, NOW + HALF, "call:1")
    occupy(session, ["person:1", "station:1"], NOW + HALF / 2, NOW + HALF * 1.5, "call:1")
    held = taken(session, ["person:1"], NOW, NOW + 4 * HALF)
    assert held == {("person:1", NOW + HALF / 2), ("person:1", NOW + HALF)}
    occupy(session, ["person:2"], NOW + 3 * HALF, NOW + 4 * HALF, "call:2")
    with pytest.raises(Refused):
        occupy(session, ["person:1", "person:2"], NOW + 3 * HALF, NOW + 4 * HALF, "call:1")
    assert taken(session, ["person:1"], NOW, NOW + 4 * HALF) == held
    release(session, "call:1")
    assert taken(session, ["person:1"], NOW, NOW + 4 * HALF) == set()


def test_bookings_in_opposite_orders_never_lock_each_other_up(open_session):
    """Everybody sorts the same way, so of two one waits and one wins; a deadlock would surface as OperationalError."""

    def book(n):
        resources = ["person:1", "station:1", "person:2"]
        try:
            with open_session() as session, session.begin():
                occupy(session, resources if n % 2 else reversed(resources), NOW, NOW + HALF, f"call:{n}")
            return "won"
        except Refused:
            return "refused"
        except OperationalError as error:
            return str(error)

    with ThreadPoolExecutor(10) as pool:
        results = list(pool.map(book, range(20)))
    assert sorted(set(results)) == ["refused", "won"]
    assert results.count("won") == 1
