"""Subscription events through the gate of either account: what people agreed to receive, and what became of it."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from models.messages.letters import Letter
from models.messages.receipts import Receipt
from models.messages.subscriptions import Subscription, SubscriptionEntry, agree
from models.people.identities import Identity
from tests.letters import posted
from tests.models.messages.test_rules import somebody_waits
from tests.world import NOW

OFFICIAL, MINI = "/wechat/callback", "/wechat/mini/callback"
POPUP, CHANGE, SENT = "subscribe_msg_popup_event", "subscribe_msg_change_event", "subscribe_msg_sent_event"
TAGS = {POPUP: "SubscribeMsgPopupEvent", CHANGE: "SubscribeMsgChangeEvent", SENT: "SubscribeMsgSentEvent"}
BIG = "1840215638297264130"  # beyond 2**53: a float would lose its end


@pytest.fixture(params=[("xml", OFFICIAL), ("xml", MINI), ("json", MINI)], ids="-".join)
def told(request, wire_for, cast):
    """Sends one event of 小芳's, in the shape and to the account of this round; `.wire` is the account's."""
    shape, path = request.param
    wire = wire_for(path)

    def tell(event, entries, tag=None):
        # A list of one is an object, in XML as in JSON.
        entries = entries[0] if len(entries) == 1 else entries
        if shape == "json":
            fields = {**wire.event("s-1", event), "List": entries}
            body = json.dumps(fields)
            return wire.post(*wire.sealed(body))
        return wire.send(wire.event("s-1", event, **{tag or TAGS[event]: {"List": entries}}))

    tell.wire = wire
    return tell


def answer(template, status="accept", **more):
    return {"TemplateId": template, "SubscribeStatusString": status, "PopupScene": "2", **more}


def held(open_session):
    with open_session() as session:
        rows = session.execute(
            select(Subscription.template_id, Subscription.balance, Identity.openid)
            .join(Identity, Identity.id == Subscription.identity_id).order_by(Subscription.template_id)
        )  # fmt: skip
        return [tuple(row) for row in rows]


def entries(open_session):
    with open_session() as session:
        rows = session.scalars(select(SubscriptionEntry).order_by(SubscriptionEntry.id))
        return [(row.change, row.why) for row in rows]


def sent_letter(open_session, cast, wire, msgid, useful=timedelta(hours=4)):
    """A subscription message that this account has taken and not yet reported on."""
    with open_session() as session, session.begin():
        letter = posted(
            session, key=f"k{msgid}", person_id=cast.xiaofang.id, kind="family.booked", subject="call:1", now=NOW,
            facts={}, channel="mini_subscription", app_id=wire.account.app_id, useful_until=NOW + useful,
        )  # fmt: skip
        letter.state, letter.msgid, letter.tries, letter.sent_at = "sent", msgid, 1, NOW
        return letter.id


def letter_now(open_session, key):
    with open_session() as session:
        return session.get_one(Letter, key)


def test_each_accept_is_one_message_and_the_ledger_says_when(told, open_session):
    for _ in range(2):  # two different moments: the same event twice would be one
        assert told(POPUP, [answer("t-1", PopupScene=str(len(entries(open_session))))]).text == "success"
    assert held(open_session) == [("t-1", 2, "s-1")]
    assert entries(open_session) == [(1, "accept"), (1, "accept")]


@pytest.mark.both
def test_the_same_event_twice_is_one(told, open_session):
    for _ in range(2):
        told(POPUP, [answer("t-1")])
    assert held(open_session) == [("t-1", 1, "s-1")]


def test_several_answers_of_one_asking_are_each_their_own(told, open_session):
    told(POPUP, [answer("t-1"), answer("t-2", "reject"), answer("t-3"), answer("t-4", "ban")])
    assert held(open_session) == [("t-1", 1, "s-1"), ("t-2", 0, "s-1"), ("t-3", 1, "s-1")]


@pytest.mark.parametrize("tag", ["SubscribeMsgChangeEvent", "SubscribeMsgPopupEvent"])
def test_switched_off_in_the_settings_nothing_is_left_under_either_tag(told, open_session, tag):
    told(POPUP, [answer("t-1"), answer("t-2")])
    told(CHANGE, [{"TemplateId": "t-1", "SubscribeStatusString": "reject"}], tag)
    assert held(open_session) == [("t-1", 0, "s-1"), ("t-2", 1, "s-1")]
    assert entries(open_session)[-1] == (-1, "reject")


def test_switched_on_in_the_settings_is_no_message(told, open_session):
    told(CHANGE, [{"TemplateId": "t-1", "SubscribeStatusString": "accept"}])
    assert held(open_session) == []


@pytest.mark.both
@pytest.mark.case("J7")
def test_a_message_that_arrived_settles_its_letter_and_twice_is_once(told, open_session, cast):
    key = sent_letter(open_session, cast, told.wire, BIG)
    report = {"TemplateId": "t-1", "MsgID": BIG, "ErrorCode": "0", "ErrorStatus": "success"}
    for _ in range(2):
        assert told(SENT, [report]).text == "success"
    letter = letter_now(open_session, key)
    assert (letter.state, letter.settled_at) == ("delivered", NOW)


@pytest.mark.both
def test_numbers_as_json_sends_them_lose_nothing(wire_for, open_session, cast):
    wire = wire_for(MINI)
    key = sent_letter(open_session, cast, wire, BIG)
    body = json.dumps(wire.event("s-1", SENT)).replace(
        "}", f', "List": {{"TemplateId": "t-1", "MsgID": {BIG}, "ErrorCode": 0, "ErrorStatus": "success"}}}}'
    )
    wire.post(*wire.sealed(body))
    assert letter_now(open_session, key).state == "delivered"


@pytest.mark.case("J6")
def test_of_several_reports_each_settles_its_own_and_what_failed_goes_on(told, open_session, cast):
    arrived, failed = (sent_letter(open_session, cast, told.wire, msgid) for msgid in ("11", "12"))
    told(SENT, [
        {"TemplateId": "t-1", "MsgID": "11", "ErrorCode": "0", "ErrorStatus": "success"},
        {"TemplateId": "t-1", "MsgID": "12", "ErrorCode": "1", "ErrorStatus": "user block"},
    ])  # fmt: skip
    assert letter_now(open_session, arrived).state == "delivered"
    after = letter_now(open_session, failed)
    assert (after.state, after.channel, after.error_code) == ("retry", "account_subscription", "user block")


@pytest.mark.case("J7")
def test_a_report_on_a_message_nobody_knows_is_kept_until_its_letter_does(told, open_session):
    told(SENT, [{"TemplateId": "t-1", "MsgID": BIG, "ErrorCode": "0", "ErrorStatus": "success"}])
    with open_session() as session:
        receipt = session.scalars(select(Receipt)).one()
    assert (receipt.msgid, receipt.status, receipt.letter_id) == (BIG, "success", None)
    assert receipt.app_id == told.wire.account.app_id


def test_what_cannot_be_read_changes_nothing_and_is_answered(told, open_session):
    for odd in ([{}], [{"TemplateId": "", "SubscribeStatusString": "accept"}], ["text"], [{"MsgID": "x"}]):
        for event in (POPUP, CHANGE, SENT):
            assert told(event, odd).text == "success", (event, odd)
        assert held(open_session) == [], odd


def test_an_agreement_belongs_to_the_account_it_was_given_to(told, open_session, cast):
    with open_session() as session, session.begin():
        agree(session, cast.identities[cast.xiaofang.id].id, "t-1", NOW)
    told(POPUP, [answer("t-1", "reject")])
    assert ("t-1", 1, f"o-{cast.xiaofang.id}") in held(open_session)


def test_a_yes_to_a_template_for_good_is_for_good_and_of_the_others_for_one_message(wire_for, open_session):
    name = "WX_BACKEND_WECHAT__TEMPLATES__CALL_REMINDER__MINI_SUBSCRIPTION__LONG_TERM"
    wire = wire_for(MINI, **{name: "true"})
    told = [answer("sub-mini-call-reminder"), answer("sub-call-reminder")]
    wire.post(*wire.sealed(json.dumps({**wire.event("s-1", POPUP), "List": told})))
    with open_session() as session:
        found = {one.template_id: one.long_term for one in session.scalars(select(Subscription))}
    assert found == {"sub-mini-call-reminder": True, "sub-call-reminder": False}
    off = {"TemplateId": "sub-mini-call-reminder", "SubscribeStatusString": "reject"}
    wire.post(*wire.sealed(json.dumps({**wire.event("s-1", CHANGE), "List": off})))
    with open_session() as session:
        assert not session.scalars(select(Subscription.long_term).where(Subscription.long_term)).all()


@pytest.mark.both
def test_two_first_answers_at_the_same_moment_are_two_messages(open_session, engine, cast):
    identity = cast.identities[cast.xiaofang.id].id

    def accept():
        with open_session() as session, session.begin():
            agree(session, identity, "t-1", NOW)

    with ThreadPoolExecutor(1) as pool:
        with open_session() as session, session.begin():
            agree(session, identity, "t-1", NOW)
            second = pool.submit(accept)
            somebody_waits(engine)
        second.result(timeout=20)
    assert held(open_session) == [("t-1", 2, f"o-{cast.xiaofang.id}")]
