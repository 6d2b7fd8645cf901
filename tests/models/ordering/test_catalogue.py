"""The catalogue: versions and their review, who may order, until when, and how many places there are."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import func, select, update

from models.errors import Refused
from models.history import history_of
from models.hours import CHINA, CalendarOverride
from models.life import By
from models.messages.letters import Letter
from models.ordering.assignments import Assignment
from models.ordering.catalogue import offer_at, publish, resume, retire, suspend
from models.ordering.dispatch import accept, complete
from models.ordering.listings import LISTING, TERMS, Listing, ListingProvider, offered, providers_of, published
from models.ordering.news import facts_for
from models.ordering.notices import record_list, sheet_with, since
from models.ordering.orders import Order
from models.ordering.placing import cancel, give_up, hold_places, place
from models.ordering.publications import PublishedItem
from models.ordering.review import decide, submit, waiting_for
from models.ordering.tallies import Tally, TallyHold, give_back, places_left
from models.ordering.versions import VERSION, ListingVersion, draft_listing, drop, edit, in_force, terms_of, unsettled
from models.people.identities import Identity, Who
from models.people.persons import Person
from models.people.staff import StaffRole
from models.tasks.escalation import Escalation, escalate
from models.tasks.tasks import Task
from tests.world import NOW

WANTED = NOW + timedelta(days=1)  # Wednesday 25 November, 10:00 in Lishui
MEAL = {"portions": 2, "diet": "软烂"}


def order(session, cast, who=None, **changes):
    wish = {
        "listing_id": cast.meal.id, "beneficiary_id": cast.wangnainai.id, "answers": MEAL, "preferred_at": WANTED,
        "note": "", "client_key": "k1", "now": NOW, **changes,
    }  # fmt: skip
    return place(session, cast.who(who or cast.xiaofang), **wish)


def set_terms(session, cast, **values):
    """Other terms for the meal, as if they had been in force from the beginning."""
    for table, key in ((Listing, Listing.id), (ListingVersion, ListingVersion.listing_id)):
        session.execute(update(table).where(key == cast.meal.id).values(**values))
    session.expire_all()


def reviewed(session, cast, version, now=NOW):
    submit(session, cast.who(cast.li), version.id, now)
    decide(session, cast.who(cast.chen), version.id, "approve", "", now)
    return publish(session, cast.who(cast.li), version.id, now)


def new_listing(session, cast, who=None, **terms):
    said = {"title": "磨刀", "category": "cleaning", "mode": "at_centre", **terms}
    return draft_listing(
        session, cast.who(who or cast.li), code="L9", centre_id=cast.centre.id, terms=said,
        providers=[cast.helpers_club.id], now=NOW,
    )  # fmt: skip


def county_admin(session, cast):
    """Somebody above everybody."""
    person = Person(name="县管理员", created_at=NOW)
    session.add(person)
    session.flush()
    session.add(StaffRole(person_id=person.id, role="county_admin", area_id=cast.county.id, since=NOW))
    identity = Identity(app_id="wx-test-account", openid="o-county", person_id=person.id, since=NOW)
    session.add(identity)
    session.flush()
    return Who(person.id, identity.id, person.name, "Asia/Shanghai", identity.app_id, identity.openid)


# Review


def test_a_new_listing_is_seen_by_nobody_until_another_has_approved_it(session, cast):
    version = new_listing(session, cast)
    assert "磨刀" not in {row.title for row in published(session, cast.centre, NOW)}
    with pytest.raises(Refused, match="wrong_state"):
        publish(session, cast.who(cast.li), version.id, NOW)
    listing = reviewed(session, cast, version)
    assert "磨刀" in {row.title for row in published(session, cast.centre, NOW)}
    assert [row.verb for row in history_of(session, VERSION.subject(version))] == [
        "begin", "submit", "approve", "publish",
    ]  # fmt: skip
    assert providers_of(session, listing.id) == [cast.helpers_club.id]


@pytest.mark.case("A1")
@pytest.mark.parametrize("first", ["chen", "li"])
def test_who_has_written_any_of_a_version_does_not_review_it(session, cast, first):
    admin = county_admin(session, cast)
    version = new_listing(session, cast, getattr(cast, first))
    other = cast.who(cast.li if first == "chen" else cast.chen)
    edit(session, other, version.listing_id, {"price": "2元"}, now=NOW)
    submit(session, cast.who(cast.li), version.id, NOW)
    with pytest.raises(Refused, match="own_listing"):
        decide(session, cast.who(cast.chen), version.id, "approve", "", NOW)
    assert [found.id for found, _ in waiting_for(session, admin)] == [version.id]
    assert waiting_for(session, cast.who(cast.chen)) == []
    assert decide(session, admin, version.id, "approve", "", NOW).state == "approved"


@pytest.mark.case("A1")
def test_a_version_that_nobody_else_could_review_is_not_taken(session, cast):
    version = new_listing(session, cast, cast.chen)
    with pytest.raises(Refused, match="no_reviewer"):
        submit(session, cast.who(cast.chen), version.id, NOW)


@pytest.mark.case("L1")
def test_a_neighbouring_cadre_neither_writes_nor_sees_nor_reviews(session, cast):
    version = new_listing(session, cast)
    submit(session, cast.who(cast.li), version.id, NOW)
    for stranger in (cast.zhao, cast.xiaofang):
        who = cast.who(stranger)
        with pytest.raises(Refused, match="not_yours"):
            new_listing(session, cast, stranger)
        with pytest.raises(Refused, match="not_yours"):
            decide(session, who, version.id, "approve", "", NOW)
        with pytest.raises(Refused, match="not_yours"):
            edit(session, who, cast.meal.id, {"price": "9元"}, now=NOW)
        with pytest.raises(Refused, match="not_yours"):
            suspend(session, who, cast.meal.id, "", NOW)
        assert waiting_for(session, who) == []
    with pytest.raises(Refused, match="not_yours"):  # a station cadre does not review
        decide(session, cast.who(cast.li), version.id, "approve", "", NOW)


@pytest.mark.parametrize(("verb", "state"), [("return", "returned"), ("reject", "rejected")])
def test_a_version_goes_back_or_is_refused_only_with_a_reason_which_its_author_reads(session, cast, verb, state):
    version = new_listing(session, cast)
    submit(session, cast.who(cast.li), version.id, NOW)
    with pytest.raises(Refused, match="reason_missing"):
        decide(session, cast.who(cast.chen), version.id, verb, "  ", NOW)
    decide(session, cast.who(cast.chen), version.id, verb, "请写清收费", NOW)
    assert (version.state, version.reason) == (state, "请写清收费")
    told = session.scalars(select(Letter).where(Letter.kind == f"catalogue.{state}")).one()
    assert (told.person_id, told.facts["reason"]) == (cast.li.id, "请写清收费")


def test_a_returned_version_is_changed_and_comes_again_with_a_task_of_its_own(session, cast):
    version = new_listing(session, cast)
    submit(session, cast.who(cast.li), version.id, NOW)
    decide(session, cast.who(cast.chen), version.id, "return", "请写清收费", NOW)
    edit(session, cast.who(cast.li), version.listing_id, {"price": "2元"}, now=NOW)
    submit(session, cast.who(cast.li), version.id, NOW + timedelta(hours=1))
    tasks = session.scalars(select(Task).where(Task.kind == "review_listing").order_by(Task.id)).all()
    assert [(task.state, task.assignee_id) for task in tasks] == [("done", cast.chen.id), ("open", cast.chen.id)]
    assert version.price == "2元"


@pytest.mark.case("J19", "J21")
def test_review_has_two_working_days_a_nag_after_one_and_then_goes_up_on_working_days(session, cast):
    admin = county_admin(session, cast)
    friday = datetime(2026, 11, 27, 16, 0, tzinfo=CHINA)
    version = new_listing(session, cast)
    submit(session, cast.who(cast.li), version.id, friday)
    task = session.scalars(select(Task).where(Task.kind == "review_listing")).one()
    assert task.due_at == datetime(2026, 12, 1, 16, 0, tzinfo=CHINA)
    nag = session.scalars(select(Letter).where(Letter.kind == "catalogue.review_due")).one()
    assert (nag.person_id, nag.due_at) == (cast.chen.id, datetime(2026, 11, 30, 16, 0, tzinfo=CHINA))
    assert escalate(session, datetime(2026, 12, 2, 15, 0, tzinfo=CHINA)) == 0
    assert escalate(session, datetime(2026, 12, 2, 16, 30, tzinfo=CHINA)) == 1
    assert session.scalars(select(Escalation.area_id)).one() == cast.county.id
    decide(session, admin, version.id, "approve", "", friday + timedelta(days=6))
    assert (task.state, session.get_one(Letter, nag.id).state) == ("done", "withdrawn")


# Versions


@pytest.mark.case("A2")
def test_a_material_edit_waits_for_review_and_running_orders_keep_what_they_were_placed_on(session, cast):
    placed = order(session, cast)
    version = edit(session, cast.who(cast.li), cast.meal.id, {"title": "营养午餐", "price": "3元"}, now=NOW)
    assert (version.state, session.get_one(Listing, cast.meal.id).title) == ("draft", "爱心送餐")
    reviewed(session, cast, version)
    assert session.get_one(Listing, cast.meal.id).title == "营养午餐"
    assert facts_for(session, placed)["service"] == "爱心送餐"
    later = order(session, cast, client_key="k2", preferred_at=WANTED + timedelta(days=1))
    assert facts_for(session, later)["service"] == "营养午餐"
    assert (terms_of(session, placed).title, terms_of(session, later).title) == ("爱心送餐", "营养午餐")


@pytest.mark.case("A2")
def test_a_slip_of_the_pen_and_a_new_phone_are_right_at_once_and_stand_in_history(session, cast):
    version = edit(
        session, cast.who(cast.li), cast.meal.id, {"summary": "午餐，免费", "phone": "0578-5550199"}, now=NOW
    )
    listing = session.get_one(Listing, cast.meal.id)
    assert (version.state, listing.summary, listing.phone) == ("in_force", "午餐，免费", "0578-5550199")
    assert [(row.verb, row.by_person_id) for row in history_of(session, VERSION.subject(version))] == [
        ("begin", cast.li.id), ("correct", cast.li.id),
    ]  # fmt: skip
    assert session.scalar(select(func.count()).where(PublishedItem.version_id == version.id)) == 2


@pytest.mark.case("A2")
@pytest.mark.parametrize("change", [{"summary": "新", "price": "1元"}, {"quota": 1}, {"rules": []}, {"bring": "碗"}])
def test_whatever_else_changes_is_material(session, cast, change):
    set_terms(session, cast, rules=[{"code": "age", "kind": "age", "effect": "block", "least": 60}])
    assert edit(session, cast.who(cast.li), cast.meal.id, change, now=NOW).state == "draft"


def test_other_providers_are_material_and_the_listing_has_them_when_approved(session, cast):
    who = cast.who(cast.li)
    version = edit(session, who, cast.meal.id, {}, providers=[cast.second_club.id], now=NOW)
    assert providers_of(session, cast.meal.id) == [cast.helpers_club.id, cast.second_club.id]
    reviewed(session, cast, version)
    assert providers_of(session, cast.meal.id) == [cast.second_club.id]


def test_nothing_changed_is_no_version_and_what_is_under_review_is_not_changed(session, cast):
    who = cast.who(cast.li)
    with pytest.raises(Refused, match="no_change"):
        edit(session, who, cast.meal.id, {"title": "爱心送餐"}, now=NOW)
    version = edit(session, who, cast.meal.id, {"price": "1元"}, now=NOW)
    submit(session, who, version.id, NOW)
    with pytest.raises(Refused, match="under_review"):
        edit(session, who, cast.meal.id, {"price": "2元"}, now=NOW)
    drop(session, who, version.id, NOW)
    assert edit(session, who, cast.meal.id, {"price": "2元"}, now=NOW).number == 3


def test_of_eight_who_edit_at_once_one_version_is_written(open_session, cast):
    def change(n):
        with open_session() as session:
            try:
                with session.begin():
                    return edit(session, cast.who(cast.li), cast.meal.id, {"price": f"{n}元"}, now=NOW).id
            except Refused as refusal:
                return refusal.code

    with ThreadPoolExecutor(8) as pool:
        results = set(pool.map(change, range(8)))
    with open_session() as session:
        written = session.scalars(select(ListingVersion.id).where(ListingVersion.state == "draft")).one()
        assert results <= {written, "under_review"}


def test_the_listing_always_says_what_its_version_in_force_says(session, cast):
    for change in ({"price": "1元"}, {"summary": "新"}, {"cutoff_at": time(16), "cutoff_days": 1}):
        version = edit(session, cast.who(cast.li), cast.meal.id, change, now=NOW)
        if version.state != "in_force":
            reviewed(session, cast, version)
        listing, now_said = session.get_one(Listing, cast.meal.id), in_force(session, cast.meal.id)
        assert {name: getattr(listing, name) for name in TERMS} == {name: getattr(now_said, name) for name in TERMS}
    assert unsettled(session, cast.meal.id) is None


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"title": ""}, "bad_term"),
        ({"title": "长" * 21}, "bad_term"),
        ({"category": "flying"}, "bad_term"),
        ({"capacity": -1}, "bad_term"),
        ({"capacity": 3, "capacity_per": "slot"}, "bad_term"),
        ({"cutoff_days": 1}, "bad_term"),
        ({"valid_from": date(2026, 12, 2), "valid_to": date(2026, 12, 1)}, "bad_term"),
        ({"colour": "red"}, "bad_term"),
        ({"phone": "many"}, "bad_term"),
        ({"questions": [{"code": "a", "datatype": "singlevaluelist", "description": "?"}]}, "bad_question"),
        ({"questions": [{"code": "a", "datatype": "text", "description": "?", "places": True}]}, "bad_question"),
        ({"questions": [{"code": "a", "datatype": "text", "description": "?"}] * 2}, "bad_question"),
        ({"rules": [{"code": "x", "kind": "age", "effect": "block"}]}, "bad_rule"),
        ({"rules": [{"code": "x", "kind": "height", "effect": "block"}]}, "bad_rule"),
        ({"rules": [{"code": "x", "kind": "hardship", "effect": "warn", "values": ["rich"]}]}, "bad_rule"),
    ],
)  # fmt: skip
def test_terms_that_cannot_be_are_refused_by_name(session, cast, terms, code):
    with pytest.raises(Refused, match=code):
        new_listing(session, cast, **terms)
    assert session.scalar(select(func.count()).where(Listing.code == "L9")) == 0


# Publication, suspension, centres


@pytest.mark.case("A3")
@pytest.mark.parametrize("leave", [suspend, retire])
def test_a_service_that_stops_takes_no_new_orders_and_leaves_the_running_ones(session, cast, leave):
    placed = order(session, cast)
    assert leave(session, cast.who(cast.li), cast.meal.id, "厨师请假", NOW) == 1
    with pytest.raises(Refused, match="not_offered"):
        order(session, cast, client_key="k2")
    offer_id = jobs(session, placed)
    session.refresh(placed)
    assert placed.state == "open"
    accept(session, cast.who(cast.laoxu), offer_id, NOW)
    assert complete(session, cast.who(cast.laoxu), offer_id, NOW).state == "completed"


def jobs(session, placed):
    return session.scalars(select(Assignment.id).where(Assignment.order_id == placed.id)).one()


def test_what_was_suspended_is_taken_up_again_and_what_is_retired_stays_so(session, cast):
    who = cast.who(cast.li)
    suspend(session, who, cast.meal.id, "", NOW)
    resume(session, who, cast.meal.id, NOW)
    assert cast.meal.id in {row.id for row in published(session, cast.centre, NOW)}
    retire(session, who, cast.meal.id, "", NOW)
    with pytest.raises(Refused, match="wrong_state"):
        resume(session, who, cast.meal.id, NOW)


def test_a_version_approved_while_the_service_is_suspended_does_not_open_it(session, cast):
    version = edit(session, cast.who(cast.li), cast.meal.id, {"price": "1元"}, now=NOW)
    suspend(session, cast.who(cast.li), cast.meal.id, "", NOW)
    assert reviewed(session, cast, version).state == "suspended"


def test_another_centre_takes_a_listing_on_with_its_own_terms_and_switches_it_off_for_itself(session, cast):
    zhao = cast.who(cast.zhao)
    assert published(session, cast.other_centre, NOW) == []
    offer_at(session, zhao, cast.meal.id, cast.other_centre.id, NOW, phone="0578-5550777", capacity=2)
    (there,) = offered(session, cast.other_centre, NOW)
    assert (there.listing.id, there.phone, there.capacity) == (cast.meal.id, "0578-5550777", 2)
    assert order(session, cast, cast.zhao, beneficiary_id=cast.grandpa.id).centre_id == cast.other_centre.id
    offer_at(session, zhao, cast.meal.id, cast.other_centre.id, NOW, active=False)
    assert offered(session, cast.other_centre, NOW) == []
    assert cast.meal.id in {row.id for row in published(session, cast.centre, NOW)}


def test_a_centre_decides_only_for_itself(session, cast):
    with pytest.raises(Refused, match="not_yours"):
        offer_at(session, cast.who(cast.li), cast.meal.id, cast.other_centre.id, NOW)
    offer_at(session, cast.who(cast.li), cast.meal.id, cast.centre.id, NOW, active=False)
    assert cast.meal.id not in {row.id for row in published(session, cast.centre, NOW)}


def test_a_service_is_given_at_the_times_the_centre_says(session, cast):
    offer_at(session, cast.who(cast.li), cast.meal.id, cast.centre.id, NOW, weekdays="25", opens=time(9),
             closes=time(11))  # fmt: skip
    with pytest.raises(Refused, match="not_then"):
        order(session, cast)  # a Wednesday
    friday = datetime(2026, 11, 27, 11, 0, tzinfo=CHINA)
    with pytest.raises(Refused, match="not_then"):
        order(session, cast, preferred_at=friday)
    assert order(session, cast, preferred_at=friday - timedelta(minutes=1)).state == "open"


@pytest.mark.case("A8")
def test_an_old_sheet_knows_what_has_changed_since_it_was_printed(session, cast):
    sheet = record_list(session, "sheet", cast.centre, by_id=None, now=NOW)
    assert since(session, sheet, NOW).nothing
    reviewed(session, cast, edit(session, cast.who(cast.li), cast.meal.id, {"title": "营养午餐"}, now=NOW))
    suspend(session, cast.who(cast.li), cast.haircut.id, "", NOW)
    added = reviewed(session, cast, new_listing(session, cast))
    news = since(session, sheet, NOW)
    assert (news.changed, news.ended, news.added) == (
        {cast.meal.id: "营养午餐"}, {cast.haircut.id: "上门理发"}, {added.id: "磨刀"},
    )  # fmt: skip
    fresh = record_list(session, "sheet", cast.centre, by_id=None, now=NOW)
    assert (fresh.edition, since(session, fresh, NOW).nothing) == (2, True)
    with pytest.raises(Refused, match="not_offered"):
        sheet_with(session, sheet.id, added.id)
    offer_at(session, cast.who(cast.li), cast.meal.id, cast.centre.id, NOW, weekdays="25")
    assert since(session, fresh, NOW).changed == {cast.meal.id: "营养午餐"}


@pytest.mark.case("A4")
def test_a_service_is_not_given_on_a_day_after_its_last(session, cast):
    set_terms(session, cast, valid_to=date(2026, 11, 25))
    late = datetime(2026, 11, 25, 23, 30, tzinfo=CHINA)
    assert order(session, cast, preferred_at=late).state == "open"
    with pytest.raises(Refused, match="out_of_season"):
        order(session, cast, client_key="k2", preferred_at=late + timedelta(minutes=30))


@pytest.mark.case("A10")
def test_an_emergency_shows_the_phone_and_creates_nothing(session, cast):
    set_terms(session, cast, category="emergency", phone="0578-5550120")
    with pytest.raises(Refused) as refusal:
        order(session, cast)
    assert (refusal.value.code, refusal.value.facts) == ("emergency", {"phone": "0578-5550120"})
    for table in (Order, Task, Letter):
        assert session.scalars(select(table)).all() == []


# Who may order


def born(session, person, day):
    session.get_one(Person, person.id).born = day
    session.flush()


@pytest.mark.case("B11")
def test_an_age_is_judged_on_the_day_of_the_service(session, cast):
    set_terms(session, cast, rules=[{"code": "60", "kind": "age", "effect": "block", "least": 60}])
    born(session, cast.wangnainai, date(1966, 11, 25))  # 59 today, 60 tomorrow
    assert order(session, cast).state == "open"
    with pytest.raises(Refused, match="not_eligible"):
        order(session, cast, client_key="k2", preferred_at=NOW + timedelta(hours=4))


@pytest.mark.case("B11")
def test_who_is_too_old_by_the_day_of_the_service_is_too_old(session, cast):
    set_terms(session, cast, rules=[{"code": "14", "kind": "age", "effect": "block", "most": 13}])
    born(session, cast.wangnainai, date(2012, 11, 25))
    with pytest.raises(Refused, match="not_eligible"):
        order(session, cast)


@pytest.mark.case("B11")
def test_in_china_the_day_begins_eight_hours_before_londons(session, cast):
    set_terms(session, cast, rules=[{"code": "60", "kind": "age", "effect": "block", "least": 60}])
    born(session, cast.wangnainai, date(1966, 11, 26))
    early = datetime(2026, 11, 26, 7, 0, tzinfo=CHINA)  # still the 25th in UTC
    assert order(session, cast, preferred_at=early.astimezone(UTC)).state == "open"


def test_a_warning_is_read_before_it_is_passed_over_and_stays_in_the_history(session, cast):
    set_terms(session, cast, rules=[{"code": "old", "kind": "age", "effect": "warn", "least": 70}])
    born(session, cast.wangnainai, date(1960, 1, 1))
    with pytest.raises(Refused) as asked:
        order(session, cast)
    assert (asked.value.code, asked.value.facts["rules"]) == ("ask_eligible", ["old"])
    placed = order(session, cast, warned=["old"])
    assert history_of(session, placed.subject)[0].note == "old"


def test_a_bar_is_not_passed_over(session, cast):
    set_terms(session, cast, rules=[{"code": "b", "kind": "left_behind", "effect": "block", "values": ["child"]}])
    with pytest.raises(Refused, match="not_eligible"):
        order(session, cast, warned=["b"])


def test_what_nobody_has_written_down_is_asked_and_bars_nobody(session, cast):
    set_terms(session, cast, rules=[{"code": "60", "kind": "age", "effect": "block", "least": 60}])
    with pytest.raises(Refused, match="ask_eligible"):
        order(session, cast)
    assert order(session, cast, warned=["60"]).state == "open"


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        ({"kind": "village", "areas": ["331127201"]}, True),  # the township above
        ({"kind": "village", "areas": ["331127202", "331127201001"]}, True),
        ({"kind": "village", "areas": ["331127202"]}, False),
        ({"kind": "left_behind", "values": ["elder", "child"]}, True),
        ({"kind": "hardship", "values": ["low_income"]}, False),
        ({"kind": "hardship", "values": ["low_income", "disabled"]}, True),
    ],
)
def test_village_family_and_hardship_are_rules_too(session, cast, rule, fits):
    session.get_one(Person, cast.wangnainai.id).hardship = "disabled"
    set_terms(session, cast, rules=[{"code": "r", "effect": "block", **rule}])
    if fits:
        assert order(session, cast).state == "open"
    else:
        with pytest.raises(Refused, match="not_eligible"):
            order(session, cast)


# Until when


def china(month, day, hour, minute=0):
    return datetime(2026, month, day, hour, minute, tzinfo=CHINA)


@pytest.mark.case("B13")
def test_after_the_hour_of_closing_and_before_midnight_it_is_too_late(session, cast):
    set_terms(session, cast, cutoff_days=1, cutoff_at=time(16))
    lunch = china(11, 25, 11, 30)
    assert order(session, cast, preferred_at=lunch, now=china(11, 24, 15, 59)).state == "open"
    for late in (china(11, 24, 16), china(11, 24, 23, 30)):
        with pytest.raises(Refused) as refusal:
            order(session, cast, client_key="k2", preferred_at=lunch, now=late)
        assert refusal.value.code == "closed_already"
        assert datetime.fromisoformat(refusal.value.facts["closed"]) == china(11, 24, 16)


@pytest.mark.case("B13")
@pytest.mark.parametrize(("days", "last"), [(1, 30), (2, 29)])
def test_the_hour_of_closing_before_a_holiday_is_counted_in_working_days(session, cast, days, last):
    set_terms(session, cast, cutoff_days=days, cutoff_at=time(16))
    after_holiday = china(10, 8, 11, 30)  # 1 to 7 October are National Day
    assert order(session, cast, preferred_at=after_holiday, now=china(9, last, 15)).state == "open"
    with pytest.raises(Refused, match="closed_already"):
        order(session, cast, client_key="k3", preferred_at=after_holiday, now=china(9, last, 16))
    with pytest.raises(Refused, match="closed_already"):
        order(session, cast, client_key="k2", preferred_at=after_holiday, now=china(10, 5, 9))


@pytest.mark.case("B13")
def test_on_a_free_day_the_list_is_read_the_working_day_before_and_the_countys_notice_counts(session, cast):
    set_terms(session, cast, cutoff_at=time(9))
    saturday = china(11, 28, 11, 30)
    with pytest.raises(Refused, match="closed_already"):
        order(session, cast, preferred_at=saturday, now=china(11, 27, 9))
    session.add(CalendarOverride(day=date(2026, 11, 28), is_workday=True, name="调休"))
    session.flush()
    assert order(session, cast, preferred_at=saturday, now=china(11, 28, 8, 59)).state == "open"


@pytest.mark.case("B13")
def test_a_phone_whose_clock_is_slow_does_not_buy_time(session, cast):
    """What a phone says reaches the rule only as the wished time: the hour of closing is the server's."""
    set_terms(session, cast, cutoff_at=time(9))
    with pytest.raises(Refused, match="closed_already"):
        order(session, cast, preferred_at=china(11, 24, 11, 30), now=china(11, 24, 9, 0))


