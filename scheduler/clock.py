"""The timetable, and APScheduler that ticks it: it only says when, never what is due."""

import logging
import threading
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy.exc import SQLAlchemyError

from models.hours import CLOCKS_DIFFER
from scheduler.deliver import Deliverer
from scheduler.media import fetch_media
from scheduler.plan import plan_anew
from scheduler.retention import forget_entries, forget_inbox, forget_media, forget_requests, forget_texts
from scheduler.series import sweep_series
from scheduler.settings import Hands, Now
from scheduler.sweep import look_again, sweep_bookings, sweep_company, sweep_orders, sweep_outbox, sweep_tasks

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0  # how often the machine's clock is looked at


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
        Line("fetch media", 10, lambda: fetch_media(hands, stop)),
        Line("sweep bookings", 60, lambda: sweep_bookings(hands)),
        Line("sweep orders", 60, lambda: sweep_orders(hands)),
        Line("sweep series", 60, lambda: sweep_series(hands)),
        Line("plan anew", 60, lambda: plan_anew(hands)),
        Line("sweep tasks", 600, lambda: sweep_tasks(hands)),
        Line("sweep company", 600, lambda: sweep_company(hands)),
        Line("forget inbox", 6 * 3600, lambda: forget_inbox(hands)),
        Line("forget entries", 600, lambda: forget_entries(hands)),
        Line("forget requests", 3600, lambda: forget_requests(hands)),
        Line("forget texts", 6 * 3600, lambda: forget_texts(hands)),
        Line("forget media", 6 * 3600, lambda: forget_media(hands)),
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
            _keep_time(clock, stop, hands.real_now, _safely(Line("look again", 0, lambda: look_again(hands))))
        finally:
            clock.shutdown(wait=True)
            deliverer.close()


def _keep_time(clock: BackgroundScheduler, stop: threading.Event, real_now: Now, set_back: Callable[[], bool]) -> None:
    """Wait until `stop`; when the machine's clock is set back, begin anew from the new time, and do `set_back` until it
    answers that it is done: a machine that wakes up may have lost its database for a moment.

    APScheduler waits for instants: set back by an hour, it would do nothing for an hour. Set forward, it is only late.
    """
    last, owed = real_now(), False
    while not stop.wait(LOOK_SECONDS):
        now = real_now()
        if now < last:
            log.warning("the machine's clock was set back by %s", last - now)
            for job in clock.get_jobs():
                job.modify(next_run_time=now)
            owed = owed or last - now > CLOCKS_DIFFER
        last, owed = now, owed and not set_back()


def _safely(line: Line) -> Callable[[], bool]:
    """A line that fails says so and comes again: one bad round must not stop the clock. Answers whether it went."""

    def once() -> bool:
        try:
            line.do()
            return True
        except SQLAlchemyError as error:
            log.error("%s: the database did not answer (%s)", line.name, type(error).__name__)
        except Exception as error:
            # Where, never what: an exception's own words may hold what was to be said.
            where = "".join(traceback.format_tb(error.__traceback__))
            log.error("%s failed (%s); it will be tried again\n%s", line.name, type(error).__name__, where)
        return False

    return once
