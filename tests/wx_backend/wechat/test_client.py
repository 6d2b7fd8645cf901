"""The client and the postman against the sandbox and against a hostile server: every misbehaviour has its answer."""

import logging
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
import urllib3
from wechatpy.exceptions import WeChatClientException

from handlers.menu import MENU, Door
from handlers.room import Choice, Wording
from handlers.words import WORDLESS
from models.messages.ladder import CHANNELS
from models.messages.outcomes import Failed, OpenLetter, Sent, Unsure
from tests.handlers.test_family_words import FACTS as CALL
from tests.world import NOW, REDIS
from wx_backend.config import EXAMPLE, load_config
from wx_backend.demo.cast import accounts, templates
from wx_backend.hands import make_templates
from wx_backend.redis import connect
from wx_backend.sandbox.faults import Fault
from wx_backend.sandbox.server import create_sandbox, start_in_thread
from wx_backend.sandbox.world import Phone
from wx_backend.speech import WORDS, in_words
from wx_backend.wechat import menu as account_menu
from wx_backend.wechat.carriers import Postman
from wx_backend.wechat.client import MESSAGES, SENDS, Client
from wx_backend.wechat.errcodes import failed, without_token
from wx_backend.wechat.templates import BadField, Template, fit
from wx_backend.wechat.tokens import TokenKeeper, TokenRefused
from wx_backend.wechat.transport import Doubtful, Transport, Unreached, beside

SEND = "/cgi-bin/message/template/send"
CONFIG = load_config(EXAMPLE, {})
OFFICIAL = CONFIG.wechat.official_account
WEB = CONFIG.app.public_url
FACTS = {"cared": "王秀英", "at": NOW.isoformat()}


@pytest.fixture
def far():
    """A sandbox with one follower, and what the tests do with it."""
    app = create_sandbox(
        accounts(CONFIG, "http://127.0.0.1:1"), [Phone("o-1", "小芳", following=True)], templates(CONFIG)
    )
    running = start_in_thread(app)
    running.world.receipts.mode = "never"
    running.faults, running.tokens = app.extensions["faults"], app.extensions["tokens"]
    yield running
    running.stop()


def client_for(far, cache=None, secret=OFFICIAL.app_secret):
    return Client(OFFICIAL.app_id, secret, Transport(far.url), cache or connect("memory://"))


def postman_for(far, **more):
    client = client_for(far, **more)
    templates = {channel: make_templates(CONFIG, channel) for channel in CHANNELS}
    return Postman({OFFICIAL.app_id: client}, templates, WORDS, lambda: NOW)


def letter(number=1, **more):
    told = {
        "id": number,
        "kind": "people.link_confirmed",
        "facts": FACTS,
        "channel": "template",
        "openid": "o-1",
        "app_id": OFFICIAL.app_id,
        "zone": "Europe/Madrid",
        "client_msg_id": f"id{number}",
        "claimed_at": NOW,
        "deadline_seconds": 3.0,
        "identity_id": 1,
        "start_before": NOW,
    }
    return OpenLetter(**{**told, **more})


def test_a_letter_is_said_and_sent_with_its_own_id(far):
    outcome = postman_for(far).carry(letter())
    assert isinstance(outcome, Sent)
    assert int(outcome.msgid) > 2**53
    (send,) = far.world.sends
    assert (send.openid, send.client_msg_id) == ("o-1", "id1")
    assert "王秀英" in outcome.said


def test_the_same_id_again_is_the_same_message(far):
    postman = postman_for(far)
    assert postman.carry(letter()) == postman.carry(letter())
    assert len(far.world.sends) == 1


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("busy", ("again", "-1")),
        ("quota", ("broken", "45009")),
        ("minute", ("again", "45011")),
        ("unfollowed", ("person", "43004")),
        ("template", ("broken", "40037")),
    ],
)
def test_an_errcode_becomes_what_to_do(far, kind, expected):
    far.faults.standing.append(Fault(SEND, kind))
    outcome = postman_for(far).carry(letter())
    assert isinstance(outcome, Failed)
    assert (outcome.action, outcome.code) == expected


@pytest.mark.case("J16")
def test_a_name_with_a_rare_character_is_said_whole_and_without_it_where_wechat_does_not_take_it(far):
    told = {"kind": "family.reminder", "facts": {**CALL, "role": "relative", "cared": "王𬻬"}}
    assert isinstance(postman_for(far).carry(letter(**told)), Sent)
    far.faults.standing.append(Fault(SEND, "misfit", left=1))
    assert isinstance(postman_for(far).carry(letter(2, **told)), Sent)
    whole, plainer = (str(entry["rows"]) for entry in far.world.phones["o-1"].log)
    assert "王𬻬" in whole
    assert whole.replace("𬻬", "") == plainer


