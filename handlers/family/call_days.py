"""Call days in the official account: a cadre makes one in a few taps, and changes it while it goes on."""

import secrets

from handlers.family import agreements, half_days
from handlers.family import day_words as words
from handlers.family import words as call_words
from handlers.family.moments import day_of, instant_of, stamp_of
from handlers.room import Ask, Choice, Handler, Reply
from handlers.words import on_day
from models.errors import Refused
from models.family.call_days import CallDay, calls_on, day_for, days_of
from models.family.calls import FamilyCall, call_for
from models.family.reseating import call_off, reseat, resize, to_reserve
from models.family.seating import plan_day
from models.people.persons import Person
from models.people.staff import is_cadre
from models.places.centres import ServiceCentre


def home(ask: Ask) -> Reply:
    """The call days to come, and a new one."""
    if not is_cadre(ask.session, ask.who.person_id):
        return Reply(words.NO_STAFF)
    days = tuple(
        Choice(words.day(day.starts_at, _name_of(ask, day)), f"callday/{day.id}")
        for day in days_of(ask.session, ask.who, ask.now)
    )
    return Reply(words.DAYS, (*days, Choice(words.NEW_DAY, "callday/new")), back="menu")


def centres(ask: Ask) -> Reply:
    """At which centre; straight to the days where there is only one."""
    found = half_days.centres_of(ask.session, ask.who)
    if len(found) == 1:
        return days(ask, found[0].id)
    choices = tuple(Choice(centre.name, f"callday/new/{centre.id}") for centre in found)
    return Reply(words.WHICH_CENTRE, choices, back="callday")


def days(ask: Ask, centre: int) -> Reply:
    """Which morning or afternoon of the next open days."""
    found = half_days.open_days(ask.session, half_days.centre_of(ask.session, ask.who, centre), ask.now)
    choices = tuple(Choice(on_day(day), f"callday/new/{centre}/{day:%Y%m%d}") for day in found)
    return Reply(words.WHICH_DAY, choices, back="callday")


def halves(ask: Ask, centre: int, day: str) -> Reply:
    """Morning or afternoon."""
    place = half_days.centre_of(ask.session, ask.who, centre)
    choices = tuple(
        Choice(words.half(number, *window), f"callday/new/{centre}/{day}/{number}")
        for number, window in half_days.windows(ask.session, place, day_of(day), ask.now)
    )
    return Reply(words.WHICH_DAY if choices else words.NO_ROOM, choices, back=f"callday/new/{centre}")


def preview(ask: Ask, centre: int, day: str, half: int) -> Reply:
    """Who would sit when; nothing has happened yet."""
    place = half_days.centre_of(ask.session, ask.who, centre)
    window = half_days.window(ask.session, place, day_of(day), half, ask.now)
    if window is None:
        return Reply(words.NO_ROOM, back=f"callday/new/{centre}")
    plan = plan_day(ask.session, ask.who, centre_id=centre, starts_at=window[0], ends_at=window[1], now=ask.now)
    if not plan.seated:
        raise Refused("nobody_fits")
    lines = [words.seat(at, relative, cared) for relative, cared, at in plan.seated]
    text = words.plan(plan.seats, lines, [(one.person.name, one.why) for one in plan.left_out])
    # The key stands in the address: tapping twice is one day.
    address = f"callday/make/{centre}/{stamp_of(window[0])}/{secrets.token_hex(8)}"
    return Reply(text, (Choice(words.SURE, address),), back=f"callday/new/{centre}/{day}")


def make(ask: Ask, centre: int, stamp: int, key: str) -> Reply:
    """The day stands, and every family hears of it."""
    made = half_days.hold(ask.session, ask.who, centre, instant_of(stamp), key, ask.now)
    count = len(calls_on(ask.session, made.id))
    return Reply(words.MADE.format(count=count), (Choice(words.LOOK, f"callday/{made.id}"),))


def one(ask: Ask, day: int) -> Reply:
    """A call day: who sits when, each of whom can be seated elsewhere."""
    found = day_for(ask.session, ask.who, day)
    calls = calls_on(ask.session, day)
    seats = tuple(Choice(_line(ask, found, call), f"callday/seat/{call.id}") for call in calls)
    text = words.whole(found.starts_at, _name_of(ask, found), found.seats, len(calls))
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
    found, _ = _seat(ask, call)
    relative, cared = (ask.session.get_one(Person, key) for key in (found.relative_id, found.cared_id))
    choices = tuple(
        Choice(words.seat(at, relative, cared), f"callday/seat/{call}/to/{day.id}/{stamp_of(at)}")
        for day, at in half_days.free_seats(ask.session, ask.who, found, ask.now)
    )
    return Reply(words.PICK_SEAT if choices else words.NO_SEAT, choices, back=f"callday/seat/{call}")


def seat_at(ask: Ask, call: int, day: int, stamp: int) -> Reply:
    """With whom of the family that seat was agreed, and how."""
    found, _ = _seat(ask, call)
    zone = ask.session.get_one(Person, found.relative_id).time_zone
    text = call_words.WITH_WHOM.format(time=call_words.both(instant_of(stamp), zone))
    address = f"callday/seat/{call}/to/{day}/{stamp}"
    return Reply(text, agreements.choices(ask, found, address), back=f"callday/seat/{call}/to")


def seat_agreed(ask: Ask, call: int, day: int, stamp: int, yes: int) -> Reply:
    """Seated there."""
    moved = reseat(ask.session, ask.who, call, day, instant_of(stamp), agreements.tapped(yes), ask.now)
    return _moved(ask, moved)


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


def _name_of(ask: Ask, day: CallDay) -> str:
    return ask.session.get_one(ServiceCentre, day.centre_id).name


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
    "callday/seat/<int:call>/to/<int:day>/<int:stamp>/<int:yes>": seat_agreed,
}

KEYWORDS = {"集中连线": "callday", "连线日": "callday"}
