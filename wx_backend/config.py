"""The settings: one TOML file that the environment may override; any fault refuses to start and names its key."""

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    Field,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from wx_backend.keys import AesKey, Bind, FieldKey, Filled, Mode, Origin, Secret, Section, Token, scheme, stays_here
from wx_backend.video.settings import VideoSection
from wx_backend.wechat.business import BUSINESS

EXAMPLE = Path(__file__).parent.parent / "config.example.toml"
PREFIX = "WX_BACKEND_"


class ConfigError(Exception):
    """The settings cannot be used. The message has one line for each fault: file, key, what was expected."""


class AppSection(Section):
    """`[app]`: the web process."""

    bind: Bind
    public_url: Origin
    secret_key: Annotated[Secret, Field(min_length=16)]
    hotline: Annotated[str, Field(pattern=r"^\+?[0-9][0-9 -]{2,15}$")]
    workers: int = Field(ge=1, le=64)
    threads: int = Field(ge=1, le=256)
    proxies: int = Field(ge=0, le=8)


class SandboxSection(Section):
    """`[sandbox]`: the far end of the wire for demo and tests."""

    bind: Bind
    clock_file: str


class DatabaseSection(Section):
    """`[database]`."""

    url: Annotated[Secret, scheme("sqlite:///", "postgresql+psycopg://", "postgresql://")]


class RedisSection(Section):
    """`[redis]`."""

    url: Annotated[Secret, scheme("memory://", "redis://", "rediss://", "unix://")]


class Switch(Section):
    """A section that can be switched off. It stands first among the bases, for the other keys look at it."""

    enabled: bool


class AccountSection(Section):
    """One WeChat account: `[wechat.official_account]` or `[wechat.mini_program]`."""

    app_id: Filled
    app_secret: Secret
    token: Token
    encoding_aes_key: AesKey
    previous_encoding_aes_key: AesKey
    mode: Mode
    allow_plain: bool
    sends_per_day: int = Field(ge=1)
    sends_per_minute: int = Field(ge=1)

    @property
    def aes_keys(self) -> tuple[str, ...]:
        """The current key, then the previous one if there is any."""
        return tuple(key for key in (self.encoding_aes_key, self.previous_encoding_aes_key) if key)


class MiniProgramSection(AccountSection, Switch):
    """`[wechat.mini_program]`; `enabled = false` switches it off, and its other keys may then be empty."""


class Written(Section):
    """One template: its id in the account, and which of WeChat's keys each business field fills."""

    id: Filled
    fields: dict[str, FieldKey] = Field(min_length=1)


class SubscriptionSection(Written):
    """A template that people agree to; `long_term`: once for good (长期订阅), and not for one message."""

    long_term: bool = False


class TemplateSection(Written):
    """A template message, and the subscription templates that say the same where people have agreed to them."""

    mini_subscription: SubscriptionSection | None = None
    account_subscription: SubscriptionSection | None = None

    def by_channel(self) -> dict[str, Written]:
        """What this is called on each channel that has it."""
        found: dict[str, Written | None] = {
            "template": self, "mini_subscription": self.mini_subscription,
            "account_subscription": self.account_subscription,
        }  # fmt: skip
        return {channel: section for channel, section in found.items() if section is not None}


def _known_templates(found: dict[str, TemplateSection]) -> dict[str, TemplateSection]:
    faults = [f"{key} is missing" for key in BUSINESS.keys() - found.keys()]
    faults += [f"{key}: no such template" for key in found.keys() - BUSINESS.keys()]
    for key in found.keys() & BUSINESS.keys():
        for channel, section in found[key].by_channel().items():
            place = key if channel == "template" else f"{key}.{channel}"
            faults += [f"{place}.fields.{name}: no such field" for name in section.fields.keys() - BUSINESS[key]]
    if faults:
        raise ValueError("; ".join(sorted(faults)))
    return found


class WeChatSection(Section):
    """`[wechat]`."""

    api_base_url: Origin
    official_account: AccountSection
    mini_program: MiniProgramSection
    templates: Annotated[dict[str, TemplateSection], AfterValidator(_known_templates)]


class SchedulerSection(Section):
    """`[scheduler]`: the clock process."""

    tick_seconds: float = Field(gt=0, le=60)
    threads: int = Field(ge=1, le=64)
    batch: int = Field(ge=1, le=1000)
    lease_seconds: int = Field(ge=5)
    send_deadline_seconds: int = Field(ge=1)
    inbox_days: int = Field(ge=1)
    words_days: int = Field(ge=30)
    media_days: int = Field(ge=30)

    @model_validator(mode="after")
    def _lease_outlives_send(self) -> "SchedulerSection":
        if self.lease_seconds < 2 * self.send_deadline_seconds:
            raise ValueError("lease_seconds must be at least twice send_deadline_seconds")
        return self


class MediaSection(Section):
    """`[media]`: the voice notes and pictures that people send."""

    folder: Filled
    most_bytes: int = Field(ge=10_000, le=50_000_000)


