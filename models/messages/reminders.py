"""Reminders: rules as data turn a booking and its people into letters, in the booking's own transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from models.messages.outbox import post, withdraw

QUIET_FROM, QUIET_TO = time(21, 0), time(8, 0)  # in the reader's own zone


@dataclass(frozen=True)
class ReminderRule:
    """One reminder: how long before the start, how urgent, and how long after its start it is still worth reading.

    A "routine" reminder respects the reader's quiet hours; "same_day" ones do not: they are about now.
    """

    name: str
    before: timedelta
    urgency: str
    useful_after_start: timedelta = timedelta(0)


CALL_RULES: tuple[ReminderRule, ...] = (
    ReminderRule("t-24h", timedelta(hours=24), "routine"),
    ReminderRule("t-1h", timedelta(hours=1), "same_day"),
    ReminderRule("t-10min", timedelta(minutes=10), "same_day", timedelta(minutes=10)),
)


@dataclass(frozen=True)
class Recipient:
    """Who is reminded, in which role, living in which zone."""

    person_id: int
    role: str
    zone: ZoneInfo


def plan(
    session: Session,
    *,
    subject: str,
    revision: int,
    kind: str,
    rules: Sequence[ReminderRule],
    recipients: Sequence[Recipient],
    starts_at: datetime,
    facts: dict[str, Any],
    now: datetime,
) -> int:
    """Write one letter for each rule and recipient; answers how many.

    Older revisions' letters are withdrawn first. An offset that is already past is skipped: a booking made inside the
    window must not fire all its reminders together. For the same reason each is useful only until the next is due:
    after a night without a clock one comes and not three. The key makes planning twice the same as once.
    """
    withdraw(session, subject, now, before_revision=revision)
    written = 0
    ordered = sorted(rules, key=lambda rule: rule.before, reverse=True)
    for rule, following in zip(ordered, [*ordered[1:], None], strict=True):
        useful_until = starts_at - following.before if following else starts_at + rule.useful_after_start
        for recipient in recipients:
            due = due_time(rule, starts_at, recipient.zone)
            if due <= now or due >= useful_until:
                continue
            post(
                session, key=f"{subject}/{revision}/{rule.name}/{recipient.role}:{recipient.person_id}",
                person_id=recipient.person_id, kind=kind, subject=subject, revision=revision, now=now,
                facts={**facts, "rule": rule.name, "role": recipient.role}, due_at=due,
                useful_until=useful_until, urgency=rule.urgency,
            )  # fmt: skip
            written += 1
    return written


def due_time(rule: ReminderRule, starts_at: datetime, zone: ZoneInfo) -> datetime:
    """When a reminder is due: its offset before the start, moved out of the reader's quiet hours when it is routine.

    Waiting until the morning must not pass the start itself nor its last hour; then it is the last permitted minute
    before quiet hours. Instants are subtracted in UTC, so that a day in which the clocks change still has its 24 hours.
    """
    starts_at = starts_at.astimezone(UTC)  # two times of one zone would be subtracted by the wall clock
    due = starts_at - rule.before
    if rule.urgency != "routine":
        return due
    local = due.astimezone(zone)
    if QUIET_TO <= local.time() < QUIET_FROM:
        return due
    morning_day = local.date() if local.time() < QUIET_TO else local.date() + timedelta(days=1)
    morning = datetime.combine(morning_day, QUIET_TO, zone).astimezone(UTC)
    if morning <= starts_at - timedelta(hours=1):
        return morning
    evening_day = morning_day - timedelta(days=1)
    last = datetime.combine(evening_day, QUIET_FROM, zone).astimezone(UTC)
    return last - timedelta(minutes=1)
