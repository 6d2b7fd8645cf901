"""A real handled message against a bare echo and against the same work written the obvious way."""

import os
import shutil
import statistics
from contextlib import ExitStack
from datetime import time as clock_time
from pathlib import Path

from sqlalchemy import func, select

from handlers import words
from models.base import Base
from models.family.calls import FamilyCall
from models.family.venues import venue_for
from models.messages.inbox import Inbox
from models.people.care import CareLink
from models.people.identities import Identity
from models.people.persons import Person
from models.people.staff import StaffRole
from models.places.areas import add_area
from models.places.centres import OpeningHours, Room, ServiceCentre, Station, Zone
from tests.bench.figure import Figure, each
from tests.bench.load import LUA, Feed, Run, line, said, served, text
from tests.world import REDIS, Databases
from wx_backend import migrations
from wx_backend.config import EXAMPLE, load_config
from wx_backend.database import make_engine, session_factory
from wx_backend.now import real_now

# Many short rounds: how sixteen connections fall on two workers is luck, drawn anew in each.
ROUNDS, SECONDS = 31, 1.0
PEOPLE, PAIRS = 200, 1_500


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
            assert venue_for(session, relative, cared)
            pairs.append((f"o-pair-{n}", cared.id, 0))
    engine.dispose()
    day_start = real_now().replace(hour=2, minute=0, second=0, microsecond=0)
    stamp = int(day_start.timestamp()) // 60 + 3 * 1440  # ten o'clock in China, three days ahead
    return [(openid, cared, stamp) for openid, cared, _ in pairs]


def run(folder: Path) -> list[Figure]:
    """All figures of the callback; needs wrk, PostgreSQL and Redis."""
    databases = Databases(folder)
    script = folder / "post.lua"
    script.write_text(LUA)
    figures: list[Figure] = []
    try:
        for kind in ("postgresql", "sqlite"):
            with databases.fresh_empty(kind) as url:
                figures += Bench(kind, url, folder, script).figures()
    finally:
        databases.close()
        shutil.rmtree(folder, ignore_errors=True)
    return figures


class Bench:
    """One database with its people, and the servers that stand on it."""

    def __init__(self, kind: str, url: str, folder: Path, script: Path) -> None:
        self.kind, self.url, self.folder, self.script = kind, url, folder, script
        self.config = load_config(EXAMPLE)
        self.pairs = _filled(url, self.config.wechat.official_account.app_id)
        self.names = ["echo", "ours", "obvious"] if kind == "postgresql" else ["echo", "ours"]
        self.environ = {
            **os.environ, "BENCH_CONFIG": str(EXAMPLE), "BENCH_REDIS": REDIS, "WX_BACKEND_DATABASE__URL": url,
        }  # fmt: skip

    def feed(self, name: str, size: int, *, wrap: bool = False) -> Feed:
        """So many messages "菜单" of people the county knows, signed now."""
        lines = (line(self.config, text(f"o-bench-{n % PEOPLE}", "菜单")) for n in range(size))
        return Feed(self.folder / f"{name}.txt", lines, wrap=wrap)

    def kept(self, table: type[Base]) -> int:
        """How many rows a table has."""
        engine = make_engine(self.url)
        with session_factory(engine)() as session:
            found = session.scalar(select(func.count()).select_from(table)) or 0
        engine.dispose()
        return found

    def figures(self) -> list[Figure]:
        """Rounds in turn, so that whatever else the machine does meets all alike."""
        feeds = {
            name: self.feed(name, 20_000 if name == "echo" else 80_000, wrap=name == "echo") for name in self.names
        }
        runs: dict[str, list[Run]] = {name: [] for name in self.names}
        with ExitStack() as stack:
            urls = {name: stack.enter_context(served(name, self.environ))[0] for name in self.names}
            for name, url in urls.items():
                assert ("菜单" if name == "echo" else words.MENU_TEXT) in said(url, self.config), name
            before = self.kept(Inbox)
            warm = [feeds[name].run(urls[name], 1.0, self.script) for name in self.names]
            for _ in range(ROUNDS):
                for name in self.names:
                    runs[name].append(feeds[name].run(urls[name], SECONDS, self.script))
            done = [run for name in self.names[1:] for run in runs[name]] + warm[1:]
            assert not sum(run.errors for all_ in runs.values() for run in all_), "some requests failed"
            # Every answer was kept: nothing here was a duplicate or a shortcut.
            assert 0 <= self.kept(Inbox) - before - sum(run.count for run in done) <= 64 * len(done)
            figures = self._ratios(runs)
            if self.kind == "postgresql":
                figures.append(self._booking(urls["ours"], statistics.median(r.per_second for r in runs["echo"])))
        return [*figures, self._memory()] if self.kind == "postgresql" else figures

    def _ratios(self, runs: dict[str, list[Run]]) -> list[Figure]:
        speed = {name: [run.per_second for run in found] for name, found in runs.items()}
        goal, patience = (0.30, 50.0) if self.kind == "postgresql" else (0.25, None)
        late = tuple(run.p99 for run in runs["ours"])
        figures = [
            _ratio(f"{self.kind}: handled message / bare wechatpy echo", speed, "echo", goal),
            Figure(f"{self.kind}: p99 at 16 in flight", late, "ms", patience, at_most=True),
            Figure(f"{self.kind}: handled messages", tuple(speed["ours"]), "per second"),
            Figure(f"{self.kind}: bare wechatpy echo", tuple(speed["echo"]), "per second"),
        ]
        if "obvious" in runs:
            figures.append(_ratio(f"{self.kind}: handled message / the obvious way", speed, "obvious", 1.5))
        return figures

    def _booking(self, url: str, echo: float) -> Figure:
        """A real booking: cells, reminders, task and letters in one message; every message is another family's."""
        lines = (
            line(self.config, text(openid, "确认预约", bizmsgmenuid=f"call/book/{cared}/{stamp}/bench{n:08d}"))
            for n, (openid, cared, stamp) in enumerate(self.pairs)
        )
        booked = Feed(self.folder / "bookings.txt", lines).run(url, 4.0, self.script)
        assert self.kept(FamilyCall) >= booked.count, "some bookings were refused"
        return Figure(f"{self.kind}: a real booking / bare wechatpy echo", (booked.per_second / echo,), "ratio")

    def _memory(self) -> Figure:
        """The memory of one web process after 20,000 more messages, against after the first 4,000."""
        feed, first, done = self.feed("memory", 40_000), 0, 0
        with served("ours", self.environ, workers=1) as (url, master):
            while done < 24_000:
                done += feed.run(url, 2.0, self.script).count
                now = master.children()[0].memory_info().rss
                first = first or (now if done >= 4_000 else 0)
        name = "memory of a web process after 20,000 messages / before"
        return Figure(name, (now / first,), "ratio", 1.05, at_most=True)


def _ratio(name: str, speed: dict[str, list[float]], other: str, goal: float) -> Figure:
    """Ours against another: all rounds together, which varies less from run to run than the median of the ratios."""
    together = sum(speed["ours"]) / sum(speed[other])
    return Figure(name, each(speed, "ours", other), "ratio", goal, of_all=together)
