"""The door of a call's room: who is let in and who is not, what pages say to each other, and how many may wait."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from handlers.family import room_words as words
from models.family.calls import FamilyCall
from models.family.ending import cancel
from models.family.passes import CallPass, give_pass, open_screen
from models.family.presence import log_of
from tests.desk import Clerk, give_account
from tests.faults.waiting import until
from tests.gate import Wire, close_app, config_for
from tests.models.family.test_calls import SUNDAY_16, booked
from tests.visitors import Browser
from wx_backend.app import create_app
from wx_backend.config import ConfigError
from wx_backend.now import monotonic
from wx_backend.serving import for_video
from wx_backend.video import signals
from wx_backend.video.line import AGAIN_MS, LOOK_SECONDS

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
pytestmark = on_sqlite
OURS = {"Origin": "http://localhost"}
MINUTE = timedelta(minutes=1)


@pytest.fixture
def call(pages, cast, open_session):
    """小芳's call with her mother; it is Sunday, and it begins now."""
    with open_session() as session, session.begin():
        made = booked(session, cast).id
    pages.now = SUNDAY_16
    return made


@pytest.fixture
def links(pages, cast, open_session, call):
    """A link for either side."""
    with open_session() as session, session.begin():
        away = give_pass(session, cast.who(cast.xiaofang), call, pages.now)
        return {"away": f"/video/{away}", "home": f"/video/{open_screen(session, cast.who(cast.li), call, pages.now)}"}


class Side:
    """A browser in the room."""

    def __init__(self, app, link):
        self.client, self.since = app.test_client(), "0"
        self.link = link

    def enters(self):
        said = self.client.post(self.link, json={"page": "p1"}, headers=OURS)
        assert said.status_code == 200, said.text
        self.me, self.since = said.json["me"], said.json["since"]
        return said.json

    def posts(self, what, **body):
        return self.client.post(f"/video/room/{what}", json=body, headers=OURS)

    def says(self, to, **data):
        assert self.posts("say", say=[{"to": to, "data": data}]).status_code == 204

    def hears(self):
        said = self.client.get(f"/video/room/hear?since={self.since}")
        self.since = said.json.get("since", self.since)
        return [one["data"] for one in said.json["said"]] if "said" in said.json else said.json


def test_camera_and_microphone_are_for_this_page_alone(pages, cast, links):
    page = pages.app.test_client().get(links["away"])
    assert page.status_code == 200
    assert "和王秀英视频" in page.text
    assert page.headers["Permissions-Policy"].startswith("camera=(self), microphone=(self)")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert (page.headers["Referrer-Policy"], page.headers["Cache-Control"]) == ("no-referrer", "no-store")
    other = pages.inside(cast.xiaofang).get("/m/calls")
    assert other.headers["Permissions-Policy"].startswith("camera=(), microphone=()")


@pytest.mark.case("D21")
def test_a_preview_of_a_link_uses_nothing_up_and_a_link_opened_twice_leads_one_browser_back(pages, links):
    for _ in range(3):
        assert pages.app.test_client().get(links["away"]).status_code == 200
    mine = Side(pages.app, links["away"])
    mine.enters()
    assert mine.client.get(links["away"]).location.endswith("/video/room")
    assert mine.client.get("/video/room").status_code == 200
    other = pages.app.test_client().get(links["away"])
    assert other.status_code == 409
    assert words.REFUSALS["pass_used"] in other.text
    said = Side(pages.app, links["away"]).client.post(links["away"], headers=OURS)
    assert (said.status_code, said.json["closed"]["code"]) == (409, "pass_used")


