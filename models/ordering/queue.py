"""What a desk asks of the versions that wait for a review: which there are, and one of them beside what is in force."""

from typing import Any

from sqlalchemy import String, cast, exists, literal, select
from sqlalchemy.orm import Session, aliased

from models.errors import Refused
from models.history import History
from models.ordering.listings import Listing, Terms, providers_of
from models.ordering.versions import REVIEWERS, VERSION, ListingVersion, differences, in_force
from models.paging import Asked, Cursor, Page, page
from models.people.identities import Who
from models.people.persons import Person
from models.people.staff import Organisation, StaffRole
from models.places.areas import Area
from models.places.centres import ServiceCentre


def look(session: Session, who: Who, cursor: Cursor | None = None) -> Page[Any]:
    """Rows of (ListingVersion, centre, author): what waits for this person's review, the oldest first.

    What somebody has written any of does not wait for them: four eyes.
    """
    wrote = exists().where(
        History.subject == literal("version:") + cast(ListingVersion.id, String),
        History.as_role == "publisher", History.by_person_id == who.person_id,
    )  # fmt: skip
    query = _below(who).where(ListingVersion.state == "submitted", ~wrote)
    return page(session, query, (ListingVersion.id,), lambda row: (row.ListingVersion.id,), cursor)


def one(session: Session, who: Who, version_id: int) -> Any:
    """One row as `look` answers them, whatever its state; raises Refused("not_yours") for one not below a reviewer."""
    row = session.execute(_below(who).where(ListingVersion.id == version_id).limit(1)).first()
    if row is None:
        raise Refused("not_yours")
    return row


def check_round(session: Session, version_id: int, seen: int) -> None:
    """Whether the round of review somebody has read is the one that waits: raises Refused("stale", subject=…)."""
    version = session.get_one(ListingVersion, version_id, with_for_update=True, populate_existing=True)
    if version.state != "submitted" or version.rounds != seen:
        raise Refused("stale", subject=VERSION.subject(version))


def beside(session: Session, version: ListingVersion) -> list[tuple[str, Any, Any]]:
    """(term, as it is in force, as this version has it) for each that differs; None before there is anything."""
    before: Terms | None = in_force(session, version.listing_id)
    found = list[tuple[str, Any, Any]]()
    for name in differences(session, version):
        if name == "providers":
            was = _names(session, providers_of(session, version.listing_id))
            found.append((name, was, _names(session, list(version.providers))))
        else:
            found.append((name, getattr(before, name) if before is not None else None, getattr(version, name)))
    return found


def _names(session: Session, keys: list[int]) -> list[str]:
    known = {one.id: one.name for one in session.scalars(select(Organisation).where(Organisation.id.in_(keys)))}
    return [known[key] for key in keys if key in known]


def _below(who: Who) -> Asked:
    above = aliased(Area)
    under = (
        select(Area.id).join(above, Area.path.startswith(above.path)).join(StaffRole, StaffRole.area_id == above.id)
        .where(StaffRole.person_id == who.person_id, StaffRole.ended_at.is_(None), StaffRole.role.in_(REVIEWERS))
    )  # fmt: skip
    return (
        select(ListingVersion, ServiceCentre.name.label("centre"), Person.name.label("author"))
        .join(Listing, ListingVersion.listing_id == Listing.id)
        .join(ServiceCentre, Listing.centre_id == ServiceCentre.id)
        .outerjoin(Person, ListingVersion.submitted_by_id == Person.id).where(ServiceCentre.area_id.in_(under))
    )  # fmt: skip
