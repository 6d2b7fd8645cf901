"""The judgement of `make bench`: a miss is excused where it is recorded, and only near the best that could be."""

import json

import pytest

from tests.bench.figure import EXCEPTIONS, Figure, excused

NAME = "first to last: huey (Redis) / ours"


def figure(value: float, *, name: str = NAME, at_best: float | None = None) -> Figure:
    return Figure(name, (value,), "ratio", 2.0, at_best=at_best)


def test_a_figure_at_its_goal_holds_and_one_below_does_not() -> None:
    assert figure(2.0).holds and not figure(1.99).holds
    assert Figure("a time", (2.0,), "s", 2.0, at_most=True).holds
    assert not Figure("a time", (2.1,), "s", 2.0, at_most=True).holds


@pytest.mark.parametrize(
    ("missed", "is_excused"),
    [
        (figure(1.7, at_best=1.75), True),
        (figure(1.3, at_best=1.75), False),  # the machine had room for more
        (figure(1.7), True),  # recorded without a bound
        (figure(1.7, name="of which nobody wrote anything", at_best=1.75), False),
    ],
)
def test_a_recorded_miss_is_excused_only_near_what_could_be(missed: Figure, is_excused: bool) -> None:
    assert (excused(missed) is not None) is is_excused


def test_every_exception_names_a_cause() -> None:
    assert all(name and len(why) > 40 for name, why in json.loads(EXCEPTIONS.read_text(encoding="utf-8")).items())
