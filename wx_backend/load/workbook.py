"""Workbooks (xlsx): each sheet is a section of the county's file, read like its lines and written to be read again."""

import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from openpyxl import Workbook, load_workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet.datavalidation import DataValidation

from wx_backend.load.rows import RowIn, by_column, header_faults

LARGEST = 20 * 1024 * 1024  # unpacked; a county's list is a hundredth of it
MOST_ROWS = 20_000
TOO_LONG = 10**15  # of a number Excel keeps fifteen digits
LAST_ROW = 1_048_576  # Excel's own; a file may name a later one, and up to there empty rows would be made
# What openpyxl and the archive raise, at whatever row they come to it.
_DAMAGED = (InvalidFileException, KeyError, ValueError, OSError, SyntaxError, zlib.error, zipfile.BadZipFile)


def sheet_rows(path: Path, columns: Mapping[str, tuple[str, ...]], faults: list[str]) -> Iterator[tuple[str, RowIn]]:
    """The rows of all sheets that are named like a section; the first row of each names its columns.

    A heading may say what people call the column before its name ("标题 title"). Other sheets are notes: they are
    left alone. Whatever cannot be read is added to `faults`.
    """
    raw = path.read_bytes()
    if not _fits(raw):
        faults.append(f"{path.name}: 不是 Excel 的 .xlsx 文件，或者太大，请另存为 .xlsx 再试")
        return
    try:
        yield from _sheets(path.name, raw, columns, faults)
    except _DAMAGED:
        faults.append(f"{path.name}: 这个 .xlsx 文件坏了，请用 Excel 或 WPS 另存一次再试")


def _sheets(
    file: str, raw: bytes, columns: Mapping[str, tuple[str, ...]], faults: list[str]
) -> Iterator[tuple[str, RowIn]]:
    book = load_workbook(io.BytesIO(raw), read_only=True, data_only=True)
    known = [sheet for sheet in book.worksheets if sheet.title in columns]
    if not known:
        faults.append(f"{file}: 没有认得的工作表（可以有：{'、'.join(columns)}）")
    for sheet in known:
        sheet.reset_dimensions()  # a note that some programs write wrongly: what it leaves out would be lost
        yield from _rows_of(file, sheet, columns[sheet.title], faults)
    book.close()


def _rows_of(file: str, sheet: Any, known: tuple[str, ...], faults: list[str]) -> Iterator[tuple[str, RowIn]]:
    header, letters = list[str](), dict[str, str]()
    for number, cells in enumerate(sheet.iter_rows(values_only=True, max_row=LAST_ROW), start=1):
        texts = [said(cell) for cell in cells]
        if not any(texts):
            continue
        if number > MOST_ROWS:
            faults.append(f"{file}:{sheet.title}!{number}: 一张表最多{MOST_ROWS}行，请分成几个文件导入")
            return
        if not header:
            header = [text.split()[-1] if text else "" for text in texts]
            letters = {name: get_column_letter(n) for n, name in enumerate(header, start=1)}
            faults += [f"{file}:{sheet.title}!{number}: {why}" for why in header_faults(header, known)]
        elif (found := by_column(header, texts)) is None:
            faults.append(f"{file}:{sheet.title}!{number}: 比表头多了列")
        else:
            yield sheet.title, RowIn(number, found, sheet.title, letters)


def said(cell: Any) -> str:
    """What a cell says, as it would stand in a text file: whole numbers without a point, days and times in ISO form."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, (int, float)) and abs(cell) >= TOO_LONG:
        return f"{cell:E}"  # as Excel itself shows that it has not kept all of it
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime):
        return f"{cell:%Y-%m-%d}" if cell.time() == time(0) else cell.isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    return f"{cell:%H:%M}" if isinstance(cell, time) else str(cell).strip()


def _fits(raw: bytes) -> bool:
    """Whether this is an archive that is no larger unpacked than a workbook can be: a small file may hold gigabytes."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            return sum(entry.file_size for entry in archive.infolist()) <= LARGEST
    except zipfile.BadZipFile:
        return False


class Sheet:
    """One sheet to be written: headings that stay in sight, columns as wide as they need, choices to pick from.

    What is read in again carries the name of each column behind its heading; `for_people` only the headings stand.
    """

    def __init__(
        self, name: str, headings: Mapping[str, str], choices: Mapping[str, Sequence[str]], *, for_people: bool = False
    ) -> None:
        self.name, self.headings, self.choices, self.for_people = name, headings, choices, for_people
        self.rows: list[dict[str, Any]] = []


def written(sheets: Sequence[Sheet]) -> bytes:
    """The sheets as a workbook."""
    book = Workbook()
    book.remove(book.active)
    for sheet in sheets:
        page = book.create_sheet(sheet.name)
        page.append([said_so if sheet.for_people else f"{said_so} {name}" for name, said_so in sheet.headings.items()])
        for number, values in enumerate(sheet.rows, start=2):
            for column, name in enumerate(sheet.headings, start=1):
                _put(page.cell(number, column), values.get(name))
        _dress(page, sheet)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _put(cell: Any, value: Any) -> None:
    cell.value = value
    if isinstance(value, str):
        cell.data_type = "s"  # what somebody wrote is text, also when it begins like a formula
        cell.number_format = "@"
    cell.alignment = Alignment(vertical="top", wrap_text=True)


def _dress(page: Any, sheet: Sheet) -> None:
    for column, name in enumerate(sheet.headings, start=1):
        letter = get_column_letter(column)
        longest = max((len(str(values.get(name) or "")) for values in sheet.rows), default=0)
        page.column_dimensions[letter].width = min(max(14, longest * 1.6), 44)
        head = page.cell(1, column)
        head.font, head.fill = Font(bold=True), PatternFill("solid", fgColor="FCE8E6")
        head.alignment = Alignment(vertical="center", wrap_text=True)
        if name in sheet.choices:
            pick = DataValidation(type="list", formula1=f'"{",".join(sheet.choices[name])}"', allow_blank=True)
            page.add_data_validation(pick)
            pick.add(f"{letter}2:{letter}{MOST_ROWS}")
    page.row_dimensions[1].height = 32
    page.freeze_panes = "B2"
