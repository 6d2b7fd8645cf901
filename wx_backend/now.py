"""The only room that reads the wall clock; the demo alone may move it."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path


class Clock:
    """Answers what time it is, as an aware UTC instant.

    With a `clock_file` (`{"offset_seconds": 3600}`, written by the sandbox) the demo's offset is added. A missing or
    half-written file leaves the last good offset standing.
    """

    def __init__(self, clock_file: Path | None = None) -> None:
        self.clock_file = clock_file
        self._stamp: int | None = None
        self._offset = timedelta()

    def __call__(self) -> datetime:
        """Now, offset included."""
        return datetime.now(UTC) + self.offset()

    def offset(self) -> timedelta:
        """How far the demo's clock stands from the real one; zero outside the demo."""
        if self.clock_file is None:
            return self._offset
        try:
            stamp = self.clock_file.stat().st_mtime_ns
            if stamp != self._stamp:
                self._offset = timedelta(seconds=float(json.loads(self.clock_file.read_text())["offset_seconds"]))
                self._stamp = stamp
        except (OSError, ValueError, KeyError, TypeError, OverflowError):
            pass
        return self._offset


def real_now() -> datetime:
    """Real time, whatever the demo's clock says: leases and the safety of a retry run on it."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Seconds of a clock that never jumps, for measuring how long something took."""
    return time.monotonic()
