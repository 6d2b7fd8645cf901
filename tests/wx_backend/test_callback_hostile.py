"""Nothing a stranger posts has an effect, and nothing at all makes the gate fall over."""

import json
import random
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder, run_wsgi_app

from models.messages.inbox import Dialogue, Inbox
from models.messages.letters import Letter
from models.people.identities import Identity
from models.people.persons import Person
from tests.gate import Wire, as_xml, close_app, config_for, count
from tests.world import NOW, disposing
from tests.wx_backend.test_callback import plain_account
from wx_backend.admission import Message, TurnedAway, let_in
from wx_backend.app import create_app
from wx_backend.database import make_engine, session_factory
from wx_backend.wechat import envelope
from wx_backend.wechat.crypto import MessageKey, sign

TABLES = (Inbox, Person, Identity, Dialogue, Letter)

GARBAGE = [
    "", "not xml", "<xml", "<xml/>", "<a><b/></a>", "<xml>text</xml>", "[]", "{}", '{"a":', "null", "\ufeff{}",
    "<xml><MsgType>text</MsgType></xml>", "<xml><MsgType/><MsgType/></xml>", '{"MsgType":[],"FromUserName":[]}',
    '{"MsgType":"text","FromUserName":"\\u0000"}', '{"MsgType":"text","FromUserName":"\\ud800"}',
    '{"MsgType":"text","FromUserName":"张三"}', '{"MsgType":"text","FromUserName":"' + "o" * 65 + '"}',
    '{"MsgType":"text","FromUserName":{"a":"b"}}', "<xml><a></a><xml>", '{"a":' + "1" * 5000 + "}",
]  # fmt: skip

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # turned away before any database

BOMBS = [
    '<?xml version="1.0"?><!DOCTYPE xml [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><xml><MsgType>&b;</MsgType></xml>',
    '<?xml version="1.0"?><!DOCTYPE xml [<!ENTITY x SYSTEM "file:///etc/passwd">]><xml><MsgType>&x;</MsgType></xml>',
    '<?xml version="1.0"?><!DOCTYPE xml SYSTEM "http://127.0.0.1:9/x.dtd"><xml><MsgType>text</MsgType></xml>',
    "<xml>" + "<a>" * 5000 + "</a>" * 5000 + "</xml>",
    '{"a":' * 5000 + "1" + "}" * 5000,
    '{"a":' * 400 + "1" + "}" * 400,
    '{"a":' + "[" * 900 + "]" * 900 + "}",
]  # fmt: skip


@ON_SQLITE
@pytest.mark.parametrize("body", GARBAGE)
def test_signed_garbage_gets_success_and_a_line_in_the_log_and_has_no_effect(wire, open_session, body, caplog):
    response = wire.post(*wire.sealed(body))
    assert (response.status_code, response.text) == (200, "success")
    assert "turned away" in caplog.text
    assert [count(open_session, table) for table in TABLES] == [0] * len(TABLES)


@ON_SQLITE
@pytest.mark.parametrize("body", GARBAGE + BOMBS)
def test_unsigned_garbage_is_forbidden(wire, body):
    assert wire.post(wire.query(encrypt_type="aes", msg_signature="0" * 40), body.encode()).status_code == 403
    hostile = json.dumps({"Encrypt": body, "ToUserName": ["x"]})
    assert wire.post(wire.query(encrypt_type="aes", msg_signature="é"), hostile).status_code == 403


@ON_SQLITE
@pytest.mark.parametrize("encrypted", ["AAAA", "A" * 44, "=", "中文", "A" * 64])
def test_a_signed_envelope_that_does_not_decrypt_gets_success(wire, encrypted):
    query = wire.query(encrypt_type="aes")
    query["msg_signature"] = sign(wire.account.token, query["timestamp"], query["nonce"], encrypted)
    assert wire.post(query, as_xml({"Encrypt": encrypted})).text == "success"


@ON_SQLITE
@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs_are_refused(wire, bomb):
    assert wire.post(wire.query(), bomb).status_code == 403
    assert wire.post(*wire.sealed(bomb)).text == "success"


@ON_SQLITE
@pytest.mark.parametrize("size", [64 * 1024 + 1, 1024 * 1024])
def test_a_body_over_64_kb_is_refused_before_anything(wire, size, open_session):
    padded = {**wire.text("o-1", "菜单"), "Padding": "x" * size}
    query, body = wire.sealed(padded)
    assert wire.post(query, body).status_code == 413
    assert wire.post(wire.query(), b"x" * size).status_code == 413
    # Without a length, as chunks: no more than the limit is ever read, and that is no whole message.
    builder = EnvironBuilder(wire.path, method="POST", query_string=query, data=body)
    environ = builder.get_environ()
    del environ["CONTENT_LENGTH"]
    environ["wsgi.input_terminated"] = True
    assert run_wsgi_app(wire.app, environ)[1].startswith("403")
    assert count(open_session, Inbox) == 0


@ON_SQLITE
@pytest.mark.parametrize("query", [
    "nonce=\xff\xfe", "timestamp=%FF&nonce=%ED%A0%80", "timestamp=%EF%BC%91&nonce=a", "timestamp=-5&nonce=a",
    "timestamp=1e9&nonce=a", "timestamp=" + "9" * 13,
])  # fmt: skip
def test_a_query_that_is_no_query_is_forbidden(wire, query):
    for method in ("GET", "POST"):
        environ = EnvironBuilder(wire.path, method=method).get_environ()
        environ["QUERY_STRING"] = query
        assert run_wsgi_app(wire.app, environ)[1].startswith("403")


