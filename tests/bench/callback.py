"""A real handled message against a bare echo and against the same work written the obvious way."""

import os
import shutil
import statistics
from collections.abc import Iterator
from datetime import time as clock_time
from pathlib import Path

from models.family.slots import venue_for
from models.people.care import CareLink
from models.people.identities import Identity
from models.people.persons import Person
from models.people.staff import StaffRole
from models.places.areas import add_area
from models.places.centres import OpeningHours, Room, ServiceCentre, Station, Zone
from tests.bench.figure import Figure
from tests.bench.load import LUA, line, served, text, wrk
from tests.world import REDIS, Databases
from wx_backend import migrations
from wx_backend.config import EXAMPLE, load_config
from wx_backend.database import make_engine, session_factory
from wx_backend.now import real_now

ROUNDS, SECONDS = 5, 3.0
MESSAGES, PEOPLE, PAIRS = 60_000, 200, 1_500


def _filled(url: str, app_id: str) -> list[tuple[str, int, int]]:
    """People who write, and pairs with a centre each who may book; answers (openid, cared id, stamp)."""
    engine, now, pairs = make_engine(url), real_now(), []
    migrations.upgrade(engine)
    with session_factory(engine)() as session, session.begin():
        county = add_area(session, code="C", name="县", kind="county")
        for n in range(PEOPLE):
            person = Person(name=f"居民{n}", area_id=county.id, created_at=now)
            session.add(person)
            session.flush()
            session.add(Identity(app_id=app_id, openid=f"o-bench-{n}", person_id=person.id, since=now))
        for n in range(PAIRS):
            village = add_area(session, code=f"V{n}", name=f"村{n}", kind="village", parent=county)
            people = [Person(name=name, area_id=village.id, created_at=now) for name in ("女儿", "奶奶", "站长")]
            centre = ServiceCentre(code=f"C{n}", name=f"中心{n}", area_id=village.id, phone="0578-1")
            session.add_all([*people, centre])
            session.flush()
            relative, cared, cadre = people
            session.add(Identity(app_id=app_id, openid=f"o-pair-{n}", person_id=relative.id, since=now))
            session.add(CareLink(relative_id=relative.id, cared_id=cared.id, kinship="女儿", state="confirmed",
                                 asked_at=now))  # fmt: skip
            session.add(StaffRole(person_id=cadre.id, role="station_cadre", area_id=village.id, since=now))
            session.add_all(
                OpeningHours(centre_id=centre.id, weekday=day, opens=clock_time(8, 0), closes=clock_time(18, 0),
                             on_holidays=True) for day in range(1, 8)
            )  # fmt: skip
            zone = Zone(centre_id=centre.id, kind="leisure_social")
            session.add(zone)
            session.flush()
            room = Room(zone_id=zone.id, name="室")
            session.add(room)
            session.flush()
            session.add(Station(room_id=room.id, name="屏", kind="video_call"))
            session.flush()
            assert venue_for(session, cared)
            pairs.append((f"o-pair-{n}", cared.id, 0))
    engine.dispose()
    day_start = real_now().replace(hour=2, minute=0, second=0, microsecond=0)
    stamp = int(day_start.timestamp()) // 60 + 3 * 1440  # ten o'clock in China, three days ahead
    return [(openid, cared, stamp) for openid, cared, _ in pairs]


def _written(path: Path, lines: Iterator[str]) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def run(folder: Path) -> list[Figure]:
    """All figures of the callback; needs wrk, PostgreSQL and Redis."""
    config = load_config(EXAMPLE)
    databases = Databases(folder)
    script = folder / "post.lua"
    script.write_text(LUA)
    figures: list[Figure] = []
    try:
        for kind in ("postgresql", "sqlite"):
            with databases.fresh_empty(kind) as url:
                figures += _compared(kind, url, config, folder, script)
    finally:
        databases.close()
        shutil.rmtree(folder, ignore_errors=True)
    return figures


