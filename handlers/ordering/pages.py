"""Ordering on a page: for whom, what, one form, everything once more, and then the number in large digits."""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from handlers.ordering import forms, words
from handlers.ordering.times import offered_times
from handlers.words import two_lines, when, when_two
from models.errors import Refused
from models.hours import CHINA, calendar
from models.ordering.assignments import jobs_of
from models.ordering.listings import Listing, published
from models.ordering.numbers import spoken
from models.ordering.offers import answer_by
from models.ordering.orders import LIVE_ORDERS, Order, order_for, orders_of, placed_with, same_day
from models.ordering.placing import NOTE_LIMIT, cancel, check_note, place
from models.people.care import cared_for_by
from models.people.homes import centre_of
from models.people.persons import Person
from models.people.scope import act_for
from models.places.areas import Area
from models.places.centres import ServiceCentre

LISTED_AT_ONCE = 8  # more services than this stand below the kinds of help, with a way to each
ROOM = Blueprint("ordering", __name__, template_folder="templates")
_KEY = re.compile(r"[0-9a-f]{24}")


@dataclass(frozen=True)
class Wish:
    """What somebody is about to order: for whom, at which centre, what."""

    person: Person
    centre: ServiceCentre
    listing: Listing

    @property
    def whom(self) -> str:
        """How the page names whom it is for."""
        return _name(self.person)


@ROOM.get("/services")
def services() -> str | Answer:
    """For whom; straight to the list when there is only one answer."""
    me = g.session.get_one(Person, g.who.person_id)
    found = [(person, person.name) for person, _ in cared_for_by(g.session, me.id)]
    found += [(me, words.MY_SELF)] if me.area_id else []
    if len(found) == 1:
        return redirect(url_for(".catalogue", person=found[0][0].id))
    return render_template("ordering/pages/whom.html", words=words, people=found)


@ROOM.get("/services/<int:person>")
def catalogue(person: int) -> str:
    """The services of the centre that serves this person, by the kinds of help."""
    beneficiary, centre = _beneficiary(person)
    kinds: dict[str, list[Listing]] = {}
    for row in published(g.session, centre, g.now):
        kinds.setdefault(row.category, []).append(row)
    return render_template(
        "ordering/pages/catalogue.html", words=words, person=beneficiary, whom=_name(beneficiary), centre=centre,
        kinds=kinds, few=sum(map(len, kinds.values())) <= LISTED_AT_ONCE,
    )  # fmt: skip


@ROOM.get("/services/<int:person>/<int:listing>")
def listing_form(person: int, listing: int) -> str:
    """One service with its questions; with `again`, as it was answered for an order before."""
    wish = _wish(person, listing)
    before = request.args.get("again", "", type=str)
    if not before.isdecimal():
        return _form(wish, forms.empty(wish.listing))
    order, _ = order_for(g.session, g.who, int(before))
    same = order.listing_id == listing and order.beneficiary_id == person
    return _form(wish, forms.empty(wish.listing, order.answers if same else None, order.note if same else ""))


@ROOM.post("/services/<int:person>/<int:listing>")
def check(person: int, listing: int) -> str | tuple[str, int]:
    """Everything once more, before it is ordered; or the form again with what does not fit, or to be changed."""
    wish = _wish(person, listing)
    form = forms.read(wish.listing, request.form, g.now, wish.centre.tz)
    if form.at is None or form.errors:
        return _form(wish, form), 422
    if "edit" in request.form:
        return _form(wish, form)
    twin = same_day(g.session, listing, person, form.at)
    warning = "" if twin is None else words.AGAIN_SAME_DAY.format(
        beneficiary=wish.person.name, service=wish.listing.title, number=spoken(twin.number or "")
    )  # fmt: skip
    return render_template(
        "ordering/pages/check.html", words=words, wish=wish, answers=_answers(wish.listing, form.answers),
        wished=_both(form.at), note=form.note, warning=warning, carried=list(forms.carried(form)),
        key=secrets.token_hex(12),
    )  # fmt: skip


@ROOM.post("/services/<int:person>/<int:listing>/order")
def place_order(person: int, listing: int) -> Answer | tuple[str, int]:
    """The order is placed; the same key again, a double tap, leads to the same order."""
    key = request.form.get("key", "")
    if not _KEY.fullmatch(key):
        raise Refused("stale_form")
    order = placed_with(g.session, g.who, key)
    if order is None:
        wish = _wish(person, listing)
        form = forms.read(wish.listing, request.form, g.now, wish.centre.tz)
        if form.at is None or form.errors:
            return _form(wish, form), 422
        order = place(
            g.session, g.who, listing_id=listing, beneficiary_id=person, answers=form.answers, preferred_at=form.at,
            note=form.note, client_key=key, now=g.now,
        )  # fmt: skip
    return redirect(url_for(".order", order=order.id, placed=1), 303)


