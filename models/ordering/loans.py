"""Loans between centres: a person, a vehicle, a screen or a whole organisation helps beyond its own mountain."""

from datetime import date, datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, ForeignKey, String, Table, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.errors import Refused
from models.history import history_of
from models.hours import CHINA
from models.life import TIME, Life, Verb
from models.ordering.orders import Order
from models.places.lent import LoanDay

LOAN_KINDS = ("person", "organisation", "equipment", "station")
THINGS = ("equipment", "station")  # each is taken by calls and visits under the name by which it is lent
STANDING_LOANS = ("approved", "handed_over")
A_MOMENT = timedelta(microseconds=1)  # a loan ends with a day, at midnight


class ResourceLoan(Row):
    """One thing or person of one centre, asked for by another for some days, perhaps for one order only."""

    __tablename__ = "resource_loans"

    kind: Mapped[str] = mapped_column(String(12))  # which of the next four it is
    person_id: Mapped[int | None] = mapped_column(ForeignKey("persons.id"), index=True)
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisations.id"))
    equipment_id: Mapped[int | None] = mapped_column(ForeignKey("equipment.id"))
    station_id: Mapped[int | None] = mapped_column(ForeignKey("stations.id"))  # a screen that goes to homes
    from_centre_id: Mapped[int] = mapped_column(ForeignKey("service_centres.id"), index=True)
    to_centre_id: Mapped[int] = mapped_column(ForeignKey("service_centres.id"), index=True)
    order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"), index=True)  # None: all of that centre
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(12), default="requested")
    reason: Mapped[str] = mapped_column(String(200), default="")
    requested_by_id: Mapped[int] = mapped_column(ForeignKey("persons.id"))
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("persons.id"))
    created_at: Mapped[datetime]

    @property
    def subject(self) -> str:
        """The name under which history, letters and tasks know this loan."""
        return f"loan:{self.id}"

    @property
    def lent_id(self) -> int:
        """The key of the person, the organisation, the equipment or the screen."""
        key: int = getattr(self, f"{self.kind}_id")
        return key

    @property
    def resource(self) -> str:
        """What is lent, as the days of loans know it."""
        return f"{self.kind}:{self.lent_id}"


_LENT = {
    "person": ResourceLoan.person_id, "organisation": ResourceLoan.organisation_id,
    "equipment": ResourceLoan.equipment_id, "station": ResourceLoan.station_id,
}  # fmt: skip


LOAN = Life(
    "loan",
    cast(Table, ResourceLoan.__table__),
    "requested",
    (
        Verb("approve", ("requested",), "approved", who=("lender",), tells=("borrower",)),
        Verb("refuse", ("requested",), "refused", who=("lender",), tells=("borrower",)),
        Verb("cancel", ("requested", "approved"), "cancelled", who=("borrower", "lender", "rule"),
             tells=("borrower", "lender")),
        Verb("lapse", ("requested", "approved"), "cancelled", who=(TIME,), tells=("borrower",)),
        Verb("hand_over", ("approved",), "handed_over", who=("lender",), tells=("borrower",)),
        Verb("return", ("handed_over",), "returned", who=("borrower", "lender"), tells=("borrower", "lender")),
    ),
)  # fmt: skip


def is_overdue(loan: ResourceLoan, now: datetime) -> bool:
    """Whether it should have come back: a flag that is true by the day and not a state."""
    return loan.state == "handed_over" and loan.ends_at <= now


def days_of(loan: ResourceLoan) -> list[date]:
    """The days in China that a loan touches."""
    day, last = (moment.astimezone(CHINA).date() for moment in (loan.starts_at, loan.ends_at - A_MOMENT))
    return [day + timedelta(days=n) for n in range((last - day).days + 1)]


def take_days(session: Session, loan: ResourceLoan) -> None:
    """Take the days of a loan in one INSERT; raises Refused("lent_already") when one of them is taken."""
    holder = loan.to_centre_id if loan.order_id is None else None
    rows = [{"resource": loan.resource, "day": day, "loan_id": loan.id, "to_centre_id": holder}
            for day in days_of(loan)]  # fmt: skip
    try:
        with session.begin_nested():
            session.execute(insert(LoanDay).values(rows))
    except IntegrityError as error:
        raise Refused("lent_already") from error


def free_days(session: Session, loan: ResourceLoan, since: date | None = None) -> None:
    """Give the days of a loan back; up to `since` they stay lent, and are nobody's to count on any more."""
    gone = delete(LoanDay).where(LoanDay.loan_id == loan.id)
    session.execute(gone if since is None else gone.where(LoanDay.day > since))
    session.execute(update(LoanDay).where(LoanDay.loan_id == loan.id).values(to_centre_id=None))


def lent_for(session: Session, kind: str, lent_id: int, order: Order, at: datetime) -> bool:
    """Whether something is lent to an order's centre at an instant, for that order or for all."""
    loan = lent_to(session, kind, lent_id, order.centre_id, at)
    return loan is not None and loan.order_id in (None, order.id)


def was_lent_for(session: Session, kind: str, lent_id: int, order: Order, at: datetime) -> bool:
    """The same of what may be over: what was given back after that instant was lent at it."""
    returned = select(ResourceLoan).where(brings(kind, lent_id, order.centre_id, at, "returned"))
    return lent_for(session, kind, lent_id, order, at) or any(
        loan.order_id in (None, order.id) and history_of(session, loan.subject)[-1].at > at
        for loan in session.scalars(returned)
    )


def lent_to(session: Session, kind: str, lent_id: int, centre_id: int, at: datetime) -> ResourceLoan | None:
    """The loan that brings something to a centre at an instant, agreed on by both."""
    return session.scalar(select(ResourceLoan).where(brings(kind, lent_id, centre_id, at)).limit(1))


def brings(kind: str, lent_id: Any, centre_id: Any, at: Any, *states: str) -> ColumnElement[bool]:
    """Whether a loan brings something to a centre at an instant, each a value or a column of the question: one that
    stands, or is in one of these `states`."""
    return and_(
        ResourceLoan.kind == kind, _LENT[kind] == lent_id, ResourceLoan.to_centre_id == centre_id,
        ResourceLoan.state.in_(states or STANDING_LOANS), ResourceLoan.starts_at <= at, ResourceLoan.ends_at > at,
    )  # fmt: skip
