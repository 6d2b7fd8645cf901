"""Family calls and their series on pages: booked, moved, cancelled, answered, made to come again, by whoever may."""

import re
from datetime import timedelta
from html import unescape

import pytest
from sqlalchemy import func, select, update

from models.family import makeup
from models.family.calls import FamilyCall
from models.family.changing import propose
from models.family.guests import guests_of
from models.family.holds import CallHold
from models.family.outcomes import report
from models.family.proposals import CallProposal
from models.family.series import Series
from models.history import history_of
from models.people.identities import Identity
from tests.gate import count
from tests.models.family.test_calls import SUNDAY_16, booked, sister
from tests.visitors import hidden
from tests.world import NOW

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
SUNDAY = int(SUNDAY_16.timestamp()) // 60
MONDAY = SUNDAY + 24 * 60
BUTTON = re.compile(r'name="at" value="(\d+)"><span class="when">([^<]+)<')


def times(cast, more=""):
    return f"/m/calls/new/{cast.wangnainai.id}{more}"


def offered(page):
    return {int(at): unescape(label) for at, label in BUTTON.findall(page.text)}


def call_of(open_session):
    with open_session() as session:
        return session.scalars(select(FamilyCall).order_by(FamilyCall.id)).first()


def a_call(open_session, cast, **how):
    with open_session() as session, session.begin():
        return booked(session, cast, **how).id


def test_a_call_is_booked_in_three_taps_and_both_clocks_are_seen_each_time(pages, cast, open_session):
    me = pages.inside(cast.xiaofang)
    assert me.get("/m/calls/new").location.endswith(times(cast))  # one elder only: straight to the times
    best = offered(me.get(times(cast)))
    assert len(best) == 3
    assert all("国内" in label and "马德里" in label and "\n" in label for label in best.values())
    day = offered(me.get(times(cast, "?day=20261129")))
    assert day[SUNDAY] == "国内16:00\n马德里09:00"
    checked = me.post(times(cast), at=SUNDAY)
    assert all(part in checked.text for part in ("王秀英", "马德里09:00", "葛山", "保留5分钟"))
    assert count(open_session, CallHold) == 1
    sent = hidden(checked)
    first, again = (me.client.post(times(cast, "/book"), data=sent) for _ in range(2))
    assert first.location == again.location
    told = me.get(first.location).text
    assert all(part in told for part in ("约好了", "已约好", "在网页里视频", "改时间", "取消这次视频"))
    assert (count(open_session, FamilyCall), count(open_session, CallHold)) == (1, 0)


@pytest.mark.case("D16")
def test_whoever_was_slower_sees_the_nearest_times_and_keeps_what_they_had(pages, cast, open_session):
    with open_session() as session, session.begin():
        sisters = [sister(session, cast, n) for n in (1, 2)]
        for n, one in enumerate(sisters):
            booked(session, cast, SUNDAY_16 - timedelta(minutes=30 * n), f"other-{n}", cast.who(one) if n else None)
    me = pages.inside(cast.xiaofang)
    gone = me.post(times(cast), at=SUNDAY)
    assert gone.status_code == 409
    assert "刚刚被约走" in gone.text
    assert offered(gone)
    assert SUNDAY not in offered(gone)
    call = call_of(open_session).id
    moved = me.post(f"/m/calls/{call}/move", at=SUNDAY - 30)
    assert (moved.status_code, call_of(open_session).starts_at) == (409, SUNDAY_16)


