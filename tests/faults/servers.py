"""Servers of a test's own, that it may stop, kill and wipe: a PostgreSQL cluster and a Redis."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from tests.conftest import need
from tests.faults.waiting import until
from wx_backend.demo.stage import free_ports


def _initdb() -> Path | None:
    """Where PostgreSQL's own programs stand: Debian keeps most of them off the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1] if found else Path(on_path) if on_path else None


def _as_postgres() -> Sequence[str]:
    """PostgreSQL refuses to run as root."""
    return ("runuser", "-u", "postgres", "--") if os.geteuid() == 0 else ()


class Cluster:
    """A PostgreSQL that nobody else uses."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.data, self.programs = folder / "data", programs
        (self.port,) = free_ports(1)
        self.url = f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/postgres"
        self.data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            postgres = pwd.getpwnam("postgres")
            os.chown(self.data, postgres.pw_uid, postgres.pw_gid)
        self._do("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")

    def _do(self, program: str, *words: str) -> None:
        subprocess.run(
            [*_as_postgres(), str(self.programs / program), "-D", str(self.data), *words],
            check=True, stdout=subprocess.DEVNULL, timeout=60,
        )  # fmt: skip

    def start(self) -> None:
        """Start and wait until it answers, its recovery done."""
        # What was committed is kept when only the server dies: the machine does not, so nothing waits for the disk.
        options = f"-p {self.port} -h 127.0.0.1 -k '' -c fsync=off -c max_connections=200"
        self._do("pg_ctl", "-w", "-l", str(self.data / "log"), "-o", options, "start")

    def stop(self) -> None:
        """Stop as if it had crashed: no goodbye, no checkpoint."""
        if (self.data / "postmaster.pid").exists():
            self._do("pg_ctl", "-w", "-m", "immediate", "stop")


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A cluster that runs; skips with its reason where PostgreSQL's programs are missing, fails under CI."""
    initdb = _initdb()
    need(None if initdb else "initdb is missing: no PostgreSQL of this test's own")
    assert initdb is not None
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    try:
        made = Cluster(folder, initdb.parent)
        try:
            made.start()
            yield made
        finally:
            made.stop()
    finally:
        shutil.rmtree(folder)


class OwnRedis:
    """A redis-server that nobody else uses, and that keeps nothing on disk."""

    def __init__(self) -> None:
        (self.port,) = free_ports(1)
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it answers."""
        self._process = subprocess.Popen(
            ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no"],
            stdout=subprocess.DEVNULL,
        )
        until(self._answers, 10, lambda: "redis-server does not answer")

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_connect_timeout=1) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def wipe(self) -> None:
        """Forget everything."""
        with redis.Redis.from_url(self.url) as client:
            client.flushall()

    def freeze(self) -> None:
        """Take calls and answer none."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Answer again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Kill it; nothing listens afterwards."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None


@contextmanager
def own_redis() -> Iterator[OwnRedis]:
    """A Redis that runs; skips with its reason where redis-server is missing, fails under CI."""
    need(None if shutil.which("redis-server") else "redis-server is missing: no Redis of this test's own")
    made = OwnRedis()
    try:
        made.start()
        yield made
    finally:
        made.kill()


def sized(number: int) -> int:
    """The number of a whole run, or the share of it that FAULTS_SIZE asks for (0.1: a tenth)."""
    return max(2, int(number * float(os.environ.get("FAULTS_SIZE", "1"))))


LONG = [pytest.mark.long, pytest.mark.timeout(1800)]
