"""A need: what somebody wishes there were, until it is on a list, merged with its like, or declined with a reason."""

from datetime import datetime
from typing import cast

from sqlalchemy import ColumnElement, ForeignKey, Index, Table, and_, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.errors import Refused
from models.life import Life, Verb
from models.ordering.matters import attach_all, hold, open_desk_task, seen_as
from models.ordering.said import CLERK_CHANNELS, OWN_CHANNELS, Said, Words, taken_down
from models.ordering.townships import may_triage, triaged_by
from models.people.identities import Who
from models.places.areas import Area

WAITING = ("received", "triaged")  # a clerk has still to decide


class NeedSubmission(Said, Row):
    """One voice. Merged into another it goes where that one goes, and remains a voice of its own."""

    __tablename__ = "need_submissions"
    __table_args__ = (Index(None, "merged_into_id"), Index(None, "demand_id"), Index(None, "state", "area_id"))

    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("need_submissions.id"))
    demand_id: Mapped[int | None] = mapped_column(ForeignKey("demand_items.id"))  # the first item of its line

    @property
    def subject(self) -> str:
        """The name under which history, letters and tasks know this need."""
        return f"need:{self.id}"


NEED = Life(
    "need",
    cast(Table, NeedSubmission.__table__),
    "received",
    (
        Verb("triage", ("received", "triaged"), "triaged", who=("clerk",)),
        Verb("merge", ("triaged",), "merged", who=("clerk",), tells=("teller",)),
        Verb("unmerge", ("merged",), "triaged", who=("clerk",)),
        Verb("adopt", ("triaged",), "adopted", who=("clerk",), tells=("teller",)),
        Verb("take_off", ("adopted",), "triaged", who=("clerk",)),
        Verb("hand_over", ("received", "triaged"), "triaged", who=("clerk",)),
        Verb("decline", ("triaged",), "declined", who=("clerk",), tells=("teller",)),
    ),
)


def submit(session: Session, who: Who, words: Words, now: datetime) -> NeedSubmission:
    """Take a need down; the same `client_key` again answers the same need.

    A confidential one is given to one clerk, who alone reads it. Raises Refused as `said.taken_down` does,
    Refused("no_media"), or Refused("no_clerk") where nobody could keep it to themselves.
    """
    known = submitted_with(session, who, words.client_key, anonymous=words.anonymous)
    if known is not None:
        return known
    columns, by = taken_down(session, who, words, now)
    if columns["said_by_id"] is None:
        # At its true instant other rows tell who did something: a conversation, an answer.
        now = columns["created_at"] = now.replace(minute=0, second=0, microsecond=0)
    need = NeedSubmission(**columns)
    hold(session, need)
    try:
        with session.begin_nested():
            session.add(need)
    except IntegrityError:
        known = submitted_with(session, who, words.client_key, anonymous=words.anonymous)
        assert known is not None
        return known
    NEED.begin(session, need, by=by, now=now)
    attach_all(session, who, need, words, now)
    open_desk_task(session, need, "need_triage", by=by, now=now)
    return need


def submitted_with(session: Session, who: Who, client_key: str, *, anonymous: bool) -> NeedSubmission | None:
    """The need that this key has brought already; raises Refused("not_yours") when another person brought it.

    Nobody knows who brought one without a name: it answers whoever wants to be `anonymous` too, and is shown to none.
    """
    known = session.scalar(select(NeedSubmission).where(NeedSubmission.client_key == client_key))
    if known is not None and known.said_by_id not in ((None, who.person_id) if anonymous else (who.person_id,)):
        raise Refused("not_yours")
    return known


def needs_of(session: Session, who: Who, limit: int = 20) -> list[NeedSubmission]:
    """What this person has told, for themselves or for others, newest first; an anonymous voice is nobody's."""
    query = select(NeedSubmission).where(told_by(NeedSubmission, who.person_id)).order_by(NeedSubmission.id.desc())
    found = (need for need in session.scalars(query.limit(limit * 3)) if seen_as(session, who, need) == "teller")
    return list(found)[:limit]


def told_by(table: type[Said], person_id: int) -> ColumnElement[bool]:
    """Whether a row of this table was told by this person, by the person's own phone or through a cadre's pen."""
    return or_(
        and_(table.said_by_id == person_id, table.channel.in_(OWN_CHANNELS)),
        and_(table.person_id == person_id, table.channel.in_(CLERK_CHANNELS)),
        and_(table.person_id == person_id, table.confidential.is_(False)),
    )


def need_for(session: Session, who: Who, need_id: int) -> tuple[NeedSubmission, str]:
    """The need, and as what this person sees it: "teller" or "clerk".

    Raises Refused("not_yours") for anybody else, the same whether there is such a need or not.
    """
    need = session.get(NeedSubmission, need_id)
    role = seen_as(session, who, need) if need is not None else None
    if need is None or role is None:
        raise Refused("not_yours")
    return need, role


def needs_waiting(session: Session, who: Who, limit: int = 50) -> list[NeedSubmission]:
    """What this clerk has still to decide, the oldest first; of confidential ones only those that the clerk holds."""
    query = (
        select(NeedSubmission).where(NeedSubmission.state.in_(WAITING), NeedSubmission.area_id.in_(
            triaged_by(who.person_id)))
        .where(or_(NeedSubmission.confidential.is_(False), NeedSubmission.holder_id == who.person_id))
        .order_by(NeedSubmission.urgent.desc(), NeedSubmission.id).limit(limit)
    )  # fmt: skip
    return list(session.scalars(query))


def needs_to_hand_on(session: Session, who: Who, area: Area) -> list[NeedSubmission]:
    """What of an area's needs may leave the house in a list or a file: never a confidential one, whoever asks.

    Raises Refused("not_yours") for somebody who gathers no needs there.
    """
    if not may_triage(session, who.person_id, area.id):
        raise Refused("not_yours")
    query = (
        select(NeedSubmission).join(Area, NeedSubmission.area_id == Area.id)
        .where(Area.path.startswith(area.path), NeedSubmission.confidential.is_(False)).order_by(NeedSubmission.id)
    )  # fmt: skip
    return list(session.scalars(query))


def locked_need(session: Session, need_id: int) -> NeedSubmission:
    """The need as it stands now, held until this transaction ends; raises Refused("not_yours") when there is none."""
    session.flush()
    need = session.get(NeedSubmission, need_id, with_for_update=True, populate_existing=True)
    if need is None:
        raise Refused("not_yours")
    return need
