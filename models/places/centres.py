"""Community service centres: where they stand, when they are open, which rooms and stations they hold."""

from collections.abc import Collection
from datetime import date, datetime, time, timedelta
from typing import cast
from zoneinfo import ZoneInfo

from sqlalchemy import ForeignKey, String, Table, UniqueConstraint, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Ground, Row, Steady, once
from models.hours import CalendarOverride, WorkCalendar, instant
from models.life import Life, Verb
from models.places.areas import Area, keys_in

ZONE_KINDS = ("reception_services", "meeting_training", "consultation", "culture_sports_health", "leisure_social")
STATION_KINDS = ("video_call", "portable_call", "desk")


class ServiceCentre(Steady, Ground):
    """A 党群服务中心: the door that a village or township knows."""

    __tablename__ = "service_centres"

    code: Mapped[str] = mapped_column(String(20), unique=True)
    name: Mapped[str] = mapped_column(String(60))
    area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"), index=True)
    address: Mapped[str] = mapped_column(String(120), default="")
    phone: Mapped[str] = mapped_column(String(20), default="")
    time_zone: Mapped[str] = mapped_column(String(40), default="Asia/Shanghai")

    @property
    def tz(self) -> ZoneInfo:
        """The zone in which this centre opens and closes."""
        return ZoneInfo(self.time_zone)


class OpeningHours(Row):
    """One span of one weekday (ISO: Monday is 1). A make-up workday keeps its own weekday's or Monday's hours."""

    __tablename__ = "opening_hours"

    centre_id: Mapped[int] = mapped_column(ForeignKey("service_centres.id"), index=True)
    weekday: Mapped[int]
    opens: Mapped[time]
    closes: Mapped[time]
    on_holidays: Mapped[bool] = mapped_column(default=False)  # open although the calendar says holiday


class Closure(Row):
    """Days on which a centre, or every centre when `centre_id` is empty, is shut: a holiday swap, a typhoon."""

    __tablename__ = "closures"

    client_key: Mapped[str | None] = mapped_column(String(40), unique=True)  # empty: the county's file
    centre_id: Mapped[int | None] = mapped_column(ForeignKey("service_centres.id"), index=True)
    first_day: Mapped[date]
    last_day: Mapped[date]
    reason: Mapped[str] = mapped_column(String(60))
    state: Mapped[str] = mapped_column(String(12), default="standing")

    @property
    def subject(self) -> str:
        """The name under which history knows this closure."""
        return f"closure:{self.id}"


CLOSURE = Life(
    "closure",
    cast(Table, Closure.__table__),
    "standing",
    (
        Verb("take_back", ("standing",), "taken_back", who=("cadre",)),
        Verb("shorten", ("standing",), "standing", who=("cadre",)),
    ),
)


class Zone(Row):
    """One of the five standard functional zones of a centre."""

    __tablename__ = "zones"
    __table_args__ = (UniqueConstraint("centre_id", "kind"),)

    centre_id: Mapped[int] = mapped_column(ForeignKey("service_centres.id"))
    kind: Mapped[str] = mapped_column(String(24))


class Room(Row):
    """A room in a zone."""

    __tablename__ = "rooms"
    __table_args__ = (UniqueConstraint("zone_id", "name"),)

    zone_id: Mapped[int] = mapped_column(ForeignKey("zones.id"))
    name: Mapped[str] = mapped_column(String(40))


class Station(Row):
    """A seat with a purpose in a room: a screen for family calls, a desk; or a screen that goes to people's homes."""

    __tablename__ = "stations"
    __table_args__ = (UniqueConstraint("room_id", "name"),)

    room_id: Mapped[int] = mapped_column(ForeignKey("rooms.id"))
    name: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(16))
    battery_minutes: Mapped[int | None]  # how long a portable screen runs on the road; empty: as long as anybody needs

    @property
    def resource(self) -> str:
        """The name under which this station is taken in the occupancy cells."""
        return f"station:{self.id}"


def stations_of(session: Session, centre_id: int, kind: str) -> list[Station]:
    """The stations of one kind at a centre, in the order in which they were put up."""
    query = (
        select(Station).join(Room, Station.room_id == Room.id).join(Zone, Room.zone_id == Zone.id)
        .where(Zone.centre_id == centre_id, Station.kind == kind).order_by(Station.id)
    )  # fmt: skip
    return list(session.scalars(query))


def seat_of(session: Session, station_id: int) -> tuple[Station, ServiceCentre] | None:
    """A station and the centre at which it stands; None where there is no such station."""
    query = (
        select(Station, ServiceCentre).join(Room, Station.room_id == Room.id).join(Zone, Room.zone_id == Zone.id)
        .join(ServiceCentre, Zone.centre_id == ServiceCentre.id).where(Station.id == station_id)
    )  # fmt: skip
    found = session.execute(query).first()
    return (found.Station, found.ServiceCentre) if found is not None else None


