"""The catalogue in conversation: what a service asks, for whom it is, its review, and the code on an old sheet."""

from datetime import date, time, timedelta

import pytest
from sqlalchemy import func, select, update

from models.messages.letters import Letter
from models.ordering.catalogue import publish, retire, suspend
from models.ordering.listings import CentreTerms, Listing
from models.ordering.notices import record_list
from models.ordering.orders import Order
from models.ordering.placing import cancel, place
from models.ordering.review import decide, submit
from models.ordering.tallies import Tally
from models.ordering.versions import ListingVersion, draft_listing, edit
from models.people.persons import Person
from models.tasks.tasks import Task
from tests.world import NOW


def terms(open_session, cast, listing=None, **values):
    key = (listing or cast.haircut).id
    with open_session() as session, session.begin():
        session.execute(update(Listing).where(Listing.id == key).values(**values))
        session.execute(update(ListingVersion).where(ListingVersion.listing_id == key).values(**values))


def wanna_haircut(talk, cast):
    me = talk(cast.xiaofang)
    me.says("点单")
    me.taps("王秀英")
    me.taps("上门理发")
    return me


def orders(open_session):
    with open_session() as session:
        return session.scalar(select(func.count()).select_from(Order))


def test_a_service_says_what_to_bring_until_when_and_for_whom_before_its_first_question(talk, cast, open_session):
    terms(
        open_session, cast, bring="毛巾", price="免费", cutoff_days=1, cutoff_at=time(16), quota=1, minutes=30,
        rules=[{"code": "v", "kind": "village", "effect": "block", "areas": ["331127201001"]}],
    )  # fmt: skip
    with open_session() as session, session.begin():
        session.add(
            CentreTerms(centre_id=cast.centre.id, listing_id=cast.haircut.id, weekdays="25", opens=time(8, 30),
                        closes=time(11))
        )  # fmt: skip
    heard = wanna_haircut(talk, cast).heard
    for said in ("谁可以点：葛山村居民", "什么时候：周二、周五 上午8点半到上午11点", "点单截止：前一个工作日下午4点前",
                 "请您带好：毛巾", "费用：免费", "大约：30分钟", "每户每月最多1次", "什么时候来"):  # fmt: skip
        assert said in heard


@pytest.mark.case("B11")
def test_a_warning_is_put_kindly_and_passed_over_with_one_tap(talk, cast, open_session):
    terms(open_session, cast, rules=[{"code": "old", "kind": "age", "effect": "warn", "least": 90}])
    with open_session() as session, session.begin():
        session.get_one(Person, cast.wangnainai.id).born = date(1944, 3, 8)
    me = wanna_haircut(talk, cast)
    assert "主要给90岁及以上，王秀英可能不太合适。还是要点吗" in me.taps("11月25日")
    assert "交代" in me.taps("还是要点")
    me.taps("没有")
    assert "点单成功" in me.taps("确认点单")


@pytest.mark.case("B11")
def test_a_bar_says_for_whom_it_is_and_leads_on(talk, cast, open_session):
    terms(open_session, cast, rules=[{"code": "a", "kind": "age", "effect": "block", "most": 14}])
    with open_session() as session, session.begin():
        session.get_one(Person, cast.wangnainai.id).born = date(1944, 3, 8)
    me = wanna_haircut(talk, cast)
    assert "只给14岁及以下" in me.taps("11月25日")
    assert "0578-5550101" in me.heard
    assert "还是要点" not in me.heard
    assert "清单" in me.taps("看看别的服务")
    terms(open_session, cast, rules=[{"code": "c", "kind": "left_behind", "effect": "block", "values": ["child"]}])
    assert "只给留守儿童" in wanna_haircut(talk, cast).heard  # whatever the day
    assert "什么时候来" not in me.heard


@pytest.mark.case("B13")
def test_a_day_that_is_closed_already_is_not_offered_and_asked_anew_where_somebody_writes_it(talk, cast, open_session):
    terms(open_session, cast, cutoff_days=1, cutoff_at=time(9))
    me = wanna_haircut(talk, cast)
    assert "11月25日" not in me.heard
    assert "这一天的点单11月24日（周二）09:00已经截止" in me.says("明天上午9点")
    assert "交代" in me.taps("11月26日")


@pytest.mark.case("B13")
def test_a_service_that_needs_time_names_the_first_that_does(talk, cast, open_session):
    terms(open_session, cast, lead_hours=18)
    me = wanna_haircut(talk, cast)
    assert "最早11月26日（周四）10:00" in me.says("明天上午9点")
    assert "交代" in me.says("11月26日 10点")


