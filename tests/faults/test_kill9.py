"""kill -9 on the clock, again and again, with a WeChat that loses answers: none lost, none doubled."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import func, select

from models.messages.letters import Letter
from models.messages.outbox import post
from tests.cast import settle
from tests.world import disposing
from wx_backend.config import EXAMPLE, load_config
from wx_backend.database import make_engine, session_factory
from wx_backend.demo.cast import accounts, templates
from wx_backend.now import real_now
from wx_backend.sandbox.faults import Fault
from wx_backend.sandbox.server import create_sandbox, start_in_thread
from wx_backend.sandbox.world import Phone

SEND = "/cgi-bin/message/template/send"


@pytest.mark.parametrize(
    ("kind", "kills", "count"),
    [
        pytest.param("sqlite", 5, 200, marks=pytest.mark.timeout(120)),
        pytest.param("postgresql", 5, 200, marks=[pytest.mark.postgres, pytest.mark.timeout(120)]),
        pytest.param("postgresql", 50, 2000, marks=[pytest.mark.postgres, pytest.mark.long, pytest.mark.timeout(900)]),
    ],
)
def test_none_lost_none_doubled(kind, kills, count, databases, tmp_path: Path, request):
    if kind == "postgresql":
        request.getfixturevalue("postgres")
    with databases.fresh(kind) as url, disposing(make_engine(url)) as engine:
        config = load_config(EXAMPLE, {})
        app = create_sandbox(accounts(config, "http://127.0.0.1:1"), [], templates(config))
        sandbox = start_in_thread(app)
        world, faults = sandbox.world, app.extensions["faults"]
        world.receipts.mode = "never"
        world.limits["minute"] = 10**9
        faults.standing += [Fault(SEND, "busy", rate=0.05), Fault(SEND, "drop_after", rate=0.05)]
        open_session = session_factory(engine)
        with open_session() as session, session.begin():
            _due(session, config, count, world)
        environ = {
            **os.environ,
            "WX_BACKEND_DATABASE__URL": url,
            "WX_BACKEND_WECHAT__API_BASE_URL": sandbox.url,
            "WX_BACKEND_SCHEDULER__LEASE_SECONDS": "5",
            "WX_BACKEND_SCHEDULER__SEND_DEADLINE_SECONDS": "2",
            "WX_BACKEND_SCHEDULER__THREADS": "8",
            "WX_BACKEND_SCHEDULER__BATCH": "16",
            "WX_BACKEND_SCHEDULER__TICK_SECONDS": "0.1",
        }
        try:
            killed = _killed_again_and_again(environ, kills, count, world)
            last = _clock(environ)
            try:
                _until(lambda: _left(open_session) == 0, 60, lambda: _states(open_session))
            finally:
                last.terminate()
                last.wait(20)
        finally:
            sandbox.stop()
        assert killed == kills
        assert _states(open_session) == {"sent": count}
        each = Counter((send.openid, send.client_msg_id) for send in world.sends)
        assert (len(world.sends), len(each), max(each.values())) == (count, count, 1)
        assert sum(send.attempts for send in world.sends) > count  # some were attempted again, and shown once


def _due(session, config, count, world):
    """Letters that are all due now, to a person of the cast with a phone in the sandbox."""
    now = real_now()
    cast = settle(session, now)
    identity = cast.identities[cast.xiaofang.id]
    identity.app_id = config.wechat.official_account.app_id
    world.phones[identity.openid] = Phone(identity.openid, "小芳", following=True)
    for n in range(count):
        post(
            session,
            key=f"k{n}",
            person_id=cast.xiaofang.id,
            kind="people.link_declined",
            subject="care:1",
            now=now,
            facts={"cared": "", "at": now.isoformat()},
        )


def _clock(environ):
    return subprocess.Popen(
        [sys.executable, "-m", "wx_backend.cli", "--config", str(EXAMPLE), "clock"],
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _killed_again_and_again(environ, kills, count, world):
    """Kill the clock each time that a few more letters have arrived, at no particular moment."""
    dice, done = random.Random(7), 0
    for number in range(kills):
        clock = _clock(environ)
        wanted = min(count - 1, (number + 1) * (count - 20) // kills)
        try:
            _until(lambda wanted=wanted: len(world.sends) >= wanted, 40, lambda: len(world.sends))
            time.sleep(dice.random() * 0.02)
        finally:
            os.kill(clock.pid, signal.SIGKILL)
            clock.wait()
        done += 1
    return done


def _left(open_session):
    with open_session() as session:
        return session.scalar(select(func.count()).select_from(Letter).where(Letter.state != "sent"))


def _states(open_session):
    with open_session() as session:
        return dict(session.execute(select(Letter.state, func.count()).group_by(Letter.state)).all())


def _until(true, seconds, told):
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, f"not in {seconds} s: {told()}"
        time.sleep(0.01)
