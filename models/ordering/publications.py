"""What was published where, by whom and when: one row for each act, with the versions that stood on it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, Row

CHANNELS = ("account", "mini_program", "article", "sheet")
LIVE = ("account", "mini_program")  # they read the list itself: a version in force is published there at once


class Publication(Row):
    """One act of publishing: where, by whom, when. A sheet and an article name a centre and all that stood on them."""

    __tablename__ = "publications"
    __table_args__ = (Index(None, "centre_id", "channel"),)

    channel: Mapped[str] = mapped_column(String(12))
    centre_id: Mapped[int] = mapped_column(ForeignKey("service_centres.id"))
    edition: Mapped[int] = mapped_column(default=0)  # 1, 2, 3 … of a centre's sheets: it stands in their foot
    by_id: Mapped[int | None] = mapped_column(ForeignKey("persons.id"))  # None: from the command line
    at: Mapped[datetime]


class PublishedItem(Base):
    """One listing on one publication, in the version that it had then."""

    __tablename__ = "published_items"

    publication_id: Mapped[int] = mapped_column(ForeignKey("publications.id"), primary_key=True)
    listing_id: Mapped[int] = mapped_column(ForeignKey("listings.id"), primary_key=True)
    version_id: Mapped[int | None] = mapped_column(ForeignKey("listing_versions.id"))
    own: Mapped[str] = mapped_column(String(60), default="")  # what the centre's own terms said on it
    code: Mapped[str] = mapped_column(String(200), default="")  # what its QR code on a sheet holds, once there is one


def record(
    session: Session, channel: str, centre_id: int, items: Sequence[tuple[int, int | None, str]], *, by_id: int | None,
    now: datetime, edition: int = 0,
) -> Publication:  # fmt: skip
    """Write down that these listings, in these versions and with these own terms of a centre, were published."""
    made = Publication(channel=channel, centre_id=centre_id, edition=edition, by_id=by_id, at=now)
    session.add(made)
    session.flush()
    session.add_all(
        PublishedItem(publication_id=made.id, listing_id=listing, version_id=version, own=own)
        for listing, version, own in items
    )
    session.flush()
    return made
