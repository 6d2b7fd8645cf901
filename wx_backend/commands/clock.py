"""`wx-backend clock`: the process that sends what is due."""

import signal
import sys
import threading

import click

from scheduler import clock as timetable
from scheduler.settings import Hands
from wx_backend.commands.settings import Fault, settings
from wx_backend.crew import Crew
from wx_backend.database import make_engine, session_factory
from wx_backend.hands import clock_settings, make_allowance, make_clients, make_clock, make_fetcher, make_postman
from wx_backend.locks import AlreadyRunning, only_clock
from wx_backend.now import real_now
from wx_backend.safety import refuse_unsafe

# A claim reckons for longer than a send takes between two waits; Python's own 5 ms would hold up each send in the air.
SWITCH_SECONDS = 0.0002


@click.command()
@click.option("--demo", "is_demo", is_flag=True, hidden=True)
@click.pass_obj
def clock(named: str | None, is_demo: bool) -> None:
    """The clock process: sends what is due."""
    config = settings(named)
    refuse_unsafe(config, demo=is_demo)
    sys.setswitchinterval(SWITCH_SECONDS)
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    open_session, now = session_factory(make_engine(config.database.url)), make_clock(config)
    clients = make_clients(config)
    carry, fetcher = make_postman(config, now, clients).carry, make_fetcher(config, clients)
    hands = Hands(
        open_session,
        carry,
        now,
        real_now,
        clock_settings(config),
        make_allowance(config),
        fetcher.fetch,
        fetcher.folder.drop,
        Crew,
    )
    try:
        timetable.run(hands, stop, only_clock(config.database.url))
    except AlreadyRunning as error:
        raise Fault(str(error)) from error
