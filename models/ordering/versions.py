"""Versions of a listing: written as a draft, reviewed, put in force, replaced; running orders keep the one they had."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ForeignKey, Index, String, Table, UniqueConstraint, func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.errors import Refused
from models.life import BY_RULE, By, Life, Verb
from models.ordering.listings import LISTING, TERMS, Listing, Terms, providers_of, put_providers, terms_in
from models.ordering.orders import Order
from models.ordering.publications import LIVE, record
from models.ordering.wording import check_terms
from models.people.identities import Who
from models.people.staff import has_role_over
from models.places.areas import Area
from models.places.centres import ServiceCentre
from models.tasks.desk import settle_for
from models.tasks.undelivered import take_back

PUBLISHERS = ("station_cadre", "township_clerk", "county_admin")
REVIEWERS = ("township_clerk", "county_admin")
# What may be put right at once; whatever else changes is another promise, and somebody else must see it first.
IMMATERIAL = ("summary", "phone")
UNSETTLED = ("draft", "submitted", "returned", "approved")


def _one(states: Sequence[str], name: str) -> Index:
    """At most one version of a listing in these states, whoever races."""
    where = text(f"state IN ({', '.join(repr(state) for state in states)})")
    return Index(f"uq_listing_versions_{name}", "listing_id", unique=True, postgresql_where=where, sqlite_where=where)


class ListingVersion(Terms, Row):
    """One wording of a listing's terms. From its submission on nothing in it changes."""

    __tablename__ = "listing_versions"
    __table_args__ = (
        UniqueConstraint("listing_id", "number"), _one(UNSETTLED, "unsettled"), _one(("in_force",), "in_force"),
    )  # fmt: skip

    listing_id: Mapped[int] = mapped_column(ForeignKey("listings.id"), index=True)
    number: Mapped[int]  # 1, 2, 3 … of this listing
    providers: Mapped[list[Any]]  # organisations by id, the first first
    state: Mapped[str] = mapped_column(String(12), default="draft")
    author_id: Mapped[int | None] = mapped_column(ForeignKey("persons.id"))  # None: the county's file
    submitted_by_id: Mapped[int | None] = mapped_column(ForeignKey("persons.id"))
    reviewed_by_id: Mapped[int | None] = mapped_column(ForeignKey("persons.id"))
    rounds: Mapped[int] = mapped_column(default=0)  # how often it was submitted
    reason: Mapped[str] = mapped_column(String(200), default="")  # why it was returned or rejected
    created_at: Mapped[datetime]
    in_force_from: Mapped[datetime | None]


VERSION = Life(
    "version",
    cast(Table, ListingVersion.__table__),
    "draft",
    (
        Verb("revise", ("draft", "returned"), "draft", who=("publisher",)),
        Verb("submit", ("draft", "returned"), "submitted", who=("publisher",), tells=("reviewer",)),
        Verb("approve", ("submitted",), "approved", who=("reviewer",), tells=("publisher",)),
        Verb("return", ("submitted",), "returned", who=("reviewer",), tells=("publisher",)),
        Verb("reject", ("submitted",), "rejected", who=("reviewer",), tells=("publisher",)),
        Verb("publish", ("approved",), "in_force", who=("publisher",)),
        Verb("correct", ("draft",), "in_force", who=("publisher",)),
        Verb("replace", ("in_force",), "replaced", who=("rule",)),
        Verb("drop", UNSETTLED, "dropped", who=("publisher",)),
    ),
)


def draft_listing(
    session: Session, who: Who, *, code: str, centre_id: int, terms: dict[str, Any], providers: list[int], now: datetime
) -> ListingVersion:
    """A new listing, nowhere to be seen yet, with its first version as a draft.

    Raises Refused("not_yours") where this person does not publish for the centre, ("code_taken"), or what
    `check_terms` raises.
    """
    check_publisher(session, who, centre_id)
    values = check_terms(terms)
    listing = Listing(code=code, centre_id=centre_id, created_at=now, **values)
    try:
        with session.begin_nested():
            session.add(listing)
    except IntegrityError as error:
        raise Refused("code_taken", listing=code) from error
    LISTING.begin(session, listing, by=By(who.person_id, "publisher"), now=now)
    return write(session, listing, values, providers, By(who.person_id, "publisher"), now)


def edit(
    session: Session, who: Who, listing_id: int, changes: dict[str, Any], *, now: datetime,
    providers: list[int] | None = None,
) -> ListingVersion:  # fmt: skip
    """Change a listing: what has been written and not submitted is changed, else a new version is written.

    Where only `IMMATERIAL` terms differ from what is in force, the version is in force at once; both ways stand in
    its history. What is in force stays so until the new version is. Raises Refused("not_yours"), ("no_change"),
    ("under_review") while another version is with a reviewer, or what `check_terms` raises.
    """
    listing = listing_for(session, who, listing_id)
    by = By(who.person_id, "publisher")
    open_one = unsettled(session, listing.id)
    if open_one is not None and open_one.state in ("submitted", "approved"):
        raise Refused("under_review")
    base: Terms = open_one or listing
    values = check_terms({**terms_in(base), **changes})
    set_of = providers if providers is not None else (
        list(open_one.providers) if open_one else providers_of(session, listing.id))  # fmt: skip
    if open_one is not None:
        VERSION.move(session, open_one, "revise", by=by, now=now, providers=set_of, **values)
        return open_one
    differing = [name for name in TERMS if values[name] != getattr(listing, name)]
    if set_of != providers_of(session, listing.id):
        differing.append("providers")
    if not differing:
        raise Refused("no_change")
    version = write(session, listing, values, set_of, by, now)
    if set(differing) <= set(IMMATERIAL) and listing.state != LISTING.start:
        put_in_force(session, version, "correct", by=by, now=now)
    return version


