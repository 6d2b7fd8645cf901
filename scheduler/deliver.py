"""Sending what is due: claim a batch, carry it with no transaction open, settle it under the fence."""

import logging
import random
import socket
import threading
import traceback
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from models.messages.breakers import Blown
from models.messages.claiming import Claimed, Lease, claim
from models.messages.letters import Letter
from models.messages.outcomes import Failed, OpenLetter, Outcome, Sent, Unsure
from models.messages.passage import give_up
from models.messages.settling import settle
from models.tasks.undelivered import hand_over
from scheduler.settings import Hands
from scheduler.units import in_unit

log = logging.getLogger(__name__)

GATHER_SECONDS = 0.25  # an answer that is back waits no longer than this for others to be written down with
_rng = random.SystemRandom()


def new_owner() -> str:
    """A name for this process that no other has: the fence of its leases."""
    return f"{socket.gethostname()[:40]}-{uuid.uuid4().hex[:12]}"


@dataclass
class Sending:
    """What is on the wire right now, and what came back and waits to be written down."""

    flying: dict["Future[Outcome]", OpenLetter] = field(default_factory=dict)
    back: dict[int, tuple[OpenLetter, Outcome]] = field(default_factory=dict)


class Deliverer:
    """One process's sender: a pool of threads that lives as long as the process."""

    def __init__(self, hands: Hands, owner: str | None = None) -> None:
        self.hands = hands
        self.owner = owner or new_owner()
        self.pool = ThreadPoolExecutor(hands.settings.threads, thread_name_prefix="postman")
        self.sending = Sending()

    def close(self) -> None:
        """Wait for what is on the wire, and write it down if the database lets us."""
        self.pool.shutdown(wait=True)
        try:
            while self.sending.flying or self.sending.back:
                self._land(all_of_it=True)
        except SQLAlchemyError as error:
            log.error("the database is away (%s): leases of letters on the wire will run out", type(error).__name__)

    def run_once(self, stop: threading.Event | None = None) -> int:
        """Send everything that is due now; answers how many letters were settled.

        Claims the next letters while the last are still on the wire, up to two per thread: so none waits longer for its
        thread than one send, and a lease outlives both. A database that is away ends the round; what came back is
        kept and written down in a later one.
        """
        settled = 0
        exhausted = False
        try:
            while True:
                room = 2 * self.hands.settings.threads - len(self.sending.flying)
                if not exhausted and room > 0 and not (stop and stop.is_set()):
                    exhausted = self._launch(min(room, self.hands.settings.batch)) == 0
                if not self.sending.flying and not self.sending.back:
                    return settled
                settled += self._land()
        except SQLAlchemyError as error:
            log.error("the database did not answer (%s): what came back is kept for later", type(error).__name__)
            return settled

    def _launch(self, limit: int) -> int:
        """Claim letters and put them on the wire; answers how many left the queue."""
        claimed = in_unit(self.hands.open_session, lambda session: self._claim(session, limit))
        for letter in claimed.letters:
            self.sending.flying[self.pool.submit(_carried, self.hands, letter)] = letter
        return claimed.total

    def _claim(self, session: Session, limit: int) -> Claimed:
        settings, now = self.hands.settings, self.hands.now()
        claimed = claim(
            session, now=now, real_now=self.hands.real_now(), limit=limit, allowance=self.hands.allowance,
            lease=Lease(self.owner, settings.lease, settings.send_deadline),
        )  # fmt: skip
        for key in claimed.homeless:
            letter = session.get_one(Letter, key)
            letter.error_code = "no address"
            give_up(letter, now)
            hand_over(session, letter, now)
        return claimed

    def _land(self, *, all_of_it: bool = False) -> int:
        """Wait for the next answers and write them down in one transaction; answers how many."""
        sending = self.sending
        patience = GATHER_SECONDS if sending.back else None
        done, _ = wait(sending.flying, timeout=patience, return_when=FIRST_COMPLETED)
        for future in done:
            letter = sending.flying.pop(future)
            sending.back[letter.id] = (letter, future.result())
        # A transaction for each answer would cost more than the sends: gather while others are still in the air.
        if done and sending.flying and len(sending.back) < self.hands.settings.threads and not all_of_it:
            return 0
        outcomes = dict(sending.back)
        blown = in_unit(self.hands.open_session, lambda session: self._settle(session, outcomes))
        sending.back.clear()
        _say(outcomes, blown)
        return len(outcomes)

    def _settle(self, session: Session, outcomes: Mapping[int, tuple[OpenLetter, Outcome]]) -> list[Blown]:
        now = self.hands.now()
        settled = settle(
            session, self.owner, outcomes, now=now, real_now=self.hands.real_now(), jitter=_rng.random(),
            allowance=self.hands.allowance,
        )  # fmt: skip
        for letter in settled.ended:
            hand_over(session, letter, now)
        return settled.blown


def _carried(hands: Hands, letter: OpenLetter) -> Outcome:
    """What the postman answers; a postman that stumbles leaves a doubt, never a lost letter."""
    if hands.real_now() > letter.start_before:
        return Failed("again", "too_late", "it waited too long for its turn; nothing was sent")
    try:
        return hands.carry(letter)
    except Exception as error:
        # Where, never what: an exception's own words may hold what was to be said.
        where = "".join(traceback.format_tb(error.__traceback__))
        log.error("letter %s: the postman stumbled: %s\n%s", letter.id, type(error).__name__, where)
        return Unsure(f"{type(error).__name__}")


def _say(outcomes: Mapping[int, tuple[OpenLetter, Outcome]], blown: Sequence[Blown]) -> None:
    """One line for each letter that did not simply go and each breaker that opened; none about whom or what."""
    for key, (_, outcome) in outcomes.items():
        if not isinstance(outcome, Sent):
            log.warning("letter %s: %s", key, outcome.code if isinstance(outcome, Failed) else outcome.detail)
    for one in blown:
        log.error("%s %s of %s is out of order: %s %s", one.channel, one.kind, one.app_id, one.code, one.why)
