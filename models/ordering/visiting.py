"""Naming who goes to an order and what they report: on the way there, arrived, nobody home, done; also a day later."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.hours import CHINA
from models.life import BY_RULE, By
from models.messages.letters import Letter
from models.messages.outbox import post
from models.ordering.assignments import ASSIGNMENT, Assignment
from models.ordering.dispatch import conclude
from models.ordering.listings import Listing
from models.ordering.loans import lent_for, was_lent_for
from models.ordering.matching import lasting
from models.ordering.news import facts_for, facts_for_provider, say, spare
from models.ordering.orders import Order, locked, turn
from models.ordering.placing import check_wished
from models.ordering.reminding import remind
from models.ordering.skills import away, qualified
from models.ordering.visits import LIVE_VISITS, VISIT, Visit, end_pressing, let_go, live_visit, visits_before
from models.people.identities import Who
from models.people.persons import Person
from models.people.scope import in_charge_of
from models.people.staff import Organisation, is_member
from models.places.areas import Area
from models.places.cells import hold
from models.places.equipment import Equipment
from models.places.lent import holders
from models.places.travel import in_a_hurry
from models.tasks.desk import open_task
from models.tasks.undelivered import take_back

_COMING = ("ordering.named", "ordering.on_the_way")  # what the household hears of one visit, until it was or another is
LOOK_WITHIN = timedelta(hours=4)  # nobody opened the door: somebody looks after them on the same day


def name_person(
    session: Session, who: Who, assignment_id: int, person_id: int, *, now: datetime,
    starts_at: datetime | None = None, vehicle_id: int | None = None, room_id: int | None = None,
) -> Visit:  # fmt: skip
    """Say who goes, when (as wished, where nothing is said) and with what; the same person again moves the visit.

    A member of the organisation or a cadre says it. Another person than before is a stand-in. All cells are taken or
    none: person, beneficiary (unless it is only brought to the door), vehicle, room. Raises Refused("not_yours"),
    ("wrong_state"), ("not_member"), ("not_qualified"), ("time_off"), ("travel", minutes=…, village=…), ("not_here") for
    a vehicle of another centre, ("slot_taken"), or like `check_wished`.
    """
    assignment, order, by = _named_by(session, who, assignment_id)
    if assignment.state != "accepted":
        raise Refused("wrong_state", state=assignment.state)
    listing = session.get_one(Listing, order.listing_id)
    start = starts_at or order.preferred_at
    check_wished(start, now)
    standing = live_visit(session, assignment.id)
    if standing is not None and standing.state != "scheduled":
        raise Refused("wrong_state", state=standing.state)
    said = (person_id, start, vehicle_id, room_id)
    if standing is not None and said == (standing.person_id, standing.starts_at, standing.vehicle_id, standing.room_id):
        return standing  # a double tap
    visit = Visit(
        assignment_id=assignment.id, order_id=order.id, person_id=person_id, vehicle_id=vehicle_id, room_id=room_id,
        starts_at=start, ends_at=start + lasting(listing), created_at=now,
    )  # fmt: skip
    try:
        with session.begin_nested():  # a refusal leaves everything as it was
            _check_person(session, visit, assignment, order)
            visit = _put(session, visit, standing, order, by, now)
            vehicle = _vehicle(session, visit, order) if visit.vehicle_id is not None else None
            _check_roads(session, visit, order, vehicle)
            hold(session, _spans(session, visit, order, listing, vehicle), visit.subject, order.area_id)
    except Refused:
        if standing is not None:
            session.refresh(standing)
        raise
    turn(order)
    _announce(session, visit, order, assignment, by, now)
    return visit


def visit_for(session: Session, who: Who, visit_id: int) -> Visit:
    """The visit, for the members of its organisation, and for who goes and is, or was, lent for it.

    Raises Refused("not_yours") for others, also for who was named and has left the organisation, or was given back
    before it.
    """
    visit = session.get(Visit, visit_id)
    if visit is None:
        raise Refused("not_yours")
    if is_member(session, who.person_id, session.get_one(Assignment, visit.assignment_id).organisation_id):
        return visit
    order, goes = session.get_one(Order, visit.order_id), visit.person_id
    if goes != who.person_id or not was_lent_for(session, "person", goes, order, visit.starts_at):
        raise Refused("not_yours")
    return visit


def arrive(session: Session, who: Who, visit_id: int, happened_at: datetime, now: datetime) -> Visit:
    """Whoever goes has arrived; also told later. Twice is once.

    Raises Refused("not_yours"), ("wrong_state"), or ("bad_time") for what lies in the future or before it was agreed.
    """
    visit, _, by = _reported_by(session, who, visit_id, happened_at, now)
    if visit.state != "arrived":
        VISIT.move(session, visit, "arrive", by=by, now=now, arrived_at=happened_at, reported_at=now)
        take_back(session, visit.subject, now)
    return visit


def find_nobody(session: Session, who: Who, visit_id: int, happened_at: datetime, now: datetime) -> Visit:
    """Nobody opened the door: the family hears of it at once and a cadre looks after them today. Twice is once.

    The order stands: the organisation names a new time, or hands it back. Raises like `arrive`.
    """
    visit, order, by = _reported_by(session, who, visit_id, happened_at, now)
    if visit.state == "nobody_home":
        return visit
    VISIT.move(session, visit, "find_nobody", by=by, now=now, ended_at=happened_at, reported_at=now)
    let_go(session, visit, now)
    assignment = session.get_one(Assignment, visit.assignment_id)
    if assignment.state == "started":
        ASSIGNMENT.move(session, assignment, "return", by=by, now=now)
    end_pressing(session, order.subject, assignment.subject, now)
    take_back(session, order.subject, now, but_not=Letter.kind.not_in(_COMING))
    turn(order)
    name = session.get_one(Organisation, assignment.organisation_id).name
    facts = {"organisation": name, "at": happened_at.isoformat()}
    say(session, order, "ordering.nobody_home", ("requester", "family"), word=f"nobody_home:{visit.id}", by=by, now=now,
        facts=facts, urgent="safety", subject=visit.subject)  # fmt: skip
    open_task(
        session, key=f"{visit.subject}/nobody_home", kind="nobody_home", area_id=order.area_id, subject=visit.subject,
        facts={**facts_for(session, order), **facts}, person_id=order.beneficiary_id, now=now, due_at=now + LOOK_WITHIN,
        by=BY_RULE,
    )  # fmt: skip
    return visit


def finish(session: Session, who: Who, visit_id: int, happened_at: datetime, now: datetime) -> Visit:
    """The service was given; also told later, and then dated when it was. The order is completed with it.

    Raises like `arrive`.
    """
    visit, order, by = _reported_by(session, who, visit_id, happened_at, now)
    if visit.state != "done":
        if visit.state not in LIVE_VISITS:
            raise Refused("wrong_state", state=visit.state)
        conclude(session, session.get_one(Assignment, visit.assignment_id), order, by, happened_at, now)
        session.refresh(visit)
    return visit


def _named_by(session: Session, who: Who, assignment_id: int) -> tuple[Assignment, Order, By]:
    assignment = session.get(Assignment, assignment_id)
    if assignment is None:
        raise Refused("not_yours")
    order = session.get_one(Order, assignment.order_id)
    if is_member(session, who.person_id, assignment.organisation_id):
        role = "provider"
    elif in_charge_of(session, who.person_id, session.get_one(Person, order.beneficiary_id)):
        role = "cadre"
    else:
        raise Refused("not_yours")
    order = locked(session, order.id)
    session.refresh(assignment)
    return assignment, order, By(who.person_id, role)


def _put(session: Session, visit: Visit, standing: Visit | None, order: Order, by: By, now: datetime) -> Visit:
    """The visit as a row: the standing one moved, or a new one, perhaps in another person's place."""
    if standing is not None and standing.person_id == visit.person_id:
        VISIT.move(
            session, standing, "move", by=by, now=now, note=visit.starts_at.isoformat(), starts_at=visit.starts_at,
            ends_at=visit.ends_at, vehicle_id=visit.vehicle_id, room_id=visit.room_id,
            revision=standing.revision + (visit.starts_at != standing.starts_at),
        )  # fmt: skip
        return standing
    if standing is not None:
        VISIT.move(session, standing, "replace", by=by, now=now)
        let_go(session, standing, now)
        spare(session, standing, order, by, now)
        visit.stands_in_for_id = standing.person_id
    session.add(visit)
    VISIT.begin(session, visit, by=by, now=now)
    for spared in session.scalars(visits_before(visit)).all():  # that they need not go is not so any more
        if spared.state != "nobody_home":
            take_back(session, spared.subject, now)
        take_back(session, f"{ASSIGNMENT.name}:{spared.assignment_id}", now, person_id=visit.person_id)
    return visit


