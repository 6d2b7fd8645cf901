"""My family on pages: whom I am linked to, asking for a link and ending one, and where I live."""

from dataclasses import replace
from zoneinfo import ZoneInfo

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from handlers import words as shared
from handlers.people import kin_words, words
from models.errors import Refused
from models.family.parting import part
from models.ordering.proxies import ask_family
from models.people.care import CareLink, links_of, links_to
from models.people.guardians import is_child
from models.people.links import KINSHIPS, asked_by, has_ended, invited_by, link_for
from models.people.persons import NAME_LIMIT, Person, call_oneself, move_to_zone
from models.reminding import person_moved_zone
from models.tasks import linking

ROOM = Blueprint("kin", __name__, template_folder="templates")
# What a form may be told of itself: the refusal, and the field beside which it is said.
BESIDE = {"code_mistyped": "code", "code_unknown": "code", "own_link": "code", "name_long": "name"}


@ROOM.get("/family")
def home() -> str:
    """Whom I may act for, who may for me, what waits for a cadre's answer, and all that goes with a family."""
    linked = links_of(g.session, g.who.person_id)
    return render_template(
        "people/pages/family.html", words=kin_words, told=told(), linked=linked, asked=asked_by(g.session, g.who),
        theirs=links_to(g.session, g.who.person_id),
        children=any(link.guardian and is_child(child, g.now) for link, child in linked), city=_city(),
    )  # fmt: skip


@ROOM.get("/family/link")
def form() -> str:
    """Asks for the code, the name where there is none yet, and the kinship."""
    return _form({}, {})


@ROOM.post("/family/link")
def ask() -> Answer | tuple[str, int]:
    """The cadres of that village are asked; asking twice is asking once. Nobody is named before one has confirmed."""
    sent = {name: request.form.get(name, "").strip() for name in _fields()}
    wrong = {name: kin_words.MISTAKES[name] for name, value in sent.items() if not value}
    if sent["kinship"] not in KINSHIPS:
        wrong["kinship"] = kin_words.MISTAKES["kinship"]
    if wrong:
        return _form(sent, wrong), 422
    try:
        link = _asked(sent)
    except Refused as refusal:
        if refusal.code not in BESIDE:
            raise
        g.session.rollback()
        sentence = {**words.REFUSALS, **shared.ON_SCREEN}[refusal.code].format(**refusal.facts)
        return _form(sent, {BESIDE[refusal.code]: sentence}), 422
    return redirect(url_for(".home", told="linked" if link.state == "confirmed" else "asked"), 303)


def _asked(sent: dict[str, str]) -> CareLink:
    code = sent["code"].replace("亲情码", "").replace("：", "")
    invited_by(g.session, code, g.now)  # a code that is none takes no name down
    who = g.who
    if "name" in sent:
        person = g.session.get_one(Person, who.person_id)
        call_oneself(g.session, person, sent["name"])
        who = replace(who, name=person.name)
    return linking.ask(g.session, who, code, sent["kinship"], g.now)


def _fields() -> tuple[str, ...]:
    """What the form asks: a cadre cannot confirm somebody without a name."""
    return ("code", "kinship") if g.who.name else ("code", "name", "kinship")


def _form(sent: dict[str, str], wrong: dict[str, str]) -> str:
    return render_template(
        "people/pages/link_new.html", words=kin_words, fields=_fields(), sent=sent, wrong=wrong, kinships=KINSHIPS,
        most=NAME_LIMIT,
    )  # fmt: skip


@ROOM.get("/family/links/<int:link>")
def one(link: int) -> str:
    """One link: how it stands, what it is good for, and how to end it."""
    return _one("people/pages/link.html", link)


@ROOM.get("/family/links/<int:link>/end")
def ask_end(link: int) -> str:
    """Asks once more, and says what goes with it."""
    return _one("people/pages/link_end.html", link)


@ROOM.post("/family/links/<int:link>/end")
def ended(link: int) -> Answer:
    """Ended at once, and the calls to come with it; twice is once."""
    if has_ended(g.session, g.who, link):
        return redirect(url_for(".home", told="ended"), 303)
    found = link_for(g.session, g.who, link)
    asked, theirs = found.state == "asked", found.cared_id == g.who.person_id
    ask_family(g.session, part(g.session, g.who, link, g.now), g.now)
    there = "pages.trust.helpers" if theirs else ".home"
    return redirect(url_for(there, told="withdrawn" if asked else "ended"), 303)


def _one(template: str, key: int) -> str:
    link = link_for(g.session, g.who, key)
    mine, asked = link.relative_id == g.who.person_id, link.state == "asked"
    other = g.session.get_one(Person, link.cared_id if mine else link.relative_id)
    zone = ZoneInfo(g.who.zone)
    return render_template(
        template, words=kin_words, link=link, mine=mine, asked=asked,
        other=other.id, name="" if asked else other.name,  # before a cadre has confirmed nobody is named
        kin=kin_words.I_AM.format(kinship=link.kinship) if mine else kin_words.YOUR_KIN.format(kinship=link.kinship),
        since=shared.when(link.asked_at, zone),
        until=kin_words.UNTIL.format(day=shared.when(link.expires_at, zone)) if link.expires_at else kin_words.ALWAYS,
    )  # fmt: skip


@ROOM.get("/family/zone")
def zone() -> str:
    """Where I live, from a short list, and what a change changes."""
    return _zones()


@ROOM.post("/family/zone")
def moved() -> Answer | tuple[str, int]:
    """Taken down; reminders still to come are planned anew."""
    person = g.session.get_one(Person, g.who.person_id)
    try:
        move_to_zone(g.session, person, request.form.get("zone", ""))
    except Refused:
        return _zones(kin_words.PICK_CITY), 422
    person_moved_zone(g.session, person.id, g.now)
    return redirect(url_for(".home", told="moved"), 303)


def _zones(error: str = "") -> str:
    cities = {**shared.CITIES, g.who.zone: _city()}
    return render_template("people/pages/zone.html", words=kin_words, cities=cities, error=error)


def _city() -> str:
    return shared.city(ZoneInfo(g.who.zone))


def told() -> str:
    """What has just been done, by the address that the deed led to."""
    return kin_words.TOLD.get(request.args.get("told", ""), "").format(city=_city())
