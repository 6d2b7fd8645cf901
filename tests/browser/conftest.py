"""The whole product on free ports and one Chromium, for each module of browser tests."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from handlers.menu import MENU
from tests.conftest import need
from wx_backend.config import EXAMPLE
from wx_backend.demo.stage import Stage, stage_aside

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip

expect.set_options(timeout=30_000)  # other tests share the cores


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
