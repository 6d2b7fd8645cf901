"""What is kept only for a time."""

from functools import partial

from sqlalchemy import delete

from models.family.passes import forget_passes
from models.messages.answers import forget_answers
from models.messages.inbox import Inbox
from models.messages.receipts import forget_receipts
from models.people import entering
from models.people.signins import forget_sign_ins
from models.purging import forget_words, media_gone, old_media
from scheduler.settings import Hands
from scheduler.units import in_unit


def forget_inbox(hands: Hands) -> int:
    """Delete incoming messages and receipts older than `inbox_days`: they served deduplication and audit; answers how
    many."""
    before = hands.now() - hands.settings.inbox_kept
    old = delete(Inbox).where(Inbox.received_at < before).returning(Inbox.key)
    return in_unit(
        hands.open_session, lambda session: len(session.execute(old).all()) + forget_receipts(session, before)
    )


def forget_entries(hands: Hands) -> int:
    """Delete the ways in that were begun and never used, or used long ago, passes into calls too; answers how many."""
    now = hands.now()
    return in_unit(
        hands.open_session, lambda session: entering.forget_entries(session, now) + forget_passes(session, now)
    )


def forget_requests(hands: Hands) -> int:
    """Delete answers kept for retries after their day, and sign-ins that were over long ago; answers how many."""
    now = hands.now()
    return in_unit(hands.open_session, lambda session: forget_answers(session, now) + forget_sign_ins(session, now))


def forget_texts(hands: Hands) -> int:
    """Take the words out of what was over long ago; answers how many rows had any."""
    before = hands.now() - hands.settings.words_kept
    return in_unit(hands.open_session, lambda session: forget_words(session, before))


def forget_media(hands: Hands) -> int:
    """Delete voice notes and pictures that were kept long enough; answers how many.

    The file goes first: whoever dies in between deletes it once more, and nothing is left that no row knows of.
    """
    gone, before = 0, hands.now() - hands.settings.media_kept
    while hands.drop and (found := in_unit(hands.open_session, lambda session: old_media(session, before))):
        for key, name in found:
            hands.drop(name)
            gone += in_unit(hands.open_session, partial(media_gone, media_id=key, now=hands.now()))
    return gone
