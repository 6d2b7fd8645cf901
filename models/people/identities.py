"""WeChat identities: one person may have several, each known by (app_id, openid); the unionid may come late."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ForeignKey, Select, String, UniqueConstraint, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.people.persons import Person


@dataclass(frozen=True)
class Who:
    """Who is asking, as every floor passes it on: a person behind one WeChat identity. It grants nothing by itself."""

    person_id: int
    identity_id: int
    name: str
    zone: str  # IANA
    app_id: str
    openid: str


NOT_FOLLOWING = ("43004", "40003")  # require subscribe; no such openid in this account


class Identity(Row):
    """One follower of one account."""

    __tablename__ = "identities"
    __table_args__ = (UniqueConstraint("app_id", "openid"),)

    app_id: Mapped[str] = mapped_column(String(32))
    openid: Mapped[str] = mapped_column(String(64))
    unionid: Mapped[str | None] = mapped_column(String(64), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    kind: Mapped[str] = mapped_column(String(20), default="official_account")  # or "mini_program"
    following: Mapped[bool] = mapped_column(default=True)
    reachable: Mapped[bool] = mapped_column(default=True)  # false after "user block", 43004, 40003
    unreachable_why: Mapped[str] = mapped_column(String(60), default="")
    since: Mapped[datetime]


def welcome(session: Session, app_id: str, openid: str, kind: str, now: datetime) -> Identity:
    """The identity behind an openid; a first contact makes a person without a name.

    Two first messages at once make one person: the second to insert finds the first.
    """
    known = select(Identity).where(Identity.app_id == app_id, Identity.openid == openid)
    found = session.scalar(known)
    if found is not None:
        return found
    try:
        with session.begin_nested():
            person = Person(created_at=now)
            session.add(person)
            session.flush()
            made = Identity(app_id=app_id, openid=openid, kind=kind, person_id=person.id, since=now)
            session.add(made)
            session.flush()
    except IntegrityError:
        return session.execute(known).scalar_one()
    return made


def follows(session: Session, identity: Identity) -> None:
    """The person follows (again): we may write."""
    identity.following = identity.reachable = True
    identity.unreachable_why = ""
    session.flush()


def has_gone(following: bool, unreachable_why: str) -> bool:
    """Whether WeChat told us that this person does not follow; their own refusal of our messages is no such thing."""
    return not following or unreachable_why in NOT_FOLLOWING


def unfollows(session: Session, identity: Identity) -> None:
    """The person left the account; what was to be said goes another way from now on."""
    identity.following = False
    session.flush()


def mark_unreachable(
    session: Session, person_id: int, app_id: str, why: str, identity_id: int | None = None
) -> None:  # fmt: skip
    """WeChat says that this person cannot be reached through this account (`why`: "user block", "43004", …). Of one
    with several WeChats that is said of the `identity_id` that was written to, where it is known."""
    theirs = [Identity.app_id == app_id, Identity.person_id == person_id]
    if identity_id is not None:
        theirs.append(Identity.id == identity_id)
    session.execute(update(Identity).where(*theirs).values(reachable=False, unreachable_why=why[:60]))


def reach_again_by_account(session: Session, person_id: int) -> None:
    """The person lets the account's messages in again, and is written to again: WeChat sends no event for that."""
    session.execute(
        update(Identity).where(Identity.person_id == person_id, Identity.kind == "official_account")
        .values(reachable=True, unreachable_why="")
    )  # fmt: skip


def is_reachable(session: Session, person_id: int) -> bool:
    """Whether the person can be written to on an official account."""
    query = select(Identity.id).where(
        Identity.person_id == person_id, Identity.kind == "official_account",
        Identity.following.is_(True), Identity.reachable.is_(True),
    )  # fmt: skip
    return session.scalar(query.limit(1)) is not None


def reached() -> Select[int]:
    """The ids of those to whom the official account can write now, to be joined into other questions."""
    return select(Identity.person_id).where(
        Identity.kind == "official_account", Identity.following.is_(True), Identity.reachable.is_(True)
    )


def out_of_reach(session: Session, people: Collection[int]) -> list[Person]:
    """Of these people, whom the official account cannot write to now: never followed, left, or refused our messages."""
    query = select(Person).where(Person.id.in_(people), Person.id.not_in(reached())).order_by(Person.id)
    return list(session.scalars(query))
