"""What every room of the staff desk uses: who asks, where a page begins, why more is shown, what is written down."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from handlers.typed import key_in
from models.errors import Refused
from models.family.ways import Offered
from models.hours import CHINA
from models.paging import Cursor
from models.people.accounts import AtDesk
from models.people.identities import Who

# Why a desk may want to see whom it is about; the audit keeps the word on the left.
REASONS: Mapping[str, str] = {
    "call": "要打电话联系", "visit": "要上门", "verify": "核对身份", "family": "家属来问", "complaint": "处理投诉",
}  # fmt: skip
FURTHEST = 60  # days from today, on the sheets of a day


@dataclass(frozen=True)
class Note:
    """One line for the audit; the frame writes it when everything else is done."""

    verb: str
    subject: str
    detail: dict[str, Any]


def session() -> Session:
    """The session of this request's transaction."""
    found: Session = g.session
    return found


def offered() -> Offered:
    """The ways in which this county holds family calls."""
    found: Offered = g.offered
    return found


def now() -> datetime:
    """The time of this request."""
    found: datetime = g.now
    return found


def at_desk() -> AtDesk:
    """Who is signed in."""
    found: AtDesk = g.desk
    return found


def who() -> Who:
    """Who asks, as every rule takes it."""
    found: Who = g.who
    return found


def address() -> str:
    """From where the request came."""
    return request.remote_addr or ""


def in_words(kind: str, facts: dict[str, Any], zone: ZoneInfo) -> str:
    """A letter of any quarter as one paragraph."""
    say: Callable[[str, dict[str, Any], ZoneInfo], str] = g.say
    return say(kind, facts, zone)


def note(verb: str, subject: str, **detail: Any) -> None:
    """Have a line written into the audit: codes and keys only, nothing personal."""
    g.notes.append(Note(verb, subject, detail))


def reveal(subject: str) -> None:
    """Somebody asks to see more of a thing: the reason they chose is written down.

    Raises Refused("reveal_reason") without one that is on the list.
    """
    reason = request.form.get("reason", "")
    if reason not in REASONS:
        raise Refused("reveal_reason")
    note("reveal", subject, reason=reason)


def cursor() -> Cursor | None:
    """Where the page that is asked for begins."""
    return Cursor.read(request.values["at"]) if request.values.get("at") else None


def asked(key: str, among: Mapping[str, Any] | None = None) -> str:
    """One part of the filter row as it was asked; what is not on the list is not asked."""
    text = _plain(request.args.get(key, ""))
    return text if among is None or text in among else ""


def typed(key: str) -> str:
    """What stands in a field of the form."""
    return _plain(request.form.get(key, ""))


def _plain(text: str) -> str:
    """A text that every database takes: PostgreSQL refuses a NUL."""
    return text.replace("\x00", "").strip()


def number(key: str, *, form: bool = False) -> int | None:
    """A key that was asked for; None for whatever is none."""
    return key_in((request.form if form else request.args).get(key, ""))


def moment(key: str) -> datetime | None:
    """The time in a field of the form, in China; None where none was put in. Raises Refused("bad_time")."""
    text = typed(key)
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=CHINA).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Refused("bad_time") from error


def day(text: str) -> date:
    """The day in China that was asked for; today for whatever is none, or lies further than `FURTHEST` days away."""
    today = now().astimezone(CHINA).date()
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return today
    return found if abs((found - today).days) <= FURTHEST else today


def back_to(endpoint: str, done: str, **where: Any) -> Response:
    """After something was done: on to a page that says so, so that loading it again does nothing twice."""
    return redirect(url_for(endpoint, done=done, **where), 303)
