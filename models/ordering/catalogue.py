"""What publishers do: put a version in force, suspend a service, take it up again, end it, take on another's."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.life import By
from models.ordering.listings import LISTING, CentreTerms, Listing
from models.ordering.orders import LIVE_ORDERS, Order
from models.ordering.versions import check_publisher, listing_for, put_in_force, version_for
from models.ordering.waiting import serve_listing
from models.people.identities import Who


def publish(session: Session, who: Who, version_id: int, now: datetime) -> Listing:
    """Put an approved version in force: account and mini-program show it from now on.

    Raises Refused("not_yours"), or Refused("wrong_state") for one that nobody has approved.
    """
    version = version_for(session, who, version_id)[0]
    check_publisher(session, who, session.get_one(Listing, version.listing_id).centre_id)
    listing = put_in_force(session, version, "publish", by=By(who.person_id, "publisher"), now=now)
    serve_listing(session, listing.id, now)
    return listing


def suspend(session: Session, who: Who, listing_id: int, reason: str, now: datetime) -> int:
    """Take no new orders; answers how many orders run on as they are. Raises Refused("not_yours", "wrong_state")."""
    return _leave(session, who, listing_id, "suspend", reason, now)


def retire(session: Session, who: Who, listing_id: int, reason: str, now: datetime) -> int:
    """End a service for good; answers how many orders run on. Raises Refused("not_yours") or ("wrong_state")."""
    return _leave(session, who, listing_id, "retire", reason, now)


def resume(session: Session, who: Who, listing_id: int, now: datetime) -> Listing:
    """Take orders again. Raises Refused("not_yours") or ("wrong_state")."""
    listing = listing_for(session, who, listing_id)
    LISTING.move(session, listing, "resume", by=By(who.person_id, "publisher"), now=now)
    serve_listing(session, listing.id, now)
    return listing


def _leave(session: Session, who: Who, listing_id: int, verb: str, reason: str, now: datetime) -> int:
    listing = listing_for(session, who, listing_id)
    LISTING.move(session, listing, verb, by=By(who.person_id, "publisher"), now=now, note=reason.strip()[:200])
    running = select(func.count()).where(Order.listing_id == listing.id, Order.state.in_(LIVE_ORDERS))
    return session.scalar(running) or 0


def offer_at(session: Session, who: Who, listing_id: int, centre_id: int, now: datetime, **own: object) -> CentreTerms:
    """A centre takes a listing on, or changes its own terms for it (`active`, `phone`, `capacity`, `weekdays`, …).

    It is the centre's to say. Raises Refused("not_yours") for others, ("not_offered") for a listing that is not, or no
    longer, to be had.
    """
    check_publisher(session, who, centre_id)
    listing = session.get(Listing, listing_id)
    if listing is None or listing.state in ("draft", "retired"):
        raise Refused("not_offered")
    here = put_centre_terms(session, listing_id, centre_id, **own)[0]
    serve_listing(session, listing_id, now)
    return here


def put_centre_terms(session: Session, listing_id: int, centre_id: int, **own: object) -> tuple[CentreTerms, bool]:
    """One centre's own terms for a listing, made or changed, and whether they are new."""
    here = session.get(CentreTerms, (centre_id, listing_id))
    new = here is None
    if here is None:
        here = CentreTerms(centre_id=centre_id, listing_id=listing_id)
        session.add(here)
    for name, value in own.items():
        setattr(here, name, value)
    session.flush()
    return here, new
