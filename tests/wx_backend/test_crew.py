"""Many jobs on one thread: side by side, none lost, none held up by one that waits."""

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

import pytest

from tests.faults.waiting import until
from tests.wx_backend.wechat.test_lines import WHOLE, answering, ask, certificate
from wx_backend import waiting
from wx_backend.crew import Crew
from wx_backend.wechat import lines
from wx_backend.wechat.lines import Doubtful, Lines, Unreached


@pytest.fixture
def crew() -> Iterator[Crew]:
    crew = Crew(8)
    yield crew
    crew.shutdown()


@contextmanager
def gates(count: int) -> Iterator[list[tuple[socket.socket, socket.socket]]]:
    """So many pairs of sockets: whoever waits for the first goes on when something is said into the second."""
    pairs = [socket.socketpair() for _ in range(count)]
    try:
        yield pairs
    finally:
        for pair in pairs:
            for end in pair:
                end.close()


def asked(crew: Crew, to: Lines, count: int) -> list[int]:
    """The statuses of so many calls that a crew makes before it goes home."""
    found: list[int] = []
    for _ in range(count):
        crew.submit(lambda: found.append(ask(to)[0]))
    crew.shutdown()
    return found


def test_so_many_are_under_way_at_once_and_no_more_all_on_one_thread(crew):
    begun, ended, threads = [], [], set()

    def job(number: int, gate: socket.socket) -> None:
        threads.add(threading.get_ident())
        begun.append(number)
        assert waiting.until(gate, select.POLLIN, 10)
        ended.append(number)

    with gates(12) as pairs:
        for number, (gate, _) in enumerate(pairs):
            crew.submit(job, number, gate)
        until(lambda: len(begun) == 8, 5, lambda: begun)
        pairs[5][1].send(b"x")
        until(lambda: ended == [5] and len(begun) == 9, 5, lambda: (ended, begun))
        for _, key in pairs:
            key.send(b"x")
        crew.shutdown()
    assert (sorted(ended), begun, len(threads)) == (list(range(12)), list(range(12)), 1)


def test_what_is_ready_in_time_is_told_from_what_is_not(crew):
    found = []
    with gates(2) as ((silent, _), (said, key)):
        key.send(b"x")
        crew.submit(lambda: found.append(waiting.until(silent, select.POLLIN, 0.05)))
        crew.submit(lambda: found.append(waiting.until(said, select.POLLIN, 5)))
        crew.submit(lambda: found.append(waiting.until(said, select.POLLOUT, 5)))
        crew.shutdown()
    assert found == [True, True, False]


def test_one_that_stands_still_elsewhere_holds_up_nobody(crew):
    open_again, done, threads = threading.Event(), [], []

    def still() -> str:
        threads.append(threading.get_ident())
        assert open_again.wait(10)
        return "back"

    def job() -> None:
        threads.append(threading.get_ident())
        done.append(waiting.elsewhere(still))

    crew.submit(job)
    until(lambda: len(threads) == 2, 5, lambda: threads)
    crew.submit(done.append, "meanwhile")
    until(lambda: done == ["meanwhile"], 5, lambda: done)
    open_again.set()
    crew.shutdown()
    assert done == ["meanwhile", "back"]
    assert threads[0] != threads[1]


def test_what_goes_wrong_elsewhere_comes_back_as_it_was_and_is_told_to_nobody_else(crew, capfd):
    caught = []

    def job() -> None:
        try:
            waiting.elsewhere(lambda: {}["o-王奶奶"])
        except KeyError as error:
            caught.append(str(error))

    crew.submit(job)
    crew.shutdown()
    assert caught == ["'o-王奶奶'"]
    assert capfd.readouterr() == ("", "")


def test_a_job_that_fails_takes_none_with_it_and_says_nothing_private(crew, caplog):
    done = []
    for number in range(20):
        crew.submit(lambda number: done.append(number) if number % 2 else {}["o-王奶奶"], number)
    crew.shutdown()
    assert sorted(done) == list(range(1, 20, 2))
    assert "KeyError" in caplog.text
    assert "王奶奶" not in caplog.text


def test_jobs_from_many_threads_are_each_done_once(crew):
    done = []

    def give(first: int) -> None:
        for number in range(first, first + 500):
            crew.submit(done.append, number)

    threads = [threading.Thread(target=give, args=(500 * n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    crew.shutdown()
    assert sorted(done) == list(range(4000))


def test_the_crew_goes_home_when_all_that_was_given_is_done():
    crew, done = Crew(2), []
    with gates(1) as ((gate, _),):
        for _ in range(6):
            crew.submit(lambda: done.append(waiting.until(gate, select.POLLIN, 0.05)))
        crew.shutdown()
    assert done == [False] * 6
    with pytest.raises(RuntimeError):
        crew.submit(done.append, 1)
    crew.shutdown()  # twice is once


def test_a_thread_of_ones_own_simply_waits():
    with gates(1) as ((gate, key),):
        assert not waiting.until(gate, select.POLLIN, 0.01)
        key.send(b"x")
        assert waiting.until(gate, select.POLLIN, 1)
    assert waiting.elsewhere(threading.get_ident) == threading.get_ident()


# The lines to WeChat, as the crew uses them.


def test_calls_of_a_crew_go_side_by_side_and_share_the_lines(crew):
    with answering(WHOLE) as server:
        assert asked(crew, Lines(f"http{server.url}", keep=8), 200) == [200] * 200
    assert 1 < server.connections <= 8


def test_calls_of_a_crew_go_over_tls_as_well(crew, tmp_path, monkeypatch):
    path, context = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with answering(WHOLE, wrap=lambda line: context.wrap_socket(line, server_side=True)) as server:
        assert asked(crew, Lines(f"https{server.url}", keep=8), 100) == [200] * 100
    assert 1 < server.connections <= 8


def test_a_host_that_does_not_answer_holds_up_no_call_to_another(crew, monkeypatch):
    connected, found, open_again = lines._connected, [], threading.Event()

    def slowly(host: str, port: int, ends: float) -> socket.socket:
        if host == "localhost":
            assert open_again.wait(10)
            raise TimeoutError
        return connected(host, port, ends)

    monkeypatch.setattr(lines, "_connected", slowly)

    def call(to: Lines) -> None:
        try:
            found.append(ask(to)[0])
        except Unreached:
            found.append("unreached")

    with answering(WHOLE) as server:
        crew.submit(call, Lines("http://localhost:9", keep=1))
        crew.submit(call, Lines(f"http{server.url}", keep=1))
        until(lambda: found == [200], 5, lambda: found)
        open_again.set()
        crew.shutdown()
    assert found == [200, "unreached"]


def test_an_answer_that_does_not_come_is_given_up_in_its_time(crew):
    found = []

    def call(to: Lines) -> None:
        began = monotonic()
        try:
            ask(to, seconds=0.3)
        except Doubtful as error:
            found.append((str(error), monotonic() - began))

    with socket.create_server(("127.0.0.1", 0)) as silent:
        to = Lines(f"http://127.0.0.1:{silent.getsockname()[1]}", keep=1)
        for _ in range(8):
            crew.submit(call, to)
        crew.shutdown()
    assert [said for said, _ in found] == ["TimeoutError"] * 8
    assert all(0.25 < took < 2 for _, took in found)
