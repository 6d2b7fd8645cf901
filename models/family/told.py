"""Told in person: which elder has heard of a call at the door or by phone, from whom and when. Most have no device."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row, insert_of
from models.errors import Refused
from models.family.calls import FamilyCall, cadres_call
from models.messages.letters import MEANS as TOLD_BY
from models.people.identities import Who

MEANS = TOLD_BY


class CallTelling(Row):
    """The elder of a call was told of its time as it stood at this revision; after a change they have to hear anew."""

    __tablename__ = "call_tellings"
    __table_args__ = (UniqueConstraint("call_id", "revision"),)

    call_id: Mapped[int] = mapped_column(ForeignKey("family_calls.id"))
    revision: Mapped[int]
    means: Mapped[str] = mapped_column(String(8))  # one of MEANS
    by_id: Mapped[int] = mapped_column(ForeignKey("persons.id"))
    at: Mapped[datetime]


def tell_in_person(session: Session, who: Who, call_id: int, means: str, now: datetime) -> CallTelling:
    """A cadre has told the elder when the call is; who was first stands.

    Raises Refused("not_yours") for anybody but a cadre, or ("wrong_state") for a call that is over.
    """
    call = cadres_call(session, who, call_id)
    if call.state != "booked" or means not in MEANS:
        raise Refused("wrong_state", thing="call", state=call.state)
    session.execute(
        insert_of(session, CallTelling).values(
            call_id=call.id, revision=call.revision, means=means, by_id=who.person_id, at=now
        ).on_conflict_do_nothing()
    )  # fmt: skip
    found = telling_of(session, call)
    assert found is not None
    return found


def carry_over(session: Session, call: FamilyCall) -> None:
    """A call is one revision further, and its time and place are as they were: what the elder was told stands."""
    before = select(CallTelling).where(CallTelling.call_id == call.id, CallTelling.revision == call.revision - 1)
    told = session.scalar(before)
    if told is not None:
        session.add(
            CallTelling(call_id=call.id, revision=call.revision, means=told.means, by_id=told.by_id, at=told.at)
        )
        session.flush()


def telling_of(session: Session, call: FamilyCall) -> CallTelling | None:
    """Who told the elder of the call as it stands, and when; None when nobody has, or it has changed since."""
    return session.scalar(
        select(CallTelling).where(CallTelling.call_id == call.id, CallTelling.revision == call.revision)
    )
