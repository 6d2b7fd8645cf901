"""What happens to a date of a series, or to its end, a second time: whoever heard otherwise hears how it is now."""

from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta

import pytest

from models.family.calls import FamilyCall
from models.family.editing import skip
from models.family.ending import undo
from models.family.occurrences import follow
from models.family.resting import cancel_all, restore, resume, suspend
from tests.models.family.serial import begun, rows
from tests.world import NOW

MINUTE = timedelta(minutes=1)
on_postgres = pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)


def stands(session, one):
    """An occurrence as it is now, and its call."""
    session.refresh(one)
    call = session.get(FamilyCall, one.call_id) if one.call_id is not None else None
    return one.state, one.reason, call.state if call else None


def leave_out(session, who, one):
    skip(session, who, one.id, "", NOW)


def let_rest(session, who, one):
    suspend(session, who, one.series_id, NOW)


@pytest.fixture
def series(session, cast):
    return begun(session, cast)


@pytest.mark.case("F4", "G9")
@pytest.mark.parametrize("off", [leave_out, let_rest])
@pytest.mark.parametrize("clock", [True, False])
def test_a_call_left_out_and_taken_back_at_once_is_its_series_own_again(session, cast, series, off, clock):
    one, me = rows(session, series)[0], cast.who(cast.xiaofang)
    off(session, me, one)
    undo(session, me, one.call_id, NOW + MINUTE)
    if clock:
        assert (follow(session, NOW + 2 * MINUTE), follow(session, NOW + 2 * MINUTE)) == (1, 0)
        assert stands(session, one) == ("booked", "", "booked")
    cancel_all(session, me, series.id, NOW + 3 * MINUTE)
    assert stands(session, one) == ("cancelled", "series", "cancelled")


@pytest.mark.case("G9")
@pytest.mark.parametrize(("off", "on"), [(suspend, resume), (cancel_all, restore)])
@pytest.mark.parametrize("clock", [True, False])
def test_a_series_that_goes_on_leaves_the_call_that_was_taken_back_as_it_is(session, cast, series, off, on, clock):
    one, me = rows(session, series)[0], cast.who(cast.xiaofang)
    call_id = one.call_id
    off(session, me, series.id, NOW)
    undo(session, me, call_id, NOW + MINUTE)
    if clock:
        follow(session, NOW + MINUTE)
    on(session, me, series.id, NOW + 2 * MINUTE)
    assert (stands(session, one), one.call_id) == (("booked", "", "booked"), call_id)
    assert [row.state for row in rows(session, series)[:4]] == ["booked"] * 4


def test_a_call_that_was_taken_back_rests_with_its_series(session, cast, series):
    one, me = rows(session, series)[0], cast.who(cast.xiaofang)
    leave_out(session, me, one)
    undo(session, me, one.call_id, NOW + MINUTE)
    suspend(session, me, series.id, NOW + 2 * MINUTE)
    assert stands(session, one) == ("skipped", "suspended", "cancelled")


@on_postgres
def test_who_ends_a_series_waits_for_the_clock_that_follows_its_call(open_session, cast):
    me = cast.who(cast.xiaofang)
    with open_session() as session, session.begin():
        series = begun(session, cast)
        one = rows(session, series)[0]
        leave_out(session, me, one)
        undo(session, me, one.call_id, NOW + MINUTE)

    def end_it():
        with open_session() as session, session.begin():
            cancel_all(session, me, series.id, NOW + 2 * MINUTE)

    with ThreadPoolExecutor(1) as pool:
        with open_session() as session, session.begin():
            assert follow(session, NOW + 2 * MINUTE) == 1
            ends = pool.submit(end_it)
            assert not wait([ends], timeout=0.5).done
        ends.result()
    with open_session() as session:
        assert session.get_one(FamilyCall, one.call_id).state == "cancelled"
