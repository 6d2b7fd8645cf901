"""What a desk shows of people until somebody says why they need more: the family name, the ends of a phone number."""

import re
from collections.abc import Mapping
from typing import Any

# Facts of letters and tasks that are a resident's or a relative's name.
NAMES = frozenset({
    "relative", "cared", "beneficiary", "person", "requester", "name", "guest", "guests", "other", "who", "by",
})  # fmt: skip
# Facts that somebody typed: they may name anybody and anything.
TYPED = frozenset({"reason", "note", "text"})
# A phone, an identity card or an openid in what was said or answered is nobody's business at a desk.
PRIVATE = re.compile(r"(?<![\dA-Za-z-])1\d{10}(?!\d)|(?<!\d)\d{17}[\dXx](?!\d)|\b[A-Za-z0-9_-]{26,}\b")


def name(text: str) -> str:
    """ "王秀英" as "王*"; nobody stays nobody."""
    return f"{text[0]}*" if text else ""


def phone(text: str) -> str:
    """ "13812345678" as "138****5678"; a shorter number keeps its last two digits."""
    if len(text) >= 11:
        return f"{text[:3]}****{text[-4:]}"
    return f"****{text[-2:]}" if text else ""


def digits(text: str) -> str:
    """A text without phones, identity cards and openids in it."""
    return PRIVATE.sub(lambda found: f"{found[0][:3]}****", text)


def typed(text: str, *people: str) -> str:
    """What somebody typed, with these people's names masked and no private digits."""
    for known in sorted({*people} - {""}, key=len, reverse=True):
        text = text.replace(known, name(known))
    return digits(text)


def facts(told: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of a letter or a task with every name masked, and what somebody typed left out."""
    return {key: _masked(key, value) for key, value in told.items()}


def _masked(key: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return facts(value)
    if isinstance(value, list):
        return [_masked(key, one) for one in value]
    if not isinstance(value, str):
        return value
    if key in NAMES:
        return name(value)
    return "" if key in TYPED else value


def said(text: str, told: Mapping[str, Any], *people: str) -> str:
    """What a letter said: names that its facts hold, and those of `people`, masked; what somebody typed left out."""
    for words in _texts(told, TYPED):
        if len(words) > 1:
            text = text.replace(words, "…")
    return typed(text, *_texts(told, NAMES), *people)


def _texts(told: Mapping[str, Any], keys: frozenset[str]) -> set[str]:
    """What stands under these keys, however deep."""
    found = set[str]()
    for key, value in told.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, Mapping):
                found |= _texts(one, keys)
            elif isinstance(one, str) and one and key in keys:
                found.add(one)
    return found
