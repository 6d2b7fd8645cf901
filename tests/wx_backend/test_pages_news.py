"""News from home, the calendar's address and people's days on pages: read, switched, renewed, written down."""

import re

import pytest
from icalendar import Calendar
from sqlalchemy import select

from models.family.feeds import CalendarFeed
from models.family.news import write
from models.family.routines import Routine, habits_of
from models.history import History
from models.messages.reach import Reach
from models.people.consent import agree
from models.people.persons import Person
from tests.gate import count
from tests.models.family.test_calls import booked
from tests.own_phone import with_a_phone
from tests.visitors import hidden
from tests.world import NOW
from tests.wx_backend.test_pages_family import after

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def letter(open_session, cast):
    """What 李站长 wrote this month."""
    with open_session() as session, session.begin():
        agree(session, cast.who(cast.li), cast.wangnainai.id, "home_news", NOW)
        return write(session, cast.who(cast.li), cast.wangnainai.id, "今天在院子里<b>晒太阳</b>\n吃了面", NOW).id


def test_news_are_read_with_who_agreed_and_only_as_long_as_they_do(pages, cast, open_session, letter):
    app_id = pages.config.wechat.official_account.app_id
    with open_session() as session, session.begin():
        with_a_phone(session, cast.wangnainai, app_id)
    me = pages.inside(cast.xiaofang)
    listed = me.get("/m/family/news").text
    assert all(part in listed for part in ("王秀英", "2026年11月", "同意写来信", f"/m/family/news/{letter}"))
    read = me.get(f"/m/family/news/{letter}").text
    assert all(part in read for part in ("王秀英的家乡来信", "&lt;b&gt;晒太阳", "写于11月24日（周二）", "约个视频"))
    after(pages.inside(cast.wangnainai), "/m/family/consents/home_news/no")
    assert "还没有同意" in me.get("/m/family/news").text
    assert f"/m/family/news/{letter}" not in me.get("/m/family/news").text
    assert me.get(f"/m/family/news/{letter}").status_code == 404


def test_who_wants_to_hear_of_no_news_hears_none_and_reads_them_all_the_same(pages, cast, open_session, letter):
    me = pages.inside(cast.xiaofang)

    def told():
        with open_session() as session:
            return Reach(session, [cast.xiaofang.id], None, NOW).wants(cast.xiaofang.id, "family.news")

    assert "现在有来信会告诉您" in me.get("/m/family/news").text
    for _ in range(2):
        assert "有来信不再告诉您" in after(me, "/m/family/news/bell", silent=1)
    assert (told(), me.get(f"/m/family/news/{letter}").status_code) == (False, 200)
    assert "有来信就告诉您" in after(me, "/m/family/news/bell", silent=0)
    assert told()


def test_a_calendar_address_is_shown_once_copied_renewed_and_switched_off(pages, cast, open_session):
    with open_session() as session, session.begin():
        booked(session, cast)
    me = pages.inside(cast.xiaofang)
    assert "还没有日历链接" in me.get("/m/family/calendar").text
    first, shown = given(pages, me)
    assert all(part in shown for part in ("请别转发", "订阅日历", 'data-copies="link"'))
    assert len(Calendar.from_ical(read(pages, first).data).walk("VEVENT")) == 1
    page = me.get("/m/family/calendar").text
    assert first not in page
    assert "已经有一个链接（11月24日" in page
    second, _ = given(pages, me)
    assert [read(pages, one).status_code for one in (first, second)] == [404, 200]
    assert "已停用" in after(me, "/m/family/calendar/stop")
    after(me, "/m/family/calendar/stop")
    assert read(pages, second).status_code == 404


