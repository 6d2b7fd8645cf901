"""What was answered to a request that must happen once: a retry with the same key hears the same words."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, String, Text, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, insert_of
from models.errors import Refused

KEPT = timedelta(hours=24)
KEY_LIMIT = 64


class Answer(Base):
    """The first answer to one person's request under one key. `status` is empty only inside its own transaction."""

    __tablename__ = "answers"

    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(KEY_LIMIT), primary_key=True)
    route: Mapped[str] = mapped_column(String(120))  # "POST /api/v1/orders"
    body_hash: Mapped[str] = mapped_column(String(64))
    status: Mapped[int | None]
    body: Mapped[str] = mapped_column(Text, default="")
    asked_at: Mapped[datetime] = mapped_column(index=True)


@dataclass(frozen=True)
class Said:
    """What was answered before."""

    status: int
    body: str


def begin(session: Session, *, person_id: int, key: str, route: str, body_hash: str, now: datetime) -> Said | None:
    """None when this request is the first under its key; else what the first was answered.

    The row is inserted before the work and commits with it: who asks the same thing at the same moment waits here for
    the first (the primary key makes it), and does the work after all when the first came to nothing. A key is forgotten
    after a day. Raises Refused("idempotency_mismatch") when the key stood for another request.
    """
    session.execute(
        delete(Answer).where(Answer.person_id == person_id, Answer.key == key, Answer.asked_at < now - KEPT)
    )
    claim = (
        insert_of(session, Answer)
        .values(person_id=person_id, key=key, route=route, body_hash=body_hash, body="", asked_at=now)
        .on_conflict_do_nothing().returning(Answer.key)
    )  # fmt: skip
    if session.execute(claim).first() is not None:
        return None
    columns = select(Answer.route, Answer.body_hash, Answer.status, Answer.body)
    first = session.execute(columns.where(Answer.person_id == person_id, Answer.key == key)).one()
    if (first.route, first.body_hash) != (route, body_hash):
        raise Refused("idempotency_mismatch")
    return Said(first.status, first.body)


def keep(session: Session, *, person_id: int, key: str, status: int, body: str) -> None:
    """Keep what was answered, in the transaction of the work itself."""
    session.execute(
        update(Answer).where(Answer.person_id == person_id, Answer.key == key).values(status=status, body=body)
    )


def leave_none(session: Session, person_id: int, key: str) -> None:
    """Keep nothing of a request, in the transaction of the work: not that this person asked, nor when."""
    session.execute(delete(Answer).where(Answer.person_id == person_id, Answer.key == key))


def forget_answers(session: Session, now: datetime) -> int:
    """Delete what was answered more than a day ago; answers how many."""
    old = delete(Answer).where(Answer.asked_at < now - KEPT).returning(Answer.key)
    return len(session.execute(old).all())
