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

from sqlalchemy.exc import DisconnectionError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.orm import Session

from models.messages.breakers import Blown
from models.messages.claiming import Claimed, Lease, claim
from models.messages.ladder import ladder_of
from models.messages.letters import Letter
from models.messages.outcomes import Failed, OpenLetter, Outcome, Sent, Unsure
from models.messages.passage import give_up
from models.messages.settling import NOT_TRIED, settle
from models.tasks.alarm import day_spent, raise_alarm
from models.tasks.desk import arrived
from models.tasks.undelivered import hand_over
from scheduler.settings import Hands
from scheduler.units import in_unit

log = logging.getLogger(__name__)

GATHER_SECONDS = 0.25  # an answer that is back waits no longer than this for others to be written down with
LOOK_SECONDS = 0.01  # how often meanwhile: to be woken by each would cost those who send
QUICK_SECONDS = 1.0  # as long as letters are through within this,
BATCHES = 2  # so many may wait for those on the wire
# The database's own trouble: no fault of what was to be written down.
AWAY = (OperationalError, InterfaceError, DisconnectionError, NoConnection)
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

    def catch(self, patience: float = 0.0) -> None:
        """Take what has landed; with nothing there, wait so many seconds for the first."""
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
            self._write_down()
        except SQLAlchemyError as error:
            log.error("the database is away (%s): leases of letters on the wire will run out", type(error).__name__)

    def run_once(self, stop: threading.Event | None = None) -> int:
        """Send everything that is due now; answers how many letters were settled.

        Claims the next letters while the last are still on the wire. A database that is away ends the round; what came
        back is kept and written down in a later one.
        """
        settled, rests_until = 0, 0.0
        try:
            while True:
                room, at = self._room(), monotonic()
                # One send that hangs must not keep from the others what falls due meanwhile.
                if room and at >= rests_until and not (stop and stop.is_set()) and not self._launch(room):
                    rests_until = at + self.hands.settings.tick_seconds
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
        """Claim letters and put them on the wire; answers how many left the queue.

        One that is on the wire already, or back and not written down, had lost its lease: what comes of that attempt
        is settled under the new one.
        """
        claimed = in_unit(self.hands.open_session, lambda session: self._claim(session, limit))
        now = monotonic()
        for letter in claimed.letters:
            if letter.id not in self.sending.flying and letter.id not in self.sending.back:
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
            if letter.error_code is None or letter.channel == ladder_of(letter.kind)[0]:
                letter.error_code = "no address"  # else what closed the last way says more
            give_up(letter, now)
            hand_over(session, letter, now)
        for app_id, channel in claimed.spent:
            day_spent(session, app_id, channel, now)
        return claimed

    def _gather(self) -> None:
        """Wait until enough answers are back, or those that are have waited long enough: a transaction for each would
        cost more than the sends."""
        sending = self.sending
        sending.catch(self.hands.settings.tick_seconds if sending.flying and not sending.back else 0.0)
        ends = monotonic() + GATHER_SECONDS
        while sending.flying and len(sending.back) < self.hands.settings.threads and monotonic() < ends:
            sleep(LOOK_SECONDS)
            sending.catch()

    def _write_down(self) -> int:
        """Settle what is back in one transaction; answers how many. Raises SQLAlchemyError where the database is away:
        all of it is kept."""
        back = dict(self.sending.back)
        if not back:
            return 0
        try:
            self._settle(back)
        except AWAY:
            raise
        except Exception as error:
            log.error("%s outcomes cannot be written down together (%s): one by one", len(back), type(error).__name__)
            for key, (letter, outcome) in back.items():
                self._settle_alone(key, letter, outcome)
        return len(back)

    def _settle_alone(self, key: int, letter: OpenLetter, outcome: Outcome) -> None:
        """Settle one of several of which some cannot be: what it brought is a doubt then, and never in others' way."""
        for said in (outcome, Unsure("what came back cannot be written down")):
            try:
                return self._settle({key: (letter, said)})
            except AWAY:
                raise
            except Exception as error:
                where = "".join(traceback.format_tb(error.__traceback__))
                log.error("letter %s cannot be settled: %s\n%s", key, type(error).__name__, where)
        del self.sending.back[key]  # its lease runs out, and the sweep takes it on

    def _settle(self, outcomes: Mapping[int, tuple[OpenLetter, Outcome]]) -> None:
        blown = in_unit(self.hands.open_session, lambda session: self._written(session, outcomes))
        for key in outcomes:
            del self.sending.back[key]
        _say(outcomes, blown)

    def _written(self, session: Session, outcomes: Mapping[int, tuple[OpenLetter, Outcome]]) -> list[Blown]:
        now = self.hands.now()
        settled = settle(
            session, self.owner, outcomes, now=now, real_now=self.hands.real_now(), jitter=_rng.random(),
            allowance=self.hands.allowance,
        )  # fmt: skip
        for letter in settled.ended:
            hand_over(session, letter, now)
        for letter in settled.arrived:
            arrived(session, letter, now)
        for one in settled.blown:
            raise_alarm(session, one, now)
        return settled.blown


def _carried(hands: Hands, letter: OpenLetter) -> Outcome:
    """What the postman answers; a postman that stumbles leaves a doubt, never a lost letter."""
    if hands.real_now() > letter.start_before:
        return Failed("again", NOT_TRIED, "it waited too long for its turn; nothing was sent")
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
