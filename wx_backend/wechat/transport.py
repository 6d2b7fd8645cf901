"""One pool of connections to WeChat, strict about what counts as an answer and about how long it may take."""

import http.client
import io
import json
import logging
import re
import socket
import time
from typing import Any
from urllib.parse import urlencode, urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

log = logging.getLogger(__name__)
# At DEBUG urllib3 writes every address down, and WeChat's addresses hold the token.
logging.getLogger("urllib3").setLevel(logging.WARNING)

CONNECT_SECONDS = 3.0
ANSWER_LIMIT = 2 * 1024 * 1024
_SECRET = re.compile(r"((?:access_token|secret|appsecret|js_code|code|openid|ticket)=)[^&\s\"']+")


class Unreached(Exception):
    """No byte left this machine: nothing can have happened there."""


class Doubtful(Exception):
    """It was sent, and there is no answer that says what became of it."""


class TooLong(Doubtful):
    """The answer is longer than anybody asked for."""


def scrub(text: str) -> str:
    """The text without secrets and openids, for logs and exceptions."""
    return _SECRET.sub(r"\1***", text)


def beside(origin: str, name: str) -> str:
    """Where people look, beside the API's origin: `mp` shows pictures, `open` tells pages who looks at them.

    WeChat has hosts of their own for that; anything else (the sandbox) serves all of it itself.
    """
    host = urlsplit(origin).hostname or ""
    return f"https://{name}.weixin.qq.com" if host.endswith(".weixin.qq.com") else origin


class _Patient(io.RawIOBase):
    """What a socket brings until its time is over. A socket's own timeout begins anew with each byte."""

    def __init__(self, line: socket.socket) -> None:
        self._line, self._raw = line, line.makefile("rb", buffering=0)
        patience = line.gettimeout()
        self._ends = None if patience is None else time.monotonic() + patience

    def readable(self) -> bool:
        """It is for reading."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """The next bytes; raises TimeoutError when the time is over."""
        if self._ends is not None:
            left = self._ends - time.monotonic()
            if left <= 0:
                raise TimeoutError("the answer drips")
            self._line.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        """Let the socket go."""
        self._raw.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    """An answer whose status line, headers and body together take no longer than the socket's timeout at its start."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(_Patient(sock))


class _Plain(HTTPConnection):
    response_class = _Answer


class _Secure(HTTPSConnection):
    response_class = _Answer


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Secure


class Transport:
    """HTTP to one origin, whatever origin the caller's address names: wechatpy has several written into it."""

    def __init__(self, origin: str, connections: int = 64) -> None:
        self.origin = origin.rstrip("/")
        self._manager = urllib3.PoolManager(num_pools=4, maxsize=connections, block=False, retries=False)
        self._manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}
        # A pool and the path before every path of ours, by origin: looking them up anew costs a send a quarter.
        self._pools: dict[str, tuple[urllib3.HTTPConnectionPool, str]] = {}

    def _pool(self, origin: str) -> tuple[urllib3.HTTPConnectionPool, str]:
        found = self._pools.get(origin)
        if found is None:
            found = self._pools[origin] = (self._manager.connection_from_url(origin), urlsplit(origin).path.rstrip("/"))
        return found

    @staticmethod
    def target(address: str, params: dict[str, Any]) -> str:
        """What to ask an origin for: the path of an address, foreign absolute ones too, with its query."""
        path = urlsplit(address).path if "://" in address else "/" + address.lstrip("/")
        query = urlencode({name: value for name, value in params.items() if value is not None})
        return f"{path}?{query}" if query else path

    def call(
        self, method: str, address: str, *, params: dict[str, Any] | None = None, body: Any = None,
        files: dict[str, Any] | None = None, seconds: float = 10.0, origin: str = "", most: int = ANSWER_LIMIT,
    ) -> tuple[bytes, str]:  # fmt: skip
        """The answer's bytes and content type, within `seconds` in all.

        Raises Unreached when no connection came about, Doubtful when it did and the answer did not, TooLong for one
        of more than `most` bytes. A redirect is not followed.
        """
        headers: dict[str, str] = {}
        content: Any = None
        if files:
            content, headers["Content-Type"] = urllib3.encode_multipart_formdata(_multipart(files))
        elif body is not None:
            content = body if isinstance(body, (bytes, str)) else json.dumps(body, ensure_ascii=False).encode()
            headers["Content-Type"] = "application/json; charset=utf-8"
        timeout = urllib3.Timeout(connect=min(CONNECT_SECONDS, seconds), total=seconds)
        try:
            pool, before = self._pool(origin or self.origin)
            response = pool.urlopen(
                method.upper(), before + self.target(address, params or {}), body=content, headers=headers,
                timeout=timeout, retries=False, redirect=False, preload_content=False,
            )  # fmt: skip
        except (NewConnectionError, ConnectTimeoutError) as error:
            raise Unreached(type(error).__name__) from None
        except HTTPError as error:
            raise Doubtful(type(error).__name__) from None
        try:
            answer = _read(response, most)
        except HTTPError as error:
            response.close()
            raise Doubtful(type(error).__name__) from None
        except Doubtful:
            response.close()
            raise
        response.release_conn()
        if response.status != 200:
            raise Doubtful(f"HTTP {response.status}")
        return answer, response.headers.get("Content-Type", "")


def _read(response: urllib3.BaseHTTPResponse, most: int) -> bytes:
    """All of the body; an answer that never ends is no answer."""
    parts: list[bytes] = []
    size = 0
    while True:
        part = response.read1(65_536)
        if not part:
            return b"".join(parts)
        parts.append(part)
        size += len(part)
        if size > most:
            raise TooLong("the answer is too long")


def _multipart(files: dict[str, Any]) -> dict[str, Any]:
    """wechatpy's `files=` (a file object, or (name, content[, type])) as urllib3 wants it."""
    fields: dict[str, Any] = {}
    for name, value in files.items():
        if isinstance(value, tuple):
            filename, content, *rest = value
        else:
            filename, content, rest = getattr(value, "name", name), value, []
        fields[name] = (filename, content.read() if hasattr(content, "read") else content, *rest)
    return fields


def as_object(answer: bytes) -> dict[str, Any]:
    """The answer as a JSON object; raises Doubtful for a page of HTML, for nothing, for a list."""
    try:
        found = json.loads(answer)
    except ValueError as error:
        raise Doubtful("the answer is not JSON") from error
    if not isinstance(found, dict):
        raise Doubtful("the answer is not a JSON object")
    return found
