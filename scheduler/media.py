"""Voice notes and pictures: claimed, fetched with no transaction open, written down; who lost one is called."""

import logging
import threading

from sqlalchemy.orm import Session

from models.messages.media import Fetched, Gone, Kept, NotYet, OpenMedia, claim_media, settle_media
from models.ordering.lost_media import ask_again
from scheduler.settings import Hands
from scheduler.units import in_unit

log = logging.getLogger(__name__)


def fetch_media(hands: Hands, stop: threading.Event | None = None) -> int:
    """Fetch what is due; answers how many lie in the folder now."""
    if hands.fetch is None:
        return 0
    kept = 0
    while claimed := in_unit(hands.open_session, lambda session: claim_media(session, hands.now())):
        for one in claimed:
            if stop is not None and stop.is_set():
                return kept
            outcome = hands.fetch(one)
            _settle(hands, one, outcome)
            kept += isinstance(outcome, Kept)
    return kept


def _settle(hands: Hands, one: OpenMedia, outcome: Fetched) -> None:
    if isinstance(outcome, Gone | NotYet):
        log.warning("media %s: %s", one.id, outcome.why)
    in_unit(hands.open_session, lambda session: _written(session, hands, one, outcome))


def _written(session: Session, hands: Hands, one: OpenMedia, outcome: Fetched) -> None:
    lost = settle_media(session, one.id, outcome, hands.now())
    if lost is not None:
        ask_again(session, lost, hands.now())
