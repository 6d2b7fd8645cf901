"""What a cadre does with an order in chat: dispatch it, ask all anew, wait for the resident, call it off."""

from handlers.ordering import words
from handlers.room import Ask, Choice, Handler, Reply
from handlers.words import when
from models.hours import CHINA, calendar
from models.ordering.directing import dispatch, to_pool, waiting
from models.ordering.ending import call_off
from models.ordering.listings import Listing, providers_of
from models.ordering.numbers import spoken
from models.ordering.orders import LIVE_ORDERS, UNMET_REASONS, Order
from models.ordering.placing import give_up
from models.ordering.sla import cadres_order, due_at, pause, resume
from models.people.persons import Person
from models.people.staff import Organisation

TASKS = (Choice("等待接单的订单", "order/waiting"), Choice("我的任务", "task"))


def choices(order: Order) -> list[Choice]:
    """What a cadre can do with a living order; the revision in the address is that of the page."""
    if order.state not in LIVE_ORDERS:
        return []
    found = [Choice("派给一个组织", f"order/{order.id}/give/{order.revision}")]
    found.append(Choice("重新征集", f"order/{order.id}/pool/{order.revision}"))
    if order.state == "open":
        stands = order.paused_since is not None
        found.append(Choice("本人已答复，继续", f"order/{order.id}/go-on") if stands
                     else Choice("等本人答复，暂停计时", f"order/{order.id}/wait"))  # fmt: skip
        found.append(Choice("没有组织能做", f"order/{order.id}/unmet"))
    return [*found, Choice("中心取消", f"order/{order.id}/off")]


def promised(ask: Ask, order: Order) -> str:
    """By when somebody should have accepted, for everybody who sees the order; nothing where that is over."""
    if order.state != "open":
        return ""
    due = due_at(order, calendar(ask.session))
    return words.PROMISED.format(due=when(due, CHINA)) if due is not None else words.PAUSED


def all_waiting(ask: Ask) -> Reply:
    """The orders that nobody has accepted; the village that was served longest ago first."""
    orders = waiting(ask.session, ask.who)
    if not orders:
        return Reply(words.NONE_WAITING, (Choice("我的任务", "task"),))
    listed = tuple(
        Choice(
            f"{ask.session.get_one(Person, order.beneficiary_id).name} "
            f"{ask.session.get_one(Listing, order.listing_id).title} {when(order.preferred_at, CHINA)}",
            f"order/{order.id}",
        )
        for order in orders[:20]
    )
    return Reply(words.WAITING.format(count=len(orders)), listed, back="task")


def ask_whom(ask: Ask, order: int, seen: int) -> Reply:
    """Asks to which organisation."""
    found = cadres_order(ask.session, ask.who, order)
    clubs = [ask.session.get_one(Organisation, key) for key in providers_of(ask.session, found.listing_id)]
    listed = tuple(Choice(club.name, f"order/{order}/give/{seen}/{club.id}") for club in clubs)
    return Reply(words.ASK_CLUB, listed, back=f"order/{order}")


def give(ask: Ask, order: int, seen: int, organisation: int) -> Reply:
    """Dispatched."""
    dispatch(ask.session, ask.who, order, organisation, seen, ask.now)
    return Reply(words.DISPATCHED, TASKS)


def pool(ask: Ask, order: int, seen: int) -> Reply:
    """Everybody is asked anew."""
    to_pool(ask.session, ask.who, order, seen, "", ask.now)
    return Reply(words.POOLED, TASKS)


def wait(ask: Ask, order: int) -> Reply:
    """The clock of the promise stands still."""
    pause(ask.session, ask.who, order, ask.now)
    return Reply(words.PAUSED, (Choice("查看订单", f"order/{order}"),))


def go_on(ask: Ask, order: int) -> Reply:
    """The clock goes on."""
    found = resume(ask.session, ask.who, order, ask.now)
    return Reply(promised(ask, found) or words.RESUMED, (Choice("查看订单", f"order/{order}"),))


def ask_off(ask: Ask, order: int) -> Reply:
    """Asks why the centre cancels."""
    cadres_order(ask.session, ask.who, order)
    return Reply(words.ASK_OFF, ask_for=f"order/{order}/off/why", back=f"order/{order}")


def why_off(ask: Ask, order: int) -> Reply:
    """Asks what there is instead."""
    cadres_order(ask.session, ask.who, order)
    return Reply(words.ASK_INSTEAD, ask_for=f"order/{order}/off/instead", draft={"why": ask.text},
                 back=f"order/{order}/off")  # fmt: skip


def off(ask: Ask, order: int) -> Reply:
    """Called off, with its reason and what there is instead."""
    call_off(ask.session, ask.who, order, str(ask.draft.get("why", "")), ask.text, ask.now)
    return Reply(words.CALLED_OFF, TASKS)


def ask_unmet(ask: Ask, order: int) -> Reply:
    """Asks why nobody can do it."""
    cadres_order(ask.session, ask.who, order)
    listed = tuple(Choice(words.UNMET_NAMES[code], f"order/{order}/unmet/{n}") for n, code in enumerate(UNMET_REASONS))
    return Reply(words.ASK_UNMET, listed, back=f"order/{order}")


def unmet(ask: Ask, order: int, reason: int) -> Reply:
    """Nobody can do it, for a reason that the next list of services learns from."""
    code = UNMET_REASONS[reason] if reason < len(UNMET_REASONS) else ""
    gone = give_up(ask.session, ask.who, order, words.UNMET_NAMES.get(code, ""), ask.now, code)
    return Reply(words.UNMET.format(number=spoken(gone.number or "")), (Choice("我的任务", "task"),))


ADDRESSES: dict[str, Handler] = {
    "order/waiting": all_waiting,
    "order/<int:order>/give/<int:seen>": ask_whom,
    "order/<int:order>/give/<int:seen>/<int:organisation>": give,
    "order/<int:order>/pool/<int:seen>": pool,
    "order/<int:order>/wait": wait,
    "order/<int:order>/go-on": go_on,
    "order/<int:order>/off": ask_off,
    "order/<int:order>/off/why": why_off,
    "order/<int:order>/off/instead": off,
    "order/<int:order>/unmet": ask_unmet,
    "order/<int:order>/unmet/<int:reason>": unmet,
}

KEYWORDS = {"派单": "order/waiting", "待派单": "order/waiting"}
