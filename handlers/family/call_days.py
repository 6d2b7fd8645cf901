"""Call days in the official account: a cadre makes one in a few taps, and changes it while it goes on."""

import secrets
from datetime import datetime, time

from sqlalchemy import select

from handlers.family import day_words as words
from handlers.family.moments import day_of, instant_of, stamp_of
from handlers.room import Ask, Choice, Handler, Reply
from handlers.words import on_day
from models.errors import Refused
from models.family.call_days import CallDay, calls_on, day_for, days_of
from models.family.calls import FamilyCall, call_for
from models.family.reseating import call_off, reseat, resize, to_reserve
from models.family.seating import free_screen, make_day, plan_day
from models.family.slots import NOTICE
from models.family.venues import CALL_LASTS
from models.hours import calendar, instant
from models.people.persons import Person
from models.people.staff import areas_under, is_cadre
from models.places.centres import ServiceCentre, open_spans

DAYS_SHOWN = 10
NOON, AFTER_NAP = time(12), time(14)


def home(ask: Ask) -> Reply:
    """The call days to come, and a new one."""
    if not is_cadre(ask.session, ask.who.person_id):
        return Reply(words.NO_STAFF)
    days = tuple(
        Choice(words.day(day.starts_at, _centre(ask, day.centre_id).name), f"callday/{day.id}")
        for day in days_of(ask.session, ask.who, ask.now)
    )
    return Reply(words.DAYS, (*days, Choice(words.NEW_DAY, "callday/new")), back="menu")


def centres(ask: Ask) -> Reply:
    """At which centre; straight to the days where there is only one."""
    query = select(ServiceCentre).where(ServiceCentre.area_id.in_(areas_under(ask.who.person_id)))
    found = ask.session.scalars(query.order_by(ServiceCentre.id)).all()
    if len(found) == 1:
        return days(ask, found[0].id)
    choices = tuple(Choice(centre.name, f"callday/new/{centre.id}") for centre in found)
    return Reply(words.WHICH_CENTRE, choices, back="callday")


def days(ask: Ask, centre: int) -> Reply:
    """Which morning or afternoon of the next open days."""
    place, choices = _centre(ask, centre), list[Choice]()
    spans = open_spans(ask.session, place, ask.now.astimezone(place.tz).date(), calendar(ask.session), DAYS_SHOWN)
    for day in dict.fromkeys(opens.astimezone(place.tz).date() for opens, _ in spans):
        choices.append(Choice(on_day(day), f"callday/new/{centre}/{day:%Y%m%d}"))
    return Reply(words.WHICH_DAY, tuple(choices), back="callday")


def halves(ask: Ask, centre: int, day: str) -> Reply:
    """Morning or afternoon."""
    found = [(number, _window(ask, centre, day, number)) for number in range(len(words.HALVES))]
    choices = tuple(
        Choice(words.half(number, *window), f"callday/new/{centre}/{day}/{number}")
        for number, window in found if window is not None
    )  # fmt: skip
    return Reply(words.WHICH_DAY if choices else words.NO_ROOM, choices, back=f"callday/new/{centre}")


def preview(ask: Ask, centre: int, day: str, half: int) -> Reply:
    """Who would sit when; nothing has happened yet."""
    window = _window(ask, centre, day, half)
    if window is None:
        return Reply(words.NO_ROOM, back=f"callday/new/{centre}")
    plan = plan_day(ask.session, ask.who, centre_id=centre, starts_at=window[0], ends_at=window[1], now=ask.now)
    if not plan.seated:
        raise Refused("nobody_fits")
    lines = [words.seat(at, relative, cared) for relative, cared, at in plan.seated]
    text = words.plan(plan.seats, lines, [one.name for one in plan.left_out])
    # The key stands in the address: tapping twice is one day.
    address = f"callday/make/{centre}/{stamp_of(window[0])}/{secrets.token_hex(8)}"
    return Reply(text, (Choice(words.SURE, address),), back=f"callday/new/{centre}/{day}")


def make(ask: Ask, centre: int, stamp: int, key: str) -> Reply:
    """The day stands, and every family hears of it."""
    start = instant_of(stamp)
    local = start.astimezone(_centre(ask, centre).tz)
    window = _window(ask, centre, f"{local:%Y%m%d}", int(local.time() >= NOON))
    made = make_day(
        ask.session, ask.who, centre_id=centre, starts_at=start, ends_at=window[1] if window else start, client_key=key,
        now=ask.now,
    )  # fmt: skip
    count = len(calls_on(ask.session, made.id))
    return Reply(words.MADE.format(count=count), (Choice(words.LOOK, f"callday/{made.id}"),))


def one(ask: Ask, day: int) -> Reply:
    """A call day: who sits when, each of whom can be seated elsewhere."""
    found = day_for(ask.session, ask.who, day)
    calls = calls_on(ask.session, day)
    seats = tuple(Choice(_line(ask, found, call), f"callday/seat/{call.id}") for call in calls)
    text = words.whole(found.starts_at, _centre(ask, found.centre_id).name, found.seats, len(calls))
    if found.state != "open":
        return Reply(text, back="callday")
    fewer = (Choice(words.FEWER, f"callday/{day}/seats/{found.seats - 1}"),) if found.seats > 1 else ()
    return Reply(text, (*seats, *fewer, Choice(words.OFF, f"callday/{day}/off")), back="callday")


def _line(ask: Ask, day: CallDay, call: FamilyCall) -> str:
    relative, cared = (ask.session.get_one(Person, key) for key in (call.relative_id, call.cared_id))
    return words.seat(call.starts_at, relative, cared) + (words.RESERVE if call.starts_at >= day.reserve_at else "")


