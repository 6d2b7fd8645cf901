"""When a call can be, as every floor asks it: anew, instead of the time it has, or as a question to the family."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy.orm import Session

from models.family.booking import partner
from models.family.calls import led_by
from models.family.guests import guests_of
from models.family.holds import uncounted_for
from models.family.slots import NOTICE, Slot, free_slots
from models.family.venues import venue_for
from models.hours import calendar
from models.people.identities import Who
from models.people.persons import Person
from models.places.centres import ServiceCentre, open_spans

DAYS_SHOWN = 10


@dataclass(frozen=True)
class FreeTimes:
    """The two of a call, the centre that serves them, and the free half-hours in order of time."""

    relative: Person
    cared: Person
    centre: ServiceCentre
    slots: Sequence[Slot]

    def open_days(self, session: Session, now: datetime) -> list[date]:
        """The next days on which the centre is open."""
        spans = open_spans(
            session, self.centre, now.astimezone(self.centre.tz).date(), calendar(session), DAYS_SHOWN * 2
        )
        return list(dict.fromkeys(opens.astimezone(self.centre.tz).date() for opens, _ in spans))[:DAYS_SHOWN]


def for_a_new_call(
    session: Session, who: Who, person: int, now: datetime, day: date | None = None, days: int = 1, wish: str = ""
) -> FreeTimes:  # fmt: skip
    """The free times of `days` from a day on, or of the next `DAYS_SHOWN`, for a call of `who`; `wish` says where.

    Raises as `booking.partner` does.
    """
    cared, relative = partner(session, who, person), session.get_one(Person, who.person_id)
    return _free(session, relative, cared, now, (day, days), uncounted_for(session, relative.id, now), (), wish)


def to_move_a_call(
    session: Session, who: Who, call: int, now: datetime, day: date | None = None, days: int = 1
) -> FreeTimes:  # fmt: skip
    """The same for a call that there is, without the time that it has; raises as `calls.led_by` does."""
    found, _ = led_by(session, who, call)
    relative, cared = (session.get_one(Person, key) for key in (found.relative_id, found.cared_id))
    own = [found.subject, *uncounted_for(session, relative.id, now)]
    free = _free(session, relative, cared, now, (day, days), own, guests_of(session, call), found.venue_wish)
    others = [slot for slot in free.slots if slot.starts_at != found.starts_at]
    return FreeTimes(relative, cared, free.centre, others)


def to_ask_for(
    session: Session, who: Who, call: int, now: datetime, day: date | None = None, days: int = 1
) -> FreeTimes:  # fmt: skip
    """The same for a cadre who asks the family first: of the times that can be had, those they can still answer to."""
    free = to_move_a_call(session, who, call, now, day, days)
    return replace(free, slots=answerable(free.slots, now))


def answerable(slots: Sequence[Slot], now: datetime) -> list[Slot]:
    """The times before which a family has still a moment to answer."""
    return [slot for slot in slots if slot.starts_at - NOTICE > now]


def _free(
    session: Session, relative: Person, cared: Person, now: datetime, when: tuple[date | None, int], own: Sequence[str],
    guests: Sequence[Person], wish: str,
) -> FreeTimes:  # fmt: skip
    centre = venue_for(session, relative, cared, wish).centre
    day, days = when
    first, days = day or now.astimezone(centre.tz).date(), days if day else DAYS_SHOWN
    slots = free_slots(
        session, relative, cared, first_day=first, days=days, now=now, held_by=own, guests=guests, wish=wish
    )  # fmt: skip
    return FreeTimes(relative, cared, centre, slots)
