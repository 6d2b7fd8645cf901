"""Voice notes and pictures from WeChat into the folder: from its own API only, of known types and sizes, once."""

import os
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from models.messages.media import Attached, Gone, Kept, Media, NotYet, OpenMedia, attach
from models.tasks.tasks import Task
from scheduler.media import fetch_media
from scheduler.settings import ClockSettings, Hands
from tests.models.ordering.voicing import calls
from tests.world import NOW, served
from wx_backend.config import EXAMPLE, load_config
from wx_backend.demo.cast import accounts
from wx_backend.redis import connect
from wx_backend.sandbox.server import create_sandbox, start_in_thread
from wx_backend.wechat.client import Client
from wx_backend.wechat.media import BEGINNINGS, Fetcher, Folder, format_of
from wx_backend.wechat.transport import Transport

CONFIG = load_config(EXAMPLE, {})
OFFICIAL = CONFIG.wechat.official_account
AMR, JPG = b"#!AMR\n" + b"\x7c" * 500, b"\xff\xd8\xff\xe0" + b"\x00" * 500


def fetcher(url, folder, most=100_000):
    client = Client(OFFICIAL.app_id, OFFICIAL.app_secret, Transport(url), connect("memory://"))
    return Fetcher({OFFICIAL.app_id: client}, Folder(Path(folder), most))


def asked(kind="voice", media_id="m1", file="f" * 32, app_id=OFFICIAL.app_id):
    return OpenMedia(1, app_id, media_id, kind, file)


@pytest.fixture
def far():
    running = start_in_thread(create_sandbox(accounts(CONFIG, "http://127.0.0.1:1"), [], []))
    yield running
    running.stop()


@contextmanager
def answering(status, body, kind="application/octet-stream", **headers):
    """A far end that gives a token and, to whatever is asked then, one and the same answer."""
    seen = []

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self._say(200, b'{"access_token": "t", "expires_in": 7200}', "application/json", {})

        def do_GET(self):
            seen.append(self.path)
            self._say(status, body, kind, headers)

        def _say(self, code, content, form, more):
            self.send_response(code)
            for name, value in {"Content-Type": form, "Content-Length": str(len(content)), **more}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            """Quiet."""

    with served(ThreadingHTTPServer(("127.0.0.1", 0), Answer)) as url:
        yield url, seen


@pytest.mark.parametrize(("kind", "content", "form"), [("voice", AMR, "amr"), ("image", JPG, "jpg")])
def test_it_lies_in_the_folder_under_its_random_name_for_us_alone(far, tmp_path, kind, content, form):
    far.world.media["m1"] = (content, kind)
    folder = tmp_path / "media"
    for _ in range(2):
        assert fetcher(far.url, folder).fetch(asked(kind)) == Kept(form, len(content))
    (file,) = folder.iterdir()
    assert (file.name, file.read_bytes()) == ("f" * 32, content)
    assert (os.stat(file).st_mode & 0o777, os.stat(folder).st_mode & 0o777) == (0o600, 0o700)


def test_what_wechat_has_no_more_is_gone(far, tmp_path):
    assert fetcher(far.url, tmp_path).fetch(asked(media_id="long-ago")) == Gone("errcode 40007")


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("voice", JPG), ("image", AMR), ("image", b"<svg onload=alert(1)>"), ("image", b"<!DOCTYPE html>"),
        ("voice", b"MZ\x90"), ("voice", b""),
    ],
)  # fmt: skip
def test_what_is_another_type_than_it_says_is_not_kept(far, tmp_path, kind, content):
    far.world.media["m1"] = (content, kind)
    assert isinstance(fetcher(far.url, tmp_path / "m").fetch(asked(kind)), Gone | NotYet)
    assert not (tmp_path / "m").exists()


def test_what_is_longer_than_the_settings_allow_is_not_read_to_its_end(far, tmp_path):
    far.world.media["m1"] = (AMR + b"x" * 100_000, "voice")
    assert fetcher(far.url, tmp_path).fetch(asked()) == Gone("too long")
    assert fetcher(far.url, tmp_path, most=200_000).fetch(asked()) == Kept("amr", len(AMR) + 100_000)


@pytest.mark.parametrize(
    ("status", "body", "headers", "outcome"),
    [
        (200, b'{"video_url": "http://169.254.169.254/latest"}', {}, Gone("another type")),
        (302, b"", {"Location": "http://169.254.169.254/latest"}, NotYet("Doubtful")),
        (200, b'{"errcode": -1, "errmsg": "busy"}', {}, NotYet("errcode -1")),
        (502, b"bad gateway", {}, NotYet("Doubtful")),
    ],
)
def test_no_other_place_is_ever_asked_and_a_far_end_that_is_ill_is_asked_later(
    tmp_path, status, body, headers, outcome
):
    with answering(status, body, **headers) as (url, seen):
        assert fetcher(url, tmp_path).fetch(asked()) == outcome
    assert [path.partition("?")[0] for path in seen] == ["/cgi-bin/media/get"]
    assert list(tmp_path.iterdir()) == []


def test_a_far_end_that_is_away_and_an_account_that_is_not_ours_are_asked_later(tmp_path):
    assert isinstance(fetcher("http://127.0.0.1:9", tmp_path).fetch(asked()), NotYet)
    assert isinstance(fetcher("http://127.0.0.1:9", tmp_path).fetch(asked(app_id="other")), NotYet)


def test_a_folder_that_takes_nothing_loses_nothing(far, tmp_path):
    far.world.media["m1"] = (AMR, "voice")
    (tmp_path / "file").write_text("in the way")
    assert fetcher(far.url, tmp_path / "file").fetch(asked()) == NotYet("folder")


@given(st.binary(max_size=40), st.sampled_from(sorted(BEGINNINGS)))
def test_only_what_begins_as_a_known_format_has_one(content, kind):
    form = format_of(kind, content)
    assert form in {"", *(name for _, name in BEGINNINGS[kind])}
    assert (form != "") == any(content.startswith(begins) for begins, _ in BEGINNINGS[kind])


def test_half_a_file_never_stands_under_its_name(tmp_path, monkeypatch):
    def fails(*_):
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(OSError, match="disk full"):
        Folder(tmp_path, 100).keep("name", AMR)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.case("B15")
def test_the_clock_brings_what_was_said_and_asks_a_cadre_to_call_where_it_is_gone(open_session, cast, far, tmp_path):
    far.world.media["here"] = (AMR, "voice")
    with open_session() as session, session.begin():
        call = calls(session, cast.who(cast.aming), "", attached=(Attached("voice", "here"),))
        attach(session, call.subject, cast.who(cast.aming).app_id, Attached("voice", "gone"), NOW)
        for media in session.scalars(select(Media)):
            media.app_id = OFFICIAL.app_id
    hands = Hands(open_session, lambda _: None, lambda: NOW, lambda: NOW, ClockSettings(),
                  fetch=fetcher(far.url, tmp_path).fetch)  # fmt: skip
    assert [fetch_media(hands) for _ in range(2)] == [1, 0]
    with open_session() as session:
        rows = session.scalars(select(Media).order_by(Media.id)).all()
        assert [(row.state, row.format) for row in rows] == [("kept", "amr"), ("lost", "")]
        assert (tmp_path / rows[0].file).read_bytes() == AMR
        assert session.scalars(select(Task.kind).where(Task.kind == "media_lost")).all() == ["media_lost"]


def test_a_clock_without_a_folder_fetches_nothing(open_session):
    hands = Hands(open_session, lambda _: None, lambda: NOW, lambda: NOW, ClockSettings())
    assert fetch_media(hands) == 0
