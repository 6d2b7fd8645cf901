"""The two statements around every message: one that takes it in and reads who speaks, one that keeps what was answered."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, literal, select, true, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from models.messages.inbox import Dialogue, Inbox
from models.people.identities import Identity, Who
from models.people.persons import Person

_PARAMS = ("key", "received_at", "kind")


@dataclass(frozen=True)
class Opened:
    """What the first statement found.

    `fresh` is False when this message has been answered already: `reply` then holds what was answered. `who` is None
    when nobody has written from this openid before.
    """

    fresh: bool
    who: Who | None
    reply: str | None = None
    ask_for: str | None = None
    choices: list[Any] | None = None
    shown: dict[str, Any] | None = None
    draft: dict[str, Any] | None = None
    updated_at: datetime | None = None


def _speaker(source: Any) -> Any:
    """The identity behind (app_id, openid), its person and its dialogue, outer joined to `source`."""
    same = and_(Identity.app_id == bindparam("app_id"), Identity.openid == bindparam("openid"))
    return (
        source.outerjoin(Identity, same)
        .outerjoin(Person, Person.id == Identity.person_id)
        .outerjoin(Dialogue, Dialogue.identity_id == Identity.id)
    )


_SPEAKER = (
    Identity.id, Identity.person_id, Person.name, Person.time_zone,
    Dialogue.ask_for, Dialogue.choices, Dialogue.shown, Dialogue.draft, Dialogue.updated_at,
)  # fmt: skip


def _insert(make: Any) -> Any:
    values: dict[str, Any] = {name: bindparam(name) for name in _PARAMS}
    return make(Inbox).values(**values).on_conflict_do_nothing().returning(Inbox.key)


def _postgres_open() -> Select[Any]:
    fresh = _insert(pg_insert).cte("fresh")
    one = select(literal(1).label("one")).subquery("one")
    return select(fresh.c.key, *_SPEAKER).select_from(_speaker(one.outerjoin(fresh, true())))


def _sqlite_read() -> Select[Any]:
    one = select(literal(1).label("one")).subquery("one")
    return select(literal("fresh").label("key"), *_SPEAKER).select_from(_speaker(one))


def _write_dialogue(make: Any) -> Any:
    names = ("ask_for", "choices", "shown", "draft", "updated_at")
    insert = make(Dialogue).values(
        identity_id=bindparam("identity_id"), **{name: bindparam(name) for name in names}
    )
    return insert.on_conflict_do_update(
        index_elements=[Dialogue.identity_id], set_={name: insert.excluded[name] for name in names}
    )


_KEEP = update(Inbox).where(Inbox.key == bindparam("inbox_key")).values(reply=bindparam("answered"))
_OPEN_SQLITE = _insert(sqlite_insert)
_READ = _sqlite_read()
_DIALOGUE_SQLITE = _write_dialogue(sqlite_insert)


def _as_sql(statement: Any) -> str:
    """A statement of ours in PostgreSQL's words, compiled once.

    It is run on the driver's cursor: for these two statements, on every message, the rest of SQLAlchemy's execution
    costs more than PostgreSQL does (measured: 0.21 of a bare echo with it, above 0.30 without).
    """
    return str(statement.compile(dialect=postgresql.psycopg.dialect()))  # type: ignore[no-untyped-call]


_OPEN_POSTGRES = _as_sql(_postgres_open())
_CLOSE_POSTGRES = _as_sql(
    _KEEP.add_cte(_write_dialogue(pg_insert).returning(Dialogue.identity_id).cte("kept"))
)


def _driver(connection: Connection) -> Any:
    """A cursor of the driver on this very connection, inside its transaction."""
    held = connection.connection.dbapi_connection
    assert held is not None
    return held.cursor()


def open_message(
    connection: Connection, *, key: str, received_at: datetime, kind: str, app_id: str, openid: str
) -> Opened:
    """Take a message in, exactly once, and read who speaks and where that conversation stands.

    PostgreSQL does it in one statement. While another transaction holds the same key this waits for it (at most the
    lock timeout) and then answers what that one stored. Raises the driver's own errors on PostgreSQL.
    """
    row_values = {"key": key, "received_at": received_at, "kind": kind}
    speaker = {"app_id": app_id, "openid": openid}
    row: Any
    if connection.dialect.name == "postgresql":
        row = _driver(connection).execute(_OPEN_POSTGRES, {**row_values, **speaker, "param_1": 1}).fetchone()
    elif connection.execute(_OPEN_SQLITE, row_values).first() is None:
        row = None
    else:
        row = connection.execute(_READ, speaker).one()
    if row is None or row[0] is None:
        reply = connection.execute(select(Inbox.reply).where(Inbox.key == key)).scalar_one_or_none()
        return Opened(False, None, reply)
    _, identity, person, name, zone, *dialogue = row
    who = Who(person, identity, name, zone, app_id, openid) if identity is not None else None
    return Opened(True, who, None, *dialogue)


def read_speaker(connection: Connection, app_id: str, openid: str) -> Who:
    """Who is behind an openid that has just been welcomed."""
    row = connection.execute(_READ, {"app_id": app_id, "openid": openid}).one()
    return Who(row[2], row[1], row[3], row[4], app_id, openid)


def close_message(
    connection: Connection, *, key: str, answered: str, identity_id: int, dialogue: dict[str, Any] | None
) -> None:
    """Keep what was answered, and where the conversation stands now (`dialogue` None: where it stood)."""
    kept = {"inbox_key": key, "answered": answered}
    if dialogue is None:
        connection.execute(_KEEP, kept)
    elif connection.dialect.name == "postgresql":
        told = {name: json.dumps(dialogue[name]) for name in ("choices", "shown", "draft")}
        _driver(connection).execute(_CLOSE_POSTGRES, {**kept, "identity_id": identity_id, **dialogue, **told})
    else:
        connection.execute(_DIALOGUE_SQLITE, {"identity_id": identity_id, **dialogue})
        connection.execute(_KEEP, kept)
