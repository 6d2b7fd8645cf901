"""Offers that nobody answers: how long each waits, and who is asked then."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from models.errors import Refused
from models.history import history_of
from models.hours import CHINA, WorkCalendar
from models.messages.letters import Letter
from models.ordering.assignments import Assignment
from models.ordering.dispatch import accept
from models.ordering.offers import answer_by, expire_offers
from models.ordering.orders import Order
from models.tasks.tasks import Task
from tests.models.ordering.test_dispatch import offer_of, ordered
from tests.world import NOW


def at(day, hour, minute=0):
    return datetime(2026, 11, day, hour, minute, tzinfo=CHINA)


@pytest.mark.case("C4")
@pytest.mark.parametrize(
    ("offered", "wanted", "until"),
    [
        (at(24, 10), at(26, 9), at(24, 14)),  # Tuesday: four hours of work
        (at(24, 16), at(27, 9), at(25, 11)),  # over the night
        (at(27, 16), at(30, 18), at(29, 5).replace(hour=8)),  # Friday to Monday: half the time, and not at five
        (at(24, 10), at(24, 12), at(24, 11)),  # wanted in two hours: half of them
        (at(24, 10), at(24, 10, 10), at(24, 10, 15)),  # at least a quarter of an hour
        (at(24, 17), at(25, 7), at(25, 8)),  # nobody is passed over at night
    ],
)
def test_an_offer_waits_some_hours_of_work_but_never_until_it_is_too_late(offered, wanted, until):
    assignment, order = Assignment(offered_at=offered), Order(preferred_at=wanted)
    assert answer_by(assignment, order, WorkCalendar()) == until


@pytest.mark.case("C4")
def test_an_unanswered_offer_goes_to_the_next_organisation_and_then_to_the_cadre(session, cast):
    order = ordered(session, cast)
    first = offer_of(session, order)
    until = answer_by(first, order, WorkCalendar())
    assert expire_offers(session, until - timedelta(seconds=1)) == 0
    assert expire_offers(session, until) == 1
    assert first.state == "expired"
    assert [(row.verb, row.as_role) for row in history_of(session, first.subject)][-1] == ("expire", "time")
    second = offer_of(session, order)
    assert second.organisation_id == cast.second_club.id
    assert expire_offers(session, until) == 0
    letters = session.scalars(select(Letter).where(Letter.subject == first.subject))
    assert {letter.state for letter in letters} == {"withdrawn"}
    assert expire_offers(session, answer_by(second, order, WorkCalendar())) == 1
    assert session.scalars(select(Task.state).where(Task.kind == "order_unanswered")).all() == ["open"]
    assert order.state == "open"


@pytest.mark.case("C2")
def test_an_offer_that_waited_too_long_is_not_accepted(session, cast):
    order = ordered(session, cast)
    first = offer_of(session, order)
    expire_offers(session, NOW + timedelta(hours=5))
    with pytest.raises(Refused, match="offer_over"):
        accept(session, cast.who(cast.laoxu), first.id, NOW + timedelta(hours=5))


@pytest.mark.case("C7")
def test_a_clock_that_comes_back_at_night_passes_nobody_over(session, cast):
    ordered(session, cast)
    assert expire_offers(session, at(24, 23)) == 0
    assert expire_offers(session, at(25, 3)) == 0
    assert expire_offers(session, at(25, 8)) == 1


def test_two_clocks_and_somebody_who_accepts_do_not_disturb_each_other(open_session, cast):
    with open_session() as session, session.begin():
        orders = [ordered(session, cast, f"k{n}") for n in range(8)]
        offers = [offer_of(session, order).id for order in orders]
    late = NOW + timedelta(hours=6)

    def sweep(_):
        with open_session() as session, session.begin():
            return expire_offers(session, late)

    def take(_):
        heard = []
        for offer in reversed(offers):
            try:
                with open_session() as session, session.begin():
                    accept(session, cast.who(cast.laoxu), offer, late)
                heard.append("won")
            except Refused as refusal:
                heard.append(refusal.code)
        return heard

    with ThreadPoolExecutor(3) as pool:
        taken, *ended = [future.result() for future in [pool.submit(take, 0), *(pool.submit(sweep, n) for n in (1, 2))]]
    ended.append(sweep(3))
    assert set(taken) <= {"won", "offer_over"}
    assert taken.count("won") + sum(ended) == len(offers)
    with open_session() as session:
        firsts = session.scalars(select(Assignment.state).where(Assignment.id.in_(offers))).all()
        assert sorted(firsts) == sorted(["accepted" if heard == "won" else "expired" for heard in taken])
