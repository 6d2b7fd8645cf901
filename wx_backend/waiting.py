"""How a caller of the far end waits: a thread of its own stands still, one that a crew shares lets the others on."""

import select
import socket
import threading
from collections.abc import Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Shared(Protocol):
    """How those who share one thread wait on it."""

    def until(self, line: socket.socket, what: int, seconds: float) -> bool:
        """As `until` below."""

    def elsewhere(self, do: Callable[[], T]) -> T:
        """As `elsewhere` below."""


class _Here(threading.local):
    shared: Shared | None = None


_here = _Here()


def share(shared: Shared) -> None:
    """From now on this thread waits by `shared`."""
    _here.shared = shared


def until(line: socket.socket, what: int, seconds: float) -> bool:
    """Wait until a line can be read (select.POLLIN) or written to (select.POLLOUT); False: not within `seconds`.

    With none it only looks, and nobody else goes on meanwhile.
    """
    if _here.shared and seconds:
        return _here.shared.until(line, what, seconds)
    look = select.poll()
    look.register(line, what)
    return bool(look.poll(seconds * 1000))


def elsewhere(do: Callable[[], T]) -> T:
    """What `do` answers or raises; it may stand still in ways that `until` does not know (names, TLS, locks, disks)."""
    return _here.shared.elsewhere(do) if _here.shared else do()
