"""What time decides about orders really happens in the clock's own rounds."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from models.messages.letters import Letter
from models.ordering.dispatch import accept, complete
from models.ordering.orders import Order
from scheduler.settings import ClockSettings, Hands
from scheduler.sweep import ORDER_SWEEPS, TASK_SWEEPS, sweep_orders, sweep_tasks
from tests.models.ordering.test_dispatch import WANTED, offer_of, ordered
from tests.world import NOW


@pytest.fixture
def at(open_session):
    """The clock's hands at a time; nothing is carried."""
    return lambda moment: Hands(open_session, lambda letter: None, lambda: moment, lambda: moment, ClockSettings())


@pytest.mark.case("C4")
def test_a_round_reminds_of_what_nobody_has_accepted_and_the_next_one_does_not(open_session, cast, at):
    with open_session() as session, session.begin():
        ordered(session, cast, preferred_at=NOW + timedelta(hours=2))
    soon = NOW + timedelta(minutes=1)
    assert sweep_orders(at(soon)) == 2  # the reminder, and the cadres above on a working day
    assert sweep_orders(at(soon)) == 0
    with open_session() as session:
        assert session.scalar(select(func.count()).where(Letter.kind == "ordering.nag")) == 1


def test_a_week_after_its_service_an_order_is_closed_by_the_clock(open_session, cast, at):
    with open_session() as session, session.begin():
        order = ordered(session, cast)
        offer = offer_of(session, order)
        accept(session, cast.who(cast.laoxu), offer.id, NOW)
        complete(session, cast.who(cast.laoxu), offer.id, WANTED)
    sweep_tasks(at(WANTED + timedelta(days=6)))
    with open_session() as session:
        assert session.scalars(select(Order.state)).one() == "completed"
    sweep_tasks(at(WANTED + timedelta(days=7)))
    with open_session() as session:
        assert session.scalars(select(Order.state)).one() == "closed"


def test_every_sweep_stands_once():
    assert len({*ORDER_SWEEPS, *TASK_SWEEPS}) == len(ORDER_SWEEPS) + len(TASK_SWEEPS)
