"""Whose centre is whose: the door that serves a person, and where somebody may phone."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.people.care import cared_for_by
from models.people.persons import Person
from models.places.areas import Area
from models.places.centres import ServiceCentre, centre_for


def centre_of(session: Session, person: Person) -> ServiceCentre | None:
    """The centre that serves a person's village; None for somebody who is registered nowhere."""
    return centre_for(session, session.get_one(Area, person.area_id).path) if person.area_id else None


def centres_near(session: Session, person_id: int) -> list[ServiceCentre]:
    """The centres with a phone that a person turns to: their own, then of those they care for.

    Somebody who belongs nowhere gets the county's first centre with a phone; empty where there is none at all.
    """
    people = [session.get_one(Person, person_id), *(person for person, _ in cared_for_by(session, person_id))]
    found: dict[int, ServiceCentre] = {}
    for person in people:
        centre = centre_of(session, person)
        if centre is not None and centre.phone:
            found[centre.id] = centre
    return list(found.values()) or first_with_phone(session)


def first_with_phone(session: Session) -> list[ServiceCentre]:
    """The county's first centre with a phone, for whom nobody knows; empty where there is none."""
    query = select(ServiceCentre).where(ServiceCentre.phone != "").order_by(ServiceCentre.id).limit(1)
    return list(session.scalars(query))