def test_a_page_that_heard_no_answer_asks_again_and_a_key_that_could_be_guessed_is_none(pages, links):
    def enters(key):
        return pages.app.test_client().post(links["away"], json={"page": "p1", "key": key}, headers=OURS)

    key = "0123456789abcdef" * 2
    first, again = enters(key), enters(key)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json["me"] == again.json["me"]
    assert first.headers["Set-Cookie"] == again.headers["Set-Cookie"]
    for other in (key[::-1], key[1:], "", None, 7, ["x"] * 40, "\ud800" * 32, "x" * 1000):
        said = enters(other)
        assert (said.status_code, said.json["closed"]["code"]) == (409, "pass_used"), other
    # As good as none, also for the first that says it.
    guessed = [
        pages.app.test_client().post(links["home"], json={"key": one}, headers=OURS).status_code
        for one in ("k", "k", "", "\ud800" * 32)
    ]
    assert guessed == [200, 409, 409, 409]


def test_a_link_handed_on_to_somebody_whom_wechat_knows_does_not_open(pages, cast, links, open_session):
    third: Browser = pages.inside(cast.aming)
    for said in (third.get(links["away"]), third.client.post(links["away"], headers=OURS)):
        assert said.status_code == 404
        assert "王秀英" not in said.text
    with open_session() as session:
        assert session.scalars(select(CallPass.used_at)).all() == [None, None]
    assert pages.inside(cast.xiaofang).get(links["away"]).status_code == 200


def test_an_old_link_and_a_made_up_one_say_how_to_get_another(pages, links):
    pages.now = SUNDAY_16 + 30 * MINUTE
    said = pages.app.test_client().get(links["away"])
    assert said.status_code == 409
    assert words.REFUSALS["pass_over"] in said.text
    assert words.REFUSALS["pass_unknown"] in pages.app.test_client().get("/video/made-up").text


# (method, path) → what nobody gets, who holds no seat; and another site's page, whoever looks at it.
WAYS = {
    ("GET", "/video/<secret>"): (404, 200), ("POST", "/video/<secret>"): (404, 404),
    ("GET", "/video/<secret>/there"): (404, 200), ("GET", "/video/room"): (404, 200),
    ("POST", "/video/room/come"): (404, 404), ("POST", "/video/room/say"): (404, 404),
    ("POST", "/video/room/ice"): (404, 404), ("POST", "/video/room/saw"): (404, 404),
    ("POST", "/video/room/leave"): (404, 404), ("GET", "/video/room/hear"): (404, 200),
}  # fmt: skip


def test_every_way_is_shut_to_who_holds_no_seat_and_to_another_sites_page(
    pages, links, call, open_session, monkeypatch
):
    monkeypatch.setattr(signals, "POLL_SECONDS", 0.1)  # nobody says anything here
    found = {
        (method, rule.rule) for rule in pages.app.url_map.iter_rules() if rule.rule.startswith("/video/")
        for method in rule.methods - {"HEAD", "OPTIONS"} if not rule.websocket
    }  # fmt: skip
    assert found == set(WAYS)
    mine = Side(pages.app, links["away"])
    mine.enters()
    mine.since = "0"
    for (method, rule), (nobody, foreign) in WAYS.items():
        said = pages.app.test_client().open(rule.replace("<secret>", "x"), method=method, headers=OURS)
        assert said.status_code == nobody, rule
        path = rule.replace("/video/<secret>", links["home"])
        foreigners = ({"Origin": "https://evil.example"}, {"Origin": "http://["}, {})
        for origin in foreigners if method == "POST" else ({},):
            assert mine.client.open(path, method=method, headers=origin, json={}).status_code == foreign, rule
    with open_session() as session:
        assert [seat.left_at for seat in log_of(session, session.get_one(FamilyCall, call))] == [None]


