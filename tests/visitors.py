"""People who look at pages: a browser each, let in by the sandbox as WeChat would do it."""

import re
from dataclasses import dataclass
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from models.people.persons import Person
from tests.world import NOW
from wx_backend.app import create_app
from wx_backend.config import Config
from wx_backend.sandbox.server import Running
from wx_backend.sandbox.world import Phone

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


@dataclass
class Browser:
    """One browser with its cookies, on the phone of one person."""

    client: FlaskClient
    sandbox: Running
    openid: str

    def get(self, path: str, **more: object) -> TestResponse:
        """Opens a page."""
        return self.client.get(path, **more)

    def post(self, path: str, token: str | None = None, **fields: object) -> TestResponse:
        """Sends a form; with the token of the settings page unless the test names another."""
        known = self.token() if token is None else token
        return self.client.post(path, data={**({"csrf_token": known} if known else {}), **fields})

    def token(self) -> str:
        """The token that this session's forms carry."""
        found = _TOKEN.search(self.get("/m/settings").text)
        return found[1] if found else ""

    def asks_wechat(self, away: TestResponse) -> str:
        """Follows a page to WeChat; answers the way back, `/m/enter?code=…&state=…`."""
        asked = urlsplit(away.location)
        wechat = self.sandbox.server.app.test_client()  # type: ignore[attr-defined]
        told = wechat.get(f"{asked.path}?{asked.query}&as={self.openid}")
        assert told.status_code == 302, told.text
        back = urlsplit(told.location)
        return f"{back.path}?{back.query}"

    def enters(self, path: str = "/m/") -> TestResponse:
        """Opens a page as a stranger, is known by WeChat and let in; answers what comes of it."""
        return self.get(self.asks_wechat(self.get(path)))


class Pages:
    """An app with its pages and the WeChat behind it, at a time that a test may move."""

    def __init__(self, config: Config, sandbox: Running) -> None:
        self.now, self.sandbox, self.config = NOW, sandbox, config
        self.app: Flask = create_app(config, now=lambda: self.now)

    def browser(self, person: Person | str, **phone: Any) -> Browser:
        """A fresh browser of one of the cast, whom WeChat knows by the cast's openid, or of anybody else."""
        openid = person if isinstance(person, str) else f"o-{person.id}"
        self.sandbox.world.phones[openid] = Phone(openid, openid, **phone)
        return Browser(self.app.test_client(), self.sandbox, openid)

    def inside(self, person: Person | str, **phone: Any) -> Browser:
        """The same, let in."""
        made = self.browser(person, **phone)
        assert made.enters().status_code == 303
        return made


def hidden(page: TestResponse) -> dict[str, str]:
    """The hidden fields of a page, the last of each name."""
    return {name: unescape(value) for name, value in _HIDDEN.findall(page.text)}


def state_of(away: TestResponse) -> str:
    """The state that a page sends along to WeChat."""
    return parse_qs(urlsplit(away.location).query)["state"][0]
