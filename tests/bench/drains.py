"""Two thousand reminders due in one second: how late the last one goes out, ours and in the hands of each peer."""

import random
import statistics
import subprocess
import time
from dataclasses import dataclass

from tests.bench.api import LATENCY, Api
from tests.bench.clocks import ticking
from tests.bench.figure import Figure, each
from tests.bench.outbox import Outbox, instant
from tests.bench.peers import job
from tests.bench.peers.worker import PEERS, Worker

DUE, PENDING, MANY = 2_000, 10_000, 100_000
IDEAL = (DUE - 1) // job.THREADS * LATENCY  # the last wave sets out when all before it are answered
PATIENCE = 60.0  # seconds for one drain


@dataclass(frozen=True)
class Drain:
    """How one lot went out: the last arrival after the due second, and from the first arrival to the last."""

    last: float
    seconds: float
    rss: int


def seen(api: Api, due: float, rss: int) -> Drain:
    """The drain that the API has just seen."""
    arrivals = api.arrivals().values()
    assert len(arrivals) == DUE and min(arrivals) >= due - 0.01, "not these letters, or before their time"
    return Drain(max(arrivals) - due, max(arrivals) - min(arrivals), rss)


def ours(outbox: Outbox, api: Api) -> Drain:
    """One clock process on its outbox."""
    outbox.tidy()
    api.reset(LATENCY)
    with ticking(outbox, api, job.BROKER) as clocks:
        api.reset(LATENCY)
        due = time.time() + 3 + random.random()  # at no particular moment of its tick
        lot = outbox.fill(DUE, instant(due))
        assert time.time() < due - 0.5, "the machine is too busy: they were due before they were all there"
        api.wait(DUE, due - time.time() + PATIENCE, clocks.processes[0])
        settled(outbox, lot)
        return seen(api, due, clocks.rss())


def settled(outbox: Outbox, lot: str, look_seconds: float = 0.1) -> None:
    """Until every letter of the lot is written down as sent: none was lost on the way."""
    ends = time.monotonic() + PATIENCE
    while outbox.left(lot):
        assert time.monotonic() < ends, f"{outbox.left(lot)} letters were never settled"
        time.sleep(look_seconds)


def theirs(worker: Worker, api: Api, lot: str) -> Drain:
    """One peer with the same number pending."""
    api.reset(LATENCY)
    process = worker.start(api.url)
    try:
        worker.pend(process, PENDING - DUE)
        worker.schedule(process, [f"{lot}-warm-{n}" for n in range(job.THREADS)], time.time())
        api.wait(job.THREADS, 120, process)
        return _theirs_due(worker, process, api, lot)
    finally:
        worker.end(process)


def _theirs_due(worker: Worker, process: subprocess.Popen, api: Api, lot: str) -> Drain:
    api.reset(LATENCY)
    due = time.time() + 3 + 2 * DUE / worker.per_second
    worker.schedule(process, [f"{lot}-due-{n}" for n in range(DUE)], due)
    assert time.time() < due - 0.5, "the machine is too busy: they were due before they were all there"
    api.wait(DUE, due - time.time() + PATIENCE, process)
    return seen(api, due, 0)


def figures(some: Outbox, many: Outbox, api: Api, workers: dict[str, Worker], rounds: int) -> list[Figure]:
    """Rounds in turn, so that whatever else the machine does meets all alike."""
    found: dict[str, list[Drain]] = {name: [] for name in ("some", "many", *workers)}
    for number in range(rounds):
        found["some"].append(ours(some, api))
        found["many"].append(ours(many, api))
        for name, worker in workers.items():
            found[name].append(theirs(worker, api, f"r{number}"))
    drain = {name: [one.seconds for one in drains] for name, drains in found.items()}
    rss = {name: [float(one.rss) for one in found[name]] for name in ("some", "many")}
    late = tuple(one.last for one in found["some"])
    return [
        Figure("2,000 due at once: the last one sent after", late, "s", 2.0, at_most=True),
        Figure("first to last: the ideal of 64 in flight", (IDEAL,), "s"),
        Figure("first to last: ours", tuple(drain["some"]), "s"),
        *(Figure(f"first to last: {PEERS[name]}", tuple(drain[name]), "s") for name in workers),
        *(
            # At best: if ours took no longer than its 64 in flight must.
            Figure(f"first to last: {PEERS[name]} / ours", each(drain, name, "some"), "ratio", 2.0,
                   at_best=statistics.median(drain[name]) / IDEAL)
            for name in workers
        ),
        Figure("first to last: 100,000 pending / 10,000", each(drain, "many", "some"), "ratio", 1.1, at_most=True),
        Figure("memory of the clock with 100,000 pending / with 10,000", each(rss, "many", "some"), "ratio", 1.1,
               at_most=True),
    ]  # fmt: skip
