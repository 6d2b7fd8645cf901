"""What people type, made comparable: width, punctuation, Chinese numerals, the polite words around a wish."""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from handlers.room import Choice

_DIGITS = {numeral: value for value, numeral in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_CHINESE = re.compile(r"(?:([一二两三四五六七八九])?(十))?([零〇一二两三四五六七八九])?")
_PICKED = re.compile(r"(?:选|第|选第)?(\d{1,3})(?:个|号|项)?")
_POLITE = re.compile(r"^(?:请|麻烦|帮我|我|想|要|去|看|查|打开|一下)+|(?:吧|呀|啊|了|谢谢|一下)+$")


def normalised(text: str) -> str:
    """What was typed without what does not matter: width, case, blanks, closing punctuation; "三" is 3."""
    flat = unicodedata.normalize("NFKC", text).strip().strip("。.!！?？~ 、,，").lower()
    return _number(flat) or flat


def _number(text: str) -> str:
    """A Chinese numeral up to 99 in digits ("十二" is "12"); empty where it is none."""
    found = _CHINESE.fullmatch(text)
    if not text or found is None:
        return ""
    tens, ten, ones = found.groups()
    return str((_DIGITS[tens] if tens else 1) * 10 * bool(ten) + (_DIGITS[ones] if ones else 0))


def key_in(text: str) -> int | None:
    """The key in a field or an address; None for what is no number, and for one that no column holds."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else None


def chosen(short: str, choices: Sequence[Choice]) -> str | None:
    """The address of a choice last shown, by its number ("3", "第三个") or its label."""
    if not short or not choices:
        return None
    by_label = next((choice.address for choice in choices if normalised(choice.label) == short), None)
    if by_label is not None:
        return by_label
    counted = re.sub(r"[零〇一二两三四五六七八九十]+", lambda found: _number(found[0]) or found[0], short)
    picked = _PICKED.fullmatch(counted)
    # "2个" may well be an answer to a question: only "第2个" or the bare number picks.
    if picked is None or (counted[0].isdigit() and not counted.isdigit()):
        return None
    number = int(picked[1])
    return choices[number - 1].address if 0 < number <= len(choices) else None


def synonyms(short: str) -> Iterator[str]:
    """What was typed, and the same without the polite words around it: "我想点单" is "点单"."""
    yield short
    bare = _POLITE.sub("", short)
    if bare and bare != short:
        yield bare
