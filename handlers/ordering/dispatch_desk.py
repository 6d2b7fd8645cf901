"""派单 at the staff desk: the orders that nobody has taken, and what a cadre can do with one of them."""

from datetime import datetime
from typing import Any

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from handlers import desk, masking
from handlers.ordering import desk_words, words
from models.errors import Refused
from models.hours import CHINA, WorkCalendar, calendar
from models.ordering import directing, ending, placing, sla, visiting
from models.ordering.looking import offers_of
from models.ordering.looking import one as order_row
from models.ordering.numbers import spoken
from models.ordering.orders import LIVE_ORDERS, UNMET_REASONS, Order, check_seen
from models.ordering.unassigned import clubs_for, going_to, in_full
from models.paging import SIZE, Cursor, Page

ROOM = Blueprint("dispatch", __name__, url_prefix="/dispatch", template_folder="templates")


@ROOM.get("/")
def listed() -> str:
    """The orders that nobody has accepted; the village that was served longest ago first."""
    session = desk.session()
    orders, start = directing.waiting(session, desk.who()), _start()
    shown = orders[start : start + SIZE]
    before = Cursor((max(start - SIZE, 0),)) if start else None
    after = Cursor((start + SIZE,)) if start + SIZE < len(orders) else None
    book = calendar(session)
    return render_template(
        "dispatch/desk_list.html", found=Page(shown, before, after, len(orders)), words=words, spoken=spoken,
        desk_words=desk_words, rows=in_full(session, [order.id for order in shown]),
        promises={order.id: _promise(order, book) for order in shown},
    )  # fmt: skip


@ROOM.get("/<int:order>")
def one(order: int) -> str:
    """One order, who could do it, and by when it was promised."""
    session = desk.session()
    row = order_row(session, desk.who(), order)
    found: Order = row.Order
    return render_template(
        "dispatch/desk_one.html", row=row, order=found, words=words, spoken=spoken, live=found.state in LIVE_ORDERS,
        clubs=clubs_for(session, found) if found.state in LIVE_ORDERS else None, going=going_to(session, found),
        offers=offers_of(session, found.id), promise=_promise(found, calendar(session)), china=CHINA,
        unmet=[(code, words.UNMET_NAMES[code]) for code in UNMET_REASONS],
        told=lambda text: masking.typed(text, row.beneficiary),
    )  # fmt: skip


@ROOM.post("/<int:order>/give")
def give(order: int) -> Response:
    """To one organisation, which still answers it."""
    to = desk.number("organisation", form=True) or 0
    directing.dispatch(desk.session(), desk.who(), order, to, _revision(), desk.now())
    return _done("order_dispatch", order, "dispatched", to=to)


@ROOM.post("/<int:order>/recall")
def recall(order: int) -> Response:
    """Taken back from whoever was asked or had it."""
    directing.recall(desk.session(), desk.who(), order, _revision(), desk.typed("why"), desk.now())
    return _done("order_recall", order, "recalled")


@ROOM.post("/<int:order>/pool")
def pool(order: int) -> Response:
    """Everybody is asked anew."""
    directing.to_pool(desk.session(), desk.who(), order, _revision(), desk.typed("why"), desk.now())
    return _done("order_pool", order, "pooled")


@ROOM.post("/<int:order>/off")
def off(order: int) -> Response:
    """The centre cancels, and says what there is instead."""
    _as_seen(order)
    ending.call_off(desk.session(), desk.who(), order, desk.typed("why"), desk.typed("instead"), desk.now())
    return _done("order_call_off", order, "called_off")


@ROOM.post("/<int:order>/unmet")
def unmet(order: int) -> Response:
    """Nobody can do it."""
    _as_seen(order)
    code = request.form.get("code", "")
    said = desk.typed("why") or words.UNMET_NAMES.get(code, "")
    placing.give_up(desk.session(), desk.who(), order, said, desk.now(), code)
    return _done("order_unmet", order, "unmet", why=code)


@ROOM.post("/<int:order>/pause")
def pause(order: int) -> Response:
    """The resident has to answer first."""
    _as_seen(order)
    sla.pause(desk.session(), desk.who(), order, desk.now())
    return _done("order_pause", order, "paused")


@ROOM.post("/<int:order>/resume")
def resume(order: int) -> Response:
    """The resident has answered."""
    _as_seen(order)
    sla.resume(desk.session(), desk.who(), order, desk.now())
    return _done("order_resume", order, "resumed")


@ROOM.post("/<int:order>/who")
def name(order: int) -> Response:
    """Who goes, and when; what was planned for the visit beside stays."""
    session = desk.session()
    going = going_to(session, _as_seen(order))
    if going is None:
        raise Refused("wrong_state")
    visit, person = going.visit, desk.number("person", form=True) or 0
    visiting.name_person(
        session, desk.who(), going.assignment.id, person, now=desk.now(), starts_at=desk.moment("at"),
        vehicle_id=visit.vehicle_id if visit else None, room_id=visit.room_id if visit else None,
    )  # fmt: skip
    return _done("visit_named", order, "named", to=person)


def _done(verb: str, order: int, said: str, **detail: Any) -> Response:
    desk.note(verb, f"order:{order}", **detail)
    return desk.back_to("console.dispatch.one", said, order=order)


def _start() -> int:
    at = desk.cursor()
    mark = at.marks[0] if at is not None else 0
    return mark if isinstance(mark, int) else 0


def _revision() -> int:
    """The revision of the order on the page that was acted from; one that no order has where it is missing."""
    found = desk.number("seen", form=True)
    return -1 if found is None else found


def _as_seen(order: int) -> Order:
    """The order, held, where the page that was acted from is still true."""
    found = sla.cadres_order(desk.session(), desk.who(), order)
    check_seen(found, _revision())
    return found


def _promise(order: Order, book: WorkCalendar) -> tuple[datetime | None, bool]:
    """By when somebody should have accepted, and whether that is over; (None, False) while the clock stands."""
    return sla.due_at(order, book), sla.is_overdue(order, book, desk.now())
