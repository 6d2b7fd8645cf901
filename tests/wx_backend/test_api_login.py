"""Signing in through the API, with the sandbox as WeChat: codes, tokens, late unionids, WeChat's bad days."""

import threading
from contextlib import contextmanager

import pytest
from flask import Flask, jsonify
from sqlalchemy import select

from models.messages.letters import Letter
from models.people.identities import Identity
from models.people.persons import Person
from models.people.signins import RefreshToken
from models.tasks.tasks import Task
from tests.gate import count
from tests.mini import Mini, api_app, signed_in
from tests.world import served
from tests.wx_backend.test_api import once, said
from wx_backend.config import EXAMPLE, load_config
from wx_backend.demo.cast import accounts
from wx_backend.sandbox.account import new_code
from wx_backend.sandbox.faults import Fault
from wx_backend.sandbox.server import bound, create_sandbox, start_in_thread
from wx_backend.sandbox.world import Phone

pytestmark = pytest.mark.both

CONFIG = load_config(EXAMPLE, {})
MINI = CONFIG.wechat.mini_program
LOGIN = "/sns/jscode2session"


@pytest.fixture
def far():
    """A WeChat with one phone of both accounts."""
    app = create_sandbox(accounts(CONFIG, "http://127.0.0.1:1"), [Phone("o-1", "小芳", unionid="u-1")], [])
    running = start_in_thread(app)
    running.faults = app.extensions["faults"]
    running.code = lambda kind="mini_program": new_code(
        running.world, running.world.phones["o-1"], running.world.account(kind)
    )
    yield running
    running.stop()


@pytest.fixture
def app(database_url, far):
    with api_app(database_url, WX_BACKEND_WECHAT__API_BASE_URL=far.url) as app:
        yield app


def logged_in(app, far):
    body = said(Mini(app).post("login", {"code": far.code()}, key=""), 200, "ok")
    return Mini(app, body["data"]["access_token"]), body["data"]


def test_a_code_becomes_a_sign_in_and_no_session_key_ever_leaves(app, far):
    response = Mini(app).post("login", {"code": far.code()}, key="")
    tokens = said(response, 200, "ok")["data"]
    assert "session_key" not in response.text
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 1800)
    me = said(Mini(app, tokens["access_token"]).get("me"), 200, "ok")["data"]
    assert (me["name"], me["is_cadre"], me["organisations"]) == ("", False, [])


def test_a_code_is_good_once_and_only_where_it_was_made(app, far):
    code = far.code()
    assert Mini(app).post("login", {"code": code}, key="").status_code == 200
    for bad in (code, "invented", far.code("official_account")):
        assert "登录没有成功" in said(Mini(app).post("login", {"code": bad}, key=""), 401, "code_used")["msg"]


def test_the_same_phone_is_the_same_person_every_time(app, far, open_session):
    first, second = (logged_in(app, far)[0].get("me").json["data"]["id"] for _ in range(2))
    assert first == second
    assert count(open_session, Person) == count(open_session, Identity) == 1


