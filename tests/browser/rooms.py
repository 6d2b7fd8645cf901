"""Two sides of a family call for browser tests: web processes of their own, a relay, and phones with a fake camera."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import urllib3
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, TimeoutError
from sqlalchemy import Engine

from models.family.calls import FamilyCall
from models.family.ending import cancel
from models.family.guests import CallGuest
from models.family.passes import give_pass, open_screen
from models.family.presence import log_of
from models.people.care import CareLink
from models.people.persons import Person
from tests.cast import Cast, settle
from tests.conftest import need
from tests.world import NOW
from wx_backend.config import EXAMPLE
from wx_backend.database import SessionFactory, make_engine, session_factory
from wx_backend.demo.stage import free_ports
from wx_backend.now import real_now

PHONE, SCREEN = {"width": 390, "height": 844}, {"width": 1280, "height": 800}
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--mute-audio"]  # fmt: skip
# Few pictures a second: two cores draw, send and show those of three people.
CAMERA = [
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream=fps=8",
]  # few frames: two cores draw, send and show three of them
LOOPBACK = ["--allow-loopback-in-peer-connection"]  # else no candidate of 127.0.0.1 is gathered at all

# How many frames of the others have been shown, at least, of how many others.
FRAMES = (
    "(wanted) => { const all = [...document.querySelectorAll('#others .other:not(.voice) video')];"
    " return all.length >= wanted"
    " && all.every(v => v.videoWidth > 0 && v.getVideoPlaybackQuality().totalVideoFrames > 10) }"
)

STANDING = (Path(__file__).parent / "standing.js").read_text(encoding="utf-8")


def chromium(playwright: Playwright, *more: str) -> Browser:
    """A Chromium of its own."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    need(None if path else "no Chromium on this machine")
    return playwright.chromium.launch(executable_path=path, args=[*FLAGS, *LOOPBACK, *more])


@dataclass
class House:
    """Web processes on one database, with a call that has just begun."""

    engine: Engine
    open_session: SessionFactory
    cast: Cast
    ports: list[int]
    parts: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def call(self, late: timedelta = timedelta()) -> int:
        """A call of 小芳 with her mother that began now, or `late` ago; the one before is over."""
        now, cast = real_now(), self.cast
        with self.open_session() as session, session.begin():
            for old in session.query(FamilyCall).filter(FamilyCall.state.in_(("booked", "checked_in", "in_call"))):
                old.state = "completed"
            call = FamilyCall(
                client_key=os.urandom(8).hex(), relative_id=cast.xiaofang.id, cared_id=cast.wangnainai.id,
                centre_id=cast.centre.id, station_id=cast.stations[0].id, helper_id=cast.li.id, starts_at=now - late,
                ends_at=now - late + timedelta(minutes=30), created_at=now,
            )  # fmt: skip
            session.add(call)
            session.flush()
            return call.id

    def sister(self, call: int, number: int) -> Person:
        """One more relative, on this call as a guest."""
        with self.open_session() as session, session.begin():
            made = Person(name=f"小{'美丽'[number]}", time_zone="Europe/Rome", created_at=NOW, away=True)
            session.add(made)
            session.flush()
            session.add(CareLink(relative_id=made.id, cared_id=self.cast.wangnainai.id, kinship="女儿",
                                 state="confirmed", asked_at=NOW))  # fmt: skip
            session.add(CallGuest(call_id=call, person_id=made.id, invited_by_id=self.cast.xiaofang.id, joined_at=NOW))
            return made

    def away(self, call: int, person: Person | None = None, at: int = 0) -> str:
        """A link for a relative."""
        with self.open_session() as session, session.begin():
            who = self.cast.who(self.cast.xiaofang)
            if person is not None:
                who = type(who)(person.id, 0, "", "UTC", "", "")
            return self.link(give_pass(session, who, call, real_now()), at)

    def home(self, call: int, at: int = -1) -> str:
        """A link for the centre's screen."""
        with self.open_session() as session, session.begin():
            return self.link(open_screen(session, self.cast.who(self.cast.li), call, real_now()), at)

    def link(self, secret: str, at: int = 0) -> str:
        """Where a pass is handed in."""
        return f"http://127.0.0.1:{self.ports[at]}/video/{secret}"

    def cancels(self, call: int) -> None:
        """小芳 cancels."""
        with self.open_session() as session, session.begin():
            cancel(session, self.cast.who(self.cast.xiaofang), call, "临时有事", real_now())

    def state(self, call: int) -> str:
        """How the call stands."""
        with self.open_session() as session:
            return session.get_one(FamilyCall, call).state

    def seats(self, call: int) -> list[Any]:
        """Who was there."""
        with self.open_session() as session:
            return list(log_of(session, session.get_one(FamilyCall, call)))


