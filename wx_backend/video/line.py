"""What a page in a room hears: by WebSocket or by asking again and again, the same; and how many may wait at once."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from models.family.presence import Seated, digest, seated, touch
from wx_backend.database import SessionFactory
from wx_backend.now import monotonic
from wx_backend.video.bus import Bus

POLL_SECONDS = 20.0  # one question waits so long for an answer: less than what proxies allow
LOOK_SECONDS = 2.0  # so soon a page hears that its call was cancelled
MOST_KEPT = 1000  # seats
AGAIN_MS = 1500  # where nobody may wait, a page asks again after this


@dataclass
class Lines:
    """Who may wait here. A page that waits holds a thread, and the threads are WeChat's too: `places` are counted, and
    whoever gets none is answered at once and asks again; nobody is turned away, and no callback waits for a call."""

    bus: Bus
    open_session: SessionFactory
    turn: Callable[[], AbstractContextManager[object]]
    now: Callable[[], datetime]
    places: int
    _free: threading.BoundedSemaphore = field(init=False)
    _stood: dict[str, tuple[Seated, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._free = threading.BoundedSemaphore(self.places)

    def take(self) -> bool:
        """Take a place to wait in, if there is one; whoever has it gives it back."""
        return self._free.acquire(blocking=False)

    def give_back(self) -> None:
        """The place is free again."""
        self._free.release()

    def stands(self, secret: str) -> Seated:
        """The seat as it stands now, and a sign that its page is open. Raises Refused like `seated`."""
        now = self.now()
        with self.turn(), self.open_session() as session, session.begin():
            found = seated(session, secret, now)
            touch(session, found.seat, now)
        if len(self._stood) > MOST_KEPT:
            self._stood.clear()
        self._stood[found.seat.key] = found, monotonic()
        return found

    def stood(self, secret: str) -> Seated:
        """The seat as it stood within the last two seconds: a page says a dozen things while it finds its way."""
        found, looked = self._stood.get(digest(secret), (None, 0.0))
        return found if found is not None and monotonic() - looked < LOOK_SECONDS else self.stands(secret)

    def hear(self, secret: str, since: str, until: float, there: Callable[[], bool] = lambda: True) -> "News":
        """What was said to this seat after `since`, as soon as there is something, at the latest at `until`.

        No transaction is open and no connection held while it waits. It waits no longer than `there()` says that
        somebody listens. Raises Refused when the seat does not stand any more, and RedisError.
        """
        found, looked = self.stands(secret), monotonic()
        while True:
            mark = self.bus.mark(found.room.name)
            news = self._read(found, since)
            left = until - monotonic()
            if news.said or left <= 0 or not there():
                return news
            since = news.since
            self.bus.wait(found.room.name, mark, min(left, LOOK_SECONDS))
            if monotonic() - looked >= LOOK_SECONDS:
                found, looked = self.stands(secret), monotonic()

    def _read(self, found: Seated, since: str) -> "News":
        heard, me = self.bus.heard(found.room.name, since), found.seat.id
        said = [one for _, one in heard if one["from"] != me and one["to"] in (0, me)]
        return News(heard[-1][0] if heard else since, said)


@dataclass(frozen=True)
class News:
    """What a page has missed, and the place from which it goes on."""

    since: str
    said: list[dict[str, Any]]
