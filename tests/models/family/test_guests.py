"""Several relatives on one call: each reminded at their own hours, and whoever leaves takes only their part along."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from handlers.family.words import letter as said
from models.errors import Refused
from models.family.booking import move
from models.family.calls import FamilyCall, call_for, calls_of, with_roles
from models.family.ending import cancel
from models.family.guests import CallGuest, guests_of
from models.family.joining import MOST_GUESTS, invite, leave, may_be_asked
from models.family.parting import part
from models.family.telling import person_moved_zone
from models.family.ways import Offered, choose
from models.hours import CHINA
from models.messages.letters import Letter
from models.people.care import CareLink
from models.people.persons import Person, move_to_zone
from models.places.cells import Cell, occupy
from models.tasks.tasks import Task
from tests.desk import statements
from tests.models.family.test_calls import SUNDAY_16, booked, cells_of, reminders, sister
from tests.models.family.test_parting import second_helper
from tests.world import NOW

HOUR = timedelta(hours=1)
NEW_YORK, ROME, MADRID = (ZoneInfo(name) for name in ("America/New_York", "Europe/Rome", "Europe/Madrid"))


def joined(session, cast, starts_at=SUNDAY_16):
    """小芳's call, with a sister in Rome and one in New York on it."""
    call = booked(session, cast, starts_at)
    sisters = [sister(session, cast, n) for n in (1, 2)]
    move_to_zone(session, sisters[1], "America/New_York")
    for one in sisters:
        invite(session, cast.who(cast.xiaofang), call.id, one.id, NOW)
    return call, *sisters


def due_of(session, call, person):
    return {r.facts["rule"]: r.due_at for r in reminders(session, call) if r.person_id == person.id}


@pytest.mark.case("D12")
def test_three_relatives_in_three_zones_are_each_reminded_at_their_own_hours_with_their_own_clock(session, cast):
    call, roman, yorker = joined(session, cast, SUNDAY_16 - 2 * HOUR)
    zones = {cast.xiaofang.id: MADRID, roman.id: ROME, yorker.id: NEW_YORK, cast.li.id: CHINA}
    found = reminders(session, call)
    assert len(found) == 4 * 3
    # 24 hours before is seven in the morning in Madrid and Rome, one at night in New York.
    eve = {
        r.person_id: f"{r.due_at.astimezone(zones[r.person_id]):%d %H:%M}" for r in found if r.facts["rule"] == "t-24h"
    }
    assert eve == {cast.xiaofang.id: "28 08:00", roman.id: "28 08:00", yorker.id: "28 08:00", cast.li.id: "28 14:00"}
    spoken = {r.person_id: said(r.kind, r.facts, zones[r.person_id]).text for r in found if r.facts["rule"] == "t-1h"}
    assert "马德里07:00" in spoken[cast.xiaofang.id]
    assert "罗马07:00" in spoken[roman.id]
    assert "纽约01:00" in spoken[yorker.id]
    assert "为王秀英和小芳、妹妹1、妹妹2准备视频" in spoken[cast.li.id]


@pytest.mark.case("G4")
def test_a_guest_who_leaves_takes_only_their_own_reminders_and_time_along(session, cast):
    call, roman, yorker = joined(session, cast)
    before = {person.id: due_of(session, call, person) for person in (cast.xiaofang, yorker, cast.li)}
    assert cells_of(session, call)[roman.resource] == 2
    leave(session, cast.who(roman), call.id, roman.id, NOW)
    assert call.state == "booked"
    assert cells_of(session, call) == {
        f"person:{cast.xiaofang.id}": 2, f"person:{cast.wangnainai.id}": 2, yorker.resource: 2,
        f"person:{cast.li.id}": 2, f"station:{call.station_id}": 2,
    }  # fmt: skip
    assert due_of(session, call, roman) == {}
    assert {person: due_of(session, call, session.get_one(Person, person)) for person in before} == before
    theirs = session.scalars(select(Letter.state).where(Letter.person_id == roman.id)).all()
    assert set(theirs) == {"withdrawn"}
    left = session.scalars(select(Letter).where(Letter.kind == "family.left")).one()
    assert left.person_id == cast.xiaofang.id
    assert "妹妹1不参加与王秀英的视频" in said(left.kind, left.facts, MADRID).text
    occupy(session, [roman.resource], call.starts_at, call.ends_at, "call:99")  # the hour is hers again
    leave(session, cast.who(roman), call.id, roman.id, NOW)
    assert len(session.scalars(select(Letter).where(Letter.kind == "family.left")).all()) == 1


