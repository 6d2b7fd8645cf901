"""The life of an order through the real gate: both sides tap and type, and everybody hears what concerns them."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from handlers.ordering import words
from models.history import History
from models.messages.letters import Letter
from models.ordering.assignments import Assignment
from models.ordering.listings import Listing, ListingProvider
from models.ordering.orders import Order
from models.tasks.tasks import Task
from tests.stories.test_conversations import ordered
from tests.world import NOW


def placed(talk, cast):
    me = ordered(talk, cast)
    me.taps("确认点单")
    return me


def accepted(talk, cast):
    placed(talk, cast)
    laoxu = talk(cast.laoxu)
    laoxu.says("接单")
    laoxu.taps("爱心送餐")
    assert "接单成功" in laoxu.taps("接单")
    return laoxu


def standing(open_session):
    with open_session() as session:
        return [sorted(session.scalars(select(table.state))) for table in (Order, Assignment, Task)]


FORGED = (
    "order/1", "order/1/cancel", "order/1/cancel/0", "order/1/unmet", "order/1/unmet/0", "order/1/give/0",
    "order/1/give/0/1", "order/1/pool/0", "order/1/wait", "order/1/go-on", "order/1/off", "order/1/off/instead",
    "order/1/rate/5", "order/1/complain", "order/1/reopen", "order/1/undo", "complaint/1", "order/for/{wang}",
    "order/for/{wang}/meal", "order/new/1/{wang}", "job/1", "job/1/accept", "job/1/decline", "job/1/decline/0",
    "job/1/back", "job/1/back/0", "job/1/done", "job/1/done/yes", "job/1/start", "job/1/who", "job/1/who/1",
    "job/sheet", "visit/1/arrived", "visit/1/nobody/yes", "staff/resident/{wang}",
    "staff/resident/{wang}/befall/die", "staff/resident/{wang}/befall/die/yes",
)  # fmt: skip


@pytest.mark.case("L1")
@pytest.mark.parametrize("before", [placed, accepted], ids=["offered", "accepted"])
def test_a_stranger_who_forges_an_address_of_an_order_or_a_job_learns_and_moves_nothing(
    talk, cast, before, open_session
):
    before(talk, cast)
    stood = standing(open_session)
    strangers = [talk(one) for one in (cast.aming, cast.zhao, cast.xiaohong, "o-nobody")]
    for address in FORGED:
        for stranger in strangers:
            heard = stranger.at(address.format(wang=cast.wangnainai.id))
            assert not any(word in heard for word in ("王", "0578", "葛山", "爱心送餐", "门口")), (address, heard)
        assert standing(open_session) == stood, address


def test_who_may_sees_what_the_stranger_did_not(talk, cast):
    accepted(talk, cast)
    assert "放在门口" in talk(cast.laoxu).at("job/1")
    assert "放在门口" in talk(cast.xiaofang).at("order/1")
    assert "放在门口" in talk(cast.li).at("order/1")


@pytest.mark.case("G8")
def test_setting_out_is_one_tap_and_whoever_cancels_then_brings_a_phone_task_to_the_cadre(talk, cast, open_session):
    laoxu = accepted(talk, cast)
    assert "还早着呢" in laoxu.at("job/1/start")
    with open_session() as session, session.begin():
        session.scalars(select(Order)).one().preferred_at = NOW + timedelta(hours=2)
    laoxu.says("接单")
    laoxu.taps("爱心送餐")
    assert "已经告诉等您的人" in laoxu.taps("出发了")
    laoxu.at("job/1")
    assert not any("出发了" in link["label"] for link in laoxu.links)
    talk(cast.xiaofang).at("order/1/cancel/0")
    li = talk(cast.li)
    assert "请马上打电话叫停" in li.says("我的任务")
    assert "请马上打电话0578-5550201，请对方不用去了" in li.taps("请马上打电话叫停")


def test_a_stale_confirmation_shows_what_has_become_of_the_order(talk, cast):
    me = ordered(talk, cast)
    link = me.links[0]["id"]
    assert "点单成功" in me.at(link)
    me.at("order/1/cancel/0")
    heard = me.at(link)
    assert "点单成功" not in heard
    assert "已取消" in heard


@pytest.mark.parametrize("said", ["亲情连线", "我的连线", "点单", "我的家人"])
def test_after_my_orders_every_wish_is_still_heard(talk, cast, said, open_session):
    me = placed(talk, cast)
    with open_session() as session:
        number = session.scalars(select(Order.number)).one()
    slip = number[:-1] + str((int(number[-1]) + 1) % 10)
    me.says("我的订单")
    assert words.REFUSALS["number_mistyped"] not in me.says(said)
    me.says("我的订单")
    assert words.REFUSALS["number_mistyped"] in me.says(slip)


def test_an_old_time_bubble_skips_no_question(talk, cast, open_session):
    me = talk(cast.xiaofang)
    tomorrow = int((NOW + timedelta(days=1)).timestamp())
    me.says("点单")
    me.taps("王秀英")
    me.taps("爱心送餐")
    assert "要几份" in me.at(f"order/at/{tomorrow}")
    me.says("2")
    assert "交代" in me.taps("软烂")
    me.says("好")
    me.taps("确认点单")
    with open_session() as session:
        order = session.scalars(select(Order)).one()
        assert (order.answers, order.preferred_at) == (
            {"portions": 2, "diet": "软烂"},
            datetime.fromtimestamp(tomorrow, UTC),
        )


def test_a_time_too_far_away_is_asked_again_at_once(talk, cast):
    me = talk(cast.xiaofang)
    me.says("点单")
    me.taps("王秀英")
    me.taps("上门理发")
    assert "60天以内" in me.says("2027年3月1日 9:00")
    assert "60天以内" in me.at(f"order/at/{int((NOW + timedelta(days=61)).timestamp())}")
    assert "以后的时间" in me.at(f"order/at/{int((NOW - timedelta(days=1)).timestamp())}")
    assert "交代" in me.taps("11月25日")


def test_fifty_services_are_asked_for_by_kind_and_every_one_is_reached(talk, cast, open_session):
    with open_session() as session, session.begin():
        for n in range(50):
            listing = Listing(
                code=f"X{n}", centre_id=cast.centre.id, category=("meal", "medical", "leisure")[n % 3], mode="at_home",
                title=f"第{n}项服务", questions=[], state="published", created_at=NOW,
            )  # fmt: skip
            session.add(listing)
            session.flush()
            session.add(ListingProvider(listing_id=listing.id, organisation_id=cast.helpers_club.id, position=1))
    me, seen = talk(cast.xiaofang), set()
    me.says("点单")
    first = me.taps("王秀英")
    assert "助餐（18项）" in first
    assert "更多" not in first
    for kind in ("助餐", "助医", "助洁", "助乐"):
        me.says("点单")
        me.taps("王秀英")
        me.taps(kind)
        while True:
            seen |= {link["id"] for link in me.links if link["id"].startswith("order/new/")}
            if not any(link["id"] == "more" for link in me.links):
                break
            me.says("更多")
        assert "助餐（18项）" in me.says("返回")
    assert len(seen) == 52
    assert "不能点了" in me.at(f"order/for/{cast.wangnainai.id}/nothing")


def test_whoever_taps_accept_twice_hears_the_same(talk, cast):
    laoxu = accepted(talk, cast)
    assert laoxu.at("job/1/accept") == laoxu.at("job/1/accept")
    assert "接单成功" in laoxu.heard
    assert "已经有人接了" in talk(cast.ama).at("job/1/accept")


@pytest.mark.case("L2")
def test_an_organisation_that_no_longer_has_the_order_reads_nothing_of_the_resident(talk, cast):
    placed(talk, cast)
    laoxu = talk(cast.laoxu)
    assert "王秀英" in laoxu.at("job/1")
    assert "前答复" in laoxu.heard
    laoxu.at("job/1/decline/0")
    for heard in (laoxu.at("job/1"), talk(cast.ama).at("job/1")):
        assert not any(word in heard for word in ("王秀英", "门口", "软烂", "葛山"))
        assert "没有接这张单子" in heard
    xiaohong = talk(cast.xiaohong)
    assert "王秀英" in xiaohong.at("job/2")
    talk(cast.xiaofang).at("order/1/cancel/0")
    assert "王秀英" not in xiaohong.at("job/2")


@pytest.mark.case("C3")
def test_an_order_is_handed_back_taken_by_the_next_and_done(talk, cast, open_session):
    laoxu = accepted(talk, cast)
    laoxu.taps("查看")
    laoxu.taps("交回")
    assert "另找组织" in laoxu.taps("临时有急事")
    assert "王秀英" not in laoxu.at("job/1")
    xiaohong = talk(cast.xiaohong)
    xiaohong.says("接单")
    xiaohong.taps("待答复")
    xiaohong.taps("接单")
    xiaohong.taps("查看")
    xiaohong.taps("已经做完")
    assert "辛苦了" in xiaohong.taps("确认做完")
    me = talk(cast.xiaofang)
    me.says("我的订单")
    assert "已完成" in me.taps("王秀英")
    assert "取消订单" not in me.heard
    with open_session() as session:
        mine = select(Letter.kind).where(Letter.person_id == cast.xiaofang.id).order_by(Letter.id)
        told = session.scalars(mine.where(Letter.kind.startswith("ordering."))).all()
    assert told == ["ordering.accepted", "ordering.handed_back", "ordering.accepted", "ordering.completed"]


@pytest.mark.case("B6")
def test_the_cadre_reads_out_what_the_elder_cannot_read(talk, cast, open_session):
    accepted(talk, cast)
    li = talk(cast.li)
    li.says("我的任务")
    heard = li.taps("请当面或电话告知")
    assert "王秀英不用微信，请上门或打电话告诉本人" in heard
    assert "已由老徐好帮手接单" in heard
    assert "已经办好" not in li.heard  # by which means is asked for
    assert "已记为办好" in li.taps("当面说了")
    with open_session() as session:
        told = session.scalars(select(History.note).where(History.verb == "finish", History.subject.like("task:%")))
        assert told.all() == ["visit"]


@pytest.mark.case("C6")
def test_a_cadre_ends_an_order_that_nobody_can_do(talk, cast, open_session):
    placed(talk, cast)
    talk(cast.laoxu).at("job/1/decline/0")
    talk(cast.xiaohong).at("job/2/decline/0")
    with open_session() as session:
        number = session.scalars(select(Order.number)).one()
    li = talk(cast.li)
    li.says("我的订单")
    li.says(number)
    li.taps("没有组织能做")
    assert "已经结束" in li.taps("路太远")
    me = talk(cast.xiaofang)
    assert "暂时没有组织能做" in me.says("我的订单")
