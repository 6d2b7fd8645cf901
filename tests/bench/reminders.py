"""Reminders: ours against one APScheduler job each, Celery, Dramatiq and huey, before the same API in one run."""

import shutil
from contextlib import ExitStack, closing
from pathlib import Path

from tests.bench import drains, posting, rates
from tests.bench.api import served
from tests.bench.figure import Figure
from tests.bench.outbox import Outbox
from tests.bench.peers import job
from tests.bench.peers.worker import PEERS, Worker
from tests.world import Databases

ROUNDS = 5


def run(folder: Path, rounds: int = ROUNDS) -> list[Figure]:
    """All figures of reminders; needs PostgreSQL and Redis."""
    databases = Databases(folder)
    try:
        with ExitStack() as stack:
            stack.callback(job.sweep)
            some, many = (
                stack.enter_context(closing(Outbox(stack.enter_context(databases.fresh_empty("postgresql")))))
                for _ in range(2)
            )
            jobs = stack.enter_context(databases.fresh_empty("postgresql"))
            api = stack.enter_context(served())
            some.pend(drains.PENDING - drains.DUE)
            many.pend(drains.MANY - drains.DUE)
            workers = {name: Worker(name, jobs) for name in PEERS}
            return [
                *drains.figures(some, many, api, workers, rounds),
                *rates.figures(some, api, rounds),
                *posting.figures(some, api, workers["apscheduler"], rounds),
            ]
    finally:
        databases.close()
        shutil.rmtree(folder, ignore_errors=True)
