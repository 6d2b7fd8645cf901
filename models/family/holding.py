"""Holding a time: five minutes for whoever has chosen it, before they confirm."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.family.booking import check_time, partner
from models.family.holds import HOLD_LASTS, MOST_HOLDS, CallHold, holds_of, let_go, sweep_holds, uncounted_for
from models.family.slots import nearest
from models.family.taking import take
from models.family.venues import CALL_LASTS, venue_for
from models.people import guardians
from models.people.identities import Who
from models.people.persons import Person


def hold_slot(session: Session, who: Who, *, cared_id: int, starts_at: datetime, now: datetime) -> CallHold:
    """Keep a time for the one who asks, for five minutes; asking again for the same time begins them anew.

    Of the person's other holds those at the same hour are given up, and the oldest where they would be too many.
    Raises Refused like `partner`, ("guardian_missing"), ("bad_time"), and ("slot_taken", alternatives=[Slot…]).
    """
    cared, relative = partner(session, who, cared_id), session.get_one(Person, who.person_id)
    guardians.check(session, cared, now)
    venue = venue_for(session, relative, cared)
    check_time(session, venue, starts_at, now)
    sweep_holds(session, now)
    # One after the other: two taps at once would each find room for one more.
    session.execute(select(Person.id).where(Person.id == relative.id).with_for_update(key_share=True))
    mine = holds_of(session, relative.id)
    same = next((one for one in mine if (one.cared_id, one.starts_at) == (cared.id, starts_at)), None)
    if same is not None:
        same.expires_at = now + HOLD_LASTS
        session.flush()
        return same
    hold = CallHold(
        person_id=relative.id, cared_id=cared.id, station_id=venue.stations[0].id, helper_id=venue.helpers[0].id,
        starts_at=starts_at, expires_at=now + HOLD_LASTS,
    )  # fmt: skip
    try:
        with session.begin_nested():  # a refusal leaves the other holds as they were
            close = [one for one in mine if abs(one.starts_at - starts_at) < CALL_LASTS]
            kept = [one for one in mine if one not in close]
            let_go(session, [*close, *kept[: max(len(kept) - MOST_HOLDS + 1, 0)]])
            session.add(hold)
            session.flush()
            crew = take(session, venue, [relative, cared], starts_at, hold.subject)
            hold.station_id, hold.helper_id = crew.station.id, crew.helper.id
            session.flush()
    except Refused as refusal:
        uncounted = uncounted_for(session, relative.id, now)
        near = nearest(session, relative, cared, starts_at, now, held_by=uncounted)
        raise Refused("slot_taken", alternatives=near) from refusal
    return hold
