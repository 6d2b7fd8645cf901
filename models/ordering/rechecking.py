"""What was right when it was agreed and is not any more: certificates, people who are away, nobody named."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Row, exists, func, select
from sqlalchemy.orm import Session

from models.history import history_of
from models.messages.outbox import post
from models.ordering.assignments import Assignment
from models.ordering.listings import Listing
from models.ordering.matching import able_members
from models.ordering.news import facts_for, urgency
from models.ordering.orders import Order
from models.ordering.skills import away, qualified
from models.ordering.teams import VolunteerTeam
from models.ordering.visits import LIVE_VISITS, Visit
from models.people.persons import Person
from models.people.staff import members_of
from models.tasks.desk import open_task

NAME_BEFORE = timedelta(hours=24)
BREATH = timedelta(hours=1)  # who accepts within the last day has this long to name somebody
SILENT_AFTER = timedelta(hours=24)  # nobody has reported a visit: notes from a place without signal come a day later


def recheck(session: Session, now: datetime) -> int:
    """Open a task for every agreed visit that cannot take place as agreed; answers how many are new."""
    return _recheck_visits(session, now) + _recheck_accepted(session, now)


def _recheck_visits(session: Session, now: datetime) -> int:
    coming = (
        select(Visit, Order, Person).join(Order, Visit.order_id == Order.id).join(Person, Visit.person_id == Person.id)
        .where(Visit.state == "scheduled", Visit.starts_at > now).order_by(Visit.id)
    )  # fmt: skip
    opened = 0
    for visit, order, person in session.execute(coming).all():
        why = _why_not(session, visit, order, person)
        if why:
            # Named or moved anew, it may be wrong once more.
            key = f"{visit.subject}/{len(history_of(session, visit.subject))}/{why}"
            opened += _open(session, order, visit.assignment_id, "visit_recheck", key, now, why)
    return opened


def _why_not(session: Session, visit: Visit, order: Order, person: Person) -> str:
    if person.state != "active":
        return "inactive"
    if person.id not in qualified(session, [person.id], order.listing_id, visit.starts_at):
        return "certificate"
    return "time_off" if away(session, [person.id], visit.starts_at, visit.ends_at) else ""


def _recheck_accepted(session: Session, now: datetime) -> int:
    """Who has accepted and has nobody named yet, and nobody left who could go."""
    opened = 0
    for assignment, order, last in _unnamed(session, now):
        listing = session.get_one(Listing, order.listing_id)
        if not able_members(session, assignment.organisation_id, order, listing):
            key = f"{assignment.subject}/nobody_able/{last}"
            opened += _open(session, order, assignment.id, "visit_recheck", key, now, "certificate")
    return opened


def press_to_name(session: Session, now: datetime) -> int:
    """Teams that have named nobody a day before: they are reminded and a cadre asks; answers how many are new."""
    opened = 0
    for assignment, order, last in _unnamed(session, now, VolunteerTeam.organisation_id == Assignment.organisation_id):
        fresh = assignment.answered_at is not None and assignment.answered_at > now - BREATH
        if order.preferred_at - NAME_BEFORE <= now and not fresh:
            key = f"{assignment.subject}/name/{last}"
            opened += _open(session, order, assignment.id, "name_person", key, now, "")
    return opened


def ask_silent(session: Session, now: datetime) -> int:
    """Visits that were to be over a day ago and of which nobody has said a word; answers how many are new."""
    silent = (
        select(Visit, Order).join(Order, Visit.order_id == Order.id)
        .where(Visit.state.in_(LIVE_VISITS), Visit.ends_at <= now - SILENT_AFTER).order_by(Visit.id)
    )  # fmt: skip
    opened = 0
    for visit, order in session.execute(silent).all():
        key = f"{visit.subject}/silent/{visit.revision}"
        opened += _open(session, order, visit.assignment_id, "visit_silent", key, now, "")
    return opened


def _unnamed(session: Session, now: datetime, *where: ColumnElement[bool]) -> Sequence[Row[Assignment, Order, int]]:
    """Accepted orders to come for which nobody is named, each with the key of the last visit for which somebody was."""
    last = select(func.coalesce(func.max(Visit.id), 0)).where(Visit.assignment_id == Assignment.id).scalar_subquery()
    named = exists().where(Visit.assignment_id == Assignment.id, Visit.state.in_(LIVE_VISITS))
    query = (
        select(Assignment, Order, last).join(Order, Assignment.order_id == Order.id)
        .where(Assignment.state == "accepted", Order.preferred_at > now, ~named, *where).order_by(Assignment.id)
    )  # fmt: skip
    return session.execute(query).all()


def _open(session: Session, order: Order, assignment_id: int, kind: str, key: str, now: datetime, why: str) -> bool:
    """The cadres' task and the organisation's letter, once."""
    facts = {**facts_for(session, order), "why": why}
    task = open_task(
        session, key=f"{key}/{kind}", kind=kind, area_id=order.area_id, subject=order.subject, facts=facts,
        person_id=order.beneficiary_id, now=now, due_at=max(now + timedelta(hours=1), order.preferred_at - BREATH * 12),
    )  # fmt: skip
    if task.created_at != now:
        return False
    assignment = session.get_one(Assignment, assignment_id)
    for member in members_of(session, assignment.organisation_id):
        post(
            session, key=f"{key}/{kind}/{member.id}", person_id=member.id, kind=f"ordering.{kind}", facts=facts,
            subject=assignment.subject, now=now, urgency=urgency(order, now), about_id=order.beneficiary_id,
        )  # fmt: skip
    return True
