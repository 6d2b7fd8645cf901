"""Who goes, and what they report: named once, in one place at a time, with time for the road; proof by consent."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from models.errors import Refused
from models.history import history_of
from models.messages.letters import Letter
from models.ordering.assignments import Assignment
from models.ordering.dispatch import accept, complete, hand_back
from models.ordering.orders import Order
from models.ordering.placing import cancel
from models.ordering.proofs import add_proof, proofs_of
from models.ordering.rechecking import ask_silent, press_to_name, recheck
from models.ordering.skills import RequiredSkill, Skill, take_time_off
from models.ordering.teams import VolunteerTeam
from models.ordering.visiting import arrive, find_nobody, finish, name_person
from models.ordering.visits import VISIT, Visit
from models.people.consent import agree, take_back
from models.people.persons import Person
from models.people.staff import StaffRole
from models.places.cells import Cell, occupy
from models.places.equipment import Equipment
from models.places.travel import put_travel
from models.tasks.escalation import escalate
from models.tasks.tasks import Task
from tests.models.ordering.test_dispatch import WANTED, offer_of, ordered, told
from tests.world import NOW

HOUR = timedelta(hours=1)


def taken_on(session, cast, key="k1", **changes):
    """An order that 老徐's team has accepted, and its assignment."""
    order = ordered(session, cast, key, **changes)
    offer = session.scalars(select(Assignment).where(Assignment.order_id == order.id)).first()
    if offer.organisation_id != cast.helpers_club.id:
        offer.organisation_id = cast.helpers_club.id
        session.flush()
    accept(session, cast.who(cast.laoxu), offer.id, NOW)
    return order, offer


def named(session, cast, offer, person=None, **more):
    return name_person(session, cast.who(cast.laoxu), offer.id, (person or cast.ama).id, now=NOW, **more)


def held(session, resource):
    return session.scalar(select(func.count()).select_from(Cell).where(Cell.resource_id == resource))


def tasks(session, kind):
    return list(session.scalars(select(Task.state).where(Task.kind == kind)))


def test_whoever_is_named_hears_where_to_go_and_the_household_who_comes(session, cast):
    order, offer = taken_on(session, cast)
    visit = named(session, cast, offer)
    assert named(session, cast, offer).id == visit.id
    assert (visit.state, visit.starts_at, visit.ends_at) == ("scheduled", WANTED, WANTED + HOUR)
    assert told(session, "ordering.your_visit") == [cast.ama.id]
    assert told(session, "ordering.named") == [cast.xiaofang.id]
    told_in_person = session.scalars(
        select(Task).where(Task.kind == "tell_in_person", Task.state == "open", Task.subject == order.subject)
    ).one()
    assert told_in_person.facts["letter_kind"] == "ordering.named"
    assert [held(session, one) for one in (f"person:{cast.ama.id}", f"person:{cast.wangnainai.id}")] == [4, 4]


@pytest.mark.case("C10")
def test_a_volunteer_of_two_teams_is_not_sent_to_two_homes_at_once(session, cast):
    session.add(StaffRole(person_id=cast.ama.id, role="organisation_member", organisation_id=cast.second_club.id,
                          since=NOW))  # fmt: skip
    _, mine = taken_on(session, cast)
    other = ordered(session, cast, "k2", beneficiary_id=cast.xiaofang.id, listing_id=cast.haircut.id, answers={})
    theirs = offer_of(session, other)
    theirs.organisation_id = cast.second_club.id
    session.flush()
    accept(session, cast.who(cast.xiaohong), theirs.id, NOW)
    named(session, cast, mine)
    for late in (timedelta(0), timedelta(minutes=45)):
        with pytest.raises(Refused, match="slot_taken"):
            name_person(session, cast.who(cast.xiaohong), theirs.id, cast.ama.id, starts_at=WANTED + late, now=NOW)
    assert session.scalars(select(Visit.assignment_id)).all() == [mine.id]
    name_person(session, cast.who(cast.xiaohong), theirs.id, cast.ama.id, starts_at=WANTED + HOUR, now=NOW)


