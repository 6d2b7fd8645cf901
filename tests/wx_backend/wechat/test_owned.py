"""The accounts' templates against ours: every difference is named, and how each will read is shown."""

from dataclasses import replace

import pytest
from click.testing import CliRunner

from tests.mini import CLOSED_PORT
from wx_backend.cli import main
from wx_backend.config import EXAMPLE, load_config
from wx_backend.demo.cast import accounts, phones, templates
from wx_backend.doctor import examine
from wx_backend.hands import account_channels, make_clients, make_templates
from wx_backend.redis import connect
from wx_backend.sandbox.faults import Fault
from wx_backend.sandbox.server import create_sandbox, start_in_thread
from wx_backend.wechat.owned import drift, owned, reading
from wx_backend.wechat.transport import Doubtful

CHANNELS = ("template", "mini_subscription", "account_subscription")


@pytest.fixture
def far():
    config = load_config(EXAMPLE, {})
    app = create_sandbox(accounts(config, CLOSED_PORT), phones(), templates(config))
    running = start_in_thread(app)
    running.faults = app.extensions["faults"]
    yield running
    running.stop()


def settings(far, **more):
    return load_config(EXAMPLE, {"WX_BACKEND_WECHAT__API_BASE_URL": far.url, **more})


def run(far, *words, **environ):
    environ = {"WX_BACKEND_WECHAT__API_BASE_URL": far.url, **environ}
    return CliRunner().invoke(main, ["--config", str(EXAMPLE), *words], env=environ, catch_exceptions=False)


def of(far, channel):
    config = settings(far)
    client = account_channels(config, make_clients(config, connect("memory://")))[channel]
    return make_templates(config, channel), client


def change(far, template, **values):
    """The owner has changed a template at WeChat's."""
    far.world.templates[template] = replace(far.world.templates[template], **values)


@pytest.mark.parametrize("channel", CHANNELS)
def test_what_agrees_says_nothing(far, channel):
    ours, client = of(far, channel)
    assert ours
    assert drift(ours, owned(channel, client)) == []


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_template_that_is_gone_is_named(far, channel):
    ours, client = of(far, channel)
    gone = ours["call_reminder"].id
    del far.world.templates[gone]
    assert drift(ours, owned(channel, client)) == [f"call_reminder: the account has no template {gone}"]


@pytest.mark.parametrize("channel", CHANNELS)
def test_another_type_a_missing_and_an_empty_field_are_told_apart(far, channel):
    ours, client = of(far, channel)
    change(far, ours["call_reminder"].id, fields={"thing1": "事项", "date2": "日期", "phrase7": "状态"})
    lines = drift(ours, owned(channel, client))
    told = {line.removeprefix("call_reminder: ") for line in lines} - {
        "contact: phone_number4 is not in the account's template"  # subscriptions of the example leave it out
    }
    assert told == {
        "time: time2 has another type in the account, date2", "place: thing3 is not in the account's template",
        "phrase7 of the account's template stays empty",
    }  # fmt: skip


def test_a_template_of_the_other_account_is_not_this_ones(far):
    ours, client = of(far, "mini_subscription")
    change(far, ours["call_reminder"].id, of="official_account")
    assert "the account has no template" in drift(ours, owned("mini_subscription", client))[0]


@pytest.mark.parametrize("channel", CHANNELS[1:])
def test_a_consent_for_good_and_for_one_message_are_told_apart(far, channel):
    ours, client = of(far, channel)
    change(far, ours["call_reminder"].id, long_term=True)
    assert drift(ours, owned(channel, client)) == [
        "call_reminder: long_term: in the account it is long-term (长期订阅)"
    ]
    name = f"WX_BACKEND_WECHAT__TEMPLATES__CALL_REMINDER__{channel.upper()}__LONG_TERM"
    for_good = make_templates(settings(far, **{name: "true"}), channel)
    assert drift(for_good, owned(channel, client)) == []
    change(far, ours["call_reminder"].id, long_term=False)
    assert "one message for each consent" in drift(for_good, owned(channel, client))[0]


def test_a_type_that_cannot_take_what_is_said_is_named_before_the_first_send(far):
    name = "WX_BACKEND_WECHAT__TEMPLATES__ORDER_UPDATE__FIELDS__STATE"
    ours = make_templates(settings(far, **{name: "amount3"}))
    change(far, ours["order_update"].id, fields={key: key for key in ours["order_update"].fields.values()})
    _, client = of(far, "template")
    assert drift(ours, owned("template", client)) == [
        "order_update: state: amount3 does not take what is said there, as in “已接单”"
    ]


