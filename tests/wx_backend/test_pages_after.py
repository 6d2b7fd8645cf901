"""The pages of the later rooms: who may order, how an order goes on, jobs, and what people tell us."""

import re
from datetime import date, time, timedelta
from html import unescape

import pytest
from sqlalchemy import select

from handlers.ordering import page_words
from models.ordering.complaints import Complaint
from models.ordering.help import HelpRequest
from models.ordering.listings import Listing
from models.ordering.needs import NeedSubmission
from models.ordering.orders import Order
from models.ordering.ratings import Rating
from models.people.persons import Person
from tests.gate import count
from tests.visitors import hidden
from tests.world import NOW

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
TOMORROW = str(int((NOW + timedelta(days=1)).timestamp()))
AGED = {"code": "age", "kind": "age", "least": 80}


def of_the_meal(open_session, cast, **terms):
    with open_session() as session, session.begin():
        listing = session.get_one(Listing, cast.meal.id)
        for name, value in terms.items():
            setattr(listing, name, value)


def form_of(cast):
    return f"/m/services/{cast.wangnainai.id}/{cast.meal.id}"


def filled(me, cast, **more):
    return me.post(form_of(cast), **{"q0": "2", "q1": "软烂", "at": TOMORROW, **more})


def ordered(me, cast):
    return me.client.post(f"{form_of(cast)}/order", data=hidden(filled(me, cast))).location.partition("?")[0]


@pytest.mark.case("A10")
def test_an_emergency_shows_the_phone_to_tap_and_creates_nothing(pages, cast, open_session):
    of_the_meal(open_session, cast, category="emergency", phone="0578-5559999")
    me = pages.inside(cast.xiaofang)
    for said in (me.get(form_of(cast)), filled(me, cast), me.post(f"{form_of(cast)}/order", key="a" * 24)):
        assert 'href="tel:05785559999"' in said.text
        assert 'href="tel:120"' in said.text
        assert "确认点单" not in said.text
    assert count(open_session, Order) == 0


def test_what_one_must_know_stands_in_the_list_and_on_the_form_with_the_places_left(pages, cast, open_session):
    of_the_meal(open_session, cast, bring="身份证", rules=[{**AGED, "effect": "warn"}], capacity=5, minutes=45,
                cutoff_at=time(16), cutoff_days=1)  # fmt: skip
    me = pages.inside(cast.xiaofang)
    listed = me.get(f"/m/services/{cast.wangnainai.id}").text
    assert all(part in listed for part in ("80岁及以上", "前一个工作日下午4点前", "明天还剩5个名额"))
    form = me.get(form_of(cast)).text
    assert all(part in form for part in ("身份证", "80岁及以上", "前一个工作日下午4点前", "45分钟", "还剩5个名额"))


def test_who_may_not_fit_is_asked_kindly_and_may_order_all_the_same(pages, cast, open_session):
    of_the_meal(open_session, cast, rules=[{**AGED, "effect": "warn"}])
    me = pages.inside(cast.xiaofang)
    asked = filled(me, cast)
    assert asked.status_code == 409
    assert all(part in asked.text for part in ("80岁及以上", "还没有登记王秀英的情况", "还是要点"))
    sure = me.client.post(form_of(cast), data=hidden(asked))
    assert "确认点单" in sure.text
    assert me.client.post(f"{form_of(cast)}/order", data=hidden(sure)).status_code == 303
    assert count(open_session, Order) == 1


def test_who_is_barred_hears_why_and_whom_to_phone(pages, cast, open_session):
    of_the_meal(open_session, cast, rules=[{**AGED, "effect": "block"}])
    with open_session() as session, session.begin():
        session.get_one(Person, cast.wangnainai.id).born = date(1990, 1, 1)
    said = filled(pages.inside(cast.xiaofang), cast)
    assert said.status_code == 409
    assert "只给80岁及以上" in said.text
    assert "看看别的服务" in said.text


