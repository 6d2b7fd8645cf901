"""What the sandbox holds: accounts, people with their phones, templates, and a clock that can be moved."""

import base64
import hashlib
import json
import random
import secrets
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

CHINA = timezone(timedelta(hours=8))  # where a platform day begins at midnight


@dataclass(frozen=True)
class Account:
    """One account as WeChat knows it. `kind`: "official_account" or "mini_program"."""

    kind: str
    app_id: str
    app_secret: str
    token: str
    encoding_aes_key: str
    mode: str
    callback_url: str
    data_format: str = "xml"  # or "json", as the owner chose in the console
    name: str = "公众号"

    @property
    def original_id(self) -> str:
        """The gh_ name that stands in ToUserName."""
        return f"gh_{self.app_id[-12:]}"


@dataclass(frozen=True)
class Template:
    """A template: fields are WeChat's keys with what they are called ("thing1": "事项").

    A `subscription` one goes to people who have agreed to it, once for each message or, `long_term`, for good, and is
    no template message. `of` is the kind of its account; `examples` are WeChat's, by key.
    """

    template_id: str
    title: str
    fields: dict[str, str]
    subscription: bool = False
    of: str = "official_account"
    long_term: bool = False
    examples: dict[str, str] = field(default_factory=dict)

    def written(self, values: dict[str, str], colon: str) -> str:
        """Each field with what it is called, a line each."""
        return "".join(f"{name}{colon}{values.get(key, '')}\n" for key, name in self.fields.items())

    @property
    def keys(self) -> dict[str, str]:
        """Each key as it stands in the content of a template."""
        return {key: f"{{{{{key}.DATA}}}}" for key in self.fields}


@dataclass(frozen=True)
class Code:
    """A QR code that an account made: where it leads, and until when (None: for good)."""

    ticket: str
    scene: str
    until: float | None

    @property
    def url(self) -> str:
        """What the picture says."""
        return f"http://weixin.qq.com/q/{self.ticket[-12:]}"


@dataclass(frozen=True)
class Place:
    """Somewhere a person can be."""

    label: str
    latitude: float
    longitude: float


@dataclass
class Phone:
    """A person with WeChat on a phone. `openid` is the official account's; the mini-program knows another one."""

    openid: str
    nickname: str
    zone: str = "Asia/Shanghai"
    caption: str = ""
    unionid: str = ""  # the same in every account of one owner
    mini_openid: str = ""
    places: tuple[Place, ...] = (Place("丽水市政府", 28.4676, 119.9229),)
    following: bool = False
    snapshot: bool = False  # looks at pages without being logged in: WeChat names a stand-in (快照页)
    blocked: bool = False  # has switched the account's messages off: sends are accepted, receipts say user block
    log: list[dict[str, Any]] = field(default_factory=list)
    windows: dict[str, tuple[float, int]] = field(default_factory=dict)  # by account: until when, how many more
    consents: dict[str, int] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)  # by template: an answer that stays (总是保持以上选择)

    def __post_init__(self) -> None:
        if not self.mini_openid:
            digest = hashlib.sha256(f"mini {self.openid}".encode()).digest()
            self.mini_openid = "o" + base64.urlsafe_b64encode(digest).decode()[:27]

    def openid_in(self, account: Account) -> str:
        """What this account calls the person."""
        return self.openid if account.kind == "official_account" else self.mini_openid


@dataclass
class Send:
    """One template message that was accepted."""

    msgid: str
    openid: str
    template_id: str
    client_msg_id: str
    at: float
    attempts: int = 1


@dataclass
class Receipts:
    """How receipts come: after how long, and "normal", "never", "twice" or "failed"."""

    delay: float = 0.3
    mode: str = "normal"


class World:
    """Everything, behind one lock."""

    def __init__(
        self, accounts: Iterable[Account], phones: Iterable[Phone], templates: Iterable[Template],
        clock_file: Path | None = None, seed: int = 1,
    ) -> None:  # fmt: skip
        self.lock = threading.RLock()
        self.epoch = secrets.token_hex(8)  # tells an open page that the world began anew
        self.accounts = {account.app_id: account for account in accounts}
        self.phones = {phone.openid: phone for phone in phones}
        self.templates = {template.template_id: template for template in templates}
        self.clock_file = clock_file
        self.random = random.Random(seed)  # noqa: S311 - faults must be the same in every run
        self.receipts = Receipts()
        self.offset = 0.0
        self.menu: dict[str, Any] | None = None
        self.qr_codes: dict[str, Code] = {}  # by ticket
        self.codes: dict[str, tuple[str, str, float]] = {}  # OAuth and login codes: appid, phone, until
        self.media: dict[str, tuple[bytes, str]] = {}
        self.models: set[str] = {"sandbox-model"}  # device models that the platform has approved
        self.tickets: dict[str, tuple[str, str, float]] = {}  # of devices: appid, serial number, until
        self.page_tickets: dict[str, list[tuple[str, float]]] = {}  # by account: what pages are signed with, until when
        self.sends: list[Send] = []
        self._counts: dict[str, int] = {}
        self._counted_on = date.min
        self.by_client_id: dict[tuple[str, str], Send] = {}
        self.calls: dict[str, int] = {}
        self.minute: deque[float] = deque()
        self.limits = {"day": 100_000, "minute": 10_000}
        self._entry = 0
        self._number = 3_700_000_000_000_000_000 + self.random.randrange(10**15)
        if clock_file is not None:
            self.move_clock(0.0)

    def now(self) -> float:
        """Seconds since 1970, moved clock included."""
        return time.time() + self.offset

    def move_clock(self, offset: float) -> None:
        """Set the clock's offset and tell the demo's processes through the clock file, never half written."""
        with self.lock:
            self.offset = offset
            if self.clock_file is not None:
                self.clock_file.parent.mkdir(parents=True, exist_ok=True)
                half = self.clock_file.with_suffix(".half")
                half.write_text(json.dumps({"offset_seconds": offset}))
                half.replace(self.clock_file)

    def account(self, kind: str = "official_account") -> Account:
        """The account of this kind."""
        return next(account for account in self.accounts.values() if account.kind == kind)

    def phone_of(self, account: Account, openid: object) -> Phone | None:
        """Whom this account calls so; an openid of another account is nobody here."""
        if account.kind == "official_account":
            return self.phones.get(str(openid))
        return next((phone for phone in self.phones.values() if phone.mini_openid == openid), None)

    @property
    def today(self) -> dict[str, int]:
        """What counts against a daily quota, by path; begins anew at midnight in China."""
        day = datetime.fromtimestamp(self.now(), CHINA).date()
        if day != self._counted_on:
            self._counts, self._counted_on = {}, day
        return self._counts

    def number(self) -> str:
        """A message number as large as WeChat's: beyond what a JavaScript number holds."""
        with self.lock:
            self._number += 1 + self.random.randrange(1000)
            return str(self._number)

    def show(self, phone: Phone, **entry: Any) -> dict[str, Any]:
        """Put something on a phone; answers the entry with its number."""
        with self.lock:
            self._entry += 1
            shown = {"id": self._entry, "at": self.now(), **entry}
            phone.log.append(shown)
            return shown

    def open_window(self, phone: Phone, count: int, seconds: float, account: Account | None = None) -> None:
        """A person did something, so the account may write to them for a while (客服消息下发条数)."""
        app_id = (account or self.account()).app_id
        until = self.now() + seconds
        held, left = phone.windows.get(app_id, (0.0, 0))
        if until >= held or left <= 0 or held < self.now():
            phone.windows[app_id] = (until, count)
