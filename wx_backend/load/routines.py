"""The section of routines: when people eat, rest, go to market, work and learn, so that no call disturbs them."""

from models.errors import Refused
from models.family.routines import KINDS, Habit, Routine, check
from models.people.persons import Person
from wx_backend.load.loading import Loading
from wx_backend.load.rows import BadRow, RowIn


def routines(load: Loading, row: RowIn) -> None:
    """One span of a person's days; those of a person that the file speaks of are all in the file."""
    person, kind = load.find(Person, row("person"), "person"), row.one_of("kind", KINDS)
    habit = Habit(kind, row.time("begins"), row.time("ends"), row("weekdays", ""), row("month_ends", ""))
    try:
        check(kind, [habit])
    except Refused as refusal:
        raise BadRow("weekdays / month_ends: weekdays 写 1 到 7（1 是周一），month_ends 写逢几，例如 38") from refusal
    span, _ = load.put(
        Routine, {"person_id": person.id, "kind": kind, "begins": habit.begins, "weekdays": habit.weekdays,
                  "month_ends": habit.month_ends},
        ends=habit.ends,
    )  # fmt: skip
    load.keep(Routine, "person_id", person.id, span.id)
