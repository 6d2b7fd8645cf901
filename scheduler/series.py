"""What time does for series of calls: rows ahead of time, bookings in small batches, and what has to be said."""

from datetime import datetime
from functools import partial

from sqlalchemy.orm import Session

from models.family.generating import generate
from models.family.keeping import book_planned
from models.family.leaving import list_without_helper
from models.family.occurrences import follow
from models.family.reconsidering import reconsider_unknown
from models.family.resting import run_out
from models.family.series_news import say_clocks, say_ending
from scheduler.settings import Hands
from scheduler.sweep import Sweep
from scheduler.units import in_unit

# Each is asked until nothing is left, so many times at most: the next tick goes on from there.
_STEADY: tuple[tuple[Sweep, int], ...] = (
    (follow, 20), (run_out, 20), (generate, 100), (reconsider_unknown, 1), (book_planned, 30), (say_ending, 20),
    (say_clocks, 20), (list_without_helper, 1),
)  # fmt: skip


def sweep_series(hands: Hands) -> int:
    """Everything a tick does for series, each batch in a transaction of its own; answers how many things it did."""
    now, done = hands.now(), 0
    for sweep, rounds in _STEADY:
        for _ in range(rounds):
            some = in_unit(hands.open_session, partial(_once, sweep=sweep, now=now))
            done += some
            if not some:
                break
    return done


def _once(session: Session, sweep: Sweep, now: datetime) -> int:
    return sweep(session, now)
