"""The web as it runs in production, for a test that strikes it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import urllib3

from tests.faults.ground import Ground
from tests.faults.waiting import until
from wx_backend.config import EXAMPLE
from wx_backend.demo.stage import free_ports

http = urllib3.PoolManager(timeout=10.0, retries=False)


@contextmanager
def serving(place: Ground) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """`wx-backend serve` as it runs in production: its address and its process."""
    (port,) = free_ports(1)
    process = subprocess.Popen(
        [sys.executable, "-m", "wx_backend.cli", "--config", str(EXAMPLE), "serve"],
        env={**place.environ, "WX_BACKEND_APP__BIND": f"127.0.0.1:{port}"},
    )
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: _ready(url), 120, lambda: "the web process does not answer", pause=0.1)
        yield url, process
    finally:
        strike_down(process)


def workers_of(process: "subprocess.Popen[bytes]") -> list[psutil.Process]:
    """The web's workers, as they are now; to find them takes a while."""
    return psutil.Process(process.pid).children(recursive=True)


def strike_down(process: "subprocess.Popen[bytes]", workers: list[psutil.Process] | None = None) -> None:
    """kill -9 on the web and on its workers, all at once; one that is down stays down."""
    if process.poll() is None:
        for one in (*(workers_of(process) if workers is None else workers), process):
            one.kill()
    process.wait(10)


def _ready(url: str) -> bool:
    try:
        return http.request("GET", f"{url}/readyz").status == 200
    except urllib3.exceptions.HTTPError:
        return False
