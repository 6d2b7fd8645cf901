"""Every step of a conversation is an address, and nothing a person types leads nowhere."""

from datetime import timedelta

import pytest

from handlers import menu, words
from handlers.menu import FIRST
from handlers.rendering import LIMIT
from handlers.room import Ask, Choice, Reply
from handlers.router import Incoming, Router, State
from models.errors import Refused
from models.people.identities import Who
from tests.world import NOW
from wx_backend.admission import incoming_of

WHO = Who(1, 1, "小芳", "Europe/Madrid", "wx", "o-1")


class Talk:
    """One conversation with a router: `says` answers what is shown, the state goes on by itself."""

    def __init__(self, router):
        self.router, self.state, self.now, self.undone = router, State(), NOW, 0

    def hears(self, incoming):
        ask = Ask(WHO, lambda: pytest.fail("no room here needs a session"), self.now)
        ask.undo = self._undo
        spoken = self.router.answer(incoming, self.state, ask)
        if spoken is None:
            return None
        self.state = spoken.state
        assert len(spoken.text.encode()) <= LIMIT
        return spoken.text

    def _undo(self):
        self.undone += 1

    def says(self, text, **fields):
        return self.hears(incoming_of("text", {"Content": text, **fields}))

    def taps(self, address):
        return self.says("随便什么", bizmsgmenuid=address)

    def event(self, name, **fields):
        return self.hears(incoming_of("event", {"Event": name, **fields}))


def form(ask):
    """Two questions and a confirmation."""
    return Reply("几份？", (Choice("一份", "form/n/1"), Choice("两份", "form/n/2")), "form/typed", {"form": 1}, "shop")


def typed(ask):
    if not ask.text.isdigit():
        raise Refused("not_a_number", given=ask.text)
    return numbered(ask, ask.text)


def numbered(ask, n):
    return Reply(f"{n}份，对吗？", (Choice("确认", "form/done"),), draft={**ask.draft, "n": n}, back="form")


def done(ask):
    return Reply(f"好的，{ask.draft.get('n', '没有')}份。")


def refuses(ask):
    raise Refused("not_yours")


def shop(ask):
    return Reply("店里", (Choice("填表", "form"),))


@pytest.fixture
def talk():
    router = Router()
    router.join("menu", menu.ADDRESSES, keywords=menu.KEYWORDS)
    router.join(
        "test",
        {"shop": shop, "form": form, "form/typed": typed, "form/n/<int:n>": numbered, "form/done": done,
         "no": refuses, "person": lambda ask: Reply("电话")},
        keywords={"商店": "shop", "不行": "no"},
        refusals={"not_a_number": "“{given}”不是数字，请再回复一次。{nothing}"},
    )  # fmt: skip
    return Talk(router)


@pytest.mark.parametrize("said", ["2", "２", "二", "两", "2。", " 2、", "选2", "第2个", "第二个", "两份", "两份！"])
def test_a_number_in_any_writing_or_the_label_picks_a_choice_last_shown(talk, said):
    talk.says("商店")
    talk.says("1")
    assert "2份，对吗" in talk.says(said)


@pytest.mark.parametrize(
    ("said", "heard", "draft"),
    [
        ("3", "3份，对吗", {"form": 1, "n": "3"}),
        ("99", "99份，对吗", {"form": 1, "n": "99"}),
        ("十二", "“十二”不是数字", {"form": 1}),
        ("2个", "“2个”不是数字", {"form": 1}),
        ("随便", "“随便”不是数字", {"form": 1}),
    ],
)
def test_what_picks_no_choice_goes_to_the_question_that_waits(talk, said, heard, draft):
    talk.taps("form")
    assert heard in talk.says(said)
    assert talk.state.draft == draft


def test_the_twelfth_choice_is_reached_in_chinese(talk):
    many = tuple(Choice(f"第{n}项", f"many/{n}") for n in range(1, 25))
    talk.router.join("many", {"many": lambda _: Reply("选", many), "many/<int:n>": lambda _, n: Reply(f"得到{n}")})
    for said, reached in (("十二", 12), ("二十", 20), ("二十四", 24), ("第十个", 10), ("20", 20)):
        talk.taps("many")
        assert f"得到{reached}" in talk.says(said)


def test_free_text_goes_where_it_is_waited_for_and_the_draft_goes_along(talk):
    talk.taps("form")
    assert "5份" in talk.says("5")
    assert "好的，5份" in talk.says("确认")
    assert talk.state.draft == {}


def test_what_is_refused_asks_again_and_forgets_nothing(talk):
    talk.taps("form")
    said = talk.says("好<a>几份")
    assert "“好＜a＞几份”不是数字" in said
    assert talk.undone == 1
    assert (talk.state.ask_for, talk.state.draft, talk.state.back) == ("form/typed", {"form": 1}, "shop")
    assert "2份" in talk.says("2")


def test_a_refusal_outside_a_form_leads_to_the_menu(talk):
    said = talk.says("不行")
    assert said.startswith("没有找到这件事")
    assert "点单服务" in said


