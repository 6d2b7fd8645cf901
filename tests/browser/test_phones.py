"""The page with the phones, in Chromium: a person can live the story by tapping, at phone width and beside others."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from handlers.menu import MENU
from tests.conftest import need
from wx_backend.config import EXAMPLE
from wx_backend.demo.stage import Stage, stage_aside

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The whole product on free ports."""
    made = stage_aside(EXAMPLE, tmp_path_factory.mktemp("stage"))
    try:
        made.prepare()
        made.up()
        made.push_menu(MENU)
        yield made
    finally:
        made.down()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, or the one named by CHROMIUM."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    need(None if path else "no Chromium on this machine")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser, stage: Stage) -> Iterator[Page]:
    """The page at phone width; whatever the page complains about fails the test."""
    opened = browser.new_page(viewport={"width": 390, "height": 844})
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.goto(stage.sandbox_url)
    yield opened
    opened.close()
    assert complaints == []


def test_a_daughter_follows_orders_and_the_offer_lies_on_another_phone(page: Page) -> None:
    phone = page.locator(".phone.shown")
    phone.get_by_role("button", name="关注", exact=True).click()
    phone.get_by_text("欢迎来到党群服务中心").wait_for()
    phone.get_by_role("button", name="遇到困难").click()
    phone.get_by_role("button", name="点单服务").click()
    for label in ("王秀英", "助洁·上门理发", "15:30", "没有", "确认点单"):
        phone.get_by_role("link", name=label).last.click()
    phone.get_by_text("点单成功").wait_for()
    page.get_by_role("tab", name="小红").click()
    page.get_by_role("tab", name="李站长").click()
    page.locator(".phone.shown .card").get_by_text("村民有新订单").wait_for()


def test_nothing_overflows_at_phone_width_and_targets_are_large_enough(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for button in page.locator(".phone.shown button:visible").all():
        box = button.bounding_box()
        assert box is not None
        if button.inner_text() not in ("关注", "取消关注"):
            assert box["height"] >= 40, button.inner_text()


def test_several_phones_stand_side_by_side_on_a_desk(browser: Browser, stage: Stage) -> None:
    wide = browser.new_page(viewport={"width": 1280, "height": 860})
    wide.goto(stage.sandbox_url)
    wide.locator(".phone").nth(2).wait_for()
    boxes = [wide.locator(".phone").nth(n).bounding_box() for n in range(3)]
    wide.close()
    assert all(box and box["x"] + box["width"] <= 1280 for box in boxes)
    assert boxes[0]["y"] == boxes[2]["y"]


def test_what_people_type_stays_text(page: Page, stage: Stage, tmp_path: Path) -> None:
    phone = page.locator(".phone.shown")
    phone.get_by_role("textbox").fill("<img src=x onerror=alert(1)>")
    phone.get_by_role("button", name="发送").click()
    phone.get_by_text("<img src=x onerror=alert(1)>").wait_for()
    assert page.locator(".log img").count() == 0
