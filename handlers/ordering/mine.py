"""My orders in the official account: the list, one order, and its end."""

from datetime import datetime
from zoneinfo import ZoneInfo

from handlers.ordering import after, directing, words
from handlers.room import Ask, Choice, Handler, Reply
from handlers.words import when_two
from models.hours import CHINA
from models.ordering.listings import Listing
from models.ordering.numbers import spoken
from models.ordering.orders import LIVE_ORDERS, Order, find_by_number, order_for, orders_of
from models.ordering.placing import cancel, check_note
from models.ordering.versions import terms_of
from models.people.persons import Person


def mine(ask: Ask) -> Reply:
    """My orders, and those for the people I care for."""
    orders = orders_of(ask.session, ask.who)
    if not orders:
        return Reply(words.NO_ORDERS, (Choice("去点单", "order"),), ask_for="order/number", back="menu")
    choices = tuple(Choice(_line(ask, order), f"order/{order.id}") for order in orders)
    return Reply(words.ORDERS, choices, ask_for="order/number", back="menu")


def by_number(ask: Ask) -> Reply:
    """An order by its number, as somebody typed it."""
    return one(ask, find_by_number(ask.session, ask.who, ask.text).id)


def one(ask: Ask, order: int) -> Reply:
    """One order, and what can be done with it."""
    found, role = order_for(ask.session, ask.who, order)
    listing = terms_of(ask.session, found)
    beneficiary = ask.session.get_one(Person, found.beneficiary_id)
    text = words.order_whole(
        found.number or "", listing.title, beneficiary.name, found.state, both(ask, found.preferred_at), found.note,
        found.reason, directing.promised(ask, found),
    )  # fmt: skip
    if found.state in LIVE_ORDERS and ask.session.get_one(Listing, found.listing_id).state != "published":
        text += f"\n{words.STOPPED}"
    choices = [Choice("取消订单", f"order/{order}/cancel")] if found.state in LIVE_ORDERS else []
    choices += after.choices(found)
    if role == "cadre":
        choices += directing.choices(found)
    return Reply(text, tuple(choices), back="order/mine")


def ask_reason(ask: Ask, order: int) -> Reply:
    """Asks why."""
    order_for(ask.session, ask.who, order)
    choices = tuple(Choice(reason, f"order/{order}/cancel/{n}") for n, reason in enumerate(words.REASONS))
    return Reply(words.ASK_REASON, choices, f"order/{order}/cancel/text", back=f"order/{order}")


def cancel_for(ask: Ask, order: int, reason: int) -> Reply:
    """Cancelled, for a reason from the list."""
    return _cancel(ask, order, words.REASONS[reason] if reason < len(words.REASONS) else "")


def cancel_text(ask: Ask, order: int) -> Reply:
    """Cancelled, for a reason in words."""
    check_note(ask.text)
    return _cancel(ask, order, ask.text)


def _cancel(ask: Ask, order: int, reason: str) -> Reply:
    gone = cancel(ask.session, ask.who, order, reason, ask.now)
    choices = (Choice("点错了，撤回取消", f"order/{order}/undo"), Choice("我的订单", "order/mine"))
    return Reply(words.CANCELLED.format(number=spoken(gone.number or "")), choices)


def both(ask: Ask, moment: datetime) -> str:
    """The time where the service happens, and beside it the reader's own where that differs."""
    return when_two(moment, CHINA, ZoneInfo(ask.who.zone))


def _line(ask: Ask, order: Order) -> str:
    listing, person = terms_of(ask.session, order), ask.session.get_one(Person, order.beneficiary_id)
    return words.order_line(order.number or "", listing.title, person.name, order.state)


ADDRESSES: dict[str, Handler] = {
    "order/mine": mine,
    "order/number": by_number,
    "order/<int:order>": one,
    "order/<int:order>/cancel": ask_reason,
    "order/<int:order>/cancel/<int:reason>": cancel_for,
    "order/<int:order>/cancel/text": cancel_text,
    **after.ADDRESSES,
    **directing.ADDRESSES,
}

KEYWORDS = {"订单": "order/mine", "我的订单": "order/mine", **directing.KEYWORDS}
