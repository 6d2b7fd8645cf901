"""Taking the time of a call: all its people and one free crew, in one go or not at all."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.family.venues import CALL_LASTS, Crew, Taken, Venue, look
from models.people.persons import Person
from models.places.cells import occupy
from models.places.quarters import Grid


def take(
    session: Session, venue: Venue, people: Sequence[Person], starts_at: datetime, held_by: str, *,
    first: tuple[int | None, ...] = (), but_not: Sequence[str] = (),
) -> Crew:  # fmt: skip
    """Make `held_by` hold the time of these people and of a crew; answers the crew.

    `first` are the keys of the screen, the helper and the vehicle to be tried first; bookings named in `but_not` do not
    count. Another crew is tried while there is one; then Refused("slot_taken") is raised and nothing has changed.
    """
    ends_at, names = starts_at + CALL_LASTS, [person.resource for person in people]
    grid = Grid.over(starts_at, ends_at)
    tried, waited = set[Crew](), set[str]()
    while True:
        taken = look(session, venue, names, grid, (held_by, *but_not))
        free = sorted(free_crews(venue, people, grid.bits(starts_at, ends_at), taken), key=lambda one: _far(one, first))
        crew = next((one for one in free if one not in tried), None)
        if crew is None:
            raise Refused("slot_taken")
        if _wait_for(session, venue, crew, waited):
            continue
        tried.add(crew)
        try:
            occupy(session, [*names, *crew.resources()], starts_at, ends_at, held_by, venue.area_id)
        except Refused:
            continue  # taken between the look and the insert: look again
        return crew


def free_crews(venue: Venue, people: Sequence[Person], quarters: int, taken: Taken) -> Iterator[Crew]:
    """The crews that are free in these quarters when all these people are; none of the people helps."""
    if all(taken.is_free(person.resource, quarters) for person in people):
        yield from (
            crew for crew in venue.crews()
            if crew.helper not in people and all(taken.is_free(one, quarters) for one in crew.resources())
        )  # fmt: skip


def _far(crew: Crew, first: Sequence[int | None]) -> list[bool]:
    return [
        key != wanted for key, wanted in zip((crew.station.id, crew.helper.id, crew.vehicle_id), first, strict=False)
    ]


def _wait_for(session: Session, venue: Venue, crew: Crew, waited: set[str]) -> bool:
    """Cells cannot see a road: whoever sends one of the crew to another village at this moment goes first.

    Answers whether there was anything to wait for; then it is to be looked again.
    """
    movers = venue.movers()
    news = [
        one for one in (crew.helper, crew.station, crew.vehicle)
        if one is not None and one.resource in movers and one.resource not in waited
    ]  # fmt: skip
    for one in news:
        waited.add(one.resource)
        session.execute(select(type(one).id).where(type(one).id == one.id).with_for_update(key_share=True))
    return bool(news)
