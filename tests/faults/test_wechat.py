"""Every way in which WeChat misbehaves leads to its own end, holds no thread up, and asks for no storm of tokens."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from sqlalchemy import select

from models.messages.letters import Letter
from models.messages.outcomes import OpenLetter, Outcome
from models.tasks.tasks import Task
from scheduler.deliver import Deliverer
from scheduler.settings import ClockSettings, Hands
from scheduler.sweep import sweep_outbox
from tests.faults.ground import SEND, Ground, Moved, ground
from tests.faults.servers import LONG, sized
from wx_backend.config import EXAMPLE, load_config
from wx_backend.crew import Crew
from wx_backend.hands import make_allowance, make_clients, make_postman
from wx_backend.sandbox.faults import KINDS, Fault

DEADLINE = 2.0
KIND = "people.link_declined"
# The misbehaviour → the letter's state after it, what is written down, and how it ends when WeChat is well again.
DOUBT = ("retry", "unsure", "sent")
TABLE = {
    "busy": ("retry", "-1", "sent"),
    "token": ("retry", "token stuck", "sent"),
    "quota": ("retry", "45009", "sent"),
    "minute": ("retry", "45011", "sent"),
    "unfollowed": ("dead", "43004", "dead"),  # what closed the way; no other leads to them
    "template": ("retry", "40037", "sent"),
    "misfit": ("dead", "47003", "dead"),  # what it says; no other way leads to them
    "not_allowed": ("retry", "48001", "sent"),
    **dict.fromkeys(("html", "empty", "list", "bad_gateway", "slow", "drop_before", "drop_after", "drip"), DOUBT),
}


@dataclass
class Office:
    """A sender joined as the clock is, whose time the test moves, and how long each of its sends took."""

    place: Ground
    now: Moved = field(default_factory=Moved)
    took: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.speak_to(self.place.sandbox.url)

    def speak_to(self, url: str) -> None:
        """A postman whose WeChat stands at this address."""
        config = load_config(EXAMPLE, {"WX_BACKEND_WECHAT__API_BASE_URL": url})
        postman = make_postman(config, self.now, make_clients(config))
        self.client = postman.clients[config.wechat.official_account.app_id]

        def carry(letter: OpenLetter) -> Outcome:
            began = time.monotonic()
            outcome = postman.carry(letter)
            self.took.append(time.monotonic() - began)
            return outcome

        settings = ClockSettings(threads=4, batch=20, send_deadline=timedelta(seconds=DEADLINE))
        self.hands = Hands(
            self.place.open_session, carry, self.now, self.now, settings, make_allowance(config), crew=Crew
        )

    def work(self) -> None:
        """One tick."""
        sweep_outbox(self.hands)
        sender = Deliverer(self.hands)
        try:
            sender.run_once()
        finally:
            sender.close()

    def letters(self) -> list[Letter]:
        """The letters to the family, as they stand."""
        with self.place.open_session() as session:
            return list(session.scalars(select(Letter).where(Letter.kind == KIND)))


@contextmanager
def dripping() -> Iterator[str]:
    """A server that sends one byte of its headers every now and then, and never comes to an end."""
    stop = threading.Event()

    def drip(line: socket.socket) -> None:
        with line:
            try:
                line.recv(65_536)
                for byte in b"HTTP/1.1 200 OK\r\nX-Drip: " + b"." * 10_000:
                    line.sendall(bytes([byte]))
                    if stop.wait(0.05):
                        return
            except OSError:
                return

    def serve() -> None:
        while not stop.is_set():
            try:
                line, _ = listener.accept()
            except TimeoutError:  # nobody called: look whether it is over
                continue
            threads.append(threading.Thread(target=drip, args=(line,)))
            threads[-1].start()

    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        server = threading.Thread(target=serve)
        server.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            stop.set()
            server.join()
            for thread in threads:
                thread.join()


def test_the_table_knows_every_misbehaviour():
    assert set(TABLE) == {*KINDS, "drip"}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("kind", TABLE)
def test_each_misbehaviour_leads_to_its_end(on_postgres, kind):
    state, code, end = TABLE[kind]
    office = Office(on_postgres)
    on_postgres.post(3)
    if kind == "drip":
        token = office.client.access_token
        with dripping() as url:
            office.speak_to(url)
            office.client._keeper._mine = (token, time.monotonic() + 60)
            office.work()
        office.speak_to(on_postgres.sandbox.url)
    else:
        on_postgres.faults.standing.append(Fault(SEND, kind, seconds=DEADLINE + 8))
        office.work()
        on_postgres.faults.standing.clear()
    assert {letter.state for letter in office.letters()} == {state}
    assert {letter.error_code for letter in office.letters()} == {code}
    assert max(office.took) < DEADLINE + 5
    assert on_postgres.tokens.fetched <= 2
    on_postgres.tokens.fetched = 0
    if kind == "token":
        office.speak_to(on_postgres.sandbox.url)  # its breaker runs on a clock that no test moves
    for minutes in {"quota": (1, 24 * 60), "template": (1, 6), "not_allowed": (1, 6)}.get(kind, (1, 1, 1)):
        office.now.by += timedelta(minutes=minutes)
        office.work()
    assert {letter.state for letter in office.letters()} == {end}
    shown = [send.client_msg_id for send in on_postgres.world.sends]
    assert len(shown) == len(set(shown)) == (0 if end == "dead" else 3)
    assert on_postgres.tokens.fetched <= 2


@pytest.mark.timeout(60)
def test_busy_for_ever_ends_with_a_phone_call_and_a_storm_of_tokens_never_comes(on_postgres):
    office = Office(on_postgres)
    on_postgres.post(2, useful_until=office.now() + timedelta(hours=2))
    on_postgres.faults.standing.append(Fault(SEND, "busy"))
    for _ in range(14):
        office.now.by += timedelta(minutes=11)
        office.work()
    with on_postgres.open_session() as session:
        tasks = session.scalars(select(Task.kind)).all()
    assert {letter.state for letter in office.letters()} == {"missed"}  # tried as long as it was of use
    assert "phone_call" in tasks
    assert on_postgres.tokens.fetched == 1


@pytest.mark.timeout(60)
def test_a_token_refused_for_ever_is_renewed_once(on_postgres):
    office = Office(on_postgres)
    on_postgres.post(40)
    on_postgres.faults.standing.append(Fault(SEND, "token"))
    for _ in range(4):
        office.work()
        office.now.by += timedelta(minutes=1)
    on_postgres.say("token refused for ever", fetched=on_postgres.tokens.fetched)
    assert on_postgres.tokens.fetched <= 2
    assert {letter.state for letter in office.letters()} <= {"retry", "planned"}


@pytest.mark.postgres
@pytest.mark.parametrize("count", [pytest.param(sized(2000), marks=LONG)])
def test_all_of_it_at_once_loses_and_doubles_none(postgres, databases, count):
    with databases.fresh("postgresql") as url, ground(url) as place:
        place.misbehave(0.03, "busy", "html", "empty", "list", "bad_gateway", "slow", "drop_before", "drop_after")
        place.post(count)
        for _ in range(2):
            place.clock()
        place.drained(300)
        verdict = place.verdict()
        place.say("eight misbehaviours at once", rate_each="3 %", clocks=2, fetched=place.tokens.fetched)
        assert (verdict.lost, verdict.doubled, verdict.unwritten) == (0, 0, 0)
        assert place.tokens.fetched <= 2 * len(place.clocks)
