"""A person is somebody else in each account; quotas are of a day; codes end; phones do more than type."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.wx_backend.sandbox.asking import CONFIG, MINI, OFFICIAL, call, does, heard, send, token
from wx_backend.sandbox.account import new_code
from wx_backend.sandbox.control import links_in
from wx_backend.sandbox.crypto import sealed, signature

TEXT = {"msgtype": "text", "text": {"content": "好"}}
STRANGER = "o-demo-aming"  # follows nothing


@pytest.fixture
def phone(sandbox):
    return sandbox.world.phones["o-demo-xiaofang"]


def logged_in(sandbox, account, phone, path, name):
    app = sandbox.world.accounts[account.app_id]
    query = {"appid": account.app_id, "secret": account.app_secret, name: new_code(sandbox.world, phone, app)}
    return sandbox.client.get(path, query_string=query).json


def test_each_account_knows_its_own_openid_and_the_unionid_joins_them(sandbox, phone):
    mini = logged_in(sandbox, MINI, phone, "/sns/jscode2session", "js_code")
    web = logged_in(sandbox, OFFICIAL, phone, "/sns/oauth2/access_token", "code")
    assert (web["openid"], mini["openid"]) == (phone.openid, phone.mini_openid)
    assert web["openid"] != mini["openid"]
    assert web["unionid"] == mini["unionid"] == phone.unionid
    assert len({one.unionid for one in sandbox.world.phones.values()}) == len(sandbox.world.phones)


def test_a_person_whose_accounts_have_no_common_owner_has_no_unionid(sandbox, phone):
    phone.unionid = ""
    assert "unionid" not in logged_in(sandbox, MINI, phone, "/sns/jscode2session", "js_code")


def test_a_code_of_one_account_is_none_in_the_other(sandbox, phone):
    query = {"appid": MINI.app_id, "secret": MINI.app_secret, "js_code": new_code(sandbox.world, phone)}
    assert sandbox.client.get("/sns/jscode2session", query_string=query).json["errcode"] == 40029


def test_a_page_learns_the_openid_of_the_account_that_asked(sandbox, phone):
    query = {"appid": OFFICIAL.app_id, "redirect_uri": "http://127.0.0.1/m", "state": "s", "as": phone.openid}
    sent_to = sandbox.client.get("/connect/oauth2/authorize", query_string=query).headers["Location"]
    code = parse_qs(urlsplit(sent_to).query)["code"][0]
    query = {"appid": OFFICIAL.app_id, "secret": OFFICIAL.app_secret, "code": code}
    assert sandbox.client.get("/sns/oauth2/access_token", query_string=query).json["openid"] == phone.openid


@pytest.mark.parametrize("path", ["template/send", "custom/send", "subscribe/send"])
def test_an_openid_of_another_account_is_nobody(sandbox, phone, path):
    for account, openid in ((MINI, phone.openid), (OFFICIAL, phone.mini_openid)):
        assert call(sandbox, f"message/{path}", account, touser=openid, **TEXT)["errcode"] == 40003
    assert call(sandbox, f"message/{path}", MINI, touser=phone.mini_openid, **TEXT)["errcode"] != 40003


def test_a_mini_program_answers_somebody_who_follows_nothing_and_only_in_its_own_window(sandbox, backend):
    stranger = sandbox.world.phones[STRANGER]
    to = {"touser": stranger.mini_openid, **TEXT}
    assert call(sandbox, "message/custom/send", MINI, **to)["errcode"] == 45015
    does(sandbox, "text", STRANGER, text="在吗", mini=True)
    does(sandbox, "choose", STRANGER, id="menu", content="菜单", mini=True)
    assert [one["FromUserName"] for one in heard(backend, MINI)] == [stranger.mini_openid] * 2
    assert heard(backend, MINI)[-1]["bizmsgmenuid"] == "menu"
    assert [call(sandbox, "message/custom/send", MINI, **to)["errcode"] for _ in range(6)] == [0] * 5 + [45047]
    assert call(sandbox, "message/custom/send", touser=STRANGER, **TEXT)["errcode"] == 45015
    does(sandbox, "event", STRANGER, Event="user_enter_tempsession", mini=True)
    sandbox.world.move_clock(49 * 3600)
    does(sandbox, "event", STRANGER, Event="user_enter_tempsession", mini=True)
    assert [call(sandbox, "message/custom/send", MINI, **to)["errcode"] for _ in range(3)] == [0, 0, 45047]


def test_daily_counts_begin_anew_at_midnight_in_china(sandbox):
    world = sandbox.world
    noon = datetime.now(UTC).replace(hour=4, minute=0) + timedelta(days=1)  # twelve o'clock in China
    world.move_clock(noon.timestamp() - world.now())
    world.limits["day"] = 1
    assert [send(sandbox)["errcode"] for _ in range(2)] == [0, 45009]
    world.move_clock(world.offset + 11.9 * 3600)
    assert send(sandbox)["errcode"] == 45009
    world.move_clock(world.offset + 0.2 * 3600)
    assert send(sandbox)["errcode"] == 0
    path = "/cgi-bin/message/template/send"
    assert call(sandbox, "openapi/quota/get", cgi_path=path)["quota"]["used"] == 1
    assert world.calls[path] == 4


def made(sandbox, scene, **more):
    told = {"action_name": "QR_STR_SCENE", "action_info": {"scene": {"scene_str": scene}}, **more}
    return call(sandbox, "qrcode/create", **told)


def test_a_temporary_code_ends_and_a_permanent_one_does_not(sandbox, backend):
    brief, lasting = made(sandbox, "a", expire_seconds=600), made(sandbox, "b", action_name="QR_LIMIT_STR_SCENE")
    assert brief["expire_seconds"] == 600
    assert "expire_seconds" not in lasting
    does(sandbox, "scan", ticket=brief["ticket"])
    sandbox.world.move_clock(601)
    does(sandbox, "scan", ticket=lasting["ticket"])
    for told in ({"ticket": brief["ticket"]}, {"scene": "a"}):
        assert does(sandbox, "scan", **told)["attempts"] == 0
        assert "过期" in sandbox.world.phones["o-demo-xiaofang"].log[-1]["text"]
    does(sandbox, "follow", STRANGER, scene="a")
    assert not sandbox.world.phones[STRANGER].following
    assert [(one["EventKey"], one["Ticket"]) for one in heard(backend)] == [
        ("a", brief["ticket"]), ("b", lasting["ticket"])
    ]  # fmt: skip
    codes = {code["scene"]: code["left"] for code in sandbox.client.get("/_sandbox/state").json["codes"]}
    assert codes["b"] is None
    assert codes["a"] < 0
    made(sandbox, "a")
    assert does(sandbox, "scan", scene="a")["attempts"] == 1


@pytest.mark.parametrize("more", [{"expire_seconds": "soon"}, {"expire_seconds": -1}])
def test_a_life_that_is_none_is_refused(sandbox, more):
    assert made(sandbox, "a", **more)["errcode"] == 40097


def uploaded(sandbox, content):
    access = token(sandbox)["access_token"]
    data = {"media": (content, "a.png")}
    return sandbox.client.post(f"/cgi-bin/media/upload?type=image&access_token={access}", data=data).json["media_id"]


def test_an_image_shows_the_picture_and_a_code_in_it_is_recognised(sandbox, backend, phone, tmp_path):
    ticket = made(sandbox, "menu")["ticket"]
    (tmp_path / "a.png").write_bytes(sandbox.client.get(f"/cgi-bin/showqrcode?ticket={ticket}").data)
    media = uploaded(sandbox, (tmp_path / "a.png").open("rb"))
    does(sandbox, "text", text="你好")
    told = {"touser": phone.openid, "msgtype": "image", "image": {"media_id": media}}
    assert call(sandbox, "message/custom/send", **told)["errcode"] == 0
    shown = phone.log[-1]
    assert (shown["kind"], shown["media"], shown["ticket"]) == ("image", media, ticket)
    picture = sandbox.client.get(f"/_sandbox/media/{media}")
    assert (picture.mimetype, picture.data) == ("image/png", (tmp_path / "a.png").read_bytes())
    told["image"] = {"media_id": "no such"}
    assert call(sandbox, "message/custom/send", **told)["errcode"] == 40007


def test_media_that_is_no_picture_is_never_shown_as_a_page(sandbox, tmp_path):
    (tmp_path / "a.html").write_text("<script>alert(1)</script>")
    answer = sandbox.client.get(f"/_sandbox/media/{uploaded(sandbox, (tmp_path / 'a.html').open('rb'))}")
    assert answer.mimetype == "application/octet-stream"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_voice_place_and_picture_arrive_in_wechats_own_fields(sandbox, backend):
    does(sandbox, "voice", text="我要点单", seconds=2)
    does(sandbox, "location", Location_X="27.97", Location_Y="119.63", Label="景宁县城")
    sandbox.client.post("/_sandbox/users/o-demo-xiaofang/photo", data=b"\x89PNG photo")
    voice, place, image = heard(backend)
    assert (voice["MsgType"], voice["Recognition"], voice["Format"]) == ("voice", "我要点单", "amr")
    access = token(sandbox)["access_token"]
    query = {"access_token": access, "media_id": voice["MediaId"]}
    assert sandbox.client.get("/cgi-bin/media/get", query_string=query).data.startswith(b"#!AMR\n")
    assert (place["MsgType"], place["Location_X"], place["Label"]) == ("location", "27.97", "景宁县城")
    assert sandbox.client.get(urlsplit(image["PicUrl"]).path).data == b"\x89PNG photo"


def test_only_what_the_account_says_holds_links(sandbox, backend, phone):
    link = '<a href="weixin://bizmsgmenu?msgmenucontent=x&msgmenuid=menu">点我</a>'
    assert links_in(link)
    does(sandbox, "text", text=link)
    sandbox.world.show(phone, side="account", kind="text", text=link)
    said, told = sandbox.client.get("/_sandbox/users/o-demo-xiaofang/phone").json["log"][-2:]
    assert (len(said["links"]), len(told["links"])) == (0, 1)


def test_a_verb_that_is_none_is_refused(sandbox):
    assert "verbs" in does(sandbox, "dance")["error"]


def test_a_passive_reply_may_be_a_picture(sandbox, backend, phone, tmp_path):
    (tmp_path / "a.png").write_bytes(b"\x89PNG")
    media = uploaded(sandbox, (tmp_path / "a.png").open("rb"))
    inner = f"<xml><MsgType>image</MsgType><Image><MediaId>{media}</MediaId></Image></xml>"
    encrypted = sealed(inner, OFFICIAL.encoding_aes_key, OFFICIAL.app_id)
    signed = signature(OFFICIAL.token, "1", "2", encrypted)
    backend.answers = [
        f"<xml><Encrypt>{encrypted}</Encrypt><MsgSignature>{signed}</MsgSignature>"
        "<TimeStamp>1</TimeStamp><Nonce>2</Nonce></xml>"
    ]
    does(sandbox, "text", text="二维码")
    assert (phone.log[-1]["kind"], phone.log[-1]["media"]) == ("image", media)


def test_a_page_learns_whose_phone_opened_it_and_on_a_snapshot_page_only_a_stand_in(sandbox):
    url = f"{CONFIG.app.public_url}/m/enter"
    opened = sandbox.client.get("/_sandbox/users/o-demo-aming/browse", query_string={"url": url})
    assert (opened.status_code, opened.location) == (302, url)
    asked = {"appid": OFFICIAL.app_id, "redirect_uri": url, "state": "s"}

    def looks():
        back = sandbox.client.get("/connect/oauth2/authorize", query_string=asked).location
        code = parse_qs(urlsplit(back).query)["code"][0]
        who = {"appid": OFFICIAL.app_id, "secret": OFFICIAL.app_secret, "code": code}
        return sandbox.client.get("/sns/oauth2/access_token", query_string=who).json

    assert looks()["openid"] == "o-demo-aming"
    sandbox.client.post("/_sandbox/users/o-demo-aming/snapshot", json={"on": True})
    stand_in = looks()
    assert stand_in["is_snapshotuser"] == 1
    assert stand_in["openid"] not in sandbox.world.phones
    assert sandbox.client.get("/_sandbox/users/o-demo-aming/browse?url=javascript:alert(1)").status_code == 404
