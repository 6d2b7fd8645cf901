"""The photo of news from home on its way: into the window that is open, else in words with the way to its page."""

import pytest
from sqlalchemy import select, update

from models.family.news import LETTER, write
from models.messages.letters import Letter
from models.messages.media import Attached, Kept, media_of, settle_media
from models.messages.optouts import opt_out
from models.people.consent import agree
from models.people.identities import Identity
from models.tasks.tasks import Task
from scheduler.deliver import Deliverer
from scheduler.settings import ClockSettings, Hands
from tests.world import NOW
from wx_backend.config import EXAMPLE, load_config
from wx_backend.demo.cast import accounts, templates
from wx_backend.hands import make_templates
from wx_backend.redis import connect
from wx_backend.sandbox.faults import Fault
from wx_backend.sandbox.server import create_sandbox, start_in_thread
from wx_backend.sandbox.world import Phone
from wx_backend.speech import WORDS
from wx_backend.wechat.carriers import Postman
from wx_backend.wechat.client import Client
from wx_backend.wechat.media import Folder
from wx_backend.wechat.transport import Transport

CONFIG = load_config(EXAMPLE, {})
PAGE = f"{CONFIG.app.public_url}/m/family/news/1"
JPEG = b"\xff\xd8\xff\xe0 a photo"


@pytest.fixture
def cast(cast, open_session):
    """The cast, as followers of the account that the sandbox knows."""
    with open_session() as session, session.begin():
        session.execute(update(Identity).values(app_id=CONFIG.wechat.official_account.app_id))
    return cast


@pytest.fixture
def reader(cast):
    return f"o-{cast.xiaofang.id}"


@pytest.fixture
def far(reader):
    app = create_sandbox(
        accounts(CONFIG, "http://127.0.0.1:1"), [Phone(reader, "小芳", following=True)], templates(CONFIG)
    )
    running = start_in_thread(app)
    running.faults = app.extensions["faults"]
    running.world.open_window(running.world.phones[reader], 5, 60)
    yield running
    running.stop()


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path, 1_000_000)


@pytest.fixture
def posted(wire, reader, cast, open_session, folder):
    """She has read the news, so that the photo is on its way to her; its name in the folder."""
    li = cast.who(cast.li)
    with open_session() as session, session.begin():
        for kind in ("home_news", "photos"):
            agree(session, li, cast.wangnainai.id, kind, NOW)
        news = write(session, li, cast.wangnainai.id, "今天晒了太阳", NOW, Attached("image", "media-1"))
        session.execute(update(Letter).values(state="delivered"))  # that there is something to read has been said
        (photo,) = media_of(session, news.subject)
        folder.keep(photo.file, JPEG)
        settle_media(session, photo.id, Kept("jpg", len(JPEG)), NOW)
        file, key = photo.file, news.id
    said = wire.said(wire.send(wire.text(reader, "点", bizmsgmenuid=f"news/{key}")))
    assert "照片马上发给您" in said
    assert PAGE in said
    return file


@pytest.fixture
def shown(far, reader, open_session, folder, posted):
    """Sends what is due; answers what lies on her phone after it."""
    official = CONFIG.wechat.official_account
    client = Client(official.app_id, official.app_secret, Transport(far.url), connect("memory://"))
    postman = Postman(
        {official.app_id: client}, {"template": make_templates(CONFIG)}, WORDS, lambda: NOW, folder
    )  # fmt: skip

    def send():
        deliverer = Deliverer(
            Hands(open_session, postman.carry, lambda: NOW, lambda: NOW, ClockSettings(threads=2, batch=20))
        )
        try:
            deliverer.run_once()
        finally:
            deliverer.close()
        return [entry for entry in far.world.phones[reader].log if entry["side"] == "account"]

    return send


def test_the_photo_comes_as_a_picture(far, shown):
    (entry,) = shown()
    assert entry["kind"] == "image"
    assert [picture for picture, _ in far.world.media.values()] == [JPEG]


def test_who_wants_to_hear_of_no_news_is_shown_the_photo_of_those_she_reads(cast, far, shown, open_session):
    with open_session() as session, session.begin():
        opt_out(session, cast.xiaofang.id, LETTER, NOW)
    (entry,) = shown()
    assert entry["kind"] == "image"


@pytest.mark.parametrize("path", ["/cgi-bin/media/upload", "/cgi-bin/message/custom/send"])
def test_where_it_cannot_be_sent_the_words_lead_to_its_page(far, shown, path):
    far.faults.standing.append(Fault(path, "busy", left=1))
    (entry,) = shown()
    assert entry["kind"] == "text"
    assert PAGE in str(entry)


def test_a_photo_that_is_not_in_the_folder_leads_to_its_page(shown, folder, posted):
    folder.drop(posted)
    (entry,) = shown()
    assert PAGE in str(entry)


def test_where_nothing_can_be_sent_nobody_has_to_phone_about_it(far, shown, open_session):
    far.faults.standing.append(Fault("/cgi-bin/message/custom/send", "quota", left=9))
    assert shown() == []
    with open_session() as session:
        assert session.scalars(select(Task.id).where(Task.kind.in_(("phone_call", "check_delivery")))).all() == []
