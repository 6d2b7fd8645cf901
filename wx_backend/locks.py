"""One clock at a time where the database cannot share the work: with SQLite."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import make_url


class AlreadyRunning(Exception):
    """Another clock process holds the lock."""


@contextmanager
def only_clock(database_url: str) -> Iterator[None]:
    """Hold the right to be the clock for as long as the block lasts.

    PostgreSQL shares the work among any number of clocks. Beside a SQLite file a lock file stands, which the operating
    system gives back however the process ends; raises AlreadyRunning when another holds it.
    """
    url = make_url(database_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        yield
        return
    with Path(f"{url.database}.clock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise AlreadyRunning(
                f"another clock already works on {url.database}: with SQLite there is one; with PostgreSQL any number"
            ) from error
        yield
