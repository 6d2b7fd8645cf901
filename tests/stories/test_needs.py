"""Needs and calls for help through the real gate: said, gathered in two taps, listed, told, kept to oneself."""

import pytest
from sqlalchemy import select

from handlers.ordering import need_words
from models.messages.letters import Letter
from models.messages.media import Media
from models.ordering.demands import DemandItem, DemandList
from models.ordering.help import HelpNote, HelpRequest
from models.ordering.needs import NeedSubmission
from models.people.staff import StaffRole
from models.tasks.tasks import Task
from tests.world import NOW
from wx_backend.speech import in_words

SECRET = "儿媳妇和我天天吵架"
# The rules stand on both databases in tests/models; for what is only said of them one is enough.
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def sends(talk, kind, **more):
    """A voice note or a picture."""
    fields = {**talk.wire.text(talk.openid, ""), "MsgType": kind, "MediaId": "media-1", **more}
    del fields["Content"]
    return talk._hear(talk.wire.send(fields))


def tells(talk, cast, person, text="村里想要一个老年食堂", how=need_words.OPEN, whose="我自己"):
    me = talk(person)
    me.says("提需求")
    if any(whose in link["label"] for link in me.links):
        me.taps(whose)
    me.says(text)
    assert "请核对" in me.heard
    me.taps(how)
    return me


def asks(talk, person, text, how=need_words.OPEN, whose="我自己"):
    me = talk(person)
    me.says("求助")
    if any(whose in link["label"] for link in me.links):
        me.taps(whose)
    me.says(text)
    if "请核对" in me.heard:
        me.taps(how)
    return me


def rows(open_session, table):
    with open_session() as session:
        return list(session.scalars(select(table).order_by(table.id)))


def said_to(open_session, person, zone):
    with open_session() as session:
        mine = select(Letter).where(Letter.person_id == person.id, Letter.kind.startswith("ordering.matter"))
        return [in_words(one.kind, one.facts, zone) for one in session.scalars(mine.order_by(Letter.id))]


def test_a_voice_becomes_item_one_of_this_quarters_list_and_hears_of_it(talk, cast, open_session):
    tells(talk, cast, cast.aming)
    assert "收到，谢谢您" in tells(talk, cast, cast.xiaofang, "食堂什么时候办？老年食堂", whose="王秀英").heard
    chen = talk(cast.chen)
    chen.says("处理需求")
    assert "2件需求" in chen.heard
    chen.taps("食堂什么时候办")
    assert "王秀英 · 葛山村（小芳代说）" in chen.heard
    assert "请李站长上门" in chen.heard
    assert "一共2人提过" in chen.taps("合并到：村里想要一个老年食堂（1人）")
    chen.taps("下一件")
    chen.taps("村里想要")
    assert "· 王秀英：食堂什么时候办" in chen.heard
    chen.taps("列入清单")
    chen.taps("新的一项（留守群体")
    assert "2026年第4季度留守群体高频需求清单（第1版）》第1项" in chen.taps("村里想要一个老年食堂")
    chen.says("需求清单")
    chen.taps("留守群体")
    assert "1. 村里想要一个老年食堂（2人）【缺服务】" in chen.heard
    chen.taps("发布")
    assert "共1项" in chen.taps("确认发布")
    provenance = "您的需求成了2026年第4季度清单第1项：“村里想要一个老年食堂”"
    for person in (cast.aming, cast.xiaofang):
        (*_, last) = said_to(open_session, person, cast.centre.tz)
        assert provenance in last
        me = talk(person)
        me.says("我的需求")
        assert "已采纳" in me.heard
        assert f"{provenance}，共2人提出" in me.taps("食堂")


@pytest.mark.case("A6")
@on_sqlite
def test_a_wrong_merge_is_taken_back_in_one_tap(talk, cast, open_session):
    tells(talk, cast, cast.aming)
    tells(talk, cast, cast.xiaofang, "想要老年食堂和澡堂")
    chen = talk(cast.chen)
    chen.says("处理需求")
    chen.taps("想要老年食堂和澡堂")
    chen.taps("合并到")
    assert "已经分开" in chen.taps("撤回合并")
    assert [need.state for need in rows(open_session, NeedSubmission)] == ["received", "triaged"]


