"""Three processes on one machine: the sandbox, the web and the clock, started, watched and stopped together."""

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from itertools import count as counted
from pathlib import Path
from time import sleep
from typing import Any

import urllib3
from sqlalchemy import select

from models.hours import CHINA
from models.people import accounts, passwords
from models.people.persons import Person
from wx_backend import migrations
from wx_backend.config import Config, load_config
from wx_backend.database import make_engine, session_factory
from wx_backend.demo.cast import COUNTY, DESK_PERSON, DESK_USER
from wx_backend.hands import make_clients, make_clock
from wx_backend.load import NotLoaded, load_county
from wx_backend.now import monotonic, real_now
from wx_backend.redis import connect
from wx_backend.safety import refuse_outside
from wx_backend.wechat import menu as account_menu

DAY_FROM, DAY_TO = time(15, 30), time(20, 30)  # in Lishui; in Madrid it is then between 8:30 and 14:30
# Where the next look for a free port begins: processes that were started one after the other do not meet.
_LOOKED_AT = counted(os.getpid() * 97)
# Hidden from help: only the demo may run with a movable clock.
DEMO_FLAG = {"serve": ("--demo",), "clock": ("--demo",)}


class NotReady(Exception):
    """A part of the stage did not come up; the message says which, and what it said."""


@dataclass
class Stage:
    """The running parts of one demo."""

    config: Config
    file: Path
    environ: dict[str, str]
    parts: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    http: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(timeout=20.0, retries=False))

    @property
    def sandbox_url(self) -> str:
        """Where the phones are."""
        return f"http://{self.config.sandbox.bind}"

    def prepare(self) -> None:
        """Bring the database up to date and load the county; doing it twice is doing it once."""
        path = self.config.database.url.removeprefix("sqlite:///")
        if path != self.config.database.url:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        engine = make_engine(self.config.database.url)
        migrations.upgrade(engine)
        app_id = self.config.wechat.official_account.app_id
        with session_factory(engine)() as session:
            try:
                load_county(session, COUNTY, app_id=app_id, now=real_now())
                session.commit()
            except NotLoaded:
                session.rollback()
                if session.scalar(select(Person.id).limit(1)) is None:
                    raise
                # It is there, and somebody has changed since what the file says: a role that was ended, say.
        engine.dispose()

    def open_desk(self) -> tuple[str, str]:
        """An account at the staff desk for 李站长, its password made anew each time; answers username and password."""
        password, engine = passwords.made_up(), make_engine(self.config.database.url)
        with session_factory(engine)() as session, session.begin():
            account, now = accounts.account_named(session, DESK_USER), make_clock(self.config)()
            if account is None:
                cadre = session.scalars(select(Person).where(Person.code == DESK_PERSON)).one()
                accounts.add(
                    session, username=DESK_USER, person=cadre, password=password, must_change=False, now=now
                )  # fmt: skip
            else:
                accounts.set_password(session, account, password, must_change=False, now=now)
        engine.dispose()
        return DESK_USER, password

    def start(self, part: str) -> None:
        """Start one part as a process of its own."""
        command = [sys.executable, "-m", "wx_backend.cli", "--config", str(self.file), part, *DEMO_FLAG.get(part, ())]
        self.parts[part] = subprocess.Popen(command, env=self.environ)

    def up(self, seconds: float = 60.0) -> None:
        """Start everything, by day, and wait until it answers; raises NotReady."""
        self.start("sandbox")
        self._wait(f"{self.sandbox_url}/_sandbox/clock", "sandbox", seconds)
        ahead = until_day(real_now()).total_seconds()
        self.http.request("POST", f"{self.sandbox_url}/_sandbox/clock", json={"advance_seconds": ahead})
        self.start("serve")
        self._wait(f"http://{self.config.app.bind}/readyz", "serve", seconds)
        self.start("clock")

    def _wait(self, url: str, part: str, seconds: float) -> None:
        ends = monotonic() + seconds
        while monotonic() < ends:
            if self.parts[part].poll() is not None:
                raise NotReady(f"{part} stopped at once; what it said stands above (is its port taken?)")
            try:
                if self.http.request("GET", url).status == 200:
                    return
            except urllib3.exceptions.HTTPError:
                sleep(0.05)
        raise NotReady(f"{part} does not answer at {url} after {seconds:.0f} s")

    def push_menu(self, doors: Any) -> None:
        """Put the menu bar on the account, as `menu push` does."""
        clients = make_clients(self.config, connect("memory://"))
        ours = account_menu.built(doors, self.config.app.public_url)
        account_menu.push(clients[self.config.wechat.official_account.app_id], ours)

    def kill(self, part: str) -> None:
        """End a part as a power cut would."""
        self.parts[part].kill()
        self.parts[part].wait()

    def down(self) -> None:
        """Stop everything, kindly first."""
        for process in self.parts.values():
            if process.poll() is None:
                process.terminate()
        for process in self.parts.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()


