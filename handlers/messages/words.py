"""Replies that go as a letter of their own."""

from typing import Any
from zoneinfo import ZoneInfo

from handlers.room import Wording


def letter(_: str, facts: dict[str, Any], __: ZoneInfo) -> Wording:
    """A reply that could not go in the answer itself."""
    return Wording("", {}, facts["text"])
