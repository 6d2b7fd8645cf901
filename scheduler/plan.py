"""Planning anew what edited rules, days, hours and closures ask for: once, whatever the number of clocks."""

from datetime import datetime

from sqlalchemy.orm import Session

from models.family.closing import list_shut_out
from models.family.reconsidering import reconsider
from models.hours import take_changed_days
from models.places.heeding import take_changed_hours
from models.reminding import plan_changed
from models.tasks.telling import move_digests
from scheduler.settings import Hands
from scheduler.units import in_unit


def plan_anew(hands: Hands) -> int:
    """Bring what is planned in line with what was edited; answers how many calls, visits and tasks were planned anew.

    Edited rules and days move the reminders of coming calls and visits; edited days move the cadres' morning letters
    too, and what series have planned; edited days, hours and closures may leave calls in hours when their centre is
    shut, which its cadres then hear of.
    """
    now = hands.now()
    return in_unit(hands.open_session, lambda session: _plan_anew(session, now))


def _plan_anew(session: Session, now: datetime) -> int:
    days, hours = take_changed_days(session), take_changed_hours(session)
    planned = plan_changed(session, now, days=days)
    planned += move_digests(session, now) if days else 0
    planned += reconsider(session, now) if days else 0  # first: what it takes off needs no cadre
    return planned + (list_shut_out(session, now) if days or hours else 0)
