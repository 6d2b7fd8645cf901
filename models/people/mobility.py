"""Who can come to the centre, and to whom the centre comes."""

from datetime import datetime

from sqlalchemy.orm import Session

from models.history import History
from models.people.identities import Who
from models.people.persons import Person
from models.people.scope import resident_of


def write_homebound(session: Session, who: Who, person_id: int, homebound: bool, now: datetime) -> Person:
    """A cadre writes down whether somebody cannot come to the centre. What stands already keeps its place until it is
    moved; twice is once.

    Raises Refused("not_yours").
    """
    person = resident_of(session, who.person_id, person_id)
    if person.homebound != homebound:
        before, person.homebound = _STATES[person.homebound], homebound
        session.add(
            History(subject=f"mobility:{person.id}", verb="write", from_state=before, to_state=_STATES[homebound],
                    by_person_id=who.person_id, as_role="cadre", note="", at=now)
        )  # fmt: skip
        session.flush()
    return person


_STATES = {True: "homebound", False: "mobile"}