@pytest.mark.case("J16")
@pytest.mark.parametrize("cared", ["王秀英", "王𬻬"])
def test_what_does_not_fit_either_way_is_said_once_more_at_most(far, cared):
    far.faults.standing.append(Fault(SEND, "misfit"))
    outcome = postman_for(far).carry(letter(kind="family.reminder", facts={**CALL, "role": "relative", "cared": cared}))
    assert (outcome.action, outcome.code) == ("unfit", "47003")
    assert far.world.sends == []


@pytest.mark.parametrize("kind", ["html", "empty", "list", "bad_gateway", "drop_before", "drop_after"])
def test_an_answer_that_is_none_is_a_doubt(far, kind):
    far.faults.standing.append(Fault(SEND, kind))
    assert isinstance(postman_for(far).carry(letter()), Unsure)
    assert len(far.world.sends) == (1 if kind == "drop_after" else 0)


@pytest.mark.parametrize(
    "answer", [b"{}", b'{"code": 403, "message": "blocked"}', b'{"errcode": null}', b'{"errcode": "busy"}']
)
@pytest.mark.parametrize("path", sorted(MESSAGES))
def test_json_that_does_not_say_what_became_of_a_message_is_a_doubt(far, monkeypatch, path, answer):
    """A proxy's own, say: a letter is not delivered because nobody said that it is not."""
    call = Transport.call
    monkeypatch.setattr(
        Transport, "call",
        lambda self, method, at, **more: (answer, "application/json") if at == path else call(self, method, at, **more),
    )  # fmt: skip
    client = client_for(far)
    channel = next((name for name, sends in SENDS.items() if path.endswith(sends)), None)
    with pytest.raises(Doubtful, match="no errcode"):
        if channel is None:
            client.send_customer_text("o-1", "好", 3.0)
        else:
            client.send_by_template(channel, {"touser": "o-1"}, 3.0)


def test_a_silent_server_holds_nobody_longer_than_the_deadline(far):
    far.faults.standing.append(Fault(SEND, "slow", seconds=4))
    started = time.monotonic()
    assert isinstance(postman_for(far).carry(letter(deadline_seconds=1.0)), Unsure)
    assert time.monotonic() - started < 2.5


def test_a_server_that_is_not_there_was_never_reached():
    nobody = Transport("http://127.0.0.1:9")
    postman = Postman(
        {OFFICIAL.app_id: Client(OFFICIAL.app_id, "s", nobody, connect("memory://"))},
        {"template": make_templates(CONFIG)},
        WORDS,
        lambda: NOW,
    )
    outcome = postman.carry(letter())
    assert isinstance(outcome, Failed)
    assert (outcome.action, outcome.code) == ("again", "unreached")


def test_40001_for_ever_of_a_new_token_costs_one_call_and_then_nothing(far):
    far.faults.standing.append(Fault(SEND, "token"))
    postman = postman_for(far)
    outcomes = [postman.carry(letter(n)) for n in range(5)]
    assert all(isinstance(one, Failed) and one.action == "again" for one in outcomes)
    assert far.tokens.fetched == 1
    assert far.world.calls[SEND] == 1


def test_a_token_that_grew_old_and_is_refused_for_ever_is_forced_once_and_then_left_alone(far, monkeypatch):
    postman = postman_for(far)
    assert isinstance(postman.carry(letter()), Sent)
    monkeypatch.setattr("wx_backend.wechat.tokens.JUST_NOW_SECONDS", 0)
    far.faults.standing.append(Fault(SEND, "token"))
    outcomes = [postman.carry(letter(n)) for n in range(2, 22)]
    assert all(isinstance(one, Failed) and one.action == "again" for one in outcomes)
    assert far.tokens.fetched == 3  # the first, the same one again, a forced one
    assert far.world.calls[SEND] == 1 + 2


