"""Who may see whom: oneself, those one cares for, and for cadres everybody below their area."""

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.people.care import linked_to, may_act_for
from models.people.persons import Person
from models.people.staff import areas_under, is_cadre_over
from models.places.areas import Area


def in_charge_of(session: Session, person_id: int, other: Person) -> bool:
    """Whether `person_id` is a cadre over the village of `other`."""
    if other.area_id is None:
        return False
    return is_cadre_over(session, person_id, session.get_one(Area, other.area_id))


def act_for(session: Session, person_id: int, beneficiary_id: int) -> tuple[Person, str]:
    """The beneficiary, and as what `person_id` acts for that person: "self", "relative" or "cadre".

    Raises Refused("no_link") when they may not, and the same when there is no such person: the answer to a stranger
    is one and the same.
    """
    # One question whoever asks and whether there is such a person or not: not even its time tells a stranger.
    person = session.scalar(
        select(Person).where(
            Person.id == beneficiary_id,
            or_(
                Person.id == person_id, Person.id.in_(linked_to(person_id)), Person.area_id.in_(areas_under(person_id))
            ),
        )
    )
    if person is None:
        raise Refused("no_link")
    if person_id == beneficiary_id:
        role = "self"
    elif may_act_for(session, person_id, beneficiary_id):
        role = "relative"
    else:
        role = "cadre"
    if person.state != "active":
        raise Refused("not_active")
    return person, role


def resident_of(session: Session, cadre_id: int, person_id: int) -> Person:
    """The resident, for a cadre over their village; raises Refused("not_yours") for anybody else."""
    person = session.get(Person, person_id)
    if person is None or not in_charge_of(session, cadre_id, person):
        raise Refused("not_yours")
    return person


def residents_named(session: Session, cadre_id: int, name: str, limit: int = 10) -> list[tuple[Person, Area]]:
    """The residents of that name below this cadre's areas, each with where they live; nobody for anybody else."""
    query = (
        select(Person, Area).join(Area, Person.area_id == Area.id)
        .where(Area.id.in_(areas_under(cadre_id)), Person.name == name.strip(), Person.state == "active")
        .order_by(Person.id).limit(limit)
    )  # fmt: skip
    return [(row.Person, row.Area) for row in session.execute(query)]
