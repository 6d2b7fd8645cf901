"""What one centre has lent to another, day by day: both see who has it, and nothing is lent twice."""

from collections.abc import Collection
from datetime import date

from sqlalchemy import ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base


class LoanDay(Base):
    """A day in China on which something is lent: the primary key refuses to lend it twice.

    `to_centre_id` is the centre that may take it along to whatever it likes on that day. None where it is lent for one
    order only, and on the day on which it comes back early: then it is on the road, and nobody counts on it.
    """

    __tablename__ = "loan_days"

    resource: Mapped[str] = mapped_column(String(40), primary_key=True)  # as the occupancy cells name it
    day: Mapped[date] = mapped_column(primary_key=True)
    loan_id: Mapped[int] = mapped_column(ForeignKey("resource_loans.id"), index=True)
    to_centre_id: Mapped[int | None] = mapped_column(ForeignKey("service_centres.id"), index=True)


def borrowed_keys(session: Session, centre_id: int) -> dict[str, list[int]]:
    """The keys of what a centre has borrowed for some day, by kind of resource ("station", "equipment")."""
    found = dict[str, list[int]]()
    names = session.scalars(select(LoanDay.resource).where(LoanDay.to_centre_id == centre_id).distinct())
    for kind, _, key in (name.partition(":") for name in names):
        found.setdefault(kind, []).append(int(key))
    return found


def holders(session: Session, resources: Collection[str], first: date, last: date) -> dict[tuple[str, date], int]:
    """Which centre has borrowed each of these on each of these days; 0 where none may count on it.

    What is not lent on a day does not stand here: it is at home.
    """
    query = select(LoanDay.resource, LoanDay.day, LoanDay.to_centre_id).where(
        LoanDay.resource.in_(sorted(resources)), LoanDay.day >= first, LoanDay.day <= last
    )
    return {(row.resource, row.day): row.to_centre_id or 0 for row in session.execute(query)}
