"""What fills a person's days by their own clock: meals, the nap, market days, sleep, work and school."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import ForeignKey, String, UniqueConstraint, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.errors import Refused
from models.history import History
from models.hours import WorkCalendar, instant
from models.people.care import links_to, may_act_for
from models.people.identities import Who
from models.people.persons import Person, held_to_change
from models.people.scope import in_charge_of
from models.places.quarters import Grid

KINDS = ("sleep", "meal", "nap", "market", "work", "school")
# What is asked of whom: of those who are called, of everybody else, and what the family may say of who is called.
OF_THE_CALLED, OF_OTHERS, BY_FAMILY = ("meal", "nap", "market", "sleep"), ("sleep", "work"), ("meal", "nap", "market")
MOST_SPANS = 8  # of one kind: no day has more
DAY = timedelta(days=1)


class Routine(Row):
    """A span of a person's days, in the zone where they live, in which a call would be unkind.

    `weekdays` holds ISO digits ("67"), `month_ends` the last digits of the days of the month ("38": the 3rd, 8th, 13th
    and so on, 逢三逢八); empty means every day. A span that ends before it begins goes on into the next morning; one
    that ends when it begins never is: the person has none of this kind.
    """

    __tablename__ = "routines"
    __table_args__ = (UniqueConstraint("person_id", "kind", "begins", "weekdays", "month_ends"),)

    person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"), index=True)
    kind: Mapped[str] = mapped_column(String(8))
    begins: Mapped[time]
    ends: Mapped[time]
    weekdays: Mapped[str] = mapped_column(String(7), default="")
    month_ends: Mapped[str] = mapped_column(String(10), default="")


@dataclass(frozen=True)
class Habit:
    """One span as it is said: what a row holds, and what is assumed of whom nobody has asked."""

    kind: str
    begins: time
    ends: time
    weekdays: str = ""
    month_ends: str = ""

    @property
    def code(self) -> str:
        """The span as history keeps it: "nap 12:30-14:00", "market 07:00-11:00 w67 d38"."""
        days = [f"w{self.weekdays}"] if self.weekdays else []
        days += [f"d{self.month_ends}"] if self.month_ends else []
        return " ".join([self.kind, f"{self.begins:%H:%M}-{self.ends:%H:%M}", *days])

    def is_on(self, day: date, book: WorkCalendar) -> bool:
        """Whether it is so on this day; school follows the calendar, make-up days included."""
        if self.kind == "school" and not self.weekdays:
            return book.is_workday(day)
        return (not self.weekdays or str(day.isoweekday()) in self.weekdays) and (
            not self.month_ends or str(day.day % 10) in self.month_ends
        )


# What is assumed until somebody says otherwise: those at home keep village hours, of others only the night is known.
AT_HOME = (
    Habit("sleep", time(20), time(7)), Habit("meal", time(11, 30), time(12, 30)), Habit("nap", time(12, 30), time(14)),
    Habit("meal", time(17), time(18)),
)  # fmt: skip
OF_A_CHILD = (Habit("sleep", time(20, 30), time(6, 30)), Habit("school", time(8), time(16, 30)))
ELSEWHERE = (Habit("sleep", time(23), time(7)),)


def habits_of(session: Session, people: Collection[Person], at_home: Collection[int]) -> dict[int, list[Habit]]:
    """What fills the days of these people, by their keys; `at_home` are those who are called and keep village hours.

    A kind of which anything is written down stands as written, the others as assumed.
    """
    written: dict[int, list[Habit]] = {person.id: [] for person in people}
    for row in session.scalars(select(Routine).where(Routine.person_id.in_(written)).order_by(Routine.id)):
        written[row.person_id].append(_habit(row))
    return {person.id: _with_assumed(written[person.id], _assumed(person, person.id in at_home)) for person in people}


def written_of(session: Session, person_id: int) -> dict[str, list[Habit]]:
    """What is written down of a person's days, kind by kind; what is only assumed is not among it."""
    found: dict[str, list[Habit]] = {}
    for row in session.scalars(select(Routine).where(Routine.person_id == person_id).order_by(Routine.id)):
        found.setdefault(row.kind, []).append(_habit(row))
    return found


def codes(habits: Iterable[Habit]) -> str:
    """Several spans as history keeps them, and as a form that has shown them gives them back."""
    return "; ".join(habit.code for habit in habits)


def _habit(row: Routine) -> Habit:
    return Habit(row.kind, row.begins, row.ends, row.weekdays, row.month_ends)


def _assumed(person: Person, at_home: bool) -> tuple[Habit, ...]:
    if not at_home:
        return ELSEWHERE
    return OF_A_CHILD if person.left_behind == "child" else AT_HOME


def _with_assumed(written: list[Habit], assumed: Iterable[Habit]) -> list[Habit]:
    kinds = {habit.kind for habit in written}
    return [*written, *(habit for habit in assumed if habit.kind not in kinds)]


