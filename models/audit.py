"""Who did what at the desk, when and from where: a book that only grows, each line sealed with the one before it."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Index, String, Table, event, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, Key

BEGINNING = "0" * 64  # what the first line is sealed with


class AuditEntry(Base):
    """One line. `detail` holds codes and keys, never a name, a phone or what somebody typed."""

    __tablename__ = "audit"
    __table_args__ = (Index(None, "person_id"), Index(None, "subject"))

    seq: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=False)  # 1, 2, 3 … without a gap
    at: Mapped[datetime]
    # None: nobody whom we know. It is no foreign key: joining two people must not write here.
    person_id: Mapped[int | None] = mapped_column(Key)
    verb: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(60))  # "task:7", "person:3"
    ip: Mapped[str] = mapped_column(String(45))
    detail: Mapped[dict[str, Any]]
    previous: Mapped[str] = mapped_column(String(64))
    seal: Mapped[str] = mapped_column(String(64))


class AuditHead(Base):
    """Where the book ends: one row, held by whoever writes, so that two writers never seal with the same line."""

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    count: Mapped[int] = mapped_column(Key)
    seal: Mapped[str] = mapped_column(String(64))


@dataclass(frozen=True)
class Verdict:
    """What reading the whole book found: how many lines, the last seal, and each fault as (line, what is wrong)."""

    count: int
    seal: str
    faults: tuple[tuple[int, str], ...]
    noted: bool  # whether the seal that somebody wrote down elsewhere is still in the book


def write(
    session: Session, *, verb: str, now: datetime, person_id: int | None = None, subject: str = "", ip: str = "",
    **detail: Any,
) -> AuditEntry:  # fmt: skip
    """Add a line at the end of the book.

    It is the last thing a transaction does: from here to its end every other writer waits.
    """
    session.flush()
    fresh = {"populate_existing": True}
    head = session.scalars(select(AuditHead).with_for_update(), execution_options=fresh).one()
    line = AuditEntry(
        seq=head.count + 1, at=now, person_id=person_id, verb=verb, subject=subject, ip=ip, detail=detail,
        previous=head.seal, seal="",
    )  # fmt: skip
    line.seal = _seal_of(line)
    session.add(line)
    head.count, head.seal = line.seq, line.seal
    session.flush()
    return line


def verify(session: Session, noted: str = "") -> Verdict:
    """Read the whole book and check every seal. `noted`: a seal that was written down elsewhere, to be found again.

    A line that was changed, taken out, put in or moved breaks the chain where it stood; one that was cut off at the end
    is missed by the head; a book written anew from the beginning no longer holds the noted seal.
    """
    faults: list[tuple[int, str]] = []
    previous, expected, known = BEGINNING, 0, not noted
    for line in _lines(session):
        expected += 1
        if line.seq != expected:
            faults.append((expected, "missing"))
            expected = line.seq
        if line.previous != previous:
            faults.append((line.seq, "chain"))
        if line.seal != _seal_of(line):
            faults.append((line.seq, "changed"))
        previous, known = line.seal, known or line.seal == noted
    head = session.scalars(select(AuditHead)).one()
    if (head.count, head.seal) != (expected, previous):
        faults.append((head.count, "end"))
    return Verdict(expected, previous, tuple(faults), known)


def _lines(session: Session) -> Iterator[AuditEntry]:
    reading = {"yield_per": 500, "populate_existing": True}
    return iter(session.scalars(select(AuditEntry).order_by(AuditEntry.seq), execution_options=reading))


def _seal_of(line: AuditEntry) -> str:
    told = [
        line.seq, line.at.astimezone(UTC).isoformat(timespec="microseconds"), line.person_id, line.verb, line.subject,
        line.ip, line.detail, line.previous,
    ]  # fmt: skip
    text = json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


# What the database itself refuses. Whoever may drop a trigger can still change a line: then the seals say so.
GUARDS: dict[str, tuple[str, ...]] = {
    "sqlite": (
        "CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit only grows'); END",
        "CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit only grows'); END",
    ),
    "postgresql": (
        "CREATE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'audit only grows'; END $$",
        "CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows()",
    ),
}  # fmt: skip


@event.listens_for(AuditEntry.__table__, "after_create")
def _guard(_: Table, connection: Connection, **__: Any) -> None:
    for statement in GUARDS.get(connection.dialect.name, ()):
        connection.exec_driver_sql(statement)


@event.listens_for(AuditEntry.__table__, "after_drop")
def _unguard(_: Table, connection: Connection, **__: Any) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("DROP FUNCTION IF EXISTS audit_only_grows()")


@event.listens_for(AuditHead.__table__, "after_create")
def _begin(table: Table, connection: Connection, **_: Any) -> None:
    connection.execute(table.insert().values(id=1, count=0, seal=BEGINNING))