@pytest.mark.case("C10")
def test_of_two_dispatchers_who_name_the_same_volunteer_at_the_same_moment_one_is_refused(open_session, cast):
    with open_session() as session, session.begin():
        pairs = []
        for n, elder in enumerate((cast.wangnainai, cast.xiaofang)):
            order, offer = taken_on(session, cast, f"k{n}", listing_id=cast.haircut.id, answers={},
                                    beneficiary_id=elder.id)  # fmt: skip
            pairs.append((cast.li if n else cast.chen, offer.id, order.id))

    def act(pair):
        cadre, offer, _ = pair
        try:
            with open_session() as session, session.begin():
                name_person(session, cast.who(cadre), offer, cast.ama.id, now=NOW)
            return "named"
        except Refused as refusal:
            return refusal.code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(act, pairs)) == ["named", "slot_taken"]
    with open_session() as session:
        assert held(session, f"person:{cast.ama.id}") == 4
        assert len(session.scalars(select(Visit)).all()) == 1


def test_an_elder_who_is_at_a_call_then_is_not_visited_then(session, cast):
    _, offer = taken_on(session, cast)
    occupy(session, [f"person:{cast.wangnainai.id}"], WANTED + HOUR / 2, WANTED + HOUR, "call:1")
    with pytest.raises(Refused, match="slot_taken"):
        named(session, cast, offer)
    assert (session.scalars(select(Visit)).all(), held(session, f"person:{cast.ama.id}")) == ([], 0)


@pytest.mark.case("C11")
@pytest.mark.parametrize("begins", [-30, 15, 59])
def test_time_off_in_any_part_of_the_visit_is_a_conflict(session, cast, begins):
    _, offer = taken_on(session, cast)
    start = WANTED + timedelta(minutes=begins)
    take_time_off(session, cast.ama.id, start, start + HOUR)
    with pytest.raises(Refused, match="time_off"):
        named(session, cast, offer)
    take_time_off(session, cast.laoxu.id, WANTED - HOUR, WANTED)
    take_time_off(session, cast.laoxu.id, WANTED + HOUR, WANTED + 2 * HOUR)
    assert named(session, cast, offer, cast.laoxu).state == "scheduled"


@pytest.mark.case("D13")
def test_between_two_villages_there_must_be_time_for_the_road(session, cast):
    put_travel(session, cast.village, cast.other_village, 35)
    first, offer = taken_on(session, cast)
    named(session, cast, offer)
    other, second = taken_on(session, cast, "k2", listing_id=cast.haircut.id, answers={})
    other.area_id = cast.other_village.id
    session.flush()
    for minutes in (20, -20):
        gap = timedelta(minutes=minutes)
        start = first.preferred_at + HOUR + gap if minutes > 0 else first.preferred_at - HOUR + gap
        with pytest.raises(Refused) as refused:
            named(session, cast, second, starts_at=start)
        assert (refused.value.code, refused.value.facts["minutes"]) == ("travel", 35)
    assert named(session, cast, second, starts_at=first.preferred_at + HOUR + timedelta(minutes=35)).id


def test_in_one_village_one_visit_may_follow_the_other(session, cast):
    _, offer = taken_on(session, cast)
    _, second = taken_on(session, cast, "k2", listing_id=cast.haircut.id, answers={})
    named(session, cast, offer)
    assert named(session, cast, second, starts_at=WANTED + HOUR).state == "scheduled"


@pytest.mark.case("C13")
def test_a_stand_in_goes_and_the_first_one_is_free_and_no_no_show(session, cast):
    _, offer = taken_on(session, cast)
    first = named(session, cast, offer)
    second = named(session, cast, offer, cast.laoxu)
    session.refresh(first)
    assert (first.state, second.state, second.stands_in_for_id) == ("replaced", "scheduled", cast.ama.id)
    assert held(session, f"person:{cast.ama.id}") == 0
    late = WANTED + timedelta(days=2)
    assert ask_silent(session, late) == 1
    assert session.scalars(select(Task.key).where(Task.kind == "visit_silent")).all() == [
        f"visit:{second.id}/silent/0/visit_silent"
    ]
    finish(session, cast.who(cast.laoxu), second.id, WANTED + HOUR, late)
    assert first.ended_at is None
    assert VISIT.by_name["replace"].target in VISIT.ends


