"""What is said when WeChat takes no more: for every code that stops something, what is wrong and what to do."""

import pytest

from handlers.tasks import alarm_words, words
from models.hours import CHINA
from models.messages.ladder import CHANNELS
from tests.world import NOW
from wx_backend.wechat.errcodes import TABLE

STOPS = [
    str(code) for code, (action, scope, _, _) in TABLE.items()
    if action == "broken" or (action, scope) == ("unfit", "template")
]  # fmt: skip
# What should mend by itself, and has not.
LASTS = [str(code) for code, (action, scope, _, _) in TABLE.items() if (action, scope) == ("again", "account")]


def facts(code, kind="*", channel="template"):
    return {"app_id": "wx-1", "channel": channel, "of_kind": kind, "code": code, "phone": "0578-5550101"}


@pytest.mark.parametrize("code", [*STOPS, *LASTS, "outage", "token stuck", "token busy", "token -1"])
def test_every_code_that_needs_a_person_has_what_to_do(code):
    said = words.sentence("wechat_stopped", facts(code), NOW, CHINA)
    assert alarm_words.WHAT_TO_DO[code.removeprefix("token ")] in said
    assert "请" in alarm_words.WHAT_TO_DO[code.removeprefix("token ")]
    assert "急事请先打电话" in said
    assert code not in said


def test_no_code_has_words_that_stops_nothing():
    assert set(alarm_words.WHAT_TO_DO) == {*STOPS, *LASTS, "outage", "stuck", "busy", "-1"}


@pytest.mark.parametrize("channel", CHANNELS)
def test_it_names_the_channel_and_the_kind(channel):
    said = words.sentence("wechat_stopped", facts("40037", "family.reminder", channel), NOW, CHINA)
    assert said.startswith(("公众号", "小程序"))
    assert "“亲情连线提醒”发不出去：模板被停用或删掉了。" in said


def test_a_code_that_is_not_known_is_said_as_it_came():
    assert "微信说：88888" in words.sentence("wechat_stopped", facts("88888"), NOW, CHINA)


def test_the_letter_about_it_says_what_does_not_go():
    told = facts("40037", "family.reminder") | {"kind": "wechat_stopped", "due_at": NOW.isoformat()}
    wording = words.letter("tasks.assigned", told, CHINA)
    assert (wording.fields["task"], wording.fields["who"]) == ("微信消息出了问题", "亲情连线提醒")
    assert wording.text.startswith("微信消息出了问题：亲情连线提醒。请在")


def test_a_day_that_our_own_limit_ends_says_that_what_is_urgent_still_goes():
    said = words.sentence("wechat_stopped", facts("own_budget"), NOW, CHINA)
    assert "急事照发" in said
    assert "own_budget" not in said
    assert "没发出的都留着" not in said  # some have gone another way


def test_a_code_met_while_a_token_was_fetched_has_the_same_words():
    assert alarm_words.WHAT_TO_DO["40164"] in words.sentence("wechat_stopped", facts("token 40164"), NOW, CHINA)


@pytest.mark.parametrize(
    ("channel", "where"),
    [("template", "公众号的“服务器配置”"), ("mini_subscription", "小程序的“消息推送”配置")],
)
def test_where_receipts_do_not_come_it_says_that_letters_go_and_where_to_look(channel, where):
    said = words.sentence("wechat_stopped", facts("no_receipts", channel=channel), NOW, CHINA)
    assert f"检查{where}（URL、Token）" in said
    assert "急事请打电话" in said
    assert [one for one in ("发不出去", "没发出的", "no_receipts") if one in said] == []
