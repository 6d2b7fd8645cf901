"""Reminders by the mini-program: which there are for me, and what a yes and a no are worth beside WeChat's events."""

import json

import pytest

from models.people.identities import Identity
from tests.gate import Wire, config_for
from tests.mini import api_app, signed_in
from tests.world import NOW
from tests.wx_backend.test_api import said

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
REMINDER, TASK, LASTING = "sub-mini-call-reminder", "sub-mini-task", "sub-mini-order"
OF = "WX_BACKEND_WECHAT__TEMPLATES"
MORE = {
    f"{OF}__TASK_ASSIGNED__MINI_SUBSCRIPTION__ID": TASK,
    f"{OF}__TASK_ASSIGNED__MINI_SUBSCRIPTION__FIELDS__TASK": "thing1",
    f"{OF}__ORDER_UPDATE__MINI_SUBSCRIPTION__ID": LASTING,
    f"{OF}__ORDER_UPDATE__MINI_SUBSCRIPTION__FIELDS__SERVICE": "thing1",
    f"{OF}__ORDER_UPDATE__MINI_SUBSCRIPTION__LONG_TERM": "true",
}
POPUP = "subscribe_msg_popup_event"


@pytest.fixture
def app(database_url):
    with api_app(database_url, **MORE) as app:
        yield app


@pytest.fixture
def phone(app, open_session, cast):
    """Signs somebody in to the mini-program, under an openid of it."""
    app_id = config_for("sqlite:///x").wechat.mini_program.app_id

    def pick_up(person):
        with open_session() as session, session.begin():
            identity = Identity(app_id=app_id, openid=f"m-{person.id}", person_id=person.id, kind="mini_program",
                                since=NOW)  # fmt: skip
            session.add(identity)
        return signed_in(app, open_session, identity)

    return pick_up


@pytest.fixture
def me(phone, cast):
    return phone(cast.xiaofang)


@pytest.fixture
def popup(app, cast):
    """WeChat tells of an answer of 小芳's."""
    wire = Wire(app, config_for("sqlite:///x").wechat.mini_program, "/wechat/mini/callback")

    def tell(template, status="accept"):
        entry = {"TemplateId": template, "SubscribeStatusString": status, "PopupScene": "0"}
        body = json.dumps({**wire.event(f"m-{cast.xiaofang.id}", POPUP), "List": [entry]})
        assert wire.post(*wire.sealed(body)).text == "success"

    return tell


def topics(me):
    return {one["template_id"]: one for one in said(me.get("subscriptions"), 200, "ok")["data"]["items"]}


def reported(me, answers, always=(), **more):
    sent = {"answers": answers, "always": list(always)}
    answer = said(me.post("subscriptions", sent, **more), 200, "ok")["data"]["items"]
    return {one["template_id"]: one for one in answer}


def test_i_see_what_there_is_for_me_what_it_is_for_and_that_nothing_is_agreed(me, phone, cast):
    mine = topics(me)
    assert set(mine) == {REMINDER, LASTING}  # of tasks only cadres are told
    assert mine[REMINDER] == {
        "template_id": REMINDER, "key": "call_reminder", "text": "亲情连线开始前提醒您", "long_term": False,
        "agreed": False, "balance": 0, "always": False, "refused": False,
    }  # fmt: skip
    assert mine[LASTING]["long_term"] is True
    assert TASK in topics(phone(cast.li))


def test_a_yes_to_a_question_counts_once_by_wechats_event_whatever_the_phone_says(me, popup):
    assert reported(me, {REMINDER: "accept"})[REMINDER]["agreed"] is False  # a phone may say anything
    popup(REMINDER)
    assert reported(me, {REMINDER: "accept"})[REMINDER]["balance"] == 1
    assert (topics(me)[REMINDER]["agreed"], topics(me)[REMINDER]["always"]) == (True, False)


@pytest.mark.parametrize("answer", ["accept", "acceptWithAudio", "acceptWithAlert"])
def test_a_yes_that_is_kept_brings_no_event_and_counts_by_the_phone_once_for_its_key(me, answer):
    for _ in range(2):
        sent = {"answers": {REMINDER: answer}, "always": [REMINDER]}
        assert me.post("subscriptions", sent, key="one-tap-only").json["data"]["items"][0]["balance"] == 1
    shown = topics(me)[REMINDER]
    assert (shown["balance"], shown["always"], shown["agreed"]) == (1, True, True)
    assert reported(me, {REMINDER: answer}, [REMINDER])[REMINDER]["balance"] == 2  # the next tap


def test_should_wechat_send_an_event_all_the_same_the_tap_counts_once(me, popup):
    reported(me, {REMINDER: "accept"}, [REMINDER])
    popup(REMINDER)
    assert topics(me)[REMINDER]["balance"] == 1


def test_a_yes_for_good_is_agreed_however_many_were_sent(me, popup):
    popup(LASTING)
    assert topics(me)[LASTING]["agreed"] is True
    assert reported(me, {LASTING: "reject"})[LASTING]["agreed"] is False


@pytest.mark.parametrize("answer", ["reject", "ban"])
def test_a_no_counts_whoever_says_it_first(me, popup, answer):
    popup(REMINDER)
    shown = reported(me, {REMINDER: answer})[REMINDER]
    assert (shown["agreed"], shown["balance"], shown["refused"]) == (False, 0, True)
    popup(REMINDER, "reject")
    assert topics(me)[REMINDER]["refused"] is True


def test_what_was_filtered_was_not_asked(me, popup):
    popup(REMINDER)
    assert reported(me, {REMINDER: "filter"}, [REMINDER])[REMINDER]["balance"] == 1


@pytest.mark.parametrize(
    "body",
    [
        {"answers": {}}, {"answers": {REMINDER: "yes"}}, {"answers": {"": "accept"}}, {"answers": {"x" * 65: "accept"}},
        {"answers": {"\u0000": "accept"}}, {"answers": {REMINDER: "accept"}, "always": "x"}, {}, {"answers": []},
        {"answers": {f"t-{n}": "accept" for n in range(21)}},
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(me, body):
    said(me.post("subscriptions", body), 422, "invalid")


@pytest.mark.parametrize("body", [
    {"answers": {"sub-call-reminder": "reject"}},  # the official account's
    {"answers": {"tmpl-call-booked": "reject"}}, {"answers": {REMINDER: "reject"}, "always": ["t-9"]},
])  # fmt: skip
def test_a_template_of_another_account_or_none_is_refused_and_changes_nothing(me, popup, body):
    popup(REMINDER)
    assert "刷新" in said(me.post("subscriptions", body), 422, "no_topic")["msg"]
    assert topics(me)[REMINDER]["balance"] == 1


def test_another_persons_yes_is_not_mine(me, phone, cast, popup):
    popup(REMINDER)
    assert topics(phone(cast.li))[REMINDER]["agreed"] is False
