"""What is kept only for a time."""

from sqlalchemy import delete

from models.messages.inbox import Inbox
from models.people.entering import forget_entries
from scheduler.settings import Hands
from scheduler.units import in_unit


def forget_inbox(hands: Hands) -> int:
    """Delete incoming messages older than `inbox_days`: they served deduplication and audit; answers how many."""
    old = delete(Inbox).where(Inbox.received_at < hands.now() - hands.settings.inbox_kept).returning(Inbox.key)
    return in_unit(hands.open_session, lambda session: len(session.execute(old).all()))


def forget_states(hands: Hands) -> int:
    """Delete the ways in that were begun and never used, or used long ago; answers how many."""
    return in_unit(hands.open_session, lambda session: forget_entries(session, hands.now()))
