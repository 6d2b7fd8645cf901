"""For how long a series is wished, as an address or a form says it, and until when it goes on half a year longer."""

from datetime import date, timedelta

import pytest

from handlers.family.wishing import half_year_more, months_for
from models.family.recurring import read
from tests.models.family.serial import begun
from tests.world import NOW

WEEKLY, FEAST = read("week-1-7"), read("feast-moon")


@pytest.mark.parametrize(
    ("rule", "said", "months"),
    [
        (WEEKLY, "", 6), (WEEKLY, "6", 6), (WEEKLY, "12", 12), (WEEKLY, "0", 0), (WEEKLY, "77", 77),
        (WEEKLY, "²", 6), (WEEKLY, "x", 6), (WEEKLY, "-1", 6), (WEEKLY, "9" * 5000, 6),
        (FEAST, "", 0), (FEAST, "6", 0), (FEAST, "12", 12), (read("birthday-8-15"), "6", 0),
    ],
)  # fmt: skip
def test_what_comes_once_a_year_goes_on_until_somebody_says_so(rule, said, months):
    assert months_for(rule, said) == months


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_half_a_year_longer_counts_from_the_last_day_or_from_today(session, cast):
    series = begun(session, cast, last_day=date(2027, 1, 3))
    assert half_year_more(series, NOW) == date(2027, 7, 4)
    assert half_year_more(series, NOW + timedelta(days=365)) == (NOW + timedelta(days=365 + 182)).date()
    series.last_day = None
    assert half_year_more(series, NOW) == (NOW + timedelta(days=182)).date()