@pytest.mark.case("B13")
def test_a_service_that_needs_working_time_gets_it(session, cast):
    set_terms(session, cast, lead_hours=4)
    friday = china(11, 27, 16)
    with pytest.raises(Refused) as refusal:
        order(session, cast, preferred_at=china(11, 28, 9), now=friday)  # 17 hours, but only 1:30 of them worked
    assert datetime.fromisoformat(refusal.value.facts["earliest"]) == china(11, 30, 11)
    assert order(session, cast, preferred_at=china(11, 30, 11), now=friday).state == "open"


# How many


@pytest.mark.case("B12")
def test_of_50_orders_for_the_last_place_exactly_one_is_placed(open_session, cast):
    with open_session() as session, session.begin():
        set_terms(session, cast, capacity=3, questions=[])
        for n in range(2):
            order(session, cast, client_key=f"before{n}")

    def tap(n):
        with open_session() as session:
            try:
                with session.begin():
                    return order(session, cast, client_key=f"k{n}").state
            except Refused as refusal:
                return refusal.code

    with ThreadPoolExecutor(25) as pool:
        results = sorted(pool.map(tap, range(50)))
    assert results == ["full"] * 49 + ["open"]
    with open_session() as session:
        assert session.scalars(select(Tally.taken)).one() == 3
        assert session.scalar(select(func.count()).select_from(Order)) == 3


