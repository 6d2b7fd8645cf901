"""What is kept in confidence, as a county administrator sees it: that it is there and with whom, never what it is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, Subquery, case, literal_column, or_, select, true, union_all
from sqlalchemy.orm import Session

from models.errors import Refused
from models.ordering import helping, triage
from models.ordering.help import HELP, LIVE_HELP, HelpRequest, help_for, locked_help
from models.ordering.matters import check_as_seen, may_hand_on
from models.ordering.needs import NEED, WAITING, NeedSubmission, locked_need, need_for
from models.ordering.said import CLERK_CHANNELS, Matter
from models.ordering.townships import TRIAGE_ROLES, clerks_over, township_of
from models.paging import Cursor, Page, page
from models.people.identities import Who
from models.people.persons import Person
from models.people.staff import ADMINISTRATORS, CADRE_ROLES, areas_under, cadres_above, holders_above, nearest_of
from models.places.areas import Area


@dataclass(frozen=True)
class Kept:
    """One kind of matter that may be confidential: where it waits, who reads it, and how it is given on."""

    table: Any
    live: tuple[str, ...]
    roles: tuple[str, ...]  # with one of which its holder still opens it
    seen: Callable[[Session, Who, int], tuple[Any, str]]
    readers: tuple[str, ...]
    locked: Callable[[Session, int], Any]
    hand_over: Callable[[Session, Who, int, int, datetime], Any]


KEPT: Mapping[str, Kept] = {
    HELP.name: Kept(HelpRequest, LIVE_HELP, CADRE_ROLES, help_for, ("clerk", "helper"), locked_help,
                    helping.hand_over),
    NEED.name: Kept(NeedSubmission, WAITING, TRIAGE_ROLES, need_for, ("clerk",), locked_need, triage.hand_over),
}  # fmt: skip
KINDS = tuple(KEPT)


@dataclass(frozen=True)
class Confided:
    """One confidential matter from outside. `stays`: whether its holder can still open it; `clerks`: who may get it."""

    kind: str
    key: int
    place: str
    created_at: datetime
    due_at: datetime | None  # of a call for help
    state: str
    urgent: bool
    standing: str
    holder: str
    stays: bool
    clerks: list[Person]

    @property
    def live(self) -> bool:
        """Whether there is still something to be done about it."""
        return self.state in KEPT[self.kind].live


def confided(session: Session, who: Who, cursor: Cursor | None = None) -> Page[Confided]:
    """The confidential needs and calls below the areas that a person administers, while something is to be done.

    Those whose holder can open them no more come first, then what burns, then the oldest; five questions a page.
    """
    rows = _rows(who.person_id, only_live=True)
    keys = (rows.c.stays, rows.c.calm, rows.c.created_at, rows.c.kind, rows.c.key)
    found = page(session, select(rows).select_from(rows), keys, lambda row: tuple(row[:5]), cursor)
    return replace(found, rows=_whole(session, found.rows))


def confided_one(session: Session, who: Who, kind: str, key: int) -> Confided:
    """One of them, however it stands; raises Refused("not_yours") for whoever does not administer the place."""
    rows = _rows(who.person_id, only_live=False)
    found = session.execute(select(rows).where(rows.c.kind == KINDS.index(kind), rows.c.key == key)).all()
    if not found:
        raise Refused("not_yours")
    return _whole(session, found)[0]


def _rows(me: int, *, only_live: bool) -> Subquery:
    """Rows of (stays, calm, created_at, kind, key, place, path, holder), the first five as they are sorted."""
    return union_all(*(
        select(
            case((table.holder_id.in_(cadres_above(table.area_id, kept.roles)), 1), else_=0).label("stays"),
            case((table.urgent.is_(True), 0), else_=1).label("calm"), table.created_at,
            literal_column(str(n), Integer).label("kind"), table.id.label("key"),
            Area.name.label("place"), Area.path, Person.name.label("holder"),
        )
        .join(Area, table.area_id == Area.id).outerjoin(Person, table.holder_id == Person.id)
        .where(table.confidential.is_(True), table.area_id.in_(areas_under(me, ADMINISTRATORS)))
        .where(table.state.in_(kept.live) if only_live else true())
        # What somebody else told of the administrator is none of their business: see `may_hand_on`.
        .where(or_(table.person_id.is_(None), table.person_id != me, table.said_by_id == me,
                   table.channel.in_(CLERK_CHANNELS)))
        for n, kept in enumerate(KEPT.values()) for table in (kept.table,)
    )).subquery()  # fmt: skip


def _whole(session: Session, rows: Sequence[Any]) -> list[Confided]:
    """Such rows with how each matter stands and who may have it."""
    things = dict[tuple[int, int], Any]()
    for n, kept in enumerate(KEPT.values()):
        keys = [row.key for row in rows if row.kind == n]
        things |= {(n, one.id): one for one in session.scalars(select(kept.table).where(kept.table.id.in_(keys)))}
    clerks = holders_above(session, {row.path for row in rows}, TRIAGE_ROLES)
    return [
        Confided(
            KINDS[row.kind], row.key, row.place, row.created_at, getattr(thing, "due_at", None), thing.state,
            thing.urgent, thing.standing, row.holder or "", bool(row.stays),
            nearest_of(clerks[row.path], _unfit(thing)),
        )
        for row in rows for thing in (things[row.kind, row.key],)
    ]  # fmt: skip


def takers(session: Session, who: Who, kind: str, key: int) -> list[Person]:
    """The clerks to whom this person may give a confidential matter; raises Refused("not_yours")."""
    thing = session.get(KEPT[kind].table, key)
    if thing is None or not may_hand_on(session, who, thing):
        raise Refused("not_yours")
    return clerks_over(session, township_of(session, session.get_one(Area, thing.area_id)), _unfit(thing))


def _unfit(thing: Matter) -> tuple[int | None, ...]:
    """Who cannot be given a matter: those whom it concerns, and who has it."""
    return thing.teller_id, thing.person_id, thing.holder_id


def hand_on(session: Session, who: Who, kind: str, key: int, to_id: int, seen: str, now: datetime) -> None:
    """Give a matter to a clerk from a page that showed it as `seen`.

    Raises Refused("not_yours"), ("stale"), ("no_clerk") or ("wrong_state").
    """
    thing = KEPT[kind].locked(session, key)
    if not may_hand_on(session, who, thing):
        raise Refused("not_yours")
    check_as_seen(thing, seen)
    KEPT[kind].hand_over(session, who, key, to_id, now)


def door(session: Session, who: Who, subject: str) -> str:
    """What a cadre finds behind a task's "need:5": "open" where they read it, "confided" where they may only give the
    secret to a clerk, "secret" where they may do nothing; "" for what is open and others decide, or no such matter."""
    kind, _, key = subject.partition(":")
    if kind not in KEPT:
        return ""
    kept, thing = KEPT[kind], session.get(KEPT[kind].table, int(key))
    try:
        if kept.seen(session, who, int(key))[1] in kept.readers:
            return "open"
    except Refused:
        pass
    if thing is None or not thing.confidential:
        return ""
    return "confided" if thing.state in kept.live and may_hand_on(session, who, thing) else "secret"