def test_a_call_is_moved_and_the_page_says_what_stands_until_then(pages, cast, open_session):
    call, me = a_call(open_session, cast), pages.inside(cast.xiaofang)
    asked = me.get(f"/m/calls/{call}/move?day=20261130")
    assert "现在约的是" in asked.text
    assert MONDAY in offered(asked)
    told = me.get(me.post(f"/m/calls/{call}/move", at=MONDAY).location).text
    assert "改好了" in told
    assert "国内11月30日（周一）16:00\n马德里09:00" in told
    for at in ("", "x", "9" * 11, "-5", int(NOW.timestamp()) // 60):
        anew = me.get(me.post(f"/m/calls/{call}/move", at=at).location)
        assert "请另选一个" in anew.text
    assert me.post(f"/m/calls/{call}/move", at="1\0").status_code == 404
    assert me.get("/m/calls/99999999999999999999").status_code == 404
    assert call_of(open_session).revision == 1


@pytest.mark.case("E4")
def test_a_cadre_who_moves_a_call_says_first_whose_yes_it_was(pages, cast, open_session):
    call, li = a_call(open_session, cast), pages.inside(cast.li)
    here = f"/m/calls/{call}/move"
    assert MONDAY in offered(li.get(f"{here}?day=20261130"))
    asked = li.post(here, at=MONDAY)
    assert "和谁说好的" in asked.text
    yes = dict(re.findall(r'name="yes" value="(\d+)">([^<]+)<', asked.text))
    assert set(yes.values()) == {f"和{name}{means}说好" for name in ("小芳", "王秀英")
                                 for means in ("打电话", "发微信", "当面")}  # fmt: skip
    for no in ("x", "9" * 30, "²", str(cast.aming.id * 3)):
        assert li.post(here, at=MONDAY, yes=no).status_code == 422
    assert call_of(open_session).revision == 0
    told = next(key for key, label in yes.items() if label == "和小芳发微信说好")
    assert "改好了" in li.get(li.post(here, at=MONDAY, yes=told).location).text
    with open_session() as session:
        note = history_of(session, f"call:{call}")[-1].note
    assert note.startswith(f"agreed {cast.xiaofang.id} wechat 2026-11-30T")


def test_it_is_cancelled_for_a_reason_and_taken_back_within_two_minutes(pages, cast, open_session):
    call, me = a_call(open_session, cast), pages.inside(cast.xiaofang)
    assert "老人不方便" in me.get(f"/m/calls/{call}/cancel").text
    told = me.get(me.post(f"/m/calls/{call}/cancel", reason="老人不方便").location).text
    assert all(part in told for part in ("已取消", "老人不方便", "撤回取消"))
    assert me.post(f"/m/calls/{call}/cancel", reason="又一次").status_code == 303
    assert call_of(open_session).reason == "老人不方便"
    assert "照常视频" in me.get(me.post(f"/m/calls/{call}/undo").location).text
    me.post(f"/m/calls/{call}/cancel", other="<b>晚班</b>")
    assert "<b>晚班" not in me.get(f"/m/calls/{call}").text
    pages.now += timedelta(minutes=3)
    late = me.get(f"/m/calls/{call}").text
    assert "撤回取消" not in late
    assert me.post(f"/m/calls/{call}/undo").status_code == 409
    assert f'href="/m/calls/new/{cast.wangnainai.id}"' in late


def test_another_relative_is_asked_sees_the_call_and_leaves_by_herself(pages, cast, open_session):
    with open_session() as session, session.begin():
        call, other = booked(session, cast).id, sister(session, cast).id
        app_id = pages.config.wechat.official_account.app_id
        session.execute(update(Identity).where(Identity.person_id == other).values(app_id=app_id))
    me, her = pages.inside(cast.xiaofang), pages.inside("o-sister-1")
    assert her.get(f"/m/calls/{call}").status_code == 404
    assert "请妹妹1" in me.get(f"/m/calls/{call}/guests").text
    assert "妹妹1" in me.get(me.post(f"/m/calls/{call}/guests/{other}").location).text
    seen = her.get(f"/m/calls/{call}").text
    assert "我不参加了" in seen
    assert "取消这次视频" not in seen
    assert her.get(f"/m/calls/{call}/guests").status_code == 404
    assert her.get(f"/m/series/of/{call}").status_code == 404
    assert "不参加" in her.get(her.post(f"/m/calls/{call}/guests/{other}/off").location).text
    with open_session() as session:
        assert guests_of(session, call) == []


@pytest.mark.case("E4")
@pytest.mark.parametrize(("answer", "said"), [("yes", "改好了"), ("no", "照原来的时间")])
def test_the_centres_question_waits_on_the_list_and_is_answered_once(pages, cast, open_session, answer, said):
    with open_session() as session, session.begin():
        call = booked(session, cast)
        asked = propose(session, cast.who(cast.li), call.id, SUNDAY_16 + timedelta(days=1), "设备坏了", "keep", NOW).id
    me = pages.inside(cast.xiaofang)
    assert f'href="/m/calls/asked/{asked}"' in me.get("/m/calls").text
    question = me.get(f"/m/calls/asked/{asked}").text
    assert all(
        part in question for part in ("设备坏了", "11月29日（周日）16:00", "11月30日（周一）16:00", "同意改时间")
    )
    assert pages.inside(cast.li).get(f"/m/calls/asked/{asked}").status_code == 404
    for _ in range(2):
        assert said in me.get(me.post(f"/m/calls/asked/{asked}/{answer}").location).text
    assert "已经有结果" in me.get(f"/m/calls/asked/{asked}").text
    assert call_of(open_session).starts_at == SUNDAY_16 + timedelta(days=answer == "yes")
    other = "no" if answer == "yes" else "yes"
    assert me.post(f"/m/calls/asked/{asked}/{other}").status_code == 409


def test_where_the_asked_time_is_gone_the_family_chooses_another_and_the_old_one_stands(pages, cast, open_session):
    with open_session() as session, session.begin():
        call, monday = booked(session, cast), SUNDAY_16 + timedelta(days=1)
        asked = propose(session, cast.who(cast.li), call.id, monday, "设备坏了", "keep", NOW).id
        booked(session, cast, monday, "other", cast.who(sister(session, cast)))
        call = call.id
    me = pages.inside(cast.xiaofang)
    said = me.post(f"/m/calls/asked/{asked}/yes")
    assert said.location.startswith(f"/m/calls/{call}/move")
    assert "请另选一个" in me.get(said.location).text
    with open_session() as session:
        assert session.get_one(CallProposal, asked).state == "asked"
    assert call_of(open_session).starts_at == SUNDAY_16


@pytest.mark.case("E8")
@pytest.mark.parametrize("taken", [True, False])
def test_a_makeup_waits_on_the_list_and_one_of_its_times_is_taken_or_none(pages, cast, open_session, taken):
    pages.now = SUNDAY_16 + timedelta(minutes=40)
    with open_session() as session, session.begin():
        call = booked(session, cast)
        report(session, cast.who(cast.li), call.id, "technical_failure", SUNDAY_16, pages.now)
        kept = session.scalars(select(makeup.Makeup)).one().id
    me = pages.inside(cast.xiaofang)
    assert f'href="/m/makeups/{kept}"' in me.get("/m/calls").text
    slots = offered(me.get(f"/m/makeups/{kept}"))
    assert len(slots) >= 2
    if taken:
        told = [me.post(f"/m/makeups/{kept}", at=min(slots)).location for _ in range(2)]
        assert told[0] == told[1]
        assert "约好了" in me.get(told[0]).text
    else:
        assert "放开了" in me.get(me.post(f"/m/makeups/{kept}/no").location).text
    assert count(open_session, FamilyCall) == 1 + taken
    assert "已经过了" in me.get(f"/m/makeups/{kept}").text
    assert pages.inside(cast.aming).get(f"/m/makeups/{kept}").status_code == 404


def started(me, call, **form):
    """The page that shows a series before it is begun."""
    return me.post(f"/m/series/of/{call}", **{"rule": "week-1-7", "kept": "skip", "months": "6", **form})


def begun(me, call, **form):
    return me.client.post(f"/m/series/of/{call}/begin", data=hidden(started(me, call, **form)))


@pytest.mark.case("F1", "F9")
def test_a_series_is_seen_on_both_clocks_before_it_is_begun_and_a_double_tap_begins_one(pages, cast, open_session):
    call, me = a_call(open_session, cast), pages.inside(cast.xiaofang)
    form = me.get(f"/m/series/of/{call}").text
    assert all(part in form for part in ("每周日", "每逢农历初一、十五", "农历生日", "中秋", "遇假期停一次"))
    seen = started(me, call)
    assert all(part in seen.text for part in ("王秀英、小芳", "马德里09:00", "遇到法定节假日就停一次", "12月6日"))
    assert count(open_session, Series) == 0
    again = me.client.post(f"/m/series/of/{call}", data={**hidden(seen), "edit": "1"}).text
    assert 'value="week-1-7" checked' in again
    first, second = (me.client.post(f"/m/series/of/{call}/begin", data=hidden(seen)) for _ in range(2))
    assert first.location == second.location
    told = me.get(first.location).text
    assert all(part in told for part in ("定好了", "进行中", "每周日", "改钟点", "暂停", "全部结束"))
    assert count(open_session, Series) == 1
    another = started(me, call)
    assert another.status_code == 409
    assert "已经有一个同样的定期连线" in another.text


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"rule": "birthday", "birthday": "八月十五"}, "农历八月十五生日那天"),
        ({"rule": "birthday", "birthday": "8月99"}, "没认出这个农历日子"),
        ({"rule": "birthday"}, "没认出这个农历日子"), ({"rule": ""}, "请选一种"), ({"rule": "week-0-9"}, "请选一种"),
        ({"rule": "feast-moon", "months": "6"}, "一直到您说停"), ({"months": "12"}, "到11月"),
    ],
)  # fmt: skip
def test_what_the_form_may_say_and_what_not(pages, cast, open_session, form, said):
    call, me = a_call(open_session, cast), pages.inside(cast.xiaofang)
    page = started(me, call, **form)
    assert said in page.text
    assert page.status_code == (422 if "没认出" in said or "请选" in said else 200)
    assert started(me, call, months="7").status_code == 409


