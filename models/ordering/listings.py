"""The service catalogue: what a centre offers now, on which terms, and on its own where it differs from the county."""

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, cast

from sqlalchemy import ForeignKey, Index, Select, String, Table, UniqueConstraint, and_, case, or_, select, union_all
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, Row
from models.life import TIME, Life, Verb
from models.places.centres import ServiceCentre

# 十助, the ten kinds of help that Lishui's townships list (domain.md §1.B).
CATEGORIES = (
    "meal", "medical", "mobility", "emergency", "bathing", "cleaning", "selling", "shopping", "schooling", "leisure",
)  # fmt: skip
EMERGENCIES = ("emergency",)  # who is in need telephones: nothing is filled in and nothing waits for an answer
MODES = ("at_centre", "at_home", "delivery")
AUDIENCES = ("everyone", "elder", "child", "hardship")
# Open311 GeoReport v2 attribute datatypes.
DATATYPES = ("string", "number", "datetime", "text", "singlevaluelist", "multivaluelist")
CAPACITY_PER = ("day", "slot")  # a slot is as long as the service
QUOTA_PER = ("week", "month", "quarter", "year")


class Terms:
    """What a listing promises and asks. The listing holds the terms in force, each version its own.

    `questions`: Open311 attributes in order ([{"code", "datatype", "description", "required", "values": [..]}]; a
    number question with "places": true says how many places the order takes). `rules`: who may order, as
    `models.ordering.eligibility` reads it.
    """

    title: Mapped[str] = mapped_column(String(20))  # fits WeChat's thing (20 characters) whole
    category: Mapped[str] = mapped_column(String(12))
    summary: Mapped[str] = mapped_column(String(200), default="")
    audience: Mapped[str] = mapped_column(String(12), default="everyone")
    mode: Mapped[str] = mapped_column(String(12))
    questions: Mapped[list[Any]]
    rules: Mapped[list[Any]] = mapped_column(default=list)
    minutes: Mapped[int] = mapped_column(default=0)  # how long it takes; 0: nobody can say
    capacity: Mapped[int | None]  # places at one centre; None: as many as come
    capacity_per: Mapped[str] = mapped_column(String(4), default="day")
    quota: Mapped[int | None]  # orders of one household; None: as many as they like
    quota_per: Mapped[str] = mapped_column(String(8), default="month")
    lead_hours: Mapped[int] = mapped_column(default=0)  # of working time, between the order and the service
    cutoff_days: Mapped[int] = mapped_column(default=0)  # working days before the service …
    cutoff_at: Mapped[time | None]  # … until this time of day; None: no such hour
    valid_from: Mapped[date | None]
    valid_to: Mapped[date | None]  # inclusive, in the centre's zone
    bring: Mapped[str] = mapped_column(String(100), default="")
    price: Mapped[str] = mapped_column(String(40), default="")
    phone: Mapped[str] = mapped_column(String(20), default="")  # empty: the centre's


TERMS: tuple[str, ...] = tuple(Terms.__annotations__)


class Listing(Terms, Row):
    """One service on the list of one centre; others, below it or not, may offer it too (`CentreTerms`)."""

    __tablename__ = "listings"

    code: Mapped[str] = mapped_column(String(24), unique=True)
    centre_id: Mapped[int] = mapped_column(ForeignKey("service_centres.id"), index=True)
    state: Mapped[str] = mapped_column(String(12), default="draft")
    created_at: Mapped[datetime]


class CentreTerms(Base):
    """What one centre says of a listing beside the listing's own terms.

    A centre offers what is its own, and what it has such a row for; `active` false switches it off there alone.
    """

    __tablename__ = "centre_terms"
    __table_args__ = (Index(None, "listing_id"),)

    centre_id: Mapped[int] = mapped_column(ForeignKey("service_centres.id"), primary_key=True)
    listing_id: Mapped[int] = mapped_column(ForeignKey("listings.id"), primary_key=True)
    active: Mapped[bool] = mapped_column(default=True)
    phone: Mapped[str] = mapped_column(String(20), default="")
    capacity: Mapped[int | None]  # None: the listing's
    weekdays: Mapped[str] = mapped_column(String(7), default="")  # ISO digits: "25" is Tuesday and Friday; empty: all
    opens: Mapped[time | None]
    closes: Mapped[time | None]  # both or none: when the service is given at this centre


class ListingProvider(Row):
    """The n-th organisation to which orders of a listing are offered."""

    __tablename__ = "listing_providers"
    __table_args__ = (UniqueConstraint("listing_id", "position"), UniqueConstraint("listing_id", "organisation_id"))

    listing_id: Mapped[int] = mapped_column(ForeignKey("listings.id"))
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"))
    position: Mapped[int]


