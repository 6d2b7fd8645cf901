"""What fills a person's days, for the mini-program: one's own, a resident's, a few kinds of who is called."""

from dataclasses import replace
from datetime import time
from typing import Annotated, Any, Literal

from apiflask import APIBlueprint
from flask import g
from pydantic import Field

from handlers.envelope import Asked, Shown, refusing, said
from handlers.family import routine_words as words
from models.family.routines import MOST_SPANS, Days, Habit, days_for, put_habits, written_of

room = APIBlueprint("routines", __name__, tag="routines")

Kind = Literal["sleep", "meal", "nap", "market", "work", "school"]


class Span(Asked):
    """From when to when by the person's own clock; over midnight where `ends` is before `begins`.

    `weekdays` are ISO days (7 is Sunday), `month_ends` the last digits of days of the month; none means every day.
    """

    begins: time
    ends: time
    weekdays: Annotated[list[Annotated[int, Field(ge=1, le=7)]], Field(max_length=7, default_factory=list)]
    month_ends: Annotated[list[Annotated[int, Field(ge=0, le=9)]], Field(max_length=10, default_factory=list)]


class RoutineAsked(Asked):
    """What fills the days of this kind, in the place of what stood; `none`: the person has none of it.

    Neither spans nor `none` means that nobody knows: what is usual is assumed again.
    """

    kind: Kind
    spans: Annotated[list[Span], Field(max_length=MOST_SPANS, default_factory=list)]
    none: bool = False


class SpanShown(Shown):
    """One span, and the same as people read it."""

    begins: str
    ends: str
    weekdays: list[int]
    month_ends: list[int]
    text: str


class RoutineShown(Shown):
    """One kind. `known`: somebody wrote it down; else it is what is usual. No spans and known: there is none of it."""

    kind: str
    name: str
    known: bool
    spans: list[SpanShown]


class Routines(Shown):
    """Everything that fills a person's days, kind by kind."""

    items: list[RoutineShown]
    next: int | None = None


@room.get("/people/<key:person>/routines")
@room.output(Routines)
@room.doc(responses=refusing("not_yours"))
def read(person: int) -> Any:
    """What fills my days, or a resident's below my areas: the times of calls avoid it.

    Of who is called a relative sees, and says, when they eat, nap and go to market.
    """
    return said(_shown(days_for(g.session, g.who, person)))


@room.post("/people/<key:person>/routines")
@room.input(RoutineAsked)
@room.output(Routines)
@room.doc(responses=refusing("not_yours", "bad_routine"))
def write(person: int, json_data: RoutineAsked) -> Any:
    """Write one kind anew; times that are offered from now on heed it."""
    days, kind = days_for(g.session, g.who, person), json_data.kind
    habits = [_habit(kind, one) for one in json_data.spans]
    if json_data.none:
        habits = [Habit(kind, time(0), time(0))]
    put_habits(g.session, g.who, person, kind, habits, g.now)
    return said(_shown(days), words.KEPT)


def _habit(kind: str, asked: Span) -> Habit:
    days = ("".join(str(day) for day in sorted(set(some))) for some in (asked.weekdays, asked.month_ends))
    return Habit(kind, _minute(asked.begins), _minute(asked.ends), *days)


def _minute(at: time) -> time:
    """A time of day as a row keeps it: by the person's clock, to the minute."""
    return at.replace(second=0, microsecond=0, tzinfo=None)


def _shown(days: Days) -> Routines:
    """What is asked of them, and whatever else is written down that who asks may say."""
    written = written_of(g.session, days.person.id)
    whole = replace(days, kinds=tuple(dict.fromkeys((*days.kinds, *filter(days.says, written)))))
    known = whole.known(g.session)
    return Routines(items=[
        RoutineShown(
            kind=kind, name=words.KINDS[kind], known=kind in written,
            spans=[_span(one) for one in known if one.kind == kind and one.begins != one.ends],
        )
        for kind in whole.kinds
    ])  # fmt: skip


def _span(one: Habit) -> SpanShown:
    return SpanShown(
        begins=f"{one.begins:%H:%M}", ends=f"{one.ends:%H:%M}", weekdays=[int(day) for day in one.weekdays],
        month_ends=[int(end) for end in one.month_ends], text=words.only_when(one),
    )  # fmt: skip
