"""No order and no reminder of a visit falls out of all hands when a link, a proxy or a member is gone."""

import pytest
from sqlalchemy import select

from handlers.people.befalling import mark
from models.family.changing import lapse_proposals, propose
from models.family.parting import part
from models.messages.letters import Letter
from models.messages.rules import Rule, put_rule
from models.ordering.assignments import Assignment
from models.ordering.offers import offer_next
from models.ordering.proxies import ask_family
from models.ordering.reminding import remind_who
from models.people.care import CareLink
from models.people.staff import StaffRole, end_role, roles_of
from models.purging import forget_words
from models.reminding import plan_some, take_up_changes
from models.tasks import linking
from models.tasks.desk import finish
from models.tasks.tasks import Task
from scheduler import sweep
from tests.models.family.test_calls import SUNDAY_16, booked
from tests.models.ordering.test_dispatch import WANTED, ordered
from tests.models.ordering.test_visit_reminders import DAY, HOUR, letters
from tests.models.ordering.test_visiting import named, taken_on
from tests.models.tasks.test_leaving import goes
from tests.world import NOW


def reminded(session):
    """In which roles somebody is still to be reminded."""
    return {letter.facts["role"] for letter in letters(session)}


@pytest.mark.parametrize("how", ["part", "lapse"])
def test_a_link_that_ends_leaves_the_household_reminded_and_the_family_asked(session, cast, how):
    order, offer = taken_on(session, cast, preferred_at=WANTED + 6 * DAY)
    named(session, cast, offer)
    link = session.scalars(select(CareLink).where(CareLink.relative_id == cast.xiaofang.id)).one()
    at = NOW + DAY
    if how == "lapse":
        linking.limit(session, cast.who(cast.li), link.id, at - HOUR, NOW + HOUR)
        sweep.lapse_links(session, at)
    else:
        ask_family(session, part(session, cast.who(cast.li), link.id, at), at)
    assert "beneficiary" in reminded(session)
    asked = select(Task.subject).where(Task.kind == "still_wanted", Task.state == "open")
    assert session.scalars(asked).all() == [order.subject]


def test_a_proxy_who_dies_leaves_the_household_reminded_and_the_family_asked(session, cast):
    _, offer = taken_on(session, cast, preferred_at=WANTED + 6 * DAY)
    named(session, cast, offer)
    cast.xiaofang.area_id = cast.village.id
    session.merge(cast.xiaofang)
    session.flush()
    mark(session, cast.who(cast.li), cast.xiaofang.id, "die", NOW + DAY)
    assert "still_wanted" in set(session.scalars(select(Task.kind)))
    assert "beneficiary" in reminded(session)


def test_who_has_left_an_organisation_is_reminded_of_none_of_its_visits(session, cast):
    _, offer = taken_on(session, cast, preferred_at=WANTED + 6 * DAY)
    visit = named(session, cast, offer)
    assert "provider" in reminded(session)
    for role in roles_of(session, visit.person_id):
        end_role(session, role, NOW + HOUR)
    remind_who(session, NOW + HOUR, visit.person_id)
    assert "provider" not in reminded(session)
    back = StaffRole(person_id=visit.person_id, role="organisation_member", organisation_id=role.organisation_id,
                     since=NOW + 2 * HOUR)  # fmt: skip
    session.add(back)
    remind_who(session, NOW + 2 * HOUR, visit.person_id)
    assert "provider" in reminded(session)


def test_an_order_that_nobody_takes_comes_back_a_day_after_it_was_called_done(session, cast):
    order = ordered(session, cast)
    while True:
        offered = select(Assignment).where(Assignment.order_id == order.id, Assignment.state == "offered")
        offer = session.scalar(offered)
        if offer is None:
            break
        offer.state = "declined"
        session.flush()
        offer_next(session, order, NOW)
    tapped = list[str]()
    for hours in range(1, 8 * 24, 2):
        for one in (*sweep.ORDER_SWEEPS, *sweep.TASK_SWEEPS):
            one(session, NOW + hours * HOUR)
        open_ones = select(Task).where(Task.kind.startswith("order_"), Task.state == "open")
        for task in session.scalars(open_ones).all():
            finish(session, cast.who(cast.li), task.id, NOW + hours * HOUR)
            tapped.append(task.key)
    session.refresh(order)
    assert order.state == "open"
    overdue = [key for key in tapped if "/overdue/" in key]
    assert len(set(overdue)) == len(overdue)
    assert 3 <= len(overdue) <= 6  # two working days, and then each working day


@pytest.mark.parametrize("gone", ["", "left", "die", "pause"])
def test_that_a_call_keeps_its_time_is_told_to_who_is_in_charge(session, cast, gone):
    call = booked(session, cast)
    propose(session, cast.who(cast.li), call.id, SUNDAY_16 + 24 * HOUR, "停电", "keep", NOW)
    if gone == "left":
        goes(session, cast)
    elif gone:
        cast.li.area_id = cast.village.id
        session.flush()
        mark(session, cast.who(cast.chen), cast.li.id, gone, NOW + HOUR)
    lapse_proposals(session, NOW + 26 * HOUR)
    told = set(session.scalars(select(Letter.person_id).where(Letter.kind == "family.kept")))
    assert (cast.li.id in told) is (not gone)
    assert told


def test_a_reminder_whose_words_are_gone_stops_no_planning(session, cast):
    later = WANTED + 49 * DAY
    _, offer = taken_on(session, cast, preferred_at=later)
    named(session, cast, offer)
    assert named(session, cast, offer, starts_at=later + HOUR).revision == 1
    forget_words(session, later - 31 * DAY)
    put_rule(session, Rule("ordering.reminder", "beneficiary", "t-1h", "before", minutes=70, urgency="same_day"), NOW)
    take_up_changes(session, days=False)
    assert plan_some(session, later - 5 * HOUR) == 1
