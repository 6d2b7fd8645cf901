"""A person's own calendar at an address that nobody guesses: only the hash of its key is kept, and it can be ended."""

import hashlib
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKey, Index, Select, String, func, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.family.calls import FamilyCall, may_see_own
from models.family.guests import calls_joined, guests_of
from models.family.occurrences import Occurrence
from models.family.series import Series
from models.family.venues import CALL_LASTS
from models.history import History
from models.people.care import linked_to
from models.people.identities import Who
from models.people.persons import Person
from models.people.staff import areas_under
from models.places.centres import ServiceCentre, phone_of

PAST_SHOWN = timedelta(days=60)
CANCELLED_SHOWN = timedelta(days=30)  # after its day: calendars must have had the time to hear of it


class CalendarFeed(Row):
    """One address of one person. A person has one at a time; a new one ends the old."""

    __tablename__ = "calendar_feeds"
    __table_args__ = (
        Index(
            "uq_calendar_feeds_live", "person_id", unique=True,
            postgresql_where=text("ended_at IS NULL"), sqlite_where=text("ended_at IS NULL"),
        ),
    )  # fmt: skip

    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"))
    made_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


@dataclass(frozen=True)
class Event:
    """One call as its reader's calendar shows it. `uid` never changes, `sequence` only grows."""

    uid: str
    sequence: int
    status: str  # CONFIRMED, TENTATIVE (planned by a series, not booked yet), CANCELLED
    starts_at: datetime
    ends_at: datetime
    zone: str
    cared: str
    relative: str
    guests: tuple[str, ...]
    helps: bool
    place: str
    phone: str
    changed_at: datetime
    at_home: bool = False
    own: bool = False  # its reader is who is called


def hash_of(token: str) -> str:
    """Under what a key is kept."""
    return hashlib.sha256(token.encode()).hexdigest()


def renew(session: Session, who: Who, now: datetime) -> str:
    """Give this person a new address and end the old one; answers the key, which is kept nowhere."""
    end(session, who, now)
    token = secrets.token_urlsafe(32)
    session.add(CalendarFeed(token_hash=hash_of(token), person_id=who.person_id, made_at=now))
    session.flush()
    return token


def end(session: Session, who: Who, now: datetime) -> bool:
    """End this person's address; answers whether there was one."""
    standing = update(CalendarFeed).where(CalendarFeed.person_id == who.person_id, CalendarFeed.ended_at.is_(None))
    return session.execute(standing.values(ended_at=now).returning(CalendarFeed.id)).first() is not None


def feed_of(session: Session, person_id: int) -> CalendarFeed | None:
    """The address that a person has now."""
    return session.scalar(
        select(CalendarFeed).where(CalendarFeed.person_id == person_id, CalendarFeed.ended_at.is_(None))
    )


def reader_of(session: Session, token: str) -> Person | None:
    """Whose address it is; None for one that is none, or no more."""
    query = (
        select(Person).join(CalendarFeed, CalendarFeed.person_id == Person.id)
        .where(CalendarFeed.token_hash == hash_of(token), CalendarFeed.ended_at.is_(None), Person.state != "deceased")
    )  # fmt: skip
    return session.scalar(query)


def events_of(session: Session, person: Person, now: datetime) -> list[Event]:
    """The calls and planned occurrences that a person may see, those cancelled of late too, in order of time.

    A relative's and a guest's with a confirmed link, a helper's in the areas that are theirs now, who is called their
    own: what ends there vanishes from the calendar.
    """
    calls, plans = session.execute(_calls(person.id, now)).all(), session.execute(_plans(person.id, now)).all()
    calls = [row for row in calls if row.FamilyCall.cared_id != person.id or may_see_own(session, row.FamilyCall)]
    subjects = [*(row.FamilyCall.subject for row in calls), *(row.Occurrence.subject for row in plans)]
    subjects += [row.Occurrence.subject for row in calls if row.Occurrence is not None]
    changed = _changes(session, subjects)
    found = [_of_call(session, row, person, changed) for row in calls if not _left_behind(row)]
    found += [_of_plan(session, row, changed) for row in plans]
    return sorted(found, key=lambda event: (event.starts_at, event.uid))


