"""Who can do an order and who should be asked first: skill, certificate, coverage, then road, load and whose turn."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.hours import CHINA, midnight
from models.ordering.assignments import Assignment
from models.ordering.listings import Listing, providers_of
from models.ordering.loans import lent_for
from models.ordering.orders import Order
from models.ordering.skills import away, qualified
from models.ordering.teams import CoverageArea
from models.people.identities import reached
from models.people.persons import Person
from models.people.staff import Organisation, members_of
from models.places.alliances import allied_paths
from models.places.areas import Area
from models.places.cells import quarter_of, taken
from models.places.travel import SAME_TOWNSHIP, in_a_hurry, roads_from

LASTS = {"delivery": timedelta(minutes=15), "at_home": timedelta(hours=1), "at_centre": timedelta(hours=1)}
ROAD = 30  # minutes: whoever is as near as this is as good as next door


def lasting(listing: Listing) -> timedelta:
    """How long a visit for this service takes: as its terms say, else as is usual."""
    return timedelta(minutes=listing.minutes) if listing.minutes else LASTS[listing.mode]


@dataclass(frozen=True)
class Candidate:
    """One organisation that can do an order. Compared in this order: the smallest is asked first."""

    road: int  # half-hours of road
    load: int  # what it has accepted for that week
    last_here: float  # when it last served this village, as a timestamp; never is long ago
    position: int  # on the listing's own list: the tie-break
    organisation_id: int

    def order(self) -> tuple[int, int, float, int]:
        """What candidates are sorted by."""
        return (self.road, self.load, self.last_here, self.position)


@dataclass(frozen=True)
class Match:
    """The organisations to ask, the first first, and those who could but do not serve this village."""

    inside: tuple[int, ...]
    outside: tuple[int, ...]


def match(session: Session, order: Order) -> Match:
    """Who can do this order on its day: members who answer, who can and may do it, and who are there."""
    listing, here = session.get_one(Listing, order.listing_id), session.get_one(Area, order.area_id)
    inside, outside = list[Candidate](), list[int]()
    for position, key in enumerate(providers_of(session, listing.id)):
        if not answering(session, key):
            continue
        able = able_members(session, key, order, listing)
        if not able:
            continue
        if not covers(session, session.get_one(Organisation, key), here, order):
            outside.append(key)
            continue
        inside.append(
            Candidate(
                _road(session, able, here) // ROAD, load_of(session, key, order.preferred_at),
                _last_here(session, key, here), position, key,
            )
        )  # fmt: skip
    return Match(tuple(one.organisation_id for one in sorted(inside, key=Candidate.order)), tuple(outside))


def answering(session: Session, organisation_id: int) -> list[Person]:
    """The members whom an offer reaches; an organisation without any would be offered to silence."""
    return members_of(session, organisation_id, Person.state == "active", Person.id.in_(reached()))


def able_members(session: Session, organisation_id: int, order: Order, listing: Listing) -> list[Person]:
    """The members who can do this order: certificates good on its day, and not away in any part of it."""
    members = members_of(session, organisation_id, Person.state == "active")
    people = [member.id for member in members]
    can = qualified(session, people, listing.id, order.preferred_at)
    can -= away(session, people, order.preferred_at, order.preferred_at + lasting(listing))
    return [member for member in members if member.id in can]


def free_members(
    session: Session, organisation_id: int, order: Order, listing: Listing, but_not: str = ""
) -> list[Person]:
    """Those of `able_members` who can be there at the wished time: with nothing else to do, and no long road to it.

    What they do for `but_not` ("visit:7") does not count.
    """
    able, start = able_members(session, organisation_id, order, listing), order.preferred_at
    names, end = [one.resource for one in able], start + lasting(listing)
    busy = {resource for resource, _ in taken(session, names, quarter_of(start), end, but_not=but_not)}
    busy |= in_a_hurry(session, names, session.get_one(Area, order.area_id), start, end, but_not).keys()
    return [one for one in able if one.resource not in busy]


def covers(session: Session, organisation: Organisation, here: Area, order: Order) -> bool:
    """Whether an organisation serves an area at the time of an order.

    By itself, because its own centre is allied with the order's, or lent to it.
    """
    further = select(Area.path).join(CoverageArea, CoverageArea.area_id == Area.id).where(
        CoverageArea.organisation_id == organisation.id
    )  # fmt: skip
    paths = [session.get_one(Area, organisation.area_id).path, *session.scalars(further)]
    if any(here.path.startswith(path) for path in paths):
        return True
    # Those of an allied centre: whoever serves all of its area, or lives in it.
    allied = allied_paths(session, order.centre_id, order.preferred_at.astimezone(CHINA).date())
    if any(place.startswith(path) or path.startswith(place) for place in allied for path in paths):
        return True
    return lent_for(session, "organisation", organisation.id, order, order.preferred_at)


def load_of(session: Session, organisation_id: int, at: datetime) -> int:
    """How much an organisation has accepted for the week (from Monday, in China) of an instant."""
    monday = midnight(at)
    monday -= timedelta(days=monday.weekday())
    query = (
        select(func.count()).select_from(Assignment).join(Order, Assignment.order_id == Order.id)
        .where(Assignment.organisation_id == organisation_id, Assignment.state.in_(("accepted", "started", "done")))
        .where(Order.preferred_at >= monday, Order.preferred_at < monday + timedelta(days=7))
    )  # fmt: skip
    return session.scalar(query) or 0


def _road(session: Session, people: list[Person], here: Area) -> int:
    """Minutes from the nearest of them; of whom nobody knows where they live, as from within the township."""
    known = session.scalars(select(Area).where(Area.id.in_({one.area_id for one in people if one.area_id is not None})))
    return min(roads_from(session, here, known).values(), default=SAME_TOWNSHIP)


def _last_here(session: Session, organisation_id: int, here: Area) -> float:
    last = session.scalar(
        select(func.max(Order.preferred_at)).select_from(Assignment).join(Order, Assignment.order_id == Order.id)
        .where(Assignment.organisation_id == organisation_id, Assignment.state.in_(("accepted", "started", "done")))
        .where(Order.area_id == here.id)
    )  # fmt: skip
    return last.timestamp() if last is not None else 0.0


def by_turn(session: Session, orders: list[Order]) -> list[Order]:
    """Orders that wait for the same hands: the village that was served longest ago first, then the soonest."""
    areas = {order.area_id for order in orders}
    served = select(Order.area_id, func.max(Order.completed_at).label("last")).where(
        Order.area_id.in_(areas), Order.completed_at.is_not(None)
    )
    last = {row.area_id: row.last.timestamp() for row in session.execute(served.group_by(Order.area_id))}
    return sorted(orders, key=lambda order: (last.get(order.area_id, 0.0), order.preferred_at, order.id))