def test_what_one_says_the_other_hears_in_order_and_once_and_nobody_else(pages, cast, open_session, links):
    away, home = Side(pages.app, links["away"]), Side(pages.app, links["home"])
    assert away.enters()["there"] == []
    assert home.enters()["there"] == ["小芳"]
    assert away.hears() == [{"come": "p1", "name": "王秀英"}]
    away.posts("say", say=[{"to": home.me, "data": {"n": n}} for n in range(3)])
    away.says(0, n=3)
    away.says(999, n=4)
    assert [one["n"] for one in home.hears()] == [0, 1, 2, 3]
    assert home.posts("leave").status_code == 204
    assert away.hears() == [{"gone": True}]
    for wrong in ({"say": "x"}, {"say": [{"to": "1", "data": {}}]}, {"say": [{"to": 1, "data": {}}] * 51}, {}):
        assert away.posts("say", **wrong).status_code == 400
    assert away.client.post("/video/room/say", data=b"x" * 70_000, headers=OURS).status_code == 413


@pytest.mark.case("D15")
def test_a_page_that_waits_hears_within_seconds_that_the_call_was_cancelled(pages, cast, open_session, links, call):
    sides = [Side(pages.app, links["away"]), Side(pages.app, links["home"])]
    for one in sides:
        one.enters()
    sides[0].hears()  # that the other came
    with ThreadPoolExecutor(2) as pool:
        waits = [pool.submit(one.hears) for one in sides]
        with open_session() as session, session.begin():
            cancel(session, cast.who(cast.xiaofang), call, "临时有事", pages.now)
        began = monotonic()
        heard = [one.result(30)["closed"] for one in waits]
    assert monotonic() - began < 5 * LOOK_SECONDS
    assert {one["code"] for one in heard} == {"call_off"}
    assert heard[0]["sentence"] == words.REFUSALS["call_off"]
    assert sides[0].posts("come").json["closed"]["code"] == "call_off"
    assert sides[0].client.get("/video/room").status_code == 409


def test_those_who_wait_are_counted_and_callbacks_never_stand_behind_them(
    database_url, cast, open_session, far_end, monkeypatch
):
    app = create_app(config_for(database_url, WX_BACKEND_VIDEO__WAITING="1"), now=lambda: SUNDAY_16)
    with open_session() as session, session.begin():
        made = booked(session, cast).id
        passes = [give_pass(session, cast.who(cast.xiaofang), made, SUNDAY_16),
                  open_screen(session, cast.who(cast.li), made, SUNDAY_16)]  # fmt: skip
    lines = app.view_functions["video.hear"].__self__.frame.lines

    def somebody_waits():
        until(lambda: lines._free._value == 0, 30, lambda: "nobody has taken the one place")

    away, home = (Side(app, f"/video/{one}") for one in passes)
    away.enters()
    home.enters()
    away.hears()
    with ThreadPoolExecutor(1) as pool:
        waits = pool.submit(away.hears)  # the one place
        somebody_waits()
        began = monotonic()
        said = home.client.get(f"/video/room/hear?since={home.since}").json
        assert said == {"since": home.since, "said": [], "again": AGAIN_MS}
        assert monotonic() - began < LOOK_SECONDS
        assert app.test_client().get("/healthz").status_code == 200
        home.says(0, here=True)  # wakes the one who waits, and the place is free again
        assert waits.result(10) == [{"here": True}]
        again = pool.submit(lambda: home.client.get(f"/video/room/hear?since={home.since}").json)
        somebody_waits()
        away.says(0, now=True)
        assert again.result(10)["again"] == 0
    close_app(app)


def test_the_settings_leave_threads_for_wechat_and_a_relay_its_secret(database_url):
    with pytest.raises(ConfigError, match=r"video\.waiting: must be less than app\.threads"):
        config_for(database_url, WX_BACKEND_VIDEO__WAITING="8")
    with pytest.raises(ConfigError, match="turn and turn_secret: both, or neither"):
        config_for(database_url, WX_BACKEND_VIDEO__TURN="turn:turn.example.org:3478")
    with pytest.raises(ConfigError, match=r"video\.stun: must be URLs"):
        config_for(database_url, WX_BACKEND_VIDEO__STUN="http://turn.example.org")


