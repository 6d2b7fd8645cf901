"""The database crashes again and again, or is away for a while: nothing is lost, nobody crashes, work goes on."""

import random
import time
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from sqlalchemy import select

from models.messages.inbox import Inbox
from tests.faults.ground import Ground, ground
from tests.faults.servers import LONG, Cluster, cluster, sized
from tests.faults.waiting import holds, until
from tests.faults.web import http, serving
from tests.gate import Wire
from wx_backend import migrations
from wx_backend.database import make_engine
from wx_backend.now import real_now


@pytest.fixture
def own() -> Iterator[Cluster]:
    """A cluster with all tables."""
    with cluster() as made:
        engine = make_engine(made.url)
        migrations.upgrade(engine)
        engine.dispose()
        yield made


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("crashes", "count"),
    [pytest.param(2, 120, marks=pytest.mark.timeout(300)), pytest.param(sized(20), sized(4000), marks=LONG)],
)
def test_a_database_that_crashes_while_letters_go_out_loses_and_doubles_none(own, crashes, count):
    dice = random.Random(7)
    with ground(own.url) as place:
        place.misbehave(0.05, "busy", "drop_after")
        place.post(count)
        clocks = [place.clock(), place.clock()]
        for number in range(crashes):
            more = min(count - 1, (number + 1) * (count - 20) // crashes)
            until(lambda more=more: len(place.world.sends) >= more, 90, lambda: len(place.world.sends))
            time.sleep(dice.random() * 0.05)
            own.stop()
            time.sleep(dice.random())
            own.start()
        until(holds(place.all_gone), 180, place.states, pause=0.1)
        assert [clock.poll() for clock in clocks] == [None, None]
        verdict = place.verdict()
        place.say("PostgreSQL stopped at once", crashes=crashes, clocks=2)
    assert (verdict.letters, verdict.lost, verdict.doubled, verdict.unwritten) == (count, 0, 0, 0)


def _write(place: Ground, url: str, number: int) -> tuple[int, str | None, float]:
    """A person writes: status, Retry-After and how long the answer took."""
    wire = Wire(None, place.config.wechat.official_account, now=real_now)
    query, body = wire.sealed(wire.text("o-1", "菜单", MsgId=number))
    began = time.monotonic()
    response = http.request("POST", f"{url}/wechat/callback?{urlencode(query)}", body=body.encode())
    return response.status, response.headers.get("Retry-After"), time.monotonic() - began


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("away", "count"), [pytest.param(5, 100, marks=pytest.mark.timeout(300)), pytest.param(60, sized(3000), marks=LONG)]
)
def test_a_database_that_is_away_is_waited_for(own, away, count):
    with ground(own.url) as place, serving(place) as (url, web):
        assert _write(place, url, 1)[0] == 200
        place.post(count)
        clock = place.clock()
        until(lambda: len(place.world.sends) >= count // 4, 60, lambda: len(place.world.sends))
        own.stop()
        answers = []
        ends = time.monotonic() + away
        while time.monotonic() < ends:
            answers.append(_write(place, url, 2))
            time.sleep(0.3)
        own.start()
        before = len(place.world.sends)
        sends_again = until(lambda: len(place.world.sends) > before, 10, place.states)
        answers_again = until(lambda: _write(place, url, 2)[0] == 200, 10, lambda: "the web still says 503", pause=0.1)
        until(holds(place.all_gone), 120, place.states, pause=0.1)
        assert (clock.poll(), web.poll()) == (None, None)
        with place.open_session() as session:
            heard = session.scalars(select(Inbox.key)).all()
        verdict = place.verdict()
        slowest = max(seconds for _, _, seconds in answers)
        place.say(
            "PostgreSQL away", seconds_away=away, refused=len(answers), slowest_answer=round(slowest, 2),
            clock_back_after=round(sends_again, 1), web_back_after=round(answers_again, 1),
        )  # fmt: skip
    assert {(status, after) for status, after, _ in answers} == {(503, "5")}
    assert slowest < 5
    assert len(heard) == 2
    assert (verdict.letters, verdict.lost, verdict.doubled, verdict.unwritten) == (count, 0, 0, 0)
