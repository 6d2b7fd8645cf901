"""Family calls through the API, with the sandbox as WeChat: booked, moved, held in a way, joined, reported."""

import jwt
import pytest
from sqlalchemy import select

from models.family.calls import FamilyCall
from models.family.devices import DeviceGrant, VoipDevice
from models.family.minutes import VoipMonth, VoipUse
from models.people.identities import Identity
from tests.gate import config_for
from tests.mini import Mini, api_app, signed_in
from tests.models.family.test_calls import SUNDAY_16
from tests.own_phone import with_a_phone
from tests.world import NOW
from tests.wx_backend.test_api import said
from wx_backend.config import EXAMPLE, ConfigError, load_config
from wx_backend.demo.cast import accounts
from wx_backend.sandbox.account import new_code
from wx_backend.sandbox.calls import SESSION_KEY
from wx_backend.sandbox.faults import Fault
from wx_backend.sandbox.server import create_sandbox, start_in_thread
from wx_backend.sandbox.world import Phone
from wx_backend.wechat import voip

CONFIG = load_config(EXAMPLE, {})
MINI = CONFIG.wechat.mini_program
once = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
SECRET = "x" * 32
LINK = {
    "WX_BACKEND_VIDEO__LINK__KIND": "jitsi", "WX_BACKEND_VIDEO__LINK__ORIGIN": "https://meet.example.cn",
    "WX_BACKEND_VIDEO__LINK__KEY": "county", "WX_BACKEND_VIDEO__LINK__SECRET": SECRET,
}  # fmt: skip


class Hand:
    """The moment it is, which a test may move."""

    at = NOW

    def __call__(self):
        return self.at


@pytest.fixture
def far():
    """A WeChat with two phones of both accounts."""
    phones = [Phone("o-xf", "小芳"), Phone("o-li", "李站长")]
    app = create_sandbox(accounts(CONFIG, "http://127.0.0.1:1"), phones, [])
    running = start_in_thread(app)
    running.faults = app.extensions["faults"]
    running.code = lambda openid: new_code(
        running.world, running.world.phones[openid], running.world.account("mini_program")
    )
    yield running
    running.stop()


@pytest.fixture
def hand():
    return Hand()


@pytest.fixture
def app(database_url, far, hand):
    with api_app(database_url, hand, WX_BACKEND_WECHAT__API_BASE_URL=far.url, **LINK) as app:
        yield app


class Phones:
    """Phones by name, each signed in at the moment when it is taken up."""

    def __init__(self, app, open_session, hand, identities):
        self.app, self.open_session, self.hand, self.identities = app, open_session, hand, identities

    def __getitem__(self, name):
        return signed_in(self.app, self.open_session, self.identities[name], self.hand.at)


@pytest.fixture
def phones(app, open_session, cast, far, hand):
    """小芳 and 李站长 in the mini-program, and 阿明 who has no link."""
    made = {"aming": cast.identities[cast.aming.id]}
    account = far.world.account("mini_program")
    for name, openid, person in (("xf", "o-xf", cast.xiaofang), ("li", "o-li", cast.li)):
        here = far.world.phones[openid].openid_in(account)
        identity = Identity(app_id=MINI.app_id, openid=here, person_id=person.id, kind="mini_program", since=NOW)
        with open_session() as session, session.begin():
            session.add(identity)
        made[name] = identity
    return Phones(app, open_session, hand, made)


def booking(cast, key="client-key-1", at=SUNDAY_16):
    return {"client_key": key, "person_id": cast.wangnainai.id, "starts_at": at.isoformat()}


def booked(phones, cast):
    return said(phones["xf"].post("calls", booking(cast)), 201, "ok")["data"]


@once
@pytest.mark.parametrize("ours", ["occurrence:812:0", "call:31/again", "makeup:12345", "call_day:9/0"])
def test_nobody_takes_a_key_that_is_to_be_ours(phones, cast, ours):
    assert phones["xf"].post("calls", booking(cast, ours)).status_code == 422


