"""What WeChat tells us about what we sent: receipts, and subscriptions that nothing sends on yet."""

from handlers.room import Ask
from models.messages.receipts import record_receipt
from models.tasks.undelivered import hand_over


def template_receipt(ask: Ask) -> None:
    """TEMPLATESENDJOBFINISH: settles the letter with that msgid, now or when it has learnt its msgid."""
    msgid, status = str(ask.event.get("MsgID", "")), str(ask.event.get("Status", ""))
    if not msgid.isdigit() or not status:
        return
    letter = record_receipt(ask.session, ask.who.app_id, msgid[:24], status, ask.now)
    if letter is not None and letter.state == "dead":
        hand_over(ask.session, letter, ask.now)


EVENTS = {"templatesendjobfinish": template_receipt}

# No channel sends on subscriptions or in masses yet, so these change nothing here.
NOTHING = frozenset({
    "masssendjobfinish", "subscribe_msg_popup_event", "subscribe_msg_change_event", "subscribe_msg_sent_event",
    "qualification_verify_success", "qualification_verify_fail", "naming_verify_success", "naming_verify_fail",
    "annual_renew", "verify_expired",
})  # fmt: skip
