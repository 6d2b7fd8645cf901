"""The page of notices: what there is to agree to, what a tap is worth beside WeChat's events, what is signed."""

import hashlib
import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from handlers.messages import chat
from models.messages.subscriptions import Agreed, SubscriptionEntry, agreed_to
from models.people.identities import Identity
from tests.gate import Wire, close_app, config_for
from tests.visitors import Pages
from tests.world import NOW
from wx_backend.sandbox.faults import Fault
from wx_backend.wechat.tokens import Keeper

PATH, SDK = "/m/settings/notices", "/m/settings/notices/sdk"
REMINDER, LASTING, TASK, MINI = "sub-call-reminder", "sub-order", "sub-task", "sub-mini-call-reminder"
OF = "WX_BACKEND_WECHAT__TEMPLATES"
MORE = {
    f"{OF}__ORDER_UPDATE__ACCOUNT_SUBSCRIPTION__ID": LASTING,
    f"{OF}__ORDER_UPDATE__ACCOUNT_SUBSCRIPTION__FIELDS__SERVICE": "thing1",
    f"{OF}__ORDER_UPDATE__ACCOUNT_SUBSCRIPTION__LONG_TERM": "true",
    f"{OF}__TASK_ASSIGNED__ACCOUNT_SUBSCRIPTION__ID": TASK,
    f"{OF}__TASK_ASSIGNED__ACCOUNT_SUBSCRIPTION__FIELDS__TASK": "thing1",
}
POPUP, CHANGE = "subscribe_msg_popup_event", "subscribe_msg_change_event"
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PHONE = {"User-Agent": "Mozilla/5.0 (Linux; Android 14) MicroMessenger/8.0.50"}


@pytest.fixture
def more_pages(pages, database_url, far_end):
    """Makes the same with other settings."""
    made = []

    def make(**environ):
        settings = {"WX_BACKEND_WECHAT__API_BASE_URL": far_end.url, **environ}
        made.append(Pages(config_for(database_url, **settings), far_end))
        return made[-1]

    yield make
    for one in made:
        close_app(one.app)


def tells(pages, openid, template, status="accept", event=POPUP):
    """WeChat's own event, at the callback."""
    wire = Wire(pages.app, pages.config.wechat.official_account, now=lambda: pages.now)
    tag = "SubscribeMsgPopupEvent" if event == POPUP else "SubscribeMsgChangeEvent"
    entry = {"TemplateId": template, "SubscribeStatusString": status, "PopupScene": "1"}
    assert wire.send(wire.event(openid, event, **{tag: {"List": entry}})).text == "success"


def standing(open_session, openid, *templates):
    with open_session() as session:
        identity = session.scalars(select(Identity).where(Identity.openid == openid)).one()
        held = agreed_to(session, identity.id, templates or (REMINDER,))
    return held if templates else held[REMINDER]


def ledger(open_session):
    with open_session() as session:
        rows = session.scalars(select(SubscriptionEntry).order_by(SubscriptionEntry.id))
        return [(row.change, row.why) for row in rows]


@pytest.fixture
def me(pages, cast):
    return pages.inside(cast.xiaofang)


@pytest.fixture
def taps(me):
    """What the page reports of a tap of 小芳's."""

    def tap(answer="accept", template=REMINDER):
        return me.post(PATH, template=template, answer=answer)

    return tap


@on_sqlite
def test_the_page_says_what_is_sent_and_why_how_it_stands_and_has_wechats_tag(me, pages, open_session):
    said = me.get(PATH).text
    assert all(
        part in said for part in ("亲情连线开始前提醒您", "要您先点“同意”", "还没有同意", "点一次“同意”，能发一条")
    )
    assert re.findall(r'<wx-open-subscribe template="([^"]+)">', said) == [REMINDER]
    tells(pages, me.openid, REMINDER)
    assert "还能发1条" in me.get(PATH).text
    tells(pages, me.openid, REMINDER, "reject", CHANGE)
    assert "上次您选了不同意" in me.get(PATH).text


@on_sqlite
def test_reminders_are_managed_where_the_way_to_this_page_stands(me):
    assert f'href="{PATH}"' in me.get("/m/settings").text


@on_sqlite
def test_each_sees_what_can_concern_them_and_what_is_for_good_needs_no_tap_any_more(more_pages, cast, open_session):
    pages = more_pages(**MORE)
    me, cadre = pages.inside(cast.xiaofang), pages.inside(cast.li)
    tags = re.compile(r'<wx-open-subscribe template="([^"]+)">')
    assert tags.findall(me.get(PATH).text) == [REMINDER, LASTING]
    assert tags.findall(cadre.get(PATH).text) == [REMINDER, LASTING, TASK]
    assert me.post(PATH, template=TASK, answer="accept").status_code == 404
    tells(pages, me.openid, LASTING)
    said = me.get(PATH).text
    assert "您同意了，以后都能发" in said
    assert tags.findall(said) == [REMINDER]
    assert "以后都能发" not in cadre.get(PATH).text.replace("点一次“同意”，以后都能发", "")


