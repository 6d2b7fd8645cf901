"""Loans between centres at the staff desk: which there are, one of them, and asking another centre for something."""

from datetime import date, time, timedelta

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from handlers import desk, happened
from handlers.ordering import loan_words as words
from handlers.ordering.loans import DEEDS
from handlers.typed import key_in
from models.errors import Refused
from models.hours import CHINA, instant
from models.ordering import lending
from models.ordering.borrowing import lenders, loan_for, look, may, own_centres, things_of
from models.ordering.lending import needed_at
from models.ordering.loans import LOAN, is_overdue
from models.places.centres import ServiceCentre

ROOM = Blueprint("loans", __name__, url_prefix="/loans", template_folder="templates")
VIEWS = {"open": "在办的", "over": "办完的"}


@ROOM.get("/")
def listed() -> str:
    """What the centres below this cadre lend and borrow, the newest first."""
    view = desk.asked("view", VIEWS) or "open"
    found = look(desk.session(), desk.who(), desk.cursor(), over=view == "over")
    return render_template("loans/desk_list.html", found=found, view=view, views=VIEWS, words=words,
                           late=lambda loan: is_overdue(loan, desk.now()))  # fmt: skip


@ROOM.get("/new")
def form() -> str:
    """From which centre; then what of it, for which of one's own, and for which days."""
    session, key = desk.session(), desk.number("centre")
    centre = session.get(ServiceCentre, key) if key else None
    today = desk.now().astimezone(CHINA).date()
    return render_template(
        "loans/desk_new.html", centre=centre, centres=lenders(session, desk.who()), words=words,
        today=today.isoformat(),
        things=things_of(session, centre) if centre else [], mine=own_centres(session, desk.who()),
    )  # fmt: skip


@ROOM.post("/new")
def ask() -> Response:
    """Asked: the other centre's cadres have a task."""
    kind, _, key = desk.typed("thing").partition(":")
    first, last = _day("first"), _day("last")
    loan = lending.request(
        desk.session(), desk.who(), kind=kind, resource_id=key_in(key) or 0,
        to_centre_id=desk.number("to", form=True) or 0, starts_at=instant(first, time(0), CHINA),
        ends_at=instant(last + timedelta(days=1), time(0), CHINA), now=desk.now(),
    )  # fmt: skip
    desk.note("loan_ask", loan.subject)
    return desk.back_to("console.loans.one", "loan_asked", loan=loan.id)


@ROOM.get("/<int:loan>")
def one(loan: int) -> str:
    """One loan, and what this cadre can do with it."""
    row = loan_for(desk.session(), desk.who(), loan)
    found = row.ResourceLoan
    return render_template(
        "loans/desk_one.html", row=row, loan=found, words=words, late=is_overdue(found, desk.now()),
        span=words.span(found.starts_at, found.ends_at), may=may(desk.session(), desk.who(), found),
        needed=words.needed(needed_at(desk.session(), found, desk.now()) if found.state not in LOAN.ends else ()),
        story=happened.lines(desk.session(), found.subject, words.VERBS),
    )  # fmt: skip


@ROOM.post("/<int:loan>/<any(approve, hand_over, return, cancel):deed>")
def done(loan: int, deed: str) -> Response:
    """Agreed, handed over, given back, or let be."""
    DEEDS[deed](desk.session(), desk.who(), loan, desk.now())
    return _to(loan, deed)


@ROOM.post("/<int:loan>/refuse")
def refused(loan: int) -> Response:
    """Not lent, for a reason that the other side reads."""
    lending.refuse(desk.session(), desk.who(), loan, desk.typed("why"), desk.now())
    return _to(loan, "refuse")


def _to(loan: int, deed: str) -> Response:
    desk.note(f"loan_{deed}", f"loan:{loan}")
    return desk.back_to("console.loans.one", f"loan_{deed}", loan=loan)


def _day(field: str) -> date:
    """A day of the form; raises Refused("bad_span") for what is none, or lies where no loan begins or ends."""
    try:
        found = date.fromisoformat(desk.typed(field))
    except ValueError as error:
        raise Refused("bad_span", days=lending.LONGEST.days) from error
    if abs(found - desk.now().date()) > lending.FURTHEST + lending.LONGEST:
        raise Refused("bad_span", days=lending.LONGEST.days)
    return found
