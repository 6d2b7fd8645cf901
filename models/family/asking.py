"""Putting the centre's question to a family: what its letters hold, and putting it again after a tap too many."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.family.calls import FamilyCall
from models.family.proposals import ASKS, PROPOSAL, CallProposal
from models.family.telling import facts_of, urgency
from models.history import History, history_of
from models.life import BY_RULE
from models.messages.letters import Letter
from models.messages.outbox import post
from models.messages.passage import ENDED_UNDELIVERED


def say_of(session: Session, call: FamilyCall, asked: CallProposal, word: str, reader: int, now: datetime) -> None:
    """One letter about a question: `word` is what it says ("asked_to_move", "kept")."""
    facts = {
        **facts_of(session, call), "role": "relative" if reader == call.relative_id else "helper",
        "new_at": asked.starts_at.isoformat(), "answer_by": asked.answer_by.isoformat(), "otherwise": asked.otherwise,
    }  # fmt: skip
    post(
        session, key=f"{call.subject}/{call.revision}/{word}:{asked.id}/{reader}", person_id=reader,
        kind=f"family.{word}", facts=facts, subject=call.subject, revision=call.revision, now=now,
        urgency=urgency(asked.answer_by, now), useful_until=max(asked.answer_by, now + timedelta(hours=1)),
        about_id=call.cared_id,
    )  # fmt: skip


def ask_again(session: Session, call: FamilyCall, cancelled: History, now: datetime) -> None:
    """A call that is held is on again: what the family was being asked when it was cancelled, and may still answer,
    they are asked as before. Who has not read it yet reads it."""
    last = session.scalar(
        select(CallProposal).where(CallProposal.call_id == call.id).order_by(CallProposal.id.desc()).limit(1)
    )
    if last is None or last.state != "withdrawn" or last.seen_revision != call.revision - 1 or last.answer_by <= now:
        return
    if history_of(session, PROPOSAL.subject(last))[-1].id < cancelled.id:
        return  # it was over before
    again = CallProposal(
        call_id=call.id, seen_revision=call.revision, starts_at=last.starts_at, reason=last.reason,
        otherwise=last.otherwise, proposed_by_id=last.proposed_by_id, answer_by=last.answer_by, created_at=now,
    )  # fmt: skip
    session.add(again)
    PROPOSAL.begin(session, again, by=BY_RULE, now=now, note=last.reason)
    said = select(Letter.state).where(Letter.subject == call.subject, Letter.kind == ASKS).order_by(Letter.id.desc())
    if session.scalar(said.limit(1)) in ("withdrawn", *ENDED_UNDELIVERED):
        say_of(session, call, again, "asked_to_move", call.relative_id, now)
