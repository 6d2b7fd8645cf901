"""The way in to the pages: a state that WeChat brings back once, and which sessions of a person still stand."""

import hashlib
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import String, delete, insert, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base
from models.errors import Refused
from models.people.identities import Identity, welcome
from models.people.persons import Person
from models.people.signins import end_sign_ins

STATE_LASTS = timedelta(minutes=10)
PATH_LIMIT = 200


class Entry(Base):
    """Somebody was sent to WeChat to say who they are. Only digests stand here: who reads the table can enter nowhere.

    `again`: this is the second try, because WeChat did not take the first code.
    """

    __tablename__ = "entries"

    state: Mapped[str] = mapped_column(String(64), primary_key=True)
    browser: Mapped[str] = mapped_column(String(64))
    path: Mapped[str] = mapped_column(String(PATH_LIMIT))
    again: Mapped[bool] = mapped_column(default=False)
    begun_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


def begin(session: Session, *, state: str, browser: str, path: str, now: datetime, again: bool = False) -> None:
    """Remember that this browser was sent to WeChat with this state, and where it wanted to go."""
    session.execute(
        insert(Entry).values(
            state=_digest(state), browser=_digest(browser), path=path[:PATH_LIMIT], again=again, begun_at=now
        )
    )


class Came(NamedTuple):
    """What an entry remembered: where its browser wanted to go, and whether this was the second try."""

    path: str
    again: bool


def use(session: Session, *, state: str, browser: str, now: datetime) -> Came:
    """What the entry that comes back remembered; this very statement uses it up: of two at once, one gets it.

    Raises Refused("entry_unknown") for a state that nobody was given, that another browser was given, that was used
    before or is over: the answer is one and the same.
    """
    found = session.execute(
        update(Entry)
        .where(
            Entry.state == _digest(state), Entry.browser == _digest(browser), Entry.used_at.is_(None),
            Entry.begun_at > now - STATE_LASTS, Entry.begun_at <= now,
        )
        .values(used_at=now).returning(Entry.path, Entry.again)
    ).first()  # fmt: skip
    if found is None:
        raise Refused("entry_unknown")
    return Came(found.path, found.again)


def forget_entries(session: Session, now: datetime) -> int:
    """Delete the entries that can no longer be used; answers how many."""
    old = delete(Entry).where(Entry.begun_at <= now - STATE_LASTS).returning(Entry.state)
    return len(session.execute(old).all())


def arrive(session: Session, *, app_id: str, openid: str, now: datetime) -> Identity:
    """The identity behind an openid that a page has learnt; whoever is new does not follow the account yet."""
    known = select(Identity.id).where(Identity.app_id == app_id, Identity.openid == openid)
    is_new = session.scalar(known) is None
    identity = welcome(session, app_id, openid, "official_account", now)
    if is_new and identity.since == now:
        identity.following = False
    session.flush()
    return identity


def end_sessions(session: Session, person_id: int, now: datetime) -> None:
    """Every session that stands for this person anywhere is over, the mini-program's too, on whatever phone."""
    session.execute(
        update(Person).where(Person.id == person_id).values(session_epoch=Person.session_epoch + 1)
        .execution_options(synchronize_session=False)
    )  # fmt: skip
    end_sign_ins(session, person_id, now)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
