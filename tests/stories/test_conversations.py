"""Conversations through the real gate: what people type and tap, what they hear, and what is true afterwards."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from handlers import words
from models.family.calls import FamilyCall
from models.messages.letters import Letter
from models.messages.outcomes import Sent
from models.ordering.orders import Order
from models.people.care import CareLink
from models.people.identities import Identity
from models.people.links import invite
from models.people.persons import Person
from models.places.centres import ServiceCentre
from models.tasks.linking import ask
from models.tasks.tasks import Task
from scheduler.deliver import Deliverer
from scheduler.settings import ClockSettings, Hands
from tests.letters import posted
from tests.world import NOW


def ordered(talk, cast):
    """小芳 orders lunch for 王奶奶, up to the summary."""
    me = talk(cast.xiaofang)
    me.says("点单")
    me.taps("王秀英")
    me.taps("爱心送餐")
    me.says("2份")
    me.taps("软烂")
    me.says("明天上午9点")
    me.says("放在门口，谢谢")
    return me


def test_an_order_in_words_and_numbers(talk, cast, open_session):
    me = ordered(talk, cast)
    assert "放在门口，谢谢" in me.heard
    assert "马德里02:00" in me.heard
    number = re.search(r"订单号 (\d{4} \d{4})", me.says("1")).group(1)
    with open_session() as session:
        order = session.scalars(select(Order)).one()
    assert order.number == number.replace(" ", "")
    assert order.answers == {"portions": 2, "diet": "软烂"}
    assert order.preferred_at == NOW.replace(hour=1) + timedelta(days=1)
    me.says("我的订单")
    assert "等待接单" in me.says(number)


def test_a_wrong_answer_asks_again_and_keeps_what_was_said(talk, cast):
    me = talk(cast.xiaofang)
    me.says("点单")
    me.taps("王秀英")
    me.taps("爱心送餐")
    assert "请回复一个数字" in me.says("很多")
    assert "口味" in me.says("3")
    assert "请从这些里选" in me.says("麻辣")
    assert "什么时候" in me.taps("少盐")
    assert "没有认出时间" in me.says("看情况")
    assert "以后的时间" in me.says("今天上午8点")
    assert "交代" in me.says("后天下午")
    assert "200个字以内" in me.says("字" * 300)
    assert "3" in me.says("好")


STEPS = (("王秀英", "清单"), ("爱心送餐", "几份"), ("2", "口味"), ("软烂", "什么时候"), ("明天上午9点", "交代"),
         ("少放盐", "请核对"))  # fmt: skip


@pytest.mark.parametrize("stop", range(1, len(STEPS) + 1))
def test_cancel_and_back_at_every_step(talk, cast, open_session, stop):
    me = talk(cast.xiaofang)
    before = [me.says("点单")]
    for step, heard in STEPS[:stop]:
        before.append(me.taps(step) if any(step in link["label"] for link in me.links) else me.says(step))
        assert heard in me.heard
    assert words.FOOTER in me.heard
    assert me.says("返回").split("\n")[0] == before[-2].split("\n")[0]
    assert me.says("取消").startswith(words.CANCELLED)
    with open_session() as session:
        assert session.scalars(select(Order)).all() == []


def test_one_step_back_keeps_what_was_said_before_and_after(talk, cast, open_session):
    me = ordered(talk, cast)
    assert "交代" in me.says("上一步")
    assert "什么时候" in me.says("0")
    assert "口味" in me.says("返回")
    assert "几份" in me.says("返回")
    me.says("3")
    for said in ("要几份？ 3", "口味有什么要求？ 软烂", "11月25日", "留言：放在门口"):
        assert said in me.heard
    me.taps("确认点单")
    with open_session() as session:
        assert session.scalars(select(Order.answers)).one() == {"portions": 3, "diet": "软烂"}


@pytest.mark.case("B1")
def test_tapping_confirm_twice_shows_the_same_number(talk, cast, open_session):
    me = ordered(talk, cast)
    link = me.links[0]["id"]
    numbers = [re.search(r"订单号 (\d{4} \d{4})", me.at(link)).group(1) for _ in range(2)]
    with open_session() as session:
        order = session.scalars(select(Order)).one()
    assert {number.replace(" ", "") for number in numbers} == {order.number}


def test_a_stale_confirmation_never_places_what_is_being_filled_in_now(talk, cast, open_session):
    me = ordered(talk, cast)
    stale = me.links[0]["id"]
    ordered(talk, cast)
    assert "重新点" in me.at(stale)
    assert "重新点" in me.at("order/place/" + "0" * 24)
    with open_session() as session:
        assert session.scalars(select(Order)).all() == []


@pytest.mark.case("B2")
def test_the_same_service_on_the_same_day_is_asked_about_and_allowed(talk, cast, open_session):
    ordered(talk, cast).taps("确认点单")
    again = ordered(talk, cast)
    assert "还要再点一份吗" in again.heard
    again.taps("确认点单")
    with open_session() as session:
        assert len(session.scalars(select(Order)).all()) == 2


@pytest.mark.case("B3")
def test_what_the_daughter_has_ordered_is_shown_to_the_cadre_who_is_about_to_order_it_too(talk, cast, open_session):
    ordered(talk, cast).taps("确认点单")
    li = talk(cast.li)
    li.says("居民")
    li.says("王秀英")
    li.taps("王秀英")
    li.taps("替王秀英点单")
    li.taps("爱心送餐")
    li.says("1")
    li.taps("正常")
    li.says("明天上午11点")
    with open_session() as session:
        number = session.scalars(select(Order.number)).one()
    assert f"已经为王秀英点过“爱心送餐”（订单{number[:4]} {number[4:]}）" in li.says("没有")
    assert "放在门口" in li.taps("看已经点的那张")
    with open_session() as session:
        assert len(session.scalars(select(Order)).all()) == 1


@pytest.mark.case("B15")
def test_what_is_typed_stays_text(talk, cast):
    me = talk(cast.xiaofang)
    me.says("点单")
    me.taps("王秀英")
    me.taps("上门理发")
    me.says("明天上午9点")
    heard = me.says('<a href="https://evil.example">领奖</a>')
    assert '<a href="https://evil' not in heard
    assert "领奖" in heard
    assert all("evil" not in link["href"] for link in me.links)


FORGED = (
    "order/1", "order/1/cancel", "order/1/cancel/0", "order/for/{wang}", "call/for/{wang}", "order/new/1/{wang}",
    "call/1", "call/1/cancel/0", "job/1", "job/1/accept", "task/1", "task/1/done", "call/1/move",
    "call/1/to/29933760", "link/1/revoke", "link/2/confirm", "link/2/decline", "link/2/revoke", "staff/invite/{wang}",
    "call/at/{wang}/29700000",
)  # fmt: skip


@pytest.mark.case("L1")
def test_a_stranger_who_forges_an_address_learns_nothing(talk, cast, open_session):
    ordered(talk, cast).taps("确认点单")
    called_and_asked(talk, cast, open_session)
    before = states(open_session)
    strangers = [talk(one) for one in (cast.aming, cast.zhao, "o-nobody")]
    for address in FORGED:
        for stranger in strangers:
            heard = stranger.at(address.format(wang=cast.wangnainai.id))
            assert not any(word in heard for word in ("王", "0578", "葛山")), (address, heard)
        assert states(open_session) == before, address


def called_and_asked(talk, cast, open_session):
    """小芳 has a call with 王奶奶; 小红 has asked for a link to her, and nobody has answered."""
    me = talk(cast.xiaofang)
    me.says("亲情连线")
    me.taps("11月29日")
    me.taps("16:00")
    me.taps("确认预约")
    with open_session() as session, session.begin():
        code = invite(session, cast.who(cast.li), cast.wangnainai.id, NOW).code
        assert ask(session, cast.who(cast.xiaohong), code, "邻居", NOW).id == 2
        assert session.get_one(FamilyCall, 1).state == "booked"


def states(open_session):
    with open_session() as session:
        calls = session.execute(select(FamilyCall.state, FamilyCall.revision)).all()
        return [calls, *(sorted(session.scalars(select(table.state))) for table in (Order, Task, CareLink))]


NOWHERE = (
    "order/new/99999/1", "call/at/1/99999999999999", "call/day/1/tomorrow", "no/such/place", "link/1/0/0/0",
    "order/pick/9/9", "order/note", "more", "é", "a" * 200, "order/-1",
)  # fmt: skip


def test_an_address_that_leads_nowhere_is_answered_kindly(talk, cast):
    me = talk(cast.xiaofang)
    for address in NOWHERE:
        heard = me.at(address)
        assert heard, address
        assert words.APOLOGY not in heard, address


def test_an_organisation_answers_in_two_taps_and_the_next_one_is_asked(talk, cast, open_session):
    ordered(talk, cast).taps("确认点单")
    laoxu = talk(cast.laoxu)
    laoxu.says("接单")
    assert "王秀英" in laoxu.taps("爱心送餐")
    laoxu.taps("不方便接")
    assert "下一个组织" in laoxu.taps("人手不够")
    xiaohong = talk(cast.xiaohong)
    xiaohong.says("接单")
    xiaohong.taps("待答复")
    assert "接单成功" in xiaohong.taps("接单")
    me = talk(cast.xiaofang)
    me.says("我的订单")
    me.taps("王秀英")
    assert "已接单" in me.heard
    me.taps("取消订单")
    assert "已经取消" in me.says("临时不用了")
    with open_session() as session:
        assert session.scalars(select(Order.reason)).one() == "临时不用了"
        told = set(session.scalars(select(Letter.person_id).where(Letter.kind == "ordering.cancelled")))
    assert told == {cast.xiaohong.id}


def test_a_call_is_booked_moved_and_cancelled_with_both_clocks(talk, cast, open_session):
    me = talk(cast.xiaofang)
    assert "哪一天" in me.says("亲情连线")
    me.taps("11月29日")
    assert "马德里09:00" in me.taps("16:00") or "马德里09:00" in me.heard
    assert "约好了" in me.taps("确认预约")
    me.taps("查看或更改")
    me.taps("改时间")
    me.says("更多")
    me.taps("11月30日")
    assert "马德里08:30" in me.taps("15:30")
    with open_session() as session:
        call = session.scalars(select(FamilyCall)).one()
        assert (call.revision, call.state) == (1, "booked")
    me.says("我的连线")
    me.taps("王秀英")
    me.taps("取消")
    assert "已经取消" in me.taps("临时有事")
    assert "没有约好" in me.says("我的连线")


@pytest.mark.case("D1")
def test_a_slot_that_is_gone_offers_the_nearest_ones_to_tap(talk, cast, open_session):
    me = talk(cast.xiaofang)
    me.says("亲情连线")
    me.taps("11月29日")
    me.taps("16:00")
    late = me.links[0]["id"]
    other = late.rsplit("/", 1)[0] + "/1111111111111111"
    me.at(other)
    heard = me.at(late)
    assert "刚刚被约走" in heard
    assert len(me.links) == 3
    me.links = me.links[:1]
    assert "请核对" in me.taps("月")


def test_a_relative_links_by_scanning_and_the_cadre_confirms_in_two_taps(talk, cast, open_session):
    li = talk(cast.li)
    li.says("开亲情码")
    li.says("王秀英")
    code = re.search(r"亲情码：(\w{4}) (\w{3})", li.taps("王秀英")).groups()
    newcomer = talk("o-newcomer")
    heard = newcomer.event("subscribe", EventKey=f"qrscene_link/{''.join(code)}", Ticket="t")
    assert "欢迎" in heard
    assert "怎么称呼" in heard
    assert "王" not in heard
    newcomer.says("王小明")
    newcomer.taps("孙子")
    assert "确认后会通知您" in newcomer.heard
    li.says("我的任务")
    assert "王小明说自己是王秀英的孙子" in li.taps("核实家人关联")
    assert "已确认" in li.taps("通过")
    assert "王秀英" in newcomer.says("我的家人")
    newcomer.taps("解除：王秀英")
    assert "还没有关联家人" in newcomer.says("我的家人")
    with open_session() as session:
        assert (
            session.scalars(
                select(Person.name).where(
                    Person.id
                    == session.scalars(select(Identity.person_id).where(Identity.openid == "o-newcomer")).one()
                )
            ).one()
            == "王小明"
        )


def test_somebody_moves_to_another_city_and_reads_times_there(talk, cast):
    me = talk(cast.xiaofang)
    me.says("我的资料")
    me.taps("改所在地")
    assert "罗马时间" in me.taps("罗马")
    me.says("亲情连线")
    me.taps("11月29日")
    assert "罗马" in me.heard


def test_the_way_to_a_person_is_the_centre_of_ones_own_people(talk, cast):
    assert "葛山村党群服务中心电话：0578-5550101" in talk(cast.xiaofang).says("人工")
    assert "葛山村党群服务中心电话" in talk("o-nobody").says("人工")


def test_where_no_centre_has_a_number_the_way_to_a_person_is_the_countys(talk, cast, open_session):
    with open_session() as session, session.begin():
        session.execute(update(ServiceCentre).values(phone=""))
    assert "县党群服务中心电话0578-5550100" in talk(cast.xiaofang).says("人工")


def test_leaving_and_coming_back(talk, cast, open_session):
    me = talk(cast.xiaofang)
    assert me.event("unsubscribe") == ""
    with open_session() as session:
        assert not session.scalars(select(Identity.following).where(Identity.person_id == cast.xiaofang.id)).one()
    assert "欢迎" in me.event("subscribe", EventKey="")
    with open_session() as session:
        assert session.scalars(select(Identity.following).where(Identity.person_id == cast.xiaofang.id)).one()


def test_a_receipt_that_says_blocked_becomes_a_phone_call(talk, cast, open_session):
    with open_session() as session, session.begin():
        letter = posted(
            session,
            key="k",
            person_id=cast.xiaofang.id,
            kind="people.link_declined",
            subject="care:1",
            facts={"cared": "", "at": NOW.isoformat()},
            now=NOW,
        )
        letter.state, letter.msgid = "sent", "3717005636572528642"
        letter.app_id = session.scalars(select(Identity.app_id).limit(1)).one()
    talk(cast.xiaofang).event("TEMPLATESENDJOBFINISH", MsgID="3717005636572528642", Status="failed:user block")
    # No other channel reaches her, the clock finds.
    deliverer = Deliverer(
        Hands(open_session, lambda letter: Sent("1", "好"), lambda: NOW, lambda: NOW, ClockSettings())
    )
    deliverer.run_once()
    deliverer.close()
    li = talk(cast.li)
    li.says("我的任务")
    assert "微信没有送到" in li.taps("请电话或上门告知")
    with open_session() as session:
        task = session.scalars(select(Task.id).where(Task.kind == "phone_call")).one()
    li.at(f"task/{task}/told/2")  # there are two ways to tell somebody
    with open_session() as session:
        assert session.get_one(Task, task).state == "open"
    li.at(f"task/{task}")
    li.taps("电话说了")
    with open_session() as session:
        assert session.scalars(select(Letter.state).where(Letter.key == "k")).one() == "told_in_person"
