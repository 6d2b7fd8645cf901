"""A photo and a voice note with what people tell, and a voice without a name: kept, looked at, sent to who may see."""

import io
import zlib

import pytest
from flask import request
from PIL import Image
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from handlers.ordering import need_api
from models.history import History
from models.messages import answers
from models.messages.answers import Answer
from models.messages.media import Media
from models.ordering.needs import NeedSubmission
from tests.mini import api_app, signed_in
from tests.visitors import Pages
from wx_backend.database import db

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
AMR = b"#!AMR\n" + b"\x3c" * 64


def photo(**more):
    made, out = Image.new("RGB", (3000, 20), "red"), io.BytesIO()
    exif = Image.Exif()
    exif[0x013B] = "王秀英的手机"
    made.save(out, "JPEG", exif=exif, **more)
    return out.getvalue()


@pytest.fixture
def told(pages, cast):
    """小芳's phone, and her way to tell something there."""
    me = pages.inside(cast.xiaofang)

    def send(what="needs", key="a" * 24, **fields):
        form = {"text": "想要食堂", "person": str(cast.wangnainai.id), "key": key, "csrf_token": me.token(), **fields}
        return me.client.post(f"/m/{what}/new", data=form, content_type="multipart/form-data")

    return me, send


def media(open_session):
    with open_session() as session:
        return list(session.scalars(select(Media).order_by(Media.id)))


def lying(pages: Pages):
    return sorted(one.name for one in pages.app.extensions["pages"].media.path.glob("*"))


def test_a_photo_and_a_voice_note_come_with_a_need_without_what_the_camera_wrote(pages, told, cast, open_session):
    me, send = told
    files = {"photo": (io.BytesIO(photo()), "IMG.png"), "voice": (io.BytesIO(AMR), "x.exe")}
    assert send(**files).status_code == 303
    image, voice = media(open_session)
    assert (image.kind, image.format, image.state, voice.kind, voice.format) == ("image", "jpg", "kept", "voice", "amr")
    assert image.subject == "need:1"
    sent = me.get(f"/m/needs/1/media/{image.id}")
    assert (sent.status_code, sent.mimetype) == (200, "image/jpeg")
    drawn = Image.open(io.BytesIO(sent.data))
    assert (dict(drawn.getexif()), max(drawn.size)) == ({}, 2048)
    heard = me.get(f"/m/needs/1/media/{voice.id}")
    assert heard.data == AMR
    assert "attachment" in heard.headers["Content-Disposition"]
    assert pages.inside(cast.aming).get(f"/m/needs/1/media/{image.id}").status_code == 404
    assert "看照片" in me.get("/m/needs/1").text
    again = {"photo": (io.BytesIO(photo()), "IMG.png")}
    assert send(**again).status_code == 303  # the same form once more
    assert len(media(open_session)) == 2
    assert lying(pages) == sorted((image.file, voice.file))


@pytest.mark.parametrize(
    "content", [b"<html><script>alert(1)</script>", b"%PDF-1.7", b"\xff\xd8\xff broken", b"GIF89a"]
)
def test_what_is_neither_a_picture_nor_a_voice_note_is_not_kept(pages, told, open_session, content):
    _, send = told
    answer = send(photo=(io.BytesIO(content), "photo.jpg"))
    assert (answer.status_code, "请选照片或录音" in answer.text) == (422, True)
    assert (media(open_session), lying(pages)) == ([], [])