def test_a_breaker_lets_another_token_pass(far):
    cache = connect("memory://")
    postman = postman_for(far, cache=cache)
    far.faults.standing.append(Fault(SEND, "token"))
    postman.carry(letter())
    far.faults.standing.clear()
    assert postman.carry(letter(2)).code == "token stuck"
    cache.delete(f"wx:{OFFICIAL.app_id}:token")
    other = client_for(far, connect("memory://"))._request("post", "stable_token", data={
        "grant_type": "client_credential", "appid": OFFICIAL.app_id, "secret": OFFICIAL.app_secret,
        "force_refresh": True}, params={"access_token": ""})  # fmt: skip
    cache.set(f"wx:{OFFICIAL.app_id}:token", other["access_token"])
    assert isinstance(postman.carry(letter(3)), Sent)


@pytest.mark.parametrize("url", ["memory://", pytest.param(REDIS, marks=pytest.mark.redis)])
def test_what_one_process_finds_out_about_a_token_the_others_need_not_ask(far, url, request):
    if url == REDIS:
        request.getfixturevalue("real_redis")
    cache = connect(url)
    one, other = postman_for(far, cache=cache), postman_for(far, cache=cache)
    far.faults.standing.append(Fault(SEND, "token"))
    one.carry(letter())
    assert [other.carry(letter(n)).code for n in (2, 3)] == ["token stuck"] * 2
    assert (far.world.calls[SEND], far.tokens.fetched) == (1, 1)
    cache.flushdb()  # a cache that is lost costs a call, not a letter
    far.faults.standing.clear()
    assert isinstance(postman_for(far, cache=cache).carry(letter(4)), Sent)


def test_an_expired_token_is_renewed_once_and_the_letter_goes(far):
    postman = postman_for(far)
    assert isinstance(postman.carry(letter()), Sent)
    far.world.move_clock(8000)
    assert isinstance(postman.carry(letter(2)), Sent)
    assert far.tokens.fetched == 2


def heard_by_8(far, url, ask):
    """What 8 threads hear that ask at once, by two clients with a cache each where that is a real one."""
    caches = [connect(url), connect(url)] if url == REDIS else [connect(url)] * 2
    clients = [client_for(far, cache) for cache in caches]
    gate = threading.Barrier(8)

    def first(n):
        gate.wait()
        return ask(clients[n % 2])

    with ThreadPoolExecutor(8) as pool:
        return set(pool.map(first, range(8)))


@pytest.mark.case("J17")
@pytest.mark.parametrize("url", ["memory://", pytest.param(REDIS, marks=pytest.mark.redis)])
def test_8_threads_with_a_cold_token_fetch_it_once(far, url, request):
    if url == REDIS:
        request.getfixturevalue("real_redis")
    assert len(heard_by_8(far, url, lambda client: client.access_token)) == 1
    assert far.tokens.fetched == 1


def test_with_redis_gone_each_process_keeps_its_own_token(far):
    gone = connect("redis://127.0.0.1:9/0")
    client = client_for(far, gone)
    assert client.access_token == client.access_token
    assert far.tokens.fetched == 1


def test_a_wrong_secret_is_not_tried_again_and_sends_nothing(far):
    outcome = postman_for(far, secret="wrong").carry(letter())
    assert isinstance(outcome, Failed)
    assert (outcome.action, outcome.code) == ("broken", "token 40125")


@pytest.mark.case("J8")
@pytest.mark.parametrize(
    ("code", "action", "pause"),
    [
        ("45009", "broken", 14 * 3600 + 30),  # until midnight in China
        ("45011", "again", 60), ("40164", "broken", 0), ("40001", "again", 60), ("89501", "broken", 0),
        ("busy", "again", 60), ("?", "broken", 0),
    ],
)  # fmt: skip
def test_without_a_token_the_code_says_what_to_do_as_it_does_at_a_send(code, action, pause):
    found = without_token(code, "rid: 1\0", NOW)
    assert (found.action, found.pause_seconds, found.scope, found.code) == (action, pause, "account", f"token {code}")
    assert "\0" not in found.detail


def test_a_msgid_that_no_receipt_could_name_is_none(far, monkeypatch):
    for odd in ("9" * 30, "x1", "", None, 1.5):
        monkeypatch.setattr(Client, "send_by_template", lambda *_, odd=odd: {"errcode": 0, "msgid": odd})
        assert postman_for(far).carry(letter()).msgid is None


def test_a_doubt_about_the_token_is_no_doubt_about_the_letter(far):
    far.faults.standing.append(Fault("/cgi-bin/stable_token", "html"))
    outcome = postman_for(far).carry(letter(channel="customer_service", kind="messages.reply", facts={"text": "好"}))
    assert isinstance(outcome, Failed)
    assert outcome.action == "again"


