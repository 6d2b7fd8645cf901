"""The settings: one TOML file, every key of which the environment may override; a fault refuses to start and names its key."""

import base64
import binascii
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

EXAMPLE = Path(__file__).parent.parent / "config.example.toml"
PREFIX = "WX_BACKEND_"


class ConfigError(Exception):
    """The settings cannot be used. The message has one line for each fault: file, key, what was expected."""


class Section(BaseModel):
    """A section: unknown keys are refused, and nothing changes after the start."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _filled(value: Any) -> Any:
    if isinstance(value, str) and not value.strip():
        raise ValueError("must not be empty")
    return value


Filled = Annotated[str, BeforeValidator(_filled)]
Mode = Literal["plain", "compatible", "safe"]


class AppSection(Section):
    """`[app]`: the web process."""

    bind: Filled
    public_url: Filled
    secret_key: Filled
    workers: int = Field(ge=1, le=64)
    threads: int = Field(ge=1, le=256)


class SandboxSection(Section):
    """`[sandbox]`: the far end of the wire for demo and tests."""

    bind: Filled
    clock_file: str


class DatabaseSection(Section):
    """`[database]`."""

    url: Filled


class RedisSection(Section):
    """`[redis]`."""

    url: Filled


def _aes_key(value: str) -> str:
    try:
        if len(value) == 43 and len(base64.b64decode(value + "=", validate=True)) == 32:
            return value
    except binascii.Error:
        pass
    raise ValueError("must be the 43 letters and digits that WeChat shows as EncodingAESKey")


class AccountSection(Section):
    """One WeChat account: `[wechat.official_account]` or `[wechat.mini_program]`."""

    app_id: Filled
    app_secret: Filled
    token: Filled
    encoding_aes_key: str
    previous_encoding_aes_key: str
    mode: Mode
    allow_plain: bool

    @field_validator("encoding_aes_key")
    @classmethod
    def _current(cls, value: str) -> str:
        return _aes_key(value)

    @field_validator("previous_encoding_aes_key")
    @classmethod
    def _previous(cls, value: str) -> str:
        return _aes_key(value) if value else value

    @property
    def aes_keys(self) -> tuple[str, ...]:
        """The current key, then the previous one if there is any."""
        return tuple(key for key in (self.encoding_aes_key, self.previous_encoding_aes_key) if key)


class MiniProgramSection(AccountSection):
    """`[wechat.mini_program]`; `enabled = false` switches it off."""

    enabled: bool


class TemplateSection(Section):
    """One template: its id in the account, and which of WeChat's keys each business field fills."""

    id: Filled
    fields: dict[str, str]


class WeChatSection(Section):
    """`[wechat]`."""

    api_base_url: Filled
    official_account: AccountSection
    mini_program: MiniProgramSection
    templates: dict[str, TemplateSection]


class SchedulerSection(Section):
    """`[scheduler]`: the clock process."""

    tick_seconds: float = Field(gt=0, le=60)
    threads: int = Field(ge=1, le=64)
    batch: int = Field(ge=1, le=1000)
    lease_seconds: int = Field(ge=5)
    send_deadline_seconds: int = Field(ge=1)
    inbox_days: int = Field(ge=1)

    @model_validator(mode="after")
    def _lease_outlives_send(self) -> "SchedulerSection":
        if self.lease_seconds < 2 * self.send_deadline_seconds:
            raise ValueError("lease_seconds must be at least twice send_deadline_seconds")
        return self


class VideoSection(Section):
    """`[video]`: how a family call is carried. At the centre, the cadre calls on WeChat."""

    provider: Literal["wechat_by_hand"]


