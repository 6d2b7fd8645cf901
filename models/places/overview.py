"""All centres of some areas at once, with their hours and the days on which they are shut: what a desk shows."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from models.hours import CHINA
from models.paging import Cursor, Page, page
from models.places.areas import Area
from models.places.centres import Closure, OpeningHours, Room, ServiceCentre, Station, Zone


@dataclass(frozen=True)
class Times:
    """When a centre is open in a usual week, and which closures are to come or stand."""

    hours: list[OpeningHours]
    closures: list[Closure]


def look(session: Session, areas: Select[int], cursor: Cursor | None = None) -> Page[Any]:
    """Rows of (ServiceCentre, area) in these areas, in the order in which they were put up."""
    query = (
        select(ServiceCentre, Area.name.label("area")).join(Area, ServiceCentre.area_id == Area.id)
        .where(ServiceCentre.area_id.in_(areas))
    )  # fmt: skip
    return page(session, query, (ServiceCentre.id,), lambda row: (row.ServiceCentre.id,), cursor)


def times_of(session: Session, centres: list[int], now: datetime) -> dict[int, Times]:
    """The times of these centres, in two statements; a closure of every centre stands with each."""
    today: date = now.astimezone(CHINA).date()
    found = {key: Times([], []) for key in centres}
    hours = select(OpeningHours).where(OpeningHours.centre_id.in_(centres))
    for row in session.scalars(hours.order_by(OpeningHours.weekday, OpeningHours.opens)):
        found[row.centre_id].hours.append(row)
    shut = select(Closure).where(
        or_(Closure.centre_id.in_(centres), Closure.centre_id.is_(None)), Closure.last_day >= today,
        Closure.state == "standing",
    )  # fmt: skip
    for closure in session.scalars(shut.order_by(Closure.first_day, Closure.id)):
        for key in centres if closure.centre_id is None else [closure.centre_id]:
            found[key].closures.append(closure)
    return found


def stations_in(session: Session, centre_id: int) -> list[Any]:
    """Rows of (Station, room) at a centre, in the order in which they were put up."""
    query = (
        select(Station, Room.name.label("room")).join(Room, Station.room_id == Room.id)
        .join(Zone, Room.zone_id == Zone.id).where(Zone.centre_id == centre_id).order_by(Station.id)
    )  # fmt: skip
    return list(session.execute(query))


def names_in(session: Session, areas: Select[int]) -> list[tuple[int, str]]:
    """The keys and names of the centres in these areas, to choose from."""
    query = select(ServiceCentre.id, ServiceCentre.name).where(ServiceCentre.area_id.in_(areas))
    return [(row.id, row.name) for row in session.execute(query.order_by(ServiceCentre.id))]
