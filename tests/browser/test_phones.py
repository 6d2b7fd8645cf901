"""The page with the phones, in Chromium: a person can live the story by tapping, at phone width and beside others."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import segno
import urllib3
from playwright.sync_api import Browser, Locator, Page, expect

from handlers.menu import MENU
from wx_backend.demo.stage import Stage

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


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


def person(page: Page, name: str) -> Locator:
    """The phone of this person, in front; they follow from here on."""
    page.get_by_role("tab", name=name).click()
    phone = page.locator(".phone.shown")
    if phone.get_by_role("button", name="关注", exact=True).is_visible():
        phone.get_by_role("button", name="关注", exact=True).click()
        phone.get_by_text("欢迎来到党群服务中心").wait_for()
    return phone


def taps(phone: Locator, door: str, item: str) -> None:
    phone.get_by_role("button", name=door).click()
    phone.get_by_role("button", name=item, exact=True).click()


def test_a_daughter_follows_orders_and_the_offer_lies_on_another_phone(page: Page) -> None:
    phone = person(page, "小芳")
    taps(phone, "遇到困难", "点单服务")
    for label in ("王秀英", "助浴", "15:30", "没有", "确认点单"):
        phone.get_by_role("link", name=label).last.click()
    phone.get_by_text("点单成功").wait_for()
    page.get_by_role("tab", name=re.compile("李站长，.*条新消息")).wait_for()
    offered = person(page, "小红")
    offered.locator(".card").filter(has_text="王秀英").filter(has_text="请接单").wait_for()
    taps(offered, "服务奉献", "我要接单")
    offered.get_by_role("link", name="待答复").wait_for()
    told = person(page, "李站长")
    told.locator(".card").get_by_text("村民有新订单").wait_for()
    assert page.get_by_role("tab", name="李站长", exact=True).inner_text() == "李站长"


def assert_large(found: Locator) -> None:
    assert found.count() > 0
    for target in found.all():
        box = target.bounding_box()
        assert box is not None
        assert box["height"] >= 44, target.inner_text()


def test_nothing_overflows_at_phone_width_and_every_target_is_large_enough(page: Page) -> None:
    targets = page.locator("button:visible, summary:visible, .choice:visible, input:visible")
    page.get_by_role("tab", name="阿明").click()
    page.get_by_role("button", name="关注", exact=True).wait_for()
    assert_large(targets)
    phone = person(page, "阿明")
    page.get_by_role("button", name="演示工具").click()
    page.get_by_text("制造故障").click()
    assert_large(targets)
    page.get_by_role("button", name="演示工具").click()
    phone.get_by_role("button", name="服务奉献").click()
    assert_large(phone.locator(".door.open li button"))
    page.keyboard.press("Escape")
    for opener in (phone.locator(".plus"), phone.locator(".more")):
        opener.click()
        assert_large(phone.locator(".sheet button, .sheet input:visible"))
        page.keyboard.press("Escape")
        assert opener.evaluate("node => node === document.activeElement")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    sizes = page.evaluate(
        "[...document.querySelectorAll('.bubble, .choice, .card dd')].map(n => getComputedStyle(n).fontSize)"
    )
    assert sizes
    assert min(float(size.removesuffix("px")) for size in sizes) >= 16


def test_several_phones_stand_side_by_side_on_a_desk(browser: Browser, stage: Stage) -> None:
    wide = browser.new_page(viewport={"width": 1280, "height": 860})
    wide.goto(stage.sandbox_url)
    wide.locator(".phone").nth(2).wait_for()
    boxes = [wide.locator(".phone").nth(n).bounding_box() for n in range(3)]
    whole = wide.evaluate("document.documentElement.scrollHeight")
    wide.close()
    assert all(box and box["x"] >= 0 and box["x"] + box["width"] <= 1280 for box in boxes)
    assert boxes[0]["y"] == boxes[2]["y"]
    assert whole <= 860


@pytest.mark.parametrize(
    "typed",
    [
        "<img src=x onerror=alert(1)>",
        '<a href="weixin://bizmsgmenu?msgmenucontent=x&msgmenuid=menu">点我</a>',
        "&lt;b&gt;",
    ],
)
def test_what_people_type_stays_text(page: Page, typed: str) -> None:
    phone = person(page, "老徐")
    phone.get_by_role("textbox", name="写消息").fill(typed)
    phone.get_by_role("button", name="发送").click()
    bubble = phone.locator(".bubble.person").last
    expect(bubble).to_have_text(typed)
    assert bubble.locator("*").count() == 0


def wechat(stage: Stage, path: str, **sent: Any) -> Any:
    """A call of WeChat's API as the account would make it."""
    account = stage.config.wechat.official_account
    asked = {"grant_type": "client_credential", "appid": account.app_id, "secret": account.app_secret}
    ask = urllib3.PoolManager()
    token = ask.request("POST", f"{stage.sandbox_url}/cgi-bin/stable_token", json=asked).json()["access_token"]
    return ask.request("POST", f"{stage.sandbox_url}/cgi-bin/{path}?type=image&access_token={token}", **sent).json()


