"""What our letters say: each quarter's words, and the template each kind of letter goes by."""

import logging
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from handlers import words
from handlers.family import letter_words as family_letters
from handlers.family import series_words
from handlers.messages import words as messages_words
from handlers.ordering import catalogue_words, waiting_words
from handlers.ordering import letter_words as order_letters
from handlers.people import words as people_words
from handlers.room import Wording
from handlers.tasks import words as tasks_words
from wx_backend.wechat.carriers import Say

log = logging.getLogger(__name__)

# How each quarter says its letters.
WORDS: Mapping[str, Say] = {
    "people": people_words.letter,
    "ordering": order_letters.letter,
    "catalogue": catalogue_words.letter,
    "waiting": waiting_words.letter,
    "family": family_letters.letter,
    "series": series_words.letter,
    "tasks": tasks_words.letter,
    "messages": messages_words.letter,
}

# Which template of the settings each kind of letter uses.
TEMPLATE_OF: Mapping[str, str] = {
    **family_letters.TEMPLATES, **order_letters.TEMPLATES, **people_words.TEMPLATES, **tasks_words.TEMPLATES,
    **catalogue_words.TEMPLATES, **waiting_words.TEMPLATES, **series_words.TEMPLATES,
}  # fmt: skip


def in_words(kind: str, facts: dict[str, Any], zone: ZoneInfo) -> str:
    """A letter of any quarter as one paragraph: what a cadre reads out.

    A letter that cannot be said was a mistake of ours, and the cadre's task about it must open all the same.
    """
    try:
        return WORDS[kind.partition(".")[0]](kind, facts, zone).text
    except Exception as error:
        log.error("no words for a letter of kind %s: %s", kind, type(error).__name__)
        return words.WORDLESS


def with_hotline(say: Say, hotline: str) -> Say:
    """The same words, with the county's number where no centre above the place has one: there is always one to call."""

    def said(kind: str, facts: dict[str, Any], zone: ZoneInfo) -> Wording:
        return say(kind, facts if facts.get("phone", hotline) else {**facts, "phone": hotline}, zone)

    return said
