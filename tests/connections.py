"""Connections to PostgreSQL outlive the engine that opened them: a new one has to learn every table and plan anew."""

import threading
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

OURS = "wxb_test_"  # how the databases are called whose connections are kept
MOST = 4  # for each database and way to connect; a race opens fifty, and the server has room for a hundred
_AS_NEW = b"RESET ALL; UNLISTEN *; SELECT pg_advisory_unlock_all()"
_Way = tuple[str, ...]


class Kept:
    """Those that nobody uses just now. Any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: dict[_Way, list[psycopg.Connection[Any]]] = {}
        self._ways: dict[int, _Way] = {}  # by the server's number of who is in use

    def opened(self, *args: Any, **kwargs: Any) -> psycopg.Connection[Any]:
        """One that is as new; raises what psycopg raises."""
        said = sorted(item for item in kwargs.items() if item[0] != "context")  # how values are read: alike for all
        way = (str(kwargs.get("dbname", "")), repr(args), repr(said))
        while (found := self._taken(way)) is not None:
            try:
                found.autocommit = True
                found.execute(_AS_NEW, prepare=False)
                found.autocommit = False
                break
            except psycopg.Error:  # a test has cut it
                found.close()
        made = found or psycopg.connect(*args, **kwargs)
        if way[0].startswith(OURS):
            self._ways[made.info.backend_pid] = way
        return made

    def closed(self, connection: psycopg.Connection[Any]) -> None:
        """Nobody needs it any more: it is kept if it is whole, and else closed."""
        whole = not connection.closed and connection.info.transaction_status == TransactionStatus.IDLE
        way = self._ways.pop(connection.info.backend_pid, None) if whole else None
        with self._lock:
            idle = self._idle.setdefault(way, []) if way else None
            if idle is not None and len(idle) < MOST:
                connection._notice_handlers.clear()
                idle.append(connection)
                return
        connection.close()

    def of(self, database: str) -> list[int]:
        """By which numbers the server knows those of a database that wait here."""
        with self._lock:
            return [one.info.backend_pid for way, idle in self._idle.items() if way[0] == database for one in idle]

    def forget(self, database: str) -> None:
        """Close those of a database."""
        with self._lock:
            gone = [one for way in list(self._idle) if way[0] == database for one in self._idle.pop(way)]
        for one in gone:
            one.close()

    def _taken(self, way: _Way) -> psycopg.Connection[Any] | None:
        with self._lock:
            idle = self._idle.get(way)
            return idle.pop() if idle else None


KEPT = Kept()


def keep_connections() -> None:
    """From now on every engine of this process takes its connections from `KEPT`, and gives them back."""
    PGDialect_psycopg.connect = lambda dialect, *args, **kwargs: KEPT.opened(*args, **kwargs)  # type: ignore[method-assign]
    PGDialect_psycopg.do_close = lambda dialect, connection: KEPT.closed(connection)  # type: ignore[method-assign]
