"""A cadre's work on one call through the API: another time, asked or agreed, called off, who came, how the elder is."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.family.calls import FamilyCall
from models.family.outcomes import CallReport
from models.family.proposals import CallProposal
from models.family.wellbeing import WellbeingTick
from models.history import history_of
from models.people.consent import agree, take_back
from tests.mini import api_app, signed_in
from tests.models.family.test_calls import SUNDAY_16, booked
from tests.world import NOW
from tests.wx_backend.test_api import said
from tests.wx_backend.test_api_calls import Hand

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
MONDAY = SUNDAY_16 + timedelta(days=1)
NOBODY = 999_999


class World:
    """A call of 小芳 with her mother, and the phones of those who might do something with it."""

    def __init__(self, app, hand, open_session, cast):
        self.app, self.hand, self.open_session, self.cast = app, hand, open_session, cast
        with open_session() as session, session.begin():
            self.call = booked(session, cast).id

    def phone(self, name):
        identity = self.cast.identities[getattr(self.cast, name).id]
        return signed_in(self.app, self.open_session, identity, self.hand.at)

    def does(self, way, body=None, status=200, code="ok", who="li", call=None):
        return said(self.phone(who).post(f"calls/{call or self.call}/{way}", body), status, code)

    def sees(self):
        return said(self.phone("li").get(f"calls/{self.call}/desk"), 200, "ok")["data"]


@pytest.fixture
def world(database_url, open_session, cast):
    hand = Hand()
    with api_app(database_url, hand) as app:
        yield World(app, hand, open_session, cast)


STRANGERS = ("zhao", "aming", "xiaofang", "laoxu")
WAYS = {
    "propose": {"starts_at": MONDAY.isoformat(), "reason": "设备坏了", "otherwise": "keep"},
    "call-off": {"reason": "停电", "alternative": "周一"}, "well": {"verdict": "ok"}, "arrived": {},
    "outcome": {"what": "completed"}, "told": {"means": "visit"}, "set-out": None,
}  # fmt: skip


@pytest.mark.case("L1")
@pytest.mark.parametrize("way", WAYS)
def test_nobody_but_a_cadre_of_hers_does_any_of_it_the_daughter_neither(world, way):
    for who in STRANGERS:
        world.does(way, WAYS[way], 404, "not_yours", who)
    world.does(way, WAYS[way], 404, "not_yours", call=NOBODY)
    with world.open_session() as session:
        call = session.get_one(FamilyCall, world.call)
        assert (call.state, call.revision) == ("booked", 0)
        assert session.scalars(select(CallProposal)).all() == []


@pytest.mark.case("E4")
def test_the_family_is_asked_for_another_time_and_answers_in_its_own_mini_program(world):
    form = WAYS["propose"]
    assert world.sees()["asked"] is None
    wrong = (
        ({"reason": "  "}, 422, "reason_missing"), ({"reason": "\x00"}, 422, "invalid"),
        ({"otherwise": "x"}, 422, "invalid"),
        ({"starts_at": SUNDAY_16.isoformat()}, 422, "bad_time"),
        ({"starts_at": "0001-01-01T00:00:00+14:00"}, 422, "bad_time"),
        ({"starts_at": "9999-12-31T23:59:59-12:00"}, 422, "bad_time"), ({"starts_at": "2026-11-30"}, 422, "invalid"),
        ({"starts_at": (MONDAY + timedelta(minutes=7)).isoformat()}, 409, "slot_taken"),
    )  # fmt: skip
    for change, status, code in wrong:
        world.does("propose", {**form, **change}, status, code)
    answer = world.does("propose", form, 201)
    assert "请等对方" in answer["msg"]
    seen = world.sees()
    assert seen["asked"]["to_text"] == "国内11月30日（周一）16:00 · 马德里09:00"
    assert seen["call"]["starts_at"] == "2026-11-29T08:00:00Z"
    daughter = world.phone("xiaofang")
    (waits,) = said(daughter.get("proposals"), 200, "ok")["data"]["items"]
    moved = said(daughter.post(f"proposals/{waits['id']}/accept"), 200, "ok")["data"]
    assert moved["starts_at"] == "2026-11-30T08:00:00Z"
    assert world.sees()["asked"] is None


@pytest.mark.case("E4")
def test_a_cadre_moves_it_only_with_a_yes_that_is_written_down(world, cast):
    to = {"starts_at": MONDAY.isoformat()}
    world.does("move", to, 422, "agreement_missing")
    for yes in ({"person_id": cast.aming.id, "means": "phone"}, {"person_id": NOBODY, "means": "visit"}):
        world.does("move", {**to, "agreed": yes}, 422, "agreement_missing")
    for yes in ({"person_id": cast.xiaofang.id, "means": "letter"}, {"means": "phone"}, "yes", {"person_id": 2**60}):
        world.does("move", {**to, "agreed": yes}, 422, "invalid")
    family = world.sees()["family"]
    assert [(one["name"], one["role"]) for one in family] == [("小芳", "relative"), ("王秀英", "cared")]
    yes = {"person_id": family[0]["person_id"], "means": "wechat"}
    assert world.does("move", {**to, "agreed": yes})["data"]["revision"] == 1
    with world.open_session() as session:
        note = history_of(session, f"call:{world.call}")[-1].note
        assert note.startswith(f"agreed {cast.xiaofang.id} wechat 2026-11-30T")
    # Whose call it is says it by moving it.
    assert world.does("move", {"starts_at": SUNDAY_16.isoformat()}, who="xiaofang")["data"]["revision"] == 2


@pytest.mark.case("G5")
def test_the_centre_calls_off_with_why_and_what_instead_and_a_cadre_cancels_with_what_they_were_told(world):
    world.does("call-off", {"reason": " ", "alternative": "周一"}, 422, "reason_missing")
    world.does("call-off", {"reason": "停电", "alternative": ""}, 422, "alternative_needed")
    world.does("cancel", {}, 422, "reason_missing")
    for _ in range(2):
        made = world.does("call-off", WAYS["call-off"])["data"]
        assert (made["state"], made["reason"]) == ("cancelled", "未说明")  # what is typed is not said on a list
    assert world.sees()["may_undo"] is False
    world.does("undo", None, 409, "undo_over")


@pytest.mark.case("G9")
def test_a_cadre_takes_back_what_they_wrote_down_unless_the_elder_does_not_want_to_any_more(world, cast):
    world.does("cancel", {"reason": "家人来电话取消"})
    assert world.sees()["may_undo"] is True
    assert world.does("undo")["data"]["state"] == "booked"
    world.does("cancel", {"reason": "老人自己说不来"})
    with world.open_session() as session, session.begin():
        agree(session, cast.who(cast.li), cast.wangnainai.id, "family_calls", NOW)
        take_back(session, cast.who(cast.li), cast.wangnainai.id, "family_calls", NOW)
    world.does("undo", None, 409, "consent_withdrawn")


def test_who_came_and_what_became_of_it_and_how_she_is(world, cast):
    world.does("arrived", {}, 422, "bad_time")
    world.does("well", {"verdict": "ok"}, 409, "wrong_state")
    world.does("told", {"means": "visit"})
    assert "李站长" in world.sees()["told_text"]
    world.hand.at = SUNDAY_16 + timedelta(minutes=5)
    assert world.does("arrived", {"happened_at": SUNDAY_16.isoformat()})["data"]["state"] == "checked_in"
    world.does("arrived", {"happened_at": "9999-12-31T23:59:59-12:00"})  # twice is once, whatever is said then
    world.does("outcome", {"what": "relative_no_show"}, 409, "still_waiting")
    world.does("outcome", {"what": "completed", "happened_at": "0001-01-01T00:00:00+14:00"}, 422, "bad_time")
    world.does("outcome", {"what": "nothing"}, 422, "invalid")
    world.hand.at = SUNDAY_16 + timedelta(minutes=40)
    assert world.does("outcome", {"what": "completed", "note": "聊得很好"})["data"]["state"] == "completed"
    world.does("well", {"verdict": "follow_up", "note": " "}, 422, "note_needed")
    for days in (0, 61, 2**40):
        world.does("well", {"verdict": "follow_up", "note": "腿肿", "workdays": days}, 422, "invalid")
    seen = world.does("well", {"verdict": "follow_up", "note": "腿肿", "workdays": 1})
    assert "11月30日" in seen["msg"]
    assert (seen["data"]["well"], seen["data"]["well_note"]) == ("follow_up", "腿肿")
    assert world.does("well", {"verdict": "ok"})["data"]["well"] == "ok"  # the last word counts
    world.does("told", {"means": "phone"}, 409, "wrong_state")
    with world.open_session() as session:
        assert [one.what for one in session.scalars(select(CallReport))] == ["arrived", "completed"]
        assert session.scalars(select(WellbeingTick)).one().by_id == cast.li.id


@pytest.mark.case("D13")
def test_who_sets_out_to_a_home_says_so_near_the_call_and_only_then(world):
    world.does("set-out", None, 409, "wrong_state")
    with world.open_session() as session, session.begin():
        session.get_one(FamilyCall, world.call).venue_mode = "at_home"
    world.does("set-out", None, 409, "wrong_state")
    world.hand.at = SUNDAY_16 - timedelta(hours=1)
    for _ in range(2):
        assert "王秀英" in world.does("set-out")["msg"]


def test_the_sheet_of_a_day_shows_what_is_below_ones_areas_and_no_phone(world, cast):
    def sheet(who, **query):
        return said(world.phone(who).get("calls/sheet", query_string=query), 200, "ok")["data"]

    (line,) = sheet("li", day="2026-11-29")["items"]
    assert (line["time_text"], line["cared"], line["relatives"]) == ("16:00–16:30", "王秀英", ["小芳"])
    assert sheet("li")["day"] == "2026-11-24"
    for who in ("zhao", "aming", "xiaofang"):
        assert sheet(who, day="2026-11-29")["items"] == []
    for edge in ("0001-01-01", "9999-12-31"):
        assert sheet("li", day=edge)["items"] == []
    for bad in ("yesterday", "2026-02-30", "\x00"):
        said(world.phone("li").get("calls/sheet", query_string={"day": bad}), 422, "invalid")
