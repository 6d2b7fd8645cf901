"""News from home in the official account: a cadre writes a few lines, with a photo or without; the family reads."""

from typing import Any
from zoneinfo import ZoneInfo

from handlers.family import after_words as words
from handlers.room import Ask, Choice, Handler, Reply
from handlers.words import plain, when
from models.errors import Refused
from models.family import news
from models.messages.media import Attached
from models.messages.optouts import opt_in, opt_out, wants_none
from models.people.consent import consents_to
from models.people.persons import Person
from models.people.scope import resident_of

SAID = "news/said"


def home(ask: Ask) -> Reply:
    """The last news of those one cares for, and whether one is told of the next."""
    found = news.news_of(ask.session, ask.who)
    silent = wants_none(ask.session, ask.who.person_id, news.LETTER)
    bell = Choice(words.NEWS_BELL, "news/bell") if silent else Choice(words.NEWS_QUIET, "news/quiet")
    if not found:
        return Reply(words.NO_NEWS, (bell, Choice("我的家人", "me/people")))
    choices = tuple(Choice(f"{_name(ask, one.cared_id)} {words.month(one.month)}", f"news/{one.id}") for one in found)
    return Reply(words.NEWS_HOME, (*choices, bell), back="menu")


def no_bell(ask: Ask) -> Reply:
    """One is told of no more news, and can read them all the same."""
    opt_out(ask.session, ask.who.person_id, news.LETTER, ask.now)
    return Reply(words.NEWS_QUIETENED, (Choice(words.NEWS_BELL, "news/bell"),), back="news")


def bell_again(ask: Ask) -> Reply:
    """One is told again."""
    opt_in(ask.session, ask.who.person_id, news.LETTER)
    return Reply(words.NEWS_TOLD_AGAIN, (Choice("家乡来信", "news"),), back="news")


def ask_news(ask: Ask, person: int) -> Reply:
    """A cadre writes about a resident: asks what, and for a photo where the resident has agreed to be shown."""
    cared = resident_of(ask.session, ask.who.person_id, person)
    photo = words.ASK_PHOTO if consents_to(ask.session, person, news.PHOTOS) else words.NO_PHOTO
    text = words.ASK_NEWS.format(cared=cared.name) + photo
    return Reply(text, ask_for=SAID, draft={"news_of": person}, back=f"staff/resident/{person}")


def said(ask: Ask) -> Reply:
    """A photo, which waits for its words; or the words, and they are sent."""
    person, photo = ask.draft.get("news_of"), ask.draft.get("photo", "")
    if not isinstance(person, int):
        raise Refused("wrong_state")
    cared = resident_of(ask.session, ask.who.person_id, person)
    kind, media_id = ask.event.get("MsgType"), ask.event.get("MediaId")
    if kind in ("image", "voice") and isinstance(media_id, str):
        if kind != "image":
            raise Refused("no_media")
        news.check_photo(ask.session, cared)
        draft: dict[str, Any] = {"news_of": person, "photo": media_id}
        return Reply(words.PHOTO_KEPT, ask_for=SAID, draft=draft, back=f"staff/resident/{person}")
    attached = Attached("image", photo) if photo else None
    news.write(ask.session, ask.who, person, ask.text, ask.now, attached)
    return Reply(words.NEWS_SENT, (Choice("我的任务", "task"),))


def room(public_url: str) -> dict[str, Handler]:
    """The addresses of this room. A photo stands on the page below `public_url`, and is sent while somebody reads."""

    def read(ask: Ask, news_id: int) -> Reply:
        """What was written; its photo comes after it, and where it does not, the page has it."""
        found = news.news_for(ask.session, ask.who, news_id)
        at = when(found.at, ZoneInfo(ask.who.zone))
        text = words.NEWS.format(cared=_name(ask, found.cared_id), at=at, text=plain(found.text))
        photo, page = news.photo_of(ask.session, found), page_of(public_url, news_id)
        if photo is not None:
            sent = news.send_photo(ask.session, ask.who, found, page, ask.now)
            said = words.PHOTO_SENT if sent else words.SEE_PHOTO if photo.state == "kept" else words.PHOTO_COMING
            text = f"{text}\n{said.format(url=page)}"
        return Reply(text, (Choice("约个视频", "call"),), back="news")

    return {
        "news": home, "news/quiet": no_bell, "news/bell": bell_again, "news/<int:news_id>": read,
        "news/for/<int:person>": ask_news, SAID: said,
    }  # fmt: skip


def page_of(public_url: str, news_id: int) -> str:
    """Where one of them is read on a page."""
    return f"{public_url}/m/family/news/{news_id}"


def _name(ask: Ask, person_id: int) -> str:
    return ask.session.get_one(Person, person_id).name


KEYWORDS = {"家乡来信": "news"}
MEDIA = frozenset({SAID})  # where a picture is an answer
