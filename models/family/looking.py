"""What a desk asks of the calls, series, call days and pairs below a cadre's areas: which there are, all about one."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, not_, or_, select
from sqlalchemy.orm import Session, aliased

from models.errors import Refused
from models.family.call_days import CallDay
from models.family.calls import LIVE_CALLS, FamilyCall
from models.family.pairing import RHYTHMS, Pairing
from models.family.series import Series
from models.paging import Asked, Cursor, Page, page
from models.people.identities import Who
from models.people.persons import Person
from models.people.staff import areas_under, roles_of
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


def pairs_below(session: Session, who: Who, view: str, now: datetime, cursor: Cursor | None = None) -> Page[Any]:
    """Rows of (Pairing, helper, cared, village), the longest out of touch first.

    `view` is a state, or "late": who should have been in touch by now.
    """
    query = _pairs_below(who).where(_late(now) if view == "late" else Pairing.state == view)
    return page(
        session, query, (_LAST, Pairing.id), lambda row: (row.Pairing.last_at or row.Pairing.since, row.Pairing.id),
        cursor,
    )  # fmt: skip


_LAST = func.coalesce(Pairing.last_at, Pairing.since, type_=Pairing.since.type)


def _late(now: datetime) -> ColumnElement[bool]:
    """Whether a pair should have been in touch by now."""
    due = (and_(Pairing.every_days == days, now - timedelta(days=days) > _LAST) for days in RHYTHMS)
    return and_(Pairing.state == "paired", or_(*due))


def pairs_seen(
    session: Session, who: Who, *, after: int = 0, limit: int = 50, late_at: datetime | None = None
) -> list[Any]:  # fmt: skip
    """The same rows of the pairs in which this person is the helper and of those below their areas, by their keys."""
    helps = roles_of(session, who.person_id)  # who holds no office any more looks in on nobody
    mine = Pairing.helper_id == (who.person_id if helps else None)
    below = Person.area_id.in_(areas_under(who.person_id))
    helper = aliased(Person)
    query = (
        select(Pairing, helper.name.label("helper"), Person.name.label("cared"))
        .join(helper, Pairing.helper_id == helper.id).join(Person, Pairing.cared_id == Person.id)
        .where(or_(mine, below), _late(late_at) if late_at else Pairing.state == "paired", Pairing.id > after)
        .order_by(Pairing.id).limit(limit)
    )  # fmt: skip
    return list(session.execute(query).all())


def pairs_with(session: Session, who: Who, cared_id: int) -> list[Any]:
    """The pairs of one resident as `pairs_below` answers them, the oldest first; none for who is not in charge."""
    query = _pairs_below(who).where(Pairing.cared_id == cared_id, Pairing.state == "paired")
    return list(session.execute(query.order_by(Pairing.id)).all())


def one_pair(session: Session, who: Who, pairing_id: int) -> Any:
    """One row as `pairs_below` answers them; raises Refused("not_yours") for one that is not below this cadre."""
    row = session.execute(_pairs_below(who).where(Pairing.id == pairing_id).limit(1)).first()
    if row is None:
        raise Refused("not_yours")
    return row


def _pairs_below(who: Who) -> Asked:
    helper, cared = aliased(Person), aliased(Person)
    return (
        select(Pairing, helper.name.label("helper"), cared.name.label("cared"), Area.name.label("village"))
        .join(helper, Pairing.helper_id == helper.id).join(cared, Pairing.cared_id == cared.id)
        .join(Area, cared.area_id == Area.id).where(cared.area_id.in_(areas_under(who.person_id)))
    )  # fmt: skip
