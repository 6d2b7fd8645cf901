"""The gate: what WeChat posts is checked, opened, answered and kept in one transaction, or politely turned away."""

import hashlib
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Flask, Response, request
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from handlers import words
from handlers.room import Ask, Choice
from handlers.router import Incoming, Router, Spoken, State
from models.messages.conversation import Opened, close_message, open_message, read_speaker
from models.messages.outbox import post
from models.people.identities import Who, welcome
from wx_backend.now import monotonic
from wx_backend.wechat import envelope
from wx_backend.wechat.crypto import BadCipher, MessageKey, WrongAccount, decrypt_with_any, same, sign

log = logging.getLogger(__name__)

BODY_LIMIT = 64 * 1024
FRESH_SECONDS = 300
LATE_SECONDS = 4.5  # past that WeChat may have hung up: what was answered also goes as a letter
_AGAIN = {"40P01", "40001"}  # PostgreSQL: deadlock, serialisation failure


@dataclass(frozen=True)
class Account:
    """What the gate must know of one WeChat account."""

    kind: str  # "official_account" or "mini_program"
    app_id: str
    token: str
    keys: tuple[MessageKey, ...]
    mode: str


@dataclass(frozen=True)
class Gate:
    """Everything a message passes through."""

    router: Router
    engine: Engine
    now: Callable[[], datetime]


@dataclass(frozen=True)
class Letter:
    """A message that has been let in: whose it is, its key for deduplication, and the key to answer it with."""

    account: Account
    key: str
    incoming: Incoming
    openid: str
    to: str
    answer_key: MessageKey | None


class TurnedAway(Exception):
    """The gate does not let it in; the argument is the answer."""

    def __init__(self, response: Response, why: str) -> None:
        super().__init__(why)
        self.response = response


def register(app: Flask, gate: Gate, accounts: dict[str, Account]) -> None:
    """Give the app one callback for each path in `accounts`."""
    app.config.setdefault("MAX_CONTENT_LENGTH", BODY_LIMIT)
    for path, account in accounts.items():
        app.add_url_rule(path, f"callback_{account.kind}", _view(gate, account), methods=["GET", "POST"])


def _view(gate: Gate, account: Account) -> Callable[[], Response]:
    def callback() -> Response:
        started = monotonic()
        now = gate.now()
        try:
            if request.method == "GET":
                return _echo(account, now)
            letter = _let_in(account, request.get_data(cache=False), now)
            return _respond(gate, letter, now, started)
        except TurnedAway as turned:
            log.info("%s: turned away: %s", account.kind, turned)
            return turned.response

    return callback


def _forbidden(why: str) -> TurnedAway:
    return TurnedAway(Response("forbidden", 403, mimetype="text/plain"), why)


def _success(why: str) -> TurnedAway:
    """Signed, but nothing we can use: WeChat need not send it again."""
    return TurnedAway(_said("success"), why)


def _said(body: str, mimetype: str = "text/plain") -> Response:
    return Response(body, 200, mimetype=mimetype)


def _check_time(now: datetime) -> tuple[str, str]:
    """The timestamp and nonce of the query, when they are fresh."""
    timestamp, nonce = request.args.get("timestamp", ""), request.args.get("nonce", "")
    if not (timestamp.isascii() and timestamp.isdigit()) or len(timestamp) > 12:
        raise _forbidden("no timestamp")
    if abs(now.timestamp() - int(timestamp)) > FRESH_SECONDS:
        raise _forbidden("timestamp out of the window")
    return timestamp, nonce


def _echo(account: Account, now: datetime) -> Response:
    """WeChat asks whether this address is ours (接入验证)."""
    timestamp, nonce = _check_time(now)
    if not same(request.args.get("signature", ""), sign(account.token, timestamp, nonce)):
        raise _forbidden("signature")
    return _said(request.args.get("echostr", ""))


def _let_in(account: Account, body: bytes, now: datetime) -> Letter:
    """Check and open a body; raises TurnedAway."""
    timestamp, nonce = _check_time(now)
    answer_key: MessageKey | None = None
    if account.mode == "plain":
        if not same(request.args.get("signature", ""), sign(account.token, timestamp, nonce)):
            raise _forbidden("signature")
        message = body
    else:
        # In compatible mode too: nothing signs the plaintext fields, so only Encrypt is read.
        answer_key, message = _open_envelope(account, body, timestamp, nonce)
    try:
        fields = envelope.parse(message)
    except envelope.BadBody as error:
        raise _success(f"signed, but {error}") from error
    return _letter(account, fields, message, answer_key)


def _open_envelope(account: Account, body: bytes, timestamp: str, nonce: str) -> tuple[MessageKey, bytes]:
    try:
        encrypted = envelope.first(envelope.parse(body).get("Encrypt"))
    except envelope.BadBody as error:
        raise _forbidden(str(error)) from error
    given = request.args.get("msg_signature", "")
    if not encrypted or not same(given, sign(account.token, timestamp, nonce, encrypted)):
        raise _forbidden("msg_signature")
    try:
        return decrypt_with_any(account.keys, encrypted)
    except WrongAccount as error:
        raise _forbidden("another appid") from error
    except BadCipher as error:
        raise _success(f"signed, but not decrypted: {error}") from error


