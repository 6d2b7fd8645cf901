"""A makeup: who missed each other is offered the first free times, before anybody else and linked to that call."""

from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, ForeignKey, String, Table, and_, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.errors import Refused
from models.family.booking import book
from models.family.calls import CALL, MISSED, FamilyCall
from models.family.permitted import may_call_now
from models.family.slots import Slot, free_slots
from models.family.taking import free_crews
from models.family.telling import facts_of
from models.family.venues import CALL_LASTS, look, venue_for
from models.hours import CHINA
from models.life import BY_RULE, BY_TIME, TIME, By, Life, Verb
from models.messages.letters import Letter
from models.messages.outbox import post
from models.messages.passage import ENDED_UNDELIVERED
from models.people.identities import Who
from models.people.persons import Person
from models.places.cells import hold, release, release_between
from models.places.days import DAY
from models.places.quarters import Grid
from models.tasks.undelivered import say_instead

OFFERED = 3
HELD_FOR = timedelta(hours=24)  # so long the times are kept from everybody else
AHEAD_DAYS = 7
AT_ONCE = 200
_PROMISES = [f"family.{state}" for state in MISSED]  # the letters that say that times are kept
_UNREAD = ("planned", "retry", "withdrawn", "suppressed", *ENDED_UNDELIVERED)


class Makeup(Row):
    """Times kept for the two of a missed call; `slots` are their starts, `made_id` is the call that came of it."""

    __tablename__ = "makeups"

    call_id: Mapped[int] = mapped_column(ForeignKey("family_calls.id"), unique=True)
    relative_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    cared_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    slots: Mapped[list[Any]]
    held_until: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(12), default="offered", index=True)
    made_id: Mapped[int | None] = mapped_column(ForeignKey("family_calls.id"))
    created_at: Mapped[datetime]

    @property
    def subject(self) -> str:
        """The name under which history and cells know this makeup."""
        return f"makeup:{self.id}"

    @property
    def starts(self) -> list[datetime]:
        """The times on offer."""
        return [datetime.fromisoformat(one) for one in self.slots]


MAKEUP = Life(
    "makeup",
    cast(Table, Makeup.__table__),
    "offered",
    (
        Verb("take", ("offered",), "taken", who=("relative",), tells=("helper",)),
        Verb("decline", ("offered",), "declined", who=("relative",)),
        Verb("lapse", ("offered",), "lapsed", who=(TIME,)),
        Verb("withdraw", ("offered",), "withdrawn", who=("rule",)),
    ),
)


def offer(session: Session, call: FamilyCall, now: datetime) -> Makeup | None:
    """Keep the first free times for the two of a missed call; asking again finds the first offer.

    Waking hours of the relative go first. None where the two may not call each other any more, or nothing is free.
    """
    known = session.scalar(select(Makeup).where(Makeup.call_id == call.id))
    if known is not None:
        return known
    relative, cared = session.get_one(Person, call.relative_id), session.get_one(Person, call.cared_id)
    if not may_call_now(session, relative, cared, now):
        return None
    makeup = Makeup(call_id=call.id, relative_id=relative.id, cared_id=cared.id, slots=[], created_at=now,
                    held_until=now + HELD_FOR)  # fmt: skip
    session.add(makeup)
    MAKEUP.begin(session, makeup, by=BY_RULE, now=now)
    makeup.slots = [start.isoformat() for start in _keep(session, makeup, relative, cared, now)]
    session.flush()
    if not makeup.slots:
        MAKEUP.move(session, makeup, "withdraw", by=BY_RULE, now=now)
        return None
    return makeup