@pytest.mark.case("F2", "F3", "F4")
def test_a_series_rests_goes_on_gets_another_hour_ends_and_is_taken_back(pages, cast, open_session):
    call, me = a_call(open_session, cast), pages.inside(cast.xiaofang)
    at = begun(me, call).location.partition("?")[0]

    def after(deed, **form):
        return me.get(me.post(f"{at}/{deed}", **form).location).text

    assert 'name="clock" value="1530"' in me.get(f"{at}/time").text
    assert "15:30" in after("time", clock="1530")
    assert "顺延到放假后" in after("holidays", kept="shift")
    assert "暂停中" in after("rest")
    assert "进行中" in after("go")
    until = hidden(me.get(at))["until"]
    for _ in range(2):
        assert "延长了半年" in after("longer", until=until)
    with open_session() as session:
        assert f"{session.scalars(select(Series.last_day)).one():%Y%m%d}" == until
    for wrong in ("x", "20200101"):
        assert me.post(f"{at}/longer", until=wrong).status_code in (409, 422)
    assert me.post(f"{at}/time", clock="1530", since="x").status_code == 404
    asked = me.get(f"{at}/end").text
    assert re.search(r"后面约好的\d+次都会取消", asked)
    assert "已结束" in after("end")
    assert "进行中" in after("restore")
    assert "每周日" in me.get("/m/series").text
    for bad in ({"clock": "9999"}, {"clock": ""}):
        assert me.post(f"{at}/time", **bad).status_code in (409, 422)
    assert me.post(f"{at}/holidays", kept="never").status_code == 409