@pytest.mark.case("A9")
@on_sqlite
def test_a_no_says_why_and_who(talk, cast, open_session):
    tells(talk, cast, cast.aming)
    chen = talk(cast.chen)
    chen.says("处理需求")
    chen.taps("老年食堂")
    chen.taps("不采纳")
    assert "已答复" in chen.says("邻村<b>食堂</b>可以用，回复“点单”")
    me = talk(cast.aming)
    me.says("我的需求")
    heard = me.taps("老年食堂")
    assert "没有采纳：邻村＜b＞食堂＜/b＞可以用" in heard
    assert "答复人：陈干事" in heard


@pytest.mark.case("B15")
@pytest.mark.parametrize("kind", ["voice", "image"])
@on_sqlite
def test_a_voice_note_or_a_picture_says_it_too(talk, cast, open_session, kind):
    me = talk(cast.aming)
    me.says("提需求")
    heard = sends(me, kind)
    assert ("[照片]" if kind == "image" else "[语音]") in heard
    me.taps(need_words.OPEN)
    (media,) = rows(open_session, Media)
    assert (media.kind, media.media_id, media.subject, media.state) == (kind, "media-1", "need:1", "waiting")


@on_sqlite
def test_what_wechat_hears_in_a_voice_note_is_kept_with_it(talk, cast, open_session):
    me = talk(cast.aming)
    me.says("提需求")
    assert "想要班车去县城" in sends(me, "voice", Recognition="想要班车去县城")
    me.taps(need_words.OPEN)
    assert rows(open_session, NeedSubmission)[0].text == "想要班车去县城"
    assert len(rows(open_session, Media)) == 1


@on_sqlite
def test_a_picture_where_nobody_asked_for_one_is_answered_as_before(talk, cast, open_session):
    assert "现在还不能看图片" in sends(talk(cast.aming), "image")
    assert rows(open_session, Media) == []


@pytest.mark.case("B15")
@on_sqlite
def test_html_is_inert_emoji_stay_and_what_is_too_long_is_asked_for_again(talk, cast, open_session):
    me = talk(cast.aming)
    me.says("提需求")
    assert "2000个字以内" in me.says("字" * 2001)
    heard = me.says('<a href="https://evil.example">领奖</a>🚌')
    assert '<a href="https://evil' not in heard
    assert all("evil" not in link["href"] for link in me.links)
    me.taps(need_words.OPEN)
    assert rows(open_session, NeedSubmission)[0].text.endswith("🚌")
    chen = talk(cast.chen)
    chen.says("处理需求")
    assert '<a href="https://evil' not in chen.heard + chen.at("need/desk/1")


@pytest.mark.case("B1")
def test_two_taps_are_one_need_and_an_old_link_hands_in_nothing(talk, cast, open_session):
    me = talk(cast.aming)
    me.says("提需求")
    me.says("想要班车")
    old = next(link["id"] for link in me.links if "need/send" in link["id"])
    me.at(old)
    assert "想要班车" in me.at(old)
    assert "放得太久" in me.at(old.replace("send/", "send/0"))
    assert len(rows(open_session, NeedSubmission)) == 1


@on_sqlite
def test_without_a_name_nothing_of_who_spoke_is_kept_and_it_is_said_that_no_answer_comes(talk, cast, open_session):
    assert "没法答复您" in tells(talk, cast, cast.aming, how="匿名提交").heard
    (need,) = rows(open_session, NeedSubmission)
    assert (need.person_id, need.said_by_id) == (None, None)
    assert "还没有提过" in talk(cast.aming).says("我的需求")
    chen = talk(cast.chen)
    chen.says("处理需求")
    assert "匿名 · 葛山村" in chen.taps("老年食堂")


