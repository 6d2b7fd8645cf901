"""Whoever helps with a family call in one village is not at an order's door in another before the road is over."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import select

from models.errors import Refused
from models.family.booking import book
from models.family.slots import free_slots
from models.ordering.listings import Listing
from models.ordering.matching import free_members
from models.ordering.orders import Order
from models.ordering.visiting import name_person
from models.people.mobility import write_homebound
from models.people.persons import Person
from models.people.staff import StaffRole
from models.places.areas import Area
from models.places.cells import occupy
from models.places.centres import Room, Station, Zone
from models.places.equipment import Equipment
from models.places.travel import in_a_hurry, put_travel
from tests.desk import statements
from tests.models.ordering.test_visiting import taken_on
from tests.world import NOW

HALF = timedelta(minutes=30)
NINE = NOW + timedelta(days=1)  # ten o'clock at home, on a half-hour of the centre


@pytest.fixture
def errand(session, cast):
    """李站长 helps with calls at 王奶奶's home and goes to orders too, one of them over the mountain."""
    put_travel(session, cast.village, cast.other_village, 35)
    room = session.scalars(select(Room).join(Zone).where(Zone.centre_id == cast.centre.id)).first()
    session.add_all([
        Station(room_id=room.id, name="平板1号", kind="portable_call"),
        StaffRole(person_id=cast.li.id, role="volunteer", organisation_id=cast.helpers_club.id, since=NOW),
    ])  # fmt: skip
    session.flush()
    write_homebound(session, cast.who(cast.li), cast.wangnainai.id, True, NOW)
    session.get_one(Person, cast.wangnainai.id).area_id = cast.village.id
    order, offer = taken_on(session, cast, listing_id=cast.haircut.id, answers={})
    order.area_id = cast.other_village.id
    session.commit()
    return offer


def called(session, cast, starts_at, key="c1"):
    return book(session, cast.who(cast.xiaofang), cared_id=cast.wangnainai.id, starts_at=starts_at, client_key=key,
                now=NOW)  # fmt: skip


def sent(session, cast, offer, starts_at, **more):
    return name_person(session, cast.who(cast.laoxu), offer.id, cast.li.id, now=NOW, starts_at=starts_at, **more)


@pytest.mark.case("D13")
def test_after_a_call_at_home_the_road_to_an_orders_village_is_reckoned_with(session, cast, errand):
    called(session, cast, NINE)
    for start in (NINE + HALF, NINE + HALF + timedelta(minutes=20), NINE - timedelta(minutes=80)):
        with pytest.raises(Refused) as refused:
            sent(session, cast, errand, start)
        assert (refused.value.code, refused.value.facts) == ("travel", {"minutes": 35, "village": cast.village.name})
    with pytest.raises(Refused, match="slot_taken"):
        sent(session, cast, errand, NINE)
    assert sent(session, cast, errand, NINE + HALF + timedelta(minutes=35)).state == "scheduled"


@pytest.mark.case("D13")
def test_after_an_orders_visit_no_call_is_offered_before_the_road_is_over(session, cast, errand):
    visit = sent(session, cast, errand, NINE)
    people = [session.get_one(Person, one.id) for one in (cast.xiaofang, cast.wangnainai)]
    free = {slot.starts_at for slot in free_slots(session, *people, first_day=NINE.date(), days=1, now=NOW)}
    assert not free & {NINE, NINE + HALF, visit.ends_at, visit.ends_at + HALF}
    assert visit.ends_at + 2 * HALF in free
    with pytest.raises(Refused, match="slot_taken"):
        called(session, cast, visit.ends_at)
    assert called(session, cast, visit.ends_at + 2 * HALF).helper_id == cast.li.id


@pytest.mark.case("D13")
def test_who_cannot_be_there_in_time_is_not_offered_for_it(session, cast, errand):
    listing, order_at = session.get_one(Listing, cast.haircut.id), NINE
    visit = sent(session, cast, errand, order_at + 8 * HALF)

    def offered(but_not=""):
        order = session.get_one(Order, errand.order_id)
        return {one.id for one in free_members(session, cast.helpers_club.id, order, listing, but_not)}

    assert cast.li.id in offered()
    called(session, cast, NINE + 3 * HALF)  # half an hour after it, and thirty-five minutes away
    assert cast.li.id not in offered(visit.subject)
    assert cast.ama.id in offered()


@pytest.mark.case("D13")
def test_a_vehicle_has_to_come_from_the_other_village_too(session, cast, errand):
    van = Equipment(centre_id=cast.centre.id, kind="vehicle", name="面包车")
    session.add(van)
    session.flush()
    occupy(session, [van.resource], NINE, NINE + HALF, "call:77", cast.village.id)
    with pytest.raises(Refused, match="travel"):
        sent(session, cast, errand, NINE + HALF, vehicle_id=van.id)
    assert sent(session, cast, errand, NINE + HALF).vehicle_id is None
    assert sent(session, cast, errand, NINE + 3 * HALF, vehicle_id=van.id).vehicle_id == van.id


@pytest.mark.case("D13")
def test_of_a_call_and_a_visit_too_far_apart_that_are_agreed_at_once_one_stands(open_session, cast, errand):
    start = Barrier(2)

    def want(call):
        try:
            with open_session() as session, session.begin():
                start.wait(20)
                if call:
                    return called(session, cast, NINE).state
                return sent(session, cast, errand, NINE + HALF).state
        except Refused as refusal:
            return refusal.code

    with ThreadPoolExecutor(2) as pool:
        heard = tuple(pool.map(want, (True, False)))
    assert heard in {("booked", "travel"), ("slot_taken", "scheduled")}


def test_the_roads_of_many_are_asked_in_four_questions(session, cast, errand, engine):
    for n in range(20):
        occupy(
            session, [f"person:{1000 + n}"], NINE, NINE + HALF, f"call:{n}", cast.village.id if n % 2 else cast.grid.id
        )
    here = session.get_one(Area, cast.other_village.id)
    session.flush()
    with statements(engine) as asked:
        late = in_a_hurry(session, [f"person:{1000 + n}" for n in range(20)], here, NINE + HALF, NINE + 2 * HALF)
    assert (len(late), len(asked)) == (20, 4)
