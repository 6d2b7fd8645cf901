"""What the file said when it was loaded last, so that it undoes nothing that people have changed since."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.loaded import LoadedRow
from wx_backend.load.rows import BadRow, RowIn


@dataclass(frozen=True)
class Recalled:
    """What the file said last time of one row: nothing, where it is new."""

    section: str
    key: str
    said: Mapping[str, str]

    def has_said(self, column: str, value: str) -> bool:
        """Whether it said this in this column."""
        return self.said.get(column) == _digest(self.section, self.key, column, value)

    def unchanged(self, row: RowIn) -> frozenset[str]:
        """The columns in which it says so again."""
        return frozenset(name for name in row.cells if self.has_said(name, row(name, "")))


NOTHING = Recalled("", "", {})


@dataclass
class Memory:
    """The rows of this file that were read already, and what each said at the last load."""

    session: Session
    _before: dict[str, dict[str, LoadedRow]] = field(default_factory=dict)
    _read: dict[tuple[str, str], tuple[int, dict[str, str]]] = field(default_factory=dict)

    def recall(self, section: str, keys: tuple[str, ...], row: RowIn) -> Recalled:
        """What the file said last time of this row, which is known by the cells of `keys`."""
        key, _ = _digests(section, keys, row)
        before = self._of(section).get(key)
        return Recalled(section, key, before.said if before is not None else {})

    def keep(self, section: str, keys: tuple[str, ...], row: RowIn) -> None:
        """This row was taken. Raises BadRow where the file has said something else of the same thing before."""
        key, said = _digests(section, keys, row)
        earlier, words = self._read.setdefault((section, key), (row.line, said))
        if words != said:
            raise BadRow(f"{keys[0]}: 第{earlier}行写过同一个，内容不一样，请只留一行")

    def write(self) -> None:
        """Remember what was read, once it holds."""
        for (section, key), (_, said) in self._read.items():
            before = self._of(section).get(key)
            if before is None:
                self.session.add(LoadedRow(section=section, key=key, said=said))
            else:
                before.said = {**before.said, **said}  # of what this file has no column for, the last word stands
        self.session.flush()

    def _of(self, section: str) -> dict[str, LoadedRow]:
        if section not in self._before:
            found = self.session.scalars(select(LoadedRow).where(LoadedRow.section == section))
            self._before[section] = {one.key: one for one in found}
        return self._before[section]


def _digests(section: str, keys: tuple[str, ...], row: RowIn) -> tuple[str, dict[str, str]]:
    """Of a row: the digest of what it is known by, and of each of its cells."""
    key = _digest(section, *(row(name, "") for name in keys))
    return key, {name: _digest(section, key, name, row(name, "")) for name in row.cells}


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
