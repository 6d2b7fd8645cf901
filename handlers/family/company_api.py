"""Between calls, for the mini-program: pairs with what is due and contacts written down; news from home."""

from datetime import datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint
from flask import g
from pydantic import AwareDatetime, Field

from handlers.envelope import NO_NUL, Asked, Instant, PageAsked, Shown, refusing, said
from handlers.family import after_words as words
from handlers.messages.media import send
from handlers.words import when
from models.family.looking import pairs_seen
from models.family.news import HomeNews, news_for, news_of, photo_for, photo_of
from models.family.pairing import NOTE_LIMIT, Pairing, contacts_of, pair_for, touch
from models.hours import CHINA
from models.people.persons import Person

room = APIBlueprint("company", __name__, tag="company")


class PairsAsked(PageAsked):
    """Which pairs: all that I see, or only those that should have been in touch by now."""

    late: bool = False


class ContactAsked(Asked):
    """How they were in touch, and when (now, where it is left out)."""

    means: Literal["visit", "phone", "wechat", "call"]
    happened_at: AwareDatetime | None = None
    note: Annotated[str, Field(max_length=NOTE_LIMIT, pattern=NO_NUL)] = ""


class ContactShown(Shown):
    """Once that they were in touch."""

    means: str
    means_text: str
    happened_at: Instant
    note: str


class PairShown(Shown):
    """One pair; `role` is as what I see it: "helper" or "cadre"."""

    id: int
    role: str
    helper: str
    person_id: int
    person: str
    every_days: int
    state: str
    last_at: Instant | None
    due_at: Instant
    due_at_text: str
    late: bool


class PairWhole(PairShown):
    """The same with its last contacts, the latest first."""

    contacts: list[ContactShown]


class Pairs(Shown):
    """A list of pairs, the oldest first."""

    items: list[PairShown]
    next: int | None = None


class PhotoShown(Shown):
    """The photo that goes with it: "waiting" while it is on its way, "kept" when it can be had."""

    id: int
    state: str


class NewsShown(Shown):
    """What a cadre wrote home about somebody, once a month."""

    id: int
    person_id: int
    person: str
    month: str
    at: Instant
    at_text: str
    text: str
    photo: PhotoShown | None


class News(Shown):
    """A list of news, the newest first."""

    items: list[NewsShown]
    next: int | None = None


@room.get("/pairs")
@room.input(PairsAsked, location="query")
@room.output(Pairs)
def pairs(query_data: PairsAsked) -> Any:
    """The pairs in which I am the helper, and those of the residents below my areas."""
    late_at = g.now if query_data.late else None
    rows = pairs_seen(g.session, g.who, after=query_data.cursor or 0, limit=query_data.limit + 1, late_at=late_at)
    more = rows[query_data.limit - 1].Pairing.id if len(rows) > query_data.limit else None
    items = [_shown(row.Pairing, row.helper, row.cared) for row in rows[: query_data.limit]]
    return said(Pairs(items=[PairShown(**one) for one in items], next=more))


@room.get("/pairs/<key:pair>")
@room.output(PairWhole)
@room.doc(responses=refusing("not_yours"))
def one_pair(pair: int) -> Any:
    """One pair with its contacts."""
    return said(_whole(pair))


@room.post("/pairs/<key:pair>/contacts")
@room.input(ContactAsked)
@room.output(PairWhole)
@room.doc(responses=refusing("not_yours", "wrong_state", "bad_time"))
def contact(pair: int, json_data: ContactAsked) -> Any:
    """They were in touch; also told later: the latest moment counts."""
    at = json_data.happened_at or g.now
    touch(g.session, g.who, pair, json_data.means, at, g.now, json_data.note)
    shown = _whole(pair)
    return said(shown, words.TOUCHED.format(due=shown.due_at_text))


@room.get("/news")
@room.output(News)
def news() -> Any:
    """The last news of everybody I act for, as long as they agree to it."""
    return said(News(items=[_news(one) for one in news_of(g.session, g.who)]))


@room.get("/news/<key:number>")
@room.output(NewsShown)
@room.doc(responses=refusing("not_yours"))
def one_news(number: int) -> Any:
    """What was written."""
    return said(_news(news_for(g.session, g.who, number)))


@room.get("/news/<key:number>/photo/<key:media>")
@room.doc(responses={200: "the bytes of the photo", **refusing("not_yours")})
def photo(number: int, media: int) -> Any:
    """The photo of some news, for who may read them, as long as who is on it agrees to be shown."""
    return send(photo_for(g.session, g.who, number, media))


def _whole(key: int) -> PairWhole:
    found, _ = pair_for(g.session, g.who, key)
    helper, cared = (g.session.get_one(Person, one).name for one in (found.helper_id, found.cared_id))
    contacts = [
        ContactShown(means=line.means, means_text=words.PAIR_MEANS[line.means], happened_at=line.happened_at,
                     note=line.note)
        for line in contacts_of(g.session, key)
    ]  # fmt: skip
    return PairWhole(**_shown(found, helper, cared), contacts=contacts)


def _shown(found: Pairing, helper: str, cared: str) -> dict[str, Any]:
    now: datetime = g.now
    return {
        "id": found.id, "role": "helper" if found.helper_id == g.who.person_id else "cadre", "helper": helper,
        "person_id": found.cared_id, "person": cared, "every_days": found.every_days, "state": found.state,
        "last_at": found.last_at, "due_at": found.due_at, "due_at_text": when(found.due_at, CHINA),
        "late": found.state == "paired" and found.due_at < now,
    }  # fmt: skip


def _news(one: HomeNews) -> NewsShown:
    shown = photo_of(g.session, one)
    return NewsShown(
        id=one.id, person_id=one.cared_id, person=g.session.get_one(Person, one.cared_id).name, month=one.month,
        at=one.at, at_text=when(one.at, ZoneInfo(g.who.zone)), text=one.text,
        photo=PhotoShown(id=shown.id, state=shown.state) if shown else None,
    )  # fmt: skip