@pytest.mark.parametrize(
    ("terms", "sentence"),
    [
        ({"capacity": 1}, "名额已经满了"), ({"lead_hours": 90}, "来不及准备了，最早"),
        ({"cutoff_at": time(8), "cutoff_days": 2}, "已经截止"), ({"valid_to": date(2026, 11, 24)}, "这一天不办"),
    ],
)  # fmt: skip
def test_what_another_day_mends_stands_beside_the_time_and_nothing_typed_is_lost(
    pages, cast, open_session, terms, sentence
):
    of_the_meal(open_session, cast, **{"questions": [{**one, "places": one["datatype"] == "number"}
                                                     for one in cast.meal.questions], **terms})  # fmt: skip
    said = filled(pages.inside(cast.xiaofang), cast, note="放门口")
    assert said.status_code == 422
    assert re.search(rf'id="at-error">.*?{sentence}', said.text)
    assert ">放门口</textarea>" in said.text


def test_an_order_shows_the_terms_it_was_placed_on_and_its_promise(pages, cast, open_session):
    me = pages.inside(cast.xiaofang)
    path = ordered(me, cast)
    of_the_meal(open_session, cast, title="换了名字")
    said = me.get(path).text
    assert "爱心送餐" in said
    assert "换了名字" not in said
    assert "前有人接单" in said


def test_a_cancellation_is_taken_back_within_ten_minutes_and_not_later(pages, cast, open_session):
    me = pages.inside(cast.xiaofang)
    path = ordered(me, cast)
    me.post(f"{path}/cancel", reason="点错了")
    assert page_words.UNDO in me.get(path).text
    pages.now = NOW + timedelta(minutes=11)
    assert page_words.UNDO not in me.get(path).text
    assert me.post(f"{path}/undo").status_code == 409
    pages.now = NOW + timedelta(minutes=9)
    assert me.post(f"{path}/undo").status_code == 303
    with open_session() as session:
        assert session.scalars(select(Order)).one().state == "open"


BEYOND = ("9" * 19, "9" * 5000)  # what no column holds, and what Python itself reads no number from


@pytest.mark.parametrize("number", BEYOND)
def test_a_number_beyond_all_numbers_is_answered_kindly_wherever_it_is_sent(pages, cast, open_session, number):
    me, laoxu = pages.inside(cast.xiaofang), pages.inside(cast.laoxu)
    ordered(me, cast)
    job = re.search(r'href="(/m/jobs/\d+)"', laoxu.get("/m/jobs").text)[1]
    laoxu.post(f"{job}/accept")
    assert me.get(f"{form_of(cast)}?again={number}").status_code == 200  # filled in with nothing
    assert me.post("/m/needs/new", key="a" * 24, person=number, text="想要食堂").status_code == 422
    assert laoxu.post(f"{job}/who", person=number).status_code == 422
    for time_of in ({"day": "0001-01-01", "clock": "00:00"}, {"day": "9999-12-31", "clock": "23:59"}):
        assert laoxu.post(f"{job}/who", person=cast.ama.id, **time_of).status_code == 422
    assert filled(me, cast, at=number).status_code == 422


def test_an_organisation_does_all_of_its_work_on_pages_and_the_family_follows_it(pages, cast, open_session):
    me, laoxu = pages.inside(cast.xiaofang), pages.inside(cast.laoxu)
    path = ordered(me, cast)
    job = re.search(r'href="(/m/jobs/\d+)"', laoxu.get("/m/jobs").text)[1]
    assert laoxu.post(f"{job}/accept").status_code == 303
    who = laoxu.get(f"{job}/who").text
    assert f'value="{cast.ama.id}">阿妈' in who
    assert laoxu.post(f"{job}/who", person=cast.ama.id).status_code == 303
    assert all(part in me.get(path).text for part in ("老徐好帮手", "阿妈", "已定好人"))
    pages.now = NOW + timedelta(hours=20)
    me, laoxu = pages.inside(cast.xiaofang), pages.inside(cast.laoxu)
    assert laoxu.post(f"{job}/start").status_code == 303
    assert "正在路上" in me.get(path).text
    there = re.search(r'action="(/m/visits/\d+/arrived)"', laoxu.get(job).text)[1]
    assert laoxu.post(there).status_code == 303
    assert "已经到了" in me.get(path).text
    assert laoxu.get(f"{job}/done").status_code == 200
    assert laoxu.post(f"{job}/done").status_code == 303
    assert "王秀英" not in laoxu.get(job).text
    assert all(part in me.get(path).text for part in ("已完成", "评价", "没做好，重新办一次", "投诉"))
    assert me.post(f"{path}/rate").status_code == 422
    assert me.post(f"{path}/rate", score="2", words="来晚了").status_code == 303
    assert "不太满意" in me.get(path).text
    assert me.post(f"{path}/complain", words=" ").status_code == 422
    assert me.post(f"{path}/complain", words="来晚了").status_code == 303
    later = str(int((NOW + timedelta(days=3)).timestamp()))
    assert me.post(f"{path}/again", at="x").status_code == 422
    assert me.post(f"{path}/again", at=later).status_code == 303
    with open_session() as session:
        order = session.scalars(select(Order)).one()
        assert (order.state, order.reopened) == ("open", True)
        assert session.scalars(select(Rating)).one().score == 2
    assert count(open_session, Complaint) == 1


