"""A cadre changes when a family talks: only with the family's yes, and whose it was and how it came is written down."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from models.errors import Refused
from models.family.calls import FamilyCall
from models.family.guests import guests_of
from models.people.persons import Person

AGREED_BY = ("phone", "wechat", "visit")


@dataclass(frozen=True)
class Agreement:
    """With whom of the family a time was agreed, and by which of AGREED_BY."""

    person_id: int
    means: str


def family_of(session: Session, call: FamilyCall) -> list[Person]:
    """Whose yes it can be: who booked the call, its guests, and the elder or child."""
    relative, cared = (session.get_one(Person, key) for key in (call.relative_id, call.cared_id))
    return [relative, *guests_of(session, call.id), cared]


def yes_of(session: Session, call: FamilyCall, agreed: Agreement | None, starts_at: datetime) -> str:
    """The family's yes to a time as history keeps it: "agreed 12 phone 2026-11-30T08:00:00+00:00".

    Raises Refused("agreement_missing") without one, or with somebody who is not on the call.
    """
    known = {person.id for person in family_of(session, call)}
    if agreed is None or agreed.person_id not in known or agreed.means not in AGREED_BY:
        raise Refused("agreement_missing")
    return f"agreed {agreed.person_id} {agreed.means} {starts_at.isoformat()}"