def test_a_form_sent_twice_does_not_end_the_address_that_was_just_copied(pages, cast, open_session):
    me = pages.inside(cast.xiaofang)
    sent = hidden(me.get("/m/family/calendar"))
    address = re.search(r"/calendar/[\w-]{43}\.ics", me.client.post("/m/family/calendar", data=sent).text)[0]
    again = me.client.post("/m/family/calendar", data=sent)
    assert again.status_code == 303
    assert "刚才已经开了一个新链接" in me.get(again.location).text
    assert read(pages, address).status_code == 200
    assert me.post("/m/family/calendar", seen="x").status_code == 303
    assert count(open_session, CalendarFeed) == 1


def test_who_is_called_has_their_calls_in_a_calendar_of_their_own(pages, cast, open_session):
    app_id = pages.config.wechat.official_account.app_id
    with open_session() as session, session.begin():
        with_a_phone(session, cast.wangnainai, app_id)
        call = booked(session, cast)
        call.venue_mode = "at_home"
    her = pages.inside(cast.wangnainai)
    address, _ = given(pages, her)
    (event,) = Calendar.from_ical(read(pages, address).data).walk("VEVENT")
    assert (str(event["summary"]), str(event["location"])) == ("与小芳视频", "您家里（工作人员带设备上门）")
    assert "马德里" not in str(event["description"])
    with open_session() as session, session.begin():
        session.get_one(Person, cast.wangnainai.id).left_behind = "child"
    assert Calendar.from_ical(read(pages, address).data).walk("VEVENT") == []


def given(pages, me):
    """A new address, and the page that shows it."""
    page = me.client.post("/m/family/calendar", data=hidden(me.get("/m/family/calendar")))
    assert page.status_code == 200
    found = re.search(r">(http\S+?(/calendar/[\w-]{43}\.ics))<", page.text)
    assert found[1].startswith(pages.config.app.public_url)
    return found[2], page.text


def read(pages, address):
    return pages.app.test_client().get(address)


def habits(open_session, person, at_home=True):
    with open_session() as session:
        found = session.get_one(Person, person.id)
        return {
            (one.kind, f"{one.begins:%H:%M}", f"{one.ends:%H:%M}", one.weekdays, one.month_ends)
            for one in habits_of(session, [found], [found.id] if at_home else ())[found.id]
        }


def test_a_relative_says_when_her_mother_eats_naps_and_goes_to_market(pages, cast, open_session):
    me, at = pages.inside(cast.xiaofang), f"/m/family/routines/{cast.wangnainai.id}"
    page = me.get(at).text
    assert all(part in page for part in ("王秀英的作息", "11:30–12:30", "12:30–14:00", "还没有记下"))
    assert "睡觉" not in page  # that is hers, or a cadre's, to say
    assert 'name="from0" value="11:30"' in me.get(f"{at}/meal").text
    told = after(me, f"{at}/meal", **{"is": "some", "from0": "11:00", "until0": "12:00", "from2": "18:00",
                                      "until2": "18:40"})  # fmt: skip
    assert all(part in told for part in ("记下了", "11:00–12:00", "18:00–18:40"))
    assert "不午休" in after(me, f"{at}/nap", **{"is": "never"})
    market = me.post(f"{at}/market", **{"is": "some", "end": ["3", "8"]})
    assert "逢3、8 07:00–11:00" in me.get(market.location).text
    form = me.get(f"{at}/market").text
    assert 'value="8" checked' in form
    assert 'value="07:00"' in form
    assert 'value="never" checked' in me.get(f"{at}/nap").text
    assert {("meal", "11:00", "12:00", "", ""), ("nap", "00:00", "00:00", "", ""),
            ("market", "07:00", "11:00", "", "38")} < habits(open_session, cast.wangnainai)  # fmt: skip
    with open_session() as session:
        written = session.scalars(select(History).where(History.subject == f"routine:{cast.wangnainai.id}")).all()
        assert {(one.as_role, one.by_person_id) for one in written} == {("relative", cast.xiaofang.id)}


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        ("meal", {}), ("meal", {"from0": "11:00"}), ("meal", {"from0": "11:00", "until0": "11:00"}),
        ("nap", {"from0": "25:00", "until0": "26:00"}), ("nap", {"from0": "x", "until0": "9" * 4000}),
        ("market", {"from0": "07:00", "until0": "10:00"}), ("market", {"is": "some"}),
    ],
)  # fmt: skip
def test_half_a_span_is_none_and_what_was_typed_stands(pages, cast, open_session, kind, form):
    me = pages.inside(cast.xiaofang)
    page = me.post(f"/m/family/routines/{cast.wangnainai.id}/{kind}", **form)
    assert page.status_code == 422
    assert "没有的话，选“" in page.text
    assert form.get("from0", "") in page.text
    assert count(open_session, Routine) == 0