@pytest.mark.case("F3")
def test_sunday_becomes_tuesday_from_one_date_on_and_each_date_is_seen_before(pages, cast, open_session):
    call, me = a_call(open_session, cast), pages.inside(cast.xiaofang)
    at = begun(me, call).location.partition("?")[0]
    assert f'href="{at}/days"' in me.get(at).text
    second = re.findall(r'href="/m/series/dates/(\d+)"', me.get(at).text)[1]
    assert f"{at}/days?since={second}" in me.get(f"/m/series/dates/{second}").text
    assert "12月8日（周二）" in me.get(f"{at}/days?since={second}").text
    form = me.get(f"{at}/rule?since={second}&day=20261208")
    assert "每月第二个周二" in form.text
    assert "请选一种" in me.post(f"{at}/rule", **hidden(form)).text
    seen = me.post(f"{at}/rule", **hidden(form), rule="week-1-2")
    assert "12月8日（周二）16:00" in seen.text
    assert "马德里09:00" in seen.text
    assert "原来约好的有3次会取消" in seen.text
    with open_session() as session:
        assert session.scalars(select(Series.rule)).all() == ["week-1-7"]
    for _ in range(2):  # a double tap
        told = me.client.post(f"{at}/turn", data=hidden(seen))
        assert told.status_code == 303
    said = me.get(told.location).text
    assert "改好了" in said
    assert "11月29日（周日）16:00" in said
    assert "12月6日" not in said
    for bad, status in (("day=x", 422), ("day=", 422), ("day=20261208&since=x", 404), ("day=20261208&since=9999", 404)):
        assert me.get(f"{at}/rule?{bad}").status_code == status
    for day, rule in (("20261208", "day-0"), ("99991231", "week-1-2"), ("20261208", "birthday")):
        assert me.post(f"{at}/turn", day=day, rule=rule).status_code == 409


