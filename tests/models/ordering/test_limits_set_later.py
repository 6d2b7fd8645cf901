"""Places that are limited only after there are orders: what was ordered before counts, and comes back once."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.errors import Refused
from models.ordering.listings import offered
from models.ordering.placing import cancel
from models.ordering.tallies import Tally, TallyHold, places_left
from tests.models.ordering.test_catalogue import WANTED, order, set_terms
from tests.models.ordering.test_waiting import PLACES, others, waits
from tests.world import NOW


def left(session, cast):
    offers = offered(session, cast.centre, NOW, listing_id=cast.meal.id)
    return places_left(session, offers, WANTED).get(cast.meal.id)


@pytest.mark.case("B12")
def test_a_limit_that_is_set_later_counts_what_was_ordered_before(session, cast):
    set_terms(session, cast, questions=PLACES)
    orders = [order(session, cast, client_key=f"k{n}", answers={"portions": 2}) for n in range(2)]
    order(session, cast, client_key="another day", answers={"portions": 2}, preferred_at=WANTED + timedelta(days=1))
    assert left(session, cast) is None
    set_terms(session, cast, capacity=5)
    assert left(session, cast) == 1
    with pytest.raises(Refused, match="full"):
        order(session, cast, client_key="k2", answers={"portions": 2})
    for _ in range(2):
        cancel(session, cast.who(cast.xiaofang), orders[0].id, "", NOW)
    assert left(session, cast) == 3
    order(session, cast, client_key="k3", answers={"portions": 2})


@pytest.mark.case("B12", "H8")
def test_where_more_is_ordered_than_there_is_people_stand_in_line_until_enough_has_come_back(session, cast):
    set_terms(session, cast, questions=[])
    orders = [order(session, cast, client_key=f"k{n}") for n in range(3)]
    (neighbour,) = others(session, cast, 1)
    with pytest.raises(Refused, match="not_full"):
        waits(session, cast, neighbour)
    set_terms(session, cast, capacity=2)
    assert left(session, cast) == 0
    entry = waits(session, cast, neighbour)
    states = []
    for one in orders[:2]:
        cancel(session, cast.who(cast.xiaofang), one.id, "", NOW)
        states.append(entry.state)
    assert states == ["waiting", "offered"]


def test_without_a_limit_nobody_is_refused_and_everything_comes_back(session, cast):
    set_terms(session, cast, questions=PLACES)
    orders = [order(session, cast, client_key=f"k{n}", answers={"portions": 900}) for n in range(3)]
    assert session.scalars(select(Tally.taken)).one() == 2700
    for one in orders:
        cancel(session, cast.who(cast.xiaofang), one.id, "", NOW)
    assert session.scalars(select(Tally.taken)).one() == 0
    assert session.scalars(select(TallyHold)).all() == []