@pytest.mark.case("G4")
def test_asked_again_after_leaving_their_reminders_come_back_once(session, cast):
    call, roman, _ = joined(session, cast)
    before = due_of(session, call, roman)
    leave(session, cast.who(cast.xiaofang), call.id, roman.id, NOW + HOUR)
    off = session.scalars(select(Letter).where(Letter.kind == "family.uninvited")).one()
    assert (off.person_id, off.state) == (roman.id, "planned")
    invite(session, cast.who(cast.xiaofang), call.id, roman.id, NOW + 2 * HOUR)
    invite(session, cast.who(cast.xiaofang), call.id, roman.id, NOW + 3 * HOUR)
    assert due_of(session, call, roman) == before
    assert len(before) == 3
    asked = select(Letter).where(Letter.kind == "family.invited", Letter.person_id == roman.id)
    assert [letter.state for letter in session.scalars(asked.order_by(Letter.id))] == ["withdrawn", "planned"]


@pytest.mark.case("G4")
def test_who_booked_sees_who_is_on_it_and_the_helpers_task_names_them(session, cast):
    call, roman, yorker = joined(session, cast)
    assert [guest.id for guest in guests_of(session, call.id)] == [roman.id, yorker.id]
    task = session.scalars(select(Task).where(Task.kind == "call_help", Task.state == "open")).one()
    assert task.facts["guests"] == ["妹妹1", "妹妹2"]
    leave(session, cast.who(yorker), call.id, yorker.id, NOW)
    session.refresh(task)
    assert task.facts["guests"] == ["妹妹1"]
    assert (calls_of(session, cast.who(roman), NOW), calls_of(session, cast.who(yorker), NOW)) == ([call], [])


@pytest.mark.case("L1", "G4")
def test_only_confirmed_relatives_of_the_same_elder_may_be_asked_and_only_by_who_booked_or_a_cadre(session, cast):
    call, roman, yorker = joined(session, cast)
    other = sister(session, cast, 3)
    xiaofang = cast.who(cast.xiaofang)
    assert [one.id for one in may_be_asked(session, xiaofang, call.id)] == [other.id]
    for stranger in (cast.aming, cast.laoxu, cast.zhao, cast.grandpa):
        with pytest.raises(Refused, match="no_link"):
            invite(session, xiaofang, call.id, stranger.id, NOW)
    for one in (cast.who(roman), cast.who(other), cast.who(cast.aming), cast.who(cast.zhao)):
        with pytest.raises(Refused, match="not_yours"):
            invite(session, one, call.id, other.id, NOW)
        with pytest.raises(Refused, match="not_yours"):
            leave(session, one, call.id, yorker.id, NOW)
    with pytest.raises(Refused, match="not_yours"):
        move(session, cast.who(roman), call.id, SUNDAY_16 - HOUR, NOW)
    with pytest.raises(Refused, match="not_yours"):
        cancel(session, cast.who(roman), call.id, "", NOW)
    assert (call.state, call.starts_at, call_for(session, cast.who(roman), call.id)[1]) == (
        "booked",
        SUNDAY_16,
        "guest",
    )
    leave(session, cast.who(yorker), call.id, yorker.id, NOW)
    invite(session, cast.who(cast.chen), call.id, other.id, NOW)  # a cadre over the village