def test_the_same_person_again_moves_the_visit_and_when_the_new_time_is_taken_the_old_one_stands(session, cast):
    _, offer = taken_on(session, cast)
    visit = named(session, cast, offer)
    occupy(session, [f"person:{cast.ama.id}"], WANTED + 3 * HOUR, WANTED + 4 * HOUR, "call:9")
    with pytest.raises(Refused, match="slot_taken"):
        named(session, cast, offer, starts_at=WANTED + 3 * HOUR)
    session.refresh(visit)
    assert (visit.starts_at, visit.state) == (WANTED, "scheduled")
    assert named(session, cast, offer, starts_at=WANTED + 2 * HOUR).id == visit.id
    assert held(session, f"person:{cast.ama.id}") == 8


def test_a_vehicle_and_a_room_are_taken_with_the_visit_and_a_foreign_vehicle_is_not(session, cast):
    _, offer = taken_on(session, cast)
    cars = [Equipment(centre_id=centre.id, kind="vehicle", name="浙K·1") for centre in (cast.centre, cast.other_centre)]
    session.add_all(cars)
    session.flush()
    with pytest.raises(Refused, match="not_here"):
        named(session, cast, offer, vehicle_id=cars[1].id)
    named(session, cast, offer, vehicle_id=cars[0].id, room_id=cast.stations[0].room_id)
    assert [held(session, one) for one in (cars[0].resource, f"room:{cast.stations[0].room_id}")] == [4, 4]
    _, second = taken_on(session, cast, "k2", listing_id=cast.haircut.id, answers={}, beneficiary_id=cast.xiaofang.id)
    with pytest.raises(Refused, match="slot_taken"):
        named(session, cast, second, cast.laoxu, vehicle_id=cars[0].id)


def test_who_has_moved_away_since_they_were_read_is_not_named(session, cast):
    _, offer = taken_on(session, cast)
    assert session.get_one(Person, cast.ama.id).state == "active"
    session.execute(update(Person.__table__).where(Person.id == cast.ama.id).values(state="moved"))
    with pytest.raises(Refused, match="not_member"):
        named(session, cast, offer, cast.ama)


def test_only_members_who_can_are_named_and_only_by_who_may(session, cast):
    _, offer = taken_on(session, cast)
    with pytest.raises(Refused, match="not_member"):
        named(session, cast, offer, cast.xiaohong)
    with pytest.raises(Refused, match="not_member"):
        name_person(session, cast.who(cast.chen), offer.id, 999_999_999, now=NOW)
    for stranger in (cast.xiaohong, cast.zhao, cast.xiaofang):
        with pytest.raises(Refused, match="not_yours"):
            name_person(session, cast.who(stranger), offer.id, cast.ama.id, now=NOW)
    assert name_person(session, cast.who(cast.chen), offer.id, cast.ama.id, now=NOW).person_id == cast.ama.id
    with pytest.raises(Refused, match="bad_time"):
        named(session, cast, offer, starts_at=NOW)


@pytest.mark.case("C8")
def test_whose_certificate_runs_out_before_the_visit_is_found_and_replaced(session, cast):
    session.add(RequiredSkill(listing_id=cast.meal.id, skill="care_worker", certified=True))
    session.add_all(
        Skill(person_id=one.id, skill="care_worker", certificate="证", valid_until=date(2026, 12, 31))
        for one in (cast.ama, cast.laoxu)
    )
    session.flush()
    _, offer = taken_on(session, cast)
    named(session, cast, offer)
    assert recheck(session, NOW) == 0
    session.scalars(select(Skill).where(Skill.person_id == cast.ama.id)).one().valid_until = date(2026, 11, 24)
    session.flush()
    assert [recheck(session, NOW + timedelta(minutes=n)) for n in (1, 2)] == [1, 0]
    assert told(session, "ordering.visit_recheck") == sorted([cast.laoxu.id, cast.ama.id])
    with pytest.raises(Refused, match="not_qualified"):
        named(session, cast, offer, starts_at=WANTED + HOUR)
    named(session, cast, offer, cast.laoxu)
    assert tasks(session, "visit_recheck") == ["cancelled"]


