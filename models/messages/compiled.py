"""Statements that go past SQLAlchemy's execution, on the driver's own cursor: the few that stand in every message's
way, and the stream of many rows.

SQLAlchemy's execution of a Core statement costs more there than the database does (measured on PostgreSQL: 0.21 of a
bare echo with it, above 0.30 without). Types stay SQLAlchemy's: an instant without a zone is refused here too.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Connection, Dialect, Table
from sqlalchemy.sql.schema import ScalarElementColumnDefault
from sqlalchemy.types import TypeEngine


class Compiled:
    """One Core statement for one dialect. `columns`: the types of what it answers."""

    def __init__(self, statement: Any, dialect: Dialect, columns: Sequence[TypeEngine[Any]] = ()) -> None:
        compiled = statement.compile(dialect=dialect)
        self.sql = str(compiled)
        self.order: list[str] | None = compiled.positiontup
        self.given: dict[str, Any] = {name: value for name, value in compiled.params.items() if value is not None}
        # What the table gives a column that an insert leaves out; SQLAlchemy adds it only where it runs the statement.
        self.given |= _defaults(compiled.insert_prefetch)
        self.into = _into(dialect, {name: bound.type for name, bound in compiled.binds.items()})
        self.outof = {
            place: process for place, column in enumerate(columns)
            if (process := column.dialect_impl(dialect).result_processor(dialect, None)) is not None
        }  # fmt: skip

    def run(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        """The driver's cursor after the statement, inside the connection's transaction; raises the driver's errors."""
        bound = {**self.given, **values}
        for name, process in self.into.items():
            bound[name] = process(bound[name])
        cursor = _driver(connection).cursor()
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


def stream_into(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows, all with the same columns in the same order, into a table by PostgreSQL's COPY, the table's own defaults
    added.

    Raises the driver's errors, a unique key that is there already among them.
    """
    into = _into(connection.dialect, {name: table.c[name].type for name in rows[0]})
    whole = {name: value for name, value in _defaults(table.c).items() if name not in rows[0]}
    names = ", ".join(connection.dialect.identifier_preparer.quote(name) for name in (*rows[0], *whole))
    with _driver(connection).cursor().copy(f"COPY {table.name} ({names}) FROM STDIN") as stream:
        for row in rows:
            bound = {**row, **whole}
            for name, process in into.items():
                bound[name] = process(bound[name])
            stream.write_row(tuple(bound.values()))


def _defaults(columns: Iterable[Column[Any]]) -> dict[str, Any]:
    """The plain values that a table gives these columns where an insert leaves them out."""
    return {
        column.key: column.default.arg for column in columns
        if isinstance(column.default, ScalarElementColumnDefault)
    }  # fmt: skip


def _into(dialect: Dialect, types: Mapping[str, TypeEngine[Any]]) -> dict[str, Callable[[Any], Any]]:
    """What makes of a value what the driver takes, where that is not the same."""
    return {
        name: process for name, kind in types.items()
        if (process := kind.dialect_impl(dialect).bind_processor(dialect)) is not None
    }  # fmt: skip


def _driver(connection: Connection) -> Any:
    """The driver's own connection."""
    held = connection.connection.dbapi_connection
    assert held is not None
    return held