def _keep(session: Session, makeup: Makeup, relative: Person, cared: Person, now: datetime) -> list[datetime]:
    """Take the cells of the first free times: both people, a screen and a helper each."""
    try:
        venue = venue_for(session, relative, cared)
        first_day = (now + timedelta(days=1)).astimezone(CHINA).date()
        free = free_slots(session, relative, cared, first_day=first_day, days=AHEAD_DAYS, now=now)
    except Refused:
        return []  # no centre or no screen serves them now: a cadre speaks with the family
    spans, kept = list[tuple[str, datetime, datetime]](), list[datetime]()
    names = [relative.resource, cared.resource]
    for slot in sorted(free, key=lambda one: (not one.humane, one.starts_at)):
        if len(kept) == OFFERED:
            break
        grid = Grid.over(slot.starts_at, slot.ends_at)
        quarters, taken = grid.bits(slot.starts_at, slot.ends_at), look(session, venue, names, grid, (makeup.subject,))
        for crew in free_crews(venue, (relative, cared), quarters, taken):
            more = _spans(slot, *names, *crew.resources())
            try:
                hold(session, [*spans, *more], makeup.subject, venue.area_id)
            except Refused:
                continue
            spans += more
            kept.append(slot.starts_at)
            break
    return sorted(kept)


def _spans(slot: Slot, *resources: str) -> list[tuple[str, datetime, datetime]]:
    return [(resource, slot.starts_at, slot.ends_at) for resource in resources]


def makeups_of(session: Session, who: Who, now: datetime) -> list[Makeup]:
    """What is on offer to this person, the oldest first."""
    query = select(Makeup).where(
        Makeup.relative_id == who.person_id, Makeup.state == "offered", Makeup.held_until > now
    )
    return list(session.scalars(query.order_by(Makeup.id)))


def makeup_for(session: Session, who: Who, makeup_id: int) -> Makeup:
    """The makeup, held, for whom it is offered to; raises Refused("not_yours") for anybody else."""
    found = session.get(Makeup, makeup_id, with_for_update=True, populate_existing=True)
    if found is None or found.relative_id != who.person_id:
        raise Refused("not_yours")
    return found


def take(session: Session, who: Who, makeup_id: int, starts_at: datetime, now: datetime) -> FamilyCall:
    """Book one of the times that were kept: the others are free again. Twice is once, whichever time is tapped.

    Raises Refused("not_yours"), ("wrong_state") when it is over, ("bad_time") for a time that was not offered, and
    what `booking.book` raises; then the offer stands as it was.
    """
    makeup = makeup_for(session, who, makeup_id)
    if makeup.made_id is not None:
        return session.get_one(FamilyCall, makeup.made_id)
    if makeup.state != "offered" or now >= makeup.held_until:
        raise Refused("wrong_state", thing=MAKEUP.name, state=makeup.state)
    if starts_at not in makeup.starts:
        raise Refused("bad_time")
    with session.begin_nested():
        release(session, makeup.subject)
        call = book(session, who, cared_id=makeup.cared_id, starts_at=starts_at, client_key=f"makeup:{makeup.id}",
                    now=now)  # fmt: skip
        MAKEUP.move(session, makeup, "take", by=By(who.person_id, "relative"), now=now, made_id=call.id)
    return call


def decline(session: Session, who: Who, makeup_id: int, now: datetime) -> Makeup:
    """Not now: the times are free again. Twice is once; raises Refused("not_yours"), or ("wrong_state") once taken."""
    makeup = makeup_for(session, who, makeup_id)
    if makeup.state != "declined":
        MAKEUP.move(session, makeup, "decline", by=By(who.person_id, "relative"), now=now)
        release(session, makeup.subject)
    return makeup


def lapse_makeups(session: Session, now: datetime) -> int:
    """Times that were kept long enough are everybody's again; answers how many offers ended."""
    query = select(Makeup).where(Makeup.state == "offered", Makeup.held_until <= now).order_by(Makeup.id).limit(AT_ONCE)
    old = session.scalars(query.with_for_update(skip_locked=True), execution_options={"populate_existing": True}).all()
    for makeup in old:
        MAKEUP.move(session, makeup, "lapse", by=BY_TIME, now=now)
        release(session, makeup.subject)
    return len(old)


