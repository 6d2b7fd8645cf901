"""Choosing a time with both clocks in view, writing down people's days, holding a call day: through the real gate."""

import re
from datetime import date

import pytest
from sqlalchemy import select

from handlers.family.routines import understood
from models.family.call_days import CallDay
from models.family.calls import FamilyCall
from models.family.holds import CallHold
from models.family.routines import Habit, Routine
from models.messages.letters import Letter
from models.people.care import CareLink
from models.people.persons import Person
from tests.world import NOW


def labels(talk):
    return [link["label"] for link in talk.links]


def test_the_three_best_times_come_first_and_one_of_them_is_booked_in_two_taps(talk, cast, open_session):
    me = talk(cast.xiaofang)
    assert "前3个双方都方便" in me.says("亲情连线")
    first = labels(me)[:3]
    assert [re.search(r"11月(\d+)日.*·", one)[1] for one in first] == ["24", "25", "26"]
    assert all("15:00 · 马德里08:00" in one for one in first)
    heard = me.taps("11月25日（周三）15:00")
    assert "为您保留5分钟" in heard
    with open_session() as session:
        assert session.scalars(select(CallHold.person_id)).all() == [cast.xiaofang.id]
    assert "约好了" in me.taps("确认预约")
    with open_session() as session:
        assert session.scalars(select(CallHold)).all() == []


@pytest.mark.case("D4")
def test_a_time_that_another_holds_is_not_offered_and_a_stale_tap_is_offered_others(talk, cast, open_session):
    with open_session() as session, session.begin():
        session.get_one(Person, cast.aming.id).time_zone = "Europe/Rome"
        session.add(CareLink(relative_id=cast.aming.id, cared_id=cast.wangnainai.id, kinship="侄子", state="confirmed",
                             asked_at=NOW))  # fmt: skip
    me, aming = talk(cast.xiaofang), talk(cast.aming)
    aming.says("亲情连线")
    aming.taps("11月29日")
    stale = next(link["id"] for link in aming.links if "16:00" in link["label"])
    me.says("亲情连线")
    me.taps("11月29日")
    assert "请核对" in me.taps("16:00")
    aming.says("亲情连线")
    aming.taps("11月29日")
    assert not [label for label in labels(aming) if "16:00" in label]
    assert "刚刚被约走" in aming.at(stale)
    assert len(aming.links) == 3
    assert "约好了" in me.taps("确认预约")


def test_a_time_by_ones_own_clock_is_understood_and_what_is_free_near_it_is_offered(talk, cast):
    me = talk(cast.xiaofang)
    me.says("亲情连线")
    assert "最近的空位" in me.says("11月29日9点")
    assert "16:00 · 马德里09:00" in labels(me)[1]
    me.says("亲情连线")
    assert "没看懂" in me.says("随便什么时候都行")
    assert "最近的空位" in me.says("11月29日 8:30")


def test_what_a_time_falls_into_is_said_beside_it(talk, cast):
    me = talk(cast.xiaofang)
    me.says("亲情连线")
    me.taps("11月29日")
    me.says("更多")
    assert any("08:30 · 马德里01:30（夜里）" in label for label in labels(me)), labels(me)


def test_a_cadre_writes_down_when_an_elder_rests_and_the_offers_follow(talk, cast, open_session):
    li, me = talk(cast.li), talk(cast.xiaofang)
    assert "谁的作息" in li.says("作息")
    li.says("王秀英")
    heard = li.taps("王秀英")
    assert "午休 12:30–14:00" in heard
    assert "几点到几点" in li.taps("改午休")
    assert "没有看懂" in li.says("睡一会儿")
    assert "记下了" in li.says("14:00-15:30")
    assert "午休 14:00–15:30" in li.taps("看一看")
    li.taps("改赶集")
    li.says("逢五逢十，7点到11点半")
    assert "赶集 逢十、5 07:00–11:30" in li.taps("看一看")
    with open_session() as session:
        assert session.scalars(select(Routine.month_ends).where(Routine.kind == "market")).all() == ["05"]
    me.says("亲情连线")
    assert all("16:" in label or "15:30" in label for label in labels(me)[:3])


def test_a_relative_writes_down_their_own_working_hours(talk, cast):
    me = talk(cast.xiaofang)
    assert "睡觉 23:00–07:00" in me.says("我的作息")
    me.taps("改上班")
    assert "记下了" in me.says("周一周二周三周四周五 8:00-17:00")
    assert "上班 周一、二、三、四、五 08:00–17:00" in me.taps("看一看")


