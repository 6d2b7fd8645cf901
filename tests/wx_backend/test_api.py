"""The frame of the mini-program's API: envelope, tokens, forms, limits, what is kept and what is not."""

import ast
import json
import re
from datetime import timedelta

import jwt
import pytest

from handlers.ordering import api as ordering_api
from handlers.refusals import CATALOGUE
from models.people.signins import sign_out
from tests.mini import Mini, api_app, meal_for, signed_in
from tests.test_shape import python
from tests.world import NOW, REDIS, disposing
from wx_backend import api, bearer
from wx_backend.api import OF_STATUS
from wx_backend.database import make_engine

LATER = NOW + timedelta(minutes=30)
# Refusals of what only the desk and the command line ask; their sentences stand where those speak.
# Codes that no route of the API can meet: those of chat, pages and desk.
NOT_HERE = {
    "account_there", "alternative_needed", "answer_first", "bad_choice", "bad_days", "bad_outage", "bad_place",
    "bad_proof", "bad_question", "bad_reason", "bad_rhythm", "bad_rule", "bad_score", "bad_seats", "bad_term",
    "bad_travel", "bad_wake", "call_full", "call_moved", "call_off", "changed_meanwhile", "closure_over", "code_taken",
    "day_full", "entry_unknown", "guest_busy", "has_voices", "hold_why", "lent_already", "lent_needed", "list_changed",
    "list_closed", "list_empty", "name_needed", "news_consent", "news_this_month", "no_category", "no_change",
    "no_consent", "no_guardian", "no_helper", "no_letter", "no_reserve", "no_reviewer", "nobody_answers",
    "nobody_fits", "nobody_to_tell", "not_a_cadre", "not_again", "not_covered", "not_here", "not_homebound",
    "not_lendable",
    "not_provider", "not_staff", "not_true_now", "not_wanted", "note_needed", "nothing_offered", "other_township",
    "out_already", "over", "own_already", "own_listing", "pass_over", "pass_unknown", "pass_used", "password_common",
    "password_long", "password_same", "password_short", "photo_consent", "reason_missing", "reason_needed",
    "reveal_reason", "room_early", "room_full", "room_over", "same_need", "screen_taken", "seat_moved", "seats_taken",
    "secret_target", "shut_already", "stale", "stale_form", "still_going", "still_waiting", "title_long",
    "under_review", "under_way", "undo_over", "username_bad", "username_taken", "wrong_channel",
}  # fmt: skip

# What no database has a say in is tried on one of them.
once = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def app(database_url):
    with api_app(database_url) as app:
        yield app


@pytest.fixture
def xiaofang(app, open_session, cast):
    return signed_in(app, open_session, cast.identities[cast.xiaofang.id])


def said(response, status, code):
    """The envelope of an answer, looked through."""
    assert response.status_code == status, response.text
    body = response.json
    assert set(body) == {"code", "msg", "data", "request_id"}
    assert body["code"] == code
    assert body["msg"]
    assert body["request_id"] == response.headers["X-Request-Id"]
    return body


def test_who_has_signed_in_is_known(xiaofang, cast):
    body = said(xiaofang.get("me"), 200, "ok")
    assert (body["data"]["name"], body["data"]["city"]) == ("小芳", "马德里")


@once
def test_what_is_personal_is_kept_by_nobody(xiaofang):
    response = xiaofang.get("me")
    assert response.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in response.headers


def forged(app, **changes):
    key = app.extensions["api"].frame.key
    said = {"iss": bearer.ISSUER, "aud": bearer.AUDIENCE, "sub": "1", "sid": 1, "exp": int(LATER.timestamp())}
    return jwt.encode({**said, **changes}, key, algorithm="HS256")


@once
@pytest.mark.parametrize(
    "authorization",
    [
        "", "Bearer", "Bearer x", "Basic dTpw", "Bearer a.b.c",
        lambda app: "Bearer " + jwt.encode({"sub": "1"}, "another key, long enough for its algorithm", "HS256"),
        lambda app: "Bearer " + jwt.encode({"sub": "1", "sid": 1}, None, algorithm="none"),
        lambda app: "Bearer " + forged(app, aud="another"),
        lambda app: "Bearer " + forged(app, iss="another"),
        lambda app: "Bearer " + forged(app, exp=int(NOW.timestamp())),
        lambda app: "Bearer " + forged(app, exp="never"),
        lambda app: "Bearer " + forged(app, sub="me"),
        lambda app: "Bearer " + forged(app, sid=10**6),
    ],
)  # fmt: skip
def test_a_token_that_is_none_of_ours_or_over_or_meant_for_another_is_refused(app, cast, authorization):
    headers = {"Authorization": authorization(app) if callable(authorization) else authorization}
    response = Mini(app).get("me", headers=headers)
    said(response, 401, "signed_out")
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_of_a_good_key_alone_is_worth_nothing_without_its_sign_in(app, open_session, cast, xiaofang):
    assert xiaofang.get("me").status_code == 200
    with open_session() as session, session.begin():
        sign_out(session, 1, NOW)
    said(xiaofang.get("me"), 401, "signed_out")