def test_the_customer_service_window_is_kept(far):
    postman = postman_for(far)
    told = {"channel": "customer_service", "kind": "messages.reply", "facts": {"text": "好"}}
    assert postman.carry(letter(**told)).code == "45015"
    far.world.open_window(far.world.phones["o-1"], 1, 60)
    assert isinstance(postman.carry(letter(**told)), Sent)
    assert postman.carry(letter(**told)).code == "45047"


@contextmanager
def dripping(every, head=b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"):
    """A server that sends this and then, every so often, one byte more of what has no end."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def serve():
        connection, _ = listener.accept()
        with connection:
            connection.recv(65_536)
            connection.sendall(head)
            while not stop.wait(every):
                try:
                    connection.sendall(b"x")
                except OSError:
                    return

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    stop.set()
    server.join(5)
    listener.close()


@pytest.mark.parametrize(
    ("every", "head"),
    [
        (0.05, b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"),
        (0.05, b"HTTP/1.1 200 OK\r\nX-Endless: "),
        (0.05, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n"),
        (30.0, b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{"),
        (0.9, b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{"),
    ],
    ids=["body", "headers", "chunks", "silence in the body", "a byte just in time"],
)
def test_an_answer_that_only_drips_is_given_up_at_the_deadline(every, head):
    with dripping(every, head) as url:
        started = time.monotonic()
        with pytest.raises(Doubtful):
            Transport(url).call("POST", "/x", body={}, seconds=1.0)
        assert 0.9 < time.monotonic() - started < 5


def test_secrets_and_openids_stand_in_no_log_and_no_exception(far, caplog):
    caplog.set_level(logging.DEBUG)
    far.faults.standing.append(Fault(SEND, "token"))
    client = client_for(far)
    token = client.access_token
    with pytest.raises((WeChatClientException, TokenRefused)) as raised:
        client.send_by_template("template", {"touser": "o-1"}, 3)
    with pytest.raises(Unreached) as unreached:
        Client(OFFICIAL.app_id, OFFICIAL.app_secret, Transport("http://127.0.0.1:9"), connect("memory://")).user.get(
            "o"
        )
    said = caplog.text + str(raised.value) + repr(raised.value) + str(unreached.value)
    for secret in (token, OFFICIAL.app_secret, "o-1"):
        assert secret not in said


def test_wechatpys_own_methods_work_on_our_wire(far):
    client = client_for(far)
    assert client.user.get("o-1")["subscribe"] == 1
    media = client.media.upload("image", ("a.png", b"PNG", "image/png"))
    assert client._request("get", "media/get", params={"media_id": media["media_id"]}) == b"PNG"
    assert client.scene_qr("link/A3C4K7P", 3.0).startswith(b"\x89PNG")
    assert client.get("https://api.weixin.qq.com/cgi-bin/getcallbackip")["ip_list"] == ["127.0.0.1"]


@pytest.mark.parametrize(
    ("api", "pictures", "logins"),
    [
        ("https://api.weixin.qq.com", "https://mp.weixin.qq.com", "https://open.weixin.qq.com"),
        ("https://sh.api.weixin.qq.com", "https://mp.weixin.qq.com", "https://open.weixin.qq.com"),
        ("http://127.0.0.1:8001", "http://127.0.0.1:8001", "http://127.0.0.1:8001"),
        ("https://weixin.qq.com.example.org", "https://weixin.qq.com.example.org", "https://weixin.qq.com.example.org"),
    ],
)
def test_pictures_and_logins_have_hosts_of_their_own_at_wechat_only(api, pictures, logins):
    assert (beside(api, "mp"), beside(api, "open")) == (pictures, logins)
    url = Client("wx1", "s", Transport(api), connect("memory://")).authorize_url("https://a.example/m?x=1", "s&t")
    assert url.startswith(
        f"{logins}/connect/oauth2/authorize?appid=wx1&redirect_uri=https%3A%2F%2Fa.example%2Fm%3Fx%3D1"
    )
    assert url.endswith("&response_type=code&scope=snsapi_base&state=s%26t#wechat_redirect")


def test_a_page_learns_through_the_far_ends_own_login_who_looks_at_it(far):
    client = client_for(far)
    url = client.authorize_url("https://centre.example/m", "s").replace("#", "&as=o-1#")
    answer = urllib3.request("GET", url, redirect=False, retries=False)
    target = answer.headers["Location"]
    assert target.startswith("https://centre.example/m?")
    assert client.person_behind(parse_qs(urlsplit(target).query)["code"][0])["openid"] == "o-1"


def test_a_picture_is_asked_for_without_a_token_and_a_page_is_no_picture(far, monkeypatch):
    client = client_for(far)
    asked = []
    call = client._transport.call

    def noted(method, address, **more):
        asked.append((address, "access_token" in (more.get("params") or {})))
        answer, kind = call(method, address, **more)
        return answer, "text/html" if len(asked) > 3 else kind

    monkeypatch.setattr(client._transport, "call", noted)
    client.scene_qr("link/A3C4K7P", 3.0)
    assert asked[1:] == [("/cgi-bin/qrcode/create", True), ("/cgi-bin/showqrcode", False)]
    with pytest.raises(Doubtful):
        client.scene_qr("link/A3C4K7P", 3.0)


def test_a_letter_without_words_is_ours_to_mend_and_nothing_of_it_is_logged(far, caplog):
    outcome = postman_for(far).carry(letter(facts={"cared": "王秀英"}))
    assert isinstance(outcome, Failed)
    assert (outcome.action, outcome.code) == ("broken", "wording")
    assert far.world.calls.get(SEND, 0) == 0
    assert "letter 1: no words for people.link_confirmed: KeyError" in caplog.text
    assert "王秀英" not in caplog.text + outcome.detail


def test_a_cadre_reads_something_kind_where_a_letter_cannot_be_said(caplog):
    zone = ZoneInfo("Asia/Shanghai")
    assert "王秀英" in in_words("people.link_confirmed", FACTS, zone)
    for kind, facts in (("people.link_confirmed", {"cared": "王秀英"}), ("people.gone", FACTS), ("gone.x", {})):
        assert in_words(kind, facts, zone) == WORDLESS
    assert "王秀英" not in caplog.text


def test_a_code_stands_for_a_person_once(far):
    from wx_backend.sandbox.account import new_code

    client, code = client_for(far), new_code(far.world, far.world.phones["o-1"])
    assert client.person_behind(code)["openid"] == "o-1"
    with pytest.raises(WeChatClientException) as used:
        client.person_behind(code)
    assert used.value.errcode == 40163
    mini = CONFIG.wechat.mini_program
    other = Client(mini.app_id, mini.app_secret, Transport(far.url), connect("memory://"))
    phone, app = far.world.phones["o-1"], far.world.account("mini_program")
    assert other.session_behind(new_code(far.world, phone, app))["openid"] == phone.mini_openid != "o-1"
    assert other.phone_behind(new_code(far.world, phone, app)).startswith("139")


def test_the_menu_is_pushed_and_compared(far):
    client, ours = client_for(far), account_menu.built(MENU, WEB)
    assert len(account_menu.difference(account_menu.shown(client), ours)) == sum(len(door.items) for door in MENU)
    account_menu.push(client, ours)
    assert account_menu.difference(account_menu.shown(client), ours) == []


def test_a_menu_in_another_order_or_with_a_door_of_its_own_is_another_menu(far):
    client, ours = client_for(far), account_menu.built(MENU, WEB)
    first, second, *rest = ours["button"]
    for theirs in (
        [second, first, *rest],
        [{**first, "sub_button": first["sub_button"][::-1]}, second, *rest],
        [{"type": "view", "name": first["name"], "url": "https://example.org"}, second, *rest],
    ):
        client.menu.create({"button": theirs})
        lines = account_menu.difference(account_menu.shown(client), ours)
        assert {line[0] for line in lines} == {"+", "-"}
        assert all(first["name"] in line or second["name"] in line for line in lines)


def test_an_account_that_shows_another_menu_than_it_took_is_said_so(far, monkeypatch):
    monkeypatch.setattr(far.world, "menu", account_menu.built(MENU[:1], WEB))
    client = client_for(far)
    monkeypatch.setattr(client.menu, "create", lambda _: None)
    with pytest.raises(account_menu.AnotherMenu):
        account_menu.push(client, account_menu.built(MENU, WEB))


@pytest.mark.parametrize(
    "doors",
    [
        (),
        MENU * 2,
        (Door("开展活动很多很多", (Choice("一", "a"),)),),
        (Door("开展", (Choice("一", "a" * 129),)),),
        (Door("开展", tuple(Choice(str(n), "a") for n in range(6))),),
    ],
)
def test_a_menu_past_wechats_limits_is_refused_before_it_is_sent(doors):
    with pytest.raises(ValueError, match=r"."):
        account_menu.built(doors, WEB)


@pytest.mark.case("J16")
@pytest.mark.parametrize(
    ("key", "value", "fitted"),
    [
        ("thing1", "与王奶奶视频", "与王奶奶视频"),
        ("thing1", "一" * 25, "一" * 19 + "…"),
        ("thing1", "好🙂\n的", "好 的"),
        ("thing1", "王𬻬村的𠮷小英🙂", "王𬻬村的𠮷小英"),
        ("thing1", "", "无"),
        ("phone_number4", "0578-5550101", "0578-5550101"),
        ("time2", "2026-11-29 09:00", None),
        ("character_string2", "63464576", None),
        ("symbol1", "√√√√√", None),
        ("enum_string2", "已确认", None),
    ],
)
def test_words_are_fitted_to_the_type_of_their_field(key, value, fitted):
    assert fit(Template("t", "id", {"x": key}), {"x": value}) == {key: {"value": fitted or value}}


@pytest.mark.case("J16")
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("phone_number4", "0578-5550101 转 8001 再转 8002"),
        ("phone_number4", ""),
        ("character_string2", "订单1"),
        ("time2", "明天"),
        ("symbol1", "好"),
        ("symbol1", "√√√√√√"),
        ("whatever1", "x"),
    ],
)
def test_what_must_be_exact_is_never_cut(key, value):
    with pytest.raises(BadField, match=key):
        fit(Template("t", "id", {"x": key}), {"x": value})


def test_every_letter_fits_its_template_at_its_longest():
    """The longest names the county may hold, in every kind of letter, through the real templates."""
    from handlers.ordering.letter_words import letter as order_letter

    facts = {
        "number": "63464576",
        "service": "一" * 20,
        "beneficiary": "二" * 40,
        "requester": "三" * 40,
        "preferred_at": NOW.isoformat(),
        "centre": "四" * 60,
        "phone": "0578-5550101",
        "organisation": "五" * 60,
    }
    for kind in ("placed", "offered", "accepted", "taken", "cancelled"):
        wording = order_letter(f"ordering.{kind}", facts, ZoneInfo("Europe/Rome"))
        fit(make_templates(CONFIG)[wording.template], wording.fields)


def test_the_quota_of_today_comes_back_at_chinas_midnight():
    evening = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)  # 23:00 in China
    assert failed(45009, "", evening).pause_seconds == 3630
    assert failed(99999, "", evening).action == "again"


@pytest.mark.parametrize(
    ("code", "action", "scope"),
    [
        (43101, "window", "letter"), (43107, "broken", "template"), (43108, "again", "letter"),
        (40038, "unfit", "letter"), (45168, "unfit", "letter"), (43177, "unfit", "letter"),
    ],
)  # fmt: skip
def test_of_subscription_messages_only_43101_says_that_nothing_is_agreed_to(code, action, scope):
    found = failed(code, "rid: 6abc", NOW, "原话")
    assert (found.action, found.scope, found.code, found.said) == (action, scope, str(code), "原话")
    assert "rid: 6abc" in found.detail


def test_a_token_that_stays_bad_opens_the_breaker(far):
    keeper = TokenKeeper(connect("memory://"), Transport(far.url), OFFICIAL.app_id, OFFICIAL.app_secret)
    token = keeper.token()
    with pytest.raises(TokenRefused, match="stuck"):
        keeper.renew(token)
    assert far.tokens.fetched == 1


def test_an_unknown_account_or_template_is_ours_to_mend(far):
    postman = postman_for(far)
    assert postman.carry(letter(app_id="wx-nobody")).code == "no_account"
    strange = Postman(postman.clients, {"template": {}}, WORDS, lambda: NOW)
    assert strange.carry(letter()).code == "bad_field"
    assert strange.carry(letter()).scope == "template"
    assert isinstance(
        postman.wording("people.link_declined", {**FACTS, "cared": ""}, ZoneInfo("Asia/Shanghai")), Wording
    )


def test_a_letter_that_does_not_fit_its_template_is_that_letters_own_affair(far):
    template = Template("link", "tmpl-1", {"contact": "phone_number1"})
    words = {"people": lambda *_: Wording("link", {"contact": "村口老王家"}, "请到村口老王家")}
    outcome = Postman(postman_for(far).clients, {"template": {"link": template}}, words, lambda: NOW).carry(letter())
    assert (outcome.action, outcome.code, outcome.scope) == ("unfit", "bad_field", "letter")
    assert "老王" not in outcome.detail
    assert far.world.sends == []
