"""The product's own clock processes, started as an operator starts them."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import psutil

from tests.bench.api import Api
from tests.bench.outbox import Outbox
from wx_backend.config import EXAMPLE
from wx_backend.now import real_now

WARM = 64  # sends before anything is measured: every thread has its connection


@dataclass(frozen=True)
class Clocks:
    """Some clocks on one outbox."""

    processes: list[subprocess.Popen]

    def rss(self) -> int:
        """The memory of the first."""
        return psutil.Process(self.processes[0].pid).memory_info().rss


@contextmanager
def ticking(outbox: Outbox, api: Api, redis_url: str, how_many: int = 1) -> Iterator[Clocks]:
    """So many clocks that have all connected and have sent something; stopped kindly afterwards."""
    command = [sys.executable, "-m", "wx_backend.cli", "--config", str(EXAMPLE), "clock"]
    environ = {**os.environ, **outbox.environ(api.url, redis_url)}
    # At a ratio's bench nobody reads the log; what goes wrong is seen in the letters' states.
    processes = [subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL) for _ in range(how_many)]
    try:
        for process in processes:
            _connected(process, outbox.port)
        outbox.fill(WARM * how_many, real_now() - timedelta(seconds=1))
        api.wait(WARM * how_many, 30, processes[0])
        yield Clocks(processes)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(30)


def _connected(process: subprocess.Popen, port: int) -> None:
    """Until the clock has reached its database: its first tick has begun."""
    ends = time.monotonic() + 40
    while time.monotonic() < ends:
        assert process.poll() is None, "the clock ended by itself"
        if any(c.raddr and c.raddr.port == port for c in psutil.Process(process.pid).net_connections("tcp")):
            return
        time.sleep(0.05)
    raise AssertionError("the clock did not come up")
