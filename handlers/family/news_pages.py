"""News from home on pages: what cadres wrote about those I act for, who agreed to it, and whether I am told of it."""

from zoneinfo import ZoneInfo

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from handlers.family import after_words, page_words
from handlers.family.pages import name_of, told
from handlers.messages import media as files
from handlers.words import on_day
from models.family import news
from models.messages.optouts import wants_none, wish
from models.people.care import links_of
from models.people.consent import consents_to

ROOM = Blueprint("news", __name__, template_folder="templates")


@ROOM.get("/family/news")
def mine() -> str:
    """The last news, who of those I act for agreed to such letters, and whether I hear of a new one."""
    me = g.who.person_id
    rows = [(one, name_of(one.cared_id), after_words.month(one.month)) for one in news.news_of(g.session, g.who)]
    people = [(person.name, consents_to(g.session, person.id, news.KIND)) for _, person in links_of(g.session, me)]
    return render_template(
        "family/pages/news.html", words=page_words, rows=rows, people=people, told=told(), nothing=after_words.NO_NEWS,
        silent=wants_none(g.session, me, news.LETTER),
    )  # fmt: skip


@ROOM.get("/family/news/<int:letter>")
def one(letter: int) -> str:
    """What was written with its photo, as long as the elder agrees to the one and to the other."""
    found = news.news_for(g.session, g.who, letter)
    return render_template(
        "family/pages/news_one.html", words=page_words, news=found, cared=name_of(found.cared_id),
        photo=news.photo_of(g.session, found), month=after_words.month(found.month),
        at=on_day(found.at.astimezone(ZoneInfo(g.who.zone)).date()),
    )  # fmt: skip


@ROOM.get("/family/news/<int:letter>/photo/<int:media>")
def photo(letter: int, media: int) -> Answer:
    """Its photo, for exactly those who may read it."""
    return files.send(news.photo_for(g.session, g.who, letter, media))


@ROOM.post("/family/news/bell")
def bell() -> Answer:
    """I am told of new ones, or not: they can be read here in any case."""
    silent = request.form.get("silent") == "1"
    wish(g.session, g.who.person_id, news.LETTER, silent=silent, now=g.now)
    return redirect(url_for(".mine", told="news_quiet" if silent else "news_bell"), 303)