@pytest.mark.case("B12")
@pytest.mark.parametrize("end", [cancel, give_up])
def test_a_place_is_free_again_once_after_an_order_ends(session, cast, end):
    set_terms(session, cast, capacity=2, questions=[])
    who, cadre = cast.who(cast.xiaofang), cast.who(cast.li)
    first = order(session, cast)
    order(session, cast, client_key="k2")
    for _ in range(2):
        end(session, who if end is cancel else cadre, first.id, "不需要了", NOW)
    assert session.scalars(select(Tally.taken)).one() == 1
    assert give_back(session, first.id) == 0
    assert order(session, cast, client_key="k3").state == "open"
    with pytest.raises(Refused, match="full"):
        order(session, cast, client_key="k4")


def test_an_order_for_three_takes_three_places_and_is_refused_whole(session, cast):
    counting = [{"code": "portions", "datatype": "number", "description": "几份？", "required": True, "places": True}]
    set_terms(session, cast, capacity=4, questions=counting)
    order(session, cast, answers={"portions": 3})
    (meal,) = offered(session, cast.centre, NOW, listing_id=cast.meal.id)
    assert places_left(session, [meal], WANTED)[cast.meal.id] == 1
    for wish in ({"portions": 2}, {"portions": 9}):
        with pytest.raises(Refused, match="full"):
            order(session, cast, client_key="k2", answers=wish)
    assert session.scalar(select(func.count()).select_from(Order)) == 1
    assert order(session, cast, client_key="k2", answers={"portions": 3}, preferred_at=WANTED + timedelta(days=1))


