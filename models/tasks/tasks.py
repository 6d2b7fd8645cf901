"""A task: one thing for the cadres of one area, until somebody has done it."""

from datetime import datetime
from typing import Any, cast

from sqlalchemy import ForeignKey, Index, String, Table, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.errors import Refused
from models.hours import calendar
from models.life import TIME, By, Life, Verb

TASK_KINDS = (
    "phone_call", "check_delivery", "confirm_link", "order_new", "order_unanswered", "call_help", "tell_in_person",
    "stop_provider", "closure", "need_triage", "help_triage", "help_do", "matter_urgent", "matter_tell", "media_lost",
    "identity_conflict", "review_listing", "order_overdue", "name_person", "visit_recheck", "visit_silent",
    "nobody_home", "complaint", "follow_up", "still_wanted", "loan_request", "loan_overdue",
    "call_outcome", "elder_absent", "wellbeing", "pairing_due",
    "series_helper", "device_grant", "screen_out", "wechat_stopped",
)  # fmt: skip
# Somebody waits for these: they do not wait for the morning.
PRESSING = (
    "phone_call", "check_delivery", "order_unanswered", "tell_in_person", "stop_provider", "matter_urgent",
    "nobody_home", "name_person", "elder_absent", "wechat_stopped",
)  # fmt: skip
# Done by telling somebody: a letter that never arrived, or what a beneficiary without WeChat must hear.
TOLD = ("phone_call", "check_delivery", "tell_in_person")
# Done where the matter itself is decided: a tap on the task alone would stop its clock and help nobody.
DECIDED_ELSEWHERE = ("need_triage", "help_triage", "help_do", "matter_urgent", "review_listing", "complaint",
                     "call_outcome", "pairing_due", "series_helper", "loan_request", "loan_overdue")  # fmt: skip


class Task(Row):
    """One thing to do. `assignee_id` empty: any cadre over the area may take it."""

    __tablename__ = "tasks"
    __table_args__ = (
        Index(None, "area_id", "state"),
        Index(None, "subject"),
        # What waits for a resident, or for its day: few among all that ever were.
        Index(
            "ix_tasks_on_hold", "person_id",
            postgresql_where=text("state = 'on_hold'"), sqlite_where=text("state = 'on_hold'"),
        ),
    )  # fmt: skip

    key: Mapped[str] = mapped_column(String(120), unique=True)  # opening twice is once
    kind: Mapped[str] = mapped_column(String(24))
    area_id: Mapped[int] = mapped_column(ForeignKey("areas.id"))
    assignee_id: Mapped[int | None] = mapped_column(ForeignKey("persons.id"), index=True)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("persons.id"))  # whom it is about
    subject: Mapped[str] = mapped_column(String(40))  # "letter:9", "order:17", "care:2", "breaker:3"
    facts: Mapped[dict[str, Any]]
    but_not: Mapped[list[Any]] = mapped_column(default=list)  # the keys of cadres who may not do it
    state: Mapped[str] = mapped_column(String(16), default="open")
    due_at: Mapped[datetime]
    created_at: Mapped[datetime]
    done_by_id: Mapped[int | None] = mapped_column(ForeignKey("persons.id"))
    settled_at: Mapped[datetime | None]
    # While it waits for the resident; history keeps each time.
    held_at: Mapped[datetime | None]
    held_by_id: Mapped[int | None] = mapped_column(ForeignKey("persons.id"))
    held_why: Mapped[str] = mapped_column(String(200), default="")
    wake_at: Mapped[datetime | None]
    times_held: Mapped[int] = mapped_column(default=0)

    @property
    def told(self) -> dict[str, Any]:
        """What a letter about this task must know."""
        known = {**self.facts, "task": self.id, "kind": self.kind, "due_at": self.due_at.isoformat()}
        return {**known, "resumed": True} if self.times_held else known


TASK = Life(
    "task",
    cast(Table, Task.__table__),
    "open",
    (
        Verb("acknowledge", ("open", "acknowledged"), "acknowledged", who=("cadre",)),
        Verb("hold", ("open", "acknowledged"), "on_hold", who=("cadre",)),
        Verb("put_off", ("on_hold",), "on_hold", who=("cadre",)),
        Verb("resume", ("on_hold",), "acknowledged", who=("cadre", "rule", TIME), tells=("cadre",)),
        Verb("hand_over", ("open", "acknowledged", "on_hold"), "open", who=("cadre",)),
        Verb("leave", ("open", "acknowledged"), "open", who=("rule",)),
        Verb("finish", ("open", "acknowledged", "on_hold"), "done", who=("cadre",)),
        Verb("cancel", ("open", "acknowledged", "on_hold"), "cancelled", who=("cadre", "rule", TIME)),
    ),
)


def take(session: Session, task: Task, person_id: int, now: datetime) -> None:
    """A cadre takes the task on: it is theirs, and off everybody else's list.

    Raises Refused("wrong_state") when it is over, waits, or has been taken on by somebody (since this was read).
    """
    had = None if task.state == "acknowledged" else task.assignee_id
    by = By(person_id, "cadre")
    TASK.move(session, task, "acknowledge", by=by, now=now, where={"assignee_id": had}, assignee_id=person_id)


def go_on(session: Session, task: Task, *, by: By, now: datetime) -> None:
    """End a task's wait for the resident: it is due later by the working time that it waited. Nobody is told.

    Raises Refused("wrong_state") when it does not wait (any more).
    """
    since, due_at = task.held_at, task.due_at
    if since is None:
        raise Refused("wrong_state", thing=TASK.name, state=task.state, verb="resume")
    book = calendar(session)
    waited = book.working_time(since, now)
    TASK.move(
        session, task, "resume", by=by, now=now, where={"held_at": since},
        note=f"+{int(waited.total_seconds()) // 60} min",
        due_at=book.add_working_time(due_at, waited) if waited else due_at,
        held_at=None, held_by_id=None, held_why="", wake_at=None,
    )  # fmt: skip
