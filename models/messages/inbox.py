"""Every message that came in, once, with the answer it got; and where each conversation stands."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKey, String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base

DIALOGUE_LASTS = timedelta(hours=24)  # after that a half-finished conversation lapses, and says so kindly


class Inbox(Base):
    """One message or event. `key` is appid + MsgId, or appid + sha1 of the decrypted body where there is no MsgId."""

    __tablename__ = "inbox"

    key: Mapped[str] = mapped_column(String(80), primary_key=True)
    received_at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(32))  # "text", "event:CLICK": never what was said
    reply: Mapped[str | None] = mapped_column(Text)  # what was answered, replayed to WeChat's second attempt


class Dialogue(Base):
    """Where one identity's conversation stands: choices last shown, the address that waits for text, a draft."""

    __tablename__ = "dialogues"

    identity_id: Mapped[int] = mapped_column(ForeignKey("identities.id"), primary_key=True)
    ask_for: Mapped[str | None] = mapped_column(String(64))
    choices: Mapped[list[Any]]  # [[label, address], …] of the whole last reply, "更多" pages included
    shown: Mapped[dict[str, Any]]  # {"text": …, "page": n, "back": address}: what paging needs to show the rest
    draft: Mapped[dict[str, Any]]  # what a flow has gathered so far
    updated_at: Mapped[datetime]
    heard_at: Mapped[datetime | None]  # when the person last wrote (not tapped): it opens the customer-service window
    served: Mapped[int] = mapped_column(default=0)  # customer-service messages sent since then


def has_acted_since(session: Session, identity_id: int, since: datetime) -> bool:
    """Whether this person has written, tapped or followed since then; to leave the account is no such thing."""
    query = select(Dialogue.identity_id).where(Dialogue.identity_id == identity_id, Dialogue.updated_at > since)
    return session.scalar(query) is not None
