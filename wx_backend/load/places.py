"""Sections of places and days: areas, centres, hours, closures, stations, and the county's own calendar."""

import re
from collections.abc import Iterator

from sqlalchemy import select

from models.history import history_of
from models.hours import CalendarOverride
from models.places.alliances import AlliedCentre, CentreAlliance
from models.places.areas import AREA_KINDS, Area, add_area
from models.places.centres import (
    STATION_KINDS,
    ZONE_KINDS,
    Closure,
    OpeningHours,
    Room,
    ServiceCentre,
    Station,
    Zone,
)
from wx_backend.load.loading import Loading, check_lengths
from wx_backend.load.rows import BadRow, RowIn


def areas(load: Loading, row: RowIn) -> None:
    """An area, below its parent; its name may change later, its place in the tree may not."""
    code, name, kind = row("code"), row("name"), row.one_of("kind", AREA_KINDS)
    check_lengths(Area, {"code": code, "name": name})
    found = load.session.scalar(select(Area).where(Area.code == code))
    above = load.find(Area, row("parent"), "parent").id if row("parent", "") else None
    parent_id = load.over(found, {"parent_id": above})["parent_id"]
    parent = load.session.get(Area, parent_id) if parent_id else None
    _check_level(kind, parent)
    if found is None:
        add_area(load.session, code=code, name=name, kind=kind, parent=parent)
        load.count(Area)
        return
    if (found.kind, found.parent_id) != (kind, parent_id):
        raise BadRow("kind / parent: 已有的区域不能换级别或上级，请用新的编码")
    found.name = load.over(found, {"name": name})["name"]
    load.session.flush()


def _check_level(kind: str, parent: Area | None) -> None:
    """A village lies below a township, never the other way round; a county may lie below its prefecture."""
    if parent is None:
        if kind != AREA_KINDS[0]:
            raise BadRow(f"parent: {kind}要有上级")
        return
    below = AREA_KINDS.index(kind) - AREA_KINDS.index(parent.kind)
    if below < 0 or (below == 0 and kind != AREA_KINDS[0]):
        raise BadRow(f"kind: {kind}不能放在{parent.kind}“{parent.name}”下面")


def centres(load: Loading, row: RowIn) -> None:
    """A centre, in its area."""
    load.put(
        ServiceCentre, {"code": row("code")}, name=row("name"), area_id=load.find(Area, row("area"), "area").id,
        address=row("address", ""), phone=row.phone("phone"),
    )  # fmt: skip


def hours(load: Loading, row: RowIn) -> None:
    """Opening hours; those of a centre that the file speaks of are all in the file."""
    centre = load.find(ServiceCentre, row("centre"), "centre")
    opens, closes = row.time("opens"), row.time("closes")
    if closes <= opens:
        raise BadRow("closes: 要晚于 opens")
    for weekday in _weekdays(row("weekdays")):
        span, _ = load.put(
            OpeningHours, {"centre_id": centre.id, "weekday": weekday, "opens": opens}, closes=closes,
            on_holidays=row.yes("on_holidays", "no"),
        )  # fmt: skip
        load.keep(OpeningHours, "centre_id", centre.id, span.id)


def _weekdays(text: str) -> Iterator[int]:
    found = re.fullmatch(r"([1-7])(?:-([1-7]))?", text)
    if not found:
        raise BadRow(f"weekdays: “{text}”应写成 1-5 或 6（1 是周一）")
    first, last = int(found.group(1)), int(found.group(2) or found.group(1))
    if last < first:
        raise BadRow(f"weekdays: “{text}”请分成两行写，例如 6-7 和 1（1 是周一）")
    yield from range(first, last + 1)


def closures(load: Loading, row: RowIn) -> None:
    """Days on which a centre is shut, or every centre where none is named; the same first day again corrects it.

    Days that the desk has opened again stay open, however often the same file is loaded. What the desk itself has
    shut is its own: the file's days stand beside it.
    """
    centre = load.find(ServiceCentre, row("centre"), "centre").id if row("centre", "") else None
    first = row.day("first_day")
    last = row.day_or_none("last_day") or first
    if last < first:
        raise BadRow("last_day: 要不早于 first_day")
    key = {"centre_id": centre, "first_day": first, "client_key": None}
    known = {one.state: one for one in load.session.scalars(select(Closure).filter_by(**key).order_by(Closure.id))}
    standing, taken_back = known.get("standing"), known.get("taken_back")
    reopened = load.over(taken_back, {"last_day": last})["last_day"] == taken_back.last_day if taken_back else False
    if standing is None and reopened:
        return
    if standing is not None and any(line.verb == "shorten" for line in history_of(load.session, standing.subject)):
        return
    load.put(Closure, {**key, "state": "standing"}, last_day=last, reason=row("reason"))


def stations(load: Loading, row: RowIn) -> None:
    """A station in a room in a zone; zone and room are made where they lack."""
    centre = load.find(ServiceCentre, row("centre"), "centre")
    zone, _ = load.put(Zone, {"centre_id": centre.id, "kind": row.one_of("zone", ZONE_KINDS)})
    room, _ = load.put(Room, {"zone_id": zone.id, "name": row("room")})
    load.put(
        Station, {"room_id": room.id, "name": row("name")}, kind=row.one_of("kind", STATION_KINDS),
        battery_minutes=row.number_or_none("battery_minutes"),
    )  # fmt: skip


def alliances(load: Loading, row: RowIn) -> None:
    """One centre of an alliance, each in a row of its own; those of an alliance the file speaks of are all in it."""
    first, last = row.day("first_day"), row.day_or_none("last_day")
    if last is not None and last < first:
        raise BadRow("last_day: 要不早于 first_day")
    alliance, _ = load.put(
        CentreAlliance, {"code": row("code")}, name=row("name"), first_day=first, last_day=last
    )  # fmt: skip
    centre = load.find(ServiceCentre, row("centre"), "centre")
    joined, _ = load.put(AlliedCentre, {"alliance_id": alliance.id, "centre_id": centre.id})
    load.keep(AlliedCentre, "alliance_id", alliance.id, joined.id)


def overrides(load: Loading, row: RowIn) -> None:
    """A day on which the county's own notice wins over the statutory calendar."""
    load.put(CalendarOverride, {"day": row.day("day")}, is_workday=row.yes("is_workday"), name=row("name"))
