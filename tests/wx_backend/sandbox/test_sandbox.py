"""The sandbox behaves as WeChat does: its checks, its quotas, its three attempts, its receipts."""

import json
import time

import pytest
from flask import Response
from wechatpy import parse_message
from wechatpy.crypto import WeChatCrypto

from tests.wx_backend.sandbox.asking import CONFIG, GOOD, OFFICIAL, send, token
from wx_backend.sandbox.callbacks import envelope, from_phone, push
from wx_backend.sandbox.fields import fault_in


def test_what_a_phone_says_is_read_by_wechatpy(sandbox, backend):
    phone = sandbox.world.phones["o-demo-xiaofang"]
    from_phone(sandbox.world, phone, "text", Content="你好]]>")
    query, body = backend.seen[0]
    crypto = WeChatCrypto(OFFICIAL.token, OFFICIAL.encoding_aes_key, OFFICIAL.app_id)
    message = parse_message(crypto.decrypt_message(body, query["msg_signature"], query["timestamp"], query["nonce"]))
    assert (message.type, message.source, message.content) == ("text", "o-demo-xiaofang", "你好]]>")


def test_three_attempts_with_the_same_number_and_then_the_person_is_told(sandbox, backend):
    backend.answers = [lambda: Response("busy", 503)] * 3
    phone = sandbox.world.phones["o-demo-xiaofang"]
    answer = from_phone(sandbox.world, phone, "text", Content="你好")
    assert (answer.attempts, answer.status, len(backend.seen)) == (3, 503, 3)
    assert "暂时无法提供服务" in phone.log[-1]["text"]


def test_a_back_end_that_takes_six_seconds_is_asked_again(sandbox, backend):
    backend.answers = [lambda: (time.sleep(6), "success")[1]]
    answer = from_phone(sandbox.world, sandbox.world.phones["o-demo-xiaofang"], "text", Content="你好")
    assert (answer.attempts, answer.status) == (2, 200)


@pytest.mark.parametrize("body", ["hello", "<xml><Content>明文</Content><MsgType>text</MsgType></xml>", "{}"])
def test_a_reply_that_is_none_shows_as_unavailable(sandbox, backend, body):
    backend.answers = [body]
    assert from_phone(sandbox.world, sandbox.world.phones["o-demo-xiaofang"], "text", Content="你好").broken


def test_compatible_mode_sends_both_and_json_is_json(sandbox):
    from dataclasses import replace

    account = replace(sandbox.world.account(), mode="compatible")
    _, body, _ = envelope(sandbox.world, account, {"FromUserName": "o", "Content": "明文"})
    assert "明文" in body
    assert "<Encrypt>" in body
    _, body, kind = envelope(sandbox.world, sandbox.world.account("mini_program"), {"FromUserName": "o"})
    assert kind == "application/json"
    assert set(json.loads(body)) == {"ToUserName", "Encrypt"}
    assert push(sandbox.world, account, {"FromUserName": "o", "MsgType": "text"}).status == 200


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"touser": "nobody"}, 40003),
        ({"touser": "o-demo-aming"}, 43004),
        ({"template_id": "x"}, 40037),
        ({"data": {}}, 47003),
        ({"data": {**GOOD, "thing1": {"value": "一" * 21}}}, 47003),
        ({"data": None}, 40036),
        ({"data": {**GOOD, "keyword1": {"value": "x"}}}, 47003),
        ({}, 0),
        ({"data": {**GOOD, "remark": {"value": "x"}}}, 0),
    ],
)
def test_a_send_is_checked_as_wechat_checks(sandbox, more, code):
    assert send(sandbox, **more)["errcode"] == code


@pytest.mark.parametrize(("access", "code"), [("", 41001), ("forged", 40001)])
def test_a_token_is_checked(sandbox, access, code):
    assert send(sandbox, access)["errcode"] == code


def test_tokens_live_two_hours_and_the_stable_one_stays_the_same(sandbox):
    first = token(sandbox)["access_token"]
    assert token(sandbox)["access_token"] == first
    sandbox.world.move_clock(7300)
    assert send(sandbox, first)["errcode"] == 42001
    assert token(sandbox)["access_token"] != first
    assert token(sandbox, force_refresh=True)["access_token"] != first
    assert token(sandbox, force_refresh=True)["errcode"] == 45011


def test_the_old_way_ends_the_last_token_but_not_the_stable_one(sandbox):
    query = {"grant_type": "client_credential", "appid": OFFICIAL.app_id, "secret": OFFICIAL.app_secret}
    stable = token(sandbox)["access_token"]
    first = sandbox.client.get("/cgi-bin/token", query_string=query).json["access_token"]
    sandbox.client.get("/cgi-bin/token", query_string=query)
    sandbox.world.move_clock(301)
    assert send(sandbox, first)["errcode"] == 42001
    assert send(sandbox, stable)["errcode"] == 0
    assert token(sandbox, secret="wrong")["errcode"] == 40125
    assert token(sandbox, appid="wrong")["errcode"] == 40013


def test_one_client_msg_id_is_one_message_for_ten_minutes(sandbox):
    first, again = send(sandbox, client_msg_id="a"), send(sandbox, client_msg_id="a")
    assert first["msgid"] == again["msgid"]
    sandbox.world.move_clock(601)
    assert send(sandbox, client_msg_id="a")["msgid"] != first["msgid"]
    assert len(sandbox.world.sends) == 2


