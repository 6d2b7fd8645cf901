"""One load under way: finding what a row names, putting rows in their place, taking away what the file left out."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import String, select
from sqlalchemy.orm import Session

from models.base import Base, Row
from models.people.identities import Who
from wx_backend.load.memory import NOTHING, Memory, Recalled
from wx_backend.load.rows import BadRow

# What is true from the day a row was made; a later load does not write it again.
_MADE = ("created_at", "since", "asked_at", "settled_at", "given_at")


@dataclass
class Loading:
    """One load: the session, what it writes for, and how many rows of each section were new."""

    session: Session
    app_id: str
    now: datetime
    author: Who | None = None  # in whose name services are written for review; None: the file itself was reviewed
    counts: dict[str, int] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)  # what the file may name once only
    absent: frozenset[str] = frozenset()  # columns in which the row at hand says nothing, or nothing that is new
    silent: bool = False  # whether that is so in all of them
    before: Recalled = NOTHING  # what the file said of the row at hand last time
    memory: Memory = field(init=False)  # what the file said last time
    _kept: dict[tuple[type[Row], str, int], set[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.memory = Memory(self.session)

    def find(self, table: type[Any], code: str, what: str) -> Any:
        """The row with this code; a fault when there is none."""
        found = self.session.scalar(select(table).where(table.code == code))
        if found is None:
            raise BadRow(f"{what}: 没有编码为“{code}”的记录（要写在它前面）")
        return found

    def put(
        self, table: type[Base], keys: dict[str, Any], *, first: dict[str, Any] | None = None, **values: Any
    ) -> tuple[Any, bool]:
        """The row with these keys, made or brought up to date, and whether it is new: twice is once.

        `first` holds what only a new row takes from the file: afterwards people decide it, and a reload must not
        undo that. What the file has no column for, or says as it did last time, an existing row keeps.
        """
        check_lengths(table, {**keys, **(first or {}), **values})
        found = self.session.scalar(select(table).filter_by(**keys).limit(1))
        if found is None:
            found = table(**keys, **(first or {}), **values)
            self.session.add(found)
            self.session.flush()
            self.count(table)
            return found, True
        for name, value in self.over(found, values).items():
            if name not in _MADE:
                setattr(found, name, value)
        if self.session.is_modified(found):
            self.count(table)
        self.session.flush()
        return found, False

    def over(self, found: object | None, values: dict[str, Any]) -> dict[str, Any]:
        """The values, laid over what stands: what the file does not say anew stays as `found` has it, if there is one.

        An emptied cell empties; a column that was left out says nothing, and nor does one that says what it said at the
        last load: people may have changed that since. `area_id` is said by the column `area`.
        """
        if found is None:
            return values
        silent = (name for name in values if name.removesuffix("_id") in self.absent)
        return values | {name: getattr(found, name) for name in silent}

    def count(self, table: type[Base]) -> None:
        """One more row of this table that is new, or otherwise than before."""
        self.counts[table.__tablename__] = self.counts.get(table.__tablename__, 0) + 1

    def keep(self, table: type[Row], parent: str, parent_id: int, row_id: int) -> None:
        """The file names this row under its parent (the column `parent`): what it does not name there ends."""
        self._kept.setdefault((table, parent, parent_id), set()).add(row_id)

    def prune(self) -> None:
        """Take away what stood under the parents that the file speaks of, and that it no longer names."""
        for (table, parent, parent_id), kept in self._kept.items():
            for row in self.session.scalars(select(table).filter_by(**{parent: parent_id})).all():
                if row.id not in kept:
                    self.session.delete(row)
        self.session.flush()


def check_lengths(table: type[Base], values: dict[str, Any]) -> None:
    """Whether every text fits its column; a fault that names column and limit where one does not."""
    for name, value in values.items():
        kind = table.__table__.c[name].type
        if isinstance(kind, String) and kind.length and isinstance(value, str) and len(value) > kind.length:
            raise BadRow(f"{name}: 最多{kind.length}个字（现在{len(value)}个）")
