"""Sending what is due: claim a batch, carry it with no transaction open, settle it under the fence."""

import logging
import random
import socket
import threading
import uuid
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from sqlalchemy.exc import SQLAlchemyError

from models.messages.claiming import Claimed, claim
from models.messages.letters import Letter
from models.messages.outcomes import Failed, OpenLetter, Outcome, Sent, Unsure
from models.messages.settling import give_up, settle
from models.tasks.undelivered import hand_over
from scheduler.settings import Hands

log = logging.getLogger(__name__)

_rng = random.SystemRandom()


def new_owner() -> str:
    """A name for this process that no other has: the fence of its leases."""
    return f"{socket.gethostname()[:40]}-{uuid.uuid4().hex[:12]}"


@dataclass
class Sending:
    """What is on the wire right now, and what came back and waits to be written down."""

    flying: dict["Future[Outcome]", OpenLetter] = field(default_factory=dict)
    back: dict[int, tuple[str, Outcome]] = field(default_factory=dict)


class Deliverer:
    """One process's sender: a pool of threads that lives as long as the process."""

    def __init__(self, hands: Hands, owner: str | None = None) -> None:
        self.hands = hands
        self.owner = owner or new_owner()
        self.pool = ThreadPoolExecutor(hands.settings.threads, thread_name_prefix="postman")

    def close(self) -> None:
        """Wait for what is on the wire."""
        self.pool.shutdown(wait=True)

    def run_once(self, stop: threading.Event | None = None) -> int:
        """Send everything that is due now; answers how many letters were settled.

        Claims the next batch while the last is still on the wire, up to two per thread. A database that is away ends
        the round: the letters on the wire are settled by the sweep once their lease is over.
        """
        settled = 0
        sending = Sending()
        exhausted = False
        try:
            while True:
                if not exhausted and not (stop and stop.is_set()) and len(sending.flying) < self._room():
                    exhausted = self._launch(sending) == 0
                if not sending.flying:
                    return settled
                settled += self._land(sending)
        except SQLAlchemyError:
            log.exception("the database went away while letters were on the wire; their leases will run out")
            wait(sending.flying)
            return settled

    def _room(self) -> int:
        return 2 * self.hands.settings.threads

    def _launch(self, sending: Sending) -> int:
        """Claim a batch and put it on the wire; answers how many letters left the queue."""
        claimed = self._claim()
        for letter in claimed.letters:
            sending.flying[self.pool.submit(_carried, self.hands, letter)] = letter
        return claimed.total

    def _claim(self) -> Claimed:
        settings, now = self.hands.settings, self.hands.now()
        with self.hands.open_session() as session, session.begin():
            claimed = claim(
                session, now=now, real_now=self.hands.real_now(), owner=self.owner, lease=settings.lease,
                deadline=settings.send_deadline, limit=settings.batch,
            )  # fmt: skip
            for key in claimed.homeless:
                letter = session.get_one(Letter, key)
                letter.error_code = "no address"
                give_up(letter, now)
                hand_over(session, letter, now)
        return claimed

    def _land(self, sending: Sending) -> int:
        """Wait for the next answers and write them down in one transaction; answers how many."""
        done, _ = wait(sending.flying, return_when=FIRST_COMPLETED)
        for future in done:
            letter = sending.flying.pop(future)
            sending.back[letter.id] = (letter.app_id, future.result())
        # A transaction for each answer would cost more than the sends: gather while others are still in the air.
        if sending.flying and len(sending.back) < self.hands.settings.threads // 2:
            return 0
        outcomes, sending.back = sending.back, {}
        now = self.hands.now()
        with self.hands.open_session() as session, session.begin():
            for letter_row in settle(session, self.owner, outcomes, now=now, jitter=_rng.random()):
                hand_over(session, letter_row, now)
        _say(outcomes)
        return len(outcomes)


def _carried(hands: Hands, letter: OpenLetter) -> Outcome:
    """What the postman answers; a postman that stumbles leaves a doubt, never a lost letter."""
    try:
        return hands.carry(letter)
    except Exception as error:
        log.exception("letter %s: the postman stumbled", letter.id)
        return Unsure(f"{type(error).__name__}")


def _say(outcomes: dict[int, tuple[str, Outcome]]) -> None:
    """One line for each letter that did not simply go, and none about whom or what."""
    for key, (_, outcome) in outcomes.items():
        if isinstance(outcome, Failed) and outcome.action == "broken":
            log.error("letter %s: account or template is out of order: %s %s", key, outcome.code, outcome.detail)
        elif not isinstance(outcome, Sent):
            log.warning("letter %s: %s", key, outcome.code if isinstance(outcome, Failed) else outcome.detail)
