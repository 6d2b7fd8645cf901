"""Calls at home (上门): how long the way is, and that the helper has set out."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.family.calls import AT_HOME, CALL, FamilyCall, cadres_call
from models.family.guests import guests_of
from models.family.telling import facts_of, tell
from models.life import By
from models.people.identities import Identity, Who, reached
from models.people.persons import Person
from models.places.areas import Area
from models.places.centres import ServiceCentre
from models.places.travel import roads_between

SET_OUT_WITHIN = timedelta(hours=4)  # before the call: a tap the day before is a slip of the thumb


def roads_to(session: Session, calls: Iterable[FamilyCall]) -> dict[int, timedelta]:
    """How long the way is to each of the calls at home among those of one day, by their keys.

    A helper's first way is from the centre; every other is from the home before.
    """
    at_home = sorted((one for one in calls if one.at_home), key=lambda one: (one.helper_id, one.starts_at))
    if not at_home:
        return {}
    people = select(Person.id, Person.area_id).where(Person.id.in_({one.cared_id for one in at_home}))
    homes = {row.id: row.area_id for row in session.execute(people)}
    places = select(ServiceCentre.id, ServiceCentre.area_id).where(
        ServiceCentre.id.in_({one.centre_id for one in at_home})
    )
    centres = {row.id: row.area_id for row in session.execute(places)}
    known = select(Area).where(Area.id.in_({*homes.values(), *centres.values()}))
    areas = {one.id: one for one in session.scalars(known)}
    before, ways = dict[int, int](), dict[int, tuple[Area, Area]]()
    for one in at_home:
        from_id = before.get(one.helper_id, centres[one.centre_id])
        before[one.helper_id] = homes[one.cared_id] or centres[one.centre_id]
        ways[one.id] = areas[from_id], areas[before[one.helper_id]]
    minutes = roads_between(session, set(ways.values()))
    return {key: timedelta(minutes=minutes[here.id, there.id]) for key, (here, there) in ways.items()}


def may_set_out(call: FamilyCall, now: datetime) -> bool:
    """Whether somebody may be on the way to this call: at home, to come, and near."""
    return call.at_home and call.state == "booked" and now >= call.starts_at - SET_OUT_WITHIN


def set_out(session: Session, who: Who, call_id: int, now: datetime) -> tuple[FamilyCall, datetime]:
    """The helper is on the way to the home: the family hears when they will be there. Twice is once.

    Answers the call and when the helper arrives. Raises Refused("not_yours"), or ("wrong_state") for a call that is
    not at home, or over, and days before it.
    """
    call = cadres_call(session, who, call_id)
    if not may_set_out(call, now):
        raise Refused("wrong_state", thing=CALL.name, state=call.state)
    already = call.set_out_at
    arrives = (already or now) + roads_to(session, _round(session, call))[call.id]
    if already is not None:
        return call, arrives
    CALL.move(
        session, call, "set_out", by=By(who.person_id, "cadre"), now=now, where={"revision": call.revision},
        set_out_at=now,
    )  # fmt: skip
    readers = [call.relative_id, *(guest.id for guest in guests_of(session, call.id))]
    # An elder without WeChat hears it at the door; nobody is sent to tell them that somebody comes.
    readers += session.scalars(reached().where(Identity.person_id == call.cared_id))
    facts = {
        **facts_of(session, call), "arrives_at": arrives.isoformat(), "role": "relative",
        "helper": session.get_one(Person, call.helper_id).name,
    }  # fmt: skip
    tell(session, call, dict.fromkeys(readers, "on_the_way"), facts, now)
    return call, arrives


def _round(session: Session, call: FamilyCall) -> list[FamilyCall]:
    """The calls at home that this helper has on that day, up to this one."""
    day = session.get_one(ServiceCentre, call.centre_id).tz
    begins = call.starts_at.astimezone(day).replace(hour=0, minute=0, second=0, microsecond=0)
    query = select(FamilyCall).where(
        FamilyCall.helper_id == call.helper_id, FamilyCall.venue_mode == AT_HOME, FamilyCall.starts_at >= begins,
        FamilyCall.starts_at <= call.starts_at, FamilyCall.state != "cancelled",
    )  # fmt: skip
    return list(session.scalars(query))
