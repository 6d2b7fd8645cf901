"""The lines to WeChat against a server that says exactly what the test wants: kept, dead, cut off, not trusted."""

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from wx_backend.now import real_now
from wx_backend.wechat import lines
from wx_backend.wechat.lines import Doubtful, Lines, Unreached

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class Server:
    """Answers each request with the next of `answers` (the last again and again); closes after one that is marked."""

    def __init__(self, answers: list[bytes], wrap: Callable[[socket.socket], socket.socket] | None = None) -> None:
        self.answers, self.wrap = answers, wrap or (lambda line: line)
        self.connections, self.asked = 0, list[bytes]()
        self.farewells = threading.Semaphore(0)  # one for each connection that it has closed
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._speak, args=(line,), daemon=True).start()

    def _speak(self, line: socket.socket) -> None:
        try:
            with self.wrap(line) as spoken:
                while asked := spoken.recv(65_536):
                    self.asked.append(asked)
                    answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                    spoken.sendall(answer)
                    if b"Connection: close" in answer or answer.endswith(b"\0"):
                        return
        except OSError:
            return
        finally:
            self.farewells.release()


@contextmanager
def answering(*answers: bytes, wrap: Callable[[socket.socket], socket.socket] | None = None) -> Iterator[Server]:
    server = Server(list(answers), wrap)
    try:
        yield server
    finally:
        server.listener.close()


def ask(found: Lines, seconds: float = 2.0) -> tuple[int, bytes, str]:
    return found.ask("POST", "/send?a=1", b'{"touser": "o-1"}', {"Content-Type": "application/json"}, seconds)


def test_one_connection_serves_one_call_after_the_other_and_head_and_body_leave_together():
    with answering(WHOLE) as server:
        found = Lines(f"http{server.url}/before", keep=4)
        assert [ask(found) for _ in range(5)] == [(200, b"{}", "application/json")] * 5
    assert server.connections == 1
    assert all(a.startswith(b"POST /before/send?a=1 HTTP/1.1\r\n") and a.endswith(b'{"touser": "o-1"}')
               for a in server.asked)  # fmt: skip
    assert len(server.asked) == 5


def test_a_line_that_the_server_has_closed_meanwhile_costs_no_doubt():
    with answering(WHOLE + b"\0") as server:  # it closes without a word of warning
        found = Lines(f"http{server.url}", keep=4)
        for _ in range(3):
            assert ask(found)[0] == 200
            assert server.farewells.acquire(timeout=5)
    assert server.connections == 3


def test_a_line_that_lay_too_long_is_not_used(monkeypatch):
    monkeypatch.setattr(lines, "IDLE_SECONDS", -1.0)
    with answering(WHOLE) as server:
        found = Lines(f"http{server.url}", keep=4)
        assert [ask(found)[0] for _ in range(3)] == [200] * 3
    assert server.connections == 3


def test_no_more_lines_are_kept_than_wanted():
    with answering(WHOLE) as server:
        found = Lines(f"http{server.url}", keep=2)
        opened = [found._open(lines.monotonic() + 2) for _ in range(4)]
        for line in opened:
            found._rest(line)
        assert [line.socket.fileno() == -1 for line in opened] == [True, True, False, False]


@pytest.mark.parametrize(
    ("answer", "content"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", b"{}"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}", b"{}"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n" + WHOLE, b"{}"),
    ],
    ids=["chunked", "until it closes", "without a body", "after a word to go on"],
)
def test_every_way_to_say_where_an_answer_ends_is_understood(answer, content):
    with answering(answer, WHOLE) as server:
        found = Lines(f"http{server.url}", keep=4)
        assert ask(found)[1] == content
        assert ask(found)[1] == b"{}"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{}\0",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}\0",
        b"SSH-2.0-OpenSSH\r\n\0",
        b"\0",
        b"HTTP/1.1 200 OK\r\n\r\n" + b" " * (lines.ANSWER_LIMIT + 1) + b"\0",
    ],
    ids=["short", "short chunk", "another protocol", "nothing", "too long"],
)
def test_half_an_answer_is_a_doubt_and_the_line_is_not_used_again(answer):
    with answering(answer, WHOLE) as server:
        found = Lines(f"http{server.url}", keep=4)
        with pytest.raises(Doubtful):
            ask(found)
        assert ask(found)[0] == 200
    assert server.connections == 2


