"""How a database goes about a question: which tables it reads from end to end."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.orm import Session


def asked(engine: Engine, deed: Callable[[], Any]) -> list[tuple[str, Any]]:
    """The statements that a deed puts to the database, each with its values."""
    found: list[tuple[str, Any]] = []

    def hear(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        found.append((statement, values))

    event.listen(engine, "before_cursor_execute", hear)
    try:
        deed()
    finally:
        event.remove(engine, "before_cursor_execute", hear)
    return found


def plan_of(session: Session, statement: str, values: Any) -> str:
    """The plan of one statement, by indexes wherever one serves: few rows would be read through otherwise."""
    on_postgres = session.get_bind().dialect.name == "postgresql"
    if on_postgres:
        session.execute(text("SET LOCAL enable_seqscan = off"))
    cursor = session.connection().connection.dbapi_connection.cursor()  # type: ignore[union-attr]
    cursor.execute(f"EXPLAIN {'' if on_postgres else 'QUERY PLAN '}{statement}", values)
    return "\n".join(str(row[0] if on_postgres else row[3]) for row in cursor.fetchall())


def read_through(session: Session, deed: Callable[[], Any]) -> set[str]:
    """The tables of which PostgreSQL reads every row for a deed; SQLite takes an index of some rows only where the
    question has its very words."""
    engine: Any = session.get_bind()
    if engine.dialect.name == "sqlite":
        pytest.skip("a county's database is PostgreSQL")
    reads = [one for one in asked(engine, deed) if re.match(r"\s*(SELECT|UPDATE|DELETE|WITH)", one[0])]
    assert reads, "nothing was asked"
    plans = "\n".join(plan_of(session, *one) for one in reads)
    return set(re.findall(r"Seq Scan on (\w+)", plans))
