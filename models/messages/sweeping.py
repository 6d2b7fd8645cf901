"""What time alone decides about letters: too late, in doubt for too long, forgotten by a dead sender."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.messages.claiming import WAITING
from models.messages.letters import REPEATABLE_FOR, Letter
from models.messages.settling import doubt

# Another process may have moved a row since this session read it.
_FRESH: dict[str, Any] = {"execution_options": {"populate_existing": True}}


def sweep_letters(
    session: Session, *, now: datetime, real_now: datetime, deadline: timedelta, jitter: float, limit: int = 500
) -> list[Letter]:
    """Settle what nobody carries any more; answers the letters that need a cadre now.

    A lease that ran out is an attempt of which nobody knows; a letter in doubt past WeChat's ten minutes is never
    sent again blindly; a letter nobody can use any more is missed, said aloud, not silently lost.
    """
    ended: list[Letter] = []
    lost = select(Letter).where(Letter.state == "sending", Letter.lease_until < real_now)
    for letter in session.scalars(lost.limit(limit).with_for_update(skip_locked=True), **_FRESH).all():
        doubt(letter, now, jitter)
        if letter.state == "needs_check":
            ended.append(letter)
    session.flush()
    doubtful = select(Letter).where(
        Letter.state == "retry",
        Letter.in_doubt.is_(True),
        Letter.first_attempt_at < real_now - REPEATABLE_FOR + deadline,
    )
    for letter in session.scalars(doubtful.limit(limit).with_for_update(skip_locked=True), **_FRESH).all():
        letter.state, letter.settled_at = "needs_check", now
        ended.append(letter)
    session.flush()
    late = select(Letter).where(Letter.state.in_(WAITING), Letter.useful_until <= now, Letter.next_at <= now)
    for letter in session.scalars(late.limit(limit).with_for_update(skip_locked=True), **_FRESH).all():
        letter.state = "needs_check" if letter.in_doubt else "missed"
        letter.settled_at = now
        ended.append(letter)
    session.flush()
    return ended