@pytest.mark.case("L1", "L3")
@pytest.mark.parametrize("what", ["need", "help"])
def test_what_is_said_in_confidence_reaches_one_clerk_and_nobody_else_by_any_address(talk, cast, open_session, what):
    with open_session() as session, session.begin():
        session.add(StaffRole(person_id=cast.zhao.id, role="township_clerk", area_id=cast.township.id, since=NOW))
    say = tells if what == "need" else lambda talk, cast, *rest, **more: asks(talk, *rest, **more)
    assert "只有经办人能看到" in say(talk, cast, cast.xiaofang, SECRET, how="保密提交", whose="王秀英").heard
    (thing,) = rows(open_session, NeedSubmission if what == "need" else HelpRequest)
    holder = next(person for person in (cast.chen, cast.zhao) if person.id == thing.holder_id)
    others = [person for person in (cast.chen, cast.zhao, cast.li, cast.aming) if person.id != holder.id]
    addresses = [
        f"{what}/1", f"{what}/desk", f"{what}/desk/1", f"{what}/desk/1/kind", f"{what}/desk/1/kind/0", "task/1",
        "task/1/done", *(("need/desk/1/list", "need/desk/1/decline/0", "need/desk/1/new/0", "need/desk/1/own/0",
                          "need/desk/1/into/1", "need/desk/1/to", f"need/desk/1/to/{cast.zhao.id}")
                         if what == "need" else ("help/desk/1/to", f"help/desk/1/to/{cast.li.id}", "help/desk/1/note",
                                                 "help/desk/1/close/0")),
    ]  # fmt: skip
    for person in others:
        stranger = talk(person)
        for address in addresses:
            heard = stranger.at(address)
            assert not any(word in heard for word in ("吵架", "儿媳", "王秀英", "小芳")), (person.name, address)
    assert [row.state for row in rows(open_session, type(thing))] == ["received"]
    keeper = talk(holder)
    keeper.says("我的任务")
    assert "王秀英" not in keeper.heard
    keeper.links = [link for link in keeper.links if link["id"].startswith("task/")]
    keeper.at(keeper.links[0]["id"])
    assert SECRET in keeper.taps("去办理")
    assert "（小芳代说）" in keeper.heard
    assert "请李站长上门" not in keeper.heard  # whom it may be about is not asked by way of the village


@pytest.mark.case("L3")
@on_sqlite
def test_the_letter_about_a_secret_is_the_same_whatever_became_of_it(talk, cast, open_session):
    asks(talk, cast.aming, SECRET, how="保密提交")
    tells(talk, cast, cast.aming, SECRET, how="保密提交")
    chen = talk(cast.chen)
    chen.at("need/desk/1/decline/1")
    chen.at("help/desk/1/done")
    chen.says("两人已经和好")
    heard = said_to(open_session, cast.aming, cast.centre.tz)
    assert len(heard) == 2
    assert len(set(heard)) == 1
    assert heard[0].startswith("您反映的事项有了新进展。回复“我的需求”查看")
    me = talk(cast.aming)
    assert "两人已经和好（陈干事）" in me.at("help/1")


def test_a_call_for_help_goes_its_way(talk, cast, open_session):
    asks(talk, cast.xiaofang, "想请人陪着去医院配药", whose="王秀英")
    chen = talk(cast.chen)
    chen.says("处理求助")
    chen.taps("想请人陪着")
    chen.taps("分类")
    chen.taps("助医")
    chen.taps("交给谁办")
    assert "已经交给李站长" in chen.taps("李站长")
    li = talk(cast.li)
    li.says("我的任务")
    li.taps("请帮忙办一件事")
    li.taps("去办理")
    assert "请李站长上门" in li.heard
    li.taps("记一笔")
    li.says("约了周四上午")
    assert "约了周四上午" in li.taps("看这件求助")
    li.taps("办好了")
    assert "结果已经告诉对方" in li.says("周四已经陪去医院，药配好了")
    (heard,) = said_to(open_session, cast.xiaofang, cast.centre.tz)
    assert "办好了（经办人：李站长）" in heard
    assert "药" not in heard  # what was typed stands on the page
    me = talk(cast.xiaofang)
    me.says("我的求助")
    whole = me.taps("想请人陪着")
    assert "已办好" in whole
    assert "药配好了" in whole
    assert "约了周四" not in whole
    assert [note.text for note in rows(open_session, HelpNote)] == ["约了周四上午"]
    assert {task.state for task in rows(open_session, Task)} == {"done"}


@pytest.mark.case("A10")
@pytest.mark.parametrize("wish", ["提需求", "求助"])
@on_sqlite
def test_danger_hears_the_number_at_once_and_is_kept(talk, cast, open_session, wish):
    me = talk(cast.aming)
    me.says(wish)
    heard = me.says("隔壁着火了")
    assert heard.startswith("请马上拨打119")
    assert "已经记下" in heard
    (call,) = rows(open_session, HelpRequest)
    assert (call.text, call.urgent, call.confidential) == ("隔壁着火了", True, False)
    li = talk(cast.li)
    li.says("我的任务")
    li.taps("紧急")
    assert "隔壁着火了" in li.taps("去办理")


