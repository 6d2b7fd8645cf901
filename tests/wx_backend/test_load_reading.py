"""What a spreadsheet makes of a county's file is read, or refused with file, line and what was expected: never lost."""

import codecs
import io
import re
import zipfile

import pytest
from openpyxl import Workbook
from sqlalchemy import select

from models.places.areas import Area
from tests.wx_backend.test_load import GOOD, load
from wx_backend.load import NotLoaded
from wx_backend.load.workbook import MOST_ROWS

AREAS = "[areas]\ncode,name,kind,parent\n1,县,county,\n"


def names(session):
    return session.scalars(select(Area.name).order_by(Area.id)).all()


def faults(session, path, text):
    with pytest.raises(NotLoaded) as raised:
        load(session, path, text)
    return raised.value.faults


def test_rows_before_any_section_are_a_fault_that_names_the_first_of_them_and_what_is_expected(session, tmp_path):
    (said,) = faults(session, tmp_path / "c.csv", "\n# 备注\ncode,name\nP1,甲\n\nP2,乙\n")
    assert said.startswith("c.csv:3: ")
    assert "[areas]" in said
    assert "persons" in said


@pytest.mark.parametrize("text", ["", "\n\n", "# 备注\n", "# 备注,,\n,,,\n"])
def test_a_file_without_any_section_is_a_fault(session, tmp_path, text):
    (said,) = faults(session, tmp_path / "c.csv", text)
    assert said.startswith("c.csv: ")
    assert "[areas]" in said
    assert "persons" in said


@pytest.mark.parametrize(
    "heading",
    ["[areas ]", "[ areas]", "［areas］", "【areas】", "［　areas ］", "[areas", "[areas],,,", '"[areas]"'],
)
def test_a_heading_is_known_with_spaces_full_width_brackets_and_trailing_cells(session, tmp_path, heading):
    load(session, tmp_path / "c.csv", AREAS.replace("[areas]", heading))
    assert names(session) == ["县"]


@pytest.mark.parametrize("heading", ["[per sons]", "[人员]", "［persons-1］", "【】"])
def test_a_heading_that_nobody_knows_is_a_fault_and_its_rows_are_no_rows_of_the_section_before(
    session, tmp_path, heading
):
    (said,) = faults(session, tmp_path / "c.csv", f"{AREAS}{heading},,\ncode,name\nP1,甲\n")
    assert said.startswith("c.csv:4: 没有叫")


