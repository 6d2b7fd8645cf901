"""How long the road takes: minutes between two areas, written down where a mountain lies between."""

from sqlalchemy import ForeignKey, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.errors import Refused
from models.places.areas import Area, chain

# Where nobody wrote a road down: inside one village, one township, one county, and beyond.
SAME_VILLAGE, SAME_TOWNSHIP, SAME_COUNTY, BEYOND = 0, 30, 60, 120
LONGEST = 24 * 60


class TravelTime(Row):
    """The road between two areas, the same both ways; `first_id` is the smaller key."""

    __tablename__ = "travel_times"
    __table_args__ = (UniqueConstraint("first_id", "second_id"),)

    first_id: Mapped[int] = mapped_column(ForeignKey("areas.id"))
    second_id: Mapped[int] = mapped_column(ForeignKey("areas.id"))
    minutes: Mapped[int]


def put_travel(session: Session, one: Area, other: Area, minutes: int) -> TravelTime:
    """Write a road down, or correct it; raises Refused("bad_travel") for a road of no or of endless length."""
    if one.id == other.id or not 0 < minutes <= LONGEST:
        raise Refused("bad_travel", minutes=minutes)
    first, second = sorted((one.id, other.id))
    row = session.scalar(select(TravelTime).where(TravelTime.first_id == first, TravelTime.second_id == second))
    if row is None:
        row = TravelTime(first_id=first, second_id=second)
        session.add(row)
    row.minutes = minutes
    session.flush()
    return row


def travel_minutes(session: Session, one: Area, other: Area) -> int:
    """Minutes from one area to another: the road between the two, else between what they lie in, else a guess.

    The guess goes by what the two have in common; an area and one that lies in it are the same place.
    """
    if one.path.startswith(other.path) or other.path.startswith(one.path):
        return SAME_VILLAGE
    here, there = chain(session, one), chain(session, other)
    common = {area.id for area in here} & {area.id for area in there}
    near = [area.id for area in here if area.id not in common]
    far = [area.id for area in there if area.id not in common]
    roads = {
        frozenset((row.first_id, row.second_id)): row.minutes
        for row in session.scalars(
            select(TravelTime).where(TravelTime.first_id.in_((*near, *far)), TravelTime.second_id.in_((*near, *far)))
        )
    }
    for pair in (frozenset((a, b)) for a in near for b in far):
        if pair in roads:
            return roads[pair]
    shared = [area.kind for area in here if area.id in common]
    if not shared:
        return BEYOND
    return {"village": SAME_VILLAGE, "township": SAME_TOWNSHIP}.get(shared[0], SAME_COUNTY)
