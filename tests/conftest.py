"""What every test may ask for: a database of either kind, a session, the standing cast, a real Redis."""

import fcntl
import gc
import os
import tempfile
import zlib
from collections.abc import Iterator
from inspect import signature
from pathlib import Path

import pytest
import redis
from sqlalchemy import Engine, update
from sqlalchemy.orm import Session

from models.people.persons import Person
from tests.cast import Cast
from tests.quick import hasten
from tests.settled import cast_in
from tests.world import REDIS, Databases, disposing, postgres_missing, redis_missing
from wx_backend.database import SessionFactory, make_engine, session_factory

hasten()


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


KINDS = ("sqlite", "postgresql")


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
def cast(engine: Engine) -> Cast:
    """The standing cast, committed. Its objects are detached: read their ids."""
    return cast_in(engine)


@pytest.fixture
def at_home(engine: Engine) -> Cast:
    """The cast, with 小芳 in Lishui where it is ten in the morning: in Madrid she sleeps, and is not written to."""
    cast = cast_in(engine)
    with engine.begin() as connection:
        connection.execute(update(Person).where(Person.id == cast.xiaofang.id).values(time_zone="Asia/Shanghai"))
    return cast


@pytest.fixture
def real_redis() -> Iterator[redis.Redis]:
    """A real Redis under a prefix-free database, emptied before and after, of one test at a time."""
    need(redis_missing())
    # All processes of tests have the same database, and each would empty it under another's hands.
    with (Path(tempfile.gettempdir()) / f"wxb-redis-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with redis.Redis.from_url(REDIS) as client:
            client.flushdb()
            yield client
            client.flushdb()


# What several sessions do at once is where the kinds of database differ: each race of the models runs on both. Every
# other test runs on one kind, always the same, and what it calls is called by others on the other kind; so do those of
# rooms and doors, which reach the database through the models alone, unless they are marked `both`. `BOTH=1` asks for
# all on both.
ONCE = tuple(f"tests/{folder}/" for folder in ("stories", "wx_backend", "handlers", "models"))
OPENS = {
    "database_url",
    "databases",
    "engine",
    "open_session",
}  # what a test of the models asks for that needs more than a session


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the other kind of database where one is enough."""
    if os.environ.get("BOTH"):
        return
    kinds: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.nodeid.startswith(ONCE) and _kind(item) in KINDS and not _on_both(item):
            kinds.setdefault(item.nodeid.replace(_kind(item), ""), []).append(item)
    left_out = {
        item for name, same in kinds.items() for item in same
        if len(same) > 1 and _kind(item) != KINDS[zlib.crc32(name.encode()) % len(KINDS)]
    }  # fmt: skip
    config.hook.pytest_deselected(items=list(left_out))
    items[:] = [item for item in items if item not in left_out]


def _on_both(item: pytest.Item) -> bool:
    """Whether a test is about what differs between the kinds."""
    if item.get_closest_marker("both"):
        return True
    asks = set(signature(item.obj).parameters) if isinstance(item, pytest.Function) else set[str]()
    return item.nodeid.startswith("tests/models/") and bool(asks & OPENS)


def _kind(item: pytest.Item) -> str:
    """On which kind of database a test runs; "" where it has none."""
    params = getattr(item, "callspec", None)
    return str(params.params.get("database_url") or params.params.get("kind", "")) if params else ""


def pytest_collection_finish() -> None:
    """What was imported stays: the garbage collector need not look at all of it again and again, nor often at what the
    tests keep for each other."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what the faults measured (their own conftest is not read by the process that says it)."""
    reports = [one for many in terminalreporter.stats.values() for one in many if isinstance(one, pytest.TestReport)]
    figures = [
        line for one in reports if one.when == "teardown" for name, line in one.user_properties if name == "figure"
    ]
    if figures:
        terminalreporter.section("figures of the faults")
        for line in figures:
            terminalreporter.line(line)