def test_there_is_room_for_so_many_and_nobody_is_on_two_calls_at_once(session, cast):
    call = booked(session, cast)
    for n in (97, 98):
        invite(session, cast.who(cast.xiaofang), call.id, sister(session, cast, n).id, NOW)
    with pytest.raises(Refused, match="call_full"):  # the page shows four: the elder, who booked, and these two
        invite(session, cast.who(cast.xiaofang), call.id, sister(session, cast, 96).id, NOW)
    call.way = "mini_voip"
    for n in range(MOST_GUESTS - 2):
        invite(session, cast.who(cast.xiaofang), call.id, sister(session, cast, n).id, NOW)
    with pytest.raises(Refused, match="call_full"):
        invite(session, cast.who(cast.xiaofang), call.id, sister(session, cast, 99).id, NOW)
    assert len(guests_of(session, call.id)) == MOST_GUESTS
    with pytest.raises(Refused, match="way_not_possible"):
        choose(session, cast.who(cast.xiaofang), call.id, "room", "video", Offered(("room", "mini_voip")), NOW)


def test_whose_time_is_taken_is_not_asked_and_nothing_is_left_behind(session, cast):
    call, one = booked(session, cast), sister(session, cast)
    held = cells_of(session, call)
    occupy(session, [one.resource], SUNDAY_16 + timedelta(minutes=15), SUNDAY_16 + HOUR, "call:99")
    with pytest.raises(Refused, match="guest_busy"):
        invite(session, cast.who(cast.xiaofang), call.id, one.id, NOW)
    assert (cells_of(session, call), guests_of(session, call.id)) == (held, [])


@pytest.mark.case("E1", "G4")
def test_moved_it_takes_its_guests_along_and_goes_nowhere_where_one_of_them_cannot(session, cast):
    call, roman, yorker = joined(session, cast)
    occupy(session, [roman.resource], SUNDAY_16 - HOUR, SUNDAY_16 - HOUR / 2, "call:99")
    with pytest.raises(Refused, match="slot_taken") as refused:
        move(session, cast.who(cast.xiaofang), call.id, SUNDAY_16 - HOUR, NOW)
    assert SUNDAY_16 - HOUR not in [slot.starts_at for slot in refused.value.facts["alternatives"]]
    session.execute(update(Letter).where(Letter.kind == "family.invited").values(state="delivered"))
    move(session, cast.who(cast.xiaofang), call.id, SUNDAY_16 - 2 * HOUR, NOW)
    assert cells_of(session, call)[roman.resource] == cells_of(session, call)[yorker.resource] == 2
    changed = session.scalars(select(Letter.person_id).where(Letter.kind == "family.changed")).all()
    assert sorted(changed) == sorted([roman.id, yorker.id, cast.li.id])
    assert {(r.revision, r.facts["role"]) for r in reminders(session, call) if r.person_id == roman.id} == {
        (1, "relative")
    }
    cancel(session, cast.who(cast.xiaofang), call.id, "", NOW)
    off = session.scalars(select(Letter.person_id).where(Letter.kind == "family.cancelled")).all()
    assert sorted(off) == sorted([roman.id, yorker.id, cast.li.id])
    assert (reminders(session, call), cells_of(session, call)) == ([], {})


def helper_as_guest(session, cast):
    """A call, and another of the staff, who is on it as a relative."""
    call, second = booked(session, cast), second_helper(session, cast)
    link = CareLink(relative_id=second.id, cared_id=cast.wangnainai.id, kinship="侄女", state="confirmed", asked_at=NOW)
    session.add(link)
    session.flush()
    invite(session, cast.who(cast.xiaofang), call.id, second.id, NOW)
    return call, second


def test_a_cadre_who_is_a_guest_does_not_help_with_the_same_call(session, cast):
    call, _ = helper_as_guest(session, cast)
    occupy(session, [cast.li.resource], SUNDAY_16 - HOUR, SUNDAY_16 - HOUR / 2, "call:99")
    with pytest.raises(Refused, match="slot_taken") as refused:  # 李站长 is taken then, and she is on the call herself
        move(session, cast.who(cast.xiaofang), call.id, SUNDAY_16 - HOUR, NOW)
    assert SUNDAY_16 - HOUR not in [slot.starts_at for slot in refused.value.facts["alternatives"]]


