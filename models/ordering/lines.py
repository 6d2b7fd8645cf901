"""What a desk asks of waiting lists: which lines there are below a cadre's areas, and who stands in one of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.hours import calendar
from models.ordering.listings import Listing
from models.ordering.tallies import Tally
from models.ordering.waiting import IN_LINE, WaitlistEntry, answer_until, service, why_not
from models.paging import Cursor, Page, page
from models.people.identities import Who
from models.people.persons import Person
from models.people.staff import areas_under
from models.places.centres import ServiceCentre


@dataclass(frozen=True)
class Place:
    """One place in line; `why` it is offered nothing: "" (its turn has not come), "not_offered", "no_time", "too_few",
    "quota_used" or "ahead" (who stands before it waits for more places than are free)."""

    entry: WaitlistEntry
    person: str
    why: str


def look(session: Session, who: Who, cursor: Cursor | None = None) -> Page[Any]:
    """Rows of (first, preferred_at, service, category, centre, waiting, offered, places), a line each, soonest first.

    `first` is the key of an entry of the line, by which it is opened. Only entries below this cadre's areas count.
    """
    lines = (
        select(
            func.min(WaitlistEntry.id).label("first"), func.min(WaitlistEntry.preferred_at).label("preferred_at"),
            WaitlistEntry.listing_id, WaitlistEntry.centre_id, func.sum(WaitlistEntry.places).label("places"),
            func.sum(case((WaitlistEntry.state == "waiting", 1), else_=0)).label("waiting"),
            func.sum(case((WaitlistEntry.state == "offered", 1), else_=0)).label("offered"),
        )
        .join(Person, WaitlistEntry.beneficiary_id == Person.id)
        .where(WaitlistEntry.state.in_(IN_LINE), Person.area_id.in_(areas_under(who.person_id)))
        .group_by(WaitlistEntry.key, WaitlistEntry.listing_id, WaitlistEntry.centre_id).subquery()
    )  # fmt: skip
    query = (
        select(lines, Listing.title.label("service"), Listing.category, ServiceCentre.name.label("centre"))
        .join(Listing, lines.c.listing_id == Listing.id).join(ServiceCentre, lines.c.centre_id == ServiceCentre.id)
    )  # fmt: skip
    keys = (lines.c.preferred_at, lines.c.first)
    return page(session, query, keys, lambda row: (row.preferred_at, row.first), cursor)


@dataclass(frozen=True)
class Line:
    """One line: what it waits for, how many places there are and are taken, and who stands in it."""

    service: str
    centre: str
    preferred_at: datetime
    capacity: int | None
    taken: int
    places: list[Place]


def line_with(session: Session, who: Who, entry_id: int, now: datetime) -> Line:
    """The line in which an entry stands or stood, those of it that this cadre may see; raises Refused("not_yours")."""
    query = (
        select(WaitlistEntry, Person.name).join(Person, WaitlistEntry.beneficiary_id == Person.id)
        .where(Person.area_id.in_(areas_under(who.person_id)))
    )  # fmt: skip
    row = session.execute(query.where(WaitlistEntry.id == entry_id)).first()
    if row is None:
        raise Refused("not_yours")
    entry: WaitlistEntry = row.WaitlistEntry
    standing = query.where(WaitlistEntry.key == entry.key, WaitlistEntry.state.in_(IN_LINE))
    rows = session.execute(standing.order_by(WaitlistEntry.id)).all()
    offer = service(session, entry, now)
    taken = session.scalar(select(Tally.taken).where(Tally.key == entry.key)) or 0
    listing = session.get_one(Listing, entry.listing_id)
    return Line(
        listing.title, session.get_one(ServiceCentre, entry.centre_id).name, entry.preferred_at,
        offer.capacity if offer is not None else None, taken, _with_reasons(session, rows, now),
    )  # fmt: skip


def _with_reasons(session: Session, rows: Sequence[Any], now: datetime) -> list[Place]:
    found, blocked = list[Place](), False
    offer = service(session, rows[0].WaitlistEntry, now) if rows else None
    book = calendar(session)
    for row in rows:
        entry: WaitlistEntry = row.WaitlistEntry
        if entry.state == "offered":
            why = ""
        elif offer is None:
            why = "not_offered"
        elif answer_until(offer, entry.preferred_at, book, now) is None:
            why = "no_time"
        else:
            why = why_not(session, entry, offer) or ("ahead" if blocked else "")
            blocked = blocked or (not why and entry.held < entry.places and entry.places > 1)
        found.append(Place(entry, row.name, why))
    return found