@once
def test_a_token_is_over_after_half_an_hour(database_url, open_session, cast, xiaofang):
    for now, status in ((LATER - timedelta(seconds=1), 200), (LATER, 401)):
        with api_app(database_url, lambda now=now: now) as app:
            assert Mini(app, xiaofang.token).get("me").status_code == status


@once
@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"data": "{", "content_type": "application/json"}, 400, "bad_json"),
        ({"data": b"\xff\xfe{", "content_type": "application/json"}, 400, "bad_json"),
        ({"data": "[" * 60_000, "content_type": "application/json"}, 400, "bad_json"),
        ({"data": "", "content_type": "application/json"}, 400, "bad_json"),
        ({"data": "a=1", "content_type": "application/x-www-form-urlencoded"}, 415, "not_json"),
        ({"data": "{}"}, 415, "not_json"),
        ({"json": {"note": "x" * 65_536}}, 413, "too_long"),
        ({"json": []}, 422, "invalid"),
        ({"json": {"unknown": 1}}, 422, "invalid"),
        ({"json": {"client_key": "short"}}, 422, "invalid"),
        ({"json": {}, "key": ""}, 400, "idempotency_key_missing"),
        ({"json": {}, "key": "a" * 65}, 400, "idempotency_key_missing"),
        ({"json": {}, "key": "钥匙"}, 400, "idempotency_key_missing"),
    ],
)  # fmt: skip
def test_a_request_that_is_none_is_told_so(xiaofang, more, status, code):
    if "钥匙" in more.get("key", ""):
        more = {**more, "key": more["key"].encode().decode("latin1")}
    said(xiaofang.ask("POST", "orders", **more), status, code)


@once
@pytest.mark.parametrize(
    "change",
    [
        {"listing_id": 2**53}, {"listing_id": 0}, {"listing_id": "x"}, {"note": "\x00"}, {"note": "\ud800"},
        {"answers": {"\x00": "1"}}, {"answers": {"portions": "\x00"}}, {"answers": {"portions": None}},
        {"answers": {"portions": 10**30}}, {"preferred_at": "2026-11-25T12:00:00"}, {"preferred_at": "tomorrow"},
        {"client_key": "a b c d e f g h"},
    ],
)  # fmt: skip
def test_a_field_that_does_not_fit_is_named(xiaofang, cast, change):
    body = said(xiaofang.post("orders", meal_for(cast, **change)), 422, "invalid")
    assert any(field.startswith(next(iter(change))) for field in body["data"]["fields"])


@once
@pytest.mark.parametrize("way", ["orders", "needs", "help"])
def test_a_key_of_a_phone_is_of_one_kind_in_every_room(xiaofang, cast, way):
    told = {"text": "想要食堂", "person_id": cast.wangnainai.id}
    for key, status in (("order:17/1", 422), ("0f0f0f0f-1c1c-4d4d-8e8e-2a2a2a2a2a2a", 201)):
        body = meal_for(cast, client_key=key) if way == "orders" else {**told, "client_key": key}
        assert xiaofang.post(way, body).status_code == status


@pytest.mark.parametrize("when", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00"])
def test_a_time_at_the_end_of_all_times_is_refused_like_any_other(xiaofang, cast, when):
    code = "too_far" if when.startswith("9") else "bad_time"
    said(xiaofang.post("orders", meal_for(cast, preferred_at=when)), 422, code)


@once
@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "nothing", 404, "no_such_page"), ("GET", "/api/v2/me", 404, "no_such_page"),
        ("GET", "orders/0", 404, "no_such_page"), ("GET", "orders/9007199254740992", 404, "no_such_page"),
        ("GET", "orders/x", 404, "no_such_page"), ("DELETE", "orders", 405, "wrong_method"),
        ("GET", "orders?limit=0", 422, "invalid"), ("GET", "orders?cursor=x", 422, "invalid"),
        ("GET", "orders?limit=1000", 422, "invalid"), ("GET", "orders?page=2", 422, "invalid"),
        ("GET", "centres?area_id=999999", 404, "not_yours"),
    ],
)  # fmt: skip
def test_an_address_that_is_none_is_refused_in_the_envelope(xiaofang, method, path, status, code):
    said(xiaofang.ask(method, path), status, code)


@once
def test_bytes_that_are_no_text_in_the_query_are_no_mistake_of_ours(app, xiaofang):
    raw = {"QUERY_STRING": b"cursor=\xff".decode("latin1")}
    assert xiaofang.get("orders", environ_overrides=raw).status_code in (400, 422)


@once
def test_the_database_away_is_503_and_says_when_to_ask_again(app, xiaofang, caplog):
    with disposing(make_engine("postgresql+psycopg://nobody@127.0.0.1:9/none")) as gone:
        app.extensions["api"].frame.open_session.configure(bind=gone)
        response = xiaofang.get("me")
    said(response, 503, "busy")
    assert int(response.headers["Retry-After"]) > 0


