"""Another time for one family call at the staff desk: the family is asked for it, or has agreed to it already."""

from collections.abc import Sequence

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from handlers import desk
from handlers.family import after_words, words
from handlers.family.desk import as_seen, done, mark
from handlers.family.free_times import answerable, to_move_a_call
from handlers.family.moments import instant_in, stamp_of
from handlers.words import on_day
from models.errors import Refused
from models.family.agreeing import AGREED_BY, Agreement, family_of
from models.family.booking import move
from models.family.calls import CALL
from models.family.changing import LAST_CHANCE, propose
from models.family.looking import one as call_row
from models.family.proposals import POLICIES, waiting_for
from models.family.slots import Slot, best, kindest_first

ROOM = Blueprint("moving", __name__, url_prefix="/calls", template_folder="templates")


@ROOM.get("/<int:call>/time")
def one(call: int) -> str:
    """When it could be instead: the kindest times of the next days, or all of one day; to be asked for or agreed."""
    session, now = desk.session(), desk.now()
    row = call_row(session, desk.who(), call)
    found, day = row.FamilyCall, desk.day(desk.asked("day")) if desk.asked("day") else None
    if found.state not in CALL.by_name["change"].sources:
        raise Refused("wrong_state", thing=CALL.name, state=found.state)
    free = to_move_a_call(session, desk.who(), call, now, day)
    slots = kindest_first(free.slots) if day else best(free.slots, free.centre.tz)
    may_ask = found.state == "booked" and now < found.starts_at - LAST_CHANCE
    return render_template(
        "calls/desk_time.html", row=row, call=found, seen=mark(found), day=day, words=words, after_words=after_words,
        days=[(one.isoformat(), on_day(one)) for one in free.open_days(session, now)],
        time=words.both(found.starts_at, row.relative_zone), times=_options(slots, row.relative_zone),
        to_ask=_options(answerable(slots, now), row.relative_zone) if may_ask else None,
        family=family_of(session, found), agreed_by=AGREED_BY, policies=POLICIES,
        asked=waiting_for(session, call, now), both=words.both,
    )  # fmt: skip


@ROOM.post("/<int:call>/time/ask")
def asked(call: int) -> Response:
    """The family is asked; until they say yes the call stands where it is."""
    as_seen(call)
    made = propose(
        desk.session(), desk.who(), call, instant_in(desk.typed("at")), desk.typed("why"), desk.typed("otherwise"),
        desk.now(),
    )  # fmt: skip
    return done("call_ask", call, "call_asked", proposal=made.id)


@ROOM.post("/<int:call>/time/move")
def moved(call: int) -> Response:
    """The family has agreed: moved, and written down whose yes it was."""
    as_seen(call)
    agreed = agreed_in_form()
    move(desk.session(), desk.who(), call, instant_in(desk.typed("at")), desk.now(), agreed)
    return done("call_move", call, "call_moved", whose=agreed.person_id, means=agreed.means)


def agreed_in_form() -> Agreement:
    """Whose yes a form says it was, and how it came; the rules refuse one that is none."""
    means = desk.typed("means")
    return Agreement(desk.number("whose", form=True) or 0, means if means in AGREED_BY else "")


def _options(slots: Sequence[Slot], zone: str) -> list[tuple[int, str]]:
    return [(stamp_of(one.starts_at), words.offered(one.starts_at, zone, one.clashes)) for one in slots]
