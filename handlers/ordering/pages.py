"""Ordering on a page: for whom, what, one form, everything once more, and then the number in large digits."""

import re
import secrets

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from handlers.ordering import catalogue_words, forms, page_words, waiting_words, words
from handlers.ordering.fitting import area_names
from handlers.ordering.standing import coming, may, promised
from handlers.ordering.wishes import (
    Wish,
    beneficiary_of,
    both,
    facts_of,
    left_tomorrow,
    name_of,
    phone_page,
    time_choices,
    unfit,
    wish_for,
)
from handlers.reach import not_reached
from handlers.typed import key_in
from models.errors import Refused
from models.ordering.joining import in_line_of
from models.ordering.listings import Offered, Terms, offered, offered_by
from models.ordering.numbers import spoken
from models.ordering.orders import LIVE_ORDERS, Order, order_for, orders_of, placed_with, same_day
from models.ordering.placing import NOTE_LIMIT, cancel, check_note, place
from models.ordering.ratings import rating_of
from models.ordering.versions import terms_of
from models.people.care import cared_for_by
from models.people.persons import Person

LISTED_AT_ONCE = 8  # more services than this stand below the kinds of help, with a way to each
ROOM = Blueprint("ordering", __name__, template_folder="templates")
_KEY = re.compile(r"[0-9a-f]{24}")


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
    beneficiary, centre = beneficiary_of(person)
    found, kinds = offered(g.session, centre, g.now), dict[str, list[Offered]]()
    for one in found:
        kinds.setdefault(one.listing.category, []).append(one)
    names = area_names(g.session, [rule for one in found for rule in one.listing.rules])
    return render_template(
        "ordering/pages/catalogue.html", words=words, more=page_words, person=beneficiary, whom=name_of(beneficiary),
        centre=centre, kinds=kinds, few=len(found) <= LISTED_AT_ONCE, left=left_tomorrow(found),
        who_may=lambda listing: catalogue_words.who_may(listing.rules, names), order_by=catalogue_words.order_by,
    )  # fmt: skip


@ROOM.get("/services/<int:person>/<int:listing>")
def listing_form(person: int, listing: int) -> str | tuple[str, int]:
    """One service with its questions; with `again`, as it was answered for an order before."""
    try:
        wish = wish_for(person, listing)
    except Refused as refusal:
        return phone_page(refusal), 200
    barred = wish.barred()
    if barred:
        return phone_page(Refused("not_eligible", phone=wish.offer.phone), barred, back=person), 200
    before = key_in(request.args.get("again", ""))
    if before is None:
        return _form(wish, forms.empty(wish.listing))
    order, _ = order_for(g.session, g.who, before)
    same = order.listing_id == listing and order.beneficiary_id == person
    return _form(wish, forms.empty(wish.listing, order.answers if same else None, order.note if same else ""))


@ROOM.post("/services/<int:person>/<int:listing>")
def check(person: int, listing: int) -> str | tuple[str, int]:
    """Everything once more, before it is ordered; or the form again with what does not fit, or to be changed."""
    try:
        wish = wish_for(person, listing)
    except Refused as refusal:
        return phone_page(refusal), 409
    form = forms.read(wish.listing, request.form, g.now, wish.centre.tz)
    if form.at is None or form.errors:
        return _form(wish, form), 422
    if "edit" in request.form:
        return _form(wish, form)
    against = unfit(wish, form, request.form.getlist("warned"))
    if against is not None:
        return _refused(wish, form, against)
    twin, me = same_day(g.session, listing, person, form.at), g.who.person_id
    warning = "" if twin is None else words.AGAIN_SAME_DAY.format(
        beneficiary=wish.person.name, service=wish.listing.title, number=spoken(twin.number or "")
    )  # fmt: skip
    return render_template(
        "ordering/pages/check.html", words=words, wish=wish, answers=_answers(wish.listing, form.answers),
        wished=both(form.at), note=form.note, warning=warning, carried=list(forms.carried(form)),
        key=secrets.token_hex(12), bring=wish.listing.bring, more=page_words,
        warned=request.form.getlist("warned"), away=not_reached(g.session, [me, person], me),
    )  # fmt: skip


@ROOM.post("/services/<int:person>/<int:listing>/order")
def place_order(person: int, listing: int) -> Answer | tuple[str, int]:
    """The order is placed; the same key again, a double tap, leads to the same order."""
    key = request.form.get("key", "")
    if not _KEY.fullmatch(key):
        raise Refused("stale_form")
    order = placed_with(g.session, g.who, key)
    if order is None:
        try:
            wish = wish_for(person, listing)
        except Refused as refusal:
            return phone_page(refusal), 409
        form = forms.read(wish.listing, request.form, g.now, wish.centre.tz)
        if form.at is None or form.errors:
            return _form(wish, form), 422
        try:
            order = place(
                g.session, g.who, listing_id=listing, beneficiary_id=person, answers=form.answers,
                preferred_at=form.at, note=form.note, client_key=key, now=g.now,
                warned=request.form.getlist("warned"),
            )  # fmt: skip
        except Refused as refusal:
            return _refused(wish, form, refusal)
    return redirect(url_for(".order", order=order.id, placed=1), 303)


