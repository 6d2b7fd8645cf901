"""What fills a resident's days, at the staff desk: what is known, who wrote it down and when, and writing it anew."""

from typing import Any

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from handlers import desk, happened
from handlers.family import routine_words as words
from handlers.family.routines import as_typed, understood
from handlers.words import near
from models.errors import Refused
from models.family.routines import codes, days_for, put_habits, written_of
from models.people.persons import Person
from models.people.scope import resident_of

ROOM = Blueprint("routines", __name__, url_prefix="/routines", template_folder="templates")


@ROOM.get("/<int:person>")
def one(person: int) -> str:
    """What fills a resident's days, kind by kind."""
    return _whole(resident_of(desk.session(), desk.who().person_id, person))


@ROOM.post("/<int:person>/reveal")
def reveal(person: int) -> str:
    """The same with names, for a reason."""
    found = resident_of(desk.session(), desk.who().person_id, person)
    desk.reveal(f"person:{found.id}")
    return _whole(found, shown=True)


@ROOM.post("/<int:person>")
def put(person: int) -> Response:
    """One kind is written down anew; an empty field means that nobody knows, and what is usual is assumed again."""
    found, kind = resident_of(desk.session(), desk.who().person_id, person), desk.typed("kind")
    if kind not in days_for(desk.session(), desk.who(), found.id).kinds:
        raise Refused("bad_routine")
    said = desk.typed("said")
    habits = understood(kind, said) if said else []
    put_habits(desk.session(), desk.who(), person, kind, habits, desk.now(), desk.typed("seen"))
    desk.note("routine", f"person:{person}", code=kind)
    return desk.back_to("console.routines.one", "routine", person=person)


def changed(subject: str) -> str:
    """What has been written down since a page showed it."""
    story = happened.lines(desk.session(), subject, words.VERBS)
    if not story:  # what the county's file says stands in no history
        return words.CHANGED.format(what=words.FILE_IS_NEWER)
    line = story[-1]
    return words.CHANGED.format(what=f"{line.who}{near(line.at, desk.now())}{line.what}{words.written(line.note)}")


def lines_of(person: Person) -> list[str]:
    """What fills somebody's days, in order of the day, as the desk says it."""
    return [words.habit(habit) for habit in days_for(desk.session(), desk.who(), person.id).known(desk.session())]


def _whole(person: Person, *, shown: bool = False) -> str:
    session = desk.session()
    days, written = days_for(session, desk.who(), person.id), written_of(session, person.id)
    habits = days.known(session)
    story = happened.lines(session, f"routine:{person.id}", words.VERBS, shown=shown)
    last = {line.note.partition(" ")[0]: line for line in story}
    rows: list[dict[str, Any]] = []
    for kind in days.kinds:
        stands, told = written.get(kind, []), last.get(kind)
        known = [words.only_when(habit) for habit in habits if habit.kind == kind]
        if told is not None and told.note != codes(stands):
            told = None  # the county's file has said otherwise since
        rows.append({
            "kind": kind, "lines": known,
            "typed": as_typed(stands), "seen": codes(stands), "hint": words.TYPE_SO.get(kind, words.TYPE_SPANS),
            "told": told, "source": words.BY_THE_FILE if stands else words.ASSUMED if known else words.UNKNOWN,
        })  # fmt: skip
    return render_template(
        "routines/desk_one.html", person=person, shown=shown, rows=rows, words=words,
        story=[(line, words.written(line.note)) for line in story],
    )  # fmt: skip
