"""What ends a call from outside, who helps with it, and that a refusal leaves nothing behind."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from handlers.people.befalling import mark
from models.errors import Refused
from models.family.booking import book, move
from models.family.calls import FamilyCall, call_for, calls_of
from models.family.ending import finish_past
from models.family.parting import part, take_back
from models.family.slots import free_slots
from models.messages.letters import Letter
from models.people import consent
from models.people.care import CareLink
from models.people.persons import Person
from models.people.staff import StaffRole
from models.places.cells import Cell, occupy
from models.tasks.tasks import Task
from models.tasks.undelivered import hand_over
from tests.models.family.test_calls import SUNDAY_16, booked, cells_of, reminders, sister
from tests.models.messages.test_outbox import claimed
from tests.world import NOW


def link_of(session, cast):
    return session.scalars(select(CareLink).where(CareLink.relative_id == cast.xiaofang.id)).one()


def told(session, kind):
    return sorted(session.scalars(select(Letter.person_id).where(Letter.kind == kind, Letter.state == "planned")))


def colleague(session, name, role, area):
    """Another of the staff of an area."""
    person = Person(name=name, area_id=area.id, created_at=NOW)
    session.add(person)
    session.flush()
    session.add(StaffRole(person_id=person.id, role=role, area_id=area.id, since=NOW))
    session.flush()
    return person


def second_helper(session, cast):
    return colleague(session, "蓝网格员", "grid_officer", cast.village)


@pytest.mark.case("L6")
def test_when_a_link_ends_the_calls_of_these_two_are_off_and_only_the_helper_hears_of_them(session, cast):
    call = booked(session, cast)
    other = booked(session, cast, SUNDAY_16 + timedelta(minutes=30), "k2", cast.who(sister(session, cast)))
    part(session, cast.who(cast.chen), link_of(session, cast).id, NOW)
    assert (call.state, call.reason) == ("cancelled", "unlinked")
    assert (cells_of(session, call), reminders(session, call)) == ({}, [])
    assert told(session, "family.cancelled") == [cast.li.id]
    assert told(session, "people.link_revoked") == [cast.xiaofang.id]
    assert set(session.scalars(select(Task.state).where(Task.subject == call.subject))) == {"cancelled"}
    assert calls_of(session, cast.who(cast.xiaofang), NOW) == []
    assert (other.state, len(reminders(session, other))) == ("booked", 6)


@pytest.mark.case("L6")
def test_a_link_that_ended_another_way_shows_no_call_either(session, cast):
    booked(session, cast)
    assert len(calls_of(session, cast.who(cast.xiaofang), NOW)) == 1
    link_of(session, cast).state = "revoked"
    session.flush()
    assert calls_of(session, cast.who(cast.xiaofang), NOW) == []


def test_the_relative_who_ends_the_link_is_not_written_to(session, cast):
    booked(session, cast)
    part(session, cast.who(cast.xiaofang), link_of(session, cast).id, NOW)
    assert told(session, "people.link_revoked") == []
    assert told(session, "family.cancelled") == [cast.li.id]


def test_who_takes_back_consent_to_calls_is_called_no_more_and_may_begin_again(session, cast):
    call = booked(session, cast)
    li = cast.who(cast.li)
    consent.agree(session, li, cast.wangnainai.id, "family_calls", NOW)
    consent.agree(session, li, cast.wangnainai.id, "photos", NOW)
    take_back(session, li, cast.wangnainai.id, "photos", NOW)
    assert call.state == "booked"
    take_back(session, li, cast.wangnainai.id, "family_calls", NOW)
    assert (call.state, call.reason) == ("cancelled", "consent_withdrawn")
    assert told(session, "family.cancelled") == [cast.xiaofang.id]
    with pytest.raises(Refused, match="consent_withdrawn"):
        booked(session, cast, key="k2")
    consent.agree(session, li, cast.wangnainai.id, "family_calls", NOW)
    assert booked(session, cast, key="k2").state == "booked"


def test_a_call_is_not_moved_once_consent_is_gone(session, cast):
    call = booked(session, cast)
    consent.give(
        session, cast.wangnainai.id, kind="family_calls", text_version="1", means="wechat",
        given_by_id=cast.wangnainai.id, now=NOW,
    ).withdrawn_at = NOW  # fmt: skip
    session.flush()
    with pytest.raises(Refused, match="consent_withdrawn"):
        move(session, cast.who(cast.xiaofang), call.id, SUNDAY_16 + timedelta(days=1), NOW)


def test_a_helper_whose_call_goes_to_another_is_told_that_it_is_off(session, cast):
    other = second_helper(session, cast)
    call = booked(session, cast)
    later = SUNDAY_16 + timedelta(days=1)
    occupy(session, [cast.li.resource], later, later + timedelta(minutes=30), "call:9999")
    move(session, cast.who(cast.xiaofang), call.id, later, NOW)
    assert call.helper_id == other.id
    assert told(session, "family.cancelled") == [cast.li.id]
    assert told(session, "family.changed") == []
    assert told(session, "family.booked") == [other.id]
    assert {letter.person_id for letter in reminders(session, call)} == {cast.xiaofang.id, other.id}


def test_a_helper_who_is_free_keeps_the_call_that_moves(session, cast):
    other = second_helper(session, cast)
    occupy(session, [cast.li.resource], SUNDAY_16, SUNDAY_16 + timedelta(minutes=30), "call:9999")
    call = booked(session, cast)
    assert call.helper_id == other.id
    move(session, cast.who(cast.xiaofang), call.id, SUNDAY_16 + timedelta(days=1), NOW)
    assert call.helper_id == other.id


def test_nobody_helps_with_a_call_of_their_own(session, cast):
    session.add(
        CareLink(relative_id=cast.li.id, cared_id=cast.wangnainai.id, kinship="儿子", state="confirmed", asked_at=NOW)
    )
    session.flush()
    li, wang = (session.get_one(Person, person.id) for person in (cast.li, cast.wangnainai))
    assert free_slots(session, li, wang, first_day=SUNDAY_16.date(), days=1, now=NOW)
    call = booked(session, cast, who=cast.who(cast.li))
    assert call.helper_id == cast.chen.id
    assert len(reminders(session, call)) == 6
    assert cells_of(session, call)[cast.li.resource] == 2


def test_a_call_moved_after_the_elder_has_moved_is_held_where_she_lives_now(session, cast):
    call = booked(session, cast)
    session.get_one(Person, cast.wangnainai.id).area_id = cast.other_village.id
    move(session, cast.who(cast.xiaofang), call.id, SUNDAY_16 + timedelta(days=1), NOW)
    assert (call.centre_id, call.helper_id) == (cast.other_centre.id, cast.zhao.id)
    assert {letter.facts["centre"] for letter in reminders(session, call)} == {"桂远村党群服务中心"}


def test_a_refusal_that_the_caller_survives_leaves_no_call_without_cells(session, cast):
    booked(session, cast)
    other = cast.who(sister(session, cast))
    mine = booked(session, cast, SUNDAY_16 + timedelta(minutes=30), "k2", other)
    with pytest.raises(Refused, match="slot_taken"):
        booked(session, cast, key="k3", who=other)
    with pytest.raises(Refused, match="slot_taken"):
        move(session, other, mine.id, SUNDAY_16, NOW)
    session.commit()
    assert session.scalar(select(func.count()).select_from(FamilyCall)) == 2
    assert (mine.starts_at, mine.revision) == (SUNDAY_16 + timedelta(minutes=30), 0)
    assert {start for (start,) in session.execute(select(Cell.cell_start).where(Cell.held_by == mine.subject))} == {
        mine.starts_at, mine.starts_at + timedelta(minutes=15),
    }  # fmt: skip


@pytest.mark.case("L2")
def test_who_was_a_cadre_sees_and_moves_no_call_any_more(session, cast):
    call = booked(session, cast)
    assert [c.id for c in calls_of(session, cast.who(cast.li), NOW)] == [call.id]
    session.scalars(select(StaffRole).where(StaffRole.person_id == cast.li.id)).one().ended_at = NOW
    session.flush()
    assert calls_of(session, cast.who(cast.li), NOW) == []
    with pytest.raises(Refused, match="not_yours"):
        call_for(session, cast.who(cast.li), call.id)
    with pytest.raises(Refused, match="not_yours"):
        move(session, cast.who(cast.li), call.id, SUNDAY_16 + timedelta(days=1), NOW)


@pytest.mark.parametrize("database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True)
def test_two_clocks_finish_different_calls_and_neither_stumbles(open_session, cast):
    after = SUNDAY_16 + timedelta(hours=5)
    with open_session() as session, session.begin():
        booked(session, cast)
    with open_session() as one, open_session() as two, one.begin():
        assert finish_past(one, after) == 1
        with two.begin():
            assert finish_past(two, after) == 0


def test_booking_for_oneself_or_as_a_cadre_is_no_family_call(session, cast):
    for who, cared in ((cast.li, cast.wangnainai), (cast.xiaofang, cast.xiaofang)):
        with pytest.raises(Refused, match="no_link"):
            book(session, cast.who(who), cared_id=cared.id, starts_at=SUNDAY_16, client_key="k", now=NOW)


@pytest.mark.parametrize("gone", ["wangnainai", "xiaofang"])
def test_the_helper_hears_that_a_call_is_off_also_when_it_is_off_for_a_death_and_nobody_else_does(session, cast, gone):
    """Else they stand before the door of a house in mourning."""
    person, call = getattr(cast, gone), booked(session, cast)
    session.get_one(Person, person.id).area_id = cast.village.id
    mark(session, cast.who(cast.chen), person.id, "die", NOW)
    (said,) = session.scalars(select(Letter).where(Letter.kind == "family.cancelled")).all()
    assert (said.person_id, said.facts["role"]) == (cast.li.id, "helper")
    assert [one.id for one in claimed(session).letters] == [said.id]
    assert reminders(session, call) == []


def test_who_helps_and_mourns_the_elder_is_not_written_to(session, cast):
    """A daughter who is a cadre there helps with her brother's call."""
    booked(session, cast)
    session.add(CareLink(relative_id=cast.li.id, cared_id=cast.wangnainai.id, kinship="女儿", state="confirmed",
                         asked_at=NOW))  # fmt: skip
    session.flush()
    mark(session, cast.who(cast.chen), cast.wangnainai.id, "die", NOW)
    assert claimed(session).letters == []


def test_a_helper_whom_wechat_does_not_reach_is_phoned_that_a_call_is_off_by_where_it_was_to_be(session, cast):
    booked(session, cast)
    mark(session, cast.who(cast.chen), cast.wangnainai.id, "die", NOW)
    (said,) = session.scalars(select(Letter).where(Letter.kind == "family.cancelled")).all()
    said.state = "dead"
    session.flush()
    task = hand_over(session, said, NOW)
    assert (task.kind, task.area_id) == ("phone_call", cast.village.id)
