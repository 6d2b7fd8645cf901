"""Many sends at once on one thread: gevent's loop, with nothing patched, since its threads cost more than the sends.

Measured with 64 letters in the air at 30 ms, in processor time for each: 560 µs from 64 threads that take the
interpreter from one another, 270 from one.
"""

import logging
import select
import socket
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import gevent
from gevent.event import Event
from gevent.hub import Waiter
from gevent.socket import wait_read, wait_write

from wx_backend.waiting import share

log = logging.getLogger(__name__)

T = TypeVar("T")


class Crew:
    """A thread on which up to `many` jobs are under way at once: where one waits, another goes on.

    A job waits by `wx_backend.waiting` alone; one that stands still in another way holds up all of them. Thread-safe.
    """

    def __init__(self, many: int) -> None:
        self._many, self._busy = many, 0
        self._jobs: deque[Callable[[], object]] = deque()
        self._back: deque[Waiter[None]] = deque()  # those for whom another thread has done its part
        self._closing, self._door = False, threading.Lock()
        self._aside = ThreadPoolExecutor(many, thread_name_prefix="aside")
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), name="crew", daemon=True)
        self._thread.start()
        started.wait()

    def submit(self, do: Callable[..., object], /, *given: Any) -> None:
        """`do(*given)` as soon as somebody is free. Raises RuntimeError after `shutdown`."""
        with self._door:
            if self._closing:
                raise RuntimeError("the crew goes home")
            self._jobs.append(lambda: do(*given))
            self._bell.send()

    def shutdown(self) -> None:
        """No more jobs; waits until all that were given are done."""
        with self._door:
            if not self._closing:
                self._closing = True
                self._bell.send()
        self._thread.join()

    # All below runs on the crew's own thread.

    def until(self, line: socket.socket, what: int, seconds: float) -> bool:
        """As `waiting.until`."""
        try:
            (wait_read if what == select.POLLIN else wait_write)(line.fileno(), seconds)
        except TimeoutError:
            return False
        return True

    def elsewhere(self, do: Callable[[], T]) -> T:
        """As `waiting.elsewhere`: on a thread beside this one."""
        waiter: Waiter[None] = Waiter()

        def ring(_: object) -> None:  # on that other thread
            self._back.append(waiter)
            self._bell.send()

        future = self._aside.submit(do)
        future.add_done_callback(ring)
        waiter.get()
        return future.result()

    def _run(self, started: threading.Event) -> None:
        share(self)
        hub = gevent.get_hub()
        self._over = Event()
        self._bell = hub.loop.async_()  # the one thing of the loop's that other threads may touch
        self._bell.start(self._rung)
        started.set()
        self._over.wait()
        self._aside.shutdown()
        self._bell.close()
        hub.destroy(destroy_loop=True)

    def _rung(self) -> None:
        while self._back:
            self._back.popleft().switch(None)
        for _ in range(min(self._many - self._busy, len(self._jobs))):
            self._busy += 1
            gevent.spawn_raw(self._work, self._jobs.popleft())
        self._go_home()

    def _work(self, job: Callable[[], object] | None) -> None:
        while job:
            try:
                job()
            except Exception as error:
                log.error("a job of the crew failed: %s", type(error).__name__)
            job = self._jobs.popleft() if self._jobs else None
        self._busy -= 1
        self._go_home()

    def _go_home(self) -> None:
        if self._closing and not self._busy and not self._jobs:
            self._over.set()
