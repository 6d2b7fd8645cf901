"""Statements compiled once and run on the driver's own cursor, for the few that stand in every message's way.

SQLAlchemy's execution of a Core statement costs more there than the database does (measured on PostgreSQL: 0.21 of a
bare echo with it, above 0.30 without). Types stay SQLAlchemy's: an instant without a zone is refused here too.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Dialect
from sqlalchemy.types import TypeEngine


class Compiled:
    """One Core statement for one dialect. `columns`: the types of what it answers."""

    def __init__(self, statement: Any, dialect: Dialect, columns: Sequence[TypeEngine[Any]] = ()) -> None:
        compiled = statement.compile(dialect=dialect)
        self.sql = str(compiled)
        self.order: list[str] | None = compiled.positiontup
        self.given: dict[str, Any] = {name: value for name, value in compiled.params.items() if value is not None}
        # What the table gives a column that an insert leaves out; SQLAlchemy adds it only where it runs the statement.
        self.given |= {
            column.key: column.default.arg for column in compiled.insert_prefetch
            if column.default is not None and column.default.is_scalar
        }  # fmt: skip
        self.into = {
            name: process for name, bound in compiled.binds.items()
            if (process := bound.type.dialect_impl(dialect).bind_processor(dialect)) is not None
        }  # fmt: skip
        self.outof = {
            place: process for place, column in enumerate(columns)
            if (process := column.dialect_impl(dialect).result_processor(dialect, None)) is not None
        }  # fmt: skip

    def run(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        """The driver's cursor after the statement, inside the connection's transaction; raises the driver's errors."""
        bound = {**self.given, **values}
        for name, process in self.into.items():
            bound[name] = process(bound[name])
        held = connection.connection.dbapi_connection
        assert held is not None
        cursor = held.cursor()
        cursor.execute(self.sql, bound if self.order is None else [bound[name] for name in self.order])
        return cursor

    def first(self, connection: Connection, values: Mapping[str, Any]) -> list[Any] | None:
        """The first row, in SQLAlchemy's types; None when there is none."""
        row = self.run(connection, values).fetchone()
        if row is None:
            return None
        made = list(row)
        for place, process in self.outof.items():
            made[place] = process(made[place])
        return made
