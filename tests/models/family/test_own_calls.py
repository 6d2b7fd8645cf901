"""Who is called and has a phone of their own: sees their calls, may come in themselves, and changes nothing."""

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select, update

from models.errors import Refused
from models.family import ways
from models.family.booking import move
from models.family.calls import CALL, FamilyCall, call_for, calls_led, calls_of
from models.family.ending import cancel, undo
from models.family.joining import invite, leave, may_be_asked
from models.family.passes import give_pass, open_calls, open_screen, use_pass
from models.family.presence import Came, others_here, saw, seated, who_came
from models.family.rooms import GRACE
from models.family.telling import person_moved_zone
from models.family.ways import OWN_PHONE, WAYS, joining
from models.life import By
from models.messages.letters import Letter
from models.people.persons import Person, move_to_zone
from models.people.staff import StaffRole
from tests.models.family.test_calls import SUNDAY_16, booked, sister
from tests.own_phone import with_a_phone
from tests.world import NOW

MINUTE = timedelta(minutes=1)


def refused(work, *args, **more):
    with pytest.raises(Refused) as caught:
        work(*args, **more)
    return caught.value.code


@pytest.fixture
def her(session, cast):
    """王奶奶 with a phone of her own."""
    return with_a_phone(session, cast.wangnainai)


def test_who_is_called_sees_her_calls_and_nobody_elses(session, cast, her):
    call = booked(session, cast)
    assert calls_of(session, her, NOW) == [call]
    assert call_for(session, her, call.id) == (call, "cared")
    assert calls_led(session, her, NOW) == []
    assert calls_led(session, cast.who(cast.xiaofang), NOW) == [call]
    neighbour = with_a_phone(session, cast.grandpa)
    assert calls_of(session, neighbour, NOW) == []
    assert refused(call_for, session, neighbour, call.id) == "not_yours"
    call.state = "cancelled"
    session.flush()
    assert calls_of(session, her, NOW) == []
    assert call_for(session, her, call.id)[1] == "cared"


def test_she_changes_nothing_of_it(session, cast, her):
    call, guest = booked(session, cast), sister(session, cast)
    invite(session, cast.who(cast.xiaofang), call.id, guest.id, NOW)
    offered = ways.Offered(tuple(WAYS))
    for work, more in (
        (move, (SUNDAY_16 + timedelta(days=1), NOW)), (cancel, ("不去了", NOW)), (undo, (NOW,)),
        (invite, (guest.id, NOW)), (leave, (guest.id, NOW)), (may_be_asked, ()), (open_screen, (SUNDAY_16,)),
        (ways.choose, ("by_hand", "voice", offered, NOW)),
    ):  # fmt: skip
        assert refused(work, session, her, call.id, *more) == "not_yours", work.__name__
    assert (call.state, call.revision, call.way, call.starts_at) == ("booked", 0, "room", SUNDAY_16)
    with pytest.raises(Refused):
        CALL.move(session, call, "cancel", by=By(her.person_id, "cared"), now=NOW)


def test_a_guest_cannot_cancel_either(session, cast):
    call, guest = booked(session, cast), sister(session, cast)
    invite(session, cast.who(cast.xiaofang), call.id, guest.id, NOW)
    for work, more in ((cancel, ("不去了", NOW)), (undo, (NOW,)), (move, (SUNDAY_16 + timedelta(days=1), NOW))):
        assert refused(work, session, cast.who(guest), call.id, *more) == "not_yours"


@pytest.mark.parametrize(
    ("born", "left_behind", "sees"),
    [
        (date(2012, 11, 26), "child", True), (date(2012, 11, 27), "child", True), (date(2012, 11, 28), "child", False),
        (date(2018, 5, 1), "", False), (None, "child", False), (None, "", True), (None, "elder", True),
    ],
)  # fmt: skip
def test_a_child_under_fourteen_when_it_was_booked_has_no_such_list(session, cast, her, born, left_behind, sees):
    call = booked(session, cast)
    call.created_at, call.way = NOW.replace(month=11, day=27), "room"
    session.execute(update(Person).where(Person.id == her.person_id).values(born=born, left_behind=left_behind))
    session.expire_all()
    assert (calls_of(session, her, NOW) == [call]) is sees
    assert (open_calls(session, her, SUNDAY_16) == [call]) is sees
    if sees:
        assert call_for(session, her, call.id)[1] == "cared"
    else:
        assert refused(call_for, session, her, call.id) == "not_yours"
        assert refused(give_pass, session, her, call.id, SUNDAY_16) == "not_yours"


