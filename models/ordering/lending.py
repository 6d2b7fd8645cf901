"""Lending between centres: asked, agreed, handed over, given back; and what somebody who is lent may see meanwhile."""

from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.history import history_of
from models.hours import CHINA, instant
from models.life import BY_RULE, BY_TIME, By
from models.messages.outbox import post
from models.ordering.loans import LOAN, LOAN_KINDS, THINGS, ResourceLoan, days_of, free_days, take_days
from models.ordering.orders import LIVE_ORDERS, ORDER, UNDO_WITHIN, Order, locked
from models.ordering.skills import Skill
from models.people.identities import Who
from models.people.persons import Person
from models.people.staff import Organisation, cadres_over, is_cadre_over
from models.places.areas import Area
from models.places.cells import held_between
from models.places.centres import ServiceCentre, Station, centre_for, portable_screen
from models.places.equipment import Equipment
from models.tasks.desk import open_task, settle_for
from models.tasks.undelivered import take_back

ANSWER_WITHIN = timedelta(days=1)
MOST_NAMED = 5  # dates in a refusal
LONGEST, FURTHEST = timedelta(days=92), timedelta(days=366)


def request(
    session: Session, who: Who, *, kind: str, resource_id: int, to_centre_id: int, starts_at: datetime,
    ends_at: datetime, now: datetime, order_id: int | None = None,
) -> ResourceLoan:  # fmt: skip
    """A cadre of one centre asks another for a person, an organisation, a piece of equipment or a portable screen.

    With `order_id` it is for that order only; asking twice is asking once. Raises Refused("not_yours"), ("bad_span"),
    ("not_lendable") for what is not there, is nobody's, is a person without a skill or stands fast, ("own_already"),
    or ("wrong_state") for an order that is over.
    """
    centre = session.get(ServiceCentre, to_centre_id)
    if centre is None or not is_of(session, who, centre):
        raise Refused("not_yours")
    if kind not in LOAN_KINDS:
        raise Refused("not_lendable")
    if not now < ends_at or not starts_at < ends_at <= starts_at + LONGEST or starts_at > now + FURTHEST:
        raise Refused("bad_span", days=LONGEST.days)
    if order_id is not None:
        order = locked(session, order_id)
        if order.centre_id != centre.id:
            raise Refused("not_yours")
        _check_wanted(order)
    name, home = owner_of(session, kind, resource_id)
    if home is None or (kind == "person" and not can_do_something(session, resource_id)):
        raise Refused("not_lendable")  # nobody learns of a resident by asking to borrow them
    if home.id == centre.id:
        raise Refused("own_already")
    wish: dict[str, Any] = {
        "kind": kind, f"{kind}_id": resource_id, "to_centre_id": centre.id, "order_id": order_id,
        "starts_at": starts_at, "ends_at": ends_at,
    }  # fmt: skip
    standing = session.scalar(select(ResourceLoan).filter_by(**wish, state="requested"))
    if standing is not None:
        return standing
    loan = ResourceLoan(**wish, from_centre_id=home.id, requested_by_id=who.person_id, created_at=now)
    session.add(loan)
    LOAN.begin(session, loan, by=By(who.person_id, "borrower"), now=now)
    open_task(
        session, key=f"{loan.subject}/answer", kind="loan_request", area_id=home.area_id, subject=loan.subject,
        facts=_facts(session, loan, name), now=now, due_at=_answer_by(starts_at, now),
        by=By(who.person_id, "borrower"),
    )  # fmt: skip
    return loan


def approve(session: Session, who: Who, loan_id: int, now: datetime) -> ResourceLoan:
    """The lender agrees: its days are taken.

    Raises Refused("not_yours"), ("wrong_state"), ("lent_already"), or ("lent_needed", dates=…) for a thing with which
    the lender itself, or whoever has it then, has something to do on one of these days.
    """
    loan, by = _held_ahead(session, who, loan_id, now)
    _check_unneeded(session, loan, now)
    LOAN.move(session, loan, "approve", by=by, now=now, decided_by_id=who.person_id)
    take_days(session, loan)
    _settled(session, loan, "approved", by, now)
    return loan


