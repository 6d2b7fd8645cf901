"""The staff desk (`/console`): who is let in, one transaction for each request with its line in the audit, every no.

The rooms themselves are `handlers/<quarter>/desk.py`; what they find is in `handlers/desk.py`.
"""

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask import Blueprint, Flask, g, make_response, redirect, render_template, request, url_for
from flask_limiter import Limiter, RateLimitExceeded
from flask_wtf.csrf import CSRFError, CSRFProtect
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as TurnTimeout
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from handlers import desk, masking, words
from handlers.family import after_words as call_words
from handlers.family import (
    booking_desk,
    day_words,
    days_desk,
    guests_desk,
    moving_desk,
    pairs_desk,
    room_words,
    routine_words,
    routines_desk,
    screens_desk,
    seats_desk,
    series_desk,
    series_words,
    ways_desk,
)
from handlers.family import desk as calls
from handlers.family import quiet_desk as quiet
from handlers.family import sheet_desk as callsheet
from handlers.family import words as family_words
from handlers.messages import desk as letters
from handlers.messages import rule_words, rules_desk
from handlers.messages import words as letter_words
from handlers.messages.media import Folder
from handlers.ordering import (
    catalogue_words,
    confided_desk,
    demands_desk,
    desk_words,
    gaps_desk,
    help_desk,
    loan_words,
    loans_desk,
    need_desk_words,
    need_words,
    needs_desk,
    waiting_desk,
    waiting_words,
)
from handlers.ordering import desk as orders
from handlers.ordering import dispatch_desk as dispatch
from handlers.ordering import report_desk as report
from handlers.ordering import review_desk as review
from handlers.ordering import sheet_desk as sheet
from handlers.ordering import words as order_words
from handlers.people import desk as residents
from handlers.people import logbook
from handlers.people import words as people_words
from handlers.places import desk as centres
from handlers.places import seats_desk as seats
from handlers.places import words as place_words
from handlers.tasks import desk as tasks
from handlers.tasks import home
from handlers.tasks import words as task_words
from models import audit
from models.base import again_where_it_gave_way, gave_way
from models.errors import Refused
from models.family.ways import Offered
from models.hours import CHINA
from wx_backend import guard, shield
from wx_backend.cookies import Cookies
from wx_backend.database import db
from wx_backend.desk_menu import menu_of
from wx_backend.load.workbook import Sheet, written
from wx_backend.signing import COOKIE, Signing

log = logging.getLogger(__name__)

STYLE = (Path(__file__).parent / "web" / "console.css").read_bytes()
STYLE_MARK = hashlib.sha256(STYLE).hexdigest()[:12]
BODY_LIMIT = 64 * 1024
SAFE = ("GET", "HEAD", "OPTIONS")
OPEN_TO_ALL = frozenset({"console.style", "console.sign.in_", "console.sign.enter"})
BEFORE_A_PASSWORD = frozenset({"console.sign.password", "console.sign.change", "console.sign.out"})
ROOMS = (
    home.ROOM, tasks.ROOM, calls.ROOM, moving_desk.ROOM, guests_desk.ROOM, ways_desk.ROOM, booking_desk.ROOM,
    series_desk.ROOM, days_desk.ROOM, seats_desk.ROOM, callsheet.ROOM, quiet.ROOM, pairs_desk.ROOM, routines_desk.ROOM,
    screens_desk.ROOM, needs_desk.ROOM, help_desk.ROOM, confided_desk.ROOM, demands_desk.ROOM, gaps_desk.ROOM,
    orders.ROOM, dispatch.ROOM, waiting_desk.ROOM, sheet.ROOM, loans_desk.ROOM, review.ROOM, report.ROOM, letters.ROOM,
    residents.ROOM, centres.ROOM, seats.ROOM, logbook.ROOM, rules_desk.ROOM,
)  # fmt: skip

