"""An app behind its gate, on a fresh database of either kind."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine

from tests.gate import Wire, close_app, config_for
from tests.world import NOW
from wx_backend.app import create_app

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
