"""An assignment: an order offered to an organisation, whose member accepts or declines. The first accept wins."""

from datetime import datetime
from typing import cast

from sqlalchemy import ForeignKey, Index, String, Table, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.errors import Refused
from models.life import TIME, Life, Verb
from models.ordering.listings import Listing
from models.ordering.orders import Order
from models.people.identities import Who
from models.people.staff import memberships

# While an assignment stands in one of these, its organisation reads what the order says of a resident.
STANDING = ("offered", "accepted", "started")


class Assignment(Row):
    """One offer. The partial unique index is the rule: an order has one live assignment, whoever races."""

    __tablename__ = "assignments"
    __table_args__ = (
        Index(
            "uq_assignments_live", "order_id", unique=True,
            postgresql_where=text("state IN ('accepted', 'started')"),
            sqlite_where=text("state IN ('accepted', 'started')"),
        ),
        Index(
            "uq_assignments_offered", "order_id", "organisation_id", unique=True,
            postgresql_where=text("state = 'offered'"), sqlite_where=text("state = 'offered'"),
        ),
    )  # fmt: skip

    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), index=True)
    mode: Mapped[str] = mapped_column(String(12), default="offer")  # "offer" from the pool, "directive" by a cadre
    dispatched_by_id: Mapped[int | None] = mapped_column(ForeignKey("persons.id"))
    state: Mapped[str] = mapped_column(String(12), default="offered")
    offered_at: Mapped[datetime]
    answered_by_id: Mapped[int | None] = mapped_column(ForeignKey("persons.id"))
    answered_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(String(200), default="")

    @property
    def subject(self) -> str:
        """The name under which history and letters know this assignment."""
        return f"assignment:{self.id}"


ASSIGNMENT = Life(
    "assignment",
    cast(Table, Assignment.__table__),
    "offered",
    (
        Verb("accept", ("offered",), "accepted", who=("provider",)),
        Verb("decline", ("offered",), "declined", who=("provider",)),
        Verb("expire", ("offered",), "expired", who=(TIME,)),
        Verb("withdraw", STANDING, "withdrawn", who=("rule",)),
        Verb("hand_back", ("accepted", "started"), "handed_back", who=("provider",)),
        Verb("return", ("started",), "accepted", who=("provider",)),  # nobody was home
        Verb("start", ("accepted",), "started", who=("provider",), tells=("requester", "beneficiary")),
        Verb("finish", ("accepted", "started"), "done", who=("provider", "cadre")),
    ),
)


def assigned_to(session: Session, who: Who, assignment_id: int) -> tuple[Assignment, Order]:
    """An assignment and its order, for a member of that organisation; raises Refused("not_yours") for others."""
    found = session.execute(
        select(Assignment, Order).join(Order, Assignment.order_id == Order.id)
        .where(Assignment.id == assignment_id, Assignment.organisation_id.in_(memberships(who.person_id))),
        execution_options={"populate_existing": True},
    ).one_or_none()  # fmt: skip
    if found is None:
        raise Refused("not_yours")
    return found.Assignment, found.Order


def taken_from(session: Session, assignment: Assignment) -> list[Assignment]:
    """The earlier assignments of the same order to the same organisation that were withdrawn."""
    query = select(Assignment).where(
        Assignment.order_id == assignment.order_id, Assignment.organisation_id == assignment.organisation_id,
        Assignment.state == "withdrawn",
    )  # fmt: skip
    return list(session.scalars(query.order_by(Assignment.id)))


def set_out_for(session: Session, order: Order) -> list[Assignment]:
    """By which somebody is on the way for an order: one, or none."""
    query = select(Assignment).where(Assignment.order_id == order.id, Assignment.state == "started")
    return list(session.scalars(query))


def jobs_of(session: Session, who: Who) -> list[tuple[Assignment, Order, Listing]]:
    """The open offers and accepted orders of this person's organisations, offers first."""
    query = (
        select(Assignment, Order, Listing)
        .join(Order, Assignment.order_id == Order.id).join(Listing, Order.listing_id == Listing.id)
        .where(Assignment.organisation_id.in_(memberships(who.person_id)), Assignment.state.in_(STANDING))
        .order_by(Assignment.state.desc(), Order.preferred_at)
    )  # fmt: skip
    return [(row.Assignment, row.Order, row.Listing) for row in session.execute(query)]
