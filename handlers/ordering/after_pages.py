"""After a service, and after a cancellation, on a page: rated, complained of, taken back, done once more."""

from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from handlers.ordering import catalogue_words, forms, page_words, words
from handlers.ordering.standing import may
from handlers.ordering.wishes import time_choices
from models.errors import Refused
from models.ordering.aftercare import reopen
from models.ordering.complaints import complain
from models.ordering.ending import undo
from models.ordering.listings import offered_by
from models.ordering.numbers import spoken
from models.ordering.orders import Order, order_for
from models.ordering.placing import check_note
from models.ordering.ratings import rate, rating_of
from models.ordering.versions import terms_of

ROOM = Blueprint("after", __name__, template_folder="templates")
BESIDE = ("answer_needed", "note_long")  # what is said beside the words


@ROOM.get("/orders/<int:order>/rate")
def ask_score(order: int) -> str:
    """Asks how it was; with what was said before."""
    found = _seen(order, "rate")
    before = rating_of(g.session, found.id)
    return _rating_form(found, before.score if before else 0, before.words if before else "")


@ROOM.post("/orders/<int:order>/rate")
def take_score(order: int) -> Answer | tuple[str, int]:
    """Rated, from 1 to 5."""
    found, _ = order_for(g.session, g.who, order)
    given, typed = request.form.get("score", ""), request.form.get("words", "").strip()
    if given not in map(str, page_words.SCORES):
        return _rating_form(found, 0, typed, score_error=words.PAGE_REFUSALS["answer_value"]), 422
    try:
        rate(g.session, g.who, order, int(given), g.now, words=typed)
    except Refused as refusal:
        return _rating_form(found, int(given), typed, error=_beside(refusal)), 422
    return _told(order, "rated")


@ROOM.get("/orders/<int:order>/complain")
def ask_complaint(order: int) -> str:
    """Asks what went wrong."""
    return _complaint_form(_seen(order, "complain"))


@ROOM.post("/orders/<int:order>/complain")
def take_complaint(order: int) -> Answer | tuple[str, int]:
    """Takes it down; the township reads it and nobody below."""
    typed = request.form.get("words", "")
    try:
        complain(g.session, g.who, order, typed, g.now)
    except Refused as refusal:
        error = _beside(refusal)
        return _complaint_form(order_for(g.session, g.who, order)[0], typed, error), 422
    return _told(order, "complained")


@ROOM.post("/orders/<int:order>/undo")
def take_back(order: int) -> Answer:
    """A cancellation is taken back, within ten minutes."""
    undo(g.session, g.who, order, g.now)
    return _told(order, "undone")


@ROOM.get("/orders/<int:order>/again")
def ask_again(order: int) -> str:
    """Asks when it should be done again."""
    return _again_form(_seen(order, "reopen"), forms.Form([]))


@ROOM.post("/orders/<int:order>/again")
def take_again(order: int) -> Answer | tuple[str, int]:
    """Offered anew, once, for the time that was chosen."""
    found, _ = order_for(g.session, g.who, order)
    offer = offered_by(g.session, found.listing_id, found.centre_id)
    form = forms.Form([], note=request.form.get("words", "").strip(), chosen=request.form.get("at", ""),
                      day=request.form.get("day", ""), clock=request.form.get("clock", ""))  # fmt: skip
    forms.read_time(form, g.now, offer.centre.tz)
    try:
        check_note(form.note)
    except Refused as refusal:
        form.note_error = _beside(refusal)
    if form.at is None or form.note_error:
        return _again_form(found, form), 422
    try:
        reopen(g.session, g.who, order, form.note or words.NOT_RIGHT, form.at, g.now)
    except Refused as refusal:
        if refusal.code not in forms.OF_THE_TIME:
            raise
        form.at_error = catalogue_words.REFUSALS[refusal.code].format(**refusal.facts)
        return _again_form(found, form), 422
    return _told(order, "reopened")


def _seen(order: int, wanted: str) -> Order:
    """The order, when this can be done with it now; raises Refused("not_yours") or ("wrong_state")."""
    found, _ = order_for(g.session, g.who, order)
    if wanted not in may(g.session, found, g.now):
        raise Refused("wrong_state", state=found.state)
    return found


def _rating_form(found: Order, score: int, typed: str, **errors: str) -> str:
    return _page(
        found, head=page_words.RATE_HEAD, label=page_words.RATE_WORDS, send=page_words.RATE_SEND, typed=typed,
        scores=page_words.SCORES, score=score, optional=True, **errors,
    )  # fmt: skip


def _complaint_form(found: Order, typed: str = "", error: str = "") -> str:
    return _page(
        found, head=page_words.COMPLAIN_HEAD, lead=page_words.COMPLAIN_LEAD, label=page_words.COMPLAIN_SAY,
        send=page_words.COMPLAIN_SEND, typed=typed, error=error,
    )  # fmt: skip


def _again_form(found: Order, form: forms.Form) -> str:
    offer = offered_by(g.session, found.listing_id, found.centre_id)
    return _page(
        found, head=page_words.REOPEN_HEAD, lead=page_words.REOPEN_LEAD, label=page_words.REOPEN_WHY, optional=True,
        send=page_words.REOPEN_SEND, typed=form.note, error=form.note_error, form=form, times=time_choices(offer),
        today=g.now.astimezone(offer.centre.tz).date(), other=forms.OTHER,
    )  # fmt: skip


def _page(found: Order, **known: Any) -> str:
    return render_template(
        "ordering/pages/after.html", words=words, more=page_words, order=found, number=spoken(found.number or ""),
        title=terms_of(g.session, found).title, **known,
    )  # fmt: skip


def _beside(refusal: Refused) -> str:
    """The sentence beside the words; raises what does not belong there."""
    if refusal.code not in BESIDE:
        raise refusal
    return words.PAGE_REFUSALS[refusal.code].format(**refusal.facts)


def _told(order: int, what: str) -> Answer:
    return redirect(url_for("pages.ordering.order", order=order, told=what), 303)