@once
def test_a_mistake_of_ours_is_an_apology_and_its_number_finds_it_in_the_log(xiaofang, cast, monkeypatch, caplog):
    secret = meal_for(cast)["note"]

    def broken(*_, **__):
        raise KeyError(secret)

    monkeypatch.setattr(ordering_api, "place", broken)
    response = xiaofang.post("orders", meal_for(cast))
    body = said(response, 500, "internal")
    assert body["request_id"] in caplog.text
    assert secret not in caplog.text + response.text


def test_every_refusal_of_a_rule_and_of_the_door_is_in_the_catalogue_and_nothing_else():
    raised = set()
    for name, _, tree in python("models", "handlers", "wx_backend"):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Refused":
                named = [part.value for part in ast.walk(node.args[0]) if isinstance(part, ast.Constant)]
                assert named, f"{name}:{node.lineno}: the code of a refusal must stand there"
                raised |= set(named)
    raised |= {*OF_STATUS.values(), "busy", "internal"}
    assert raised == set(CATALOGUE)


@once
def test_every_refusal_has_a_status_and_a_sentence_in_chinese(app):
    sentences = app.extensions["api"].sentences
    for code, meaning in CATALOGUE.items():
        assert 400 <= meaning.status <= 503
        assert meaning.says
        if code not in NOT_HERE:
            assert re.search("[\u4e00-\u9fff]", sentences[code]), code
            assert "回复" not in sentences[code], code


@once
def test_the_document_prints_the_catalogue_and_every_room(app):
    document = Mini(app).get("/openapi.json").json
    assert document["openapi"].startswith("3.1")
    assert document["x-refusals"].keys() == CATALOGUE.keys()
    assert all(f"| `{code}` | {one.status} |" in document["info"]["description"] for code, one in CATALOGUE.items())
    rooms = {re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule) for rule in app.extensions["api"].url_map.iter_rules()}
    assert rooms - {"/openapi.json"} == document["paths"].keys()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"].endswith("."), (method, path)
    referred = set(re.findall(r"#/components/schemas/([\w.]+)", json.dumps(document)))
    assert referred <= document["components"]["schemas"].keys()


@once
def test_no_page_of_the_document_loads_anything_from_elsewhere(app):
    assert Mini(app).get("/docs").status_code == 404


@once
def test_who_writes_too_fast_waits_and_another_does_not(database_url, open_session, cast):
    with api_app(database_url, limited=True) as app:
        me, other = (signed_in(app, open_session, cast.identities[one.id]) for one in (cast.xiaofang, cast.li))
        statuses = [me.post("orders", {}).status_code for _ in range(61)]
        assert statuses == [422] * 60 + [429]
        response = me.post("orders", {})
        said(response, 429, "too_many")
        assert 1 <= int(response.headers["Retry-After"]) <= 61
        assert other.post("orders", {}).status_code == 422
        assert me.get("me").status_code == 200


@once
@pytest.mark.parametrize("way", ["login", "refresh"])
def test_a_whole_centre_behind_one_address_signs_in_within_a_minute(database_url, way):
    with api_app(database_url, limited=True) as app:
        statuses = [Mini(app).post(way, {}, key="").status_code for _ in range(301)]
    assert statuses == [422] * 300 + [429]


@once
@pytest.mark.redis
def test_a_limit_holds_in_every_process_and_redis_away_is_no_outage(
    database_url, open_session, cast, real_redis, monkeypatch
):
    monkeypatch.setattr(api, "LOGINS", "10 per minute")

    def tried(url):
        with api_app(database_url, limited=True, WX_BACKEND_REDIS__URL=url) as app:
            return [Mini(app).post("login", {"code": ""}).status_code for _ in range(6)]

    assert tried(REDIS) + tried(REDIS) == [422] * 10 + [429] * 2
    assert tried("redis://127.0.0.1:9/0") == [422] * 6


@once
def test_a_proxy_is_believed_only_where_the_settings_say_so(database_url, monkeypatch):
    monkeypatch.setattr(api, "LOGINS", "10 per minute")

    def tried(**environ):
        with api_app(database_url, limited=True, **environ) as app:
            return [
                Mini(app).post("login", {"code": ""}, headers={"X-Forwarded-For": f"10.0.0.{n}"}).status_code
                for n in range(11)
            ]

    assert tried() == [422] * 10 + [429]
    assert tried(WX_BACKEND_APP__PROXIES="1")[-1] == 422


@once
def test_other_doors_hear_nothing_of_this_one(app):
    client = app.test_client()
    assert client.get("/healthz").json == {"status": "ok"}
    assert "X-Request-Id" not in client.get("/healthz").headers
    assert client.get("/nothing").mimetype == "text/html"


@once
@pytest.mark.parametrize("path", ["people/{}/consents", "calls/{}/guests", "orders/{}"])
def test_what_no_key_can_be_is_no_page_whatever_is_done_with_it(xiaofang, path):
    for key in ("0", "-1", "x", str(2**53), "9" * 16, "9" * 5000, "1.0", "٣"):
        for method in ("GET", "POST") if "orders" not in path else ("GET",):
            said(xiaofang.ask(method, path.format(key)), 404, "no_such_page")
    said(xiaofang.get(f"people/{9006999999999999}/consents"), 404, "not_yours")