def _check_person(session: Session, visit: Visit, assignment: Assignment, order: Order) -> None:
    """Whether this person may and can go; the person is held, so that no other visit is made for them meanwhile."""
    key, start, end = visit.person_id, visit.starts_at, visit.ends_at
    held = select(Person).where(Person.id == key).with_for_update(key_share=True)
    person = session.scalar(held, execution_options={"populate_existing": True})
    lent = lent_for(session, "person", key, order, start)
    if person is None or person.state != "active" or not (lent or is_member(session, key, assignment.organisation_id)):
        raise Refused("not_member")
    if key not in qualified(session, [key], order.listing_id, start):
        raise Refused("not_qualified")
    if away(session, [key], start, end):
        raise Refused("time_off")


def _check_roads(session: Session, visit: Visit, order: Order, vehicle: Equipment | None) -> None:
    """Whether who goes, and what they go with, can be there in time from wherever else they are that day."""
    movers = [session.get_one(Person, visit.person_id).resource, *([vehicle.resource] if vehicle is not None else [])]
    here = session.get_one(Area, order.area_id)
    late = in_a_hurry(session, movers, here, visit.starts_at, visit.ends_at, visit.subject)
    for hurry in late.values():
        raise Refused("travel", minutes=hurry.minutes, village=hurry.village)