@pytest.mark.case("C12")
def test_a_team_that_names_nobody_a_day_before_is_pressed_and_the_cadre_asks(session, cast):
    session.add(VolunteerTeam(organisation_id=cast.helpers_club.id, field="poverty_relief"))
    _, offer = taken_on(session, cast, preferred_at=WANTED + timedelta(days=1))
    moments = [WANTED - timedelta(minutes=1), WANTED, WANTED + timedelta(minutes=1)]
    assert [press_to_name(session, moment) for moment in moments] == [0, 1, 0]
    assert told(session, "ordering.name_person") == sorted([cast.laoxu.id, cast.ama.id])
    assert tasks(session, "name_person") == ["open"]
    escalate(session, WANTED + timedelta(days=2))
    assert cast.chen.id in told(session, "tasks.escalated")
    name_person(session, cast.who(cast.laoxu), offer.id, cast.ama.id, now=WANTED + HOUR)
    assert tasks(session, "name_person") == ["cancelled"]


@pytest.mark.case("C12")
def test_who_accepts_late_has_an_hour_and_who_is_no_team_need_name_nobody(session, cast):
    taken_on(session, cast)
    assert press_to_name(session, NOW + 2 * HOUR) == 0
    session.add(VolunteerTeam(organisation_id=cast.helpers_club.id, field="medical"))
    session.flush()
    assert [press_to_name(session, NOW + n * HOUR / 2) for n in (1, 2)] == [0, 1]


@pytest.mark.parametrize("end", ["hand_back", "cancel"])
def test_when_the_order_ends_or_goes_back_nobody_is_taken_any_more(session, cast, end):
    order, offer = taken_on(session, cast)
    visit = named(session, cast, offer)
    if end == "cancel":
        cancel(session, cast.who(cast.xiaofang), order.id, "", NOW)
    else:
        hand_back(session, cast.who(cast.laoxu), offer.id, "", NOW)
    session.refresh(visit)
    assert visit.state == "stood_down"
    assert session.scalars(select(Cell)).all() == []


@pytest.mark.case("I8")
def test_nobody_home_is_said_to_the_family_at_once_and_a_cadre_looks_after_them_today(session, cast):
    order, offer = taken_on(session, cast)
    visit = named(session, cast, offer)
    arrive(session, cast.who(cast.ama), visit.id, WANTED, WANTED)
    find_nobody(session, cast.who(cast.ama), visit.id, WANTED, WANTED + timedelta(minutes=2))
    find_nobody(session, cast.who(cast.ama), visit.id, WANTED, WANTED + timedelta(minutes=3))
    letter = session.scalars(select(Letter).where(Letter.kind == "ordering.nobody_home")).one()
    assert (letter.person_id, letter.urgency) == (cast.xiaofang.id, "safety")
    assert letter.due_at <= WANTED + timedelta(minutes=2)
    task = session.scalars(select(Task).where(Task.kind == "nobody_home")).one()
    assert (task.state, task.due_at <= WANTED + timedelta(hours=5)) == ("open", True)
    assert (order.state, visit.state, session.scalars(select(Cell)).all()) == ("accepted", "nobody_home", [])
    again = name_person(session, cast.who(cast.laoxu), offer.id, cast.ama.id, starts_at=WANTED + 2 * HOUR,
                        now=WANTED + HOUR)  # fmt: skip
    finish(session, cast.who(cast.ama), again.id, WANTED + 3 * HOUR, WANTED + 3 * HOUR)
    assert (order.state, again.state) == ("completed", "done")


