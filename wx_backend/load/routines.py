"""The section of routines: when people eat, rest, go to market, work and learn, so that no call disturbs them."""

from sqlalchemy import select

from models.errors import Refused
from models.family.routines import KINDS, Habit, Routine, check
from models.history import history_of
from models.people.persons import Person, held_to_change
from wx_backend.load.loading import Loading
from wx_backend.load.rows import BadRow, RowIn


def routines(load: Loading, row: RowIn) -> None:
    """One span of a person's days; those of a person that the file speaks of are all in the file.

    A kind that the person, the family or a cadre has written down since is theirs: nothing of it is made or ends.
    """
    person, kind = load.find(Person, row("person"), "person"), row.one_of("kind", KINDS)
    habit = Habit(kind, row.time("begins"), row.time("ends"), row("weekdays", ""), row("month_ends", ""))
    try:
        check(kind, [habit])
    except Refused as refusal:
        raise BadRow("weekdays / month_ends: weekdays 写 1 到 7（1 是周一），month_ends 写逢几，例如 38") from refusal
    held_to_change(load.session, person.id)  # whoever writes one down at this moment is heard first, or comes after
    theirs = _written_by_people(load, person.id)
    for kept in load.session.scalars(
        select(Routine.id).where(Routine.person_id == person.id, Routine.kind.in_(theirs))
    ):
        load.keep(Routine, "person_id", person.id, kept)
    if kind in theirs:
        return
    span, _ = load.put(
        Routine, {"person_id": person.id, "kind": kind, "begins": habit.begins, "weekdays": habit.weekdays,
                  "month_ends": habit.month_ends},
        ends=habit.ends,
    )  # fmt: skip
    load.keep(Routine, "person_id", person.id, span.id)


def _written_by_people(load: Loading, person_id: int) -> set[str]:
    """The kinds that `put_habits` has written: its note begins with the kind, also where nothing of it was left.

    Notes are emptied after years (`models/purging.py`); then nobody knows the kind, and all are the person's own.
    """
    notes = [line.note for line in history_of(load.session, f"routine:{person_id}")]
    return {note.split()[0] for note in notes} if all(notes) else set(KINDS)
