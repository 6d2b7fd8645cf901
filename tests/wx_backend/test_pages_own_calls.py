"""The pages of who is called and has a phone of their own: what she sees of her calls, and what she cannot do."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from models.family.calls import FamilyCall
from models.family.joining import invite
from models.family.passes import open_screen
from models.family.presence import CallSeat
from models.people.persons import Person
from tests.gate import count
from tests.models.family.serial import calls_of_hers
from tests.models.family.test_calls import SUNDAY_16, booked, sister
from tests.own_phone import with_a_phone
from tests.world import NOW
from tests.wx_backend.test_pages_tenancy import KEYS, ROWS, ask, path_of

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def her(pages, cast, open_session):
    """王奶奶's browser."""
    with open_session() as session, session.begin():
        with_a_phone(session, cast.wangnainai, pages.config.wechat.official_account.app_id)
    return pages.inside(cast.wangnainai)


def later(pages, her, moment):
    """Days later; her session is over, and WeChat lets her in again."""
    pages.now = moment
    assert her.enters().status_code == 303


def a_call(open_session, cast, **more):
    with open_session() as session, session.begin():
        call = booked(session, cast)
        for name, value in more.items():
            setattr(call, name, value)
        return call.id


def test_she_reads_with_whom_when_where_and_whom_to_phone(pages, cast, open_session, her):
    call = a_call(open_session, cast)
    listed = her.get("/m/calls").text
    assert all(part in listed for part in ("和小芳视频", "11月29日（周日）16:00", "葛山村党群服务中心", "陪着您"))
    assert "马德里" not in listed  # she reads her own clock
    assert "约一次视频" not in listed
    assert "定期连线" not in listed
    seen = her.get(f"/m/calls/{call}").text
    assert all(part in seen for part in ("和小芳视频", "陪着您，帮您接通", "自己的手机", "来不了", 'tel:05785550101"'))
    assert not any(part in seen for part in ("改时间", "取消", "请家人一起", "换种方式", "马德里", "进入视频</button>"))
    with open_session() as session, session.begin():
        session.execute(update(FamilyCall).values(venue_mode="at_home"))
    assert "您家里（工作人员带设备上门）" in her.get(f"/m/calls/{call}").text


def test_who_else_is_on_it_is_named_and_nothing_else_is_said_of_them(pages, cast, open_session, her):
    call = a_call(open_session, cast)
    with open_session() as session, session.begin():
        other = sister(session, cast)
        other.phone = "13912345678"
        invite(session, cast.who(cast.xiaofang), call, other.id, NOW)
    seen = her.get(f"/m/calls/{call}").text
    assert "妹妹1" in seen
    assert not any(part in seen for part in ("13912345678", "罗马", "Rome", "Madrid"))


def test_a_reason_that_was_typed_stays_with_who_typed_it(pages, cast, open_session, her):
    call = a_call(open_session, cast)
    pages.inside(cast.xiaofang).post(f"/m/calls/{call}/cancel", other="要做手术")
    seen = her.get(f"/m/calls/{call}").text
    assert "已取消" in seen
    assert "手术" not in seen
    assert "撤回取消" not in seen
    assert "陪着您" not in seen
    assert "没有约好的视频" in her.get("/m/calls").text


def test_at_its_time_she_comes_in_on_her_own_phone_in_one_tap(pages, cast, open_session, her):
    call = a_call(open_session, cast)
    later(pages, her, SUNDAY_16 - timedelta(minutes=10))
    assert "进入视频</button>" in her.get("/m/calls").text
    door = her.post(f"/m/calls/{call}/join")
    assert door.status_code == 303
    shown = her.get(door.location).text
    assert "和小芳视频" in shown
    assert 'class="large"' in shown  # the elder's side is made for old eyes, whatever she has set
    assert "马德里" not in shown


def test_where_a_cadre_puts_it_through_she_finds_no_door(pages, cast, open_session, her):
    call = a_call(open_session, cast, way="by_hand")
    later(pages, her, SUNDAY_16)
    for path in ("/m/calls", f"/m/calls/{call}"):
        assert "进入视频" not in her.get(path).text
    refused = her.post(f"/m/calls/{call}/join")
    assert refused.status_code == 409
    assert "工作人员帮您接通" in refused.text
    assert count(open_session, CallSeat) == 0


def test_a_late_call_that_was_opened_anew_is_on_her_list(pages, cast, open_session, her):
    call = a_call(open_session, cast)
    later(pages, her, SUNDAY_16 + timedelta(hours=1))
    with open_session() as session, session.begin():
        open_screen(session, cast.who(cast.li), call, pages.now)
    assert f"/m/calls/{call}/join" in her.get("/m/calls").text


def test_of_all_pages_of_calls_and_series_she_gets_the_call_itself_and_the_way_in(pages, cast, open_session, her):
    with open_session() as session, session.begin():
        keys = {**dict.fromkeys(KEYS, 1), **calls_of_hers(session, cast), "order": 1}
        before = session.get_one(FamilyCall, keys["video"]).revision
    free = {"/m/calls", "/m/calls/new", "/m/series"}
    open_to_her = {("GET", "/m/calls/<int:call>"): 200, ("POST", "/m/calls/<int:call>/join"): 409}  # days before
    asked = 0
    for method, rule in ROWS:
        if not rule.startswith(("/m/calls", "/m/series", "/m/makeups")) or rule in free:
            continue
        said = ask(her, method, rule, cast, keys, "f")
        assert said.status_code == open_to_her.get((method, rule), 404), (method, rule, path_of(rule, cast, keys))
        asked += 1
    assert asked > 25
    with open_session() as session:
        call = session.get_one(FamilyCall, keys["video"])
        assert (call.state, call.revision) == ("booked", before)
    assert "从一次视频开始" not in her.get("/m/series").text


def test_a_child_under_fourteen_has_no_such_pages(pages, cast, open_session, her):
    call = a_call(open_session, cast)
    with open_session() as session, session.begin():
        session.execute(update(Person).where(Person.id == cast.wangnainai.id).values(left_behind="child"))
    assert "没有约好的视频" in her.get("/m/calls").text
    assert her.get(f"/m/calls/{call}").status_code == 404
    later(pages, her, SUNDAY_16)
    assert her.post(f"/m/calls/{call}/join").status_code == 404