@ROOM.get("/orders")
def orders() -> str:
    """My orders, and those for the people I care for."""
    rows = [(order, _title(order), _whom(order), both(order.preferred_at))
            for order in orders_of(g.session, g.who)]  # fmt: skip
    return render_template("ordering/pages/orders.html", words=words, rows=rows, spoken=spoken,
                           waits=len(in_line_of(g.session, g.who, g.now)), waiting=waiting_words)  # fmt: skip


@ROOM.get("/orders/<int:order>")
def order(order: int) -> str:
    """One order: its number, how it stands and who comes, the terms it was placed on, what can be done with it."""
    found, role = order_for(g.session, g.who, order)
    terms, who = terms_of(g.session, found), coming(g.session, found)
    offer, due = offered_by(g.session, found.listing_id, found.centre_id), promised(g.session, found)
    told = page_words.TOLD.get(request.args.get("told", ""), "")
    return render_template(
        "ordering/pages/order.html", words=words, more=page_words, order=found, terms=terms, whom=_whom(found),
        wished=both(found.preferred_at), answers=_answers(terms, found.answers), number=spoken(found.number or ""),
        placed="placed" in request.args and found.state == "open", alive=found.state in LIVE_ORDERS, role=role,
        who=who, comes_at=both(who.starts_at) if who and who.starts_at else "", told=told,
        promise=words.PROMISED.format(due=both(due)) if due else words.PAUSED if found.paused_since else "",
        stopped=found.state in LIVE_ORDERS and offer.listing.state != "published", may=may(g.session, found, g.now),
        facts=[fact for fact in facts_of(terms, offer.here) if fact[0] in page_words.ON_THE_ORDER],
        rating=rating_of(g.session, found.id),
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


def _form(wish: Wish, form: forms.Form) -> str:
    return render_template(
        "ordering/pages/listing.html", words=words, more=page_words, wish=wish, form=form, other=forms.OTHER,
        today=g.now.astimezone(wish.centre.tz).date(), times=time_choices(wish.offer),
        facts=facts_of(wish.listing, wish.offer.here),
    )  # fmt: skip


def _refused(wish: Wish, form: forms.Form, refusal: Refused) -> tuple[str, int]:
    """What stands against a wish: beside the time where another mends it, a question, or whom to phone."""
    if refusal.code == "full" and wish.could_wait(form.answers):
        return render_template(
            "ordering/pages/full.html", words=words, said=waiting_words, labels=waiting_words.LABELS, wish=wish,
            wished=both(form.at) if form.at else "", carried=list(forms.carried(form)),
            warned=request.form.getlist("warned"),
        ), 409  # fmt: skip
    if refusal.code in forms.OF_THE_TIME:
        said = catalogue_words.time_refused(refusal.code, refusal.facts, wish.centre.tz)
        form.at_error = said.format(**refusal.facts)
        return _form(wish, form), 422
    if refusal.code == "ask_eligible":
        assert form.at is not None
        found, names = wish.findings(form.at), wish.names()
        return render_template(
            "ordering/pages/eligible.html", words=words, more=page_words, wish=wish, warned=[one.code for one in found],
            question=catalogue_words.warned(wish.listing.title, wish.person.name, found, names),
            still=catalogue_words.STILL, others=catalogue_words.OTHERS, carried=list(forms.carried(form)),
        ), 409  # fmt: skip
    if refusal.code == "not_eligible":
        return phone_page(refusal, wish.barred(form.at), back=wish.person.id), 409
    if refusal.code == "emergency":
        return phone_page(refusal), 409
    raise refusal


def _cancel_form(order: Order, typed: str = "", error: str = "") -> str:
    return render_template(
        "ordering/pages/cancel.html", words=words, order=order, title=_title(order), whom=_whom(order),
        number=spoken(order.number or ""), typed=typed, error=error,
    )  # fmt: skip


def _answers(terms: Terms, answers: dict[str, object]) -> list[tuple[str, str]]:
    return [
        (question, "、".join(map(str, value)) if isinstance(value, list) else str(value))
        for question, value in words.asked(terms.questions, answers) if value not in (None, "")
    ]  # fmt: skip


def _title(order: Order) -> str:
    return terms_of(g.session, order).title


def _whom(order: Order) -> str:
    return name_of(g.session.get_one(Person, order.beneficiary_id))
