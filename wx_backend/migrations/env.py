"""What Alembic runs: the engine is handed over by `wx_backend.migrations`, never read from a file."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection, Engine

from models.base import Instant
from models.register import METADATA

LOST = "PRAGMA foreign_key_check"


def render_item(kind: str, item: Any, _: Any) -> str | Literal[False]:
    """An instant stands in a migration as the plain type it is stored as: old revisions outlive our classes."""
    if kind == "type" and isinstance(item, Instant):
        return "sa.DateTime(timezone=True)"
    return False


@contextmanager
def _tables_may_be_made_anew(connection: Connection) -> Iterator[None]:
    """SQLite changes a table by making it anew, which others that point to it would forbid: so they look away.

    That can only be said outside a transaction; what was made is looked over before it is kept.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    raw = connection.connection.dbapi_connection
    assert raw is not None
    raw.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        raw.execute("PRAGMA foreign_keys=ON")


def run() -> None:
    """Run the revisions in one transaction; raises RuntimeError where a row would point to nothing afterwards."""
    engine: Engine = context.config.attributes["engine"]
    with engine.connect() as connection, _tables_may_be_made_anew(connection):
        context.configure(
            connection=connection, target_metadata=METADATA, render_as_batch=True, compare_type=True,
            render_item=render_item, transaction_per_migration=False,
        )  # fmt: skip
        with context.begin_transaction():
            context.run_migrations()
            if connection.dialect.name == "sqlite" and (lost := connection.exec_driver_sql(LOST).all()):
                raise RuntimeError(f"rows that point to nothing: {sorted({row[0] for row in lost})}")
        connection.commit()


run()
