"""What only time decides: lost leases, late letters, waiting receipts, askings nobody answered, calls that are over."""

import logging
import random
import traceback
from collections.abc import Callable
from datetime import datetime
from functools import partial

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from models.family.changing import lapse_proposals
from models.family.devices import look_ahead
from models.family.ending import finish_past
from models.family.holds import sweep_holds
from models.family.makeup import lapse_makeups
from models.family.pairing import ask_overdue as ask_pairs
from models.family.parting import lapse_over
from models.family.quiet import tell_quiet
from models.family.reseating import close_past
from models.messages import sweeping
from models.messages.receipts import join_waiting
from models.messages.silence import deaf
from models.ordering.aftercare import ask_after, close_old
from models.ordering.lending import ask_overdue, lapse_loans
from models.ordering.nagging import nag, raise_unanswered
from models.ordering.offers import expire_offers
from models.ordering.proxies import ask_family
from models.ordering.rechecking import ask_silent, press_to_name, recheck
from models.ordering.sla import open_overdue
from models.ordering.waiting import sweep_waiting
from models.tasks.alarm import end_alarms, receipts_missing
from models.tasks.escalation import escalate
from models.tasks.holding import wake_due
from models.tasks.linking import lapse_old, remind_of_end
from models.tasks.undelivered import hand_over, receipt_came
from scheduler.settings import Hands
from scheduler.units import in_unit


def lapse_links(session: Session, now: datetime) -> int:
    """Links whose time has come end, and whoever is left decides about what was ordered by them; answers how many."""
    ended = lapse_over(session, now)
    for link in ended:
        ask_family(session, link, now)
    return len(ended)


# What time decides about orders, in this order: whatever comes due is added here.
Sweep = Callable[[Session, datetime], int]
TASK_SWEEPS: tuple[Sweep, ...] = (
    recheck, press_to_name, ask_silent, ask_after, close_old, ask_overdue, lapse_loans, wake_due, end_alarms, escalate,
    lapse_links, remind_of_end, look_ahead,
)  # fmt: skip
COMPANY_SWEEPS: tuple[Sweep, ...] = (ask_pairs, tell_quiet)
CALL_SWEEPS: tuple[Sweep, ...] = (
    finish_past, lapse_proposals, lapse_makeups, lapse_old, expire_offers, sweep_holds, close_past,
)  # fmt: skip
ORDER_SWEEPS: tuple[Sweep, ...] = (nag, raise_unanswered, open_overdue, sweep_waiting)

log = logging.getLogger(__name__)
_rng = random.SystemRandom()


def sweep_outbox(hands: Hands) -> int:
    """Settle letters that no sender holds any more and receipts that came early; answers how many became a cadre's.
    That no receipts come is told to who administers the accounts."""
    return in_unit(hands.open_session, lambda session: _sweep_outbox(session, hands))


def _sweep_outbox(session: Session, hands: Hands) -> int:
    now = hands.now()
    made = [receipt_came(session, letter, now) for letter in join_waiting(session, now)]
    ended = sweeping.sweep_letters(
        session, now=now, real_now=hands.real_now(), deadline=hands.settings.send_deadline, jitter=_rng.random()
    )
    made += [hand_over(session, letter, now) for letter in ended]
    for one in deaf(session):
        receipts_missing(session, one, now)
    return sum(task is not None for task in made)


def look_again(hands: Hands) -> int:
    """The clock was set back: nothing waits for an hour that only the wrong time has named; answers how many letters
    did."""
    return in_unit(hands.open_session, lambda session: sweeping.look_again(session, hands.now()))


def sweep_bookings(hands: Hands) -> int:
    """End calls that are over, askings and offers that nobody answered; answers how many.

    Each in a transaction of its own, as orders have it.
    """
    return _each(hands, CALL_SWEEPS)


def sweep_orders(hands: Hands) -> int:
    """Remind of orders that nobody has accepted, hand them to cadres, and serve those who wait; answers how many.

    Each in a transaction of its own: the locks of one are not held while the next is looked for.
    """
    return _each(hands, ORDER_SWEEPS)


def _each(hands: Hands, sweeps: tuple[Sweep, ...]) -> int:
    """Every one of these, also after one that fails: what is wrong with a single row keeps nothing else from its turn.
    Raises what the first that failed raised, and logs the others; at once where the database is away."""
    now, done, failed = hands.now(), 0, list[Exception]()
    for one in sweeps:
        try:
            done += in_unit(hands.open_session, partial(_done, sweep=one, now=now))
        except Exception as error:
            if _is_away(error):
                raise
            failed.append(error)
    for other in failed[1:]:
        where = "".join(traceback.format_tb(other.__traceback__))
        log.error("another sweep failed (%s)\n%s", type(other).__name__, where)
    if failed:
        raise failed[0]
    return done


def _is_away(error: Exception) -> bool:
    """Whether no database answers: a lock or a statement that took too long is the trouble of one sweep."""
    if not isinstance(error, (OperationalError, InterfaceError)):
        return False
    state = getattr(error.orig, "sqlstate", None)
    return state is None or state.startswith(("08", "57P"))


def _done(session: Session, sweep: Sweep, now: datetime) -> int:
    return sweep(session, now)


def sweep_tasks(hands: Hands) -> int:
    """Look again at what was agreed and what was to wait, and tell those above of what nobody has done in time."""
    return _each(hands, TASK_SWEEPS)


def sweep_company(hands: Hands) -> int:
    """Ask for what pairs owe each other, and tell cadres who has not talked with their family; answers how many."""
    return _each(hands, COMPANY_SWEEPS)
