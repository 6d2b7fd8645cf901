"""Reminder rules as data: what is said how long before a thing, to whom, how urgently; an administrator edits them."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import String, UniqueConstraint, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, Key, Row, insert_of, locked_row
from models.errors import Refused
from models.hours import CHINA, WorkCalendar, instant
from models.messages.ladder import LANES

QUIET_FROM, QUIET_TO = time(21, 0), time(8, 0)  # in the reader's own zone
LONGEST_AHEAD = 366 * 1440  # minutes: nothing is booked further ahead than a year
AWAKE = ("safety", "same_day")  # these are about now, and go at night too

# before: so many minutes before the start. day_at: so many days before, at a time of the reader's day.
# workdays_at: so many of China's working days before, at a time of the reader's day. at_once: as soon as it is booked.
MODES = ("before", "day_at", "workdays_at", "at_once")
STEPS_ASIDE = "shipped"  # the mode of a row that an administrator took back: what we ship holds again
UNWRITTEN = ""  # and of one that is only held by who is about to write it


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


class Replanning(Base):
    """A kind whose coming bookings are to be planned anew, and up to which of them (by key) that has been done."""

    __tablename__ = "replannings"

    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    reached: Mapped[int] = mapped_column(Key, default=0)


class ReminderRule(Row):
    """A rule as an administrator wrote it; it replaces the one of the same kind, role and name that we ship.

    Rows are never deleted: one that was taken back steps aside, so that the clock hears of that too.
    """

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


@dataclass(frozen=True)
class Standing:
    """A rule of one role as it stands: whether it is in force, and whether it is ours or an administrator's."""

    rule: Rule
    active: bool = True
    source: str = "shipped"  # "shipped", "edited" in the place of one of ours, or the county's "own"


def rules_for(session: Session, kind: str, roles: Collection[str]) -> dict[str, list[Rule]]:
    """role → the rules in force for it: what an administrator wrote in the place of what we ship; one question."""
    standing = rules_standing(session, kind, roles)
    return {role: [one.rule for one in rules.values() if one.active] for role, rules in standing.items()}


def rules_standing(session: Session, kind: str, roles: Collection[str]) -> dict[str, dict[str, Standing]]:
    """role → name → its rule as it stands, also where it is switched off; one question, whatever the number."""
    query = select(ReminderRule).where(ReminderRule.kind == kind, ReminderRule.role.in_((*roles, "*")))
    # A rule for one very role wins over one for every role.
    rows = session.scalars(query.order_by(ReminderRule.role != "*", ReminderRule.id)).all()
    return {role: _stand(rows, kind, role) for role in roles}


def _stand(rows: Iterable[ReminderRule], kind: str, role: str) -> dict[str, Standing]:
    ours = [rule for rule in SHIPPED if rule.kind == kind and rule.role in (role, "*")]
    shipped = {rule.name: Standing(rule) for rule in sorted(ours, key=lambda rule: rule.role != "*")}
    found = dict(shipped)
    for row in rows:
        if row.role not in (role, "*") or row.mode == UNWRITTEN:
            continue
        found.pop(row.name, None)
        if row.mode != STEPS_ASIDE:
            rule = Rule(
                row.kind, row.role, row.name, row.mode, row.minutes, row.days, row.at, row.urgency, row.grace_minutes
            )
            found[row.name] = Standing(rule, row.active, "edited" if row.name in shipped else "own")
        elif row.name in shipped:
            found[row.name] = shipped[row.name]
    return found


def names_used(session: Session, kind: str, roles: Collection[str]) -> dict[str, set[str]]:
    """role → every name by which an administrator's rule for it goes, or ever went: what was said by it is said, and
    another rule of that name would not say it."""
    query = select(ReminderRule.role, ReminderRule.name).where(
        ReminderRule.kind == kind, ReminderRule.role.in_((*roles, "*")), ReminderRule.mode != UNWRITTEN
    )
    rows = session.execute(query).all()
    return {role: {row.name for row in rows if row.role in (role, "*")} for role in roles}


