"""What happened to a thing, line by line, as a desk shows it and as one sentence says it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from handlers import masking, words
from models.people.deeds import deeds

Say = Callable[[str, str], str]  # a verb and its note, in words
_KEY = re.compile(r"[a-z_]+:\d+")
# What these do they do in office, under their own name.
STAFF_ROLES = ("cadre", "clerk", "desk", "helper", "publisher", "reviewer", "lender", "borrower")


@dataclass(frozen=True)
class Line:
    """One thing that was done: when, by whom (a resident masked), what, and what was said with it."""

    at: datetime
    who: str
    what: str
    note: str


def lines(
    session: Session, subject: str, verbs: Mapping[str, str], *, shown: bool = False, said: Say | None = None
) -> list[Line]:  # fmt: skip
    """Everything that happened to `subject`, the oldest first; `shown`: names and notes as they stand.

    `said` puts the notes of this kind of thing into words, where they are kept as codes.
    """
    found = deeds(session, subject)
    residents = {row.name for row in found if row.name and row.History.as_role not in STAFF_ROLES}
    notes = {row.History: said(row.History.verb, row.History.note) if said else row.History.note for row in found}
    return [
        Line(
            row.History.at, _who(row.name, row.History.as_role, shown), verbs.get(row.History.verb, row.History.verb),
            _note(notes[row.History], shown, residents),
        )
        for row in found
    ]  # fmt: skip


def _note(note: str, shown: bool, residents: set[str]) -> str:
    """What was said with it; the key of another thing ("need:5") is no sentence, and by which means has one here."""
    if _KEY.fullmatch(note):
        return ""
    if note in words.TOLD_MEANS:
        return words.TOLD_MEANS[note]
    return note if shown else masking.typed(note, *residents)


def last(session: Session, subject: str, verbs: Mapping[str, str], now: datetime) -> str:
    """What was done to it last, in a few words: "李站长今天17:20已办好"."""
    line = lines(session, subject, verbs)[-1]
    return f"{line.who}{words.near(line.at, now)}{line.what}"


def _who(name: str | None, role: str, shown: bool) -> str:
    if name is None:
        return words.DOERS.get(role, words.DOERS["rule"])
    called = name if shown or role in STAFF_ROLES else masking.name(name)
    return called or words.DOERS["unnamed"]
