"""Putting a reminder down for later: in a transaction of its own, and many at once."""

import time
from datetime import timedelta

from tests.bench.api import Api
from tests.bench.figure import Figure, each
from tests.bench.outbox import Outbox
from tests.bench.peers.worker import FAR, Worker
from wx_backend.now import real_now

SINGLE, BULK = 1_000, 10_000  # of fewer the disk decides more than what is measured


def figures(outbox: Outbox, api: Api, apscheduler: Worker, rounds: int) -> list[Figure]:
    """Ours against add_job of a scheduler that runs, on the same PostgreSQL."""
    speed: dict[str, list[float]] = {"ours": [], "bulk": [], "add_job": []}
    process = apscheduler.start(api.url)
    try:
        for number in range(rounds):
            outbox.tidy()
            speed["ours"].append(SINGLE / timed(outbox.post_each, SINGLE))
            keys = [f"post{number}-{n}" for n in range(SINGLE)]
            speed["add_job"].append(SINGLE / apscheduler.schedule(process, keys, time.time() + FAR))
            drafts = outbox.drafts(BULK, real_now() + timedelta(days=3))
            speed["bulk"].append(BULK / timed(outbox.post_lot, drafts))
    finally:
        apscheduler.end(process)
        outbox.tidy()
    return [
        Figure("one reminder in its own transaction / add_job", each(speed, "ours", "add_job"), "ratio", 2.0),
        Figure("reminders, many in one transaction / add_job", each(speed, "bulk", "add_job"), "ratio", 50.0),
        Figure("reminders, each in its own transaction", tuple(speed["ours"]), "per second"),
        Figure("reminders, many in one transaction", tuple(speed["bulk"]), "per second"),
        Figure("APScheduler's add_job while it runs", tuple(speed["add_job"]), "per second"),
    ]


def timed(work, given) -> float:
    """How many seconds it takes."""
    began = time.perf_counter()
    work(given)
    return time.perf_counter() - began
