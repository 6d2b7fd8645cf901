"""A list comes out: its voices are counted, the old version makes room, and everybody hears where their need stands."""

from datetime import datetime

from sqlalchemy import and_, func, literal, or_, select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.hours import CHINA
from models.life import By
from models.ordering.demands import (
    DEMAND_LIST,
    DemandCover,
    DemandItem,
    DemandList,
    items_of,
    line_of,
    list_for,
    open_draft,
    supersede,
)
from models.ordering.listings import Listing
from models.ordering.matter_news import tell
from models.ordering.needs import NeedSubmission
from models.ordering.townships import may_triage
from models.ordering.voices import people_of_demands, voices_of
from models.people.identities import Who
from models.places.areas import Area
from models.places.centres import ServiceCentre


def publish(session: Session, who: Who, list_id: int, now: datetime) -> DemandList:
    """Publish a draft; twice is once. Each voice hears once in which place its need stands, whatever the version.

    Raises Refused("not_yours"), ("list_empty"), or ("list_closed") for one that a newer version has replaced.
    """
    seen = list_for(session, who, list_id)
    session.flush()
    session.refresh(seen, with_for_update=True)
    if seen.state == "published":
        return seen
    draft = open_draft(session, who, list_id)
    items = items_of(session, draft.id)
    if not items:
        raise Refused("list_empty")
    by = By(who.person_id, "clerk")
    people = people_of_demands(session, [item.line_id for item in items])
    for number, item in enumerate(items, start=1):
        item.position, item.voices = number, people.get(item.line_id, 0)
        session.flush()
    supersede(session, draft, now)
    DEMAND_LIST.move(session, draft, "publish", by=by, now=now, published_at=now, published_by_id=who.person_id)
    for item in items:
        _tell_voices(session, item, draft, by, now)
    return draft


def _tell_voices(session: Session, item: DemandItem, out: DemandList, by: By, now: datetime) -> None:
    roots = session.scalars(
        select(NeedSubmission.id).where(NeedSubmission.demand_id == item.line_id, NeedSubmission.state == "adopted")
    )
    facts = {"position": item.position, "quarter": out.quarter, "title": item.title}
    for voice in voices_of(session, list(roots)):
        # The demand stands in the key and the version does not: nobody hears every quarter what they know.
        tell(session, voice, "listed", facts, key=f"demand:{item.line_id}", by=by, now=now)


def drop(session: Session, who: Who, item_id: int, now: datetime) -> DemandItem:
    """Leave an item out of the next version; older versions keep it.

    Raises Refused("not_yours"), ("list_closed"), or ("has_voices") while needs under it were told of no list.
    """
    item = session.get(DemandItem, item_id)
    if item is None:
        raise Refused("not_yours")
    draft = open_draft(session, who, item.list_id)
    if _has_untold(session, item):
        raise Refused("has_voices")
    item.dropped_at = now
    session.flush()
    for number, left in enumerate(items_of(session, draft.id), start=1):
        left.position = number
        session.flush()
    return item


def _has_untold(session: Session, item: DemandItem) -> bool:
    """Whether needs stand under a demand that no list which is out has told of."""
    last = (
        select(func.max(DemandList.published_at)).join(DemandItem, DemandItem.list_id == DemandList.id)
        .where(line_of(DemandItem) == item.line_id, DemandItem.dropped_at.is_(None))
    )  # fmt: skip
    told = session.scalar(last)
    query = select(NeedSubmission.id).where(NeedSubmission.demand_id == item.line_id, NeedSubmission.state == "adopted")
    if told is not None:
        query = query.where(NeedSubmission.settled_at > told)
    return session.scalar(query.limit(1)) is not None


def cover(session: Session, who: Who, item_id: int, listing_id: int, now: datetime) -> None:
    """Say that a service answers a demand; twice is once.

    Raises Refused("not_yours"), or Refused("not_offered") for a service of another township.
    """
    item, area = _item_for(session, who, item_id)
    listing = session.get(Listing, listing_id)
    centre = session.get_one(ServiceCentre, listing.centre_id) if listing is not None else None
    place = session.get_one(Area, centre.area_id) if centre is not None else None
    if place is None or not (place.path.startswith(area.path) or area.path.startswith(place.path)):
        raise Refused("not_offered")
    if session.get(DemandCover, (item.line_id, listing_id)) is None:
        session.add(DemandCover(demand_id=item.line_id, listing_id=listing_id, by_person_id=who.person_id, at=now))
        session.flush()


def answering(
    session: Session, item: DemandItem, now: datetime, *, others: bool = False
) -> list[tuple[Listing, bool]]:  # fmt: skip
    """The services that answer a demand, each with whether it stands today.

    With `others` also those of the same township and kind of help that might.
    """
    area = session.get_one(Area, session.get_one(DemandList, item.list_id).area_id)
    linked = select(DemandCover.listing_id).where(DemandCover.demand_id == item.line_id)
    query = select(Listing).where(Listing.id.in_(linked))
    if others:
        place = select(ServiceCentre.id).join(Area, ServiceCentre.area_id == Area.id)
        near = place.where(or_(Area.path.startswith(area.path), literal(area.path).startswith(Area.path)))
        alike = and_(Listing.centre_id.in_(near), Listing.state == "published", Listing.category == item.category)
        query = select(Listing).where(or_(Listing.id.in_(linked), alike))
    today = now.astimezone(CHINA).date()
    return [
        (one, one.state == "published" and (one.valid_from or today) <= today <= (one.valid_to or today))
        for one in session.scalars(query.order_by(Listing.id))
    ]


def uncover(session: Session, who: Who, item_id: int, listing_id: int) -> None:
    """Say that a service does not answer a demand after all; raises Refused("not_yours")."""
    item, _ = _item_for(session, who, item_id)
    found = session.get(DemandCover, (item.line_id, listing_id))
    if found is not None:
        session.delete(found)
        session.flush()


def _item_for(session: Session, who: Who, item_id: int) -> tuple[DemandItem, Area]:
    item = session.get(DemandItem, item_id)
    area = session.get_one(Area, session.get_one(DemandList, item.list_id).area_id) if item is not None else None
    if item is None or area is None or not may_triage(session, who.person_id, area.id):
        raise Refused("not_yours")
    return item, area