def borrowed_screens(session: Session, keys: Collection[int]) -> list[Station]:
    """Those of some stations that go to people's homes."""
    if not keys:
        return []
    query = select(Station).where(Station.id.in_(keys), Station.kind == "portable_call")
    return list(session.scalars(query.order_by(Station.id)))


def portable_screen(session: Session, station_id: int) -> tuple[Station, ServiceCentre] | None:
    """A screen that goes to people's homes, and the centre that owns it; None for one that stands fast."""
    found = seat_of(session, station_id)
    return found if found is not None and found[0].kind == "portable_call" else None


def centre_for(session: Session, area_path: str) -> ServiceCentre | None:
    """The centre that serves an area: its own, else that of the nearest area above it."""
    return next(iter(_above(session, area_path)), None)


def phone_for(session: Session, area_path: str) -> str:
    """The number to call in an area: of its centre, else of the nearest one above that has one; "" where none has."""
    return next((centre.phone for centre in _above(session, area_path) if centre.phone), "")


def _above(session: Session, area_path: str) -> list[ServiceCentre]:
    """The centres of an area and of those above it, the nearest first."""
    ids = keys_in(area_path)

    def ask() -> list[ServiceCentre]:
        query = select(ServiceCentre).where(ServiceCentre.area_id.in_(ids)).order_by(ServiceCentre.id.desc())
        found = session.scalars(query, execution_options={"populate_existing": True})  # as they were just found
        return sorted(found, key=lambda centre: ids.index(centre.area_id))

    return once(session, ServiceCentre, area_path, ask)


def phone_of(session: Session, centre: ServiceCentre) -> str:
    """A centre's number; where it has none, that of the nearest centre above."""
    return centre.phone or phone_for(session, session.get_one(Area, centre.area_id).path)


def open_spans(
    session: Session, centre: ServiceCentre, day: date, calendar: WorkCalendar, days: int = 1
) -> list[tuple[datetime, datetime]]:
    """The spans (UTC instants) in which `centre` is open on its local `day`, and on those after it up to `days`.

    A closure shuts it. On a make-up workday that falls on a weekend it opens as on Monday; on a holiday, whatever
    its weekday, only spans marked `on_holidays` stand; a plain weekend keeps what its own weekday says.
    """
    last = day + timedelta(days=days - 1)
    shut = [(row.first_day, row.last_day) for row in _closures_in(session, centre, day, last)]
    rows = list(session.scalars(select(OpeningHours).where(OpeningHours.centre_id == centre.id)))
    found = list[tuple[datetime, datetime]]()
    for one in (day + timedelta(days=n) for n in range(days)):
        if any(first <= one <= until for first, until in shut):
            continue
        today = [row for row in rows if row.weekday == one.isoweekday()]
        if not today and one.isoweekday() >= 6 and calendar.is_workday(one):
            today = [row for row in rows if row.weekday == 1]
        spans = [row for row in today if row.on_holidays or not calendar.is_holiday(one)]
        found += sorted((instant(one, row.opens, centre.tz), instant(one, row.closes, centre.tz)) for row in spans)
    return found


def _closures_in(session: Session, centre: ServiceCentre, first: date, last: date) -> list[Closure]:
    """The closures that touch these days, the oldest first."""
    query = select(Closure).where(
        or_(Closure.centre_id == centre.id, Closure.centre_id.is_(None)),
        Closure.first_day <= last, Closure.last_day >= first, Closure.state == "standing",
    ).order_by(Closure.id)  # fmt: skip
    return list(session.scalars(query))


def why_shut(session: Session, centre: ServiceCentre, moment: datetime) -> str:
    """Why a centre is shut on the local day of an instant, as the closure or the county's notice says; else ""."""
    day = moment.astimezone(centre.tz).date()
    closures, notice = closures_on(session, centre, day), session.get(CalendarOverride, day)
    return closures[0].reason if closures else notice.name if notice is not None else ""


def closures_on(session: Session, centre: ServiceCentre, day: date) -> list[Closure]:
    """The closures by which a centre is shut on its local `day`, the oldest first."""
    return _closures_in(session, centre, day, day)


def stays_open(session: Session, centre_id: int) -> None:
    """Whoever shuts this centre waits until this transaction is over, or is waited for: then its hours are to be read.

    Those who book do not wait for each other.
    """
    session.execute(
        select(ServiceCentre.id).where(ServiceCentre.id == centre_id).with_for_update(read=True, key_share=True)
    )


def held_to_shut(session: Session, centre_id: int | None) -> list[ServiceCentre]:
    """The centre, or every one, held: what is being booked there is booked before, or comes after and finds it shut."""
    query = select(ServiceCentre).order_by(ServiceCentre.id).with_for_update()
    query = query if centre_id is None else query.where(ServiceCentre.id == centre_id)
    return list(session.scalars(query, execution_options={"populate_existing": True}))
