"""Planning anew what edited rules, days, hours and closures, and holidays that become known ask for: once, whatever the
number of clocks."""

import logging

from sqlalchemy.orm import Session

from models.family.closing import list_shut_out
from models.family.reconsidering import reconsider
from models.hours import take_changed_days
from models.messages.rules import still_to_plan
from models.places.heeding import knows_less, take_changed_hours, take_known_holidays
from models.reminding import plan_some, take_up_changes
from models.tasks.telling import move_digests
from scheduler.settings import Hands
from scheduler.units import in_unit

log = logging.getLogger(__name__)


class _KnowsLess(Exception):
    """Another clock knows more of the holidays: what this one has done is undone, and left to that one."""


def plan_anew(hands: Hands) -> int:
    """Bring what is planned in line with what was edited; answers how many calls, visits and tasks were planned anew.

    Edited rules and days move the reminders of coming calls and visits; edited days move the cadres' morning letters
    too, and what series have planned; edited days, hours and closures may leave calls in hours when their centre is
    shut, which its cadres then hear of. When the installed calendar comes to know the holidays of another year, days
    are edited. While clocks of several versions run, those that know less of the holidays plan nothing.
    """
    planned = 0
    try:
        planned += in_unit(hands.open_session, lambda session: _look(session, hands))
        while (some := in_unit(hands.open_session, lambda session: _some(session, hands))) is not None:
            planned += some
        if left := in_unit(hands.open_session, still_to_plan):
            log.warning(
                "%s: planned anew later: another clock is at it, or a transaction is open since before the edit",
                ", ".join(left),
            )
    except _KnowsLess:
        log.warning("another clock knows the holidays of a later year and plans alone: update chinesecalendar here")
    return planned


def _look(session: Session, hands: Hands) -> int:
    """What is done at once; the reminders, which may be a whole county's, are only written down as to be planned."""
    now = hands.now()
    known = take_known_holidays(session, hands.real_now())
    days, hours = take_changed_days(session) or known, take_changed_hours(session)
    take_up_changes(session, days=days)
    if not days and not hours:
        return 0
    _stand_back(session, hands)  # nothing is worked out that would be undone
    planned = move_digests(session, now) if days else 0
    planned += reconsider(session, now) if days else 0  # first: what it takes off needs no cadre
    planned += list_shut_out(session, now)
    _stand_back(session, hands)
    return planned


def _some(session: Session, hands: Hands) -> int | None:
    """The next few reminders, by what is known of the holidays; None when none are left."""
    planned = plan_some(session, hands.now())
    if planned is not None:
        _stand_back(session, hands)
    return planned


def _stand_back(session: Session, hands: Hands) -> None:
    """Raises _KnowsLess where this clock does. Asked last as well: what was planned is held by then, and whoever comes
    to know more after this question plans it after this transaction."""
    if knows_less(session, hands.real_now()):
        raise _KnowsLess