def test_whoever_is_in_hospital_or_gone_sees_none(session, cast, her):
    call = booked(session, cast)
    session.execute(update(Person).where(Person.id == her.person_id).values(state="paused"))
    session.expire_all()
    assert calls_of(session, her, NOW) == []
    assert refused(call_for, session, her, call.id) == "not_active"


def test_a_cadre_who_is_called_keeps_a_cadres_rights(session, cast, her):
    call = booked(session, cast)
    session.add(StaffRole(person_id=her.person_id, role="station_cadre", area_id=cast.village.id, since=NOW))
    session.flush()
    assert call_for(session, her, call.id)[1] == "cadre"
    assert calls_of(session, her, NOW) == [call]


def test_she_comes_in_on_her_own_phone_on_the_elders_side(session, cast, her):
    call = booked(session, cast)
    assert refused(give_pass, session, her, call.id, SUNDAY_16 - timedelta(hours=1)) == "room_early"
    assert open_calls(session, her, SUNDAY_16) == [call]
    secret = give_pass(session, her, call.id, SUNDAY_16)
    assert refused(use_pass, session, secret, SUNDAY_16, by=cast.xiaofang.id) == "not_yours"
    mine, seat = use_pass(session, secret, SUNDAY_16)
    assert (seat.role, seat.at_home, seat.place) == ("cared", True, "screen")
    assert call.state == "booked"  # that she is at the centre, a cadre says
    theirs, other = use_pass(session, give_pass(session, cast.who(cast.xiaofang), call.id, SUNDAY_16), SUNDAY_16)
    assert others_here(session, call, other.place, SUNDAY_16) == ["王秀英"]
    assert others_here(session, call, seat.place, SUNDAY_16) == ["小芳"]
    for one in (mine, theirs):
        saw(session, seated(session, one, SUNDAY_16), SUNDAY_16)
    assert call.state == "in_call"
    assert who_came(session, call) == Came(home=True, away=True, met=True)


def test_the_elders_side_is_one_place_and_whoever_comes_last_has_it(session, cast, her):
    call = booked(session, cast)
    mine, _ = use_pass(session, give_pass(session, her, call.id, SUNDAY_16), SUNDAY_16)
    screen, _ = use_pass(session, open_screen(session, cast.who(cast.li), call.id, SUNDAY_16), SUNDAY_16)
    assert refused(seated, session, mine, SUNDAY_16) == "seat_moved"
    again, _ = use_pass(session, give_pass(session, her, call.id, SUNDAY_16), SUNDAY_16)
    assert refused(seated, session, screen, SUNDAY_16) == "seat_moved"
    assert seated(session, again, SUNDAY_16).call is call


def test_a_room_that_was_made_anew_lets_her_in_too(session, cast, her):
    call, late = booked(session, cast), SUNDAY_16 + timedelta(minutes=30) + GRACE
    assert open_calls(session, her, late) == []
    open_screen(session, cast.who(cast.li), call.id, late)
    assert open_calls(session, her, late) == [call]
    use_pass(session, give_pass(session, her, call.id, late), late)


@pytest.mark.parametrize("way", sorted(WAYS))
def test_she_joins_herself_only_where_the_way_has_no_one_between(session, cast, her, way):
    call = booked(session, cast)
    session.execute(update(FamilyCall).where(FamilyCall.id == call.id).values(way=way))
    session.expire_all()
    if way == "room":
        assert give_pass(session, her, call.id, SUNDAY_16)
    else:
        assert refused(give_pass, session, her, call.id, SUNDAY_16) == "with_cadre"
        assert open_calls(session, her, SUNDAY_16) == []
    assert open_calls(session, cast.who(cast.xiaofang), SUNDAY_16) == [call]
    if WAYS[way].joins in OWN_PHONE:
        assert joining(session, her, call.id, SUNDAY_16) == (call, "cared")
    else:
        assert refused(joining, session, her, call.id, SUNDAY_16) == "with_cadre"


@pytest.mark.case("D10")
def test_when_she_lives_elsewhere_her_reminders_follow_her(session, cast, her):
    call = booked(session, cast, SUNDAY_16.replace(hour=9))
    person = session.get_one(Person, her.person_id)
    move_to_zone(session, person, "Europe/Madrid")
    person_moved_zone(session, person.id, NOW)
    due = session.scalars(
        select(Letter.due_at).where(
            Letter.subject == call.subject, Letter.person_id == person.id, Letter.kind == "family.reminder",
            Letter.state == "planned",
        )
    ).all()  # fmt: skip
    # A day before is two at night there: it waits for the morning.
    assert min(due) == datetime(2026, 11, 28, 8, 0, tzinfo=person.tz)
