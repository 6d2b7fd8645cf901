"""When a call can be, thirty days ahead, in a county whose 237 centres are half booked."""

import random
import shutil
import statistics
import time
from datetime import datetime, timedelta
from datetime import time as clock
from pathlib import Path

from sqlalchemy import Engine, insert, text

from models.family.routines import Routine
from models.family.slots import HORIZON_DAYS, free_slots
from models.hours import CHINA
from models.people.care import CareLink
from models.people.persons import Person
from models.people.staff import StaffRole
from models.places.areas import Area
from models.places.cells import CELL, Cell
from models.places.centres import OpeningHours, Room, ServiceCentre, Station, Zone
from tests.bench.figure import Figure
from tests.world import Databases, disposing
from wx_backend import migrations
from wx_backend.database import make_engine, session_factory
from wx_backend.now import real_now

CENTRES, STATIONS, HELPERS, FAMILIES = 237, 2, 2, 4
LOOKS, ROUNDS = 200, 5
ZONES = ("Europe/Madrid", "Europe/Rome", "America/New_York", "Asia/Shanghai")


def run(folder: Path, rounds: int = ROUNDS) -> list[Figure]:
    """How long one family's search takes; needs PostgreSQL."""
    databases = Databases(folder)
    try:
        with databases.fresh_empty("postgresql") as url, disposing(make_engine(url)) as engine:
            first_day = real_now().astimezone(CHINA).replace(hour=0, minute=0, second=0, microsecond=0)
            _county(engine, first_day)
            _look(engine, first_day, rounds)  # caches and statements are warm
            slow = [_look(engine, first_day, number) for number in range(rounds)]
            return [
                Figure("slots of 30 days in a county of 237 centres, p95", tuple(p95 for p95, _ in slow), "ms", 50.0,
                       at_most=True),
                Figure("slots of 30 days in a county of 237 centres, median", tuple(mid for _, mid in slow), "ms"),
            ]  # fmt: skip
    finally:
        databases.close()
        shutil.rmtree(folder, ignore_errors=True)


def _look(engine: Engine, first_day: datetime, number: int) -> tuple[float, float]:
    """The 95th percentile and the median of many searches of families by chance, in milliseconds."""
    dice, took = random.Random(number), list[float]()
    open_session = session_factory(engine)
    for _ in range(LOOKS):
        elder = dice.randrange(CENTRES * FAMILIES) * 2 + 1
        with open_session() as session:
            began = time.perf_counter()
            relative, cared = session.get_one(Person, elder + 1), session.get_one(Person, elder)
            found = free_slots(session, relative, cared, first_day=first_day.date(), days=HORIZON_DAYS, now=first_day)
            took.append((time.perf_counter() - began) * 1000)
        assert 100 < len(found) < HORIZON_DAYS * 18
    return statistics.quantiles(took, n=20)[-1], statistics.median(took)


def _county(engine: Engine, first_day: datetime) -> None:
    """237 villages, each with its centre, two screens, two cadres and some families; half of all time is taken."""
    migrations.upgrade(engine)
    now, centres = real_now(), range(1, CENTRES + 1)
    families = CENTRES * FAMILIES
    people = [
        {"name": f"甲{n}", "created_at": now, "area_id": (n // 2) % CENTRES + 2,
         "time_zone": ZONES[n % 4] if n % 2 else "Asia/Shanghai"}
        for n in range(2 * families)
    ]  # fmt: skip
    helpers = [
        {"name": f"乙{n}", "created_at": now, "area_id": n % CENTRES + 2, "time_zone": "Asia/Shanghai"}
        for n in range(HELPERS * CENTRES)
    ]
    villages = [{"code": f"V{n}", "name": f"村{n}", "kind": "village", "path": f"/1/{n + 1}/", "parent_id": 1}
                for n in centres]  # fmt: skip
    hours = [{"centre_id": c, "weekday": day, "opens": clock(8, 30), "closes": clock(17), "on_holidays": True}
             for c in centres for day in range(1, 8)]  # fmt: skip
    rows = (
        (Area, [{"code": "1", "name": "县", "kind": "county", "path": "/1/", "parent_id": None}, *villages]),
        (ServiceCentre, [{"code": f"C{n}", "name": f"中心{n}", "area_id": n + 1} for n in centres]),
        (OpeningHours, hours),
        (Zone, [{"centre_id": n, "kind": "leisure_social"} for n in centres]),
        (Room, [{"zone_id": n, "name": "连线室"} for n in centres]),
        (Station, [{"room_id": n, "name": f"{s}号", "kind": "video_call"} for n in centres for s in range(STATIONS)]),
        (Person, [*people, *helpers]),
        (StaffRole, [{"person_id": 2 * families + n + 1, "role": "station_cadre", "area_id": n % CENTRES + 2,
                      "since": now} for n in range(HELPERS * CENTRES)]),
        (CareLink, [{"relative_id": 2 * n + 2, "cared_id": 2 * n + 1, "kinship": "女儿", "state": "confirmed",
                     "asked_at": now} for n in range(families)]),
        (Routine, [{"person_id": 2 * n + 2, "kind": "work", "begins": clock(9), "ends": clock(17),
                    "weekdays": "12345"} for n in range(families)]),
        (Cell, _half_taken(first_day, families)),
    )  # fmt: skip
    with engine.begin() as connection:
        for table, made in rows:
            for start in range(0, len(made), 10_000):
                connection.execute(insert(table.__table__), made[start : start + 10_000])
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _half_taken(first_day: datetime, families: int) -> list[dict[str, object]]:
    """The cells of thirty days: every second half-hour of screens and cadres, a cadre now and then elsewhere."""
    dice, found = random.Random(1), list[dict[str, object]]()
    names = {f"station:{n + 1}": n // STATIONS + 2 for n in range(CENTRES * STATIONS)}
    names |= {f"person:{2 * families + n + 1}": n % CENTRES + 2 for n in range(HELPERS * CENTRES)}
    for name, village in names.items():
        for day in range(HORIZON_DAYS):
            opens = first_day + timedelta(days=day, hours=8, minutes=30)
            for half in range(17):
                if dice.random() >= 0.5:
                    continue
                away = name.startswith("person") and dice.random() < 0.05
                where = village % CENTRES + 2 if away else village  # in the next village
                for quarter in range(2):
                    start = opens + (2 * half + quarter) * CELL
                    found.append({"resource_id": name, "cell_start": start, "held_by": f"call:{len(found) // 2}",
                                  "area_id": where})  # fmt: skip
    return found