@pytest.mark.parametrize("more", [WHOLE, b"and so on"], ids=["another answer", "what is none"])
def test_what_comes_after_an_answer_is_not_taken_for_the_next_one(more):
    with answering(WHOLE + more, b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{ }") as server:
        found = Lines(f"http{server.url}", keep=4)
        assert [ask(found)[1] for _ in range(2)] == [b"{}", b"{ }"]
    assert server.connections == 2


def test_what_comes_later_than_an_answer_is_not_taken_for_the_next_one_either():
    class Late(Server):
        def _speak(self, line: socket.socket) -> None:
            with suppress(OSError), line:
                while line.recv(65_536):
                    line.sendall(self.answers.pop(0))
                    time.sleep(0.05)
                    line.sendall(self.answers.pop(0))
                    self.farewells.release()

    stray = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nSTRAY"
    server = Late([WHOLE, stray, WHOLE, stray])
    found = Lines(f"http{server.url}", keep=1)
    for _ in range(2):
        assert ask(found)[1] == b"{}"
        assert server.farewells.acquire(timeout=5)
    server.listener.close()
    assert server.connections == 2


@pytest.mark.parametrize("answer", [b"HTTP/1.1 100 Continue\r\n\r\n", b"0;" + b"x" * 1000], ids=["100", "chunk"])
def test_who_never_stops_talking_is_not_listened_to_for_longer_than_there_is_time(answer):
    class Talking(Server):
        def _speak(self, line: socket.socket) -> None:
            with suppress(OSError), line:
                line.recv(65_536)
                line.sendall(b"" if answer.startswith(b"HTTP") else
                             b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")  # fmt: skip
                while True:
                    line.sendall(answer)

    server = Talking([WHOLE])
    began = time.monotonic()
    with pytest.raises(Doubtful):
        ask(Lines(f"http{server.url}", keep=1), seconds=0.3)
    server.listener.close()
    assert time.monotonic() - began < 5


def test_an_answer_in_another_protocol_is_a_doubt_and_leaves_no_line_open():
    other = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"
    with answering(other) as server, pytest.raises(Doubtful):
        ask(Lines(f"http{server.url}", keep=1))


def test_what_could_not_be_begun_in_time_was_never_sent(monkeypatch):
    with answering(WHOLE) as server:
        found = Lines(f"http{server.url}", keep=1)
        assert ask(found)[0] == 200
        with pytest.raises(Unreached):
            ask(found, seconds=0.0)
    assert len(server.asked) == 1


def test_a_silent_name_server_holds_nobody_longer_than_there_is_time(monkeypatch):
    """And nobody at all where it is known where the host was."""
    really, silent = socket.getaddrinfo, threading.Event()

    def names(host, port, *args, flags=0, **more):
        if flags & socket.AI_NUMERICHOST:
            raise socket.gaierror
        if silent.is_set():
            time.sleep(8)
            raise socket.gaierror
        return really("127.0.0.1", port, *args, flags=flags, **more)

    monkeypatch.setattr(lines.socket, "getaddrinfo", names)
    monkeypatch.setattr(lines, "NAME_SECONDS", 0.1)
    with answering(WHOLE, WHOLE) as server:
        port = server.url.rpartition(":")[2]
        assert ask(Lines(f"http://wechat.example:{port}", keep=0))[0] == 200
        silent.set()
        began = time.monotonic()
        assert ask(Lines(f"http://wechat.example:{port}", keep=0))[0] == 200
        with pytest.raises(Unreached):
            ask(Lines(f"http://elsewhere.example:{port}", keep=0), seconds=0.5)
        assert time.monotonic() - began < 5


def test_a_host_that_no_name_server_knows_was_never_reached(monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror

    monkeypatch.setattr(lines.socket, "getaddrinfo", unknown)
    with pytest.raises(Unreached):
        ask(Lines("http://nobody.invalid:9", keep=0))


def test_an_answer_that_drips_is_over_when_its_time_is():
    class Dripping(Server):
        def _speak(self, line: socket.socket) -> None:
            with suppress(OSError), line:
                line.recv(65_536)
                for letter in WHOLE:
                    line.sendall(bytes([letter]))
                    time.sleep(0.2)

    server = Dripping([WHOLE])
    began = time.monotonic()
    with pytest.raises(Doubtful):
        ask(Lines(f"http{server.url}", keep=1), seconds=0.3)
    server.listener.close()
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("target", "header"),
    [("/a\r\nHost: other", "x"), ("/a b", "x"), ("/a", "x\r\nHost: other"), ("/村", "x")],
)
def test_no_line_break_gets_into_a_request(target, header):
    with answering(WHOLE) as server:
        found = Lines(f"http{server.url}", keep=1)
        with pytest.raises(ValueError, match="HTTP"):
            found.ask("GET", target, None, {"X": header}, 1.0)
    assert server.connections == 0


def test_nobody_there_is_no_doubt():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unreached):
        ask(Lines(f"http://127.0.0.1:{port}", keep=1))


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for 127.0.0.1 that nobody but itself vouches for."""
    key, now = ec.generate_private_key(ec.SECP256R1()), real_now()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    path, secret = folder / "server.pem", folder / "server.key"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, secret)
    return path, context


def test_a_server_whose_certificate_nobody_vouches_for_gets_no_byte(tmp_path, monkeypatch):
    path, context = certificate(tmp_path)
    with answering(WHOLE, wrap=lambda line: context.wrap_socket(line, server_side=True)) as server:
        with pytest.raises(Unreached):
            ask(Lines(f"https{server.url}", keep=1))
        assert server.asked == []
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        found = Lines(f"https{server.url}", keep=1)
        assert [ask(found)[0] for _ in range(2)] == [200, 200]
