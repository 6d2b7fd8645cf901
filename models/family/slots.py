"""When a call can be, and when it is kind: the centre open, screen, helper and people free, everybody awake."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from models.family.routines import filled, habits_of
from models.family.venues import CALL_LASTS, Busy, look, venue_for
from models.hours import WorkCalendar, calendar
from models.people.persons import Person
from models.places.cells import CELL
from models.places.centres import open_spans
from models.places.quarters import Grid

NOTICE = timedelta(minutes=30)  # the elder has to be fetched
HORIZON_DAYS = 30
BEST = 3  # how many are offered first
EASE = 4  # quarters: who has been up for an hour needs no more room before a call


@dataclass(frozen=True)
class Slot:
    """Half an hour in which everything is free.

    `clashes` says what it would fall into, as (whose, what): ("cared", "nap"), ("relative", "sleep"), ("guest",
    "work"). `ease` is how many quarters around it are everybody's own as well, up to EASE.
    """

    starts_at: datetime
    ends_at: datetime
    clashes: tuple[tuple[str, str], ...] = ()
    ease: int = 0

    @property
    def humane(self) -> bool:
        """Whether nobody is asleep, at table or at work."""
        return not self.clashes


def free_slots(
    session: Session, relative: Person, cared: Person, *, first_day: date, days: int, now: datetime,
    held_by: str | Collection[str] = (), guests: Sequence[Person] = (), wish: str = "",
) -> list[Slot]:  # fmt: skip
    """The free half-hours of `days` local days at the elder's centre, in order of time; `wish` as in `venue_for`.

    What `held_by` ("call:3", or several) may be given up: it counts as free. Its `guests` must be free as well.
    """
    place, book = venue_for(session, relative, cared, wish), calendar(session)
    if abs((first_day - now.date()).days) > 2 * HORIZON_DAYS:
        return []  # a forged day, in a year that no calendar reaches
    venue = replace(place, helpers=[one for one in place.helpers if one not in guests])
    spans = [span for span in open_spans(session, venue.centre, first_day, book, days) if span[1] > now + NOTICE]
    if not spans:
        return []
    room = EASE * CELL  # what comes before the first hour and after the last counts as well
    grid = Grid.over(spans[0][0] - room, max(closes for _, closes in spans) + room)
    names = [one.resource for one in (relative, cared, *guests)]
    own = (held_by,) if isinstance(held_by, str) else held_by
    busy = Busy.of(venue, names, look(session, venue, names, grid, own))
    unkind = _unkind(session, relative, cared, guests, grid, book)
    around, found = _around(unkind, grid), list[Slot]()
    for opens, closes in spans:
        start = opens
        while start + CALL_LASTS + venue.road <= closes:
            quarters, in_time = grid.bits(start, start + CALL_LASTS), start >= max(now + NOTICE, opens + venue.road)
            if in_time and busy.leaves(quarters):
                found.append(_slot(start, quarters, unkind, around))
            start += CALL_LASTS
    return found


Unkind = Sequence[tuple[tuple[str, str], int]]


def _unkind(
    session: Session, relative: Person, cared: Person, guests: Sequence[Person], grid: Grid, book: WorkCalendar
) -> Unkind:
    """What fills the days of everybody on the call, as (whose, what) and its quarters."""
    habits = habits_of(session, [relative, cared, *guests], (cared.id,))
    roles = [("cared", cared), ("relative", relative), *(("guest", guest) for guest in guests)]
    return [
        ((role, kind), quarters)
        for role, person in roles
        for kind, quarters in filled(habits[person.id], person, grid, book).items()
    ]


def _around(unkind: Unkind, grid: Grid) -> list[int]:
    """What fills anybody's day, with so many quarters before and after as its place in the list says."""
    all_of_them = 0
    for _, quarters in unkind:
        all_of_them |= quarters
    return [grid.widened(all_of_them, ease) for ease in range(EASE + 1)]


def _slot(start: datetime, quarters: int, unkind: Unkind, around: Sequence[int]) -> Slot:
    if not around[0] & quarters:
        ease = next((n for n in range(EASE) if around[n + 1] & quarters), EASE)
        return Slot(start, start + CALL_LASTS, (), ease)
    clashes = tuple(dict.fromkeys(what for what, when in unkind if when & quarters))
    return Slot(start, start + CALL_LASTS, clashes)


def best(slots: Sequence[Slot], days_of: ZoneInfo | None = None, count: int = BEST) -> list[Slot]:
    """The kindest of some slots, in order of time: nobody disturbed, room before and after, then the soonest.

    With `days_of`, at most one of each day there: three chances and not one afternoon.
    """
    ranked = sorted(slots, key=lambda slot: (len(slot.clashes), -slot.ease, slot.starts_at))
    chosen, days = list[Slot](), set[date]()
    for slot in ranked:
        day = slot.starts_at.astimezone(days_of).date() if days_of else None
        if slot.humane and len(chosen) < count and (day is None or day not in days):
            chosen.append(slot)
            days |= {day} if day else set()
    return sorted(chosen, key=lambda slot: slot.starts_at)


def kindest_first(slots: Sequence[Slot]) -> list[Slot]:
    """All of some slots: the best, then those that disturb nobody, then the others, each in order of time."""
    first = best(slots)
    rest = (slot for slot in slots if slot not in first)
    return [*first, *sorted(rest, key=lambda slot: (not slot.humane, slot.starts_at))]


def nearest(
    session: Session, relative: Person, cared: Person, wanted: datetime, now: datetime, *,
    held_by: str | Collection[str] = (), guests: Sequence[Person] = (), count: int = BEST, wish: str = "",
) -> list[Slot]:  # fmt: skip
    """The free slots nearest to a wanted time, within a week around it: what to offer when it is gone."""
    day = wanted.astimezone(venue_for(session, relative, cared, wish).centre.tz).date()
    slots = free_slots(
        session, relative, cared, first_day=day - timedelta(days=1), days=8, now=now, held_by=held_by, guests=guests,
        wish=wish,
    )  # fmt: skip
    return sorted(slots, key=lambda s: (abs(s.starts_at - wanted), s.starts_at))[:count]
