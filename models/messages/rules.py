"""Reminder rules as data: what is said how long before a thing, to whom, how urgently; an administrator edits them."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import String, UniqueConstraint, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.errors import Refused
from models.hours import CHINA, WorkCalendar, instant
from models.messages.ladder import LANES

QUIET_FROM, QUIET_TO = time(21, 0), time(8, 0)  # in the reader's own zone
LONGEST_AHEAD = 366 * 1440  # minutes: nothing is booked further ahead than a year
AWAKE = ("safety", "same_day")  # these are about now, and go at night too

# before: so many minutes before the start. day_at: so many days before, at a time of the reader's day.
# workdays_at: so many of China's working days before, at a time of the reader's day. at_once: as soon as it is booked.
MODES = ("before", "day_at", "workdays_at", "at_once")


@dataclass(frozen=True)
class Rule:
    """One reminder of one kind for one role ("*": every role).

    `minutes` serves "before", `days` and `at` the others; after the start a reminder stays useful for `grace_minutes`.
    """

    kind: str
    role: str
    name: str
    mode: str
    minutes: int = 0
    days: int = 0
    at: time | None = None
    urgency: str = "routine"
    grace_minutes: int = 0


class ReminderRule(Row):
    """A rule as an administrator wrote it; it replaces the one of the same kind, role and name that we ship."""

    __tablename__ = "reminder_rules"
    __table_args__ = (UniqueConstraint("kind", "role", "name"),)

    kind: Mapped[str] = mapped_column(String(32))
    role: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(16))
    mode: Mapped[str] = mapped_column(String(12))
    minutes: Mapped[int] = mapped_column(default=0)
    days: Mapped[int] = mapped_column(default=0)
    at: Mapped[time | None]
    urgency: Mapped[str] = mapped_column(String(12), default="routine")
    grace_minutes: Mapped[int] = mapped_column(default=0)
    active: Mapped[bool] = mapped_column(default=True)
    heeded: Mapped[bool] = mapped_column(default=False)  # whether the bookings to come have been planned by it
    changed_at: Mapped[datetime]


SHIPPED: tuple[Rule, ...] = (
    Rule("family.reminder", "*", "t-24h", "before", minutes=24 * 60),
    Rule("family.reminder", "*", "t-1h", "before", minutes=60, urgency="same_day"),
    Rule("family.reminder", "*", "t-10min", "before", minutes=10, urgency="same_day", grace_minutes=10),
    Rule("ordering.reminder", "*", "eve", "day_at", days=1, at=time(18)),
    Rule("ordering.reminder", "beneficiary", "t-1h", "before", minutes=60, urgency="same_day"),
)


def rules_for(session: Session, kind: str, role: str) -> list[Rule]:
    """The rules in force for one role: what an administrator wrote in the place of what we ship."""
    found = {rule.name: rule for rule in SHIPPED if rule.kind == kind and rule.role in (role, "*")}
    query = select(ReminderRule).where(ReminderRule.kind == kind, ReminderRule.role.in_((role, "*")))
    # A rule for this very role wins over one for every role.
    for row in session.scalars(query.order_by(ReminderRule.role != "*", ReminderRule.id)):
        found.pop(row.name, None)
        if row.active:
            found[row.name] = Rule(
                row.kind, row.role, row.name, row.mode, row.minutes, row.days, row.at, row.urgency, row.grace_minutes
            )
    return list(found.values())


def put_rule(session: Session, rule: Rule, now: datetime, *, active: bool = True) -> ReminderRule:
    """Write a rule down, or switch it off with `active=False`; bookings to come are planned anew by the clock.

    Raises Refused("bad_rule", why=…) for a mode, urgency, name or time that cannot be.
    """
    if rule.mode not in MODES or rule.urgency not in LANES:
        raise Refused("bad_rule", why="mode or urgency")
    if not all(0 < len(text) <= limit for text, limit in ((rule.kind, 32), (rule.role, 16), (rule.name, 16))):
        raise Refused("bad_rule", why="name")
    by_the_day = rule.mode in ("day_at", "workdays_at")
    if by_the_day != (rule.at is not None) or (rule.mode == "before") != (rule.minutes > 0):
        raise Refused("bad_rule", why="time")
    if not (0 <= rule.minutes <= LONGEST_AHEAD and 0 <= rule.days <= LONGEST_AHEAD // 1440 and rule.grace_minutes >= 0):
        raise Refused("bad_rule", why="time")
    key = {"kind": rule.kind, "role": rule.role, "name": rule.name}
    row = session.scalar(select(ReminderRule).filter_by(**key))
    if row is None:
        row = ReminderRule(**key, mode=rule.mode, changed_at=now)
        session.add(row)
    row.mode, row.minutes, row.days, row.at = rule.mode, rule.minutes, rule.days, rule.at
    row.urgency, row.grace_minutes, row.active = rule.urgency, rule.grace_minutes, active
    row.changed_at, row.heeded = now, False
    session.flush()
    return row


def take_changed(session: Session, kind: str) -> bool:
    """Whether rules of a kind have changed since its bookings were last planned; answering yes marks them as heeded.

    The mark is each row's own and no time: an edit that commits late, or while the clock goes wrong, is seen too. Of
    several clocks one plans anew: the others wait for its transaction, and find nothing left.
    """
    changed = (
        update(ReminderRule).where(ReminderRule.kind == kind, ReminderRule.heeded.is_(False)).values(heeded=True)
        .returning(ReminderRule.id)
    )  # fmt: skip
    return bool(session.execute(changed, execution_options={"synchronize_session": False}).all())


def due_time(rule: Rule, starts_at: datetime, zone: ZoneInfo, calendar: WorkCalendar, now: datetime) -> datetime:
    """When a reminder is due: its time before the start, moved out of the reader's quiet hours unless it is urgent.

    Waiting until the morning must not pass the start's last hour; then it is the last permitted minute of the evening
    before. Instants are subtracted in UTC, so that a day in which the clocks change still has its 24 hours.
    """
    starts_at = starts_at.astimezone(UTC)  # two times of one zone would be subtracted by the wall clock
    if rule.mode == "before":
        due = starts_at - timedelta(minutes=rule.minutes)
    elif rule.mode == "at_once":
        due = now
    else:
        due = instant(_day_before(rule, starts_at, zone, calendar), rule.at or QUIET_TO, zone)
    return due if rule.urgency in AWAKE else out_of_the_night(due, starts_at, zone)


def _day_before(rule: Rule, starts_at: datetime, zone: ZoneInfo, calendar: WorkCalendar) -> date:
    if rule.mode == "day_at":
        return starts_at.astimezone(zone).date() - timedelta(days=rule.days)
    return calendar.add_workdays(starts_at.astimezone(CHINA).date(), -rule.days)


def out_of_the_night(due: datetime, starts_at: datetime, zone: ZoneInfo) -> datetime:
    """The instant itself by day; at night the morning, or the evening before where the morning is too late."""
    local = due.astimezone(zone)
    if QUIET_TO <= local.time() < QUIET_FROM:
        return due
    morning_day = local.date() if local.time() < QUIET_TO else local.date() + timedelta(days=1)
    morning = instant(morning_day, QUIET_TO, zone)
    if morning <= starts_at - timedelta(hours=1):
        return morning
    return instant(morning_day - timedelta(days=1), QUIET_FROM, zone) - timedelta(minutes=1)
