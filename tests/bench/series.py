"""The rows of ten thousand series made at once, by one clock and by two, and again when nothing is left to do."""

import random
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from datetime import time as clock_time
from pathlib import Path

from sqlalchemy import Engine, func, insert, select, text, update

from models.family.generating import AHEAD, generate
from models.family.occurrences import Occurrence
from models.family.recurring import read
from models.family.series import Series
from models.hours import CHINA
from models.people.persons import Person
from tests.bench.figure import Figure
from tests.world import NOW, Databases, disposing
from wx_backend.database import SessionFactory, make_engine, session_factory

SERIES, PEOPLE, ROUNDS = 10_000, 2_000, 3
RULES = (
    "week-1-7", "week-1-6", "week-1-3", "week-2-5", "month-1-31", "nth-5-5", "lunar-1-15", "birthday-8-15", "feast-all",
)  # fmt: skip
TODAY = NOW.astimezone(CHINA).date()


def run(folder: Path, rounds: int = ROUNDS, size: int = SERIES) -> list[Figure]:
    """How long the generator takes over all series, as one clock and as two; duplicates and gaps are an error."""
    databases = Databases(folder)
    try:
        with databases.fresh("postgresql") as url, disposing(make_engine(url, pool_size=8)) as engine:
            _people(engine)
            alone = [_round(engine, size, clocks=1) for _ in range(rounds)]
            two = [_round(engine, size, clocks=2) for _ in range(rounds)]
            return [
                Figure(f"the rows of {size:,} series, two clocks at once", tuple(two), "s", 10.0, True),
                Figure(f"the rows of {size:,} series, one clock", tuple(alone), "s", 10.0, True),
            ]
    finally:
        databases.close()
        shutil.rmtree(folder, ignore_errors=True)


def _round(engine: Engine, size: int, clocks: int) -> float:
    """One run from nothing, timed, then a second that must find nothing to do; what stands is counted."""
    _series(engine, size)
    open_session = session_factory(engine)
    began = time.perf_counter()
    _all(open_session, clocks)
    took = time.perf_counter() - began
    _check(engine)
    before = _count(engine)
    with engine.begin() as connection:  # as after a crash that lost the cursor: the rows stand, and stay as they are
        connection.execute(update(Series).values(scheduled_through=TODAY))
    _all(open_session, clocks)
    assert _count(engine) == before, "a second run made rows again"
    return took


def _all(open_session: SessionFactory, clocks: int) -> None:
    with ThreadPoolExecutor(clocks) as pool:
        list(pool.map(lambda _: _until_done(open_session), range(clocks)))


def _until_done(open_session: SessionFactory) -> None:
    while True:
        with open_session() as session, session.begin():
            if not generate(session, NOW):
                return


def _count(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(Occurrence)).scalar_one()


def _check(engine: Engine) -> None:
    """Every series has exactly the days of its rule, through the horizon."""
    wanted = {code: list(read(code).days(TODAY, TODAY + timedelta(days=1), TODAY + AHEAD)) for code in RULES}
    with engine.connect() as connection:
        found: dict[int, list[date]] = {}
        for key, day in connection.execute(select(Occurrence.series_id, Occurrence.day).order_by(Occurrence.day)):
            found.setdefault(key, []).append(day)
        for key, code, through in connection.execute(select(Series.id, Series.rule, Series.scheduled_through)):
            assert found.get(key, []) == wanted[code], f"series {key}: {code}"
            assert through == TODAY + AHEAD


def _people(engine: Engine) -> None:
    with engine.begin() as connection:
        people = [{"name": f"居民{n}", "created_at": NOW} for n in range(PEOPLE)]
        connection.execute(insert(Person.__table__), people)


def _series(engine: Engine, size: int) -> None:
    """Series of every kind, none of which has a row yet."""
    dice = random.Random(1)
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE series, occurrences"))
        keys = connection.execute(select(Person.id).order_by(Person.id)).scalars().all()
        rows = [
            {"client_key": f"k{n}", "relative_id": keys[n % PEOPLE], "cared_id": dice.choice(keys),
             "rule": RULES[n % len(RULES)], "at": clock_time(9 + n // PEOPLE, 30 * (n % 2)), "zone": CHINA.key,
             "anchor": TODAY, "first_day": TODAY + timedelta(days=1), "scheduled_through": TODAY,
             "created_by_id": keys[0], "created_at": NOW}
            for n in range(size)
        ]  # fmt: skip
        connection.execute(insert(Series.__table__), rows)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
