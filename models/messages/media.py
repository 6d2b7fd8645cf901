"""Voice notes and pictures that people send: a row at once, the bytes fetched later by the clock, from WeChat only."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import Index, String, Table, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.errors import Refused
from models.life import BY_TIME, TIME, Life, Verb

MEDIA_KINDS = ("voice", "image")
ID_LIMIT = 128
LEASE = timedelta(minutes=2)  # after that another clock may fetch it: twice is the same file
AT_ONCE = 5  # so few that the last of them is fetched within the lease
KEPT_BY_WECHAT = timedelta(days=3)  # temporary media (临时素材)
WAITS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=3))


class Media(Row):
    """One voice note or picture of one thing ("need:5"). `file` is its random name in the media folder."""

    __tablename__ = "media"
    __table_args__ = (
        Index(
            "ix_media_waiting", "next_at",
            postgresql_where=text("state = 'waiting'"), sqlite_where=text("state = 'waiting'"),
        ),
    )  # fmt: skip

    subject: Mapped[str] = mapped_column(String(40), index=True)
    app_id: Mapped[str] = mapped_column(String(32))
    media_id: Mapped[str] = mapped_column(String(ID_LIMIT))
    kind: Mapped[str] = mapped_column(String(8))
    file: Mapped[str] = mapped_column(String(32), unique=True)
    format: Mapped[str] = mapped_column(String(8), default="")  # as its bytes say, not its sender
    size: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(String(8), default="waiting")
    why: Mapped[str] = mapped_column(String(60), default="")
    tries: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime]
    created_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]


MEDIA = Life(
    "media",
    cast(Table, Media.__table__),
    "waiting",
    (
        Verb("keep", ("waiting",), "kept", who=(TIME,)),
        Verb("lose", ("waiting",), "lost", who=(TIME,), tells=("cadre",)),
        Verb("purge", ("kept",), "purged", who=(TIME,)),
    ),
)


@dataclass(frozen=True)
class Attached:
    """What came with a message: WeChat's id of it, and whether it is a voice note or a picture."""

    kind: str
    media_id: str


@dataclass(frozen=True)
class Brought:
    """What came with a form: it was looked at and lies in the folder already, under this random name."""

    kind: str
    format: str
    size: int
    file: str


@dataclass(frozen=True)
class OpenMedia:
    """A row as the fetcher sees it, outside any transaction."""

    id: int
    app_id: str
    media_id: str
    kind: str
    file: str


@dataclass(frozen=True)
class Kept:
    """It lies in the folder."""

    format: str
    size: int


@dataclass(frozen=True)
class Gone:
    """It will never come: WeChat has it no more, or it is nothing that we keep."""

    why: str


@dataclass(frozen=True)
class NotYet:
    """WeChat did not answer; later perhaps."""

    why: str


Fetched = Kept | Gone | NotYet


def attach(session: Session, subject: str, app_id: str, attached: Attached, now: datetime) -> Media:
    """Note what is to be fetched for a thing; raises Refused("no_media") for what we cannot keep."""
    if attached.kind not in MEDIA_KINDS or not 0 < len(attached.media_id) <= ID_LIMIT:
        raise Refused("no_media")
    media = Media(
        subject=subject, app_id=app_id, media_id=attached.media_id, kind=attached.kind, file=secrets.token_hex(16),
        next_at=now, created_at=now,
    )  # fmt: skip
    session.add(media)
    MEDIA.begin(session, media, by=BY_TIME, now=now)
    return media


def keep(session: Session, subject: str, brought: Brought, now: datetime) -> Media:
    """Note what a form brought for a thing; who brought it is not written down, for the voice may have no name."""
    media = Media(
        subject=subject, app_id="", media_id="", kind=brought.kind, file=brought.file, next_at=now, created_at=now,
    )  # fmt: skip
    session.add(media)
    MEDIA.begin(session, media, by=BY_TIME, now=now)
    MEDIA.move(session, media, "keep", by=BY_TIME, now=now, settled_at=now, format=brought.format, size=brought.size)
    return media


def one_of(session: Session, subject: str, media_id: int) -> Media:
    """A voice note or picture of a thing that lies in the folder; raises Refused("not_yours").

    Who may see the thing may see this: the caller has asked.
    """
    found = session.get(Media, media_id)
    if found is None or found.subject != subject or found.state != "kept":
        raise Refused("not_yours")
    return found


def media_of(session: Session, subject: str) -> list[Media]:
    """What belongs to a thing, the oldest first. Who may see the thing may see these: the caller has asked."""
    return list(session.scalars(select(Media).where(Media.subject == subject).order_by(Media.id)))


def claim_media(session: Session, now: datetime, limit: int = AT_ONCE) -> list[OpenMedia]:
    """What is to be fetched now; another clock leaves it alone for as long as a fetch may take."""
    due = (
        select(Media).where(Media.state == "waiting", Media.next_at <= now).order_by(Media.next_at).limit(limit)
        .with_for_update(skip_locked=True)
    )  # fmt: skip
    found = list(session.scalars(due))
    for media in found:
        media.next_at, media.tries = now + LEASE, media.tries + 1
    session.flush()
    return [OpenMedia(media.id, media.app_id, media.media_id, media.kind, media.file) for media in found]


def settle_media(session: Session, media_id: int, outcome: Fetched, now: datetime) -> Media | None:
    """Write down what came of a fetch; answers the row when it is lost for good.

    What WeChat keeps no longer is not asked for again. Another clock that was as fast changes nothing.
    """
    media = session.get_one(Media, media_id, with_for_update=True, populate_existing=True)
    if media.state != "waiting":
        return None
    if isinstance(outcome, Kept):
        MEDIA.move(session, media, "keep", by=BY_TIME, now=now, settled_at=now, format=outcome.format,
                   size=outcome.size)  # fmt: skip
        return None
    if isinstance(outcome, NotYet) and now - media.created_at < KEPT_BY_WECHAT:
        media.next_at = now + WAITS[min(media.tries, len(WAITS)) - 1]
        media.why = outcome.why[:60]
        session.flush()
        return None
    MEDIA.move(session, media, "lose", by=BY_TIME, now=now, settled_at=now, why=outcome.why[:60])
    return media
