"""Read this first: how the floors are joined. Every room, every account and every door stands here once."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, Request
from flask import request as this_request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_limiter import Limiter
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from handlers import menu, words
from handlers.family import api as family_api
from handlers.family import chat as family_chat
from handlers.family import words as family_words
from handlers.messages import chat as messages_chat
from handlers.messages import words as messages_words
from handlers.ordering import (
    after_api,
    catalogue_api,
    catalogue_words,
    need_api,
    need_words,
    notices,
    offers_api,
    open311,
    page_words,
    reviewing,
    waiting,
    waiting_words,
)
from handlers.ordering import api as ordering_api
from handlers.ordering import chat as ordering_chat
from handlers.ordering import jobs as ordering_jobs
from handlers.ordering import letter_words as order_letters
from handlers.ordering import needs as ordering_needs
from handlers.ordering import words as ordering_words
from handlers.people import api as people_api
from handlers.people import chat as people_chat
from handlers.people import words as people_words
from handlers.places import api as places_api
from handlers.room import Wording
from handlers.router import Router
from handlers.tasks import api as tasks_api
from handlers.tasks import chat as tasks_chat
from handlers.tasks import words as tasks_words
from models.family.minutes import Budget
from models.family.ways import Offered
from models.messages.allowance import Allowance, Limits
from models.messages.ladder import CHANNELS
from scheduler.settings import ClockSettings
from wx_backend import asked, bearer, callback, calling, database, health, login
from wx_backend.admission import Account
from wx_backend.api import Api, beside, make_api
from wx_backend.config import AccountSection, Config
from wx_backend.console import Console
from wx_backend.cookies import Cookies
from wx_backend.entrance import Entrance
from wx_backend.limits import make_limiter
from wx_backend.now import Clock
from wx_backend.pages import Frame
from wx_backend.redis import Redis, connect
from wx_backend.signing import Signing
from wx_backend.video.links import Server
from wx_backend.web import assets
from wx_backend.wechat.carriers import Postman, Say
from wx_backend.wechat.client import Client
from wx_backend.wechat.crypto import MessageKey
from wx_backend.wechat.media import Fetcher
from wx_backend.wechat.templates import Template
from wx_backend.wechat.transport import Transport

log = logging.getLogger(__name__)

# How each quarter says its letters.
WORDS: Mapping[str, Say] = {
    "people": people_words.letter,
    "ordering": order_letters.letter,
    "catalogue": catalogue_words.letter,
    "waiting": waiting_words.letter,
    "family": family_words.letter,
    "tasks": tasks_words.letter,
    "messages": messages_words.letter,
}

# Which template of the settings each kind of letter uses.
TEMPLATE_OF: Mapping[str, str] = {
    **family_words.TEMPLATES, **order_letters.TEMPLATES, **people_words.TEMPLATES, **tasks_words.TEMPLATES,
    **catalogue_words.TEMPLATES, **waiting_words.TEMPLATES,
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


def with_hotline(say: Say, hotline: str) -> Say:
    """The same words, with the county's number where no centre above the place has one: there is always one to call."""

    def said(kind: str, facts: dict[str, Any], zone: ZoneInfo) -> Wording:
        return say(kind, facts if facts.get("phone", hotline) else {**facts, "phone": hotline}, zone)

    return said


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
    router.join("ordering", waiting.ADDRESSES, keywords=waiting.KEYWORDS, refusals=waiting_words.REFUSALS)
    router.join("family", family_chat.ADDRESSES, keywords=family_chat.KEYWORDS, refusals=family_words.REFUSALS)
    router.join(
        "ordering", ordering_needs.ADDRESSES, keywords=ordering_needs.KEYWORDS, refusals=need_words.REFUSALS,
        media=ordering_needs.MEDIA,
    )  # fmt: skip
    router.join("tasks", tasks_chat.room(in_words), keywords=tasks_chat.KEYWORDS, refusals=tasks_words.REFUSALS)
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
    words_ = {quarter: with_hotline(say, config.app.hotline) for quarter, say in WORDS.items()}
    return Postman(make_clients(config, connect(config.redis.url)), templates, words_, now)


