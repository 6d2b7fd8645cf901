"""The pages in Chromium: what old eyes and fingers need is measured on every one, and an order goes through."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import select

from models.family.booking import book
from models.family.slots import free_slots
from models.people.identities import Identity, Who
from models.people.persons import Person
from tests.cast import settle
from tests.gate import close_app, config_for
from tests.world import NOW, Databases, disposing, served
from wx_backend.app import create_app
from wx_backend.database import make_engine, session_factory
from wx_backend.demo.cast import LAOXU, XIAOFANG
from wx_backend.demo.stage import Stage
from wx_backend.now import real_now
from wx_backend.sandbox.server import bound
from wx_backend.web.assets import MODULES

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
MEASURE = (Path(__file__).parent / "elder.js").read_text(encoding="utf-8")
PHONE = {"width": 390, "height": 844}


def enter(context: BrowserContext, stage: Stage, openid: str = XIAOFANG) -> Page:
    """This person's phone opens the pages from the account's menu."""
    page = context.new_page()
    page.set_default_timeout(30_000)
    opened = f"{stage.sandbox_url}/_sandbox/users/{openid}/browse?url={stage.config.app.public_url}/m/enter"
    page.goto(opened)
    return page


@pytest.fixture
def context(browser: Browser, stage: Stage) -> Iterator[BrowserContext]:
    """A browser of one's own at phone width; what its console complains about fails the test."""
    made = browser.new_context(viewport=PHONE, base_url=stage.config.app.public_url, locale="zh-CN")
    complaints: list[str] = []
    made.on("weberror", lambda error: complaints.append(str(error.error)))
    made.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    yield made
    made.close()
    # A form that does not fit is answered with 422, and the browser says so.
    assert [one for one in complaints if "the server responded with a status of" not in one] == []


def call_booked(stage: Stage) -> None:
    """小芳 has a call with her mother in some days."""
    engine = make_engine(stage.config.database.url)
    with session_factory(engine)() as session, session.begin():
        identity = session.scalars(select(Identity).where(Identity.openid == XIAOFANG)).one()
        me = session.get_one(Person, identity.person_id)
        mother = session.scalars(select(Person).where(Person.name == "王秀英")).one()
        now = real_now()
        slots = free_slots(session, me, mother, first_day=now.date() + timedelta(days=3), days=5, now=now)
        who = Who(me.id, identity.id, me.name, me.time_zone, identity.app_id, identity.openid)
        book(session, who, cared_id=mother.id, starts_at=slots[0].starts_at, client_key="pages", now=now)
    engine.dispose()


def filled(page: Page, note: str = "放在门口就好") -> None:
    """The form of 爱心送餐 for 王秀英, filled in."""
    page.goto("/m/services")
    page.get_by_role("link", name="王秀英").click()
    page.get_by_role("link", name="爱心送餐").click()
    page.get_by_label("要几份？").fill("2")
    page.get_by_label("软烂").check()
    page.locator("#at input").first.check()
    page.get_by_label("还有什么要交代的？").fill(note)


def assert_kind(page: Page, where: str) -> None:
    """Nothing on the page falls short of the elder-friendly numbers, and axe finds nothing serious."""
    page.wait_for_load_state()  # a tap is over when the next page has begun: its body may be still to come
    assert page.evaluate(MEASURE) == [], where
    page.evaluate((MODULES / "axe-core/axe.min.js").read_text(encoding="utf-8"))
    grave = page.evaluate(
        "async () => (await axe.run()).violations.filter(v => ['serious', 'critical'].includes(v.impact))"
        ".map(v => `${v.id}: ${v.nodes.map(n => n.html.slice(0, 120))}`)"
    )
    assert grave == [], where


def walk(page: Page) -> Iterator[str]:
    """Every page of the house, one after the other; answers where one is."""
    for path in (
        "/m/",
        "/m/services",
        "/m/calls",
        "/m/family",
        "/m/family/link",
        "/m/family/helpers",
        "/m/jobs",
        "/m/jobs/today",
        "/m/needs",
        "/m/needs/new",
        "/m/help/new",
        "/m/orders",
        "/m/settings",
        "/m/nothing",
    ):
        page.goto(path)
        yield path
    filled(page)
    yield "form"
    page.get_by_label("要几份？").fill("很多")
    page.get_by_role("button", name="下一步").click()
    expect(page.locator(".mistakes")).to_be_focused()
    expect(page.get_by_label("还有什么要交代的？")).to_have_value("放在门口就好")
    yield "form with a mistake"
    page.get_by_label("要几份？").fill("2")
    page.get_by_role("button", name="下一步").click()
    page.get_by_role("button", name="确认点单").wait_for()
    yield "check"
    page.get_by_role("button", name="确认点单").click()
    page.get_by_role("heading", name="点单成功").wait_for()
    expect(page).to_have_title(re.compile("^订单 "))
    yield "order"
    page.get_by_role("link", name="取消订单").click()
    page.get_by_role("button", name="确认取消").wait_for()
    yield "cancel"
    page.get_by_label("点错了").check()
    page.get_by_role("button", name="确认取消").click()
    page.get_by_text("已取消").wait_for()
    yield "cancelled order"