@once
def test_a_call_is_booked_once_shown_on_both_clocks_moved_and_cancelled(phones, cast, open_session):
    xf = phones["xf"]
    free = said(
        xf.get("calls/slots", query_string={"person_id": cast.wangnainai.id, "first_day": "2026-11-29", "days": 1}),
        200, "ok",
    )["data"]["items"]  # fmt: skip
    chosen = next(slot for slot in free if slot["starts_at"] == "2026-11-29T08:00:00Z")
    assert "16:00" in chosen["text"]
    assert "9:00" in chosen["text"]
    assert sum(slot["best"] for slot in free) == 1  # at most one of a day
    night = next(slot for slot in free if not slot["humane"])
    assert (night["best"], "夜里" in night["text"]) == (False, True)
    first = booked(phones, cast)
    again = said(xf.post("calls", booking(cast)), 201, "ok")["data"]
    assert again["id"] == first["id"]
    assert (first["with_name"], first["role"], first["opens_at"]) == ("王秀英", "relative", "2026-11-29T07:45:00Z")
    asked = {"person_id": cast.wangnainai.id, "first_day": "2026-11-29", "call": first["id"]}
    others = said(xf.get("calls/slots", query_string=asked), 200, "ok")["data"]["items"]
    assert "2026-11-29T08:00:00Z" not in [slot["starts_at"] for slot in others]  # that is the one it has
    assert "2026-11-29T08:30:00Z" in [slot["starts_at"] for slot in others]  # next to it everybody is free
    said(phones["aming"].get("calls/slots", query_string=asked), 404, "not_yours")
    taken = said(xf.post("calls", booking(cast, "client-key-2")), 409, "slot_taken")["data"]["alternatives"]
    assert len(taken) == 3
    to = {"starts_at": taken[0]}
    moved = said(xf.post(f"calls/{first['id']}/move", to, key="same"), 200, "ok")["data"]
    replayed = xf.post(f"calls/{first['id']}/move", to, key="same")
    assert (replayed.headers["Idempotency-Replayed"], replayed.json["data"]) == ("true", moved)
    assert moved["revision"] == 1
    assert [one["id"] for one in said(xf.get("calls"), 200, "ok")["data"]["items"]] == [first["id"]]
    for _ in range(2):
        off = said(xf.post(f"calls/{first['id']}/cancel", {"reason": "临时有事"}), 200, "ok")["data"]
        assert off["state"] == "cancelled"
    assert said(xf.get("calls"), 200, "ok")["data"]["items"] == []


@pytest.mark.case("L6")
@once
def test_a_cousin_hears_the_same_of_a_call_and_of_none(phones, cast):
    call, aming = booked(phones, cast)["id"], phones["aming"]
    asks = [
        ("GET", "calls/{}", None), ("GET", "calls/{}/ways", None), ("POST", "calls/{}/way", {"way": "room"}),
        ("POST", "calls/{}/move", {"starts_at": SUNDAY_16.isoformat()}), ("POST", "calls/{}/cancel", {}),
        ("POST", "calls/{}/grant", {"state": "granted"}), ("POST", "calls/{}/ended", {"minutes": 3}),
        ("POST", "calls/{}/join", {}), ("POST", "calls/{}/ticket", None),
    ]  # fmt: skip
    for method, path, body in asks:
        sent = {"json": body} if body is not None else {}
        real, none = (aming.ask(method, path.format(key), **sent) for key in (call, 999_999))
        assert (real.status_code, {**real.json, "request_id": ""}) == (404, {**none.json, "request_id": ""}), path
    for key in (cast.wangnainai.id, 999_999):
        slots = aming.get("calls/slots", query_string={"person_id": key, "first_day": "2026-11-29"})
        assert said(slots, 403, "no_link")["data"] is None
    assert said(aming.get("calls"), 200, "ok")["data"]["items"] == []


def held(phones, cast, hand, way, media="video"):
    """A call held in this way, five minutes after it began."""
    call = booked(phones, cast)["id"]
    said(phones["xf"].post(f"calls/{call}/way", {"way": way, "media": media}), 200, "ok")
    hand.at = SUNDAY_16
    return call


@once
def test_a_room_is_signed_with_the_key_of_who_joins_and_never_shows_it(app, phones, cast, hand, far):
    call = held(phones, cast, hand, "mini_voip")
    response = phones["xf"].post(f"calls/{call}/join", {"code": far.code("o-xf")})
    signed = said(response, 200, "ok")["data"]["signed"]
    assert SESSION_KEY not in response.text
    right = voip.signature(
        SESSION_KEY, MINI.app_id, signed["group_id"], signed["nonce_str"], signed["time_stamp"]
    )  # fmt: skip
    assert signed["signature"] == right
    other = said(phones["li"].post(f"calls/{call}/join", {"code": far.code("o-li")}), 200, "ok")["data"]["signed"]
    assert other["group_id"] == signed["group_id"]
    # Without a code WeChat signs; a code of another phone opens nothing.
    by_wechat = said(phones["xf"].post(f"calls/{call}/join", {}), 200, "ok")["data"]["signed"]
    again = voip.signature(
        SESSION_KEY, MINI.app_id, by_wechat["group_id"], by_wechat["nonce_str"], by_wechat["time_stamp"]
    )  # fmt: skip
    assert by_wechat["signature"] == again
    said(phones["xf"].post(f"calls/{call}/join", {"code": far.code("o-li")}), 401, "code_used")