@pytest.mark.case("L1")
@pytest.mark.parametrize("address", ["routine/{wang}", "routine/{wang}/1", "callday/1", "callday/new/1/20261128/1",
                                     "callday/seat/1", "callday/seat/1/reserve", "callday/1/off/0"])  # fmt: skip
def test_strangers_learn_nothing_of_days_and_call_days(talk, cast, address, open_session):
    held(talk, cast)
    for stranger in (cast.zhao, cast.aming, "o-nobody"):
        heard = talk(stranger).at(address.format(wang=cast.wangnainai.id))
        assert "王" not in heard
        assert "葛山" not in heard
    with open_session() as session:
        assert session.scalars(select(CallDay.state)).all() == ["open"]
        assert session.scalars(select(FamilyCall.revision)).all() == [0]


def held(talk, cast):
    """李站长 makes a call day on Saturday afternoon; answers his side of it."""
    li = talk(cast.li)
    li.says("集中连线")
    li.taps("新开一天")
    li.taps("11月28日")
    assert "14:00 · 马德里07:00 王秀英与小芳" in li.taps("下午")
    assert "已经安排1家" in li.taps("确认")
    return li


def test_a_cadre_holds_a_call_day_in_five_taps_moves_a_late_call_and_calls_the_day_off(talk, cast, open_session):
    li = held(talk, cast)
    with open_session() as session:
        told = session.scalars(select(Letter).where(Letter.kind == "family.seated")).one()
        assert told.person_id == cast.xiaofang.id
    assert "1家" in li.taps("查看或更改")
    li.taps("王秀英")
    assert "16:30" in li.taps("备用时段")
    li.says("集中连线")
    li.taps("葛山")
    assert any("（备用时段）" in label for label in labels(li))
    li.taps("王秀英")
    assert "说好了吗" in li.taps("家人同意")
    assert "和谁说好的？改到" in li.taps("15:00")
    assert "好的，改到" in li.taps("和小芳打电话说好")
    li.at("callday/1")
    assert "现在用1台" in li.taps("减一台")
    li.at("callday/1")
    assert "1家都会收到取消通知" in li.taps("不办了")
    assert "已经取消" in li.taps("天气")
    assert "已取消" in talk(cast.xiaofang).at("call/1")
    assert labels(li) != []


def test_the_words_of_a_seat_reach_the_relative_with_both_clocks(talk, cast, open_session):
    held(talk, cast)
    me = talk(cast.xiaofang)
    assert "11月28日（周六）14:00 · 马德里07:00" in me.says("我的连线")
    with open_session() as session:
        day = session.scalars(select(CallDay)).one()
        assert day.starts_at.date() == date(2026, 11, 28)
        assert session.get_one(Person, day.helper_id).name == "李站长"


@pytest.mark.parametrize(
    ("kind", "text", "habits"),
    [
        ("nap", "12:30到14:00", [("12:30", "14:00", "", "")]),
        ("meal", "11点-12点，17点半—18点半", [("11:00", "12:00", "", ""), ("17:30", "18:30", "", "")]),
        ("market", "逢3、8", [("07:00", "11:00", "", "38")]),
        ("market", "逢一逢六", [("07:00", "11:00", "", "16")]),
        ("market", "每周六和周日 6:30-10:00", [("06:30", "10:00", "67", "")]),
        ("market", "没有", [("00:00", "00:00", "", "")]),
        ("market", "逢三逢八 7点到11点", [("07:00", "11:00", "", "38")]),
        ("market", "逢三八7点到11点", [("07:00", "11:00", "", "38")]),
        ("market", "逢3、8 07:00–11:00", [("07:00", "11:00", "", "38")]),
        ("market", "逢38 12:00-13:00", [("12:00", "13:00", "", "38")]),
        ("market", "星期六、星期日", [("07:00", "11:00", "67", "")]),
        ("work", "周一到周五 9:00 - 18:00", [("09:00", "18:00", "12345", "")]),
        ("work", "周六至周一8点30分到12点", [("08:30", "12:00", "167", "")]),
        ("sleep", "２２：３０～６：００", [("22:30", "06:00", "", "")]),
    ],
)  # fmt: skip
def test_how_people_write_their_days_is_understood(kind, text, habits):
    assert [(f"{one.begins:%H:%M}", f"{one.ends:%H:%M}", one.weekdays, one.month_ends)
            for one in understood(kind, text)] == habits  # fmt: skip
    assert all(isinstance(one, Habit) and one.kind == kind for one in understood(kind, text))