def test_only_the_days_and_hours_of_the_service_are_offered(talk, cast, open_session):
    with open_session() as session, session.begin():
        session.add(
            CentreTerms(centre_id=cast.centre.id, listing_id=cast.haircut.id, weekdays="25", opens=time(9, 30),
                        closes=time(11))
        )  # fmt: skip
    me = wanna_haircut(talk, cast)
    offered = [link["label"] for link in me.links if link["id"].startswith("order/at/")]
    assert offered == ["11月27日（周五）09:30", "12月1日（周二）09:30", "12月4日（周五）09:30", "12月8日（周二）09:30"]
    assert "这项服务周二、周五 上午9点半到上午11点办" in me.says("明天上午10点")


@pytest.mark.case("B12")
def test_who_comes_too_late_for_the_last_place_is_told_and_keeps_what_was_filled_in(talk, cast, open_session):
    terms(open_session, cast, capacity=1)
    mine, theirs = wanna_haircut(talk, cast), talk(cast.li)
    mine.taps("11月25日")
    mine.taps("没有")
    with open_session() as session, session.begin():
        place(
            session, cast.who(cast.li), listing_id=cast.haircut.id, beneficiary_id=cast.wangnainai.id, answers={},
            preferred_at=NOW + timedelta(days=1), note="", client_key="first", now=NOW,
        )  # fmt: skip
    assert "名额已经满了" in mine.taps("确认点单")
    assert "什么时候来" in mine.taps("换一个时间")
    assert "请核对" in mine.taps("11月26日")
    assert "点单成功" in mine.taps("确认点单")
    assert "11月25日" not in wanna_haircut(talk, cast).heard  # who asks later is not offered the day
    assert "名额已经满了" in mine.says("明天上午9点")
    assert orders(open_session) == 2
    assert "上门理发" in theirs.says("我的订单")


@pytest.mark.case("H4", "H8")
def test_who_comes_too_late_stands_in_line_and_has_the_place_that_comes_back(talk, cast, open_session):
    terms(open_session, cast, capacity=1)
    mine = wanna_haircut(talk, cast)
    mine.taps("11月25日")
    mine.taps("没有")
    with open_session() as session, session.begin():
        neighbour = Person(name="邻居", area_id=cast.village.id, phone="13905780000", created_at=NOW)
        session.add(neighbour)
        session.flush()
        placed = place(
            session, cast.who(cast.li), listing_id=cast.haircut.id, beneficiary_id=neighbour.id, answers={},
            preferred_at=NOW + timedelta(days=1), note="", client_key="first", now=NOW,
        ).id  # fmt: skip
    assert "名额已经满了" in mine.taps("确认点单")
    assert "已经排上了" in mine.taps("排队等名额") and "下一个就轮到您" in mine.heard
    assert "排队中" in mine.says("排队")
    with open_session() as session, session.begin():
        cancel(session, cast.who(cast.li), placed, "记错了", NOW)
    assert "有名额，请答复" in mine.says("排队")
    assert "名额已经给您留着" in mine.taps("上门理发")
    assert "等待接单" in mine.taps("要这个名额")
    with open_session() as session:
        told = session.scalars(select(Letter.kind).where(Letter.person_id == cast.xiaofang.id)).all()
        assert "waiting.offered" in told
        assert session.scalars(select(Tally.taken).where(Tally.key.startswith("places/"))).one() == 1
    assert "没有在排队" in mine.says("排队")


@pytest.mark.case("G3")
def test_who_cancels_is_not_offered_the_place_again(talk, cast, open_session):
    terms(open_session, cast, capacity=1)
    mine = wanna_haircut(talk, cast)
    mine.taps("11月25日")
    mine.taps("没有")
    with open_session() as session, session.begin():
        placed = place(
            session, cast.who(cast.li), listing_id=cast.haircut.id, beneficiary_id=cast.wangnainai.id, answers={},
            preferred_at=NOW + timedelta(days=1), note="", client_key="first", now=NOW,
        ).id  # fmt: skip
    mine.taps("确认点单")
    mine.taps("排队等名额")
    with open_session() as session, session.begin():
        cancel(session, cast.who(cast.li), placed, "", NOW)
    assert "没有在排队" in mine.says("排队")


@pytest.mark.case("A10")
def test_an_emergency_is_a_phone_number_and_nothing_else(talk, cast, open_session):
    terms(open_session, cast, category="emergency", phone="0578-5550120")
    me = wanna_haircut(talk, cast)
    assert "请马上打电话：0578-5550120" in me.heard
    assert "120" in me.heard
    with open_session() as session:
        assert [session.scalar(select(func.count()).select_from(table)) for table in (Order, Task, Letter)] == [0, 0, 0]


@pytest.mark.case("A3")
def test_an_order_of_a_service_that_has_stopped_says_that_it_goes_on(talk, cast, open_session):
    me = wanna_haircut(talk, cast)
    for label in ("11月25日", "没有", "确认点单"):
        me.taps(label)
    with open_session() as session, session.begin():
        suspend(session, cast.who(cast.li), cast.haircut.id, "", NOW)
    assert "照常办理" in me.at("order/1")
    me.says("点单")
    assert "上门理发" not in me.taps("王秀英")