STATUS: Mapping[str, int] = {
    "not_yours": 404, "no_letter": 404, "reason_needed": 422, "reveal_reason": 422, "not_a_cadre": 422,
    "answer_first": 422, "reason_missing": 422, "alternative_needed": 422, "bad_reason": 422, "bad_time": 422,
    "note_needed": 422, "bad_wake": 422, "bad_span": 422, "not_lendable": 404, "bad_days": 422, "bad_choice": 422,
    "bad_outage": 422, "bad_rule": 422, "bad_place": 422, "agreement_missing": 422, "bad_seats": 422,
    "bad_routine": 422, "too_far": 422, "bad_rhythm": 422, "bad_repeat": 422, "overlaps_itself": 422,
}  # fmt: skip
REFUSALS: Mapping[str, str] = {
    **order_words.REFUSALS, **catalogue_words.REFUSALS, **need_words.REFUSALS, **waiting_words.REFUSALS,
    **people_words.REFUSALS, **series_words.REFUSALS, **family_words.REFUSALS, **call_words.REFUSALS,
    **room_words.REFUSALS, **letter_words.REFUSALS, **task_words.REFUSALS, **place_words.REFUSALS,
    **rule_words.REFUSALS, **day_words.REFUSALS, **routine_words.REFUSALS, **words.REFUSALS, **words.DESK_REFUSALS,
}  # fmt: skip
DONE: Mapping[str, str] = {
    "password": people_words.SIGN_IN_CHANGED, "resent": letter_words.RESENT, **task_words.DONE_WORDS,
    **desk_words.DONE_WORDS, **need_desk_words.DONE, **waiting_words.DONE, **call_words.DONE_WORDS,
    **people_words.DONE_WORDS, **series_words.DONE, **loan_words.DONE, **place_words.DONE, **rule_words.DONE,
    **day_words.DONE, **routine_words.DONE,
}  # fmt: skip
# How each kind of thing says what has changed since a page showed it.
CHANGED: Mapping[str, Callable[[str], str]] = {
    "task": tasks.changed, "letter": letters.changed, "call": calls.changed, "version": review.changed,
    "need": needs_desk.changed, "help": help_desk.changed, "rule": rules_desk.changed, "call_day": days_desk.changed,
    "routine": routines_desk.changed, "pair": pairs_desk.changed, "series": series_desk.changed,
}  # fmt: skip

