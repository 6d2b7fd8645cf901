"""Who was in a call's room and when, on either side: the page that holds a seat, and what that says afterwards."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, String, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.errors import Refused
from models.family.calls import CALL, FamilyCall, call_for
from models.family.rooms import CallRoom, room_of
from models.life import BY_RULE
from models.people.identities import Who
from models.people.persons import Person

HOME = ("screen", "cared")  # the roles of the elder's or child's side
MOST_SEATS = 4  # each speaks with each of the others directly: more would be too much for a phone
SEEN_EVERY = timedelta(seconds=10)  # more often than this nobody needs to know
HERE_FOR = timedelta(seconds=40)  # whoever was not seen for so long is not here


class CallSeat(Row):
    """One browser in one call's room, from the pass that it came with until the room closes. `key` is a digest: who
    reads this table can sit nowhere. A page that is loaded anew keeps its seat; another browser of the same person, or
    a second screen, takes it over.

    `role`: "screen" (the elder's side, opened by a cadre), "cared" (the same on the elder's own phone), "relative" or
    "guest". `saw_at`: since when pictures or sound of somebody else came through.
    """

    __tablename__ = "call_seats"

    key: Mapped[str] = mapped_column(String(64), unique=True)
    call_id: Mapped[int] = mapped_column(ForeignKey("family_calls.id"), index=True)
    revision: Mapped[int]
    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    role: Mapped[str] = mapped_column(String(12))
    came_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    left_at: Mapped[datetime | None]
    saw_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    @property
    def place(self) -> str:
        """What one browser at a time can hold: the screen, or a person's own place."""
        return place(self.role, self.person_id)

    @property
    def at_home(self) -> bool:
        """Whether this is the elder's or child's side."""
        return self.role in HOME


@dataclass(frozen=True)
class Came:
    """What the room knows of a call: it suggests what became of it, and a human says so."""

    home: bool  # the elder's side was there
    away: bool  # a relative or guest was there
    met: bool  # pictures or sound went both ways


@dataclass(frozen=True)
class Seated:
    """A seat that stands, with its call and the room of this moment."""

    seat: CallSeat
    call: FamilyCall
    room: CallRoom


def place(role: str, person_id: int) -> str:
    """The place in a room that goes with a role: the elder's side has one, whether a cadre has opened it on the screen
    or the elder on their own phone. Who comes in last has it, and the two do not echo each other."""
    return "screen" if role in HOME else f"person:{person_id}"


def digest(secret: str) -> str:
    """Under which key a secret of a browser is kept."""
    return hashlib.sha256(secret.encode()).hexdigest()


def take_seat(session: Session, call: FamilyCall, person_id: int, role: str, secret: str, now: datetime) -> CallSeat:
    """Give a browser a seat; its secret is kept nowhere.

    Raises Refused("room_full", most=…) when four are in the room.
    """
    session.refresh(call, with_for_update={"key_share": True})
    for one in log_of(session, call):
        if one.ended_at is None and one.place == place(role, person_id):
            one.ended_at = now
    session.flush()
    _check_place(session, call, now)
    seat = CallSeat(
        key=digest(secret), call_id=call.id, revision=call.revision, person_id=person_id, role=role, came_at=now,
        seen_at=now,
    )  # fmt: skip
    session.add(seat)
    session.flush()
    return seat


def seated(session: Session, secret: str, now: datetime) -> Seated:
    """The seat behind a browser's secret, where it stands.

    Raises Refused("pass_unknown") for a secret that nobody was given, Refused("seat_moved") when the same person has
    come in elsewhere, Refused("call_moved") when the call has another time now, Refused("not_yours" or "no_link") for
    whoever is not on the call any more, and like `room_of`.
    """
    seat = session.scalar(select(CallSeat).where(CallSeat.key == digest(secret)))
    if seat is None:
        raise Refused("pass_unknown")
    call = session.get_one(FamilyCall, seat.call_id)
    if call.state != "cancelled" and call.revision != seat.revision:
        raise Refused("call_moved")
    room = room_of(session, call, now)
    if seat.ended_at is not None:
        raise Refused("seat_moved")
    call_for(session, as_who(seat.person_id), call.id)
    return Seated(seat, call, room)


def as_who(person_id: int) -> Who:
    """A person as the one who asks, where no WeChat identity is known: the rules look at the person alone."""
    return Who(person_id, 0, "", "UTC", "", "")


def come_in(session: Session, found: Seated, now: datetime) -> None:
    """The page is open, for the first time or again. Raises Refused("room_full", most=…)."""
    session.refresh(found.call, with_for_update={"key_share": True})
    _check_place(session, found.call, now, but_not=found.seat.id)
    found.seat.seen_at, found.seat.left_at = now, None
    session.flush()


def touch(session: Session, seat: CallSeat, now: datetime) -> None:
    """The page is still open."""
    if seat.left_at is None and now - seat.seen_at >= SEEN_EVERY:
        session.execute(
            update(CallSeat).where(CallSeat.id == seat.id, CallSeat.left_at.is_(None)).values(seen_at=now)
        )  # fmt: skip


def go_out(session: Session, seat: CallSeat, now: datetime) -> None:
    """The page was closed; it may come in again."""
    seat.seen_at = seat.left_at = now
    session.flush()


def saw(session: Session, found: Seated, now: datetime) -> None:
    """Pictures or sound come through to this seat; when they do on both sides, the call is under way."""
    call, seat = found.call, found.seat
    session.refresh(call, with_for_update={"key_share": True})  # of two who tell it, the second sees the first
    if seat.saw_at is None:
        seat.saw_at = now
    session.flush()
    if call.state in CALL.by_name["start"].sources and who_came(session, call).met:
        CALL.move(session, call, "start", by=BY_RULE, now=now)


def others_here(session: Session, call: FamilyCall, place_of: str, now: datetime) -> list[str]:
    """The names of those who are in the room now, but for whoever holds this place."""
    here = [one for one in _here(session, call, now) if one.place != place_of]
    return [name_of(session, call, one.role, one.person_id) for one in here]


def name_of(session: Session, call: FamilyCall, role: str, person_id: int) -> str:
    """Who sits there, as the others see it."""
    return session.get_one(Person, call.cared_id if role == "screen" else person_id).name


def who_came(session: Session, call: FamilyCall) -> Came:
    """What the room knows of a call at the time that it has now."""
    seats = log_of(session, call)
    sides = {one.at_home for one in seats}
    return Came(True in sides, False in sides, {one.at_home for one in seats if one.saw_at} == {True, False})


def log_of(session: Session, call: FamilyCall) -> Sequence[CallSeat]:
    """Every seat of a call at the time that it has now, in the order in which they were taken."""
    seats = select(CallSeat).where(CallSeat.call_id == call.id, CallSeat.revision == call.revision)
    return session.scalars(seats.order_by(CallSeat.id), execution_options={"populate_existing": True}).all()


def _here(session: Session, call: FamilyCall, now: datetime) -> list[CallSeat]:
    return [
        one for one in log_of(session, call)
        if one.ended_at is None and one.left_at is None and one.seen_at > now - HERE_FOR
    ]  # fmt: skip


def _check_place(session: Session, call: FamilyCall, now: datetime, but_not: int = 0) -> None:
    if sum(one.id != but_not for one in _here(session, call, now)) >= MOST_SEATS:
        raise Refused("room_full", most=MOST_SEATS)
