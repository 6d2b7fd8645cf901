"""Somebody is on the way: those who wait hear of it, and an order cancelled then calls them back at once."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from handlers.tasks.words import sentence
from models.errors import Refused
from models.history import history_of
from models.hours import CHINA
from models.messages.letters import Letter
from models.ordering.directing import dispatch, recall
from models.ordering.dispatch import accept, complete, hand_back, set_out
from models.ordering.ending import undo
from models.ordering.placing import cancel
from models.people.identities import Identity
from models.tasks.tasks import Task
from models.tasks.undelivered import hand_over
from tests.cast import APP_ID
from tests.models.messages.test_outbox import claimed
from tests.models.ordering.test_dispatch import WANTED, offer_of, ordered, told
from tests.world import NOW

GOES = WANTED - timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def accepted(session, cast, **changes):
    order = ordered(session, cast, **changes)
    offer = offer_of(session, order)
    accept(session, cast.who(cast.laoxu), offer.id, NOW)
    return order, offer


def on_the_way(session, cast, now=GOES, **changes):
    order, offer = accepted(session, cast, **changes)
    set_out(session, cast.who(cast.laoxu), offer.id, now)
    return order, offer


def test_setting_out_is_told_to_those_who_wait_and_twice_is_once(session, cast):
    session.add(Identity(app_id=APP_ID, openid="o-w", person_id=cast.wangnainai.id, since=NOW))
    order, offer = on_the_way(session, cast)
    set_out(session, cast.who(cast.ama), offer.id, GOES)
    assert told(session, "ordering.on_the_way") == sorted([cast.xiaofang.id, cast.wangnainai.id])
    letter = session.scalars(select(Letter).where(Letter.kind == "ordering.on_the_way")).first()
    assert (letter.facts["organisation"], letter.urgency) == ("老徐好帮手", "same_day")
    assert [line.verb for line in history_of(session, offer.subject)] == ["begin", "accept", "start"]
    complete(session, cast.who(cast.laoxu), offer.id, WANTED)
    assert (order.state, offer.state) == ("completed", "done")


def test_who_may_not_set_out_and_when(session, cast):
    _, offer = accepted(session, cast)
    with pytest.raises(Refused, match="not_yours"):
        set_out(session, cast.who(cast.xiaohong), offer.id, GOES)
    with pytest.raises(Refused, match="too_early"):
        set_out(session, cast.who(cast.laoxu), offer.id, NOW)
    set_out(session, cast.who(cast.laoxu), offer.id, GOES)
    hand_back(session, cast.who(cast.laoxu), offer.id, "车坏了", GOES)  # also from the road
    with pytest.raises(Refused, match="wrong_state"):
        set_out(session, cast.who(cast.laoxu), offer.id, GOES)


@pytest.mark.case("G8")
@pytest.mark.parametrize("hour", [10, 23])
def test_cancelled_on_the_way_calls_them_back_at_once_day_and_night_and_a_cadre_phones(session, cast, hour):
    wanted = datetime(2026, 11, 25, hour, 30, tzinfo=CHINA)
    now = wanted - timedelta(minutes=20)
    order, _ = on_the_way(session, cast, now=now, preferred_at=wanted)
    cancel(session, cast.who(cast.xiaofang), order.id, "不需要了", now)
    stops = session.scalars(select(Letter).where(Letter.kind == "ordering.stop")).all()
    assert sorted(letter.person_id for letter in stops) == sorted([cast.laoxu.id, cast.ama.id])
    assert not {cast.laoxu.id, cast.ama.id} & set(told(session, "ordering.cancelled"))
    # Before everything else that waits, and not in the morning.
    first = claimed(session, now=now, limit=2).letters
    assert {letter.kind for letter in first} == {"ordering.stop"}
    task = session.scalars(select(Task).where(Task.kind == "stop_provider")).one()
    assert (task.state, task.area_id, task.due_at) == ("open", cast.village.id, now + timedelta(minutes=15))
    told_li = session.scalars(select(Letter).where(Letter.kind == "tasks.assigned", Letter.person_id == cast.li.id))
    assert [(letter.urgency, letter.due_at) for letter in told_li if letter.facts["task"] == task.id] == [
        ("same_day", now)
    ]
    assert "老徐好帮手已经出发" in (text := sentence(task.kind, task.facts, task.due_at, CHINA))
    assert "0578-5550201" in text


@pytest.mark.case("G8")
def test_cancelled_before_anybody_set_out_there_is_nobody_to_call_back(session, cast):
    order, _ = accepted(session, cast)
    cancel(session, cast.who(cast.xiaofang), order.id, "", GOES)
    assert told(session, "ordering.stop") == []
    assert session.scalars(select(Task.id).where(Task.kind == "stop_provider")).all() == []
    assert {cast.laoxu.id, cast.ama.id} <= set(told(session, "ordering.cancelled"))


@pytest.mark.case("G8", "G2")
def test_cancelled_twice_and_by_two_they_are_called_once(session, cast):
    order, _ = on_the_way(session, cast)
    cancel(session, cast.who(cast.xiaofang), order.id, "", GOES)
    cancel(session, cast.who(cast.li), order.id, "", GOES)
    assert len(told(session, "ordering.stop")) == 2
    assert len(session.scalars(select(Task).where(Task.kind == "stop_provider")).all()) == 1


@pytest.mark.case("G8")
def test_who_sets_out_again_after_a_cancel_that_was_taken_back_is_called_back_again(session, cast):
    order, first = on_the_way(session, cast)
    cancel(session, cast.who(cast.xiaofang), order.id, "", GOES)
    undo(session, cast.who(cast.xiaofang), order.id, GOES + MINUTE)
    again = offer_of(session, order)
    assert (again.organisation_id, again.id != first.id) == (first.organisation_id, True)
    accept(session, cast.who(cast.laoxu), again.id, GOES + 2 * MINUTE)
    set_out(session, cast.who(cast.laoxu), again.id, GOES + 3 * MINUTE)
    cancel(session, cast.who(cast.xiaofang), order.id, "", GOES + 20 * MINUTE)
    stops = session.scalars(select(Letter).where(Letter.kind == "ordering.stop").order_by(Letter.id)).all()
    assert [letter.state for letter in stops] == ["withdrawn"] * 2 + ["planned"] * 2
    tasks = session.scalars(select(Task).where(Task.kind == "stop_provider").order_by(Task.id)).all()
    assert [task.state for task in tasks] == ["cancelled", "open"]


def test_who_handed_it_back_on_the_road_and_sets_out_again_is_on_the_way_again(session, cast):
    session.add(Identity(app_id=APP_ID, openid="o-w", person_id=cast.wangnainai.id, since=NOW))
    order, first = on_the_way(session, cast)
    hand_back(session, cast.who(cast.laoxu), first.id, "车坏了", GOES)
    session.refresh(order)
    again = dispatch(
        session, cast.who(cast.li), order.id, first.organisation_id, order.revision, GOES + MINUTE
    )  # fmt: skip
    accept(session, cast.who(cast.laoxu), again.id, GOES + 2 * MINUTE)
    set_out(session, cast.who(cast.laoxu), again.id, GOES + 3 * MINUTE)
    said = session.scalars(select(Letter).where(Letter.kind == "ordering.on_the_way", Letter.state == "planned")).all()
    assert cast.wangnainai.id in {letter.person_id for letter in said}


@pytest.mark.parametrize("reached", [True, False])
def test_an_organisation_from_which_it_was_taken_hears_that_though_the_order_ends_before(session, cast, reached):
    order, _ = accepted(session, cast)
    session.refresh(order)
    recall(session, cast.who(cast.li), order.id, order.revision, "另行安排", NOW)
    said = session.scalars(select(Letter).where(Letter.kind == "ordering.recalled").order_by(Letter.id)).all()
    assert {letter.person_id for letter in said} == {cast.laoxu.id, cast.ama.id}
    if not reached:
        said[0].state = "dead"
        session.flush()
    task = None if reached else hand_over(session, said[0], NOW)
    cancel(session, cast.who(cast.xiaofang), order.id, "", NOW + 20 * MINUTE)
    session.expire_all()
    assert [letter.state for letter in said] == ["planned" if reached else "dead", "planned"]
    assert task is None or task.state == "open"
