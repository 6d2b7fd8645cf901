"""What a phone does reaches the back end as WeChat would send it: signed, encrypted, five seconds, three attempts."""

import heapq
import itertools
import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from xml.parsers.expat import ExpatError

import urllib3
import xmltodict

from wx_backend.sandbox.crypto import opened, sealed, signature
from wx_backend.sandbox.qr import code_in
from wx_backend.sandbox.world import Account, Phone, World

ATTEMPTS = 3
PATIENCE_SECONDS = 5.0
UNAVAILABLE = "该公众号暂时无法提供服务，请稍后再试"

_http = urllib3.PoolManager(maxsize=16, retries=False, timeout=urllib3.Timeout(total=PATIENCE_SECONDS))


@dataclass
class Answer:
    """What came back: after how many attempts, with which HTTP status (0: none), and the reply if it was one."""

    attempts: int
    status: int
    reply: dict[str, Any] | None = None
    broken: bool = False


def as_xml(fields: dict[str, Any]) -> str:
    """The fields as WeChat writes them: text in CDATA, numbers bare."""

    def one(name: str, value: Any) -> str:
        if isinstance(value, dict):
            inner = "".join(one(key, part) for key, part in value.items())
            return f"<{name}>{inner}</{name}>"
        if isinstance(value, list):
            return "".join(one(name, part) for part in value)
        if isinstance(value, int):
            return f"<{name}>{value}</{name}>"
        text = str(value).replace("]]>", "]]]]><![CDATA[>")
        return f"<{name}><![CDATA[{text}]]></{name}>"

    return "<xml>" + "".join(one(name, value) for name, value in fields.items()) + "</xml>"


def envelope(world: World, account: Account, fields: dict[str, Any]) -> tuple[dict[str, str], str, str]:
    """Query, body and content type of one push, in the account's mode and format."""
    timestamp, nonce = str(int(world.now())), str(secrets.randbelow(10**10))
    query = {"signature": signature(account.token, timestamp, nonce), "timestamp": timestamp, "nonce": nonce}
    if "FromUserName" in fields:
        query["openid"] = str(fields["FromUserName"])
    is_json = account.data_format == "json"
    plain = json.dumps(fields, ensure_ascii=False) if is_json else as_xml(fields)
    kind = "application/json" if is_json else "text/xml"
    if account.mode == "plain":
        return query, plain, kind
    encrypted = sealed(plain, account.encoding_aes_key, account.app_id)
    query |= {"encrypt_type": "aes", "msg_signature": signature(account.token, timestamp, nonce, encrypted)}
    outer = {"ToUserName": account.original_id, "Encrypt": encrypted}
    if account.mode == "compatible":
        outer = {**fields, "Encrypt": encrypted}
    return query, json.dumps(outer) if is_json else as_xml(outer), kind


def push(world: World, account: Account, fields: dict[str, Any]) -> Answer:
    """Post one message until it is taken; each attempt is signed anew, the message stays the same."""
    status = 0
    for attempt in range(1, ATTEMPTS + 1):
        query, body, kind = envelope(world, account, fields)
        try:
            response = _http.urlopen(
                "POST", f"{account.callback_url}?{urlencode(query)}", body=body.encode(),
                headers={"Content-Type": kind}, redirect=False,
            )  # fmt: skip
        except urllib3.exceptions.HTTPError:
            status = 0
            continue
        status = response.status
        if status == 200:
            return _understood(account, response.data.decode(errors="replace"), attempt)
    return Answer(ATTEMPTS, status, broken=True)


def _understood(account: Account, body: str, attempts: int) -> Answer:
    """A passive reply, "success", nothing, or something that shows as "unavailable"."""
    if body in ("", "success"):
        return Answer(attempts, 200)
    try:
        outer = xmltodict.parse(body)["xml"]
        if "Encrypt" in outer:
            expected = signature(account.token, outer["TimeStamp"], outer["Nonce"], outer["Encrypt"])
            if outer["MsgSignature"] != expected:
                raise ValueError("the reply's signature is wrong")
            outer = xmltodict.parse(opened(outer["Encrypt"], account.encoding_aes_key, account.app_id))["xml"]
        elif account.mode == "safe":
            raise ValueError("a reply in the clear to an account in safe mode")
        text = str(outer.get("Content") or "")
        if len(text.encode()) > 2048:
            raise ValueError("45002: the reply is too long")
        media = str((outer.get("Image") or {}).get("MediaId", ""))
        return Answer(attempts, 200, {"type": outer["MsgType"], "text": text, "media": media})
    except (ExpatError, KeyError, TypeError, ValueError):
        return Answer(attempts, 200, broken=True)


def from_phone(world: World, phone: Phone, kind: str, account: Account | None = None, **fields: Any) -> Answer:
    """A message or event of a person; the reply appears on their phone."""
    to = account or world.account()
    message: dict[str, Any] = {
        "ToUserName": to.original_id, "FromUserName": phone.openid_in(to), "CreateTime": int(world.now()),
        "MsgType": kind, **fields,
    }  # fmt: skip
    if kind != "event":
        message["MsgId"] = int(world.number())
    answer = push(world, to, message)
    if answer.reply is not None:
        world.show(phone, side="account", kind=answer.reply["type"], app=to.kind, text=answer.reply["text"],
                   media=answer.reply["media"], ticket=code_in(world, answer.reply["media"]))  # fmt: skip
    elif answer.broken and not (kind == "event" and fields.get("Event") in ("unsubscribe", "LOCATION")):
        world.show(phone, side="system", kind="notice", text=UNAVAILABLE)
    return answer


# Under which tag the entries of an event about subscriptions stand in XML; in JSON they stand bare.
SUBSCRIPTION_TAGS = {
    "subscribe_msg_popup_event": "SubscribeMsgPopupEvent", "subscribe_msg_change_event": "SubscribeMsgChangeEvent",
    "subscribe_msg_sent_event": "SubscribeMsgSentEvent",
}  # fmt: skip


def of_subscription(world: World, phone: Phone, account: Account, event: str, entry: dict[str, Any]) -> Answer:
    """An event about one subscription of a person, in the shape of the account's format."""
    is_json = account.data_format == "json"
    fields: dict[str, Any] = {"List": entry} if is_json else {SUBSCRIPTION_TAGS[event]: {"List": entry}}
    return from_phone(world, phone, "event", account, Event=event, **fields)


class Later:
    """Things that happen after a while, in other threads: receipts."""

    def __init__(self, workers: int = 4) -> None:
        self._queue: list[tuple[float, int, Callable[[], object]]] = []
        self._order = itertools.count()
        self._wake = threading.Condition()
        for number in range(workers):
            threading.Thread(target=self._work, name=f"receipts-{number}", daemon=True).start()

    def do(self, seconds: float, deed: Callable[[], object]) -> None:
        """Do it in `seconds`."""
        with self._wake:
            heapq.heappush(self._queue, (time.monotonic() + seconds, next(self._order), deed))
            self._wake.notify()

    def _work(self) -> None:
        while True:
            with self._wake:
                while not self._queue or self._queue[0][0] > time.monotonic():
                    wait = self._queue[0][0] - time.monotonic() if self._queue else None
                    self._wake.wait(wait)
                _, _, deed = heapq.heappop(self._queue)
            deed()
