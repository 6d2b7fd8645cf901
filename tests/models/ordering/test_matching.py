"""Who is asked first: who can, with a certificate good on the day, who serves that mountain, whose turn it is."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select, update

from models.errors import Refused
from models.ordering.assignments import Assignment
from models.ordering.dispatch import accept, complete, decline
from models.ordering.loans import LOAN, ResourceLoan
from models.ordering.matching import answering, match
from models.ordering.rechecking import recheck
from models.ordering.skills import RequiredSkill, Skill, take_time_off
from models.ordering.teams import CoverageArea
from models.people.persons import Person
from models.people.staff import Organisation
from models.places.alliances import AlliedCentre, CentreAlliance
from models.places.travel import put_travel, travel_minutes
from models.tasks.tasks import Task
from tests.models.ordering.test_dispatch import WANTED, offer_of, ordered
from tests.world import NOW


def inside(session, order):
    return list(match(session, order).inside)


def clubs(cast):
    return [cast.helpers_club.id, cast.second_club.id]


def needs(session, cast, *people, skill="care_worker", until=None):
    session.add(RequiredSkill(listing_id=cast.meal.id, skill=skill, certified=True))
    for person in people:
        session.add(Skill(person_id=person.id, skill=skill, certificate="护理员证", valid_until=until))
    session.flush()


def test_with_nothing_to_tell_them_apart_the_order_of_the_list_decides(session, cast):
    assert inside(session, ordered(session, cast)) == clubs(cast)


def test_only_who_can_do_it_is_asked(session, cast):
    needs(session, cast, cast.xiaohong)
    order = ordered(session, cast)
    assert offer_of(session, order).organisation_id == cast.second_club.id


def test_who_is_in_hospital_since_they_were_read_is_not_asked(session, cast):
    """Whatever this transaction had read of them before: nobody else of theirs can do it."""
    needs(session, cast, cast.laoxu, cast.xiaohong)
    order = ordered(session, cast)
    read_before = session.get_one(Person, cast.laoxu.id)
    session.execute(update(Person.__table__).where(Person.id == cast.laoxu.id).values(state="paused"))
    assert read_before.state == "active"
    assert [one.name for one in answering(session, cast.helpers_club.id)] == [cast.ama.name]
    assert inside(session, order) == [cast.second_club.id]


@pytest.mark.case("C8")
@pytest.mark.parametrize(("last_day", "asked"), [(date(2026, 11, 25), True), (date(2026, 11, 24), False)])
def test_a_certificate_is_good_on_the_day_of_the_service_and_not_of_the_order(session, cast, last_day, asked):
    needs(session, cast, cast.laoxu, until=last_day)  # wanted on the 25th
    assert inside(session, ordered(session, cast)) == ([cast.helpers_club.id] if asked else [])


@pytest.mark.case("C8")
def test_a_certificate_that_runs_out_after_the_accept_is_found_and_said_once(session, cast):
    needs(session, cast, cast.laoxu, until=date(2026, 11, 25))
    order = ordered(session, cast)
    accept(session, cast.who(cast.laoxu), offer_of(session, order).id, NOW)
    assert recheck(session, NOW) == 0
    session.scalars(select(Skill)).one().valid_until = date(2026, 11, 24)
    session.flush()
    assert [recheck(session, NOW + timedelta(minutes=n)) for n in (1, 2)] == [1, 0]
    assert session.scalars(select(Task.kind).where(Task.kind == "visit_recheck")).all() == ["visit_recheck"]


@pytest.mark.case("C9")
def test_who_could_but_serves_another_mountain_is_not_asked_and_named_to_be_borrowed(session, cast):
    for key in clubs(cast):
        session.get_one(Organisation, key).area_id = cast.other_township.id
    session.flush()
    order = ordered(session, cast)
    assert session.scalars(select(Assignment)).all() == []
    task = session.scalars(select(Task).where(Task.kind == "order_unanswered")).one()
    assert task.facts["outside"] == ["老徐好帮手", "乐都"]
    loan = ResourceLoan(
        kind="organisation", organisation_id=cast.second_club.id, from_centre_id=cast.other_centre.id,
        to_centre_id=cast.centre.id, starts_at=NOW, ends_at=WANTED + timedelta(hours=1), requested_by_id=cast.li.id,
        created_at=NOW,
    )  # fmt: skip
    session.add(loan)
    session.flush()
    assert inside(session, order) == []  # only asked for
    loan.state = LOAN.by_name["approve"].target
    session.flush()
    assert inside(session, order) == [cast.second_club.id]
    loan.ends_at = WANTED
    session.flush()
    assert inside(session, order) == []


def test_an_organisation_may_serve_a_further_area(session, cast):
    session.get_one(Organisation, cast.helpers_club.id).area_id = cast.other_township.id
    session.add(CoverageArea(organisation_id=cast.helpers_club.id, area_id=cast.township.id))
    session.flush()
    assert inside(session, ordered(session, cast)) == clubs(cast)


def test_the_nearer_one_is_asked_first_by_the_road_and_not_by_the_map(session, cast):
    session.get_one(Person, cast.laoxu.id).area_id = cast.other_village.id
    session.get_one(Person, cast.xiaohong.id).area_id = cast.village.id
    session.flush()
    order = ordered(session, cast)
    assert inside(session, order) == clubs(cast)[::-1]
    session.get_one(Person, cast.xiaohong.id).area_id = cast.other_township.id
    put_travel(session, cast.village, cast.other_village, 20)
    put_travel(session, cast.village, cast.other_township, 95)
    assert inside(session, order) == clubs(cast)


def test_roads_are_the_same_both_ways_and_guessed_where_nobody_wrote_them_down(session, cast):
    assert travel_minutes(session, cast.village, cast.grid) == 0
    assert travel_minutes(session, cast.village, cast.other_village) == 60
    put_travel(session, cast.other_township, cast.township, 45)
    assert travel_minutes(session, cast.village, cast.other_village) == 45
    put_travel(session, cast.other_village, cast.village, 70)
    put_travel(session, cast.village, cast.other_village, 75)
    assert travel_minutes(session, cast.village, cast.other_village) == 75
    assert travel_minutes(session, cast.other_village, cast.grid) == 75
    for minutes in (0, -5, 100_000):
        with pytest.raises(Refused, match="bad_travel"):
            put_travel(session, cast.village, cast.other_village, minutes)


def test_who_has_less_to_do_that_week_is_asked_first(session, cast):
    first = ordered(session, cast)
    accept(session, cast.who(cast.laoxu), offer_of(session, first).id, NOW)
    assert inside(session, ordered(session, cast, "k2")) == clubs(cast)[::-1]
    next_week = ordered(session, cast, "k3", preferred_at=NOW + timedelta(days=8))
    # Another week: the load is equal, and whose turn it is in this village decides.
    assert inside(session, next_week) == clubs(cast)[::-1]


def test_of_equals_the_one_that_was_here_longest_ago_has_its_turn(session, cast):
    for n, who in enumerate((cast.laoxu, cast.xiaohong)):
        order = ordered(session, cast, f"k{n}", preferred_at=NOW + timedelta(days=1 + n))
        accept(session, cast.who(who), offer_of(session, order).id, NOW)
        complete(session, cast.who(who), session.scalars(select(Assignment.id).order_by(Assignment.id.desc())).first(),
                 NOW)  # fmt: skip
    assert inside(session, ordered(session, cast, "k9", preferred_at=NOW + timedelta(days=9))) == clubs(cast)


@pytest.mark.case("C11")
def test_who_is_away_in_any_part_of_the_service_is_not_asked(session, cast):
    take_time_off(session, cast.xiaohong.id, WANTED + timedelta(minutes=10), WANTED + timedelta(hours=3))
    take_time_off(session, cast.laoxu.id, WANTED - timedelta(hours=3), WANTED)
    assert inside(session, ordered(session, cast)) == [cast.helpers_club.id]
    with pytest.raises(Refused, match="bad_time"):
        take_time_off(session, cast.laoxu.id, WANTED, WANTED)


def test_the_next_offer_goes_by_the_same_match(session, cast):
    needs(session, cast, cast.ama)
    order = ordered(session, cast)
    decline(session, cast.who(cast.laoxu), offer_of(session, order).id, "", NOW)
    assert session.scalars(select(Task.kind).where(Task.kind == "order_unanswered")).all() == ["order_unanswered"]


@pytest.mark.parametrize(("since", "until", "asked"), [
    (date(2026, 11, 25), None, True), (date(2026, 1, 1), date(2026, 11, 25), True),
    (date(2026, 11, 26), None, False), (date(2026, 1, 1), date(2026, 11, 24), False),
])  # fmt: skip
def test_allied_centres_share_their_organisations_on_the_days_of_the_alliance(session, cast, since, until, asked):
    session.get_one(Organisation, cast.helpers_club.id).area_id = cast.other_township.id
    allied = CentreAlliance(code="A1", name="跨山联建", first_day=since, last_day=until)
    session.add(allied)
    session.flush()
    session.add_all(AlliedCentre(alliance_id=allied.id, centre_id=one.id) for one in (cast.centre, cast.other_centre))
    session.flush()
    assert (cast.helpers_club.id in inside(session, ordered(session, cast))) == asked  # wanted on the 25th


def test_an_alliance_of_others_changes_nothing(session, cast):
    session.get_one(Organisation, cast.helpers_club.id).area_id = cast.other_township.id
    allied = CentreAlliance(code="A1", name="跨山联建", first_day=date(2026, 1, 1))
    session.add(allied)
    session.flush()
    session.add(AlliedCentre(alliance_id=allied.id, centre_id=cast.other_centre.id))
    session.flush()
    assert inside(session, ordered(session, cast)) == [cast.second_club.id]