class Config(Section):
    """All settings."""

    app: AppSection
    sandbox: SandboxSection
    database: DatabaseSection
    redis: RedisSection
    wechat: WeChatSection
    scheduler: SchedulerSection
    video: VideoSection

    def is_loopback(self) -> bool:
        """Whether bind, public_url and api_base_url all stay on this machine."""
        hosts = (
            self.app.bind.rsplit(":", 1)[0],
            urlsplit(self.app.public_url).hostname or "",
            urlsplit(self.wechat.api_base_url).hostname or "",
        )
        return all(_loopback(host) for host in hosts)

    def accounts(self) -> tuple[AccountSection, ...]:
        """The accounts that are switched on."""
        mini = self.wechat.mini_program
        return (self.wechat.official_account, *((mini,) if mini.enabled else ()))


def _loopback(host: str) -> bool:
    return host.strip("[]") in ("localhost", "::1") or host.startswith("127.")


def find_file(named: str | None) -> Path:
    """The settings file: the one named, else WX_BACKEND_CONFIG. Raises ConfigError when neither says one."""
    chosen = named or os.environ.get(f"{PREFIX}CONFIG")
    if not chosen:
        raise ConfigError("no settings: name a file with --config or WX_BACKEND_CONFIG (start from config.example.toml)")
    return Path(chosen)


def load_config(path: Path, environ: Mapping[str, str] | None = None) -> Config:
    """Read and check the settings; raises ConfigError with every fault at once."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    _override(values, os.environ if environ is None else environ)
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        raise ConfigError("\n".join(_fault(path, item) for item in error.errors())) from error
    _refuse_plain(path, config)
    return config


def _fault(path: Path, item: Any) -> str:
    key = ".".join(str(part) for part in item["loc"]) or "(file)"
    expected = {"missing": "this key is missing", "extra_forbidden": "no such key"}.get(item["type"], item["msg"])
    return f"{path}: {key}: {expected}"


def _override(values: dict[str, Any], environ: Mapping[str, str]) -> None:
    """Lay WX_BACKEND_<SECTION>__<KEY> over the file, and WX_BACKEND_<SECTION>__<KEY>_FILE with what that file holds."""
    for name, value in sorted(environ.items()):
        if not name.startswith(PREFIX) or "__" not in name:
            continue
        path = name[len(PREFIX) :].lower().split("__")
        text: Any = value
        if path[-1].endswith("_file") and path != ["sandbox", "clock_file"]:
            path[-1] = path[-1].removesuffix("_file")
            try:
                text = Path(value).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise ConfigError(f"{name}: {value} cannot be read ({error.strerror})") from error
        spot = values
        for part in path[:-1]:
            spot = spot.setdefault(part, {})
            if not isinstance(spot, dict):
                raise ConfigError(f"{name}: {part} is a key, not a section")
        spot[path[-1]] = text


def _refuse_plain(path: Path, config: Config) -> None:
    host = urlsplit(config.app.public_url).hostname or ""
    for section in config.accounts():
        if section.mode == "plain" and not section.allow_plain and not _loopback(host):
            raise ConfigError(
                f"{path}: mode = \"plain\" of {section.app_id}: anybody on the way can read and forge it; "
                "use \"safe\", or say allow_plain = true"
            )


def refuse_unsafe(config: Config, *, demo: bool, example: Path = EXAMPLE) -> None:
    """What `serve` and `clock` check beyond the file itself; raises ConfigError.

    The example's secrets are public, so they only serve a machine that talks to itself; a movable clock is the demo's.
    """
    if config.sandbox.clock_file and not demo:
        raise ConfigError("sandbox.clock_file: only the demo's clock may be moved; leave it empty")
    if config.is_loopback() or not example.exists():
        return
    known = set(_secrets(load_config(example, {})))
    if known & set(_secrets(config)):
        raise ConfigError("a secret is still the one of config.example.toml, which everybody knows: make your own")


def _secrets(config: Config) -> list[str]:
    found = [config.app.secret_key]
    for section in config.accounts():
        found += [section.app_secret, section.token, *section.aes_keys]
    return found


def refuse_lonely_workers(config: Config) -> None:
    """`serve` with caches in its own memory can only be one process; raises ConfigError."""
    if config.redis.url.startswith("memory:") and config.app.workers > 1:
        raise ConfigError("app.workers: redis.url = \"memory://\" serves one process; name a Redis, or set workers = 1")
