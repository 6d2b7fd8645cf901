"""The lines of a text file from any spreadsheet: in which encoding they are, and what parts their cells."""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

_BESIDE = ("#", "[", "［", "【")  # what a line begins with that names no columns


def lines(path: Path, faults: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Every line's number and cells. Where the file cannot be read that is added to `faults`, and nothing follows."""
    try:
        text = _text(path.read_bytes())
    except UnicodeDecodeError as error:
        line = error.object[: error.start].decode(error.encoding, "ignore").count("\n") + 1
        faults.append(f"{path.name}:{line}: 有读不出的字（要是 UTF-8 或 GB18030）。请检查这一行，再另存为“CSV UTF-8”")
        return
    # Without strict a quote that nobody closes takes in what follows, to the end of the file.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_parted_by(text), strict=True)
    try:
        for cells in reader:
            yield reader.line_num, cells
    except csv.Error:
        faults.append(f"{path.name}:{reader.line_num}: 到这里为止有一格的引号没有成对，请补上，或去掉多的引号")


def _text(raw: bytes) -> str:
    """What the bytes say: UTF-16 with its mark (Excel's “Unicode 文本”), UTF-8, or GB18030 as Excel writes in China.

    Raises UnicodeDecodeError where one of them has a byte that it cannot have: guessing would change names.
    """
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        if _is_meant_as_utf8(raw):
            raise
        return raw.decode("gb18030")


def _is_meant_as_utf8(raw: bytes) -> bool:
    """Whether this is UTF-8 that was damaged: such a text may well be GB18030 too, letter for letter another one."""
    if raw.startswith(codecs.BOM_UTF8):
        return True
    text = raw.decode("utf-8", errors="replace")
    chinese = len(re.findall("[\u4e00-\u9fff]", text))
    return chinese > 0 and chinese >= text.count("\ufffd")


def _parted_by(text: str) -> str:
    """What parts the cells: a tab where the first names of columns stand so, as in Excel's own text files."""
    heads = (line.lstrip('" \t') for line in text.splitlines())
    first = next((line for line in heads if line.strip(" ,\t") and not line.startswith(_BESIDE)), "")
    return "\t" if "\t" in first and "," not in first else ","
