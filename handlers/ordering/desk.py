"""Orders at the staff desk: the list with its filters, and one order with all that happened to it."""

from typing import Any

from flask import Blueprint, render_template

from handlers import desk, happened, masking
from handlers.messages import words as letter_words
from handlers.ordering import words
from models.errors import Refused
from models.ordering.looking import Question, letters_about, look, offers_of
from models.ordering.looking import one as order_row
from models.ordering.numbers import spoken
from models.ordering.orders import LIVE_ORDERS
from models.paging import Page
from models.people.persons import Person
from models.people.staff import areas_under
from models.places.overview import names_in

ROOM = Blueprint("orders", __name__, url_prefix="/orders", template_folder="templates")
LATE = {"1": "只看过期的"}


@ROOM.get("/")
def listed() -> str:
    """The orders below this cadre's areas."""
    session, who = desk.session(), desk.who()
    asked = Question(
        desk.asked("state", words.STATE_NAMES), desk.number("centre"), desk.asked("category", words.CATEGORY_NAMES),
        bool(desk.asked("late", LATE)), desk.asked("number"),
    )  # fmt: skip
    problem, found = "", Page[Any]([], None, None)
    try:
        found = look(session, who, asked, desk.now(), desk.cursor())
    except Refused as refusal:
        problem = words.REFUSALS[refusal.code]
    return render_template(
        "orders/desk_list.html", found=found, asked=asked, problem=problem, words=words, spoken=spoken,
        live=LIVE_ORDERS, centres=names_in(session, areas_under(who.person_id)),
    )  # fmt: skip


@ROOM.get("/<int:order>")
def one(order: int) -> str:
    """One order."""
    return _whole(order_row(desk.session(), desk.who(), order))


@ROOM.post("/<int:order>/reveal")
def reveal(order: int) -> str:
    """The same with names and what was written, for a reason."""
    row = order_row(desk.session(), desk.who(), order)
    desk.reveal(row.Order.subject)
    return _whole(row, shown=True)


def _whole(row: Any, *, shown: bool = False) -> str:
    session, order = desk.session(), row.Order
    offers = offers_of(session, order.id)
    requester = session.get_one(Person, order.requested_by_id)

    def told(text: str) -> str:
        """What somebody typed, as it may be shown."""
        return text if shown else masking.typed(text, row.beneficiary, requester.name)

    return render_template(
        "orders/desk_one.html", row=row, order=order, shown=shown, offers=offers, words=words, spoken=spoken,
        requester=requester.name, letter_words=letter_words, live=LIVE_ORDERS, told=told,
        answers=[(asked, told(_answer(value))) for asked, value in words.asked(row.questions, order.answers)],
        happened=happened.lines(session, order.subject, words.VERBS, shown=shown),
        letters=letters_about(session, order, offers),
    )  # fmt: skip


def _answer(value: Any) -> str:
    return "、".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