@pytest.mark.parametrize("large", [False, True], ids=["standard", "large"])
def test_every_page_is_kind_to_old_eyes_and_fingers(context: BrowserContext, stage: Stage, large: bool) -> None:
    page = enter(context, stage)
    if large:
        page.goto("/m/settings")
        page.get_by_role("button", name="打开长辈版").click()
        page.get_by_text("现在是长辈版").wait_for()
    else:
        call_booked(stage)
    for where in walk(page):
        assert_kind(page, where)
        # A small phone, and a page magnified to twice its size: nothing is cut off at the side.
        for width in (320, 195):
            page.set_viewport_size({"width": width, "height": 640})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (where, width)
        page.set_viewport_size(PHONE)
    if large:
        page.goto("/m/")
        sizes = page.locator(".door b").evaluate_all("all => all.map(n => parseFloat(getComputedStyle(n).fontSize))")
        assert min(sizes) >= 30  # main functions reach 30 px
        page.goto("/m/settings")
        page.get_by_role("button", name="换回标准版").click()
        page.get_by_text("现在是标准版").wait_for()


@pytest.mark.case("B1")
@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_an_order_goes_through_and_two_taps_are_one(browser: Browser, stage: Stage, scripts: bool) -> None:
    made = browser.new_context(
        viewport=PHONE, base_url=stage.config.app.public_url, java_script_enabled=scripts, locale="zh-CN"
    )
    page = enter(made, stage)
    page.goto("/m/orders")
    before = page.locator(".row").count()
    filled(page, note=f"第{before}次")
    page.get_by_role("button", name="下一步").click()
    expect(page.locator(".facts")).to_contain_text(f"第{before}次")
    page.get_by_role("button", name="确认点单").dblclick()
    page.get_by_role("heading", name="点单成功").wait_for()
    page.goto("/m/orders")
    assert page.locator(".row").count() == before + 1
    made.close()


def test_everything_is_reached_with_the_keyboard_and_its_focus_is_seen(context: BrowserContext, stage: Stage) -> None:
    page = enter(context, stage)
    filled(page)
    page.goto(page.url)
    # Of a group of circles the keyboard reaches one, and the arrows the others.
    wanted = page.evaluate(
        "new Set([...document.querySelectorAll('a, button, input:not([type=hidden]), textarea')]"
        ".map(n => n.type === 'radio' ? n.name : n.id || n.href || n.textContent)).size"
    )
    reached: set[str] = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        at = page.evaluate(
            "(() => { const n = document.activeElement; if (n === document.body) return null;"
            "const ring = getComputedStyle(n).outlineStyle !== 'none' || n.matches('.skip');"
            "return [n.type === 'radio' ? n.name : n.id || n.href || n.textContent, ring] })()"
        )
        if at is None:
            break
        assert at[1], at[0]
        reached.add(at[0])
    assert len(reached) == wanted


def test_what_was_typed_stands_without_a_network_and_when_we_are_in_trouble(browser: Browser, stage: Stage) -> None:
    made = browser.new_context(viewport=PHONE, base_url=stage.config.app.public_url, locale="zh-CN")
    page = enter(made, stage)
    filled(page)
    made.set_offline(True)
    page.get_by_role("button", name="下一步").click()
    page.get_by_text("网络不通").wait_for()
    expect(page.get_by_label("还有什么要交代的？")).to_have_value("放在门口就好")
    made.set_offline(False)
    page.route("**/m/services/*/*", lambda route: route.fulfill(status=503, body="away"))
    page.get_by_role("button", name="下一步").click()
    page.get_by_text("系统出了点小问题").wait_for()
    expect(page.get_by_label("还有什么要交代的？")).to_have_value("放在门口就好")
    page.unroute_all()
    page.get_by_role("button", name="下一步").click()
    page.get_by_role("button", name="确认点单").wait_for()
    made.close()


def test_how_to_get_here_with_wechat_is_kind_too(context: BrowserContext, databases: Databases) -> None:
    with databases.fresh("sqlite") as url, disposing(make_engine(url)) as engine:
        with session_factory(engine)() as session, session.begin():
            settle(session, NOW)
        config = config_for(
            url, WX_BACKEND_APP__PUBLIC_URL="https://centre.example.org",
            WX_BACKEND_WECHAT__API_BASE_URL="https://api.weixin.qq.com",
        )  # fmt: skip
        app = create_app(config)
        with served(bound(app, "127.0.0.1", 0)) as address:
            page = context.new_page()
            page.goto(f"{address}/m/orders")
            page.get_by_role("heading", name="请用微信打开").wait_for()
            assert_kind(page, "elsewhere")
        close_app(app)


def test_a_phone_of_the_demo_opens_the_pages_from_its_menu_and_another_is_somebody_else(
    context: BrowserContext, stage: Stage
) -> None:
    phones = context.new_page()
    phones.goto(stage.sandbox_url)
    for name in ("老徐", "小红"):
        phones.get_by_role("tab", name=name).click()
        shown = phones.locator(".phone.shown")
        shown.get_by_role("button", name="遇到困难").click()
        with context.expect_page() as opened:
            shown.get_by_role("button", name="大字网页").click()
        opened.value.get_by_role("heading", name=f"{name}，您好").wait_for()
    assert enter(context, stage, LAOXU).get_by_role("heading", name="老徐，您好").is_visible()
