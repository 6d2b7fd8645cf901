"""Lines to WeChat that stay open for the next call: sockets and httptools, since what stands between costs a sender
most.

A clock has one interpreter for all its sends. Measured with 64 of them in the air at 30 ms, in processor time for
each: urllib3's pool 270 µs, http.client 150, of which it reads an answer's headers as e-mail for half.
"""

import select
import socket
import ssl
import threading
import weakref
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from wx_backend.waiting import elsewhere, until

CONNECT_SECONDS = 3.0
NAME_SECONDS = 1.0  # so long a name server has where it is known where the host was
IDLE_SECONDS = 45.0  # WeChat, and what stands on the way, close a silent line after a minute
ANSWER_LIMIT = 2 * 1024 * 1024
HEAD_LIMIT = 64 * 1024  # what an answer may have beside its body
_PIECE = 65_536
_PORTS = {"http": 80, "https": 443}


class Unreached(Exception):
    """No byte left this machine: nothing can have happened there."""


class Doubtful(Exception):
    """It was sent, and there is no answer that says what became of it."""


class TooLong(Doubtful):
    """The answer is longer than anybody asked for."""


class _Answer:
    """One answer of at most `most` bytes, as httptools reads it out piece by piece. `whole`: its end is here."""

    def __init__(self, most: int) -> None:
        self.status, self.kind = 0, ""
        self.whole = self.may_be_followed = False
        self._parts: list[bytes] = []
        self._most, self._size, self._read = most, 0, 0
        self._bounded = False  # it says itself where it ends; else it ends where the line does
        self._parser: HttpResponseParser | None = HttpResponseParser(self)

    def read(self, piece: bytes) -> None:
        """The next bytes; none: the line has ended.

        Raises Doubtful for what is no answer or is cut off, TooLong for more than may come.
        """
        if not piece:
            if self._bounded or not self.status:
                raise Doubtful("the answer is cut off")
            self.whole = True
        else:
            self._feed(piece)
        if self.whole:
            self._parser = None  # it holds this object, and this object it

    def _feed(self, piece: bytes) -> None:
        assert self._parser is not None
        self._read += len(piece)
        try:
            self._parser.feed_data(piece)
        except (HttpParserError, HttpParserUpgrade) as error:
            if not self.whole:
                raise Doubtful(type(error).__name__) from None
            self.may_be_followed = False  # something came after it that nobody asked for
        if self._size > self._most or self._read > self._most + HEAD_LIMIT:
            raise TooLong("the answer is too long")

    def content(self) -> bytes:
        """Its body."""
        return b"".join(self._parts)

    def on_message_begin(self) -> None:
        """httptools hands what is raised here on as its own HttpParserError."""
        if self.whole:
            raise ValueError("a second answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name == b"content-type":
            self.kind = value.decode("latin-1")
        elif name in (b"content-length", b"transfer-encoding"):
            self._bounded = True

    def on_headers_complete(self) -> None:
        assert self._parser is not None
        self.status = self._parser.get_status_code()

    def on_body(self, part: bytes) -> None:
        self._parts.append(part)
        self._size += len(part)

    def on_message_complete(self) -> None:
        if self.status < 200:  # "100 Continue": the answer itself is still to come
            self.status, self._bounded = 0, False
            return
        assert self._parser is not None
        self.may_be_followed = self._parser.should_keep_alive()
        self.whole = True


def _left(ends: float) -> float:
    """How many seconds are left; raises TimeoutError where none are."""
    left = ends - monotonic()
    if left <= 0:
        raise TimeoutError("its time is over")
    return left


_Addresses = list[tuple[Any, ...]]  # as getaddrinfo answers
_known: dict[tuple[str, int], _Addresses] = {}
_asking: dict[tuple[str, int], Future[_Addresses]] = {}
_one_asks = threading.Lock()


def _addresses(host: str, port: int, ends: float) -> _Addresses:
    """Where a host is. A name server that is silent holds getaddrinfo for as long as it likes (resolv.conf(5): 5 s,
    twice, for each server); nobody waits for it beyond `ends`, nor for long where the host was found before."""
    with suppress(socket.gaierror):
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    before = _known.get((host, port))
    try:
        found = _asked(host, port).result(min(_left(ends), NAME_SECONDS) if before else _left(ends))
    except (OSError, RuntimeError) as error:  # TimeoutError is one
        if before:
            return before
        raise OSError(f"no address: {type(error).__name__}") from error
    _known[host, port] = found
    return found


def _asked(host: str, port: int) -> Future[_Addresses]:
    """What the name server will answer; however many want to know, it is asked once."""
    with _one_asks:
        going = _asking.get((host, port))
        if going is None or going.done():
            going = Future()
            threading.Thread(target=_ask, args=(host, port, going), daemon=True).start()
            _asking[host, port] = going
        return going


def _ask(host: str, port: int, answer: Future[_Addresses]) -> None:
    try:
        answer.set_result(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except OSError as error:
        answer.set_exception(error)


def _connected(host: str, port: int, ends: float) -> socket.socket:
    """A connection to the first address that answers; all of them together have until `ends`."""
    last: OSError = OSError("no address")
    for family, kind, protocol, _, address in _addresses(host, port, ends):
        found = socket.socket(family, kind, protocol)
        try:
            found.settimeout(_left(ends))
            found.connect(address)
        except OSError as error:
            found.close()
            last = error
        else:
            return found
    raise last


class _Line:
    """One connection. Everything that waits raises TimeoutError (an OSError) at `ends`, in monotonic seconds."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None, ends: float) -> None:
        self.rested_at = 0.0
        self.begun = False  # whether any of the last request has left
        self.socket = _connected(host, port, ends)
        try:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if tls is not None:
                self.socket.settimeout(_left(ends))
                # An end without TLS's own farewell may be anybody's: it does not make an answer whole.
                self.socket = tls.wrap_socket(self.socket, server_hostname=host, suppress_ragged_eofs=False)
        except OSError:
            self.close()
            raise
        # A socket with a timeout of its own looks before each step whether it may; this one looks only when it must.
        self.socket.setblocking(False)

    def say(self, words: bytes, ends: float) -> None:
        """Send all of it: head and body leave together."""
        left, self.begun = memoryview(words), False
        _left(ends)
        while left:
            try:
                left = left[self.socket.send(left) :]
                self.begun = True
            except (BlockingIOError, ssl.SSLWantWriteError):
                self._wait(select.POLLOUT, ends)
            except ssl.SSLWantReadError:
                self._wait(select.POLLIN, ends)

    def hear(self, most: int, ends: float) -> _Answer:
        """The answer. Raises Doubtful when it is none, TooLong when its body has more than `most` bytes."""
        answer = _Answer(most)
        # It is not here yet: to look before waiting would only cost a thread the interpreter once more (with 64 in the
        # air at 30 ms a fifth of a whole send's processor time).
        self._wait(select.POLLIN, ends)
        while not answer.whole:
            _left(ends)  # also where the other side never stops talking
            try:
                answer.read(self.socket.recv(_PIECE))
            except (BlockingIOError, ssl.SSLWantReadError):
                self._wait(select.POLLIN, ends)
            except ssl.SSLWantWriteError:
                self._wait(select.POLLOUT, ends)
        return answer

    def _wait(self, what: int, ends: float) -> None:
        if not until(self.socket, what, _left(ends)):
            raise TimeoutError("no answer in time")

    def stale(self) -> bool:
        """Whether it lay too long, or the other side has said something since: farewell, or what nobody asked for."""
        if monotonic() - self.rested_at > IDLE_SECONDS:
            return True
        if isinstance(self.socket, ssl.SSLSocket) and self.socket.pending():
            return True
        return until(self.socket, select.POLLIN, 0)

    def close(self) -> None:
        """Hang up."""
        self.socket.close()


class Lines:
    """The lines to one origin ("https://host[:port][/before]"), at most `keep` of them idle. Thread-safe."""

    def __init__(self, origin: str, keep: int) -> None:
        parts = urlsplit(origin)
        self._where = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        self._before = parts.path.rstrip("/")
        self._host = f"Host: {parts.netloc.rpartition('@')[2]}\r\nAccept-Encoding: identity\r\n"
        # Python's own default: certificates and names are checked.
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._keep = keep
        self._idle: deque[_Line] = deque()
        weakref.finalize(self, _hang_up, self._idle)

    def ask(
        self, method: str, target: str, body: bytes | None, headers: dict[str, str], seconds: float,
        most: int = ANSWER_LIMIT,
    ) -> tuple[int, bytes, str]:  # fmt: skip
        """Status, body and content type of an answer, all of it here within `seconds`.

        Raises Unreached when nothing left this machine, Doubtful when something did and a whole answer did not come,
        TooLong for one of more than `most` bytes, ValueError for a line break or a letter beyond ASCII in target or
        headers.
        """
        words = self._words(method, target, body, headers)
        ends = monotonic() + seconds
        line = self._open(ends)
        try:
            line.say(words, ends)
            answer = line.hear(most, ends)
        except OSError as error:
            line.close()
            raise (Doubtful if line.begun else Unreached)(type(error).__name__) from None
        except BaseException:
            line.close()
            raise
        if answer.may_be_followed:
            self._rest(line)
        else:
            line.close()
        return answer.status, answer.content(), answer.kind

    def _words(self, method: str, target: str, body: bytes | None, headers: dict[str, str]) -> bytes:
        """A request as it goes over the wire."""
        first = f"{method} {self._before}{target} HTTP/1.1"
        lines = [f"{name}: {value}" for name, value in headers.items()]
        if body is not None or method == "POST":
            lines.append(f"Content-Length: {len(body or b'')}")
        if any(not one.isascii() or not one.isprintable() for one in (first, *lines)) or first.count(" ") != 2:
            raise ValueError("a request line or a header holds what HTTP does not allow there")
        head = "\r\n".join((first, self._host + "\r\n".join(lines)))
        return f"{head.rstrip()}\r\n\r\n".encode("ascii") + (body or b"")

    def _open(self, ends: float) -> _Line:
        """An idle line that still stands, else a new one."""
        while self._idle:
            try:
                line = self._idle.pop()
            except IndexError:  # another thread was quicker
                break
            if not line.stale():
                return line
            line.close()
        by_then = min(monotonic() + CONNECT_SECONDS, ends)
        try:
            return elsewhere(lambda: _Line(*self._where, self._tls, by_then))
        except (OSError, UnicodeError) as error:
            raise Unreached(type(error).__name__) from None

    def _rest(self, line: _Line) -> None:
        """Keep a line for the next call; beyond as many as are kept the one that lay longest goes."""
        line.rested_at = monotonic()
        self._idle.append(line)
        while len(self._idle) > self._keep:
            with suppress(IndexError):  # another thread took it
                self._idle.popleft().close()


def _hang_up(idle: deque[_Line]) -> None:
    """Close what nobody will use again."""
    while idle:
        idle.pop().close()
