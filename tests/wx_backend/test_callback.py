"""The gate lets in what WeChat sends, in every mode and format, and answers so that WeChat can read it."""

import json
import logging

import pytest
import xmltodict
from sqlalchemy import select
from wechatpy import parse_message
from wechatpy.crypto import WeChatCrypto

from handlers import words
from models.messages.inbox import Inbox
from models.messages.letters import Letter
from models.people.identities import Identity
from models.people.persons import Person
from tests.gate import as_xml, count
from tests.world import NOW
from tests.wx_backend.conftest import OLD_KEY
from wx_backend.admission import let_in
from wx_backend.callback import Account
from wx_backend.wechat.crypto import BadCipher, MessageKey, WrongAccount, sign

OFFICIAL = "WX_BACKEND_WECHAT__OFFICIAL_ACCOUNT__"


def test_the_official_vector_signs_as_the_page_says():
    assert sign("AAAAA", "1714036504", "1514711492") == "f464b24fc39322e44b38aa78f5edd27bd1441696"


def test_a_key_opens_what_wechatpy_seals_and_the_other_way_round():
    key, app_id = "a" * 42 + "A", "wx49f0ab532d5d035a"
    crypto = WeChatCrypto("token", key, app_id)
    sealed = xmltodict.parse(crypto.encrypt_message("<xml>中文</xml>", "n", "1"))["xml"]["Encrypt"]
    assert MessageKey(key, app_id).decrypt(sealed).decode() == "<xml>中文</xml>"
    for length in range(70):  # every padding, 1 to 32
        text = "x" * length
        ours = MessageKey(key, app_id).encrypt(text.encode())
        outer = as_xml({"ToUserName": "g", "Encrypt": ours})
        assert crypto.decrypt_message(outer, sign("token", "1", "n", ours), "1", "n") == text


def test_a_key_opens_nothing_that_was_changed_or_meant_for_another():
    key = MessageKey("a" * 42 + "A", "wx1")
    good = key.encrypt(b"<xml/>")
    for bad in ("", "A", "AAAA", "é", good[:-4], good[:20] + good[44:], good + "\n"):
        with pytest.raises(BadCipher):
            key.decrypt(bad)
    with pytest.raises(WrongAccount):
        key.decrypt(MessageKey("a" * 42 + "A", "wx2").encrypt(b"<xml/>"))


def test_the_handshake_echoes_only_what_is_signed_and_fresh(wire):
    client = wire.app.test_client()
    good = client.get(wire.path, query_string=wire.query(echostr="<b>8472"))
    assert (good.status_code, good.text, good.mimetype) == (200, "<b>8472", "text/plain")
    assert client.get(wire.path, query_string={**wire.query(echostr="1"), "signature": "0" * 40}).status_code == 403
    assert client.get(wire.path).status_code == 403


@pytest.mark.parametrize(("off", "status"), [(-301, 403), (-299, 200), (299, 200), (301, 403)])
def test_a_timestamp_counts_for_300_seconds_both_ways(wire, off, status, open_session):
    at = int(NOW.timestamp()) + off
    assert wire.app.test_client().get(wire.path, query_string=wire.query(at, echostr="1")).status_code == status
    assert wire.post(*wire.sealed(wire.text("o-1", "菜单"), at=at)).status_code == status
    assert count(open_session, Inbox) == (status == 200)


def test_a_text_is_answered_encrypted_and_the_first_contact_becomes_a_person(wire, open_session):
    response = wire.send(wire.text("o-new", "菜单"))
    assert "点单服务" in wire.said(response)
    assert [count(open_session, table) for table in (Person, Identity, Inbox)] == [1, 1, 1]


