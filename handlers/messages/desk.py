"""Letters at the staff desk: what was sent to whom, why, what became of it, and saying it once more."""

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from handlers import desk, happened, masking
from handlers.messages import words
from handlers.messages.seen import within
from models.life import By
from models.messages.letters import LETTER, Letter
from models.messages.looking import (
    PRIVATE_KINDS,
    Question,
    Seen,
    is_stuck,
    look_within,
    not_again,
    one_within,
    resend,
    said_again,
)
from models.register import LIVES

ROOM = Blueprint("letters", __name__, url_prefix="/letters", template_folder="templates")


@ROOM.get("/")
def listed() -> str:
    """Letters about what is below this cadre's areas."""
    return _list(desk.asked("state", {**words.GROUPS, **words.STATES}), desk.asked("kind", words.KINDS))


@ROOM.post("/search")
def search() -> str:
    """Those to a reader of a name: asked in a form, so that the name stands in no address and no log."""
    desk.note("search", "")
    return _list("", "", desk.typed("whom"))


def _list(state: str, kind: str, whom: str = "") -> str:
    states = words.IN_GROUP.get(state, (state,) if state else ())
    question = Question(whom, states, kind=kind)
    found = look_within(desk.session(), question, within(desk.who().person_id), desk.cursor())
    return render_template(
        "letters/desk_list.html", found=found, words=words, state=state, kind=kind, whom=whom, is_stuck=is_stuck
    )


@ROOM.get("/<int:letter>")
def one(letter: int) -> str:
    """One letter."""
    return _whole(_seen(letter))


@ROOM.post("/<int:letter>/reveal")
def reveal(letter: int) -> str:
    """The same as the reader got it, for a reason."""
    seen = _seen(letter)
    desk.reveal(LETTER.subject(seen.letter))
    return _whole(seen, shown=True)


@ROOM.post("/<int:letter>/again")
def again(letter: int) -> Response:
    """Say it once more, as a letter of its own."""
    old = _seen(letter).letter
    by = By(desk.who().person_id, "cadre")
    seen = desk.number("seen", form=True)
    new = resend(desk.session(), old.id, lives=LIVES, by=by, reason=desk.typed("why"), now=desk.now(), seen=seen or 0)
    desk.note("letter_resend", LETTER.subject(old), new=new.id)
    return desk.back_to("console.letters.one", "resent", letter=new.id)


def changed(_: str) -> str:
    """What has happened to a letter since a page showed it."""
    return words.CHANGED


def _seen(letter: int) -> Seen:
    return one_within(desk.session(), letter, within(desk.who().person_id))


def _whole(seen: Seen, *, shown: bool = False) -> str:
    letter = seen.letter
    return render_template(
        "letters/desk_one.html", letter=letter, shown=shown, words=words, stuck=is_stuck(letter, desk.now()),
        reader=seen.person if shown else masking.name(seen.person), said=_said(seen, shown),
        against=not_again(desk.session(), letter, desk.now()), seen=len(said_again(desk.session(), letter)),
        happened=happened.lines(desk.session(), LETTER.subject(letter), words.VERBS, shown=shown),
        waits=letter.state in ("planned", "retry"), private=letter.kind in PRIVATE_KINDS,
    )  # fmt: skip


def _said(seen: Seen, shown: bool) -> str:
    letter: Letter = seen.letter
    if letter.kind in PRIVATE_KINDS:
        return words.NOT_SHOWN
    if not letter.said:
        return words.NOT_SAID_YET
    return letter.said if shown else masking.said(letter.said, letter.facts, seen.person)
