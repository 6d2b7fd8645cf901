"""kill -9 on one to three clocks, again and again, with a WeChat that loses answers: none lost, none doubled."""

import random
import time

import pytest

from tests.faults.ground import Ground, ground
from tests.faults.servers import LONG, sized
from tests.faults.waiting import until


@pytest.mark.parametrize(
    ("kind", "kills", "count", "most"),
    [
        pytest.param("sqlite", 2, 60, 1, marks=pytest.mark.timeout(120)),
        pytest.param("postgresql", 3, 100, 3, marks=[pytest.mark.postgres, pytest.mark.timeout(120)]),
        pytest.param("sqlite", sized(20), sized(1000), 1, marks=LONG),
        pytest.param("postgresql", sized(200), sized(10_000), 3, marks=[pytest.mark.postgres, *LONG]),
    ],
)
def test_none_lost_none_doubled(kind, kills, count, most, databases, request):
    if kind == "postgresql":
        request.getfixturevalue("postgres")
    with databases.fresh(kind) as url, ground(url) as place:
        place.misbehave(0.05, "busy", "drop_after")
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
