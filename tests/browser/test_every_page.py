"""Every page of phones and desk with something on it, in Chromium: for old eyes and fingers, and small screens."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.county import County, county
from tests.browser.test_desk import UNREADABLE
from tests.browser.test_pages import PHONE, assert_kind
from tests.desk import PASSWORD
from tests.world import Databases

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
HERS = (
    "/m/orders", "/m/orders/{new}", "/m/orders/{coming}", "/m/orders/{done}", "/m/orders/{done}/rate",
    "/m/orders/{done}/complain", "/m/orders/{done}/again", "/m/waiting", "/m/waiting/{offered}", "/m/waiting/{waiting}",
    "/m/needs", "/m/needs/new", "/m/needs/{need}", "/m/help/new", "/m/help/{call}", "/m/calls",
    "/m/calls/new/{person}", "/m/calls/new/{person}?day=20261129", "/m/calls/{video}", "/m/calls/{video}/move",
    "/m/calls/{video}/cancel", "/m/calls/{video}/way", "/m/calls/{video}/guests",
    "/m/calls/asked/{proposal}", "/m/makeups/{kept}", "/m/series",
    "/m/series/of/{video}", "/m/series/{series}", "/m/series/{series}/time", "/m/series/{series}/end",
    "/m/series/{series}/days", "/m/series/{series}/rule?day=20261202", "/m/series/dates/{day}",
    "/m/settings/notices",
    "/m/family", "/m/family/link", "/m/family/links/{link}", "/m/family/links/{link}/end", "/m/family/zone",
    "/m/family/helpers", "/m/family/children", "/m/family/children/{child}/no", "/m/family/calendar", "/m/family/news",
    "/m/family/news/{letter}", "/m/family/routines/{person}", "/m/family/routines/{person}/meal",
    "/m/family/routines/{person}/nap", "/m/family/routines/{person}/market", "/m/family/routines/{me}",
    "/m/family/routines/{me}/work",
)  # fmt: skip
HIS = ("/m/jobs", "/m/jobs/today", "/m/jobs/{job}", "/m/jobs/{job}/decline", "/m/jobs/{taken}", "/m/jobs/{taken}/who",
       "/m/jobs/{taken}/back", "/m/jobs/{taken}/done", "/m/visits/{visit}/nobody")  # fmt: skip
ELDERS = ("/m/", "/m/settings/notices", "/m/calls", "/m/calls/{video}", "/m/family", "/m/family/helpers",
          "/m/family/links/{link}", "/m/family/links/{link}/end", "/m/family/routines/{person}")  # fmt: skip
DESK = ("", "tasks/", "series/", "series/{series}", "calls/", "calls/{video}", "calls/{video}/time",
        "days/", "days/new?day=2026-12-05&half=1", "days/{call_day}", "days/{call_day}/off", "days/seats/{seat}",
        "booking/{person}", "routines/{person}", "pairs/", "pairs/{pair}", "pairs/new/{person}", "quiet/",
        "needs/", "needs/{need}", "needs/{merged}", "help/", "help/{call}", "help/{burning}", "confided/",
        "confided/help/{secret}",
        "demands/", "demands/{list}", "demands/{published}", "gaps/", "waiting/", "waiting/{offered}", "orders/{new}",
        "dispatch/", "dispatch/{new}", "dispatch/{coming}", "review/", "review/{version}", "sheet/",
        "report/")  # fmt: skip


@pytest.fixture(scope="module")
def place(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[County]:
    """The township."""
    folder: Path = tmp_path_factory.mktemp("media")
    with county(databases, folder) as made:
        yield made


@pytest.mark.parametrize(
    ("who", "paths"), [("xiaofang", HERS), ("laoxu", HIS), ("wangnainai", ELDERS)],
    ids=["daughter", "organisation", "elder"],
)  # fmt: skip
def test_every_page_with_data_is_kind_to_old_eyes_and_fingers(
    browser: Browser, place: County, who: str, paths: tuple[str, ...]
) -> None:
    context = browser.new_context(viewport=PHONE, locale="zh-CN")
    context.add_cookies([{"name": "page", "value": place.cookie(who), "url": place.url}])
    page = context.new_page()
    for path in paths:
        answer = page.goto(place.url + path.format(**place.keys))
        assert answer is not None
        assert answer.status == 200, path
        assert_kind(page, path)
        page.set_viewport_size({"width": 320, "height": 640})
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, path
        page.set_viewport_size(PHONE)
    context.close()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_a_calendar_address_is_copied_by_one_tap_and_stands_there_to_be_copied_by_hand(
    browser: Browser, place: County, scripts: bool
) -> None:
    context = browser.new_context(viewport=PHONE, locale="zh-CN", java_script_enabled=scripts)
    context.add_cookies([{"name": "page", "value": place.cookie("xiaofang"), "url": place.url}])
    page = context.new_page()
    page.goto(f"{place.url}/m/family/calendar")
    page.get_by_role("button", name=re.compile("日历链接|新链接")).click()
    link = page.get_by_label("您的日历链接")
    assert re.search(r"/calendar/[\w-]{43}\.ics$", link.input_value())
    copy = page.locator("[data-copies]")
    if scripts:
        assert_kind(page, "a calendar's address")
        copy.click()
        page.get_by_role("button", name="已复制").wait_for()
    else:
        assert not copy.is_visible()
    context.close()


def at_desk(browser: Browser, place: County, width: int) -> Page:
    """A clerk's browser, signed in."""
    page = browser.new_page(viewport={"width": width, "height": 800}, locale="zh-CN")
    page.goto(f"{place.url}/console/login")
    page.get_by_label("用户名").fill("chen")
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="登录").click()
    page.get_by_role("heading", name="陈干事").wait_for()
    return page


@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_of_the_desk_with_data_fits_can_be_read_and_reached(
    browser: Browser, place: County, width: int
) -> None:
    page = at_desk(browser, place, width)
    for path in DESK:
        answer = page.goto(f"{place.url}/console/{path.format(**place.keys)}")
        assert answer is not None
        assert answer.status == 200, path
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert page.evaluate(UNREADABLE) == [], path
        small = page.locator("main button:visible, main .button:visible, main select:visible, main summary:visible")
        heights = small.evaluate_all("all => all.map(n => [n.getBoundingClientRect().height, n.outerHTML])")
        assert [text[:100] for height, text in heights if height < 44] == [], path
        nameless = page.locator("main :is(input:not([type=hidden]), select):visible")
        without = nameless.evaluate_all(
            "all => all.filter(n => !n.labels.length && !n.ariaLabel).map(n => n.outerHTML)"
        )
        assert without == [], path
        assert page.locator("h1").count() == 1, path
    page.close()
