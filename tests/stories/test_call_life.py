"""What becomes of calls, in taps: cancelled, taken back, asked for another time, missed, made up for, followed up."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from handlers.family import after_words, words
from models.family.calls import FamilyCall
from models.family.makeup import Makeup
from models.family.pairing import Pairing
from models.family.reports import CallReport
from models.family.wellbeing import WellbeingTick
from models.messages.letters import Letter
from models.messages.media import Kept, Media, media_of, settle_media
from models.people.consent import agree
from models.people.identities import Identity
from models.tasks.tasks import Task
from tests.cast import APP_ID
from tests.gate import Wire, close_app, config_for
from tests.models.family.test_calls import SUNDAY_16
from tests.stories.conftest import Talk
from tests.stories.test_family_life import booked
from tests.stories.test_needs import sends
from tests.world import NOW
from wx_backend.app import create_app


class Hour:
    """A time that the story moves."""

    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def hour():
    return Hour()


@pytest.fixture
def talk(database_url, open_session, cast, hour):
    """People who talk with the account at an hour that the test moves."""
    config = config_for(database_url)
    app_id = config.wechat.official_account.app_id
    with open_session() as session, session.begin():
        for identity in session.scalars(select(Identity).where(Identity.app_id == APP_ID)):
            identity.app_id = app_id
    wire = Wire(create_app(config, now=hour), config.wechat.official_account, now=hour)
    yield lambda person: Talk(wire, f"o-{person.id}")
    close_app(wire.app)


def the(open_session, table):
    with open_session() as session:
        return session.scalars(select(table).order_by(table.id.desc())).first()


def test_another_way_is_chosen_in_two_taps_and_what_cannot_be_says_why(talk, cast, open_session):
    booked(talk, cast)
    me = talk(cast.xiaofang)
    me.says("我的连线")
    me.taps("王秀英")
    shown = me.taps("换种方式")
    assert "到时在网页里视频（视频）" in shown
    assert "小程序多人通话：有家人还没打开过小程序" in shown
    assert "工作人员用微信呼叫您（视频）" in me.taps("工作人员用微信呼叫您")
    me.taps("查看")
    me.taps("换种方式")
    assert "（语音）" in me.taps("改成语音")
    call = the(open_session, FamilyCall)
    assert (call.way, call.media) == ("by_hand", "voice")
    assert "没有找到这件事" in talk(cast.aming).at(f"call/{call.id}/way/room.video")
    assert "没有开通" in me.at(f"call/{call.id}/way/smoke.voice")


@pytest.mark.case("G2")
def test_the_second_to_cancel_hears_who_was_first(talk, cast, open_session):
    booked(talk, cast)
    me, li = talk(cast.xiaofang), talk(cast.li)
    li.at("call/1/cancel")
    me.at("call/1/cancel")
    assert words.CANCELLED in me.taps("临时有事")
    assert "小芳已经在11月24日（周二）10:00取消了" in li.taps("家人来电话取消")
    assert words.CANCELLED in me.at("call/1/cancel/0")  # the same tap again
    assert the(open_session, FamilyCall).reason == "临时有事"


@pytest.mark.case("G9")
def test_a_tap_too_many_is_taken_back_in_one_tap_for_two_minutes(talk, cast, open_session, hour):
    booked(talk, cast)
    me = talk(cast.xiaofang)
    me.at("call/1/cancel")
    me.taps("临时有事")
    assert "照常视频" in me.taps("点错了，撤回取消")
    assert the(open_session, FamilyCall).state == "booked"
    me.at("call/1/cancel")
    me.taps("临时有事")
    hour.now += timedelta(minutes=2, seconds=1)
    assert "不能撤回了" in me.taps("点错了，撤回取消")
    assert "撤回取消" not in me.at("call/1")


@pytest.mark.case("G5")
def test_the_centre_says_why_and_what_instead_before_it_cancels(talk, cast, open_session):
    booked(talk, cast)
    li = talk(cast.li)
    li.at("call/1")
    li.taps("取消")
    assert after_words.ASK_OFF in li.taps("中心办不成")
    assert after_words.ASK_INSTEAD in li.taps("停电或断网")
    assert after_words.CALLED_OFF in li.says("周一上午照常")
    found = the(open_session, FamilyCall)
    assert (found.state, found.end_code, found.reason) == ("cancelled", "centre", "停电或断网")
    assert "停电或断网" in talk(cast.xiaofang).at("call/1")
    assert "撤回" not in li.at("call/1")


@pytest.mark.case("E4")
def test_a_cadre_asks_for_another_time_and_the_family_answers_in_two_taps(talk, cast, open_session):
    booked(talk, cast)
    li, me = talk(cast.li), talk(cast.xiaofang)
    li.at("call/1")
    li.taps("问家人能不能改时间")
    li.taps("11月30日")
    assert after_words.ASK_POLICY in li.taps("16:00 · ")
    li.taps("照原来的时间")
    assert "前答复" in li.taps("设备坏了")
    me.says("我的连线")
    heard = me.taps("请答复")
    assert "原来：国内11月29日（周日）16:00 · 马德里09:00" in heard
    assert "改到：国内11月30日（周一）16:00 · 马德里09:00" in heard
    assert "原因：设备坏了" in heard
    assert "改好了" in me.taps("同意改时间")
    assert the(open_session, FamilyCall).starts_at == SUNDAY_16 + timedelta(days=1)
    assert after_words.ANSWERED in me.at("call/asked/1")
    assert "没有找到" in talk(cast.aming).at("call/asked/1")


@pytest.mark.case("I2", "I5")
def test_presence_suggests_a_cadre_confirms_in_two_taps_and_the_task_leads_back(talk, cast, open_session, hour):
    booked(talk, cast)
    li = talk(cast.li)
    hour.now = SUNDAY_16 + timedelta(minutes=25)
    assert after_words.SUGGESTED.format(what=after_words.WHAT["neither_came"]) in li.at("call/desk/1")
    assert the(open_session, FamilyCall).state == "booked"  # nothing is written by looking
    li.taps("老人没有来")
    assert the(open_session, CallReport) is None
    assert after_words.NOTED["resident_no_show"] in li.taps("是的，记下")
    li.says("我的任务")
    assert "没有到场" in li.taps("视频没到场，请看望")
    assert "王秀英与小芳视频" in li.taps("看这件事")
    me = talk(cast.xiaofang)
    me.says("我的连线")
    me.taps("补约")
    assert after_words.MAKEUP_DECLINED in me.taps("都不合适")
    assert the(open_session, Makeup).state == "declined"
    for stranger in (cast.xiaofang, cast.zhao, cast.aming):
        assert "没有找到" in talk(stranger).at("call/1/was/0/yes")


def test_after_a_call_the_cadre_ticks_and_a_follow_up_gets_its_day(talk, cast, open_session, hour):
    booked(talk, cast)
    li = talk(cast.li)
    hour.now = SUNDAY_16 + timedelta(minutes=30)
    li.at("call/desk/1")
    li.taps("视频顺利")
    li.taps("是的，记下")
    li.taps("要再去看看")
    assert "前再去看看" in li.says("腿脚有点肿<b>")
    assert "11月30日（周一）08:30" in li.taps("明天就去")
    told = the(open_session, WellbeingTick)
    assert (told.verdict, told.note) == ("follow_up", "腿脚有点肿<b>")
    assert "腿脚有点肿＜b＞" in li.at("call/desk/1")
    li.says("我的任务")
    heard = li.taps("视频后请回访")
    assert "腿脚" not in heard
    assert "腿脚" in li.taps("看这件事")
    assert "腿脚" not in talk(cast.xiaofang).at("call/1")
    assert "没有找到" in talk(cast.xiaofang).at("call/desk/1")


def test_the_day_sheet_says_whom_to_tell_and_a_tap_keeps_who_told(talk, cast, open_session, hour):
    booked(talk, cast)
    hour.now = SUNDAY_16 - timedelta(hours=6)
    li = talk(cast.li)
    heard = li.says("今天的视频")
    assert "1. 16:00–16:30 葛山村王秀英 与小芳" in heard
    assert "要打电话或上门告诉的" in heard
    assert after_words.NOT_TOLD in li.taps("王秀英")
    assert "李站长在11月29日（周日）10:00告诉了老人" in li.taps("当面说了")
    assert after_words.PHONE_NONE in li.says("今天的视频")
    assert "没有约好的视频" in talk(cast.xiaofang).says("今天的视频")


def test_news_from_home_are_written_with_consent_and_read_by_the_family(talk, cast, open_session):
    li, me = talk(cast.li), talk(cast.xiaofang)
    li.at(f"news/for/{cast.wangnainai.id}")
    assert "还没有同意" in li.says("今天晒了太阳")
    li.at(f"staff/resident/{cast.wangnainai.id}")
    li.taps("更多")
    li.taps("同意：写家乡来信")
    li.at(f"staff/resident/{cast.wangnainai.id}")
    li.taps("陪伴")
    li.taps("写家乡来信")
    assert after_words.NEWS_SENT in li.says("今天晒了太阳<b>")
    me.says("家乡来信")
    assert "今天晒了太阳＜b＞" in me.taps("王秀英")
    assert "没有找到" in talk(cast.aming).at("news/1")
    li.at(f"news/for/{cast.wangnainai.id}")
    assert "这个月已经写过" in li.says("又一封")


def test_a_photo_goes_with_news_from_home_and_comes_into_the_window_of_who_reads(talk, cast, open_session):
    li, me = talk(cast.li), talk(cast.xiaofang)
    for kind in ("home_news", "photos"):
        with open_session() as session, session.begin():
            agree(session, cast.who(cast.li), cast.wangnainai.id, kind, NOW)
    assert "请先发照片" in li.at(f"news/for/{cast.wangnainai.id}")
    assert "照片收到了" in sends(li, "image")
    assert after_words.NEWS_SENT in li.says("今天晒了太阳")
    me.says("家乡来信")
    assert "还在路上" in me.taps("王秀英")
    with open_session() as session, session.begin():
        (photo,) = media_of(session, "news:1")
        assert (photo.kind, photo.state, photo.media_id) == ("image", "waiting", "media-1")
        settle_media(session, photo.id, Kept("jpg", 7), NOW)
    me.says("家乡来信")
    heard = me.taps("王秀英")
    assert "照片马上发给您" in heard
    assert "/m/family/news/1" in heard
    me.says("家乡来信")
    assert "马上" not in me.taps("王秀英")
    with open_session() as session:
        sent = session.scalars(select(Letter).where(Letter.kind == "family.photo")).all()
        assert [(one.person_id, one.channel) for one in sent] == [(cast.xiaofang.id, "customer_service")]


def test_without_consent_to_photos_none_is_taken_and_a_voice_note_is_no_photo(talk, cast, open_session):
    li = talk(cast.li)
    with open_session() as session, session.begin():
        agree(session, cast.who(cast.li), cast.wangnainai.id, "home_news", NOW)
    assert "还没有同意拍照" in li.at(f"news/for/{cast.wangnainai.id}")
    assert "还没有同意拍照" in sends(li, "image")
    assert after_words.NEWS_SENT in li.says("今天晒了太阳")  # the words alone
    with open_session() as session, session.begin():
        agree(session, cast.who(cast.li), cast.wangnainai.id, "photos", NOW)
    li.at(f"news/for/{cast.wangnainai.id}")
    sends(li, "voice")
    with open_session() as session:
        assert session.scalars(select(Media.id)).all() == []


def test_a_volunteer_is_paired_in_a_few_taps_and_writes_down_a_visit_in_two(talk, cast, open_session):
    li, laoxu = talk(cast.li), talk(cast.laoxu)
    li.at(f"staff/resident/{cast.wangnainai.id}")
    li.taps("陪伴")
    li.taps("请人结对")
    assert after_words.NO_HELPER_FOUND in li.says("阿明")  # he holds no office
    li.says("老徐")
    li.taps("老徐")
    assert "老徐和王秀英结对了" in li.taps("每周")
    laoxu.says("我的结对")
    laoxu.taps("王秀英")
    assert "请在12月1日" in laoxu.taps("上门看了")
    assert the(open_session, Pairing).last_at == NOW
    assert "没有找到" in talk(cast.xiaofang).at("pair/desk/1")
    laoxu.at("pair/desk/1")
    assert after_words.PARTED in laoxu.taps("解除结对")


def test_a_cadre_sees_who_has_not_talked_for_long(talk, cast, open_session):
    assert "王秀英（葛山村）还没视频过" in talk(cast.li).says("好久没视频")
    assert after_words.NO_QUIET in talk(cast.xiaofang).says("好久没视频")
    with open_session() as session:
        assert session.scalars(select(Task)).all() == []
        assert session.scalars(select(Letter)).all() == []
