"""Planning anew what edited rules ask for: the bookings to come, once, whatever the number of clocks."""

from models.family.telling import REMINDER, remind_anew
from models.messages.rules import take_changed
from scheduler.settings import Hands
from scheduler.units import in_unit


def plan_anew(hands: Hands) -> int:
    """Bring the reminders of coming calls in line with rules that were edited; answers how many calls there were."""
    now = hands.now()
    return in_unit(
        hands.open_session,
        lambda session: remind_anew(session, now) if take_changed(session, REMINDER) else 0,
    )