def drop_makeup(session: Session, call_id: int, now: datetime) -> None:
    """The call was not missed after all: what was kept for its makeup is free again."""
    _drop(session, session.scalar(select(Makeup).where(Makeup.call_id == call_id).with_for_update()), now)


def drop_makeups(session: Session, person_id: int, now: datetime) -> None:
    """One of the two can, or may, hold no calls now: nothing is kept for them any more."""
    _drop_all(session, now, or_(Makeup.relative_id == person_id, Makeup.cared_id == person_id))


def drop_makeups_between(session: Session, relative_id: int, cared_id: int, now: datetime) -> None:
    """These two may not call each other any more."""
    _drop_all(session, now, and_(Makeup.relative_id == relative_id, Makeup.cared_id == cared_id))


def drop_lost_times(session: Session, since: datetime, until: datetime, now: datetime) -> None:
    """Something has come between in this stretch of time: what cannot be had any more is neither kept nor offered.

    An offer of which no time is left ends. One that somebody takes at this moment is left to them: they find the place
    shut.
    """
    query = select(Makeup).where(Makeup.state == "offered", Makeup.held_until > now).order_by(Makeup.id)
    offered = query.with_for_update(skip_locked=True)
    for makeup in session.scalars(offered, execution_options={"populate_existing": True}).all():
        if not any(since <= start < until for start in makeup.starts):
            continue
        lost = set(makeup.starts) - _still_free(session, makeup, now)
        if len(lost) == len(makeup.starts):
            _drop(session, makeup, now)
            _say_lost(session, makeup, now)
            continue
        makeup.slots = [start.isoformat() for start in makeup.starts if start not in lost]
        for start in lost:
            release_between(session, makeup.subject, start, start + CALL_LASTS)
        session.flush()


def _say_lost(session: Session, makeup: Makeup, now: datetime) -> None:
    """Who may have read that times are kept hears that there are none any more; to others that is not said now."""
    call = session.get_one(FamilyCall, makeup.call_id)
    read = select(Letter.id).where(
        Letter.subject == call.subject, Letter.person_id == makeup.relative_id, Letter.kind.in_(_PROMISES),
        Letter.state.not_in(_UNREAD) | Letter.in_doubt,
    )  # fmt: skip
    if session.scalar(read.limit(1)) is not None:
        post(
            session, key=f"{call.subject}/times_lost/{makeup.id}", person_id=makeup.relative_id,
            kind="family.times_lost", facts={**facts_of(session, call), "role": "relative"}, subject=call.subject,
            revision=call.revision, now=now, about_id=call.cared_id, useful_until=makeup.held_until,
        )  # fmt: skip


def _still_free(session: Session, makeup: Makeup, now: datetime) -> set[datetime]:
    """The times around those that are kept which the two could have now."""
    relative, cared = session.get_one(Person, makeup.relative_id), session.get_one(Person, makeup.cared_id)
    first, last = (one.astimezone(CHINA).date() for one in (min(makeup.starts), max(makeup.starts)))
    try:
        free = free_slots(session, relative, cared, first_day=first - DAY, days=(last - first).days + 3, now=now,
                          held_by=makeup.subject)  # fmt: skip
    except Refused:
        return set()
    return {slot.starts_at for slot in free}


def _drop_all(session: Session, now: datetime, which: ColumnElement[bool]) -> None:
    for makeup in session.scalars(select(Makeup).where(which, Makeup.state == "offered").with_for_update()).all():
        _drop(session, makeup, now)


def _drop(session: Session, makeup: Makeup | None, now: datetime) -> None:
    if makeup is not None and makeup.state == "offered":
        MAKEUP.move(session, makeup, "withdraw", by=BY_RULE, now=now)
        release(session, makeup.subject)
        promises = (Letter.subject == f"{CALL.name}:{makeup.call_id}") & Letter.kind.in_(_PROMISES)
        say_instead(session, promises, {"makeup": False})