def _spans(
    session: Session, visit: Visit, order: Order, listing: Listing, vehicle: Equipment | None
) -> list[tuple[str, datetime, datetime]]:
    """What a visit occupies and for how long."""
    taken = [session.get_one(Person, visit.person_id).resource]
    if listing.mode != "delivery":
        taken.append(session.get_one(Person, order.beneficiary_id).resource)
    if vehicle is not None:
        taken.append(vehicle.resource)
    if visit.room_id is not None:
        taken.append(f"room:{visit.room_id}")
    return [(resource, visit.starts_at, visit.ends_at) for resource in taken]


def _vehicle(session: Session, visit: Visit, order: Order) -> Equipment:
    """The vehicle of a visit, held, so that nobody lends it meanwhile; raises Refused("not_here")."""
    vehicle = session.scalar(select(Equipment).where(Equipment.id == visit.vehicle_id).with_for_update(key_share=True))
    if vehicle is not None and vehicle.centre_id == order.centre_id:
        day = visit.starts_at.astimezone(CHINA).date()
        here = not holders(session, [vehicle.resource], day, visit.ends_at.astimezone(CHINA).date())
    else:
        here = lent_for(session, "equipment", visit.vehicle_id or 0, order, visit.starts_at)
    if vehicle is None or not here:
        raise Refused("not_here")
    return vehicle


def _announce(session: Session, visit: Visit, order: Order, assignment: Assignment, by: By, now: datetime) -> None:
    """Who goes hears where and when, the household who comes; both are reminded of it."""
    visitor, word = session.get_one(Person, visit.person_id), f"named:{visit.id}:{visit.revision}"
    facts = {
        "organisation": session.get_one(Organisation, assignment.organisation_id).name, "visitor": visitor.name,
        "village": session.get_one(Area, order.area_id).name, "preferred_at": visit.starts_at.isoformat(),
    }  # fmt: skip
    if visitor.id != by.person_id:
        post(
            session, key=f"{visit.subject}/yours:{visit.revision}", person_id=visitor.id, kind="ordering.your_visit",
            facts={**facts_for_provider(session, order), **facts}, subject=visit.subject, revision=visit.revision,
            now=now, urgency="same_day",
        )  # fmt: skip
    earlier = Letter.kind.in_(_COMING) & ~Letter.key.startswith(f"{order.subject}/{word}/")
    take_back(session, order.subject, now, but_not=~earlier)
    say(session, order, "ordering.named", ("requester", "family", "beneficiary"), word=word, by=by, now=now,
        facts=facts)  # fmt: skip
    end_pressing(session, order.subject, assignment.subject, now)
    remind(session, visit, order, now)


def _reported_by(
    session: Session, who: Who, visit_id: int, happened_at: datetime, now: datetime
) -> tuple[Visit, Order, By]:
    """The visit and its order as they stand now, for whom `visit_for` answers it."""
    visit = visit_for(session, who, visit_id)
    if happened_at > now or happened_at < visit.created_at:
        raise Refused("bad_time")
    order = locked(session, visit.order_id)
    session.refresh(visit)
    return visit, order, By(who.person_id, "provider")
