"""A resident has died, is in hospital or has moved: what was to come for them stops in every quarter, at once."""

from datetime import datetime

from sqlalchemy.orm import Session

from models.family.news import tell_again
from models.family.pairing import ask_again, part_all
from models.family.parting import stop_calls
from models.family.resting import befell
from models.life import By
from models.ordering.ending import stop_all
from models.ordering.proxies import ask_family
from models.people.care import links_of
from models.people.identities import Who
from models.people.lives import befall
from models.people.persons import Person
from models.people.scope import resident_of
from models.tasks.taking import leave, work_again
from models.tasks.undelivered import let_go


def mark(session: Session, who: Who, person_id: int, verb: str, now: datetime) -> Person:
    """Write it down and stop orders, calls and what cadres had still to tell about them; nobody is written to.

    Every door comes through here; `verb` is one of `models.people.lives`. Raises Refused("not_yours"), ("wrong_state").
    """
    before = resident_of(session, who.person_id, person_id).state
    person = befall(session, who, person_id, verb, now)
    if person.state not in (before, "active"):
        by = By(who.person_id, "cadre")
        let_go(session, person, now)  # first: what the next two say to those who were to come must stand
        stop_all(session, person, by, now)
        stop_calls(session, person, by, now)
        if person.state != "paused":
            part_all(session, person.id, now)
        leave(session, person.id, now)  # a cadre's tasks are everybody's
        if person.state == "deceased":
            for link, _ in links_of(session, person.id):
                ask_family(session, link, now)  # of what they had ordered for others
    elif person.state != before:
        befell(session, person, By(who.person_id, "cadre"), now)  # back home: what rested for them goes on
        tell_again(session, person.id, now)
        ask_again(session, person.id, now)
        work_again(session, person.id, now)
    return person
