"""Signing in to the mini-program: one row for each phone and login, its refresh tokens hashed, ended from here."""

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, String, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, Row
from models.errors import Refused
from models.people.identities import Identity, Who
from models.people.persons import Person

LASTS = timedelta(days=90)  # however often it is refreshed
IDLE = timedelta(days=30)  # without being refreshed
KEPT = timedelta(days=183)  # who signed in when: six months and more (网络安全法 Art. 21)


class SignIn(Row):
    """One login of one identity. It stands until it is ended, or `expires_at` has come."""

    __tablename__ = "sign_ins"

    identity_id: Mapped[int] = mapped_column(ForeignKey("identities.id"), index=True)
    began_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]
    ended_why: Mapped[str] = mapped_column(String(16), default="")  # "logout", "reuse", "everywhere"


class RefreshToken(Base):
    """One refresh token: its SHA-256, and when it was used up. A second use ends the sign-in."""

    __tablename__ = "refresh_tokens"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    sign_in_id: Mapped[int] = mapped_column(ForeignKey("sign_ins.id"), index=True)
    issued_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


def sign_in(session: Session, identity: Identity, now: datetime) -> tuple[SignIn, str]:
    """A new sign-in of this identity, and its first refresh token, which is nowhere kept in the clear."""
    made = SignIn(identity_id=identity.id, began_at=now, expires_at=now + LASTS)
    session.add(made)
    session.flush()
    return made, _issue(session, made.id, now)


def refresh(session: Session, token: str, now: datetime) -> tuple[SignIn, str] | None:
    """The sign-in behind a refresh token, and the token that takes its place; the old one is used up.

    None when there is nothing to go on with: no such token, over, or used before. A token that comes a second time is
    in two hands, and nobody can say whose: the whole sign-in ends. That has to be kept, so it is no refusal.
    """
    now_used = (
        update(RefreshToken)
        .where(RefreshToken.token_hash == _hash(token), RefreshToken.used_at.is_(None))
        .values(used_at=now)
        .returning(RefreshToken.sign_in_id, RefreshToken.issued_at)
    )
    found = session.execute(now_used).first()
    if found is None:
        _end_reused(session, token, now)
        return None
    standing = session.get_one(SignIn, found.sign_in_id)
    if not _stands(standing, now) or found.issued_at + IDLE <= now:
        return None
    return standing, _issue(session, standing.id, now)


def sign_out(session: Session, sign_in_id: int, now: datetime) -> None:
    """End a sign-in: from now on neither its access nor its refresh tokens are worth anything. Twice is once."""
    _end(session, sign_in_id, "logout", now)


def end_sign_ins(session: Session, person_id: int, now: datetime) -> None:
    """End every sign-in of a person: somebody else may hold one of their phones."""
    mine = select(Identity.id).where(Identity.person_id == person_id)
    session.execute(
        update(SignIn).where(SignIn.identity_id.in_(mine), SignIn.ended_at.is_(None))
        .values(ended_at=now, ended_why="everywhere").execution_options(synchronize_session=False)
    )  # fmt: skip


def who_signed_in(session: Session, sign_in_id: int, identity_id: int, now: datetime) -> Who:
    """Who stands behind a sign-in now; raises Refused("signed_out") when it was ended or is over."""
    query = (
        select(SignIn, Identity, Person)
        .join(Identity, SignIn.identity_id == Identity.id).join(Person, Identity.person_id == Person.id)
        .where(SignIn.id == sign_in_id, Identity.id == identity_id)
    )  # fmt: skip
    row = session.execute(query).first()
    if row is None or not _stands(row.SignIn, now):
        raise Refused("signed_out")
    identity, person = row.Identity, row.Person
    return Who(person.id, identity.id, person.name, person.time_zone, identity.app_id, identity.openid)


def forget_sign_ins(session: Session, now: datetime) -> int:
    """Delete what was over long ago, its tokens first; answers how many sign-ins."""
    old = select(SignIn.id).where(SignIn.expires_at < now - KEPT)
    session.execute(delete(RefreshToken).where(RefreshToken.sign_in_id.in_(old)))
    return len(session.execute(delete(SignIn).where(SignIn.id.in_(old)).returning(SignIn.id)).all())


def _issue(session: Session, sign_in_id: int, now: datetime) -> str:
    token = secrets.token_urlsafe(32)
    session.add(RefreshToken(token_hash=_hash(token), sign_in_id=sign_in_id, issued_at=now))
    session.flush()
    return token


def _hash(token: str) -> str:
    """Plain SHA-256: the token is 32 random bytes, so there is nothing to guess that a slow hash would protect."""
    return hashlib.sha256(token.encode()).hexdigest()


def _stands(standing: SignIn, now: datetime) -> bool:
    return standing.ended_at is None and standing.expires_at > now


def _end_reused(session: Session, token: str, now: datetime) -> None:
    reused = session.scalar(select(RefreshToken.sign_in_id).where(RefreshToken.token_hash == _hash(token)))
    if reused is not None:
        _end(session, reused, "reuse", now)


def _end(session: Session, sign_in_id: int, why: str, now: datetime) -> None:
    session.execute(
        update(SignIn).where(SignIn.id == sign_in_id, SignIn.ended_at.is_(None)).values(ended_at=now, ended_why=why)
    )
