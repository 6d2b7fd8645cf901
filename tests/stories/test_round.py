"""A helper's round of homes through the real gate: read door by door, set out in one tap, told to each family."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from handlers.family.moments import stamp_of
from models.people.identities import Identity
from models.people.mobility import write_homebound
from models.places.centres import Room, Station, Zone
from tests.cast import APP_ID
from tests.gate import Wire, close_app, config_for
from tests.stories.conftest import Talk
from tests.stories.test_call_life import Hour
from tests.stories.test_home_call import read
from tests.world import NOW
from wx_backend.app import create_app

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def hour():
    return Hour()


@pytest.fixture
def talk(database_url, open_session, cast, hour):
    """People who talk with the account at an hour that the test moves; a tablet goes along."""
    config = config_for(database_url)
    with open_session() as session, session.begin():
        for identity in session.scalars(select(Identity).where(Identity.app_id == APP_ID)):
            identity.app_id = config.wechat.official_account.app_id
        room = session.scalars(select(Room).join(Zone).where(Zone.centre_id == cast.centre.id)).one()
        session.add(Station(room_id=room.id, name="平板1号", kind="portable_call", battery_minutes=240))
    wire = Wire(create_app(config, now=hour), config.wechat.official_account, now=hour)
    yield lambda person: Talk(wire, f"o-{person.id}")
    close_app(wire.app)


def test_a_round_is_read_door_by_door_and_each_family_hears_in_turn(talk, cast, open_session, hour):
    with open_session() as session, session.begin():
        write_homebound(session, cast.who(cast.li), cast.wangnainai.id, True, NOW)
    soon = NOW + timedelta(hours=2)
    me = talk(cast.xiaofang)
    for start in (soon, soon + timedelta(minutes=30)):
        me.at(f"call/at/{cast.wangnainai.id}/{stamp_of(start)}")
        assert "约好了" in me.taps("确认预约")
    li = talk(cast.li)
    assert "上门路线" in [link["label"] for link in (li.says("视频安排") and li.links)]
    shown = li.taps("上门路线")
    assert "1. 12:00出发，路上0分钟，12:00到" in shown
    assert "2. 12:30出发" in shown and "大约13:00回到中心" in shown
    assert "设备还够用210分钟" in shown and "设备还够用180分钟" in shown
    hour.now = soon - timedelta(minutes=10)
    li.says("上门路线")
    assert "大约11:50到王秀英家" in li.taps("出发了，去王秀英家")
    assert "11:50已出发" in li.says("上门路线")
    hour.now = soon + timedelta(minutes=50)  # twenty minutes late: the next family hears of it without being asked
    li.at("call/desk/1")
    li.taps("通了，视频顺利")
    li.taps("是的，记下")
    told = read(open_session, "family.on_the_way", cast.xiaofang, SHANGHAI)
    assert "大约11月24日（周二）12:50到" in told[-1].text and len(told) == 2
    assert "12:50到葛山村王秀英家" not in li.says("上门路线") and "12:50（晚20分钟）" in li.heard


def test_where_nobody_goes_anywhere_the_sheet_says_so(talk, cast):
    assert "今天没有上门的视频" in talk(cast.li).says("上门路线")
    assert "今天没有上门的视频" in talk(cast.xiaofang).says("上门路线")
