"""Planning anew what edited rules, days, hours and closures ask for: once, whatever the number of clocks."""

from datetime import datetime

from sqlalchemy.orm import Session

from models.family.closing import list_shut_out
from models.family.reconsidering import reconsider
from models.hours import take_changed_days
from models.places.heeding import take_changed_hours
from models.reminding import plan_some, take_up_changes
from models.tasks.telling import move_digests
from scheduler.settings import Hands
from scheduler.units import in_unit


def plan_anew(hands: Hands) -> int:
    """Bring what is planned in line with what was edited; answers how many calls, visits and tasks were planned anew.

    Edited rules and days move the reminders of coming calls and visits; edited days move the cadres' morning letters
    too, and what series have planned; edited days, hours and closures may leave calls in hours when their centre is
    shut, which its cadres then hear of.
    """
    planned = in_unit(hands.open_session, lambda session: _look(session, hands.now()))
    while (some := in_unit(hands.open_session, lambda session: plan_some(session, hands.now()))) is not None:
        planned += some
    return planned


def _look(session: Session, now: datetime) -> int:
    """What is done at once; the reminders, which may be a whole county's, are only written down as to be planned."""
    days, hours = take_changed_days(session), take_changed_hours(session)
    take_up_changes(session, days=days)
    planned = move_digests(session, now) if days else 0
    planned += reconsider(session, now) if days else 0  # first: what it takes off needs no cadre
    return planned + (list_shut_out(session, now) if days or hours else 0)
