"""Databases for tests: a fresh one of either kind for each test, copied from a template or emptied after the last."""

import os
import shutil
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from socketserver import BaseServer
from typing import Any

import psycopg
import redis
from sqlalchemy import Engine

from models.register import METADATA
from tests.connections import KEPT
from wx_backend.database import make_engine

# Tuesday 24 November 2026, 10:00 in Lishui, 03:00 in Madrid; all of 2026's holidays are known.
NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)

POSTGRES = os.environ.get("TEST_POSTGRES_URL", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres")
REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/15")


def _plain(url: str) -> str:
    return url.replace("+psycopg", "")


def postgres_missing() -> str | None:
    """Why PostgreSQL cannot be used here; None when it can."""
    try:
        psycopg.connect(_plain(POSTGRES), connect_timeout=3).close()
    except psycopg.OperationalError as error:
        return f"PostgreSQL does not answer: {str(error).splitlines()[0]}"
    return None


def redis_missing() -> str | None:
    """Why Redis cannot be used here; None when it can."""
    try:
        redis.Redis.from_url(REDIS, socket_connect_timeout=2).ping()
    except redis.RedisError as error:
        return f"Redis does not answer: {error}"
    return None


def _admin(statement: str) -> None:
    with psycopg.connect(_plain(POSTGRES), autocommit=True) as connection:
        connection.execute(statement.encode())


# Whoever still speaks to the database has no say any more; what triggers forbid (the audit only grows) is done all the
# same, and every key begins at 1 again.
_STRANGERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = %s AND pid <> pg_backend_pid() AND NOT pid = ANY(%s)"
)
_KEYS = "SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'"
_SHAPE = (
    "SELECT string_agg(relname, ' ' ORDER BY relname), (SELECT count(*) FROM pg_trigger WHERE tgenabled = 'O'),"
    " (SELECT count(*) FROM pg_constraint)"
    " FROM pg_class WHERE relnamespace = 'public'::regnamespace"
)


@dataclass(frozen=True)
class Blank:
    """A database as it is before a test: its shape, and the rows that its tables are made with."""

    shape: Any
    rows: dict[str, list[Any]]


def _opened(name: str) -> psycopg.Connection[Any]:
    return psycopg.connect(_plain(POSTGRES.rsplit("/", 1)[0] + f"/{name}"), autocommit=True)


def _filled(connection: psycopg.Connection[Any]) -> list[str]:
    names = [table.name for table in METADATA.sorted_tables]
    asked = " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM \"{name}\")" for name in names)
    return [row[0] for row in connection.execute(asked.encode(), prepare=True)]


def _blank(connection: psycopg.Connection[Any]) -> Blank:
    """What a database holds that was just made."""
    rows = {one: connection.execute(f'SELECT * FROM "{one}"'.encode()).fetchall() for one in _filled(connection)}
    return Blank(connection.execute(_SHAPE).fetchone(), rows)


def _emptied(name: str, connection: psycopg.Connection[Any], blank: Blank) -> bool:
    """Make a database as it was before the test; answers whether that could be done."""
    try:
        ends = time.monotonic() + 5
        while connection.execute(_STRANGERS, (name, KEPT.of(name))).fetchall():
            if time.monotonic() > ends:
                return False
            time.sleep(0.002)
        if connection.execute(_SHAPE, prepare=True).fetchone() != blank.shape:
            return False
        connection.execute("SET session_replication_role = replica")
        for table in _filled(connection):
            connection.execute(f'DELETE FROM "{table}"'.encode())
        for table, rows in blank.rows.items():
            for row in rows:
                places = ", ".join(["%s"] * len(row))
                connection.execute(f'INSERT INTO "{table}" VALUES ({places})'.encode(), row)
        connection.execute(_KEYS, prepare=True)
    except psycopg.Error:  # the test has cut this connection too, or has taken tables away
        return False
    return True


class Databases:
    """One template for each kind, filled once for each test process; copies of it are cheap, and used again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._sqlite: Path | None = None
        self._postgres: str | None = None
        # Databases on the server that are empty and stand ready; one connection to each stays, and knows its tables.
        self._rested: list[str] = []
        self._kept: dict[str, psycopg.Connection[Any]] = {}
        self._blank: Blank | None = None

    @contextmanager
    def fresh(self, kind: str) -> Iterator[str]:
        """The URL of an empty database with all tables, gone afterwards. `kind`: "sqlite" or "postgresql"."""
        name = f"wxb_test_{uuid.uuid4().hex[:12]}"
        if kind == "sqlite":
            path = self.folder / f"{name}.db"
            shutil.copyfile(self._sqlite_template(), path)
            yield f"sqlite:///{path}"
            for part in self.folder.glob(f"{name}.db*"):
                part.unlink()
            return
        if self._rested:
            name = self._rested.pop()
        else:
            _admin(f'CREATE DATABASE "{name}" TEMPLATE "{self._postgres_template()}"')
            _admin(f'ALTER DATABASE "{name}" SET synchronous_commit = off')  # none of it outlives the run
            self._kept[name] = _opened(name)
            self._blank = self._blank or _blank(self._kept[name])
        try:
            yield POSTGRES.rsplit("/", 1)[0] + f"/{name}"
        finally:
            if self._blank is not None and _emptied(name, self._kept[name], self._blank):
                self._rested.append(name)
            else:
                KEPT.forget(name)
                self._kept.pop(name).close()
                _admin(f'DROP DATABASE "{name}" WITH (FORCE)')

    @contextmanager
    def fresh_empty(self, kind: str) -> Iterator[str]:
        """The URL of a database without a single table, gone afterwards."""
        name = f"wxb_test_{uuid.uuid4().hex[:12]}"
        if kind == "sqlite":
            yield f"sqlite:///{self.folder / name}.db"
            return
        _admin(f'CREATE DATABASE "{name}"')
        try:
            yield POSTGRES.rsplit("/", 1)[0] + f"/{name}"
        finally:
            KEPT.forget(name)
            _admin(f'DROP DATABASE "{name}" WITH (FORCE)')

    def _sqlite_template(self) -> Path:
        if self._sqlite is None:
            self._sqlite = self.folder / "template.db"
            engine = make_engine(f"sqlite:///{self._sqlite}")
            METADATA.create_all(engine)
            with engine.connect() as connection:
                connection.exec_driver_sql("COMMIT")
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            engine.dispose()
        return self._sqlite

    def _postgres_template(self) -> str:
        if self._postgres is None:
            name = f"wxb_template_{uuid.uuid4().hex[:12]}"
            _admin(f'CREATE DATABASE "{name}"')
            engine = make_engine(POSTGRES.rsplit("/", 1)[0] + f"/{name}")
            METADATA.create_all(engine)
            engine.dispose()
            self._postgres = name
        return self._postgres

    def close(self) -> None:
        """Drop what lives on the server."""
        for name in self._rested:
            KEPT.forget(name)
            self._kept.pop(name).close()
            _admin(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        if self._postgres is not None:
            _admin(f'DROP DATABASE IF EXISTS "{self._postgres}" WITH (FORCE)')


@contextmanager
def disposing(engine: Engine) -> Iterator[Engine]:
    """The engine, and no connection left open after it."""
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def served(server: BaseServer) -> Iterator[str]:
    """A server in a thread of its own until the block ends; yields its address, without a slash at the end."""
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)  # stops without waiting long
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
