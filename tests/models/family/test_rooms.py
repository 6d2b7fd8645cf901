"""A room opens before its call and outlasts it, a pass lets one person in once, and both sides end at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from handlers.family.words import letter as said
from models.errors import Refused
from models.family.booking import move
from models.family.calls import CALL, FamilyCall
from models.family.ending import cancel, finish_past
from models.family.joining import invite, leave
from models.family.outcomes import suggested
from models.family.passes import CallPass, forget_passes, give_pass, look_at, open_calls, open_screen, use_pass
from models.family.presence import (
    HERE_FOR,
    Came,
    come_in,
    digest,
    go_out,
    log_of,
    others_here,
    saw,
    seated,
    touch,
    who_came,
)
from models.family.rooms import EARLY, GRACE, CallRoom, may_enter, room_of
from models.life import By
from models.messages.letters import Letter
from models.people.care import CARE, CareLink
from models.places.cells import occupy
from tests.models.family.test_calls import SUNDAY_16, booked, sister
from tests.world import NOW

MINUTE = timedelta(minutes=1)
MADRID = ZoneInfo("Europe/Madrid")
END = SUNDAY_16 + timedelta(minutes=30)


def refused(work, *args, **more):
    with pytest.raises(Refused) as caught:
        work(*args, **more)
    return caught.value.code


def inside(session, cast, call, now=SUNDAY_16):
    """Both sides in the room: the secrets of their seats, the relative's first."""
    away = give_pass(session, cast.who(cast.xiaofang), call.id, now)
    home = open_screen(session, cast.who(cast.li), call.id, now)
    return use_pass(session, away, now)[0], use_pass(session, home, now)[0]


@pytest.mark.case("D15")
def test_the_room_opens_a_quarter_before_and_stays_open_until_the_grace_is_over(session, cast):
    call, xiaofang = booked(session, cast), cast.who(cast.xiaofang)
    assert refused(give_pass, session, xiaofang, call.id, SUNDAY_16 - EARLY - MINUTE) == "room_early"
    for now in (SUNDAY_16 - EARLY, SUNDAY_16, SUNDAY_16 + 20 * MINUTE, END + GRACE - MINUTE):
        assert may_enter(call, now)
        secret, _ = use_pass(session, give_pass(session, xiaofang, call.id, now), now)
        assert seated(session, secret, now).call is call
        assert open_calls(session, xiaofang, now) == [call]
    assert refused(give_pass, session, xiaofang, call.id, END + GRACE) == "room_over"
    assert refused(seated, session, secret, END + GRACE) == "room_over"
    assert open_calls(session, xiaofang, END + GRACE) == []


@pytest.mark.parametrize("hour", [0, 1, 2])
def test_the_window_is_one_of_instants_also_in_the_night_when_madrid_puts_its_clock_back(session, cast, hour):
    call = booked(session, cast)
    call.starts_at = datetime(2026, 10, 25, hour, 0, tzinfo=UTC)
    call.ends_at = call.starts_at + 30 * MINUTE
    session.flush()
    opens = (call.starts_at - 15 * MINUTE).astimezone(MADRID)  # 01:45, then twice 02:45 by her own clock
    assert not may_enter(call, opens.astimezone(UTC) - timedelta(seconds=1))
    assert may_enter(call, opens)
    assert not may_enter(call, (call.ends_at + 15 * MINUTE).astimezone(MADRID))


def test_a_pass_lets_one_browser_in_once_within_half_an_hour(session, cast):
    call, xiaofang = booked(session, cast), cast.who(cast.xiaofang)
    secret = give_pass(session, xiaofang, call.id, SUNDAY_16)
    look_at(session, secret, SUNDAY_16)  # a preview of the link uses nothing up
    seat, row = use_pass(session, secret, SUNDAY_16 + MINUTE)
    assert row.role == "relative"
    assert refused(use_pass, session, secret, SUNDAY_16 + MINUTE) == "pass_used"
    late = give_pass(session, xiaofang, call.id, SUNDAY_16 - EARLY)
    assert refused(use_pass, session, late, SUNDAY_16 + 15 * MINUTE) == "pass_over"
    assert refused(use_pass, session, "made-up", SUNDAY_16) == "pass_unknown"
    assert session.scalars(select(CallPass.key)).all() != [secret]
    assert seated(session, seat, SUNDAY_16 + 20 * MINUTE).seat.id == row.id


