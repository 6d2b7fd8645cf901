"""Who asks: one function for each door says it, or that nobody does."""

from datetime import datetime

from sqlalchemy.orm import Session

from models.people import desk_sessions
from models.people.accounts import AtDesk, at_desk


def desk_who(session: Session, token: str | None, now: datetime) -> AtDesk | None:
    """Who is signed in at the desk with this cookie; None where nobody is, or their session or their role is over."""
    found = at_desk(session, token, now) if token else None
    if found is not None:
        desk_sessions.touch(session, found.session_id, found.seen_at, now)
    return found
