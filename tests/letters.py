"""A letter put into the outbox by a test that goes on to look at it."""

from typing import Any

from sqlalchemy.orm import Session

from models.messages.letters import Letter
from models.messages.outbox import post


def posted(session: Session, **letter: Any) -> Letter:
    """What `post` left there."""
    return session.get_one(Letter, post(session, **letter))
