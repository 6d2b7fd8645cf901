"""The staff desk in Chromium: at a desk and on a phone nothing overflows, everything can be read, reached and done."""

import os
import shutil
from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from werkzeug.serving import make_server

from models.ordering.placing import place
from models.people.staff import StaffRole
from tests.browser.conftest import FLAGS
from tests.cast import settle
from tests.conftest import need
from tests.desk import PASSWORD, give_account
from tests.gate import close_app, config_for
from tests.letters import posted
from tests.world import NOW, Databases, disposing, served
from wx_backend.app import create_app
from wx_backend.database import make_engine, session_factory

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
PAGES = ("", "tasks/", "tasks/1", "orders/", "orders/1", "letters/", "letters/1", "residents/", "residents/1",
         "centres/", "centres/1", "seats/1", "audit/", "rules/", "rules/family.reminder/helper/t-1h", "password",
         "no/such/page")  # fmt: skip
# What is too small, or stands too little out from what it stands on (WCAG: 4.5 to 1), for whoever must read it.
UNREADABLE = """() => {
  const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).slice(0, 3)
    .map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    return .2126 * r + .7152 * g + .0722 * b }
  const ground = n => { for (; n; n = n.parentElement) { const c = getComputedStyle(n).backgroundColor
    if (!/, 0\\)|transparent/.test(c)) return c } return 'rgb(255, 255, 255)' }
  return [...document.querySelectorAll('body *')].filter(n => n.checkVisibility()
      && [...n.childNodes].some(c => c.nodeType === 3 && c.textContent.trim())).filter(n => {
    const s = getComputedStyle(n), [a, b] = [light(s.color), light(ground(n))].sort((x, y) => y - x)
    return parseFloat(s.fontSize) < 16 || (a + .05) / (b + .05) < 4.5 }).map(n => n.outerHTML.slice(0, 120)) }"""


@pytest.fixture(scope="module")
def desk(databases: Databases) -> Iterator[str]:
    """The desk's address, with the cast and one order, and an administrator who may see everything."""
    with databases.fresh("sqlite") as url, disposing(make_engine(url)) as engine:
        with session_factory(engine)() as session, session.begin():
            cast = settle(session, NOW)
            place(
                session, cast.who(cast.xiaofang), listing_id=cast.haircut.id, beneficiary_id=cast.wangnainai.id,
                answers={}, preferred_at=NOW + timedelta(hours=5), note="请走后门", client_key="k", now=NOW,
            )  # fmt: skip
            late = posted(session, key="l", person_id=cast.xiaofang.id, kind="ordering.accepted", facts={},
                        subject="order:1", now=NOW)  # fmt: skip
            late.state = "dead"
            session.add(StaffRole(person_id=cast.chen.id, role="county_admin", area_id=cast.county.id, since=NOW))
            give_account(session, cast.chen.id, "chen")
        app = create_app(config_for(url), now=lambda: NOW + timedelta(days=2))
        with served(make_server("127.0.0.1", 0, app, threaded=True)) as address:
            yield f"{address}/console/"
        close_app(app)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, or the one named by CHROMIUM."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    need(None if path else "no Chromium on this machine")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(params=[1280, 390])
def page(request: pytest.FixtureRequest, chromium: Browser, desk: str) -> Iterator[Page]:
    """A browser of this width, signed in; what the policy forbids would be complained of and fails the test."""
    opened = chromium.new_page(viewport={"width": request.param, "height": 800})
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    opened.goto(desk)
    opened.get_by_label("用户名").fill("chen")
    opened.get_by_label("密码").fill(PASSWORD)
    assert opened.evaluate(UNREADABLE) == []
    opened.get_by_role("button", name="登录").click()
    opened.get_by_role("heading", name="陈干事").wait_for()
    yield opened
    opened.close()
    assert [text for text in complaints if "404" not in text] == []


def test_every_page_fits_and_can_be_read_and_every_target_is_large_enough(page: Page, desk: str) -> None:
    assert page.viewport_size is not None
    for path in PAGES:
        page.goto(desk + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"], path
        assert page.evaluate(UNREADABLE) == [], path
        for target in page.locator("main button:visible, main .button:visible, main select:visible").all():
            box = target.bounding_box()
            assert box is not None
            assert box["height"] >= 44, (path, target.inner_text())
        assert page.locator("h1").count() == 1
        assert page.locator("main input:not([type=hidden]), main select").count() == page.locator(
            "main label input, main label select"
        ).count(), path  # fmt: skip


def test_a_clerk_without_a_mouse_comes_to_the_text_and_through_the_menu(page: Page, desk: str) -> None:
    page.goto(desk)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="跳到正文")).to_be_focused()
    if page.locator(".fold summary").is_visible():
        page.locator(".fold summary").press("Enter")
    page.get_by_role("link", name="订单", exact=True).locator("visible=true").first.press("Enter")
    expect(page).to_have_title("订单 · 连心桥")


def test_on_paper_there_is_the_list_and_nothing_that_can_be_clicked(page: Page, desk: str) -> None:
    page.goto(f"{desk}orders/")
    page.emulate_media(media="print")
    for gone in (".top", ".side", ".filter", ".pages", "td.do"):
        expect(page.locator(gone).first).to_be_hidden()
    expect(page.get_by_text("陈干事 11月26日（周四）10:00 打印")).to_be_visible()
