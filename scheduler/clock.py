"""The timetable, and APScheduler that ticks it: it only says when, never what is due."""

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy.exc import SQLAlchemyError

from scheduler.deliver import Deliverer
from scheduler.plan import plan_anew
from scheduler.retention import forget_inbox
from scheduler.settings import Hands
from scheduler.sweep import sweep_bookings, sweep_outbox, sweep_tasks

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Line:
    """One line of the timetable: what, how often (seconds), by which function."""

    name: str
    every: float
    do: Callable[[], object]


def timetable(hands: Hands, deliverer: Deliverer, stop: threading.Event) -> tuple[Line, ...]:
    """Everything time does by itself."""
    tick = hands.settings.tick_seconds
    return (
        Line("deliver", tick, lambda: deliverer.run_once(stop)),
        Line("sweep outbox", min(10 * tick, 10), lambda: sweep_outbox(hands)),
        Line("sweep bookings", 60, lambda: sweep_bookings(hands)),
        Line("plan anew", 60, lambda: plan_anew(hands)),
        Line("sweep tasks", 600, lambda: sweep_tasks(hands)),
        Line("forget inbox", 6 * 3600, lambda: forget_inbox(hands)),
    )


def run(
    hands: Hands,
    stop: threading.Event,
    alone: AbstractContextManager[object] | None = None,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Tick until `stop` is set, then let what is on the wire land.

    `alone` is held for as long as the clock runs: with SQLite it is a lock that a second clock cannot take.
    """
    with alone or nullcontext():
        deliverer = Deliverer(hands)
        clock = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(8)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone="UTC",
        )
        for line in timetable(hands, deliverer, stop):
            # Due at once, then every so often.
            clock.add_job(
                _safely(line), IntervalTrigger(seconds=line.every, timezone="UTC"), name=line.name,
                next_run_time=hands.real_now(),
            )  # fmt: skip
        clock.start()
        ready()
        try:
            stop.wait()
        finally:
            clock.shutdown(wait=True)
            deliverer.close()


def _safely(line: Line) -> Callable[[], None]:
    """A line that fails says so and comes again: one bad round must not stop the clock."""

    def once() -> None:
        try:
            line.do()
        except SQLAlchemyError as error:
            log.error("%s: the database did not answer (%s)", line.name, type(error).__name__)
        except Exception:
            log.exception("%s failed; it will be tried again", line.name)

    return once