def test_10000_mutated_callbacks_have_no_effect_and_never_a_5xx(databases):
    dice = random.Random(20261124)
    with databases.fresh("sqlite") as url:
        config = config_for(url)
        wire = Wire(create_app(config, now=lambda: NOW), config.wechat.official_account)
        client = wire.app.test_client()
        for number in range(10_000):
            mutate, expected = ((unsigned_body, 403), (unsigned_query, 403), (signed_inside, 200))[number % 3]
            query, raw = mutate(wire, dice)
            answer = client.post(wire.path, query_string=query, data=raw)
            assert (answer.status_code, answer.text) == (expected, "success" if expected == 200 else "forbidden")
        close_app(wire.app)
        with disposing(make_engine(url)) as engine:
            assert [count(session_factory(engine), table) for table in TABLES] == [0] * len(TABLES)


def unsigned_body(wire, dice):
    """Bytes of a good envelope are changed; what was signed is all of it."""
    query, body = wire.sealed(wire.text("o-1", "菜单"))
    raw = bytearray(body.replace("<ToUserName><![CDATA[gh_1]]></ToUserName>", "").encode())
    signed = sealed_in(raw)
    while sealed_in(raw) == signed:  # a blank between two tags is no change
        for _ in range(dice.randrange(1, 6)):
            spot = dice.randrange(len(raw))
            match dice.randrange(3):
                case 0:
                    raw[spot] = dice.randrange(256)
                case 1:
                    del raw[spot : spot + dice.randrange(1, 20)]
                case _:
                    raw[spot:spot] = dice.randbytes(dice.randrange(1, 9))
    return query, bytes(raw)


def sealed_in(raw):
    """What an envelope seals; None where it is none any more."""
    try:
        return ElementTree.fromstring(bytes(raw)).findtext("Encrypt")
    except (ElementTree.ParseError, ValueError, LookupError):
        return None


def unsigned_query(wire, dice):
    """The query is changed where it is signed."""
    query, body = wire.sealed(wire.text("o-1", "菜单"))
    name = dice.choice(["timestamp", "nonce", "msg_signature"])
    spot = dice.randrange(len(query[name]))
    changed = query[name][:spot] + chr(dice.randrange(33, 0x2FFF)) + query[name][spot + 1 :]
    query[name] = changed if changed != query[name] else ""
    return query, body


def signed_inside(wire, dice):
    """WeChat's own signature over a message that is broken."""
    whole = as_xml(wire.text("o-1", "菜单")).encode()
    spot = dice.randrange(5, len(whole) - 6)
    broken = (
        whole[:spot], whole[:spot] + b"\x00" + whole[spot:], whole + b"<", b"<" + whole,
        whole[:spot] + b"\xff\xfe" + whole[spot:], whole.replace(b"xml", b"json"), dice.randbytes(spot),
        whole.replace(b"MsgType", b"Msg_Type"), whole.replace(b"FromUserName", b"From"), whole + whole,
    )[dice.randrange(10)]  # fmt: skip
    encrypted = MessageKey(wire.account.encoding_aes_key, wire.account.app_id).encrypt(broken)
    query = wire.query(encrypt_type="aes")
    query["msg_signature"] = sign(wire.account.token, query["timestamp"], query["nonce"], encrypted)
    return query, as_xml({"Encrypt": encrypted}).encode()


def signed_query():
    stamp = str(int(NOW.timestamp()))
    return {"timestamp": stamp, "nonce": "n", "signature": sign("token", stamp, "n")}


def let(body):
    """Let in or turned away, and nothing else; what is let in can be kept and answered."""
    try:
        message = let_in(plain_account(), signed_query(), body, NOW)
    except TurnedAway:
        return
    assert isinstance(message, Message)
    assert len(message.key) <= 80
    assert len(message.kind) <= 32
    for text in (message.incoming.text, message.incoming.address, message.incoming.event, message.to, message.kind):
        assert isinstance(text, str)
        envelope.parse(envelope.text_reply(message.openid, message.to, 1, text).encode())


names = st.sampled_from(["MsgType", "FromUserName", "ToUserName", "Content", "Event", "EventKey", "MsgId", "OpenID",
                         "bizmsgmenuid", "Recognition"])  # fmt: skip
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["text", "event", "o-1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8,
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_let_in_or_turned_away(body):
    let(body)
    let(b"<xml>" + body + b"</xml>")
    let(b'{"MsgType":"text","FromUserName":"o","Content":"' + body + b'"}')


@settings(max_examples=600, deadline=None)
@given(st.dictionaries(names, values))
def test_any_json_is_let_in_or_turned_away(fields):
    let(json.dumps(fields).encode())
    let(json.dumps(fields, ensure_ascii=False).encode(errors="surrogatepass"))


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=60)


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_whatever_wechat_says_in_its_own_name_is_never_a_5xx(kind, databases, request):
    """Odd but whole messages, taken in and kept by the real database."""
    if kind == "postgresql":
        request.getfixturevalue("postgres")
    with databases.fresh(kind) as url:
        config = config_for(url)
        wire = Wire(create_app(config, now=lambda: NOW), config.wechat.official_account)

        @settings(max_examples=150, deadline=None, database=None)
        @given(st.dictionaries(names, values | texts), st.sampled_from(["text", "event", "image", "voice", "x" * 99]))
        def odd(fields, kind):
            body = json.dumps({**fields, "MsgType": kind, "FromUserName": "o-1"})
            answer = wire.post(*wire.sealed(body))
            assert answer.status_code == 200

        odd()
        close_app(wire.app)
