"""What a family answers through the mini-program's API: another time, a makeup, who else comes, a cancel taken back."""

from datetime import timedelta

import pytest

from models.family.calls import FamilyCall
from models.family.changing import propose
from tests.mini import api_app, signed_in
from tests.models.family.serial import missed
from tests.models.family.test_calls import SUNDAY_16, booked, sister
from tests.world import NOW
from tests.wx_backend.test_api import said


@pytest.fixture
def phone(database_url, open_session, cast):
    with api_app(database_url) as app:
        yield lambda person: signed_in(app, open_session, cast.identities[person.id])


@pytest.fixture
def me(phone, cast):
    return phone(cast.xiaofang)


@pytest.fixture
def call(open_session, cast):
    with open_session() as session, session.begin():
        return booked(session, cast).id


@pytest.fixture
def asked(open_session, cast, call):
    with open_session() as session, session.begin():
        when = SUNDAY_16 + timedelta(days=1)
        return propose(session, cast.who(cast.li), call, when, "设备坏了", "cancel", NOW).id


def starts_at(open_session, call):
    with open_session() as session:
        return session.get_one(FamilyCall, call).starts_at


@pytest.mark.case("E4")
def test_the_centres_question_is_read_on_both_clocks_and_accepted_once(me, phone, cast, open_session, call, asked):
    one = said(me.get("proposals"), 200, "ok")["data"]["items"][0]
    assert (one["id"], one["call_id"], one["with_name"], one["state"]) == (asked, call, "王秀英", "asked")
    assert (one["from_text"], one["to_text"]) == (
        "国内11月29日（周日）16:00 · 马德里09:00", "国内11月30日（周一）16:00 · 马德里09:00",
    )  # fmt: skip
    assert (one["reason"], one["otherwise"], one["answer_by"]) == ("设备坏了", "cancel", "2026-11-25T02:00:00Z")
    said(phone(cast.li).post(f"proposals/{asked}/accept"), 404, "not_yours")
    for _ in range(2):
        moved = said(me.post(f"proposals/{asked}/accept"), 200, "ok")
        assert "改好了" in moved["msg"]
    assert moved["data"]["revision"] == 1
    assert starts_at(open_session, call) == SUNDAY_16 + timedelta(days=1)
    assert said(me.get("proposals"), 200, "ok")["data"]["items"] == []
    assert said(me.get(f"proposals/{asked}"), 200, "ok")["data"]["state"] == "accepted"
    said(me.post(f"proposals/{asked}/decline"), 409, "wrong_state")


@pytest.mark.case("E4")
def test_without_a_yes_the_call_is_off_where_the_question_said_so(me, call, asked):
    answer = said(me.post(f"proposals/{asked}/decline"), 200, "ok")
    assert answer["data"]["state"] == "cancelled"
    assert "取消了" in answer["msg"]


@pytest.mark.case("E8")
def test_a_makeup_is_taken_once_at_one_of_its_times(me, phone, cast, open_session):
    with open_session() as session, session.begin():
        kept = missed(session, cast)
    offer = said(me.get("makeups"), 200, "ok")["data"]["items"][0]
    assert (offer["id"], offer["with_name"], len(offer["times"])) == (kept, "王秀英", 3)
    said(phone(cast.aming).get(f"makeups/{kept}"), 404, "not_yours")
    said(me.post(f"makeups/{kept}/take", {"starts_at": "2026-12-24T16:00:00+08:00"}), 422, "bad_time")
    first = said(me.post(f"makeups/{kept}/take", {"starts_at": offer["times"][0]["starts_at"]}), 201, "ok")["data"]
    other = said(me.post(f"makeups/{kept}/take", {"starts_at": offer["times"][1]["starts_at"]}), 201, "ok")["data"]
    assert first["id"] == other["id"]
    assert first["starts_at"] == offer["times"][0]["starts_at"]
    said(me.post(f"makeups/{kept}/decline"), 409, "wrong_state")


def test_a_makeup_that_nobody_wants_frees_its_times(me, cast, open_session):
    with open_session() as session, session.begin():
        kept = missed(session, cast)
    for _ in range(2):
        assert said(me.post(f"makeups/{kept}/decline"), 200, "ok")["data"]["state"] == "declined"
    assert said(me.get("makeups"), 200, "ok")["data"]["items"] == []


@pytest.mark.case("D12")
def test_another_relative_is_asked_once_and_leaves_by_herself(me, phone, cast, open_session, call):
    with open_session() as session, session.begin():
        other = sister(session, cast)
        name, key = other.name, other.id
    her = phone(other)
    said(her.get(f"calls/{call}"), 404, "not_yours")
    assert said(me.get(f"calls/{call}/guests"), 200, "ok")["data"]["items"] == [
        {"person_id": key, "name": name, "joined": False}
    ]
    for _ in range(2):
        assert said(me.post(f"calls/{call}/guests", {"person_id": key}), 200, "ok")["data"]["guests"] == [name]
    said(me.post(f"calls/{call}/guests", {"person_id": cast.aming.id}), 403, "no_link")
    assert said(her.get(f"calls/{call}"), 200, "ok")["data"]["role"] == "guest"
    said(her.get(f"calls/{call}/guests"), 404, "not_yours")
    said(her.post(f"calls/{call}/guests/{key}/leave"), 200, "ok")
    said(her.get(f"calls/{call}"), 404, "not_yours")
    assert said(me.get(f"calls/{call}"), 200, "ok")["data"]["guests"] == []


@pytest.mark.case("G9")
def test_a_cancel_that_was_a_tap_too_many_is_taken_back(me, call):
    assert said(me.post(f"calls/{call}/cancel", {"reason": "临时有事"}), 200, "ok")["data"]["state"] == "cancelled"
    for _ in range(2):
        assert said(me.post(f"calls/{call}/undo"), 200, "ok")["data"]["state"] == "booked"
