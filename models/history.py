"""What happened to a thing, in order: one append-only row for every verb."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Index, String, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row


class History(Row):
    """One verb done to one thing: by whom, in which role, from which state to which."""

    __tablename__ = "history"
    __table_args__ = (Index(None, "subject"),)

    subject: Mapped[str] = mapped_column(String(40))  # "order:17", "call:3"
    verb: Mapped[str] = mapped_column(String(32))
    from_state: Mapped[str | None] = mapped_column(String(32))
    to_state: Mapped[str] = mapped_column(String(32))
    by_person_id: Mapped[int | None]  # None: time did it
    as_role: Mapped[str] = mapped_column(String(32))
    note: Mapped[str] = mapped_column(String(500), default="")
    at: Mapped[datetime]


def steps_of(session: Session, subjects: Collection[str], *verbs: str) -> dict[str, int]:
    """How many verbs (or how many of these) each of the subjects has been through."""
    query = select(History.subject, func.count()).where(History.subject.in_(subjects)).group_by(History.subject)
    if verbs:
        query = query.where(History.verb.in_(verbs))
    return dict.fromkeys(subjects, 0) | {row[0]: row[1] for row in session.execute(query)}


def history_of(session: Session, subject: str) -> list[History]:
    """The rows of `subject` ("order:17") in the order in which they happened."""
    return list(session.scalars(select(History).where(History.subject == subject).order_by(History.id)))
