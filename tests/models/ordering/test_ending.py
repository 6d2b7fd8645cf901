"""How orders end before their time: by the family, by the centre, by a life that changes; and ends taken back."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from handlers.people.befalling import mark
from models.errors import Refused
from models.family.booking import book
from models.family.calls import FamilyCall
from models.family.parting import part
from models.history import history_of
from models.hours import CHINA
from models.messages.letters import Letter
from models.ordering.assignments import Assignment, jobs_of
from models.ordering.dispatch import accept, complete
from models.ordering.ending import call_off, undo
from models.ordering.orders import Order, order_for, orders_of
from models.ordering.placing import cancel
from models.ordering.proxies import ask_family
from models.ordering.visiting import name_person
from models.people.care import CareLink
from models.places.cells import Cell
from models.tasks.tasks import TASK, Task
from models.tasks.undelivered import hand_over
from tests.models.ordering.test_dispatch import offer_of, ordered, told
from tests.world import NOW


def sibling(session, cast):
    session.add(CareLink(relative_id=cast.aming.id, cared_id=cast.wangnainai.id, kinship="儿子", state="confirmed",
                         asked_at=NOW))  # fmt: skip
    session.flush()


def taken_on(session, cast, key="k1", **changes):
    order = ordered(session, cast, key, **changes)
    offer = offer_of(session, order)
    member = cast.laoxu if offer.organisation_id == cast.helpers_club.id else cast.xiaohong
    accept(session, cast.who(member), offer.id, NOW)
    return order, offer


@pytest.mark.case("G1")
@pytest.mark.parametrize(
    ("moment", "code"),
    [
        (datetime(2026, 11, 27, 8, tzinfo=CHINA), "in_time"),  # wanted on the 28th at nine
        (datetime(2026, 11, 27, 9, 1, tzinfo=CHINA), "late"),
        (datetime(2026, 11, 27, 23, 59, tzinfo=CHINA), "late"),
        (datetime(2026, 11, 28, 0, 1, tzinfo=CHINA), "same_day"),
        (datetime(2026, 11, 28, 10, tzinfo=CHINA), "same_day"),
    ],
)
def test_how_close_to_the_service_it_was_cancelled_is_kept_as_a_code(session, cast, moment, code):
    order = ordered(session, cast, preferred_at=datetime(2026, 11, 28, 9, tzinfo=CHINA))
    assert cancel(session, cast.who(cast.xiaofang), order.id, "不需要了", moment).end_code == code


@pytest.mark.case("G5")
def test_the_centre_cancels_only_with_a_reason_and_something_instead(session, cast):
    order, _ = taken_on(session, cast)
    who = cast.who(cast.li)
    for reason, instead, code in (("", "改到周五", "reason_missing"), ("道路塌方", " ", "alternative_needed")):
        with pytest.raises(Refused, match=code):
            call_off(session, who, order.id, reason, instead, NOW)
    for stranger in (cast.xiaofang, cast.zhao):
        with pytest.raises(Refused, match="not_yours"):
            call_off(session, cast.who(stranger), order.id, "道路塌方", "改到周五", NOW)
    call_off(session, who, order.id, "道路塌方", "周五照常送", NOW)
    call_off(session, who, order.id, "再说一次", "周五照常送", NOW)
    assert (order.state, order.end_code, order.reason) == ("cancelled", "centre", "道路塌方")
    letter = session.scalars(select(Letter).where(Letter.person_id == cast.xiaofang.id,
                                                  Letter.kind == "ordering.called_off")).one()  # fmt: skip
    assert (letter.facts["reason"], letter.facts["alternative"]) == ("道路塌方", "周五照常送")
    assert set(told(session, "ordering.called_off")) == {cast.xiaofang.id, cast.laoxu.id, cast.ama.id}
    with pytest.raises(Refused, match="wrong_state"):
        undo(session, cast.who(cast.xiaofang), order.id, NOW)


@pytest.mark.case("G9")
def test_within_ten_minutes_a_cancellation_is_taken_back_and_who_had_it_is_asked_first(session, cast):
    order, offer = taken_on(session, cast)
    cancel(session, cast.who(cast.xiaofang), order.id, "点错了", NOW)
    soon = NOW + timedelta(minutes=10)
    undo(session, cast.who(cast.xiaofang), order.id, soon)
    undo(session, cast.who(cast.xiaofang), order.id, soon)
    assert (order.state, order.reason, order.end_code) == ("open", "", "")
    assert offer_of(session, order).organisation_id == offer.organisation_id
    assert session.scalars(select(Task.state).where(Task.kind == "order_new")).all() == ["cancelled", "open"]
    assert [row.verb for row in history_of(session, order.subject)] == ["begin", "accept", "cancel", "undo"]
    cancel(session, cast.who(cast.xiaofang), order.id, "还是不要了", soon)
    with pytest.raises(Refused, match="too_late_to_undo"):
        undo(session, cast.who(cast.xiaofang), order.id, soon + timedelta(minutes=10, seconds=1))


@pytest.mark.case("B9", "S25")
def test_of_two_siblings_the_last_word_counts_and_both_hear_every_word(session, cast):
    sibling(session, cast)
    order = ordered(session, cast)
    cancel(session, cast.who(cast.aming), order.id, "不要了", NOW)
    undo(session, cast.who(cast.xiaofang), order.id, NOW + timedelta(minutes=1))
    cancel(session, cast.who(cast.aming), order.id, "真的不要", NOW + timedelta(minutes=2))
    undo(session, cast.who(cast.xiaofang), order.id, NOW + timedelta(minutes=3))
    assert order.state == "open"
    assert [one for one in told(session, "ordering.cancelled") if one in (cast.xiaofang.id, cast.aming.id)] == [
        cast.xiaofang.id
    ] * 2
    assert [one for one in told(session, "ordering.restored") if one != cast.li.id] == [cast.aming.id] * 2


@pytest.mark.case("B8")
def test_when_a_proxy_goes_the_order_stays_out_of_their_sight_and_the_family_is_asked(session, cast):
    sibling(session, cast)
    order = ordered(session, cast)
    again = ordered(session, cast, "k9")
    again.requested_by_id = cast.aming.id
    session.flush()
    link = session.scalars(select(CareLink).where(CareLink.relative_id == cast.xiaofang.id)).one()
    ended = part(session, cast.who(cast.li), link.id, NOW)
    assert ask_family(session, ended, NOW) == 1
    assert order.state == "open"
    assert orders_of(session, cast.who(cast.xiaofang)) == []
    assert told(session, "ordering.still_wanted") == [cast.aming.id]
    last = session.scalars(select(CareLink).where(CareLink.relative_id == cast.aming.id)).one()
    ask_family(session, part(session, cast.who(cast.li), last.id, NOW), NOW)
    tasks = session.scalars(select(Task.subject).where(Task.kind == "still_wanted")).all()
    assert tasks == [again.subject]  # nobody is left who reads: a cadre asks her


def bereaved(session, cast):
    """What waits to be said to the daughter, and what a cadre would tell her."""
    letters = session.scalars(
        select(Letter.kind).where(Letter.person_id == cast.xiaofang.id, Letter.state.in_(("planned", "retry")))
    ).all()
    tasks = session.scalars(select(Task.kind).where(Task.state.not_in(TASK.ends))).all()
    return list(letters), list(tasks)


@pytest.mark.case("B10", "J11")
@pytest.mark.parametrize("verb", ["die", "pause", "move_away"])
def test_when_somebody_dies_or_is_in_hospital_all_stops_at_once_and_the_family_is_not_written_to(session, cast, verb):
    order, offer = taken_on(session, cast)
    name_person(session, cast.who(cast.laoxu), offer.id, cast.ama.id, now=NOW)
    waiting = ordered(session, cast, "k2", preferred_at=NOW + timedelta(days=3))
    past, job = taken_on(session, cast, "k3", preferred_at=NOW + timedelta(days=4))
    member = cast.laoxu if job.organisation_id == cast.helpers_club.id else cast.xiaohong
    complete(session, cast.who(member), job.id, NOW)
    call = book(session, cast.who(cast.xiaofang), cared_id=cast.wangnainai.id, client_key="c1", now=NOW,
                starts_at=datetime(2026, 11, 26, 9, tzinfo=CHINA))  # fmt: skip
    for stranger in (cast.zhao, cast.xiaofang):
        with pytest.raises(Refused, match="not_yours"):
            mark(session, cast.who(stranger), cast.wangnainai.id, verb, NOW)
    mark(session, cast.who(cast.li), cast.wangnainai.id, verb, NOW)
    mark(session, cast.who(cast.li), cast.wangnainai.id, verb, NOW)
    assert [(one.state, one.end_code) for one in (order, waiting)] == [("cancelled", "stopped")] * 2
    assert (past.state, session.get_one(FamilyCall, call.id).state) == ("completed", "cancelled")
    assert session.scalars(select(Cell)).all() == []
    assert bereaved(session, cast) == ([], [])
    stopped = session.scalars(select(Letter).where(Letter.kind == "ordering.stopped")).all()
    assert {letter.person_id for letter in stopped} >= {cast.laoxu.id, cast.ama.id}
    # Who was to come must hear it: those letters do not count as being about whom they mourn.
    assert {(letter.about_id, letter.state) for letter in stopped} == {(None, "planned")}
    assert jobs_of(session, cast.who(cast.laoxu)) == []
    with pytest.raises(Refused, match="not_active"):
        ordered(session, cast, "k4")


@pytest.mark.case("B10")
def test_nobody_is_sent_to_tell_the_daughter_what_wechat_could_not(session, cast):
    ordered(session, cast)
    cancel(session, cast.who(cast.li), session.scalars(select(Order.id)).one(), "路不通", NOW)
    letter = session.scalars(select(Letter).where(Letter.person_id == cast.xiaofang.id)).one()
    letter.state = "dead"
    session.flush()
    task = hand_over(session, letter, NOW)
    mark(session, cast.who(cast.li), cast.wangnainai.id, "die", NOW)
    session.refresh(task)
    assert task.state == "cancelled"


def test_who_has_died_is_not_brought_back_and_who_left_hospital_orders_again(session, cast):
    who = cast.who(cast.li)
    mark(session, who, cast.wangnainai.id, "pause", NOW)
    mark(session, who, cast.wangnainai.id, "resume", NOW)
    assert ordered(session, cast).state == "open"
    mark(session, who, cast.wangnainai.id, "die", NOW)
    with pytest.raises(Refused, match="wrong_state"):
        mark(session, who, cast.wangnainai.id, "resume", NOW)
    with pytest.raises(Refused, match="not_yours"):
        order_for(session, cast.who(cast.xiaofang), session.scalars(select(Order.id)).one())
    assert session.scalars(select(Assignment.state)).all() == ["withdrawn"]
