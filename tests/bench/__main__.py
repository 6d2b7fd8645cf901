"""`make bench`: prints every figure and exits 1 when a goal is missed without a recorded exception."""

import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.bench import accepting, callback, cells, listing, reminders, series, slots
from tests.bench.figure import Figure, excused
from tests.world import postgres_missing, redis_missing

PARTS: dict[str, Callable[[Path], list[Figure]]] = {
    "callback": callback.run, "reminders": reminders.run, "listing": listing.run, "accepting": accepting.run,
    "series": series.run, "slots": slots.run, "cells": cells.run,
}  # fmt: skip


def main(wanted: list[str]) -> int:
    """Run the parts that are named, else all; report, judge."""
    lacking = [why for why in (postgres_missing(), redis_missing()) if why]
    lacking += [f"no such part: {name} (there are {', '.join(PARTS)})" for name in wanted if name not in PARTS]
    if shutil.which("wrk") is None:
        lacking.append("wrk is not installed (Debian: apt-get install wrk)")
    if lacking:
        print("\n".join(lacking))
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # ended early, it still leaves nothing behind
    missed = False
    for name, run in PARTS.items():
        if not wanted or name in wanted:
            print(f"{name}", flush=True)
            figures = run(Path(tempfile.mkdtemp(prefix="wx-bench-")))
            print("\n".join(figure.line() for figure in figures), flush=True)
            missed |= sum(map(_missed, figures)) > 0  # each miss is named
    return int(missed)


def _missed(figure: Figure) -> bool:
    if figure.holds:
        return False
    why = excused(figure)
    print(f"   {figure.name}: missed; " + (f"recorded: {why}" if why else "no exception is recorded"))
    return why is None


sys.exit(main(sys.argv[1:]))