def test_wechatpy_reads_our_reply(wire):
    response = wire.send(wire.text("o-new", "菜单"))
    outer = xmltodict.parse(response.text)["xml"]
    crypto = WeChatCrypto(wire.account.token, wire.account.encoding_aes_key, wire.account.app_id)
    xml = crypto.decrypt_message(response.text, outer["MsgSignature"], outer["TimeStamp"], outer["Nonce"])
    reply = parse_message(xml)
    assert "点单服务" in reply.content
    assert (reply.source, reply.target) == ("gh_1", "o-new")


def test_safe_mode_refuses_a_plain_body_even_when_its_query_is_signed(wire, open_session):
    plain = as_xml(wire.text("o-1", "菜单"))
    assert wire.post(wire.query(), plain).status_code == 403
    query = wire.query(encrypt_type="aes")
    assert wire.post({**query, "msg_signature": query["signature"]}, plain).status_code == 403
    assert count(open_session, Inbox) == 0


def test_compatible_mode_reads_only_what_the_signature_covers(wire_for):
    wire = wire_for(**{f"{OFFICIAL}MODE": "compatible"})
    query, body = wire.sealed(wire.text("o-1", "菜单"))
    forged = as_xml({**wire.text("o-1", "取消"), "Encrypt": xmltodict.parse(body)["xml"]["Encrypt"]})
    assert "点单服务" in wire.said(wire.post(query, forged))
    assert wire.post(wire.query(), as_xml(wire.text("o-1", "菜单"))).status_code == 403


def test_plain_mode_answers_in_the_clear(wire_for):
    wire = wire_for(**{f"{OFFICIAL}MODE": "plain"})
    response = wire.post(wire.query(), as_xml(wire.text("o-1", "菜单")))
    assert "点单服务" in xmltodict.parse(response.text)["xml"]["Content"]
    assert wire.post({**wire.query(), "signature": "f" * 40}, as_xml(wire.text("o-1", "菜单"))).status_code == 403


def test_the_previous_key_still_works_and_the_reply_uses_it(wire_for):
    wire = wire_for(**{f"{OFFICIAL}PREVIOUS_ENCODING_AES_KEY": OLD_KEY})
    response = wire.post(*wire.sealed(wire.text("o-1", "菜单"), key=OLD_KEY))
    assert "点单服务" in wire.said(response, OLD_KEY)
    assert "点单服务" in wire.said(wire.send(wire.text("o-1", "菜单")))


def test_a_key_that_was_never_ours_is_not_answered(wire, open_session):
    assert wire.post(*wire.sealed(wire.text("o-1", "菜单"), key=OLD_KEY)).text == "success"
    assert count(open_session, Inbox) == 0


def test_another_appid_is_refused(wire, open_session):
    assert wire.post(*wire.sealed(wire.text("o-1", "菜单"), app_id="wxsomebodyelse01")).status_code == 403
    assert count(open_session, Inbox) == 0


def test_a_token_of_somebody_else_signs_nothing_here(wire, open_session):
    query, body = wire.sealed(wire.text("o-1", "菜单"))
    encrypted = xmltodict.parse(body)["xml"]["Encrypt"]
    for token in ("", "other"):
        query["msg_signature"] = sign(token, query["timestamp"], query["nonce"], encrypted)
        assert wire.post(query, body).status_code == 403
    assert count(open_session, Inbox) == 0


def test_the_mini_program_is_always_answered_success_and_the_reply_is_a_letter(wire_for, open_session):
    wire = wire_for("/wechat/mini/callback")
    as_json = json.dumps({"ToUserName": "gh_2", "FromUserName": "m-1", "CreateTime": "1700000000", "MsgType": "text",
                          "Content": "菜单", "MsgId": 23456789})  # fmt: skip
    for body in (as_json, as_xml(wire.text("m-1", "菜单")), as_json):  # the third is WeChat's second attempt
        assert wire.post(*wire.sealed(body)).text == "success"
    with open_session() as session:
        letters = session.scalars(select(Letter)).all()
        kinds = session.scalars(select(Identity.kind)).all()
    assert [(letter.channel, letter.app_id) for letter in letters] == [("customer_service", wire.account.app_id)] * 2
    assert all("点单服务" in letter.facts["text"] for letter in letters)
    assert kinds == ["mini_program"]


