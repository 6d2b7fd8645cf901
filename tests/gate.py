"""A WeChat for tests of the gate: signs and encrypts as the platform does, with the sandbox's own crypto."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import xmltodict
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from tests.world import NOW
from wx_backend.config import EXAMPLE, AccountSection, Config, load_config
from wx_backend.database import SessionFactory, db
from wx_backend.sandbox.callbacks import as_xml
from wx_backend.sandbox.crypto import opened, sealed, signature


def config_for(database_url: str, **environ: str) -> Config:
    """The example's settings on a test's own database."""
    return load_config(EXAMPLE, {"WX_BACKEND_DATABASE__URL": database_url, **environ})


def count(open_session: SessionFactory, table: Any) -> int:
    """How many rows a table has."""
    with open_session() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def close_app(app: Flask) -> None:
    """Let go of an app's connections; a second app on the same database stands for a restart."""
    with app.app_context():
        db.engine.dispose()


@dataclass
class Wire:
    """One account's end of the wire to an app under test."""

    app: Flask
    account: AccountSection
    path: str = "/wechat/callback"
    now: Callable[[], datetime] = lambda: NOW
    numbers: Any = field(default_factory=lambda: iter(range(10**9, 10**10)))

    def query(self, at: int | None = None, **more: str) -> dict[str, str]:
        """The query WeChat adds."""
        stamp, nonce = str(at if at is not None else int(self.now().timestamp())), secrets.token_hex(4)
        return {"signature": signature(self.account.token, stamp, nonce), "timestamp": stamp, "nonce": nonce, **more}

    def text(self, openid: str, content: str, **more: Any) -> dict[str, Any]:
        """A text message."""
        return {"ToUserName": "gh_1", "FromUserName": openid, "CreateTime": int(self.now().timestamp()),
                "MsgType": "text", "Content": content, "MsgId": next(self.numbers), **more}  # fmt: skip

    def event(self, openid: str, event: str, **more: Any) -> dict[str, Any]:
        """An event."""
        return {"ToUserName": "gh_1", "FromUserName": openid, "CreateTime": int(self.now().timestamp()),
                "MsgType": "event", "Event": event, **more}  # fmt: skip

    def sealed(self, fields: dict[str, Any] | str, key: str | None = None, app_id: str | None = None,
               at: int | None = None) -> tuple[dict[str, str], str]:  # fmt: skip
        """Query and body of an encrypted push."""
        plain = fields if isinstance(fields, str) else as_xml(fields)
        encrypted = sealed(plain, key or self.account.encoding_aes_key, app_id or self.account.app_id)
        query = self.query(at, encrypt_type="aes")
        query["msg_signature"] = signature(self.account.token, query["timestamp"], query["nonce"], encrypted)
        return query, as_xml({"ToUserName": "gh_1", "Encrypt": encrypted})

    def post(self, query: dict[str, str], body: str | bytes) -> TestResponse:
        """One POST."""
        return self.app.test_client().post(self.path, query_string=query, data=body, content_type="text/xml")

    def send(self, fields: dict[str, Any]) -> TestResponse:
        """One encrypted message."""
        return self.post(*self.sealed(fields))

    def said(self, response: TestResponse, key: str | None = None) -> str:
        """The text of an encrypted reply, its signature checked; "" for success."""
        body = response.get_data(as_text=True)
        if body == "success":
            return ""
        outer = xmltodict.parse(body)["xml"]
        expected = signature(self.account.token, outer["TimeStamp"], outer["Nonce"], outer["Encrypt"])
        assert outer["MsgSignature"] == expected
        plain = opened(outer["Encrypt"], key or self.account.encoding_aes_key, self.account.app_id)
        inner = xmltodict.parse(plain)["xml"]
        return str(inner["Content"])