@on_sqlite
def test_an_asked_yes_counts_once_by_wechats_event_before_or_after_the_page_says_it(me, pages, taps, open_session):
    tells(pages, me.openid, REMINDER)
    assert taps().location == f"{PATH}?told=yes"
    assert standing(open_session, me.openid) == Agreed(1)
    assert ledger(open_session) == [(1, "accept"), (0, "told")]
    pages.now += timedelta(minutes=5)
    taps()
    tells(pages, me.openid, REMINDER)
    assert standing(open_session, me.openid) == Agreed(2)


@on_sqlite
def test_a_kept_yes_brings_no_event_and_counts_by_the_page(me, pages, taps, open_session):
    for count in (1, 2):
        taps()
        assert standing(open_session, me.openid) == Agreed(count, always=True)
        pages.now += timedelta(minutes=5)
    assert "微信记住了您的选择" in me.get(PATH).text


@on_sqlite
def test_who_has_their_choice_kept_from_the_first_tap_on_gets_as_many_as_they_tapped(me, pages, taps, open_session):
    tells(pages, me.openid, REMINDER)
    for _ in range(5):
        taps()
        pages.now += timedelta(seconds=20)
    assert standing(open_session, me.openid) == Agreed(5, always=True)


@on_sqlite
def test_a_kept_yes_for_good_is_for_good(more_pages, cast, open_session):
    me = more_pages(**MORE).inside(cast.xiaofang)
    me.post(PATH, template=LASTING, answer="accept")
    assert standing(open_session, me.openid, LASTING)[LASTING].long_term


@on_sqlite
@pytest.mark.parametrize("answer", ["reject", "ban", "cancel"])
def test_a_no_counts_whoever_says_it_first(me, pages, taps, open_session, answer):
    tells(pages, me.openid, REMINDER)
    assert taps(answer).location == f"{PATH}?told=no"
    assert standing(open_session, me.openid) == Agreed(0, refused=True)
    before = ledger(open_session)
    tells(pages, me.openid, REMINDER, "reject")
    assert standing(open_session, me.openid) == Agreed(0, refused=True)
    assert len(ledger(open_session)) == len(before) + (answer == "ban")


@on_sqlite
@pytest.mark.parametrize("answer", ["filter", "", "acceptable", "ACCEPT", "x" * 3000])
def test_what_is_no_answer_changes_nothing(taps, open_session, answer):
    assert taps(answer).location == PATH
    assert ledger(open_session) == []


@on_sqlite
@pytest.mark.parametrize("template", ["", MINI, "tmpl-call-booked", "x" * 3000, "\0"])
def test_a_template_of_another_account_or_none_is_nobodys_page(taps, open_session, template):
    assert taps(template=template).status_code == 404
    assert ledger(open_session) == []


@on_sqlite
def test_another_persons_yes_is_not_mine(me, pages, cast, taps, open_session):
    taps()
    other = pages.inside(cast.aming)
    assert "还没有同意" in other.get(PATH).text
    other.post(PATH, template=REMINDER, answer="reject")
    assert standing(open_session, me.openid).balance == 1


@on_sqlite
def test_where_notices_appear_is_said_to_followers_and_to_others(me, open_session):
    assert "您和公众号的对话里" in me.get(PATH).text
    with open_session() as session, session.begin():
        session.scalars(select(Identity).where(Identity.openid == me.openid)).one().following = False
    assert "您还没有关注公众号" in me.get(PATH).text


@on_sqlite
def test_without_anything_to_agree_to_one_sentence_says_so_and_nothing_is_loaded(me, pages):
    only_mini = tuple(topic for topic in pages.app.extensions["pages"].topics if topic.channel == "mini_subscription")
    object.__setattr__(pages.app.extensions["pages"], "topics", only_mini)
    said = me.get(PATH).text
    assert "您不用做什么" in said
    assert "wx-open-subscribe" not in said
    assert "jweixin" not in said
    assert PATH not in me.get("/m/settings").text
    assert me.post(PATH, template=MINI, answer="accept").status_code == 404


@on_sqlite
def test_the_page_stands_without_wechats_browser_with_a_sentence_in_place_of_the_button(me):
    said = me.get(PATH).text
    assert re.search(r'data-when="away">.*请在手机微信里打开', said)
    for state in ("wait", "noting", "failed"):
        assert f'data-when="{state}" hidden' in said


