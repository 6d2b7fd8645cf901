"""What the pages of one room say to each other, kept for a while in Redis: said by one process, heard by all."""

import json
import logging
import threading
from collections import Counter
from typing import Any

from wx_backend.now import monotonic
from wx_backend.redis import RedisError, connect

log = logging.getLogger(__name__)

CHANNEL = "wxb:rooms"  # on it stands which room has news; what the news is stands in the room's own stream
KEPT_SECONDS = 3 * 3600
MOST_KEPT = 1000  # messages of a room; two who speak need some dozens
LOOK_SECONDS = 2.0  # so long a room's stream goes unread where nobody called

Heard = tuple[str, dict[str, Any]]


class Bus:
    """One stream for each room, so that a page which asks again misses nothing, and one subscription for each process,
    which wakes those who wait here: a page that waits holds no connection to Redis.

    With `memory://` there is one process, and no other to be heard.
    """

    def __init__(self, url: str) -> None:
        self._cache: Any = connect(url)  # whose types do not know that it answers in text
        self._alone = url.startswith("memory:")
        self._stirred = threading.Condition()
        self._news: Counter[str] = Counter()
        self._ear: threading.Thread | None = None
        self._stop = threading.Event()

    def say(self, room: str, message: dict[str, Any]) -> str:
        """Put a message into a room; answers its place in the stream. Raises RedisError."""
        key = f"wxb:room:{room}"
        with self._cache.pipeline(transaction=False) as together:
            together.xadd(key, {"m": json.dumps(message, separators=(",", ":"))}, maxlen=MOST_KEPT)
            together.expire(key, KEPT_SECONDS)
            if not self._alone:
                together.publish(CHANNEL, room)
            place = str(together.execute()[0])
        self._stir(room)
        return place

    def heard(self, room: str, since: str) -> list[Heard]:
        """What was said after this place ("0": all that is kept), each with its own place. Raises RedisError."""
        found: Any = self._cache.xrange(f"wxb:room:{room}", min=f"({since}", max="+", count=200)
        return [(place, json.loads(fields["m"])) for place, fields in found]

    def mark(self, room: str) -> int:
        """How much news of a room has been called out here; to be read before `heard`, and handed to `wait`."""
        with self._stirred:
            self._listen()
            return self._news[room]

    def wait(self, room: str, mark: int, seconds: float) -> None:
        """Until there is news that `mark` does not know of, at most so long: look again then in any case."""
        ends = monotonic() + min(seconds, LOOK_SECONDS)
        with self._stirred:
            while self._news[room] == mark and (left := ends - monotonic()) > 0 and not self._stop.is_set():
                self._stirred.wait(left)

    def close(self) -> None:
        """Wake those who wait, and listen no more."""
        self._stop.set()
        with self._stirred:
            self._stirred.notify_all()

    def _stir(self, room: str) -> None:
        with self._stirred:
            self._news[room] += 1
            if len(self._news) > 10_000:  # rooms of long ago; whoever waits looks again by itself
                self._news.clear()
            self._stirred.notify_all()

    def _listen(self) -> None:
        if self._alone or self._ear is not None:
            return
        self._ear = threading.Thread(target=self._hear_others, name="rooms", daemon=True)
        self._ear.start()

    def _hear_others(self) -> None:
        """Until the process ends; while Redis is away, those who wait look by themselves."""
        while not self._stop.is_set():
            try:
                with self._cache.pubsub(ignore_subscribe_messages=True) as ear:
                    ear.subscribe(CHANNEL)
                    while not self._stop.is_set():
                        called = ear.get_message(timeout=1.0)
                        if called is not None:
                            self._stir(str(called["data"]))
            except RedisError as error:
                log.warning("rooms are heard late: %s", type(error).__name__)
                self._stop.wait(1)
