"""What somebody wrote or typed about people is kept for a time; what is counted stays for good."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import JSON, ColumnElement, String, Table, or_, select, update
from sqlalchemy import cast as as_type
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.base import Base
from models.family.calls import FamilyCall
from models.family.news import HomeNews
from models.family.pairing import PairingContact
from models.family.proposals import PROPOSAL, CallProposal
from models.family.reports import CallReport
from models.family.wellbeing import WellbeingTick
from models.history import History
from models.life import BY_TIME
from models.messages.inbox import Dialogue
from models.messages.letters import Letter
from models.messages.media import MEDIA, Media
from models.ordering.assignments import STANDING, Assignment
from models.ordering.complaints import Complaint
from models.ordering.help import HELP, HelpNote, HelpRequest
from models.ordering.loans import LOAN, ResourceLoan
from models.ordering.needs import NeedSubmission
from models.ordering.orders import LIVE_ORDERS, Order
from models.ordering.ratings import Rating
from models.ordering.skills import TimeOff
from models.ordering.visits import VisitProof
from models.ordering.waiting import WAITING, WaitlistEntry
from models.tasks.tasks import TASK, Task

MEDIA_AT_ONCE = 50


@dataclass(frozen=True)
class Words:
    """The words of one table: which columns become what, in rows that are over (`over`) since `when`."""

    table: type[Base]
    blank: Mapping[str, Any]
    when: InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None]
    over: ColumnElement[bool] | None = None


UNSETTLED = ("planned", "retry", "sending", "sent")
# A need that was adopted stands in a list, and one that was merged in another: its own words are over all the same.
_NEED_OVER = NeedSubmission.state.in_(("adopted", "merged", "declined"))
WORDS: tuple[Words, ...] = (
    Words(Order, {"note": "", "reason": "", "answers": {}}, Order.preferred_at, Order.state.not_in(LIVE_ORDERS)),
    Words(Assignment, {"reason": ""}, Assignment.offered_at, Assignment.state.not_in(STANDING)),
    Words(ResourceLoan, {"reason": ""}, ResourceLoan.ends_at, ResourceLoan.state.in_(LOAN.ends)),
    Words(TimeOff, {"note": ""}, TimeOff.ends_at),
    Words(WaitlistEntry, {"note": "", "answers": {}}, WaitlistEntry.preferred_at,
          WaitlistEntry.state.in_(WAITING.ends)),
    Words(NeedSubmission, {"text": "", "reason": ""}, NeedSubmission.settled_at, _NEED_OVER),
    Words(HelpRequest, {"text": "", "reason": "", "outcome": ""}, HelpRequest.settled_at,
          HelpRequest.state.in_(HELP.ends)),
    Words(HelpNote, {"text": ""}, HelpNote.at),
    Words(Rating, {"words": "", "media_id": ""}, Rating.changed_at),
    Words(Complaint, {"words": "", "outcome": "", "media_id": ""}, Complaint.created_at, Complaint.state != "open"),
    Words(VisitProof, {"media_id": ""}, VisitProof.taken_at),
    Words(FamilyCall, {"reason": "", "venue_why": ""}, FamilyCall.ends_at),
    Words(CallProposal, {"reason": ""}, CallProposal.created_at, CallProposal.state.in_(PROPOSAL.ends)),
    Words(CallReport, {"note": ""}, CallReport.reported_at),
    Words(WellbeingTick, {"note": ""}, WellbeingTick.at),
    Words(PairingContact, {"note": ""}, PairingContact.reported_at),
    Words(HomeNews, {"text": ""}, HomeNews.at),
    Words(Task, {"facts": {}, "held_why": ""}, Task.settled_at, Task.state.in_(TASK.ends)),
    Words(Dialogue, {"ask_for": None, "choices": [], "shown": {}, "draft": {}}, Dialogue.updated_at),
    Words(Letter, {"facts": {}, "said": None}, Letter.settled_at, Letter.state.not_in(UNSETTLED)),
    Words(History, {"note": ""}, History.at),
)  # fmt: skip


def forget_words(session: Session, before: datetime) -> int:
    """Take the words out of rows that were over before an instant; answers how many rows had any.

    Rows, states, times, scores and codes stay: every figure of a report is the same before and after.
    """
    return sum(_forget(session, words, before) for words in WORDS)


def _forget(session: Session, words: Words, before: datetime) -> int:
    table = cast(Table, words.table.__table__)
    said = or_(*(_differs(table.c[name], value) for name, value in words.blank.items()))
    query = update(table).where(words.when < before, said).values(**words.blank).returning(*table.primary_key)
    if words.over is not None:
        query = query.where(words.over)
    return len(session.execute(query).all())


def _differs(column: ColumnElement[Any], blank: Any) -> ColumnElement[bool]:
    """JSON is compared as it is written: PostgreSQL has no = for it."""
    if blank is None:
        return column.is_not(None)
    return as_type(column, String) != json.dumps(blank) if isinstance(column.type, JSON) else column != blank


def old_media(session: Session, before: datetime) -> list[tuple[int, str]]:
    """Some of the voice notes and pictures that were kept before an instant: their keys, and their files' names."""
    query = select(Media.id, Media.file).where(Media.state == "kept", Media.settled_at < before)
    return [(row.id, row.file) for row in session.execute(query.order_by(Media.id).limit(MEDIA_AT_ONCE))]


def media_gone(session: Session, media_id: int, now: datetime) -> bool:
    """Write down that a file is no more; answers whether this did it, and not another clock."""
    media = session.get_one(Media, media_id, with_for_update=True, populate_existing=True)
    if media.state != "kept":
        return False
    MEDIA.move(session, media, "purge", by=BY_TIME, now=now)
    return True
