"""Who takes an order, and what becomes of it: the first one wins, whoever races; handed back, completed, given up."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from models.errors import Refused
from models.history import history_of
from models.messages.letters import Letter
from models.ordering.assignments import Assignment
from models.ordering.dispatch import accept, complete, decline, hand_back
from models.ordering.offers import offer_next
from models.ordering.orders import Order
from models.ordering.placing import cancel, give_up, place
from models.people.identities import Identity
from models.people.persons import Person
from models.tasks.tasks import Task
from tests.world import NOW

WANTED = NOW + timedelta(days=1)


def ordered(session, cast, key="k1", who=None, **changes):
    wish = {
        "listing_id": cast.meal.id, "beneficiary_id": cast.wangnainai.id, "answers": {"portions": 2, "diet": "软烂"},
        "preferred_at": WANTED, "note": "", "client_key": key, "now": NOW, **changes,
    }  # fmt: skip
    return place(session, who or cast.who(cast.xiaofang), **wish)


def offer_of(session, order):
    query = select(Assignment).where(Assignment.order_id == order.id, Assignment.state == "offered")
    return session.scalars(query).one()


def told(session, kind):
    return sorted(session.scalars(select(Letter.person_id).where(Letter.kind == kind)))


@pytest.mark.case("C2")
def test_accept_and_cancel_may_race_and_the_end_is_always_one(open_session, cast):
    rounds = 25
    with open_session() as session, session.begin():
        pairs = [(order.id, offer_of(session, order).id) for n in range(rounds)
                 for order in [ordered(session, cast, f"k{n}")]]  # fmt: skip
    start, dice = Barrier(2), random.Random(7)

    def run(steps):
        heard = []
        for step in steps:
            start.wait(20)
            try:
                with open_session() as session, session.begin():
                    step(session)
                heard.append("done")
            except Refused as refusal:
                heard.append(refusal.code)
        return heard

    laoxu, xiaofang = cast.who(cast.laoxu), cast.who(cast.xiaofang)
    accepts = [lambda s, offer=offer: accept(s, laoxu, offer, NOW) for _, offer in pairs]
    cancels = [lambda s, order=order: cancel(s, xiaofang, order, "", NOW) for order, _ in pairs]
    dice.shuffle(order := list(range(rounds)))
    with ThreadPoolExecutor(2) as pool:
        taken, ended = pool.map(run, ([accepts[n] for n in order], [cancels[n] for n in order]))
    assert ended == ["done"] * rounds
    assert set(taken) <= {"done", "order_gone"}
    with open_session() as session:
        assert set(session.scalars(select(Order.state))) == {"cancelled"}
        assert set(session.scalars(select(Assignment.state))) == {"withdrawn"}
        for n, (key, _) in enumerate(pairs[i] for i in order):
            verbs = [row.verb for row in history_of(session, f"order:{key}")]
            assert verbs == ["begin", *(["accept"] if taken[n] == "done" else []), "cancel"]


@pytest.mark.case("C1")
def test_of_two_organisations_that_accept_at_once_one_wins(open_session, cast):
    rounds = 12
    with open_session() as session, session.begin():
        pairs = []
        for n in range(rounds):
            order = ordered(session, cast, f"k{n}")
            second = Assignment(order_id=order.id, organisation_id=cast.second_club.id, offered_at=NOW)
            first = offer_of(session, order).id
            session.add(second)
            session.flush()
            pairs.append((first, second.id))
    start = Barrier(2)

    def take(who, offers):
        heard = []
        for offer in offers:
            start.wait(20)
            try:
                with open_session() as session, session.begin():
                    accept(session, who, offer, NOW)
                heard.append("won")
            except Refused as refusal:
                heard.append(refusal.code)
        return heard

    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(take, cast.who(cast.laoxu), [first for first, _ in pairs])
        other = pool.submit(take, cast.who(cast.xiaohong), [second for _, second in pairs])
    for results in zip(one.result(), other.result(), strict=True):
        assert sorted(results) == ["already_taken", "won"]
    with open_session() as session:
        counted = select(func.count()).select_from(Assignment).where(Assignment.state == "accepted")
        assert session.scalar(counted.group_by(Assignment.state)) == rounds


def test_the_database_itself_refuses_a_second_live_assignment(session, cast):
    order = ordered(session, cast)
    accept(session, cast.who(cast.laoxu), offer_of(session, order).id, NOW)
    session.add(Assignment(order_id=order.id, organisation_id=cast.second_club.id, offered_at=NOW, state="accepted"))
    with pytest.raises(IntegrityError):
        session.flush()


@pytest.mark.case("C16")
def test_whoever_accepts_twice_is_answered_twice_and_a_colleague_is_told_who_was_first(session, cast):
    offer = offer_of(session, ordered(session, cast)).id
    assert accept(session, cast.who(cast.laoxu), offer, NOW).state == "accepted"
    assert accept(session, cast.who(cast.laoxu), offer, NOW).state == "accepted"
    with pytest.raises(Refused, match="already_taken"):
        accept(session, cast.who(cast.ama), offer, NOW)
    assert told(session, "ordering.accepted") == [cast.xiaofang.id]
    unsent = session.scalars(select(Letter.state).where(Letter.kind == "ordering.offered")).all()
    assert set(unsent) == {"withdrawn"}


def test_declining_twice_is_once_and_a_declined_offer_is_not_accepted(session, cast):
    order = ordered(session, cast)
    offer = offer_of(session, order).id
    decline(session, cast.who(cast.laoxu), offer, "人手不够", NOW)
    decline(session, cast.who(cast.laoxu), offer, "人手不够", NOW)
    assert offer_of(session, order).organisation_id == cast.second_club.id
    with pytest.raises(Refused, match="offer_over"):
        accept(session, cast.who(cast.laoxu), offer, NOW)


@pytest.mark.case("C3")
def test_what_is_handed_back_is_offered_on_and_told_once_and_the_next_accept_again(session, cast):
    order = ordered(session, cast)
    first = offer_of(session, order).id
    accept(session, cast.who(cast.laoxu), first, NOW)
    late = WANTED - timedelta(minutes=10)
    hand_back(session, cast.who(cast.ama), first, "临时有急事", late)
    hand_back(session, cast.who(cast.laoxu), first, "临时有急事", late)
    assert order.state == "open"
    assert told(session, "ordering.handed_back") == [cast.xiaofang.id]
    letters = session.scalars(select(Letter).where(Letter.kind.in_(("ordering.handed_back", "ordering.offered"))))
    assert {letter.urgency for letter in letters if letter.created_at == late} == {"same_day"}
    tasks = session.scalars(select(Task).where(Task.kind == "tell_in_person", Task.state == "open")).all()
    assert [task.facts["letter_kind"] for task in tasks] == ["ordering.handed_back"]
    second = offer_of(session, order)
    assert second.organisation_id == cast.second_club.id
    accept(session, cast.who(cast.xiaohong), second.id, late)
    assert told(session, "ordering.accepted") == [cast.xiaofang.id] * 2
    with pytest.raises(Refused, match="wrong_state"):
        complete(session, cast.who(cast.laoxu), first, late)


@pytest.mark.case("C6")
def test_an_order_that_everybody_handed_back_or_declined_becomes_a_cadres_task_and_may_end_unmet(session, cast):
    order = ordered(session, cast)
    first = offer_of(session, order).id
    accept(session, cast.who(cast.laoxu), first, NOW)
    hand_back(session, cast.who(cast.laoxu), first, "", NOW)
    decline(session, cast.who(cast.xiaohong), offer_of(session, order).id, "", NOW)
    assert session.scalars(select(Task.state).where(Task.kind == "order_unanswered")).all() == ["open"]
    with pytest.raises(Refused, match="not_yours"):
        give_up(session, cast.who(cast.xiaofang), order.id, "", NOW)
    give_up(session, cast.who(cast.li), order.id, "没有组织能做", NOW)
    assert (order.state, order.reason) == ("unmet", "没有组织能做")
    assert told(session, "ordering.unmet") == [cast.xiaofang.id]
    open_kinds = session.scalars(select(Task.kind).where(Task.state == "open")).all()
    assert open_kinds == ["tell_in_person"]


def test_a_completed_order_is_over_for_everybody(session, cast):
    order = ordered(session, cast)
    offer = offer_of(session, order).id
    accept(session, cast.who(cast.laoxu), offer, NOW)
    with pytest.raises(Refused, match="not_yours"):
        complete(session, cast.who(cast.xiaohong), offer, WANTED)
    complete(session, cast.who(cast.laoxu), offer, WANTED)
    complete(session, cast.who(cast.laoxu), offer, WANTED)
    assert order.state == "completed"
    assert told(session, "ordering.completed") == [cast.xiaofang.id]
    assert session.scalars(select(Task).where(Task.state == "open")).all() == []
    with pytest.raises(Refused, match="wrong_state"):
        cancel(session, cast.who(cast.xiaofang), order.id, "", WANTED)


def test_an_organisation_without_anybody_to_answer_is_passed_over(session, cast):
    for member in (cast.laoxu, cast.ama):
        session.get_one(Identity, cast.identities[member.id].id).following = False
    assert offer_of(session, ordered(session, cast)).organisation_id == cast.second_club.id
    session.get_one(Person, cast.xiaohong.id).state = "deceased"
    ordered(session, cast, "k2")
    assert session.scalars(select(Task.kind).where(Task.kind == "order_unanswered")).all() == ["order_unanswered"]


def test_nobody_is_offered_what_was_wanted_yesterday(session, cast):
    order = ordered(session, cast)
    decline(session, cast.who(cast.laoxu), offer_of(session, order).id, "", WANTED)
    states = session.scalars(select(Assignment.state)).all()
    assert states == ["declined"]
    assert offer_next(session, order, WANTED) is None
    assert session.scalars(select(Task.kind).where(Task.kind == "order_unanswered")).all() == ["order_unanswered"]