def test_what_is_too_long_is_said_beside_the_form_and_nothing_stays(pages, told, open_session):
    _, send = told
    most = pages.app.extensions["pages"].media.most
    answer = send(voice=(io.BytesIO(AMR + b"\x3c" * most), "v.amr"))
    assert (answer.status_code, "兆以内" in answer.text) == (422, True)
    assert (media(open_session), lying(pages)) == ([], [])
    assert send(voice=(io.BytesIO(b"\x3c" * (12 * most // 5)), "v.amr")).status_code == 413  # not even read


def test_a_need_without_a_name_leads_to_nobody(pages, told, cast, open_session):
    me, send = told
    answer = send(how="nameless", photo=(io.BytesIO(photo()), "IMG.jpg"))
    assert answer.location.endswith("told=nameless")
    with open_session() as session:
        need = session.scalars(select(NeedSubmission)).one()
        assert (need.person_id, need.said_by_id, need.area_id) == (None, None, cast.village.id)
        doers = select(History.by_person_id).where(History.subject.in_((need.subject, "media:1")))
        assert set(session.scalars(doers)) == {None}
    assert "想要食堂" not in me.get("/m/needs").text
    assert me.get("/m/needs/1").status_code == 404
    assert send("help", key="b" * 24, how="nameless").location.endswith("told=nameless") is False


def drawn(size):
    """A picture of this size, in one bit a point: few bytes that unfold into many."""
    out = io.BytesIO()
    Image.new("1", size).save(out, "PNG")
    return out.getvalue()


def torn(picture):
    """A PNG whose second piece of points has lost its name."""
    at = picture.index(b"IDAT")
    length = int.from_bytes(picture[at - 4 : at])
    half = picture[at + 4 : at + 4 + length // 2]
    piece = len(half).to_bytes(4) + b"IDAT" + half + zlib.crc32(b"IDAT" + half).to_bytes(4)
    return picture[: at - 4] + piece + b"\0\0\0\4\0\xff\0\xff" + picture[at + 4 + length // 2 :]


@pytest.fixture
def mini(database_url, cast, open_session, tmp_path):
    with api_app(database_url, WX_BACKEND_MEDIA__FOLDER=str(tmp_path / "media")) as app:
        yield (lambda person: signed_in(app, open_session, cast.identities[person.id]))


@pytest.fixture
def nameless(cast):
    return {"client_key": "client-key-1", "text": "想要食堂", "person_id": cast.wangnainai.id, "anonymous": True}


def test_the_mini_program_tells_without_a_name_and_no_answer_is_kept_that_leads_there(
    mini, cast, open_session, nameless
):
    me = mini(cast.xiaofang)
    told = [me.post("needs", nameless, key) for key in ("once", "once", "again")]
    assert [(one.status_code, one.json["data"]) for one in told] == [(201, {"matter": None, "danger": None})] * 3
    with open_session() as session:
        assert session.scalars(select(NeedSubmission)).one().said_by_id is None
        assert session.scalars(select(Answer)).all() == []  # each names who asked, and when


@pytest.mark.parametrize(("changed", "code"), [
    ({"anonymous": False}, "not_yours"), ({}, "ok"), ({"text": "灶台着火了"}, "ok"),
    ({"text": "灶台着火了", "anonymous": False}, "ok"),
])  # fmt: skip
def test_who_knows_the_key_of_a_voice_without_a_name_does_not_hear_what_it_said(
    mini, cast, open_session, nameless, changed, code
):
    assert mini(cast.xiaofang).post("needs", {**nameless, "text": "想要食堂，还要班车"}).status_code == 201
    answer = mini(cast.aming).post("needs", {**nameless, "person_id": cast.aming.id, **changed})
    assert (answer.json["code"], "班车" in answer.text) == (code, False)
    assert ("着火" in str(changed)) == bool((answer.json["data"] or {}).get("danger"))
    with open_session() as session:
        assert session.scalars(select(NeedSubmission.text)).all() == ["想要食堂，还要班车"]


@pytest.fixture
def one_need(mini, cast):
    me = mini(cast.xiaofang)
    body = {"client_key": "client-key-1", "text": "想要食堂", "person_id": cast.wangnainai.id}
    assert me.post("needs", body).status_code == 201

    def adds(many=1, content=AMR):
        return me.ask("POST", "needs/1/media", data={f"file{n}": (io.BytesIO(content), "x") for n in range(many)})

    return adds


def test_a_need_takes_so_many_files_and_no_more_however_they_come(one_need, open_session, tmp_path):
    for many, code, kept in ((7, "wrong_state", 0), (4, "ok", 4), (3, "wrong_state", 4), (2, "ok", 6),
                             (1, "wrong_state", 6)):  # fmt: skip
        assert (one_need(many).json["code"], len(media(open_session))) == (code, kept)
    assert len(list((tmp_path / "media").glob("*"))) == 6


def fails(*_, **__):
    raise OperationalError("UPDATE", {}, Exception("the disk is full"))


def test_of_a_request_that_came_to_nothing_no_file_stays(one_need, open_session, tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(answers, "keep", fails)
        assert one_need().status_code == 503
    with monkeypatch.context() as patched:
        patched.setattr(need_api, "keep", fails)
        assert one_need().status_code == 503
    assert (media(open_session), list((tmp_path / "media").glob("*"))) == ([], [])


def test_of_a_page_that_came_to_nothing_no_file_stays(pages, told, open_session, monkeypatch):
    _, send = told
    with monkeypatch.context() as patched:
        patched.setattr(db.session, "commit", lambda: fails() if request.method == "POST" else None)
        assert send(photo=(io.BytesIO(photo()), "IMG.jpg")).status_code == 503
    assert (media(open_session), lying(pages)) == ([], [])
    assert send(photo=(io.BytesIO(photo()), "IMG.jpg")).status_code == 303
    assert len(lying(pages)) == 1


def test_the_mini_program_adds_files_until_it_is_decided_and_others_may_not(mini, cast, open_session):
    me, other = mini(cast.xiaofang), mini(cast.aming)
    body = {"client_key": "client-key-1", "text": "想要食堂", "person_id": cast.wangnainai.id}
    assert me.post("needs", body).json["data"]["matter"]["media"] == []

    def adds(phone, content=AMR, **more):
        return phone.ask("POST", "needs/1/media", data={"file": (io.BytesIO(content), "x")}, **more)

    added = adds(me, key="once")
    assert added.status_code == 201, added.text
    (one,) = added.json["data"]["media"]
    assert adds(other).status_code == 404
    for bad in (b"<html>", drawn((8_000, 8_000)), torn(drawn((300, 300)))):
        assert adds(me, bad).json["code"] == "no_media"
    assert me.get(f"needs/1/media/{one['id']}").data == AMR
    assert other.get(f"needs/1/media/{one['id']}").status_code == 404
    assert me.ask("POST", "needs/1/media", data=b"x" * 20_000_000, content_type="text/plain").status_code == 413
    with open_session() as session, session.begin():
        session.scalars(select(NeedSubmission)).one().state = "declined"
    assert adds(me).json["code"] == "wrong_state"
