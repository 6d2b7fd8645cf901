"""A call for help (关键小事): something that is on no list, from the day it was said until it is done or closed."""

from datetime import datetime
from typing import cast

from sqlalchemy import ForeignKey, Index, String, Table, case, func, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.errors import Refused
from models.life import Life, Verb
from models.ordering.matters import seen_as
from models.ordering.said import Said
from models.ordering.townships import triaged_by
from models.people.identities import Who
from models.people.staff import areas_under
from models.places.areas import Area

LIVE_HELP = ("received", "triaged", "assigned")
NOTE_LIMIT = 500


class HelpRequest(Said, Row):
    """One call for help. `holder_id`: who was asked to help, and of a confidential one who alone reads it."""

    __tablename__ = "help_requests"
    __table_args__ = (Index(None, "state", "area_id"),)

    due_at: Mapped[datetime]  # of the step it stands at, in working time
    outcome: Mapped[str] = mapped_column(String(NOTE_LIMIT), default="")  # what was done, as the person reads it

    @property
    def subject(self) -> str:
        """The name under which history, letters, tasks and ratings know it."""
        return f"help:{self.id}"


class HelpNote(Row):
    """What whoever helps wrote down for themselves; never shown to the person, nor to who may not read the matter."""

    __tablename__ = "help_notes"

    help_id: Mapped[int] = mapped_column(ForeignKey("help_requests.id"), index=True)
    by_person_id: Mapped[int] = mapped_column(ForeignKey("persons.id"))
    text: Mapped[str] = mapped_column(String(NOTE_LIMIT))
    at: Mapped[datetime]


HELP = Life(
    "help",
    cast(Table, HelpRequest.__table__),
    "received",
    (
        Verb("triage", ("received", "triaged"), "triaged", who=("clerk", "helper")),
        Verb("assign", LIVE_HELP, "assigned", who=("clerk", "helper")),
        Verb("hand_over", LIVE_HELP, "triaged", who=("clerk",)),
        Verb("finish", ("assigned",), "done", who=("clerk", "helper"), tells=("teller",)),
        Verb("close", LIVE_HELP, "closed", who=("clerk", "helper"), tells=("teller",)),
        Verb("withdraw", LIVE_HELP, "withdrawn", who=("teller",)),
    ),
)


def help_for(session: Session, who: Who, help_id: int) -> tuple[HelpRequest, str]:
    """The call for help, and as what this person sees it: "teller", "clerk" or "helper".

    Raises Refused("not_yours") for anybody else, the same whether there is such a call or not.
    """
    found = session.get(HelpRequest, help_id)
    role = seen_as(session, who, found) if found is not None else None
    if found is None or role is None:
        raise Refused("not_yours")
    return found, role


def locked_help(session: Session, help_id: int) -> HelpRequest:
    """The call as it stands now, held until this transaction ends; raises Refused("not_yours") when there is none."""
    session.flush()
    found = session.get(HelpRequest, help_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise Refused("not_yours")
    return found


def help_waiting(session: Session, who: Who, limit: int = 50) -> list[HelpRequest]:
    """What this person has still to do: as a clerk what nobody was asked to do, as a helper what they were asked.

    What is urgent comes first, and everybody over the place sees it; a confidential one only who holds it.
    """
    me, mine = who.person_id, HelpRequest.holder_id == who.person_id
    free = HelpRequest.confidential.is_(False)
    query = (
        select(HelpRequest).where(HelpRequest.state.in_(LIVE_HELP))
        .where(or_(
            mine & HelpRequest.area_id.in_(areas_under(me)),
            free & HelpRequest.state.in_(("received", "triaged")) & HelpRequest.area_id.in_(triaged_by(me)),
            free & HelpRequest.urgent.is_(True) & HelpRequest.area_id.in_(areas_under(me)),
        ))
        .order_by(HelpRequest.urgent.desc(), HelpRequest.due_at, HelpRequest.id).limit(limit)
    )  # fmt: skip
    return list(session.scalars(query))


def notes_of(session: Session, who: Who, help_id: int) -> list[HelpNote]:
    """The notes of those who help, for those who may read the matter; raises Refused("not_yours")."""
    _, role = help_for(session, who, help_id)
    if role == "teller":
        raise Refused("not_yours")
    return list(session.scalars(select(HelpNote).where(HelpNote.help_id == help_id).order_by(HelpNote.id)))


def help_counts(session: Session, area: Area, since: datetime | None = None) -> dict[tuple[str, str], int]:
    """How many calls for help there are below an area, by (category, state); secrets under one word, "confidential"."""
    kind = func.coalesce(func.nullif(HelpRequest.category, ""), "other")
    named = case((HelpRequest.confidential.is_(True), "confidential"), else_=kind)
    query = (
        select(named, HelpRequest.state, func.count()).join(Area, HelpRequest.area_id == Area.id)
        .where(Area.path.startswith(area.path)).group_by(named, HelpRequest.state)
    )  # fmt: skip
    if since is not None:
        query = query.where(HelpRequest.created_at >= since)
    return {(category, state): many for category, state, many in session.execute(query)}
