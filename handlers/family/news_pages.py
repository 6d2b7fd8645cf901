"""News from home on pages: the last of those one cares for, one of them with its photo."""

from flask import Blueprint, g, render_template
from werkzeug.wrappers import Response as Answer

from handlers.family import page_words
from handlers.family.pages import name_of
from handlers.messages import media as files
from handlers.words import when
from models.family.news import HomeNews, news_for, news_of, photo_for, photo_of
from models.people.persons import Person

ROOM = Blueprint("news", __name__, template_folder="templates")


@ROOM.get("/news")
def listed() -> str:
    """The last news of those one cares for, the newest first."""
    rows = [(one, name_of(one.cared_id), _at(one)) for one in news_of(g.session, g.who)]
    return render_template("family/pages/news.html", words=page_words, rows=rows)


@ROOM.get("/news/<int:number>")
def one(number: int) -> str:
    """One of them."""
    found = news_for(g.session, g.who, number)
    return render_template(
        "family/pages/news_one.html", words=page_words, news=found, cared=name_of(found.cared_id), at=_at(found),
        photo=photo_of(g.session, found),
    )  # fmt: skip


@ROOM.get("/news/<int:number>/photo/<int:media>")
def photo(number: int, media: int) -> Answer:
    """Its photo, for exactly those who may read it."""
    return files.send(photo_for(g.session, g.who, number, media))


def _at(found: HomeNews) -> str:
    return when(found.at, g.session.get_one(Person, g.who.person_id).tz)