def put_rule(session: Session, rule: Rule, now: datetime, *, active: bool = True) -> ReminderRule:
    """Write a rule down, or switch it off with `active=False`; bookings to come are planned anew by the clock.

    Raises Refused("bad_rule", why=…) like `check_rule`.
    """
    check_rule(rule)
    row = hold_rule(session, rule.kind, rule.role, rule.name, now)
    row.mode, row.minutes, row.days, row.at = rule.mode, rule.minutes, rule.days, rule.at
    row.urgency, row.grace_minutes, row.active = rule.urgency, rule.grace_minutes, active
    row.changed_at, row.heeded = now, False
    session.flush()
    return row


def take_back_rule(session: Session, kind: str, role: str, name: str, now: datetime) -> None:
    """What we ship holds again for this role; a rule of the county's own is no more. The clock plans anew."""
    row = hold_rule(session, kind, role, name, now)
    row.mode, row.active, row.changed_at, row.heeded = STEPS_ASIDE, True, now, False
    session.flush()


def hold_rule(session: Session, kind: str, role: str, name: str, now: datetime) -> ReminderRule:
    """The row of a rule, held until this transaction ends; made as one that says nothing where there is none.

    Of two who edit one rule the second waits here, and then sees what the first made of it.
    """
    key = {"kind": kind, "role": role, "name": name}
    return locked_row(session, ReminderRule, key, mode=UNWRITTEN, changed_at=now)


def check_rule(rule: Rule) -> None:
    """Whether a rule can be; raises Refused("bad_rule", why=…) for a mode, urgency, name or time that cannot."""
    if rule.mode not in MODES or rule.urgency not in LANES:
        raise Refused("bad_rule", why="mode or urgency")
    if not all(0 < len(text) <= limit for text, limit in ((rule.kind, 32), (rule.role, 16), (rule.name, 16))):
        raise Refused("bad_rule", why="name")
    by_the_day = rule.mode in ("day_at", "workdays_at")
    if by_the_day != (rule.at is not None) or (rule.mode == "before") != (rule.minutes > 0):
        raise Refused("bad_rule", why="time")
    if not (0 <= rule.minutes <= LONGEST_AHEAD and 0 <= rule.days <= LONGEST_AHEAD // 1440 and rule.grace_minutes >= 0):
        raise Refused("bad_rule", why="time")


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


def plan_from_the_start(session: Session, kind: str) -> None:
    """All coming bookings of a kind are to be planned anew, those too that are being planned at this moment."""
    begun = insert_of(session, Replanning).values(kind=kind, reached=0)
    session.execute(begun.on_conflict_do_update(index_elements=["kind"], set_={"reached": 0}))


# Who was writing before a kind was taken up (its row's xmin) and still is: they may have read the rules of before.
_ALL_SEE_THE_EDIT = text(
    "replannings.reached > 0 OR NOT EXISTS (SELECT FROM pg_stat_activity AS other"
    " WHERE other.datname = current_database()"
    " AND other.backend_xid IS NOT NULL AND age(other.backend_xid) > age(replannings.xmin))"
)


def still_to_plan(session: Session) -> list[str]:
    """The kinds that are to be planned anew; after all that could be was, those that another clock has in hand, or for
    which somebody's transaction is open since before the edit."""
    return list(session.scalars(select(Replanning.kind).order_by(Replanning.kind)))


def to_be_planned(session: Session, kinds: Collection[str]) -> Replanning | None:
    """One of these kinds that is to be planned anew, held until this transaction ends; of several clocks each takes
    what no other has in hand.

    A kind is begun when nobody writes any more who wrote before it was taken up: what they book by the rules of before
    is seen by then. Nobody waits for anybody; the next round asks again. In SQLite one writes at a time.
    """
    query = select(Replanning).where(Replanning.kind.in_(kinds)).order_by(Replanning.kind).limit(1)
    if session.get_bind().dialect.name == "postgresql":
        query = query.where(_ALL_SEE_THE_EDIT)
    fresh = {"populate_existing": True}
    return session.scalars(query.with_for_update(skip_locked=True), execution_options=fresh).first()


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
    # West of China it begins on the reader's day before: counted from China's, a reminder would come with the start.
    day = min(starts_at.astimezone(CHINA).date(), starts_at.astimezone(zone).date())
    return calendar.add_workdays(day, -rule.days)


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
