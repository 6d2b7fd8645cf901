"""What somebody tells us in their own words: text, a voice note or a picture; by whom, for whom, on which way."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.errors import Refused
from models.life import By
from models.messages.media import Attached, Brought
from models.ordering.emergencies import emergency_in
from models.ordering.listings import CATEGORIES
from models.people.identities import Who
from models.people.scope import act_for
from models.people.staff import is_cadre_over
from models.places.areas import Area

TEXT_LIMIT = 2000
REASON_LIMIT = 200
OWN_CHANNELS = ("chat", "page", "api")  # the person's own phone, or a relative's
CLERK_CHANNELS = ("paper", "phone")  # written down by a cadre
# What is nobody's business: only who holds such a matter reads it, and no push text names it.
CONFIDENTIAL = ("family_dispute", "poor_pupil", "hardship", "counselling")
SAID_CATEGORIES = (*CATEGORIES, "other", *CONFIDENTIAL)


class Said:
    """The columns of what was told. `person_id` is whose voice it is; empty: anonymous."""

    client_key: Mapped[str] = mapped_column(String(40), unique=True)
    area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"), index=True)  # the village it comes from
    person_id: Mapped[int | None] = mapped_column(ForeignKey("persons.id"), index=True)
    said_by_id: Mapped[int | None] = mapped_column(ForeignKey("persons.id"), index=True)
    channel: Mapped[str] = mapped_column(String(8))
    text: Mapped[str] = mapped_column(String(TEXT_LIMIT))
    category: Mapped[str] = mapped_column(String(16), default="")  # empty until a clerk has looked
    confidential: Mapped[bool] = mapped_column(default=False)
    urgent: Mapped[bool] = mapped_column(default=False)
    holder_id: Mapped[int | None] = mapped_column(ForeignKey("persons.id"), index=True)  # who alone reads a secret
    state: Mapped[str] = mapped_column(String(12), default="received")
    revision: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str] = mapped_column(String(REASON_LIMIT), default="")
    settled_by_id: Mapped[int | None] = mapped_column(ForeignKey("persons.id"))
    settled_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    @property
    def by_clerk(self) -> bool:
        """Whether a cadre wrote it down."""
        return self.channel in CLERK_CHANNELS

    @property
    def standing(self) -> str:
        """How it stands, as a page that shows it sends it back."""
        return f"{self.state}.{self.revision}"

    @property
    def teller_id(self) -> int | None:
        """The person who told it: the relative or the person self; for paper and phone the person, never the clerk."""
        return self.person_id if self.by_clerk else self.said_by_id


class Matter(Protocol):
    """A row that has the columns of `Said`: a need or a call for help."""

    id: Any
    state: Any
    area_id: Any
    person_id: Any
    said_by_id: Any
    confidential: Any
    urgent: Any
    holder_id: Any
    revision: Any

    @property
    def by_clerk(self) -> bool:
        """Whether a cadre wrote it down."""

    @property
    def teller_id(self) -> int | None:
        """Who told it."""

    @property
    def standing(self) -> str:
        """How it stands, as a page sends it back."""

    @property
    def subject(self) -> str:
        """The name under which history, letters and tasks know it."""


@dataclass(frozen=True)
class Words:
    """What somebody says. `person_id`: for whom; `area_id` only for paper that names nobody (a cadre's)."""

    text: str
    client_key: str
    person_id: int | None = None
    area_id: int | None = None
    channel: str = "chat"
    confidential: bool = False
    anonymous: bool = False
    attached: tuple[Attached, ...] = ()
    brought: tuple[Brought, ...] = ()

    @property
    def has_media(self) -> bool:
        """Whether a voice note or a picture comes with it."""
        return bool(self.attached or self.brought)


def cleaned(text: str) -> str:
    """The text as it can be stored and read: no control characters, no halves of characters; emoji stay."""
    kept = "".join(ch for ch in text if ch in "\n\t" or unicodedata.category(ch) not in ("Cc", "Cs"))
    return kept.strip()


def check_text(text: str, attached: bool) -> str:
    """The cleaned text; raises Refused("said_nothing") or Refused("said_long", limit=…, length=…)."""
    said = cleaned(text)
    if not said and not attached:
        raise Refused("said_nothing")
    if len(said) > TEXT_LIMIT:
        raise Refused("said_long", limit=TEXT_LIMIT, length=len(said))
    return said


def check_reason(reason: str) -> str:
    """The cleaned reason; raises Refused("reason_missing") or Refused("note_long", limit=…, length=…)."""
    said = cleaned(reason)
    if not said:
        raise Refused("reason_missing")
    if len(said) > REASON_LIMIT:
        raise Refused("note_long", limit=REASON_LIMIT, length=len(said))
    return said


def check_category(category: str) -> str:
    """A category that exists; raises Refused("no_category")."""
    if category not in SAID_CATEGORIES:
        raise Refused("no_category")
    return category


def taken_down(session: Session, who: Who, words: Words, now: datetime) -> tuple[dict[str, Any], By]:
    """The columns for what `who` says, and as whom they say it.

    An anonymous voice leaves no trace of who spoke. Raises Refused("no_link") for somebody one may not speak for,
    Refused("no_area") for somebody of whom we do not know where they live, Refused("wrong_channel") when a resident
    says that a cadre wrote it down or the other way round, and what `check_text` raises.
    """
    text = check_text(words.text, words.has_media)
    area_id, role = _from_where(session, who, words)
    if (words.channel in CLERK_CHANNELS) != (role == "cadre"):
        raise Refused("wrong_channel")
    hidden = words.anonymous and role != "cadre"
    columns = {
        "client_key": words.client_key, "area_id": area_id, "channel": words.channel, "text": text,
        "person_id": None if words.anonymous else words.person_id, "said_by_id": None if hidden else who.person_id,
        "confidential": words.confidential, "urgent": emergency_in(text) is not None, "created_at": now,
    }  # fmt: skip
    return columns, By(None, "anonymous") if hidden else By(who.person_id, "cadre" if role == "cadre" else "teller")


def _from_where(session: Session, who: Who, words: Words) -> tuple[int, str]:
    if words.person_id is not None:
        person, role = act_for(session, who.person_id, words.person_id)
        if person.area_id is None:
            raise Refused("no_area")
        return person.area_id, role
    area = session.get(Area, words.area_id) if words.area_id is not None else None
    if area is None or not words.anonymous or not is_cadre_over(session, who.person_id, area):
        raise Refused("no_link")
    return area.id, "cadre"
