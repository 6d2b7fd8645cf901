"""A cadre makes an invitation in chat: the code at once, its QR code a moment later, and who scans it is asked."""

import pytest
from sqlalchemy import select, update

from models.messages.letters import Letter
from models.people.identities import Identity
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
from wx_backend.wechat.transport import Transport

CONFIG = load_config(EXAMPLE, {})


@pytest.fixture
def cast(cast, open_session):
    """The cast, as followers of the account that the sandbox knows."""
    with open_session() as session, session.begin():
        session.execute(update(Identity).values(app_id=CONFIG.wechat.official_account.app_id))
    return cast


@pytest.fixture
def cadre(cast):
    return f"o-{cast.li.id}"


@pytest.fixture
def far(cadre):
    """A sandbox with the cadre's phone on which something has just been said."""
    phones = [Phone(cadre, "李站长", following=True)]
    app = create_sandbox(accounts(CONFIG, "http://127.0.0.1:1"), phones, templates(CONFIG))
    running = start_in_thread(app)
    running.faults, running.scenes = app.extensions["faults"], []
    running.world.open_window(running.world.phones[cadre], 5, 60)
    yield running
    running.stop()


@pytest.fixture
def sent(far, open_session, monkeypatch):
    """Sends what is due; answers what lies on the cadre's phone after it."""
    official = CONFIG.wechat.official_account
    client = Client(official.app_id, official.app_secret, Transport(far.url), connect("memory://"))
    create = client.scene_qr

    def noted(scene, *more):
        far.scenes.append(scene)
        return create(scene, *more)

    monkeypatch.setattr(client, "scene_qr", noted)
    postman = Postman({official.app_id: client}, {"template": make_templates(CONFIG)}, WORDS, lambda: NOW)

    def send(openid):
        deliverer = Deliverer(
            Hands(open_session, postman.carry, lambda: NOW, lambda: NOW, ClockSettings(threads=2, batch=20))
        )
        try:
            deliverer.run_once()
        finally:
            deliverer.close()
        return [entry for entry in far.world.phones[openid].log if entry["side"] == "account"]

    return send


def invite(wire, cast, cadre):
    """What the cadre hears."""
    said = wire.said(wire.send(wire.text(cadre, "点", bizmsgmenuid=f"staff/invite/{cast.wangnainai.id}")))
    assert "王秀英的亲情码" in said
    return said


def test_the_qr_code_comes_as_a_picture_and_leads_a_stranger_to_the_question(wire, cast, cadre, far, sent):
    invite(wire, cast, cadre)
    (shown,) = sent(cadre)
    assert shown["kind"] == "image"
    ((picture, kind),) = far.world.media.values()
    assert (picture[:4], kind) == (b"\x89PNG", "image")
    (scene,) = far.scenes
    said = wire.said(wire.send(wire.event("o-stranger", "subscribe", EventKey=f"qrscene_{scene}")))
    assert "欢迎" in said
    assert "怎么称呼您" in said


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/cgi-bin/qrcode/create", "busy"),
        ("/cgi-bin/qrcode/create", "html"),
        ("/cgi-bin/media/upload", "quota"),
        ("/cgi-bin/message/custom/send", "busy"),
        ("/cgi-bin/message/custom/send", "drop_before"),
    ],
)
def test_where_no_picture_can_be_sent_the_words_hold_the_code(wire, cast, cadre, far, sent, path, kind):
    invite(wire, cast, cadre)
    far.faults.standing.append(Fault(path, kind, left=1))
    (shown,) = sent(cadre)
    code = far.scenes[0].removeprefix("link/")
    assert shown["kind"] == "text"
    assert f"王秀英的亲情码：{code[:4]} {code[4:]}" in shown["text"]


def test_a_refused_invitation_leaves_no_letter(wire, cast, open_session):
    wire.send(wire.text(f"o-{cast.zhao.id}", "点", bizmsgmenuid=f"staff/invite/{cast.wangnainai.id}"))
    with open_session() as session:
        assert session.scalars(select(Letter)).all() == []
