"""Putting letters into the outbox and taking them back: what rules call in their own transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, cast
from uuid import uuid4

from sqlalchemy import ColumnElement, Table, case, literal, not_, select, update
from sqlalchemy.orm import Session

from models.base import insert_in
from models.life import By
from models.messages.compiled import stream_into
from models.messages.ladder import ladder_of
from models.messages.letters import LETTER, Letter

_LETTERS = cast(Table, Letter.__table__)
USEFUL_FOR = timedelta(hours=48)  # how long a letter without an event of its own is still worth reading
# A change is said a minute later: who moves a call and moves it back has changed nothing, and nobody hears of it twice.
SETTLES = timedelta(minutes=1)


@dataclass(frozen=True)
class Draft:
    """A letter to be posted, for `post_many`; what each part means stands at `post`."""

    key: str
    person_id: int
    kind: str
    facts: dict[str, Any]
    subject: str
    revision: int = 0
    due_at: datetime | None = None
    useful_until: datetime | None = None
    urgency: str = "routine"
    channel: str | None = None
    app_id: str | None = None
    about_id: int | None = None


def post(
    session: Session,
    *,
    key: str,
    person_id: int,
    kind: str,
    facts: dict[str, Any],
    subject: str,
    now: datetime,
    revision: int = 0,
    due_at: datetime | None = None,
    useful_until: datetime | None = None,
    urgency: str = "routine",
    channel: str | None = None,
    app_id: str | None = None,
    about_id: int | None = None,
) -> int:
    """Leave a letter in the outbox and answer its id; the same `key` again answers that of the letter that is there,
    in whatever state that is.

    `kind` is "<quarter>.<word>" ("family.reminder"); `facts` are plain JSON values, instants as ISO strings.
    Without `due_at` it is due at once. `app_id` binds it to one account; `about_id` names the person of whom it speaks:
    when that person has died it is not sent.
    """
    draft = Draft(
        key, person_id, kind, facts, subject, revision, due_at, useful_until, urgency, channel, app_id, about_id
    )
    session.flush()
    posting = _posting(session.get_bind().dialect.name, answering=True)
    made: int | None = session.scalar(posting, _values(draft, now))
    return made or session.scalars(select(Letter.id).where(Letter.key == key)).one()


@cache
def _posting(dialect: str, *, answering: bool) -> Any:
    """One INSERT for all letters, on the table: SQLAlchemy would compile one anew for the values of each. One that
    answers the new id is for a single letter."""
    fresh = insert_in(dialect, _LETTERS).on_conflict_do_nothing(index_elements=[_LETTERS.c.key])
    return fresh.returning(_LETTERS.c.id) if answering else fresh


def post_many(session: Session, drafts: Sequence[Draft], now: datetime) -> None:
    """Leave many letters, each as `post` would; where the database takes a stream and none of them is there, in one."""
    session.flush()
    rows = [_values(draft, now) for draft in drafts]
    dialect = session.get_bind().dialect
    if dialect.name == "postgresql" and len(rows) > 1:
        try:
            with session.begin_nested():
                stream_into(session.connection(), _LETTERS, rows)
            return
        except (dialect.loaded_dbapi.Error, ValueError):
            pass  # whatever stands in its way is met again in one statement: what is there stays, all else is raised
    if rows:
        session.execute(_posting(dialect.name, answering=False), rows)


def _values(draft: Draft, now: datetime) -> dict[str, Any]:
    """A draft as the columns of its row."""
    due = draft.due_at or now
    return {
        "key": draft.key, "person_id": draft.person_id, "kind": draft.kind, "facts": draft.facts,
        "subject": draft.subject, "revision": draft.revision, "urgency": draft.urgency,
        "channel": draft.channel or ladder_of(draft.kind)[0], "due_at": due, "next_at": due,
        "useful_until": draft.useful_until or due + USEFUL_FOR, "client_msg_id": uuid4().hex, "app_id": draft.app_id,
        "about_id": draft.about_id, "created_at": now,
    }  # fmt: skip


def withdraw(
    session: Session, subject: str, now: datetime, *, before_revision: int | None = None, person_id: int | None = None,
    but_not: ColumnElement[bool] | None = None,
) -> int:  # fmt: skip
    """Take back the letters about `subject` that nobody has begun to send; answers how many.

    One that is on the wire, or sent and without its receipt, cannot be taken back: it is only never tried again,
    whatever is heard of it later.
    With `before_revision`, only those of older revisions: what a change of time calls; with `person_id`, only this
    reader's; `but_not`: letters that stay true.
    """
    session.flush()
    waits = Letter.state.in_(("planned", "retry"))
    # One statement: a letter that a sender takes or gives back at this moment is met in the one state or the other.
    begun = Letter.state.in_(("sending", "sent", "unconfirmed", "needs_check"))
    statement = update(Letter).where(Letter.subject == subject, waits | begun)
    if before_revision is not None:
        statement = statement.where(Letter.revision < before_revision)
    if person_id is not None:
        statement = statement.where(Letter.person_id == person_id)
    if but_not is not None:
        statement = statement.where(not_(but_not))
    met = session.execute(
        statement.values(
            unwanted=case((waits, Letter.unwanted), else_=True),
            settled_at=case((waits, literal(now, Letter.settled_at.type)), else_=Letter.settled_at),
            state=case((waits, "withdrawn"), else_=Letter.state),
        ).returning(Letter.state),
        execution_options={"synchronize_session": False},
    ).all()  # fmt: skip
    for letter in [one for one in session if isinstance(one, Letter)]:
        session.expire(letter)  # and nothing else: the booking and its people are as they were
    return sum(row.state == "withdrawn" for row in met)


def find_the_hour_anew(session: Session, person_id: int, now: datetime) -> None:
    """What waits to be tried again is tried now: whoever lives elsewhere now has other mornings to wait for, and what
    has another reason to wait finds that again. What is in doubt keeps its time."""
    session.execute(
        update(Letter)
        .where(Letter.person_id == person_id, Letter.state == "retry", Letter.in_doubt.is_(False), Letter.next_at > now)
        .values(next_at=now),
        execution_options={"synchronize_session": False},
    )  # fmt: skip


def tell_in_person(session: Session, letter: Letter, *, by: By, now: datetime, means: str = "") -> None:
    """A cadre has said it by phone or at the door (`means`, where they say which); a receipt that came meanwhile is
    left as it is."""
    if letter.state in LETTER.by_name["tell"].sources:
        LETTER.move(session, letter, "tell", by=by, now=now, note=means, settled_at=now)


def confirm(session: Session, letter: Letter, *, by: By, now: datetime) -> None:
    """A cadre has asked, and the person knows already; a receipt that came meanwhile is left as it is."""
    if letter.state in LETTER.by_name["confirm"].sources:
        LETTER.move(session, letter, "confirm", by=by, now=now, settled_at=now)
