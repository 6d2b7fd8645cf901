"""When people eat, rest and go to market comes with the county's file; what the file leaves out of a person ends."""

from datetime import time

import pytest
from sqlalchemy import select

from models.family.routines import Routine
from tests.wx_backend.test_load import GOOD, load
from wx_backend.load import NotLoaded

PEOPLE = GOOD + "[persons]\ncode,name,area\nP,甲,11\nQ,乙,11\n[routines]\nperson,kind,begins,ends,weekdays,month_ends\n"


def test_a_persons_days_are_loaded_twice_is_once_and_what_is_left_out_ends(session, tmp_path):
    rows = "P,nap,12:30,14:00,,\nP,market,07:00,11:00,,38\nQ,sleep,20:00,06:00,,\n"
    assert load(session, tmp_path / "a.csv", PEOPLE + rows)["routines"] == 3
    assert load(session, tmp_path / "a.csv", PEOPLE + rows) == {}
    load(session, tmp_path / "b.csv", PEOPLE + "P,nap,12:30,15:00,,\n")
    found = session.execute(select(Routine.kind, Routine.ends).order_by(Routine.id)).all()
    assert found == [("nap", time(15)), ("sleep", time(6))]  # of the other nothing was said


@pytest.mark.parametrize(
    "row", ["P,party,12:30,14:00,,", "P,nap,noon,14:00,,", "P,market,7,11,8,", "P,market,07:00,11:00,8,",
            "P,market,07:00,11:00,,x", "X,nap,12:30,14:00,,"],
)  # fmt: skip
def test_a_row_that_no_day_can_hold_is_a_fault_with_its_line(session, tmp_path, row):
    with pytest.raises(NotLoaded, match=r"a\.csv:14: \[routines\]"):
        load(session, tmp_path / "a.csv", PEOPLE + row + "\n")
