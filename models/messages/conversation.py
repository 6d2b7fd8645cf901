"""The two statements around every message: one takes it in and reads who speaks, one keeps what was answered."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Dialect, Select, and_, bindparam, case, func, literal, select, true, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from models.messages.compiled import Compiled
from models.messages.inbox import Dialogue, Inbox
from models.people.identities import Identity, Who, has_gone
from models.people.persons import Person

_PARAMS = ("key", "received_at", "kind")


@dataclass(frozen=True)
class Opened:
    """What the first statement found.

    `fresh` is False when this message has been answered already: `reply` then holds what was answered. `who` is None
    when nobody has written from this openid before. `gone`: WeChat told us that they do not follow the account.
    """

    fresh: bool
    who: Who | None
    reply: str | None = None
    ask_for: str | None = None
    choices: list[Any] | None = None
    shown: dict[str, Any] | None = None
    draft: dict[str, Any] | None = None
    updated_at: datetime | None = None
    gone: bool = False


class Overtaken(Exception):
    """Another message of this conversation was answered since it was read: nothing of this one may be kept."""

    def __init__(self, identity_id: int) -> None:
        super().__init__("another message of this conversation was faster")
        self.identity_id = identity_id


def _speaker(source: Any) -> Any:
    """The identity behind (app_id, openid), its person and its dialogue, outer joined to `source`."""
    same = and_(Identity.app_id == bindparam("app_id"), Identity.openid == bindparam("openid"))
    return (
        source.outerjoin(Identity, same)
        .outerjoin(Person, Person.id == Identity.person_id)
        .outerjoin(Dialogue, Dialogue.identity_id == Identity.id)
    )


_SPEAKER = (
    Identity.id, Identity.person_id, Identity.following, Identity.unreachable_why, Person.name, Person.time_zone,
    Dialogue.ask_for, Dialogue.choices, Dialogue.shown, Dialogue.draft, Dialogue.updated_at,
)  # fmt: skip


def _insert(make: Any) -> Any:
    values: dict[str, Any] = {name: bindparam(name) for name in _PARAMS}
    return make(Inbox).values(**values).on_conflict_do_nothing().returning(Inbox.key)


def _postgres_open() -> Select[Any]:
    fresh = _insert(pg_insert).cte("fresh")
    one = select(literal(1).label("one")).subquery("one")
    return select(fresh.c.key, *_SPEAKER).select_from(_speaker(one.outerjoin(fresh, true())))


def _read() -> Select[Any]:
    one = select(literal(1).label("one")).subquery("one")
    return select(literal("fresh").label("key"), *_SPEAKER).select_from(_speaker(one))


_KEEP = update(Inbox).where(Inbox.key == bindparam("inbox_key")).values(reply=bindparam("answered"))


def _write_dialogue(make: Any) -> Any:
    names = ("ask_for", "choices", "shown", "draft", "updated_at", "heard_at")
    insert = make(Dialogue).values(identity_id=bindparam("identity_id"), **{name: bindparam(name) for name in names})
    # What a person writes opens the customer-service window anew; a tap leaves it as it was.
    heard = insert.excluded.heard_at
    window = {
        "heard_at": func.coalesce(heard, Dialogue.heard_at),
        "served": case((heard.is_(None), Dialogue.served), else_=0),
    }
    return insert.on_conflict_do_update(
        index_elements=[Dialogue.identity_id], set_={name: insert.excluded[name] for name in names} | window,
        where=Dialogue.updated_at.is_not_distinct_from(bindparam("seen", type_=Dialogue.updated_at.type)),
    ).returning(Dialogue.identity_id)  # fmt: skip


def _postgres_close() -> Any:
    kept = _write_dialogue(pg_insert).cte("kept")
    return _KEEP.returning(select(kept.c.identity_id).scalar_subquery())


class _Statements:
    """The statements of one dialect: PostgreSQL folds each pair into one, SQLite has no such thing."""

    def __init__(self, dialect: Dialect) -> None:
        self.folds = dialect.name == "postgresql"
        make = pg_insert if self.folds else sqlite_insert
        types = (Inbox.key.type, *(column.type for column in _SPEAKER))
        self.open = Compiled(_postgres_open() if self.folds else _insert(make), dialect, types if self.folds else ())
        self.read = Compiled(_read(), dialect, types)
        self.keep = Compiled(_KEEP, dialect)
        self.close = Compiled(_postgres_close() if self.folds else _write_dialogue(make), dialect)


@cache
def _statements(name: str) -> _Statements:
    dialect: Dialect = (postgresql.psycopg if name == "postgresql" else sqlite).dialect()
    return _Statements(dialect)


def open_message(
    connection: Connection, *, key: str, received_at: datetime, kind: str, app_id: str, openid: str
) -> Opened:
    """Take a message in, exactly once, and read who speaks and where that conversation stands.

    PostgreSQL does it in one statement. While another transaction holds the same key this waits for it (at most the
    lock timeout) and then answers what that one stored. Raises the driver's own errors.
    """
    values = {"key": key, "received_at": received_at, "kind": kind}
    speaker = {"app_id": app_id, "openid": openid}
    statements = _statements(connection.dialect.name)
    row = statements.open.first(connection, {**values, **speaker} if statements.folds else values)
    if row is not None and not statements.folds:
        row = statements.read.first(connection, speaker)
    if row is None or row[0] is None:
        reply = connection.execute(select(Inbox.reply).where(Inbox.key == key)).scalar_one_or_none()
        return Opened(False, None, reply)
    _, identity, person, following, why, name, zone, *dialogue = row
    if identity is None:
        return Opened(True, None)
    who = Who(person, identity, name, zone, app_id, openid)
    ask_for, choices, shown, draft, updated_at = dialogue
    return Opened(True, who, None, ask_for, choices, shown, draft, updated_at, has_gone(following, why))


def read_speaker(connection: Connection, app_id: str, openid: str) -> Who:
    """Who is behind an openid that has just been welcomed."""
    row = _statements(connection.dialect.name).read.first(connection, {"app_id": app_id, "openid": openid})
    assert row is not None
    return Who(row[2], row[1], row[5], row[6], app_id, openid)


def wait_for_others(connection: Connection, identity_id: int) -> None:
    """Hold one person's conversation until the end of this transaction: who was overtaken once is not overtaken again.

    Only then, for it is a journey of its own. SQLite's transactions take turns anyway.
    """
    connection.execute(select(Dialogue.identity_id).where(Dialogue.identity_id == identity_id).with_for_update())


def close_message(
    connection: Connection, *, key: str, answered: str, identity_id: int = 0, dialogue: dict[str, Any] | None = None,
    seen: datetime | None = None,
) -> None:  # fmt: skip
    """Keep what was answered, and where the conversation stands now (`dialogue` None: where it stood).

    `seen`: the `updated_at` that `open_message` found. Raises Overtaken when the conversation has moved on since; the
    transaction must then be rolled back.
    """
    statements, kept = _statements(connection.dialect.name), {"inbox_key": key, "answered": answered}
    if dialogue is None:
        statements.keep.run(connection, kept)
        return
    written = {"identity_id": identity_id, "seen": seen, **dialogue}
    row = statements.close.first(connection, {**kept, **written} if statements.folds else written)
    if row is None or row[0] is None:
        raise Overtaken(identity_id)
    if not statements.folds:
        statements.keep.run(connection, kept)
