"""What cadres do with orders: dispatch, take back, ask all anew; on an old page nothing."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from models.errors import Refused
from models.messages.letters import Letter
from models.ordering.assignments import Assignment
from models.ordering.directing import dispatch, recall, to_pool, waiting
from models.ordering.dispatch import accept, complete, decline
from models.ordering.orders import Order
from models.people.identities import Identity
from models.people.staff import Organisation
from models.places.areas import Area
from models.tasks.tasks import Task
from tests.models.ordering.test_dispatch import WANTED, offer_of, ordered, told
from tests.world import NOW


def states(session):
    return list(session.scalars(select(Assignment.state).order_by(Assignment.id)))


def test_a_cadre_dispatches_to_one_organisation_and_who_was_asked_before_hears_of_it(session, cast):
    order = ordered(session, cast)
    made = dispatch(session, cast.who(cast.li), order.id, cast.second_club.id, order.revision, NOW)
    assert (made.mode, made.state, made.dispatched_by_id) == ("directive", "offered", cast.li.id)
    assert states(session) == ["withdrawn", "offered"]
    assert told(session, "ordering.recalled") == sorted([cast.laoxu.id, cast.ama.id])
    assert accept(session, cast.who(cast.xiaohong), made.id, NOW).state == "accepted"


def test_who_has_accepted_is_relieved_and_the_family_hears_that_another_is_looked_for(session, cast):
    order = ordered(session, cast)
    accept(session, cast.who(cast.laoxu), offer_of(session, order).id, NOW)
    dispatch(session, cast.who(cast.chen), order.id, cast.second_club.id, order.revision, NOW)
    assert (order.state, states(session)) == ("open", ["withdrawn", "offered"])
    assert told(session, "ordering.handed_back") == [cast.xiaofang.id]
    assert told(session, "ordering.recalled") == sorted([cast.laoxu.id, cast.ama.id])


@pytest.mark.case("C14")
@pytest.mark.parametrize("verb", ["dispatch", "recall", "to_pool"])
def test_from_an_old_page_nothing_is_overwritten(session, cast, verb):
    order = ordered(session, cast)
    seen = order.revision
    decline(session, cast.who(cast.laoxu), offer_of(session, order).id, "", NOW)
    who = cast.who(cast.li)
    acts = {
        "dispatch": lambda: dispatch(session, who, order.id, cast.second_club.id, seen, NOW),
        "recall": lambda: recall(session, who, order.id, seen, "", NOW),
        "to_pool": lambda: to_pool(session, who, order.id, seen, "", NOW),
    }
    with pytest.raises(Refused) as refused:
        acts[verb]()
    assert (refused.value.code, refused.value.facts) == (
        "changed_meanwhile",
        {"state": "open", "revision": order.revision},
    )
    assert states(session) == ["declined", "offered"]


@pytest.mark.case("C14")
def test_of_two_dispatchers_on_the_same_page_one_is_told_that_it_is_old(open_session, cast):
    with open_session() as session, session.begin():
        order = ordered(session, cast)
        key, seen = order.id, order.revision

    def act(pair):
        cadre, organisation = pair
        try:
            with open_session() as session, session.begin():
                dispatch(session, cast.who(cadre), key, organisation.id, seen, NOW)
            return "done"
        except Refused as refusal:
            return refusal.code

    with ThreadPoolExecutor(2) as pool:
        heard = list(pool.map(act, [(cast.li, cast.helpers_club), (cast.chen, cast.second_club)]))
    assert sorted(heard) == ["changed_meanwhile", "done"]
    with open_session() as session:
        assert sorted(states(session)) == ["offered", "withdrawn"]


def test_only_a_cadre_over_the_village_directs(session, cast):
    order = ordered(session, cast)
    for stranger in (cast.zhao, cast.xiaofang, cast.laoxu):
        with pytest.raises(Refused, match="not_yours"):
            dispatch(session, cast.who(stranger), order.id, cast.second_club.id, order.revision, NOW)
        assert waiting(session, cast.who(stranger)) == []
    with pytest.raises(Refused, match="not_yours"):
        dispatch(session, cast.who(cast.li), 999, cast.second_club.id, 0, NOW)


def test_back_in_the_pool_those_too_are_asked_who_said_no(session, cast):
    order = ordered(session, cast)
    for member in (cast.laoxu, cast.xiaohong):
        decline(session, cast.who(member), offer_of(session, order).id, "", NOW)
    assert session.scalars(select(Task.state).where(Task.kind == "order_unanswered")).all() == ["open"]
    to_pool(session, cast.who(cast.li), order.id, order.revision, "", NOW)
    assert offer_of(session, order).organisation_id == cast.helpers_club.id
    assert session.scalars(select(Task.state).where(Task.kind == "order_unanswered")).all() == ["cancelled"]


def test_what_is_taken_back_stays_in_the_cadres_hand(session, cast):
    order = ordered(session, cast)
    recall(session, cast.who(cast.li), order.id, order.revision, "先问问老人", NOW)
    assert (order.state, states(session)) == ("open", ["withdrawn"])
    assert session.scalars(select(Task.state).where(Task.kind == "order_unanswered")).all() == ["open"]
    assert session.scalars(select(Letter.person_id).where(Letter.kind == "tasks.assigned")).all() == [cast.li.id]


def test_nobody_is_dispatched_who_does_not_do_it_cannot_be_told_or_serves_another_mountain(session, cast):
    order = ordered(session, cast)
    who = cast.who(cast.li)
    other = Organisation(code="O9", name="别处", kind="third_party", area_id=cast.county.id)
    session.add(other)
    session.flush()
    with pytest.raises(Refused, match="not_provider"):
        dispatch(session, who, order.id, other.id, order.revision, NOW)
    session.get_one(Organisation, cast.second_club.id).area_id = session.get_one(Area, cast.other_village.id).id
    session.flush()
    with pytest.raises(Refused, match="not_covered"):
        dispatch(session, who, order.id, cast.second_club.id, order.revision, NOW)
    session.get_one(Identity, cast.identities[cast.xiaohong.id].id).following = False
    session.flush()
    with pytest.raises(Refused, match="nobody_answers"):
        dispatch(session, who, order.id, cast.second_club.id, order.revision, NOW)


def test_what_is_over_or_under_way_is_not_dispatched(session, cast):
    order = ordered(session, cast)
    offer = offer_of(session, order)
    accept(session, cast.who(cast.laoxu), offer.id, NOW)
    offer.state = "started"
    session.flush()
    with pytest.raises(Refused, match="under_way"):
        dispatch(session, cast.who(cast.li), order.id, cast.second_club.id, order.revision, NOW)
    complete(session, cast.who(cast.laoxu), offer.id, WANTED)
    with pytest.raises(Refused, match="wrong_state"):
        dispatch(session, cast.who(cast.li), order.id, cast.second_club.id, order.revision, WANTED)


def test_of_villages_that_wait_the_one_served_longest_ago_comes_first(session, cast):
    order = ordered(session, cast)
    other = ordered(session, cast, "k2")
    other.area_id = cast.township.id  # a neighbour of the township's own seat
    served = session.get_one(Order, order.id)
    assert [one.id for one in waiting(session, cast.who(cast.chen))] == [order.id, other.id]
    accept(session, cast.who(cast.laoxu), offer_of(session, served).id, NOW)
    complete(session, cast.who(cast.laoxu), session.scalars(select(Assignment.id).order_by(Assignment.id)).first(), NOW)
    third = ordered(session, cast, "k3")
    assert [one.id for one in waiting(session, cast.who(cast.chen))] == [other.id, third.id]
