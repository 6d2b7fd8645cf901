"""What is kept only for a time."""

from sqlalchemy import delete

from models.messages.inbox import Inbox
from scheduler.settings import Hands


def forget_inbox(hands: Hands) -> int:
    """Delete incoming messages older than `inbox_days`: they served deduplication and audit; answers how many."""
    with hands.open_session() as session, session.begin():
        gone = session.execute(
            delete(Inbox).where(Inbox.received_at < hands.now() - hands.settings.inbox_kept).returning(Inbox.key)
        ).all()
    return len(gone)