@pytest.mark.case("A10", "L3")
@on_sqlite
def test_who_is_beaten_at_home_hears_the_number_and_the_village_hears_nothing(talk, cast, open_session):
    me = talk(cast.aming)
    me.says("求助")
    heard = me.says("我被家暴了")
    assert "110" in heard
    assert "只有一位经办人能看到" in heard
    (call,) = rows(open_session, HelpRequest)
    assert (call.confidential, call.holder_id) == (True, cast.chen.id)
    assert "没有待办" in talk(cast.li).says("我的任务")


@pytest.mark.case("A10")
def test_danger_hears_the_number_also_where_nothing_can_be_kept(talk, cast, open_session):
    assert "119" in talk("o-nobody").says("着火了")
    with open_session() as session, session.begin():
        session.scalars(select(StaffRole).where(StaffRole.person_id == cast.chen.id)).one().ended_at = NOW
    me = talk(cast.aming)
    me.says("求助")
    assert "12356" in me.says("我不想活了")
    assert rows(open_session, HelpRequest) == []


@on_sqlite
def test_a_cadre_writes_down_what_is_said_on_paper_and_the_box_has_no_name(talk, cast, open_session):
    li = talk(cast.li)
    li.says("代记")
    li.says("王秀英")
    li.taps("王秀英")
    li.taps("需求 · 纸条")
    li.says("老人想看戏")
    li.taps(need_words.OPEN)
    li.says("代记")
    li.taps("没有署名")
    li.says("想修路灯")
    assert "没法答复您" in li.taps(need_words.OPEN)
    found = [(need.text, need.person_id, need.said_by_id, need.channel) for need in rows(open_session, NeedSubmission)]
    assert found == [("老人想看戏", cast.wangnainai.id, cast.li.id, "paper"), ("想修路灯", None, cast.li.id, "paper")]
    assert "这里是乡镇工作人员用的" in talk(cast.aming).says("代记")


def test_a_gap_is_closed_by_naming_the_service(talk, cast, open_session):
    tells(talk, cast, cast.aming)
    chen = talk(cast.chen)
    for address in ("need/desk/1/kind/0", "need/desk/1/own/1"):
        chen.at(address)
    (item,) = rows(open_session, DemandItem)
    assert item.category == "meal"
    chen.at(f"need/item/{item.id}")
    assert "已有服务" in chen.taps("爱心送餐")
    assert "【缺服务】" not in chen.at(f"need/list/{item.list_id}")
    chen.at(f"need/item/{item.id}")
    assert "还缺服务" in chen.taps("✓ 爱心送餐")
    assert "【缺服务】" in chen.at(f"need/list/{item.list_id}")


@pytest.mark.case("L1")
@on_sqlite
def test_a_stranger_who_forges_addresses_of_lists_and_desks_learns_and_moves_nothing(talk, cast, open_session):
    tells(talk, cast, cast.aming, "食堂办在葛山")
    talk(cast.chen).at("need/desk/1/own/1")
    with open_session() as session:
        item, whole = session.scalars(select(DemandItem)).one(), session.scalars(select(DemandList)).all()
    addresses = [
        "need/desk", "need/desk/1", "need/desk/1/off", "need/desk/1/decline/0", "need/lists",
        f"need/list/{item.list_id}",
        f"need/list/{item.list_id}/publish", f"need/list/{item.list_id}/publish/yes", f"need/item/{item.id}",
        f"need/item/{item.id}/cover/1", f"need/item/{item.id}/uncover/1", f"need/item/{item.id}/drop",
    ]  # fmt: skip
    for stranger in (talk(cast.zhao), talk(cast.li), talk("o-nobody")):
        for address in addresses:
            assert "食堂" not in stranger.at(address), address
    assert [row.state for row in rows(open_session, DemandList)] == [row.state for row in whole]
    assert rows(open_session, NeedSubmission)[0].state == "adopted"


@on_sqlite
def test_who_wants_no_news_says_so_in_one_tap(talk, cast, open_session):
    tells(talk, cast, cast.aming)
    me = talk(cast.aming)
    me.says("我的需求")
    me.taps("不用通知我进展")
    me.says("我的需求")
    assert "照常告诉您" in me.taps("照常通知我进展")
