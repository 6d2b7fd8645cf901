"""Waiting for something to become true, with an end to it."""

import time
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError


def until(true: Callable[[], bool], seconds: float, told: Callable[[], object], pause: float = 0.01) -> float:
    """Wait until it is true; answers how long that took. Fails with what `told` answers after `seconds`."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() < began + seconds, f"not in {seconds} s: {told()}"
        time.sleep(pause)
    return time.monotonic() - began


def holds(true: Callable[[], bool]) -> Callable[[], bool]:
    """The same question, whose answer is no while the database is away."""

    def asked() -> bool:
        try:
            return true()
        except SQLAlchemyError:
            return False

    return asked
