"""Family calls: a slot is never sold twice, both clocks are right, and reminders follow the call wherever it moves."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, func, select, update

from handlers.family.words import letter as in_words
from handlers.words import when_two
from models.errors import Refused
from models.family.agreeing import Agreement
from models.family.booking import book, move
from models.family.calls import FamilyCall, call_for, calls_of
from models.family.ending import cancel, finish_past
from models.family.slots import free_slots
from models.family.telling import REMINDER, person_moved_zone
from models.hours import CHINA
from models.messages.letters import Letter
from models.messages.rules import Rule, put_rule
from models.people.care import CareLink
from models.people.identities import Identity
from models.people.persons import Person, move_to_zone
from models.people.staff import StaffRole
from models.places.cells import Cell
from models.places.centres import OpeningHours, Station
from models.tasks.tasks import Task
from tests.cast import APP_ID
from tests.world import NOW

SUNDAY_16 = datetime(2026, 11, 29, 16, 0, tzinfo=CHINA)
MADRID, ROME = ZoneInfo("Europe/Madrid"), ZoneInfo("Europe/Rome")


def booked(session, cast, starts_at=SUNDAY_16, key="k1", who=None, now=NOW):
    return book(
        session,
        who or cast.who(cast.xiaofang),
        cared_id=cast.wangnainai.id,
        starts_at=starts_at,
        client_key=key,
        now=now,
    )


def reminders(session, call):
    query = select(Letter).where(
        Letter.subject == call.subject, Letter.kind == "family.reminder", Letter.state == "planned"
    )
    return list(session.scalars(query.order_by(Letter.due_at, Letter.id)))


def cells_of(session, call):
    return Counter(session.scalars(select(Cell.resource_id).where(Cell.held_by == call.subject)))


def sister(session, cast, n=1):
    """Another daughter with a link of her own."""
    person = Person(name=f"妹妹{n}", area_id=cast.village.id, created_at=NOW, time_zone="Europe/Rome")
    session.add(person)
    session.flush()
    identity = Identity(app_id=APP_ID, openid=f"o-sister-{n}", person_id=person.id, since=NOW)
    session.add_all(
        [
            identity,
            CareLink(
                relative_id=person.id, cared_id=cast.wangnainai.id, kinship="女儿", state="confirmed", asked_at=NOW
            ),
        ]
    )
    session.flush()
    cast.identities[person.id] = identity
    return person


def test_a_call_takes_the_cells_of_both_people_a_screen_and_a_helper(session, cast):
    call = booked(session, cast)
    assert cells_of(session, call) == {
        f"person:{cast.xiaofang.id}": 2,
        f"person:{cast.wangnainai.id}": 2,
        f"person:{cast.li.id}": 2,
        f"station:{call.station_id}": 2,
    }
    assert session.scalars(select(Task.assignee_id).where(Task.kind == "call_help")).one() == cast.li.id
    told = session.scalars(select(Letter.person_id).where(Letter.kind == "family.booked")).all()
    assert told == [cast.li.id]  # the one who booked was told in the chat


@pytest.mark.case("B1")
def test_a_double_tap_is_one_call_even_at_the_same_moment(open_session, cast):
    def tap(_):
        with open_session() as session, session.begin():
            return booked(session, cast).id

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(tap, range(8)))) == 1


@pytest.mark.case("D1")
def test_of_50_who_book_one_slot_at_once_one_gets_it_and_49_are_offered_others(open_session, cast):
    with open_session() as session, session.begin():
        session.execute(delete(Station).where(Station.id == cast.stations[1].id))
        people, elders = [], []
        for n in range(50):
            elder = Person(name=f"老人{n}", area_id=cast.village.id, created_at=NOW)
            relative = Person(name=f"亲人{n}", created_at=NOW, time_zone="Europe/Rome")
            session.add_all([elder, relative])
            session.flush()
            identity = Identity(app_id=APP_ID, openid=f"o-r{n}", person_id=relative.id, since=NOW)
            session.add_all(
                [
                    identity,
                    CareLink(
                        relative_id=relative.id, cared_id=elder.id, kinship="儿子", state="confirmed", asked_at=NOW
                    ),
                ]
            )
            session.flush()
            cast.identities[relative.id] = identity
            people.append(cast.who(relative))
            elders.append(elder.id)

    def tap(n):
        with open_session() as session:
            try:
                with session.begin():
                    book(session, people[n], cared_id=elders[n], starts_at=SUNDAY_16, client_key=f"k{n}", now=NOW)
                return "won", 0
            except Refused as refusal:
                return refusal.code, len(refusal.facts["alternatives"])

    with ThreadPoolExecutor(16) as pool:
        results = Counter(pool.map(tap, range(50)))
    assert results == {("won", 0): 1, ("slot_taken", 3): 49}
    with open_session() as session:
        (call,) = session.scalars(select(FamilyCall)).all()
        assert set(session.scalars(select(Cell.held_by))) == {call.subject}


def test_another_screen_and_helper_are_tried_before_refusing(session, cast):
    one = booked(session, cast)
    elder = Person(name="雷爷爷", area_id=cast.village.id, created_at=NOW)
    helper = Person(name="蓝网格员", area_id=cast.village.id, created_at=NOW)
    session.add_all([elder, helper])
    session.flush()
    session.add_all(
        [
            StaffRole(person_id=helper.id, role="grid_officer", area_id=cast.village.id, since=NOW),
            CareLink(relative_id=cast.aming.id, cared_id=elder.id, kinship="孙子", state="confirmed", asked_at=NOW),
        ]
    )
    session.flush()
    two = book(session, cast.who(cast.aming), cared_id=elder.id, starts_at=SUNDAY_16, client_key="k2", now=NOW)
    assert two.station_id != one.station_id
    assert two.helper_id == helper.id


@pytest.mark.case("D2")
@pytest.mark.case("D6")
def test_one_elder_is_not_booked_by_two_children_for_overlapping_times_at_two_centres(session, cast):
    booked(session, cast)
    other = cast.who(sister(session, cast))
    # She lives in the other village now: another centre, screen and helper, whose half-hours begin at a quarter.
    session.get_one(Person, cast.wangnainai.id).area_id = cast.other_village.id
    session.execute(
        update(OpeningHours).where(OpeningHours.centre_id == cast.other_centre.id).values(opens=time(8, 45))
    )
    for overlapping in (-15, 15):
        with pytest.raises(Refused, match="slot_taken"):
            booked(session, cast, SUNDAY_16 + timedelta(minutes=overlapping), key="k2", who=other)
    second = booked(session, cast, SUNDAY_16 - timedelta(minutes=45), key="k2", who=other)
    assert (second.centre_id, second.helper_id) == (cast.other_centre.id, cast.zhao.id)


@pytest.mark.case("D5")
def test_adjacent_calls_do_not_conflict(session, cast):
    booked(session, cast)
    booked(session, cast, SUNDAY_16 + timedelta(minutes=30), key="k2", who=cast.who(sister(session, cast)))


@pytest.mark.parametrize(
    "when",
    [
        NOW + timedelta(minutes=10),
        SUNDAY_16 - timedelta(days=30),
        SUNDAY_16 + timedelta(days=60),
        SUNDAY_16.replace(hour=7),
        SUNDAY_16.replace(hour=17),
        SUNDAY_16.replace(minute=7),
    ],
)
def test_a_time_outside_hours_horizon_or_grid_is_refused(session, cast, when):
    with pytest.raises(Refused, match="bad_time"):
        booked(session, cast, when)


@pytest.mark.case("L1")
def test_a_cousin_and_a_foreign_cadre_book_nothing_and_see_nothing(session, cast):
    call = booked(session, cast)
    for stranger in (cast.aming, cast.zhao):
        with pytest.raises(Refused, match="no_link"):
            booked(session, cast, key="k2", who=cast.who(stranger))
        with pytest.raises(Refused, match="not_yours"):
            call_for(session, cast.who(stranger), call.id)
        assert calls_of(session, cast.who(stranger), NOW) == []


def test_a_revoked_relative_no_longer_sees_the_call(session, cast):
    call = booked(session, cast)
    session.scalars(select(CareLink)).one().state = "revoked"
    session.flush()
    with pytest.raises(Refused, match="no_link"):
        call_for(session, cast.who(cast.xiaofang), call.id)


def test_a_moved_call_has_the_new_reminders_once_and_the_old_are_gone(session, cast):
    call = booked(session, cast)
    before = {letter.key for letter in reminders(session, call)}
    assert len(before) == 6
    later = SUNDAY_16 + timedelta(days=1)
    move(session, cast.who(cast.xiaofang), call.id, later, NOW)
    after = reminders(session, call)
    assert len(after) == 6
    assert not before & {letter.key for letter in after}
    assert {letter.revision for letter in after} == {1}
    assert {letter.due_at for letter in after} == {
        later - timedelta(hours=h, minutes=m) for h, m in ((24, 0), (1, 0), (0, 10))
    }
    assert cells_of(session, call)[f"person:{cast.wangnainai.id}"] == 2


@pytest.mark.case("E1")
def test_moved_earlier_past_its_first_reminder_it_says_changed_and_sends_nothing_stale(session, cast):
    call = booked(session, cast)
    soon = datetime(2026, 11, 24, 16, 0, tzinfo=CHINA)
    move(session, cast.who(cast.xiaofang), call.id, soon, NOW)
    assert sorted({letter.facts["rule"] for letter in reminders(session, call)}) == ["t-10min", "t-1h"]
    assert session.scalars(select(Letter.person_id).where(Letter.kind == "family.changed")).all() == [cast.li.id]


@pytest.mark.case("E2")
def test_moved_and_moved_back_it_has_exactly_one_set_of_reminders(session, cast):
    call = booked(session, cast)
    move(session, cast.who(cast.xiaofang), call.id, SUNDAY_16 + timedelta(days=1), NOW)
    move(session, cast.who(cast.xiaofang), call.id, SUNDAY_16, NOW)
    assert len(reminders(session, call)) == 6
    assert {letter.revision for letter in reminders(session, call)} == {2}


@pytest.mark.case("E3")
def test_when_the_new_time_is_gone_the_old_one_stands(open_session, cast):
    with open_session() as session, session.begin():
        call = booked(session, cast).id
        other = sister(session, cast)
        booked(session, cast, SUNDAY_16 + timedelta(hours=0.5), key="k2", who=cast.who(other))
    with open_session() as session, pytest.raises(Refused, match="slot_taken"), session.begin():
        move(session, cast.who(cast.xiaofang), call, SUNDAY_16 + timedelta(hours=0.5), NOW)
    with open_session() as session:
        kept = session.get_one(FamilyCall, call)
        assert (kept.starts_at, kept.revision, len(reminders(session, kept))) == (SUNDAY_16, 0, 6)
        assert sum(cells_of(session, kept).values()) == 8


@pytest.mark.case("E9")
def test_a_move_and_a_cancel_at_once_leave_one_truth(open_session, cast):
    with open_session() as session, session.begin():
        call = booked(session, cast).id

    def do(n):
        with open_session() as session:
            try:
                with session.begin():
                    if n % 2:
                        cancel(session, cast.who(cast.li), call, "停电", NOW)
                    else:
                        move(session, cast.who(cast.xiaofang), call, SUNDAY_16 + timedelta(days=1), NOW)
            except Refused as refusal:
                return refusal.code
        return "done"

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(do, range(8))) <= {"done", "wrong_state"}
    with open_session() as session:
        ended = session.get_one(FamilyCall, call)
        assert ended.state == "cancelled"
        assert cells_of(session, ended) == {}
        assert reminders(session, ended) == []


@pytest.mark.case("E9")
def test_a_move_from_what_was_read_before_another_move_is_refused_and_changes_nothing(open_session, cast):
    with open_session() as session, session.begin():
        call = booked(session, cast).id
    with open_session() as late:
        seen = late.get_one(FamilyCall, call)
        late.commit()
        with open_session() as session, session.begin():
            yes = Agreement(cast.xiaofang.id, "phone")
            move(session, cast.who(cast.li), call, SUNDAY_16 + timedelta(days=1), NOW, yes)
        assert seen.revision == 0
        with pytest.raises(Refused, match="wrong_state"), late.begin():
            move(late, cast.who(cast.xiaofang), call, SUNDAY_16 + timedelta(days=2), NOW)
    with open_session() as session:
        kept = session.get_one(FamilyCall, call)
        assert (kept.revision, kept.starts_at) == (1, SUNDAY_16 + timedelta(days=1))
        assert {letter.revision for letter in reminders(session, kept)} == {1}


@pytest.mark.case("G2")
def test_cancelling_frees_the_cells_ends_the_reminders_and_tells_the_helper(session, cast):
    call = booked(session, cast)
    cancel(session, cast.who(cast.xiaofang), call.id, "临时有事", NOW)
    cancel(session, cast.who(cast.xiaofang), call.id, "再点一次", NOW)
    assert (cells_of(session, call), reminders(session, call)) == ({}, [])
    told = session.scalars(select(Letter.person_id).where(Letter.kind == "family.cancelled")).all()
    assert told == [cast.li.id]
    assert set(session.scalars(select(Task.state).where(Task.kind == "call_help"))) == {"cancelled"}


def test_a_call_that_is_over_is_completed_and_frees_its_helper_task(session, cast):
    booked(session, cast)
    assert finish_past(session, SUNDAY_16 + timedelta(hours=3)) == 1
    assert session.scalar(select(func.count()).select_from(Cell)) == 0


def test_free_slots_are_those_of_an_open_day_and_shrink_with_each_booking(session, cast):
    day = SUNDAY_16.date()
    free = free_slots(session, cast.xiaofang, cast.wangnainai, first_day=day, days=1, now=NOW)
    assert len(free) == 17
    call = booked(session, cast)
    less = free_slots(session, cast.xiaofang, cast.wangnainai, first_day=day, days=1, now=NOW)
    assert {s.starts_at for s in free} - {s.starts_at for s in less} == {SUNDAY_16}
    same = free_slots(session, cast.xiaofang, cast.wangnainai, first_day=day, days=1, now=NOW, held_by=call.subject)
    assert len(same) == 17
    assert [s.humane for s in free][:2] == [False, False]  # half past one at night in Madrid


@pytest.mark.case("D7")
def test_the_date_is_right_on_each_side():
    late = datetime(2026, 11, 29, 21, 30, tzinfo=UTC)
    assert when_two(late, CHINA, ROME) == "国内11月30日（周一）05:30 · 罗马11月29日（周日）22:30"


@pytest.mark.case("D8")
@pytest.mark.parametrize(
    ("day", "there"),
    [
        ((2026, 3, 22), "09:00"),
        ((2026, 3, 29), "10:00"),
        ((2026, 10, 18), "10:00"),
        ((2026, 10, 25), "09:00"),
    ],
)
def test_sunday_at_four_stays_four_in_lishui_and_moves_in_rome(day, there):
    moment = datetime(*day, 16, 0, tzinfo=CHINA)
    assert when_two(moment, CHINA, ROME).endswith(f"16:00 · 罗马{there}")


@pytest.mark.case("D10")
def test_who_moves_to_another_zone_is_reminded_there_and_the_past_stands(session, cast):
    call = booked(session, cast)
    day_before = SUNDAY_16 - timedelta(hours=24)
    sent = [letter for letter in reminders(session, call) if letter.due_at == day_before]
    for letter in sent:
        letter.state = "sent"
    told = session.scalars(select(Letter).where(Letter.kind == "family.booked")).one()
    move_to_zone(session, session.get_one(Person, cast.xiaofang.id), "America/New_York")
    person_moved_zone(session, cast.xiaofang.id, day_before + timedelta(hours=2))
    # The clock has passed; in New York that first reminder would fall into the next morning: it is not said again.
    found = reminders(session, call)
    assert sorted(letter.facts["rule"] for letter in found) == ["t-10min", "t-10min", "t-1h", "t-1h"]
    assert {letter.facts["relative_zone"] for letter in found} == {"America/New_York"}
    assert {letter.facts["relative_zone"] for letter in sent} == {"Europe/Madrid"}
    assert [letter.state for letter in sent] == ["sent", "sent"]
    assert (told.state, told.facts["relative_zone"]) == ("planned", "America/New_York")
    assert session.get_one(FamilyCall, call.id).starts_at == SUNDAY_16


@pytest.mark.case("D10")
def test_a_reminder_still_to_come_is_moved_to_its_hour_in_the_new_zone(session, cast):
    call = booked(session, cast, SUNDAY_16.replace(hour=12))  # 05:00 in Madrid: the evening before, at 20:59
    move_to_zone(session, session.get_one(Person, cast.xiaofang.id), "Asia/Tokyo")
    person_moved_zone(session, cast.xiaofang.id, NOW)
    due = {(r.person_id, r.facts["rule"]): r.due_at for r in reminders(session, call)}
    assert due[cast.xiaofang.id, "t-24h"] == call.starts_at - timedelta(hours=24)
    assert due[cast.li.id, "t-24h"] == call.starts_at - timedelta(hours=24)
    assert len(due) == 6


@pytest.mark.case("D10")
@pytest.mark.parametrize(("state", "doubt", "zone"), [("retry", False, "America/New_York"),
                                                      ("retry", True, "Europe/Madrid"),
                                                      ("sent", False, "Europe/Madrid")])  # fmt: skip
def test_what_was_put_back_and_not_said_yet_says_the_new_zone(session, cast, state, doubt, zone):
    call = booked(session, cast)
    put_back = session.scalars(select(Letter).where(Letter.kind == "family.booked")).one()
    put_back.state, put_back.in_doubt = state, doubt
    move_to_zone(session, session.get_one(Person, cast.xiaofang.id), "America/New_York")
    person_moved_zone(session, cast.xiaofang.id, NOW)
    assert put_back.facts["relative_zone"] == zone
    # What is taken back and planned again later is planned by what is true then.
    (waiting,) = [r for r in reminders(session, call) if (r.person_id, r.facts["rule"]) == (cast.li.id, "t-24h")]
    assert waiting.facts["relative_zone"] == "America/New_York"


@pytest.mark.case("D23")
def test_a_call_over_midnight_and_the_turn_of_the_year_where_the_relative_lives(session, cast):
    session.execute(
        update(OpeningHours).where(OpeningHours.centre_id == cast.centre.id).values(opens=time(8, 45), closes=time(20))
    )
    move_to_zone(session, session.get_one(Person, cast.xiaofang.id), "Pacific/Auckland")
    call = booked(session, cast, datetime(2026, 12, 31, 18, 45, tzinfo=CHINA), now=NOW + timedelta(days=20))
    assert when_two(call.ends_at, CHINA, ZoneInfo("Pacific/Auckland")) == (
        "国内12月31日（周四）19:15 · Auckland1月1日（周五）00:15"
    )
    assert set(cells_of(session, call).values()) == {2}
    due = {(r.person_id, r.facts["rule"]): r.due_at for r in reminders(session, call)}
    # A day before is a quarter to midnight there: it waits for the morning of the old year's last day.
    assert due[cast.xiaofang.id, "t-24h"] == datetime(2026, 12, 31, 8, 0, tzinfo=ZoneInfo("Pacific/Auckland"))
    assert due[cast.li.id, "t-24h"] == datetime(2026, 12, 30, 18, 45, tzinfo=CHINA)


@pytest.mark.case("D10")
def test_an_elder_who_is_called_and_lives_elsewhere_now_is_reminded_at_the_hour_there(session, cast):
    session.add(Identity(app_id=APP_ID, openid="o-wang", person_id=cast.wangnainai.id, since=NOW))
    session.flush()
    put_rule(session, Rule(REMINDER, "cared", "eve", "day_at", days=1, at=time(18)), NOW)
    call = booked(session, cast)
    move_to_zone(session, session.get_one(Person, cast.wangnainai.id), "Asia/Tokyo")
    person_moved_zone(session, cast.wangnainai.id, NOW)
    due = {(r.person_id, r.facts["rule"]): r.due_at for r in reminders(session, call)}
    assert due[cast.wangnainai.id, "eve"] == datetime(2026, 11, 28, 18, 0, tzinfo=ZoneInfo("Asia/Tokyo"))
    assert len([one for one in due if one[0] == cast.wangnainai.id]) == 4


def test_an_elder_with_a_phone_of_her_own_hears_of_everything_herself_and_others_are_told_as_before(session, cast):
    session.add(Identity(app_id=APP_ID, openid="o-wang", person_id=cast.wangnainai.id, since=NOW))
    session.flush()
    call = booked(session, cast)
    assert [r.facts["rule"] for r in reminders(session, call) if r.person_id == cast.wangnainai.id] == [
        "t-24h", "t-1h", "t-10min",
    ]  # fmt: skip
    move(session, cast.who(cast.xiaofang), call.id, SUNDAY_16 + timedelta(days=1), NOW)
    cancel(session, cast.who(cast.xiaofang), call.id, "临时有事", NOW)
    told = session.scalars(select(Letter).where(Letter.person_id == cast.wangnainai.id).order_by(Letter.id)).all()
    assert [one.kind for one in told if one.kind != "family.reminder"] == [
        "family.booked", "family.changed", "family.cancelled",
    ]  # fmt: skip
    said = {one.kind: in_words(one.kind, one.facts, CHINA).text for one in told}
    assert said["family.booked"].startswith("小芳约了与您视频：11月29日（周日）16:00，地点葛山村党群服务中心。")
    assert "与小芳的视频改到：11月30日（周一）16:00" in said["family.changed"]
    assert "与小芳的视频（11月30日（周一）16:00）取消了，原因：临时有事" in said["family.cancelled"]
    assert "与小芳视频" in said["family.reminder"]
    assert "工作人员会帮您接通" in said["family.reminder"]
    assert all("王秀英" not in text for text in said.values())
