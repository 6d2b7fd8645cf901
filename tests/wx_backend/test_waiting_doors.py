"""The waiting list on pages, in the mini-program and at the desk: into the line, one's place, the answer."""

from datetime import timedelta

import pytest

from models.ordering.placing import cancel
from models.ordering.waiting import WaitlistEntry
from tests.desk import Clerk, give_account
from tests.gate import close_app, config_for
from tests.mini import api_app, meal_for, signed_in
from tests.models.ordering.test_catalogue import order, set_terms
from tests.models.ordering.test_waiting import others, waits
from tests.visitors import hidden
from tests.world import NOW
from wx_backend.app import create_app

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
TOMORROW = str(int((NOW + timedelta(days=1)).timestamp()))


@pytest.fixture
def taken(cast, open_session):
    """The one place of tomorrow's meal is a neighbour's."""
    with open_session() as session, session.begin():
        set_terms(session, cast, capacity=1, questions=[])
        (neighbour,) = others(session, cast, 1)
        return order(session, cast, cast.li, beneficiary_id=neighbour.id, client_key="first", answers={}).id


def freed(open_session, cast, order_id):
    with open_session() as session, session.begin():
        cancel(session, cast.who(cast.li), order_id, "", NOW)


def entry(open_session):
    with open_session() as session:
        return session.get_one(WaitlistEntry, 1)


def test_who_finds_a_day_full_waits_on_a_page_and_takes_the_place_that_comes_back(pages, cast, open_session, taken):
    me = pages.inside(cast.xiaofang)
    form = f"/m/services/{cast.wangnainai.id}/{cast.meal.id}"
    said = me.post(form, at=TOMORROW, note="放在门口")
    assert (said.status_code, "排队等名额" in said.text) == (409, True)
    typed = {key: value for key, value in hidden(said).items() if key != "csrf_token"}
    back = me.post(form, **typed, edit="1")
    assert (back.status_code, "放在门口" in back.text) == (200, True)
    joined = me.post(f"{form}/wait", **typed)
    assert joined.location == "/m/waiting/1?joined=1"
    assert me.post(f"{form}/wait", **typed).location == "/m/waiting/1?joined=1"
    page = me.get(joined.location).text
    assert "已经排上了" in page
    assert "下一个就轮到您" in page
    assert "1项在等名额" in me.get("/m/orders").text
    assert "爱心送餐" in me.get("/m/waiting").text
    assert me.post("/m/waiting/1/take").status_code == 409
    freed(open_session, cast, taken)
    assert "名额已经给您留着" in me.get("/m/waiting/1").text
    done = me.post("/m/waiting/1/take")
    assert done.location == "/m/orders/2?placed=1"
    assert "放在门口" in me.get(done.location).text
    assert me.post("/m/waiting/1/leave").status_code == 409


def test_more_places_than_there_ever_are_and_a_day_with_places_are_not_waited_for(pages, cast, open_session, taken):
    me = pages.inside(cast.xiaofang)
    form = f"/m/services/{cast.wangnainai.id}/{cast.meal.id}"
    freed(open_session, cast, taken)
    said = me.post(f"{form}/wait", at=TOMORROW)
    assert (said.status_code, "不用排队" in said.text) == (409, True)
    with open_session() as session, session.begin():
        portions = {"code": "portions", "datatype": "number", "description": "几份？", "required": True, "places": True}
        set_terms(session, cast, questions=[portions])
    said = me.post(form, at=TOMORROW, q0="2")
    assert (said.status_code, "排队等名额" in said.text) == (422, False)


def test_the_mini_program_waits_answers_and_leaves(database_url, cast, open_session, taken):
    with api_app(database_url) as app:
        me, other = (signed_in(app, open_session, cast.identities[one.id]) for one in (cast.xiaofang, cast.aming))
        wish = {key: value for key, value in meal_for(cast, answers={}).items() if key != "client_key"}
        assert me.post("orders", meal_for(cast, answers={})).json["code"] == "full"
        first = me.post("waiting", wish)
        assert first.status_code == 201, first.text
        place = first.json["data"]
        assert (place["state"], place["ahead"], place["may"]) == ("waiting", 0, ["leave"])
        assert me.post("waiting", wish).json["data"]["id"] == place["id"]
        assert other.get("waiting").json["data"]["items"] == []
        assert other.post("waiting/1/leave").status_code == 404
        freed(open_session, cast, taken)
        (mine,) = me.get("waiting").json["data"]["items"]
        assert (mine["may"], "请在" in mine["text"]) == (["take", "decline"], True)
        assert me.post("waiting/1/take").json["data"]["state"] == "open"
        assert me.get("waiting/1").json["data"]["order_id"] == 2


@pytest.mark.case("H8")
def test_the_desk_says_why_nobody_is_offered_and_answers_for_who_has_no_phone(database_url, cast, open_session, taken):
    with open_session() as session, session.begin():
        for name, person in (("li", cast.li), ("zhao", cast.zhao)):
            give_account(session, person.id, name)
        set_terms(session, cast, quota=1, quota_per="month")
        set_terms(session, cast, capacity=2)
        shut = {"answers": {}, "preferred_at": NOW + timedelta(days=2), "client_key": "used"}
        order(session, cast, **shut)
        set_terms(session, cast, capacity=1)
        waits(session, cast, cast.wangnainai, answers={})
        waits(session, cast, others(session, cast, 1)[0], answers={})
    app = create_app(config_for(database_url), now=lambda: NOW)
    clerk, stranger = Clerk(app), Clerk(app)
    clerk.signs_in("li")
    stranger.signs_in("zhao")
    stranger.opens("/console/waiting/")
    assert "爱心送餐" not in stranger.text()
    clerk.opens("/console/waiting/")
    assert "爱心送餐" in clerk.text()
    clerk.opens("/console/waiting/1")
    assert "这一家这一期的次数用完了" in clerk.text()
    assert "还没轮到" in clerk.text()
    freed(open_session, cast, taken)
    clerk.opens("/console/waiting/1")
    assert "名额留着" in clerk.text()
    assert clerk.posts("/console/waiting/1/take").status_code == 409
    clerk.opens("/console/waiting/1")
    assert clerk.posts("/console/waiting/2/take").status_code == 303
    clerk.opens("/console/waiting/1")
    assert clerk.posts("/console/waiting/1/leave").status_code == 303
    assert entry(open_session).state == "cancelled"
    close_app(app)
