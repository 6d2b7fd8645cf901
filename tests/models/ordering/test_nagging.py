"""Orders that nobody accepts: who is reminded when, who hears of it above, and what the resident was promised."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from models.errors import Refused
from models.hours import CHINA, CalendarOverride, WorkCalendar
from models.messages.letters import Letter
from models.ordering.assignments import Assignment
from models.ordering.dispatch import accept, decline, hand_back
from models.ordering.nagging import nag, raise_unanswered
from models.ordering.offers import expire_offers
from models.ordering.placing import cancel, give_up
from models.ordering.sla import due_at, is_overdue, open_overdue, pause, resume
from models.people.staff import StaffRole
from models.tasks.escalation import Escalation, escalate
from models.tasks.tasks import Task
from tests.models.ordering.test_dispatch import offer_of, ordered
from tests.world import NOW

BOOK = WorkCalendar()


def at(day, hour, minute=0):
    return datetime(2026, 11, day, hour, minute, tzinfo=CHINA)


def nags(session):
    query = select(Letter.key, Letter.person_id).where(Letter.kind == "ordering.nag").order_by(Letter.id)
    return [(int(row.key.split("/")[2]), row.person_id) for row in session.execute(query)]


@pytest.mark.case("C4")
def test_who_should_answer_is_reminded_48_24_and_3_hours_before_once_each(session, cast):
    order = ordered(session, cast, preferred_at=at(30, 15))
    offer_of(session, order)
    steps = [at(28, 14, 59), at(28, 15), at(28, 15, 1), at(29, 15), at(29, 16), at(30, 12), at(30, 12, 1), at(30, 14)]
    assert [nag(session, moment) for moment in steps] == [0, 1, 0, 1, 0, 1, 0, 0]
    members, cadre = [cast.laoxu.id, cast.ama.id], cast.li.id
    assert nags(session) == [
        *((48, one) for one in members),
        *((24, one) for one in sorted([*members, cadre])),
        *((3, one) for one in sorted([*members, cadre])),
    ]


@pytest.mark.case("C5")
def test_an_order_that_comes_two_hours_before_is_reminded_of_once_and_at_once(session, cast):
    ordered(session, cast, preferred_at=NOW + timedelta(hours=2))
    assert [nag(session, NOW + timedelta(minutes=n)) for n in (0, 1, 2, 30)] == [1, 0, 0, 0]
    # Who has been offered it this very minute has just heard of it.
    assert nags(session) == [(3, cast.li.id)]
    assert session.scalars(select(Letter.urgency).where(Letter.kind == "ordering.nag")).all() == ["same_day"]


@pytest.mark.case("C4", "J1")
def test_a_clock_that_was_away_for_two_days_reminds_once_and_not_at_night(session, cast):
    order = ordered(session, cast, preferred_at=at(30, 9))
    assert nag(session, at(30, 5, 59)) == 0
    assert nag(session, at(30, 6, 30)) == 0
    assert nag(session, at(30, 8)) == 1
    assert {hours for hours, _ in nags(session)} == {3}
    assert order.nagged_hours == 3


def test_nobody_is_reminded_of_what_was_accepted_cancelled_or_waits_for_the_resident(session, cast):
    soon = NOW + timedelta(hours=20)
    first, second, third = (ordered(session, cast, f"k{n}", preferred_at=soon) for n in range(3))
    accept(session, cast.who(cast.laoxu), offer_of(session, first).id, NOW)
    cancel(session, cast.who(cast.xiaofang), second.id, "", NOW)
    pause(session, cast.who(cast.li), third.id, NOW)
    assert nag(session, NOW + timedelta(hours=1)) == 0
    resume(session, cast.who(cast.li), third.id, NOW + timedelta(hours=1))
    assert nag(session, NOW + timedelta(hours=1)) == 1


@pytest.mark.case("C4", "J19")
@pytest.mark.parametrize(("wanted", "heard"), [(at(27, 13), True), (at(28, 13), False)], ids=["Friday", "Saturday"])
def test_three_hours_before_those_above_hear_of_it_on_working_days_only(session, cast, wanted, heard):
    ordered(session, cast, preferred_at=wanted)
    assert raise_unanswered(session, wanted - timedelta(hours=4)) == 0
    assert raise_unanswered(session, wanted - timedelta(hours=3)) == heard
    assert raise_unanswered(session, wanted - timedelta(hours=2)) == 0
    told = session.scalars(select(Letter.person_id).where(Letter.kind == "tasks.escalated")).all()
    assert told == ([cast.chen.id] if heard else [])
    assert session.scalars(select(Escalation.area_id)).all() == ([cast.township.id] if heard else [])


@pytest.mark.case("J19")
def test_a_saturday_that_is_worked_counts_as_a_working_day(session, cast):
    session.add(CalendarOverride(day=at(28, 0).date(), is_workday=True, name="调休"))
    ordered(session, cast, preferred_at=at(28, 13))
    assert raise_unanswered(session, at(28, 10)) == 1


@pytest.mark.case("C6")
def test_what_nobody_can_do_ends_unmet_with_a_code_and_its_reason_in_words(session, cast):
    ended = []
    for key in ("k1", "k2"):
        order = ordered(session, cast, key)
        decline(session, cast.who(cast.laoxu), offer_of(session, order).id, "人手不够", NOW)
        decline(session, cast.who(cast.xiaohong), offer_of(session, order).id, "路太远", NOW)
        with pytest.raises(Refused, match="bad_reason"):
            give_up(session, cast.who(cast.li), order.id, "路太远", NOW, "whatever")
        ended.append(give_up(session, cast.who(cast.li), order.id, "路太远", NOW, "too_far"))
    assert [(order.state, order.end_code) for order in ended] == [("unmet", "too_far")] * 2
    reasons = [
        letter.facts["reason"] for letter in session.scalars(select(Letter).where(Letter.kind == "ordering.unmet"))
    ]
    assert reasons == [order.reason for order in ended] == ["路太远"] * 2


@pytest.mark.case("C7")
def test_after_many_offers_a_person_decides_and_at_night_nobody_is_asked_before_the_morning(session, cast, monkeypatch):
    order = ordered(session, cast)
    night = at(24, 23)
    decline(session, cast.who(cast.laoxu), offer_of(session, order).id, "", night)
    letter = session.scalars(select(Letter).where(Letter.person_id == cast.xiaohong.id)).one()
    assert letter.due_at == at(25, 8)
    monkeypatch.setattr("models.ordering.offers.MOST_OFFERS", 1)
    other = ordered(session, cast, "k2")
    decline(session, cast.who(cast.laoxu), offer_of(session, other).id, "", NOW)
    assert session.scalars(select(Task.subject).where(Task.kind == "order_unanswered")).all() == [other.subject]


@pytest.mark.case("C7")
def test_what_is_wanted_before_anybody_is_awake_goes_to_a_cadre_at_once(session, cast):
    order = ordered(session, cast, preferred_at=at(25, 7, 30))
    decline(session, cast.who(cast.laoxu), offer_of(session, order).id, "", at(24, 22))
    assert session.scalars(select(Task.kind).where(Task.kind == "order_unanswered")).all() == ["order_unanswered"]


@pytest.mark.case("C15")
def test_handing_back_and_asking_on_do_not_move_what_the_resident_was_promised(session, cast):
    order = ordered(session, cast, preferred_at=at(30, 9))
    promised = due_at(order, BOOK)
    assert promised == at(26, 10)  # two working days after Tuesday at ten
    accept(session, cast.who(cast.laoxu), offer_of(session, order).id, at(24, 11))
    assert not is_overdue(order, BOOK, at(26, 11))
    hand_back(session, cast.who(cast.laoxu), last(session).id, "", at(26, 9))
    assert due_at(order, BOOK) == promised
    assert is_overdue(order, BOOK, at(26, 10))
    expire_offers(session, at(26, 17))
    assert due_at(order, BOOK) == promised


def last(session):
    return session.scalars(select(Assignment).order_by(Assignment.id.desc())).first()


@pytest.mark.case("J20", "J21")
def test_the_promise_stands_still_while_the_resident_has_to_answer_and_over_a_weekend(session, cast):
    order = ordered(session, cast, preferred_at=at(30, 18) + timedelta(days=7))
    with pytest.raises(Refused, match="not_yours"):
        pause(session, cast.who(cast.zhao), order.id, NOW)
    pause(session, cast.who(cast.li), order.id, at(24, 12))
    pause(session, cast.who(cast.li), order.id, at(24, 13))
    assert due_at(order, BOOK) is None
    assert not is_overdue(order, BOOK, at(30, 12))
    resume(session, cast.who(cast.li), order.id, at(27, 12))  # three working days later
    assert due_at(order, BOOK) == at(30, 10) + timedelta(days=1)
    assert (order.paused_minutes, order.state) == (3 * 9 * 60, "open")


@pytest.mark.case("J19", "J22")
def test_a_broken_promise_goes_from_the_station_to_the_township_to_the_county_on_working_days(session, cast):
    session.add(StaffRole(person_id=cast.aming.id, role="county_admin", area_id=cast.county.id, since=NOW))
    order = ordered(session, cast, preferred_at=at(30, 18) + timedelta(days=9))
    assert [open_overdue(session, at(26, *time)) for time in ((9, 59), (10,), (11,))] == [0, 1, 0]
    task = session.scalars(select(Task).where(Task.kind == "order_overdue")).one()

    def reached():
        query = select(Escalation.area_id).where(Escalation.task_id == task.id).order_by(Escalation.level)
        return session.scalars(query).all()

    december = at(30, 11) + timedelta(days=1)
    for moment, areas in (
        (at(27, 9), []), (at(27, 11), [cast.township.id]), (at(28, 11), [cast.township.id]),
        (december, [cast.township.id, cast.county.id]),
    ):  # fmt: skip
        escalate(session, moment)
        assert reached() == areas
    accept(session, cast.who(cast.laoxu), offer_of(session, order).id, december)
    session.refresh(task)
    assert (task.state, len(reached())) == ("cancelled", 2)
