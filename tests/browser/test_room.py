"""A family call between two real browsers: faces within seconds, by every way; and everything that can come between."""

import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.browser.rooms import CAMERA, PHONE, SCREEN, House, both_see, chromium, house, opens
from tests.world import Databases

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def home(databases: Databases) -> Iterator[House]:
    """One web process with SQLite and nothing else."""
    with databases.fresh("sqlite") as url, house(url) as made:
        yield made


@pytest.fixture(scope="module")
def two() -> Iterator[tuple[Browser, Browser]]:
    """Two Chromiums with cameras that show a moving picture."""
    with sync_playwright() as playwright, ExitStack() as stack:
        made = [chromium(playwright, *CAMERA) for _ in range(2)]
        for one in made:
            stack.callback(one.close)
        yield made[0], made[1]


@pytest.fixture
def sides(two: tuple[Browser, Browser]) -> Iterator[tuple[BrowserContext, BrowserContext]]:
    """The relative's phone, and the centre's screen."""
    made = two[0].new_context(viewport=PHONE), two[1].new_context(viewport=SCREEN)
    yield made
    for one in made:
        one.close()


def test_two_browsers_see_each_other_and_the_call_is_under_way(home: House, sides) -> None:
    call = home.call()
    phone, screen = opens(sides[0], home.away(call)), opens(sides[1], home.home(call))
    phone.locator("#start").click()
    screen.locator("#start").click()
    took = both_see(phone, screen)
    print("took", took)
    time.sleep(2)
    phone.screenshot(path="/tmp/phone.png"); screen.screenshot(path="/tmp/screen.png")
    assert took < 5
    assert home.state(call) == "in_call"
