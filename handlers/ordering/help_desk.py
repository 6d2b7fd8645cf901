"""求助 at the staff desk: calls for help with what is on no list (关键小事), given on, noted, done, answered."""

from flask import Blueprint, render_template, request, url_for
from werkzeug.wrappers import Response

from handlers import desk, happened, masking
from handlers.messages.media import send
from handlers.ordering import need_desk_words as said
from handlers.ordering import need_words
from handlers.ordering.needs_desk import contact_of, line_of, question, reason_given, whom_of
from handlers.tasks import words as task_words
from models.errors import Refused
from models.messages.media import one_of
from models.ordering import hearing, helping
from models.ordering.help import LIVE_HELP, HelpRequest, help_for, locked_help, notes_of
from models.ordering.matters import check_as_seen
from models.ordering.said import SAID_CATEGORIES
from models.ordering.townships import townships_of
from models.people.persons import Person
from models.places.areas import Area

ROOM = Blueprint("help", __name__, url_prefix="/help", template_folder="templates")


@ROOM.get("/")
def listed() -> str:
    """The calls for help that this cadre may look after."""
    session, who = desk.session(), desk.who()
    asked = question(said.HELP_VIEWS)
    found = hearing.calls(session, who, asked, desk.cursor())
    return render_template(
        "help/desk_list.html", found=found, asked=asked, labels=said.LABELS, said=said, need_words=need_words,
        views=said.HELP_VIEWS, line=line_of(found.rows), live=LIVE_HELP,
        townships=[(area.id, area.name) for area in townships_of(session, who.person_id)],
    )  # fmt: skip


@ROOM.get("/<int:call>")
def one(call: int) -> str:
    """One call for help with its notes, and what can be done about it."""
    found = _helpers(call)
    if found.confidential:
        desk.note("secret_read", found.subject)
    return _whole(found)


@ROOM.post("/<int:call>/reveal")
def reveal(call: int) -> str:
    """The same with names, words and phones, for a reason."""
    found = _helpers(call)
    desk.reveal(found.subject)
    return _whole(found, shown=True)


@ROOM.get("/<int:call>/media/<int:media>")
def shown_media(call: int, media: int) -> Response:
    """A photo or a voice note, for who may see the call; each look is written down."""
    found = _helpers(call)
    desk.note("media_seen", found.subject)
    return send(one_of(desk.session(), found.subject, media))


@ROOM.post("/<int:call>/kind")
def sort(call: int) -> Response:
    """Of what kind it is."""
    _as_seen(call)
    secret = request.form.get("secret") == "1"
    helping.look_at_help(desk.session(), desk.who(), call, desk.typed("kind"), desk.now(), confidential=secret)
    return _done("help_kind", call, "need_kind")


@ROOM.post("/<int:call>/to")
def give(call: int) -> Response:
    """Somebody over the place is asked to help; of a secret nobody else reads any more."""
    secret, to = _as_seen(call).confidential, desk.number("to", form=True) or 0
    helping.assign(desk.session(), desk.who(), call, to, desk.now())
    desk.note("help_assign", f"help:{call}", to=to)
    if secret and to != desk.who().person_id:
        return desk.back_to("console.help.listed", "handed_over")
    return desk.back_to("console.help.one", "given", call=call)


@ROOM.post("/<int:call>/note")
def note(call: int) -> Response:
    """How it goes: nothing that a newer page would not say too, so an old page may note as well."""
    helping.note(desk.session(), desk.who(), call, desk.typed("text"), desk.now())
    return _done("help_note", call, "noted")


@ROOM.post("/<int:call>/done")
def finish(call: int) -> Response:
    """Done, and what was done."""
    _as_seen(call)
    helping.finish(desk.session(), desk.who(), call, desk.typed("text"), desk.now())
    return _done("help_done", call, "finished_help")


@ROOM.post("/<int:call>/close")
def close(call: int) -> Response:
    """It cannot be done, and why; or whose it is."""
    _as_seen(call)
    helping.close(desk.session(), desk.who(), call, reason_given(), desk.now())
    return _done("help_close", call, "closed_help")


def _done(verb: str, call: int, word: str) -> Response:
    desk.note(verb, f"help:{call}")
    return desk.back_to("console.help.one", word, call=call)


def _helpers(call: int) -> HelpRequest:
    found, role = help_for(desk.session(), desk.who(), call)
    if role == "teller":
        raise Refused("not_yours")
    return found


def _as_seen(call: int) -> HelpRequest:
    """The call, held, where the page that was acted from is still true."""
    found = locked_help(desk.session(), _helpers(call).id)
    check_as_seen(found, desk.typed("seen"))
    return found


def _whole(call: HelpRequest, *, shown: bool = False) -> str:
    session, who, live = desk.session(), desk.who(), call.state in LIVE_HELP
    whom = whom_of(call)
    holder = session.get(Person, call.holder_id) if call.holder_id is not None else None
    return render_template(
        "help/desk_one.html", call=call, shown=shown, live=live, labels=said.LABELS, said=said, whom=whom,
        need_words=need_words, place=session.get_one(Area, call.area_id).name, kinds=SAID_CATEGORIES,
        told=lambda text: text if shown else masking.typed(text, *whom), holder=holder.name if holder else "",
        media=hearing.media_of_all(session, [call.subject]).get(call.subject, []),
        notes=notes_of(session, who, call.id),
        people=helping.helpers_for(session, who, call.id) if live else [], ways=contact_of(call),
        way_words=task_words,
        media_href=lambda media: url_for(".shown_media", call=call.id, media=media.id),
        happened=happened.lines(session, call.subject, said.HELP_VERBS, shown=shown),
    )  # fmt: skip


def changed(subject: str) -> str:
    """What has happened to a call since a page showed it."""
    return said.CHANGED.format(what=happened.last(desk.session(), subject, said.HELP_VERBS, desk.now()))
