"""How a call is held: what each way needs, who may choose and join, and minutes that are never spent twice."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from handlers.family.daysheets import cells
from models.errors import Refused
from models.family import devices, minutes, ways
from models.family.booking import move
from models.family.calls import FamilyCall
from models.family.daysheet import day_sheet
from models.family.devices import DeviceGrant, VoipDevice
from models.family.ending import cancel
from models.family.joining import invite
from models.family.minutes import Budget, VoipMonth, VoipUse
from models.family.ways import Offered
from models.messages.letters import Letter
from models.people.care import CareLink
from models.people.identities import Identity
from models.tasks.desk import finish
from models.tasks.tasks import Task
from tests.models.family.test_calls import SUNDAY_16, booked, sister
from tests.world import NOW

MINI = "wx-mini"
OFFERED = Offered(tuple(ways.WAYS), MINI, Budget(1000, 60))
DURING = SUNDAY_16 + timedelta(minutes=5)


def in_mini_program(session, *people):
    session.add_all(
        Identity(app_id=MINI, openid=f"m-{one.id}", person_id=one.id, kind="mini_program", since=NOW) for one in people
    )
    session.flush()


def why_not(session, call, offered=OFFERED):
    return {choice.way: choice.why_not for choice in ways.possible(session, call, offered, NOW)}


def refused(code, work, *args):
    with pytest.raises(Refused) as refusal:
        work(*args)
    assert refusal.value.code == code
    return refusal.value.facts


def with_device(session, call):
    device = VoipDevice(station_id=call.station_id, sn="SN-1", model_id="model", name="葛山1号机")
    session.add(device)
    session.flush()
    return device


def test_each_way_says_what_it_lacks_and_is_possible_once_it_is_there(session, cast):
    call = booked(session, cast)
    assert why_not(session, call) == {
        "room": "", "mini_voip": "mini_program", "mini_1v1": "mini_program", "device_voip": "mini_program",
        "link": "", "by_hand": "",
    }  # fmt: skip
    in_mini_program(session, cast.xiaofang)
    lacking = why_not(session, call)
    # One to one needs the helper there as well: it is their phone that rings the family's.
    assert (lacking["mini_voip"], lacking["mini_1v1"], lacking["device_voip"]) == ("", "helper", "device")
    in_mini_program(session, cast.li)
    assert why_not(session, call)["mini_1v1"] == ""
    with_device(session, call)
    assert why_not(session, call)["device_voip"] == "authorised"
    devices.said(session, call, cast.xiaofang.id, "granted", NOW)
    assert set(why_not(session, call).values()) == {""}


@pytest.mark.case("D18")
def test_the_cadre_does_not_call_by_hand_whom_wechat_does_not_reach(session, cast):
    call = booked(session, cast)
    session.get_one(Identity, cast.identities[cast.xiaofang.id].id).reachable = False
    session.flush()
    assert why_not(session, call)["by_hand"] == "wechat"


@pytest.mark.case("D12")
def test_a_call_of_three_is_no_one_to_one_and_wants_everybody_in_the_mini_program(session, cast):
    call, second = booked(session, cast), sister(session, cast)
    in_mini_program(session, cast.xiaofang)
    invite(session, cast.who(cast.xiaofang), call.id, second.id, NOW)
    assert why_not(session, call)["mini_voip"] == "mini_program"
    in_mini_program(session, second, cast.li)
    assert (why_not(session, call)["mini_voip"], why_not(session, call)["mini_1v1"]) == ("", "alone")


def test_who_booked_and_a_cadre_choose_and_a_refused_choice_leaves_the_old_one(session, cast):
    call = booked(session, cast)
    me, li = cast.who(cast.xiaofang), cast.who(cast.li)
    ways.choose(session, me, call.id, "by_hand", "voice", OFFERED, NOW)
    assert (call.way, call.media) == ("by_hand", "voice")
    facts = refused("way_not_possible", ways.choose, session, li, call.id, "mini_1v1", "video", OFFERED, NOW)
    assert facts == {"why": "mini_program"}
    session.refresh(call)
    assert (call.way, call.media) == ("by_hand", "voice")
    refused("no_way", ways.choose, session, li, call.id, "link", "video", replace(OFFERED, ways=("room",)), NOW)
    refused("not_yours", ways.choose, session, cast.who(cast.aming), call.id, "room", "video", OFFERED, NOW)
    ways.choose(session, li, call.id, "link", "video", OFFERED, NOW)
    task = session.scalars(select(Task).where(Task.subject == call.subject, Task.kind == "call_help")).one()
    assert task.facts["way"] == "link"
    cancel(session, me, call.id, "", NOW)
    refused("wrong_state", ways.choose, session, me, call.id, "room", "video", OFFERED, NOW)


@pytest.mark.case("D15")
def test_a_call_opens_a_quarter_before_and_shuts_ten_minutes_after_its_end(session, cast):
    call, me = booked(session, cast), cast.who(cast.xiaofang)
    opens, shuts = call.starts_at - timedelta(minutes=15), call.ends_at + timedelta(minutes=10)
    assert refused("call_not_open", ways.joining, session, me, call.id, opens - timedelta(seconds=1)) == {
        "opens_at": opens
    }
    for moment in (opens, DURING, shuts - timedelta(seconds=1)):
        assert ways.joining(session, me, call.id, moment) == (call, "relative")
    refused("call_over", ways.joining, session, me, call.id, shuts)
    cancel(session, me, call.id, "", NOW)
    refused("call_over", ways.joining, session, me, call.id, DURING)


def test_only_who_is_on_a_call_joins_it(session, cast):
    call, second = booked(session, cast), sister(session, cast)
    refused("not_yours", ways.joining, session, cast.who(second), call.id, DURING)
    invite(session, cast.who(cast.xiaofang), call.id, second.id, NOW)
    assert ways.joining(session, cast.who(second), call.id, DURING)[1] == "guest"
    assert ways.joining(session, cast.who(cast.li), call.id, DURING)[1] == "cadre"
    # The township's clerk sees the call and is not on it; the cousin and the other township do not even see it.
    for stranger in (cast.chen, cast.aming, cast.zhao):
        refused("not_yours", ways.joining, session, cast.who(stranger), call.id, DURING)


def test_each_call_has_a_room_that_nobody_can_guess_and_a_move_keeps_it(session, cast):
    first = booked(session, cast)
    second = booked(session, cast, SUNDAY_16 + timedelta(hours=-1), "k2")
    keys = {ways.group_of(session, call) for call in (first, second, first)}
    assert len(keys) == 2
    assert all(len(key) == 32 and str(first.id) != key for key in keys)
    before = ways.group_of(session, first)
    move(session, cast.who(cast.xiaofang), first.id, SUNDAY_16 - timedelta(hours=2), NOW)
    assert ways.group_of(session, first) == before


def test_two_who_join_at_once_are_in_one_room(open_session, cast):
    with open_session() as session, session.begin():
        call_id = booked(session, cast).id

    def asked(_):
        with open_session() as session, session.begin():
            return ways.group_of(session, session.get_one(FamilyCall, call_id))

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(asked, range(8)))) == 1


def taken(session):
    return session.scalar(select(func.sum(VoipMonth.taken))) or 0


def one_to_one(session, cast, key="k1", starts_at=SUNDAY_16, media="video"):
    call = booked(session, cast, starts_at, key)
    call.way, call.media = "mini_1v1", media
    session.flush()
    return call


def test_a_call_holds_its_whole_time_once_and_gives_back_what_it_did_not_use(session, cast):
    call = one_to_one(session, cast)
    minutes.hold(session, call, MINI, OFFERED.budget, DURING)
    minutes.hold(session, call, MINI, OFFERED.budget, DURING)
    assert taken(session) == 30 * 15
    assert minutes.left(session, MINI, OFFERED.budget, DURING, "video") == 36
    minutes.report(session, call, cast.xiaofang.id, 4, DURING)
    assert taken(session) == 4 * 15
    minutes.report(session, call, cast.li.id, 6, DURING)
    minutes.report(session, call, cast.xiaofang.id, 5, DURING)
    assert taken(session) == 6 * 15
    minutes.report(session, call, cast.li.id, 600, DURING)
    assert taken(session) == 40 * 15
    assert session.scalars(select(VoipUse)).one().minutes == 40


def test_voice_costs_a_fifteenth_and_is_advised_when_little_video_is_left(session, cast):
    assert not minutes.voice_advised(session, MINI, OFFERED.budget, DURING)
    voice = one_to_one(session, cast, media="voice")
    minutes.hold(session, voice, MINI, OFFERED.budget, DURING)
    assert taken(session) == 30
    minutes.hold(session, one_to_one(session, cast, "k2", SUNDAY_16 - timedelta(hours=1)), MINI, OFFERED.budget, DURING)
    assert minutes.voice_advised(session, MINI, OFFERED.budget, DURING)
    in_mini_program(session, cast.xiaofang, cast.li)
    third = one_to_one(session, cast, "k3", SUNDAY_16 - timedelta(hours=2))
    session.add(VoipMonth(app_id="another", month="2026-11", taken=1000))
    minutes.hold(session, third, MINI, OFFERED.budget, DURING)
    fourth = one_to_one(session, cast, "k4", SUNDAY_16 - timedelta(hours=3))
    assert why_not(session, fourth)["mini_1v1"] == "minutes"
    fourth.media = "voice"
    assert why_not(session, fourth)["mini_1v1"] == ""
    fourth.media = "video"
    session.flush()
    refused("no_minutes", minutes.hold, session, fourth, MINI, OFFERED.budget, DURING)
    assert session.scalar(select(func.count()).select_from(VoipUse)) == 3


def test_a_month_is_chinas_month(session, cast):
    # 23:30 of the 30th in Madrid is the next month in Lishui.
    assert minutes.month_of(datetime(2026, 11, 30, 22, 30, tzinfo=UTC)) == "2026-12"
    call = one_to_one(session, cast)
    minutes.hold(session, call, MINI, OFFERED.budget, datetime(2026, 11, 30, 15, 59, tzinfo=UTC))
    assert minutes.left(session, MINI, OFFERED.budget, datetime(2026, 11, 30, 16, 0, tzinfo=UTC), "voice") == 1000


def test_of_two_who_want_the_last_minutes_one_gets_them(open_session, cast):
    with open_session() as session, session.begin():
        first = one_to_one(session, cast).id
        second = one_to_one(session, cast, "k2", SUNDAY_16 - timedelta(hours=1)).id
    last = Budget(30 * 15, 0)

    def held(call_id):
        with open_session() as session, session.begin():
            try:
                minutes.hold(session, session.get_one(FamilyCall, call_id), MINI, last, DURING)
            except Refused as refusal:
                return refusal.code
            return "held"

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(held, [first, second] * 4))
    assert set(results) == {"held", "no_minutes"}
    with open_session() as session:
        assert taken(session) == 30 * 15
        assert session.scalar(select(func.count()).select_from(VoipUse)) == 1


DAY_BEFORE = SUNDAY_16 - timedelta(hours=23)


def rung(session, cast):
    call = booked(session, cast)
    call.way = "device_voip"
    with_device(session, call)
    return call


def grant_tasks(session):
    return list(session.scalars(select(Task).where(Task.kind == "device_grant").order_by(Task.id)))


@pytest.mark.case("D17")
@pytest.mark.parametrize(("said", "why"), [(None, "never"), ("refused", "refused"), ("gone", "gone")])
def test_a_phone_that_may_not_be_rung_is_a_cadres_task_the_day_before(session, cast, said, why):
    call = rung(session, cast)
    if said:
        devices.said(session, call, cast.xiaofang.id, said, NOW)
    assert devices.look_ahead(session, call.starts_at - timedelta(hours=25)) == 0
    assert devices.look_ahead(session, DAY_BEFORE) == 1
    assert devices.look_ahead(session, DAY_BEFORE) == 0
    (task,) = grant_tasks(session)
    assert (task.facts["why"], task.assignee_id, task.due_at) == (why, call.helper_id, SUNDAY_16 - timedelta(hours=1))
    told = session.scalars(select(Letter.person_id).where(Letter.subject == f"task:{task.id}")).all()
    assert told == [call.helper_id]
    devices.said(session, call, cast.xiaofang.id, "granted", DAY_BEFORE)
    assert [one.state for one in grant_tasks(session)] == ["cancelled"]
    # The rest of what is to be done for the call stands.
    helps = select(Task.state).where(Task.subject == call.subject, Task.kind == "call_help")
    assert session.scalars(helps).all() == ["open"]


@pytest.mark.case("D17")
def test_nobody_is_asked_where_the_phone_allows_it_or_another_way_was_chosen(session, cast):
    call = rung(session, cast)
    devices.said(session, call, cast.xiaofang.id, "granted", NOW)
    assert devices.look_ahead(session, DAY_BEFORE) == 0
    call.way = "room"
    devices.said(session, call, cast.xiaofang.id, "gone", NOW)
    assert devices.look_ahead(session, DAY_BEFORE) == 0


@pytest.mark.case("D17")
def test_a_call_that_was_moved_is_looked_at_again(session, cast):
    call = rung(session, cast)
    devices.look_ahead(session, DAY_BEFORE)
    finish(session, cast.who(cast.li), grant_tasks(session)[0].id, DAY_BEFORE)
    assert devices.look_ahead(session, DAY_BEFORE) == 0
    move(session, cast.who(cast.xiaofang), call.id, SUNDAY_16 + timedelta(hours=-1), DAY_BEFORE)
    assert devices.look_ahead(session, DAY_BEFORE) == 1


def test_what_a_phone_said_later_counts_and_a_seat_without_a_device_has_nothing_to_allow(session, cast):
    call = booked(session, cast)
    refused("no_device", devices.said, session, call, cast.xiaofang.id, "granted", NOW)
    with_device(session, call)
    devices.said(session, call, cast.xiaofang.id, "gone", DURING)
    assert devices.said(session, call, cast.xiaofang.id, "granted", NOW) == "gone"
    assert session.scalar(select(func.count()).select_from(DeviceGrant)) == 1


@pytest.mark.case("D17")
def test_two_clocks_ask_once(open_session, cast):
    with open_session() as session, session.begin():
        rung(session, cast)

    def looked(_):
        with open_session() as session, session.begin():
            return devices.look_ahead(session, DAY_BEFORE)

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(looked, range(4))) == 1


@pytest.mark.case("L6")
def test_who_lost_the_link_joins_nothing(session, cast):
    call = booked(session, cast)
    session.scalars(select(CareLink)).one().state = "revoked"
    session.flush()
    refused("no_link", ways.joining, session, cast.who(cast.xiaofang), call.id, DURING)


def test_a_cadre_reads_whom_the_device_is_to_ring_and_whether_it_may(session, cast):
    call, second = booked(session, cast), sister(session, cast)
    in_mini_program(session, cast.xiaofang, second)
    invite(session, cast.who(cast.xiaofang), call.id, second.id, NOW)
    assert devices.whom_to_ring(session, [call]) == {}  # nothing rings
    call.way = "device_voip"
    session.flush()

    def ringing():
        (rung,) = devices.whom_to_ring(session, [call]).values()
        return [(one.person.name, one.state) for one in rung]

    assert ringing() == [("小芳", "no_device"), (second.name, "no_device")]
    with_device(session, call)
    devices.said(session, call, cast.xiaofang.id, "granted", NOW)
    assert ringing() == [("小芳", "granted"), (second.name, "never")]
    devices.said(session, call, second.id, "gone", NOW)
    (line,) = day_sheet(session, cast.who(cast.li), SUNDAY_16.date())
    assert f"用设备呼叫微信：小芳、{second.name}（允许失效了，要重新允许）" in cells(line, shown=True)[3]