def test_a_reviewer_reads_a_version_sends_it_back_and_its_author_hears_why(talk, cast, open_session):
    with open_session() as session, session.begin():
        li = cast.who(cast.li)
        version = edit(session, li, cast.haircut.id, {"price": "5元", "bring": "毛巾"}, now=NOW)
        submit(session, li, version.id, NOW)
    chen = talk(cast.chen)
    chen.says("我的任务")
    assert "李站长填写" in chen.taps("请审核服务清单")
    chen.taps("看内容并审核")
    for said in ("费用：5元", "请您带好：毛巾", "承接：老徐好帮手", "这一版写的或改的：请带、费用"):
        assert said in chen.heard
    chen.taps("退回修改")
    assert "已退回修改" in chen.says("价格要写清一次还是一月")
    with open_session() as session:
        assert session.scalars(select(Letter.facts).where(Letter.kind == "catalogue.returned")).one()["reason"] == (
            "价格要写清一次还是一月"
        )
    chen.says("清单审核")
    assert "没有等您审核" in chen.heard


@pytest.mark.case("A1")
def test_an_author_is_offered_no_approval_and_a_forged_tap_is_refused(talk, cast, open_session):
    with open_session() as session, session.begin():
        li = cast.who(cast.li)
        version = edit(session, li, cast.haircut.id, {"price": "5元"}, now=NOW)
        submit(session, li, version.id, NOW)
        key = version.id
    me = talk(cast.li)
    me.says("清单审核")
    assert "通过" not in me.taps("上门理发")
    assert "没有找到" in me.at(f"review/{key}/approve")  # a station cadre reviews nothing
    assert "没有找到" in talk(cast.zhao).at(f"review/{key}")
    talk(cast.chen).at(f"review/{key}/approve")
    assert "已经发布" in me.at(f"review/{key}/publish")


@pytest.mark.case("B14")
@pytest.mark.parametrize("end", [suspend, retire])
def test_a_service_that_is_called_off_while_somebody_fills_in_takes_no_order_and_leads_on(
    talk, cast, open_session, end
):
    me = wanna_haircut(talk, cast)
    me.taps("11月25日")
    me.taps("没有")
    with open_session() as session, session.begin():
        end(session, cast.who(cast.li), cast.haircut.id, "师傅病了", NOW)
    heard = me.taps("确认点单")
    assert "不能点了" in heard
    assert "点单成功" not in heard
    assert orders(open_session) == 0
    assert me.links  # and there is a way on


@pytest.mark.case("A8")
def test_the_code_on_an_old_sheet_says_what_has_changed_and_leads_on(talk, cast, open_session):
    with open_session() as session, session.begin():
        sheet = record_list(session, "sheet", cast.centre, by_id=None, now=NOW).id
    me = talk(cast.xiaofang)
    assert "印的" not in me.event("SCAN", EventKey=f"sheet/{sheet}/{cast.meal.id}")
    me.taps("王秀英")
    assert "要几份" in me.heard
    with open_session() as session, session.begin():
        li, chen = cast.who(cast.li), cast.who(cast.chen)
        version = edit(session, li, cast.meal.id, {"title": "营养午餐"}, now=NOW)
        submit(session, li, version.id, NOW)
        decide(session, chen, version.id, "approve", "", NOW)
        publish(session, li, version.id, NOW)
        retire(session, li, cast.haircut.id, "", NOW)
        made = draft_listing(
            session, li, code="L9", centre_id=cast.centre.id, providers=[], now=NOW,
            terms={"title": "磨刀", "category": "cleaning", "mode": "at_centre"},
        )  # fmt: skip
        submit(session, li, made.id, NOW)
        decide(session, chen, made.id, "approve", "", NOW)
        publish(session, li, made.id, NOW)
    heard = me.event("SCAN", EventKey=f"sheet/{sheet}/{cast.meal.id}", Ticket="second")
    for said in ("2026年11月24日印的", "改了：营养午餐", "不办了：上门理发", "新增：磨刀", "给谁点单"):
        assert said in heard
    gone = me.event("SCAN", EventKey=f"sheet/{sheet}/{cast.haircut.id}")
    assert "“上门理发”现在不办了" in gone
    me.taps("看现在的清单")
    assert "不能点了" in me.event("SCAN", EventKey="sheet/99/1")


def test_a_household_and_its_places_are_counted_where_the_conversation_ends(talk, cast, open_session):
    terms(open_session, cast, capacity=5, quota=1)
    for _ in range(2):
        me = wanna_haircut(talk, cast)
        for label in ("11月25日", "没有", "确认点单"):
            me.taps(label)
    assert "每户最多1次" in me.heard
    with open_session() as session:
        assert sorted(session.scalars(select(Tally.taken))) == [1, 1]
