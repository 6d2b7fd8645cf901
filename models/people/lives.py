"""What befalls a person: in hospital for a while, moved away, died. A cadre writes it down; other quarters follow."""

from datetime import datetime
from typing import cast

from sqlalchemy import Table
from sqlalchemy.orm import Session

from models.life import By, Life, Verb
from models.people.identities import Who
from models.people.persons import Person
from models.people.scope import resident_of

PERSON = Life(
    "person",
    cast(Table, Person.__table__),
    "active",
    (
        Verb("pause", ("active",), "paused", who=("cadre",)),
        Verb("resume", ("paused",), "active", who=("cadre",)),
        Verb("move_away", ("active", "paused"), "moved", who=("cadre",)),
        Verb("die", ("active", "paused", "moved"), "deceased", who=("cadre",)),
    ),
)


def befall(session: Session, who: Who, person_id: int, verb: str, now: datetime) -> Person:
    """A cadre over the village writes down what befell a resident; the same twice is once.

    Raises Refused("not_yours"), or ("wrong_state") for what cannot be (nobody resumes who has died).
    """
    person = resident_of(session, who.person_id, person_id)
    if person.state != PERSON.by_name[verb].target:
        PERSON.move(session, person, verb, by=By(who.person_id, "cadre"), now=now)
    return person