def filled(habits: Iterable[Habit], person: Person, grid: Grid, book: WorkCalendar) -> Mapping[str, int]:
    """The quarters of a grid that a person's days fill, kind by kind, by the clock of where they live."""
    zone, found = person.tz, dict[str, int]()
    first, last = (grid.start.astimezone(zone).date() - DAY, grid.end.astimezone(zone).date())
    days = [first + n * DAY for n in range((last - first).days + 1)]
    for habit in habits:
        if habit.begins == habit.ends:
            continue
        over_night = DAY if habit.ends < habit.begins else timedelta(0)
        for day in days:
            if habit.is_on(day, book):
                span = instant(day, habit.begins, zone), instant(day + over_night, habit.ends, zone)
                found[habit.kind] = found.get(habit.kind, 0) | grid.bits(*span)
    return found


@dataclass(frozen=True)
class Days:
    """Somebody's days as one who asks may write them down: as what ("self", "relative", "cadre"), of which kinds."""

    person: Person
    role: str
    kinds: tuple[str, ...]

    @property
    def at_home(self) -> bool:
        """Whether this is somebody who is called, and keeps village hours."""
        return self.kinds != OF_OTHERS

    def says(self, kind: str) -> bool:
        """Whether who asks may say this kind: a relative a few of them, a cadre and oneself all that there are."""
        return kind in (self.kinds if self.role == "relative" else KINDS)

    def known(self, session: Session) -> list[Habit]:
        """What is written down or assumed of these kinds, in the order of the day."""
        habits = habits_of(session, [self.person], (self.person.id,) if self.at_home else ())[self.person.id]
        return sorted((one for one in habits if one.kind in self.kinds), key=lambda one: (one.begins, one.kind))


def days_for(session: Session, who: Who, person_id: int) -> Days:
    """Whose days these are, and which kinds of them who asks may see and write down.

    Who is at home keeps village hours, a child goes to school, who is away works somewhere. A relative with a confirmed
    link says when who is called eats, naps and goes to market; more is theirs or a cadre's to say. Raises
    Refused("not_yours").
    """
    person = session.get(Person, person_id)
    if person is None:
        raise Refused("not_yours")
    kinds = (*OF_THE_CALLED, *(("school",) if person.left_behind == "child" else ()))
    if who.person_id == person_id:
        return Days(person, "self", kinds if links_to(session, person_id) else OF_OTHERS)
    if in_charge_of(session, who.person_id, person):
        return Days(person, "cadre", OF_OTHERS if person.away else kinds)
    if may_act_for(session, who.person_id, person_id) and person.state == "active":
        return Days(person, "relative", BY_FAMILY)
    raise Refused("not_yours")


def put_habits(
    session: Session, who: Who, person_id: int, kind: str, habits: Collection[Habit], now: datetime,
    seen: str | None = None,
) -> None:  # fmt: skip
    """Write down what fills somebody's days of one kind, in the place of what stood: oneself, their cadre, or of a few
    kinds a relative.

    None at all means that nothing is known, and what is assumed holds again. `seen` is what stood, by `codes`, on the
    page that was acted from; the same form again is once. Raises Refused("not_yours"), ("bad_routine"), or ("stale",
    subject=…) where something else stands.
    """
    held_to_change(session, person_id)  # of two who write, one after the other
    days = days_for(session, who, person_id)
    check(kind, habits)
    if not days.says(kind):
        raise Refused("not_yours")
    stands = codes(written_of(session, person_id).get(kind, []))
    if seen is not None and seen != stands:
        if stands == codes(_once(habits)):
            return
        raise Refused("stale", subject=f"routine:{person_id}")
    session.execute(delete(Routine).where(Routine.person_id == person_id, Routine.kind == kind))
    session.add_all(
        Routine(person_id=person_id, kind=kind, begins=one.begins, ends=one.ends, weekdays=one.weekdays,
                month_ends=one.month_ends)
        for one in _once(habits)
    )  # fmt: skip
    session.add(
        History(subject=f"routine:{person_id}", verb="write", from_state=None, to_state="written",
                by_person_id=who.person_id, as_role=days.role, note=codes(_once(habits)) or kind, at=now)
    )  # fmt: skip
    session.flush()


def _once(habits: Collection[Habit]) -> Iterable[Habit]:
    """Each span once: of two that begin together on the same days the later one stands."""
    return {(one.begins, one.weekdays, one.month_ends): one for one in habits}.values()


def check(kind: str, habits: Collection[Habit]) -> None:
    """Raises Refused("bad_routine") for what no day can hold."""
    if kind not in KINDS or len(habits) > MOST_SPANS or any(habit.kind != kind for habit in habits):
        raise Refused("bad_routine")
    for habit in habits:
        for said, known in ((habit.weekdays, "1234567"), (habit.month_ends, "0123456789")):
            if not set(said) <= set(known) or len(set(said)) != len(said):  # each day is named once
                raise Refused("bad_routine")