def until_day(now: datetime) -> timedelta:
    """How far to move the demo's clock on, so that it is day in Lishui and in Madrid: at night most letters wait."""
    local = now.astimezone(CHINA)
    if DAY_FROM <= local.time() < DAY_TO:
        return timedelta()
    return datetime.combine(local.date() + timedelta(days=local.time() >= DAY_TO), DAY_FROM, CHINA) - local


def demo_environ(clock_file: Path, **overrides: str) -> dict[str, str]:
    """The environment of the demo's processes: this one's, and the movable clock that only the demo has."""
    return {
        **os.environ, **overrides, "WX_BACKEND_SANDBOX__CLOCK_FILE": str(clock_file),
        "PYTHONUNBUFFERED": "1",
    }  # fmt: skip


@contextmanager
def aside() -> Iterator[Path]:
    """A folder that is gone afterwards, for a story that must not touch the demo's own data."""
    with tempfile.TemporaryDirectory(prefix="wx-backend-story-") as folder:
        yield Path(folder)


def free_ports(count: int) -> list[int]:
    """Loopback ports that nobody listens on right now, and that the system gives to nobody who asks it for any.

    Whoever wants them binds them later: one that the system hands out could be another's by then. Processes that look
    at the same time begin at places of their own, and none is answered twice until all have had their turn.
    """
    ports: list[int] = []
    among = _not_handed_out()
    for _ in among:
        port = among[next(_LOOKED_AT) % len(among)]
        with socket.socket() as holder, suppress(OSError):
            holder.bind(("127.0.0.1", port))
            ports.append(port)
        if len(ports) == count:
            return ports
    raise OSError("no port is free")


def _not_handed_out() -> range:
    """Ports below those from which the system chooses by itself; where it chooses from nearly all, some of them."""
    try:
        first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    except OSError:
        first = 32_768
    return range(20_000, first if first > 21_000 else 32_768)


def stage_aside(file: Path, folder: Path, **overrides: str) -> Stage:
    """A stage on free ports with its data in `folder`, for a story that must not touch the demo's own.

    Raises ConfigError when the file itself is not one for this machine: its secrets are real then.
    """
    refuse_outside(load_config(file))
    web, sandbox = free_ports(2)
    environ = demo_environ(
        folder / "clock.json",
        **{
            "WX_BACKEND_APP__BIND": f"127.0.0.1:{web}",
            "WX_BACKEND_APP__PUBLIC_URL": f"http://127.0.0.1:{web}",
            "WX_BACKEND_SANDBOX__BIND": f"127.0.0.1:{sandbox}",
            "WX_BACKEND_WECHAT__API_BASE_URL": f"http://127.0.0.1:{sandbox}",
            "WX_BACKEND_DATABASE__URL": f"sqlite:///{folder}/story.db",
            "WX_BACKEND_REDIS__URL": "memory://",
            **overrides,
        },
    )
    return Stage(load_config(file, environ), file, environ)
