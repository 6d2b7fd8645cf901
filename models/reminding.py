"""What is reminded of by rules: each kind, the roles that it speaks to, and what plans its letters anew."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from models.errors import Refused
from models.family import telling as calls
from models.messages.rules import take_changed
from models.ordering import reminding as visits


@dataclass(frozen=True)
class Reminded:
    """One kind of reminder. `anew` plans those of all coming bookings again and answers how many bookings they are;
    `moved` those of the bookings that a person is on, who lives in another zone now.
    """

    kind: str
    roles: tuple[str, ...]
    anew: Callable[[Session, datetime], int]
    moved: Callable[[Session, int, datetime], None]


REMINDED: tuple[Reminded, ...] = (
    Reminded(calls.REMINDER, calls.ROLES, calls.remind_anew, calls.person_moved_zone),
    Reminded(visits.REMINDER, visits.ROLES, visits.remind_anew, visits.person_moved_zone),
)


def reminded(kind: str) -> Reminded:
    """The kind of that name; raises Refused("not_yours") where there is none."""
    found = next((one for one in REMINDED if one.kind == kind), None)
    if found is None:
        raise Refused("not_yours")
    return found


def plan_changed(session: Session, now: datetime, *, days: bool) -> int:
    """Plan anew what edited rules ask for, and where the county's `days` have changed everything; answers how many.

    Of several clocks at once one does it: the others wait for its transaction, and find nothing left.
    """
    changed = [one for one in REMINDED if take_changed(session, one.kind) or days]
    return sum(one.anew(session, now) for one in changed)


def person_moved_zone(session: Session, person_id: int, now: datetime) -> None:
    """A person lives in another zone now: what is still to be said to them comes at its hour there."""
    for one in REMINDED:
        one.moved(session, person_id, now)
