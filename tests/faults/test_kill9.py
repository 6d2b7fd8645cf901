"""kill -9 on clocks and on the web, again and again, with a WeChat that loses answers: none lost, none doubled."""

import random
import threading
import time
from itertools import count as counted
from urllib.parse import urlencode

import pytest
import urllib3
from sqlalchemy import func, select

from models.messages.inbox import Inbox
from models.people.identities import Identity
from models.people.persons import Person
from tests.faults.ground import FIGURES, Ground, ground
from tests.faults.servers import LONG, sized
from tests.faults.waiting import until
from tests.faults.web import serving, strike_down, workers_of
from tests.gate import Wire
from tests.world import disposing
from wx_backend import migrations
from wx_backend.database import make_engine
from wx_backend.now import real_now


@pytest.mark.parametrize(
    ("kind", "kills", "count", "most"),
    [
        pytest.param("sqlite", 2, 60, 1, marks=pytest.mark.timeout(300)),
        pytest.param("postgresql", 3, 100, 3, marks=[pytest.mark.postgres, pytest.mark.timeout(300)]),
        pytest.param("sqlite", sized(20), sized(1000), 1, marks=LONG),
        pytest.param("postgresql", sized(200), sized(10_000), 3, marks=[pytest.mark.postgres, *LONG]),
    ],
)
def test_none_lost_none_doubled(kind, kills, count, most, databases, request):
    if kind == "postgresql":
        request.getfixturevalue("postgres")
    with databases.fresh(kind) as url, ground(url) as place:
        place.misbehave(0.05, "busy")
        place.misbehave(max(0.05, 6 / count), "drop_after")  # of few letters, too, some answers get lost
        place.post(count)
        _killed_again_and_again(place, kills, count, most)
        place.clock()
        place.drained(240)
        verdict = place.verdict()
        place.say(f"kill -9 ({kind})", kills=kills, clocks=f"1-{most}")
    assert (verdict.letters, verdict.lost, verdict.doubled, verdict.unwritten) == (count, 0, 0, 0)
    assert verdict.repeated > 0  # some were attempted again, and shown once


def _killed_again_and_again(place: Ground, kills: int, count: int, most: int) -> None:
    """Kill a clock each time that a few more letters have arrived, at no particular moment."""
    dice, sends = random.Random(7), place.world.sends
    for number in range(kills):
        if number % 5 == 0:
            wanted = dice.randint(1, most)
        while len(place.clocks) < wanted:
            place.clock()
        more = min(count - 1, (number + 1) * (count - 20) // kills)
        until(lambda more=more: len(sends) >= more, 60, lambda: (len(sends), place.states()))
        time.sleep(dice.random() * 0.02)
        place.kill(dice.choice(place.clocks) if number % 3 else place.clocks[0])  # mostly one that is at work
        place.hear()
    while place.clocks:
        place.kill(place.clocks[0])


class Writers:
    """People who write for the first time, each once; WeChat asks again, with the same MsgId, until it is answered."""

    def __init__(self, place: Ground) -> None:
        self.wire = Wire(None, place.config.wechat.official_account, now=real_now)
        self.http = urllib3.PoolManager(timeout=10.0, retries=False)
        self.numbers, self.waiting, self.answered = counted(1), set[int](), dict[int, str]()
        self.lock = threading.Lock()

    def write(self, address: str, number: int) -> None:
        """One attempt; nothing is learnt from one that gets no answer."""
        query, body = self.wire.sealed(self.wire.text(f"o-new-{number}", "菜单", MsgId=number))
        try:
            response = self.http.request("POST", f"{address}/wechat/callback?{urlencode(query)}", body=body.encode())
        except urllib3.exceptions.HTTPError:
            return
        if response.status == 200 and response.data != b"success":
            with self.lock:
                self.answered[number] = response.data.decode()
                self.waiting.discard(number)

    def go_on(self, address: str, stop: threading.Event) -> None:
        """Write, one after the other, until told to stop."""
        while not stop.is_set():
            with self.lock:
                number = next(self.numbers)
                self.waiting.add(number)
            self.write(address, number)


SHORT = pytest.param(2, marks=pytest.mark.timeout(300))


@pytest.mark.postgres
@pytest.mark.parametrize("kills", [SHORT, pytest.param(sized(40), marks=LONG)])
def test_a_web_process_that_dies_while_people_write_has_done_all_of_a_message_or_nothing(kills, postgres, databases):
    with databases.fresh_empty("postgresql") as url:
        with disposing(make_engine(url)) as engine:
            migrations.upgrade(engine)
        _web_killed_again_and_again(url, kills)


def _web_killed_again_and_again(url: str, kills: int) -> None:
    dice = random.Random(7)
    with ground(url) as place:
        writers = Writers(place)
        with place.open_session() as session:
            before = session.scalar(select(func.count()).select_from(Person))
        unanswered = 0
        for _ in range(kills):
            with serving(place) as (address, web):
                stop = threading.Event()
                threads = [threading.Thread(target=writers.go_on, args=(address, stop)) for _ in range(8)]
                for thread in threads:
                    thread.start()
                time.sleep(0.3 + dice.random() * 0.3)
                workers = workers_of(web)  # looked for first: meanwhile all that is under way could be answered
                stop.set()  # what is under way is cut off, and nobody begins anew
                strike_down(web, workers)
                for thread in threads:
                    thread.join(15)
            unanswered += len(writers.waiting)
            with serving(place) as (address, _):
                for number in sorted(writers.waiting):
                    writers.write(address, number)
            assert not writers.waiting
        wrote = len(writers.answered)
        with place.open_session() as session:
            kept = session.scalars(select(Inbox.reply).where(Inbox.kind == "text")).all()
            people = session.scalar(select(func.count()).select_from(Person)) - before
            known = session.scalar(select(func.count()).where(Identity.openid.like("o-new-%")))
    FIGURES.append(f"kill -9 (web): kills {kills}, messages {wrote}, cut off {unanswered}, first contacts {people}")
    assert unanswered > 0  # some were under way
    assert len(kept) == wrote and all(kept)
    assert people == known == wrote
