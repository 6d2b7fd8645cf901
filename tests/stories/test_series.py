"""A family that calls every week, through the real gate: tried out, begun, rested, ended, brought back."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from models.family.booking import book
from models.family.calls import FamilyCall
from models.family.occurrences import Occurrence
from models.family.series import Series
from models.people.staff import StaffRole, end_role
from scheduler.series import sweep_series
from tests.models.family.test_calls import SUNDAY_16, sister
from tests.world import NOW


class Hands:
    """As much of the clock as series need."""

    def __init__(self, open_session, now=NOW):
        self.open_session, self.now = open_session, lambda: now


def one_booked(talk, cast):
    me = talk(cast.xiaofang)
    me.says("亲情连线")
    me.taps("11月29日")
    me.taps("16:00")
    me.taps("确认预约")
    return me


def begun(talk, cast):
    me = one_booked(talk, cast)
    me.taps("定期视频")
    me.taps("每周日")
    me.taps("确认")
    return me


def states(open_session):
    with open_session() as session:
        rows = session.scalars(select(Occurrence).order_by(Occurrence.day)).all()
        return [row.state for row in rows]


@pytest.mark.case("F2")
def test_every_week_in_three_taps_with_each_date_on_both_clocks_and_the_conflict_told_before(talk, cast, open_session):
    me = one_booked(talk, cast)
    with open_session() as session, session.begin():
        # 王奶奶 is to be somewhere else a week later.
        who, later = cast.who(sister(session, cast)), SUNDAY_16 + timedelta(days=7)
        book(session, who, cared_id=cast.wangnainai.id, starts_at=later, client_key="k9", now=NOW)
    shown = me.taps("定期视频")
    assert "怎么重复" in shown
    shown = me.taps("每周日")
    assert "国内11月29日（周日）16:00 · 马德里09:00" in shown
    assert "× 国内12月6日（周日）16:00 · 马德里09:00（这个时间已有别的安排）" in shown
    assert "国内1月3日（周日）16:00 · 马德里09:00*" in shown
    assert "国家还没有公布" in shown
    with open_session() as session:
        assert session.scalar(select(Series)) is None
    shown = me.taps("确认")
    assert "定好了！每周日，国内16:00与王秀英视频" in shown
    assert states(open_session)[:4] == ["booked", "skipped", "booked", "booked"]


@pytest.mark.case("F4")
@pytest.mark.case("G10")
def test_one_week_left_out_and_taken_up_then_rested_ended_and_brought_back(talk, cast, open_session):
    me = begun(talk, cast)
    me.says("定期连线")
    shown = me.taps("王秀英 每周日")
    assert "王秀英与小芳的定期连线（进行中）" in shown
    me.taps("单独改某一次")
    me.taps("12月13日")
    assert "这一次不视频了" in me.taps("这一次不视频")
    assert states(open_session)[:4] == ["booked", "booked", "skipped", "booked"]
    assert "恢复了" in me.taps("恢复这一次")
    me.taps("查看全部")
    assert "先暂停" in me.taps("暂停")
    assert set(states(open_session)[:4]) == {"skipped"}
    assert "恢复了" in me.taps("恢复")
    assert states(open_session)[:4] == ["booked"] * 4
    me.taps("查看")
    assert "约好的4次都会取消" in me.taps("全部结束")
    assert "全部结束了" in me.taps("全部结束")
    assert set(states(open_session)) == {"cancelled"}
    assert "都恢复了" in me.taps("恢复")
    assert states(open_session)[:4] == ["booked"] * 4


@pytest.mark.case("F3")
def test_the_hour_is_changed_from_one_week_on(talk, cast, open_session):
    me = begun(talk, cast)
    me.taps("查看或更改")
    me.taps("单独改某一次")
    me.taps("12月13日")
    shown = me.taps("从这一次起改钟点")
    assert "从12月13日（周日）16:00那一次起改" in shown
    me.at(me.links[3]["id"])
    with open_session() as session:
        clocks = [f"{row.starts_at:%H%M}" for row in session.scalars(select(Occurrence).order_by(Occurrence.day))]
    assert clocks[:2] == ["0800", "0800"]
    assert set(clocks[2:]) == {"0200"}


@pytest.mark.case("F3")
def test_sunday_becomes_tuesday_from_one_week_on_and_each_date_is_seen_before(talk, cast, open_session):
    me = begun(talk, cast)
    me.taps("查看或更改")
    me.taps("单独改某一次")
    me.taps("12月6日")
    assert "现在是每周日" in me.taps("从这一次起改日子")
    assert "从12月8日（周二）起" in me.taps("12月8日")
    shown = me.taps("每周二")
    assert "从12月6日（周日）起，改为每周二，国内16:00" in shown
    assert "原来约好的有3次会取消" in shown
    assert "国内12月8日（周二）16:00 · 马德里09:00" in shown
    assert "12月6日（周日）16:00" not in shown
    with open_session() as session:
        assert session.scalars(select(Series.rule)).all() == ["week-1-7"]  # tried out only
    assert "改好了" in me.taps("确认，就这样改")
    with open_session() as session:
        assert session.scalars(select(Series.rule)).all() == ["week-1-2"]
        live = select(Occurrence.day).where(Occurrence.state.in_(("planned", "booked"))).order_by(Occurrence.day)
        days = session.scalars(live).all()
    assert [f"{day:%m%d}" for day in days[:3]] == ["1129", "1208", "1215"]


@pytest.mark.case("F7")
def test_weekly_becomes_a_lunar_birthday_that_is_typed(talk, cast, open_session):
    me = begun(talk, cast)
    me.taps("查看或更改")
    for _ in range(3):
        if any("改日子" in link["label"] for link in me.links):
            break
        me.says("更多")
    me.taps("改日子")
    me.taps("12月2日")
    for _ in range(3):
        if any("农历生日" in link["label"] for link in me.links):
            break
        me.says("更多")
    assert "例如" in me.taps("农历生日")
    assert "没认出" in me.says("下个月")
    assert "农历八月十五生日那天" in me.says("八月十五")
    me.taps("确认，就这样改")
    with open_session() as session:
        assert session.scalars(select(Series.rule)).all() == ["birthday-8-15"]


@pytest.mark.parametrize(
    "address", ["0", "0/20261202", "0/20261202.week-1-3", "0/20261202.week-1-3/yes", "0/20261202/lunar", "99"]
)
def test_a_stranger_or_a_date_of_another_series_leads_nowhere(talk, cast, address, open_session):
    begun(talk, cast)
    for person in (cast.aming, cast.zhao):
        assert "没有找到" in talk(person).at(f"call/turn/1/{address}")
    assert "没有找到" in talk(cast.xiaofang).at("call/turn/1/99")
    for forged in ("0/99999999", "0/20261202.day-0-0", "0/00010101.week-1-2", "0/20261202/yes", "0/99991231.week-1-2"):
        heard = talk(cast.xiaofang).at(f"call/turn/1/{forged}")
        assert heard
        assert "系统" not in heard


def test_a_lunar_birthday_is_typed_as_people_write_it(talk, cast, open_session):
    me = one_booked(talk, cast)
    me.taps("定期视频")
    for _ in range(3):
        if any("农历生日" in link["label"] for link in me.links):
            break
        me.says("更多")
    assert "例如" in me.taps("农历生日")
    assert "没认出" in me.says("下个月")
    shown = me.says("闰六月初十")
    assert "农历闰六月初十生日那天" in shown
    me.taps("确认")
    with open_session() as session:
        series = session.scalars(select(Series)).one()
        assert (series.rule, series.on_holidays, series.last_day) == ("birthday-6L-10", "keep", None)


def test_a_cadre_makes_one_for_a_family_and_a_stranger_cannot(talk, cast, open_session):
    one_booked(talk, cast)
    with open_session() as session:
        call = session.scalars(select(FamilyCall.id)).one()
    li = talk(cast.li)
    li.says("定期连线")
    li.taps("从这一次开始定期：王秀英")
    li.taps("每周日")
    assert "定好了" in li.taps("确认")
    li.taps("查看或更改")
    li.taps("单独改某一次")
    li.taps("12月6日")
    assert "为什么" in li.taps("这一次不视频")  # the family reads what the cadre was told
    assert "这一次不视频了" in li.taps("老人自己说不来")
    assert "恢复了" in li.taps("恢复这一次")
    for stranger in (talk(cast.aming), talk(cast.zhao)):
        for address in (f"call/series/of/{call}", f"call/series/see/{call}/week-1-7.s", "call/series/1",
                        f"call/series/make/{call}/week-1-7.sk6", "call/series/one/1", "call/series/one/1/skip",
                        "call/series/1/end/yes", "call/series/1/rest", "call/series/1/at/0/0900"):  # fmt: skip
            assert "没有找到这件事" in stranger.at(address), address
    assert states(open_session)[:4] == ["booked"] * 4
    forged = talk(cast.xiaofang)
    for address in (f"call/series/see/{call}/week-9-9.s", f"call/series/make/{call}/week-1-7.sk7",
                    "call/series/1/holidays/never", "call/series/1/at/0/9999"):  # fmt: skip
        assert "定好了" not in forged.at(address)
        assert "改好了" not in forged.heard


@pytest.mark.case("F10")
def test_a_helper_leaves_and_one_task_names_all_that_needs_another(talk, cast, open_session):
    begun(talk, cast)
    with open_session() as session, session.begin():
        role = session.scalars(select(StaffRole).where(StaffRole.person_id == cast.li.id)).one()
        end_role(session, role, NOW)
    sweep_series(Hands(open_session))
    chen = talk(cast.chen)
    chen.says("我的任务")
    shown = chen.taps("约好的视频没人负责")
    assert "李站长不在葛山村党群服务中心工作了" in shown
    assert [day for day in ("11月29日", "12月6日", "12月13日", "12月20日") if day not in shown] == []
    assert "4次视频由您负责" in chen.taps("由我负责")
    with open_session() as session:
        assert set(session.scalars(select(FamilyCall.helper_id))) == {cast.chen.id}
    chen.says("我的任务")
    assert "没人负责" not in chen.heard


@pytest.mark.case("E6")
def test_a_calendar_link_is_given_renewed_and_stopped(talk, cast, open_session):
    me = begun(talk, cast)
    client = me.wire.app.test_client()
    me.says("我的日历")
    first = link_in(me.taps("要一个日历链接"))
    answer = client.get(first)
    assert (answer.status_code, answer.content_type) == (200, "text/calendar; charset=utf-8")
    assert "与王秀英视频" in answer.text
    me.says("我的日历")
    second = link_in(me.taps("换一个新链接"))
    assert (client.get(first).status_code, client.get(second).status_code) == (404, 200)
    me.taps("停用链接")
    assert client.get(second).status_code == 404


def link_in(text):
    return re.search(r"http\S+?(/calendar/[\w-]{43}\.ics)", text)[1]
