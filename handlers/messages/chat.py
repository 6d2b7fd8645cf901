"""What WeChat tells us about what we sent: receipts, and what people agreed to receive or no longer want; and where
they can agree."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from handlers.messages import notice_words
from handlers.room import Ask, Handler, Reply
from models.messages.receipts import record_receipt
from models.messages.subscriptions import Topic, agree, refuse
from models.tasks.undelivered import receipt_came


def template_receipt(ask: Ask) -> None:
    """TEMPLATESENDJOBFINISH: settles the letter with that msgid, now or when it has learnt its msgid."""
    _receipt(ask, str(ask.event.get("MsgID", "")), str(ask.event.get("Status", "")))


def subscription_receipt(ask: Ask) -> None:
    """subscribe_msg_sent_event: the same for subscription messages; ErrorCode 0 is delivered."""
    for entry in _entries(ask.event, "SubscribeMsgSentEvent"):
        code, status = str(entry.get("ErrorCode", "")), str(entry.get("ErrorStatus", ""))
        _receipt(ask, str(entry.get("MsgID", "")), "success" if code == "0" else f"failed:{status or code}")


def _receipt(ask: Ask, msgid: str, status: str) -> None:
    if not msgid.isdigit() or not status:
        return
    letter = record_receipt(ask.session, ask.who.app_id, msgid[:24], status, ask.now, ask.who.identity_id)
    if letter is not None:
        receipt_came(ask.session, letter, ask.now)


def subscription_answer(ask: Ask, lasting: Collection[str] = ()) -> None:
    """subscribe_msg_popup_event: what a person answered when asked; each accept is one message, or for a template of
    `lasting` (长期订阅) any number from now on."""
    for template_id, status in _answers(ask.event):
        if status == "accept":
            agree(ask.session, ask.who.identity_id, template_id, ask.now, long_term=template_id in lasting)
        elif status == "reject":
            refuse(ask.session, ask.who.identity_id, template_id, ask.now)


def subscription_change(ask: Ask) -> None:
    """subscribe_msg_change_event: a person switched a message off in WeChat's settings (only that is reported)."""
    for template_id, status in _answers(ask.event):
        if status == "reject":
            refuse(ask.session, ask.who.identity_id, template_id, ask.now)


def _answers(event: Mapping[str, Any]) -> list[tuple[str, str]]:
    # WeChat's page on the change event once nested it under the tag of the popup event, so either will do.
    entries = _entries(event, "SubscribeMsgPopupEvent", "SubscribeMsgChangeEvent")
    named = [entry for entry in entries if entry.get("TemplateId")]
    return [(str(entry["TemplateId"])[:64], str(entry.get("SubscribeStatusString", ""))) for entry in named]


def _entries(event: Mapping[str, Any], *tags: str) -> list[Mapping[str, Any]]:
    """The entries of a subscription event: under its tag in XML, bare in JSON; one entry comes as an object."""
    found = next((event[tag] for tag in tags if tag in event), event)
    entries = found.get("List", []) if isinstance(found, Mapping) else found
    entries = entries if isinstance(entries, list) else [entries]
    return [entry for entry in entries if isinstance(entry, Mapping)]


def rooms(public_url: str, topics: Iterable[Topic]) -> dict[str, Handler]:
    """The way to the page on which people agree to the account's notices, where there are any."""
    there_are = any(topic.channel == "account_subscription" for topic in topics)

    def notices(_: Ask) -> Reply:
        """Where to agree to notices that WeChat lets nobody send unasked."""
        return Reply(notice_words.in_chat(public_url) if there_are else notice_words.NOTHING, back="me")

    return {"me/notices": notices}


KEYWORDS = {"收不到通知": "me/notices", "微信通知": "me/notices", "订阅通知": "me/notices"}


def events(topics: Iterable[Topic]) -> dict[str, Callable[[Ask], None]]:
    """The events of this quarter; `topics` are the templates that people agree to."""
    lasting = frozenset(topic.template_id for topic in topics if topic.long_term)
    return {
        "templatesendjobfinish": template_receipt,
        "subscribe_msg_sent_event": subscription_receipt,
        "subscribe_msg_popup_event": lambda ask: subscription_answer(ask, lasting),
        "subscribe_msg_change_event": subscription_change,
    }


# Nothing is sent in masses; what WeChat says of the account itself is the owner's to read in the console.
NOTHING = frozenset({
    "masssendjobfinish", "qualification_verify_success", "qualification_verify_fail", "naming_verify_success",
    "naming_verify_fail", "annual_renew", "verify_expired",
})  # fmt: skip
