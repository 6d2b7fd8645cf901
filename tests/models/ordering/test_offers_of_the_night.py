"""What is offered at night is read in the morning and waits from then on; nobody is nagged of it before."""

from datetime import datetime

import pytest
from sqlalchemy import select

from models.hours import CHINA, WorkCalendar
from models.messages.letters import Letter
from models.ordering.assignments import Assignment
from models.ordering.ending import undo
from models.ordering.nagging import nag
from models.ordering.offers import answer_by, expire_offers
from models.ordering.orders import Order
from models.ordering.placing import cancel
from tests.models.ordering.test_dispatch import offer_of, ordered


def at(day, hour, minute=0):
    return datetime(2026, 11, day, hour, minute, tzinfo=CHINA)


@pytest.mark.case("C4", "C7")
@pytest.mark.parametrize(
    ("offered", "wanted", "until"),
    [
        (at(24, 22), at(25, 12), at(25, 10)),  # half of what is left from eight o'clock on
        (at(25, 2), at(25, 12), at(25, 10)),
        (at(24, 22), at(25, 8, 20), at(25, 8, 15)),  # at least a quarter of an hour by day
        (at(24, 22), at(28, 12), at(25, 12, 30)),  # four hours of work
        (at(24, 20, 59), at(25, 12), at(25, 8)),  # who read of it in the evening has had the night
    ],
)
def test_an_offer_of_the_night_waits_from_the_morning_on(offered, wanted, until):
    assignment, order = Assignment(offered_at=offered), Order(preferred_at=wanted)
    assert answer_by(assignment, order, WorkCalendar()) == until


@pytest.mark.case("C7")
def test_who_has_an_order_back_at_night_is_not_passed_over_as_they_wake(session, cast):
    order = ordered(session, cast, preferred_at=at(25, 12))
    cancel(session, cast.who(cast.xiaofang), order.id, "", at(24, 23))
    undo(session, cast.who(cast.xiaofang), order.id, at(24, 23, 5))
    offer = offer_of(session, order)
    assert [expire_offers(session, moment) for moment in (at(25, 8), at(25, 9, 59), at(25, 10))] == [0, 0, 1]
    assert offer.state == "expired"


@pytest.mark.case("C4")
def test_nobody_is_offered_an_order_and_reminded_of_it_in_the_same_minute_of_the_morning(session, cast):
    order = ordered(session, cast, preferred_at=at(27, 7), now=at(24, 22))
    order.preferred_at = at(25, 20)
    session.flush()
    members = {cast.laoxu.id, cast.ama.id}
    assert nag(session, at(25, 8)) == 1
    nagged = set(session.scalars(select(Letter.person_id).where(Letter.kind == "ordering.nag")))
    assert nagged == {cast.li.id}
    assert nag(session, at(25, 17)) == 1
    assert members <= set(session.scalars(select(Letter.person_id).where(Letter.kind == "ordering.nag")))
