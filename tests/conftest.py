"""What every test may ask for: a database of either kind, a session, the standing cast, a real Redis."""

import os
from collections.abc import Iterator

import pytest
import redis
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.cast import Cast, settle
from tests.world import NOW, REDIS, Databases, disposing, postgres_missing, redis_missing
from wx_backend.database import SessionFactory, make_engine, session_factory


def need(missing: str | None) -> None:
    """Skip with the reason; under CI a missing server is a failure."""
    if missing is None:
        return
    if os.environ.get("CI"):
        pytest.fail(missing, pytrace=False)
    pytest.skip(missing)


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """The maker of fresh databases."""
    made = Databases(tmp_path_factory.mktemp("databases"))
    yield made
    made.close()


@pytest.fixture(scope="session")
def postgres() -> None:
    """A PostgreSQL that answers."""
    need(postgres_missing())


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, databases: Databases) -> Iterator[str]:
    """The URL of a fresh database with all tables; the test runs once on SQLite and once on PostgreSQL."""
    if request.param == "postgresql":
        request.getfixturevalue("postgres")
    with databases.fresh(request.param) as url:
        yield url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on the fresh database, with the product's own connection rules."""
    with disposing(make_engine(database_url, patience_ms=30_000, pool_size=60)) as made:
        yield made


@pytest.fixture
def open_session(engine: Engine) -> SessionFactory:
    """`with open_session() as session, session.begin():` as clock and CLI use it."""
    return session_factory(engine)


@pytest.fixture
def session(open_session: SessionFactory) -> Iterator[Session]:
    """One session; nothing is committed unless the test does it."""
    with open_session() as opened:
        yield opened


@pytest.fixture
def cast(open_session: SessionFactory) -> Cast:
    """The standing cast, committed. Its objects are detached: read their ids."""
    with open_session() as opened, opened.begin():
        return settle(opened, NOW)


@pytest.fixture
def real_redis() -> Iterator[redis.Redis]:
    """A real Redis under a prefix-free database of its own, emptied before and after."""
    need(redis_missing())
    client = redis.Redis.from_url(REDIS)
    client.flushdb()
    yield client
    client.flushdb()
    client.close()
