"""Who is lent and goes home early, a loan for an order that is over: nobody waits for them, and both sides hear it."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from handlers.ordering.letter_words import letter
from handlers.tasks.words import sentence
from models.errors import Refused
from models.hours import CHINA
from models.messages.letters import Letter
from models.ordering.directing import recall
from models.ordering.dispatch import accept, complete
from models.ordering.ending import undo
from models.ordering.lending import approve, give_back, hand_over, lapse_loans
from models.ordering.lending import cancel as cancel_loan
from models.ordering.loans import LoanDay
from models.ordering.offers import make_offer
from models.ordering.placing import cancel
from models.ordering.rechecking import recheck
from models.ordering.review import decide, submit
from models.ordering.skills import take_time_off
from models.ordering.versions import drop
from models.ordering.visiting import name_person
from models.people.persons import Person
from models.people.staff import Organisation, StaffRole
from models.tasks import undelivered
from models.tasks.desk import finish as done
from models.tasks.tasks import TASK, Task
from tests.models.family.in_turn import one_waits
from tests.models.ordering.test_catalogue import new_listing
from tests.models.ordering.test_dispatch import offer_of, ordered
from tests.models.ordering.test_lending import ENDS, asked, lent, new_nurse, nurse  # noqa: F401
from tests.world import NOW

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def opened(session, kind):
    return list(session.scalars(select(Task.facts).where(Task.kind == kind, Task.state.not_in(TASK.ends))))


def planned(session, kind):
    return sorted(session.scalars(select(Letter.person_id).where(Letter.kind == kind, Letter.state == "planned")))


def taken_on(session, cast):
    order = ordered(session, cast)
    offer = offer_of(session, order)
    accept(session, cast.who(cast.laoxu), offer.id, NOW)
    return order, offer


@pytest.mark.parametrize("how", ["given_back", "cancelled", "other_order"])
def test_who_is_lent_and_goes_home_is_to_be_replaced(session, cast, nurse, how):  # noqa: F811
    _, offer = taken_on(session, cast)
    if how == "given_back":
        loan = lent(session, cast, "person", nurse.id)
    else:
        loan = asked(session, cast, "person", nurse.id)
        approve(session, cast.who(cast.zhao), loan.id, NOW)
    name_person(session, cast.who(cast.laoxu), offer.id, nurse.id, now=NOW)
    assert recheck(session, NOW) == 0
    if how == "given_back":
        give_back(session, cast.who(cast.zhao), loan.id, NOW + HOUR)
    elif how == "cancelled":
        cancel_loan(session, cast.who(cast.zhao), loan.id, NOW + HOUR)
    else:
        loan.order_id = ordered(session, cast, "k2").id
        session.flush()
    assert [recheck(session, NOW + HOUR + n * MINUTE) for n in (0, 1)] == [1, 0]
    assert [facts["why"] for facts in opened(session, "visit_recheck")] == ["not_member"]


def test_who_has_left_the_organisation_is_to_be_replaced(session, cast):
    _, offer = taken_on(session, cast)
    name_person(session, cast.who(cast.laoxu), offer.id, cast.ama.id, now=NOW)
    session.execute(update(StaffRole).where(StaffRole.person_id == cast.ama.id).values(ended_at=NOW + HOUR))
    session.expire_all()
    assert recheck(session, NOW + HOUR) == 1


@pytest.mark.parametrize("is_named", [True, False])
def test_an_organisation_that_was_lent_and_went_home_goes_nowhere(session, cast, is_named):
    session.execute(update(Organisation).values(area_id=cast.other_village.id))
    session.expire_all()
    loan = asked(session, cast, "organisation", cast.helpers_club.id)
    approve(session, cast.who(cast.zhao), loan.id, NOW)
    order, offer = taken_on(session, cast)
    if is_named:
        name_person(session, cast.who(cast.laoxu), offer.id, cast.ama.id, now=NOW)
    assert recheck(session, NOW) == 0
    cancel_loan(session, cast.who(cast.zhao), loan.id, NOW + HOUR)
    assert [recheck(session, NOW + HOUR + n * MINUTE) for n in (0, 1)] == [1, 0]
    assert [facts["why"] for facts in opened(session, "visit_recheck")] == ["not_lent"]
    recall(session, cast.who(cast.li), order.id, order.revision, "", NOW + 2 * HOUR)
    assert opened(session, "visit_recheck") == []


def asks(session):
    """What the organisation is still to read of a visit that cannot take place as agreed, and how many are to."""
    query = select(Letter).where(Letter.kind == "ordering.visit_recheck", Letter.state == "planned")
    said = [letter(one.kind, one.facts, CHINA).text for one in session.scalars(query)]
    return [word for word in ("请换一个人", "请先别派人") if any(word in text for text in said)], len(said)


def test_two_reasons_why_somebody_cannot_go_are_one_request_and_a_new_one_after_it_was_done_another(session, cast):
    order, offer = taken_on(session, cast)
    name_person(session, cast.who(cast.laoxu), offer.id, cast.ama.id, now=NOW)
    take_time_off(session, cast.ama.id, order.preferred_at, order.preferred_at + HOUR)
    assert recheck(session, NOW) == 1
    first = session.scalars(select(Task).where(Task.kind == "visit_recheck")).one()
    once = asks(session)
    session.execute(update(StaffRole).where(StaffRole.person_id == cast.ama.id).values(ended_at=NOW))
    session.expire_all()
    assert (recheck(session, NOW + MINUTE), asks(session)) == (0, once)
    done(session, cast.who(cast.li), first.id, NOW + HOUR)
    assert recheck(session, NOW + HOUR) == 0  # they have seen to it, for whichever reason
    session.execute(update(Person).where(Person.id == cast.ama.id).values(state="moved"))
    session.expire_all()
    assert [recheck(session, NOW + HOUR + n * MINUTE) for n in (0, 1)] == [1, 0]
    assert [facts["why"] for facts in opened(session, "visit_recheck")] == ["inactive"]


def test_where_the_organisation_has_gone_home_another_one_is_asked_for_and_no_other_person(session, cast):
    session.execute(update(Organisation).values(area_id=cast.other_village.id))
    session.expire_all()
    loan = asked(session, cast, "organisation", cast.helpers_club.id)
    approve(session, cast.who(cast.zhao), loan.id, NOW)
    order, offer = taken_on(session, cast)
    name_person(session, cast.who(cast.laoxu), offer.id, cast.ama.id, now=NOW)
    take_time_off(session, cast.ama.id, order.preferred_at, order.preferred_at + HOUR)
    recheck(session, NOW)
    assert asks(session)[0] == ["请换一个人"]
    cancel_loan(session, cast.who(cast.zhao), loan.id, NOW)
    assert [recheck(session, NOW + n * MINUTE) for n in (1, 2)] == [1, 0]
    assert asks(session)[0] == ["请先别派人"]
    assert [facts["why"] for facts in opened(session, "visit_recheck")] == ["not_lent"]
    assert "请另派组织" in sentence("visit_recheck", opened(session, "visit_recheck")[0], None, CHINA, "")
    again = asked(session, cast, "organisation", cast.helpers_club.id)
    approve(session, cast.who(cast.zhao), again.id, NOW)
    assert [recheck(session, NOW + n * MINUTE) for n in (3, 4)] == [1, 0]
    assert asks(session)[0] == ["请换一个人"]
    assert [facts["why"] for facts in opened(session, "visit_recheck")] == ["time_off"]


@pytest.mark.parametrize("step", ["ask", "agree", "hand_over"])
def test_nothing_is_lent_for_an_order_that_is_over_until_its_cancellation_is_taken_back(session, cast, nurse, step):  # noqa: F811
    order = ordered(session, cast)
    loan = None if step == "ask" else asked(session, cast, "person", nurse.id, order_id=order.id)
    if step == "hand_over":
        approve(session, cast.who(cast.zhao), loan.id, NOW)
    cancel(session, cast.who(cast.xiaofang), order.id, "点错了", NOW)

    def goes_on():
        if loan is None:
            return asked(session, cast, "person", nurse.id, order_id=order.id).state
        return {"agree": approve, "hand_over": hand_over}[step](session, cast.who(cast.zhao), loan.id, NOW).state

    with pytest.raises(Refused, match="wrong_state"):
        goes_on()
    undo(session, cast.who(cast.xiaofang), order.id, NOW + MINUTE)
    assert goes_on() == {"ask": "requested", "agree": "approved", "hand_over": "handed_over"}[step]


def test_what_is_agreed_while_its_order_ends_is_not(open_session, engine, cast):
    with open_session() as session, session.begin():
        order, offer = taken_on(session, cast)
        nurse = new_nurse(session, cast)
        key, offer_key = asked(session, cast, "person", nurse.id, order_id=order.id).id, offer.id

    def agree(session):
        return approve(session, cast.who(cast.zhao), key, NOW).state

    with one_waits(open_session, engine, agree) as (first, answer):
        complete(first, cast.who(cast.laoxu), offer_key, NOW)
    assert answer() == "wrong_state"


def test_the_same_person_is_asked_for_two_orders_and_lent_for_the_one_that_is_agreed(session, cast, nurse):  # noqa: F811
    orders = [ordered(session, cast, key).id for key in ("k1", "k2")]
    one, other = (asked(session, cast, "person", nurse.id, order_id=key) for key in orders)
    assert (one.order_id, other.order_id) == tuple(orders)
    approve(session, cast.who(cast.zhao), one.id, NOW)
    with pytest.raises(Refused, match="lent_already"):
        approve(session, cast.who(cast.zhao), other.id, NOW)


@pytest.mark.parametrize("is_agreed", [False, True])
@pytest.mark.parametrize("how", ["cancelled", "completed"])
def test_a_loan_for_one_order_is_off_with_it_and_both_sides_hear_that(session, cast, nurse, is_agreed, how):  # noqa: F811
    order, offer = taken_on(session, cast)
    loan = asked(session, cast, "person", nurse.id, order_id=order.id)
    other = asked(session, cast, "person", nurse.id, starts_at=NOW + HOUR)
    if is_agreed:
        approve(session, cast.who(cast.zhao), loan.id, NOW)
    if how == "cancelled":
        cancel(session, cast.who(cast.xiaofang), order.id, "", NOW)
        assert [lapse_loans(session, NOW + n * MINUTE) for n in (9, 11)] == [0, 1]
    else:
        complete(session, cast.who(cast.laoxu), offer.id, NOW)
    session.expire_all()
    assert (loan.state, other.state, session.scalars(select(LoanDay)).all()) == ("cancelled", "requested", [])
    assert len(opened(session, "loan_request")) == 1
    assert planned(session, "ordering.loan_cancelled") == sorted([cast.li.id, cast.zhao.id])
    assert planned(session, "ordering.loan_approved") == []


def test_a_cancellation_taken_back_finds_who_was_lent_for_it(session, cast):
    session.execute(update(Organisation).values(area_id=cast.other_village.id))
    session.expire_all()
    order = ordered(session, cast)
    loan = asked(session, cast, "organisation", cast.helpers_club.id, order_id=order.id)
    approve(session, cast.who(cast.zhao), loan.id, NOW)
    accept(session, cast.who(cast.laoxu), make_offer(session, order, cast.helpers_club.id, NOW).id, NOW)
    cancel(session, cast.who(cast.xiaofang), order.id, "点错了", NOW + MINUTE)
    undo(session, cast.who(cast.xiaofang), order.id, NOW + 2 * MINUTE)
    assert offer_of(session, order).organisation_id == cast.helpers_club.id
    lapse_loans(session, NOW + HOUR)
    assert loan.state == "approved"


def test_what_has_changed_hands_for_an_order_that_is_over_is_given_back_as_always(session, cast, nurse):  # noqa: F811
    order, _ = taken_on(session, cast)
    loan = asked(session, cast, "person", nurse.id, order_id=order.id)
    approve(session, cast.who(cast.zhao), loan.id, NOW)
    hand_over(session, cast.who(cast.zhao), loan.id, NOW)
    cancel(session, cast.who(cast.xiaofang), order.id, "", NOW)
    assert loan.state == "handed_over"


@pytest.mark.parametrize("reached", [True, False])
def test_that_it_is_agreed_is_not_said_after_it_was_cancelled(session, cast, nurse, reached):  # noqa: F811
    loan = asked(session, cast, "person", nurse.id)
    approve(session, cast.who(cast.zhao), loan.id, NOW)
    if not reached:
        agreed = session.scalars(select(Letter).where(Letter.kind == "ordering.loan_approved")).one()
        agreed.state = "dead"
        session.flush()
    task = None if reached else undelivered.hand_over(session, agreed, NOW)
    cancel_loan(session, cast.who(cast.zhao), loan.id, NOW)
    assert planned(session, "ordering.loan_cancelled") == [cast.li.id]
    assert planned(session, "ordering.loan_approved") == []
    assert task is None or task.state == "cancelled"


def test_who_asked_in_vain_and_whose_it_is_that_came_back_hear_that(session, cast, nurse):  # noqa: F811
    asked(session, cast, "person", nurse.id)
    lapse_loans(session, ENDS)
    assert planned(session, "ordering.loan_lapsed") == [cast.li.id]
    loan = lent(session, cast, "person", nurse.id)
    give_back(session, cast.who(cast.li), loan.id, NOW + HOUR)
    assert planned(session, "ordering.loan_returned") == [cast.zhao.id]
    for kind, word in (("lapsed", "没有办成"), ("returned", "已归还")):
        said = session.scalars(select(Letter).where(Letter.kind == f"ordering.loan_{kind}")).first()
        assert word in letter(said.kind, said.facts, CHINA).text


def test_a_version_given_to_review_again_is_not_said_to_be_returned_and_one_given_up_waits_for_nobody(session, cast):
    version = new_listing(session, cast)
    submit(session, cast.who(cast.li), version.id, NOW)
    decide(session, cast.who(cast.chen), version.id, "return", "价格没写", NOW)
    submit(session, cast.who(cast.li), version.id, NOW)
    assert planned(session, "catalogue.returned") == []
    drop(session, cast.who(cast.li), version.id, NOW)
    assert (opened(session, "review_listing"), planned(session, "catalogue.review_due")) == ([], [])