def test_a_qr_picture_lies_whole_in_the_conversation_and_another_phone_scans_it(page: Page, stage: Stage) -> None:
    phone = person(page, "小芳")
    phone.get_by_role("textbox", name="写消息").fill("你好")
    phone.get_by_role("button", name="发送").click()
    phone.locator(".bubble.account").last.wait_for()
    scene = {"action_name": "QR_STR_SCENE", "action_info": {"scene": {"scene_str": "order/mine"}}, "expire_seconds": 90}
    ticket = wechat(stage, "qrcode/create", json=scene)["ticket"]
    png = urllib3.PoolManager().request("GET", f"{stage.sandbox_url}/cgi-bin/showqrcode?ticket={ticket}").data
    media = wechat(stage, "media/upload", fields={"media": ("qr.png", png, "image/png")})["media_id"]
    told = {"touser": "o-demo-xiaofang", "msgtype": "image", "image": {"media_id": media}}
    assert wechat(stage, "message/custom/send", json=told)["errcode"] == 0
    picture = phone.locator(".picture.account img").last
    expect(picture).to_be_in_viewport(ratio=1)
    assert picture.evaluate("node => node.naturalWidth") > 100
    picture.click()
    phone.get_by_role("button", name="小红").click()
    other = page.locator(".phone.shown")
    expect(other).to_have_id("phone-o-demo-xiaohong")
    other.locator(".notice").filter(has_text=re.compile("扫了一个二维码|已关注")).wait_for()
    expect(other.locator(".bubble.account").last).to_contain_text("订单")
    other.locator(".plus").click()
    other.get_by_role("button", name="扫一扫", exact=True).click()
    other.locator(".code").filter(has_text="order/mine").filter(has_text="还有1分钟").first.wait_for()


def test_voice_place_and_picture_are_sent_and_answered(page: Page, tmp_path: Path) -> None:
    phone = person(page, "小芳")
    plus, sent = phone.locator(".plus"), phone.locator(".person")
    plus.click()
    phone.get_by_role("button", name="语音", exact=True).click()
    phone.get_by_role("textbox", name="说的话").fill("菜单")
    phone.get_by_role("button", name="发送语音").click()
    sent.get_by_text("菜单").last.wait_for()
    expect(phone.locator(".log > :last-child")).to_contain_text("点单服务")
    plus.click()
    phone.get_by_role("button", name="位置", exact=True).click()
    phone.get_by_role("button", name="太阳门").click()
    sent.get_by_text("位置：马德里太阳门广场").wait_for()
    segno.make("一张照片").save(str(tmp_path / "photo.png"), scale=4)
    plus.click()
    with page.expect_file_chooser() as chooser:
        phone.get_by_role("button", name="图片", exact=True).click()
    chooser.value.set_files(tmp_path / "photo.png")
    phone.locator(".picture.person img").wait_for()
    expect(phone.locator(".log > :last-child")).to_have_class("bubble account")


def test_an_open_page_lives_through_a_restart_of_the_demo(browser: Browser, stage: Stage) -> None:
    opened = browser.new_page(viewport={"width": 390, "height": 844})
    opened.goto(stage.sandbox_url)
    phone = person(opened, "阿明")
    stage.kill("sandbox")
    opened.get_by_text("演示已停下").wait_for()
    stage.start("sandbox")
    expect(opened.get_by_text("演示已停下")).to_be_hidden(timeout=20_000)
    stage.push_menu(MENU)
    expect(phone.locator(".bubble")).to_have_count(0)
    phone.get_by_role("button", name="关注", exact=True).click()
    phone.get_by_text("欢迎来到党群服务中心").wait_for()
    expect(phone).to_have_id("phone-o-demo-aming")
    opened.close()
