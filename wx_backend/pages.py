"""The pages inside WeChat (`/m`): who looks, one transaction for each request, what a browser may do, how a no is said.

The rooms themselves are `handlers/<quarter>/pages.py`; they find `g.session`, `g.now`, `g.who` and `g.large`.
"""

import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Flask, Response, current_app, g, make_response, render_template, request
from flask import session as cookie
from flask_limiter import Limiter, RateLimitExceeded
from flask_limiter.util import get_remote_address
from flask_wtf.csrf import CSRFError, CSRFProtect
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as TurnTimeout
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as Answer

from handlers import words
from handlers.family import (
    answer_pages,
    booking_pages,
    feed_pages,
    news_pages,
    routine_pages,
    series_pages,
    series_rules_pages,
)
from handlers.family import pages as family
from handlers.messages import pages as notices
from handlers.messages.media import Folder, drop_brought
from handlers.ordering import after_pages, jobs_pages, line_pages, need_pages
from handlers.ordering import pages as ordering
from handlers.people import kin_pages, trust_pages
from handlers.people import pages as people
from models.base import again_where_it_gave_way, gave_way
from models.errors import Refused
from models.family.ways import Offered
from models.messages.subscriptions import Topic
from models.people.homes import centres_near, first_with_phone
from wx_backend import guard, shield
from wx_backend.database import db
from wx_backend.entrance import Entrance, own_path
from wx_backend.sdk import Sdk
from wx_backend.web.assets import Asset

log = logging.getLogger(__name__)

BODY_LIMIT = 64 * 1024
# What a stranger may not learn, and what is simply not so any more. Everything else is an answer that does not fit.
UNSEEN = frozenset({"not_yours", "no_link"})
UNFIT = frozenset({
    "answer_needed", "answer_number", "answer_value", "answer_long", "note_long", "bad_time", "too_far",
    "reason_missing", "agreement_missing",
})  # fmt: skip
ROOMS = (
    people.ROOM, ordering.ROOM, after_pages.ROOM, jobs_pages.ROOM, need_pages.ROOM, line_pages.ROOM, family.ROOM,
    booking_pages.ROOM, answer_pages.ROOM, series_pages.ROOM, news_pages.ROOM, routine_pages.ROOM, kin_pages.ROOM,
    trust_pages.ROOM, series_rules_pages.ROOM, notices.ROOM,
)  # fmt: skip
OPEN_TO_ALL = "pages.entrance.enter"
ASK_WECHAT = frozenset({OPEN_TO_ALL, "pages.sdk.signed"})  # they hold their own transactions, and none meanwhile
WITH_TAGS = "pages.notices.mine"
NOWHERE = "pages.nowhere"


def _person() -> str:
    return f"person:{g.who.person_id}"


# Who may do what how often: by endpoint. Whoever is not in yet is counted by address.
LIMITS: Mapping[str, tuple[str, Callable[[], str]]] = {
    OPEN_TO_ALL: ("300 per minute", get_remote_address),
    "pages.ordering.place_order": ("10 per hour", _person),
    "pages.needs.send": ("20 per hour", _person),
    "pages.booking.new": ("20 per hour", _person),
    "pages.booking.check": ("60 per hour", _person),
    "pages.kin.ask": ("20 per hour", _person),
    "pages.feed.new": ("20 per hour", _person),
    "pages.notices.answered": ("60 per hour", _person),
    "pages.sdk.signed": ("120 per hour", _person),
}