def test_quotas_run_out(sandbox):
    sandbox.world.limits["minute"] = 1
    assert [send(sandbox)["errcode"] for _ in range(2)] == [0, 45011]
    sandbox.world.move_clock(61)  # perhaps past midnight: what counts against the day comes after it
    assert send(sandbox)["errcode"] == 0
    sandbox.world.limits.update(minute=10_000, day=1)
    assert send(sandbox)["errcode"] == 45009


@pytest.mark.parametrize(
    ("mode", "blocked", "statuses"),
    [
        ("normal", False, ["success"]),
        ("normal", True, ["failed:user block"]),
        ("twice", False, ["success"] * 2),
        ("failed", False, ["failed: system failed"]),
    ],
)
def test_receipts_come_as_told(sandbox, backend, mode, blocked, statuses):
    sandbox.world.receipts.delay, sandbox.world.receipts.mode = 0.01, mode
    sandbox.world.phones["o-demo-xiaofang"].blocked = blocked
    send(sandbox)
    ends = time.monotonic() + 5
    while len(backend.seen) < len(statuses) and time.monotonic() < ends:
        time.sleep(0.01)
    crypto = WeChatCrypto(OFFICIAL.token, OFFICIAL.encoding_aes_key, OFFICIAL.app_id)
    told = [
        parse_message(crypto.decrypt_message(b, q["msg_signature"], q["timestamp"], q["nonce"])).status
        for q, b in backend.seen
    ]
    assert told == statuses


def test_the_limit_of_25_templates(sandbox):
    access = token(sandbox)["access_token"]
    codes = [
        sandbox.client.post(f"/cgi-bin/template/api_add_template?access_token={access}", json={}).json["errcode"]
        for _ in range(25)
    ]
    assert codes[-1] == 45026
    assert codes.count(0) == 25 - len(CONFIG.wechat.templates)


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("menu/get", {}, 46003),
        ("menu/create", {"button": []}, 40016),
        ("qrcode/create", {"action_name": "X"}, 40097),
        ("menu/create", {"button": [{"name": "很长很长很长的名字", "type": "click", "key": "a"}]}, 40018),
        ("menu/create", {"button": [{"name": "好", "type": "click", "key": ""}]}, 40019),
        ("menu/create", {"button": [{"name": "好", "type": "nothing", "key": "a"}]}, 40017),
        ("media/get", {}, 40007),
        ("media/upload", {}, 40004),
        ("no/such", {}, 40066),
        ("message/subscribe/send", {"touser": "x"}, 40003),
        ("message/subscribe/send", {"touser": "o-demo-xiaofang", "template_id": "sub-mini-call-reminder"}, 48001),
        ("message/subscribe/bizsend", {"touser": "o-demo-xiaofang", "template_id": "tmpl-link-update"}, 40037),
        ("message/subscribe/bizsend", {"touser": "o-demo-xiaofang", "template_id": "sub-mini-call-reminder"}, 40037),
        ("message/subscribe/bizsend", {"touser": "o-demo-xiaofang", "template_id": "sub-call-reminder"}, 43101),
    ],
)
def test_other_calls_answer_wechats_codes(sandbox, path, body, code):
    access = token(sandbox)["access_token"]
    assert sandbox.client.post(f"/cgi-bin/{path}?access_token={access}", json=body).json["errcode"] == code


def test_a_qr_is_made_shown_and_scanned_by_somebody_who_does_not_follow_yet(sandbox, backend):
    access = token(sandbox)["access_token"]
    made = sandbox.client.post(
        f"/cgi-bin/qrcode/create?access_token={access}",
        json={"action_name": "QR_STR_SCENE", "action_info": {"scene": {"scene_str": "link/A3C4K7P"}}},
    ).json
    assert sandbox.client.get(f"/cgi-bin/showqrcode?ticket={made['ticket']}").data.startswith(b"\x89PNG")
    sandbox.client.post("/_sandbox/users/o-demo-aming/scan", json={"scene": "link/A3C4K7P"})
    crypto = WeChatCrypto(OFFICIAL.token, OFFICIAL.encoding_aes_key, OFFICIAL.app_id)
    query, body = backend.seen[-1]
    xml = crypto.decrypt_message(body, query["msg_signature"], query["timestamp"], query["nonce"])
    assert "qrscene_link/A3C4K7P" in xml


def test_the_page_and_its_files_are_there_and_nothing_comes_from_elsewhere(sandbox):
    with sandbox.client.get("/") as page, sandbox.client.get("/static/phones.js") as script:
        assert "default-src 'self'" in page.headers["Content-Security-Policy"]
        assert "http" not in page.text + script.text


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("thing1", "一" * 20, "一" * 21),
        ("character_string1", "AB-12", "订单"),
        ("phone_number1", "0578-5550101", "电话"),
        ("time1", "2026-11-29 09:00", "明天"),
        ("amount1", "¥12.50", "很多"),
        ("phrase1", "已接单", "已经接单了啊"),
    ],
)
def test_fields_take_what_their_type_takes(kind, good, bad):
    assert fault_in({kind: "x"}, {kind: {"value": good}}) is None
    assert fault_in({kind: "x"}, {kind: {"value": bad}})[0] == 47003
