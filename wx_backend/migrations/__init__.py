"""The way of the database from one version to the next, forwards and back, on SQLite and PostgreSQL alike."""

from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from models.register import METADATA

HERE = Path(__file__).parent


def _settings(engine: Engine) -> AlembicConfig:
    settings = AlembicConfig()
    settings.set_main_option("script_location", str(HERE))
    settings.attributes["engine"] = engine  # env.py takes it from here, so that no URL with a password is written down
    return settings


def upgrade(engine: Engine, to: str = "head") -> None:
    """Bring the database to a version; the newest when none is named."""
    command.upgrade(_settings(engine), to)


def downgrade(engine: Engine, to: str = "base") -> None:
    """Take the database back to a version; to nothing when none is named."""
    command.downgrade(_settings(engine), to)


def write(engine: Engine, message: str) -> None:
    """Write the revision that leads from the database as it is to the tables in `models` (for developers)."""
    command.revision(_settings(engine), message=message, autogenerate=True)


def standing(engine: Engine) -> tuple[str | None, str | None]:
    """The version the database has, and the newest there is."""
    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    return current, ScriptDirectory.from_config(_settings(engine)).get_current_head()


def differences(engine: Engine) -> list[Any]:
    """What the tables in `models` have that the database has not, and the other way round; empty when they agree."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, METADATA))
