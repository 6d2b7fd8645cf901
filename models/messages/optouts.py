"""What people do not want to be reminded of: their own no, by kind of letter, until they take it back."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ForeignKey, String, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base


class OptOut(Base):
    """One person wants no letters whose kind begins so ("family.reminder")."""

    __tablename__ = "opt_outs"

    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    at: Mapped[datetime]


def opt_out(session: Session, person_id: int, kind: str, now: datetime) -> None:
    """No more letters of this kind for this person; saying it twice is saying it once."""
    if session.get(OptOut, (person_id, kind)) is None:
        session.add(OptOut(person_id=person_id, kind=kind, at=now))
        session.flush()


def opt_in(session: Session, person_id: int, kind: str) -> None:
    """Letters of this kind again."""
    session.execute(delete(OptOut).where(OptOut.person_id == person_id, OptOut.kind == kind))


def wish(session: Session, person_id: int, kind: str, *, silent: bool, now: datetime) -> None:
    """No more letters of this kind, or letters again: what somebody says for themselves."""
    if silent:
        opt_out(session, person_id, kind, now)
    else:
        opt_in(session, person_id, kind)


def wants_none(session: Session, person_id: int, kind: str) -> bool:
    """Whether the person has said no to letters of this kind."""
    return session.get(OptOut, (person_id, kind)) is not None


def opted_out(session: Session, people: Collection[int]) -> dict[int, list[str]]:
    """Of these people, who wants no letters of which kinds."""
    found: dict[int, list[str]] = {}
    for row in session.execute(select(OptOut.person_id, OptOut.kind).where(OptOut.person_id.in_(people))):
        found.setdefault(row.person_id, []).append(row.kind)
    return found