@dataclass(frozen=True)
class Frame:
    """What stands around every page. `topics` are what people can agree to be written to by; `webview` is where a
    browser that is not WeChat's gets what WeChat's own would bring: the sandbox, and empty before WeChat itself."""

    entrance: Entrance
    csrf: CSRFProtect
    limiter: Limiter
    assets: Mapping[str, Asset]
    refusals: Mapping[str, str]
    media: Folder
    offered: Offered
    turn: Callable[[], AbstractContextManager[object]]
    topics: Sequence[Topic] = ()
    webview: str = ""

    def register(self, app: Flask) -> None:
        """Join the rooms below `/m` and give each of their views its transaction."""
        rooms = Blueprint("pages", __name__, url_prefix="/m", template_folder="web")
        way_in = self.entrance
        sdk = Sdk(way_in.client, way_in.public_url, way_in.now)
        for room in (*ROOMS, feed_pages.room(way_in.public_url), way_in.room(), sdk.room()):
            rooms.register_blueprint(room)
        rooms.add_url_rule("/<path:rest>", "nowhere", _nowhere, methods=["GET", "POST"])
        rooms.before_request(self._before)
        rooms.after_request(self._dressed)
        rooms.context_processor(self._at_hand)
        rooms.register_error_handler(Exception, self._failed)
        app.register_blueprint(rooms)
        for endpoint in [name for name in app.view_functions if name.startswith("pages.")]:
            view: Callable[..., Any] = app.view_functions[endpoint]
            if endpoint not in ASK_WECHAT:
                view = self._whole(view)
            if endpoint in LIMITS:
                limit, whose = LIMITS[endpoint]
                view = self.limiter.limit(limit, key_func=whose)(view)
            app.view_functions[endpoint] = view

    def _before(self) -> Answer | None:
        """Who looks; whoever is not known is sent to WeChat first. What changes something carries a token of ours."""
        g.session, g.now, g.who, g.large = db.session(), self.entrance.now(), None, False
        g.nonce = secrets.token_urlsafe(16)
        request.max_content_length = BODY_LIMIT + (len(need_pages.FILES) * self.media.most if _brings_files() else 0)
        g.media, g.offered, g.topics = self.media, self.offered, self.topics
        g.webview = f"{self.webview}/static/webview.js" if self.webview else ""
        if request.endpoint == OPEN_TO_ALL:
            return None
        with self.turn():
            visitor = guard.page_who(g.session, g.now, visit=not _by_itself())
            g.session.rollback()  # nothing is open while this request waits, or somebody is on the way to WeChat
        if visitor is None:
            return self._stranger()
        g.who, g.large = visitor.who, visitor.large
        self.csrf.protect()
        return None

    def _stranger(self) -> Answer:
        if request.endpoint == NOWHERE:
            return _told(words.PAGE_REFUSALS["not_yours"], 404)
        if _by_itself():
            return Response(status=204)  # nothing changes before somebody's eyes
        path = own_path(current_app, request.path)
        if request.headers.get("HX-Request"):
            # A script's request cannot follow WeChat to another host: the browser itself must go.
            return Response("", 401, {"HX-Redirect": f"/m/enter?to={path}"})
        if request.method not in ("GET", "HEAD"):
            return _told(words.SESSION_OVER, 401, again=f"/m/enter?to={path}")
        return self.entrance.begin(path)

    def _at_hand(self) -> dict[str, Any]:
        """What every template may use."""
        return {"shared": words, "asset": self.assets.__getitem__, "contacts": _contacts, "nonce": g.nonce}

    def _failed(self, error: Exception) -> Answer:
        """A no, or a mistake of ours, in one kind sentence; nothing that was half done stays."""
        db.session.rollback()
        drop_brought()
        if isinstance(error, Refused):
            return _told(self.said(error), _status(error.code))
        if isinstance(error, RateLimitExceeded):
            answer = _told(words.TOO_OFTEN, 429)
            answer.headers["Retry-After"] = str(error.limit.limit.get_expiry())
            return answer
        if isinstance(error, CSRFError):
            return _told(words.FORM_OVER, 400)
        if isinstance(error, HTTPException):
            return _told(words.NO_SUCH_PAGE, error.code or 400)
        if isinstance(error, OperationalError | TurnTimeout) or gave_way(error):
            log.warning("the database did not answer a page: %s", type(error).__name__)
            answer = _told(words.BUSY, 503)
            answer.headers["Retry-After"] = "5"
            return answer
        log.exception("a page failed")
        return _told(words.PAGE_APOLOGY, 500)

    def _whole(self, view: Callable[..., Any]) -> Callable[..., Response]:
        """A view as one transaction: kept when it answers well, else rolled back. It reads its request and nothing
        else, so it may run again when the database ended it in favour of another."""

        def once(params: dict[str, Any]) -> Response:
            _check(params)
            drop_brought()  # of a run that had to give way
            with self.turn():
                answer = make_response(view(**params))
                if answer.status_code < 400:
                    db.session.commit()
                else:
                    db.session.rollback()
                    drop_brought()
                return answer

        def run(**params: Any) -> Response:
            return again_where_it_gave_way(lambda: once(params), db.session.rollback)

        run.__name__, run.__doc__ = view.__name__, view.__doc__
        return run

    def _dressed(self, response: Response) -> Response:
        """Nothing from elsewhere, nothing inline but ours, no frame around it, and nothing of it is kept by a cache.

        Where WeChat's own tags stand, its browser may draw them.
        """
        nonce, tags = g.nonce, request.endpoint == WITH_TAGS
        frames = f"frame-src {shield.FRAMES_OF_TAGS}; " if tags else ""
        asks = f" {self.webview}" if tags and self.webview else ""
        response.headers["Content-Security-Policy"] = (
            f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src 'self' data:; "
            f"media-src 'self'; font-src data:; connect-src 'self'{asks}; {frames}form-action 'self'; "
            "base-uri 'none'; frame-ancestors 'none'"
        )
        response.headers.update(shield.HEADERS)
        response.headers["Cache-Control"] = "no-store"
        return response

    def said(self, refusal: Refused) -> str:
        """The sentence of a refusal, as a page says it."""
        return self.refusals.get(refusal.code, words.PAGE_APOLOGY).format(**refusal.facts)


def _check(params: Mapping[str, Any]) -> None:
    """What no database holds is nobody's page: a key beyond all keys, a NUL in what was typed."""
    typed = [value for sent in (request.form, request.args) for _, value in sent.items(multi=True)]
    if any(isinstance(key, int) and key >= guard.NO_KEY for key in params.values()) or any(
        "\0" in one for one in typed
    ):
        raise Refused("not_yours")


def _brings_files() -> bool:
    """Whether this is a form with which somebody known may send a photo or a voice note."""
    return request.endpoint == "pages.needs.send" and "page" in cookie


def _by_itself() -> bool:
    """Whether the page asks, and not the person who looks at it: a form or a link says that it is one."""
    return "HX-Request" in request.headers and "HX-Boosted" not in request.headers


def _nowhere(rest: str) -> Answer:
    """No such page: the same as a page that is somebody else's."""
    raise Refused("not_yours")


def _status(code: str) -> int:
    if code in UNSEEN:
        return 404
    return 422 if code in UNFIT else 409


def _told(sentence: str, status: int, again: str = "/m/") -> Response:
    return make_response(render_template("told.html", sentence=sentence, again=again), status)


def _contacts() -> list[Any]:
    """Whom to phone, on every page; nobody while the database is away."""
    try:
        return centres_near(g.session, g.who.person_id) if g.who else first_with_phone(g.session)
    except SQLAlchemyError:
        db.session.rollback()
        return []
