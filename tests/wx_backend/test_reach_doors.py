"""Whom WeChat does not reach is said at every door, in the same words, before somebody relies on it."""

from html import unescape

import pytest
from sqlalchemy import update

from handlers.words import UNREACHED, YOU_UNREACHED
from models.family.booking import book
from models.family.joining import invite
from models.people.care import CareLink
from models.people.identities import Identity
from tests.desk import Clerk, give_account
from tests.gate import close_app, config_for
from tests.mini import api_app, meal_for, signed_in
from tests.models.family.test_calls import SUNDAY_16
from tests.visitors import hidden
from tests.world import NOW
from wx_backend.app import create_app

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
SUNDAY = int(SUNDAY_16.timestamp()) // 60


def others(*names):
    return UNREACHED.format(names="、".join(names))


def block(open_session, *people):
    """WeChat has told us that these people refuse our messages."""
    with open_session() as session, session.begin():
        ids = [person.id for person in people]
        session.execute(update(Identity).where(Identity.person_id.in_(ids)).values(reachable=False))


def a_call(open_session, cast, *guests):
    with open_session() as session, session.begin():
        for guest in guests:
            session.add(CareLink(relative_id=guest.id, cared_id=cast.wangnainai.id, kinship="侄子", state="confirmed",
                                 asked_at=NOW))  # fmt: skip
        who = cast.who(cast.xiaofang)
        call = book(session, who, cared_id=cast.wangnainai.id, starts_at=SUNDAY_16, client_key="k", now=NOW).id
        for guest in guests:
            invite(session, who, call, guest.id, NOW)
        return call


@pytest.mark.case("D18")
def test_a_page_says_it_before_a_call_is_booked_and_on_the_call(pages, cast, open_session):
    me, times = pages.inside(cast.xiaofang), f"/m/calls/new/{cast.wangnainai.id}"
    assert YOU_UNREACHED not in unescape(me.post(times, at=SUNDAY).text)
    block(open_session, cast.xiaofang)
    checked = me.post(times, at=SUNDAY)
    assert YOU_UNREACHED in unescape(checked.text)
    booked = me.client.post(f"{times}/book", data=hidden(checked)).location
    assert YOU_UNREACHED in unescape(me.get(booked).text)


@pytest.mark.case("D18", "G4")
def test_a_guest_out_of_reach_is_marked_before_being_asked_and_named_after(pages, cast, open_session):
    with open_session() as session, session.begin():
        session.add(CareLink(relative_id=cast.aming.id, cared_id=cast.wangnainai.id, kinship="侄子", state="confirmed",
                             asked_at=NOW))  # fmt: skip
    call, me = a_call(open_session, cast), pages.inside(cast.xiaofang)
    assert "收不到微信" not in me.get(f"/m/calls/{call}/guests").text
    block(open_session, cast.aming)
    assert "阿明（收不到微信，会打电话告诉）" in me.get(f"/m/calls/{call}/guests").text
    me.post(f"/m/calls/{call}/guests/{cast.aming.id}")
    said = unescape(me.get(f"/m/calls/{call}").text)
    assert others("阿明") in said
    assert YOU_UNREACHED not in said


@pytest.mark.case("D18", "B6")
def test_a_page_says_it_before_an_order_is_placed(pages, cast, open_session):
    me, form = pages.inside(cast.xiaofang), f"/m/services/{cast.wangnainai.id}/{cast.meal.id}"
    said = unescape(me.post(form, q0="2", q1="软烂", at=str(SUNDAY * 60), note="").text)
    assert others("王秀英") in said  # she has no WeChat at all
    assert YOU_UNREACHED not in said
    block(open_session, cast.xiaofang)
    assert YOU_UNREACHED in unescape(me.post(form, q0="2", q1="软烂", at=str(SUNDAY * 60), note="").text)


@pytest.fixture
def mini(database_url, open_session, cast):
    with api_app(database_url) as app:
        yield signed_in(app, open_session, cast.identities[cast.xiaofang.id])


@pytest.mark.case("D18")
def test_the_mini_program_says_it_with_the_times_and_with_the_booking(mini, cast, open_session):
    asked = {"person_id": cast.wangnainai.id, "first_day": "2026-11-29", "days": 1}
    assert mini.get("calls/slots", query_string=asked).json["data"]["not_reached"] == ""
    block(open_session, cast.xiaofang)
    assert mini.get("calls/slots", query_string=asked).json["data"]["not_reached"] == YOU_UNREACHED
    sent = {"client_key": "client-key-1", "person_id": cast.wangnainai.id, "starts_at": SUNDAY_16.isoformat()}
    made = mini.post("calls", sent)
    assert made.json["msg"].endswith(f"（{YOU_UNREACHED}）")
    to = {"starts_at": "2026-11-29T15:00:00+08:00"}
    moved = mini.post(f"calls/{made.json['data']['id']}/move", to)
    assert (moved.status_code, moved.json["msg"].endswith(f"（{YOU_UNREACHED}）")) == (200, True)


@pytest.mark.case("D18")
def test_the_mini_program_says_nothing_of_whom_wechat_reaches(mini, cast):
    sent = {"client_key": "client-key-1", "person_id": cast.wangnainai.id, "starts_at": SUNDAY_16.isoformat()}
    assert "收不到" not in mini.post("calls", sent).json["msg"]


@pytest.mark.case("D18", "B6")
def test_the_mini_program_says_it_of_whom_one_may_order_for_and_with_the_order(mini, cast, open_session):
    people = {one["name"]: one["not_reached"] for one in mini.get("people").json["data"]["items"]}
    assert people["王秀英"] == others("王秀英")
    assert mini.post("orders", meal_for(cast)).json["msg"].endswith(f"（{others('王秀英')}）")
    with open_session() as session, session.begin():
        session.add(Identity(app_id="a", openid="o-w", person_id=cast.wangnainai.id, since=NOW))
    people = {one["name"]: one["not_reached"] for one in mini.get("people").json["data"]["items"]}
    assert people["王秀英"] == ""
    assert "收不到" not in mini.post("orders", meal_for(cast, client_key="client-key-2")).json["msg"]


@pytest.fixture
def clerk(database_url, open_session, cast):
    with open_session() as session, session.begin():
        give_account(session, cast.li.id, "li", now=NOW)
    app = create_app(config_for(database_url), now=lambda: NOW)
    clerk = Clerk(app)
    clerk.signs_in("li")
    yield clerk
    close_app(app)


@pytest.mark.case("D18")
def test_the_desk_says_it_where_a_clerk_books_and_on_the_call_with_names_masked(clerk, cast, open_session):
    form = f"/console/booking/{cast.wangnainai.id}"
    clerk.opens(form, relative=cast.xiaofang.id)
    assert "收不到微信消息" not in clerk.text()
    block(open_session, cast.xiaofang, cast.aming)
    clerk.opens(form, relative=cast.xiaofang.id)
    assert others("小*") in clerk.text()
    call = a_call(open_session, cast, cast.aming)
    clerk.opens(f"/console/calls/{call}")
    assert others("小*", "阿*") in clerk.text()
    with open_session() as session, session.begin():
        session.execute(update(Identity).values(reachable=True))
    clerk.opens(f"/console/calls/{call}")
    assert "收不到微信消息" not in clerk.text()