def test_a_pass_is_for_one_person_and_one_side(session, cast):
    call = booked(session, cast)
    for stranger in (cast.aming, cast.zhao, cast.laoxu):
        assert refused(give_pass, session, cast.who(stranger), call.id, SUNDAY_16) == "not_yours"
        assert refused(open_screen, session, cast.who(stranger), call.id, SUNDAY_16) == "not_yours"
    assert refused(open_screen, session, cast.who(cast.xiaofang), call.id, SUNDAY_16) == "not_yours"
    secret = give_pass(session, cast.who(cast.xiaofang), call.id, SUNDAY_16)
    assert refused(use_pass, session, secret, SUNDAY_16, by=cast.aming.id) == "not_yours"
    assert session.get(CallPass, digest(secret)).used_at is None
    _, seat = use_pass(session, open_screen(session, cast.who(cast.li), call.id, SUNDAY_16), SUNDAY_16)
    assert (seat.role, seat.at_home) == ("screen", True)


def test_who_is_not_on_the_call_any_more_is_out_at_once(session, cast):
    call, guest = booked(session, cast), sister(session, cast)
    invite(session, cast.who(cast.xiaofang), call.id, guest.id, NOW)
    unused = give_pass(session, cast.who(guest), call.id, SUNDAY_16 - MINUTE)
    secret, seat = use_pass(session, give_pass(session, cast.who(guest), call.id, SUNDAY_16), SUNDAY_16)
    assert seat.role == "guest"
    leave(session, cast.who(guest), call.id, guest.id, SUNDAY_16 - MINUTE)
    assert refused(seated, session, secret, SUNDAY_16) == "not_yours"
    assert refused(use_pass, session, unused, SUNDAY_16) == "not_yours"
    away, home = inside(session, cast, call)
    link = session.scalars(select(CareLink).where(CareLink.relative_id == cast.xiaofang.id)).one()
    CARE.move(session, link, "revoke", by=By(cast.xiaofang.id, "relative"), now=SUNDAY_16)
    assert refused(seated, session, away, SUNDAY_16) == "no_link"
    assert seated(session, home, SUNDAY_16).seat.at_home


@pytest.mark.case("D15")
def test_a_cancelled_call_is_over_on_both_sides_and_so_is_one_that_was_moved(session, cast):
    call = booked(session, cast)
    away = use_pass(session, give_pass(session, cast.who(cast.xiaofang), call.id, SUNDAY_16), SUNDAY_16)[0]
    unused = give_pass(session, cast.who(cast.xiaofang), call.id, SUNDAY_16)
    home = use_pass(session, open_screen(session, cast.who(cast.li), call.id, SUNDAY_16), SUNDAY_16)[0]
    cancel(session, cast.who(cast.xiaofang), call.id, "临时有事", SUNDAY_16)
    assert {refused(seated, session, one, SUNDAY_16) for one in (away, home)} == {"call_off"}
    assert refused(use_pass, session, unused, SUNDAY_16) == "call_off"
    assert refused(give_pass, session, cast.who(cast.xiaofang), call.id, SUNDAY_16) == "call_off"
    other = booked(session, cast, SUNDAY_16 + timedelta(hours=-2), "k2")
    early = other.starts_at - EARLY
    secret = give_pass(session, cast.who(cast.xiaofang), other.id, early)
    sits = use_pass(session, give_pass(session, cast.who(cast.xiaofang), other.id, early), early)[0]
    move(session, cast.who(cast.xiaofang), other.id, SUNDAY_16 + timedelta(minutes=-30), early)
    assert refused(seated, session, sits, early) == refused(use_pass, session, secret, early) == "call_moved"


@pytest.mark.case("D16")
def test_an_elder_who_is_seventy_minutes_late_gets_another_room_for_the_same_booking(session, cast):
    call, late = booked(session, cast), SUNDAY_16 + 70 * MINUTE
    xiaofang = cast.who(cast.xiaofang)
    waits, _ = use_pass(session, give_pass(session, xiaofang, call.id, SUNDAY_16), SUNDAY_16)
    assert finish_past(session, late) == 0
    assert refused(seated, session, waits, late) == refused(give_pass, session, xiaofang, call.id, late) == "room_over"
    home = use_pass(session, open_screen(session, cast.who(cast.li), call.id, late), late)[0]
    assert (call.state, call.revision) == ("checked_in", 0)
    # The relative's page, loaded again, is in the new room; so is whoever asks for a pass now.
    assert (
        seated(session, waits, late).room.id == seated(session, home, late).room.id == room_of(session, call, late).id
    )
    assert use_pass(session, give_pass(session, xiaofang, call.id, late), late)[1].role == "relative"
    assert open_calls(session, xiaofang, late) == [call]
    assert room_of(session, call, late + 44 * MINUTE).number == 1
    assert refused(room_of, session, call, late + 45 * MINUTE) == "room_over"
    told = session.scalars(select(Letter).where(Letter.kind == "family.arrived")).all()
    assert [letter.person_id for letter in told] == [cast.xiaofang.id]
    assert "王秀英已经到了葛山村党群服务中心" in said(told[0].kind, told[0].facts, MADRID).text
    assert session.scalar(select(func.count()).select_from(FamilyCall)) == 1


