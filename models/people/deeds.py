"""What happened to a thing, with the names of those who did it."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.history import History
from models.people.persons import Person


def deeds(session: Session, subject: str) -> list[Any]:
    """Rows of (History, name) in the order in which they happened; the name is None where nobody did it."""
    query = (
        select(History, Person.name).outerjoin(Person, History.by_person_id == Person.id)
        .where(History.subject == subject).order_by(History.id)
    )  # fmt: skip
    return list(session.execute(query).all())
