"""Teams, skills, needs, coverage, roads and equipment come with the county's file, and twice is once."""

import pytest
from sqlalchemy import func, select

from models.ordering.skills import RequiredSkill, Skill
from models.ordering.teams import CoverageArea, VolunteerTeam
from models.places.alliances import AlliedCentre
from models.places.areas import Area
from models.places.equipment import Equipment
from models.places.travel import travel_minutes
from tests.wx_backend.test_load import GOOD, load
from wx_backend.load import NotLoaded

HELP = (
    GOOD
    + """[areas]
code,name,kind,parent
12,乙乡,township,1
[organisations]
code,name,kind,area
O,老徐好帮手,social_organisation,11
[persons]
code,name,area
P,阿妈,11
[listings]
code,centre,category,title,mode,questions,providers
L,C,meal,送餐,delivery,,O
[teams]
organisation,field,leader,incubation,review_on
O,poverty_relief,P,incubating,2027-06-01
[skills]
person,skill,certificate,valid_until
P,care_worker,护理员证,2026-12-31
[requirements]
listing,skill,certified
L,care_worker,yes
[coverage]
organisation,area
O,12
[roads]
from,to,minutes
11,12,35
[equipment]
centre,kind,name
C,vehicle,浙K·1
"""
)


def test_all_of_it_loads_and_loading_it_again_changes_nothing(session, tmp_path):
    first = load(session, tmp_path / "c.csv", HELP)
    tables = ("volunteer_teams", "skills", "required_skills", "coverage_areas", "travel_times", "equipment")
    assert [first[name] for name in tables] == [1] * 6
    assert load(session, tmp_path / "c.csv", HELP) == {}
    one, other = session.scalars(select(Area).where(Area.kind == "township").order_by(Area.id)).all()
    assert travel_minutes(session, one, other) == 35
    assert session.scalars(select(RequiredSkill.certified)).all() == [True]
    for table in (VolunteerTeam, Skill, CoverageArea, Equipment):
        assert session.scalar(select(func.count()).select_from(table)) == 1


def test_a_centre_that_the_file_leaves_out_has_left_the_alliance(session, tmp_path):
    both = "[centres]\ncode,name,area\nC2,乙乡中心,12\n[alliances]\ncode,name,first_day,centre\nA,联建,2026-02-01,C\n"
    assert load(session, tmp_path / "c.csv", HELP + both + "A,联建,2026-02-01,C2\n")["allied_centres"] == 2
    assert session.scalar(select(func.count()).select_from(AlliedCentre)) == 2
    load(session, tmp_path / "c.csv", HELP + both)
    assert session.scalar(select(func.count()).select_from(AlliedCentre)) == 1


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("[roads]\nfrom,to,minutes\n11,11,5\n", "两个不同的地方"),
        ("[roads]\nfrom,to,minutes\n11,12,0\n", "1到1440分钟"),
        ("[equipment]\ncentre,kind,name\nC,rocket,一号\n", "kind"),
        ("[skills]\nperson,skill,valid_until\nP,care,明年\n", "应写成 2026-12-31"),
        ("[teams]\norganisation,field,incubation\nO,medical,maybe\n", "incubation"),
        ("[alliances]\ncode,name,first_day,last_day,centre\nA,联建,2026-02-01,2026-01-01,C\n", "不早于 first_day"),
        ("[alliances]\ncode,name,first_day,centre\nA,联建,2026-02-01,Z\n", "没有编码为“Z”的记录"),
    ],
)
def test_a_bad_row_says_why(session, tmp_path, row, reason):
    with pytest.raises(NotLoaded) as fault:
        load(session, tmp_path / "c.csv", HELP + row)
    assert reason in fault.value.faults[0]
