"""The waiting list: who is served when a place comes back, until when, and that nobody else can have it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import time, timedelta
from threading import Barrier

import pytest
from sqlalchemy import func, select

from models.errors import Refused
from models.hours import CHINA
from models.ordering.catalogue import offer_at
from models.ordering.joining import decline, join, take
from models.ordering.orders import LIVE_ORDERS, Order
from models.ordering.placing import cancel
from models.ordering.tallies import Tally
from models.ordering.waiting import WaitlistEntry, service, sweep_waiting, why_not
from models.people.persons import Person
from scheduler.units import in_unit
from tests.models.ordering.test_catalogue import MEAL, WANTED, china, order, set_terms
from tests.world import NOW

PLACES = [{"code": "portions", "datatype": "number", "description": "几份？", "required": True, "places": True}]


def others(session, cast, count):
    """So many more residents of the village."""
    made = [Person(name=f"邻居{n}", area_id=cast.village.id, phone="13905780000", created_at=NOW) for n in range(count)]
    session.add_all(made)
    session.flush()
    return made


def waits(session, cast, person, now=NOW, **wish):
    return join(
        session, cast.who(cast.li), listing_id=cast.meal.id, beneficiary_id=person.id, note="", now=now,
        **{"answers": MEAL, "preferred_at": WANTED, **wish},
    )  # fmt: skip


def full(session, cast, capacity=1, **terms):
    set_terms(session, cast, capacity=capacity, questions=[], **terms)
    return [order(session, cast, client_key=f"full{n}") for n in range(capacity)]


def taken(session):
    return session.scalars(select(Tally.taken).where(Tally.key.startswith("places/"))).one()


@pytest.mark.case("H8")
def test_a_place_that_comes_back_is_the_first_in_lines_and_nobody_elses(session, cast):
    (first,) = full(session, cast)
    one, two = (waits(session, cast, person) for person in others(session, cast, 2))
    cancel(session, cast.who(cast.xiaofang), first.id, "", NOW)
    assert (one.state, two.state, taken(session)) == ("offered", "waiting", 1)
    with pytest.raises(Refused, match="full"):
        order(session, cast, client_key="new")
    placed = take(session, cast.who(cast.li), one.id, NOW)
    assert (placed.state, one.state, taken(session)) == ("open", "taken", 1)
    assert take(session, cast.who(cast.li), one.id, NOW).id == placed.id


@pytest.mark.case("H4")
def test_who_declines_gives_the_place_to_the_next_at_once(session, cast):
    (first,) = full(session, cast)
    one, two = (waits(session, cast, person) for person in others(session, cast, 2))
    cancel(session, cast.who(cast.xiaofang), first.id, "", NOW)
    decline(session, cast.who(cast.li), one.id, NOW)
    assert (one.state, two.state, taken(session)) == ("declined", "offered", 1)


@pytest.mark.case("H1")
def test_who_needs_two_places_keeps_the_first_until_the_second_comes(session, cast):
    set_terms(session, cast, capacity=2, questions=PLACES)
    gone = [order(session, cast, client_key=f"k{n}", answers={"portions": 1}) for n in range(2)]
    people = others(session, cast, 2)
    pair = waits(session, cast, people[0], answers={"portions": 2})
    single = waits(session, cast, people[1], answers={"portions": 1})
    cancel(session, cast.who(cast.xiaofang), gone[0].id, "", NOW)
    assert (pair.state, pair.held, single.state, taken(session)) == ("waiting", 1, "waiting", 2)
    cancel(session, cast.who(cast.xiaofang), gone[1].id, "", NOW)
    assert (pair.state, single.state, taken(session)) == ("offered", "waiting", 2)


@pytest.mark.case("H2")
def test_an_offer_of_the_night_is_answered_in_working_time(session, cast):
    (first,) = full(session, cast)
    entry = waits(session, cast, others(session, cast, 1)[0])
    cancel(session, cast.who(cast.xiaofang), first.id, "", china(11, 24, 23))
    assert entry.answer_by <= WANTED
    assert time(8) <= entry.answer_by.astimezone(CHINA).time() < time(21)


@pytest.mark.case("H3")
def test_after_orders_have_closed_nobody_is_offered_anything(session, cast):
    (first,) = full(session, cast, cutoff_days=1, cutoff_at=time(16))
    entry = waits(session, cast, others(session, cast, 1)[0])
    cancel(session, cast.who(cast.xiaofang), first.id, "", china(11, 24, 16))
    assert (entry.state, taken(session)) == ("waiting", 0)
    assert sweep_waiting(session, china(11, 24, 16, 1)) == 1
    assert entry.state == "lapsed"


@pytest.mark.case("H6")
def test_a_household_stands_in_a_line_once(session, cast):
    full(session, cast)
    people = others(session, cast, 2)
    for person in people:
        person.household = "H7"
    assert waits(session, cast, people[0]).id == waits(session, cast, people[0]).id
    with pytest.raises(Refused, match="on_list"):
        waits(session, cast, people[1])


@pytest.mark.case("H7")
def test_more_places_are_offered_to_the_line_once(session, cast):
    full(session, cast)
    one, two = (waits(session, cast, person) for person in others(session, cast, 2))
    for _ in range(2):
        offer_at(session, cast.who(cast.li), cast.meal.id, cast.centre.id, NOW, capacity=2)
        sweep_waiting(session, NOW)
    assert (one.state, two.state, taken(session)) == ("offered", "waiting", 2)


def test_what_nobody_answers_goes_to_the_next(session, cast):
    (first,) = full(session, cast)
    one, two = (waits(session, cast, person) for person in others(session, cast, 2))
    cancel(session, cast.who(cast.xiaofang), first.id, "", NOW)
    assert sweep_waiting(session, NOW + timedelta(hours=1)) == 0
    sweep_waiting(session, one.answer_by)
    assert (one.state, two.state, taken(session)) == ("lapsed", "offered", 1)


@pytest.mark.case("H8", "B12")
def test_cancelling_ordering_and_answering_at_once_never_takes_more_than_there_is(open_session, cast):
    """Three places, all gone; three give theirs back while three order anew and three stand in line."""
    with open_session() as session, session.begin():
        gone = [one.id for one in full(session, cast, capacity=3)]
        people = [one.id for one in others(session, cast, 6)]
        line = [waits(session, cast, session.get_one(Person, key)).id for key in people[:3]]
    together = Barrier(9)

    def at_once(work):
        together.wait()
        try:
            in_unit(open_session, work)
        except Refused as refusal:
            return refusal.code
        return ""

    def newly(key):
        return lambda session: order(session, cast, client_key=f"new{key}")

    works = [
        *(lambda session, key=key: cancel(session, cast.who(cast.xiaofang), key, "", NOW) for key in gone),
        *(newly(key) for key in people[3:]),
        *(lambda session, key=key: take(session, cast.who(cast.li), key, NOW) for key in line),
    ]
    with ThreadPoolExecutor(len(works)) as pool:
        answers = list(pool.map(at_once, works))
    assert set(answers) <= {"", "full", "wrong_state"} and answers[:3] == [""] * 3
    with open_session() as session:
        kept = session.scalar(select(func.coalesce(func.sum(WaitlistEntry.held), 0)))
        living = session.scalar(select(func.count()).where(Order.state.in_(LIVE_ORDERS)))
        # Whoever stood in line before has what came back; nobody who came new has it.
        assert (taken(session), kept + living) == (3, 3)
        assert answers[3:6] == ["full"] * 3


@pytest.mark.case("H5")
def test_of_two_limits_the_tighter_one_decides_and_what_holds_it_up_is_known(session, cast):
    gone = full(session, cast, capacity=2)
    set_terms(session, cast, quota=1, quota_per="month")
    used, free = others(session, cast, 2)
    used_up = waits(session, cast, used)
    order(session, cast, who=cast.li, beneficiary_id=used.id, client_key="this month", answers={},
          preferred_at=WANTED + timedelta(days=1))  # fmt: skip
    behind = waits(session, cast, free)
    cancel(session, cast.who(cast.xiaofang), gone[0].id, "", NOW)
    # A place is free, the household's share is not: the next in line is asked, and the page can say why not the first.
    assert (used_up.state, used_up.held, behind.state, behind.held) == ("waiting", 0, "offered", 1)
    offer = service(session, used_up, NOW)
    assert (why_not(session, used_up, offer), why_not(session, behind, offer)) == ("quota_used", "")
    set_terms(session, cast, quota=5)
    assert why_not(session, used_up, service(session, used_up, NOW)) == ""
