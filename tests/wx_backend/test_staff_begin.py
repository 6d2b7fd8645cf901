"""A role that was ended stays so until somebody begins it again: the county's file says so, a command does it."""

import pytest
from click.testing import CliRunner
from sqlalchemy import select, update

from models.audit import AuditEntry
from models.people.persons import Person
from models.people.staff import StaffRole, end_role, roles_of
from tests.world import NOW, disposing
from tests.wx_backend.test_load import GOOD, load, one
from wx_backend import migrations
from wx_backend.cli import main
from wx_backend.config import EXAMPLE
from wx_backend.database import make_engine, session_factory
from wx_backend.demo.stage import stage_aside
from wx_backend.load import NotLoaded

STAFF = (
    "[organisations]\ncode,name,kind,area\nO,会,social_organisation,11\n[persons]\ncode,name\nP,甲\nQ,乙\n"
    "[staff]\nperson,role,area,organisation\nP,station_cadre,11,\nP,organisation_member,,O\n"
)


def test_a_role_that_was_ended_is_a_fault_with_what_to_do_and_its_neighbours_are_none(session, tmp_path):
    path = tmp_path / "c.csv"
    load(session, path, GOOD + STAFF)
    person = one(session, Person, code="P")
    end_role(session, roles_of(session, person.id)[0], NOW)
    with pytest.raises(NotLoaded) as raised:
        load(session, path, GOOD + STAFF)
    (said,) = raised.value.faults
    assert said.startswith("c.csv:17: [staff] role: 甲的这个岗位")
    assert "已停用" in said
    assert "wx-backend staff begin P --role station_cadre --place 11" in said
    assert "去掉这一行" in said
    session.add(StaffRole(person_id=person.id, role="station_cadre", area_id=one_area(session), since=NOW))
    session.flush()
    assert load(session, path, GOOD + STAFF) == {}  # of the two rows one is in force


def one_area(session):
    return session.scalars(select(StaffRole.area_id).where(StaffRole.area_id.is_not(None))).one()


@pytest.fixture
def county(tmp_path):
    """A county in a file of its own: a session on it, and what the command line says there."""
    url = f"sqlite:///{tmp_path}/a.db"

    def run(*words):
        environ = {"WX_BACKEND_DATABASE__URL": url}
        return CliRunner().invoke(main, ["--config", str(EXAMPLE), *words], env=environ, catch_exceptions=False)

    with disposing(make_engine(url)) as engine:
        migrations.upgrade(engine)
        open_session = session_factory(engine)
        with open_session() as session, session.begin():
            load(session, tmp_path / "c.csv", GOOD + STAFF)
        yield open_session, run


def test_an_operator_begins_an_ended_role_again_and_the_book_says_so(county, tmp_path):
    open_session, run = county
    assert run("staff", "end", "P", "--role", "station_cadre").exit_code == 0
    refused = run("load", str(tmp_path / "c.csv"))
    assert refused.exit_code == 1
    assert "wx-backend staff begin P --role station_cadre --place 11" in refused.output
    begun = run("staff", "begin", "P", "--role", "station_cadre", "--place", "11")
    assert (begun.exit_code, begun.output) == (0, "已恢复甲的岗位：站点干部（乡）\n")
    assert "没有新内容" in run("load", str(tmp_path / "c.csv")).output
    with open_session() as session:
        person = one(session, Person, code="P")
        ended, again = session.scalars(
            select(StaffRole).where(StaffRole.role == "station_cadre").order_by(StaffRole.id)
        ).all()
        assert (ended.ended_at is None, again.ended_at, again.area_id) == (False, None, ended.area_id)
        assert {one.role for one in roles_of(session, person.id)} == {"station_cadre", "organisation_member"}
        lines = session.scalars(select(AuditEntry).order_by(AuditEntry.seq)).all()
        assert [(line.verb, line.subject) for line in lines] == [
            ("role_ended", f"role:{ended.id}"), ("role_begun", f"role:{again.id}"),
        ]  # fmt: skip


def test_which_of_several_is_to_begin_has_to_be_said_and_what_was_never_ended_cannot(county):
    open_session, run = county
    run("staff", "end", "P")
    several = run("staff", "begin", "P")
    assert several.exit_code == 1
    assert "--role station_cadre --place 11（站点干部，乡）" in several.output
    assert "--role organisation_member --place O（组织成员，会）" in several.output
    assert run("staff", "begin", "P", "--place", "O").output == "已恢复甲的岗位：组织成员（会）\n"
    assert run("staff", "begin", "P").output == "已恢复甲的岗位：站点干部（乡）\n"
    for words in (("P",), ("Q",), ("P", "--role", "grid_officer"), ("P", "--place", "1")):
        never = run("staff", "begin", *words)
        assert (never.exit_code, "没有这样停用了的岗位" in never.output) == (1, True)
    assert "没有编号“X”" in run("staff", "begin", "X").output
    with open_session() as session:
        assert len(roles_of(session, one(session, Person, code="P").id)) == 2


def test_the_demo_begins_again_where_somebodys_role_was_ended_in_it(tmp_path):
    stage = stage_aside(EXAMPLE, tmp_path)
    stage.prepare()
    engine = make_engine(stage.config.database.url)
    with session_factory(engine)() as session, session.begin():
        session.execute(update(StaffRole).values(ended_at=NOW))
    stage.prepare()
    with session_factory(engine)() as session:
        assert session.scalars(select(StaffRole.id).where(StaffRole.ended_at.is_(None))).all() == []
    engine.dispose()
