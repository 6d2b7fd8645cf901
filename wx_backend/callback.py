"""The gate: what WeChat posts is answered and kept in one transaction, or politely turned away."""

import logging
import secrets
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from flask import Flask, Response, request
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from handlers import words
from handlers.room import Ask, Choice
from handlers.router import Router, Spoken, State
from models.base import gave_way
from models.messages.conversation import (
    Opened,
    Overtaken,
    close_message,
    open_message,
    read_speaker,
    wait_for_others,
)
from models.messages.outbox import post
from models.people.identities import Identity, Who, welcome
from models.tasks.identifying import come_back
from wx_backend.admission import Account, Message, TurnedAway, echo, let_in
from wx_backend.now import monotonic
from wx_backend.wechat import envelope
from wx_backend.wechat.crypto import sign

log = logging.getLogger(__name__)

BODY_LIMIT = 64 * 1024
LATE_SECONDS = 4.5  # past that WeChat may have hung up: what was answered also goes as a letter


@dataclass(frozen=True)
class Gate:
    """Everything a message passes through."""

    router: Router
    engine: Engine
    now: Callable[[], datetime]
    turns: Callable[[], AbstractContextManager[object]] = nullcontext  # how threads share the database

    @property
    def driver(self) -> Any:
        """The driver's module: the two statements run on its own cursor and so raise its own errors."""
        return self.engine.dialect.dbapi


def register(app: Flask, gate: Gate, accounts: dict[str, Account]) -> None:
    """Give the app one callback for each path in `accounts`."""
    for path, account in accounts.items():
        app.add_url_rule(path, f"callback_{account.kind}", _view(gate, account), methods=["GET", "POST"])


def _view(gate: Gate, account: Account) -> Callable[[], Response]:
    def callback() -> Response:
        started = monotonic()
        request.max_content_length = BODY_LIMIT  # before anything: a longer body is 413, unread
        body = request.get_data(cache=False)
        now = gate.now()
        try:
            query = _query()
            if request.method == "GET":
                return _said(echo(account, query, now))
            message = let_in(account, query, body, now)
        except TurnedAway as turned:
            # WeChat's own garbage deserves a look; a stranger's is the weather.
            log.log(logging.WARNING if turned.signed else logging.INFO, "%s: turned away: %s", account.kind, turned)
            return _said("success") if turned.signed else Response("forbidden", 403, mimetype="text/plain")
        return _respond(gate, message, now, started)

    return callback


def _query() -> dict[str, str]:
    try:
        return request.args.to_dict()
    except UnicodeDecodeError as error:  # bare bytes in the address: werkzeug does not look at them before this
        raise TurnedAway("the query is not text") from error


def _said(body: str, mimetype: str = "text/plain") -> Response:
    return Response(body, 200, mimetype=mimetype)


def _respond(gate: Gate, message: Message, now: datetime, started: float) -> Response:
    """Answer a message that was let in; a database that is away makes WeChat ask again."""
    try:
        answer = _once(gate, message, now, started)
    except (SQLAlchemyError, gate.driver.Error, Overtaken) as error:
        log.error("%s: the database did not answer: %s", message.key, type(error).__name__)
        return Response("busy", 503, {"Retry-After": "5"}, mimetype="text/plain")
    if message.account.kind == "mini_program" or not answer:
        return _said("success")
    stamp = str(int(now.timestamp()))
    xml = envelope.text_reply(message.openid, message.to, int(stamp), answer)
    if message.answer_key is None:
        return _said(xml, "application/xml")
    encrypted, nonce = message.answer_key.encrypt(xml.encode()), secrets.token_hex(8)
    signature = sign(message.account.token, stamp, nonce, encrypted)
    return _said(envelope.encrypted_reply(encrypted, signature, stamp, nonce), "application/xml")


def _once(gate: Gate, message: Message, now: datetime, started: float) -> str:
    """Take in, handle, keep, commit: all or nothing; a deadlock is tried again, twice at most.

    So is a message that another one of the same person overtook: it answers the question that is asked now.

    A mistake of ours is logged with the message's key and where it happened, never with what was said (an exception's
    own words may hold it); the person gets an apology, and whatever the handler had begun is gone.
    """
    behind: int | None = None
    for attempt in range(3):
        try:
            with gate.turns(), gate.engine.connect() as connection, connection.begin():
                if behind is not None:
                    wait_for_others(connection, behind)
                return _handled(gate, message, connection, now, started)
        except Overtaken as overtaken:
            if attempt == 2:
                raise
            behind = overtaken.identity_id
        except (
            OperationalError, InterfaceError, PoolTimeout, gate.driver.OperationalError, gate.driver.InterfaceError,
        ) as error:  # fmt: skip
            if attempt == 2 or not gave_way(error):
                raise
        except Exception as error:
            where = "".join(traceback.format_tb(error.__traceback__))
            log.error("%s: a handler failed: %s\n%s", message.key, type(error).__name__, where)
            return _apologise(gate, message, now)
    raise AssertionError("unreachable")