@pytest.mark.case("F2", "F12")
def test_one_date_is_left_out_and_back_and_from_one_on_the_hour_changes(pages, cast, open_session):
    call, me = a_call(open_session, cast), pages.inside(cast.xiaofang)
    at = begun(me, call).location.partition("?")[0]
    dates = re.findall(r'href="(/m/series/dates/\d+)"', me.get(at).text)
    assert len(dates) >= 3
    second = dates[1]
    assert "这一次不视频" in me.get(second).text
    assert "这一次说好不视频" in me.get(me.post(f"{second}/skip").location).text
    assert "这一次恢复了" in me.get(me.post(f"{second}/again").location).text
    third = dates[2].rsplit("/", 1)[1]
    assert "前面的不变" in me.get(f"{at}/time?since={third}").text
    told = me.get(me.post(f"{at}/time", clock="1530", since=third).location).text
    assert told.count("15:30") >= 2
    assert "12月6日（周日）16:00" in told
    other = pages.inside(cast.aming)
    for path in (at, second, f"{at}/time", f"{at}/end"):
        assert other.get(path).status_code == 404
    for path in (f"{second}/skip", f"{second}/again", f"{at}/rest", f"{at}/end"):
        assert other.post(path).status_code == 404
    with open_session() as session:
        assert session.scalar(select(func.count()).select_from(Series).where(Series.state == "active")) == 1


def test_a_cadre_who_leaves_out_a_date_says_what_they_were_told_and_the_family_reads_it(pages, cast, open_session):
    call, me, li = a_call(open_session, cast), pages.inside(cast.xiaofang), pages.inside(cast.li)
    at = begun(me, call).location.partition("?")[0]
    second = re.findall(r'href="(/m/series/dates/\d+)"', li.get(at).text)[1]
    assert "老人自己说不来" in li.get(second).text
    assert "老人自己说不来" not in me.get(second).text
    unsaid = li.post(f"{second}/skip")
    assert unsaid.status_code == 422
    assert "请写明原因" in unsaid.text
    assert "这一次说好不视频" in li.get(li.post(f"{second}/skip", reason="老人自己说不来").location).text


def test_how_it_is_held_is_chosen_and_what_cannot_be_says_why(pages, cast, open_session):
    call, me = a_call(open_session, cast), pages.inside(cast.xiaofang)
    shown = me.get(f"/m/calls/{call}/way").text
    assert all(part in shown for part in ("现在选的是：在网页里视频（视频）", "工作人员用微信呼叫您", "改成语音"))
    told = me.get(me.post(f"/m/calls/{call}/way", way="by_hand", media="voice").location).text
    assert all(part in told for part in ("按新的方式", "工作人员用微信呼叫您（语音）"))
    assert call_of(open_session).way == "by_hand"
    for sent in ({"way": "smoke", "media": "voice"}, {"way": "room", "media": ""}, {}):
        assert me.post(f"/m/calls/{call}/way", **sent).status_code == 409
    me.post(f"/m/calls/{call}/way", way="room", media="video")
    with open_session() as session, session.begin():
        session.execute(update(Identity).where(Identity.person_id == cast.xiaofang.id).values(reachable=False))
    assert "请先关注公众号" in me.get(f"/m/calls/{call}/way").text
    assert me.post(f"/m/calls/{call}/way", way="by_hand", media="voice").status_code == 409
