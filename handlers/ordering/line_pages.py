"""The waiting list on pages: into the line for what is full, where one stands, and the answer to an offer."""

from zoneinfo import ZoneInfo

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from handlers.ordering import forms, words
from handlers.ordering import waiting_words as said
from handlers.ordering.wishes import both, name_of, wish_for
from models.errors import Refused
from models.ordering.joining import decline, entry_for, in_line_of, join, leave, take
from models.ordering.listings import Listing
from models.ordering.waiting import WaitlistEntry, ahead_of, service, why_not
from models.people.persons import Person

ROOM = Blueprint("waiting", __name__, template_folder="templates")


@ROOM.get("/waiting")
def mine() -> str:
    """Where I and mine stand in line."""
    found = in_line_of(g.session, g.who, g.now)
    rows = [(entry, _title(entry), _whom(entry), both(entry.preferred_at)) for entry in found]
    return render_template("ordering/pages/waiting.html", words=words, said=said, labels=said.LABELS, rows=rows)


@ROOM.post("/services/<int:person>/<int:listing>/wait")
def stand_in_line(person: int, listing: int) -> Answer:
    """Into the line with what was filled in; twice is once."""
    wish = wish_for(person, listing)
    form = forms.read(wish.listing, request.form, g.now, wish.centre.tz)
    if form.at is None or form.errors:
        raise Refused("stale_form")
    entry = join(
        g.session, g.who, listing_id=listing, beneficiary_id=person, answers=form.answers, preferred_at=form.at,
        note=form.note, now=g.now, warned=request.form.getlist("warned"),
    )  # fmt: skip
    return redirect(url_for(".one", entry=entry.id, joined=1), 303)


@ROOM.get("/waiting/<int:entry>")
def one(entry: int) -> str:
    """One place in line, and what can be done with it."""
    found, _ = entry_for(g.session, g.who, entry)
    offered = found.state == "offered" and found.answer_by is not None and found.answer_by > g.now
    return render_template(
        "ordering/pages/waiting_one.html", words=words, said=said, labels=said.LABELS, entry=found, offered=offered,
        title=_title(found), whom=_whom(found), wished=both(found.preferred_at), stands=_stands(found, offered=offered),
        joined="joined" in request.args and found.state == "waiting",
    )  # fmt: skip


@ROOM.post("/waiting/<int:entry>/take")
def taken(entry: int) -> Answer:
    """The place is wanted: the order that it has become."""
    return redirect(url_for("pages.ordering.order", order=take(g.session, g.who, entry, g.now).id, placed=1), 303)


@ROOM.post("/waiting/<int:entry>/decline")
def declined(entry: int) -> Answer:
    """The place is not wanted."""
    decline(g.session, g.who, entry, g.now)
    return redirect(url_for(".one", entry=entry), 303)


@ROOM.post("/waiting/<int:entry>/leave")
def left(entry: int) -> Answer:
    """Out of the line."""
    leave(g.session, g.who, entry, g.now)
    return redirect(url_for(".one", entry=entry), 303)


def _stands(entry: WaitlistEntry, *, offered: bool) -> str:
    """How it stands, in one sentence."""
    if offered and entry.answer_by is not None:
        return said.answer(entry.answer_by, ZoneInfo(g.who.zone))
    if entry.state != "waiting":
        return said.ENDS.get(entry.state, said.OVER)
    offer = service(g.session, entry, g.now)
    why = why_not(g.session, entry, offer) if offer is not None else "not_offered"
    return said.waits(ahead_of(g.session, entry), entry.held, entry.places, why)


def _title(entry: WaitlistEntry) -> str:
    listing: Listing = g.session.get_one(Listing, entry.listing_id)
    return listing.title


def _whom(entry: WaitlistEntry) -> str:
    return name_of(g.session.get_one(Person, entry.beneficiary_id))
