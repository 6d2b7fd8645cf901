"""需求 at the staff desk: what a clerk gathers, and what is decided about one of them."""

from typing import Any

from flask import Blueprint, render_template, request, url_for
from werkzeug.wrappers import Response

from handlers import desk, happened, masking
from handlers.messages.media import send
from handlers.ordering import need_desk_words as said
from handlers.ordering import need_words
from handlers.tasks import words as task_words
from models.errors import Refused
from models.messages.media import one_of
from models.ordering import hearing, triage
from models.ordering.confided import takers
from models.ordering.demands import AUDIENCES, TITLE_LIMIT, DemandItem, add_item, draft_of
from models.ordering.matters import check_as_seen
from models.ordering.needs import WAITING, NeedSubmission, locked_need, need_for
from models.ordering.said import SAID_CATEGORIES
from models.ordering.townships import township_of, townships_of
from models.ordering.voices import people_behind, root_of, voices_seen
from models.people.contacts import ways_to
from models.people.persons import Person
from models.places.areas import Area

ROOM = Blueprint("needs", __name__, url_prefix="/needs", template_folder="templates")


@ROOM.get("/")
def listed() -> str:
    """The needs that this clerk gathers."""
    session, who = desk.session(), desk.who()
    asked = question(said.NEED_VIEWS)
    found = hearing.needs(session, who, asked, desk.cursor())
    ids = [row.NeedSubmission.id for row in found.rows]
    return render_template(
        "needs/desk_list.html", found=found, asked=asked, labels=said.LABELS, said=said, need_words=need_words,
        people=people_behind(session, ids), views=said.NEED_VIEWS, line=line_of(found.rows),
        townships=[(area.id, area.name) for area in townships_of(session, who.person_id)],
    )  # fmt: skip


def question(views: dict[str, str]) -> hearing.Question:
    """The filter row as it was asked."""
    return hearing.Question(
        desk.asked("view", views) or "waiting", desk.asked("kind", said.KINDS), desk.number("township"),
        desk.asked("urgent") == "1",
    )  # fmt: skip


def line_of(rows: list[Any]) -> dict[int, str]:
    """What each row of a list says of the matter in one line; a secret is read on its own page."""
    kinds = hearing.media_kinds(desk.session(), [row[0].subject for row in rows])
    return {
        row[0].id: said.CONFIDED_LINE if row[0].confidential else masking.typed(
            need_words.excerpt(row[0].text, kinds.get(row[0].subject, ()), 40), row.person or ""
        ) for row in rows
    }  # fmt: skip


@ROOM.get("/<int:need>")
def one(need: int) -> str:
    """One need with its voices, and what can be decided."""
    found = _clerks(need)
    if found.confidential:
        desk.note("secret_read", found.subject)
    return _whole(found)


@ROOM.post("/<int:need>/reveal")
def reveal(need: int) -> str:
    """The same with names, words and phones, for a reason."""
    found = _clerks(need)
    desk.reveal(found.subject)
    return _whole(found, shown=True)


@ROOM.get("/<int:need>/media/<int:media>")
def shown_media(need: int, media: int) -> Response:
    """A photo or a voice note, for who may see the need; each look is written down."""
    found = _clerks(need)
    desk.note("media_seen", found.subject)
    return send(one_of(desk.session(), found.subject, media))


@ROOM.post("/<int:need>/kind")
def sort(need: int) -> Response:
    """Of what kind it is."""
    _as_seen(need)
    secret = request.form.get("secret") == "1"
    triage.look_at(desk.session(), desk.who(), need, desk.typed("kind"), desk.now(), confidential=secret)
    return _done("need_kind", need, "need_kind")


@ROOM.post("/<int:need>/into")
def merge(need: int) -> Response:
    """The same as another."""
    _as_seen(need)
    into = desk.number("into", form=True) or 0
    triage.merge(desk.session(), desk.who(), need, into, desk.now())
    return _done("need_merge", need, "merged", to=into)


@ROOM.post("/<int:need>/apart")
def part(need: int) -> Response:
    """Not the same after all."""
    _as_seen(need)
    triage.unmerge(desk.session(), desk.who(), need, desk.now())
    return _done("need_unmerge", need, "parted")


@ROOM.post("/<int:need>/list")
def adopt(need: int) -> Response:
    """Under an item that stands in a draft, or under a new one."""
    session, who, now = desk.session(), desk.who(), desk.now()
    found, item = _as_seen(need), desk.number("item", form=True)
    if item is None:
        audience = desk.typed("audience")
        if audience not in AUDIENCES:
            raise Refused("wrong_state")
        draft = draft_of(session, who, _township(found).id, audience, now)
        item = add_item(session, who, draft.id, desk.typed("title"), found.category or "other", now).id
    triage.adopt(session, who, need, item, now)
    return _done("need_adopt", need, "adopted", to=item)


@ROOM.post("/<int:need>/off")
def take_off(need: int) -> Response:
    """Off the draft again."""
    _as_seen(need)
    triage.take_off(desk.session(), desk.who(), need, desk.now())
    return _done("need_take_off", need, "taken_off")


@ROOM.post("/<int:need>/answer")
def answer(need: int) -> Response:
    """Answered with a reason; or with whose it is, and why it is not ours."""
    _as_seen(need)
    triage.decline(desk.session(), desk.who(), need, reason_given(), desk.now())
    return _done("need_decline", need, "declined")


@ROOM.post("/<int:need>/to")
def hand_over(need: int) -> Response:
    """Another clerk keeps the secret from now on."""
    _as_seen(need)
    to = desk.number("to", form=True) or 0
    triage.hand_over(desk.session(), desk.who(), need, to, desk.now())
    desk.note("need_hand_over", f"need:{need}", to=to)
    return desk.back_to("console.needs.listed", "handed_over")


def _done(verb: str, need: int, word: str, **detail: Any) -> Response:
    desk.note(verb, f"need:{need}", **detail)
    return desk.back_to("console.needs.one", word, need=need)


def _clerks(need: int) -> NeedSubmission:
    found, role = need_for(desk.session(), desk.who(), need)
    if role != "clerk":
        raise Refused("not_yours")
    return found


def _as_seen(need: int) -> NeedSubmission:
    """The need, held, where the page that was acted from is still true."""
    found = locked_need(desk.session(), _clerks(need).id)
    check_as_seen(found, desk.typed("seen"))
    return found


def _township(need: NeedSubmission) -> Area:
    return township_of(desk.session(), desk.session().get_one(Area, need.area_id))


def _whole(need: NeedSubmission, *, shown: bool = False) -> str:
    session, who = desk.session(), desk.who()
    voices, waits = voices_seen(session, who, need), need.state in WAITING
    media = hearing.media_of_all(session, [voice.need.subject for voice in voices if not voice.hidden])
    names = [voice.name for voice in voices]
    township, root = _township(need), root_of(session, need)
    item = session.get(DemandItem, need.demand_id) if need.demand_id is not None else None
    others = takers(session, who, "need", need.id) if need.confidential else []
    return render_template(
        "needs/desk_one.html", need=need, shown=shown, waits=waits, voices=voices, media=media, labels=said.LABELS,
        said=said, need_words=need_words, people=people_behind(session, [root.id]).get(root.id, 1), item=item,
        whom=whom_of(need), place=session.get_one(Area, need.area_id).name, kinds=SAID_CATEGORIES,
        told=lambda text: text if shown else masking.typed(text, *names), into=root if root.id != need.id else None,
        alike=triage.likes(session, who, need.id) if waits and not need.confidential else [],
        items=hearing.draft_items(session, township.id) if waits else [], clerks=others, limit=TITLE_LIMIT,
        ways=contact_of(need), way_words=task_words,
        media_href=lambda media: url_for(".shown_media", need=need.id, media=media.id),
        happened=happened.lines(session, need.subject, said.NEED_VERBS, shown=shown),
    )  # fmt: skip


def whom_of(thing: Any) -> tuple[str, str]:
    """The name of whose matter it is, and of the relative who said it for them; "" where there is none."""
    session = desk.session()
    person = session.get_one(Person, thing.person_id).name if thing.person_id is not None else ""
    if thing.by_clerk or thing.teller_id in (None, thing.person_id):
        return person, ""
    return person, session.get_one(Person, thing.teller_id).name


def reason_given() -> str:
    """Why not, as the form says it: a reason, or whose it is and why it is not ours; raises Refused("reason_missing").

    A reason alone may be empty: the rule that is asked says so.
    """
    reason, whose = desk.typed("why"), desk.typed("whose")
    if "whose" not in request.form:
        return reason
    if not whose or not reason:
        raise Refused("reason_missing")
    return said.NOT_OURS.format(who=whose, why=reason)


def contact_of(thing: Any) -> list[Any]:
    """How to reach whom to ask about it: of a secret only who told it, for the others may be what it is about."""
    key = thing.teller_id if thing.confidential else thing.person_id
    return ways_to(desk.session(), key) if key is not None else []


def changed(subject: str) -> str:
    """What has happened to a need since a page showed it."""
    return said.CHANGED.format(what=happened.last(desk.session(), subject, said.NEED_VERBS, desk.now()))
