"""Another time that the centre asks a family for, until the family has answered or the time to answer is over."""

from datetime import datetime
from typing import cast

from sqlalchemy import ForeignKey, Index, Select, String, Table, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.family.calls import CALL, FamilyCall
from models.life import BY_RULE, TIME, Life, Verb
from models.messages.letters import Letter
from models.tasks.undelivered import take_back

ASKS = "family.asked_to_move"
POLICIES = ("keep", "cancel")  # what becomes of the call without a yes: it stays, or it cannot take place


class CallProposal(Row):
    """The centre's wish to move a call; the call itself moves with the family's yes only."""

    __tablename__ = "call_proposals"
    __table_args__ = (
        Index(
            "uq_call_proposals_asked", "call_id", unique=True,
            postgresql_where=text("state = 'asked'"), sqlite_where=text("state = 'asked'"),
        ),
    )  # fmt: skip

    call_id: Mapped[int] = mapped_column(ForeignKey("family_calls.id"), index=True)
    seen_revision: Mapped[int]  # of the call when it was asked
    starts_at: Mapped[datetime]
    reason: Mapped[str] = mapped_column(String(200))
    otherwise: Mapped[str] = mapped_column(String(8))  # one of POLICIES
    proposed_by_id: Mapped[int] = mapped_column(ForeignKey("persons.id"))
    answer_by: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(12), default="asked")
    created_at: Mapped[datetime]


PROPOSAL = Life(
    "proposal",
    cast(Table, CallProposal.__table__),
    "asked",
    (
        Verb("accept", ("asked",), "accepted", who=("relative",), tells=("cadre",)),
        Verb("decline", ("asked",), "declined", who=("relative",), tells=("cadre",)),
        Verb("lapse", ("asked",), "lapsed", who=(TIME,), tells=("cadre",)),
        Verb("withdraw", ("asked",), "withdrawn", who=("cadre", "rule")),
    ),
)


def standing(session: Session, call_id: int) -> CallProposal | None:
    """The proposal for a call that waits for its answer, held."""
    query = select(CallProposal).where(CallProposal.call_id == call_id, CallProposal.state == "asked")
    return session.scalar(query.with_for_update(), execution_options={"populate_existing": True})


def on_their_way() -> Select[int]:
    """The keys of the calls that move or are off, whatever the family answers, to be joined into other questions."""
    return select(CallProposal.call_id).where(CallProposal.state == "asked", CallProposal.otherwise == "cancel")


def waiting_for(session: Session, call_id: int, now: datetime) -> CallProposal | None:
    """The proposal for a call to which the family may still answer, to be looked at."""
    return session.scalar(
        select(CallProposal).where(
            CallProposal.call_id == call_id, CallProposal.state == "asked", CallProposal.answer_by > now
        )
    )


def drop_proposals(session: Session, call_id: int, now: datetime) -> None:
    """The call is over, or goes another way: nobody need answer any more."""
    asked = standing(session, call_id)
    if asked is not None:
        PROPOSAL.move(session, asked, "withdraw", by=BY_RULE, now=now)
        end_asking(session, call_id, now)


def end_asking(session: Session, call_id: int, now: datetime) -> None:
    """The question is over: no letter and no cadre puts it to the family any more."""
    take_back(session, f"{CALL.name}:{call_id}", now, but_not=Letter.kind != ASKS)


def is_asked(session: Session, call: FamilyCall) -> bool:
    """Whether the family is being asked about the call as it stands."""
    query = select(CallProposal.id).where(CallProposal.call_id == call.id, CallProposal.state == "asked")
    return session.scalar(query.where(CallProposal.seen_revision == call.revision)) is not None


def keep_asking(session: Session, call: FamilyCall) -> None:
    """The call is one revision further, and its time is as it was: a yes still moves it."""
    asked = standing(session, call.id)
    if asked is not None and asked.seen_revision == call.revision - 1:
        asked.seen_revision = call.revision
        session.flush()
