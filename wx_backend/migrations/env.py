"""What Alembic runs: the engine is handed over by `wx_backend.migrations`, never read from a file."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection, Engine

from models.base import Instant
from models.register import METADATA


def render_item(kind: str, item: Any, _: Any) -> str | Literal[False]:
    """An instant stands in a migration as the plain type it is stored as: old revisions outlive our classes."""
    if kind == "type" and isinstance(item, Instant):
        return "sa.DateTime(timezone=True)"
    return False


@contextmanager
def _tables_may_be_rebuilt(connection: Connection) -> Iterator[None]:
    """SQLite changes a table by making it anew: foreign keys are off meanwhile, as SQLite's own pages describe."""
    if connection.dialect.name != "sqlite":
        yield
        return
    driver: Any = connection.connection.dbapi_connection  # inside a transaction the switch does nothing
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        connection.rollback()
        driver.execute("PRAGMA foreign_keys=ON")


def _check_references(connection: Connection) -> None:
    """After a change that would leave rows which point to nothing there is no change."""
    if connection.dialect.name == "sqlite":
        lost = sorted({row[0] for row in connection.exec_driver_sql("PRAGMA foreign_key_check")})
        if lost:
            raise RuntimeError(f"rows that point to nothing in {', '.join(lost)}")


def run() -> None:
    """Run the revisions in one transaction."""
    engine: Engine = context.config.attributes["engine"]
    with engine.connect() as connection, _tables_may_be_rebuilt(connection):
        context.configure(
            connection=connection, target_metadata=METADATA, render_as_batch=True, compare_type=True,
            render_item=render_item, transaction_per_migration=False,
        )  # fmt: skip
        with context.begin_transaction():
            context.run_migrations()
            _check_references(connection)
        connection.commit()


run()
