"""How long the road takes: minutes between two areas, written down where a mountain lies between."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.errors import Refused
from models.places.areas import Area, keys_in
from models.places.cells import CELL, Cell

# Where nobody wrote a road down: inside one village, one township, one county, and beyond.
SAME_VILLAGE, SAME_TOWNSHIP, SAME_COUNTY, BEYOND = 0, 30, 60, 120
LONGEST = 24 * 60
NEAR = timedelta(hours=4)  # what is further away in time than this is nobody's hurry: no road in the county is longer


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
    """Minutes from one area to another; see `roads_between`."""
    return roads_between(session, [(one, other)])[one.id, other.id]


def roads_from(session: Session, one: Area, others: Iterable[Area]) -> dict[int, int]:
    """Minutes from one area to each of some others, by their keys; see `roads_between`."""
    found = roads_between(session, [(one, other) for other in others])
    return {other: minutes for (_, other), minutes in found.items()}


def roads_between(session: Session, pairs: Collection[tuple[Area, Area]]) -> dict[tuple[int, int], int]:
    """Minutes from one area to another for each of these pairs, by their keys; two queries, however many pairs.

    It is the road between the two, else between what they lie in, else a guess by what the two have in common; where
    nobody wrote a road down, an area and one that lies in it are the same place.
    """
    if not pairs:
        return {}
    ids = {key for pair in pairs for area in pair for key in keys_in(area.path)}
    kinds = {row.id: row.kind for row in session.execute(select(Area.id, Area.kind).where(Area.id.in_(ids)))}
    known = select(TravelTime).where(TravelTime.first_id.in_(ids), TravelTime.second_id.in_(ids))
    roads = {frozenset((row.first_id, row.second_id)): row.minutes for row in session.scalars(known)}
    return {(one.id, other.id): _minutes(keys_in(one.path), keys_in(other.path), kinds, roads) for one, other in pairs}


@dataclass(frozen=True)
class Hurry:
    """Somebody or something that is elsewhere just before or after: how long the road is from there."""

    minutes: int
    village: str


def in_a_hurry(
    session: Session, resources: Collection[str], here: Area, starts_at: datetime, ends_at: datetime,
    but_not: str = "",
) -> dict[str, Hurry]:  # fmt: skip
    """Who or what of these cannot be here from `starts_at` to `ends_at`, for the road from or to what else they do.

    Whatever that is, a visit or a call: the occupancy cells say where it takes place, those of `but_not` left out. What
    overlaps is not looked at; the cells themselves refuse it. A few queries, however many there are.
    """
    query = select(Cell.resource_id, Cell.cell_start, Cell.area_id).where(
        Cell.resource_id.in_(sorted(resources)), Cell.area_id.is_not(None), Cell.area_id != here.id,
        Cell.cell_start > starts_at - NEAR, Cell.cell_start < ends_at + NEAR, Cell.held_by != but_not,
    )  # fmt: skip
    rows = session.execute(query).all()
    areas = {one.id: one for one in session.scalars(select(Area).where(Area.id.in_({row.area_id for row in rows})))}
    roads, found = roads_from(session, here, areas.values()), dict[str, Hurry]()
    for row in rows:
        gap = max(starts_at - (row.cell_start + CELL), row.cell_start - ends_at)
        if timedelta(0) <= gap < timedelta(minutes=roads.get(row.area_id, 0)):
            found[row.resource_id] = Hurry(roads[row.area_id], areas[row.area_id].name)
    return found


def _minutes(here: list[int], there: list[int], kinds: Mapping[int, str], roads: Mapping[frozenset[int], int]) -> int:
    written = roads.get(frozenset((here[0], there[0])))
    if written is not None:
        return written
    if here[0] in there or there[0] in here:
        return SAME_VILLAGE
    shared = [key for key in here if key in there]
    near, far = here[: len(here) - len(shared)], there[: len(there) - len(shared)]
    for pair in (frozenset((a, b)) for a in near for b in far):
        if pair in roads:
            return roads[pair]
    if not shared:
        return BEYOND
    return {"village": SAME_VILLAGE, "township": SAME_TOWNSHIP}.get(kinds[shared[0]], SAME_COUNTY)
