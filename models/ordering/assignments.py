"""An assignment: an order offered to an organisation, whose member accepts or declines. The first accept wins."""

from datetime import datetime
from typing import cast

from sqlalchemy import ForeignKey, Index, String, Table, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Row
from models.life import TIME, Life, Verb


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
    state: Mapped[str] = mapped_column(String(12), default="offered")
    offered_at: Mapped[datetime]
    answered_by_id: Mapped[int | None] = mapped_column(ForeignKey("persons.id"))
    answered_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(String(200), default="")


ASSIGNMENT = Life(
    "assignment",
    cast(Table, Assignment.__table__),
    "offered",
    (
        Verb("accept", ("offered",), "accepted", who=("provider",)),
        Verb("decline", ("offered",), "declined", who=("provider",)),
        Verb("expire", ("offered",), "expired", who=(TIME,)),
        Verb("withdraw", ("offered", "accepted"), "withdrawn", who=("rule",)),
        Verb("hand_back", ("accepted",), "handed_back", who=("provider",)),
        Verb("start", ("accepted",), "started", who=("provider",)),
        Verb("finish", ("accepted", "started"), "done", who=("provider", "cadre")),
    ),
)
