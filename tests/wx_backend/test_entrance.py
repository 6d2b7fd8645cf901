"""The way into the pages: WeChat's word counts once, in the browser that asked for it, and leads to our own pages."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.people.entering import Entry, end_sessions, forget_entries
from models.people.identities import Identity
from models.people.persons import Person
from models.tasks.tasks import Task
from tests.gate import count
from tests.visitors import state_of
from tests.world import NOW
from wx_backend.entrance import own_path
from wx_backend.wechat.transport import Unreached

# Both databases are raced in tests/models/people/test_entering.py; here it is the door that is tried.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_a_stranger_is_known_by_wechat_and_comes_to_the_page_that_was_asked_for(pages, cast):
    me = pages.browser(cast.xiaofang)
    came = me.enters("/m/orders")
    assert (came.status_code, came.location) == (303, "/m/orders")
    assert "我的订单" in me.get("/m/orders").text
    assert "小芳，您好" in me.get("/m/").text


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(pages, cast):
    cookie = pages.browser(cast.xiaofang).enters().headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))


@pytest.mark.parametrize("state", [None, "", "made-up", "x" * 5000])
def test_a_code_without_a_state_of_ours_lets_nobody_in(pages, cast, state, far_end):
    me = pages.browser(cast.xiaofang)
    code = me.asks_wechat(me.get("/m/")).partition("code=")[2].partition("&")[0]
    asked = f"/m/enter?code={code}" if state is None else f"/m/enter?code={code}&state={state}"
    came = me.get(asked)
    # Without a state somebody merely begins; the code that came along is worth nothing.
    assert (came.status_code, "authorize" in came.headers.get("Location", "")) == (
        (302, True) if state is None else (403, False)
    )
    assert me.get("/m/settings").status_code == 302
    assert code in far_end.world.codes


def test_a_state_that_another_browser_was_given_lets_nobody_in(pages, cast):
    me, other = pages.browser(cast.xiaofang), pages.browser(cast.aming)
    back = me.asks_wechat(me.get("/m/"))
    other.get("/m/")
    assert other.get(back).status_code == 403
    assert other.get("/m/").status_code == 302
    assert pages.app.test_client().get(back).status_code == 403
    assert me.get(back).status_code == 303


def test_a_state_lets_in_once_and_whoever_is_in_already_goes_on(pages, cast):
    me = pages.browser(cast.xiaofang)
    back = me.asks_wechat(me.get("/m/orders"))
    assert me.get(back).location == "/m/orders"
    again = me.get(back)
    assert (again.status_code, again.location) == (303, "/m/")
    me.client.delete_cookie("page")
    assert me.get(back).status_code == 403


@pytest.mark.parametrize(("later", "status"), [(timedelta(minutes=9), 303), (timedelta(minutes=11), 403),
                                               (timedelta(hours=-1), 403)])  # fmt: skip
def test_a_state_is_worth_ten_minutes(pages, cast, later, status):
    me = pages.browser(cast.xiaofang)
    back = me.asks_wechat(me.get("/m/"))
    pages.now += later
    assert me.get(back).status_code == status


def test_neither_states_nor_browsers_stand_in_the_database_and_old_ones_go(pages, cast, open_session):
    me = pages.browser(cast.xiaofang)
    state = state_of(me.get("/m/"))
    with open_session() as session, session.begin():
        entry = session.scalars(select(Entry)).one()
        assert state not in (entry.state, entry.browser)
        assert forget_entries(session, pages.now) == 0
        assert forget_entries(session, pages.now + timedelta(minutes=10)) == 1


ELSEWHERE = (
    "https://evil.example/m/", "//evil.example", "/\\evil.example", "/m//evil.example", "/m/../console", "/console",
    "/m/enter", "/m/enter?to=/m/", "/m/orders/１７", "/m/orders?x=1", "/m/nothing", "/m/settings/size", "",
    "javascript:alert(1)", "/m/%2f%2fevil.example", "/wechat/callback", "/m/" + "a" * 500,
)  # fmt: skip
OURS = ("/m/", "/m/orders", "/m/orders/17", "/m/services/3/4", "/m/calls")


def test_the_way_leads_to_our_own_pages_only(pages):
    assert {own_path(pages.app, path) for path in ELSEWHERE} == {"/m/"}
    assert tuple(own_path(pages.app, path) for path in OURS) == OURS


def test_an_address_to_elsewhere_in_the_link_ends_on_the_first_page(pages, cast):
    me = pages.browser(cast.xiaofang)
    came = me.get(me.asks_wechat(me.get("/m/enter?to=https://evil.example/m/")))
    assert came.location == "/m/"


def test_a_code_that_was_used_begins_again_once_and_then_says_so(pages, cast, far_end):
    me = pages.browser(cast.xiaofang)
    back = me.asks_wechat(me.get("/m/orders"))
    far_end.world.codes.clear()
    second = me.get(back)
    assert second.status_code == 302
    assert "connect/oauth2/authorize" in second.location
    other = me.asks_wechat(second)
    far_end.world.codes.clear()
    third = me.get(other)
    assert third.status_code == 403
    assert "再打开一次" in third.text


def test_the_second_try_still_leads_to_the_page_that_was_asked_for(pages, cast, far_end):
    me = pages.browser(cast.xiaofang)
    back = me.asks_wechat(me.get("/m/orders"))
    far_end.world.codes.clear()
    assert me.get(me.asks_wechat(me.get(back))).location == "/m/orders"


def test_a_snapshot_pages_stand_in_is_bound_to_nobody(pages, open_session):
    me = pages.browser("o-passer-by", snapshot=True)
    people = count(open_session, Person)
    came = me.enters()
    assert came.status_code == 403
    assert "使用完整服务" in came.text
    assert count(open_session, Person) == people
    assert me.get("/m/").status_code == 302


def test_wechat_being_away_is_said_and_nobody_is_let_in(pages, cast, far_end, monkeypatch):
    me = pages.browser(cast.xiaofang)
    back = me.asks_wechat(me.get("/m/"))
    monkeypatch.setattr("wx_backend.wechat.client.Transport.call", refuse)
    came = me.get(back)
    assert (came.status_code, came.headers["Retry-After"]) == (503, "10")


def refuse(*_, **__):
    raise Unreached("away")


def test_no_transaction_is_open_while_wechat_is_asked(pages, cast, open_session, monkeypatch):
    me = pages.browser(cast.xiaofang)
    back = me.asks_wechat(me.get("/m/"))
    asked = pages.app.extensions["pages"].entrance.client.person_behind

    def meanwhile(code):
        # Another one writes: with SQLite this would wait for any transaction that stands open.
        with open_session() as session, session.begin():
            end_sessions(session, cast.aming.id, NOW)
        return asked(code)

    monkeypatch.setattr(pages.app.extensions["pages"].entrance.client, "person_behind", meanwhile)
    assert me.get(back).status_code == 303


def test_somebody_new_is_welcomed_and_does_not_follow_yet(pages, open_session):
    pages.inside("o-somebody-new", unionid="u-new")
    with open_session() as session:
        made = session.scalars(select(Identity).where(Identity.openid == "o-somebody-new")).one()
        assert (made.following, made.unionid) == (False, "u-new")


def test_the_unionid_is_learnt_and_two_with_names_stay_two_until_a_cadre_has_looked(pages, cast, open_session):
    pages.inside(cast.xiaofang, unionid="u-1")
    pages.inside(cast.aming, unionid="u-1")
    with open_session() as session:
        found = {i.person_id: i.unionid for i in session.scalars(select(Identity))}
        assert (found[cast.xiaofang.id], found[cast.aming.id]) == ("u-1", None)
        assert session.scalars(select(Task.kind).where(Task.kind == "identity_conflict")).all() == ["identity_conflict"]


def test_the_session_is_another_one_after_each_entrance(pages, cast):
    me = pages.inside(cast.xiaofang)
    token = me.token()
    assert me.enters("/m/enter").status_code == 303
    assert me.token() != token
    assert me.post("/m/settings/size", token=token, large=1).status_code == 400


@pytest.mark.parametrize(
    ("steps", "status"),
    [([11.9], 200), ([12.1], 302), ([11] * 15, 200), ([11] * 16, 302), ([-1], 302)],
    ids=["busy", "idle", "seven days", "over", "clock set back"],
)
def test_a_session_ends_when_nobody_comes_and_after_seven_days(pages, cast, steps, status):
    me = pages.inside(cast.xiaofang)
    for hours in steps:
        pages.now += timedelta(hours=hours)
        answer = me.get("/m/")
    assert answer.status_code == status


def test_a_revoked_session_is_over_on_every_phone_at_once(pages, cast):
    here, there, other = pages.inside(cast.xiaofang), pages.inside(cast.xiaofang), pages.inside(cast.aming)
    assert "已经全部退出" in here.post("/m/settings/leave").text
    assert [one.get("/m/").status_code for one in (here, there, other)] == [302, 302, 200]


def test_a_cookie_that_was_forged_or_signed_by_another_is_none(pages, cast):
    me = pages.inside(cast.xiaofang)
    held = me.client.get_cookie("page").value
    me.client.set_cookie("page", held[:-3] + ("abc" if held[-3:] != "abc" else "xyz"))
    assert me.get("/m/").status_code == 302


def test_outside_wechat_a_page_shows_how_to_get_there_and_remembers_nothing(wire_for, open_session):
    app = wire_for(
        WX_BACKEND_APP__PUBLIC_URL="https://centre.example.org",
        WX_BACKEND_WECHAT__API_BASE_URL="https://api.weixin.qq.com",
    ).app
    browser = app.test_client()
    said = browser.get("/m/orders", base_url="https://centre.example.org")
    assert said.status_code == 403
    assert "<svg" in said.text
    assert "https://centre.example.org/m/enter?to=/m/orders" in said.text
    assert count(open_session, Entry) == 0
    away = browser.get("/m/orders", base_url="https://centre.example.org", headers={"User-Agent": "MicroMessenger/8"})
    assert away.location.startswith("https://open.weixin.qq.com/connect/oauth2/authorize?appid=")
    cookie = away.headers["Set-Cookie"]
    assert cookie.startswith("__Host-page=")
    assert "Secure" in cookie.split("; ")


def test_a_script_of_a_page_whose_session_is_over_is_sent_away_as_a_whole(pages, cast):
    me = pages.browser(cast.xiaofang)
    told = me.get("/m/orders/7", headers={"HX-Request": "true", "HX-Boosted": "true"})
    assert (told.status_code, told.headers["HX-Redirect"]) == (401, "/m/enter?to=/m/orders/7")


def test_what_a_page_asks_by_itself_is_no_visit_and_changes_nothing_once_the_session_is_over(pages, cast):
    me = pages.inside(cast.xiaofang)
    for _ in range(3):
        pages.now += timedelta(hours=5)
        answer = me.get("/m/orders", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.data) == (204, b"")
    assert "Location" not in answer.headers
    assert me.get("/m/orders").status_code == 302


def test_a_form_that_comes_too_late_is_told_so_and_nothing_is_done(pages, cast):
    me = pages.browser(cast.xiaofang)
    told = me.client.post("/m/services/1/1", data={"q0": "2"})
    assert told.status_code == 401
    assert "/m/enter?to=/m/services/1/1" in told.text


@pytest.mark.parametrize("url", ["redis://127.0.0.1:9/0", "unix:///nowhere/redis.sock"])
def test_a_redis_that_is_away_shuts_no_door(wire_for, url):
    browser = wire_for(WX_BACKEND_REDIS__URL=url).app.test_client()
    assert browser.get("/m/").status_code == 302
    assert [browser.get("/m/enter?state=x&code=y").status_code for _ in range(301)][-2:] == [403, 429]


def test_whoever_enters_too_often_is_asked_to_wait(pages, cast):
    me = pages.browser(cast.xiaofang)
    answers = [me.get("/m/enter?state=x&code=y") for _ in range(301)]
    assert [answers[299].status_code, answers[300].status_code] == [403, 429]
    assert int(answers[300].headers["Retry-After"]) == 60
