"""A reply as WeChat shows it: numbered lines with links, in pages that never cut anything."""

import re
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import quote

from handlers import words
from handlers.room import Choice, Reply

LIMIT = 2000  # bytes; WeChat's own is 2048
_TEXT_LIMIT = 1200
_LABEL_LIMIT = 180  # bytes
_SENTENCE = re.compile(r"(?<=[。！？\n])")


def size(text: str) -> int:
    """Bytes on the wire."""
    return len(text.encode())


def link(number: int, choice: Choice) -> str:
    """One numbered line; a tap comes back as a text message with the address as `bizmsgmenuid`."""
    address, label = quote(choice.address, safe="/"), words.plain(choice.label)
    # What the tap says in the person's own bubble; a percent-encoded long label would fill the page by itself.
    said = choice.label if size(choice.label) <= _LABEL_LIMIT else str(number)
    return f'{number}. <a href="weixin://bizmsgmenu?msgmenucontent={quote(said)}&msgmenuid={address}">{label}</a>'


def chunks(text: str, limit: int = _TEXT_LIMIT) -> list[str]:
    """The text in pieces of at most `limit` bytes, parted at the ends of sentences where there are any."""
    pieces = [""]
    for sentence in _SENTENCE.split(text):
        for part in _fitting(sentence, limit):
            if size(pieces[-1] + part) > limit:
                pieces.append("")
            pieces[-1] += part
    return [piece.strip("\n") for piece in pieces if piece.strip()] or [""]


def _fitting(sentence: str, limit: int) -> list[str]:
    if size(sentence) <= limit:
        return [sentence]
    step = limit // 4  # a character is at most four bytes
    return [sentence[n : n + step] for n in range(0, len(sentence), step)]


def pages(reply: Reply) -> tuple[str, ...]:
    """All pages of a reply; each but the last ends with the line that leads to the next."""
    return _pages(reply.text, tuple(reply.choices), words.FOOTER if reply.ask_for or reply.back else "")


@lru_cache(maxsize=512)  # the menu and its like are said a thousand times a day
def _pages(text: str, choices: tuple[Choice, ...], footer: str) -> tuple[str, ...]:
    lines = [link(n, choice) for n, choice in enumerate(choices, start=1)]
    room = LIMIT - size(footer) - size(more_line()) - 4
    found = [[piece] for piece in chunks(words.plain(text))]
    for line in lines:
        if size("\n".join([*found[-1], line])) > room:
            found.append([])
        found[-1].append(line)
    return tuple(_page(part, number == len(found), footer) for number, part in enumerate(found, start=1))


def _page(lines: Sequence[str], last: bool, footer: str) -> str:
    return "\n".join([*lines, *([] if last else [more_line()]), *([footer] if footer else [])])


def more_line() -> str:
    """The line that leads to the next page."""
    return f'<a href="weixin://bizmsgmenu?msgmenucontent={quote(words.MORE)}&msgmenuid=more">{words.MORE} ▸</a>'
