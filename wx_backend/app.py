"""Read this first: how the floors are joined. Every room, every account and every door stands here once."""

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

from flask import Flask, Request
from flask import request as this_request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_limiter import Limiter
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from handlers import menu, words
from handlers.family import (
    after_words,
    answers_api,
    call_days,
    choosing,
    company_api,
    day_words,
    days_api,
    entering,
    feed,
    feed_api,
    helping_api,
    news,
    room_words,
    routine_words,
    routines,
    routines_api,
    seats_api,
    series,
    series_api,
    series_dates,
    series_rules,
    series_words,
    ways_api,
)
from handlers.family import api as family_api
from handlers.family import chat as family_chat
from handlers.family import page_words as call_page_words
from handlers.family import words as family_words
from handlers.messages import api as messages_api
from handlers.messages import chat as messages_chat
from handlers.messages import words as messages_words
from handlers.ordering import (
    after_api,
    catalogue_api,
    catalogue_words,
    line_api,
    loans,
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
from handlers.ordering import needs as ordering_needs
from handlers.ordering import words as ordering_words
from handlers.people import api as people_api
from handlers.people import chat as people_chat
from handlers.people import consents_api
from handlers.people import words as people_words
from handlers.places import api as places_api
from handlers.router import Router
from handlers.tasks import api as tasks_api
from handlers.tasks import chat as tasks_chat
from handlers.tasks import words as tasks_words
from models.family.minutes import Budget
from models.family.ways import Offered
from models.messages.subscriptions import Topic
from wx_backend import asked, bearer, calendars, callback, database, health
from wx_backend.admission import Account
from wx_backend.api import Api, beside, make_api
from wx_backend.calling import Calling
from wx_backend.config import AccountSection, Config
from wx_backend.console import Console
from wx_backend.cookies import Cookies
from wx_backend.entrance import Entrance
from wx_backend.hands import make_clients, make_clock, make_folder, make_topics
from wx_backend.keys import split_urls
from wx_backend.limits import make_limiter
from wx_backend.login import Login
from wx_backend.pages import Frame
from wx_backend.signing import Signing
from wx_backend.speech import in_words
from wx_backend.video.bus import Bus
from wx_backend.video.door import Door
from wx_backend.video.frame import Frame as RoomFrame
from wx_backend.video.line import Lines
from wx_backend.video.links import Server
from wx_backend.video.relay import Relay
from wx_backend.web import assets
from wx_backend.wechat.client import Client
from wx_backend.wechat.crypto import MessageKey

log = logging.getLogger(__name__)

ROOM_ONLY = Offered(("room",))
MOST_CONNECTIONS = 32  # of one process to the database: of many threads most wait for a call's next word


def make_router(
    hotline: str = "", public_url: str = "", offered: Offered = ROOM_ONLY, topics: Sequence[Topic] = ()
) -> Router:  # fmt: skip
    """Every room of the conversation, joined.

    `hotline` is said where somebody's place has no number of its own; the links that rooms give out lead to
    `public_url`; `offered` are the ways in which calls may be held; `topics` what people can agree to be written to by.
    """
    router = Router()
    router.join("menu", menu.ADDRESSES, keywords=menu.KEYWORDS)
    router.join(
        "people", people_chat.rooms(hotline), keywords=people_chat.KEYWORDS, events=people_chat.EVENTS,
        refusals=people_words.REFUSALS, nothing=people_chat.NOTHING,
    )  # fmt: skip
    router.join("ordering", ordering_chat.ADDRESSES, keywords=ordering_chat.KEYWORDS, refusals=ordering_words.REFUSALS)
    router.join("ordering", ordering_jobs.ADDRESSES, keywords=ordering_jobs.KEYWORDS)
    router.join("ordering", reviewing.ADDRESSES, keywords=reviewing.KEYWORDS, refusals=catalogue_words.REFUSALS)
    router.join("ordering", notices.ADDRESSES)
    router.join("ordering", loans.ADDRESSES, keywords=loans.KEYWORDS)
    router.join("ordering", waiting.ADDRESSES, keywords=waiting.KEYWORDS, refusals=waiting_words.REFUSALS)
    router.join("family", family_chat.ADDRESSES, keywords=family_chat.KEYWORDS, refusals=family_words.REFUSALS)
    router.join("family", {}, refusals=after_words.REFUSALS)
    router.join(
        "family", entering.room(f"{public_url}/video/"), keywords=entering.KEYWORDS, refusals=room_words.REFUSALS
    )
    router.join("family", series.ADDRESSES, keywords=series.KEYWORDS, refusals=series_words.REFUSALS)
    router.join("family", series_dates.ADDRESSES)
    router.join("family", series_rules.ADDRESSES)
    router.join("family", choosing.room(offered))
    router.join("family", feed.room(public_url), keywords=feed.KEYWORDS)
    router.join("family", news.room(public_url), keywords=news.KEYWORDS, media=news.MEDIA)
    router.join("family", call_days.ADDRESSES, keywords=call_days.KEYWORDS, refusals=day_words.REFUSALS)
    router.join("family", routines.ADDRESSES, keywords=routines.KEYWORDS, refusals=routine_words.REFUSALS)
    router.join(
        "ordering", ordering_needs.ADDRESSES, keywords=ordering_needs.KEYWORDS, refusals=need_words.REFUSALS,
        media=ordering_needs.MEDIA,
    )  # fmt: skip
    router.join("tasks", tasks_chat.room(in_words), keywords=tasks_chat.KEYWORDS, refusals=tasks_words.REFUSALS)
    router.join(
        "messages", messages_chat.rooms(public_url, topics), keywords=messages_chat.KEYWORDS,
        events=messages_chat.events(topics), nothing=messages_chat.NOTHING,
    )  # fmt: skip
    return router


def make_mini_api(config: Config, frame: asked.Frame, client: Client) -> Api:
    """The mini-program's door with all its rooms."""
    rooms = (
        Login(frame, client).room(), people_api.room, places_api.room, catalogue_api.room, ordering_api.room,
        after_api.room, line_api.room, offers_api.room, need_api.room, tasks_api.room(in_words), open311.room,
        family_api.room, ways_api.room, series_api.room, answers_api.room, helping_api.room, days_api.room,
        seats_api.room, routines_api.room, company_api.room, feed_api.room(config.app.public_url), consents_api.room,
        messages_api.room(make_topics(config)),
        Calling(frame, client, link_server(config), f"{config.app.public_url}/video/").room(),
    )  # fmt: skip
    sentences = (
        {
            code: sentence
            for quarter in (
                words,
                people_words,
                ordering_words,
                catalogue_words,
                need_words,
                family_words,
                after_words,
                series_words,
                day_words,
                tasks_words,
                routine_words,
            )
            for code, sentence in quarter.REFUSALS.items()
        }
        | waiting_words.REFUSALS
        | messages_words.OF_THE_DOOR
    )
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
    open_session = database.init_app(app, config.database.url, min(config.app.threads, MOST_CONNECTIONS))
    with app.app_context():
        engine = database.db.engine
    accounts = {"/wechat/callback": _gate_account("official_account", config.wechat.official_account)}
    if config.wechat.mini_program.enabled:
        accounts["/wechat/mini/callback"] = _gate_account("mini_program", config.wechat.mini_program)
    router = app.extensions["router"] = make_router(
        config.app.hotline, config.app.public_url, offered_ways(config), make_topics(config)
    )
    turn = database.turns(engine)
    callback.register(app, callback.Gate(router, engine, moment, turn), accounts)
    health.register(app, open_session, moment)
    cookies = Cookies.of(app, config.app.public_url)
    csrf, limiter = CSRFProtect(app), make_limiter(app, config.redis.url)
    calendars.register(app, open_session, moment, limiter, config.app.public_url)
    clients = make_clients(config)
    official = clients[config.wechat.official_account.app_id]
    _open_pages(app, config, open_session, moment, csrf, limiter, official, turn)
    lines = Lines(Bus(config.redis.url), open_session, turn, moment, config.video.waiting)
    _open_rooms(app, config, lines, cookies, limiter)
    console = Console(moment, in_words, turn, cookies, csrf, make_folder(config), offered_ways(config))
    console.register(app, Signing(open_session, cookies, moment, turn), limiter)
    if config.wechat.mini_program.enabled:
        key = bearer.key_from(config.app.secret_key)
        frame = asked.Frame(open_session, turn, moment, key, make_folder(config), offered_ways(config))
        api = app.extensions["api"] = make_mini_api(config, frame, clients[config.wechat.mini_program.app_id])
        app.wsgi_app = beside(app, api)  # type: ignore[method-assign,assignment]
    if near := config.app.proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=near, x_proto=near, x_host=near)  # type: ignore[method-assign]
    return app


