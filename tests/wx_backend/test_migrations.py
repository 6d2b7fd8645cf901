"""The database goes up, comes down, and after going up holds exactly what the models say."""

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models import audit
from models.register import METADATA
from tests.world import NOW, disposing
from wx_backend import migrations
from wx_backend.database import make_engine


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
