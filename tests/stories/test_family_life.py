"""Families and their cadre through the real gate: names, links and consents that begin and end, calls with them."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from handlers.family.moments import stamp_of
from models.family.calls import FamilyCall
from models.messages.letters import Letter
from models.ordering.orders import Order
from models.people.care import CareLink
from models.people.consent import consents_to
from models.people.contacts import ContactStep
from models.people.identities import Identity
from models.people.persons import Person
from models.tasks.desk import open_task
from models.tasks.undelivered import hand_over
from tests.letters import posted
from tests.models.family.test_calls import SUNDAY_16
from tests.stories.test_order_life import placed
from tests.world import NOW


def invited(talk, cast):
    """The code that 李站长 makes for 王奶奶."""
    li = talk(cast.li)
    li.says("开亲情码")
    li.says("王秀英")
    return "".join(re.search(r"亲情码：(\w{4}) (\w{3})", li.taps("王秀英")).groups())


def booked(talk, cast):
    """小芳 books a call with 王奶奶; answers the link that booked it."""
    me = talk(cast.xiaofang)
    me.says("亲情连线")
    me.taps("11月29日")
    me.taps("16:00")
    link = me.links[0]["id"]
    assert "约好了" in me.at(link)
    return link


def with_wechat(open_session, person):
    """王奶奶 has a phone of her own after all."""
    with open_session() as session, session.begin():
        app_id = session.scalars(select(Identity.app_id).limit(1)).one()
        session.add(Identity(app_id=app_id, openid=f"o-{person.id}", person_id=person.id, since=NOW))


def state_of_the_call(open_session):
    with open_session() as session:
        call = session.scalars(select(FamilyCall)).one()
        return call.state, call.reason


def test_a_name_that_is_too_long_is_asked_for_again_and_not_dropped(talk, cast, open_session):
    code = invited(talk, cast)
    newcomer = talk("o-newcomer")
    newcomer.at(f"link/{code}")
    assert "20个字以内" in newcomer.says("长" * 30)
    assert "什么人" in newcomer.says("王小明")
    newcomer.taps("孙子")
    li = talk(cast.li)
    li.says("我的任务")
    assert "王小明说自己是王秀英的孙子" in li.taps("核实家人关联")


def test_a_name_of_the_countys_own_list_is_not_said_to_be_changed(talk, cast, open_session):
    with open_session() as session, session.begin():
        session.get_one(Person, cast.xiaofang.id).code = "P-XF"
    me = talk(cast.xiaofang)
    me.says("我的资料")
    heard = me.taps("改姓名")
    assert "登记的姓名是小芳" in heard
    assert "联系村里的工作人员" in heard
    assert "记下了" not in me.at("me/name/is")


def test_the_elder_sees_who_acts_for_her_and_ends_it_and_the_call_with_it(talk, cast, open_session):
    booked(talk, cast)
    with_wechat(open_session, cast.wangnainai)
    wang = talk(cast.wangnainai)
    wang.says("我的资料")
    assert "小芳（女儿）" in wang.taps("谁能替我办")
    assert "已经解除" in wang.taps("解除：小芳")
    assert state_of_the_call(open_session) == ("cancelled", "unlinked")
    me = talk(cast.xiaofang)
    assert "没有约好" in me.says("我的连线")
    assert "王秀英" not in me.at("call/1")
    with open_session() as session:
        told = session.execute(select(Letter.kind, Letter.person_id).where(Letter.state == "planned")).all()
    assert {kind for kind, person in told if person == cast.xiaofang.id} == {"people.link_revoked"}
    assert ("family.cancelled", cast.li.id) in told


def test_a_cadre_ends_a_link_in_chat(talk, cast, open_session):
    li = talk(cast.li)
    li.says("我的资料")
    assert "哪位居民" in li.taps("查看居民")
    li.says("王秀英")
    assert "小芳（女儿）" in li.taps("王秀英")
    li.taps("更多")
    assert "已经解除" in li.taps("解除：小芳")
    with open_session() as session:
        assert session.scalars(select(CareLink.state)).one() == "revoked"


def test_consent_is_asked_with_the_link_shown_and_taken_back_and_calls_end_with_it(talk, cast, open_session):
    code = invited(talk, cast)
    aming = talk(cast.aming)
    aming.at(f"link/{code}/2")
    li = talk(cast.li)
    li.says("我的任务")
    assert "是否同意" in li.taps("核实家人关联")
    assert "见证人是您" in li.taps("通过")
    booked(talk, cast)
    li.says("居民")
    li.says("王秀英")
    heard = li.taps("王秀英")
    assert re.search(r"参加亲情视频：.*同意（李站长见证）", heard)
    assert "拍照，也发给家人：没有同意" in heard
    assert "已撤回" in li.taps("撤回：参加亲情视频")
    assert state_of_the_call(open_session) == ("cancelled", "consent_withdrawn")
    me = talk(cast.xiaofang)
    assert "王秀英现在不参加视频连线了" in me.says("亲情连线")
    li.at(f"staff/resident/{cast.wangnainai.id}")
    assert "已记下" in li.taps("同意：参加亲情视频")
    assert "哪一天" in me.says("亲情连线")


def test_somebody_agrees_and_takes_it_back_for_themselves(talk, cast, open_session):
    me = talk(cast.aming)
    me.says("我的资料")
    me.taps("谁能替我办")
    me.taps("同意：拍照，也发给家人")
    with open_session() as session:
        assert consents_to(session, cast.aming.id, "photos")
    me.taps("查看")
    me.taps("撤回：拍照，也发给家人")
    with open_session() as session:
        assert not consents_to(session, cast.aming.id, "photos")


@pytest.mark.case("L1")
@pytest.mark.parametrize("address", ["staff/resident/{0}", "staff/resident/{0}/0/yes", "staff/resident/{0}/1/no"])
def test_a_resident_is_shown_to_their_own_cadre_only(talk, cast, address, open_session):
    booked(talk, cast)
    for stranger in (cast.aming, cast.zhao, cast.xiaofang):
        heard = talk(stranger).at(address.format(cast.wangnainai.id))
        assert "王秀英" not in heard
        assert "小芳" not in heard
    assert state_of_the_call(open_session)[0] == "booked"
    with open_session() as session:
        assert not consents_to(session, cast.wangnainai.id, "service_records")


def test_a_cadre_looks_at_their_own_mother_as_a_cadre(talk, cast, open_session):
    with open_session() as session, session.begin():
        session.add(CareLink(relative_id=cast.li.id, cared_id=cast.wangnainai.id, kinship="儿子", state="confirmed",
                             asked_at=NOW))  # fmt: skip
    assert "小芳（女儿）" in talk(cast.li).at(f"staff/resident/{cast.wangnainai.id}")


def test_a_task_about_a_letter_without_words_still_says_whom_to_reach(talk, cast, open_session):
    with open_session() as session, session.begin():
        letter = posted(session, key="k", person_id=cast.wangnainai.id, kind="people.link_declined", facts={},
                      subject="care:1", now=NOW)  # fmt: skip
        letter.state = "dead"
        hand_over(session, letter, NOW)
    li = talk(cast.li)
    li.says("我的任务")
    heard = li.taps("请电话或上门告知")
    assert "请告诉王秀英" in heard
    assert "上门" in heard


@pytest.mark.case("D21")
def test_a_stale_confirmation_shows_what_became_of_the_call(talk, cast, open_session):
    link = booked(talk, cast)
    me = talk(cast.xiaofang)
    me.says("我的连线")
    me.taps("王秀英")
    me.taps("取消")
    me.says("我妈住院了")
    heard = me.at(link)
    assert "约好了" not in heard
    assert "已取消" in heard
    assert "我妈住院了" in heard
    with open_session() as session:
        assert len(session.scalars(select(FamilyCall)).all()) == 1


def test_a_stale_confirmation_of_a_moved_call_shows_its_new_time(talk, cast):
    link = booked(talk, cast)
    me = talk(cast.xiaofang)
    me.at("call/mine")
    me.taps("王秀英")
    me.taps("改时间")
    me.says("更多")
    me.taps("11月30日")
    me.taps("15:30")
    heard = me.at(link)
    assert "约好了" not in heard
    assert "11月30日（周一）15:30" in heard


def test_the_cadre_reads_through_whom_and_on_which_phone_and_the_template_does_not(talk, cast, open_session):
    with open_session() as session, session.begin():
        session.get_one(Person, cast.aming.id).phone = "13900000012"
        for position, (means, through) in enumerate(
            (("wechat", cast.xiaofang), ("phone", cast.aming), ("visit", cast.li)), start=2
        ):
            session.add(
                ContactStep(
                    person_id=cast.wangnainai.id, position=position, means=means, through_id=through.id,
                    note="晚上在家" if means == "phone" else "",
                )
            )  # fmt: skip
        letter = posted(
            session, key="k", person_id=cast.wangnainai.id, kind="people.link_declined", subject="care:1", now=NOW,
            facts={"cared": "", "at": NOW.isoformat()},
        )  # fmt: skip
        letter.state = "dead"
        hand_over(session, letter, NOW)
        (told,) = session.scalars(select(Letter).where(Letter.kind == "tasks.assigned")).all()
        assert "13900000012" not in str(told.facts)
    li = talk(cast.li)
    li.says("我的任务")
    heard = li.taps("请电话或上门告知")
    assert "打电话给阿明，请对方转告 13900000012 晚上在家" in heard
    assert "微信给" not in heard
    assert heard.index("上门") < heard.index("打电话给阿明")


@pytest.mark.case("J20")
def test_a_cadre_puts_a_task_on_hold_in_two_taps_and_goes_on_in_one(talk, cast, open_session):
    li = talk(cast.li)
    with open_session() as session, session.begin():
        task = open_task(
            session, key="t", kind="order_new", area_id=cast.village.id, subject="order:0", now=NOW,
            due_at=NOW + timedelta(days=1), person_id=cast.wangnainai.id,
            facts={"beneficiary": "王秀英", "service": "爱心送餐", "number": "1", "preferred_at": NOW.isoformat()},
        ).id  # fmt: skip
    li.at(f"task/{task}")
    assert "在等居民的什么" in li.taps("等居民，先放一放")
    assert "12月8日（周二）08:30会再提醒您" in li.taps("等家人回话")
    assert "11月27日（周五）08:30再提醒您" in li.taps("三个工作日后提醒")
    assert "等居民：村民有新订单" in li.says("我的任务")
    assert "正在等居民（等家人回话）" in li.taps("等居民")
    assert "请在11月25日（周三）10:00前办好" in li.taps("继续办")
    assert "新的进展" in li.at(f"task/{task}/resume")
    assert "在等居民的什么" in li.at(f"task/{task}/hold/99")
    assert "没有找到" in talk(cast.zhao).at(f"task/{task}/hold/1")


@pytest.mark.case("G4")
def test_a_sister_is_asked_in_a_few_taps_hears_of_it_and_leaves_in_one(talk, cast, open_session):
    booked(talk, cast)
    with open_session() as session, session.begin():
        session.add(CareLink(relative_id=cast.aming.id, cared_id=cast.wangnainai.id, kinship="侄子", state="confirmed",
                             asked_at=NOW))  # fmt: skip
    me, aming = talk(cast.xiaofang), talk(cast.aming)
    me.at("call/1")
    assert "想请哪位家人" in me.taps("请家人一起")
    assert "已经请阿明一起视频" in me.taps("请阿明")
    assert "一起的家人：阿明" in me.at("call/1")
    aming.says("我的连线")
    aming.taps("王秀英")
    assert not any("取消" in link["label"] or "改时间" in link["label"] for link in aming.links)
    assert "其他人照常" in aming.taps("我不参加了")
    assert "其他人照常" in aming.at("call/1/leave")
    assert "没有约好的视频" in aming.says("我的连线")
    assert "一起的家人" not in me.at("call/1")
    assert "没有找到" in talk(cast.zhao).at("call/1/guests")
    with open_session() as session:
        invited = session.scalars(select(Letter).where(Letter.kind == "family.invited")).one()
        assert (invited.person_id, invited.facts["by"], invited.state) == (cast.aming.id, "小芳", "withdrawn")


@pytest.mark.case("L4")
@pytest.mark.parametrize("forwarded_to", ["aming", "zhao", "laoxu", "o-nobody"])
def test_a_link_that_cancels_or_moves_tells_whoever_it_is_forwarded_to_no_name_place_or_time(
    talk, cast, open_session, forwarded_to
):
    booked(talk, cast)
    placed(talk, cast)
    stranger = talk(getattr(cast, forwarded_to, forwarded_to))
    for address in (
        "call/1", "call/1/cancel", "call/1/cancel/0", "call/1/move", "call/1/day/20261129", "call/1/guests",
        "order/1", "order/1/cancel", "order/1/cancel/0", "order/1/undo",
    ):  # fmt: skip
        heard = stranger.at(address)
        assert not any(word in heard for word in ("王", "秀英", "小芳", "葛山", "11月29日", "爱心送餐", "0578")), (
            address
        )
    assert state_of_the_call(open_session) == ("booked", "")
    with open_session() as session:
        assert session.scalars(select(Order.state)).one() == "open"


@pytest.mark.parametrize("key", ["makeup:5", "occurrence:88:0", "call:1/", "a b"])
def test_the_key_of_a_makeup_or_of_a_series_is_not_taken_by_who_types_it(talk, cast, open_session, key):
    at = stamp_of(SUNDAY_16)
    talk(cast.xiaofang).at(f"call/book/{cast.wangnainai.id}/{at}/{key}")
    with open_session() as session:
        assert session.scalars(select(FamilyCall)).all() == []
    talk(cast.xiaofang).at(f"call/book/{cast.wangnainai.id}/{at}/abc123")
    with open_session() as session:
        assert [one.client_key for one in session.scalars(select(FamilyCall))] == ["abc123"]