@pytest.mark.case("I9")
def test_what_is_told_a_day_later_is_dated_when_it_was_and_says_when_we_heard_of_it(session, cast):
    order, offer = taken_on(session, cast)
    visit = named(session, cast, offer)
    heard = WANTED + timedelta(days=1)
    arrive(session, cast.who(cast.ama), visit.id, WANTED + timedelta(minutes=5), heard)
    finish(session, cast.who(cast.ama), visit.id, WANTED + HOUR, heard)
    finish(session, cast.who(cast.ama), visit.id, WANTED + HOUR, heard)
    assert (visit.arrived_at, visit.ended_at, visit.reported_at) == (
        WANTED + timedelta(minutes=5), WANTED + HOUR, heard,
    )  # fmt: skip
    assert (order.state, order.completed_at) == ("completed", WANTED + HOUR)
    assert [(row.verb, row.at) for row in history_of(session, visit.subject)][1:] == [
        ("arrive", heard), ("finish", heard),
    ]  # fmt: skip


def test_nothing_is_reported_from_the_future_or_by_a_stranger(session, cast):
    _, offer = taken_on(session, cast)
    visit = named(session, cast, offer)
    with pytest.raises(Refused, match="bad_time"):
        arrive(session, cast.who(cast.ama), visit.id, WANTED + HOUR, WANTED)
    for stranger in (cast.xiaohong, cast.xiaofang):
        for verb in (arrive, find_nobody, finish):
            with pytest.raises(Refused, match="not_yours"):
                verb(session, cast.who(stranger), visit.id, WANTED, WANTED)
    assert visit.state == "scheduled"


def test_completing_the_order_ends_the_visit(session, cast):
    order, offer = taken_on(session, cast)
    visit = named(session, cast, offer)
    complete(session, cast.who(cast.laoxu), offer.id, WANTED + HOUR)
    session.refresh(visit)
    assert (visit.state, order.state, session.scalars(select(Cell)).all()) == ("done", "completed", [])


def test_the_database_itself_refuses_a_second_live_visit(session, cast):
    _, offer = taken_on(session, cast)
    first = named(session, cast, offer)
    session.add(
        Visit(assignment_id=offer.id, order_id=first.order_id, person_id=cast.laoxu.id, starts_at=WANTED,
              ends_at=WANTED + HOUR, created_at=NOW)
    )  # fmt: skip
    with pytest.raises(IntegrityError):
        session.flush()


def test_a_photo_needs_the_consent_of_the_household_and_is_gone_with_it(session, cast):
    order, offer = taken_on(session, cast)
    visit = named(session, cast, offer)
    me, wang = cast.who(cast.ama), cast.wangnainai.id
    with pytest.raises(Refused, match="wrong_state"):
        add_proof(session, me, visit.id, "signature", "m0", WANTED, WANTED)
    arrive(session, me, visit.id, WANTED, WANTED)
    with pytest.raises(Refused, match="no_consent"):
        add_proof(session, me, visit.id, "photo", "m1", WANTED, WANTED)
    agree(session, cast.who(cast.li), wang, "photos", NOW)
    for kind, media in (("photo", "m1"), ("photo", "m1"), ("signature", "m2"), ("voice", "m3")):
        add_proof(session, me, visit.id, kind, media, WANTED, WANTED)
    with pytest.raises(Refused, match="bad_proof"):
        add_proof(session, me, visit.id, "video", "m4", WANTED, WANTED)
    with pytest.raises(Refused, match="not_yours"):
        add_proof(session, cast.who(cast.xiaohong), visit.id, "photo", "m5", WANTED, WANTED)
    daughter = cast.who(cast.xiaofang)
    assert [proof.media_id for proof in proofs_of(session, daughter, order.id)] == ["m1", "m2", "m3"]
    take_back(session, cast.who(cast.li), wang, "photos", WANTED)
    assert [proof.media_id for proof in proofs_of(session, daughter, order.id)] == ["m2", "m3"]
    with pytest.raises(Refused, match="not_yours"):
        proofs_of(session, cast.who(cast.zhao), order.id)
    assert session.get_one(Order, order.id).state == "accepted"
