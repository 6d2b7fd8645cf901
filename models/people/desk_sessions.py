"""Who is signed in at the desk: kept here and not in the browser, so that it can be ended from here."""

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, ForeignKey, String, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base

IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=12)
SEEN_EVERY = timedelta(minutes=1)  # more often than this nobody needs to know when somebody was last here


class DeskSession(Base):
    """One sign-in. `id` is a hash of what the browser holds: who reads this table can sign in as nobody."""

    __tablename__ = "desk_sessions"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("staff_accounts.id"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    opened_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_why: Mapped[str] = mapped_column(String(16), default="")  # logout, login, password, role


def key_of(token: str) -> str:
    """Under which key a browser's token is kept."""
    return hashlib.sha256(token.encode()).hexdigest()


def begin(session: Session, *, account_id: int, person_id: int, now: datetime) -> str:
    """Open a session under a token that nobody has seen before; answers the token, which is kept nowhere."""
    token = secrets.token_urlsafe(32)
    session.add(
        DeskSession(id=key_of(token), account_id=account_id, person_id=person_id, opened_at=now, seen_at=now)
    )  # fmt: skip
    session.flush()
    return token


def touch(session: Session, key: str, seen_at: datetime, now: datetime) -> None:
    """Somebody is still here."""
    if now - seen_at >= SEEN_EVERY:
        session.execute(update(DeskSession).where(DeskSession.id == key).values(seen_at=now))


def end(session: Session, token: str, why: str, now: datetime) -> None:
    """End the session behind a token; one that is over, or none, stays as it is."""
    _end(session, why, now, DeskSession.id == key_of(token))


def end_all(session: Session, person_id: int, why: str, now: datetime) -> None:
    """End every session of a person, at whatever machine."""
    _end(session, why, now, DeskSession.person_id == person_id)


def _end(session: Session, why: str, now: datetime, which: ColumnElement[bool]) -> None:
    standing = update(DeskSession).where(which, DeskSession.ended_at.is_(None))
    session.execute(standing.values(ended_at=now, ended_why=why))
