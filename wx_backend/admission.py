"""Who is let in: what WeChat posts is checked, opened and read, or turned away with the answer that fits."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from handlers.router import Incoming
from wx_backend.wechat import envelope
from wx_backend.wechat.crypto import BadCipher, MessageKey, WrongAccount, decrypt_with_any, same, sign

FRESH_SECONDS = 300
_OPENID = re.compile(r"[\x21-\x7e]{1,64}")
_NUMBER = re.compile(r"[0-9]{1,24}")
_STAMP = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True)
class Account:
    """What the gate must know of one WeChat account."""

    kind: str  # "official_account" or "mini_program"
    app_id: str
    token: str
    keys: tuple[MessageKey, ...]
    mode: str


@dataclass(frozen=True)
class Message:
    """A message that has been let in: whose it is, its key for deduplication, and the key to answer it with."""

    account: Account
    key: str
    incoming: Incoming
    openid: str
    to: str
    answer_key: MessageKey | None

    @property
    def kind(self) -> str:
        """What is kept of a message's kind, never of its content."""
        name = f"event:{self.incoming.event}" if self.incoming.kind == "event" else self.incoming.kind
        return name[:32]


class TurnedAway(Exception):
    """Not let in. `signed`: it came from WeChat, so the answer is `success` and it is not sent again."""

    def __init__(self, why: str, *, signed: bool = False) -> None:
        super().__init__(why)
        self.signed = signed


def echo(account: Account, query: Mapping[str, str], now: datetime) -> str:
    """The word to answer when WeChat asks whether this address is ours (接入验证); raises TurnedAway."""
    timestamp, nonce = _fresh(query, now)
    if not same(query.get("signature", ""), sign(account.token, timestamp, nonce)):
        raise TurnedAway("signature")
    return query.get("echostr", "")


def let_in(account: Account, query: Mapping[str, str], body: bytes, now: datetime) -> Message:
    """Check and open a body; raises TurnedAway."""
    timestamp, nonce = _fresh(query, now)
    if account.mode == "plain":
        if not same(query.get("signature", ""), sign(account.token, timestamp, nonce)):
            raise TurnedAway("signature")
        return _read(account, body, None)
    # In compatible mode too: nothing signs the plaintext fields, so only Encrypt is read.
    try:
        encrypted = envelope.first(envelope.parse(body).get("Encrypt"))
    except envelope.BadBody as error:
        raise TurnedAway(str(error)) from error
    if not encrypted or not same(query.get("msg_signature", ""), sign(account.token, timestamp, nonce, encrypted)):
        raise TurnedAway("msg_signature")
    try:
        answer_key, message = decrypt_with_any(account.keys, encrypted)
    except WrongAccount as error:
        raise TurnedAway("another appid") from error
    except BadCipher as error:
        raise TurnedAway(f"not decrypted: {error}", signed=True) from error
    return _read(account, message, answer_key)


def _fresh(query: Mapping[str, str], now: datetime) -> tuple[str, str]:
    """The timestamp and nonce of the query, when they are of these minutes."""
    timestamp, nonce = query.get("timestamp", ""), query.get("nonce", "")
    if not _STAMP.fullmatch(timestamp) or not nonce:
        raise TurnedAway("no timestamp or nonce")
    if abs(now.timestamp() - int(timestamp)) > FRESH_SECONDS:
        raise TurnedAway("timestamp out of the window")
    return timestamp, nonce


def _read(account: Account, message: bytes, answer_key: MessageKey | None) -> Message:
    """The fields of a message whose signature holds."""
    try:
        fields = envelope.parse(message)
    except envelope.BadBody as error:
        raise TurnedAway(str(error), signed=True) from error
    kind = envelope.first(fields.get("MsgType")).lower()
    openid = envelope.first(fields.get("FromUserName"))
    if kind == "event":
        # What the platform itself tells comes from its own account; whom it concerns stands in OpenID.
        openid = envelope.first(fields.get("OpenID")) or openid
    if not kind or not _OPENID.fullmatch(openid):
        raise TurnedAway("from nobody", signed=True)
    number = envelope.first(fields.get("MsgId"))
    mark = number if _NUMBER.fullmatch(number) else hashlib.sha1(message, usedforsecurity=False).hexdigest()
    return Message(
        account, f"{account.app_id}:{mark}", incoming_of(kind, fields), openid,
        envelope.first(fields.get("ToUserName")), answer_key,
    )  # fmt: skip


def incoming_of(kind: str, fields: dict[str, Any]) -> Incoming:
    """A message as the router takes it: its text, or the address behind a tap, a scan or a menu click."""
    if kind == "event":
        event = envelope.first(fields.get("Event")).lower()
        key = envelope.first(fields.get("EventKey"))
        tapped = key if event in ("click", "scan") else ""
        if event == "subscribe" and key.startswith("qrscene_"):
            tapped = key.removeprefix("qrscene_")
        return Incoming("event", address=tapped, event=event, fields=fields)
    if kind == "voice":
        heard = envelope.first(fields.get("Recognition"))
        return Incoming("text" if heard else kind, heard, fields=fields)
    text = envelope.first(fields.get("Content"))
    return Incoming(kind, text, address=envelope.first(fields.get("bizmsgmenuid")), fields=fields)
