"""`make bench`: prints every figure and exits 1 when a goal is missed without a recorded exception."""

import shutil
import sys
import tempfile
from pathlib import Path

from tests.bench import callback
from tests.bench.figure import Figure, excused
from tests.world import postgres_missing, redis_missing


def main() -> int:
    """Run, report, judge."""
    lacking = [why for why in (postgres_missing(), redis_missing()) if why]
    if shutil.which("wrk") is None:
        lacking.append("wrk is not installed (Debian: apt-get install wrk)")
    if lacking:
        print("\n".join(lacking))
        return 1
    figures = callback.run(Path(tempfile.mkdtemp(prefix="wx-bench-")))
    print("\n".join(figure.line() for figure in figures))
    return int(any(_missed(figure) for figure in figures))


def _missed(figure: Figure) -> bool:
    if figure.holds:
        return False
    why = excused(figure)
    print(f"   {figure.name}: missed; " + (f"recorded: {why}" if why else "no exception is recorded"))
    return why is None


sys.exit(main())