@pytest.mark.case("D16")
def test_a_late_room_ends_where_the_next_call_needs_the_screen(session, cast):
    call, late = booked(session, cast), SUNDAY_16 + 70 * MINUTE
    other = booked(session, cast, SUNDAY_16 + 90 * MINUTE - timedelta(hours=6), "k2", cast.who(sister(session, cast)))
    other.starts_at = SUNDAY_16 + 90 * MINUTE
    other.station_id = call.station_id
    occupy(session, [f"station:{call.station_id}"], other.starts_at, other.starts_at + 30 * MINUTE, other.subject)
    open_screen(session, cast.who(cast.li), call.id, late)
    assert room_of(session, call, late).closes_at == other.starts_at
    assert refused(open_screen, session, cast.who(cast.li), call.id, other.starts_at) == "screen_taken"


def test_the_elders_arrival_is_told_once_and_not_to_who_is_at_the_screen(session, cast):
    call, guest = booked(session, cast), sister(session, cast)
    invite(session, cast.who(cast.xiaofang), call.id, guest.id, NOW)
    for n in range(3):
        open_screen(session, cast.who(cast.li), call.id, SUNDAY_16 + n * MINUTE)
    told = session.scalars(select(Letter.person_id).where(Letter.kind == "family.arrived")).all()
    assert sorted(told) == sorted([cast.xiaofang.id, guest.id])
    assert call.state == "checked_in"


def test_a_page_whose_answer_was_lost_asks_again_with_its_own_key_and_nobody_else_does(session, cast):
    call, xiaofang = booked(session, cast), cast.who(cast.xiaofang)
    secret = give_pass(session, xiaofang, call.id, SUNDAY_16)
    mine, row = use_pass(session, secret, SUNDAY_16, key="k" * 32)
    again, same = use_pass(session, secret, SUNDAY_16 + MINUTE, key="k" * 32)
    assert (again, same.id) == (mine, row.id)
    for key in ("", "x" * 32):
        assert refused(use_pass, session, secret, SUNDAY_16 + MINUTE, key=key) == "pass_used"
    assert refused(use_pass, session, secret, SUNDAY_16, by=cast.aming.id, key="k" * 32) == "not_yours"
    use_pass(session, give_pass(session, xiaofang, call.id, SUNDAY_16), SUNDAY_16, key="k" * 32)  # another pass
    assert refused(use_pass, session, secret, SUNDAY_16 + MINUTE, key="k" * 32) == "seat_moved"


def test_a_page_keeps_its_seat_when_it_is_loaded_anew_and_a_second_browser_takes_it_over(session, cast):
    call = booked(session, cast)
    first, _ = inside(session, cast, call)
    found = seated(session, first, SUNDAY_16)
    go_out(session, found.seat, SUNDAY_16)
    come_in(session, seated(session, first, SUNDAY_16 + MINUTE), SUNDAY_16 + MINUTE)
    assert found.seat.left_at is None
    second, seat = use_pass(session, give_pass(session, cast.who(cast.xiaofang), call.id, SUNDAY_16), SUNDAY_16)
    assert refused(seated, session, first, SUNDAY_16) == "seat_moved"
    assert seated(session, second, SUNDAY_16).seat.id == seat.id


def test_a_room_holds_four_and_whoever_was_not_seen_makes_place(session, cast):
    call, secrets = booked(session, cast), []
    people = [sister(session, cast, n) for n in (1, 2, 3)]
    call.way = "mini_voip"  # which holds more than the page does
    for one in people:
        invite(session, cast.who(cast.xiaofang), call.id, one.id, NOW)
    call.way = "room"
    inside(session, cast, call)
    for one in people[:2]:
        secrets.append(use_pass(session, give_pass(session, cast.who(one), call.id, SUNDAY_16), SUNDAY_16)[0])
    last = give_pass(session, cast.who(people[2]), call.id, SUNDAY_16)
    with session.begin_nested() as point:
        assert refused(use_pass, session, last, SUNDAY_16) == "room_full"
        point.rollback()
    for one in (secrets[0], secrets[1]):
        touch(session, seated(session, one, SUNDAY_16).seat, SUNDAY_16 + 30 * timedelta(seconds=1))
    later = SUNDAY_16 + HERE_FOR
    assert len(others_here(session, call, "screen", later)) == 2
    assert use_pass(session, last, later)[1].role == "guest"