# Before it is on the list, and beside what is on it, its versions are written and reviewed (`versions.VERSION`).
LISTING = Life(
    "listing",
    cast(Table, Listing.__table__),
    "draft",
    (
        Verb("publish", ("draft",), "published", who=("publisher",)),
        Verb("suspend", ("published",), "suspended", who=("publisher",)),
        Verb("resume", ("suspended",), "published", who=("publisher",)),
        Verb("retire", ("published", "suspended"), "retired", who=("publisher", TIME)),
    ),
)


@dataclass(frozen=True)
class Offered:
    """A listing as one centre offers it."""

    listing: Listing
    centre: ServiceCentre
    here: CentreTerms | None

    @property
    def phone(self) -> str:
        """Whom to ring about it: this centre's number for it, the listing's, or the centre's."""
        return (self.here.phone if self.here else "") or self.listing.phone or self.centre.phone

    @property
    def capacity(self) -> int | None:
        """The places at this centre; None: as many as come."""
        own = self.here.capacity if self.here else None
        return self.listing.capacity if own is None else own


def _at(centre: ServiceCentre) -> Select[Listing, CentreTerms]:
    """Every listing of a centre in any state, its own and others', with the centre's word on it, but for those off."""
    # By two indexes: an OR over both tables would read the whole county's list for one centre.
    own = select(Listing.id).where(Listing.centre_id == centre.id)
    taken_on = select(CentreTerms.listing_id).where(CentreTerms.centre_id == centre.id)
    both = union_all(own, taken_on).subquery()
    here = and_(CentreTerms.listing_id == Listing.id, CentreTerms.centre_id == centre.id)
    return (
        select(Listing, CentreTerms).outerjoin(CentreTerms, here).where(Listing.id.in_(select(both.c.id)))
        .where(or_(CentreTerms.active.is_(None), CentreTerms.active))
    )  # fmt: skip


def offered(
    session: Session,
    centre: ServiceCentre,
    now: datetime,
    *,
    category: str | None = None,
    listing_id: int | None = None,
) -> list[Offered]:
    """What a centre offers today, in the order of 十助; a listing ends at its centre's midnight, not at London's."""
    today = now.astimezone(centre.tz).date()
    query = (
        _at(centre).where(Listing.state == "published")
        .where(or_(Listing.valid_from.is_(None), Listing.valid_from <= today))
        .where(or_(Listing.valid_to.is_(None), Listing.valid_to >= today))
        .order_by(case({name: place for place, name in enumerate(CATEGORIES)}, value=Listing.category), Listing.id)
    )  # fmt: skip
    if category is not None:
        query = query.where(Listing.category == category)
    if listing_id is not None:
        query = query.where(Listing.id == listing_id)
    return [Offered(row.Listing, centre, row.CentreTerms) for row in session.execute(query)]


def offered_by(session: Session, listing_id: int, centre_id: int) -> Offered:
    """A listing with one centre's own terms, in whatever state either is."""
    listing, centre = session.get_one(Listing, listing_id), session.get_one(ServiceCentre, centre_id)
    return Offered(listing, centre, session.get(CentreTerms, (centre_id, listing_id)))


def published(session: Session, centre: ServiceCentre, now: datetime, category: str | None = None) -> list[Listing]:
    """The listings that a centre offers today."""
    return [one.listing for one in offered(session, centre, now, category=category)]


def providers_of(session: Session, listing_id: int) -> list[int]:
    """The organisations to which orders of a listing are offered, the first first."""
    query = (
        select(ListingProvider.organisation_id)
        .where(ListingProvider.listing_id == listing_id)
        .order_by(ListingProvider.position)
    )
    return list(session.scalars(query))


def put_providers(session: Session, listing_id: int, organisations: list[int]) -> bool:
    """Write down the whole list of providers in their order; answers whether it differed."""
    if organisations == providers_of(session, listing_id):
        return False
    for old in session.scalars(select(ListingProvider).where(ListingProvider.listing_id == listing_id)).all():
        session.delete(old)
    session.flush()
    session.add_all(
        ListingProvider(listing_id=listing_id, position=position, organisation_id=organisation)
        for position, organisation in enumerate(organisations, start=1)
    )
    session.flush()
    return True


def terms_in(values: Terms) -> dict[str, Any]:
    """The terms of a listing or a version as plain values by name."""
    return {name: getattr(values, name) for name in TERMS}
