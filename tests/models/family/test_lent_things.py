"""Screens and vehicles that another centre has: not the owner's to book with, the borrower's on those days."""

from concurrent.futures import ThreadPoolExecutor
from datetime import time, timedelta
from threading import Barrier

import pytest
from sqlalchemy import select

from models.errors import Refused
from models.family.calls import FamilyCall
from models.family.ending import cancel, undo
from models.hours import CHINA, instant
from models.ordering.borrowing import things_of
from models.ordering.dispatch import accept
from models.ordering.lending import approve, give_back, hand_over, refuse, request
from models.ordering.lending import cancel as let_be
from models.ordering.visiting import name_person
from models.places.centres import Room, Station, Zone
from models.places.equipment import Equipment
from models.places.lent import LoanDay
from tests.desk import statements
from tests.models.family.test_calls import SUNDAY_16, booked
from tests.models.family.test_homes import car, for_grandpa
from tests.models.family.test_slots import slots
from tests.models.ordering.test_dispatch import WANTED, offer_of, ordered
from tests.world import NOW

HALF, DAY = timedelta(minutes=30), timedelta(days=1)
SUNDAY = SUNDAY_16.date()


def midnight(day):
    return instant(day, time(0), CHINA)


def asked(session, cast, kind, key, first=SUNDAY, last=SUNDAY, *, back=False, **more):
    """Another centre asks for something of Geshan for whole days; with `back` Geshan asks it."""
    who, to = (cast.li, cast.centre) if back else (cast.zhao, cast.other_centre)
    return request(session, cast.who(who), kind=kind, resource_id=key, to_centre_id=to.id, starts_at=midnight(first),
                   ends_at=midnight(last + DAY), now=NOW, **more)  # fmt: skip


def lent(session, cast, kind, key, *days, back=False, **more):
    loan = asked(session, cast, kind, key, *days, back=back, **more)
    return approve(session, cast.who(cast.zhao if back else cast.li), loan.id, NOW)


def theirs(session, cast, name="平板9号", **more):
    """A portable screen of the other centre."""
    room = session.scalars(select(Room).join(Zone).where(Zone.centre_id == cast.other_centre.id)).first()
    made = Station(room_id=room.id, name=name, kind="portable_call", **more)
    session.add(made)
    session.flush()
    return made


def test_a_screen_that_is_lent_is_not_the_owners_on_those_days(session, cast, hills):
    lent(session, cast, "station", hills.tablet.id)
    assert slots(session, cast, SUNDAY) == []
    with pytest.raises(Refused, match="slot_taken"):
        booked(session, cast, SUNDAY_16 - HALF)
    assert slots(session, cast, SUNDAY + DAY) and slots(session, cast, SUNDAY - DAY)
    assert booked(session, cast, SUNDAY_16 - HALF - DAY).station_id == hills.tablet.id


def test_who_has_borrowed_it_holds_calls_with_it_on_those_days_alone(session, cast, hills):
    screen = theirs(session, cast)
    session.delete(session.get_one(Station, hills.tablet.id))
    session.flush()
    with pytest.raises(Refused, match="no_station"):
        slots(session, cast)
    loan = lent(session, cast, "station", screen.id, SUNDAY, SUNDAY + DAY, back=True)
    open_days = {slot.starts_at.astimezone(CHINA).date() for slot in slots(session, cast, SUNDAY - DAY, 5)}
    assert open_days == {SUNDAY, SUNDAY + DAY}
    call = booked(session, cast, SUNDAY_16 - HALF)
    assert call.station_id == screen.id
    # What still needs it keeps it here: neither side writes down that it is back before the family has another time.
    hand_over(session, cast.who(cast.zhao), loan.id, NOW)
    with pytest.raises(Refused, match="lent_needed") as refused:
        give_back(session, cast.who(cast.li), loan.id, NOW)
    assert refused.value.facts["dates"] == "11-29 15:30"
    cancel(session, cast.who(cast.xiaofang), call.id, "", NOW)
    give_back(session, cast.who(cast.li), loan.id, NOW)
    with pytest.raises(Refused, match="no_station"):
        slots(session, cast)
    with pytest.raises(Refused, match="slot_taken"):
        undo(session, cast.who(cast.xiaofang), call.id, NOW)  # it is away


