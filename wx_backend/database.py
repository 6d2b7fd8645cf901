"""The one door to the database: Flask-SQLAlchemy for web rooms, plain sessions for clock, CLI and tests."""

import fcntl
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import TimeoutError as TurnTimeout
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

from models.base import Base
from wx_backend.now import monotonic

# A web request gives up waiting for a lock before WeChat's five seconds are over; the clock may wait longer.
WEB_PATIENCE_MS = 4_000
CLOCK_PATIENCE_MS = 15_000

SessionFactory = sessionmaker[Session]

db = SQLAlchemy(model_class=Base)


def engine_options(url: str | URL, patience_ms: int, pool_size: int = 10) -> dict[str, Any]:
    """The options of `create_engine` for this database: pool, and on PostgreSQL how long a lock may be waited for.

    An exception names its statement and hides the values: names and phones would stand in the log.
    """
    if make_url(url).get_backend_name() == "sqlite":
        return {"hide_parameters": True, "connect_args": {"timeout": patience_ms / 1000}}
    # Our statements are few and look things up by key: planning each anew costs PostgreSQL more than running it
    # (measured on the callback: 1.17 times the messages with plans that are kept).
    options = (
        f"-c lock_timeout={patience_ms} -c statement_timeout={patience_ms * 5} -c timezone=UTC"
        " -c plan_cache_mode=force_generic_plan"
    )
    return {
        "hide_parameters": True,
        "pool_size": pool_size,
        "max_overflow": 4,
        "pool_timeout": patience_ms / 1000,
        "pool_pre_ping": False,  # a stale connection answers 503 once and WeChat asks again; a ping costs each message
        # Who is more patient than web and clock also waits longer for a server that many call at once.
        "connect_args": {"options": options, "connect_timeout": max(4, patience_ms // 4000)},
    }


def _on_sqlite(engine: Engine, patience_ms: int) -> None:
    """WAL and BEGIN IMMEDIATE: a deferred BEGIN that reads and then writes loses against any other writer."""

    def connected(connection: Any, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # the driver must not send a BEGIN of its own
        for pragma in (
            "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", f"busy_timeout={patience_ms}",
        ):  # fmt: skip
            connection.execute(f"PRAGMA {pragma}")

    def begun(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)


def prepare(engine: Engine, patience_ms: int) -> Engine:
    """Give an engine the rules of its dialect; answers the same engine."""
    if engine.dialect.name == "sqlite":
        _on_sqlite(engine, patience_ms)
    return engine


def make_engine(url: str, patience_ms: int = CLOCK_PATIENCE_MS, pool_size: int = 10) -> Engine:
    """An engine for the clock, the CLI and tests, with the same rules as the web's."""
    return prepare(create_engine(url, **engine_options(url, patience_ms, pool_size)), patience_ms)


class Turns:
    """With SQLite the threads take turns, and so do the processes: they queue here, instead of each polling the file.

    SQLite's own busy handler sleeps up to 100 ms between tries; here the next goes on within a millisecond. Whoever
    does not take part (the clock, the CLI) still meets SQLite's own lock, so nothing depends on it.
    """

    def __init__(self, path: Path, patience_ms: int) -> None:
        self._lock = threading.Lock()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._patience = patience_ms / 1000
        weakref.finalize(self, os.close, self._file)

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Hold the turn; raises sqlalchemy's TimeoutError when it does not come in time."""
        until = monotonic() + self._patience
        if not self._lock.acquire(timeout=self._patience):
            raise TurnTimeout("the database is busy")
        try:
            # Only one thread of each process stands here, and flock knows no patience: so it is asked again and again.
            while not self._is_ours():
                if monotonic() > until:
                    raise TurnTimeout("the database is busy")
                time.sleep(0.0005)
            try:
                yield
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)
        finally:
            self._lock.release()

    def _is_ours(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def turns(engine: Engine) -> Callable[[], AbstractContextManager[object]]:
    """How the threads of this process share the database: in turns with SQLite, freely with PostgreSQL."""
    path = engine.url.database
    if engine.dialect.name != "sqlite" or not path:
        return nullcontext
    return Turns(Path(f"{path}.turn"), WEB_PATIENCE_MS)


def session_factory(engine: Engine) -> SessionFactory:
    """`open_session`: a session of its own for each unit of work; the caller commits and closes.

    Objects stay readable after a commit, because what is read in one transaction is used after it.
    """
    return sessionmaker(engine, expire_on_commit=False)


def _from_here(url: str) -> URL:
    """A SQLite path as everybody else reads it: Flask-SQLAlchemy would look in the app's instance folder."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database and parsed.database != ":memory:":
        return parsed.set(database=str(Path(parsed.database).resolve()))
    return parsed


def init_app(app: Flask, url: str, pool_size: int) -> SessionFactory:
    """Join the database to the web app and answer `open_session` on the very engine that `db.session` uses."""
    app.config["SQLALCHEMY_DATABASE_URI"] = _from_here(url)
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(url, WEB_PATIENCE_MS, pool_size)
    db.init_app(app)
    with app.app_context():
        engine = prepare(db.engine, WEB_PATIENCE_MS)
    return session_factory(engine)
