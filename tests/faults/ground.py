"""What every fault strikes: a WeChat in a thread, a database with letters, clocks as processes of their own."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, func, select, update

from models.messages.letters import Letter
from models.messages.outbox import post
from tests.cast import settle
from tests.faults.waiting import until
from tests.world import disposing
from wx_backend.config import EXAMPLE, Config, load_config
from wx_backend.database import SessionFactory, make_engine, session_factory
from wx_backend.demo.cast import accounts, templates
from wx_backend.now import real_now
from wx_backend.sandbox.faults import Fault
from wx_backend.sandbox.server import Running, create_sandbox, start_in_thread
from wx_backend.sandbox.world import Phone

SEND = "/cgi-bin/message/template/send"
FIGURES: list[str] = []  # what each test measured; said at the end of the run


@dataclass(frozen=True)
class Verdict:
    """What became of the letters, as WeChat saw it and as the outbox has it."""

    letters: int
    lost: int  # posted, and never on a phone
    doubled: int  # on a phone more often than once
    unwritten: int  # on a phone, and the outbox does not know
    repeated: int  # attempts that WeChat recognised as copies


OURS = Letter.kind == "people.link_declined"  # and not what the county's own sweeps have to say meanwhile


@dataclass
class Ground:
    """The far end, the database, and the clocks that run now."""

    config: Config
    engine: Engine
    open_session: SessionFactory
    sandbox: Running
    faults: Any
    tokens: Any
    environ: dict[str, str]
    person_id: int = 0
    clocks: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    @property
    def world(self) -> Any:
        """What the sandbox holds."""
        return self.sandbox.world

    def misbehave(self, rate: float, *kinds: str) -> None:
        """Let sending fail at a rate, in each of these ways."""
        self.faults.standing += [Fault(SEND, kind, rate=rate, seconds=3.0) for kind in kinds]

    def settle(self, app_id: str | None = None) -> None:
        """The cast, and 小芳's phone in the sandbox."""
        now = real_now()
        with self.open_session() as session, session.begin():
            cast = settle(session, now)
            identity = cast.identities[cast.xiaofang.id]
            identity.app_id = app_id or self.config.wechat.official_account.app_id
            self.world.phones[identity.openid] = Phone(identity.openid, "小芳", following=True)
            self.person_id = cast.xiaofang.id

    def post(self, count: int, *, due_at: datetime | None = None, name: str = "k", **more: Any) -> None:
        """Letters to 小芳, due now unless said otherwise, whatever the hour at which the faults are tried."""
        now, more = real_now(), {"urgency": "same_day", **more}
        with self.open_session() as session, session.begin():
            for n in range(count):
                post(
                    session, key=f"{name}{n}", person_id=self.person_id, kind="people.link_declined", subject="care:1",
                    now=now, facts={"cared": "", "at": now.isoformat()}, due_at=due_at, **more,
                )  # fmt: skip

    def clock(self, *options: str) -> "subprocess.Popen[bytes]":
        """One more clock process."""
        made = subprocess.Popen(
            [sys.executable, "-m", "wx_backend.cli", "--config", str(EXAMPLE), "clock", *options],
            env=self.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.clocks.append(made)
        return made

    def kill(self, clock: "subprocess.Popen[bytes]") -> None:
        """kill -9; says so when it had ended by itself before."""
        assert clock.poll() is None, f"the clock ended by itself: {clock.returncode}"
        os.kill(clock.pid, signal.SIGKILL)
        clock.wait()
        self.clocks.remove(clock)

    def hear(self) -> None:
        """The receipts arrive: without them WeChat's silence becomes a cadre's task after ten minutes."""
        with self.open_session() as session, session.begin():
            session.execute(update(Letter).where(Letter.state == "sent").values(state="delivered"))

    def states(self) -> dict[str, int]:
        """How many letters stand in each state."""
        with self.open_session() as session:
            return {row[0]: row[1] for row in session.execute(
                select(Letter.state, func.count()).where(OURS).group_by(Letter.state))}  # fmt: skip

    def all_gone(self) -> bool:
        """Whether WeChat accepted every letter and the outbox knows it."""
        return not set(self.states()) - {"sent", "delivered"}

    def drained(self, seconds: float) -> float:
        """Wait until every letter has gone; answers how long it took."""
        return until(self.all_gone, seconds, self.states, pause=0.1)

    def verdict(self) -> Verdict:
        """Compare what was posted with what WeChat showed."""
        with self.open_session() as session:
            posted = {row[0]: row[1] for row in session.execute(select(Letter.client_msg_id, Letter.msgid).where(OURS))}
        shown = Counter(send.client_msg_id for send in self.world.sends)
        known = {send.msgid for send in self.world.sends}
        return Verdict(
            letters=len(posted), lost=len(set(posted) - set(shown)),
            doubled=sum(shown.values()) - len(shown) + len(set(shown) - set(posted)),
            unwritten=sum(msgid not in known for msgid in posted.values()),
            repeated=sum(send.attempts - 1 for send in self.world.sends),
        )  # fmt: skip

    def say(self, what: str, **figures: object) -> None:
        """One line of figures for the end of the run."""
        verdict = self.verdict()
        told = {
            **figures, "letters": verdict.letters, "lost": verdict.lost, "doubled": verdict.doubled,
            "copies": verdict.repeated, "seconds": round(time.monotonic() - self.began, 1),
        }  # fmt: skip
        FIGURES.append(f"{what}: " + ", ".join(f"{name} {value}" for name, value in told.items()))

    def end(self) -> None:
        """End every process that was started here."""
        for clock in self.clocks:
            clock.send_signal(signal.SIGCONT)
            clock.kill()
            clock.wait(10)
        self.clocks.clear()


@contextmanager
def ground(url: str, **environ: str) -> Iterator[Ground]:
    """The ground on an empty database; every process started on it is ended, whatever happens.

    `environ`: settings that differ, as in `REDIS__URL="redis://…"`.
    """
    config = load_config(EXAMPLE, {})
    app = create_sandbox(accounts(config, "http://127.0.0.1:1"), [], templates(config))
    sandbox = start_in_thread(app)
    sandbox.world.receipts.mode = "never"
    sandbox.world.limits["minute"] = 10**9
    settings = {
        "DATABASE__URL": url, "WECHAT__API_BASE_URL": sandbox.url, "SCHEDULER__LEASE_SECONDS": "5",
        "SCHEDULER__SEND_DEADLINE_SECONDS": "2", "SCHEDULER__THREADS": "8", "SCHEDULER__BATCH": "16",
        "SCHEDULER__TICK_SECONDS": "0.1", **environ,
    }  # fmt: skip
    with disposing(make_engine(url)) as engine:
        made = Ground(
            config, engine, session_factory(engine), sandbox, app.extensions["faults"], app.extensions["tokens"],
            {**os.environ, **{f"WX_BACKEND_{name}": value for name, value in settings.items()}},
        )  # fmt: skip
        try:
            made.settle()
            yield made
        finally:
            made.end()
            sandbox.stop()


class Moved:
    """Real time, moved by the test."""

    def __init__(self, now: Callable[[], datetime] = real_now) -> None:
        self._now, self.by = now, timedelta()

    def __call__(self) -> datetime:
        """What this machine believes."""
        return self._now() + self.by
