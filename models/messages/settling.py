"""What becomes of a letter after it was carried: the fence, the back-off, the doubt."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.messages.letters import REPEATABLE, Letter
from models.messages.outcomes import Failed, Outcome, Sent, Unsure
from models.messages.receipts import Receipt, apply_receipt
from models.people.identities import mark_unreachable

ENDED_UNDELIVERED = ("dead", "needs_check", "missed")  # what a cadre has to take on
MAX_TRIES = 12
FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(minutes=10)
BROKEN_PAUSE = timedelta(minutes=5)  # a template or account that is out of order: a human must mend it meanwhile


def settle(
    session: Session,
    owner: str,
    outcomes: Mapping[int, tuple[str, Outcome]],
    *,
    now: datetime,
    jitter: float,
) -> list[Letter]:
    """Write down what came of each letter (id → account, outcome) that `owner` still holds.

    Answers the letters that ended without being delivered: "dead" or "needs_check". A letter whose lease was lost to
    another owner is left alone. `jitter` in [0, 1) spreads retries.
    """
    held = session.scalars(
        select(Letter).where(Letter.id.in_(outcomes), Letter.state == "sending", Letter.lease_owner == owner)
        .with_for_update(), execution_options={"populate_existing": True},
    ).all()  # fmt: skip
    for letter in held:
        app_id, outcome = outcomes[letter.id]
        letter.lease_owner = letter.lease_until = None
        letter.app_id = app_id
        if isinstance(outcome, Sent):
            _sent(letter, outcome)
        elif isinstance(outcome, Failed):
            _failed(session, letter, outcome, now, jitter)
        else:
            _unsure(letter, outcome, now, jitter)
    session.flush()
    _join_early_receipts(session, [letter for letter in held if letter.state == "sent"], now)
    session.flush()
    return [letter for letter in held if letter.state in ENDED_UNDELIVERED]


def _sent(letter: Letter, outcome: Sent) -> None:
    letter.state, letter.msgid, letter.said = "sent", outcome.msgid, outcome.said[:600]
    letter.error_code = letter.error_detail = None


def _failed(session: Session, letter: Letter, outcome: Failed, now: datetime, jitter: float) -> None:
    letter.error_code, letter.error_detail = outcome.code[:24], outcome.detail[:300]
    letter.said = outcome.said[:600] or letter.said
    if not letter.in_doubt:
        letter.first_attempt_at = None  # it was refused: WeChat holds nothing under this client_msg_id
    if outcome.action == "person":
        assert letter.app_id is not None
        mark_unreachable(session, letter.person_id, letter.app_id, outcome.code)
    if outcome.action in ("person", "window"):
        give_up(letter, now)
        return
    pause = BROKEN_PAUSE if outcome.action == "broken" else _pause(letter.tries, jitter)
    pause = max(pause, timedelta(seconds=outcome.pause_seconds))
    tired = outcome.action == "again" and letter.tries >= MAX_TRIES
    if letter.unwanted or tired or now + pause >= letter.useful_until:
        give_up(letter, now)
        return
    letter.state, letter.next_at = "retry", now + pause


def _unsure(letter: Letter, outcome: Unsure, now: datetime, jitter: float) -> None:
    letter.error_code, letter.error_detail = "unsure", outcome.detail[:300]
    letter.said = outcome.said[:600] or letter.said
    doubt(letter, now, jitter)


def doubt(letter: Letter, now: datetime, jitter: float) -> None:
    """Nobody knows whether it arrived: again under the same client_msg_id where that is safe, else a human looks."""
    letter.in_doubt = True
    letter.lease_owner = letter.lease_until = None
    pause = _pause(letter.tries, jitter)
    if REPEATABLE[letter.channel] and now + pause < letter.useful_until and not letter.unwanted:
        letter.state, letter.next_at = "retry", now + pause
    else:
        give_up(letter, now)


def give_up(letter: Letter, now: datetime) -> None:
    """It will not be sent any more: a cadre's turn, unless nobody wants it any more.

    One that may have arrived is to be checked, not repeated.
    """
    letter.state = "withdrawn" if letter.unwanted else "needs_check" if letter.in_doubt else "dead"
    letter.settled_at = now
    letter.lease_owner = letter.lease_until = None


def _pause(tries: int, jitter: float) -> timedelta:
    whole: timedelta = min(FIRST_PAUSE * (1 << min(tries - 1, 10)), LONGEST_PAUSE)
    return whole * (0.5 + jitter / 2)


def _join_early_receipts(session: Session, letters: list[Letter], now: datetime) -> None:
    by_msgid = {letter.msgid: letter for letter in letters if letter.msgid is not None}
    if not by_msgid:
        return
    early = session.scalars(select(Receipt).where(Receipt.msgid.in_(by_msgid), Receipt.letter_id.is_(None))).all()
    for receipt in early:
        letter = by_msgid[receipt.msgid]
        if receipt.app_id == letter.app_id:
            apply_receipt(session, receipt, letter, now)
