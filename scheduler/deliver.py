"""Sending what is due: claim a batch, carry it with no transaction open, settle it under the fence."""

import logging
import random
import socket
import threading
import traceback
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from time import monotonic, sleep

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from models.messages.breakers import Blown
from models.messages.claiming import Claimed, Lease, claim
from models.messages.letters import Letter
from models.messages.outcomes import Failed, OpenLetter, Outcome, Sent, Unsure
from models.messages.passage import give_up
from models.messages.settling import settle
from models.tasks.alarm import raise_alarm
from models.tasks.undelivered import hand_over
from scheduler.settings import Hands
from scheduler.units import in_unit

log = logging.getLogger(__name__)

GATHER_SECONDS = 0.25  # an answer that is back waits no longer than this for others to be written down with
LOOK_SECONDS = 0.01  # how often meanwhile: to be woken by each would cost those who send
QUICK_SECONDS = 1.0  # as long as letters are through within this,
BATCHES = 2  # so many may wait for those on the wire
_rng = random.SystemRandom()


def new_owner() -> str:
    """A name for this process that no other has: the fence of its leases."""
    return f"{socket.gethostname()[:40]}-{uuid.uuid4().hex[:12]}"


@dataclass
class Sending:
    """What the crew has in its hands, what it brings back, and what of that waits to be written down."""

    flying: dict[int, float] = field(default_factory=dict)  # letter id → when it was given to the crew
    landed: SimpleQueue[tuple[OpenLetter, Outcome]] = field(default_factory=SimpleQueue)
    back: dict[int, tuple[OpenLetter, Outcome]] = field(default_factory=dict)
    through: float = QUICK_SECONDS  # how many seconds the last one was on its way, the wait for its turn included

    def catch(self, patience: float | None = 0.0) -> None:
        """Take what has landed; with nothing there, wait for the first (seconds, None: until it comes)."""
        try:
            landed = self.landed.get(timeout=patience) if patience != 0 else self.landed.get_nowait()
            while True:
                key = landed[0].id
                self.through = monotonic() - self.flying.pop(key)
                self.back[key] = landed
                landed = self.landed.get_nowait()
        except Empty:
            return


class Deliverer:
    """One process's sender: a crew that lives as long as the process."""

    def __init__(self, hands: Hands, owner: str | None = None) -> None:
        self.hands = hands
        self.owner = owner or new_owner()
        self.crew = hands.crew(hands.settings.threads)
        self.sending = Sending()

    def close(self) -> None:
        """Wait for what is on the wire, and write it down if the database lets us."""
        self.crew.shutdown()
        self.sending.catch()
        try:
            if self.sending.back:
                self._write_down()
        except SQLAlchemyError as error:
            log.error("the database is away (%s): leases of letters on the wire will run out", type(error).__name__)

    def run_once(self, stop: threading.Event | None = None) -> int:
        """Send everything that is due now; answers how many letters were settled.

        Claims the next letters while the last are still on the wire. A database that is away ends the round; what came
        back is kept and written down in a later one.
        """
        settled = 0
        exhausted = False
        try:
            while True:
                room = self._room()
                if not exhausted and room and not (stop and stop.is_set()):
                    exhausted = self._launch(room) == 0
                if not self.sending.flying and not self.sending.back:
                    return settled
                self._gather()
                settled += self._write_down()
        except SQLAlchemyError as error:
            log.error("the database did not answer (%s): what came back is kept for later", type(error).__name__)
            return settled

    def _room(self) -> int:
        """How many letters to claim now; 0 until it is worth a transaction.

        As many may wait as are on the wire, so that none waits longer than one send and a lease outlives both. Where
        sends are quick two batches may: while the last is settled and the next claimed the wire must not fall silent.
        """
        settings = self.hands.settings
        waiting = BATCHES * settings.batch if self.sending.through < QUICK_SECONDS else settings.threads
        room = settings.threads + waiting - len(self.sending.flying)
        return min(room, settings.batch) if room >= waiting / 2 else 0

    def _launch(self, limit: int) -> int:
        """Claim letters and put them on the wire; answers how many left the queue."""
        claimed = in_unit(self.hands.open_session, lambda session: self._claim(session, limit))
        now = monotonic()
        for letter in claimed.letters:
            self.sending.flying[letter.id] = now
            self.crew.submit(self._carry, letter)
        return claimed.total

    def _carry(self, letter: OpenLetter) -> None:
        """What one of the crew does with one letter."""
        self.sending.landed.put((letter, _carried(self.hands, letter)))

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

    def _gather(self) -> None:
        """Wait until enough answers are back, or those that are have waited long enough: a transaction for each would
        cost more than the sends."""
        sending = self.sending
        sending.catch(None if sending.flying and not sending.back else 0.0)
        ends = monotonic() + GATHER_SECONDS
        while sending.flying and len(sending.back) < self.hands.settings.threads and monotonic() < ends:
            sleep(LOOK_SECONDS)
            sending.catch()

    def _write_down(self) -> int:
        """Settle what is back in one transaction; answers how many."""
        outcomes = dict(self.sending.back)
        blown = in_unit(self.hands.open_session, lambda session: self._settle(session, outcomes))
        self.sending.back.clear()
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
        for one in settled.blown:
            raise_alarm(session, one, now)
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