def _compared(kind: str, url: str, config, folder: Path, script: Path) -> list[Figure]:
    pairs = _filled(url, config.wechat.official_account.app_id)
    messages = _written(
        folder / "messages.txt", (line(config, text(f"o-bench-{n % PEOPLE}", "菜单")) for n in range(MESSAGES))
    )
    environ = {**os.environ, "BENCH_CONFIG": str(EXAMPLE), "BENCH_REDIS": REDIS, "WX_BACKEND_DATABASE__URL": url}
    names = ["echo", "ours", "obvious"] if kind == "postgresql" else ["echo", "ours"]
    speed: dict[str, list[float]] = {name: [] for name in names}
    late: dict[str, list[float]] = {name: [] for name in names}
    # Ours and the obvious way share a database: each has its own part of the messages, none twice.
    at = {"echo": 0, "ours": 0, "obvious": MESSAGES // 2}
    with served("echo", environ) as (echo, _), served("ours", environ) as (ours, _), served("obvious", environ) as (
        obvious, _,
    ):  # fmt: skip
        urls = {"echo": echo, "ours": ours, "obvious": obvious}
        for name in names:
            per_second, *_ = wrk(urls[name], messages, at[name], 1.0, script)
            at[name] += int(per_second * 1.2) + 50
        for _ in range(ROUNDS):
            for name in names:
                per_second, _, p99, errors = wrk(urls[name], messages, at[name], SECONDS, script)
                assert not errors, f"{name}: {errors} errors"
                speed[name].append(per_second)
                late[name].append(p99)
                at[name] += int(per_second * SECONDS * 1.05) + 50
        figures = _ratios(kind, names, speed, late)
        if kind == "postgresql":
            figures.append(_booking(config, pairs, ours, folder, script, statistics.median(speed["echo"])))
    if kind == "postgresql":
        figures.append(_memory(config, environ, messages, script))
    return figures


def _ratios(kind: str, names: list[str], speed: dict[str, list[float]], late: dict[str, list[float]]) -> list[Figure]:
    pairs = list(zip(speed["ours"], speed["echo"], strict=True))
    goal = 0.30 if kind == "postgresql" else 0.25
    figures = [
        Figure(f"{kind}: handled message / bare wechatpy echo", tuple(a / b for a, b in pairs), "ratio", goal),
        Figure(f"{kind}: p99 at 16 in flight", tuple(late["ours"]), "ms",
               50 if kind == "postgresql" else None, at_most=True),
        Figure(f"{kind}: handled messages", tuple(speed["ours"]), "per second"),
        Figure(f"{kind}: bare wechatpy echo", tuple(speed["echo"]), "per second"),
    ]  # fmt: skip
    if "obvious" in names:
        ratios = tuple(a / b for a, b in zip(speed["ours"], speed["obvious"], strict=True))
        figures.append(Figure("postgresql: handled message / the obvious way", ratios, "ratio", 1.5))
    return figures


def _booking(config, pairs: list[tuple[str, int, int]], url: str, folder: Path, script: Path, echo: float) -> Figure:
    """A real booking: cells, reminders, task and letters in one message; every message is another family's."""
    lines = (
        line(config, text(openid, "确认预约", bizmsgmenuid=f"call/book/{cared}/{stamp}/bench{n:08d}"))
        for n, (openid, cared, stamp) in enumerate(pairs)
    )
    bookings = _written(folder / "bookings.txt", lines)
    per_second, *_ = wrk(url, bookings, 0, 4.0, script)
    assert per_second * 4 < PAIRS, "the bench ran out of families: some bookings were repeats"
    return Figure("postgresql: a real booking / bare wechatpy echo", (per_second / echo,), "ratio")


def _memory(config, environ: dict[str, str], messages: Path, script: Path) -> Figure:
    """The memory of one web process after 20,000 messages, against after the first 4,000."""
    with served("ours", environ, workers=1) as (url, master):
        start = 0
        done, first = 0, 0
        while done < 24_000:
            per_second, *_ = wrk(url, messages, start, 2.0, script)
            done += int(per_second * 2)
            start += int(per_second * 2)
            worker = master.children()[0]
            if done >= 4_000 and not first:
                first = worker.memory_info().rss
        last = worker.memory_info().rss
    return Figure("memory of a web process after 20,000 messages / before", (last / first,), "ratio", 1.05, at_most=True)
