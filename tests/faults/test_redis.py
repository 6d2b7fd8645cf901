"""Redis is killed, wiped, frozen or was never there: no letter fails, and WeChat is not asked for tokens again."""

import time
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from models.messages.letters import Letter
from scheduler.deliver import Deliverer
from scheduler.settings import ClockSettings, Hands
from tests.faults.ground import OURS, Ground, ground
from tests.faults.servers import LONG, OwnRedis, own_redis, sized
from tests.faults.waiting import until
from wx_backend.config import EXAMPLE, load_config
from wx_backend.crew import Crew
from wx_backend.hands import make_allowance, make_clients, make_postman
from wx_backend.now import real_now

pytestmark = pytest.mark.redis


def _failed(place: Ground) -> int:
    """How many letters had to be tried again."""
    with place.open_session() as session:
        again = (Letter.tries > 1) | Letter.error_code.is_not(None)
        return session.scalar(select(func.count()).where(OURS, again)) or 0


def _sender(place: Ground, redis_url: str) -> Deliverer:
    """A sender of this process, joined as the clock is."""
    config = load_config(
        EXAMPLE, {"WX_BACKEND_REDIS__URL": redis_url, "WX_BACKEND_WECHAT__API_BASE_URL": place.sandbox.url}
    )
    settings = ClockSettings(threads=8, batch=16, lease=timedelta(seconds=20), send_deadline=timedelta(seconds=8))
    carry = make_postman(config, real_now, make_clients(config)).carry
    return Deliverer(Hands(place.open_session, carry, real_now, real_now, settings, make_allowance(config), crew=Crew))


@pytest.mark.timeout(60)
@pytest.mark.parametrize("fault", ["kill", "wipe", "freeze"])
def test_a_sender_goes_on_with_the_token_it_has(on_postgres, fault):
    with own_redis() as cache:
        sender = _sender(on_postgres, cache.url)
        try:
            on_postgres.post(20, name="before")
            sender.run_once()
            getattr(cache, fault)()
            on_postgres.post(40, name="after")
            began = time.monotonic()
            assert sender.run_once() == 40
            took = time.monotonic() - began
            if fault == "freeze":
                cache.thaw()
            on_postgres.say(f"Redis, {fault}", seconds_for_40=round(took, 2), fetched=on_postgres.tokens.fetched)
        finally:
            sender.close()
    assert (_failed(on_postgres), on_postgres.tokens.fetched) == (0, 1)
    assert on_postgres.verdict().doubled == 0
    assert took < 5  # the cache is asked once, and then left alone for a while


@pytest.mark.timeout(60)
def test_a_sender_that_never_met_its_redis_fetches_one_token(on_postgres):
    with own_redis() as cache:
        cache.kill()
        sender = _sender(on_postgres, cache.url)
        try:
            on_postgres.post(40)
            began = time.monotonic()
            assert sender.run_once() == 40
            took = time.monotonic() - began
            on_postgres.say("Redis, absent", seconds_for_40=round(took, 2), fetched=on_postgres.tokens.fetched)
            assert (_failed(on_postgres), on_postgres.tokens.fetched) == (0, 1)
            cache.start()
            on_postgres.post(20, name="again")
            assert sender.run_once() == 20
        finally:
            sender.close()
    assert (_failed(on_postgres), on_postgres.tokens.fetched) == (0, 1)
    assert took < 5  # the cache is asked once, and then left alone for a while


@pytest.mark.postgres
@pytest.mark.parametrize(("rounds", "count"), [pytest.param(8, sized(4000), marks=LONG)])
def test_clocks_send_on_while_redis_comes_and_goes(postgres, databases, rounds, count):
    with own_redis() as cache, databases.fresh("postgresql") as url, ground(url, REDIS__URL=cache.url) as place:
        place.post(count)
        for _ in range(2):
            place.clock()
        for number in range(rounds):
            more = min(count - 1, (number + 1) * (count - 20) // rounds)
            until(lambda more=more: len(place.world.sends) >= more, 60, place.states)
            _strike(cache, number)
        place.drained(120)
        place.say("Redis comes and goes", rounds=rounds, clocks=2, fetched=place.tokens.fetched)
        verdict = place.verdict()
        assert (verdict.lost, verdict.doubled, verdict.unwritten, _failed(place)) == (0, 0, 0, 0)
        assert place.tokens.fetched <= 4


def _strike(cache: OwnRedis, number: int) -> None:
    if number % 3 == 0:
        cache.kill()
    elif number % 3 == 1:
        cache.start()
    else:
        cache.wipe()
