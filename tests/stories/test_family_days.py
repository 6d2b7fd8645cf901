"""What a family says of the elder's days in the conversation, and whether it hears of news from home."""

from datetime import time

import pytest
from sqlalchemy import select

from models.family.news import write
from models.family.routines import Routine
from models.messages.reach import Reach
from models.people.consent import agree
from tests.gate import config_for
from tests.own_phone import with_a_phone
from tests.world import NOW

ACCOUNT = config_for("sqlite:///nowhere").wechat.official_account.app_id


def test_a_relative_says_when_her_mother_naps_and_goes_to_market_and_no_more(talk, cast, open_session):
    me = talk(cast.xiaofang)
    assert "要看谁的作息" in me.says("作息")
    heard = me.taps("王秀英的")
    assert "王秀英的作息" in heard
    assert "午休 12:30–14:00" in heard
    assert "睡觉" not in heard
    me.taps("改赶集")
    assert "记下了" in me.says("逢三逢八")
    assert "赶集 逢3、8 07:00–11:00" in me.taps("看一看")
    for kind in (0, 4, 5):  # her sleep, work, school
        assert "没有找到" in me.at(f"routine/{cast.wangnainai.id}/{kind}")
    me.at(f"routine/{cast.wangnainai.id}/2")
    assert "没有看懂" in me.says("随便")
    with open_session() as session:
        assert [(one.kind, one.begins) for one in session.scalars(select(Routine))] == [("market", time(7))]


def test_whoever_acts_for_nobody_and_who_is_called_go_straight_to_their_own_days(talk, cast, open_session):
    with open_session() as session, session.begin():
        with_a_phone(session, cast.wangnainai, ACCOUNT)
    assert "睡觉 23:00–07:00" in talk(cast.aming).says("作息")
    heard = talk(cast.wangnainai).says("我的作息")
    assert all(part in heard for part in ("睡觉 20:00–07:00", "吃饭", "午休"))
    assert "上课" not in heard


def test_who_wants_no_letters_of_news_says_so_and_reads_them_all_the_same(talk, cast, open_session):
    with open_session() as session, session.begin():
        agree(session, cast.who(cast.li), cast.wangnainai.id, "home_news", NOW)
        write(session, cast.who(cast.li), cast.wangnainai.id, "今天晒太阳", NOW)
    me = talk(cast.xiaofang)
    me.says("家乡来信")
    assert "不再告诉您" in me.taps("不用告诉我")
    with open_session() as session:
        assert not Reach(session, [cast.xiaofang.id], None, NOW).wants(cast.xiaofang.id, "family.news")
        assert Reach(session, [cast.xiaofang.id], None, NOW).wants(cast.xiaofang.id, "family.changed")
    me.says("家乡来信")
    assert "晒太阳" in me.taps("2026年11月")
    me.says("家乡来信")
    assert "有来信就告诉您" in me.taps("有来信告诉我")


@pytest.mark.parametrize("address", ["routine/{}", "routine/{}/1", "routine/{}/2"])
def test_a_revoked_link_shows_no_days_any_more(talk, cast, address):
    me = talk(cast.xiaofang)
    me.says("我的家人")
    me.taps("解除：王秀英")
    assert "没有找到" in me.at(address.format(cast.wangnainai.id))
