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
    open: Callable[[], Session]
    now: datetime
    text: str = ""
    draft: dict[str, Any] = field(default_factory=dict)
    event: Mapping[str, Any] = field(default_factory=dict)
    _session: Session | None = None

    @property
    def session(self) -> Session:
        """The session of this message's transaction; it is opened when a handler first asks for it."""
        if self._session is None:
            self._session = self.open()
        return self._session

    def undo(self) -> None:
        """Take back what the handler changed: a refusal leaves nothing behind."""
        if self._session is not None:
            self._session.rollback()

    def keep(self) -> None:
        """Keep what the handler changed, inside the message's transaction."""
        if self._session is not None:
            self._session.commit()


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

Said = str | tuple[str, ...]


@dataclass(frozen=True)
class Wording:
    """A letter in words.

    `template` is the business key in `[wechat.templates]`, `fields` its business fields, each in one wording or in
    several from the fullest to the shortest: the first that fits is said, so that nothing is cut in the middle. `text`
    is the same thing as one plain paragraph, for the customer-service window and for the cadre who reads it out on the
    phone. With `scene`, an address, the customer-service window shows a QR code that leads there, with `picture`, a
    name in the media folder, that photo; `text` where no picture can be sent.
    """

    template: str
    fields: Mapping[str, Said]
    text: str
    scene: str = ""
    picture: str = ""
