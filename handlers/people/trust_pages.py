"""Who may act for me and to what I agreed, on a page; and a guardian's word for a child's calls."""

from typing import NamedTuple
from zoneinfo import ZoneInfo

from flask import Blueprint, g, redirect, render_template, url_for
from werkzeug.wrappers import Response as Answer

from handlers.people import kin_words, words
from handlers.people.kin_pages import told
from handlers.words import when
from models.errors import Refused
from models.family.parting import agree, guardian_takes_back, take_back
from models.people import guardians
from models.people.care import links_of, links_to
from models.people.consent import Consent, consents_of
from models.people.persons import Person

ROOM = Blueprint("trust", __name__, template_folder="templates")


@ROOM.get("/family/helpers")
def helpers() -> str:
    """Who may act for me, and to what I agreed; each of it I may end."""
    me = g.who.person_id
    consents = [(kind, words.CONSENTS[kind], _how(given)) for kind, given in consents_of(g.session, me).items()]
    return render_template(
        "people/pages/trust.html", words=kin_words, told=told(), linked=links_to(g.session, me), consents=consents
    )


@ROOM.post("/family/consents/<kind>/<any(yes, no):answer>")
def consent(kind: str, answer: str) -> Answer:
    """I agree, or do so no more: without the one to calls, the calls to come are off."""
    if answer == "yes":
        agree(g.session, g.who, g.who.person_id, kind, g.now)
    else:
        take_back(g.session, g.who, g.who.person_id, kind, g.now)
    return redirect(url_for(".helpers", told="agreed" if answer == "yes" else "taken_back"), 303)


def _how(given: Consent | None) -> str:
    """How a consent was given; empty where it does not stand."""
    if given is None:
        return ""
    witness = g.session.get_one(Person, given.witness_id).name if given.witness_id else ""
    said = kin_words.AGREED.format(at=when(given.given_at, ZoneInfo(g.who.zone)))
    return said + (kin_words.WITNESSED.format(name=witness) if witness else "")


class Ward(NamedTuple):
    """A child under fourteen whose guardian I am: whether I agreed, and whether another guardian did."""

    child: Person
    mine: bool
    others: bool


@ROOM.get("/family/children")
def children() -> str:
    """The children whose guardian I am, and my word for each."""
    mine = [
        _ward(child) for link, child in links_of(g.session, g.who.person_id)
        if link.guardian and guardians.is_child(child, g.now)
    ]  # fmt: skip
    return render_template("people/pages/children.html", words=kin_words, told=told(), wards=mine)


@ROOM.post("/family/children/<int:person>/yes")
def yes(person: int) -> Answer:
    """I agree to calls for this child; once is enough."""
    guardians.agree(g.session, g.who, person, g.who.person_id, "wechat", g.now)
    return redirect(url_for(".children", told="child_yes"), 303)


@ROOM.get("/family/children/<int:person>/no")
def ask_no(person: int) -> str:
    """Asks once more, and says which calls are off then."""
    return render_template("people/pages/child_no.html", words=kin_words, ward=_mine(person))


@ROOM.post("/family/children/<int:person>/no")
def no(person: int) -> Answer:
    """I agree no more: where no other guardian's word stands, the calls to come are off."""
    _mine(person)
    guardian_takes_back(g.session, g.who, person, g.who.person_id, g.now)
    return redirect(url_for(".children", told="child_no"), 303)


def _mine(person: int) -> Ward:
    """A child whose guardian I am; raises Refused("not_yours") for any other."""
    for link, child in links_of(g.session, g.who.person_id):
        if child.id == person and link.guardian:
            return _ward(child)
    raise Refused("not_yours")


def _ward(child: Person) -> Ward:
    by = {one.given_by_id for one in guardians.agreements(g.session, child.id)}
    return Ward(child, g.who.person_id in by, bool(by - {g.who.person_id}))