def refuse(session: Session, who: Who, loan_id: int, reason: str, now: datetime) -> ResourceLoan:
    """The lender does not agree, and says why. Raises Refused("not_yours"), ("reason_missing") or ("wrong_state")."""
    loan, by = _held(session, who, loan_id, "lender")
    why = reason.strip()[:200]
    if not why:
        raise Refused("reason_missing")
    LOAN.move(session, loan, "refuse", by=by, now=now, note=why, reason=why, decided_by_id=who.person_id)
    _settled(session, loan, "refused", by, now)
    return loan


def hand_over(session: Session, who: Who, loan_id: int, now: datetime) -> ResourceLoan:
    """It changes hands. Raises Refused("not_yours") or ("wrong_state")."""
    loan, by = _held_ahead(session, who, loan_id, now)
    LOAN.move(session, loan, "hand_over", by=by, now=now)
    return loan


def give_back(session: Session, who: Who, loan_id: int, now: datetime) -> ResourceLoan:
    """It is back; from the next day on it may be lent again. Either side says so; twice is once.

    Raises Refused("not_yours"), ("wrong_state"), or ("lent_needed", dates=…) where the borrower still needs it.
    """
    loan, by = _held(session, who, loan_id, "borrower", "lender")
    if loan.state != "returned":
        _check_unneeded(session, loan, now)
        LOAN.move(session, loan, "return", by=by, now=now)
        free_days(session, loan, since=now.astimezone(CHINA).date())
        _settled(session, loan, "returned", by, now)
    return loan


def cancel(session: Session, who: Who, loan_id: int, now: datetime) -> ResourceLoan:
    """Either side lets it be before it changed hands; twice is once. Raises as `give_back`."""
    loan, by = _held(session, who, loan_id, "borrower", "lender")
    if loan.state != "cancelled":
        if loan.state == "approved":
            _check_unneeded(session, loan, now)
        LOAN.move(session, loan, "cancel", by=by, now=now)
        free_days(session, loan)
        _settled(session, loan, "cancelled", by, now)
    return loan


def lapse_loans(session: Session, now: datetime) -> int:
    """What was asked for or agreed and never changed hands is over when its days are, or the order for which it was and
    nobody can take that back; answers how many ended."""
    ended = 0
    for order_id in session.scalars(_of_orders_over()).all():
        order = locked(session, order_id)
        if order.state not in LIVE_ORDERS and history_of(session, order.subject)[-1].at + UNDO_WITHIN < now:
            ended += order_over(session, order, now)
    query = select(ResourceLoan).where(ResourceLoan.state.in_(("requested", "approved")), ResourceLoan.ends_at <= now)
    old = session.scalars(query.order_by(ResourceLoan.id).with_for_update(skip_locked=True)).all()
    for loan in old:
        LOAN.move(session, loan, "lapse", by=BY_TIME, now=now)
        free_days(session, loan)
        _settled(session, loan, "lapsed", BY_TIME, now, "borrower")
    return ended + len(old)


def _of_orders_over() -> Select[int]:
    return (
        select(Order.id).join(ResourceLoan, ResourceLoan.order_id == Order.id)
        .where(ResourceLoan.state.in_(("requested", "approved")), Order.state.not_in(LIVE_ORDERS))
        .distinct().order_by(Order.id)
    )  # fmt: skip


def order_over(session: Session, order: Order, now: datetime) -> int:
    """An order that is held is over: what was asked for or agreed on for it alone is off, and both sides hear that;
    answers how many. What has changed hands is given back as always."""
    query = select(ResourceLoan).where(
        ResourceLoan.order_id == order.id, ResourceLoan.state.in_(("requested", "approved"))
    )
    off = session.scalars(query.order_by(ResourceLoan.id).with_for_update(key_share=True)).all()
    for loan in off:
        LOAN.move(session, loan, "cancel", by=BY_RULE, now=now)
        free_days(session, loan)
        _settled(session, loan, "cancelled", BY_RULE, now, "borrower", "lender")
    return len(off)


