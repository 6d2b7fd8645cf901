"""A peer's worker process, started, fed and ended."""

import importlib
import json
import os
import subprocess
import sys
import time

from tests.bench.peers import job

PEERS = {
    "apscheduler": "APScheduler, a job each (PostgreSQL)", "celery": "Celery eta (Redis)",
    "dramatiq": "Dramatiq delay (Redis)", "huey": "huey (Redis)",
}  # fmt: skip
FAR = 3 * 86_400.0  # what only lies there is due in days


class Worker:
    """One peer. `database`: where APScheduler keeps its jobs; the others keep theirs in Redis."""

    def __init__(self, name: str, database: str) -> None:
        self.name, self.database = name, database
        self.keeps = name == "apscheduler"  # what lies there outlives the process, in our own database
        self.per_second = 100.0  # how fast it takes reminders in, as last seen
        self.lies_there = False
        self.producer = None if self.keeps else importlib.import_module(f"tests.bench.peers.{name}_worker")

    def start(self, api: str) -> subprocess.Popen:
        """The worker, with nothing left in Redis by an earlier one."""
        job.sweep()
        environ = {**os.environ, "BENCH_API": api, "BENCH_DATABASE": self.database, "PYTHONWARNINGS": "ignore"}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE} if self.keeps else {"stdout": subprocess.DEVNULL}
        command = [sys.executable, "-m", "tests.bench.peers", self.name]
        return subprocess.Popen(command, env=environ, text=True, **pipes)

    def pend(self, process: subprocess.Popen, how_many: int) -> None:
        """So many that are due in days; jobs in a database are still there from the last time."""
        if not (self.keeps and self.lies_there):
            self.schedule(process, [f"far-{n}" for n in range(how_many)], time.time() + FAR)
            self.lies_there = True

    def schedule(self, process: subprocess.Popen, keys: list[str], at: float) -> float:
        """One reminder for each key, due then; answers how many seconds it took."""
        began = time.perf_counter()
        if self.producer is not None:
            self.producer.schedule(keys, at)
        else:
            process.stdin.write(json.dumps({"keys": keys, "at": at}) + "\n")
            process.stdin.flush()
            assert process.stdout.readline(), "APScheduler ended by itself"
        took = time.perf_counter() - began
        if len(keys) >= 1_000:
            self.per_second = len(keys) / took
        return took

    def end(self, process: subprocess.Popen) -> None:
        """At once: what it still holds is of no use to anybody."""
        process.kill()
        process.communicate()
        job.sweep()
