"""The web process as an operator meets it: started by the command, ended by a signal, no message cut short."""

import fcntl
import os
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import pytest
import urllib3

from tests.faults.waiting import until
from tests.gate import Wire
from wx_backend import migrations
from wx_backend.config import EXAMPLE, load_config
from wx_backend.database import make_engine
from wx_backend.demo.stage import free_ports
from wx_backend.now import real_now

pytestmark = pytest.mark.both

http = urllib3.PoolManager(timeout=10.0, retries=False)


@pytest.fixture
def serving(tmp_path):
    """`wx-backend serve` on a free port and a database of its own: its address, its database file, the process."""
    (port,) = free_ports(1)
    database = tmp_path / "serve.db"
    engine = make_engine(f"sqlite:///{database}")
    migrations.upgrade(engine)
    engine.dispose()
    environ = {
        **os.environ,
        "WX_BACKEND_APP__BIND": f"127.0.0.1:{port}",
        "WX_BACKEND_DATABASE__URL": f"sqlite:///{database}",
    }
    process = subprocess.Popen([sys.executable, "-m", "wx_backend.cli", "--config", str(EXAMPLE), "serve"], env=environ)
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: is_ready(url), 120, lambda: "the web does not answer", pause=0.1)
        yield url, database, process
    finally:
        process.kill()
        process.wait()


def is_ready(url):
    try:
        return http.request("GET", f"{url}/readyz").status == 200
    except urllib3.exceptions.HTTPError:
        return False


def has_the_turn(database):
    """Whether a message holds the turn: it has reached the app, and waits for the database itself."""
    with open(f"{database}.turn") as turn:  # to close it gives back what was not refused
        try:
            fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def test_a_message_that_is_being_answered_is_answered_before_the_process_ends(serving):
    url, database, process = serving
    account = load_config(EXAMPLE, {}).wechat.official_account
    wire = Wire(None, account, now=real_now)
    query, body = wire.sealed(wire.text("o-1", "菜单"))
    holder = sqlite3.connect(database, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")  # so that the message has to wait
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(
            lambda: http.request("POST", f"{url}/wechat/callback?{urlencode(query)}", body=body.encode())
        )
        until(lambda: has_the_turn(database), 10, lambda: "the message does not reach the app")
        process.send_signal(signal.SIGTERM)
        time.sleep(1.0)
        assert process.poll() is None
        with pytest.raises(urllib3.exceptions.HTTPError):
            urllib3.PoolManager(timeout=0.5, retries=False).request("GET", f"{url}/healthz")
        holder.execute("COMMIT")
        holder.close()
        response = answer.result(15)
    assert response.status == 200
    assert b"<Encrypt>" in response.data
    assert process.wait(60) == 0
