"""One family call at the staff desk: another time, asked for or agreed, cancelled and taken back, who and how."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from handlers.family import after_words
from models.family.booking import book
from models.family.calls import FamilyCall
from models.family.guests import guests_of
from models.family.joining import invite
from models.family.proposals import CallProposal
from models.history import history_of
from models.messages.letters import Letter
from tests.desk import Clerk, give_account
from tests.gate import close_app, config_for
from tests.models.family.test_calls import SUNDAY_16, sister
from tests.world import NOW
from wx_backend.app import create_app

MONDAY = SUNDAY_16 + timedelta(days=1)
DAY = timedelta(days=1)


def stamp(moment):
    return str(int(moment.timestamp()) // 60)


class Desk:
    """李站长 at the desk, at a time that a test may move."""

    def __init__(self, database_url, open_session, cast, call):
        self.now, self.open_session, self.call = NOW, open_session, call
        self.app = create_app(config_for(database_url), now=lambda: self.now)
        self.clerk = Clerk(self.app)
        self.clerk.signs_in("li")
        self.here = f"/console/calls/{call}"

    def does(self, way, *, page="", seen=None, **form):
        """Opens the call, or a page of it, and sends one of its forms."""
        self.clerk.opens(self.here + page)
        mark = {"seen": self.clerk.seen() if seen is None else seen}
        return self.clerk.posts(self.here + way, **{**mark, **form})

    def state(self):
        with self.open_session() as session:
            call = session.get_one(FamilyCall, self.call)
            return call.state, call.starts_at, call.revision

    def told(self):
        with self.open_session() as session:
            letters = select(Letter.kind, Letter.person_id).where(Letter.subject == f"call:{self.call}")
            return session.execute(letters.where(Letter.kind != "family.reminder")).all()


@pytest.fixture
def desk(database_url, open_session, cast):
    with open_session() as session, session.begin():
        give_account(session, cast.li.id, "li", now=NOW)
        call = book(session, cast.who(cast.xiaofang), cared_id=cast.wangnainai.id, starts_at=SUNDAY_16,
                    client_key="k", now=NOW).id  # fmt: skip
    made = Desk(database_url, open_session, cast, call)
    yield made
    close_app(made.app)


@pytest.mark.case("E4")
def test_the_family_is_asked_for_another_time_and_the_call_stays_until_they_answer(desk, cast, open_session):
    desk.clerk.opens(f"{desk.here}/time")
    assert desk.clerk.text().count("马德里") >= 4  # the time it has, and the kindest of three days, twice
    page = "/time?day=2026-11-30"
    form = {"at": stamp(MONDAY), "why": "设备坏了", "otherwise": "keep"}
    for wrong, status in (({**form, "why": " "}, 422), ({**form, "at": "x"}, 422), ({**form, "otherwise": "x"}, 409),
                          ({**form, "at": stamp(SUNDAY_16)}, 422), ({**form, "at": "9" * 11}, 422)):  # fmt: skip
        assert desk.does("/time/ask", page=page, **wrong).status_code == status, wrong
    answer = desk.does("/time/ask", page=page, **form)
    desk.clerk.opens(answer.location)
    assert after_words.DONE_WORDS["call_asked"] in desk.clerk.text()
    assert "正在问家人能不能改到国内11月30日（周一）16:00 · 马德里09:00" in desk.clerk.text()
    assert desk.state() == ("booked", SUNDAY_16, 0)
    with open_session() as session:
        asked = session.scalars(select(CallProposal)).one()
        assert (asked.starts_at, asked.reason, asked.otherwise) == (MONDAY, "设备坏了", "keep")
    assert ("family.asked_to_move", cast.xiaofang.id) in desk.told()


@pytest.mark.case("E4")
def test_a_clerk_moves_it_with_the_familys_yes_and_the_story_says_whose_it_was(desk, cast):
    form = {"at": stamp(MONDAY), "whose": str(cast.xiaofang.id), "means": "phone"}
    for wrong in ({"whose": ""}, {"whose": str(cast.aming.id)}, {"means": ""}, {"means": "letter"}, {"at": "\x00"},
                  {"whose": "9" * 30}):  # fmt: skip
        assert desk.does("/time/move", page="/time", **{**form, **wrong}).status_code == 422, wrong
    assert desk.state() == ("booked", SUNDAY_16, 0)
    answer = desk.does("/time/move", page="/time?day=2026-11-30", **form)
    assert desk.state() == ("booked", MONDAY, 1)
    desk.clerk.opens(answer.location)
    assert "和小*打电话说好，改到11月30日（周一）16:00" in desk.clerk.text()
    assert "小芳" not in desk.clerk.text()
    desk.clerk.posts(f"{desk.here}/reveal", reason="call")
    assert "和小芳打电话说好，改到11月30日（周一）16:00" in desk.clerk.text()
    assert ("family.changed", cast.xiaofang.id) in desk.told()


@pytest.mark.case("C14")
@pytest.mark.parametrize(
    ("way", "form"),
    [
        ("/time/move", {"means": "phone"}), ("/time/ask", {"why": "停电", "otherwise": "keep"}),
        ("/cancel", {"why": "家人来电话取消"}), ("/undo", {}), ("/here", {}), ("/out", {}),
    ],
)  # fmt: skip
def test_what_is_done_from_an_old_page_changes_nothing_and_leads_to_the_new(desk, cast, way, form):
    desk.does("/time/move", page="/time", at=stamp(MONDAY), whose=str(cast.xiaofang.id), means="phone")
    before, form = desk.state(), {"at": stamp(MONDAY + DAY), "whose": str(cast.xiaofang.id), **form}
    for seen in ("booked.0", "", "x"):
        assert desk.does(way, seen=seen, **form).status_code == 409
        assert "李站长今天10:00改时间" in desk.clerk.text()
        again = re.search(r'class="button" href="([^"]+)"', desk.clerk.page)[1]
        assert desk.clerk.opens(again).status_code == 200
    assert desk.state() == before


@pytest.mark.parametrize("way", ["/time/move", "/time/ask", "/cancel", "/undo", "/here", "/out", "/guests", "/way"])
def test_no_form_without_its_token(desk, way):
    desk.clerk.opens(desk.here)
    assert desk.clerk.posts(desk.here + way, token=False, seen="booked.0").status_code == 400
    assert desk.state() == ("booked", SUNDAY_16, 0)


@pytest.mark.case("G9")
def test_the_family_cancels_at_the_counter_and_a_click_too_many_is_taken_back_within_two_minutes(desk, cast):
    assert desk.does("/cancel", why=" ").status_code == 422
    assert desk.state()[0] == "booked"
    answer = desk.does("/cancel", why="老人自己说不来")
    desk.clerk.opens(answer.location)
    assert desk.state()[0] == "cancelled"
    assert "提前取消" in desk.clerk.text()
    desk.now = NOW + timedelta(minutes=1)
    desk.clerk.opens(desk.does("/undo").location)
    assert after_words.DONE_WORDS["call_undone"] in desk.clerk.text()
    assert desk.state()[0] == "booked"
    desk.does("/cancel", why="老人自己说不来")
    seen = "cancelled.1"
    desk.now += timedelta(minutes=3)
    desk.clerk.opens(desk.here)
    assert "撤回取消</button>" not in desk.clerk.page
    assert desk.clerk.posts(f"{desk.here}/undo", seen=seen).status_code == 409
    assert "两分钟" in desk.clerk.text()
    assert desk.state()[0] == "cancelled"


def test_what_the_centre_called_off_is_not_taken_back(desk):
    desk.does("/off", why="停电", instead="周一再约")
    desk.clerk.opens(desk.here)
    assert "撤回取消</button>" not in desk.clerk.page
    assert desk.clerk.posts(f"{desk.here}/undo", seen="cancelled.0").status_code == 409
    assert desk.state()[0] == "cancelled"


def test_another_relative_is_asked_to_it_and_taken_off_and_nobody_else_can_be(desk, cast, open_session):
    with open_session() as session, session.begin():
        guest = sister(session, cast).id
    for wrong, status in (("", 409), (str(cast.aming.id), 409), ("9" * 30, 409)):
        desk.clerk.opens(desk.here)
        assert desk.clerk.posts(f"{desk.here}/guests", guest=wrong).status_code == status
    desk.clerk.opens(desk.here)
    desk.clerk.opens(desk.clerk.posts(f"{desk.here}/guests", guest=str(guest)).location)
    assert after_words.DONE_WORDS["call_guest"] in desk.clerk.text()
    with open_session() as session:
        assert [one.id for one in guests_of(session, desk.call)] == [guest]
    assert ("family.invited", guest) in desk.told()
    assert desk.clerk.posts(f"{desk.here}/guests/{guest}/off").status_code == 303
    with open_session() as session:
        assert guests_of(session, desk.call) == []
    desk.clerk.opens(desk.here)
    assert desk.clerk.posts(f"{desk.here}/guests/{cast.aming.id}/off").status_code == 404  # never was on it


def test_a_guest_may_be_the_one_who_said_yes(desk, cast, open_session):
    with open_session() as session, session.begin():
        guest = sister(session, cast).id
        invite(session, cast.who(cast.xiaofang), desk.call, guest, NOW)
    assert desk.does("/time/move", page="/time", at=stamp(MONDAY), whose=str(guest), means="wechat").status_code == 303
    with open_session() as session:
        assert history_of(session, f"call:{desk.call}")[-1].note.startswith(f"agreed {guest} wechat ")


def test_how_it_is_held_is_chosen_among_what_can_be_and_the_page_says_why_not(desk):
    desk.clerk.opens(desk.here)
    assert "这个座位上没有能呼叫的设备" in desk.clerk.text() or "打开过小程序" in desk.clerk.text()
    desk.clerk.opens(desk.clerk.posts(f"{desk.here}/way", way="by_hand", media="voice").location)
    assert "工作人员用微信呼叫您（语音）" in desk.clerk.text()
    for form in ({"way": "mini_voip", "media": "video"}, {"way": "x", "media": "video"}, {"way": "room"}):
        desk.clerk.opens(desk.here)
        assert desk.clerk.posts(f"{desk.here}/way", **form).status_code == 409, form


def test_the_elder_is_checked_in_near_the_call_and_later_with_the_hour_it_was(desk, open_session):
    assert "老人到了" not in desk.clerk.opens(desk.here).text
    assert desk.does("/here").status_code in (409, 422)  # days before
    desk.now = SUNDAY_16 + timedelta(minutes=10)
    desk.clerk.signs_in("li")
    assert desk.does("/here", at="gibberish").status_code == 422
    desk.clerk.opens(desk.does("/here", at="2026-11-29T15:50").location)
    assert desk.state()[0] == "checked_in"
    assert "老人到场 ：当时11月29日（周日）15:50" in desk.clerk.text()


@pytest.mark.case("D13")
def test_a_helper_sets_out_to_a_home_and_the_family_hears_of_it(desk, cast, open_session):
    assert desk.does("/out").status_code == 409  # at the centre
    with open_session() as session, session.begin():
        made = book(session, cast.who(cast.xiaofang), cared_id=cast.wangnainai.id, starts_at=SUNDAY_16 + DAY,
                    client_key="home", now=NOW)  # fmt: skip
        made.venue_mode = "at_home"
        desk.call = made.id
    desk.here = f"/console/calls/{desk.call}"
    assert desk.does("/out").status_code == 409  # days before
    desk.now = SUNDAY_16 + DAY - timedelta(hours=1)
    desk.clerk.signs_in("li")
    desk.clerk.opens(desk.does("/out").location)
    assert after_words.DONE_WORDS["call_out"] in desk.clerk.text()
    assert ("family.on_the_way", cast.xiaofang.id) in desk.told()
    assert f"{desk.here}/out" not in desk.clerk.page


def test_a_call_that_is_over_has_no_other_time(desk):
    desk.does("/off", why="停电", instead="周一再约")
    assert desk.clerk.opens(f"{desk.here}/time").status_code == 409
    assert desk.clerk.opens("/console/calls/999999/time").status_code == 404
    assert desk.clerk.opens(f"{desk.here}/time", day="yesterday").status_code == 409
