"""The servers that are compared, each under the same gunicorn: ours, a bare echo, and the same work the obvious way."""

import hashlib
import os
from pathlib import Path

import redis
from flask import Flask, request
from sqlalchemy import select
from wechatpy import parse_message
from wechatpy.crypto import WeChatCrypto
from wechatpy.replies import create_reply

from handlers import menu, words
from models.messages.inbox import Dialogue, Inbox
from models.people.identities import Identity
from models.people.persons import Person
from wx_backend.app import create_app
from wx_backend.config import load_config
from wx_backend.database import make_engine, session_factory
from wx_backend.now import real_now


def _config():
    return load_config(Path(os.environ["BENCH_CONFIG"]))


def ours() -> Flask:
    """The product."""
    return create_app(_config())


def _crypto():
    account = _config().wechat.official_account
    return WeChatCrypto(account.token, account.encoding_aes_key, account.app_id)


def echo() -> Flask:
    """A bare wechatpy AES echo: verify, decrypt, parse, reply, encrypt; no database."""
    app, crypto = Flask("echo"), _crypto()

    @app.post("/wechat/callback")
    def callback():
        q = request.args
        xml = crypto.decrypt_message(request.get_data(), q["msg_signature"], q["timestamp"], q["nonce"])
        message = parse_message(xml)
        return crypto.encrypt_message(create_reply(message.content, message).render(), q["nonce"], q["timestamp"])

    return app


def obvious() -> Flask:
    """The same work as everybody would write it: wechatpy, Redis SET NX, ORM rows read and written, commit."""
    config, app, crypto = _config(), Flask("obvious"), _crypto()
    cache = redis.Redis.from_url(os.environ["BENCH_REDIS"])
    sessions = session_factory(make_engine(config.database.url))
    app_id = config.wechat.official_account.app_id

    @app.post("/wechat/callback")
    def callback():
        q = request.args
        xml = crypto.decrypt_message(request.get_data(), q["msg_signature"], q["timestamp"], q["nonce"])
        message = parse_message(xml)
        if not cache.set(f"bench:{message.id}", "1", nx=True, ex=600):
            return "success"
        with sessions() as session, session.begin():
            identity = session.scalar(
                select(Identity).where(Identity.app_id == app_id, Identity.openid == message.source)
            )
            person = session.get_one(Person, identity.person_id)
            dialogue = session.get(Dialogue, identity.id)
            if dialogue is None:
                dialogue = Dialogue(identity_id=identity.id)
                session.add(dialogue)
            text = words.MENU_TEXT + person.name[:0]
            dialogue.ask_for, dialogue.draft = None, {}
            dialogue.choices = [[c.label, c.address] for c in menu.FIRST]
            dialogue.shown = {"text": text, "page": 0, "back": None}
            dialogue.updated_at = real_now()
            key = f"{app_id}:{message.id or hashlib.sha1(xml.encode()).hexdigest()}"
            session.add(Inbox(key=key, received_at=real_now(), kind="text", reply=text))
        return crypto.encrypt_message(create_reply(text, message).render(), q["nonce"], q["timestamp"])

    return app
