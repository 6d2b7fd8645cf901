"""Passes into a call's room: one person, one side, one use, half an hour; the browser that uses it gets a seat."""

import hmac
import secrets
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, String, and_, delete, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base
from models.errors import Refused
from models.family.calls import CALL, OVER, FamilyCall, call_for, calls_of, may_see_own, relatives_on
from models.family.guests import calls_joined
from models.family.presence import CallSeat, as_who, digest, place, seated, take_seat
from models.family.rooms import CallRoom, joins_alone, may_enter, open_room, room_of
from models.family.telling import facts_of, tell
from models.life import By
from models.people.care import linked_to
from models.people.identities import Who
from models.people.persons import Person

LASTS = timedelta(minutes=30)
KEPT = timedelta(days=1)  # so long a used pass is told from one that never was


class CallPass(Base):
    """A pass that was given out. Only a digest stands here: who reads the table can enter nowhere."""

    __tablename__ = "call_passes"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    call_id: Mapped[int] = mapped_column(ForeignKey("family_calls.id"), index=True)
    revision: Mapped[int]
    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"))
    role: Mapped[str] = mapped_column(String(12))  # as in a seat
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


def give_pass(session: Session, who: Who, call_id: int, now: datetime) -> str:
    """A pass for the one who asks: to a relative or guest their own side, to a cadre the elder's screen, and to who is
    called the same side on their own phone.

    Raises like `call_for` and `room_of`, and Refused("with_cadre") to who is called where it is held in another way.
    """
    call, role = call_for(session, who, call_id)
    if role == "cared" and not joins_alone(call):
        raise Refused("with_cadre")
    return _give(session, call, open_room(session, call, now), who.person_id, role, now)


def open_screen(session: Session, who: Who, call_id: int, now: datetime) -> str:
    """The elder is here: a cadre checks in and gets a pass for the screen; the relatives hear that they are waited for.

    Where the room has closed meanwhile, the same booking gets another one. Raises Refused("not_yours") for anybody but
    a cadre, and like `open_room`.
    """
    call, role = call_for(session, who, call_id)
    if role != "cadre":
        raise Refused("not_yours")
    room = open_room(session, call, now, anew=True)
    if call.state == "booked":
        CALL.move(session, call, "check_in", by=By(who.person_id, role), now=now)
    facts = {**facts_of(session, call), "closes_at": room.closes_at.isoformat()}
    tell(session, call, dict.fromkeys(relatives_on(session, call), "arrived"), facts, now, mark=f":{room.number}")
    return _give(session, call, room, who.person_id, role, now)


def _give(session: Session, call: FamilyCall, room: CallRoom, person_id: int, role: str, now: datetime) -> str:
    secret = secrets.token_urlsafe(24)
    session.add(
        CallPass(
            key=digest(secret), call_id=call.id, revision=call.revision, person_id=person_id,
            role="screen" if role == "cadre" else role, expires_at=min(now + LASTS, room.closes_at),
        )
    )  # fmt: skip
    session.flush()
    return secret


def look_at(session: Session, secret: str, now: datetime, *, by: int | None = None) -> tuple[CallPass, FamilyCall]:
    """A pass and its call, not yet used. `by`: who is known to hold it, where somebody is.

    Raises Refused("pass_unknown"), Refused("not_yours") when it was given to somebody else, or they are not on the
    call any more, Refused("pass_used"), Refused("pass_over"), Refused("call_moved"), and like `room_of`.
    """
    found = session.get(CallPass, digest(secret), populate_existing=True)
    if found is None:
        raise Refused("pass_unknown")
    if by not in (None, found.person_id):
        raise Refused("not_yours")
    call, _ = call_for(session, as_who(found.person_id), found.call_id)
    if call.state != "cancelled" and call.revision != found.revision:
        raise Refused("call_moved")
    room_of(session, call, now)
    if found.used_at is not None:
        raise Refused("pass_used")
    if found.expires_at <= now:
        raise Refused("pass_over")
    return found, call


def use_pass(
    session: Session, secret: str, now: datetime, *, by: int | None = None, key: str = ""
) -> tuple[str, CallSeat]:
    """Use a pass up, and take a seat: the seat's secret, for the browser to keep, and the seat.

    One statement uses it up: of two at the same moment, one gets in. A page whose answer was lost asks again with the
    same `key`, which it alone knows, and is answered the same; without one nobody is let in twice. Raises like
    `look_at`, `take_seat` and, for who asks again, `seated`.
    """
    mine = _seats_secret(secret, key) if key else secrets.token_urlsafe(32)
    try:
        found, call = look_at(session, secret, now, by=by)
    except Refused as refusal:
        if refusal.code != "pass_used":
            raise
        return mine, _seat_once_more(session, mine, now)
    won = session.execute(
        update(CallPass).where(CallPass.key == found.key, CallPass.used_at.is_(None)).values(used_at=now)
        .returning(CallPass.key).execution_options(synchronize_session=False)
    ).first()  # fmt: skip
    if won is None:
        return mine, _seat_once_more(session, mine, now)
    return mine, take_seat(session, call, found.person_id, found.role, mine, now)


def _seats_secret(secret: str, key: str) -> str:
    """The secret of the seat to which a pass leads the page with this key; who has but one of the two has nothing."""
    return urlsafe_b64encode(hmac.digest(secret.encode(), key.encode(), "sha256")).decode().rstrip("=")


def _seat_once_more(session: Session, mine: str, now: datetime) -> CallSeat:
    if session.scalar(select(CallSeat.id).where(CallSeat.key == digest(mine))) is None:
        raise Refused("pass_used")
    return seated(session, mine, now).seat


def seat_of_pass(session: Session, secret: str, seat_secret: str) -> bool:
    """Whether this browser holds the seat that this pass has led to: opening its link again leads into the room."""
    found = session.get(CallPass, digest(secret))
    seat = session.scalar(select(CallSeat).where(CallSeat.key == digest(seat_secret)))
    if found is None or seat is None:
        return False
    return (seat.call_id, seat.place) == (found.call_id, place(found.role, found.person_id))


def open_calls(session: Session, who: Who, now: datetime) -> list[FamilyCall]:
    """The calls into whose room this person may go now, one whose booked time is over among them; the soonest first."""
    own = FamilyCall.cared_id == who.person_id
    on_it = or_(FamilyCall.relative_id == who.person_id, FamilyCall.id.in_(calls_joined(who.person_id)))
    rooms = (
        select(FamilyCall)
        .join(CallRoom, (CallRoom.call_id == FamilyCall.id) & (CallRoom.revision == FamilyCall.revision))
        .where(or_(own, and_(on_it, FamilyCall.cared_id.in_(linked_to(who.person_id)))))
        .where(CallRoom.opens_at <= now, CallRoom.closes_at > now, FamilyCall.state.not_in(OVER))
        .join(Person, FamilyCall.cared_id == Person.id).where(Person.state == "active")
    )  # fmt: skip
    coming = [call for call in calls_of(session, who, now) if may_enter(call, now)]
    late = [call for call in session.scalars(rooms) if call.cared_id != who.person_id or may_see_own(session, call)]
    found = {call.id: call for call in (*coming, *late) if call.cared_id != who.person_id or joins_alone(call)}
    return sorted(found.values(), key=lambda call: (call.starts_at, call.id))


def forget_passes(session: Session, now: datetime) -> int:
    """Delete the passes that were over a day ago; answers how many."""
    old = delete(CallPass).where(CallPass.expires_at <= now - KEPT).returning(CallPass.key)
    return len(session.execute(old).all())
