"""The service catalogue: what a centre offers, in which category, with which questions."""

from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import ForeignKey, String, Table, UniqueConstraint, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.life import TIME, Life, Verb
from models.places.centres import ServiceCentre

# 十助, the ten kinds of help that Lishui's townships list (domain.md §1.B).
CATEGORIES = (
    "meal", "medical", "mobility", "emergency", "bathing", "cleaning", "selling", "shopping", "schooling", "leisure",
)  # fmt: skip
MODES = ("at_centre", "at_home", "delivery")
# Open311 GeoReport v2 attribute datatypes.
DATATYPES = ("string", "number", "datetime", "text", "singlevaluelist", "multivaluelist")


class Listing(Row):
    """One service on the list of one centre. `questions`: Open311 attributes in order
    ([{"code", "datatype", "description", "required", "values": [..]}])."""

    __tablename__ = "listings"

    code: Mapped[str] = mapped_column(String(24), unique=True)
    centre_id: Mapped[int] = mapped_column(ForeignKey("service_centres.id"), index=True)
    category: Mapped[str] = mapped_column(String(12))
    title: Mapped[str] = mapped_column(String(20))  # fits WeChat's thing (20 characters) whole
    summary: Mapped[str] = mapped_column(String(200), default="")
    mode: Mapped[str] = mapped_column(String(12))
    questions: Mapped[list[Any]]
    state: Mapped[str] = mapped_column(String(12), default="draft")
    valid_from: Mapped[date | None]
    valid_to: Mapped[date | None]  # inclusive, in the centre's zone
    created_at: Mapped[datetime]


class ListingProvider(Row):
    """The n-th organisation to which orders of a listing are offered."""

    __tablename__ = "listing_providers"
    __table_args__ = (UniqueConstraint("listing_id", "position"), UniqueConstraint("listing_id", "organisation_id"))

    listing_id: Mapped[int] = mapped_column(ForeignKey("listings.id"))
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"))
    position: Mapped[int]


LISTING = Life(
    "listing",
    cast(Table, Listing.__table__),
    "draft",
    (
        Verb("submit", ("draft", "returned"), "submitted", who=("publisher",)),
        Verb("approve", ("submitted",), "approved", who=("reviewer",)),
        Verb("return", ("submitted",), "returned", who=("reviewer",)),
        Verb("reject", ("submitted",), "rejected", who=("reviewer",)),
        Verb("publish", ("approved", "suspended"), "published", who=("publisher",)),
        Verb("suspend", ("published",), "suspended", who=("publisher",)),
        Verb("retire", ("published", "suspended"), "retired", who=("publisher", TIME)),
    ),
)


def published(session: Session, centre: ServiceCentre, now: datetime, category: str | None = None) -> list[Listing]:
    """What a centre offers today, by its own local date: a listing ends at its midnight, not at London's."""
    today = now.astimezone(centre.tz).date()
    query = (
        select(Listing).where(Listing.centre_id == centre.id, Listing.state == "published")
        .where(or_(Listing.valid_from.is_(None), Listing.valid_from <= today))
        .where(or_(Listing.valid_to.is_(None), Listing.valid_to >= today))
        .order_by(Listing.category, Listing.id)
    )  # fmt: skip
    if category is not None:
        query = query.where(Listing.category == category)
    return list(session.scalars(query))


def providers_of(session: Session, listing_id: int) -> list[int]:
    """The organisations to which orders of a listing are offered, the first first."""
    query = (
        select(ListingProvider.organisation_id)
        .where(ListingProvider.listing_id == listing_id)
        .order_by(ListingProvider.position)
    )
    return list(session.scalars(query))
