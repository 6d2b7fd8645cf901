"""Accounts of staff for the desk: made by an operator for a cadre, locked for a while after wrong passwords."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, String, case, exists, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.errors import Refused
from models.people import desk_sessions, passwords
from models.people.desk_sessions import DeskSession
from models.people.identities import Who
from models.people.persons import Person
from models.people.staff import CADRE_ROLES, StaffRole, is_cadre

# From everywhere together. One place has fewer (`wx_backend/signing.py`): a stranger elsewhere keeps no clerk out.
TRIES, TRIES_WITHIN = 50, timedelta(minutes=15)
_USERNAME = re.compile(r"[a-z][a-z0-9._-]{1,31}")


class StaffAccount(Row):
    """How one cadre signs in."""

    __tablename__ = "staff_accounts"

    username: Mapped[str] = mapped_column(String(32), unique=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), unique=True)
    password_hash: Mapped[str] = mapped_column(String(160))
    must_change: Mapped[bool]
    failed: Mapped[int] = mapped_column(default=0)  # tries since `failed_since` that did not end in a sign-in
    failed_since: Mapped[datetime | None]
    last_login_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    @property
    def subject(self) -> str:
        """The name under which the audit knows this account."""
        return f"account:{self.id}"


@dataclass(frozen=True)
class Attempt:
    """One try to sign in, counted before anybody looks at the password: many at once cannot slip through."""

    account_id: int | None = None
    kept: str | None = None
    locked: bool = False


@dataclass(frozen=True)
class AtDesk:
    """Who sits at the desk. `who` is what rules ask for; it came by no WeChat identity."""

    who: Who
    session_id: str
    account_id: int
    username: str
    is_admin: bool
    must_change: bool
    seen_at: datetime


def named(text: str) -> str:
    """A username as it is kept: without blanks around it, in small letters."""
    return text.replace("\x00", "").strip().casefold()


def add(
    session: Session, *, username: str, person: Person, password: str, must_change: bool, now: datetime
) -> StaffAccount:  # fmt: skip
    """An account for a cadre.

    Raises Refused("not_staff") for anybody else, ("username_bad"), ("username_taken"), ("account_there") when the
    cadre has one already, or what `passwords.check_good` raises.
    """
    name = named(username)
    if not _USERNAME.fullmatch(name):
        raise Refused("username_bad")
    if person.state != "active" or not is_cadre(session, person.id):
        raise Refused("not_staff")
    passwords.check_good(password, name)
    if account_named(session, name) is not None:
        raise Refused("username_taken")
    if session.scalar(select(StaffAccount.id).where(StaffAccount.person_id == person.id)) is not None:
        raise Refused("account_there")
    account = StaffAccount(
        username=name, person_id=person.id, password_hash=passwords.hashed(password), must_change=must_change,
        created_at=now,
    )  # fmt: skip
    session.add(account)
    session.flush()
    return account


def account_named(session: Session, username: str) -> StaffAccount | None:
    """The account of this name."""
    return session.scalar(select(StaffAccount).where(StaffAccount.username == named(username)))


def set_password(
    session: Session, account: StaffAccount, password: str, *, must_change: bool, now: datetime
) -> None:  # fmt: skip
    """Give an account another password; whoever is signed in with it, anywhere, is so no more.

    Raises what `passwords.check_good` raises, and Refused("password_same").
    """
    passwords.check_good(password, account.username)
    if passwords.fits(password, account.password_hash):
        raise Refused("password_same")
    account.password_hash, account.must_change = passwords.hashed(password), must_change
    account.failed, account.failed_since = 0, None
    session.flush()
    desk_sessions.end_all(session, account.person_id, "password", now)


def count_attempt(session: Session, username: str, now: datetime) -> Attempt:
    """Count a try and answer what it is checked against; after TRIES within TRIES_WITHIN the account is locked."""
    fresh = StaffAccount.failed_since > now - TRIES_WITHIN
    mine = StaffAccount.username == named(username)
    counted = session.execute(
        update(StaffAccount).where(mine, ~((StaffAccount.failed >= TRIES) & fresh.is_(True)))
        .values(
            failed=case((fresh, StaffAccount.failed + 1), else_=1),
            failed_since=case((fresh, StaffAccount.failed_since), else_=now),
        )
        .returning(StaffAccount.id, StaffAccount.password_hash),
        execution_options={"synchronize_session": False},
    ).first()  # fmt: skip
    if counted is not None:
        return Attempt(counted.id, counted.password_hash)
    known = session.scalar(select(StaffAccount.id).where(mine))
    return Attempt(account_id=known, locked=known is not None)


def admit(session: Session, attempt: Attempt, password: str, now: datetime) -> StaffAccount | None:
    """The account whose password fitted, its tries forgotten; None when the person may not work here any more.

    A password kept with older parameters is kept anew; one that was changed meanwhile lets nobody in.
    """
    account = session.get(StaffAccount, attempt.account_id, with_for_update=True, populate_existing=True)
    if account is None or account.password_hash != attempt.kept:
        return None
    if session.get_one(Person, account.person_id).state != "active" or not is_cadre(session, account.person_id):
        return None
    if passwords.is_dated(account.password_hash):
        account.password_hash = passwords.hashed(password)
    account.failed, account.failed_since, account.last_login_at = 0, None, now
    session.flush()
    return account


def at_desk(session: Session, token: str, now: datetime) -> AtDesk | None:
    """Who holds this token, in one question; None when it is unknown or over, or its holder is no cadre any more."""
    roles = exists().where(
        StaffRole.person_id == Person.id, StaffRole.ended_at.is_(None), StaffRole.area_id.is_not(None)
    )
    row = session.execute(
        select(
            DeskSession.id, DeskSession.seen_at, StaffAccount.id.label("account_id"), StaffAccount.username,
            StaffAccount.must_change, Person.id.label("person_id"), Person.name, Person.time_zone,
            roles.where(StaffRole.role == "county_admin").label("is_admin"),
        )
        .join(StaffAccount, DeskSession.account_id == StaffAccount.id)
        .join(Person, StaffAccount.person_id == Person.id)
        .where(
            DeskSession.id == desk_sessions.key_of(token), DeskSession.ended_at.is_(None),
            DeskSession.seen_at > now - desk_sessions.IDLE, DeskSession.opened_at > now - desk_sessions.LONGEST,
            Person.state == "active", roles.where(StaffRole.role.in_(CADRE_ROLES)),
        )
    ).first()  # fmt: skip
    if row is None:
        return None
    who = Who(row.person_id, 0, row.name, row.time_zone, "", "")
    return AtDesk(who, row.id, row.account_id, row.username, bool(row.is_admin), row.must_change, row.seen_at)