@on_sqlite
def test_wechats_frames_may_stand_on_this_page_and_on_no_other_and_nothing_else_may_come(more_pages, cast):
    real = more_pages(WX_BACKEND_APP__PUBLIC_URL="https://centre.example.org")
    me = real.browser(cast.xiaofang)
    enter = me.get(me.asks_wechat(me.get(PATH, headers=PHONE, base_url="https://centre.example.org")),
                   headers=PHONE, base_url="https://centre.example.org")  # fmt: skip
    assert enter.location == PATH
    for path, frames in ((PATH, True), ("/m/settings", False), (SDK, False)):
        said = me.get(path, headers=PHONE, base_url="https://centre.example.org")
        policy = said.headers["Content-Security-Policy"]
        assert ("frame-src https://*.qq.com webcompt:;" in policy) is frames
        assert "default-src 'none'" in policy
        assert "connect-src 'self';" in policy
        assert "unsafe" not in policy
        assert "webview.js" not in said.text
        scripts = re.findall(r"<script[^>]*defer[^>]*>", said.text)
        assert all('integrity="sha384-' in one for one in scripts)


@on_sqlite
def test_before_the_sandbox_the_page_brings_what_wechats_browser_would(me, far_end):
    said = me.get(PATH)
    assert f'src="{far_end.url}/static/webview.js"' in said.text
    assert f"connect-src 'self' {far_end.url};" in said.headers["Content-Security-Policy"]


@on_sqlite
def test_in_chat_who_manages_reminders_finds_the_way_here_where_there_is_anything_to_agree_to(me, pages):
    wire = Wire(pages.app, pages.config.wechat.official_account)
    assert "收不到通知？" in wire.said(wire.send(wire.text(me.openid, "我的资料")))
    said = wire.said(wire.send(wire.text(me.openid, "收不到通知")))
    assert f"{pages.config.app.public_url}{PATH}" in said
    assert "您不用做什么" in chat.rooms("", ())["me/notices"](None).text


# What is signed.


def signed(me, pages, url=None):
    return me.get(SDK, query_string={"url": f"{pages.config.app.public_url}{PATH}" if url is None else url})


@on_sqlite
@pytest.mark.parametrize("after", ["", "?told=yes", "?from=singlemessage&isappinstalled=0", "#main"])
def test_the_address_is_signed_as_the_browser_has_it(me, pages, far_end, after):
    url = f"{pages.config.app.public_url}{PATH}{after}"
    said = signed(me, pages, url).json
    assert (said["appId"], said["timestamp"]) == (pages.config.wechat.official_account.app_id, int(NOW.timestamp()))
    tickets = [ticket for ticket, _ in far_end.world.page_tickets[said["appId"]]]
    texts = [f"jsapi_ticket={ticket}&noncestr={said['nonceStr']}&timestamp={said['timestamp']}"
             f"&url={url.partition('#')[0]}" for ticket in tickets]  # fmt: skip
    assert said["signature"] in [hashlib.sha1(text.encode()).hexdigest() for text in texts]
    assert signed(me, pages, url).json["nonceStr"] != said["nonceStr"]


@on_sqlite
@pytest.mark.parametrize("url", [
    "", "x", "https://elsewhere.example/m/settings/notices", "http://127.0.0.1:8000/m/settings",
    "http://127.0.0.1:8000/m/settings/notices/", "http://127.0.0.1:8000.elsewhere.example/m/settings/notices",
])  # fmt: skip
def test_no_other_address_is_signed(me, pages, url):
    assert signed(me, pages, url).status_code == 404


@on_sqlite
def test_nothing_is_signed_for_a_stranger(pages):
    nobody = pages.browser("o-nobody")
    assert signed(nobody, pages).status_code == 302
    assert nobody.get(SDK, headers={"HX-Request": "true"}).status_code == 204


@on_sqlite
@pytest.mark.parametrize("kind", ["not_allowed", "html", "drop_after"])
def test_where_wechat_gives_no_ticket_the_page_hears_so_and_the_next_one_is_signed(
    me, pages, far_end, monkeypatch, kind
):
    monkeypatch.setattr(Keeper, "_known", lambda keeper: None)  # none is held
    faults = far_end.server.app.extensions["faults"]
    faults.standing.append(Fault("/cgi-bin/ticket/getticket", kind, left=1))
    said = signed(me, pages)
    assert (said.status_code, said.data, said.headers["Retry-After"]) == (503, b"", "10")
    assert signed(me, pages).status_code == 200


@on_sqlite
def test_nothing_is_open_in_the_database_while_wechat_is_asked(me, pages, engine, monkeypatch):
    open_then = []
    client = pages.app.extensions["pages"].entrance.client
    real = type(client).page_signature

    def watched(self, *args):
        open_then.append(pages.app.extensions["sqlalchemy"].session().in_transaction())
        return real(self, *args)

    monkeypatch.setattr(type(client), "page_signature", watched)
    assert signed(me, pages).status_code == 200
    assert open_then == [False]
