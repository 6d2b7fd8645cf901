"""Pairs (结对) at the staff desk: who looks in on whom, the last contact and what is due; made, written down, ended."""

from dataclasses import replace

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from handlers import desk, happened, masking
from handlers.family import after_words as words
from handlers.words import near
from models.errors import Refused
from models.family.looking import one_pair, pairs_below
from models.family.pairing import MEANS, RHYTHMS, Pairing, contacts_of, pair, pair_for, part, touch
from models.people.persons import Person
from models.people.scope import resident_of
from models.people.staff import helpers_named

ROOM = Blueprint("pairs", __name__, url_prefix="/pairs", template_folder="templates")


@ROOM.get("/")
def listed() -> str:
    """The pairs below this cadre's areas, the longest out of touch first."""
    view = desk.asked("view", words.PAIR_VIEWS) or "paired"
    found = pairs_below(desk.session(), desk.who(), view, desk.now(), desk.cursor())
    return render_template("pairs/desk_list.html", found=found, view=view, words=words)


@ROOM.get("/<int:pair>")
def one(pair: int) -> str:
    """One pair: its contacts, and what can be done."""
    return _whole(pair)


@ROOM.post("/<int:pair>/reveal")
def reveal(pair: int) -> str:
    """The same with names, for a reason."""
    one_pair(desk.session(), desk.who(), pair)
    desk.reveal(f"pair:{pair}")
    return _whole(pair, shown=True)


@ROOM.post("/<int:pair>/touch")
def touched(pair: int) -> Response:
    """They were in touch, now or when the form says."""
    one_pair(desk.session(), desk.who(), pair)
    at = desk.moment("at") or desk.now()
    touch(desk.session(), desk.who(), pair, desk.typed("means"), at, desk.now(), desk.typed("note"))
    desk.note("pair_touch", f"pair:{pair}")
    return desk.back_to("console.pairs.one", "touched", pair=pair)


@ROOM.post("/<int:pair>/part")
def parted(pair: int) -> Response:
    """It ends, where the page that was acted from is still true."""
    one_pair(desk.session(), desk.who(), pair)
    found, _ = pair_for(desk.session(), desk.who(), pair)
    if desk.typed("seen") != _seen(found):
        raise Refused("stale", subject=found.subject)
    part(desk.session(), desk.who(), pair, desk.now())
    desk.note("pair_part", found.subject)
    return desk.back_to("console.pairs.one", "parted", pair=pair)


@ROOM.get("/new/<int:person>")
def form(person: int) -> str:
    """Who is to look in on this resident: oneself, or somebody of a name."""
    return _form(resident_of(desk.session(), desk.who().person_id, person))


@ROOM.post("/new/<int:person>/search")
def search(person: int) -> str:
    """The cadres and members of organisations of that name: asked in a form, so that it stands in no address."""
    whom = desk.typed("whom")
    return _form(resident_of(desk.session(), desk.who().person_id, person), whom)


@ROOM.post("/new/<int:person>")
def new(person: int) -> Response:
    """Paired; with whom they are paired already, the rhythm changes."""
    resident_of(desk.session(), desk.who().person_id, person)
    helper, days = desk.number("helper", form=True) or 0, desk.number("days", form=True) or 0
    made = pair(desk.session(), desk.who(), helper, person, days, desk.now())
    desk.note("pair", made.subject)
    return desk.back_to("console.pairs.one", "paired", pair=made.id)


def changed(subject: str) -> str:
    """What has happened to a pair since a page showed it."""
    session, key = desk.session(), int(subject.partition(":")[2])
    found = session.get_one(Pairing, key)
    if found.state == "paired" and found.last_at is not None:
        line = contacts_of(session, key, 1)[0]
        what = f"{near(line.happened_at, desk.now())}{words.PAIR_MEANS[line.means]}"
    else:
        what = happened.last(session, subject, words.PAIR_VERBS, desk.now())
    return words.PAIR_CHANGED.format(what=what)


def _seen(found: Pairing) -> str:
    """How the pair stands, as a form keeps it."""
    return f"{found.state}.{found.last_at.timestamp():.0f}" if found.last_at else found.state


def _whole(key: int, *, shown: bool = False) -> str:
    session = desk.session()
    row = one_pair(session, desk.who(), key)
    lines = happened.lines(session, row.Pairing.subject, words.PAIR_VERBS, shown=shown)
    contacts = [(line, session.get_one(Person, line.by_id).name) for line in contacts_of(session, key)]
    return render_template(
        "pairs/desk_one.html", row=row, pair=row.Pairing, shown=shown, words=words, contacts=contacts, means=MEANS,
        rhythms=RHYTHMS, seen=_seen(row.Pairing), late=row.Pairing.due_at < desk.now(),
        story=[replace(line, note=_rhythm(line.note)) for line in lines],
        said=lambda text: text if shown else masking.typed(text, row.cared),
    )  # fmt: skip


def _rhythm(note: str) -> str:
    """How often, as history keeps it, in words."""
    return words.RHYTHM_NAMES.get(int(note), "") if note.isdecimal() else note


def _form(person: Person, whom: str = "") -> str:
    mine = desk.session().get_one(Person, desk.who().person_id)
    found = helpers_named(desk.session(), whom) if whom else [mine]
    found = [one for one in found if one.id != person.id]
    return render_template(
        "pairs/desk_form.html", person=person, found=found, whom=whom, rhythms=RHYTHMS, words=words, mine=mine
    )
