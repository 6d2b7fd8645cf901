"""An app behind its gate, on a fresh database of either kind."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from models.people.identities import Identity
from tests.cast import APP_ID, Cast
from tests.gate import Wire, close_app, config_for
from tests.visitors import Pages
from tests.world import NOW
from wx_backend.app import create_app
from wx_backend.database import SessionFactory
from wx_backend.demo.cast import accounts
from wx_backend.sandbox.server import Running, create_sandbox, start_in_thread

OLD_KEY = "K" * 42 + "A"


@pytest.fixture
def wire_for(database_url: str, engine: Engine) -> Iterator[Callable[..., Wire]]:
    """Makes an app with other settings, at another time, or the mini-program's end of it; all are closed afterwards."""
    made = []

    def make(path: str = "/wechat/callback", now: Callable[[], object] = lambda: NOW, **environ: str) -> Wire:
        config = config_for(database_url, **environ)
        account = config.wechat.mini_program if "mini" in path else config.wechat.official_account
        wire = Wire(create_app(config, now=now), account, path, now)
        made.append(wire.app)
        return wire

    yield make
    for app in made:
        close_app(app)


@pytest.fixture
def wire(wire_for: Callable[..., Wire]) -> Wire:
    """The official account in safe mode."""
    return wire_for()


@pytest.fixture(scope="session")
def far_end() -> Iterator[Running]:
    """WeChat for pages: it only says who looks."""
    config = config_for("sqlite:///nowhere")
    running = start_in_thread(create_sandbox(accounts(config, config.app.public_url), [], []))
    yield running
    running.stop()


@pytest.fixture
def pages(
    database_url: str, open_session: SessionFactory, cast: Cast, far_end: Running, tmp_path: Path
) -> Iterator[Pages]:
    """The app behind `/m`, at a time that a test may move; the cast are followers of its account."""
    media = {"WX_BACKEND_MEDIA__FOLDER": str(tmp_path / "media"), "WX_BACKEND_MEDIA__MOST_BYTES": "200000"}
    config = config_for(database_url, WX_BACKEND_WECHAT__API_BASE_URL=far_end.url, **media)
    with open_session() as session, session.begin():
        for identity in session.scalars(select(Identity).where(Identity.app_id == APP_ID)):
            identity.app_id = config.wechat.official_account.app_id
    made = Pages(config, far_end)
    far_end.world.phones.clear()
    yield made
    close_app(made.app)
