"""What `wx-backend doctor` says: one line for each thing that a working centre needs, and what to do where it lacks."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from models.hours import CHINA, calendar
from models.messages.breakers import EVERY, Breaker
from models.messages.looking import backlog
from models.messages.silence import deaf
from models.places.centres import ServiceCentre
from models.tasks.looking import standing
from wx_backend import migrations
from wx_backend.config import EXAMPLE, Config, ConfigError
from wx_backend.database import make_engine, session_factory
from wx_backend.hands import account_channels, make_clients, make_clock, make_templates
from wx_backend.keys import stays_here
from wx_backend.now import real_now
from wx_backend.printing.fonts import NoFont, faces
from wx_backend.redis import alive, connect
from wx_backend.safety import refuse_lonely_workers, refuse_unsafe
from wx_backend.web import assets
from wx_backend.wechat.client import Client
from wx_backend.wechat.owned import drift, owned
from wx_backend.wechat.templates import Template


@dataclass(frozen=True)
class Finding:
    """One line: "ok", "warn" or "fail", about what, and what it means."""

    mark: str
    about: str
    text: str


def examine(config: Config) -> Iterator[Finding]:
    """Every finding, in the order in which a newcomer would ask."""
    yield from _settings(config)
    yield from _pages(config)
    yield from _database(config)
    yield from _cache(config)
    yield from _wechat(config)
    yield from _fonts(config)
    yield from _video(config)


def _video(config: Config) -> Iterator[Finding]:
    if config.video.turn:
        yield Finding("ok", "video", f"calls between networks go through {config.video.turn}")
    elif not config.is_loopback():
        yield Finding("warn", "video", "no relay in video.turn: many phones will not find a way to each other (coturn)")


def _fonts(config: Config) -> Iterator[Finding]:
    try:
        regular, _ = faces(config.print.font, config.print.font_bold)
    except NoFont as error:
        yield Finding("warn", "print", f"notice sheets cannot be printed: {error}")
    else:
        yield Finding("ok", "print", f"notice sheets are printed in {regular.path.name}")


def _settings(config: Config) -> Iterator[Finding]:
    modes = ", ".join(f"{account.app_id}: {account.mode}" for account in config.accounts())
    yield Finding("ok", "settings", f"{config.source}: listens on {config.app.bind}, WeChat accounts {modes}")
    if Path(config.source) == EXAMPLE:
        yield Finding(
            "warn", "settings", "these are the example's: name your own with --config FILE or WX_BACKEND_CONFIG=FILE"
        )
    if config.is_loopback():
        yield Finding("warn", "settings", "everything stays on this machine: good for the demo, not for a township")
    yield from _refused(config)
    if not config.app.proxies and stays_here(f"//{config.app.bind}") and not stays_here(config.app.public_url):
        yield Finding(
            "fail", "settings", "app.proxies is 0 and only this machine reaches app.bind: everybody would have the "
            "proxy's address, and 20 wrong passwords of anybody shut the desk for all. Say how many proxies there are.",
        )  # fmt: skip


def _refused(config: Config) -> Iterator[Finding]:
    """What `serve` and `clock` would not start with."""
    for refuses in (partial(refuse_unsafe, demo=False), refuse_lonely_workers):
        try:
            refuses(config)
        except ConfigError as error:
            yield from (Finding("fail", "settings", f"serve refuses {line}") for line in str(error).splitlines())


def _pages(config: Config) -> Iterator[Finding]:
    lacking = assets.missing()
    yield from (Finding("fail", "pages", sentence) for sentence in lacking)
    if config.app.public_url.startswith("http:") and not stays_here(config.app.public_url):
        yield Finding("fail", "pages", "app.public_url is not https: the cookie of a page would not come back")
    elif not lacking:
        yield Finding("ok", "pages", f"{config.app.public_url}/m/ (in WeChat's console: 网页授权域名, JS接口安全域名)")


def _database(config: Config) -> Iterator[Finding]:
    engine = make_engine(config.database.url)
    kind = engine.dialect.name
    try:
        current, newest = migrations.standing(engine)
        if current != newest:
            yield Finding(
                "fail", "database", f"{kind} stands at {current}, the code at {newest}: wx-backend db upgrade"
            )
            return
        yield Finding("ok", "database", f"{kind}, version {current}" + (
            "" if kind == "postgresql" else ": one machine, one clock process; PostgreSQL for a county"))  # fmt: skip
        with session_factory(engine)() as session:
            yield from _county(session)
            yield from _outbox(session, make_clock(config)())
            yield from _calendar(session)
    except SQLAlchemyError as error:
        new = ", if it is new: wx-backend db upgrade" if kind == "sqlite" else ""
        yield Finding("fail", "database", f"{kind} does not answer: {str(error).splitlines()[0][:120]}{new}")
    finally:
        engine.dispose()


def _county(session: Session) -> Iterator[Finding]:
    centres = session.scalar(select(func.count()).select_from(ServiceCentre)) or 0
    if centres:
        yield Finding("ok", "county", f"{centres} centres")
    else:
        yield Finding("warn", "county", "nothing is loaded: wx-backend load FILE")


def _outbox(session: Session, now: datetime) -> Iterator[Finding]:
    behind = backlog(session, now=now, real_now=real_now())
    if behind.oldest is not None:
        late = f"{behind.due} letters are due and unsent, the oldest for {as_span(now - behind.oldest)}"
        yield Finding("warn", "outbox", f"{late}: does `wx-backend clock` run?")
    if behind.stuck:
        held = f"{behind.stuck} letters are held by senders that are gone, and nobody has swept them"
        yield Finding("warn", "outbox", f"{held}: does `wx-backend clock` run?")
    for one in session.scalars(select(Breaker).where(Breaker.open_until > now)):
        what = "everything" if one.kind == EVERY else one.kind
        until = f"stopped until {one.open_until:%Y-%m-%d %H:%M} UTC"
        yield Finding("warn", "outbox", f"{one.channel} of {one.app_id}, {what}: {until}, {one.code} {one.why}"[:160])
    for silent in deaf(session):
        way = f"{silent.app_id}: WeChat takes letters and no receipts come back"
        yield Finding("warn", "outbox", f"{way}: does it reach our callback? Check the URL and Token in its console")
    tasks = standing(session)
    check = tasks.get("check_delivery", 0)
    yield Finding("ok", "outbox", f"{check} letters to be checked by hand, {sum(tasks.values())} tasks open")


def as_span(lasted: timedelta) -> str:
    """A span as somebody at a terminal reads it."""
    minutes = max(int(lasted.total_seconds()), 0) // 60
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes < 2880 else f"{minutes // 1440} days"


def _calendar(session: Session) -> Iterator[Finding]:
    year = real_now().astimezone(CHINA).year
    book = calendar(session)
    unknown = [str(n) for n in (year, year + 1) if not book.knows(n)]
    if not unknown:
        yield Finding("ok", "calendar", f"the holidays of {year} and {year + 1} are known")
        return
    yield Finding(
        "warn", "calendar", f"the holidays of {', '.join(unknown)} are not in the installed calendar: Monday to Friday "
        "count as worked there. Update chinesecalendar, or load [overrides].",
    )  # fmt: skip


def _cache(config: Config) -> Iterator[Finding]:
    if config.redis.url.startswith("memory:"):
        yield Finding(
            "ok", "redis", "memory://: caches of each process alone, so one web process; name a Redis for more"
        )
    elif alive(connect(config.redis.url)):
        yield Finding("ok", "redis", "answers")
    else:
        yield Finding("warn", "redis", "does not answer; each process keeps its own token meanwhile")


def _wechat(config: Config) -> Iterator[Finding]:
    clients = make_clients(config, connect("memory://"))
    for name, account in config.named_accounts().items():
        yield from _tried("wechat", f"{name}: an access token was given", partial(_token_of, clients[account.app_id]))
    for channel, client in account_channels(config, clients).items():
        ours = make_templates(config, channel)
        yield from _tried(
            "templates", f"{channel}: {len(ours)} agree with the account", partial(_drift, channel, ours, client)
        )


def _token_of(client: Client) -> list[str]:
    client.fetch_access_token()
    return []


def _drift(channel: str, ours: Mapping[str, Template], client: Client) -> list[str]:
    return [f"{channel}: {line}" for line in drift(ours, owned(channel, client))]


def _tried(about: str, good: str, look: Callable[[], list[str]]) -> Iterator[Finding]:
    try:
        lines = look()
    except Exception as error:
        yield Finding("fail", about, f"WeChat does not answer as it should: {type(error).__name__} {error}"[:160])
        return
    yield from (Finding("warn", about, line) for line in lines)
    if not lines:
        yield Finding("ok", about, good)
