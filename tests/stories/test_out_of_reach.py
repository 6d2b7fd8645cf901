"""Whom WeChat does not reach now: it is said before somebody relies on it, and what happens instead then happens."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.messages.letters import Letter
from models.people.care import CareLink
from models.people.identities import Identity, mark_unreachable
from models.tasks.tasks import Task
from models.tasks.undelivered import hand_over
from tests.models.messages.test_outbox import claimed
from tests.stories.test_conversations import ordered
from tests.world import NOW

AWAY = "您现在收不到公众号的消息"
INSTEAD = "现在收不到微信消息，有变化由工作人员打电话或上门告诉"


def block(open_session, person):
    """WeChat has told us that this person refuses our messages."""
    with open_session() as session, session.begin():
        app_id = session.scalars(select(Identity.app_id).where(Identity.person_id == person.id)).one()
        mark_unreachable(session, person.id, app_id, "user block")


def checked(talk, cast):
    me = talk(cast.xiaofang)
    me.says("亲情连线")
    me.taps("11月29日")
    me.taps("16:00")
    return me


@pytest.mark.case("D18")
def test_who_is_out_of_reach_hears_it_before_booking_and_a_cadre_phones_instead(talk, cast, open_session):
    block(open_session, cast.xiaofang)
    me = checked(talk, cast)
    assert "由工作人员打电话提醒您" in me.heard
    assert AWAY in me.heard
    assert AWAY in me.taps("确认预约")
    assert "小芳" + INSTEAD in talk(cast.li).at("call/1")
    with open_session() as session, session.begin():
        due = session.scalars(
            select(Letter.due_at)
            .where(Letter.person_id == cast.xiaofang.id, Letter.kind == "family.reminder")
            .order_by(Letter.due_at)
        ).first()
        (lost,) = claimed(session, now=due + timedelta(minutes=1)).homeless
        letter = session.get_one(Letter, lost)
        task = hand_over(session, letter, due)
        assert (letter.person_id, task.kind, task.person_id) == (cast.xiaofang.id, "phone_call", cast.xiaofang.id)


@pytest.mark.case("D18")
def test_who_lets_the_messages_in_again_says_so_and_is_written_to_again(talk, cast, open_session):
    block(open_session, cast.xiaofang)
    me = checked(talk, cast)
    assert "再回复“接收消息”就能恢复" in me.heard
    assert "以后的提醒会再用公众号发给您" in me.says("接收消息")
    assert AWAY not in checked(talk, cast).heard
    with open_session() as session:
        identity = session.scalars(select(Identity).where(Identity.person_id == cast.xiaofang.id)).one()
        assert (identity.reachable, identity.unreachable_why) == (True, "")


@pytest.mark.case("D18")
def test_whom_wechat_reaches_is_told_nothing_of_the_kind(talk, cast):
    me = checked(talk, cast)
    assert AWAY not in me.heard
    assert INSTEAD not in me.heard + me.taps("确认预约") + talk(cast.li).at("call/1")


@pytest.mark.case("D18", "B6")
def test_who_orders_for_somebody_out_of_reach_hears_who_will_tell_them(talk, cast, open_session):
    assert "王秀英" + INSTEAD in ordered(talk, cast).heard
    with open_session() as session, session.begin():
        app_id = session.scalars(select(Identity.app_id)).first()
        session.add(Identity(app_id=app_id, openid="o-w", person_id=cast.wangnainai.id, since=NOW))
    assert INSTEAD not in ordered(talk, cast).heard
    with open_session() as session, session.begin():
        session.scalars(select(Identity).where(Identity.openid == "o-w")).one().following = False
    me = ordered(talk, cast)
    assert "王秀英" + INSTEAD in me.heard
    me.taps("确认点单")
    me.at("order/1/cancel/0")
    with open_session() as session:
        kinds = session.scalars(select(Task.kind).where(Task.person_id == cast.wangnainai.id)).all()
        assert "tell_in_person" in kinds


@pytest.mark.case("D18", "G4")
def test_a_relative_out_of_reach_is_marked_before_they_are_asked_to_a_call(talk, cast, open_session):
    with open_session() as session, session.begin():
        session.add(CareLink(relative_id=cast.aming.id, cared_id=cast.wangnainai.id, kinship="侄子", state="confirmed",
                             asked_at=NOW))  # fmt: skip
    block(open_session, cast.aming)
    me = checked(talk, cast)
    me.taps("确认预约")
    assert "请阿明（收不到微信，会打电话告诉）" in me.at("call/1/guests")
    assert "阿明" + INSTEAD in me.taps("请阿明")
    assert "阿明" + INSTEAD in me.at("call/1")