def _open_pages(
    app: Flask, config: Config, open_session: database.SessionFactory, moment: Callable[[], datetime],
    csrf: CSRFProtect, limiter: Limiter, client: Client, turn: Callable[[], AbstractContextManager[object]],
) -> None:  # fmt: skip
    """The door for people: `/m`, and the files that its pages load."""
    loaded = assets.load()
    entrance = Entrance(client, open_session, moment, config.app.public_url, only_wechat=not config.is_loopback())
    refusals = {
        **app.extensions["router"].refusals, **words.PAGE_REFUSALS, **ordering_words.PAGE_REFUSALS,
        **page_words.PAGE_REFUSALS, **call_page_words.PAGE_REFUSALS,
    }  # fmt: skip
    app.register_blueprint(assets.room(loaded))
    frame = Frame(
        entrance, csrf, limiter, loaded, refusals, make_folder(config), offered_ways(config), turn, make_topics(config),
        webview=config.wechat.api_base_url if config.is_loopback() else "",
    )  # fmt: skip
    app.extensions["pages"] = frame
    frame.register(app)


def _open_rooms(app: Flask, config: Config, lines: Lines, cookies: Cookies, limiter: Limiter) -> None:
    """The rooms of family calls: `/video`."""
    section, pages = config.video, app.extensions["pages"]
    relay = Relay(
        split_urls(section.stun), split_urls(section.turn), section.turn_secret,
        timedelta(seconds=section.turn_seconds), section.relay_only,
    )  # fmt: skip
    Door(RoomFrame(lines, relay, cookies, limiter, pages.assets, pages.refusals)).register(app)
