"""A WeChat that answers thousands a second after a fixed time, as a process of its own, the same for all senders."""

import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from urllib.parse import parse_qs, urlsplit

import psutil
import urllib3

SEND = "/cgi-bin/message/template/send"
LATENCY = 0.030
ROUNDED_UP = 0.001  # epoll waits whole milliseconds: without this one caller alone is answered after 31 and not 30
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.I)
NUMBER = re.compile(rb'"client_msg_id": *"([^"]*)"')
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=UTF-8\r\nContent-Length: "


class Post:
    """What arrived and when, and how long an answer takes."""

    def __init__(self) -> None:
        self.arrivals: list[tuple[str, float]] = []
        self.latency = LATENCY
        self.msgid = count(3_000_000_000_000_000_000)  # as long as WeChat's own

    def answer(self, path: str, body: bytes) -> tuple[object, float]:
        """What to say to a request, and how many seconds from now."""
        where = urlsplit(path)
        if where.path == SEND:
            found = NUMBER.search(body)
            self.arrivals.append((found.group(1).decode() if found else "", time.time()))
            return {"errcode": 0, "errmsg": "ok", "msgid": next(self.msgid)}, self.latency
        if where.path == "/cgi-bin/stable_token":
            return {"access_token": "bench-token", "expires_in": 7200}, 0.0
        if where.path == "/bench/reset":
            self.arrivals, self.latency = [], float(parse_qs(where.query)["latency"][0])
        elif where.path == "/bench/arrivals":
            return self.arrivals, 0.0
        return len(self.arrivals), 0.0


class Connection(asyncio.Protocol):
    """HTTP/1.1 with connections that stay: only what a sender needs, so that it costs next to nothing."""

    def __init__(self, post: Post) -> None:
        self.post, self.held = post, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.held += data
        while (end := self.held.find(b"\r\n\r\n")) >= 0:
            head, start = self.held[:end], end + 4
            length = int(found.group(1)) if (found := LENGTH.search(head)) else 0
            if len(self.held) < start + length:
                return
            body, self.held = self.held[start : start + length], self.held[start + length :]
            said, after = self.post.answer(head.split(b" ", 2)[1].decode(), body)
            content = json.dumps(said).encode()
            whole = HEAD + str(len(content)).encode() + b"\r\n\r\n" + content
            if after:
                asyncio.get_running_loop().call_later(after - ROUNDED_UP, self.transport.write, whole)
            else:
                self.transport.write(whole)


async def serve() -> None:
    """Listen on a free port, say which, and serve until the end."""
    post = Post()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(post), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


class Api:
    """The fake API as the bench sees it."""

    def __init__(self, url: str, process: psutil.Process) -> None:
        self.url, self.process = url, process
        self._http = urllib3.PoolManager(retries=False, timeout=10.0)

    def reset(self, latency: float = LATENCY) -> None:
        """Forget what arrived; answer after `latency` seconds from now on."""
        self._ask(f"reset?latency={latency}")

    def count(self) -> int:
        """How many sends arrived."""
        return int(self._ask("count"))

    def arrivals(self) -> dict[str, float]:
        """Every client_msg_id with the time of its arrival; a message that arrived twice is an error of its sender."""
        found = self._ask("arrivals")
        assert len(dict(found)) == len(found), "something was sent twice"
        return dict(found)

    def wait(self, wanted: int, seconds: float, alive: subprocess.Popen) -> None:
        """Until so many have arrived; the sender must not end before."""
        ends = time.monotonic() + seconds
        while (here := self.count()) < wanted:
            assert alive.poll() is None, "the sender ended by itself"
            assert time.monotonic() < ends, f"only {here} of {wanted} arrived in {seconds:g} s"
            time.sleep(0.05)

    def _ask(self, what: str):
        return self._http.request("GET", f"{self.url}/bench/{what}").json()


@contextmanager
def served() -> Iterator[Api]:
    """The API, running."""
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.api"], stdout=subprocess.PIPE, text=True)
    try:
        yield Api(f"http://127.0.0.1:{int(process.stdout.readline())}", psutil.Process(process.pid))
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    asyncio.run(serve())