def test_eight_first_logins_of_one_phone_at_once_are_one_person(app, far, open_session):
    codes, start, statuses = [far.code() for _ in range(8)], threading.Barrier(8), []

    def log_in(code):
        start.wait()
        statuses.append(Mini(app).post("login", {"code": code}, key="").status_code)

    threads = [threading.Thread(target=log_in, args=(code,)) for code in codes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 8
    assert count(open_session, Person) == count(open_session, Identity) == 1


def test_a_late_unionid_makes_the_phone_the_person_whom_the_county_knows(app, far, open_session, cast):
    with open_session() as session, session.begin():
        session.get_one(Identity, cast.identities[cast.xiaofang.id].id).unionid = "u-1"
    phone, _ = logged_in(app, far)
    assert phone.get("me").json["data"]["id"] == cast.xiaofang.id
    people = phone.get("people").json["data"]["items"]
    assert [(one["name"], one["role"], one["kinship"]) for one in people] == [
        ("小芳", "self", ""),
        ("王秀英", "relative", "女儿"),
    ]


def test_two_names_behind_one_unionid_are_a_cadres_task_and_nobody_is_kept_out(app, far, open_session, cast):
    phone, _ = logged_in(app, far)
    with open_session() as session, session.begin():
        mine = session.get_one(Person, phone.get("me").json["data"]["id"])
        mine.name = "张三"
        session.scalars(select(Identity).where(Identity.person_id == mine.id)).one().unionid = None
        session.get_one(Identity, cast.identities[cast.xiaofang.id].id).unionid = "u-1"
    for _ in range(2):
        again, _ = logged_in(app, far)
        assert again.get("me").json["data"]["name"] == "张三"
    with open_session() as session:
        (task,) = session.scalars(select(Task).where(Task.kind == "identity_conflict")).all()
        assert session.scalar(select(Letter.person_id).where(Letter.subject == f"task:{task.id}")) == cast.li.id


def test_refresh_tokens_are_taken_once_each_and_a_second_use_ends_everything(app, far, open_session):
    phone, tokens = logged_in(app, far)
    old = {"refresh_token": tokens["refresh_token"]}
    new = said(phone.post("refresh", old, key=""), 200, "ok")["data"]
    assert Mini(app, new["access_token"]).get("me").status_code == 200
    said(phone.post("refresh", old, key=""), 401, "signed_out")
    for token in (tokens["access_token"], new["access_token"]):
        said(Mini(app, token).get("me"), 401, "signed_out")
    said(phone.post("refresh", {"refresh_token": new["refresh_token"]}, key=""), 401, "signed_out")
    with open_session() as session:
        assert not {tokens["refresh_token"], new["refresh_token"]} & set(
            session.scalars(select(RefreshToken.token_hash))
        )


def test_after_logout_nothing_of_the_sign_in_works(app, far):
    phone, tokens = logged_in(app, far)
    other, _ = logged_in(app, far)
    said(phone.post("logout", key=""), 200, "ok")
    said(phone.get("me"), 401, "signed_out")
    said(phone.post("logout", key=""), 401, "signed_out")
    said(phone.post("refresh", {"refresh_token": tokens["refresh_token"]}, key=""), 401, "signed_out")
    assert other.get("me").status_code == 200


@once
@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("busy", 503, "wechat_away"), ("html", 503, "wechat_away"), ("empty", 503, "wechat_away"),
        ("list", 503, "wechat_away"), ("bad_gateway", 503, "wechat_away"), ("drop_before", 503, "wechat_away"),
        ("drop_after", 503, "wechat_away"), ("quota", 429, "too_many"), ("minute", 429, "too_many"),
    ],
)  # fmt: skip
def test_wechat_on_a_bad_day_is_said_with_when_to_try_again_and_nobody_is_made(
    app, far, open_session, kind, status, code
):
    far.faults.standing.append(Fault(LOGIN, kind, left=1))
    response = Mini(app).post("login", {"code": far.code()}, key="")
    said(response, status, code)
    assert int(response.headers["Retry-After"]) > 0
    assert count(open_session, Person) == 0
    assert Mini(app).post("login", {"code": far.code()}, key="").status_code == 200


@contextmanager
def wechat_that(answers):
    """A WeChat whose only answer to a login is this."""
    wechat = Flask("wechat")
    wechat.get(LOGIN)(answers)
    with served(bound(wechat, "127.0.0.1", 0)) as url:
        yield url


@once
def test_whom_wechat_holds_for_a_risk_is_told_so(database_url):
    with (
        wechat_that(lambda: jsonify(errcode=40226, errmsg="code blocked")) as url,
        api_app(database_url, WX_BACKEND_WECHAT__API_BASE_URL=url) as app,
    ):
        said(Mini(app).post("login", {"code": "x"}, key=""), 403, "login_blocked")


@once
def test_wechat_unreached_is_503(database_url):
    with api_app(database_url) as app:
        said(Mini(app).post("login", {"code": "x"}, key=""), 503, "wechat_away")


@once
def test_while_wechat_thinks_about_one_login_nobody_else_waits(database_url, open_session, cast):
    """On SQLite an open transaction would keep every other thread out."""
    asked, answer = threading.Event(), threading.Event()

    def slow():
        asked.set()
        answer.wait(20)
        return jsonify(openid="o-slow", session_key="k")

    with wechat_that(slow) as url, api_app(database_url, WX_BACKEND_WECHAT__API_BASE_URL=url) as app:
        statuses = []
        hanging = threading.Thread(
            target=lambda: statuses.append(Mini(app).post("login", {"code": "x"}, key="").status_code)
        )
        hanging.start()
        assert asked.wait(20)
        assert signed_in(app, open_session, cast.identities[cast.li.id]).get("me").status_code == 200
        answer.set()
        hanging.join()
    assert statuses == [200]