def test_who_has_not_seen_what_another_wrote_sees_it_first_and_the_same_form_again_is_once(pages, cast, open_session):
    me, li = pages.inside(cast.xiaofang), pages.inside(cast.li)
    at = f"/m/family/routines/{cast.wangnainai.id}/nap"
    seen = hidden(me.get(at))["seen"]
    after(li, at, **{"is": "some", "from0": "13:00", "until0": "15:00"})
    mine = {"is": "some", "from0": "12:00", "until0": "12:40"}
    refused = me.post(at, seen=seen, **mine)
    assert refused.status_code == 409
    assert all(part in refused.text for part in ("刚才有人改过了", 'value="13:00"', 'value="15:00"'))
    assert 'value="12:40"' not in refused.text
    assert ("nap", "13:00", "15:00", "", "") in habits(open_session, cast.wangnainai)
    now = hidden(refused)["seen"]
    for _ in range(2):
        assert me.post(at, seen=now, **mine).status_code == 303
    assert ("nap", "12:00", "12:40", "", "") in habits(open_session, cast.wangnainai)
    with open_session() as session:
        assert (
            len(session.scalars(select(History.id).where(History.subject == f"routine:{cast.wangnainai.id}")).all())
            == 2
        )


def test_nobody_writes_what_is_not_theirs_to_say(pages, cast, open_session):
    me, hers = pages.inside(cast.xiaofang), f"/m/family/routines/{cast.wangnainai.id}"
    span = {"is": "some", "from0": "20:00", "until0": "06:00"}
    for kind in ("sleep", "work", "school", "cooking"):
        assert [me.get(f"{hers}/{kind}").status_code, me.post(f"{hers}/{kind}", **span).status_code] == [404, 404]
    assert me.post(f"{hers}/market", **{"is": "some", "weekday": "9"}).status_code == 409  # no such day
    for one in (cast.aming, cast.zhao):
        other = pages.inside(one)
        assert [other.get(hers).status_code, other.post(f"{hers}/nap", **span).status_code] == [404, 404]
    li = pages.inside(cast.li)
    assert "睡觉" in li.get(hers).text
    after(li, f"{hers}/sleep", **span)
    assert ("sleep", "20:00", "06:00", "", "") in habits(open_session, cast.wangnainai)


def test_everybody_says_of_their_own_days_what_is_asked_of_them(pages, cast, open_session):
    app_id = pages.config.wechat.official_account.app_id
    with open_session() as session, session.begin():
        with_a_phone(session, cast.wangnainai, app_id)
    me = pages.inside(cast.xiaofang)
    mine = f"/m/family/routines/{cast.xiaofang.id}"
    page = me.get(mine).text
    assert all(part in page for part in ("我的作息", "23:00–07:00", "按您那边的钟"))
    assert "午休" not in page
    week = [str(n) for n in range(1, 6)]
    after(me, f"{mine}/work", **{"is": "some", "weekday": week, "from0": "08:00", "until0": "17:00"})
    assert ("work", "08:00", "17:00", "12345", "") in habits(open_session, cast.xiaofang, at_home=False)
    her = pages.inside(cast.wangnainai)
    own = her.get(f"/m/family/routines/{cast.wangnainai.id}").text
    assert all(part in own for part in ("我的作息", "吃饭", "午休", "赶集", "睡觉"))
    assert not any(part in own for part in ("上班", "上课"))
