"""Taking the time of a call: all its people, one free screen and one free helper, in one go or not at all."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.family.slots import CALL_LASTS, Venue, look
from models.people.persons import Person
from models.places.cells import occupy
from models.places.centres import Station
from models.places.quarters import Grid


def take(
    session: Session, venue: Venue, people: Sequence[Person], starts_at: datetime, held_by: str, *,
    first: tuple[int | None, int | None] = (None, None), but_not: Sequence[str] = (),
) -> tuple[Station, Person]:  # fmt: skip
    """Make `held_by` hold the time of these people, of a screen and of a helper; answers those two.

    `first` are the keys of the screen and helper to be tried first; bookings named in `but_not` do not count. Another
    pair is tried while there is one; then Refused("slot_taken") is raised and nothing has changed.
    """
    ends_at, where = starts_at + CALL_LASTS, venue.centre.area_id
    grid = Grid.over(starts_at, ends_at)
    quarters = grid.bits(starts_at, ends_at)
    stations = sorted(venue.stations, key=lambda station: station.id != first[0])
    helpers = sorted((one for one in venue.helpers if one not in people), key=lambda helper: helper.id != first[1])
    names = [person.resource for person in people]
    tried, waited = set[tuple[int, int]](), set[int]()
    while True:
        taken = look(session, venue, names, grid, (held_by, *but_not))
        pair = next(
            (
                (station, helper) for station in stations for helper in helpers
                if (station.id, helper.id) not in tried
                and all(taken.is_free(one, quarters) for one in (*names, station.resource, helper.resource))
            ),
            None,
        )  # fmt: skip
        if pair is None:
            raise Refused("slot_taken")
        station, helper = pair
        if helper.id not in waited:
            # Cells cannot see a road: whoever sends this helper to another village at this moment goes first.
            waited.add(helper.id)
            session.execute(select(Person.id).where(Person.id == helper.id).with_for_update(key_share=True))
            continue
        tried.add((station.id, helper.id))
        try:
            occupy(session, [*names, station.resource, helper.resource], starts_at, ends_at, held_by, where)
        except Refused:
            continue  # taken between the look and the insert: look again
        return station, helper
