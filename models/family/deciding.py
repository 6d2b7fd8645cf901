"""Carrying out what a clerk has decided of calls that cannot stay: asked, called off or kept, each with its history."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.family.affected import Affected, is_to_come
from models.family.call_days import CallDay
from models.family.calls import FamilyCall
from models.family.changing import ask, let_stand
from models.family.closing import is_shut_out
from models.family.ending import end
from models.family.guests import guests_of
from models.family.proposals import CallProposal, standing
from models.family.reseating import call_off
from models.family.shut_out import CHOICES, ShutOut, asked_because_of
from models.family.slots import HORIZON_DAYS, best, free_slots
from models.life import By
from models.people.identities import Who
from models.people.persons import Person
from models.places.centres import ServiceCentre

LOOK_DAYS = 7  # from the first day on: a later call is another call


@dataclass(frozen=True)
class Choice:
    """What a clerk chose for one call, one of CHOICES, and the revision of it that the page showed."""

    what: str
    revision: int


@dataclass(frozen=True)
class Decided:
    """What a clerk decided, call by call and call day by call day ("cancel" or "keep"); `instead` is what is offered
    to those whose call is cancelled."""

    calls: Mapping[int, Choice] = field(default_factory=dict)
    days: Mapping[int, str] = field(default_factory=dict)
    instead: str = ""

    def check(self) -> None:
        """Raises Refused("bad_choice") for what is none, or ("alternative_needed") for a no with nothing instead."""
        chosen = [*(one.what for one in self.calls.values()), *self.days.values()]
        if any(one not in CHOICES for one in chosen):
            raise Refused("bad_choice")
        if "cancel" in chosen and not self.instead.strip():
            raise Refused("alternative_needed")


@dataclass(frozen=True)
class Cause:
    """Why calls cannot stay: its subject ("closure:5"), in words, and from which day on another time is looked for.

    Without such a day, from that of each call on.
    """

    subject: str
    reason: str
    opens: date | None = None


def carry_out(session: Session, who: Who, cause: Cause, found: Affected, decided: Decided, now: datetime) -> None:
    """Do with each call what was decided, and write down what came of it; the caller holds their centres.

    A call of which nothing was decided as it stands now is kept, and one that has begun or gone elsewhere is named:
    none is lost silently.
    """
    for day, _, rows in found.days:
        _settle_day(session, who, cause, day, [row.FamilyCall for row in rows], decided, now)
    calls = _held(session, [row.FamilyCall.id for row in (*found.calls, *found.begun)])
    spoken_for = _spoken_for(session, found.centres)
    for call in calls:
        choice = decided.calls.get(call.id)
        if not is_to_come(call, now):
            outcome = "changed"
        elif choice is None or choice.revision != call.revision:
            outcome = "meanwhile"
        else:
            outcome = _settle(session, who, cause, call, choice.what, decided.instead, spoken_for, now)
        write_down(session, cause, call, choice.what if choice else "", outcome)
    for call in _held(session, [row.FamilyCall.id for row in found.asked]):
        _ask_anew(session, who, cause, call, spoken_for, now)
    _name_the_others(session, cause, found, decided)


def _ask_anew(
    session: Session, who: Who, cause: Cause, call: FamilyCall, spoken_for: set[datetime], now: datetime
) -> None:  # fmt: skip
    """The time for which a family is being asked is gone: they are asked for another.

    Where there is none, nothing comes of their silence any more: a cadre sees to it.
    """
    asked = standing(session, call.id)
    if asked is None or call.state != "booked":
        return
    new_at = kind_time(session, call, cause.opens, now, spoken_for)
    found = new_at is not None and _asked(session, who, cause, call, new_at, now, asked.otherwise)
    if found and new_at is not None:
        spoken_for.add(new_at)
    else:
        asked.otherwise = "keep"
    write_down(session, cause, call, "ask", "asked" if found else "no_time")


def _settle_day(
    session: Session, who: Who, cause: Cause, day: CallDay, calls: list[FamilyCall], decided: Decided, now: datetime
) -> None:
    off = decided.days.get(day.id) == "cancel"
    if off:
        call_off(session, who, day.id, cause.reason, now, decided.instead.strip())
    for call in calls:
        session.refresh(call)
        outcome = "kept" if not off else "cancelled" if call.state == "cancelled" else "changed"
        write_down(session, cause, call, "cancel" if off else "keep", outcome)


def _settle(
    session: Session, who: Who, cause: Cause, call: FamilyCall, what: str, instead: str, spoken_for: set[datetime],
    now: datetime,
) -> str:  # fmt: skip
    if what == "cancel":
        end(session, call, by=By(who.person_id, "cadre"), reason=cause.reason, now=now, code="centre",
            alternative=instead.strip())  # fmt: skip
        return "cancelled"
    before = standing(session, call.id)
    if what == "keep":
        if before is not None:
            before.otherwise = "keep"  # a yes still moves it, and nothing comes of silence
        return "kept"
    others = spoken_for - ({before.starts_at} if before else set())
    new_at = kind_time(session, call, cause.opens, now, others)
    if new_at is None or not _asked(session, who, cause, call, new_at, now):
        return "no_time"
    spoken_for.add(new_at)
    return "asked"


def _asked(
    session: Session, who: Who, cause: Cause, call: FamilyCall, new_at: datetime, now: datetime,
    otherwise: str = "cancel",
) -> bool:  # fmt: skip
    """Whether the family could be asked: hardly anybody answers within the last hour before a call."""
    try:
        with session.begin_nested():
            ask(session, who, call, new_at, cause.reason, otherwise, now)
    except Refused:
        return False
    return True


def let_stay(session: Session, cause: str, now: datetime) -> None:
    """Whoever was asked for another time because of this and can have their own after all is asked no more, and hears
    that their call stands."""
    for call in _held(session, asked_because_of(session, cause)):
        asked = standing(session, call.id)
        if asked is not None and not is_shut_out(session, call):
            let_stand(session, call, asked, now)


def kind_time(
    session: Session, call: FamilyCall, opens: date | None, now: datetime, but_not: Collection[datetime] = ()
) -> datetime | None:
    """The kindest time of the first day that has one at which nobody is disturbed; None where none has.

    Looked for from `opens` on, else from the day of the call, and where this call is to be held. Times in `but_not` are
    spoken for: other families are being asked whether they would have them.
    """
    relative, cared = session.get_one(Person, call.relative_id), session.get_one(Person, call.cared_id)
    zone = session.get_one(ServiceCentre, call.centre_id).tz
    first_day, guests = opens or call.starts_at.astimezone(zone).date(), guests_of(session, call.id)
    try:
        free = free_slots(session, relative, cared, first_day=first_day, days=LOOK_DAYS, now=now,
                          held_by=call.subject, guests=guests, wish=call.venue_wish)  # fmt: skip
    except Refused:
        return None  # nobody there to help any more, or no screen
    furthest, others = now + timedelta(days=HORIZON_DAYS), {*but_not, call.starts_at}
    kind = [one for one in free if one.humane and one.starts_at <= furthest and one.starts_at not in others]
    days = [one.starts_at.astimezone(zone).date() for one in kind]
    first = [one for one, day in zip(kind, days, strict=True) if day == days[0]]
    return best(first, count=1)[0].starts_at if first else None


def _held(session: Session, keys: Collection[int]) -> list[FamilyCall]:
    """These calls as they stand now, held in the order of their keys, and answered in that of their time."""
    session.flush()
    query = select(FamilyCall).where(FamilyCall.id.in_(keys)).order_by(FamilyCall.id)
    calls = session.scalars(
        query.with_for_update(key_share=True), execution_options={"populate_existing": True}
    ).all()  # fmt: skip
    return sorted(calls, key=lambda call: (call.starts_at, call.id))


def _spoken_for(session: Session, centres: Collection[int]) -> set[datetime]:
    """The times for which families of these centres are being asked already."""
    query = select(CallProposal.starts_at).join(FamilyCall, CallProposal.call_id == FamilyCall.id)
    return set(session.scalars(query.where(CallProposal.state == "asked", FamilyCall.centre_id.in_(centres))))


def _name_the_others(session: Session, cause: Cause, found: Affected, decided: Decided) -> None:
    """Calls of these centres that the page showed and that are there no more: moved, cancelled or over meanwhile."""
    rows = [*found.calls, *found.begun, *found.asked, *(row for _, __, rows in found.days for row in rows)]
    gone = decided.calls.keys() - {row.FamilyCall.id for row in rows}
    query = select(FamilyCall).where(FamilyCall.id.in_(gone), FamilyCall.centre_id.in_(found.centres))
    for call in session.scalars(query.order_by(FamilyCall.id)).all():
        write_down(session, cause, call, decided.calls[call.id].what, "changed")


def write_down(session: Session, cause: Cause, call: FamilyCall, choice: str, outcome: str) -> None:
    """Write down what came of one call because of this."""
    session.add(
        ShutOut(
            cause=cause.subject, call_id=call.id, revision=call.revision, starts_at=call.starts_at, choice=choice,
            outcome=outcome,
        )
    )  # fmt: skip
    session.flush()