def test_how_it_will_read_stands_beside_wechats_own_example(far):
    ours, client = of(far, "mini_subscription")
    change(far, ours["call_reminder"].id, examples={"time2": "2016年8月8日 12:00"})
    held = owned("mini_subscription", client)
    shown = reading(ours["call_reminder"], held[ours["call_reminder"].id])
    assert shown == [
        "call_reminder: 亲情连线提醒", "  subject → thing1  事项：与王奶奶视频",
        "  time → time2  时间：2026-11-29 16:00 (WeChat: 2016年8月8日 12:00)",
        "  place → thing3  地点：葛山村党群服务中心",
    ]  # fmt: skip


def test_check_shows_every_channel_and_exits_1_where_one_differs(far):
    good = run(far, "templates", "check")
    assert (good.exit_code, good.output.splitlines()[-1]) == (0, "all templates agree with the accounts")
    for line in ("[template] order_update: 服务订单通知", "[mini_subscription]   subject → thing1  事项：与王奶奶视频"):
        assert line in good.output
    change(far, "sub-mini-call-reminder", fields={"thing1": "事项"})
    bad = run(far, "templates", "check")
    assert bad.exit_code == 1
    assert "mini_subscription: call_reminder: place: thing3 is not in the account's template" in bad.output


def test_an_account_that_may_not_ask_anybody_is_said_in_one_line(far):
    far.faults.standing.append(Fault("/wxaapi/newtmpl/gettemplate", "not_allowed"))
    result = run(far, "templates", "check")
    assert result.exit_code == 1
    assert "subscription: the account does not answer: Error code: 48001" in result.output
    assert "Traceback" not in result.output
    pulled = run(far, "templates", "pull")
    assert (pulled.exit_code, pulled.output.count("may not ask anybody")) == (0, 2)
    assert 'id = "tmpl-order-update"' in pulled.output


@pytest.mark.parametrize("answer", [{}, {"data": None}, {"data": ["x"]}, {"data": {"priTmplId": "x"}}])
def test_an_answer_that_is_no_list_is_doubtful(far, monkeypatch, answer):
    _, client = of(far, "mini_subscription")
    monkeypatch.setattr(client, "subscription_templates", lambda: answer)
    with pytest.raises(Doubtful, match="the answer has no data"):
        owned("mini_subscription", client)


def test_odd_rows_of_a_list_are_read_as_far_as_they_go(far, monkeypatch):
    _, client = of(far, "mini_subscription")
    rows = [{}, {
        "priTmplId": "a", "title": "洗衣机", "type": 3,
        "content": "完成时间：{{time1.DATA}}\n{{thing9.DATA}}\n位置:{{enum_string2.DATA}}",
        "example": "完成时间:2021年10月21日 12:00:00\n位置:客厅\n",
        "keywordEnumValueList": [{"keywordCode": "enum_string2.DATA", "enumValueList": ["客厅", "餐厅"]}, "odd"],
    }]  # fmt: skip
    monkeypatch.setattr(client, "subscription_templates", lambda: {"data": rows})
    held = owned("mini_subscription", client)["a"]
    assert held.names == {"time1": "完成时间", "thing9": "", "enum_string2": "位置"}
    assert held.examples == {"time1": "2021年10月21日 12:00:00", "enum_string2": "客厅"}
    assert (held.choices, held.long_term) == ({"enum_string2": ("客厅", "餐厅")}, True)


def test_pull_prints_each_channel_as_it_would_stand_in_the_settings(far):
    change(far, "sub-mini-call-reminder", long_term=True)
    lines = run(far, "templates", "pull").output.splitlines()
    at = lines.index("## mini_subscription")
    assert lines[at + 1 : at + 5] == [
        "# 亲情连线提醒", 'id = "sub-mini-call-reminder"',
        'fields = { "事项" = "thing1", "时间" = "time2", "地点" = "thing3" }', "long_term = true",
    ]  # fmt: skip
    assert 'id = "tmpl-call-booked"' in lines[: lines.index("## mini_subscription")]


def test_doctor_compares_the_templates_of_every_channel(far):
    config = settings(far, WX_BACKEND_DATABASE__URL="sqlite:///:memory:")
    change(far, "sub-call-reminder", long_term=True)
    found = {(one.mark, one.text) for one in examine(config) if one.about == "templates"}
    assert found == {
        ("ok", "template: 8 agree with the account"), ("ok", "mini_subscription: 1 agree with the account"),
        ("warn", "account_subscription: call_reminder: long_term: in the account it is long-term (长期订阅)"),
    }  # fmt: skip


def test_where_the_mini_program_is_switched_off_nobody_asks_it(far):
    config = settings(far, WX_BACKEND_WECHAT__MINI_PROGRAM__ENABLED="false")
    clients = make_clients(config, connect("memory://"))
    assert list(account_channels(config, clients)) == ["template", "account_subscription"]
