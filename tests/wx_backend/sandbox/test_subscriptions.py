"""Subscription templates of the sandbox: listed by the account that has them, agreed to, used up, reported on."""

import time

import pytest

from tests.wx_backend.sandbox.asking import MINI, OFFICIAL, call, does, heard, token

DATA = {"thing1": {"value": "亲情连线"}, "time2": {"value": "2026-11-29 16:00"}, "thing3": {"value": "葛山村"}}
OF = {OFFICIAL.app_id: ("sub-call-reminder", "bizsend"), MINI.app_id: ("sub-mini-call-reminder", "send")}
both = pytest.mark.parametrize("account", [OFFICIAL, MINI], ids=["account", "mini"])


@pytest.fixture
def phone(sandbox):
    sandbox.world.receipts.delay = 0.0
    return sandbox.world.phones["o-demo-xiaofang"]


def sent(sandbox, account, phone):
    template, path = OF[account.app_id]
    openid = phone.openid if account is OFFICIAL else phone.mini_openid
    return call(sandbox, f"message/subscribe/{path}", account, touser=openid, template_id=template, data=DATA)


def listed(sandbox, account):
    access = token(sandbox, account)["access_token"]
    return sandbox.client.get(f"/wxaapi/newtmpl/gettemplate?access_token={access}").json


@both
def test_each_account_lists_its_own_as_wechat_writes_them(sandbox, account):
    answer = listed(sandbox, account)
    (row,) = answer["data"]
    assert (answer["errcode"], row["priTmplId"], row["type"]) == (0, OF[account.app_id][0], 2)
    assert row["content"] == "事项:{{thing1.DATA}}\n时间:{{time2.DATA}}\n地点:{{thing3.DATA}}\n"
    assert row["example"].splitlines()[1] == "时间:2026-11-29 16:00"


@both
def test_one_consent_is_told_and_buys_one_message_with_its_receipt(sandbox, backend, phone, account):
    template, _ = OF[account.app_id]
    assert sent(sandbox, account, phone)["errcode"] == 43101
    does(sandbox, "consent", template_id=template)
    first = sent(sandbox, account, phone)
    assert first["errcode"] == 0
    assert sent(sandbox, account, phone)["errcode"] == 43101
    until = time.monotonic() + 10
    while len(backend.seen) < 2 and time.monotonic() < until:
        time.sleep(0.01)
    asked, receipt = heard(backend, account)
    if account is OFFICIAL:
        asked, receipt = asked["SubscribeMsgPopupEvent"], receipt["SubscribeMsgSentEvent"]
    assert (asked["List"]["TemplateId"], asked["List"]["SubscribeStatusString"]) == (template, "accept")
    assert (int(receipt["List"]["MsgID"]), receipt["List"]["ErrorStatus"]) == (first["msgid"], "success")


def test_who_says_no_is_not_written_to(sandbox, phone):
    does(sandbox, "consent", template_id="sub-call-reminder")
    does(sandbox, "consent", template_id="sub-call-reminder", answer="reject")
    assert sent(sandbox, OFFICIAL, phone)["errcode"] == 43101


def test_a_consent_for_good_is_not_used_up(sandbox, phone):
    held = sandbox.world.templates["sub-call-reminder"]
    object.__setattr__(held, "long_term", True)
    assert listed(sandbox, OFFICIAL)["data"][0]["type"] == 3
    does(sandbox, "consent", template_id="sub-call-reminder")
    assert [sent(sandbox, OFFICIAL, phone)["errcode"] for _ in range(3)] == [0, 0, 0]


@both
def test_what_does_not_fit_is_47003_and_costs_no_consent(sandbox, phone, account):
    template, path = OF[account.app_id]
    does(sandbox, "consent", template_id=template)
    openid = phone.openid if account is OFFICIAL else phone.mini_openid
    bad = {**DATA, "time2": {"value": "明天"}}
    answer = call(sandbox, f"message/subscribe/{path}", account, touser=openid, template_id=template, data=bad)
    assert answer["errcode"] == 47003
    assert sent(sandbox, account, phone)["errcode"] == 0
