"""One pool of connections to WeChat, strict about what counts as an answer and about how long it may take."""

import json
import re
from typing import Any
from urllib.parse import urlencode, urlsplit

import urllib3

from wx_backend.wechat.lines import ANSWER_LIMIT, Doubtful, Lines, TooLong, Unreached

__all__ = ["ANSWER_LIMIT", "Doubtful", "TooLong", "Transport", "Unreached", "as_object", "beside", "scrub"]

_SECRET = re.compile(r"((?:access_token|secret|appsecret|js_code|code|openid|ticket)=)[^&\s\"']+")


def scrub(text: str) -> str:
    """The text without secrets and openids, for logs and exceptions."""
    return _SECRET.sub(r"\1***", text)


def beside(origin: str, name: str) -> str:
    """Where people look, beside the API's origin: `mp` shows pictures, `open` tells pages who looks at them.

    WeChat has hosts of their own for that; anything else (the sandbox) serves all of it itself.
    """
    host = urlsplit(origin).hostname or ""
    return f"https://{name}.weixin.qq.com" if host.endswith(".weixin.qq.com") else origin


class Transport:
    """HTTP to one origin, whatever origin the caller's address names: wechatpy has several written into it."""

    def __init__(self, origin: str, connections: int = 64) -> None:
        self.origin = origin.rstrip("/")
        self._keep = connections
        self._lines: dict[str, Lines] = {}

    def _lines_to(self, origin: str) -> Lines:
        found = self._lines.get(origin)
        return found or self._lines.setdefault(origin, Lines(origin, self._keep))

    @staticmethod
    def target(address: str, params: dict[str, Any]) -> str:
        """What to ask an origin for: the path of an address, foreign absolute ones too, with its query."""
        path = urlsplit(address).path if "://" in address else "/" + address.lstrip("/")
        query = urlencode({name: value for name, value in params.items() if value is not None})
        return f"{path}?{query}" if query else path

    def call(
        self, method: str, address: str, *, params: dict[str, Any] | None = None, body: Any = None,
        files: dict[str, Any] | None = None, seconds: float = 10.0, origin: str = "", most: int = ANSWER_LIMIT,
    ) -> tuple[bytes, str]:  # fmt: skip
        """The answer's bytes and content type, within `seconds` in all.

        Raises Unreached when no connection came about, Doubtful when it did and the answer did not, TooLong for one
        of more than `most` bytes. A redirect is not followed.
        """
        headers: dict[str, str] = {}
        content: bytes | None = None
        if files:
            content, headers["Content-Type"] = urllib3.encode_multipart_formdata(_multipart(files))
        elif body is not None:
            text = body if isinstance(body, (bytes, str)) else json.dumps(body, ensure_ascii=False)
            content = text.encode() if isinstance(text, str) else text
            headers["Content-Type"] = "application/json; charset=utf-8"
        target = self.target(address, params or {})
        lines = self._lines_to(origin or self.origin)
        status, answer, kind = lines.ask(method.upper(), target, content, headers, seconds, most)
        if status != 200:
            raise Doubtful(f"HTTP {status}")
        return answer, kind


def _multipart(files: dict[str, Any]) -> dict[str, Any]:
    """wechatpy's `files=` (a file object, or (name, content[, type])) as urllib3 wants it."""
    fields: dict[str, Any] = {}
    for name, value in files.items():
        if isinstance(value, tuple):
            filename, content, *rest = value
        else:
            filename, content, rest = getattr(value, "name", name), value, []
        fields[name] = (filename, content.read() if hasattr(content, "read") else content, *rest)
    return fields


def as_object(answer: bytes) -> dict[str, Any]:
    """The answer as a JSON object; raises Doubtful for a page of HTML, for nothing, for a list."""
    try:
        found = json.loads(answer)
    except ValueError as error:
        raise Doubtful("the answer is not JSON") from error
    if not isinstance(found, dict):
        raise Doubtful("the answer is not a JSON object")
    return found
