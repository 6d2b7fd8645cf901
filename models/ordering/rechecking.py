"""What was right when it was agreed and is not any more: certificates, people who are away, nobody named."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, Exists, Row, exists, func, or_, select
from sqlalchemy.orm import Session

from models.history import steps_of
from models.life import BY_RULE
from models.messages.letters import Letter
from models.messages.outbox import post
from models.ordering.assignments import ASSIGNMENT, Assignment
from models.ordering.listings import Listing
from models.ordering.loans import ResourceLoan, lent_for
from models.ordering.matching import able_members, covers
from models.ordering.news import facts_for, urgency
from models.ordering.orders import Order
from models.ordering.skills import away, qualified
from models.ordering.teams import VolunteerTeam
from models.ordering.visits import LIVE_VISITS, Visit
from models.people.persons import Person
from models.people.staff import Organisation, members_of, memberships
from models.places.areas import Area
from models.tasks.desk import open_task, settle
from models.tasks.tasks import TASK, Task
from models.tasks.undelivered import take_back

NAME_BEFORE = timedelta(hours=24)
BREATH = timedelta(hours=1)  # who accepts within the last day has this long to name somebody
NOT_LENT = "not_lent"  # the whole organisation is at home again: another person does not help
SILENT_AFTER = timedelta(hours=24)  # nobody has reported a visit: notes from a place without signal come a day later


def recheck(session: Session, now: datetime) -> int:
    """Open a task for every agreed visit that cannot take place as agreed, and end it where it can after all; answers
    how many are new."""
    found = [*_visits_to_come(session, now), *_accepted_to_come(session, now)]
    _end_untrue(session, found, now)
    return sum(_lay_before(session, one, now) for one in found if one.why)


class _Agreed(NamedTuple):
    """A visit that was agreed, or is to be named: `stem` begins the keys of its tasks and is another one when somebody
    has been named or it was moved; `why` it cannot take place as agreed, or ""."""

    order: Order
    assignment_id: int
    stem: str
    why: str


def _end_untrue(session: Session, found: Sequence[_Agreed], now: datetime) -> None:
    """What is right after all, and what asks for another person where another organisation is needed (or the other way
    round): neither a cadre nor the organisation is asked for that any more. What stands for another reason than it was
    opened for says so."""
    by_stem = {one.stem: one for one in found}
    orders = sorted({one.order.subject for one in found})
    standing = select(Task).where(
        Task.subject.in_(orders), Task.kind == "visit_recheck", Task.state.not_in(TASK.ends)
    ).order_by(Task.id)  # fmt: skip
    # Locked: what a cadre settles at this very moment is settled.
    for task in session.scalars(standing.with_for_update(), execution_options={"populate_existing": True}).all():
        one = by_stem.get(task.key.rsplit("/", 2)[0])  # behind it: how often before, and the kind
        if one is None:
            continue
        if not one.why or (one.why == NOT_LENT) is not (task.facts["why"] == NOT_LENT):
            settle(session, task, "cancel", by=BY_RULE, now=now)
            others = Letter.kind != "ordering.visit_recheck"
            take_back(session, f"{ASSIGNMENT.name}:{one.assignment_id}", now, but_not=others)
        elif task.facts["why"] != one.why:
            task.facts = {**task.facts, "why": one.why}  # who settles it settles what is so now


def _lay_before(session: Session, one: _Agreed, now: datetime) -> bool:
    """The task for it, unless one stands or somebody has done it; once more for another reason, and where it had been
    right in between."""
    of_it = Task.subject == one.order.subject, Task.kind == "visit_recheck", Task.key.startswith(f"{one.stem}/")
    before = session.scalars(select(Task).where(*of_it)).all()
    if any(task.state != "cancelled" and (task.state != "done" or task.facts.get("why") == one.why) for task in before):
        return False
    return _open(session, one.order, one.assignment_id, "visit_recheck", f"{one.stem}/{len(before)}", now, one.why)


def _visits_to_come(session: Session, now: datetime) -> Iterator[_Agreed]:
    member = Assignment.organisation_id.in_(memberships(Visit.person_id))
    coming = (
        select(Visit, Order, Person, Assignment.organisation_id, member.label("member"), _was_lent().label("lent"))
        .join(Order, Visit.order_id == Order.id).join(Person, Visit.person_id == Person.id)
        .join(Assignment, Visit.assignment_id == Assignment.id)
        .where(Visit.state == "scheduled", Visit.starts_at > now).order_by(Visit.id)
    )  # fmt: skip
    rows = session.execute(coming).all()
    steps = steps_of(session, [row.Visit.subject for row in rows])
    for row in rows:
        visit, order = row.Visit, row.Order
        gone = row.lent and not _serves(session, row.organisation_id, order)
        why = NOT_LENT if gone else _why_not(session, visit, order, row.Person, row.member)
        yield _Agreed(order, visit.assignment_id, f"{visit.subject}/{steps[visit.subject]}", why)


def _was_lent() -> Exists:
    """Whether an assignment's organisation has ever been lent to the order's centre: it may be at home again."""
    return exists().where(
        ResourceLoan.organisation_id == Assignment.organisation_id, ResourceLoan.to_centre_id == Order.centre_id
    )


def _serves(session: Session, organisation_id: int, order: Order) -> bool:
    organisation, here = session.get_one(Organisation, organisation_id), session.get_one(Area, order.area_id)
    return covers(session, organisation, here, order)


def _why_not(session: Session, visit: Visit, order: Order, person: Person, member: bool) -> str:
    if person.state != "active":
        return "inactive"
    if not member and not lent_for(session, "person", person.id, order, visit.starts_at):
        return "not_member"  # has left the organisation, or is given back
    if person.id not in qualified(session, [person.id], order.listing_id, visit.starts_at):
        return "certificate"
    return "time_off" if away(session, [person.id], visit.starts_at, visit.ends_at) else ""


def _accepted_to_come(session: Session, now: datetime) -> Iterator[_Agreed]:
    """Who has accepted and has nobody named yet, and perhaps nobody left who could go."""
    for assignment, order, last, was_lent in _unnamed(session, now):
        listing = session.get_one(Listing, order.listing_id)
        able = able_members(session, assignment.organisation_id, order, listing)
        gone = was_lent and not _serves(session, assignment.organisation_id, order)
        why = NOT_LENT if gone else "" if able else "certificate"
        yield _Agreed(order, assignment.id, f"{assignment.subject}/nobody_able/{last}", why)


def press_to_name(session: Session, now: datetime) -> int:
    """Teams that have named nobody a day before: they are reminded and a cadre asks; answers how many are new."""
    opened = 0
    for assignment, order, last, _ in _unnamed(
        session, now, VolunteerTeam.organisation_id == Assignment.organisation_id
    ):
        fresh = assignment.answered_at is not None and assignment.answered_at > now - BREATH
        if order.preferred_at - NAME_BEFORE <= now and not fresh:
            key = f"{assignment.subject}/name/{last}"
            opened += _open(session, order, assignment.id, "name_person", key, now, "")
    return opened


def ask_silent(session: Session, now: datetime) -> int:
    """Visits that were to be over a day ago, and what was accepted for then and names nobody who goes (any more), of
    which nobody has said a word; answers how many are new."""
    silent = (
        select(Visit, Order).join(Order, Visit.order_id == Order.id)
        .where(Visit.state.in_(LIVE_VISITS), Visit.ends_at <= now - SILENT_AFTER).order_by(Visit.id)
    )  # fmt: skip
    opened = 0
    for visit, order in session.execute(silent).all():
        key = f"{visit.subject}/silent/{visit.revision}"
        opened += _open(session, order, visit.assignment_id, "visit_silent", key, now, "")
    for assignment, order, last in _left_lying(session, now):
        key = f"{assignment.subject}/silent/{last}"
        opened += _open(session, order, assignment.id, "visit_silent", key, now, "")
    return opened


def _left_lying(session: Session, now: datetime) -> Sequence[Row[Assignment, Order, int]]:
    """Accepted orders of a day ago for which nobody goes, each with the key of the last visit, or 0."""
    since = now - SILENT_AFTER
    visits = exists().where(
        Visit.assignment_id == Assignment.id, or_(Visit.state.in_(LIVE_VISITS), Visit.ends_at > since)
    )
    query = (
        select(Assignment, Order, _last_visit()).join(Order, Assignment.order_id == Order.id)
        .where(Assignment.state.in_(("accepted", "started")), Order.preferred_at <= since, ~visits)
        .order_by(Assignment.id)
    )  # fmt: skip
    return session.execute(query).all()


def _last_visit() -> ColumnElement[int]:
    last = select(func.coalesce(func.max(Visit.id), 0)).where(Visit.assignment_id == Assignment.id)
    return last.scalar_subquery()


def _unnamed(
    session: Session, now: datetime, *where: ColumnElement[bool]
) -> Sequence[Row[Assignment, Order, int, bool]]:
    """Accepted orders to come for which nobody is named, with the key of the last visit for which somebody was, and
    `_was_lent`."""
    named = exists().where(Visit.assignment_id == Assignment.id, Visit.state.in_(LIVE_VISITS))
    query = (
        select(Assignment, Order, _last_visit(), _was_lent()).join(Order, Assignment.order_id == Order.id)
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
