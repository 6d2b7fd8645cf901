"""Calls that could not stay where they were: because of what, what a clerk decided of each, and what came of it."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint, and_, exists, select
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from models.base import Row
from models.family.calls import FamilyCall
from models.family.proposals import CallProposal
from models.people.persons import Person
from models.people.staff import areas_under
from models.places.centres import ServiceCentre

CHOICES = ("ask", "cancel", "keep")  # the family is asked for another time; the centre cancels; a cadre sees to it
# What came of it at once. A cadre sees to those that were kept, for which no time was found or could be answered any
# more, and which were booked or moved while the clerk decided. "changed": nothing was left to decide.
# "reseated": it stays, at another screen.
OUTCOMES = ("asked", "cancelled", "kept", "no_time", "meanwhile", "changed", "reseated")


class ShutOut(Row):
    """One call that a closure ("closure:5") or a screen out of service ("outage:3") shut out."""

    __tablename__ = "shut_out_calls"
    __table_args__ = (UniqueConstraint("cause", "call_id"),)

    cause: Mapped[str] = mapped_column(String(40))
    call_id: Mapped[int] = mapped_column(ForeignKey("family_calls.id"), index=True)
    revision: Mapped[int]  # of the call when it was decided
    starts_at: Mapped[datetime]  # its time then
    choice: Mapped[str] = mapped_column(String(8))  # one of CHOICES; empty: nobody had chosen
    outcome: Mapped[str] = mapped_column(String(12))  # one of OUTCOMES


def shut_out_by(session: Session, person_id: int, cause: str) -> list[Any]:
    """Rows of (ShutOut, FamilyCall, centre, cared, relative, relative_zone, new_at, answer_by, agreed) below a cadre's
    areas.

    `new_at` and `answer_by` are those of the question that still waits for its answer; `agreed`: the family has said
    yes to the time that the call has now. In order of time.
    """
    cared, relative = aliased(Person), aliased(Person)
    waits = and_(CallProposal.call_id == FamilyCall.id, CallProposal.state == "asked")
    said_yes = aliased(CallProposal)
    agreed = exists().where(
        said_yes.call_id == FamilyCall.id, said_yes.state == "accepted", said_yes.starts_at == FamilyCall.starts_at
    )
    query = (
        select(
            ShutOut, FamilyCall, ServiceCentre.name.label("centre"), cared.name.label("cared"),
            relative.name.label("relative"), relative.time_zone.label("relative_zone"),
            CallProposal.starts_at.label("new_at"), CallProposal.answer_by, agreed.label("agreed"),
        )
        .join(FamilyCall, ShutOut.call_id == FamilyCall.id).join(cared, FamilyCall.cared_id == cared.id)
        .join(relative, FamilyCall.relative_id == relative.id)
        .join(ServiceCentre, FamilyCall.centre_id == ServiceCentre.id).outerjoin(CallProposal, waits)
        .where(ShutOut.cause == cause, ServiceCentre.area_id.in_(areas_under(person_id)))
        .order_by(ShutOut.starts_at, ShutOut.call_id)
    )  # fmt: skip
    return list(session.execute(query))


def asked_because_of(session: Session, cause: str) -> Collection[int]:
    """The keys of the calls about which a question was asked because of it, and that wait for an answer."""
    asked = select(ShutOut.call_id).where(ShutOut.cause == cause, ShutOut.outcome == "asked")
    return session.scalars(
        asked.join(CallProposal, and_(CallProposal.call_id == ShutOut.call_id, CallProposal.state == "asked"))
    ).all()