def _apologise(gate: Gate, message: Message, now: datetime) -> str:
    """Keep the apology as the answer, so that WeChat's second attempt hears the same and not half of something.

    What an event itself tells (somebody follows, a receipt) is heard once more without the address behind it. Nobody
    waits for an answer to an event that no person caused.
    """
    incoming = message.incoming
    waits = incoming.kind != "event" or bool(incoming.address) or incoming.event == "subscribe"
    answer = words.APOLOGY if waits else ""
    with gate.turns(), gate.engine.connect() as connection, connection.begin():
        opened = _open(message, connection, now)
        if not opened.fresh:
            return opened.reply or ""
        spoken = _heard_alone(gate, message, connection, opened, now) if incoming.kind == "event" else None
        if spoken is not None:
            answer = spoken.text
            opened = replace(opened, who=read_speaker(connection, message.account.app_id, message.openid))
        if answer and opened.who is not None and message.account.kind == "mini_program":
            _post_reply(message, opened.who, connection, answer, now)
        close_message(
            connection, key=message.key, answered=answer, identity_id=opened.who.identity_id if opened.who else 0,
            dialogue=_kept(message, spoken), seen=opened.updated_at,
        )  # fmt: skip
    return answer


def _heard_alone(gate: Gate, message: Message, connection: Connection, opened: Opened, now: datetime) -> Spoken | None:
    """What the event's own room says, its deed kept; None, and nothing kept, when it is that room which fails."""
    try:
        with connection.begin_nested():
            who = opened.who or _first_contact(message, connection, now)
            ask = Ask(who, _sessions(connection), now)
            spoken = gate.router.hear_alone(message.incoming, _state(opened), ask)
            ask.keep()
            return spoken
    except Exception as error:
        log.error("%s: the event's own room failed: %s", message.key, type(error).__name__)
        return None


def _sessions(connection: Connection) -> Callable[[], Session]:
    """Sessions inside the message's transaction: a refusal rolls back to here, nothing is committed but with it."""
    return lambda: Session(connection, join_transaction_mode="create_savepoint", expire_on_commit=False)


def _open(message: Message, connection: Connection, now: datetime) -> Opened:
    return open_message(
        connection, key=message.key, received_at=now, kind=message.kind, app_id=message.account.app_id,
        openid=message.openid,
    )  # fmt: skip


def _handled(gate: Gate, message: Message, connection: Connection, now: datetime, started: float) -> str:
    opened = _open(message, connection, now)
    if not opened.fresh:
        return opened.reply or ""
    if opened.gone and opened.who is not None and message.account.kind == "official_account":
        _look_whether_back(message, opened.who, connection, now)
    if gate.router.has_nothing_to_do(message.incoming):
        if message.incoming.event not in gate.router.nothing:
            log.warning("%s: an event that no room knows: %r", message.key, message.incoming.event[:40])
        close_message(connection, key=message.key, answered="")
        return ""
    who = opened.who or _first_contact(message, connection, now)
    ask = Ask(who, _sessions(connection), now)
    spoken = gate.router.answer(message.incoming, _state(opened), ask)
    ask.keep()
    text = spoken.text if spoken is not None else ""
    if text and (message.account.kind == "mini_program" or monotonic() - started > LATE_SECONDS):
        _post_reply(message, who, connection, text, now)
    close_message(
        connection, key=message.key, answered=text, identity_id=who.identity_id, dialogue=_kept(message, spoken),
        seen=opened.updated_at,
    )  # fmt: skip
    return text


def _first_contact(message: Message, connection: Connection, now: datetime) -> Who:
    account = message.account
    with Session(connection, join_transaction_mode="create_savepoint") as session:
        welcome(session, account.app_id, message.openid, account.kind, now)
        session.commit()
    return read_speaker(connection, account.app_id, message.openid)


def _look_whether_back(message: Message, who: Who, connection: Connection, now: datetime) -> None:
    """Believe what somebody does in the chat: they follow again, though nobody told us.

    WeChat asks three times within seconds to be heard, and then no more: of who followed while we were away no event
    ever comes. Should this be wrong (a message that was late, say), the next letter's 43004 says so, and it goes
    another way.
    """
    if message.incoming.is_a_followers:
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            come_back(session, session.get_one(Identity, who.identity_id), now)
            session.commit()


def _post_reply(message: Message, who: Who, connection: Connection, text: str, now: datetime) -> None:
    """The reply as a customer-service letter, in the same transaction."""
    with Session(connection, join_transaction_mode="create_savepoint") as session:
        post(
            session, key=f"reply:{message.key}", person_id=who.person_id, kind="messages.reply", facts={"text": text},
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


def _kept(message: Message, spoken: Spoken | None) -> dict[str, Any] | None:
    if spoken is None:
        return None
    state, incoming = spoken.state, message.incoming
    # A tap on a menu or on a link in a reply is no message of the person's (客服消息: 点击菜单).
    wrote = incoming.kind != "event" and not incoming.address
    return {
        "ask_for": state.ask_for, "choices": [[c.label, c.address] for c in state.choices],
        "shown": {"text": state.text, "page": state.page, "back": state.back}, "draft": state.draft,
        "updated_at": state.updated_at, "heard_at": state.updated_at if wrote else None,
    }  # fmt: skip
