"""A mini-program's phone for tests of the API: signed in, it asks and reads answers in their envelope."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect
from werkzeug.test import TestResponse

from models.people.identities import Identity
from models.people.signins import sign_in
from tests.gate import close_app, config_for
from tests.world import NOW
from wx_backend import bearer
from wx_backend.app import create_app
from wx_backend.database import SessionFactory

CLOSED_PORT = "http://127.0.0.1:9"
_NUMBERS = itertools.count()
_DOCUMENTS: dict[frozenset[str], dict[str, Any]] = {}  # by an app's rooms: to write it takes longer than most tests


@contextmanager
def api_app(database_url: str, now: Callable[[], datetime] = lambda: NOW, *, limited: bool = False,
            **environ: str) -> Iterator[Flask]:  # fmt: skip
    """An app on this database; its limits are off unless they are what is tested."""
    far = {"WX_BACKEND_WECHAT__API_BASE_URL": CLOSED_PORT, **environ}
    app = create_app(config_for(database_url, **far), now=now)
    app.extensions["api"].limiter.enabled = limited
    yield app
    close_app(app)


def check_documented(app: Flask, method: str, path: str, answer: TestResponse) -> None:
    """Whatever a room of `/api/v1` refuses stands by its code in what the OpenAPI document says of that room."""
    api = app.extensions["api"]
    if not path.startswith("/api/v1/") or answer.status_code < 400:
        return
    try:
        rule, _ = api.url_map.bind("localhost").match(path, method, return_rule=True)
    except (HTTPException, RequestRedirect):
        return  # no room: the frame's own answer
    rooms = frozenset(one.rule for one in api.url_map.iter_rules())
    if rooms not in _DOCUMENTS:
        _DOCUMENTS[rooms] = api.test_client().get("/openapi.json").json["paths"]
    shape = rule.rule.replace("<key:", "{").replace("<", "{").replace(">", "}")
    said = _DOCUMENTS[rooms][shape][method.lower()]["responses"]
    code = answer.json["code"]
    documented = said.get(str(answer.status_code), {}).get("description", "")
    assert f"`{code}`" in documented, f"{method} {shape} refuses with {code}, and the document does not say so"


@dataclass
class Mini:
    """One person's mini-program."""

    app: Flask
    token: str = ""
    keys: Any = field(default_factory=lambda: map("test-key-{}".format, _NUMBERS))

    def ask(self, method: str, path: str, key: str | None = None, **more: Any) -> TestResponse:
        """One request; an unsafe one has a new key unless it names one ("" for none)."""
        headers = dict(more.pop("headers", {}))
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        if method != "GET" and key != "":
            headers.setdefault("Idempotency-Key", key or next(self.keys))
        at = path if path.startswith("/") else f"/api/v1/{path}"
        answer = self.app.test_client().open(at, method=method, headers=headers, **more)
        check_documented(self.app, method, at.partition("?")[0], answer)
        return answer

    def get(self, path: str, **more: Any) -> TestResponse:
        """GET."""
        return self.ask("GET", path, **more)

    def post(self, path: str, body: Any = None, key: str | None = None, **more: Any) -> TestResponse:
        """POST of JSON, or of nothing."""
        return self.ask("POST", path, key, **({"json": body} if body is not None else {}), **more)


def signed_in(app: Flask, open_session: SessionFactory, identity: Identity, now: datetime = NOW) -> Mini:
    """The phone of this identity, signed in without WeChat."""
    with open_session() as session, session.begin():
        standing, _ = sign_in(session, identity, now)
        claims = bearer.Claims(identity.id, standing.id)
    return Mini(app, bearer.issue(app.extensions["api"].frame.key, claims, now))


def meal_for(cast: Any, **more: Any) -> dict[str, Any]:
    """The body of an order of two soft meals for 王奶奶, tomorrow at noon."""
    return {
        "client_key": "client-key-1", "listing_id": cast.meal.id, "beneficiary_id": cast.wangnainai.id,
        "answers": {"portions": 2, "diet": "软烂"}, "preferred_at": "2026-11-25T12:00:00+08:00",
        "note": "放在门口", **more,
    }  # fmt: skip
