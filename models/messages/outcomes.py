"""What comes back from carrying a letter: the postman answers with one of three values, never with an exception."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Action = Literal["again", "person", "window", "unfit", "broken"]
Scope = Literal["letter", "template", "account"]


@dataclass(frozen=True)
class Sent:
    """The far end accepted the letter. `msgid` (64 bits, kept as text) joins the receipt; `said` is what was said."""

    msgid: str | None
    said: str


@dataclass(frozen=True)
class Failed:
    """The far end refused, and nothing was delivered.

    `action`: "again" (busy: back off and retry), "person" (this account does not reach this person), "window" (not
    in this way now: consent or the customer-service window is used up), "unfit" (it does not go this way: what it
    says does not fit the form, say), "broken" (template, account or settings: keep the letter, alarm). `scope`:
    what is out of order or busy: this one letter, its template, or the account's whole channel; the latter two stop
    all that stands behind them. What is "unfit" by its template's scope is one letter's affair until several are
    refused so, and none goes.
    `pause_seconds`: for how long, 0 for the usual.
    """

    action: Action
    code: str
    detail: str = ""
    pause_seconds: int = 0
    said: str = ""
    scope: Scope = "letter"


@dataclass(frozen=True)
class Unsure:
    """Nobody knows whether the far end took it: a timeout, a reset, an answer that is not JSON."""

    detail: str
    said: str = ""


@dataclass(frozen=True)
class OpenLetter:
    """One letter as the postman carries it: facts only, no session, everything needed to say it and send it."""

    id: int
    kind: str
    facts: dict[str, Any]
    channel: str
    app_id: str
    openid: str
    identity_id: int
    zone: str  # the reader's IANA zone
    client_msg_id: str
    claimed_at: datetime  # what a person said since then, the answer cannot know
    deadline_seconds: float
    start_before: datetime  # real time: begun later, the send might outlive its lease


Outcome = Sent | Failed | Unsure
