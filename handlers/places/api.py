"""The centres for the mini-program: those that serve me and mine, or an area; where they are and when they are open."""

from datetime import date, timedelta
from typing import Any

from apiflask import APIBlueprint
from flask import g
from sqlalchemy import select

from handlers.envelope import NOT_CHANGED, Asked, Instant, Key, Shown, refusing, said
from handlers.words import clock_span
from models.errors import Refused
from models.hours import WorkCalendar, calendar
from models.people.care import cared_for_by
from models.people.persons import Person
from models.places.areas import Area
from models.places.centres import ServiceCentre, centre_for, open_spans

DAYS_SHOWN = 7
MOST = 100

room = APIBlueprint("places", __name__, tag="places")


class AreaShown(Shown):
    """A village, township or county."""

    id: int
    name: str
    kind: str


class Span(Shown):
    """One span of opening."""

    opens_at: Instant
    closes_at: Instant


class OpenDay(Shown):
    """One day of a centre, by its own calendar; no spans: it is shut."""

    date: date
    spans: list[Span]
    text: str


class CentreShown(Shown):
    """A community service centre and its next days."""

    id: int
    name: str
    address: str
    phone: str
    time_zone: str
    area: AreaShown
    hours: list[OpenDay]


class Centres(Shown):
    """A list of centres."""

    items: list[CentreShown]
    next: int | None = None


class CentresAsked(Asked):
    """Of which area; without one, those of my own village and of the people I may act for."""

    area_id: Key | None = None


@room.get("/centres")
@room.input(CentresAsked, location="query")
@room.output(Centres)
@room.doc(responses={**NOT_CHANGED, **refusing("not_yours")})
def centres(query_data: CentresAsked) -> Any:
    """The centres that serve an area and all below it, or me and mine; all of them where nothing is known of me."""
    found = _of_area(query_data.area_id) if query_data.area_id is not None else (_mine() or _all())
    book = calendar(g.session)
    return said(Centres(items=[shown(centre, book) for centre in found]), kept=True)


def shown(centre: ServiceCentre, book: WorkCalendar) -> CentreShown:
    """A centre as the mini-program shows it."""
    today = g.now.astimezone(centre.tz).date()
    area = g.session.get_one(Area, centre.area_id)
    return CentreShown(
        id=centre.id, name=centre.name, address=centre.address, phone=centre.phone, time_zone=centre.time_zone,
        area=AreaShown(id=area.id, name=area.name, kind=area.kind),
        hours=[_day(centre, today + timedelta(days=n), book) for n in range(DAYS_SHOWN)],
    )  # fmt: skip


def _day(centre: ServiceCentre, day: date, book: WorkCalendar) -> OpenDay:
    spans = open_spans(g.session, centre, day, book)
    text = "、".join(clock_span(opens, closes, centre.tz) for opens, closes in spans)
    return OpenDay(date=day, spans=[Span(opens_at=opens, closes_at=closes) for opens, closes in spans], text=text)


def _of_area(area_id: int) -> list[ServiceCentre]:
    area = g.session.get(Area, area_id)
    if area is None:
        raise Refused("not_yours")
    below = (
        select(ServiceCentre).join(Area, ServiceCentre.area_id == Area.id)
        .where(Area.path.startswith(area.path)).order_by(ServiceCentre.id).limit(MOST)
    )  # fmt: skip
    serving = centre_for(g.session, area.path)
    return list(dict.fromkeys([*([serving] if serving else []), *g.session.scalars(below)]))


def _mine() -> list[ServiceCentre]:
    """Those of the caller's village, then of each person whom the caller may act for."""
    people = [g.session.get_one(Person, g.who.person_id)]
    people += [person for person, _ in cared_for_by(g.session, g.who.person_id)]
    areas = [g.session.get_one(Area, person.area_id) for person in people if person.area_id is not None]
    found = [centre_for(g.session, area.path) for area in dict.fromkeys(areas)]
    return list(dict.fromkeys(centre for centre in found if centre is not None))


def _all() -> list[ServiceCentre]:
    return list(g.session.scalars(select(ServiceCentre).order_by(ServiceCentre.id).limit(MOST)))