def test_nobody_home_is_asked_twice_and_declined_and_handed_back_have_their_reasons(pages, cast, open_session):
    me, laoxu, xiaohong = (pages.inside(one) for one in (cast.xiaofang, cast.laoxu, cast.xiaohong))
    path = ordered(me, cast)
    job = re.search(r'href="(/m/jobs/\d+)"', laoxu.get("/m/jobs").text)[1]
    laoxu.post(f"{job}/accept")
    laoxu.post(f"{job}/who", person=cast.ama.id)
    asked = re.search(r'href="(/m/visits/\d+/nobody)"', laoxu.get(job).text)[1]
    assert "马上通知家属和村里" in laoxu.get(asked).text
    assert laoxu.post(asked).status_code == 303
    assert "家里没人" in me.get(path).text
    assert laoxu.post(f"{job}/back", other="长" * 201).status_code == 422
    assert laoxu.post(f"{job}/back", reason="临时有急事").status_code == 303
    second = re.search(r'href="(/m/jobs/\d+)"', xiaohong.get("/m/jobs").text)[1]
    assert xiaohong.post(f"{second}/decline", reason="人手不够").status_code == 303
    assert laoxu.post(f"{job}/accept").status_code == 409


def told(me, what="needs", **fields):
    page = me.get(f"/m/{what}/new")
    return me.client.post(f"/m/{what}/new", data={**hidden(page), **{key: str(one) for key, one in fields.items()}})


@pytest.mark.case("L1")
def test_a_need_told_in_confidence_is_mine_alone_and_sent_twice_is_one(pages, cast, open_session):
    me = pages.inside(cast.xiaofang)
    sent = {
        **hidden(me.get("/m/needs/new")),
        "text": "家里的事",
        "person": str(cast.wangnainai.id),
        "how": "secret",
    }
    assert {me.client.post("/m/needs/new", data=sent).status_code for _ in range(2)} == {303}
    with open_session() as session:
        need = session.scalars(select(NeedSubmission)).one()
        assert (need.channel, need.confidential, need.person_id) == ("page", True, cast.wangnainai.id)
    assert "家里的事" in me.get("/m/needs").text
    assert "已收到" in me.get(f"/m/needs/{need.id}").text
    for other in (cast.aming, cast.li, cast.chen, cast.laoxu):
        him = pages.inside(other)
        assert "家里的事" not in him.get("/m/needs").text
        assert him.get(f"/m/needs/{need.id}").status_code == 404


def test_a_call_for_help_keeps_what_was_typed_and_can_be_taken_back(pages, cast, open_session):
    me = pages.inside(cast.xiaofang)
    assert told(me, "help", text="水管漏了").status_code == 422  # for whom?
    assert told(me, "help", text=" ", person=cast.wangnainai.id).status_code == 422
    assert told(me, "help", text="水管漏了", person=cast.wangnainai.id).status_code == 303
    with open_session() as session:
        call = session.scalars(select(HelpRequest)).one().id
    assert me.post(f"/m/help/{call}/withdraw").status_code == 303
    assert "已撤回" in me.get(f"/m/help/{call}").text


def test_danger_is_answered_with_the_number_to_tap_and_kept(pages, cast, open_session):
    said = told(pages.inside(cast.xiaofang), text="厨房着火了", person=cast.wangnainai.id)
    assert 'href="tel:119"' in unescape(said.text)
    with open_session() as session:
        assert session.scalars(select(HelpRequest)).one().urgent
