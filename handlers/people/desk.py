"""Residents at the staff desk: found by name or phone below a cadre's areas, shown masked until there is a reason."""

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from handlers import desk
from handlers.family import after_words, routines_desk
from handlers.people import words
from models.family.looking import pairs_with
from models.people.consent import consents_of
from models.people.contacts import ways_to
from models.people.finding import Question, circle_of, look
from models.people.mobility import write_homebound
from models.people.persons import Person
from models.people.scope import resident_of
from models.places.areas import Area

ROOM = Blueprint("residents", __name__, url_prefix="/residents", template_folder="templates")


@ROOM.get("/")
def listed() -> str:
    """The residents below this cadre's areas."""
    return _list(Question(left_behind=desk.asked("left_behind", words.LEFT_BEHIND)))


@ROOM.post("/search")
def search() -> str:
    """Those of a name, or the one with a phone number: asked in a form, so that it stands in no address and no log."""
    text = desk.typed("whom")
    is_number = sum(ch.isdigit() for ch in text) > len(text) / 2
    return _list(Question(phone=text) if is_number else Question(name=text), text)


def _list(asked: Question, whom: str = "") -> str:
    found = look(desk.session(), desk.who().person_id, asked, desk.cursor())
    if whom:
        desk.note("search", "", found=found.many)
    return render_template("residents/desk_list.html", found=found, asked=asked, whom=whom, words=words)


@ROOM.get("/<int:person>")
def one(person: int) -> str:
    """One resident."""
    return _whole(resident_of(desk.session(), desk.who().person_id, person))


@ROOM.post("/<int:person>/reveal")
def reveal(person: int) -> str:
    """The same with name and phones, for a reason."""
    found = resident_of(desk.session(), desk.who().person_id, person)
    desk.reveal(f"person:{found.id}")
    return _whole(found, shown=True)


@ROOM.post("/<int:person>/homebound")
def homebound(person: int) -> Response:
    """Whether a resident cannot come to the centre."""
    found = write_homebound(desk.session(), desk.who(), person, desk.typed("homebound") == "yes", desk.now())
    desk.note("homebound", f"person:{found.id}", homebound=found.homebound)
    return desk.back_to("console.residents.one", "homebound", person=person)


def _whole(person: Person, *, shown: bool = False) -> str:
    session = desk.session()
    return render_template(
        "residents/desk_one.html", person=person, shown=shown, words=words,
        area=session.get_one(Area, person.area_id).name if person.area_id else "", ways=ways_to(session, person.id),
        circle=circle_of(session, person.id), consents=consents_of(session, person.id),
        routine=routines_desk.lines_of(person),
        pairs=pairs_with(session, desk.who(), person.id), after_words=after_words,
    )  # fmt: skip
