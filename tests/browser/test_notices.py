"""Agreeing to notices of the account on a page, in Chromium with what WeChat's own browser brings to it."""

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.test_pages import PHONE, assert_kind, context, enter
from wx_backend.demo.stage import Stage

__all__ = ["context"]
pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
PATH = "/m/settings/notices"


def tapped(page: Page, answer: str, *, keep: bool = False) -> None:
    """Taps WeChat's button and answers what it asks."""
    page.locator("wx-open-subscribe button.agree").click()
    if keep:
        page.get_by_label("总是保持以上选择").check()
    page.get_by_role("button", name=answer, exact=True).click()


@pytest.mark.parametrize("large", [False, True], ids=["standard", "large"])
def test_a_tap_is_asked_by_wechat_told_by_its_event_and_shown_and_a_kept_choice_counts_too(
    context: BrowserContext, stage: Stage, large: bool
) -> None:
    page = enter(context, stage)
    page.goto("/m/settings")
    if large:
        page.get_by_role("button", name="打开长辈版").click()
    page.get_by_role("link", name="收不到通知？").click()
    page.get_by_role("heading", name="微信通知").wait_for()
    agree = page.locator("wx-open-subscribe button.agree")
    expect(agree).to_be_visible()
    assert agree.bounding_box()["height"] >= 60  # type: ignore[index]
    assert_kind(page, PATH)
    for width in (320, 195):
        page.set_viewport_size({"width": width, "height": 640})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.set_viewport_size(PHONE)
    if large:
        return
    tapped(page, "取消")
    expect(page.locator(".state")).to_contain_text("上次您选了不同意")
    for count in (1, 2):
        tapped(page, "允许", keep=count == 2)
        expect(page.locator(".state")).to_contain_text(f"还能发{count}条")
        expect(page.locator(".told-line")).to_contain_text("记下了")
    stage.http.request("POST", f"{stage.sandbox_url}/_sandbox/clock", json={"advance_seconds": 300})  # another tap
    agree.click()  # nothing is asked, and no event comes
    expect(page.locator(".state")).to_contain_text("还能发3条")
    expect(page.locator("main")).to_contain_text("微信记住了您的选择")
    assert_kind(page, "agreed")


def test_where_wechat_refuses_or_is_away_one_sentence_says_so_and_no_button_is_dead(
    context: BrowserContext, stage: Stage
) -> None:
    page = enter(context, stage)
    shown = page.locator("[data-when]:visible")
    page.route("**/notices/sdk?*", lambda route: route.fulfill(status=503, body="{}"))
    page.goto(PATH)
    expect(shown).to_contain_text("微信这会儿没有连上")
    assert_kind(page, "away")
    page.unroute_all()
    bad = '{"appId": "wx1", "timestamp": 1, "nonceStr": "n", "signature": "s"}'
    page.route("**/notices/sdk?*", lambda route: route.fulfill(status=200, content_type="application/json", body=bad))
    page.goto(PATH)
    expect(shown).to_contain_text("微信这会儿没有连上")
    expect(page.locator("wx-open-subscribe button")).to_have_count(0)
    page.unroute_all()
    page.route("**/static/webview.js", lambda route: route.fulfill(body=""))  # a browser that is not WeChat's
    page.goto(PATH)
    expect(shown).to_contain_text("请在手机微信里打开")
    assert_kind(page, "elsewhere")