@pytest.mark.parametrize("mark", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("cells", [",", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_unicode_text_as_excel_saves_it_is_read(session, tmp_path, mark, cells, end):
    bom = codecs.BOM_UTF16_LE if mark == "utf-16-le" else codecs.BOM_UTF16_BE
    text = ("# 备注, 有逗号\n" + GOOD).replace("\n", end)
    load(session, tmp_path / "c.txt", bom + text.replace(",", cells).encode(mark))
    assert names(session) == ["县", "乡"]


def test_lines_that_end_as_on_an_old_mac_are_lines(session, tmp_path):
    load(session, tmp_path / "c.csv", GOOD.replace("\n", "\r"))
    assert names(session) == ["县", "乡"]


def test_unicode_text_without_its_mark_is_a_fault_and_not_nothing(session, tmp_path):
    assert "c.csv:1: " in faults(session, tmp_path / "c.csv", GOOD.encode("utf-16-le"))[0]


def test_a_quote_that_is_never_closed_is_a_fault_and_not_a_traceback(session, tmp_path):
    said = faults(session, tmp_path / "c.csv", AREAS + '11,"乡,township,1\n' + "12,村,village,11\n" * 20_000)
    assert "引号" in said[-1]


@pytest.mark.parametrize("bad", [b"\xff", b"\xe4\xb9", b"\x80"])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_one_bad_byte_in_utf_8_is_a_fault_with_its_line_and_no_other_writing(session, tmp_path, bad, mark):
    text = AREAS.encode() + "11,鸬鹚".encode() + bad + "乡,township,1\n12,葛山,village,11\n".encode()
    (said,) = faults(session, tmp_path / "c.csv", mark + text)
    assert said.startswith("c.csv:4: ")
    assert "UTF-8" in said
    assert names(session) == []


def test_one_bad_byte_in_what_excel_writes_in_china_is_a_fault_with_its_line(session, tmp_path):
    text = AREAS.encode("gb18030") + "11,鸬鹚".encode("gb18030") + b"\xff" + "乡,township,1\n".encode("gb18030")
    (said,) = faults(session, tmp_path / "c.csv", text)
    assert said.startswith("c.csv:4: ")


def test_a_word_whose_gb18030_looks_like_utf_8_is_read_all_the_same(session, tmp_path):
    load(session, tmp_path / "c.csv", AREAS.replace("县", "联通县").encode("gb18030"))
    assert names(session) == ["联通县"]


def test_what_is_no_text_at_all_is_a_fault(session, tmp_path):
    assert faults(session, tmp_path / "c.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\xff\xff\n")[0].startswith("c.xls:1: ")


def test_a_sheet_with_more_rows_than_are_read_is_a_fault(session, tmp_path):
    def sheet(rows):
        book = Workbook()
        page = book.active
        page.title = "areas"
        page.append(["code", "name", "kind", "parent"])
        page.append(["1", "县", "county", None])
        page.cell(rows, 1).value = "2"
        page.cell(rows, 2).value = "别县"
        page.cell(rows, 3).value = "county"
        book.save(tmp_path / "c.xlsx")
        return (tmp_path / "c.xlsx").read_bytes()

    load(session, tmp_path / "c.xlsx", sheet(MOST_ROWS))
    assert names(session) == ["县", "别县"]
    for rows in (MOST_ROWS + 1, MOST_ROWS + 5):
        (said,) = faults(session, tmp_path / "c.xlsx", sheet(rows))
        assert said.startswith(f"c.xlsx:areas!{rows}: ")
        assert str(MOST_ROWS) in said


def patched(raw, member, change):
    """The workbook with one of its parts changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as archive, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for entry in archive.namelist():
            part = archive.read(entry)
            made.writestr(entry, change(part) if entry.endswith(member) else part)
    return out.getvalue()


def one_sheet():
    book, out = Workbook(), io.BytesIO()
    page = book.active
    page.title = "areas"
    for row in (["code", "name", "kind", "parent"], ["1", "县", "county", None], ["11", "乡", "township", "1"]):
        page.append(row)
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize("noted", [b"A1", b"A1:B2", b"A1:XFD9"])
def test_a_sheet_is_read_to_its_end_whatever_its_program_notes_of_its_size(session, tmp_path, noted):
    raw = patched(one_sheet(), "sheet1.xml", lambda part: re.sub(rb'ref="A1:D3"', b'ref="' + noted + b'"', part))
    assert raw != one_sheet()
    load(session, tmp_path / "c.xlsx", raw)
    assert names(session) == ["县", "乡"]


@pytest.mark.parametrize("member", ["sheet1.xml", "styles.xml", "workbook.xml"])
def test_a_damaged_workbook_is_a_fault_and_not_a_traceback(session, tmp_path, member):
    raw = patched(one_sheet(), member, lambda part: part[: len(part) // 2])
    (said,) = faults(session, tmp_path / "c.xlsx", raw)
    assert said.startswith("c.xlsx: ")
    assert names(session) == []


def test_a_bit_that_was_lost_in_a_workbook_is_a_fault_and_not_a_traceback(session, tmp_path):
    raw = bytearray(one_sheet())
    raw[raw.find(b"xl/worksheets/sheet1.xml") + 60] ^= 0xFF
    assert len(faults(session, tmp_path / "c.xlsx", bytes(raw))) == 1