@once
def test_the_way_into_the_built_in_room_is_a_link_good_once(phones, cast, hand):
    call = booked(phones, cast)["id"]
    said(phones["xf"].post(f"calls/{call}/join", {}), 409, "call_not_open")
    hand.at = SUNDAY_16
    links = [said(phones[who].post(f"calls/{call}/join", {}), 200, "ok")["data"]["link"] for who in ("xf", "xf", "li")]
    assert len(set(links)) == 3
    assert all("/video/" in link for link in links)
    said(phones["aming"].post(f"calls/{call}/join", {}), 404, "not_yours")


@once
def test_wechats_bad_day_is_a_kind_word_and_leaves_the_call(phones, cast, hand, far):
    call = held(phones, cast, hand, "mini_voip")
    for kind in ("busy", "html", "bad_gateway"):
        far.faults.standing[:] = [Fault("/wxa/getvoipsign", kind, left=1)]
        said(phones["xf"].post(f"calls/{call}/join", {}), 503, "wechat_away")
    said(phones["xf"].post(f"calls/{call}/join", {}), 200, "ok")


@once
def test_a_call_is_joined_within_its_time_only(phones, cast, hand):
    call = booked(phones, cast)["id"]
    said(phones["xf"].post(f"calls/{call}/join", {}), 409, "call_not_open")
    hand.at = SUNDAY_16.replace(hour=17)
    said(phones["xf"].post(f"calls/{call}/join", {}), 409, "call_over")


@once
def test_two_talk_one_to_one_and_what_they_did_not_use_is_there_again(phones, cast, hand, open_session):
    call = held(phones, cast, hand, "mini_1v1")
    pair = said(phones["li"].post(f"calls/{call}/join", {}), 200, "ok")["data"]["one_to_one"]
    assert pair == said(phones["xf"].post(f"calls/{call}/join", {}), 200, "ok")["data"]["one_to_one"]
    assert pair["room_type"] == "video"
    assert pair["caller"] != pair["listener"]
    with open_session() as session:
        assert session.scalars(select(VoipMonth.taken)).one() == 450
    said(phones["xf"].post(f"calls/{call}/ended", {"minutes": 3}), 200, "ok")
    with open_session() as session:
        assert session.scalars(select(VoipMonth.taken)).one() == 45
        assert session.scalars(select(VoipUse.minutes)).one() == 3


@once
def test_the_ways_say_why_and_what_is_left(phones, cast):
    call = booked(phones, cast)["id"]
    found = said(phones["xf"].get(f"calls/{call}/ways"), 200, "ok")["data"]
    by_way = {one["way"]: one for one in found["items"]}
    assert by_way["mini_1v1"]["minutes_left"] == 66
    assert (by_way["device_voip"]["possible"], by_way["mini_voip"]["possible"]) == (False, True)
    assert "设备" in by_way["device_voip"]["why_not"]
    said(phones["xf"].post(f"calls/{call}/way", {"way": "device_voip"}), 409, "way_not_possible")


@pytest.mark.case("D17")
@once
def test_a_phone_gets_a_ticket_for_the_device_and_says_what_it_allowed(phones, cast, open_session, far):
    call = booked(phones, cast)["id"]
    said(phones["xf"].post(f"calls/{call}/ticket"), 409, "no_device")
    with open_session() as session, session.begin():
        station = session.get_one(FamilyCall, call).station_id
        session.add(VoipDevice(station_id=station, sn="SN_1", model_id="sandbox-model", name="葛山1号机"))
    data = said(phones["xf"].post(f"calls/{call}/ticket"), 200, "ok")["data"]
    assert (data["sn"], data["device_name"]) == ("SN_1", "葛山1号机")
    assert far.world.tickets[data["sn_ticket"]][1] == "SN_1"
    said(phones["li"].post(f"calls/{call}/ticket"), 404, "not_yours")
    said(phones["li"].post(f"calls/{call}/grant", {"state": "granted"}), 404, "not_yours")
    said(phones["xf"].post(f"calls/{call}/grant", {"state": "granted"}), 200, "ok")
    said(phones["xf"].post(f"calls/{call}/way", {"way": "device_voip"}), 200, "ok")
    with open_session() as session:
        assert session.scalars(select(DeviceGrant.state)).one() == "granted"
    with open_session() as session, session.begin():
        session.scalars(select(VoipDevice)).one().model_id = "not-approved"
    said(phones["xf"].post(f"calls/{call}/ticket"), 503, "wechat_away")