def drop(session: Session, who: Who, version_id: int, now: datetime) -> ListingVersion:
    """Give up a version that is not in force; raises Refused("not_yours") or ("wrong_state")."""
    version = version_for(session, who, version_id)[0]
    check_publisher(session, who, session.get_one(Listing, version.listing_id).centre_id)
    VERSION.move(session, version, "drop", by=By(who.person_id, "publisher"), now=now)
    take_back(session, VERSION.subject(version), now)
    settle_for(session, VERSION.subject(version), "cancel", by=BY_RULE, now=now)
    return version


def write(
    session: Session, listing: Listing, values: dict[str, Any], providers: list[int], by: By, now: datetime
) -> ListingVersion:
    """The next version of a listing, as a draft; raises Refused("under_review") when another one waits."""
    last = session.scalar(select(func.max(ListingVersion.number)).where(ListingVersion.listing_id == listing.id))
    version = ListingVersion(
        listing_id=listing.id, number=(last or 0) + 1, providers=providers, author_id=by.person_id, created_at=now,
        **values,
    )  # fmt: skip
    try:
        with session.begin_nested():
            session.add(version)
    except IntegrityError as error:
        raise Refused("under_review") from error
    VERSION.begin(session, version, by=by, now=now)
    return version


def put_in_force(session: Session, version: ListingVersion, verb: str, *, by: By, now: datetime) -> Listing:
    """From now on the listing says what this version says; the one before it is replaced, its orders keep it."""
    listing = session.get_one(Listing, version.listing_id, with_for_update=True, populate_existing=True)
    before = in_force(session, listing.id)
    if before is not None:
        VERSION.move(session, before, "replace", by=BY_RULE, now=now)
    VERSION.move(session, version, verb, by=by, now=now, in_force_from=now)
    for name in TERMS:
        setattr(listing, name, getattr(version, name))
    put_providers(session, listing.id, list(version.providers))
    if listing.state == LISTING.start:
        LISTING.move(session, listing, "publish", by=by, now=now)
    for channel in LIVE:
        record(session, channel, listing.centre_id, [(listing.id, version.id, "")], by_id=by.person_id, now=now)
    return listing


def in_force(session: Session, listing_id: int) -> ListingVersion | None:
    """The version that a listing says now; None before its first publication."""
    return session.scalar(
        select(ListingVersion).where(ListingVersion.listing_id == listing_id, ListingVersion.state == "in_force")
    )


def unsettled(session: Session, listing_id: int) -> ListingVersion | None:
    """The version that is being written or reviewed."""
    return session.scalar(
        select(ListingVersion).where(ListingVersion.listing_id == listing_id, ListingVersion.state.in_(UNSETTLED))
    )


def terms_of(session: Session, order: Order) -> Terms:
    """What an order was placed on, whatever the listing says meanwhile."""
    if order.version_id is None:  # from before versions were kept
        return session.get_one(Listing, order.listing_id)
    return session.get_one(ListingVersion, order.version_id)


def differences(session: Session, version: ListingVersion) -> list[str]:
    """The terms in which a version differs from what is in force, by name; every one that says something in a first."""
    now_said = in_force(session, version.listing_id)
    if now_said is None:
        return [name for name in TERMS if getattr(version, name)]
    found = [name for name in TERMS if getattr(version, name) != getattr(now_said, name)]
    return found + (["providers"] if list(version.providers) != list(now_said.providers) else [])


def written_by(session: Session, who: Who) -> list[ListingVersion]:
    """What this person has written and is not in force yet, the oldest first."""
    query = select(ListingVersion).where(ListingVersion.author_id == who.person_id, ListingVersion.state.in_(UNSETTLED))
    return list(session.scalars(query.order_by(ListingVersion.id)))


def listing_for(session: Session, who: Who, listing_id: int) -> Listing:
    """The listing, for who publishes for its centre; raises Refused("not_yours") for anybody else."""
    listing = session.get(Listing, listing_id)
    if listing is None:
        raise Refused("not_yours")
    check_publisher(session, who, listing.centre_id)
    return listing


def version_for(session: Session, who: Who, version_id: int) -> tuple[ListingVersion, Area]:
    """A version and its centre's area, for who publishes or reviews there; raises Refused("not_yours")."""
    version = session.get(ListingVersion, version_id)
    if version is None:
        raise Refused("not_yours")
    area = area_of(session, session.get_one(Listing, version.listing_id).centre_id)
    if not has_role_over(session, who.person_id, PUBLISHERS, area):
        raise Refused("not_yours")
    return version, area


def check_publisher(session: Session, who: Who, centre_id: int) -> None:
    """Whether this person publishes for the centre; raises Refused("not_yours"), the same where there is no centre."""
    centre = session.get(ServiceCentre, centre_id)
    if centre is None or not has_role_over(session, who.person_id, PUBLISHERS, session.get_one(Area, centre.area_id)):
        raise Refused("not_yours")


def area_of(session: Session, centre_id: int) -> Area:
    """The area in which a centre stands."""
    return session.get_one(Area, session.get_one(ServiceCentre, centre_id).area_id)