def test_an_unknown_refusal_is_kind_too(talk):
    def odd(ask):
        raise Refused("never_heard_of")

    talk.router.join("odd", {"odd": odd})
    assert "这件事已经有了新的进展" in talk.taps("odd")


@pytest.mark.parametrize("said", ["取消", "退出", "取消。"])
def test_cancel_works_at_every_step_and_says_that_nothing_was_submitted(talk, said):
    talk.taps("form")
    assert words.CANCELLED in talk.says(said)
    assert talk.state.draft == {}
    assert words.NOTHING_TO_CANCEL in talk.says(said)


@pytest.mark.parametrize("said", ["0", "０", "返回", "零"])
def test_back_works_at_every_step(talk, said):
    talk.taps("form")
    talk.says("5")
    assert "几份" in talk.says(said)
    assert "店里" in talk.says(said)
    assert words.MENU_TEXT in talk.says(said)


@pytest.mark.parametrize(("said", "shown"), [("菜单", words.MENU_TEXT), ("人工", "电话"), ("帮助", words.MENU_TEXT)])
def test_menu_and_a_person_are_reached_from_every_question(talk, said, shown):
    talk.taps("form")
    assert shown in talk.says(said)


@pytest.mark.parametrize("said", ["我想商店", "请帮我打开商店吧", "看看商店", "商店！", " 商 店".replace(" ", "")])
def test_a_keyword_is_heard_with_polite_words_around_it(talk, said):
    assert "店里" in talk.says(said)


def test_not_understood_offers_the_menu_and_a_person(talk):
    said = talk.says("今天天气怎么样")
    assert words.NOT_UNDERSTOOD in said
    assert "人工" in said
    assert "联系工作人员" in said


def test_not_understood_in_the_middle_of_something_keeps_it(talk):
    talk.taps("form")
    talk.says("5")
    said = talk.says("嗯嗯好的呀就这样")
    assert words.NOT_UNDERSTOOD in said
    assert "确认" in said
    assert "好的，5份" in talk.says("确认")


@pytest.mark.case("B15")
@pytest.mark.parametrize("kind", ["image", "voice", "video", "shortvideo", "location", "link", "miniprogrampage"])
def test_what_is_no_text_is_thanked_for_and_the_question_waits_on(talk, kind):
    assert words.MEDIA in talk.hears(incoming_of(kind, {"MediaId": "m"}))
    assert "点单服务" in talk.hears(incoming_of(kind, {}))
    talk.taps("form")
    assert words.MEDIA in talk.hears(incoming_of(kind, {}))
    assert "5份" in talk.says("5")


def test_a_sticker_is_no_answer_to_a_question(talk):
    talk.taps("form")
    assert words.MEDIA in talk.says("【收到不支持的消息类型，暂无法显示】")
    assert words.NOT_UNDERSTOOD in talk.says("  ")
    assert talk.state.ask_for == "form/typed"


def test_a_voice_that_wechat_understood_is_text(talk):
    assert "店里" in talk.hears(incoming_of("voice", {"Recognition": "商店。"}))


def test_a_room_may_listen_to_a_picture(talk):
    talk.router.join("photo", {}, events={"image": lambda ask: Reply(f"图 {ask.event['MediaId']}")})
    assert talk.hears(incoming_of("image", {"MediaId": "m7"})) == "图 m7"


@pytest.mark.parametrize("address", [
    "nowhere", "form/n/x", "form/n/-1", "form/n/99999999999", "form/", "/form", "form//typed", "订单", "x" * 65,
    "form?a", "form/n/1/", "../form", "form\n", " form",
])  # fmt: skip
def test_a_stale_or_malformed_address_is_kindly_expired(talk, address):
    said = talk.taps(address)
    assert words.EXPIRED in said
    assert "点单服务" in said


def test_a_stale_link_does_not_lose_what_is_being_filled_in(talk):
    talk.taps("form")
    assert words.EXPIRED in talk.taps("nowhere")
    assert "5份" in talk.says("5")


def test_a_dialogue_lapses_kindly_after_24_hours_and_not_before(talk):
    talk.taps("form")
    talk.now = NOW + timedelta(hours=24)
    assert "5份" in talk.says("5")
    talk.now += timedelta(hours=24, seconds=1)
    assert words.LAPSED in talk.says("随便")
    assert words.NOT_UNDERSTOOD in talk.says("随便")


def test_what_was_shown_a_month_ago_is_not_picked_by_what_is_typed_today(talk):
    picked = []
    talk.router.join("old", {"old": lambda _: Reply("选", (Choice("通过", "old/yes"),), back="shop"),
                             "old/yes": lambda _: picked.append(1) or Reply("已通过")})  # fmt: skip
    for said in ("1", "第一个", "通过", "更多"):
        talk.taps("old")
        talk.now += timedelta(days=30)
        assert words.EXPIRED in talk.says(said)
    talk.taps("old")
    talk.now += timedelta(days=30)
    assert words.MENU_TEXT in talk.says("返回")
    assert picked == []
    talk.taps("old")
    talk.now += timedelta(hours=24)
    assert "已通过" in talk.says("1")


