"""A reply as WeChat shows it: numbered lines with links, in pages that never cut anything."""

import re
from collections.abc import Sequence
from urllib.parse import quote

from handlers import words
from handlers.room import Choice, Reply

LIMIT = 2000  # bytes; WeChat's own is 2048
_TEXT_LIMIT = 1200
_SENTENCE = re.compile(r"(?<=[。！？\n])")


def size(text: str) -> int:
    """Bytes on the wire."""
    return len(text.encode())


def link(number: int, choice: Choice) -> str:
    """One numbered line; a tap comes back as a text message with the address as `bizmsgmenuid`."""
    address = quote(choice.address, safe="/")
    return (
        f'{number}. <a href="weixin://bizmsgmenu?msgmenucontent={quote(choice.label)}&msgmenuid={address}">'
        f"{choice.label}</a>"
    )


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


def pages(reply: Reply) -> list[str]:
    """All pages of a reply; each but the last ends with the line that leads to the next."""
    lines = [link(n, choice) for n, choice in enumerate(reply.choices, start=1)]
    footer = words.FOOTER if reply.ask_for or reply.back else ""
    room = LIMIT - size(footer) - size(more_line()) - 4
    texts = chunks(reply.text)
    found = [[text] for text in texts]
    for line in lines:
        if size("\n".join([*found[-1], line])) > room:
            found.append([])
        found[-1].append(line)
    return [_page(part, number == len(found), footer) for number, part in enumerate(found, start=1)]


def _page(lines: Sequence[str], last: bool, footer: str) -> str:
    return "\n".join([*lines, *([] if last else [more_line()]), *([footer] if footer else [])])


def more_line() -> str:
    """The line that leads to the next page."""
    return f'<a href="weixin://bizmsgmenu?msgmenucontent={quote(words.MORE)}&msgmenuid=more">{words.MORE} ▸</a>'
