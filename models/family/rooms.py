"""Where a call is held: a room that opens before its time, outlasts it, and is made anew for whoever comes late."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.errors import Refused
from models.family.calls import OVER, FamilyCall
from models.family.venues import CALL_LASTS
from models.people.persons import Person
from models.people.staff import areas_under
from models.places.cells import cells_between, taken

EARLY = timedelta(minutes=15)  # the room opens so long before the call
GRACE = timedelta(minutes=15)  # and closes so long after its end
LATEST, AHEAD = timedelta(hours=2), timedelta(hours=12)  # what is near: one ended so long ago is completed by the clock


class CallRoom(Row):
    """One room of one call, of the time that the call had then. Number 0 is the booked time's own; each further one
    was made by a cadre for somebody who came when the last had closed. `name` is known to nobody outside."""

    __tablename__ = "call_rooms"
    __table_args__ = (UniqueConstraint("call_id", "revision", "number"),)

    call_id: Mapped[int] = mapped_column(ForeignKey("family_calls.id"), index=True)
    revision: Mapped[int]
    number: Mapped[int]
    name: Mapped[str] = mapped_column(String(32), unique=True)
    opens_at: Mapped[datetime]
    closes_at: Mapped[datetime]


def may_enter(call: FamilyCall, now: datetime) -> bool:
    """Whether the room of the booked time is open: what a list of calls shows without asking for the room itself."""
    return call.state not in OVER and call.starts_at - EARLY <= now < call.ends_at + GRACE


def joins_alone(call: FamilyCall) -> bool:
    """Whether who is called may come in on a phone of their own: where the call is held in this room, and not by a
    device or a cadre's phone beside them."""
    return call.way == "room"


def room_of(session: Session, call: FamilyCall, now: datetime) -> CallRoom:
    """The room that is open at this moment.

    Raises Refused("call_off") when the call was cancelled, Refused("room_early", minutes=…) before it opens, and
    Refused("room_over") when it has closed, or the call has ended.
    """
    _check_state(call)
    room = _newest(session, call)
    if room is not None and room.opens_at <= now < room.closes_at:
        return room
    if now < call.starts_at - EARLY:
        raise Refused("room_early", minutes=EARLY // timedelta(minutes=1))
    raise Refused("room_over")


def open_room(session: Session, call: FamilyCall, now: datetime, *, anew: bool = False) -> CallRoom:
    """The room of this moment, made when it lacks; `anew`: another one where the last has closed, for the same booking.

    A room made anew lasts as long as a call, or until the next one needs the screen: nobody can book the screen for the
    half-hour that has begun, so its cells are only looked at. Raises like `room_of`, and Refused("screen_taken") when
    the next call has begun on it.
    """
    session.refresh(call, with_for_update={"key_share": True})  # of two who open it, the second finds what is made
    try:
        return room_of(session, call, now)
    except Refused as refusal:
        may_make = refusal.code == "room_over" and call.state not in OVER
        if not may_make or not (anew or may_enter(call, now)):
            raise
    last = _newest(session, call)
    opens, closes = call.starts_at - EARLY, call.ends_at + GRACE
    if not may_enter(call, now):
        opens, closes = now, _until(session, call, now)
    room = CallRoom(
        call_id=call.id, revision=call.revision, number=last.number + 1 if last else int(opens == now),
        name=secrets.token_hex(12), opens_at=opens, closes_at=closes,
    )  # fmt: skip
    session.add(room)
    session.flush()
    return room


def calls_near(session: Session, cadre_id: int, now: datetime) -> list[FamilyCall]:
    """The calls whose elder or child lives below this cadre's areas, from those that are late to those of the next
    half-day; the soonest first."""
    query = (
        select(FamilyCall).join(Person, FamilyCall.cared_id == Person.id)
        .where(Person.area_id.in_(areas_under(cadre_id)), FamilyCall.state.not_in(OVER))
        .where(FamilyCall.ends_at > now - LATEST, FamilyCall.starts_at < now + AHEAD)
        .order_by(FamilyCall.starts_at, FamilyCall.id)
    )  # fmt: skip
    return list(session.scalars(query))


def _check_state(call: FamilyCall) -> None:
    if call.state == "cancelled":
        raise Refused("call_off")
    if call.state in OVER:
        raise Refused("room_over")


def _newest(session: Session, call: FamilyCall) -> CallRoom | None:
    rooms = select(CallRoom).where(CallRoom.call_id == call.id, CallRoom.revision == call.revision)
    return session.scalar(rooms.order_by(CallRoom.number.desc()).limit(1))


def _until(session: Session, call: FamilyCall, now: datetime) -> datetime:
    """Until when a call that begins now may last on its screen."""
    first, end = cells_between(now, now + CALL_LASTS)[0], now + CALL_LASTS + GRACE
    held = taken(session, [f"station:{call.station_id}"], first, end, but_not=call.subject)
    until = min((start for _, start in held), default=end)
    if until <= now:
        raise Refused("screen_taken")
    return until