def test_places_by_the_slot_are_counted_by_the_slot(session, cast):
    set_terms(session, cast, capacity=1, capacity_per="slot", minutes=30, questions=[])
    order(session, cast)
    with pytest.raises(Refused, match="full"):
        order(session, cast, client_key="k2", preferred_at=WANTED + timedelta(minutes=29))
    assert order(session, cast, client_key="k3", preferred_at=WANTED + timedelta(minutes=30)).state == "open"


def test_a_household_has_its_share_of_a_month_and_an_order_that_is_refused_takes_none_of_it(session, cast):
    set_terms(session, cast, quota=2, quota_per="month", capacity=1, questions=[])
    for person in (cast.wangnainai, cast.xiaofang):
        session.get_one(Person, person.id).household = "H1"
    session.flush()
    order(session, cast)
    with pytest.raises(Refused, match="full"):
        order(session, cast, client_key="k2")
    order(session, cast, client_key="k3", beneficiary_id=cast.xiaofang.id, preferred_at=WANTED + timedelta(days=1))
    with pytest.raises(Refused) as refusal:
        order(session, cast, client_key="k4", preferred_at=WANTED + timedelta(days=2))
    assert (refusal.value.code, refusal.value.facts["limit"]) == ("quota_used", 2)
    assert order(session, cast, client_key="k5", preferred_at=china(12, 1, 10)).state == "open"
    assert session.scalar(select(func.count()).select_from(TallyHold)) == 6


def test_a_double_tap_on_the_last_place_is_one_order_and_no_refusal(session, cast):
    set_terms(session, cast, capacity=1, questions=[])
    assert order(session, cast).id == order(session, cast).id


def test_the_life_of_a_listing_has_ends_and_only_publishers_lead_it(session, cast):
    listing = session.get_one(Listing, cast.meal.id)
    with pytest.raises(Refused, match="not_yours"):
        LISTING.move(session, listing, "suspend", by=By(cast.xiaofang.id, "requester"), now=NOW)
    assert LISTING.ends == {"retired"}
    assert VERSION.ends == {"rejected", "replaced", "dropped"}
    assert session.scalar(select(func.count()).where(ListingProvider.listing_id == listing.id)) == 2


def test_an_order_that_lives_again_takes_its_place_again_if_there_is_one(session, cast):
    set_terms(session, cast, capacity=1, questions=[])
    first = order(session, cast)
    cancel(session, cast.who(cast.xiaofang), first.id, "点错了", NOW)
    hold_places(session, first)
    with pytest.raises(Refused, match="full"):
        order(session, cast, client_key="k2")