@pytest.mark.case("L6", "G4")
def test_a_guest_whose_link_ends_is_off_the_call_and_hears_of_no_call_any_more(session, cast):
    call, roman, _ = joined(session, cast)
    link = session.scalars(select(CareLink).where(CareLink.relative_id == roman.id)).one()
    part(session, cast.who(cast.chen), link.id, NOW)
    assert (call.state, due_of(session, call, roman), cells_of(session, call)[roman.resource]) == ("booked", {}, 0)
    live = session.scalars(select(Letter.kind).where(Letter.person_id == roman.id, Letter.state == "planned")).all()
    assert live == ["people.link_revoked"]
    with pytest.raises(Refused, match="not_yours"):
        call_for(session, cast.who(roman), call.id)


@pytest.mark.case("D10", "D12")
def test_a_guest_who_moves_is_reminded_there_and_nobody_elses_letters_change(session, cast):
    call, roman, _ = joined(session, cast, SUNDAY_16 - 3 * HOUR)
    before = {r.key: (r.due_at, r.facts) for r in reminders(session, call) if r.person_id != roman.id}
    move_to_zone(session, roman, "Asia/Tokyo")
    person_moved_zone(session, roman.id, NOW)
    assert due_of(session, call, roman)["t-24h"] == call.starts_at - 24 * HOUR
    assert {r.key: (r.due_at, r.facts) for r in reminders(session, call) if r.person_id != roman.id} == before


@pytest.mark.case("G4", "E9")
def test_asked_while_the_call_is_moved_or_cancelled_nobody_holds_an_hour_of_a_call_that_is_not(open_session, cast):
    def made(session, n):
        return booked(session, cast, SUNDAY_16 - n * HOUR, f"k{n}").id, sister(session, cast, n).id

    with open_session() as session, session.begin():
        pairs = [made(session, n) for n in range(1, 6)]
    together = Barrier(2)

    def run(step):
        for n, pair in enumerate(pairs):
            together.wait(20)
            try:
                with open_session() as session, session.begin():
                    step(session, n, *pair)
            except Refused:
                pass

    def asks(session, _, call, guest):
        invite(session, cast.who(cast.xiaofang), call, guest, NOW)

    def ends(session, n, call, _):
        if n % 2:
            cancel(session, cast.who(cast.xiaofang), call, "", NOW)
        else:
            move(session, cast.who(cast.xiaofang), call, SUNDAY_16 - timedelta(days=1, hours=n), NOW)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, (asks, ends)))
    with open_session() as session:
        for call_id, guest_id in pairs:
            call = session.get_one(FamilyCall, call_id)
            on_it = session.scalars(select(CallGuest.id).where(CallGuest.call_id == call_id)).first()
            held = select(Cell.cell_start).where(Cell.held_by == call.subject, Cell.resource_id == f"person:{guest_id}")
            cells = sorted(session.scalars(held))
            live = {r.revision for r in reminders(session, call) if r.person_id == guest_id}
            if call.state == "cancelled" or not on_it:
                assert (cells, live) == ([], set())
            else:
                assert (cells[0], live) == (call.starts_at, {call.revision})


def test_many_calls_are_seen_at_once_in_the_role_that_each_would_be_seen_in_alone(session, cast, engine):
    roman = sister(session, cast)
    calls = [booked(session, cast, SUNDAY_16 + n * timedelta(days=1), f"k{n}") for n in range(4)]
    invite(session, cast.who(cast.xiaofang), calls[0].id, roman.id, NOW)
    invite(session, cast.who(cast.xiaofang), calls[2].id, roman.id, NOW)
    for person, roles in ((cast.xiaofang, ["relative"] * 4), (roman, ["guest"] * 2), (cast.li, ["cadre"] * 4)):
        seen = with_roles(session, cast.who(person), calls_of(session, cast.who(person), NOW))
        assert [one.role for one in seen] == roles
        assert [one.role for one in seen] == [call_for(session, cast.who(person), one.call.id)[1] for one in seen]
    assert [[guest.id for guest in one.guests] for one in seen] == [[roman.id], [], [roman.id], []]
    assert {(one.cared.id, one.relative.id, one.centre.id) for one in seen} == {
        (cast.wangnainai.id, cast.xiaofang.id, cast.centre.id)
    }
    with statements(engine) as asked:
        with_roles(session, cast.who(cast.li), calls)
    assert len(asked) == 4
