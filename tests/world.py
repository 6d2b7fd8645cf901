"""Databases for tests: a fresh one of either kind for each test, copied from a template, dropped after it."""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import redis
from sqlalchemy import Engine

from models.register import METADATA
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


class Databases:
    """One template for each kind, filled once for each test process; copies of it are cheap."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._sqlite: Path | None = None
        self._postgres: str | None = None

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
        _admin(f'CREATE DATABASE "{name}" TEMPLATE "{self._postgres_template()}"')
        try:
            yield POSTGRES.rsplit("/", 1)[0] + f"/{name}"
        finally:
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
        """Drop the template that lives on the server."""
        if self._postgres is not None:
            _admin(f'DROP DATABASE IF EXISTS "{self._postgres}" WITH (FORCE)')


@contextmanager
def disposing(engine: Engine) -> Iterator[Engine]:
    """The engine, and no connection left open after it."""
    try:
        yield engine
    finally:
        engine.dispose()