def ask_overdue(session: Session, now: datetime) -> int:
    """What should be back becomes a task of the lender's cadres, once; answers how many."""
    late = select(ResourceLoan).where(ResourceLoan.state == "handed_over", ResourceLoan.ends_at <= now)
    opened = 0
    for loan in session.scalars(late.order_by(ResourceLoan.id)).all():
        name, _ = owner_of(session, loan.kind, loan.lent_id)
        home = session.get_one(ServiceCentre, loan.from_centre_id)
        task = open_task(
            session, key=f"{loan.subject}/overdue", kind="loan_overdue", area_id=home.area_id, subject=loan.subject,
            facts=_facts(session, loan, name), now=now, due_at=now + ANSWER_WITHIN, by=BY_TIME,
        )  # fmt: skip
        opened += task.created_at == now
    return opened


def borrowed_orders(session: Session, who: Who, now: datetime) -> list[Order]:
    """The live orders that somebody who is lent sees: those the loan covers, and only while it lasts."""
    covered = (
        select(Order).join(ResourceLoan, ResourceLoan.to_centre_id == Order.centre_id)
        .where(ResourceLoan.kind == "person", ResourceLoan.person_id == who.person_id)
        .where(ResourceLoan.state == "handed_over", ResourceLoan.starts_at <= now, ResourceLoan.ends_at > now)
        .where(ResourceLoan.order_id.is_(None) | (ResourceLoan.order_id == Order.id))
        .where(Order.state.in_(LIVE_ORDERS), Order.preferred_at >= ResourceLoan.starts_at)
        .where(Order.preferred_at < ResourceLoan.ends_at).order_by(Order.preferred_at, Order.id)
    )  # fmt: skip
    return list(session.scalars(covered).unique())


def borrowed_order(session: Session, who: Who, order_id: int, now: datetime) -> Order:
    """One of `borrowed_orders`; raises Refused("not_yours") for any other, the same whether there is one or not."""
    found = next((order for order in borrowed_orders(session, who, now) if order.id == order_id), None)
    if found is None:
        raise Refused("not_yours")
    return found


def can_do_something(session: Session, person_id: int) -> bool:
    """Whether somebody is known for a skill, and so may be lent: a nurse, a hairdresser, a driver."""
    query = select(Skill.id).join(Person, Skill.person_id == Person.id)
    return session.scalar(query.where(Person.id == person_id, Person.state == "active").limit(1)) is not None


def is_of(session: Session, who: Who, centre: ServiceCentre) -> bool:
    """Whether a cadre speaks for a centre."""
    return is_cadre_over(session, who.person_id, session.get_one(Area, centre.area_id))


def _answer_by(starts_at: datetime, now: datetime) -> datetime:
    """Until when the lender answers: before it begins, where that leaves them time."""
    soon = now + ANSWER_WITHIN
    return starts_at if now + timedelta(hours=1) < starts_at < soon else soon


def _check_wanted(order: Order) -> None:
    if order.state not in LIVE_ORDERS:
        raise Refused("wrong_state", thing=ORDER.name, state=order.state)


def needed_at(session: Session, loan: ResourceLoan, now: datetime) -> list[datetime]:
    """When from now on a call or a visit needs the thing on the days of a loan; nothing for people."""
    if loan.kind not in THINGS:
        return []
    days = days_of(loan)
    since, until = (instant(day, time(0), CHINA) for day in (days[0], days[-1] + timedelta(days=1)))
    return held_between(session, loan.resource, max(since, now), until)


def _check_unneeded(session: Session, loan: ResourceLoan, now: datetime) -> None:
    """The thing is held first: whoever books a call with it at this moment goes before, or finds it gone."""
    if loan.kind in THINGS:
        table = Equipment if loan.kind == "equipment" else Station
        session.execute(select(table.id).where(table.id == loan.lent_id).with_for_update(key_share=True))
    moments = needed_at(session, loan, now)
    if moments:
        named = "、".join(f"{moment.astimezone(CHINA):%m-%d %H:%M}" for moment in moments[:MOST_NAMED])
        raise Refused("lent_needed", dates=named + ("…" if len(moments) > MOST_NAMED else ""), many=len(moments))


