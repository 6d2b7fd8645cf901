"""Family calls at the staff desk: masked until somebody says why, what became of one, the sheet, who needs company."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from handlers.family import after_words
from models.family.booking import book
from models.family.calls import FamilyCall
from models.family.outcomes import arrive, report
from models.family.pairing import Pairing, pair
from models.family.reports import CallReport
from models.family.wellbeing import WellbeingTick
from models.hours import CHINA
from models.messages.letters import Letter
from models.places.centres import Room, Station, Zone
from models.tasks.tasks import Task
from tests.desk import Clerk, give_account
from tests.gate import close_app, config_for
from tests.models.family.test_calls import SUNDAY_16
from tests.world import NOW
from wx_backend.app import create_app

AFTER = SUNDAY_16 + timedelta(minutes=30)


@pytest.fixture
def call(cast, open_session):
    with open_session() as session, session.begin():
        give_account(session, cast.li.id, "li", now=SUNDAY_16 - timedelta(hours=1))
        xiaofang = cast.who(cast.xiaofang)
        return book(session, xiaofang, cared_id=cast.wangnainai.id, starts_at=SUNDAY_16, client_key="k", now=NOW).id


@pytest.fixture
def clerk(database_url, call):
    app = create_app(config_for(database_url), now=lambda: AFTER)
    clerk = Clerk(app)
    clerk.signs_in("li")
    yield clerk
    close_app(app)


def the(open_session, table):
    with open_session() as session:
        return session.scalars(select(table).order_by(table.id.desc())).first()


def test_names_and_ways_are_masked_until_somebody_says_why(clerk, call, cast):
    for path in ("calls/?view=all", f"calls/{call}", "callsheet/?day=2026-11-29"):
        assert clerk.opens(f"/console/{path}").status_code == 200
        assert "王*" in clerk.text()
        assert "王秀英" not in clerk.text()
        assert "小芳" not in clerk.text()
    assert "国内11月29日（周日）16:00 · 马德里09:00" in clerk.opens("/console/calls/?view=all").text
    clerk.opens(f"/console/calls/{call}")
    assert clerk.posts(f"/console/calls/{call}/reveal").status_code == 422
    clerk.opens(f"/console/calls/{call}")
    clerk.posts(f"/console/calls/{call}/reveal", reason="call")
    assert "王秀英与小芳视频" in clerk.text()
    clerk.opens("/console/callsheet/?day=2026-11-29")
    assert "上门" not in clerk.text().partition("结果")[2].partition("签字")[0]
    clerk.posts("/console/callsheet/reveal", reason="visit", day="2026-11-29")
    assert "葛山村 王秀英" in clerk.text()
    assert "上门" in clerk.text()
    assert "☐ 家人没接" in clerk.text()


@pytest.mark.case("I9")
def test_a_clerk_says_what_became_of_it_when_that_was_and_how_the_elder_is(clerk, call, open_session):
    clerk.opens("/console/calls/?view=untold")
    assert f"/console/calls/{call}" in clerk.page
    clerk.opens(f"/console/calls/{call}")
    answer = clerk.posts(f"/console/calls/{call}/outcome", seen=clerk.seen(), what="completed", at="2026-11-29T16:20",
                         note="聊得很好")  # fmt: skip
    assert answer.status_code == 303
    line = the(open_session, CallReport)
    assert (line.happened_at, line.reported_at) == (SUNDAY_16 + timedelta(minutes=20), AFTER)
    clerk.opens(answer.location)
    assert after_words.DONE_WORDS["outcome"] in clerk.text()
    assert clerk.posts(f"/console/calls/{call}/well", verdict="follow_up").status_code == 422
    clerk.opens(f"/console/calls/{call}")
    clerk.posts(f"/console/calls/{call}/well", verdict="follow_up", note="腿脚肿了", days="1")
    assert the(open_session, WellbeingTick).due_at.astimezone(CHINA).isoformat() == "2026-11-30T08:30:00+08:00"
    clerk.opens(f"/console/calls/{call}")
    assert "腿脚" not in clerk.text()
    with open_session() as session:
        task = session.scalars(select(Task).where(Task.kind == "wellbeing")).one().id
    clerk.opens(f"/console/tasks/{task}")
    assert f'href="/console/calls/{call}"' in clerk.page


def test_who_acts_from_an_old_page_hears_what_has_changed_and_changes_nothing(clerk, call, cast, open_session):
    clerk.opens(f"/console/calls/{call}")
    seen = clerk.seen()
    with open_session() as session, session.begin():
        arrive(session, cast.who(cast.chen), call, SUNDAY_16, AFTER)
    for way, form in (("outcome", {"what": "neither_came"}), ("off", {"why": "停电", "instead": "周一"})):
        clerk.opens(f"/console/calls/{call}")
        assert clerk.posts(f"/console/calls/{call}/{way}", seen=seen, **form).status_code == 409
        assert "陈干事" in clerk.text()
        assert "老人到场" in clerk.text()
    assert the(open_session, FamilyCall).state == "checked_in"


@pytest.mark.case("G5")
@pytest.mark.parametrize("form", [{"why": "停电", "instead": ""}, {"why": "", "instead": "周一"}])
def test_the_desk_calls_nothing_off_without_why_and_what_instead(clerk, call, open_session, form):
    clerk.opens(f"/console/calls/{call}")
    assert clerk.posts(f"/console/calls/{call}/off", seen=clerk.seen(), **form).status_code == 422
    assert the(open_session, FamilyCall).state == "booked"


def test_who_needs_company_stands_on_one_page_and_a_contact_is_written_down(clerk, call, cast, open_session):
    with open_session() as session, session.begin():
        found = pair(session, cast.who(cast.li), cast.laoxu.id, cast.wangnainai.id, 7, NOW - timedelta(days=30)).id
        report(session, cast.who(cast.li), call, "technical_failure", AFTER, AFTER)
    clerk.opens("/console/quiet/")
    assert "王*" in clerk.text()
    assert after_words.NEVER in clerk.text()
    assert "老徐" in clerk.text()
    assert clerk.posts(f"/console/pairs/{found}/touch", means="phone").status_code == 303
    assert the(open_session, Pairing).last_at == AFTER


@pytest.mark.case("I9")
def test_a_clerk_books_for_an_elder_at_the_counter_and_the_daughter_hears_of_it(clerk, cast, open_session):
    here = f"/console/booking/{cast.wangnainai.id}"
    clerk.opens(f"/console/residents/{cast.wangnainai.id}")
    assert here in clerk.page
    clerk.opens(here)
    assert "女儿 小*" in clerk.text()
    clerk.opens(here, relative=cast.xiaofang.id)
    assert clerk.text().count("马德里") == 3  # the kindest three
    clerk.opens(here, relative=cast.xiaofang.id, day="2026-12-01")
    keys = re.findall(r'name="key" value="(\w+)">.*?<button class="plain" name="at" value="(\d+)"', clerk.page)
    key, at = keys[0]
    sent = {"relative": cast.xiaofang.id, "key": key, "at": at}
    first = clerk.posts(here, **sent)
    assert first.status_code == 303
    clerk.opens(f"{here}?relative={cast.xiaofang.id}")
    assert clerk.posts(here, **sent).location == first.location  # twice is once
    made = the(open_session, FamilyCall)
    assert (made.relative_id, made.cared_id, made.state) == (cast.xiaofang.id, cast.wangnainai.id, "booked")
    with open_session() as session:
        told = session.execute(select(Letter.person_id, Letter.kind).where(Letter.subject == made.subject)).all()
    assert (cast.xiaofang.id, "family.booked_for") in told
    clerk.opens(f"{here}?relative={cast.xiaofang.id}")
    for wrong, status in (({**sent, "at": "x"}, 422), ({**sent, "relative": cast.aming.id, "key": "n"}, 409),
                          ({**sent, "relative": 999999}, 404), ({**sent, "at": at, "key": "m"}, 409)):  # fmt: skip
        assert clerk.posts(here, **wrong).status_code in (status, 404), wrong
        clerk.opens(f"{here}?relative={cast.xiaofang.id}")


def test_one_call_is_held_elsewhere_and_whom_the_device_rings_is_there_to_read(clerk, cast, open_session):
    with open_session() as session, session.begin():
        room = session.scalars(select(Room).join(Zone).where(Zone.centre_id == cast.centre.id)).first()
        session.add(Station(room_id=room.id, name="平板1号", kind="portable_call"))
        made = book(session, cast.who(cast.xiaofang), cared_id=cast.wangnainai.id, client_key="k2", now=AFTER,
                    starts_at=SUNDAY_16 + timedelta(days=1))  # fmt: skip
        made.way, call = "device_voip", made.id
    clerk.opens(f"/console/calls/{call}")
    assert "用设备呼叫微信：小*（座位上没有能呼叫的设备）" in clerk.text()
    seen = clerk.seen()
    assert clerk.posts(f"/console/calls/{call}/place", seen=seen, wish="at_home").status_code == 422  # without a reason
    assert clerk.posts(f"/console/calls/{call}/place", seen="booked.9", wish="at_home", why="腿疼").status_code == 409
    assert clerk.posts(f"/console/calls/{call}/place", seen=seen, wish="moon", why="腿疼").status_code == 422
    assert clerk.posts(f"/console/calls/{call}/place", seen=seen, wish="at_home", why="王秀英腿疼").status_code == 303
    clerk.opens(f"/console/calls/{call}")
    assert "（上门）：王*腿疼" in clerk.text()
    clerk.opens("/console/callsheet/?day=2026-11-30")
    assert "李站长的上门路线，带葛山村党群服务中心 平板1号" in clerk.text()
    assert "王秀英" not in clerk.text()


def test_a_clerk_books_this_once_at_home_and_says_why(clerk, cast, open_session):
    with open_session() as session, session.begin():
        room = session.scalars(select(Room).join(Zone).where(Zone.centre_id == cast.centre.id)).first()
        session.add(Station(room_id=room.id, name="平板1号", kind="portable_call"))
    page = f"/console/booking/{cast.wangnainai.id}"
    clerk.opens(page, relative=cast.xiaofang.id, wish="at_home", day="2026-11-30")
    assert "这次为什么上门" in clerk.text()
    at = re.search(r'name="at" value="([^"]+)"', clerk.page).group(1)
    form = {"relative": cast.xiaofang.id, "at": at, "key": "k" * 20, "wish": "at_home"}
    assert clerk.posts(page, **form).status_code == 422
    assert clerk.posts(page, **form, why="路不好走，来不了").status_code == 303
    with open_session() as session:
        made = session.scalars(select(FamilyCall).order_by(FamilyCall.id.desc())).first()
        assert (made.venue_mode, made.venue_wish, made.venue_why) == ("at_home", "at_home", "路不好走，来不了")
