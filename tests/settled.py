"""The standing cast, settled once for each test process and kind of database, and copied as raw rows from then on."""

import pickle
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine

from models.register import METADATA
from tests.cast import Cast, settle
from tests.world import NOW
from wx_backend.database import session_factory


@dataclass
class Kept:
    """What the cast brought into an empty database, table by table as the server writes it, and the cast itself."""

    cast: bytes
    rows: dict[str, Any] = field(default_factory=dict)


_kept: dict[str, Kept] = {}


def cast_in(engine: Engine) -> Cast:
    """The cast in an empty database, committed; its objects are detached, and nobody else's."""
    kind = engine.dialect.name
    connection = engine.raw_connection()
    try:
        if kind in _kept:
            (_copy_in if kind == "postgresql" else _insert)(connection, _kept[kind].rows)
        else:
            _kept[kind] = Kept(pickle.dumps(_settled(engine)))
            _kept[kind].rows = (_copy_out if kind == "postgresql" else _select)(connection)
        connection.commit()
    finally:
        connection.close()
    made: Cast = pickle.loads(_kept[kind].cast)
    return made


def _settled(engine: Engine) -> Cast:
    with session_factory(engine)() as session, session.begin():
        made = settle(session, NOW)
        session.flush()
        for one in session:  # what is copied has to hold all that stands in its row
            session.refresh(one)
    return made


# One row stands from the beginning, and is not the cast's.
NAMES = [table.name for table in METADATA.sorted_tables if table.name != "audit_head"]
KEYED = {table.name for table in METADATA.sorted_tables if "id" in table.c and table.c.id.autoincrement}


def _select(connection: Any) -> dict[str, Any]:
    found = {name: connection.execute(f'SELECT * FROM "{name}"').fetchall() for name in NAMES}
    return {name: rows for name, rows in found.items() if rows}


def _insert(connection: Any, kept: dict[str, Any]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for name, rows in kept.items():
        connection.executemany(f'INSERT INTO "{name}" VALUES ({", ".join("?" * len(rows[0]))})', rows)


def _copy_out(connection: Any) -> dict[str, Any]:
    found = dict[str, bytes]()
    for name in NAMES:
        with connection.cursor() as cursor, cursor.copy(f'COPY "{name}" TO STDOUT') as copied:
            found[name] = b"".join(bytes(part) for part in copied)
    return {name: rows for name, rows in found.items() if rows}


def _copy_in(connection: Any, kept: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        for name, rows in kept.items():
            with cursor.copy(f'COPY "{name}" FROM STDIN') as copied:
                copied.write(rows)
        # Keys that were written and not drawn: the sequences go on behind them.
        behind = (
            f"setval(pg_get_serial_sequence('{name}', 'id'), (SELECT max(id) FROM \"{name}\"))"
            for name in kept if name in KEYED
        )  # fmt: skip
        cursor.execute(f"SELECT {', '.join(behind)}")