def test_what_comes_back_early_is_nobodys_on_that_very_day(session, cast, hills):
    loan = lent(session, cast, "station", hills.tablet.id, NOW.astimezone(CHINA).date(), SUNDAY)
    hand_over(session, cast.who(cast.li), loan.id, NOW)
    give_back(session, cast.who(cast.zhao), loan.id, NOW)
    assert [(row.day, row.to_centre_id) for row in session.scalars(select(LoanDay))] == [(NOW.date(), None)]
    assert slots(session, cast, NOW.date(), 1) == []
    assert slots(session, cast, NOW.date() + DAY) and slots(session, cast, SUNDAY)


def test_a_screen_that_is_needed_is_not_lent_and_the_lender_reads_when(session, cast, hills):
    call = booked(session, cast, SUNDAY_16 - HALF)
    for_grandpa(session, hills, SUNDAY_16 - 6 * HALF)
    loan = asked(session, cast, "station", hills.tablet.id, SUNDAY, SUNDAY + DAY)
    with pytest.raises(Refused, match="lent_needed") as refused:
        approve(session, cast.who(cast.li), loan.id, NOW)
    assert refused.value.facts == {"dates": "11-29 13:00、11-29 15:30", "many": 2}
    assert loan.state == "requested"  # nothing has happened to it
    later = asked(session, cast, "station", hills.tablet.id, SUNDAY + DAY, SUNDAY + DAY)
    assert approve(session, cast.who(cast.li), later.id, NOW).state == "approved"
    assert call.state == "booked"


def test_a_cancelled_call_does_not_come_back_to_a_screen_that_has_been_lent_meanwhile(session, cast, hills):
    call = booked(session, cast, SUNDAY_16 - HALF)
    cancel(session, cast.who(cast.xiaofang), call.id, "", NOW)
    loan = lent(session, cast, "station", hills.tablet.id)
    with pytest.raises(Refused, match="slot_taken"):
        undo(session, cast.who(cast.xiaofang), call.id, NOW)
    assert call.state == "cancelled"
    let_be(session, cast.who(cast.zhao), loan.id, NOW)
    assert undo(session, cast.who(cast.xiaofang), call.id, NOW).state == "booked"


def test_only_what_goes_to_homes_is_lent_and_nobody_lends_it_to_themselves(session, cast, hills):
    assert [one.name for one in things_of(session, cast.centre) if one.kind == "station"] == ["平板1号"]
    for key in (cast.stations[0].id, 999):
        with pytest.raises(Refused, match="not_lendable"):
            asked(session, cast, "station", key)
    with pytest.raises(Refused, match="own_already"):
        asked(session, cast, "station", hills.tablet.id, back=True)
    loan = asked(session, cast, "station", hills.tablet.id)
    assert asked(session, cast, "station", hills.tablet.id).id == loan.id
    refuse(session, cast.who(cast.li), loan.id, "自己要用", NOW)
    assert slots(session, cast)


@pytest.mark.case("D14")
def test_of_two_centres_that_want_one_screen_on_one_day_one_gets_it(session, cast, hills):
    lent(session, cast, "station", hills.tablet.id)
    again = request(
        session, cast.who(cast.zhao), kind="station", resource_id=hills.tablet.id, to_centre_id=cast.other_centre.id,
        starts_at=midnight(SUNDAY - DAY), ends_at=midnight(SUNDAY + DAY), now=NOW,
    )  # fmt: skip
    with pytest.raises(Refused, match="lent_already"):
        approve(session, cast.who(cast.li), again.id, NOW)