def seat(ask: Ask, call: int) -> Reply:
    """One call of a day, and what can be done when it is late or has come to nothing."""
    found, day = _seat(ask, call)
    choices = (
        Choice(words.TO_RESERVE, f"callday/seat/{call}/reserve"), Choice(words.OTHER_TIME, f"callday/seat/{call}/to"),
        Choice(words.LOOK, f"call/{call}"),
    )  # fmt: skip
    return Reply(_line(ask, day, found), choices, back=f"callday/{day.id}")


def reserve(ask: Ask, call: int) -> Reply:
    """On in the reserve of the same day."""
    moved = to_reserve(ask.session, ask.who, call, ask.now)
    return _moved(ask, moved)


def seats_free(ask: Ask, call: int) -> Reply:
    """To which half-hour, of this day or of another, the family has agreed."""
    found, day = _seat(ask, call)
    others = [other for other in days_of(ask.session, ask.who, ask.now) if other.id != day.id]
    relative, cared = (ask.session.get_one(Person, key) for key in (found.relative_id, found.cared_id))
    choices = tuple(
        Choice(words.seat(at, relative, cared), f"callday/seat/{call}/to/{one.id}/{stamp_of(at)}")
        for one in (day, *others) for at in one.times()
        if at > ask.now and at != found.starts_at and free_screen(ask.session, one, at) is not None
    )  # fmt: skip
    return Reply(words.PICK_SEAT if choices else words.NO_SEAT, choices, back=f"callday/seat/{call}")


def seat_at(ask: Ask, call: int, day: int, stamp: int) -> Reply:
    """Seated there."""
    return _moved(ask, reseat(ask.session, ask.who, call, day, instant_of(stamp), ask.now))


def _moved(ask: Ask, call: FamilyCall) -> Reply:
    relative, cared = (ask.session.get_one(Person, key) for key in (call.relative_id, call.cared_id))
    text = words.MOVED.format(time=words.seat(call.starts_at, relative, cared))
    return Reply(text, (Choice(words.LOOK, f"callday/{call.call_day_id}"),))


def fewer(ask: Ask, day: int, seats: int) -> Reply:
    """Fewer screens."""
    found = resize(ask.session, ask.who, day, seats, ask.now)
    return Reply(words.RESIZED.format(seats=found.seats), (Choice(words.LOOK, f"callday/{day}"),))


def ask_off(ask: Ask, day: int) -> Reply:
    """Asks why it does not take place."""
    day_for(ask.session, ask.who, day)
    choices = tuple(Choice(reason, f"callday/{day}/off/{n}") for n, reason in enumerate(words.REASONS))
    return Reply(words.SURE_OFF.format(count=len(calls_on(ask.session, day))), choices, back=f"callday/{day}")


def off(ask: Ask, day: int, reason: int) -> Reply:
    """It does not take place; every family hears so."""
    call_off(ask.session, ask.who, day, words.REASONS[reason] if reason < len(words.REASONS) else "", ask.now)
    return Reply(words.CALLED_OFF, (Choice(words.LOOK, "callday"),))


def _seat(ask: Ask, call: int) -> tuple[FamilyCall, CallDay]:
    found, role = call_for(ask.session, ask.who, call)
    if role != "cadre" or found.call_day_id is None:
        raise Refused("not_yours")
    return found, day_for(ask.session, ask.who, found.call_day_id)


def _centre(ask: Ask, centre: int) -> ServiceCentre:
    """A centre of the cadre's own; raises Refused("not_yours")."""
    mine = select(ServiceCentre).where(
        ServiceCentre.id == centre, ServiceCentre.area_id.in_(areas_under(ask.who.person_id))
    )
    found = ask.session.scalar(mine)
    if found is None:
        raise Refused("not_yours")
    return found


def _window(ask: Ask, centre: int, day: str, half: int) -> tuple[datetime, datetime] | None:
    """A morning or an afternoon as the centre is open, in whole half-hours; None where nothing of it is left."""
    place, on = _centre(ask, centre), day_of(day)
    noon, after = (instant(on, clock, place.tz) for clock in (NOON, AFTER_NAP))
    for opens, closes in open_spans(ask.session, place, on, calendar(ask.session)):
        first, last = (opens, min(closes, noon)) if half == 0 else (max(opens, after), closes)
        # The half-hours of the centre are counted from when it opens; what has begun, or begins at once, is gone.
        earliest = max(first, ask.now + NOTICE)
        start = opens + -(-(earliest - opens) // CALL_LASTS) * CALL_LASTS
        end = start + (last - start) // CALL_LASTS * CALL_LASTS
        if end - start >= 2 * CALL_LASTS:
            return start, end
    return None


ADDRESSES: dict[str, Handler] = {
    "callday": home,
    "callday/new": centres,
    "callday/new/<int:centre>": days,
    "callday/new/<int:centre>/<day>": halves,
    "callday/new/<int:centre>/<day>/<int:half>": preview,
    "callday/make/<int:centre>/<int:stamp>/<key>": make,
    "callday/<int:day>": one,
    "callday/<int:day>/seats/<int:seats>": fewer,
    "callday/<int:day>/off": ask_off,
    "callday/<int:day>/off/<int:reason>": off,
    "callday/seat/<int:call>": seat,
    "callday/seat/<int:call>/reserve": reserve,
    "callday/seat/<int:call>/to": seats_free,
    "callday/seat/<int:call>/to/<int:day>/<int:stamp>": seat_at,
}

KEYWORDS = {"集中连线": "callday", "连线日": "callday"}