HEADERS = {
    **shield.HEADERS,
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; "
    "media-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@dataclass(frozen=True)
class Console:
    """What stands around every page of the desk."""

    now: Callable[[], datetime]
    say: Callable[[str, dict[str, Any], ZoneInfo], str]
    turn: Callable[[], AbstractContextManager[object]]
    cookies: Cookies
    csrf: CSRFProtect
    media: Folder
    offered: Offered

    def register(self, app: Flask, signing: Signing, limiter: Limiter) -> None:
        """Join the rooms below `/console`, and put each of their views behind the guard and into a transaction."""
        frame = Blueprint("console", __name__, url_prefix="/console", template_folder="web")
        for room in (*ROOMS, signing.room(limiter)):
            frame.register_blueprint(room)
        frame.add_url_rule("/console.css", "style", _style)
        frame.add_url_rule("/<path:rest>", "nowhere", _nowhere, methods=["GET", "POST"])
        frame.before_request(self._before)
        frame.after_request(self._dressed)
        frame.context_processor(_at_hand)
        frame.register_error_handler(Exception, self._failed)
        app.register_blueprint(frame)
        for endpoint in [name for name in app.view_functions if name.startswith("console.")]:
            if endpoint not in OPEN_TO_ALL:
                app.view_functions[endpoint] = self._guarded(app.view_functions[endpoint])

    def _before(self) -> None:
        g.now, g.say, g.desk, g.who, g.notes = self.now(), self.say, None, None, []
        g.to_book, g.media, g.offered = _to_book, self.media, self.offered
        request.max_content_length = BODY_LIMIT
        self.csrf.protect()

    def _guarded(self, view: Callable[..., Any]) -> Callable[..., Response]:
        """A view as one piece of work that may run again: it reads its request and changes the database, no more."""

        @wraps(view)
        def run(**params: Any) -> Response:
            return again_where_it_gave_way(lambda: self._in_turn(view, params), db.session.rollback)

        return run

    def _in_turn(self, view: Callable[..., Any], params: dict[str, Any]) -> Response:
        g.notes = []
        with self.turn():
            return self._once(view, params)

    def _once(self, view: Callable[..., Any], params: dict[str, Any]) -> Response:
        g.session = db.session()
        g.desk = guard.desk_who(db.session(), request.cookies.get(self.cookies.name(COOKIE)), g.now)
        if g.desk is None:
            db.session.rollback()
            return _stranger()
        g.who = g.desk.who
        if g.desk.must_change and request.endpoint not in BEFORE_A_PASSWORD:
            db.session.rollback()
            return redirect(url_for("console.sign.password"), 303)
        try:
            if any(isinstance(key, int) and key >= guard.NO_KEY for key in params.values()):
                raise Refused("not_yours")
            response: Response = make_response(view(**params))
            if response.status_code >= 400:
                db.session.rollback()
        except Refused as refusal:
            response = self._refused(refusal)
        if request.method not in SAFE or (g.notes and response.status_code < 400):
            self._write_down(response.status_code)
        db.session.commit()
        return response

    def _write_down(self, status: int) -> None:
        """Every deed is in the audit, one that was refused too; last of all, for others wait from here on."""
        refused = status >= 400
        notes = [] if refused else g.notes
        room = (request.endpoint or "").removeprefix("console.")
        args = ",".join(str(value) for value in (request.view_args or {}).values()) if request.url_rule else ""
        if not notes:
            subject = f"{room}:{args}".replace("\x00", "")[:60]  # PostgreSQL keeps none
            notes = [desk.Note("refused" if refused else room[:32], subject, {"status": status} if refused else {})]
        for note in notes:
            audit.write(
                db.session(), verb=note.verb, subject=note.subject, person_id=g.who.person_id, ip=desk.address(),
                now=g.now, **note.detail,
            )  # fmt: skip

    def _refused(self, refusal: Refused) -> Response:
        """A no in one kind sentence, with what has changed where that is why; nothing that was half done stays."""
        db.session.rollback()
        again, sentence = "", REFUSALS.get(refusal.code, words.DESK_APOLOGY)
        if refusal.code == "stale":
            sentence = CHANGED[refusal.facts["subject"].partition(":")[0]](refusal.facts["subject"])
        else:
            sentence = sentence.format(**refusal.facts)
        if refusal.code in ("stale", "changed_meanwhile"):
            again = url_for(f"{(request.endpoint or '').rpartition('.')[0]}.one", **(request.view_args or {}))
        status = STATUS.get(refusal.code, 409)
        return _told(words.DESK_HEADINGS.get(status, words.DESK_HEADINGS[409]), sentence, status, again)

    def _failed(self, error: Exception) -> Response:
        """What is no answer of a rule: a form that is too old, too many tries, no such way, a mistake of ours."""
        db.session.rollback()
        if isinstance(error, RateLimitExceeded):
            response = _told(words.DESK_HEADINGS[429], people_words.SIGN_IN_LOCKED.format(minutes=15), 429)
            response.headers["Retry-After"] = str(error.limit.limit.get_expiry())
            return response
        if isinstance(error, CSRFError):
            return _told(words.DESK_HEADINGS[400], words.DESK_FORM_OVER, 400)
        if isinstance(error, HTTPException):
            code = error.code or 400
            sentence = words.DESK_REFUSALS["not_yours"] if code in (404, 405) else words.DESK_APOLOGY
            return _told(words.DESK_HEADINGS.get(code, words.DESK_HEADINGS[404]), sentence, code)
        if isinstance(error, OperationalError | TurnTimeout) or gave_way(error):
            log.warning("the database did not answer the desk: %s", type(error).__name__)
            response = _told(words.DESK_HEADINGS[503], words.DESK_BUSY, 503)
            response.headers["Retry-After"] = "5"
            return response
        log.exception("a page of the desk failed")
        return _told(words.DESK_HEADINGS[500], words.DESK_APOLOGY, 500)

    def _dressed(self, response: Response) -> Response:
        """Nothing from elsewhere, nothing inline, no frame around it, and nothing of it is kept by a cache."""
        response.headers.update(HEADERS)
        if self.cookies.safe:
            response.headers["Strict-Transport-Security"] = "max-age=31536000"
        response.headers.setdefault("Cache-Control", "no-store")
        return response


def _style() -> Response:
    """The style sheet, the same for everybody; its address changes with it."""
    return Response(STYLE, mimetype="text/css", headers={"Cache-Control": "public, max-age=31536000, immutable"})


def _to_book(sheets: Sequence[tuple[str, Mapping[str, str], list[dict[str, Any]]]]) -> bytes:
    """(name, column → heading, rows) for each sheet, as a workbook."""
    book = [Sheet(name, headings, {}, for_people=True) for name, headings, _ in sheets]
    for page, (_, __, rows) in zip(book, sheets, strict=True):
        page.rows = rows
    return written(book)


def _nowhere(rest: str) -> Response:
    """No such page: the same as a page that is somebody else's."""
    raise Refused("not_yours")


def _stranger() -> Response:
    if request.method in SAFE:
        return redirect(url_for("console.sign.in_", next=request.full_path.rstrip("?")), 303)
    return _told(words.DESK_HEADINGS[401], people_words.SIGN_IN_FIRST, 401)


def _told(heading: str, sentence: str, status: int, again: str = "") -> Response:
    return make_response(
        render_template("console_told.html", heading=heading, sentence=sentence, again=again), status
    )  # fmt: skip


def _just_done() -> str:
    """What the address says has just been done; "" where that is not a thing of this page."""
    try:
        return DONE.get(request.args.get("done", ""), "").format(**(request.view_args or {}))
    except KeyError:
        return ""


def _at_hand() -> dict[str, Any]:
    """What every template may use."""

    def url_with(**changes: Any) -> str:
        return f"{request.path}?{urlencode({**request.args.to_dict(), **changes})}"

    menu = menu_of(is_admin=g.desk is not None and g.desk.is_admin)
    return {
        "desk": g.desk, "now": g.now, "menu": menu, "here": request.endpoint or "",
        "masked": masking.name, "masked_phone": masking.phone, "masked_text": masking.digits, "reasons": desk.REASONS,
        "near": lambda at: words.near(at, g.now), "when": lambda at: words.when(at, CHINA), "url_with": url_with,
        "just_done": _just_done(),
        "style_mark": STYLE_MARK,
    }  # fmt: skip
