"""A county is loaded whole or not at all, twice is once, and every bad row is named with its line and reason."""

from pathlib import Path

import pytest
from sqlalchemy import func, select

from models.ordering.listings import Listing
from models.people.persons import Person
from models.places.areas import Area
from tests.world import NOW
from wx_backend.demo.cast import COUNTY
from wx_backend.load import NotLoaded, load_county

GOOD = """[areas]
code,name,kind,parent
1,县,county,
11,乡,township,1
[centres]
code,name,area,address,phone
C,中心,11,,0578-5550101
"""


def load(session, path: Path, text: str | bytes):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_county(session, path, app_id="wx-test", now=NOW)


def test_the_demo_county_loads_and_loading_it_again_changes_nothing(session):
    assert load_county(session, COUNTY, app_id="wx-test", now=NOW)["listings"] >= 12
    assert load_county(session, COUNTY, app_id="wx-test", now=NOW) == {}
    assert session.scalar(select(func.count()).select_from(Area)) >= 12


@pytest.mark.parametrize(
    "encode", [lambda t: t.encode(), lambda t: t.encode("utf-8-sig"), lambda t: t.encode("gb18030")]
)
def test_a_file_from_any_spreadsheet_is_read(session, tmp_path, encode):
    load(session, tmp_path / "c.csv", encode(GOOD))
    assert session.scalars(select(Area.name).order_by(Area.id)).all() == ["县", "乡"]


@pytest.mark.parametrize(
    ("row", "line", "reason"),
    [
        ("[persons]\ncode,name\nP1,\n", 11, "name: 不能为空"),
        ("[persons]\ncode,name,area\nP1,甲,99\n", 11, "没有编码为“99”"),
        ("[persons]\ncode,name,phone\nP1,甲,abc\n", 11, "不像电话号码"),
        ("[persons]\ncode,name,time_zone\nP1,甲,Europe/Nowhere\n", 11, "不是时区名"),
        ("[persons]\ncode,name\nP1,甲,乙,丙\n", 11, "比表头多了列"),
        ("[hours]\ncentre,weekdays,opens,closes\nC,8,08:30,17:00\n", 11, "weekdays"),
        ("[hours]\ncentre,weekdays,opens,closes\nC,1-5,八点,17:00\n", 11, "应写成 08:30"),
        ("[staff]\nperson,role,area,organisation\nP1,mayor,11,\n", 11, "没有编码"),
        ("[nothing]\n", 9, "没有叫[nothing]的部分"),
        ("[overrides]\nday,is_workday,name\n昨天,yes,调休\n", 11, "应写成 2026-12-31"),
        (
            "[listings]\ncode,centre,category,title,summary,mode,questions,providers\nL,C,meal,送餐,,flying,,O\n",
            11,
            "mode",
        ),
        (
            "[listings]\ncode,centre,category,title,summary,mode,questions,providers\nL,C,meal,送餐,,at_home,x:y:z,O\n",
            11,
            "questions",
        ),
    ],
)
def test_a_bad_row_is_named_with_line_and_reason(session, tmp_path, row, line, reason):
    with pytest.raises(NotLoaded) as raised:
        load(session, tmp_path / "c.csv", GOOD + "# 备注\n" + row)
    assert any(f"c.csv:{line}: " in fault and reason in fault for fault in raised.value.faults), raised.value.faults


def test_all_faults_are_listed_at_once_and_nothing_is_half_loaded(open_session, tmp_path):
    bad = GOOD + "[persons]\ncode,name,area\nP1,甲,11\nP2,,11\nP3,丙,99\n"
    with open_session() as session, pytest.raises(NotLoaded) as raised, session.begin():
        load(session, tmp_path / "c.csv", bad)
    assert len(raised.value.faults) == 2
    with open_session() as session:
        assert session.scalar(select(func.count()).select_from(Area)) == 0
        assert session.scalar(select(func.count()).select_from(Person)) == 0


def test_a_corrected_row_updates_and_keeps_what_hangs_on_it(session, tmp_path):
    load_county(session, COUNTY, app_id="wx-test", now=NOW)
    before = session.scalars(select(Listing.id).where(Listing.code == "L-GS-1")).one()
    text = COUNTY.read_text(encoding="utf-8").replace("中午送到家，免费", "中午晚上都送，免费")
    load(session, tmp_path / "c.csv", text)
    after = session.scalars(select(Listing).where(Listing.code == "L-GS-1")).one()
    assert (after.id, after.summary) == (before, "中午晚上都送，免费")
