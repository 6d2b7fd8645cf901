"""What processes work with: the time, the accounts' clients, and of a clock the postman, its folder, its allowance."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from models.messages.allowance import Allowance, Limits
from models.messages.ladder import CHANNELS
from models.messages.subscriptions import Topic
from scheduler.settings import ClockSettings
from wx_backend.config import Config, SubscriptionSection
from wx_backend.now import Clock
from wx_backend.redis import Redis, connect
from wx_backend.speech import TEMPLATE_OF, WORDS, with_hotline
from wx_backend.wechat.carriers import Postman
from wx_backend.wechat.client import Client
from wx_backend.wechat.media import Fetcher, Folder
from wx_backend.wechat.templates import Template
from wx_backend.wechat.transport import Transport


def make_clock(config: Config) -> Clock:
    """The time, movable only where the settings name a clock file (the demo)."""
    return Clock(Path(config.sandbox.clock_file) if config.sandbox.clock_file else None)


def make_clients(config: Config, cache: Redis | None = None) -> dict[str, Client]:
    """One client for each account that is switched on, all on one pool of connections; `cache` None: the settings'."""
    cache = connect(config.redis.url) if cache is None else cache
    transport = Transport(config.wechat.api_base_url, config.scheduler.threads)
    return {
        account.app_id: Client(account.app_id, account.app_secret, transport, cache) for account in config.accounts()
    }


def make_templates(config: Config, channel: str = "template") -> dict[str, Template]:
    """The templates of the settings on one channel, by business key."""
    return {
        key: Template(key, one.id, one.fields, isinstance(one, SubscriptionSection) and one.long_term)
        for key, section in config.wechat.templates.items() if (one := section.by_channel().get(channel))
    }  # fmt: skip


def account_channels(
    config: Config, clients: Mapping[str, Client], *, all_of_them: bool = False
) -> dict[str, Client]:  # fmt: skip
    """The channels that go by templates, each with its account's client: those that the settings use (template
    messages always), or all of the accounts that are switched on."""
    named = config.named_accounts()
    return {
        channel.name: clients[named[channel.through].app_id]
        for channel in CHANNELS.values()
        if channel.needs != "window" and channel.through in named
        and (all_of_them or channel.name == "template" or make_templates(config, channel.name))
    }  # fmt: skip


def make_postman(config: Config, now: Callable[[], datetime], clients: Mapping[str, Client]) -> Postman:
    """The postman of a clock process."""
    templates = {channel: make_templates(config, channel) for channel in CHANNELS}
    words_ = {quarter: with_hotline(say, config.app.hotline) for quarter, say in WORDS.items()}
    return Postman(clients, templates, words_, now, make_folder(config))


def make_folder(config: Config) -> Folder:
    """Where voice notes and pictures lie."""
    return Folder(Path(config.media.folder), config.media.most_bytes)


def make_fetcher(config: Config, clients: Mapping[str, Client]) -> Fetcher:
    """What brings voice notes and pictures into the folder of the settings."""
    return Fetcher(clients, make_folder(config))


def make_topics(config: Config) -> tuple[Topic, ...]:
    """What people can agree to be written to by, of the accounts that are switched on."""
    named = config.named_accounts()
    return tuple(
        Topic(one.key, channel.name, one.id, one.long_term)
        for channel in CHANNELS.values() if channel.needs == "consent" and channel.through in named
        for one in make_templates(config, channel.name).values()
    )  # fmt: skip


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


def clock_settings(config: Config) -> ClockSettings:
    """`[scheduler]` as the clock takes it."""
    section = config.scheduler
    return ClockSettings(
        section.tick_seconds, section.threads, section.batch, timedelta(seconds=section.lease_seconds),
        timedelta(seconds=section.send_deadline_seconds), timedelta(days=section.inbox_days),
        timedelta(days=section.words_days), timedelta(days=section.media_days),
    )  # fmt: skip
