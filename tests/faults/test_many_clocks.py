"""Eight clocks at once on one database and one Redis: each letter goes once, and WeChat is asked for one token."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from models.messages.letters import Letter
from scheduler.deliver import Deliverer
from scheduler.settings import ClockSettings, Hands
from tests.faults.ground import OURS, Ground, ground
from tests.faults.servers import LONG, OwnRedis, own_redis, sized
from tests.world import disposing
from wx_backend.config import EXAMPLE, load_config
from wx_backend.crew import Crew
from wx_backend.database import make_engine, session_factory
from wx_backend.hands import make_allowance, make_clients, make_postman
from wx_backend.now import real_now

EIGHT = 8
pytestmark = pytest.mark.redis


@pytest.fixture
def cache() -> Iterator[OwnRedis]:
    """A Redis that is cold."""
    with own_redis() as made:
        yield made


def _tried_again(place: Ground) -> int:
    with place.open_session() as session:
        return session.scalar(select(func.count()).where(OURS, Letter.tries != 1)) or 0


@pytest.mark.timeout(60)
def test_eight_senders_share_the_letters_and_one_token(on_postgres, cache):
    place, url = on_postgres, on_postgres.environ["WX_BACKEND_DATABASE__URL"]
    place.post(160)
    config = load_config(
        EXAMPLE, {"WX_BACKEND_REDIS__URL": cache.url, "WX_BACKEND_WECHAT__API_BASE_URL": place.sandbox.url}
    )
    settled, start = [], threading.Barrier(EIGHT, timeout=20)
    settings = ClockSettings(threads=4, batch=8, lease=timedelta(seconds=40), send_deadline=timedelta(seconds=10))

    def send() -> None:
        # Its own connections and its own memory of the token, as a process has them.
        with disposing(make_engine(url)) as engine:
            hands = Hands(
                session_factory(engine), make_postman(config, real_now, make_clients(config)).carry, real_now,
                real_now, settings, make_allowance(config), crew=Crew,
            )  # fmt: skip
            sender = Deliverer(hands)
            start.wait()
            try:
                settled.append(sender.run_once())
            finally:
                sender.close()

    threads = [threading.Thread(target=send) for _ in range(EIGHT)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    place.say("eight senders", shares=sorted(settled), fetched=place.tokens.fetched)
    verdict = place.verdict()
    assert (len(settled), sum(settled)) == (EIGHT, 160)
    assert (verdict.lost, verdict.doubled, verdict.unwritten, verdict.repeated) == (0, 0, 0, 0)
    assert (_tried_again(place), place.tokens.fetched) == (0, 1)


@pytest.mark.postgres
@pytest.mark.parametrize("count", [pytest.param(sized(5000), marks=LONG)])
def test_eight_clocks_send_each_letter_once(postgres, databases, cache, count):
    with databases.fresh("postgresql") as url, ground(
        url, REDIS__URL=cache.url, SCHEDULER__LEASE_SECONDS="45", SCHEDULER__SEND_DEADLINE_SECONDS="20"
    ) as place:  # fmt: skip
        place.post(count)
        for _ in range(EIGHT):
            place.clock()
        place.drained(240)
        assert [clock.poll() for clock in place.clocks] == [None] * EIGHT
        place.say("eight clocks", clocks=EIGHT, fetched=place.tokens.fetched)
        verdict = place.verdict()
        assert (verdict.lost, verdict.doubled, verdict.unwritten, verdict.repeated) == (0, 0, 0, 0)
        assert (_tried_again(place), place.tokens.fetched) == (0, 1)
