"""After a service, and after a cancellation: the rating in one tap, a complaint, once more, taken back."""

from datetime import datetime

from handlers.ordering import words
from handlers.ordering.times import understood
from handlers.room import Ask, Choice, Handler, Reply
from handlers.words import when
from models.hours import CHINA
from models.ordering.aftercare import reopen
from models.ordering.complaints import complain, complaint_for, settle
from models.ordering.ending import undo
from models.ordering.listings import Listing
from models.ordering.orders import Order, order_for
from models.ordering.ratings import rate

MINE = (Choice("我的订单", "order/mine"),)


def choices(order: Order) -> list[Choice]:
    """What can be done with an order that is over."""
    if order.state == "cancelled":
        return [Choice("撤回取消（10分钟内）", f"order/{order.id}/undo")]
    if order.state not in ("completed", "closed"):
        return []
    taps = [Choice(label, f"order/{order.id}/rate/{score}") for score, label in words.SCORES.items()]
    again = [Choice("没做好，重新办一次", f"order/{order.id}/reopen")] if not order.reopened else []
    return [*taps, *(again if order.state == "completed" else []), Choice("投诉", f"order/{order.id}/complain")]


def tap(ask: Ask, order: int, score: int) -> Reply:
    """Rated, in one tap."""
    rate(ask.session, ask.who, order, score, ask.now)
    return Reply(words.RATED, (Choice("投诉", f"order/{order}/complain"), *MINE) if score <= 1 else MINE)


def ask_complaint(ask: Ask, order: int) -> Reply:
    """Asks what went wrong."""
    order_for(ask.session, ask.who, order)
    return Reply(words.ASK_COMPLAINT, ask_for=f"order/{order}/complain/text", back=f"order/{order}")


def take_complaint(ask: Ask, order: int) -> Reply:
    """Takes it down."""
    complain(ask.session, ask.who, order, ask.text, ask.now)
    return Reply(words.COMPLAINED, MINE)


def ask_reopen(ask: Ask, order: int) -> Reply:
    """Asks when it should be done again."""
    order_for(ask.session, ask.who, order)
    return Reply(words.ASK_REOPEN, ask_for=f"order/{order}/reopen/at", back=f"order/{order}")


def take_reopen(ask: Ask, order: int) -> Reply:
    """Offered anew, for the time that was typed."""
    order_for(ask.session, ask.who, order)
    moment = understood(ask.text, ask.now, CHINA)
    if moment is None:
        return Reply(words.BAD_TIME, ask_for=f"order/{order}/reopen/at", back=f"order/{order}")
    again = reopen(ask.session, ask.who, order, words.NOT_RIGHT, moment, ask.now)
    return Reply(words.REOPENED.format(wanted=when(again.preferred_at, CHINA)), MINE)


def take_back(ask: Ask, order: int) -> Reply:
    """A cancellation is taken back."""
    undo(ask.session, ask.who, order, ask.now)
    return Reply(words.RESTORED, (Choice("查看订单", f"order/{order}"),))


def read_complaint(ask: Ask, complaint: int) -> Reply:
    """A complaint, for the cadres above the village."""
    found = complaint_for(ask.session, ask.who, complaint)
    order = ask.session.get_one(Order, found.order_id)
    text = words.complaint_whole(
        ask.session.get_one(Listing, order.listing_id).title, order.number or "", found.words, found.outcome,
        _since(found.created_at),
    )  # fmt: skip
    if found.state != "open":
        return Reply(text, (Choice("我的任务", "task"),))
    return Reply(f"{text}\n{words.ASK_OUTCOME}", ask_for=f"complaint/{complaint}/settle", back="task")


def settle_complaint(ask: Ask, complaint: int) -> Reply:
    """It is settled, and whoever complained hears what came of it."""
    settle(ask.session, ask.who, complaint, ask.text, ask.now)
    return Reply(words.SETTLED, (Choice("我的任务", "task"),))


def _since(moment: datetime) -> str:
    return when(moment, CHINA)


ADDRESSES: dict[str, Handler] = {
    "order/<int:order>/rate/<int:score>": tap,
    "order/<int:order>/complain": ask_complaint,
    "order/<int:order>/complain/text": take_complaint,
    "order/<int:order>/reopen": ask_reopen,
    "order/<int:order>/reopen/at": take_reopen,
    "order/<int:order>/undo": take_back,
    "complaint/<int:complaint>": read_complaint,
    "complaint/<int:complaint>/settle": settle_complaint,
}