def _letter(account: Account, fields: dict[str, Any], message: bytes, answer_key: MessageKey | None) -> Letter:
    kind = envelope.first(fields.get("MsgType")).lower()
    # Events of the platform come from its own account; whom they concern stands in OpenID.
    openid = envelope.first(fields.get("OpenID")) or envelope.first(fields.get("FromUserName"))
    if not kind or not openid or len(openid) > 64:
        raise _success("signed, but from nobody")
    number = envelope.first(fields.get("MsgId"))
    mark = number if number.isdigit() and len(number) <= 24 else hashlib.sha1(message, usedforsecurity=False).hexdigest()
    return Letter(
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


def _respond(gate: Gate, letter: Letter, now: datetime, started: float) -> Response:
    """Answer a message that was let in; a database that is away makes WeChat ask again."""
    try:
        answer = _once(gate, letter, now, started)
    except SQLAlchemyError as error:
        log.error("%s: the database did not answer: %s", letter.key, type(error).__name__)
        return Response("busy", 503, {"Retry-After": "5"}, mimetype="text/plain")
    if letter.account.kind == "mini_program" or not answer:
        return _said("success")
    xml = envelope.text_reply(letter.openid, letter.to, int(now.timestamp()), answer)
    if letter.answer_key is None:
        return _said(xml, "application/xml")
    encrypted = letter.answer_key.encrypt(xml.encode())
    timestamp, nonce = str(int(now.timestamp())), secrets.token_hex(8)
    signature = sign(letter.account.token, timestamp, nonce, encrypted)
    return _said(envelope.encrypted_reply(encrypted, signature, timestamp, nonce), "application/xml")


def _once(gate: Gate, letter: Letter, now: datetime, started: float) -> str:
    """Take in, handle, keep, commit: all or nothing; a deadlock is tried again, twice at most.

    A mistake of ours is logged with the message's key and never with what was said; the person gets an apology, and
    whatever the handler had begun is gone.
    """
    for attempt in range(3):
        try:
            with gate.engine.connect() as connection, connection.begin():
                return _handled(gate, letter, connection, now, started)
        except (OperationalError, InterfaceError, PoolTimeout) as error:
            if attempt == 2 or getattr(getattr(error, "orig", None), "sqlstate", None) not in _AGAIN:
                raise
        except Exception:
            log.exception("%s: a handler failed", letter.key)
            return _apologise(gate, letter, now)
    raise AssertionError("unreachable")


def _apologise(gate: Gate, letter: Letter, now: datetime) -> str:
    """Keep the apology as the answer, so that WeChat's second attempt hears the same and not half of something."""
    with gate.engine.connect() as connection, connection.begin():
        opened = open_message(
            connection, key=letter.key, received_at=now, kind=_kind(letter), app_id=letter.account.app_id,
            openid=letter.openid,
        )  # fmt: skip
        if opened.fresh:
            close_message(connection, key=letter.key, answered=words.APOLOGY, identity_id=0, dialogue=None)
    return words.APOLOGY


def _kind(letter: Letter) -> str:
    """What is kept of a message's kind, never its content."""
    name = f"event:{letter.incoming.event}" if letter.incoming.kind == "event" else letter.incoming.kind
    return name[:32]


def _handled(gate: Gate, letter: Letter, connection: Connection, now: datetime, started: float) -> str:
    account = letter.account
    opened = open_message(
        connection, key=letter.key, received_at=now, kind=_kind(letter), app_id=account.app_id, openid=letter.openid
    )
    if not opened.fresh:
        return opened.reply or ""
    who = opened.who or _first_contact(letter, connection, now)

    def open_session() -> Session:
        # Inside the message's transaction: a refusal rolls back to here, nothing is committed but with the message.
        return Session(connection, join_transaction_mode="create_savepoint", expire_on_commit=False)

    ask = Ask(who, open_session, now)
    spoken = gate.router.answer(letter.incoming, _state(opened), ask)
    ask.keep()
    text = spoken.text if spoken is not None else ""
    if text and (account.kind == "mini_program" or monotonic() - started > LATE_SECONDS):
        _post_reply(letter, who, connection, text, now)
    close_message(
        connection, key=letter.key, answered=text, identity_id=who.identity_id, dialogue=_kept(spoken),
    )  # fmt: skip
    return text


def _first_contact(letter: Letter, connection: Connection, now: datetime) -> Who:
    account = letter.account
    with Session(connection, join_transaction_mode="create_savepoint") as session:
        welcome(session, account.app_id, letter.openid, account.kind, now)
        session.commit()
    return read_speaker(connection, account.app_id, letter.openid)


def _post_reply(letter: Letter, who: Who, connection: Connection, text: str, now: datetime) -> None:
    """The reply as a customer-service letter, in the same transaction."""
    with Session(connection, join_transaction_mode="create_savepoint") as session:
        post(
            session, key=f"reply:{letter.key}", person_id=who.person_id, kind="messages.reply", facts={"text": text},
            subject=f"identity:{who.identity_id}", now=now, urgency="same_day", channel="customer_service",
            app_id=who.app_id,
        )  # fmt: skip
        session.commit()


def _state(opened: Opened) -> State:
    shown = opened.shown or {}
    return State(
        opened.ask_for, tuple(Choice(label, address) for label, address in opened.choices or ()),
        shown.get("text", ""), shown.get("page", 0), shown.get("back"), opened.draft or {}, opened.updated_at,
    )  # fmt: skip


def _kept(spoken: Spoken | None) -> dict[str, Any] | None:
    if spoken is None:
        return None
    state = spoken.state
    return {
        "ask_for": state.ask_for, "choices": [[c.label, c.address] for c in state.choices],
        "shown": {"text": state.text, "page": state.page, "back": state.back}, "draft": state.draft,
        "updated_at": state.updated_at,
    }  # fmt: skip