@once
def test_a_link_of_the_countys_own_server_is_given_to_who_is_on_the_call(database_url, open_session, cast, hand):
    with api_app(database_url, hand, WX_BACKEND_VIDEO__WAYS="room, link", **LINK) as app:
        me = signed_in(app, open_session, cast.identities[cast.xiaofang.id])
        call = said(me.post("calls", booking(cast)), 201, "ok")["data"]["id"]
        said(me.post(f"calls/{call}/way", {"way": "by_hand"}), 409, "no_way")
        said(me.post(f"calls/{call}/way", {"way": "link"}), 200, "ok")
        hand.at = SUNDAY_16
        me = signed_in(app, open_session, cast.identities[cast.xiaofang.id], hand.at)
        link = said(me.post(f"calls/{call}/join", {}), 200, "ok")["data"]["link"]
        claims = jwt.decode(
            link.partition("?jwt=")[2].partition("#")[0], SECRET, algorithms=["HS256"], audience="jitsi",
            options={"verify_exp": False, "verify_nbf": False},
        )  # fmt: skip
        assert claims["context"]["user"]["name"] == "小芳"
        assert (claims["exp"] - claims["nbf"]) == 55 * 60
        assert "王秀英" not in str(claims)
        stranger = signed_in(app, open_session, cast.identities[cast.aming.id], hand.at)
        said(stranger.post(f"calls/{call}/join", {}), 404, "not_yours")
        assert Mini(app).post(f"calls/{call}/join", {}).status_code == 401


def test_a_link_without_its_server_refuses_to_start(database_url):
    with pytest.raises(ConfigError, match='video: "link" needs'):
        config_for(database_url, WX_BACKEND_VIDEO__WAYS="link")


@once
def test_who_is_called_sees_it_joins_it_and_changes_nothing(app, phones, hand, cast, open_session):
    call = booked(phones, cast)["id"]
    with open_session() as session, session.begin():
        made = with_a_phone(session, cast.wangnainai, MINI.app_id, kind="mini_program")
        phones.identities["wang"] = session.get_one(Identity, made.identity_id)
        session.expunge(phones.identities["wang"])
    her = phones["wang"]
    shown = said(her.get("calls"), 200, "ok")["data"]["items"]
    assert [(one["id"], one["role"], one["with_name"], one["phone"]) for one in shown] == [
        (call, "cared", "小芳", "0578-5550101")
    ]
    assert shown[0]["starts_at_text"] == "11月29日（周日）16:00"
    assert said(her.get(f"calls/{call}"), 200, "ok")["data"]["role"] == "cared"
    for path, body in (
        ("move", {"starts_at": "2026-11-30T08:00:00Z"}), ("cancel", {}), ("way", {"way": "by_hand"}),
        ("grant", {"state": "granted"}), ("ended", {"minutes": 1}), ("ticket", None),
    ):  # fmt: skip
        said(her.post(f"calls/{call}/{path}", body), 404, "not_yours")
    said(her.get(f"calls/{call}/ways"), 404, "not_yours")
    asked = {"person_id": cast.wangnainai.id, "first_day": "2026-11-29", "call": call}
    said(her.get("calls/slots", query_string=asked), 404, "not_yours")
    said(her.post(f"calls/{call}/join", {}), 409, "call_not_open")
    hand.at = SUNDAY_16
    link = said(phones["wang"].post(f"calls/{call}/join", {}), 200, "ok")["data"]["link"]
    assert "/video/" in link
    with open_session() as session, session.begin():
        session.get_one(FamilyCall, call).way = "mini_1v1"
    said(phones["wang"].post(f"calls/{call}/join", {}), 409, "with_cadre")