def _calls(person_id: int, now: datetime) -> Select[FamilyCall, Occurrence, ServiceCentre]:
    """Rows of (FamilyCall, its Occurrence or None, ServiceCentre)."""
    mine = areas_under(person_id)
    relative = (FamilyCall.relative_id == person_id) | FamilyCall.id.in_(calls_joined(person_id))
    helps = (FamilyCall.helper_id == person_id) & (Person.area_id.in_(mine) | ServiceCentre.area_id.in_(mine))
    return (
        select(FamilyCall, Occurrence, ServiceCentre)
        .join(Person, FamilyCall.cared_id == Person.id).join(ServiceCentre, FamilyCall.centre_id == ServiceCentre.id)
        .outerjoin(Occurrence, Occurrence.call_id == FamilyCall.id)
        .where((relative & FamilyCall.cared_id.in_(linked_to(person_id))) | helps | (FamilyCall.cared_id == person_id))
        .where(FamilyCall.starts_at > now - PAST_SHOWN)
        .where((FamilyCall.state != "cancelled") | (FamilyCall.starts_at > now - CANCELLED_SHOWN))
    )  # fmt: skip


def _plans(person_id: int, now: datetime) -> Select[Occurrence, Series]:
    """Rows of (Occurrence, Series) without a call: planned, or taken back after they had been planned."""
    taken_back = Occurrence.state.in_(("skipped", "cancelled")) & (Occurrence.revision > 0)
    return (
        select(Occurrence, Series).join(Series, Occurrence.series_id == Series.id)
        .where(Series.relative_id == person_id, Series.cared_id.in_(linked_to(person_id)))
        .where(Occurrence.call_id.is_(None), (Occurrence.state == "planned") | taken_back)
        .where(Occurrence.starts_at > now - CANCELLED_SHOWN)
    )  # fmt: skip


def _left_behind(row: Any) -> bool:
    """Whether a call belonged to an occurrence that has another by now: to the calendar they are one event."""
    return row.Occurrence is None and row.FamilyCall.client_key.startswith("occurrence:")


def _changes(session: Session, subjects: Collection[str]) -> Mapping[str, datetime]:
    """When each of these changed last."""
    query = select(History.subject, func.max(History.at)).where(History.subject.in_(subjects)).group_by(History.subject)
    return {row[0]: row[1] for row in session.execute(query)}


def _of_call(session: Session, row: Any, reader: Person, changed: Mapping[str, datetime]) -> Event:
    call, one, centre = row.FamilyCall, row.Occurrence, row.ServiceCentre
    cared, relative = session.get_one(Person, call.cared_id), session.get_one(Person, call.relative_id)
    guests = tuple(guest.name for guest in guests_of(session, call.id))
    off = call.state == "cancelled"
    sequence = call.revision + off + (one.revision if one is not None else 0)
    changes = [changed.get(thing.subject, call.created_at) for thing in (call, one) if thing is not None]
    return Event(
        f"{one.subject if one is not None else call.subject}".replace(":", "-"), sequence,
        "CANCELLED" if off else "CONFIRMED", call.starts_at, call.ends_at, centre.time_zone, cared.name, relative.name,
        guests, reader.id == call.helper_id, centre.name, phone_of(session, centre), max(changes),
        at_home=call.at_home, own=reader.id == call.cared_id,
    )  # fmt: skip


def _of_plan(session: Session, row: Any, changed: Mapping[str, datetime]) -> Event:
    one, series = row.Occurrence, row.Series
    cared, relative = session.get_one(Person, series.cared_id), session.get_one(Person, series.relative_id)
    return Event(
        one.subject.replace(":", "-"), one.revision, "TENTATIVE" if one.state == "planned" else "CANCELLED",
        one.starts_at, one.starts_at + CALL_LASTS, series.zone, cared.name, relative.name, (), False, "", "",
        changed.get(one.subject, series.created_at),
    )  # fmt: skip
