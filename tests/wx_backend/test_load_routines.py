"""When people eat, rest and go to market comes with the county's file; what the file leaves out of a person ends."""

from datetime import time

import pytest
from sqlalchemy import select

from models.family.routines import Habit, Routine, put_habits
from models.history import History
from models.people.identities import Who
from models.people.persons import Person
from tests.world import NOW
from tests.wx_backend.test_load import GOOD, load, one
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


def test_what_people_have_written_since_a_reload_does_not_undo(session, tmp_path):
    rows = "P,nap,12:30,14:00,,\nP,meal,11:00,11:30,,\nP,market,07:00,11:00,,38\nP,sleep,20:00,06:00,,\n"
    load(session, tmp_path / "a.csv", PEOPLE + rows)
    person = one(session, Person, code="P")
    who = Who(person.id, 0, person.name, "Asia/Shanghai", "", "")
    put_habits(session, who, person.id, "nap", [Habit("nap", time(13), time(15))], NOW)
    put_habits(session, who, person.id, "market", [], NOW)
    put_habits(session, who, person.id, "work", [Habit("work", time(8), time(10))], NOW)  # the file never named it

    def stands():
        query = select(Routine.kind, Routine.begins, Routine.ends).where(Routine.person_id == person.id)
        return sorted(map(tuple, session.execute(query)))

    kept = [("nap", time(13), time(15)), ("work", time(8), time(10))]
    rest = [("meal", time(11), time(11, 30)), ("sleep", time(20), time(6))]
    assert load(session, tmp_path / "a.csv", PEOPLE + rows) == {}
    assert stands() == sorted(kept + rest)
    load(session, tmp_path / "b.csv", PEOPLE + "P,market,07:00,12:00,,38\nP,meal,11:00,12:00,,\n")
    assert stands() == sorted([*kept, ("meal", time(11), time(12))])
    for line in session.scalars(select(History).where(History.subject == f"routine:{person.id}")):
        line.note = ""  # as after years: which kind it was nobody knows any more
    load(session, tmp_path / "c.csv", PEOPLE + "P,nap,12:00,13:00,,\nP,meal,10:00,11:00,,\n")
    assert stands() == sorted([*kept, ("meal", time(11), time(12))])
