"""Review: four eyes before a version is in force, with a clock that runs in working days."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.history import History
from models.hours import calendar
from models.life import By
from models.messages.outbox import post
from models.ordering.listings import Listing
from models.ordering.versions import REVIEWERS, VERSION, ListingVersion, check_publisher, version_for
from models.people.identities import Who
from models.people.persons import Person
from models.people.staff import has_role_over, holders_of
from models.places.areas import Area, chain
from models.places.centres import ServiceCentre
from models.tasks.desk import open_task, settle_for
from models.tasks.undelivered import take_back

WORKDAY = timedelta(hours=9)  # of working time
NAG_AFTER = 1 * WORKDAY
REVIEW_WITHIN = 2 * WORKDAY  # then it goes up the tree, as every task does
REASON_LIMIT = 200

# verb of VERSION → what the author reads
DECISIONS = {"approve": "catalogue.approved", "return": "catalogue.returned", "reject": "catalogue.rejected"}


def submit(session: Session, who: Who, version_id: int, now: datetime) -> ListingVersion:
    """Give a version to review: the nearest area that has a reviewer who did not write it gets the task.

    Raises Refused("not_yours"), ("wrong_state"), or ("no_reviewer") where nobody else could look at it.
    """
    version, area = version_for(session, who, version_id)
    listing = session.get_one(Listing, version.listing_id)
    check_publisher(session, who, listing.centre_id)
    by = By(who.person_id, "publisher")
    VERSION.move(session, version, "submit", by=by, now=now, submitted_by_id=who.person_id, rounds=version.rounds + 1)
    take_back(session, VERSION.subject(version), now)  # that it was returned
    writers = writers_of(session, version)
    where, readers = _reviewers(session, area, writers)
    book, subject = calendar(session), VERSION.subject(version)
    due = book.add_working_time(now, REVIEW_WITHIN)
    facts = facts_for(session, version) | {"author": who.name}
    task = open_task(
        session, key=f"{subject}/review/{version.rounds}", kind="review_listing", area_id=where.id, subject=subject,
        facts=facts, now=now, due_at=due, by=by, but_not=writers,
        assignee_id=readers[0].id if len(readers) == 1 else None,
    )  # fmt: skip
    for reader in readers:
        post(
            session, key=f"{subject}/nag/{version.rounds}/{reader.id}", person_id=reader.id, subject=subject, now=now,
            kind="catalogue.review_due", facts={**task.told, "at": due.isoformat()},
            due_at=book.add_working_time(now, NAG_AFTER), useful_until=due + timedelta(days=7), urgency="same_day",
        )  # fmt: skip
    return version


def decide(session: Session, who: Who, version_id: int, verb: str, reason: str, now: datetime) -> ListingVersion:
    """Approve, return or reject a version; who wrote it is told, with the reason.

    Raises Refused("not_yours") for who may not review there, ("own_listing") for who has written any of it,
    ("reason_missing") for a return or a rejection without one, or ("wrong_state").
    """
    version, area = version_for(session, who, version_id)
    if not has_role_over(session, who.person_id, REVIEWERS, area):
        raise Refused("not_yours")
    if who.person_id in writers_of(session, version):
        raise Refused("own_listing")
    why = reason.strip()[:REASON_LIMIT]
    if verb != "approve" and not why:
        raise Refused("reason_missing")
    by = By(who.person_id, "reviewer")
    VERSION.move(session, version, verb, by=by, now=now, note=why, reason=why, reviewed_by_id=who.person_id)
    take_back(session, VERSION.subject(version), now)
    settle_for(session, VERSION.subject(version), "finish", by=By(who.person_id, "cadre"), now=now)
    facts = facts_for(session, version) | {"reason": why, "reviewer": who.name, "at": now.isoformat()}
    authors = {one for one in (version.author_id, version.submitted_by_id) if one is not None}
    for reader in sorted(authors - {who.person_id}):
        post(
            session, key=f"{VERSION.subject(version)}/{verb}/{version.rounds}/{reader}", person_id=reader,
            kind=DECISIONS[verb], facts=facts, subject=VERSION.subject(version), now=now,
        )  # fmt: skip
    return version


def writers_of(session: Session, version: ListingVersion) -> set[int]:
    """Everybody who has written or submitted this version: history is the evidence, whoever wrote last."""
    query = select(History.by_person_id).where(
        History.subject == VERSION.subject(version), History.as_role == "publisher", History.by_person_id.is_not(None)
    )
    return {person for person in session.scalars(query) if person is not None}


def waiting_for(session: Session, who: Who) -> list[tuple[ListingVersion, ServiceCentre]]:
    """The versions that wait for this person's review, the oldest first."""
    query = (
        select(ListingVersion, ServiceCentre).join(Listing, ListingVersion.listing_id == Listing.id)
        .join(ServiceCentre, Listing.centre_id == ServiceCentre.id)
        .where(ListingVersion.state == "submitted").order_by(ListingVersion.id)
    )  # fmt: skip
    return [
        (row.ListingVersion, row.ServiceCentre) for row in session.execute(query)
        if has_role_over(session, who.person_id, REVIEWERS, session.get_one(Area, row.ServiceCentre.area_id))
        and who.person_id not in writers_of(session, row.ListingVersion)
    ]  # fmt: skip


def facts_for(session: Session, version: ListingVersion) -> dict[str, Any]:
    """What a letter or a task about a version must know."""
    listing = session.get_one(Listing, version.listing_id)
    centre = session.get_one(ServiceCentre, listing.centre_id)
    return {
        "version": version.id, "code": listing.code, "listing": version.title, "number": version.number,
        "centre": centre.name, "phone": centre.phone,
    }  # fmt: skip


def _reviewers(session: Session, area: Area, writers: set[int]) -> tuple[Area, list[Person]]:
    for near in chain(session, area):
        found = holders_of(session, near, REVIEWERS, writers)
        if found:
            return near, found
    raise Refused("no_reviewer")
