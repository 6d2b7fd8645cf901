"""How many letters a second one clock sends at 64 in flight, and what a second clock adds when the API is fast."""

import re
import statistics
import subprocess
import time
from collections.abc import Sequence

import psutil

from tests.bench.api import LATENCY, SEND, Api
from tests.bench.clocks import ticking
from tests.bench.drains import settled
from tests.bench.figure import Figure, each
from tests.bench.outbox import NAME, Outbox, instant
from tests.bench.peers import job

BACKLOG = 6_000
FAST_BACKLOG = 12_000  # below what an account may send in a minute
TICK = 1.0


def figures(outbox: Outbox, api: Api, rounds: int) -> list[Figure]:
    """Both, in rounds."""
    ideal, all_cores = job.THREADS / LATENCY, float(psutil.cpu_count() or 1)
    sends, usual, fast, cores = [], {"one": [], "two": []}, {"one": [], "two": []}, []
    for _ in range(rounds):
        whole, midst = sent_per_second(outbox, api, 1)
        sends.append(whole)
        usual["one"].append(midst)
        usual["two"].append(sent_per_second(outbox, api, 2)[1])
        one, busy = settled_per_second(outbox, api, 1)
        fast["one"].append(one)
        cores.append(busy)
        fast["two"].append(settled_per_second(outbox, api, 2)[0])
    return [
        Figure("the API asked by wrk, 64 in flight, 30 ms / the ideal", (answered_per_second(api) / ideal,), "ratio"),
        Figure("sends of one clock at 64 in flight, 30 ms / the ideal", tuple(s / ideal for s in sends), "ratio", 0.85),
        Figure("sends of one clock at 64 in flight, 30 ms", tuple(sends), "per second"),
        Figure("two clocks / one, 30 ms", each(usual, "two", "one"), "ratio"),
        Figure("two clocks / one, the API answering at once", each(fast, "two", "one"), "ratio", 1.7,
               at_best=all_cores / statistics.median(cores)),
        Figure("one clock, the API answering at once", tuple(fast["one"]), "per second"),
        Figure("two clocks, the API answering at once", tuple(fast["two"]), "per second"),
        Figure("cores that one such clock, its PostgreSQL and the API keep busy", tuple(cores), "cores"),
        Figure("cores of this machine", (all_cores,), "cores"),
    ]  # fmt: skip


def answered_per_second(api: Api) -> float:
    """What the API itself gives to a sender that costs nothing: it must not be what is measured."""
    api.reset(LATENCY)
    command = ["wrk", "-t1", f"-c{job.THREADS}", "-d2s", api.url + SEND]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return float(re.search(r"Requests/sec: +([\d.]+)", said).group(1))


def sent_per_second(outbox: Outbox, api: Api, how_many: int) -> tuple[float, float]:
    """Sends each second from the first to the last, and while all clocks are at work, each with 64 in flight."""
    outbox.tidy()
    api.reset(LATENCY)
    with ticking(outbox, api, job.BROKER, how_many) as clocks:
        api.reset(LATENCY)
        due = time.time() + 3
        lot = outbox.fill(BACKLOG * how_many, instant(due))
        api.wait(BACKLOG * how_many, 60, clocks.processes[0])
        settled(outbox, lot)
        arrivals = sorted(api.arrivals().values())
    # The last wave is on its way for one latency more.
    return len(arrivals) / (arrivals[-1] - arrivals[0] + LATENCY), in_the_midst(arrivals, due)


def in_the_midst(moments: Sequence[float], due: float) -> float:
    """How many a second: from the tick in which the last clock has begun, until there is no longer enough for all."""
    begin, end = due + TICK, moments[int(len(moments) * 0.95)]
    return sum(begin <= moment < end for moment in moments) / (end - begin)


def settled_per_second(outbox: Outbox, api: Api, how_many: int) -> tuple[float, float]:
    """Letters written down as sent each second while all clocks are at work, and how many cores that takes."""
    outbox.tidy()
    api.reset(0.0)
    with ticking(outbox, api, job.BROKER, how_many) as clocks:
        api.reset(0.0)
        due = time.time() + 4
        lot = outbox.fill(FAST_BACKLOG, instant(due))
        assert time.time() < due, "the machine is too busy: they were due before they were all there"
        time.sleep(max(due + TICK - time.time(), 0))
        pids = [api.process.pid, *(process.pid for process in clocks.processes)]
        before, at = used(outbox, pids), time.perf_counter()
        time.sleep(1.0)
        busy = (used(outbox, pids) - before) / (time.perf_counter() - at)
        settled(outbox, lot, look_seconds=1.0)  # to count them costs PostgreSQL what the clocks are to be measured by
        moments = [moment.timestamp() for moment in outbox.sent(lot)]
    return in_the_midst(moments, due), busy


def used(outbox: Outbox, pids: list[int]) -> float:
    """The processor seconds of these processes and of PostgreSQL's for this database."""
    name = outbox.engine.url.database or NAME
    total = 0.0
    for process in psutil.process_iter(["pid", "name", "cmdline", "cpu_times"]):
        line = " ".join(process.info["cmdline"] or ())
        if process.info["pid"] in pids or (process.info["name"] == "postgres" and name in line):
            total += process.info["cpu_times"].user + process.info["cpu_times"].system
    return total