def test_a_wish_is_heard_after_a_pause_whatever_was_left_unfinished(talk):
    talk.taps("form")
    talk.now += timedelta(days=3)
    assert "店里" in talk.says("我想商店")
    assert talk.state.draft == {}


def test_a_wish_said_word_for_word_leaves_a_question_with_nothing_gathered_but_no_form(talk):
    talk.router.join("find", {"find": lambda _: Reply("号码？", ask_for="find/by"),
                              "find/by": lambda ask: Reply(f"找{ask.text}")})  # fmt: skip
    talk.taps("find")
    assert "店里" in talk.says("商店")
    talk.taps("find")
    assert "找我想商店" in talk.says("我想商店")
    talk.taps("form")
    assert "“商店”不是数字" in talk.says("商店")


def test_a_link_from_an_older_conversation_starts_without_its_draft(talk):
    talk.taps("form")
    talk.says("5")
    talk.now = NOW + timedelta(days=3)
    assert "好的，没有份" in talk.taps("form/done")


def test_a_click_a_scan_and_a_follow_by_code_open_their_address(talk):
    talk.router.join("people", {}, events={"subscribe": lambda ask: Reply("欢迎" * 150, FIRST)})
    assert "店里" in talk.event("CLICK", EventKey="shop")
    assert "店里" in talk.event("SCAN", EventKey="shop", Ticket="t")
    both = talk.event("subscribe", EventKey="qrscene_form")
    assert "欢迎" in both
    assert "几份" in both
    assert talk.state.ask_for == "form/typed"
    assert "欢迎" in talk.event("subscribe", EventKey="")
    assert "欢迎" in talk.event("subscribe", EventKey="last_trade_no_4003")
    assert words.EXPIRED in talk.event("SCAN", EventKey="123")


def test_a_scan_that_leads_nowhere_still_welcomes(talk):
    talk.router.join("people", {}, events={"subscribe": lambda ask: Reply("欢迎", FIRST)})
    said = talk.event("subscribe", EventKey="qrscene_gone")
    assert said.startswith("欢迎")
    assert words.EXPIRED in said


def test_an_event_without_a_room_says_nothing_and_moves_nothing(talk):
    talk.taps("form")
    before = talk.state
    assert talk.event("VIEW", EventKey="http://127.0.0.1/") is None
    assert talk.event("something_new") is None
    assert talk.state == before


def test_long_replies_come_in_pages_and_nothing_is_lost(talk):
    sentences = [f"这是第{n}句话，说的是一件不长不短的事情。" for n in range(120)]
    choices = tuple(Choice(f"国内11月{n}日（周日）16:00 · 马德里09:00", f"call/at/{n}/1234567") for n in range(1, 31))
    talk.router.join("long", {"long": lambda ask: Reply("".join(sentences), choices, back="shop"),
                              "call/at/<int:n>/<int:m>": lambda ask, n, m: Reply(f"选了{n}")})  # fmt: skip
    shown = [talk.taps("long")]
    while words.MORE in shown[-1].rsplit("\n", 2)[-2]:
        shown.append(talk.says(words.MORE))
        assert len(shown) < 40
    whole = "".join(shown)
    assert all(sentence in whole for sentence in sentences)
    assert all(f"{n}. <a" in whole for n in range(1, 31))
    assert talk.says("更多") == words.NO_MORE
    assert "选了27" in talk.says("27")


def test_what_stands_already_is_refused_loudly():
    router = Router()
    router.join("one", {"a": shop}, keywords={"甲": "a"}, events={"subscribe": form}, refusals={"x": "y"})
    for again in (
        {"addresses": {"a": shop}}, {"addresses": {}, "keywords": {"甲。": "a"}},
        {"addresses": {}, "events": {"subscribe": form}}, {"addresses": {}, "refusals": {"x": "z"}},
    ):  # fmt: skip
        with pytest.raises(ValueError, match="stands already"):
            router.join("two", **again)


@pytest.mark.parametrize("rule", ["订单", "x" * 65, "a/<int:a>/<int:b>/<key>/<code>", "x" * 60 + "/<int:n>"])
def test_an_address_that_cannot_fit_a_code_is_refused(rule):
    with pytest.raises(ValueError, match="not an address"):
        Router().join("test", {rule: shop})


def test_a_choice_that_leads_nowhere_a_code_could_is_our_mistake(talk):
    talk.router.join("bad", {"bad": lambda ask: Reply("选", (Choice("坏", "x" * 65),))})
    with pytest.raises(ValueError, match="not an address"):
        talk.taps("bad")


def test_incoming_text_of_a_tap_is_its_address_and_not_its_label():
    assert incoming_of("text", {"Content": "取消", "bizmsgmenuid": "order"}) == Incoming(
        "text", "取消", "order", fields={"Content": "取消", "bizmsgmenuid": "order"}
    )
