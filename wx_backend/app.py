"""Read this first: how the floors are joined. Every room, every account and every door stands here once."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, Request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface

from handlers import menu, words
from handlers.family import chat as family_chat
from handlers.family import words as family_words
from handlers.messages import chat as messages_chat
from handlers.messages import words as messages_words
from handlers.ordering import catalogue_words, notices, reviewing
from handlers.ordering import chat as ordering_chat
from handlers.ordering import jobs as ordering_jobs
from handlers.ordering import words as ordering_words
from handlers.people import chat as people_chat
from handlers.people import words as people_words
from handlers.router import Router
from handlers.tasks import chat as tasks_chat
from handlers.tasks import words as tasks_words
from models.messages.allowance import Allowance, Limits
from models.messages.ladder import CHANNELS
from scheduler.settings import ClockSettings
from wx_backend import callback, database, health
from wx_backend.admission import Account
from wx_backend.config import AccountSection, Config
from wx_backend.now import Clock
from wx_backend.redis import Redis, connect
from wx_backend.wechat.carriers import Postman, Say
from wx_backend.wechat.client import Client
from wx_backend.wechat.crypto import MessageKey
from wx_backend.wechat.templates import Template
from wx_backend.wechat.transport import Transport

log = logging.getLogger(__name__)

# How each quarter says its letters.
WORDS: Mapping[str, Say] = {
    "people": people_words.letter,
    "ordering": ordering_words.letter,
    "catalogue": catalogue_words.letter,
    "family": family_words.letter,
    "tasks": tasks_words.letter,
    "messages": messages_words.letter,
}

# Which template of the settings each kind of letter uses.
TEMPLATE_OF: Mapping[str, str] = {
    **family_words.TEMPLATES, **ordering_words.TEMPLATES, **people_words.TEMPLATES, **tasks_words.TEMPLATES,
    **catalogue_words.TEMPLATES,
}  # fmt: skip


def in_words(kind: str, facts: dict[str, Any], zone: ZoneInfo) -> str:
    """A letter of any quarter as one paragraph: what a cadre reads out.

    A letter that cannot be said was a mistake of ours, and the cadre's task about it must open all the same.
    """
    try:
        return WORDS[kind.partition(".")[0]](kind, facts, zone).text
    except Exception as error:
        log.error("no words for a letter of kind %s: %s", kind, type(error).__name__)
        return words.WORDLESS


def make_router() -> Router:
    """Every room of the conversation, joined."""
    router = Router()
    router.join("menu", menu.ADDRESSES, keywords=menu.KEYWORDS)
    router.join(
        "people", people_chat.ADDRESSES, keywords=people_chat.KEYWORDS, events=people_chat.EVENTS,
        refusals=people_words.REFUSALS, nothing=people_chat.NOTHING,
    )  # fmt: skip
    router.join("ordering", ordering_chat.ADDRESSES, keywords=ordering_chat.KEYWORDS, refusals=ordering_words.REFUSALS)
    router.join("ordering", ordering_jobs.ADDRESSES, keywords=ordering_jobs.KEYWORDS)
    router.join("ordering", reviewing.ADDRESSES, keywords=reviewing.KEYWORDS, refusals=catalogue_words.REFUSALS)
    router.join("ordering", notices.ADDRESSES)
    router.join("family", family_chat.ADDRESSES, keywords=family_chat.KEYWORDS, refusals=family_words.REFUSALS)
    router.join("tasks", tasks_chat.room(in_words), keywords=tasks_chat.KEYWORDS)
    router.join("messages", {}, events=messages_chat.EVENTS, nothing=messages_chat.NOTHING)
    return router


def make_clients(config: Config, cache: Redis) -> dict[str, Client]:
    """One client for each account that is switched on, all on one pool of connections."""
    transport = Transport(config.wechat.api_base_url, config.scheduler.threads)
    return {
        account.app_id: Client(account.app_id, account.app_secret, transport, cache) for account in config.accounts()
    }


def make_templates(config: Config, channel: str = "template") -> dict[str, Template]:
    """The templates of the settings on one channel, by business key."""
    return {
        key: Template(key, one.id, one.fields)
        for key, section in config.wechat.templates.items() if (one := section.by_channel().get(channel))
    }  # fmt: skip


def make_postman(config: Config, now: Callable[[], datetime]) -> Postman:
    """The postman of a clock process."""
    templates = {channel: make_templates(config, channel) for channel in CHANNELS}
    return Postman(make_clients(config, connect(config.redis.url)), templates, WORDS, now)


def make_allowance(config: Config) -> Allowance:
    """What the accounts let us send: their limits, and which subscription people agree to for which letters."""
    limits = {one.app_id: Limits(one.sends_per_day, one.sends_per_minute) for one in config.accounts()}
    topics = {
        kind: {
            channel: section.id for channel, section in config.wechat.templates[key].by_channel().items()
            if CHANNELS[channel].needs == "consent"
        }
        for kind, key in TEMPLATE_OF.items()
    }  # fmt: skip
    return Allowance(limits, topics)


def make_clock(config: Config) -> Clock:
    """The time, movable only where the settings name a clock file (the demo)."""
    return Clock(Path(config.sandbox.clock_file) if config.sandbox.clock_file else None)


def clock_settings(config: Config) -> ClockSettings:
    """`[scheduler]` as the clock takes it."""
    section = config.scheduler
    return ClockSettings(
        section.tick_seconds, section.threads, section.batch, timedelta(seconds=section.lease_seconds),
        timedelta(seconds=section.send_deadline_seconds), timedelta(days=section.inbox_days),
    )  # fmt: skip


def _gate_account(kind: str, section: AccountSection) -> Account:
    keys = tuple(MessageKey(key, section.app_id) for key in section.aes_keys)
    return Account(kind, section.app_id, section.token, keys, section.mode)


class PeopleOnly(SecureCookieSessionInterface):
    """Cookies are for people's pages: WeChat's calls and probes carry none, and each message need not look."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """The session of a page; none for machines."""
        return None if request.path.startswith("/wechat/") else super().open_session(app, request)


def create_app(config: Config, now: Callable[[], datetime] | None = None) -> Flask:
    """The web process: WeChat's two callbacks, health and metrics."""
    app = Flask("wx_backend", static_folder=None)
    app.session_interface = PeopleOnly()
    app.secret_key = config.app.secret_key
    moment = now or make_clock(config)
    open_session = database.init_app(app, config.database.url, config.app.threads)
    with app.app_context():
        engine = database.db.engine
    accounts = {"/wechat/callback": _gate_account("official_account", config.wechat.official_account)}
    if config.wechat.mini_program.enabled:
        accounts["/wechat/mini/callback"] = _gate_account("mini_program", config.wechat.mini_program)
    router = app.extensions["router"] = make_router()
    callback.register(app, callback.Gate(router, engine, moment, database.turns(engine)), accounts)
    health.register(app, open_session, moment)
    return app
