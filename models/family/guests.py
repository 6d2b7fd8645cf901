"""Guests of a call: other relatives of the same elder or child who are on it, each in their own zone."""

from collections.abc import Collection
from datetime import datetime
from typing import cast

from sqlalchemy import ForeignKey, Index, Select, String, Table, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.life import Life, Verb
from models.people.persons import Person


class CallGuest(Row):
    """One relative on a call that somebody else booked. Whoever left and is asked again has a row anew."""

    __tablename__ = "call_guests"
    __table_args__ = (
        Index(
            "uq_call_guests_joined", "call_id", "person_id", unique=True,
            postgresql_where=text("state = 'joined'"), sqlite_where=text("state = 'joined'"),
        ),
    )  # fmt: skip

    call_id: Mapped[int] = mapped_column(ForeignKey("family_calls.id"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    invited_by_id: Mapped[int] = mapped_column(ForeignKey("persons.id"))
    state: Mapped[str] = mapped_column(String(12), default="joined")
    joined_at: Mapped[datetime]


GUEST = Life(
    "guest",
    cast(Table, CallGuest.__table__),
    "joined",
    (Verb("leave", ("joined",), "left", who=("guest", "relative", "cadre", "rule"), tells=("relative", "guest")),),
)


def guests_of(session: Session, call_id: int) -> list[Person]:
    """The guests who are on a call now, in the order in which they were first asked."""
    query = (
        select(Person).join(CallGuest, CallGuest.person_id == Person.id)
        .where(CallGuest.call_id == call_id, CallGuest.state == "joined").order_by(CallGuest.id)
    )  # fmt: skip
    return list(session.scalars(query))


def guests_of_many(session: Session, calls: Collection[int]) -> dict[int, list[Person]]:
    """The same for many calls, by their keys: one question; a call without guests is not among them."""
    query = (
        select(CallGuest.call_id, Person).join(Person, CallGuest.person_id == Person.id)
        .where(CallGuest.call_id.in_(calls), CallGuest.state == "joined").order_by(CallGuest.id)
    )  # fmt: skip
    found = dict[int, list[Person]]()
    for row in session.execute(query):
        found.setdefault(row.call_id, []).append(row.Person)
    return found


def inviter(session: Session, call_id: int, person_id: int) -> str:
    """The name of who asked a guest onto a call, the last time."""
    query = (
        select(Person.name).join(CallGuest, CallGuest.invited_by_id == Person.id)
        .where(CallGuest.call_id == call_id, CallGuest.person_id == person_id).order_by(CallGuest.id.desc())
    )  # fmt: skip
    return session.scalars(query).first() or ""


def calls_joined(person_id: int) -> Select[int]:
    """The ids of the calls on which a person is a guest now, to be joined into other questions."""
    return select(CallGuest.call_id).where(CallGuest.person_id == person_id, CallGuest.state == "joined")
