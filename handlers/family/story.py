"""What the history of a call says with its verbs, in words: to which time, whose yes it was, in which way."""

from collections.abc import Mapping
from datetime import datetime

from handlers import masking
from handlers.family import words
from handlers.words import when
from models.family.ways import WAYS
from models.hours import CHINA


def told(verb: str, note: str, names: Mapping[int, str], *, shown: bool) -> str:
    """A note as history keeps it, in words; `names` are those of the people on the call, masked unless `shown`."""
    parts = note.split(" ")
    if len(parts) == 2 and parts[0] in WAYS and parts[1] in words.MEDIA:
        return f"{words.WAYS[parts[0]]}（{words.MEDIA[parts[1]]}）"
    moment = _moment(parts[-1])
    if moment is None:
        return note
    if verb not in ("change", "reseat"):
        return words.AT_TIME.format(time=when(moment, CHINA))
    to = words.TO_TIME.format(time=when(moment, CHINA))
    if len(parts) == 4 and parts[0] == "agreed" and parts[2] in words.AGREED_BY:
        name = names.get(int(parts[1]), "") if parts[1].isdecimal() else ""
        yes = words.AGREED.format(name=name if shown else masking.name(name), means=words.AGREED_BY[parts[2]])
        return f"{yes}，{to}"
    return to


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None
