"""The rows of a county's file: CSV with sections, from any spreadsheet, each row with its line and its cells."""

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import zip_longest
from pathlib import Path

from wx_backend.load.lines import lines

_BRACKETS = str.maketrans("［］【】", "[][]")


class BadRow(Exception):
    """A row cannot be loaded; the message says why, for the clerk who wrote it."""


@dataclass(frozen=True)
class RowIn:
    """One row of the file: its line, and its cells by column name."""

    line: int
    cells: dict[str, str]
    sheet: str = ""  # of a workbook; empty for a text file
    letters: Mapping[str, str] = field(default_factory=dict)  # the workbook's letter of each column

    def place(self, fault: str) -> str:
        """Where a fault is: the line, or the cell of a workbook ("listings!C7"), which the fault begins to name."""
        if not self.sheet:
            return f"{self.line}"
        return f"{self.sheet}!{self.letters.get(fault.partition(':')[0], '')}{self.line}"

    def __call__(self, column: str, default: str | None = None) -> str:
        """A cell's text; a missing one is a fault unless a default is given."""
        value = self.cells.get(column, "").strip()
        if "\0" in value:
            raise BadRow(f"{column}: 有看不见的字符，请重新输入")
        if re.fullmatch(r"[0-9](\.[0-9]+)?[Ee]\+[0-9]+", value):
            raise BadRow(f"{column}: “{value}”是被 Excel 改过的长数字，后几位已经丢了。请把这一列设为文本，重新填写")
        if value:
            return value
        if default is None:
            raise BadRow(f"{column}: 不能为空")
        return default

    def one_of(self, column: str, allowed: tuple[str, ...], default: str | None = None) -> str:
        """A cell that must be one of a few words."""
        value = self(column, default)
        if value and value not in allowed:
            raise BadRow(f"{column}: “{value}”不在可选值里（{'、'.join(allowed)}）")
        return value

    def named(self, column: str, names: Mapping[str, str], default: str | None = None) -> str:
        """A cell that holds one of a few words, or what people call it: "meal" or "助餐"."""
        value = self(column, default)
        said = {name: code for code, name in names.items()}
        if value in names or value in said:
            return said.get(value, value)
        raise BadRow(f"{column}: “{value}”不在可选值里（{'、'.join(said)}）")

    def yes(self, column: str, default: str | None = None) -> bool:
        """A cell that says yes or no."""
        return self.one_of(column, ("yes", "no"), default) == "yes"

    def phone(self, column: str) -> str:
        """A phone number that a message's field can hold (17 characters), or nothing."""
        value = self(column, "")
        if value and not re.fullmatch(r"\+?[0-9][0-9 -]{4,15}", value):
            raise BadRow(f"{column}: “{value}”不像电话号码")
        return value

    def number(self, column: str, default: str | None = None) -> int:
        """A small whole number."""
        value = self(column, default)
        if not re.fullmatch(r"[0-9]{1,4}", value):
            raise BadRow(f"{column}: “{value}”应是数字")
        return int(value)

    def number_or_none(self, column: str) -> int | None:
        """A small whole number, or nothing."""
        return self.number(column) if self(column, "") else None

    def time(self, column: str) -> dt.time:
        """A time of day."""
        text = self(column)
        try:
            found = dt.time.fromisoformat(text)
        except ValueError as error:
            raise BadRow(f"{column}: “{text}”应写成 08:30") from error
        if found.tzinfo is not None:
            raise BadRow(f"{column}: “{text}”应写成 08:30，不带时区")
        return found

    def time_or_none(self, column: str) -> dt.time | None:
        """A time of day, or nothing."""
        return self.time(column) if self(column, "") else None

    def day_or_none(self, column: str) -> date | None:
        """A day, or nothing."""
        text = self(column, "")
        try:
            return date.fromisoformat(text) if text else None
        except ValueError as error:
            raise BadRow(f"{column}: “{text}”应写成 2026-12-31") from error

    def day(self, column: str) -> date:
        """A day; a missing one is a fault."""
        found = self.day_or_none(column)
        if found is None:
            raise BadRow(f"{column}: 不能为空")
        return found


def rows(path: Path, columns: Mapping[str, tuple[str, ...]], faults: list[str]) -> Iterator[tuple[str, RowIn]]:
    """The rows of all sections, with their lines; `columns` names what each section may have.

    Whatever would be lost is added to `faults`: a row outside every section, a section or a column that nobody knows,
    a file that has no section at all.
    """
    before, section, header = len(faults), "", list[str]()
    expected = f"例如 [{next(iter(columns))}]（有：{'、'.join(columns)}）"
    for line, cells in lines(path, faults):
        if not any(cell.strip() for cell in cells) or cells[0].strip().startswith("#"):
            continue
        place, heading = f"{path.name}:{line}:", _heading(cells)
        if heading is not None:
            section, header = heading, []
            if section not in columns:
                faults.append(f"{place} 没有叫[{section}]的部分（有：{'、'.join(columns)}）")
        elif not section and len(faults) == before:  # once: of what follows it the same is true
            faults.append(f"{place} 前面要先有一行，写明是哪一部分，{expected}")
        elif section in columns and not header:
            header = [cell.strip() for cell in cells]
            faults += [f"{place} [{section}] {why}" for why in header_faults(header, columns[section])]
        elif section in columns:
            if (found := by_column(header, cells)) is None:
                faults.append(f"{place} [{section}] 比表头多了列")
            else:
                yield section, RowIn(line, found)
    if not section and len(faults) == before:
        faults.append(f"{path.name}: 里面没有一个部分，每部分前要有一行名称，{expected}")


def _heading(cells: list[str]) -> str | None:
    """The name of the section that a line begins; None for a line that begins none.

    A line with nothing but a bracket begins one too, if one that nobody knows: its rows are not those of the last.
    """
    head = cells[0].strip().translate(_BRACKETS)
    alone = head.startswith("[") and not any(cell.strip() for cell in cells[1:])
    return head.strip("[]").strip() or "?" if alone or re.fullmatch(r"\[\s*\w+\s*\]", head) else None


def by_column(header: Sequence[str], cells: Sequence[str]) -> dict[str, str] | None:
    """Each column's cell, an empty one where the row is shorter; None where something stands beside all columns."""
    pairs = list(zip_longest(header, cells, fillvalue=""))
    if any(cell.strip() and not name for name, cell in pairs):
        return None
    return {name: cell for name, cell in pairs if name}


def header_faults(header: list[str], known: tuple[str, ...]) -> Iterator[str]:
    """What is wrong with the names of the columns."""
    named = [name for name in header if name]
    for name in dict.fromkeys(named):
        if name not in known:
            yield f"没有叫“{name}”的列（有：{'、'.join(known)}）"
        elif named.count(name) > 1:
            yield f"“{name}”这一列写了两次"