def _held(session: Session, who: Who, loan_id: int, *sides: str) -> tuple[ResourceLoan, By]:
    """The loan, held, and on which of these sides the one who asks stands."""
    loan = session.scalar(
        select(ResourceLoan).where(ResourceLoan.id == loan_id).with_for_update(key_share=True),
        execution_options={"populate_existing": True},
    )
    centres = {"lender": loan.from_centre_id, "borrower": loan.to_centre_id} if loan is not None else {}
    for side in sides:
        if loan is not None and is_of(session, who, session.get_one(ServiceCentre, centres[side])):
            return loan, By(who.person_id, side)
    raise Refused("not_yours")


def _held_ahead(session: Session, who: Who, loan_id: int, now: datetime) -> tuple[ResourceLoan, By]:
    """The lender's loan, held, whose days are not over, and neither is the order for which it is; that one is held
    first, as by whoever ends it."""
    order_id = session.scalar(select(ResourceLoan.order_id).where(ResourceLoan.id == loan_id))
    order = locked(session, order_id) if order_id is not None else None
    loan, by = _held(session, who, loan_id, "lender")
    if loan.ends_at <= now:
        raise Refused("wrong_state", thing=LOAN.name, state=loan.state)
    if order is not None:
        _check_wanted(order)
    return loan, by


def owner_of(session: Session, kind: str, resource_id: int) -> tuple[str, ServiceCentre | None]:
    """What it is called, and the centre from which it is borrowed."""
    if kind == "equipment":
        thing = session.get(Equipment, resource_id)
        return (thing.name, session.get_one(ServiceCentre, thing.centre_id)) if thing is not None else ("", None)
    if kind == "station":
        found_there = portable_screen(session, resource_id)
        return (found_there[0].name, found_there[1]) if found_there is not None else ("", None)
    found: Person | Organisation | None = (
        session.get(Person, resource_id) if kind == "person" else session.get(Organisation, resource_id)
    )
    if found is None or found.area_id is None:
        return "", None
    return found.name, centre_for(session, session.get_one(Area, found.area_id).path)


def _facts(session: Session, loan: ResourceLoan, name: str) -> dict[str, str]:
    days = days_of(loan)
    return {
        "lent": name, "borrower": session.get_one(ServiceCentre, loan.to_centre_id).name,
        "lender": session.get_one(ServiceCentre, loan.from_centre_id).name,
        "first_day": days[0].isoformat(), "last_day": days[-1].isoformat(),
    }  # fmt: skip


def _settled(session: Session, loan: ResourceLoan, word: str, by: By, now: datetime, *sides: str) -> None:
    """The task is done, what was said before is not so any more, and these sides, or else the other one, hear of it."""
    take_back(session, loan.subject, now)
    settle_for(session, loan.subject, "cancel", by=BY_RULE, now=now)
    for side in sides or ("lender" if by.role == "borrower" else "borrower",):
        key = loan.from_centre_id if side == "lender" else loan.to_centre_id
        _tell(session, loan, word, side, session.get_one(ServiceCentre, key), by, now)


def _tell(
    session: Session, loan: ResourceLoan, word: str, side: str, centre: ServiceCentre, by: By, now: datetime
) -> None:  # fmt: skip
    name, _ = owner_of(session, loan.kind, loan.lent_id)
    readers = {cadre.id for cadre in cadres_over(session, session.get_one(Area, centre.area_id))}
    if side == "borrower":
        readers.add(loan.requested_by_id)
    for reader in sorted(readers - {by.person_id}):
        post(
            session, key=f"{loan.subject}/{word}/{reader}", person_id=reader, kind=f"ordering.loan_{word}",
            facts={**_facts(session, loan, name), "reason": loan.reason, "order_over": by == BY_RULE,
                   "phone": centre.phone, "centre": centre.name, "at": loan.starts_at.isoformat()},
            subject=loan.subject, now=now,
        )  # fmt: skip