@ROOM.get("/orders")
def orders() -> str:
    """My orders, and those for the people I care for."""
    rows = [(order, _title(order), _beneficiary_name(order), _both(order.preferred_at))
            for order in orders_of(g.session, g.who)]  # fmt: skip
    return render_template("ordering/pages/orders.html", words=words, rows=rows, spoken=spoken)


@ROOM.get("/orders/<int:order>")
def order(order: int) -> str:
    """One order: its number, how it stands, and what can be done with it."""
    found, role = order_for(g.session, g.who, order)
    listing = g.session.get_one(Listing, found.listing_id)
    return render_template(
        "ordering/pages/order.html", words=words, order=found, listing=listing, whom=_beneficiary_name(found),
        wished=_both(found.preferred_at), answers=_answers(listing, found.answers), number=spoken(found.number or ""),
        placed="placed" in request.args and found.state == "open", alive=found.state in LIVE_ORDERS,
        role=role,
    )  # fmt: skip


@ROOM.get("/orders/<int:order>/cancel")
def ask_reason(order: int) -> str:
    """Asks why, before anything is cancelled."""
    return _cancel_form(order_for(g.session, g.who, order)[0])


@ROOM.post("/orders/<int:order>/cancel")
def cancel_order(order: int) -> Answer | tuple[str, int]:
    """Cancelled, for a reason from the list or in words; twice is once."""
    reason = request.form.get("other", "").strip() or request.form.get("reason", "")
    try:
        check_note(reason)
    except Refused:
        error = words.PAGE_REFUSALS["note_long"].format(limit=NOTE_LIMIT, length=len(reason))
        return _cancel_form(order_for(g.session, g.who, order)[0], reason, error), 422
    cancel(g.session, g.who, order, reason, g.now)
    return redirect(url_for(".order", order=order), 303)


@ROOM.get("/jobs")
def jobs() -> str:
    """What my organisation is offered or has taken on; what a stranger may do instead."""
    book = calendar(g.session)
    rows = [
        {
            "title": listing.title, "village": g.session.get_one(Area, order.area_id).name,
            "whom": _beneficiary_name(order), "wished": when(order.preferred_at, CHINA),
            "state": words.JOB_STATES[assignment.state],
            "until": when(answer_by(assignment, order, book), CHINA) if assignment.state == "offered" else "",
        }
        for assignment, order, listing in jobs_of(g.session, g.who)
    ]  # fmt: skip
    return render_template("ordering/pages/jobs.html", words=words, rows=rows)


def _beneficiary(person: int) -> tuple[Person, ServiceCentre]:
    """Whom it is for and their centre; a cadre orders for others in the conversation, not here."""
    beneficiary, role = act_for(g.session, g.who.person_id, person)
    if role == "cadre":
        raise Refused("no_link")
    centre = centre_of(g.session, beneficiary)
    if centre is None:
        raise Refused("not_offered")
    return beneficiary, centre


def _wish(person: int, listing: int) -> Wish:
    beneficiary, centre = _beneficiary(person)
    found = next((row for row in published(g.session, centre, g.now) if row.id == listing), None)
    if found is None:
        raise Refused("not_offered")
    return Wish(beneficiary, centre, found)


def _form(wish: Wish, form: forms.Form) -> str:
    times = offered_times(g.session, wish.centre, g.now)
    today = g.now.astimezone(wish.centre.tz).date()
    return render_template(
        "ordering/pages/listing.html", words=words, wish=wish, form=form, today=today, other=forms.OTHER,
        times=[(str(int(moment.timestamp())), _both(moment)) for moment in times],
    )  # fmt: skip


def _cancel_form(order: Order, typed: str = "", error: str = "") -> str:
    return render_template(
        "ordering/pages/cancel.html", words=words, order=order, title=_title(order), whom=_beneficiary_name(order),
        number=spoken(order.number or ""), typed=typed, error=error,
    )  # fmt: skip


def _answers(listing: Listing, answers: dict[str, object]) -> list[tuple[str, str]]:
    return [
        (question, "、".join(map(str, value)) if isinstance(value, list) else str(value))
        for question, value in words.asked(listing.questions, answers) if value not in (None, "")
    ]  # fmt: skip


def _title(order: Order) -> str:
    return str(g.session.get_one(Listing, order.listing_id).title)


def _beneficiary_name(order: Order) -> str:
    return _name(g.session.get_one(Person, order.beneficiary_id))


def _name(person: Person) -> str:
    return words.MY_SELF if person.id == g.who.person_id else person.name


def _both(moment: datetime) -> str:
    """The time where the service happens, and below it the reader's own where that differs."""
    return two_lines(when_two(moment, CHINA, ZoneInfo(g.who.zone)))
