"""From the accept to the rating, and what cadres do in between, all in chat."""

from datetime import date

import pytest
from sqlalchemy import select

from handlers.ordering import words
from handlers.ordering.sheets import COLUMNS, as_text, cells
from models.ordering.assignments import Assignment
from models.ordering.complaints import Complaint
from models.ordering.orders import Order
from models.ordering.ratings import Rating
from models.ordering.runsheet import run_sheet
from models.ordering.visiting import name_person
from models.ordering.visits import Visit
from models.people.persons import Person
from tests.models.ordering.test_dispatch import WANTED
from tests.models.ordering.test_visiting import taken_on
from tests.stories.test_order_life import accepted, placed
from tests.world import NOW


def state(open_session, table=Order):
    with open_session() as session:
        return list(session.scalars(select(table.state).order_by(table.id)))


def test_a_team_names_who_goes_reports_and_the_daughter_rates_and_complains(talk, cast, open_session):
    laoxu = accepted(talk, cast)
    laoxu.at("job/1")
    assert "谁去" in laoxu.taps("定上门的人")
    assert "由阿妈上门" in laoxu.taps("阿妈")
    ama = talk(cast.ama)
    assert "没有排好的上门" in ama.says("今天的上门")  # it is tomorrow
    ama.at("job/1")
    assert "满意吗" not in ama.taps("已经做完")
    assert "已经完成" in ama.taps("确认做完")
    assert (state(open_session), state(open_session, Visit)) == (["completed"], ["done"])
    daughter = talk(cast.xiaofang)
    daughter.says("我的订单")
    daughter.taps("爱心送餐")
    assert words.RATED in daughter.taps("不满意")
    daughter.taps("投诉")
    assert words.COMPLAINED in daughter.says("饭是凉的<b>")
    chen = talk(cast.chen)
    chen.says("我的任务")
    chen.taps("请处理投诉")
    heard = chen.taps("查看投诉")
    assert "饭是凉的＜b＞" in heard
    assert words.SETTLED in chen.says("已经换了保温箱")
    assert talk(cast.li).at("complaint/1") == talk(cast.zhao).at("complaint/1")
    with open_session() as session:
        assert session.scalars(select(Rating.score)).all() == [1]
        assert session.scalars(select(Complaint.outcome)).all() == ["已经换了保温箱"]


def test_nobody_home_is_said_in_two_taps(talk, cast, open_session):
    laoxu = accepted(talk, cast)
    laoxu.at("job/1/who")
    laoxu.taps("老徐")
    laoxu.taps("查看")
    laoxu.taps("家里没人")
    assert words.NOBODY_HOME in laoxu.taps("确认没人")
    assert (state(open_session), state(open_session, Visit)) == (["accepted"], ["nobody_home"])


@pytest.mark.case("C14")
def test_a_cadre_dispatches_and_from_an_old_bubble_hears_that_it_has_changed(talk, cast, open_session):
    placed(talk, cast)
    li = talk(cast.li)
    li.says("派单")
    seen = li.taps("王秀英")
    assert "最晚" in seen
    old = next(link["id"] for link in li.links if "派给" in link["label"])
    li.taps("派给一个组织")
    assert words.DISPATCHED in li.taps("乐都")
    assert words.REFUSALS["changed_meanwhile"] in li.at(f"{old}/{cast.helpers_club.id}")
    assert state(open_session, Assignment) == ["withdrawn", "offered"]


@pytest.mark.case("G5")
def test_the_centre_cancels_with_why_and_what_instead(talk, cast, open_session):
    placed(talk, cast)
    li = talk(cast.li)
    li.at("order/1")
    li.taps("中心取消")
    li.says("道路塌方")
    assert words.CALLED_OFF in li.says("周五照常送")
    with open_session() as session:
        order = session.scalars(select(Order)).one()
        assert (order.state, order.reason, order.end_code) == ("cancelled", "道路塌方", "centre")


@pytest.mark.case("G9")
def test_what_was_cancelled_by_mistake_is_taken_back_in_one_tap(talk, cast, open_session):
    placed(talk, cast)
    me = talk(cast.xiaofang)
    me.at("order/1/cancel")
    me.taps("点错了")
    assert words.RESTORED in me.taps("撤回取消")
    assert state(open_session) == ["open"]


@pytest.mark.case("C6")
def test_a_cadre_says_why_nobody_can(talk, cast, open_session):
    placed(talk, cast)
    li = talk(cast.li)
    li.at("order/1")
    li.taps("没有组织能做")
    li.taps("路太远")
    with open_session() as session:
        assert session.scalars(select(Order.end_code)).all() == ["too_far"]


@pytest.mark.case("B10")
def test_a_cadre_writes_down_a_death_in_three_taps_and_everything_stops(talk, cast, open_session):
    accepted(talk, cast)
    li = talk(cast.li)
    li.says("居民")
    li.says("王秀英")
    li.taps("王秀英")
    assert "停止" in li.taps("登记：去世")
    li.taps("确认")
    with open_session() as session:
        assert session.get_one(Person, cast.wangnainai.id).state == "deceased"
        assert session.scalars(select(Order.end_code)).all() == ["stopped"]


def test_an_order_waits_for_the_residents_answer_and_says_so(talk, cast):
    placed(talk, cast)
    li = talk(cast.li)
    li.at("order/1")
    assert words.PAUSED in li.taps("等本人答复")
    assert words.PAUSED in talk(cast.xiaofang).at("order/1")
    li.at("order/1")
    assert "最晚" in li.taps("本人已答复")


def test_the_run_sheet_holds_the_day_in_order_for_those_who_go_and_nobody_else(session, cast):
    order, offer = taken_on(session, cast, note="<script>门口有狗</script>")
    name_person(session, cast.who(cast.laoxu), offer.id, cast.ama.id, now=NOW)
    day = date(2026, 11, 25)
    stops = run_sheet(session, cast.who(cast.ama), day)
    assert [(stop.visitor, stop.beneficiary, stop.starts_at) for stop in stops] == [("阿妈", "王秀英", WANTED)]
    assert "10:00–10:15 葛山村王秀英 爱心送餐（阿妈）" in as_text(day, stops) or "10:00–11:00" in as_text(day, stops)
    printed = cells(stops[0])
    assert len(printed) == len(COLUMNS) - 1  # the last is for pen and ink
    assert (printed[1:4], printed[-1][-4:]) == (("阿妈", "葛山村 王秀英", "爱心送餐"), order.number[-4:])
    assert "门口有狗" in printed[4]
    for stranger in (cast.xiaohong, cast.xiaofang, cast.zhao):
        assert run_sheet(session, cast.who(stranger), day) == []
    assert run_sheet(session, cast.who(cast.ama), date(2026, 11, 26)) == []
    assert "没有排好" in as_text(day, [])
