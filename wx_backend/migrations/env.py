"""What Alembic runs: the engine is handed over by `wx_backend.migrations`, never read from a file."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import Engine

from models.base import Instant
from models.register import METADATA


def render_item(kind: str, item: Any, _: Any) -> str | Literal[False]:
    """An instant stands in a migration as the plain type it is stored as: old revisions outlive our classes."""
    if kind == "type" and isinstance(item, Instant):
        return "sa.DateTime(timezone=True)"
    return False


def run() -> None:
    """Run the revisions in one transaction."""
    engine: Engine = context.config.attributes["engine"]
    with engine.connect() as connection:
        context.configure(
            connection=connection, target_metadata=METADATA, render_as_batch=True, compare_type=True,
            render_item=render_item, transaction_per_migration=False,
        )  # fmt: skip
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


run()