def test_a_json_envelope_is_opened_too_and_its_blanks_do_not_matter(wire_for, open_session):
    wire = wire_for("/wechat/mini/callback")
    query, body = wire.sealed('{" FromUserName":"m-9"," MsgType":"text","Content":"你好","MsgId":"77"}')
    encrypted = xmltodict.parse(body)["xml"]["Encrypt"]
    assert wire.post(query, json.dumps({"ToUserName": "gh_2", "Encrypt": encrypted})).text == "success"
    with open_session() as session:
        assert session.scalars(select(Identity.openid)).one() == "m-9"
        assert session.scalars(select(Inbox.key)).one() == f"{wire.account.app_id}:77"


def plain_account():
    return Account("official_account", "wx1", "token", (), "plain")


def read(body, **fields):
    query = {"timestamp": str(int(NOW.timestamp())), "nonce": "n"}
    query["signature"] = sign("token", query["timestamp"], "n")
    return let_in(plain_account(), query, body if isinstance(body, bytes) else as_xml(body).encode(), NOW)


def test_what_the_platform_tells_of_a_person_is_theirs_and_not_the_platforms():
    told = {"MsgType": "event", "Event": "user_authorization_revoke", "FromUserName": "gh_platform", "OpenID": "o-5"}
    assert read(told).openid == "o-5"
    assert read({**told, "MsgType": "text"}).openid == "gh_platform"


@pytest.mark.case("J7")
def test_two_receipts_of_one_second_are_two_and_one_twice_is_one():
    receipt = {"MsgType": "event", "Event": "TEMPLATESENDJOBFINISH", "FromUserName": "o-1", "CreateTime": 1,
               "MsgID": 11, "Status": "success"}  # fmt: skip
    assert read(receipt).key != read({**receipt, "MsgID": 12}).key
    assert read(receipt).key == read(dict(receipt)).key


def test_a_number_is_told_as_text_however_it_came():
    body = b'{"FromUserName":"o-1","MsgType":"text","MsgId":5,"CreateTime":1.5,"List":{"a":null},"Content":"x"}'
    message = read(body)
    assert message.key == "wx1:5"
    assert message.incoming.fields["List"] == {"a": ""}


def test_a_voice_is_what_wechat_heard():
    voice = {"MsgType": "voice", "FromUserName": "o-1", "MsgId": 1, "MediaId": "m"}
    assert read({**voice, "Recognition": "菜单。"}).incoming.text == "菜单。"
    assert read(voice).incoming.kind == "voice"


def test_what_people_type_cannot_end_the_cdata_of_our_reply_nor_make_a_link(wire):
    wire.send(wire.text("o-1", "改名"))
    said = wire.said(wire.send(wire.text("o-1", "]]><a href=1>&x")))
    assert "]]＞＜a href=1＞&x" in said


def test_an_event_nobody_listens_to_makes_no_person_and_is_kept_once(wire, open_session, caplog):
    for event, known in (("MASSSENDJOBFINISH", True), ("a_new_event", False)):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            assert wire.send(wire.event("o-1", event)).text == "success"
        assert ("no room knows" in caplog.text) is not known
    assert [count(open_session, table) for table in (Inbox, Person)] == [2, 0]


def test_a_menu_click_and_a_scan_open_their_address(wire):
    assert words.MENU_TEXT in wire.said(wire.send(wire.event("o-1", "CLICK", EventKey="menu")))
    assert words.MENU_TEXT in wire.said(wire.send(wire.event("o-1", "SCAN", EventKey="menu", Ticket="t")))
    both = wire.said(wire.send(wire.event("o-1", "subscribe", EventKey="qrscene_menu", Ticket="t")))
    assert "欢迎" in both
    assert words.MENU_TEXT in both