class PrintSection(Section):
    """`[print]`: the fonts of what is printed; empty: the machine's own for Chinese."""

    font: str
    font_bold: str


class Config(Section):
    """All settings."""

    app: AppSection
    sandbox: SandboxSection
    database: DatabaseSection
    redis: RedisSection
    wechat: WeChatSection
    scheduler: SchedulerSection
    print: PrintSection
    video: VideoSection
    media: MediaSection

    _source: str = PrivateAttr("settings")

    @property
    def source(self) -> str:
        """The file these settings were read from, for messages."""
        return self._source

    def is_loopback(self) -> bool:
        """Whether bind, public_url and api_base_url all stay on this machine."""
        urls = (f"//{self.app.bind}", self.app.public_url, self.wechat.api_base_url)
        return all(stays_here(url) for url in urls)

    def accounts(self) -> tuple[AccountSection, ...]:
        """The accounts that are switched on."""
        return tuple(self.named_accounts().values())

    def named_accounts(self) -> dict[str, AccountSection]:
        """The accounts that are switched on, by the names of their sections."""
        both: dict[str, AccountSection] = {"official_account": self.wechat.official_account}
        if self.wechat.mini_program.enabled:
            both["mini_program"] = self.wechat.mini_program
        return both


def find_file(named: str | None) -> Path:
    """The settings file: the one named, else WX_BACKEND_CONFIG. Raises ConfigError when neither says one."""
    chosen = named or os.environ.get(f"{PREFIX}CONFIG")
    if not chosen:
        raise ConfigError(
            "no settings: name a file with --config or WX_BACKEND_CONFIG (start from config.example.toml)"
        )
    return Path(chosen)


def load_config(path: Path, environ: Mapping[str, str] | None = None) -> Config:
    """Read and check the settings; raises ConfigError with every fault at once."""
    values = _read(path)
    faults: list[str] = []
    origins = _override(values, os.environ if environ is None else environ, faults)
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        faults += (_fault(path, origins, item) for item in error.errors(include_input=False))
        raise ConfigError("\n".join(faults)) from None  # the cause would show the values, and so the secrets
    faults += (f"{path}: {fault}" for fault in _contradictions(config))
    if faults:
        raise ConfigError("\n".join(faults))
    config._source = str(path)
    return config


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))  # Windows editors put a mark before the first letter
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error


def _fault(path: Path, origins: Mapping[tuple[str, ...], str], item: Any) -> str:
    loc = tuple(str(part) for part in item["loc"])
    said_by = next((name for key, name in origins.items() if loc and key[: len(loc)] == loc), None)
    expected = {"missing": "this key is missing", "extra_forbidden": "no such key"}.get(item["type"], item["msg"])
    source = said_by if said_by and item["type"] != "missing" else path
    return f"{source}: {'.'.join(loc) or '(file)'}: {expected.removeprefix('Value error, ')}"


def _override(values: dict[str, Any], environ: Mapping[str, str], faults: list[str]) -> dict[tuple[str, ...], str]:
    """Lay WX_BACKEND_<SECTION>__<KEY> over the file, and WX_BACKEND_<SECTION>__<KEY>_FILE with what that file holds.

    Answers which variable set which key. Names without "__" are left alone: orchestrators set some of their own.
    """
    origins: dict[tuple[str, ...], str] = {}
    for name, value in sorted(environ.items()):
        if not name.startswith(PREFIX) or "__" not in name:
            continue
        key = tuple(name[len(PREFIX) :].lower().split("__"))
        text = value
        if key[-1].endswith("_file") and key != ("sandbox", "clock_file"):
            key = (*key[:-1], key[-1].removesuffix("_file"))
            try:
                text = Path(value).read_text(encoding="utf-8-sig").strip()
            except (OSError, UnicodeDecodeError) as error:
                faults.append(f"{name}: {value} cannot be read ({getattr(error, 'strerror', None) or 'not text'})")
                continue
        if key in origins:
            faults.append(f"{name}: {origins[key]} sets the same key; keep one of the two")
            continue
        if _lay(values, key, text):
            origins[key] = name
        else:
            faults.append(f"{name}: {'.'.join(key[:-1])} is a key, not a section")
    return origins


def _lay(values: dict[str, Any], key: tuple[str, ...], text: str) -> bool:
    spot = values
    for part in key[:-1]:
        spot = spot.setdefault(part, {})
        if not isinstance(spot, dict):
            return False
    spot[key[-1]] = text
    return True


def _contradictions(config: Config) -> Iterator[str]:
    """What each key allows and all together do not."""
    accounts = config.named_accounts()
    for name, section in accounts.items():
        if section.mode == "plain" and not section.allow_plain and not stays_here(config.app.public_url):
            yield (
                f"wechat.{name}.mode: anybody on the way reads and forges plain messages; "
                'use "safe", or say allow_plain = true'
            )
    if config.video.waiting >= config.app.threads:
        yield "video.waiting: must be less than app.threads, or WeChat's calls would wait behind family calls"
    if len({section.app_id for section in accounts.values()}) < len(accounts):
        yield "wechat.mini_program.app_id: the same as the official account's"