@contextmanager
def house(database_url: str, *, redis_url: str = "memory://", processes: int = 1, **settings: str) -> Iterator[House]:
    """The product's own web processes, as `wx-backend serve` starts them."""
    engine = make_engine(database_url)
    made = House(engine, session_factory(engine), None, free_ports(processes))  # type: ignore[arg-type]
    with made.open_session() as session, session.begin():
        made.cast = settle(session, NOW)
    try:
        for port in made.ports:
            environ = {
                **os.environ, "WX_BACKEND_APP__BIND": f"127.0.0.1:{port}", "WX_BACKEND_DATABASE__URL": database_url,
                "WX_BACKEND_APP__PUBLIC_URL": f"http://127.0.0.1:{port}", "WX_BACKEND_REDIS__URL": redis_url,
                **settings,
            }  # fmt: skip
            command = [sys.executable, "-m", "wx_backend.cli", "--config", str(EXAMPLE), "serve"]
            made.parts.append(subprocess.Popen(command, env=environ))
        for port in made.ports:
            _await(f"http://127.0.0.1:{port}/healthz")
        yield made
    finally:
        for part in made.parts:
            part.terminate()
        for part in made.parts:
            with contextlib.suppress(subprocess.TimeoutExpired):
                part.wait(15)
            part.kill()
            part.wait()
        engine.dispose()


def _await(url: str) -> None:
    ends = time.monotonic() + 150
    with urllib3.PoolManager(retries=False) as http:
        while time.monotonic() < ends:
            try:
                if http.request("GET", url, timeout=5).status == 200:
                    return
            except urllib3.exceptions.HTTPError:
                time.sleep(0.1)
    raise AssertionError(f"{url} does not answer")


@contextmanager
def relay(folder: Path) -> Iterator[dict[str, str]]:
    """A coturn on the loopback; answers the settings that lead to it."""
    program = shutil.which("turnserver")
    need(None if program else "no coturn on this machine")
    (port,), secret = free_ports(1), "secret-of-a-relay-for-tests"
    running = subprocess.Popen(
        [str(program), "-n", "--no-cli", "--no-tls", "--no-dtls", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1",
         f"--listening-port={port}", "--use-auth-secret", f"--static-auth-secret={secret}", "--realm=family",
         "--allow-loopback-peers", "--log-file=stdout", f"--pidfile={folder}/turn.pid", f"--userdb={folder}/turndb"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield {
            "WX_BACKEND_VIDEO__TURN": f"turn:127.0.0.1:{port}?transport=udp",
            "WX_BACKEND_VIDEO__TURN_SECRET": secret, "WX_BACKEND_VIDEO__RELAY_ONLY": "true",
        }  # fmt: skip
    finally:
        running.terminate()
        running.wait(10)


def opens(context: BrowserContext, link: str) -> Page:
    """A browser opens a link and is ready to go in."""
    page = context.new_page()
    page.set_default_timeout(150_000)
    page.goto(link)
    page.locator("#start:enabled").wait_for()
    return page


def both_see(*pages: Page, within: float = 20.0, others: int = 1) -> float:
    """Until every page shows moving pictures of the others; answers how long it took, in seconds.

    Raises AssertionError with how it stands on every page when one does not within so many seconds.
    """
    began = time.monotonic()
    for page in pages:
        try:
            page.wait_for_function(FRAMES, arg=others, timeout=within * 1000, polling=50)
        except TimeoutError as error:
            raise AssertionError([one.evaluate(STANDING) for one in pages]) from error
    return time.monotonic() - began
