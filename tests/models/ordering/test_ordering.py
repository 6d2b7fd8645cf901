"""Orders: placed once, for whom one may, offered in turn, accepted by one, cancelled kindly."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import func, select

from models.errors import Refused
from models.hours import CHINA
from models.messages.letters import Letter
from models.ordering.assignments import Assignment, jobs_of
from models.ordering.dispatch import accept, decline
from models.ordering.listings import Listing, published
from models.ordering.numbers import heard, number_for, spoken
from models.ordering.orders import Order, find_by_number, order_for, orders_of
from models.ordering.placing import cancel, place
from models.ordering.questions import check_answer
from models.people.care import CareLink
from models.people.contacts import ContactStep
from models.people.identities import Identity, Who
from models.people.persons import Person
from models.people.staff import StaffRole
from models.tasks.tasks import Task
from tests.world import NOW

WANTED = NOW + timedelta(days=1)


def order(session, cast, who=None, **changes):
    wish = {
        "listing_id": cast.meal.id,
        "beneficiary_id": cast.wangnainai.id,
        "answers": {"portions": 2, "diet": "软烂"},
        "preferred_at": WANTED,
        "note": "",
        "client_key": "k1",
        "now": NOW,
        **changes,
    }
    return place(session, cast.who(who or cast.xiaofang), **wish)


def offer_of(session, placed):
    return session.scalars(
        select(Assignment).where(Assignment.order_id == placed.id, Assignment.state == "offered")
    ).one()


def test_an_order_is_placed_offered_and_told_to_the_cadre(session, cast):
    placed = order(session, cast)
    assert placed.state == "open"
    kinds = sorted((letter.kind, letter.person_id) for letter in session.scalars(select(Letter)))
    assert kinds == sorted(
        [("ordering.offered", cast.laoxu.id), ("ordering.offered", cast.ama.id), ("tasks.assigned", cast.li.id)]
    )


@pytest.mark.case("B1")
def test_a_double_tap_is_one_order_even_at_the_same_moment(open_session, cast):
    def tap(_):
        with open_session() as session, session.begin():
            return order(session, cast).number

    with ThreadPoolExecutor(8) as pool:
        numbers = set(pool.map(tap, range(8)))
    with open_session() as session:
        assert session.scalar(select(func.count()).select_from(Order)) == 1
    assert len(numbers) == 1


def test_a_strangers_key_answers_nothing(session, cast):
    order(session, cast)
    with pytest.raises(Refused, match="not_yours"):
        order(session, cast, cast.li)


@pytest.mark.case("L1")
def test_a_cousin_without_a_link_and_a_foreign_cadre_order_nothing_and_see_nothing(session, cast):
    placed = order(session, cast)
    for stranger in (cast.aming, cast.zhao):
        with pytest.raises(Refused, match="no_link"):
            order(session, cast, stranger, client_key="k2")
        with pytest.raises(Refused, match="not_yours"):
            order_for(session, cast.who(stranger), placed.id)
        with pytest.raises(Refused, match="not_yours"):
            find_by_number(session, cast.who(stranger), placed.number)
        assert orders_of(session, cast.who(stranger)) == []


@pytest.mark.case("B4")
def test_the_cadres_own_data_never_become_the_residents(session, cast):
    before = (cast.wangnainai.name, cast.wangnainai.phone)
    placed = order(session, cast, cast.li)
    person = session.get_one(Person, cast.wangnainai.id)
    assert (person.name, person.phone) == before
    assert (placed.requested_by_id, placed.beneficiary_id) == (cast.li.id, cast.wangnainai.id)


@pytest.mark.case("B5")
def test_somebody_nobody_can_tell_first_gets_a_contact_plan(session, cast):
    for step in session.scalars(select(ContactStep)).all():
        session.delete(step)
    with pytest.raises(Refused, match="no_contact"):
        order(session, cast, cast.li)


@pytest.mark.case("B6")
def test_somebody_without_wechat_is_never_written_to_but_told_by_the_cadre(session, cast):
    order(session, cast)
    assert session.scalars(select(Letter).where(Letter.person_id == cast.wangnainai.id)).all() == []
    assert session.scalars(select(Task.person_id).where(Task.kind == "order_new")).one() == cast.wangnainai.id


@pytest.mark.case("B15")
@pytest.mark.parametrize("note", ["", "少放盐🙂", "<script>alert(1)</script>", "字" * 200])
def test_a_note_may_be_anything_short(session, cast, note):
    assert order(session, cast, note=note).note == note


@pytest.mark.case("B15")
def test_a_note_of_2000_characters_is_refused_with_the_limit(session, cast):
    with pytest.raises(Refused) as refusal:
        order(session, cast, note="字" * 2000)
    assert (refusal.value.code, refusal.value.facts["limit"]) == ("note_long", 200)


@pytest.mark.case("B16")
def test_a_slip_in_the_number_never_leads_to_another_order(session, cast):
    placed = order(session, cast)
    number = placed.number
    assert find_by_number(session, cast.who(cast.xiaofang), spoken(number)).id == placed.id
    for spot in range(len(number)):
        for digit in "0123456789":
            slip = number[:spot] + digit + number[spot + 1 :]
            if slip != number:
                with pytest.raises(Refused, match="number_mistyped"):
                    heard(slip)
    for spot in range(len(number) - 1):
        swapped = number[:spot] + number[spot + 1] + number[spot] + number[spot + 2 :]
        if swapped != number:
            with pytest.raises(Refused, match="number_mistyped"):
                heard(swapped)


def test_numbers_do_not_repeat_and_neighbours_lie_apart():
    numbers = [number_for(key) for key in range(1, 20_000)]
    assert len(set(numbers)) == len(numbers)
    assert all(abs(int(a) - int(b)) > 1000 for a, b in itertools.pairwise(numbers))


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ({}, "answer_needed"),
        ({"portions": 2}, "answer_needed"),
        ({"portions": "很多", "diet": "软烂"}, "answer_number"),
        ({"portions": 2, "diet": "麻辣"}, "answer_value"),
    ],
)
def test_an_order_without_the_answers_its_listing_needs_is_refused(session, cast, answers, code):
    with pytest.raises(Refused, match=code):
        order(session, cast, answers=answers)
    assert session.scalars(select(Order)).all() == []


def test_only_what_a_listing_asks_is_kept(session, cast):
    answers = {"portions": 2, "diet": "软烂", "id_number": "33112719400101"}
    assert order(session, cast, answers=answers).answers == {"portions": 2, "diet": "软烂"}


@pytest.mark.case("A4")
def test_a_listing_ends_at_the_centres_own_midnight(session, cast):
    session.get_one(Listing, cast.meal.id).valid_to = date(2026, 11, 24)
    last = datetime(2026, 11, 24, 23, 59, tzinfo=CHINA)
    assert cast.meal.id in {row.id for row in published(session, cast.centre, last)}
    assert cast.meal.id not in {row.id for row in published(session, cast.centre, last + timedelta(minutes=1))}


def test_only_the_list_of_the_beneficiarys_own_centre_can_be_ordered(session, cast):
    session.get_one(Listing, cast.meal.id).centre_id = cast.other_centre.id
    with pytest.raises(Refused, match="not_offered"):
        order(session, cast)


@pytest.mark.parametrize(
    ("shift", "code"), [(timedelta(0), "bad_time"), (timedelta(days=-1), "bad_time"), (timedelta(days=61), "too_far")]
)
def test_a_time_in_the_past_or_too_far_is_refused(session, cast, shift, code):
    with pytest.raises(Refused, match=code):
        order(session, cast, preferred_at=NOW + shift)


@pytest.mark.case("B12")
def test_of_50_who_accept_at_once_one_wins_and_49_are_told_kindly(open_session, cast):
    with open_session() as session, session.begin():
        offer = offer_of(session, order(session, cast)).id
        members = [Person(name=f"队员{n}", created_at=NOW) for n in range(50)]
        session.add_all(members)
        session.flush()
        for member in members:
            session.add(
                StaffRole(
                    person_id=member.id, role="organisation_member", organisation_id=cast.helpers_club.id, since=NOW
                )
            )

    def take(n):
        who = Who(members[n].id, 0, members[n].name, "Asia/Shanghai", "", "")
        try:
            with open_session() as session, session.begin():
                accept(session, who, offer, NOW)
            return "won"
        except Refused as refusal:
            return refusal.code

    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(take, range(50)))
    assert (results.count("won"), results.count("already_taken")) == (1, 49)
    with open_session() as session:
        live = select(func.count()).select_from(Assignment).where(Assignment.state == "accepted")
        assert session.scalar(live) == 1
        assert session.scalars(select(Order.state)).one() == "accepted"


def told(session, kind):
    return {letter.person_id for letter in session.scalars(select(Letter).where(Letter.kind == kind))}


@pytest.mark.case("B6")
def test_an_accept_is_told_to_the_daughter_and_by_the_cadre_to_her_who_has_no_phone(session, cast):
    placed = order(session, cast)
    accept(session, cast.who(cast.laoxu), offer_of(session, placed).id, NOW)
    assert told(session, "ordering.accepted") == {cast.xiaofang.id}
    task = session.scalars(select(Task).where(Task.kind == "tell_in_person")).one()
    assert (task.person_id, task.state) == (cast.wangnainai.id, "open")
    assert task.facts["letter_kind"] == "ordering.accepted"
    assert task.facts["letter_facts"]["organisation"] == "老徐好帮手"
    assert task.due_at <= WANTED


def test_where_wechat_reaches_the_beneficiary_the_cadre_is_only_told(session, cast):
    session.add(Identity(app_id="wx-test-account", openid="o-wang", person_id=cast.wangnainai.id, since=NOW))
    placed = order(session, cast)
    accept(session, cast.who(cast.laoxu), offer_of(session, placed).id, NOW)
    assert told(session, "ordering.accepted") == {cast.xiaofang.id, cast.wangnainai.id, cast.li.id}
    assert session.scalars(select(Task).where(Task.kind == "tell_in_person")).all() == []


@pytest.mark.case("B6")
def test_who_has_no_phone_is_told_in_person_that_her_daughter_cancelled_and_nothing_older(session, cast):
    placed = order(session, cast)
    accept(session, cast.who(cast.laoxu), offer_of(session, placed).id, NOW)
    cancel(session, cast.who(cast.xiaofang), placed.id, "不需要了", NOW)
    tasks = session.scalars(select(Task).where(Task.kind == "tell_in_person").order_by(Task.id)).all()
    assert [(task.state, task.facts["letter_kind"]) for task in tasks] == [
        ("cancelled", "ordering.accepted"),
        ("open", "ordering.cancelled"),
    ]
    assert told(session, "tasks.assigned") == {cast.li.id}


def test_a_cancellation_is_told_to_the_cadre_where_nobody_must_be_told_in_person(session, cast):
    session.add(Identity(app_id="wx-test-account", openid="o-wang", person_id=cast.wangnainai.id, since=NOW))
    placed = order(session, cast)
    cancel(session, cast.who(cast.xiaofang), placed.id, "", NOW)
    assert told(session, "ordering.cancelled") == {cast.wangnainai.id, cast.li.id, cast.laoxu.id, cast.ama.id}


def test_whose_link_is_revoked_hears_nothing_more_and_no_longer_lists_the_order(session, cast):
    placed = order(session, cast)
    session.scalars(select(CareLink)).one().state = "revoked"
    accept(session, cast.who(cast.laoxu), offer_of(session, placed).id, NOW)
    assert told(session, "ordering.accepted") == set()
    assert orders_of(session, cast.who(cast.xiaofang)) == []


def test_two_organisations_that_hold_offers_cannot_both_accept(session, cast):
    placed = order(session, cast)
    second = Assignment(order_id=placed.id, organisation_id=cast.second_club.id, offered_at=NOW)
    session.add(second)
    session.flush()
    accept(session, cast.who(cast.laoxu), offer_of_first(session, placed, cast).id, NOW)
    with pytest.raises(Refused, match="already_taken"):
        accept(session, cast.who(cast.xiaohong), second.id, NOW)


def offer_of_first(session, placed, cast):
    return session.scalars(
        select(Assignment).where(Assignment.order_id == placed.id, Assignment.organisation_id == cast.helpers_club.id)
    ).one()


def test_a_decline_offers_to_the_next_and_the_last_one_becomes_a_cadres_task(session, cast):
    placed = order(session, cast)
    decline(session, cast.who(cast.laoxu), offer_of(session, placed).id, "人手不够", NOW)
    offer = offer_of(session, placed)
    assert offer.organisation_id == cast.second_club.id
    decline(session, cast.who(cast.xiaohong), offer.id, "路太远", NOW)
    assert session.scalars(select(Task.kind).where(Task.kind == "order_unanswered")).all() == ["order_unanswered"]
    assert placed.state == "open"


def test_only_members_answer(session, cast):
    offer = offer_of(session, order(session, cast))
    with pytest.raises(Refused, match="not_yours"):
        accept(session, cast.who(cast.xiaohong), offer.id, NOW)
    assert jobs_of(session, cast.who(cast.xiaohong)) == []


@pytest.mark.case("G2")
@pytest.mark.case("G6")
def test_cancelling_twice_is_once_and_tells_everybody_but_the_author(session, cast):
    placed = order(session, cast)
    offer = offer_of(session, placed)
    accept(session, cast.who(cast.laoxu), offer.id, NOW)
    cancel(session, cast.who(cast.xiaofang), placed.id, "不需要了", NOW)
    cancel(session, cast.who(cast.li), placed.id, "再点一次", NOW)
    assert told(session, "ordering.cancelled") == {cast.laoxu.id, cast.ama.id}
    assert jobs_of(session, cast.who(cast.laoxu)) == []
    assert placed.reason == "不需要了"
    about = Letter.subject.in_((placed.subject, offer.subject))
    live = session.scalars(select(Letter).where(about, Letter.state.in_(("planned", "retry")))).all()
    assert {(letter.kind, letter.subject) for letter in live} == {("ordering.cancelled", offer.subject)}


def test_an_offer_for_a_cancelled_order_says_so(session, cast):
    placed = order(session, cast)
    offer = offer_of(session, placed).id
    cancel(session, cast.who(cast.xiaofang), placed.id, "", NOW)
    with pytest.raises(Refused, match="order_gone"):
        accept(session, cast.who(cast.laoxu), offer, NOW)


@pytest.mark.parametrize(
    ("question", "text", "value"),
    [
        ({"datatype": "number"}, "2份", 2),
        ({"datatype": "number"}, "两份", 2),
        ({"datatype": "number"}, "３", 3),
        ({"datatype": "singlevaluelist", "values": ["软烂", "正常"]}, "软烂", "软烂"),
        ({"datatype": "multivaluelist", "values": ["甲", "乙"]}, "甲，乙", ["甲", "乙"]),
        ({"datatype": "text"}, " 盐 ", "盐"),
        ({"datatype": "text", "required": False}, "", None),
    ],
)
def test_answers_are_taken_by_their_type(question, text, value):
    assert check_answer(question, text) == value


@pytest.mark.parametrize(
    ("question", "text", "code"),
    [
        ({"datatype": "number"}, "很多", "answer_number"),
        ({"datatype": "number"}, "0", "answer_number"),
        ({"datatype": "number"}, "²", "answer_number"),
        ({"datatype": "number"}, "9" * 5000, "answer_number"),
        ({"datatype": "singlevaluelist", "values": ["甲"]}, "乙", "answer_value"),
        ({"datatype": "text", "required": True}, " ", "answer_needed"),
        ({"datatype": "text"}, "字" * 201, "answer_long"),
    ],
)
def test_answers_that_do_not_fit_are_refused_by_name(question, text, code):
    with pytest.raises(Refused, match=code):
        check_answer(question, text)


def test_a_beneficiary_with_wechat_is_told_too(session, cast):
    session.add(Identity(app_id="wx-test-account", openid="o-wang", person_id=cast.wangnainai.id, since=NOW))
    session.flush()
    order(session, cast)
    assert told(session, "ordering.placed") == {cast.wangnainai.id}