def test_the_page_of_calls_has_the_way_in_when_it_is_time(pages, cast, call, open_session):
    pages.now = SUNDAY_16 - 16 * MINUTE
    me = pages.inside(cast.xiaofang)
    assert f">{words.JOIN}</button>" not in me.get("/m/calls").text
    assert words.REFUSALS["room_early"].format(minutes=15) in me.post(f"/m/calls/{call}/join").text
    pages.now = SUNDAY_16 - 15 * MINUTE
    assert f">{words.JOIN}</button>" in me.get("/m/calls").text
    away = me.post(f"/m/calls/{call}/join")
    assert away.status_code == 303
    assert "和王秀英视频" in me.get(away.location).text
    cadre = pages.inside(cast.li)
    assert words.OPEN_SCREEN in cadre.get("/m/calls").text
    home = cadre.post(f"/m/calls/{call}/join")
    assert "和小芳视频" in cadre.get(home.location).text
    with open_session() as session:
        assert session.get_one(FamilyCall, call).state == "checked_in"
    for stranger in (cast.aming, cast.zhao):
        assert pages.inside(stranger).post(f"/m/calls/{call}/join").status_code == 404


def test_in_the_conversation_a_tap_or_two_words_answer_with_a_link_of_ones_own(pages, cast, call, open_session):
    account = pages.config.wechat.official_account
    wire = Wire(pages.app, account, now=lambda: pages.now)
    link = re.compile(re.escape(pages.config.app.public_url) + r"(/video/\S+)")

    def says(person, text):
        return wire.said(wire.send(wire.text(f"o-{person.id}", text)))

    mine = link.search(says(cast.xiaofang, "进入视频"))
    assert "和王秀英视频" in pages.app.test_client().get(mine[1]).text
    screen = wire.said(wire.send(wire.text(f"o-{cast.li.id}", "点", bizmsgmenuid=f"call/{call}/screen")))
    assert "和小芳视频" in pages.app.test_client().get(link.search(screen)[1]).text
    assert words.OPEN_SCREEN in wire.said(wire.send(wire.text(f"o-{cast.li.id}", "点", bizmsgmenuid=f"call/{call}")))
    assert words.NONE_OPEN in says(cast.aming, "进入视频")
    for address in (f"call/{call}/join", f"call/{call}/screen"):
        assert "/video/" not in wire.said(wire.send(wire.text(f"o-{cast.aming.id}", "点", bizmsgmenuid=address)))


def test_at_the_desk_one_tap_checks_the_elder_in_and_makes_this_computer_the_screen(pages, cast, call, open_session):
    with open_session() as session, session.begin():
        give_account(session, cast.li.id, "li")
        give_account(session, cast.zhao.id, "zhao")
    clerk = Clerk(pages.app)
    clerk.signs_in("li")
    pages.now = SUNDAY_16 - 16 * MINUTE
    clerk.signs_in("li")
    clerk.opens("/console/screens/")
    assert "王*" in clerk.text()
    assert "王秀英" not in clerk.text()
    assert words.DESK_EARLY in clerk.text()
    pages.now = SUNDAY_16 + 70 * MINUTE  # late as she is
    clerk.signs_in("li")
    clerk.opens("/console/screens/")
    opened = clerk.posts(f"/console/screens/{call}/screen")
    assert opened.status_code == 303
    screen = clerk.client.get(opened.location)
    assert "和小芳视频" in screen.text
    with open_session() as session:
        assert session.get_one(FamilyCall, call).state == "checked_in"
    other = Clerk(pages.app)
    other.signs_in("zhao")
    other.opens("/console/screens/")
    assert "王*" not in other.text()
    assert other.posts(f"/console/screens/{call}/screen").status_code == 404


def test_a_process_of_its_own_has_many_threads_and_keeps_a_quarter_for_what_is_not_waiting(database_url):
    config = config_for(database_url)
    own = for_video(config)
    assert (own.app.bind, own.app.threads, own.app.workers, own.video.waiting) == ("127.0.0.1:8002", 128, 1, 96)
    assert (own.database, own.app.public_url, own.source) == (config.database, config.app.public_url, config.source)
