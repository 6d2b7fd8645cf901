"""Loans between centres: asked and agreed, lent once, back in time; who is lent sees what the loan covers."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from models.errors import Refused
from models.ordering.dispatch import accept
from models.ordering.lending import (
    approve,
    ask_overdue,
    borrowed_order,
    borrowed_orders,
    cancel,
    give_back,
    hand_over,
    lapse_loans,
    refuse,
    request,
)
from models.ordering.loans import LoanDay, is_overdue
from models.ordering.skills import Skill
from models.ordering.visiting import name_person
from models.people.identities import Identity
from models.people.persons import Person
from models.people.scope import resident_of
from models.places.equipment import Equipment
from models.tasks.tasks import Task
from tests.models.ordering.test_dispatch import WANTED, offer_of, ordered, told
from tests.world import NOW

ENDS = WANTED + timedelta(hours=6)


@pytest.fixture
def nurse(session, cast):
    """A nurse of the other village, with WeChat."""
    return new_nurse(session, cast)


def new_nurse(session, cast):
    person = Person(name="护士小梅", area_id=cast.other_village.id, created_at=NOW)
    session.add(person)
    session.flush()
    identity = Identity(app_id="wx-test-account", openid="o-mei", person_id=person.id, since=NOW)
    session.add_all([identity, Skill(person_id=person.id, skill="care_worker")])
    session.flush()
    cast.identities[person.id] = identity
    return person


def asked(session, cast, kind, key, **more):
    wish = {"to_centre_id": cast.centre.id, "starts_at": NOW, "ends_at": ENDS, "now": NOW, **more}
    return request(session, cast.who(cast.li), kind=kind, resource_id=key, **wish)


def lent(session, cast, kind, key, **more):
    loan = asked(session, cast, kind, key, **more)
    approve(session, cast.who(cast.zhao), loan.id, NOW)
    return hand_over(session, cast.who(cast.zhao), loan.id, NOW)


def test_a_loan_is_asked_for_agreed_handed_over_and_given_back(session, cast, nurse):
    loan = asked(session, cast, "person", nurse.id)
    assert session.scalars(select(Task.area_id).where(Task.kind == "loan_request")).all() == [cast.other_village.id]
    with pytest.raises(Refused, match="not_yours"):
        approve(session, cast.who(cast.li), loan.id, NOW)
    approve(session, cast.who(cast.zhao), loan.id, NOW)
    assert told(session, "ordering.loan_approved") == [cast.li.id]
    hand_over(session, cast.who(cast.zhao), loan.id, NOW)
    give_back(session, cast.who(cast.li), loan.id, NOW)
    give_back(session, cast.who(cast.zhao), loan.id, NOW)
    assert loan.state == "returned"
    assert session.scalars(select(Task.state).where(Task.kind == "loan_request")).all() == ["cancelled"]


def test_a_refusal_says_why_and_a_stranger_asks_for_nothing(session, cast, nurse):
    loan = asked(session, cast, "person", nurse.id)
    with pytest.raises(Refused, match="reason_missing"):
        refuse(session, cast.who(cast.zhao), loan.id, "", NOW)
    refuse(session, cast.who(cast.zhao), loan.id, "那几天义诊", NOW)
    assert told(session, "ordering.loan_refused") == [cast.li.id]
    for stranger in (cast.xiaofang, cast.zhao, cast.laoxu):
        with pytest.raises(Refused, match="not_yours"):
            request(session, cast.who(stranger), kind="person", resource_id=nurse.id, to_centre_id=cast.centre.id,
                    starts_at=NOW, ends_at=ENDS, now=NOW)  # fmt: skip
    session.add(Skill(person_id=cast.li.id, skill="hairdresser"))
    session.flush()
    with pytest.raises(Refused, match="own_already"):
        asked(session, cast, "person", cast.li.id)
    villager = Person(name="周阿公", area_id=cast.other_village.id, created_at=NOW)
    session.add(villager)
    session.flush()
    for nobody in (villager.id, 999):  # who can do nothing that is known is as good as nobody
        with pytest.raises(Refused, match="not_lendable"):
            asked(session, cast, "person", nobody)
    with pytest.raises(Refused, match="not_lendable"):
        asked(session, cast, "equipment", 999)
    with pytest.raises(Refused, match="bad_span"):
        asked(session, cast, "person", nurse.id, ends_at=NOW)


def test_asking_twice_is_asking_once_and_the_lender_has_time_to_answer(session, cast, nurse):
    first, second = (asked(session, cast, "person", nurse.id) for _ in range(2))
    assert first.id == second.id
    task = session.scalars(select(Task).where(Task.kind == "loan_request")).one()
    assert task.due_at == NOW + timedelta(days=1)  # it begins now: not overdue the minute it is asked for
    assert (task.facts["first_day"], task.facts["last_day"]) == ("2026-11-24", "2026-11-25")


def test_what_was_never_fetched_is_over_with_its_days(session, cast, nurse):
    loan = asked(session, cast, "person", nurse.id)
    assert lapse_loans(session, ENDS - timedelta(minutes=1)) == 0
    with pytest.raises(Refused, match="wrong_state"):
        approve(session, cast.who(cast.zhao), loan.id, ENDS)
    assert (lapse_loans(session, ENDS), lapse_loans(session, ENDS)) == (1, 0)
    assert (loan.state, session.scalars(select(Task.state)).all()) == ("cancelled", ["cancelled"])
    assert session.scalars(select(LoanDay)).all() == []


def test_of_two_loans_of_one_thing_for_one_day_the_database_refuses_one(open_session, cast):
    with open_session() as session, session.begin():
        car = Equipment(centre_id=cast.other_centre.id, kind="vehicle", name="浙K·2")
        session.add(car)
        session.flush()
        ends = (ENDS, ENDS + timedelta(hours=1))
        loans = [asked(session, cast, "equipment", car.id, ends_at=one).id for one in ends]

    def agree(key):
        try:
            with open_session() as session, session.begin():
                return approve(session, cast.who(cast.zhao), key, NOW).state
        except Refused as refusal:
            return refusal.code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(agree, loans)) == ["approved", "lent_already"]
    with open_session() as session:
        assert len(session.scalars(select(LoanDay)).all()) == 2  # the 24th and the 25th


def test_what_is_back_early_or_was_never_fetched_may_be_lent_again(session, cast, nurse):
    loan = lent(session, cast, "person", nurse.id, ends_at=NOW + timedelta(days=10))
    other = asked(session, cast, "person", nurse.id, starts_at=NOW + timedelta(days=3), ends_at=NOW + timedelta(days=4))
    with pytest.raises(Refused, match="lent_already"):
        approve(session, cast.who(cast.zhao), other.id, NOW)
    session.refresh(other)
    give_back(session, cast.who(cast.li), loan.id, NOW + timedelta(days=1))
    third = asked(session, cast, "person", nurse.id, starts_at=NOW + timedelta(days=3), ends_at=NOW + timedelta(days=4))
    approve(session, cast.who(cast.zhao), third.id, NOW)
    cancel(session, cast.who(cast.li), third.id, NOW)
    fourth = asked(
        session, cast, "person", nurse.id, starts_at=NOW + timedelta(days=3), ends_at=NOW + timedelta(days=5)
    )
    assert approve(session, cast.who(cast.zhao), fourth.id, NOW).state == "approved"


def test_what_is_not_back_in_time_is_overdue_and_asked_for_once(session, cast, nurse):
    loan = lent(session, cast, "person", nurse.id)
    assert (is_overdue(loan, ENDS - timedelta(seconds=1)), is_overdue(loan, ENDS)) == (False, True)
    assert [ask_overdue(session, ENDS + timedelta(minutes=n)) for n in (-1, 0, 1)] == [0, 1, 0]
    give_back(session, cast.who(cast.li), loan.id, ENDS + timedelta(days=1))
    assert not is_overdue(loan, ENDS + timedelta(days=1))
    assert session.scalars(select(Task.state).where(Task.kind == "loan_overdue")).all() == ["cancelled"]


@pytest.mark.case("L2")
def test_who_is_lent_sees_only_what_the_loan_covers_and_only_while_it_lasts(session, cast, nurse):
    order, other = ordered(session, cast), ordered(session, cast, "k2")
    who = cast.who(nurse)
    assert borrowed_orders(session, who, NOW) == []
    loan = asked(session, cast, "person", nurse.id, order_id=order.id, starts_at=NOW + timedelta(hours=1))
    approve(session, cast.who(cast.zhao), loan.id, NOW)
    during = NOW + timedelta(hours=2)
    assert borrowed_orders(session, who, during) == []  # not handed over
    hand_over(session, cast.who(cast.zhao), loan.id, NOW)
    assert borrowed_orders(session, who, NOW) == []  # not begun
    assert [one.id for one in borrowed_orders(session, who, during)] == [order.id]
    assert borrowed_order(session, who, order.id, during).id == order.id
    for key in (other.id, 999):
        with pytest.raises(Refused, match="not_yours"):
            borrowed_order(session, who, key, during)
    with pytest.raises(Refused, match="not_yours"):
        resident_of(session, nurse.id, cast.wangnainai.id)
    assert borrowed_orders(session, who, ENDS) == []  # over
    give_back(session, cast.who(cast.li), loan.id, during)
    assert borrowed_orders(session, who, during) == []


def test_who_is_lent_to_the_whole_centre_sees_its_orders_within_the_loan(session, cast, nurse):
    order = ordered(session, cast)
    ordered(session, cast, "k2", preferred_at=ENDS)  # after it
    lent(session, cast, "person", nurse.id)
    assert [one.id for one in borrowed_orders(session, cast.who(nurse), NOW)] == [order.id]


@pytest.mark.case("L2", "C9")
def test_who_is_lent_may_be_named_for_a_visit_within_the_loan_and_not_beyond(session, cast, nurse):
    order = ordered(session, cast)
    offer = offer_of(session, order)
    accept(session, cast.who(cast.laoxu), offer.id, NOW)
    laoxu = cast.who(cast.laoxu)
    with pytest.raises(Refused, match="not_member"):
        name_person(session, laoxu, offer.id, nurse.id, now=NOW)
    lent(session, cast, "person", nurse.id)
    with pytest.raises(Refused, match="not_member"):
        name_person(session, laoxu, offer.id, nurse.id, starts_at=ENDS, now=NOW)
    assert name_person(session, laoxu, offer.id, nurse.id, now=NOW).person_id == nurse.id
