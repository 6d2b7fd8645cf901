"""A call at home through the real gate: 王奶奶 cannot come, and the cadre goes to her with a tablet."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from handlers.family.letter_words import letter
from handlers.family.moments import stamp_of
from models.messages.letters import Letter
from models.people.mobility import write_homebound
from models.places.centres import Room, Station, Zone
from tests.stories.test_family_life import invited
from tests.world import NOW

MADRID, SHANGHAI = ZoneInfo("Europe/Madrid"), ZoneInfo("Asia/Shanghai")


@pytest.fixture
def tablet(open_session, cast):
    with open_session() as session, session.begin():
        room = session.scalars(select(Room).join(Zone).where(Zone.centre_id == cast.centre.id)).one()
        session.add(Station(room_id=room.id, name="平板1号", kind="portable_call", battery_minutes=240))


def read(open_session, kind, person, zone):
    """The letters of a kind, as this person reads them."""
    with open_session() as session:
        found = session.scalars(select(Letter).where(Letter.kind == kind, Letter.person_id == person.id)).all()
        return [letter(one.kind, one.facts, zone) for one in found]


def test_from_cannot_come_to_a_helper_at_the_door(talk, cast, open_session, tablet):
    li, me = talk(cast.li), talk(cast.xiaofang)
    li.says("居民")
    li.says("王秀英")
    li.taps("王秀英")
    while "行动不便" not in li.heard:
        li.taps("更多")
    assert "带设备上门" in li.taps("行动不便，视频请上门")

    soon = NOW + timedelta(hours=1)
    checked = me.at(f"call/at/{cast.wangnainai.id}/{stamp_of(soon)}")
    assert "地点：王秀英家里（工作人员带设备上门）" in checked
    assert "约好了" in me.taps("确认预约")

    (told,) = read(open_session, "family.booked", cast.li, SHANGHAI)
    assert "地点王秀英家里" in told.text
    assert "平板1号" in li.says("视频安排")
    li.says("我的任务")
    task = li.taps("准备亲情连线")
    assert "到王秀英家里，帮王秀英与小芳视频连线。请带上设备" in task
    assert "王秀英家里" in li.taps("看这次视频")
    assert "大约10:00到王秀英家" in li.taps("出发了")
    assert "出发了" not in [link["label"] for link in li.links]

    (told,) = read(open_session, "family.on_the_way", cast.xiaofang, MADRID)
    assert "李站长已经出发去王秀英家，大约" in told.text and "03:00到" in told.text
    # Said once, however often the old link is tapped; and at home nobody "comes to the centre".
    li.at("call/1/out")
    assert len(read(open_session, "family.on_the_way", cast.xiaofang, MADRID)) == 1


def test_a_stranger_writes_nothing_of_it(talk, cast, open_session, tablet):
    assert invited(talk, cast)
    for stranger in (cast.aming, cast.zhao):
        talk(stranger).at(f"staff/resident/{cast.wangnainai.id}/homebound/yes")
    li = talk(cast.li)
    li.at(f"staff/resident/{cast.wangnainai.id}")
    while "行动不便" not in li.heard:
        li.taps("更多")
    assert "能到中心视频了" not in li.heard


def test_this_once_she_comes_to_the_centre_and_this_once_the_tablet_goes_to_her(talk, cast, open_session, tablet):
    with open_session() as session, session.begin():
        write_homebound(session, cast.who(cast.li), cast.wangnainai.id, True, NOW)
    me, li = talk(cast.xiaofang), talk(cast.li)
    me.at(f"call/at/{cast.wangnainai.id}/{stamp_of(NOW + timedelta(hours=5))}")
    me.taps("确认预约")
    assert "王秀英家里" in me.at("call/1")
    assert "这次在葛山村党群服务中心，时间不变" in me.taps("这次到中心视频")
    assert "地点：葛山村党群服务中心" in me.at("call/1")
    assert "这次在王秀英家里" in me.taps("这次上门视频")  # she is homebound: nobody has to say why
    with open_session() as session, session.begin():
        write_homebound(session, cast.who(cast.li), cast.wangnainai.id, False, NOW)
    me.at("call/1/place/centre")
    assert "这次上门视频" not in [link["label"] for link in (me.at("call/1") and me.links)]
    assert "请到中心视频" in me.at("call/1/place/home")
    li.at("call/desk/1")
    while "这次上门视频" not in li.heard:
        li.taps("更多")
    assert "为什么上门" in li.taps("这次上门视频")
    assert "这次在王秀英家里" in li.taps("路不好走，来不了")
    for stranger in (cast.aming, cast.zhao):
        for place in ("centre", "home", "home/0"):
            assert "没有找到" in talk(stranger).at(f"call/1/place/{place}"), place
