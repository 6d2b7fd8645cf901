"""What stands around everything under `/video`: pieces of work, who looks, what a browser may do, how a no is said."""

import logging
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, g, jsonify, make_response, render_template, request
from flask_limiter import Limiter, RateLimitExceeded
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as TurnTimeout
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException

from handlers import words as shared
from handlers.refusals import OF_RULES
from models.base import gave_way
from models.errors import Refused
from models.family.presence import Seated
from models.people.homes import first_with_phone
from wx_backend import guard
from wx_backend.cookies import Cookies
from wx_backend.now import real_now
from wx_backend.redis import RedisError
from wx_backend.video.line import Lines
from wx_backend.video.relay import Relay
from wx_backend.web.assets import Asset

log = logging.getLogger(__name__)

COOKIE = "call"
BODY_LIMIT = 64 * 1024  # a page's whole description of itself has some ten
PAGES = ("video.look", "video.room")


@dataclass(frozen=True)
class Frame:
    """What the door and the room need."""

    lines: Lines
    relay: Relay
    cookies: Cookies
    limiter: Limiter
    assets: Mapping[str, Asset]
    refusals: Mapping[str, str]

    def around(self, rooms: Blueprint) -> None:
        """Put the frame around these views."""
        rooms.before_request(self._before)
        rooms.after_request(_dressed)
        rooms.context_processor(self._at_hand)
        rooms.register_error_handler(Exception, self._failed)

    @contextmanager
    def work(self) -> Iterator[Session]:
        """One piece of work in a transaction of its own, in turn with SQLite; nothing is open before or after it."""
        with self.lines.turn(), self.lines.open_session() as session, session.begin():
            yield session

    def secret(self) -> str:
        """What this browser holds its seat with; "" for one that was not let in."""
        return request.cookies.get(self.cookies.name(COOKIE), "")

    def known(self, session: Session) -> int | None:
        """Who looks, where WeChat has said so in this browser before."""
        visitor = guard.page_who(session, g.now, visit=False)
        return visitor.who.person_id if visitor else None

    def say(self, found: Seated, to: int, data: Mapping[str, Any]) -> str:
        """Put something into the room, from this seat to another (0: to all); answers its place."""
        return self.lines.bus.say(found.room.name, {"from": found.seat.id, "to": to, "data": data})

    def ice(self, found: Seated) -> list[Mapping[str, Any]]:
        """The servers by which this seat finds a way to the others."""
        return self.relay.servers(found.call.id, found.seat.id, real_now(), found.room.closes_at - g.now)

    def no(self, refusal: Refused) -> dict[str, str]:
        """A no as a page hears it: the code, and the sentence for people."""
        return {"code": refusal.code, "sentence": self.refusals[refusal.code].format(**refusal.facts)}

    def _before(self) -> None:
        g.who, g.large, g.now, g.nonce = None, False, self.lines.now(), secrets.token_urlsafe(16)
        request.max_content_length = BODY_LIMIT

    def _at_hand(self) -> dict[str, Any]:
        """What every template may use."""
        return {"shared": shared, "asset": self.assets.__getitem__, "contacts": self._contacts, "nonce": g.nonce}

    def _contacts(self) -> list[Any]:
        """Whom to phone: the centre of the call where a page is about one; nobody while the database is away."""
        if "phones" in g:
            return list(g.phones)
        try:
            with self.work() as session:
                return first_with_phone(session)
        except (SQLAlchemyError, TurnTimeout):
            return []

    def _failed(self, error: Exception) -> Response:
        """A no, or a mistake of ours: a sentence on a page, or as JSON for a page that asks by itself."""
        if isinstance(error, Refused):
            status, said = OF_RULES[error.code].status, self.no(error)
        elif isinstance(error, RateLimitExceeded):
            status, said = 429, {"code": "too_many", "sentence": shared.TOO_OFTEN}
        elif isinstance(error, HTTPException):
            status, said = error.code or 400, {"code": "no_such_page", "sentence": shared.NO_SUCH_PAGE}
        elif isinstance(error, OperationalError | TurnTimeout | RedisError) or gave_way(error):
            log.warning("a room was not answered: %s", type(error).__name__)
            status, said = 503, {"code": "busy", "sentence": shared.BUSY}
        else:
            log.exception("a room failed")
            status, said = 500, {"code": "internal", "sentence": shared.PAGE_APOLOGY}
        if request.endpoint in PAGES:
            again = "/m/" if isinstance(error, Refused) else request.path
            return make_response(render_template("told.html", sentence=said["sentence"], again=again), status)
        return make_response(jsonify(closed=said), status)


def own(view: Callable[..., Any]) -> Callable[..., Any]:
    """A view that only our own pages may ask. Raises Refused("not_yours") for what another site's page sends: the
    seat's cookie says who, not whence."""

    @wraps(view)
    def run(**params: Any) -> Any:
        if not is_ours():
            raise Refused("not_yours")
        return view(**params)

    return run


def is_ours() -> bool:
    """Whether a page of this very site asks."""
    try:
        return urlsplit(request.headers.get("Origin", "")).netloc == request.host
    except ValueError:  # no address at all, as "http://["
        return False


def _dressed(response: Response) -> Response:
    """Camera and microphone are for this page alone; it speaks to nobody but us, and nothing of it is kept."""
    wire = f"{'wss' if request.is_secure else 'ws'}://{request.host}"
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; script-src 'nonce-{g.nonce}'; style-src 'nonce-{g.nonce}'; img-src 'self' data:; "
        f"font-src data:; connect-src 'self' {wire}; media-src 'self' blob:; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    response.headers["Permissions-Policy"] = "camera=(self), microphone=(self), geolocation=(), payment=()"
    response.headers["Referrer-Policy"] = "no-referrer"  # the pass stands in the address
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Cache-Control"] = "no-store"
    return response
