"""Template messages: from business fields to WeChat's, fitted to the limits of their types."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from handlers.room import Said
from wx_backend.wechat.fields import EXACT, SHORTENED, kind_of

EMPTY = "无"
_EMOJI, _RARE, _RARE_ENDS = 0x1F000, 0x20000, 0x40000  # planes 2 and 3 hold only ideographs: 𬻬, 𠮷, names of villages


class BadField(Exception):
    """A field cannot be made to fit; the message names the template, the field and what its type takes."""


class Unfit(BadField):
    """What one letter says does not fit a field's type; other letters of the template may."""


@dataclass(frozen=True)
class Template:
    """One template of the account: its id, and which of WeChat's keys each business field fills; of one that people
    agree to, whether they do so for good."""

    key: str
    id: str
    fields: Mapping[str, str]
    long_term: bool = False


def fit(template: Template, values: Mapping[str, Said]) -> dict[str, dict[str, str]]:
    """The `data` of a send: every field of the template, in words that WeChat takes.

    Of several wordings the first that fits is said. Names and places are shortened with "…" where even the last is too
    long; numbers, phones and times must fit as they are. Raises BadField, and Unfit where it is this letter's doing.
    """
    return {
        wechat_key: {"value": _fitted(template, field, wechat_key, values.get(field, ""))}
        for field, wechat_key in template.fields.items()
    }


def _fitted(template: Template, field: str, wechat_key: str, said: Said) -> str:
    kind = kind_of(wechat_key)
    wordings = map(one_line, (said,) if isinstance(said, str) else said)  # none is looked at that is not needed
    text = ""
    if kind in SHORTENED:
        limit = SHORTENED[kind]
        for text in wordings:
            if len(text) <= limit:
                return text or EMPTY
        return text[: limit - 1] + "…"
    pattern = EXACT.get(kind)
    if pattern is None:
        raise BadField(f"template {template.key}: {field} → {wechat_key}: no such type of field")
    fitting = next(filter(pattern.fullmatch, wordings), None)
    if fitting is None:
        raise Unfit(f"template {template.key}: {field} → {wechat_key}: does not fit {kind}")
    return fitting


def without_rare(data: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """The same data without the ideographs that WeChat may not take (no page says whether it does)."""
    return {key: {"value": _RARE_ONES.sub("", field["value"]).strip() or EMPTY} for key, field in data.items()}


@lru_cache(maxsize=2048)  # places, phones and titles are said again and again
def one_line(value: str) -> str:
    """The text as a template field can hold it: one line, no control characters, no emoji (WeChat cuts at them)."""
    return " ".join(value.translate(_KEPT).split())


class _Kept(dict[int, str]):
    """What each character becomes; looked up once for each, and kept (Chinese has some thousands in use)."""

    def __missing__(self, code: int) -> str:
        if code >= _EMOJI:
            return chr(code) if _RARE <= code < _RARE_ENDS else ""
        ch = chr(code)
        unspeakable = unicodedata.category(ch) in ("Cc", "Cf", "Cs", "Co", "So")
        self[code] = " " if ch in "\r\n\t" else "" if unspeakable else ch
        return self[code]


_KEPT = _Kept()
_RARE_ONES = re.compile(f"[{chr(_RARE)}-{chr(_RARE_ENDS - 1)}]")
