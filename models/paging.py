"""Pages of a long list that stay where they are while rows come and go: each begins after a row, not at a number."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, and_, func, literal_column, or_, select
from sqlalchemy.orm import Session

from models.base import Instant

T = TypeVar("T")
SIZE = 20
MANY = 1000  # more rows than this are not counted out
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)

Mark = int | datetime
Asked = Select[*tuple[Any, ...]]  # a question for rows of whatever columns


@dataclass(frozen=True)
class Cursor:
    """Where a page begins: after the row with these key values, or `back` before it."""

    marks: tuple[Mark, ...]
    back: bool = False

    def __str__(self) -> str:
        """As it stands in an address: numbers only, nothing personal."""
        parts = [f"t{(mark - _EPOCH) // _MICRO}" if isinstance(mark, datetime) else str(mark) for mark in self.marks]
        return ("-" if self.back else "") + ".".join(parts)

    @classmethod
    def read(cls, text: str) -> "Cursor | None":
        """The cursor behind `text`; None for whatever is none."""
        try:
            return cls(tuple(_mark(part) for part in text.removeprefix("-").split(".")), text.startswith("-"))
        except (ValueError, OverflowError):
            return None


def _mark(part: str) -> Mark:
    if part.startswith("t"):
        return _EPOCH + int(part[1:]) * _MICRO
    number = int(part)
    if not 0 <= number < 1 << 63:
        raise ValueError(part)
    return number


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page: its rows, where the pages around it begin (None: there is none), and how many rows there are."""

    rows: list[T]
    before: Cursor | None
    after: Cursor | None
    many: int = 0

    @property
    def counted(self) -> str:
        """How many rows there are, as people say it."""
        return f"{MANY}多" if self.many > MANY else str(self.many)


def page(
    session: Session,
    query: Asked,
    keys: Sequence[Any],
    marks_of: Callable[[Any], tuple[Mark, ...]],
    cursor: Cursor | None,
    *,
    newest_first: bool = False,
    size: int = SIZE,
) -> Page[Any]:
    """One page of `query` in the order of `keys` (the last of them unique), and the count: two statements.

    `marks_of` reads the key values off a row. A cursor that does not fit the keys begins at the front.
    """
    if cursor is not None and not _fits(cursor, keys):
        cursor = None
    back = cursor is not None and cursor.back
    falling = newest_first != back
    asked = query.order_by(None).order_by(*(key.desc() if falling else key.asc() for key in keys))
    if cursor is not None:
        asked = asked.where(_beyond(keys, cursor.marks, falling))
    rows = list(session.execute(asked.limit(size + 1)).all())
    more = len(rows) > size
    rows = rows[:size][::-1] if back else rows[:size]
    before = after = None
    if rows and (more if back else cursor is not None):
        before = Cursor(marks_of(rows[0]), back=True)
    if rows and (more or back):
        after = Cursor(marks_of(rows[-1]))
    counting = query.order_by(None).with_only_columns(literal_column("1")).limit(MANY + 1).subquery()
    return Page(rows, before, after, session.scalar(select(func.count()).select_from(counting)) or 0)


def _fits(cursor: Cursor, keys: Sequence[Any]) -> bool:
    wanted = [datetime if isinstance(key.type, Instant) else int for key in keys]
    return [type(mark) for mark in cursor.marks] == wanted


def _beyond(keys: Sequence[Any], marks: Sequence[Mark], falling: bool) -> ColumnElement[bool]:
    """Rows after these values in this direction, written out: (a > x) or (a = x and b > y)."""
    cases = []
    for n, (key, mark) in enumerate(zip(keys, marks, strict=True)):
        same = [earlier == value for earlier, value in zip(keys[:n], marks[:n], strict=True)]
        cases.append(and_(*same, key < mark if falling else key > mark))
    return or_(*cases)
