"""The database goes up, comes down, and after going up holds exactly what the models say."""

import pytest
from sqlalchemy import delete, inspect, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from models import audit
from models.messages.letters import Letter
from models.ordering.listings import Listing, terms_in
from models.ordering.reminding import REMINDER as VISITS
from models.ordering.versions import ListingVersion, in_force
from models.register import METADATA
from scheduler.plan import plan_anew
from tests.cast import settle
from tests.models.messages.test_rules import hands
from tests.models.ordering.test_visiting import named, taken_on
from tests.world import NOW, disposing
from wx_backend import migrations
from wx_backend.database import make_engine, session_factory


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty(request, databases):
    if request.param == "postgresql":
        request.getfixturevalue("postgres")
    with databases.fresh_empty(request.param) as url, disposing(make_engine(url)) as engine:
        yield engine


def test_up_holds_what_the_models_say_and_down_leaves_nothing(empty):
    migrations.upgrade(empty)
    current, newest = migrations.standing(empty)
    assert current == newest
    assert migrations.differences(empty) == []
    migrations.downgrade(empty)
    assert set(inspect(empty).get_table_names()) <= {"alembic_version"}


def test_going_up_twice_is_going_up_once(empty):
    migrations.upgrade(empty)
    migrations.upgrade(empty)
    assert set(METADATA.tables) <= set(inspect(empty).get_table_names())


ROWS = (
    "INSERT INTO areas (id, code, name, kind, path) VALUES (1, 'a', '景宁', 'county', '/1/')",
    "INSERT INTO tasks (id, key, kind, area_id, subject, facts, state, due_at, created_at)"
    " VALUES (1, 'k', 'order_new', 1, 'order:1', '{}', 'open', '2026-11-24 10:00:00', '2026-11-24 10:00:00')",
    "INSERT INTO escalations (id, task_id, level, area_id, at) VALUES (1, 1, 1, 1, '2026-11-24 10:00:00')",
    "INSERT INTO closures (id, first_day, last_day, reason) VALUES (1, '2026-11-24', '2026-11-24', '台风')",
    "INSERT INTO calendar_overrides (day, is_workday, name) VALUES ('2026-11-24', true, '调休')",
)

pytestmark = pytest.mark.both
KEPT = ("areas", "tasks", "escalations", "closures", "calendar_overrides")


def test_rows_that_are_there_go_up_and_down_with_it_and_still_point_to_each_other(empty):
    migrations.upgrade(empty, "0002")
    with empty.begin() as connection:
        for statement in ROWS:
            connection.execute(text(statement))
    for step in (lambda: migrations.upgrade(empty), lambda: migrations.downgrade(empty, "0002")):
        step()
        with empty.begin() as connection:
            counted = [connection.scalar(text(f"SELECT count(*) FROM {table}")) for table in KEPT]
        assert counted == [1] * len(KEPT)
    migrations.upgrade(empty)
    with empty.begin() as connection:
        assert connection.execute(text("SELECT held_why, times_held FROM tasks")).all() == [("", 0)]
    # And what points to nothing is refused as before.
    with pytest.raises(IntegrityError), empty.begin() as connection:
        connection.execute(text("INSERT INTO escalations (task_id, level, area_id, at) VALUES (9, 1, 1, '2026-11-24')"))


@pytest.mark.case("S9")
def test_a_migrated_database_lets_the_audit_only_grow(empty):
    migrations.upgrade(empty)
    with Session(empty) as session:
        audit.write(session, verb="login", now=NOW)
        session.commit()
        assert audit.verify(session).faults == ()
        for deed in ("UPDATE audit SET verb = 'x'", "DELETE FROM audit"):
            with pytest.raises(DBAPIError, match="audit only grows"):
                session.execute(text(deed))
            session.rollback()


def test_a_service_of_before_has_its_first_version(empty):
    migrations.upgrade(empty, "0002")
    with empty.begin() as connection:
        for statement in (
            "INSERT INTO areas (id, code, name, kind, path) VALUES (1, '1', '县', 'county', '/1/')",
            "INSERT INTO service_centres (id, code, name, area_id, address, phone, time_zone)"
            " VALUES (1, 'C', '中心', 1, '', '', 'Asia/Shanghai')",
            "INSERT INTO organisations (id, code, name, kind, area_id, phone)"
            " VALUES (1, 'O', '甲', 'department', 1, '')",
            *(
                "INSERT INTO listings"
                " (id, code, centre_id, category, title, summary, mode, questions, state, created_at) VALUES"
                f" ({n}, 'L{n}', 1, 'meal', '送餐', '', 'delivery', '[]', '{state}', '2026-11-24 02:00:00')"
                for n, state in enumerate(("published", "submitted"), start=1)
            ),
            "INSERT INTO listing_providers (id, listing_id, organisation_id, position) VALUES (1, 1, 1, 1)",
        ):
            connection.execute(text(statement))
    migrations.upgrade(empty)
    with Session(empty) as session:
        (service, waiting) = session.scalars(select(Listing).order_by(Listing.id))
        version = in_force(session, service.id)
        assert (version.number, version.providers, terms_in(version)) == (1, [1], terms_in(service))
        assert (service.state, waiting.state) == ("published", "draft")
        states = session.scalars(select(ListingVersion.state).order_by(ListingVersion.listing_id)).all()
        assert states == ["in_force", "submitted"]
    migrations.downgrade(empty, "0002")


def test_visits_that_were_agreed_before_reminders_of_them_are_planned_by_the_next_clock(empty):
    migrations.upgrade(empty)
    with session_factory(empty)() as session, session.begin():
        cast = settle(session, NOW)
        named(session, cast, taken_on(session, cast)[1])
        session.execute(delete(Letter).where(Letter.kind == VISITS))
    migrations.downgrade(empty, "0017")
    migrations.upgrade(empty)
    assert [plan_anew(hands(session_factory(empty))) for _ in range(2)] == [1, 0]
    with session_factory(empty)() as session:
        rules = {letter.facts["rule"] for letter in session.scalars(select(Letter).where(Letter.kind == VISITS))}
        assert rules == {"eve"}
    migrations.downgrade(empty, "0017")
    with empty.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM reminder_rules")) == 0
