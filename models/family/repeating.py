"""Beginning a series of calls: tried out first, so that whoever makes it sees each date and each conflict before."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.errors import Refused
from models.family.booking import partner
from models.family.calls import FamilyCall
from models.family.generating import AHEAD, fill, foreseen
from models.family.keeping import keep_near, who_is
from models.family.occurrences import LIVE, OCCURRENCE, Occurrence, coming
from models.family.recurring import LOOKED_THROUGH, Rule, check_fits
from models.family.series import ON_HOLIDAYS, SERIES, Series
from models.family.series_news import say_changed
from models.family.venues import CALL_LASTS, venue_for
from models.hours import CHINA, calendar
from models.life import By
from models.people.identities import Who
from models.people.persons import Person, stay_as_they_are
from models.people.scope import in_charge_of

SHOWN = 8  # dates that somebody sees before they agree
LONGEST_SINCE = timedelta(days=31)  # a series may have its first day a little behind us
LOOK_FAR = timedelta(days=800)  # a birthday comes once a year


@dataclass(frozen=True)
class Wish:
    """What somebody wants: whose calls, by which rule, from which day, at what time of the centre's day."""

    relative_id: int
    cared_id: int
    rule: Rule
    at: time
    first_day: date
    last_day: date | None = None
    on_holidays: str = "skip"


@dataclass(frozen=True)
class Glance:
    """One date of a series as it is, or as it would be."""

    starts_at: datetime
    state: str
    reason: str
    calendar_known: bool
    occurrence_id: int | None = None


def _check_span(wish: Wish, now: datetime) -> None:
    """Raises Refused("bad_repeat") for what cannot be, or would have rows without number."""
    ahead = wish.first_day - now.astimezone(CHINA).date()
    ends_first = wish.last_day is not None and wish.last_day < wish.first_day
    if wish.on_holidays not in ON_HOLIDAYS or ends_first or not -LONGEST_SINCE <= ahead <= LOOKED_THROUGH:
        raise Refused("bad_repeat")


def begin(
    session: Session, who: Who, wish: Wish, *, client_key: str, now: datetime, call: FamilyCall | None = None
) -> Series:
    """Begin a series, make its rows and book its nearest calls; `call` is its first where the day fits.

    The relative may, or a cadre of the elder's village for them. The same `client_key` again answers the same series.
    Raises Refused like `booking.partner`, Refused("not_yours"), ("bad_repeat") for a span or time that cannot be,
    ("overlaps_itself"), ("series_there") where these two have the same series already.
    """
    role, relative = _role(session, who, wish), session.get_one(Person, wish.relative_id)
    known = session.scalar(select(Series).where(Series.client_key == client_key))
    if known is not None:
        if (known.relative_id, known.cared_id) != (wish.relative_id, wish.cared_id):
            raise Refused("not_yours")
        return known
    stay_as_they_are(session, wish.relative_id, wish.cared_id)  # nobody ends their link before there is a series to end
    cared = partner(session, who_is(relative), wish.cared_id)
    _check_span(wish, now)
    check_fits(wish.rule, wish.first_day, CALL_LASTS)
    centre = venue_for(session, relative, cared).centre
    series = Series(
        client_key=client_key, relative_id=relative.id, cared_id=cared.id, rule=wish.rule.code, at=wish.at,
        zone=centre.time_zone, anchor=wish.first_day, first_day=wish.first_day, last_day=wish.last_day,
        on_holidays=wish.on_holidays, scheduled_through=wish.first_day - timedelta(days=1), created_by_id=who.person_id,
        created_at=now,
    )  # fmt: skip
    try:
        with session.begin_nested():
            session.add(series)
            session.flush()
    except IntegrityError as error:
        known = session.scalar(select(Series).where(Series.client_key == client_key))
        if known is None or (known.relative_id, known.cared_id) != (wish.relative_id, wish.cared_id):
            raise Refused("series_there") from error
        return known  # the same tap arrived twice at the same moment, and the other one was first
    by = By(who.person_id, role)
    SERIES.begin(session, series, by=by, now=now)
    if call is not None:
        _adopt(session, series, call, by, now)
    fill(session, [series], now.astimezone(CHINA).date() + AHEAD, now)
    keep_near(session, series, now, by, says=role == "cadre")
    if role == "cadre":
        say_changed(session, series, "begun", now)
    return series


def _role(session: Session, who: Who, wish: Wish) -> str:
    if who.person_id == wish.relative_id:
        return "relative"
    cared = session.get(Person, wish.cared_id)
    if cared is None or not in_charge_of(session, who.person_id, cared):
        raise Refused("not_yours")
    return "cadre"


def _adopt(session: Session, series: Series, call: FamilyCall, by: By, now: datetime) -> None:
    """A call that is booked already is the series' own of that day, if the rule names the day."""
    day = call.starts_at.astimezone(series.tz).date()
    fits = (call.relative_id, call.cared_id) == (series.relative_id, series.cared_id) and call.state == "booked"
    taken = session.scalar(select(Occurrence.id).where(Occurrence.call_id == call.id))
    if fits and taken is None and series.first_day <= day and series.recurs.days(series.anchor, day, day):
        one = Occurrence(series_id=series.id, day=day, starts_at=call.starts_at, state="booked", call_id=call.id)
        session.add(one)
        OCCURRENCE.begin(session, one, by=by, now=now)


def try_out(
    session: Session, who: Who, wish: Wish, *, client_key: str, now: datetime, call: FamilyCall | None = None
) -> list[Glance]:
    """What a series would become, date by date: it is begun, looked at, and taken back. Raises like `begin`."""
    trial = session.begin_nested()
    try:
        return glances(session, begin(session, who, wish, client_key=client_key, now=now, call=call), now)
    finally:
        trial.rollback()
        session.expire_all()


def glances(session: Session, series: Series, now: datetime, count: int = SHOWN) -> list[Glance]:
    """The next dates of a series: its rows, and beyond them what the rule will bring; what was cancelled left out."""
    rows = [row for row in coming(session, series, now, count * 2) if row.state != "cancelled"]
    found = [Glance(r.starts_at, r.state, r.reason, r.calendar_known, r.id) for r in rows[:count]]
    if len(found) < count and series.state == "active":
        found += list(_beyond(session, series, count - len(found)))
    return [_clashing(session, series, one) for one in found]


def _beyond(session: Session, series: Series, count: int) -> Iterator[Glance]:
    after = series.scheduled_through
    rows = foreseen(series, calendar(session), after, after + LOOK_FAR)
    for row, _ in zip(rows, range(count), strict=False):
        yield Glance(row["starts_at"], row["state"], row["reason"], row["calendar_known"])


def _clashing(session: Session, series: Series, one: Glance) -> Glance:
    """A date that is not booked yet and falls on one of another series of the same people may come to nothing."""
    if one.state != "planned":
        return one
    people = (series.relative_id, series.cared_id)
    query = (
        select(Occurrence.id).join(Series, Occurrence.series_id == Series.id)
        .where(Series.id != series.id, Series.state == "active", Occurrence.state.in_(LIVE))
        .where(Series.relative_id.in_(people) | Series.cared_id.in_(people))
        .where(Occurrence.starts_at > one.starts_at - CALL_LASTS, Occurrence.starts_at < one.starts_at + CALL_LASTS)
    )  # fmt: skip
    if session.scalar(query.limit(1)) is None:
        return one
    return Glance(one.starts_at, one.state, "may_clash", one.calendar_known, one.occurrence_id)