def test_a_vehicle_that_is_lent_goes_to_no_home_of_its_owner_and_a_borrowed_one_does(session, cast, hills):
    mine = car(session, cast)
    lent(session, cast, "equipment", mine.id)
    assert slots(session, cast, SUNDAY) == [] and slots(session, cast, SUNDAY + DAY)
    with pytest.raises(Refused, match="slot_taken"):
        booked(session, cast, SUNDAY_16 - HALF)
    van = Equipment(centre_id=cast.other_centre.id, kind="vehicle", name="面包车")
    session.add(van)
    session.flush()
    lent(session, cast, "equipment", van.id, back=True)
    call = booked(session, cast, SUNDAY_16 - HALF)
    assert call.vehicle_id == van.id
    assert booked(session, cast, SUNDAY_16 - HALF + DAY, "k2").vehicle_id == mine.id


def test_a_vehicle_that_is_lent_is_named_for_no_visit_of_its_owner(session, cast, hills):
    mine, order = car(session, cast), ordered(session, cast)
    offer = offer_of(session, order)
    accept(session, cast.who(cast.laoxu), offer.id, NOW)
    day = WANTED.astimezone(CHINA).date()
    loan = lent(session, cast, "equipment", mine.id, day, day)
    with pytest.raises(Refused, match="not_here"):
        name_person(session, cast.who(cast.laoxu), offer.id, cast.ama.id, now=NOW, vehicle_id=mine.id)
    let_be(session, cast.who(cast.li), loan.id, NOW)
    visit = name_person(session, cast.who(cast.laoxu), offer.id, cast.ama.id, now=NOW, vehicle_id=mine.id)
    assert visit.vehicle_id == mine.id
    with pytest.raises(Refused, match="lent_needed"):
        lent(session, cast, "equipment", mine.id, day, day)


def test_what_is_lent_for_one_order_goes_to_no_family_call(session, cast, hills):
    order, other = ordered(session, cast), ordered(session, cast, "k2", preferred_at=WANTED + 4 * HALF)
    van = Equipment(centre_id=cast.other_centre.id, kind="vehicle", name="面包车")
    session.add(van)
    session.flush()
    day = WANTED.astimezone(CHINA).date()
    lent(session, cast, "equipment", van.id, day, day, back=True, order_id=order.id)
    assert session.scalars(select(LoanDay.to_centre_id)).all() == [None]
    offers = [offer_of(session, one) for one in (order, other)]
    for offer in offers:
        accept(session, cast.who(cast.laoxu), offer.id, NOW)
    with pytest.raises(Refused, match="not_here"):
        name_person(session, cast.who(cast.laoxu), offers[1].id, cast.ama.id, now=NOW, vehicle_id=van.id)
    assert name_person(session, cast.who(cast.laoxu), offers[0].id, cast.ama.id, now=NOW, vehicle_id=van.id)


@pytest.mark.parametrize("kind", ["station", "equipment"])
def test_of_lending_and_booking_at_the_same_moment_one_comes_first(open_session, cast, hills, kind):
    with open_session() as session, session.begin():
        key = hills.tablet.id if kind == "station" else car(session, cast).id
        loan = asked(session, cast, kind, key).id
    start = Barrier(2)

    def want(booking):
        try:
            with open_session() as session, session.begin():
                start.wait(20)
                if booking:
                    return booked(session, cast, SUNDAY_16 - HALF).state
                return approve(session, cast.who(cast.li), loan, NOW).state
        except Refused as refusal:
            return refusal.code

    with ThreadPoolExecutor(2) as pool:
        heard = tuple(pool.map(want, (True, False)))
    assert heard in {("booked", "lent_needed"), ("slot_taken", "approved")}
    with open_session() as session:
        days, calls = session.scalars(select(LoanDay)).all(), session.scalars(select(FamilyCall)).all()
        assert len(days) + len(calls) == 1


def test_the_search_for_times_asks_no_more_however_much_is_lent(session, cast, hills, engine):
    counts = list[int]()
    for n in range(6):
        one = theirs(session, cast, f"借来{n}号")
        lent(session, cast, "station", one.id, SUNDAY + n * DAY, SUNDAY + n * DAY, back=True)
        session.expire_all()
        with statements(engine) as asked_of:
            assert slots(session, cast, SUNDAY, 10)
        counts.append(len(asked_of))
    assert counts[-1] <= counts[0] and counts[0] < 25
