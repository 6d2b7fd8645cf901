"""The door for calendars: whoever holds a person's key reads that person's calls, and nobody else anything."""

from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

from flask import Flask, Response, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as TurnTimeout

from handlers.family.feed import written
from models.family.feeds import reader_of
from wx_backend.database import SessionFactory

KEPT_SECONDS = 900
# Calendars ask about once an hour; those of a provider come for many people from one address.
LIMIT = "600 per hour"


def register(
    app: Flask, open_session: SessionFactory, now: Callable[[], datetime], limiter: Limiter, public_url: str
) -> None:
    """Give the app `/calendar/<token>.ics`."""
    host = urlsplit(public_url).hostname or "localhost"

    @limiter.limit(LIMIT, key_func=get_remote_address)
    def calendar(token: str) -> Response:
        """The calendar of whoever this key belongs to."""
        try:
            with open_session() as session:
                reader = reader_of(session, token)
                body = written(session, reader, host, now()) if reader is not None else None
        except (OperationalError, TurnTimeout):
            return Response(status=503, headers={"Retry-After": "60"})
        if body is None:
            return _bare(Response("no such calendar\n", 404, mimetype="text/plain"))
        answer = Response(body, content_type="text/calendar; charset=utf-8")
        answer.headers["Content-Disposition"] = 'inline; filename="calls.ics"'
        answer.headers["Cache-Control"] = f"private, max-age={KEPT_SECONDS}"
        answer.add_etag()
        answer.make_conditional(request)
        return _bare(answer)

    app.add_url_rule("/calendar/<token>.ics", "calendar", calendar)


def _bare(answer: Response) -> Response:
    """No page, and nothing that an address with a key in it could leak to."""
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer
