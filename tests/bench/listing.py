"""The list of a centre in a whole county: 237 centres with 60 services each, and a hundred thousand orders."""

import random
import shutil
import statistics
import time
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine, insert, text

from models.ordering.listings import CATEGORIES, CentreTerms, Listing, offered
from models.ordering.orders import Order
from models.ordering.tallies import Tally, place_key, places_left
from models.people.persons import Person
from models.places.areas import Area
from models.places.centres import ServiceCentre
from tests.bench.figure import Figure
from tests.world import Databases, disposing
from wx_backend import migrations
from wx_backend.database import make_engine, session_factory
from wx_backend.now import real_now

CENTRES, SERVICES, ORDERS, PEOPLE = 237, 60, 100_000, 20_000
OWN = 5  # services that a centre has for itself, beside the county's that it offers
LOOKS, ROUNDS = 200, 5


def run(folder: Path, rounds: int = ROUNDS) -> list[Figure]:
    """How long it takes to read a centre's list with the places left of a day; needs PostgreSQL."""
    databases = Databases(folder)
    try:
        with databases.fresh_empty("postgresql") as url, disposing(make_engine(url)) as engine:
            _county(engine)
            slow = [_look(engine, number) for number in range(rounds)]
            return [
                Figure("a centre's list of 65 with places left, p95", tuple(p95 for p95, _ in slow), "ms", 50.0, True),
                Figure("a centre's list of 65 with places left, median", tuple(mid for _, mid in slow), "ms"),
            ]
    finally:
        databases.close()
        shutil.rmtree(folder, ignore_errors=True)


def _look(engine: Engine, number: int) -> tuple[float, float]:
    """The 95th percentile and the median of many looks at centres by chance, in milliseconds."""
    dice, took = random.Random(number), list[float]()
    open_session, now = session_factory(engine), real_now()
    for _ in range(LOOKS):
        key = dice.randint(1, CENTRES)
        began = time.perf_counter()
        with open_session() as session:
            found = offered(session, session.get_one(ServiceCentre, key), now)
            places_left(session, found, now + timedelta(days=1))
        took.append((time.perf_counter() - began) * 1000)
        assert len(found) == SERVICES + OWN, len(found)
    return statistics.quantiles(took, n=20)[-1], statistics.median(took)


def _county(engine: Engine) -> None:
    """The whole county, in bulk."""
    migrations.upgrade(engine)
    now, day = real_now(), real_now() + timedelta(days=1)
    questions = [{"code": "n", "datatype": "number", "description": "要几份？", "required": True}]
    own = [(1, n) for n in range(SERVICES)] + [(centre, n) for centre in range(1, CENTRES + 1) for n in range(OWN)]
    listings = [
        {"id": key, "code": f"L{key}", "centre_id": centre, "category": CATEGORIES[n % 10], "mode": "at_home",
         "title": f"第{key}项服务", "questions": questions, "rules": [], "capacity": 30, "state": "published",
         "created_at": now}
        for key, (centre, n) in enumerate(own, start=1)
    ]  # fmt: skip
    taken_on = [{"centre_id": c, "listing_id": n} for c in range(2, CENTRES + 1) for n in range(1, SERVICES + 1)]
    dice = random.Random(1)
    orders = [
        {"number": f"{n:08}", "client_key": f"k{n}", "listing_id": dice.randint(1, SERVICES), "area_id": 1,
         "centre_id": dice.randint(1, CENTRES), "requested_by_id": n % PEOPLE + 1, "beneficiary_id": n % PEOPLE + 1,
         "answers": {}, "preferred_at": now + timedelta(days=n % 60 - 30), "created_at": now}
        for n in range(ORDERS)
    ]  # fmt: skip
    with engine.begin() as connection:
        connection.execute(insert(Area.__table__), [{"code": "1", "name": "县", "kind": "county", "path": "/1/"}])
        centres = [{"code": f"C{n}", "name": f"第{n}中心", "area_id": 1} for n in range(1, CENTRES + 1)]
        connection.execute(insert(ServiceCentre.__table__), centres)
        connection.execute(insert(Person.__table__), [{"name": f"居民{n}", "created_at": now} for n in range(PEOPLE)])
        for table, rows in ((Listing, listings), (CentreTerms, taken_on), (Order, orders)):
            for start in range(0, len(rows), 10_000):
                connection.execute(insert(table.__table__), rows[start : start + 10_000])
    with session_factory(engine)() as session, session.begin():
        for key in range(1, CENTRES + 1, 2):
            offers = offered(session, session.get_one(ServiceCentre, key), now)
            session.add_all(Tally(key=place_key(one, day), taken=7) for one in offers)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
