"""The bodies of callbacks: XML or JSON in, XML out, with every oddity of either made plain here."""

import json
import re
from typing import Any
from xml.parsers.expat import ExpatError, ParserCreate

MAX_DEPTH = 12

# What no XML may hold and no database column takes: JSON can bring it as an escape (a NUL, half of a pair).
_UNSAYABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class BadBody(Exception):
    """Not a body that WeChat would send."""


def parse(body: bytes) -> dict[str, Any]:
    """The fields of a body, XML or JSON by its first byte (both consoles let the owner choose).

    Values are str, dict or list (of a repeated element). JSON keys are stripped: WeChat's own sample has a blank in
    one. Raises BadBody.
    """
    start = body.lstrip()[:1]
    if start == b"{":
        return _parse_json(body)
    if start == b"<":
        return _parse_xml(body)
    raise BadBody("neither XML nor JSON")


def _parse_json(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body.decode())  # UTF-8 only: json.loads would guess at UTF-16 and UTF-32
    except (ValueError, RecursionError) as error:
        raise BadBody("not JSON") from error
    made: dict[str, Any] = _plain(fields, 1)
    return made


def _plain(value: Any, depth: int) -> Any:
    """Numbers as text, as XML has them (CreateTime comes as either), and no character that XML could not carry."""
    if depth > MAX_DEPTH:
        raise BadBody("too deep")
    if isinstance(value, dict):
        return {key.strip(): _plain(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner, depth + 1) for inner in value]
    return "" if value is None else _UNSAYABLE.sub("", str(value))


class _Reader:
    """Expat straight into a dict: no DTD, no entities of its own, no endless depth."""

    def __init__(self) -> None:
        self.stack: list[dict[str, Any]] = []
        self.texts: list[list[str]] = []
        self.root: Any = None
        self.root_name = ""

    def start(self, name: str, _: Any) -> None:
        if len(self.stack) >= MAX_DEPTH:
            raise BadBody("too deep")
        if not self.stack:
            self.root_name = name
        self.stack.append({})
        self.texts.append([])

    def text(self, data: str) -> None:
        self.texts[-1].append(data)

    def end(self, name: str) -> None:
        children, text = self.stack.pop(), "".join(self.texts.pop())
        value: Any = children or text
        if not self.stack:
            self.root = value
            return
        parent = self.stack[-1]
        if name not in parent:
            parent[name] = value
        elif isinstance(parent[name], list):
            parent[name].append(value)
        else:
            parent[name] = [parent[name], value]


def _refuse(*_: Any) -> None:
    raise BadBody("a DTD has no place in a message")


def _parse_xml(body: bytes) -> dict[str, Any]:
    reader = _Reader()
    parser = ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = _refuse
    try:
        parser.Parse(body, True)
    except (ExpatError, ValueError) as error:
        raise BadBody("not XML") from error
    if reader.root_name != "xml" or not isinstance(reader.root, dict):
        raise BadBody("the root is not <xml>")
    return reader.root


def first(value: Any) -> str:
    """A field that must be one text: the first where a forger doubled it, empty where it is none."""
    if isinstance(value, list):
        value = value[0] if value else ""
    return value if isinstance(value, str) else ""


def each(value: Any) -> list[dict[str, Any]]:
    """A list that WeChat sends as an object when it has one entry."""
    if isinstance(value, list):
        return [entry for entry in value if isinstance(entry, dict)]
    return [value] if isinstance(value, dict) else []


def cdata(text: str) -> str:
    """Text inside CDATA; `]]>` in what people typed is split, or it would end the section."""
    return f"<![CDATA[{_UNSAYABLE.sub('', text).replace(']]>', ']]]]><![CDATA[>')}]]>"


def text_reply(to_openid: str, from_account: str, at: int, text: str) -> str:
    """A passive text reply (被动回复文本消息)."""
    return (
        f"<xml><ToUserName>{cdata(to_openid)}</ToUserName><FromUserName>{cdata(from_account)}</FromUserName>"
        f"<CreateTime>{at}</CreateTime><MsgType><![CDATA[text]]></MsgType><Content>{cdata(text)}</Content></xml>"
    )


def encrypted_reply(encrypted: str, signature: str, timestamp: str, nonce: str) -> str:
    """The envelope of an encrypted reply."""
    return (
        f"<xml><Encrypt>{cdata(encrypted)}</Encrypt><MsgSignature>{cdata(signature)}</MsgSignature>"
        f"<TimeStamp>{timestamp}</TimeStamp><Nonce>{cdata(nonce)}</Nonce></xml>"
    )
