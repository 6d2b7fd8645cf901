"""One request of a JSON room: one transaction, who asks, and once for each Idempotency-Key."""

import hashlib
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from flask import Response, current_app, g, make_response, request
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from handlers.messages.media import Folder, drop_brought
from models.errors import Refused
from models.family.ways import Offered
from models.messages import answers
from scheduler.units import in_unit
from wx_backend import guard
from wx_backend.database import SessionFactory

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_KEY = re.compile(rf"[\x21-\x7e]{{1,{answers.KEY_LIMIT}}}")
_LOCK_TIMEOUT = "55P03"

T = TypeVar("T")
View = Callable[[], Any]
Refusal = Callable[[Refused], Response]


@dataclass(frozen=True)
class Frame:
    """What a request is done with: the database, its turn, the time, the tokens' key, where files lie, ways to call."""

    open_session: SessionFactory
    turns: Callable[[], AbstractContextManager[object]]
    now: Callable[[], datetime]
    key: bytes
    media: Folder
    offered: Offered

    def unit(self, work: Callable[[Session], T]) -> T:
        """What `work` answers, committed; again from the start, twice at most, where the database made it give way."""
        with self.turns():
            return in_unit(self.open_session, work)

    def asked(self, view: View, refusal: Refusal, *, known: bool) -> Response:
        """A room's answer. `known`: somebody must have signed in; nothing a room does leaves this transaction."""

        def work(session: Session) -> Response:
            drop_brought()  # of a run that had to give way
            g.session = session
            if not known:
                return make_response(view())
            g.who = guard.api_who(session, g.claims, g.now)
            return make_response(view()) if request.method in SAFE else self._once(session, view, refusal)

        try:
            return self.unit(work)
        except BaseException:
            drop_brought()
            raise

    def _once(self, session: Session, view: View, refusal: Refusal) -> Response:
        """The work of an unsafe request, once for its key; a retry hears the first answer, a refusal included.

        What is kept commits with the work. What does not fit the schema, or fails, is not kept: it may come again.
        """
        person, key = g.who.person_id, idempotency_key()
        first = _claim(session, person, key)
        if first is not None:
            replayed = current_app.response_class(first.body, first.status, mimetype="application/json")
            replayed.headers["Idempotency-Replayed"] = "true"
            return replayed
        try:
            with session.begin_nested():
                response = make_response(view())
        except Refused as refused:
            drop_brought()
            response = refusal(refused)
        if g.pop("nameless", False):  # kept beside the caller's name it would lead there; its own key makes it once
            answers.leave_none(session, person, key)
            return response
        body = response.get_data(as_text=True)
        if secret := g.pop("not_kept", ""):  # what only the first answer may say
            body = body.replace(secret, "")
        answers.keep(session, person_id=person, key=key, status=response.status_code, body=body)
        return response


def _claim(session: Session, person_id: int, key: str) -> answers.Said | None:
    body_hash = hashlib.sha256(request.get_data()).hexdigest()
    try:
        return answers.begin(
            session, person_id=person_id, key=key, route=f"{request.method} {request.path}"[:120],
            body_hash=body_hash, now=g.now,
        )  # fmt: skip
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == _LOCK_TIMEOUT:
            raise Refused("idempotency_busy") from error
        raise


def idempotency_key() -> str:
    """The key that the caller gave this request; raises Refused("idempotency_key_missing")."""
    key = request.headers.get("Idempotency-Key", "")
    if not _KEY.fullmatch(key):
        raise Refused("idempotency_key_missing")
    return key
