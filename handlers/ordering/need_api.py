"""Needs and calls for help in the mini-program: told, followed, taken back."""

from typing import Annotated, Any

from apiflask import APIBlueprint
from flask import g, request
from pydantic import Field

from handlers.envelope import NO_NUL, Asked, ClientKey, Instant, Key, Shown, refusing, said
from handlers.messages.media import send, take
from handlers.ordering import need_words, page_words
from handlers.ordering.telling import Told, my_help, my_need, standing, tell, told_by_me
from models.errors import Refused
from models.messages.media import keep, media_of, one_of
from models.ordering.help import LIVE_HELP, locked_help
from models.ordering.helping import withdraw
from models.ordering.needs import WAITING, locked_need
from models.people.persons import Person

room = APIBlueprint("needs", __name__, tag="needs")

MOST_FILES = 6  # of one matter
OPEN_TO_FILES = (*WAITING, *LIVE_HELP)

_REFUSALS = ("not_yours", "no_link", "not_active", "no_area", "no_clerk", "said_nothing", "said_long")


class TellAsked(Asked):
    """What is told, in one's own words. `client_key` makes it one however often it is sent."""

    client_key: ClientKey
    text: Annotated[str, Field(max_length=4000, pattern=NO_NUL)]
    person_id: Key | None = None  # None: for myself
    confidential: bool = False


class NeedAsked(TellAsked):
    """A need. `anonymous`: no name is kept, so nobody can answer, and the answer here names nothing either."""

    anonymous: bool = False


class MediaShown(Shown):
    """A voice note ("voice") or picture ("image"); it can be had while its state is "kept"."""

    id: int
    kind: str
    state: str


class MatterShown(Shown):
    """One need ("need") or call for help ("help"). `became` is "" until something was decided."""

    kind: str
    id: int
    text: str
    person: str | None
    confidential: bool
    state: str
    state_text: str
    became: str
    handler: str
    created_at: Instant
    media: list[MediaShown]
    may: list[str]


class Danger(Shown):
    """What was told speaks of danger: show `sentence` and the numbers to call before everything else."""

    kind: str
    sentence: str
    numbers: list[str]


class Heard(Shown):
    """What was taken down. With danger it is a call for help, and null where it could not be kept."""

    matter: MatterShown | None
    danger: Danger | None


class Matters(Shown):
    """A list of needs and calls for help, the newest first."""

    items: list[MatterShown]
    next: int | None = None


@room.post("/needs")
@room.input(NeedAsked)
@room.output(Heard, status_code=201)
@room.doc(responses=refusing(*_REFUSALS))
def new_need(json_data: NeedAsked) -> Any:
    """Tell a need: what service there should be."""
    return _take("need", json_data, anonymous=json_data.anonymous)


@room.post("/help")
@room.input(TellAsked)
@room.output(Heard, status_code=201)
@room.doc(responses=refusing(*_REFUSALS))
def new_help(json_data: TellAsked) -> Any:
    """Call for help with something that is on no list."""
    return _take("help", json_data)


@room.get("/needs")
@room.output(Matters)
def mine() -> Any:
    """What I told, with its state; what another told in confidence is never there."""
    return said(Matters(items=[_shown(one) for one in told_by_me(g.session, g.who)]))


@room.get("/needs/<key:need>")
@room.output(MatterShown)
@room.doc(responses=refusing("not_yours"))
def one_need(need: int) -> Any:
    """One need that I told."""
    return said(_shown(my_need(g.session, g.who, need)))


@room.get("/help/<key:call>")
@room.output(MatterShown)
@room.doc(responses=refusing("not_yours"))
def one_help(call: int) -> Any:
    """One call for help that I told."""
    return said(_shown(my_help(g.session, g.who, call)))


@room.post("/help/<key:call>/withdraw")
@room.output(MatterShown)
@room.doc(responses=refusing("not_yours", "wrong_state"))
def no_more(call: int) -> Any:
    """The help is not needed any more; twice is once."""
    return said(_shown(withdraw(g.session, g.who, call, g.now)), need_words.WITHDRAWN)


@room.post("/needs/<key:need>/media")
@room.output(MatterShown, status_code=201)
@room.doc(responses=refusing("not_yours", "wrong_state", "no_media", "media_long"))
def add_to_need(need: int) -> Any:
    """Add a photo or a voice note to a need that I told, until it is decided (wx.uploadFile, field `file`)."""
    return said(_shown(_with_files(locked_need(g.session, my_need(g.session, g.who, need).id))))


@room.post("/help/<key:call>/media")
@room.output(MatterShown, status_code=201)
@room.doc(responses=refusing("not_yours", "wrong_state", "no_media", "media_long"))
def add_to_help(call: int) -> Any:
    """Add a photo or a voice note to a call for help that I told, while it is open."""
    return said(_shown(_with_files(locked_help(g.session, my_help(g.session, g.who, call).id))))


@room.get("/needs/<key:need>/media/<key:media>")
@room.doc(responses=refusing("not_yours"))
def need_media(need: int, media: int) -> Any:
    """The bytes of a photo or a voice note of a need that I told."""
    return send(one_of(g.session, my_need(g.session, g.who, need).subject, media))


@room.get("/help/<key:call>/media/<key:media>")
@room.doc(responses=refusing("not_yours"))
def help_media(call: int, media: int) -> Any:
    """The bytes of a photo or a voice note of a call for help that I told."""
    return send(one_of(g.session, my_help(g.session, g.who, call).subject, media))


def _with_files(one: Told) -> Told:
    """What is told, held by the caller so that of two who add to it the second counts what the first has added."""
    files = [file for _, file in request.files.items(multi=True)]
    if len(media_of(g.session, one.subject)) + max(len(files), 1) > MOST_FILES or one.state not in OPEN_TO_FILES:
        raise Refused("wrong_state")
    brought = take(files)
    if not brought:
        raise Refused("no_media")
    for each in brought:
        keep(g.session, one.subject, each, g.now)
    return one


def _take(what: str, asked: TellAsked, *, anonymous: bool = False) -> Any:
    found, kind = tell(
        g.session, g.who, what, text=asked.text, person_id=asked.person_id or g.who.person_id,
        confidential=asked.confidential, channel="api", key=asked.client_key, now=g.now,
        anonymous=anonymous,
    )  # fmt: skip
    danger = None
    if kind:
        numbers = [number for number, _ in page_words.DANGER_NUMBERS[kind]]
        danger = Danger(kind=kind, sentence=need_words.DANGER[kind], numbers=numbers)
    if found is not None and found.said_by_id is None:
        g.nameless = True
        return said(Heard(matter=None, danger=None), page_words.TAKEN["nameless"])
    quiet = page_words.TAKEN["secret" if asked.confidential else "open"]
    return said(Heard(matter=_shown(found) if found else None, danger=danger), danger.sentence if danger else quiet)


def _shown(one: Told) -> MatterShown:
    stands = standing(g.session, one)
    person = g.session.get_one(Person, one.person_id).name if one.person_id is not None else None
    return MatterShown(
        kind=stands.kind, id=one.id, text=one.text, person=person, confidential=one.confidential, state=stands.state,
        state_text=stands.state_text, became=stands.became, handler=stands.handler, created_at=one.created_at,
        media=[MediaShown(id=each.id, kind=each.kind, state=each.state) for each in media_of(g.session, one.subject)],
        may=list(stands.may),
    )  # fmt: skip
