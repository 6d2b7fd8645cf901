"""The shape of every room: what a handler is asked and what it answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from models.people.identities import Who


@dataclass
class Ask:
    """One message as a handler sees it.

    `text` is the free text when this address waited for it (else empty); `draft` is what this conversation has
    gathered so far (a copy: hand it on with `Reply.draft`); `event` holds the fields of a WeChat event as WeChat
    names them ("EventKey", "Latitude", "Status", …), lists and objects as they came.
    """

    who: Who
    session: Session
    now: datetime
    text: str = ""
    draft: dict[str, Any] = field(default_factory=dict)
    event: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Choice:
    """One thing to tap: what people read, and the address it leads to."""

    label: str
    address: str


@dataclass(frozen=True)
class Reply:
    """What is said back.

    `choices` become numbered lines with links; `ask_for` is the address to which the next free text goes; `draft` is
    kept until the next reply (None: forget it); `back` is where "0" and "返回" lead (None: the main menu).
    """

    text: str
    choices: tuple[Choice, ...] = ()
    ask_for: str | None = None
    draft: Mapping[str, Any] | None = None
    back: str | None = None


Handler = Callable[..., Reply]
EventHandler = Callable[[Ask], Reply | None]


@dataclass(frozen=True)
class Wording:
    """A letter in words.

    `template` is the business key in `[wechat.templates]`, `fields` its business fields; `text` is the same thing as one
    plain paragraph, for the customer-service window and for the cadre who reads it out on the phone; `page` is a path
    below `public_url` that a tap opens ("" for none).
    """

    template: str
    fields: Mapping[str, str]
    text: str
    page: str = ""
