"""The ground every table stands on: one declarative base, one naming of constraints, instants in UTC only."""

from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    DateTime,
    Dialect,
    Integer,
    MetaData,
    Select,
    bindparam,
    event,
    func,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    ORMExecuteState,
    QueryContext,
    Session,
    SessionTransaction,
    UOWTransaction,
    mapped_column,
    object_session,
    registry,
)
from sqlalchemy.types import TypeDecorator

T = TypeVar("T")

# Named constraints: Alembic can only drop on SQLite and PostgreSQL alike what has a name.
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Instant(TypeDecorator[datetime]):
    """An instant: aware on the way in (a naive datetime is refused), aware UTC on the way out.

    PostgreSQL keeps `timestamptz`; SQLite has no zones, so it keeps the UTC wall clock.
    Raises ValueError for a naive datetime, which SQLAlchemy reports as StatementError.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database; raises ValueError for a naive datetime."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value!r}: an instant needs its zone")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """From the database, aware UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


# SQLite gives an automatic key only to INTEGER; everywhere else a key has room for a busy county's decades.
Key = BigInteger().with_variant(Integer, "sqlite")


# PostgreSQL's words for a transaction that had to give way to another: deadlock, serialisation failure.
_GAVE_WAY = ("40P01", "40001")


def gave_way(error: BaseException) -> bool:
    """Whether the database ended this transaction in favour of another: then the whole of it may run again."""
    return getattr(getattr(error, "orig", error), "sqlstate", None) in _GAVE_WAY


TRIES = 3


def again_where_it_gave_way(work: Callable[[], T], undo: Callable[[], object] = lambda: None) -> T:
    """What `work` answers; run again from the start, twice at most, after a deadlock, with `undo` before.

    Raises what `work` raises, after `undo` where that is the database's doing.
    """
    for left in reversed(range(TRIES)):
        try:
            return work()
        except DBAPIError as error:
            undo()
            if not gave_way(error) or not left:
                raise
    raise AssertionError("unreachable")


def insert_in(dialect: str, table: Any) -> Any:
    """An INSERT of the dialect of that name, which knows ON CONFLICT (SQLAlchemy has one for each)."""
    return (sqlite.insert if dialect == "sqlite" else postgresql.insert)(table)


def insert_of(session: Session, table: Any) -> Any:
    """The same in the session's own dialect."""
    return insert_in(session.get_bind().dialect.name, table)


def among(dialect: str, column: Any, name: str) -> ColumnElement[bool]:
    """Whether a column is one of the values bound as `name` (a list): for statements that are made once.

    PostgreSQL takes the list as one array; a bind for each value would be made and parsed anew for each length. The
    array becomes rows, which can be hashed: `= ANY` of a prepared statement is searched from its beginning for each row
    (2,000 people asked for 200: 10 ms instead of 0.5).
    """
    if dialect == "postgresql":
        values = func.unnest(bindparam(name, type_=postgresql.ARRAY(column.type)))
        return cast(ColumnElement[bool], column.in_(select(values)))
    return cast(ColumnElement[bool], column.in_(bindparam(name, expanding=True)))


def locked_row(session: Session, table: type[T], key: Mapping[str, Any], **first: Any) -> T:
    """The row with these keys, locked until this transaction ends, as it stands now; made with `first` when it lacks.

    The keys are a primary key or a unique constraint: of two who make it at the same moment the second waits for the
    first, and then finds its row.
    """
    query = select(table).filter_by(**key).with_for_update()
    fresh = {"populate_existing": True}
    found = session.scalar(query, execution_options=fresh)
    if found is None:
        session.execute(insert_of(session, table).values(**key, **first).on_conflict_do_nothing())
        found = session.execute(query, execution_options=fresh).scalar_one()
    return found


class Base(DeclarativeBase):
    """The declarative base of every table; Flask-SQLAlchemy takes it as its `model_class`."""

    # A registry of its own rather than a `type_annotation_map`: Flask-SQLAlchemy copies this class's attributes.
    registry = registry(
        metadata=MetaData(naming_convention=NAMING),
        type_annotation_map={datetime: Instant, dict[str, Any]: JSON, list[Any]: JSON},
    )


class Row(Base):
    """A table whose rows have an integer key of their own."""

    __abstract__ = True

    id: Mapped[int] = mapped_column(Key, primary_key=True, sort_order=-1)


class Steady:
    """A table that hardly ever changes: what one transaction asks of it again and again it asks `once`."""


class Ground(Row):
    """A table whose rows one transaction asks for again and again: a person, an area, a centre.

    SQLAlchemy forgets a row that nobody holds, and `get` would read it anew each time; these it keeps, until the
    transaction is over or may have waited for another: what is decided after that is decided by what stands then.
    """

    __abstract__ = True


_ROWS, _ANSWERS = "rows kept", "answers kept"
MOST_KEPT = 500  # of a transaction that goes through a whole county only the last


@event.listens_for(Ground, "load", propagate=True)
def _keep(row: Ground, context: QueryContext) -> None:
    context.session.info.setdefault(_ROWS, deque(maxlen=MOST_KEPT)).append(row)


@event.listens_for(Session, "do_orm_execute")
def _may_wait(state: ORMExecuteState) -> None:
    """Only a question without a lock waits for nobody. What the statement itself brings is kept again."""
    asks = isinstance(state.statement, Select) and state.statement._for_update_arg is None
    if not asks:
        state.session.info.pop(_ROWS, None)


@event.listens_for(Session, "after_flush")
def _may_have_waited(session: Session, context: UOWTransaction) -> None:
    session.info.pop(_ROWS, None)


@event.listens_for(Session, "after_transaction_end")
def _over(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        session.info.pop(_ROWS, None)
        session.info.pop(_ANSWERS, None)


@event.listens_for(Session, "after_soft_rollback")
def _undone(session: Session, transaction: SessionTransaction) -> None:
    session.info.pop(_ROWS, None)  # who could not write a row may have waited for another who did
    session.info.pop(_ANSWERS, None)


@event.listens_for(Steady, "after_insert", propagate=True)
@event.listens_for(Steady, "after_update", propagate=True)
@event.listens_for(Steady, "after_delete", propagate=True)
def _changed(mapper: object, connection: object, row: Steady) -> None:
    session = object_session(row)
    if session is not None:
        session.info.get(_ANSWERS, {}).pop(type(row), None)


def once(session: Session, table: type[Steady], question: str, ask: Callable[[], T]) -> T:
    """What `ask` answers of a table, asked once in a transaction, and anew where that has changed the table."""
    if session.autoflush:
        session.flush()  # as before any question: what is still to be written may be such a change
    answers: dict[type[Steady], dict[str, Any]] = session.info.setdefault(_ANSWERS, {})
    kept: dict[str, T] = answers.setdefault(table, {})
    if question not in kept:
        kept[question] = ask()
    return kept[question]
