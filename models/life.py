"""A workflow as a table: which verb leads from which states to which, who may do it and who is told."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Table, select, update
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import Session

from models.errors import Refused
from models.history import History

TIME = "time"  # the role of the clock: sweeps and expiry act as nobody


class Living(Protocol):
    """A row with a life: it has a key and a state."""

    id: Any
    state: Any


@dataclass(frozen=True)
class Verb:
    """One line of a workflow: `name` leads from any of `sources` to `target`; `who` may do it; `tells` hear of it."""

    name: str
    sources: tuple[str, ...]
    target: str
    who: tuple[str, ...]
    tells: tuple[str, ...] = ()


@dataclass(frozen=True)
class By:
    """Who does a verb: the person (None for time itself) and the role that person has towards this very thing."""

    person_id: int | None
    role: str


BY_TIME = By(None, TIME)
BY_RULE = By(None, "rule")  # another rule did it, in the same transaction


@dataclass(frozen=True)
class Life:
    """The whole life of one kind of thing. `name` is the prefix of its subject ("order" in "order:17")."""

    name: str
    table: Table
    start: str
    verbs: tuple[Verb, ...]
    by_name: Mapping[str, Verb] = field(init=False)

    def __post_init__(self) -> None:
        names = [verb.name for verb in self.verbs]
        if len(set(names)) != len(names):
            raise ValueError(f"life {self.name}: a verb stands twice in {names}")
        object.__setattr__(self, "by_name", {verb.name: verb for verb in self.verbs})

    @property
    def states(self) -> tuple[str, ...]:
        """Every state, in the order in which the table first names it."""
        named: dict[str, None] = {self.start: None}
        for verb in self.verbs:
            named.update(dict.fromkeys((*verb.sources, verb.target)))
        return tuple(named)

    @property
    def ends(self) -> frozenset[str]:
        """The states that no verb leaves."""
        left = {source for verb in self.verbs for source in verb.sources}
        return frozenset(set(self.states) - left)

    def subject(self, thing: Living) -> str:
        """The name under which history, letters and tasks know this thing: "order:17"."""
        return f"{self.name}:{thing.id}"

    def begin(self, session: Session, thing: Living, *, by: By, now: datetime, note: str = "") -> None:
        """Write the first line of a new thing's history; the thing is flushed so that it has its key."""
        session.flush()
        session.add(self._line(thing, "begin", None, self.start, by, now, note))

    def move(
        self,
        session: Session,
        thing: Living,
        verb_name: str,
        *,
        by: By,
        now: datetime,
        note: str = "",
        where: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> None:
        """Do `verb_name` to `thing` in one conditional UPDATE, set `changes` with it, and write history.

        `where` names further columns that must still hold what the caller has seen, a revision for instance.

        Raises Refused("not_yours") when the role may not do this verb, Refused("wrong_state") when the row is no longer
        in a state that the verb leaves. Win or lose, `thing` holds the row's truth afterwards: the ORM's own
        synchronisation would leave a stale object lying. Raises InvalidRequestError for a thing of another session.
        """
        verb = self.by_name[verb_name]
        if by.role not in verb.who:
            raise Refused("not_yours", thing=self.name, verb=verb_name)
        session.flush()
        before = self._before(session, thing, verb)
        statement = (
            update(self.table)
            .where(self.table.c.id == thing.id, self.table.c.state.in_(verb.sources))
            .where(*(self.table.c[name] == value for name, value in (where or {}).items()))
            .values(state=verb.target, **changes)
            .returning(*self.table.c)
        )
        moved = select(type(thing)).from_statement(statement)
        found = session.scalars(moved, execution_options={"populate_existing": True}).first()
        if found is None:
            session.refresh(thing)
            raise Refused("wrong_state", thing=self.name, state=thing.state, verb=verb_name)
        if found is not thing:
            raise InvalidRequestError(f"{self.subject(thing)} was read in another session and would stay as it was")
        session.add(self._line(thing, verb_name, before, verb.target, by, now, note))

    def _before(self, session: Session, thing: Living, verb: Verb) -> str:
        """The state that the verb leaves, for history: of several, the one the row is in and not the one remembered."""
        if len(verb.sources) == 1:
            return verb.sources[0]
        found: str = session.execute(
            select(self.table.c.state).where(self.table.c.id == thing.id).with_for_update()
        ).scalar_one()
        return found

    def _line(
        self, thing: Living, verb: str, before: str | None, after: str, by: By, now: datetime, note: str
    ) -> History:
        return History(
            subject=self.subject(thing), verb=verb, from_state=before, to_state=after,
            by_person_id=by.person_id, as_role=by.role, note=note, at=now,
        )  # fmt: skip

    def mermaid(self) -> str:
        """The life as a Mermaid state diagram, each arrow with its verb and who may do it."""
        lines = ["stateDiagram-v2", f"    [*] --> {self.start}"]
        for verb in self.verbs:
            who = " / ".join(verb.who)
            lines += [f"    {source} --> {verb.target} : {verb.name} ({who})" for source in verb.sources]
        lines += [f"    {end} --> [*]" for end in self.states if end in self.ends]
        return "\n".join(lines)


def hold(session: Session, lives: Iterable[Life], subject: str) -> None:
    """Keep the thing that a subject names in the state it is in until this transaction ends. A subject that names none
    of these holds nothing."""
    name, _, key = subject.partition(":")
    for life in lives:
        if life.name == name and key.isdecimal():
            of_it = life.table.c.id
            session.execute(select(of_it).where(of_it == int(key)).with_for_update(read=True))
