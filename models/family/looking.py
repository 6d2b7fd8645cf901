"""What a desk asks of the calls, series and call days below a cadre's areas: which there are, and all about one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, not_, or_, select
from sqlalchemy.orm import Session, aliased

from models.errors import Refused
from models.family.call_days import CallDay
from models.family.calls import LIVE_CALLS, FamilyCall
from models.family.series import Series
from models.paging import Asked, Cursor, Page, page
from models.people.identities import Who
from models.people.persons import Person
from models.people.staff import areas_under
from models.places.areas import Area
from models.places.centres import ServiceCentre, Station


@dataclass(frozen=True)
class Question:
    """What the desk looks for. `view`: "coming", "untold" (nobody has said what became of it), or "" for all."""

    view: str = "coming"
    state: str = ""


def look(session: Session, who: Who, question: Question, now: datetime, cursor: Cursor | None = None) -> Page[Any]:
    """Rows of (FamilyCall, cared, relative, relative_zone, helper, village, centre).

    What comes stands the soonest first, everything else the latest first.
    """
    query = _below(who)
    if question.view == "coming":
        query = query.where(FamilyCall.state.in_(LIVE_CALLS), FamilyCall.ends_at > now)
    if question.view == "untold":
        query = query.where(
            or_(FamilyCall.state == "unreported", and_(FamilyCall.state.in_(LIVE_CALLS), FamilyCall.ends_at <= now))
        )
    if question.state:
        query = query.where(FamilyCall.state == question.state)
    return page(
        session, query, (FamilyCall.starts_at, FamilyCall.id),
        lambda row: (row.FamilyCall.starts_at, row.FamilyCall.id), cursor, newest_first=question.view != "coming",
    )  # fmt: skip


def one(session: Session, who: Who, call_id: int) -> Any:
    """One row as `look` answers them; raises Refused("not_yours") for a call that is not below this cadre."""
    row = session.execute(_below(who).where(FamilyCall.id == call_id).limit(1)).first()
    if row is None:
        raise Refused("not_yours")
    return row


def _below(who: Who) -> Asked:
    cared, relative, helper = aliased(Person), aliased(Person), aliased(Person)
    mine = areas_under(who.person_id)
    return (
        select(
            FamilyCall, cared.name.label("cared"), relative.name.label("relative"),
            relative.time_zone.label("relative_zone"), helper.name.label("helper"), Area.name.label("village"),
            ServiceCentre.name.label("centre"),
        )
        .join(cared, FamilyCall.cared_id == cared.id).join(relative, FamilyCall.relative_id == relative.id)
        .join(helper, FamilyCall.helper_id == helper.id).outerjoin(Area, cared.area_id == Area.id)
        .join(ServiceCentre, FamilyCall.centre_id == ServiceCentre.id)
        .where(or_(cared.area_id.in_(mine), and_(FamilyCall.helper_id == who.person_id,
                                                 ServiceCentre.area_id.in_(mine))))
    )  # fmt: skip


def days_below(session: Session, who: Who, view: str, now: datetime, cursor: Cursor | None = None) -> Page[Any]:
    """Rows of (CallDay, centre, helper, families) at a cadre's centres: "coming", the soonest first, else the past."""
    coming = view == "coming"
    there = _to_come(now)
    return page(
        session, _days(who).where(there if coming else not_(there)), (CallDay.starts_at, CallDay.id),
        lambda row: (row.CallDay.starts_at, row.CallDay.id), cursor, newest_first=not coming,
    )  # fmt: skip


def days_to_come(session: Session, who: Who, now: datetime) -> list[Any]:
    """All those to come, the soonest first: they lie within the horizon of calls."""
    return list(session.execute(_days(who).where(_to_come(now)).order_by(CallDay.starts_at, CallDay.id)))


def _to_come(now: datetime) -> ColumnElement[bool]:
    return and_(CallDay.state == "open", CallDay.ends_at > now)


def _days(who: Who) -> Asked:
    helper = aliased(Person)
    families = (
        select(func.count()).select_from(FamilyCall)
        .where(FamilyCall.call_day_id == CallDay.id, FamilyCall.state != "cancelled").scalar_subquery()
    )  # fmt: skip
    return (
        select(CallDay, ServiceCentre.name.label("centre"), helper.name.label("helper"), families.label("families"))
        .join(ServiceCentre, CallDay.centre_id == ServiceCentre.id).join(helper, CallDay.helper_id == helper.id)
        .where(ServiceCentre.area_id.in_(areas_under(who.person_id)))
    )  # fmt: skip


def seats_of(session: Session, day: CallDay) -> list[Any]:
    """Rows of (FamilyCall, cared, relative, relative_zone, village, screen) of a day, in order of time.

    Who has cancelled sits nowhere; of a day that was called off, everybody who would have sat.
    """
    cared, relative = aliased(Person), aliased(Person)
    query = (
        select(
            FamilyCall, cared.name.label("cared"), relative.name.label("relative"),
            relative.time_zone.label("relative_zone"), Area.name.label("village"), Station.name.label("screen"),
        )
        .join(cared, FamilyCall.cared_id == cared.id).join(relative, FamilyCall.relative_id == relative.id)
        .join(Station, FamilyCall.station_id == Station.id).outerjoin(Area, cared.area_id == Area.id)
        .where(FamilyCall.call_day_id == day.id).order_by(FamilyCall.starts_at, FamilyCall.id)
    )  # fmt: skip
    if day.state != "called_off":
        query = query.where(FamilyCall.state != "cancelled")
    return list(session.execute(query))


def series_below(session: Session, who: Who, state: str, cursor: Cursor | None = None) -> Page[Any]:
    """Rows of (Series, cared, relative, relative_zone, village) in one state, the newest first."""
    query = _series_below(who).where(Series.state == state)
    return page(session, query, (Series.id,), lambda row: (row.Series.id,), cursor, newest_first=True)


def one_series(session: Session, who: Who, series_id: int) -> Any:
    """One row as `series_below` answers them; raises Refused("not_yours") for one that is not below this cadre."""
    row = session.execute(_series_below(who).where(Series.id == series_id).limit(1)).first()
    if row is None:
        raise Refused("not_yours")
    return row


def _series_below(who: Who) -> Asked:
    cared, relative = aliased(Person), aliased(Person)
    return (
        select(
            Series, cared.name.label("cared"), relative.name.label("relative"),
            relative.time_zone.label("relative_zone"), Area.name.label("village"),
        )
        .join(cared, Series.cared_id == cared.id).join(relative, Series.relative_id == relative.id)
        .join(Area, cared.area_id == Area.id).where(cared.area_id.in_(areas_under(who.person_id)))
    )  # fmt: skip
