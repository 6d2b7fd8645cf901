"""What is reminded of by rules: each kind, the roles that it speaks to, and what plans its letters anew."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from models.errors import Refused
from models.family import telling as calls
from models.messages.outbox import find_the_hour_anew
from models.messages.rules import plan_from_the_start, take_changed, to_be_planned
from models.ordering import reminding as visits

AT_ONCE = 50


@dataclass(frozen=True)
class Reminded:
    """One kind of reminder. `coming` answers the keys of so many coming bookings after a key; `anew` plans the
    reminders of those of them that still come, and answers how many they are; `moved` those of the bookings that a
    person is on, who lives in another zone now.
    """

    kind: str
    roles: tuple[str, ...]
    coming: Callable[[Session, datetime, int, int], Sequence[int]]
    anew: Callable[[Session, datetime, Collection[int]], int]
    moved: Callable[[Session, int, datetime], None]


REMINDED: tuple[Reminded, ...] = (
    Reminded(calls.REMINDER, calls.ROLES, calls.coming, calls.remind_these, calls.person_moved_zone),
    Reminded(visits.REMINDER, visits.ROLES, visits.coming, visits.remind_these, visits.person_moved_zone),
)


def reminded(kind: str) -> Reminded:
    """The kind of that name; raises Refused("not_yours") where there is none."""
    found = next((one for one in REMINDED if one.kind == kind), None)
    if found is None:
        raise Refused("not_yours")
    return found


def take_up_changes(session: Session, *, days: bool) -> None:
    """Write down which kinds are to be planned anew: those whose rules were edited, and where the county's `days` have
    changed all of them. Of several clocks at once one does it: the others wait, and find nothing left."""
    for one in REMINDED:
        if take_changed(session, one.kind) or days:
            plan_from_the_start(session, one.kind)


def plan_some(session: Session, now: datetime) -> int | None:
    """Plan the next few bookings of a kind that is to be planned anew; answers how many, None where there is none.

    No more than `AT_ONCE`: who moves a booking waits for these alone, and whoever dies leaves the rest to the next.
    """
    begun = to_be_planned(session, [one.kind for one in REMINDED])
    if begun is None:
        return None
    one = reminded(begun.kind)
    keys = one.coming(session, now, begun.reached, AT_ONCE)
    planned = one.anew(session, now, keys)
    if len(keys) < AT_ONCE:
        session.delete(begun)
    else:
        begun.reached = keys[-1]
    session.flush()
    return planned


def person_moved_zone(session: Session, person_id: int, now: datetime) -> None:
    """A person lives in another zone now: what is still to be said to them comes at its hour there."""
    for one in REMINDED:
        one.moved(session, person_id, now)
    find_the_hour_anew(session, person_id, now)  # after the bookings, in whose order letters are locked