def make_fetcher(config: Config) -> Fetcher:
    """What brings voice notes and pictures into the folder of the settings."""
    return Fetcher(make_clients(config, connect(config.redis.url)), Path(config.media.folder), config.media.most_bytes)


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


def make_mini_api(config: Config, frame: asked.Frame, client: Client) -> Api:
    """The mini-program's door with all its rooms."""
    rooms = (
        login.room(frame, client), people_api.room, places_api.room, catalogue_api.room, ordering_api.room,
        after_api.room, offers_api.room, need_api.room, tasks_api.room(in_words), open311.room,
        family_api.room(offered_ways(config)), calling.room(frame, client, offered_ways(config), link_server(config)),
    )  # fmt: skip
    sentences = {
        code: sentence
        for quarter in (words, people_words, ordering_words, catalogue_words, need_words, family_words, tasks_words)
        for code, sentence in quarter.REFUSALS.items()
    }
    return make_api(frame, rooms, sentences, redis_url=config.redis.url, public_url=config.app.public_url)


def offered_ways(config: Config) -> Offered:
    """How calls may be held here: the mini-program's ways only where there is one."""
    mini, video = config.wechat.mini_program, config.video
    of_mini = ("mini_voip", "mini_1v1", "device_voip")
    ways = tuple(way for way in video.ways if mini.enabled or way not in of_mini)
    return Offered(ways, mini.app_id, Budget(video.minutes_per_month, video.low_minutes))


def link_server(config: Config) -> Server | None:
    """The county's own Jitsi or LiveKit, where `[video.link]` names one."""
    link = config.video.link
    return Server(link.kind, link.origin, link.key, link.secret) if link.kind else None


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

    def get_cookie_name(self, app: Flask) -> str:
        """Each door has a cookie of its own, so that leaving by one does not shut the other (the desk's is for forms
        only: who is signed in there stands in a cookie of its own)."""
        door = "form" if this_request.path.startswith("/console") else "page"
        return f"{'__Host-' if app.config['SESSION_COOKIE_SECURE'] else ''}{door}"

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """The session of a page; none for machines."""
        return None if request.path.startswith("/wechat/") else super().open_session(app, request)


def create_app(config: Config, now: Callable[[], datetime] | None = None) -> Flask:
    """The web process: WeChat's two callbacks, the pages, the mini-program's API, the staff desk, health and metrics.

    Raises ConfigError when a file that the pages need is not there.
    """
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
    turn = database.turns(engine)
    callback.register(app, callback.Gate(router, engine, moment, turn), accounts)
    health.register(app, open_session, moment)
    cookies = Cookies.of(app, config.app.public_url)
    csrf, limiter = CSRFProtect(app), make_limiter(app, config.redis.url)
    clients = make_clients(config, connect(config.redis.url))
    official = clients[config.wechat.official_account.app_id]
    _open_pages(app, config, open_session, moment, csrf, limiter, official)
    console = Console(moment, in_words, turn, cookies, csrf)
    console.register(app, Signing(open_session, cookies, moment, turn), limiter)
    if config.wechat.mini_program.enabled:
        frame = asked.Frame(open_session, turn, moment, bearer.key_from(config.app.secret_key))
        api = app.extensions["api"] = make_mini_api(config, frame, clients[config.wechat.mini_program.app_id])
        app.wsgi_app = beside(app, api)  # type: ignore[method-assign,assignment]
    if near := config.app.proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=near, x_proto=near, x_host=near)  # type: ignore[method-assign]
    return app


def _open_pages(
    app: Flask, config: Config, open_session: database.SessionFactory, moment: Callable[[], datetime],
    csrf: CSRFProtect, limiter: Limiter, client: Client,
) -> None:  # fmt: skip
    """The door for people: `/m`, and the files that its pages load."""
    loaded = assets.load()
    entrance = Entrance(client, open_session, moment, config.app.public_url, only_wechat=not config.is_loopback())
    refusals = {
        **app.extensions["router"].refusals, **words.PAGE_REFUSALS, **ordering_words.PAGE_REFUSALS,
        **page_words.PAGE_REFUSALS,
    }  # fmt: skip
    app.register_blueprint(assets.room(loaded))
    frame = Frame(entrance, csrf, limiter, loaded, refusals)
    app.extensions["pages"] = frame
    frame.register(app)
