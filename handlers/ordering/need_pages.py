"""Needs and calls for help on pages: said in one's own words, in confidence where wished, and how they stand."""

import re
import secrets
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from handlers.messages import media as files
from handlers.ordering import need_words, page_words, words
from handlers.ordering.telling import Told, my_help, my_need, standing, tell, told_by_me
from handlers.ordering.wishes import name_of
from handlers.typed import key_in
from handlers.words import when
from models.errors import Refused
from models.messages.media import media_of, one_of
from models.ordering.helping import withdraw
from models.ordering.matters import phone_for
from models.people.care import cared_for_by
from models.people.persons import Person
from models.places.areas import Area

ROOM = Blueprint("needs", __name__, template_folder="templates")
BESIDE = ("said_nothing", "said_long", "no_media", "media_long")
FILES = ("photo", "voice")
_KEY = re.compile(r"[0-9a-f]{24}")


@ROOM.get("/needs")
def mine() -> str:
    """What I told, with its state, and the two ways to tell more."""
    rows = [(one, _line(one), standing(g.session, one), _day(one)) for one in told_by_me(g.session, g.who)]
    told = page_words.TAKEN.get(request.args.get("told", ""), "")
    return render_template("ordering/pages/needs.html", words=words, more=page_words, rows=rows, told=told)


@ROOM.get("/<any(needs, help):what>/new")
def form(what: str) -> str:
    """Says what it is for, for whom, and whether it is a secret."""
    return _form(what, secrets.token_hex(12))


@ROOM.post("/<any(needs, help):what>/new")
def send(what: str) -> str | Answer | tuple[str, int]:
    """Handed in; where it speaks of danger, the number to call stands before everything."""
    key, text, chosen = (request.form.get(name, "") for name in ("key", "text", "person"))
    if not _KEY.fullmatch(key):
        raise Refused("stale_form")
    people = dict(_people())
    person = key_in(chosen) if chosen or len(people) != 1 else next(iter(people))
    if person is None or person not in people:
        return _form(what, key, text=text, person_error=page_words.PICK_PERSON), 422
    how = request.form.get("how", "")
    how = how if how in dict(page_words.HOWS[what]) else "open"
    try:
        found, danger = _told(what, text=text, person_id=person, key=key, how=how)
    except Refused as refusal:
        if refusal.code not in BESIDE:
            raise
        error = page_words.PAGE_REFUSALS[refusal.code].format(**refusal.facts)
        return _form(what, key, text=text, error=error, chosen=person, how=how), 422
    if danger:
        return _danger(danger, found)
    return redirect(url_for(".mine", told=how), 303)


def _told(what: str, *, text: str, person_id: int, key: str, how: str) -> tuple[Told | None, str]:
    """Taken down with what came with it; what the same form brought once more does not stay in the folder."""
    brought = files.take(request.files[name] for name in FILES if name in request.files)
    found, danger = tell(
        g.session, g.who, what.removesuffix("s"), text=text, person_id=person_id, confidential=how == "secret",
        channel="page", key=key, now=g.now, anonymous=how == "nameless", brought=brought,
    )  # fmt: skip
    kept = {one.file for one in media_of(g.session, found.subject)} if found is not None else set()
    files.drop(one for one in brought if one.file not in kept)
    return found, danger


@ROOM.get("/needs/<int:need>/media/<int:media>")
def need_media(need: int, media: int) -> Answer:
    """A photo or voice note of a need, for who told it."""
    return files.send(one_of(g.session, my_need(g.session, g.who, need).subject, media))


@ROOM.get("/help/<int:call>/media/<int:media>")
def help_media(call: int, media: int) -> Answer:
    """A photo or voice note of a call for help, for who told it."""
    return files.send(one_of(g.session, my_help(g.session, g.who, call).subject, media))


@ROOM.get("/needs/<int:need>")
def one_need(need: int) -> str:
    """One need and what became of it, for who told it."""
    return _one(my_need(g.session, g.who, need))


@ROOM.get("/help/<int:call>")
def one_help(call: int) -> str:
    """One call for help and what became of it, for who told it."""
    return _one(my_help(g.session, g.who, call))


@ROOM.post("/help/<int:call>/withdraw")
def no_more(call: int) -> Answer:
    """The help is not needed any more."""
    withdraw(g.session, g.who, call, g.now)
    return redirect(url_for(".one_help", call=call), 303)


def _people() -> list[tuple[int, str]]:
    """For whom somebody may speak: themselves, where we know their village, and those they care for."""
    me = g.session.get_one(Person, g.who.person_id)
    found = [(me.id, words.MY_SELF)] if me.area_id is not None else []
    return found + [(person.id, person.name) for person, _ in cared_for_by(g.session, me.id)]


def _form(what: str, key: str, **typed: Any) -> str:
    people = _people()
    if not people:
        raise Refused("no_area")
    return render_template("ordering/pages/need_new.html", words=words, more=page_words, what=what, key=key,
                           people=people, **typed)  # fmt: skip


def _danger(danger: str, found: Told | None) -> str:
    kept = "" if found is None else need_words.DANGER_KEPT_QUIETLY if found.confidential else need_words.DANGER_KEPT
    return render_template(
        "ordering/pages/danger.html", words=words, more=page_words, sentence=need_words.DANGER[danger], kept=kept,
        numbers=page_words.DANGER_NUMBERS[danger],
    )  # fmt: skip


def _one(found: Told) -> str:
    area = g.session.get_one(Area, found.area_id)
    person = g.session.get_one(Person, found.person_id) if found.person_id is not None else None
    return render_template(
        "ordering/pages/need.html", words=words, more=page_words, one=found, stands=standing(g.session, found),
        media=media_of(g.session, found.subject),
        whom=name_of(person) if person else "", at=_day(found), line=_line(found), phone=phone_for(g.session, area)[1],
    )  # fmt: skip


def _line(one: Told) -> str:
    return need_words.excerpt(one.text)


def _day(one: Told) -> str:
    return when(one.created_at, ZoneInfo(g.who.zone))
