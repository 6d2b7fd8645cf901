"""WeChat's browser in the sandbox: a page's signature is checked as WeChat checks it, a tap is asked and told of."""

import hashlib
import json
import time

import pytest

from tests.wx_backend.sandbox.asking import MINI, OFFICIAL, call, does, heard, token

TEMPLATE, ME = "sub-call-reminder", "o-demo-xiaofang"


def ticket(sandbox, account=OFFICIAL, kind="jsapi"):
    access = token(sandbox, account)["access_token"]
    return sandbox.client.get(f"/cgi-bin/ticket/getticket?access_token={access}&type={kind}").json


@pytest.fixture
def page(backend):
    return f"{backend.url}/m/settings/notices"


def verified(sandbox, url, key, signed=None, **more):
    text = f"jsapi_ticket={key}&noncestr=n&timestamp=1&url={signed or url}"
    said = {
        "verifyAppId": OFFICIAL.app_id, "verifyNonceStr": "n", "verifyTimestamp": "1", "url": url,
        "verifySignature": hashlib.sha1(text.encode()).hexdigest(), **more,
    }  # fmt: skip
    return sandbox.client.post("/_sandbox/webview/verify", data=json.dumps(said)).json["err_msg"].partition(":")[2]


def test_a_ticket_is_the_same_until_its_last_minutes_and_the_old_one_stays_good(sandbox, page):
    first = ticket(sandbox)
    assert ticket(sandbox) == first
    assert 7190 < first["expires_in"] <= 7200
    held = sandbox.world.page_tickets[OFFICIAL.app_id]
    held[0] = (held[0][0], time.monotonic() + 200)
    second = ticket(sandbox)["ticket"]
    assert second != first["ticket"]
    assert [verified(sandbox, page, one) for one in (first["ticket"], second)] == ["ok", "ok"]
    held = sandbox.world.page_tickets[OFFICIAL.app_id]
    held[0] = (held[0][0], time.monotonic() - 1)
    assert [verified(sandbox, page, one) for one in (first["ticket"], second)] == ["invalid signature", "ok"]
    assert ticket(sandbox, kind="x")["errcode"] == 40097


def test_a_signature_is_of_this_account_this_address_and_this_ticket(sandbox, page):
    key, other = ticket(sandbox)["ticket"], ticket(sandbox, MINI)["ticket"]
    assert verified(sandbox, f"{page}?told=yes#main", key, signed=f"{page}?told=yes") == "ok"
    assert verified(sandbox, page, key, signed=f"{page}?told=yes") == "invalid signature"
    assert verified(sandbox, page, other) == verified(sandbox, page, "x") == "invalid signature"
    assert verified(sandbox, page, key, verifySignature=None) == "invalid signature"
    assert verified(sandbox, "https://elsewhere.example/m/settings/notices", key) == "invalid url domain"
    assert verified(sandbox, page, key, verifyAppId="wx1") == "invalid appid"


def taps(sandbox, openid=ME, template=TEMPLATE, **answer):
    sandbox.client.set_cookie("sandbox_phone", openid)
    return sandbox.client.post("/_sandbox/webview/subscribe", data=json.dumps({"template": template, **answer})).json


def sent(sandbox):
    data = {"thing1": {"value": "连线"}, "time2": {"value": "2026-11-29 16:00"}, "thing3": {"value": "葛山村"}}
    return call(sandbox, "message/subscribe/bizsend", touser=ME, template_id=TEMPLATE, data=data)["errcode"]


def test_a_tap_asks_an_answer_is_told_and_a_kept_one_is_not_asked_and_not_told(sandbox, backend):
    assert taps(sandbox) == {"ask": "亲情连线提醒"}
    assert taps(sandbox, answer="cancel") == {"status": "cancel"}
    assert taps(sandbox, answer="accept", keep=True) == {"status": "accept"}
    told = [one["SubscribeMsgPopupEvent"]["List"] for one in heard(backend)]
    assert [(one["SubscribeStatusString"], one["PopupScene"]) for one in told] == [("reject", "1"), ("accept", "1")]
    assert taps(sandbox) == {"status": "accept"}
    assert len(backend.seen) == 2
    sandbox.world.receipts.mode = "never"
    assert [sent(sandbox) for _ in range(3)] == [0, 0, 43101]


def test_whom_nobody_knows_and_what_is_no_notice_of_the_account_is_not_asked(sandbox, backend):
    assert "error" in taps(sandbox, openid="o-nobody")
    for template in ("tmpl-call-booked", "sub-mini-call-reminder", "x"):
        assert "error" in taps(sandbox, template=template)
    assert backend.seen == []


def test_only_pages_of_the_account_may_read_what_it_answers(sandbox, backend):
    for origin, allowed in ((backend.url, backend.url), ("https://elsewhere.example", None)):
        said = sandbox.client.post("/_sandbox/webview/verify", data="{}", headers={"Origin": origin})
        assert said.headers.get("Access-Control-Allow-Origin") == allowed


def test_a_consent_from_the_phone_itself_is_no_tap_on_a_page(sandbox, backend):
    does(sandbox, "consent", template_id=TEMPLATE)
    assert heard(backend)[0]["SubscribeMsgPopupEvent"]["List"]["PopupScene"] == "0"
