"""How a letter goes on when it did not simply arrive: the next rung, the back-off, the doubt, the end."""

from datetime import datetime, timedelta
from uuid import uuid4

from models.messages.ladder import CHANNELS, rungs_from
from models.messages.letters import Letter

ENDED_UNDELIVERED = ("dead", "needs_check", "missed")  # what a cadre has to take on
FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(minutes=10)


def step_down(letter: Letter, now: datetime) -> bool:
    """Try the next channel of the ladder, as a message that WeChat has never seen; answers whether there is one.

    Not while an earlier attempt may have arrived: that is for a person to find out.
    """
    rest = rungs_from(letter.kind, letter.channel)[1:]
    if not rest or not _may_go_afresh(letter, now):
        return False
    letter.channel, letter.app_id = rest[0], None
    _afresh(letter, now)
    return True


def again_to_another(letter: Letter, now: datetime) -> bool:
    """Try another WeChat of the same person on the same channel, as a message that WeChat has never seen; answers
    whether that may be, as `step_down` does."""
    if CHANNELS[letter.channel].needs != "following" or not _may_go_afresh(letter, now):
        return False
    _afresh(letter, now)
    return True


def next_rung(letter: Letter, now: datetime) -> None:
    """Try the next channel of the ladder; where there is none, or it may not be tried, give the letter up."""
    if not step_down(letter, now):
        give_up(letter, now)


def _may_go_afresh(letter: Letter, now: datetime) -> bool:
    return not letter.in_doubt and not letter.unwanted and now < letter.useful_until


def _afresh(letter: Letter, now: datetime) -> None:
    letter.state, letter.next_at, letter.settled_at = "retry", now, None
    letter.client_msg_id, letter.first_attempt_at, letter.msgid, letter.sent_at = uuid4().hex, None, None, None


def doubt(letter: Letter, now: datetime, jitter: float) -> None:
    """Nobody knows whether it arrived: again under the same client_msg_id where that is safe, else a human looks."""
    letter.in_doubt = True
    letter.lease_owner = letter.lease_until = None
    pause = back_off(letter.tries, jitter)
    if CHANNELS[letter.channel].repeatable and now + pause < letter.useful_until and not letter.unwanted:
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


def back_off(tries: int, jitter: float) -> timedelta:
    """How long to wait after so many tries: twice as long each time, spread by `jitter` in [0, 1)."""
    whole: timedelta = min(FIRST_PAUSE * (1 << min(tries - 1, 10)), LONGEST_PAUSE)
    return whole * (0.5 + jitter / 2)
