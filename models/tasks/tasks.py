"""A task: one thing for the cadres of one area, until somebody has done it."""

from datetime import datetime
from typing import Any, cast

from sqlalchemy import ForeignKey, Index, String, Table
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Row
from models.life import TIME, Life, Verb

TASK_KINDS = (
    "phone_call", "check_delivery", "confirm_link", "order_new", "order_unanswered", "call_help", "tell_in_person",
    "order_overdue", "name_person", "visit_recheck", "visit_silent", "nobody_home", "complaint", "follow_up",
    "still_wanted", "loan_request", "loan_overdue",
)  # fmt: skip
# Somebody waits for these: they do not wait for the morning.
PRESSING = ("phone_call", "check_delivery", "order_unanswered", "tell_in_person", "nobody_home", "name_person")


class Task(Row):
    """One thing to do. `assignee_id` empty: any cadre over the area may take it."""

    __tablename__ = "tasks"
    __table_args__ = (Index(None, "area_id", "state"), Index(None, "subject"))

    key: Mapped[str] = mapped_column(String(120), unique=True)  # opening twice is once
    kind: Mapped[str] = mapped_column(String(24))
    area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"))
    assignee_id: Mapped[int | None] = mapped_column(ForeignKey("persons.id"), index=True)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("persons.id"))  # whom it is about
    subject: Mapped[str] = mapped_column(String(40))  # "letter:9", "order:17", "care:2", "call:3"
    facts: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(16), default="open")
    due_at: Mapped[datetime]
    created_at: Mapped[datetime]
    done_by_id: Mapped[int | None] = mapped_column(ForeignKey("persons.id"))
    settled_at: Mapped[datetime | None]

    @property
    def told(self) -> dict[str, Any]:
        """What a letter about this task must know."""
        return {**self.facts, "task": self.id, "kind": self.kind, "due_at": self.due_at.isoformat()}


TASK = Life(
    "task",
    cast(Table, Task.__table__),
    "open",
    (
        Verb("acknowledge", ("open",), "acknowledged", who=("cadre",)),
        Verb("finish", ("open", "acknowledged"), "done", who=("cadre",)),
        Verb("cancel", ("open", "acknowledged"), "cancelled", who=("cadre", "rule", TIME)),
    ),
)