def test_when_pictures_flow_on_both_sides_the_call_is_under_way_and_presence_says_so(session, cast):
    call = booked(session, cast)
    assert who_came(session, call) == Came(home=False, away=False, met=False)
    away, home = inside(session, cast, call)
    assert others_here(session, call, "screen", SUNDAY_16) == ["小芳"]
    assert others_here(session, call, f"person:{cast.xiaofang.id}", SUNDAY_16) == ["王秀英"]
    saw(session, seated(session, away, SUNDAY_16), SUNDAY_16)
    assert call.state == "checked_in"
    assert not who_came(session, call).met
    for _ in range(2):
        saw(session, seated(session, home, SUNDAY_16), SUNDAY_16 + MINUTE)
    assert call.state == "in_call"
    came = who_came(session, call)
    assert (came.home, came.away, came.met) == (True, True, True)
    assert [(one.at_home, one.person_id, one.saw_at) for one in log_of(session, call)] == [
        (False, cast.xiaofang.id, SUNDAY_16), (True, cast.li.id, SUNDAY_16 + MINUTE),
    ]  # fmt: skip


@pytest.mark.case("I1", "I5")
def test_presence_tells_an_absent_relative_from_an_absent_elder(session, cast):
    alone = booked(session, cast)
    use_pass(session, open_screen(session, cast.who(cast.li), alone.id, SUNDAY_16), SUNDAY_16)
    assert (who_came(session, alone).home, who_came(session, alone).away) == (True, False)
    assert suggested(session, alone, alone.ends_at) == "relative_no_show"
    other = booked(session, cast, SUNDAY_16 - timedelta(hours=1), "k2")
    at = other.starts_at
    use_pass(session, give_pass(session, cast.who(cast.xiaofang), other.id, at), at)
    assert (who_came(session, other).home, who_came(session, other).away) == (False, True)
    assert suggested(session, other, other.ends_at) == "resident_no_show"


def test_old_passes_are_forgotten_and_presence_is_kept(session, cast):
    call = booked(session, cast)
    inside(session, cast, call)
    assert forget_passes(session, SUNDAY_16 + timedelta(hours=24)) == 0
    assert forget_passes(session, SUNDAY_16 + timedelta(hours=25)) == 2
    assert len(log_of(session, call)) == 2


def test_what_has_ended_stays_shut(session, cast):
    call = booked(session, cast)
    away, _ = inside(session, cast, call)
    CALL.move(session, call, "complete", by=By(cast.li.id, "cadre"), now=SUNDAY_16)
    assert refused(seated, session, away, SUNDAY_16) == "room_over"
    assert refused(open_screen, session, cast.who(cast.li), call.id, SUNDAY_16) == "room_over"


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_of_eight_who_use_one_pass_at_once_one_gets_in_and_one_room_is_made(open_session, cast):
    with open_session() as session, session.begin():
        call = booked(session, cast).id
    together = Barrier(8)

    def screens(_):
        together.wait(20)
        with open_session() as session, session.begin():
            return open_screen(session, cast.who(cast.li), call, SUNDAY_16)

    with ThreadPoolExecutor(8) as pool:
        passes = list(pool.map(screens, range(8)))
    with open_session() as session:
        assert session.scalar(select(func.count()).select_from(CallRoom)) == 1

    def uses(one, key=""):
        together.wait(20)
        try:
            with open_session() as session, session.begin():
                return use_pass(session, one, SUNDAY_16, key=key)[0]
        except Refused as refusal:
            return refusal.code

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(uses, [passes[0]] * 8))
    assert got.count("pass_used") == 7
    with ThreadPoolExecutor(8) as pool:  # one page that hears no answer, and asks again and again
        got = list(pool.map(uses, [passes[1]] * 8, ["k" * 32] * 8))
    assert len(set(got)) == 1
    with open_session() as session:
        assert seated(session, got[0], SUNDAY_16).seat.role == "screen"


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_both_sides_say_at_once_that_they_see_the_other_and_the_call_begins_once(open_session, cast):
    with open_session() as session, session.begin():
        call = booked(session, cast)
        secrets = inside(session, cast, call)
    together = Barrier(2)

    def tells(secret):
        together.wait(20)
        with open_session() as session, session.begin():
            saw(session, seated(session, secret, SUNDAY_16), SUNDAY_16)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(tells, secrets))
    with open_session() as session:
        assert session.get_one(FamilyCall, call.id).state == "in_call"
