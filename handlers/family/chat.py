"""Family calls in the official account: with whom, when, and both clocks side by side."""

import secrets
from collections.abc import Sequence
from datetime import timedelta

from handlers.family import agreements, answers, company, ending, entering, guests, outcomes, placing, rounds, words
from handlers.family.free_times import FreeTimes, for_a_new_call, to_move_a_call
from handlers.family.moments import day_of, instant_of, stamp_of
from handlers.ordering.times import day_and_clock
from handlers.reach import warned
from handlers.room import Ask, Choice, Handler, Reply
from handlers.words import on_day
from models.errors import Refused
from models.family.agreeing import Agreement
from models.family.booking import book, move, partner
from models.family.calls import AT_HOME, LIVE_CALLS, FamilyCall, call_for, calls_of, other_end
from models.family.guests import guests_of
from models.family.holding import hold_slot
from models.family.holds import HOLD_LASTS, uncounted_for
from models.family.rooms import joins_alone
from models.family.slots import Slot, best, kindest_first, nearest
from models.family.venues import Venue, venue_for
from models.hours import instant, instants
from models.people.care import cared_for_by
from models.people.persons import Person
from models.places.centres import ServiceCentre, phone_of


def home(ask: Ask) -> Reply:
    """With whom; straight to the days when there is only one."""
    people = cared_for_by(ask.session, ask.who.person_id)
    if not people:
        return Reply(words.NO_FAMILY, (Choice("我的家人", "me/people"), Choice("联系工作人员", "person")))
    if len(people) == 1:
        return days(ask, people[0][0].id)
    choices = tuple(Choice(person.name, f"call/for/{person.id}") for person, _ in people)
    return Reply(words.FOR_WHOM, choices, back="menu")


def days(ask: Ask, person: int) -> Reply:
    """The kindest three times of the next days, and the days on which the centre is open."""
    free = for_a_new_call(ask.session, ask.who, person, ask.now)
    return _days(ask, free, f"call/at/{person}/", f"call/day/{person}/", f"call/for/{person}/time")


def _days(ask: Ask, free: FreeTimes, at: str, on: str, ask_for: str | None, back: str = "call") -> Reply:
    """The best of what is free, each leading to `at`, and the open days, each leading to `on`."""
    first = _choices(best(free.slots, free.centre.tz), free.relative, at)
    choices = tuple(Choice(on_day(day), f"{on}{day:%Y%m%d}") for day in free.open_days(ask.session, ask.now))
    text = words.PICK_DAY.format(cared=free.cared.name) + words.best_first(len(first))
    return Reply(text, (*first, *choices), ask_for, back=back)


def slots(ask: Ask, person: int, day: str) -> Reply:
    """The free half-hours of one day, the kindest first."""
    free = for_a_new_call(ask.session, ask.who, person, ask.now, day_of(day))
    head = words.OR_TYPE + words.PICK_SLOT
    back = f"call/for/{person}"
    return _slots(free.slots, free.relative, f"call/at/{person}/", back, head, f"call/for/{person}/time")


def _slots(
    found: Sequence[Slot], relative: Person, prefix: str, back: str, head: str = words.PICK_SLOT,
    ask_for: str | None = None,
) -> Reply:  # fmt: skip
    if not found:
        return Reply(words.NO_SLOTS, back=back)
    return Reply(head, _choices(kindest_first(found), relative, prefix), ask_for, back=back)


def _choices(found: Sequence[Slot], relative: Person, prefix: str) -> tuple[Choice, ...]:
    return tuple(
        Choice(words.offered(slot.starts_at, relative.time_zone, slot.clashes), f"{prefix}{stamp_of(slot.starts_at)}")
        for slot in found
    )


def _me(ask: Ask) -> Person:
    return ask.session.get_one(Person, ask.who.person_id)


def typed(ask: Ask, person: int) -> Reply:
    """A time by the relative's own clock: what is free then, or nearest to it."""
    cared, relative = partner(ask.session, ask.who, person), _me(ask)
    said = day_and_clock(ask.text, ask.now, relative.tz)
    if said is None:
        return Reply(words.TIME_UNCLEAR, ask_for=f"call/for/{person}/time", back=f"call/for/{person}")
    meant = instants(*said, relative.tz)
    mine = uncounted_for(ask.session, relative.id, ask.now)
    found = [
        slot for moment in meant or (instant(*said, relative.tz),)
        for slot in nearest(ask.session, relative, cared, moment, ask.now, held_by=mine)
    ]  # fmt: skip
    near = sorted(dict.fromkeys(found), key=lambda slot: slot.starts_at)
    head = words.by_ones_clock(said[1], relative.tz, len(meant))
    back = f"call/for/{person}"
    if not near:
        return Reply(words.NO_SLOTS, back=back)
    return Reply(head, _choices(near, relative, f"call/at/{person}/"), back=back)


def check(ask: Ask, person: int, stamp: int) -> Reply:
    """The call as it will be, before it is booked; meanwhile its time is kept for who asks."""
    starts_at, back = instant_of(stamp), f"call/for/{person}"
    try:
        hold_slot(ask.session, ask.who, cared_id=person, starts_at=starts_at, now=ask.now)
    except Refused as refusal:
        if refusal.code != "slot_taken":
            raise
        ask.undo()
        return _instead(ask, refusal, f"call/at/{person}/", back)
    cared = ask.session.get_one(Person, person)
    text = words.CHECK.format(
        cared=cared.name, time=words.both(starts_at, ask.who.zone), minutes=HOLD_LASTS // timedelta(minutes=1),
        centre=_where(venue_for(ask.session, _me(ask), cared), cared),
    )  # fmt: skip
    text = _warned(ask, text, [ask.who.person_id])
    # The key stands in the address: tapping twice, or a stale link, is the same call.
    address = f"call/book/{person}/{stamp}/{secrets.token_hex(8)}"
    return Reply(text, (Choice("确认预约", address),), back=back)


def confirm(ask: Ask, person: int, stamp: int, key: str) -> Reply:
    """Booked, or the nearest times that are still free; a stale tap shows what has become of the call.

    Raises Refused("not_yours") for a key that `check` does not make: those of series and makeups hold a colon.
    """
    if not key.isalnum():
        raise Refused("not_yours")
    starts_at = instant_of(stamp)
    try:
        call = book(ask.session, ask.who, cared_id=person, starts_at=starts_at, client_key=key, now=ask.now)
    except Refused as refusal:
        if refusal.code != "slot_taken":
            raise
        ask.undo()
        return _instead(ask, refusal, f"call/at/{person}/", f"call/for/{person}")
    if call.state != "booked" or call.starts_at != starts_at:
        return one(ask, call.id)
    cared = ask.session.get_one(Person, call.cared_id)
    text = words.BOOKED.format(cared=cared.name, time=words.both(call.starts_at, ask.who.zone))
    text = _warned(ask, text, [call.relative_id])
    weekly = Choice("以后也定期视频", f"call/series/of/{call.id}")
    return Reply(text, (Choice("查看或更改", f"call/{call.id}"), weekly, Choice("点单服务", "order")))


def _where(venue: Venue, cared: Person) -> str:
    return words.where(venue.centre.name, cared.name, at_home=venue.mode == AT_HOME)


def _instead(ask: Ask, refusal: Refused, prefix: str, back: str) -> Reply:
    relative = _me(ask)
    alternatives: Sequence[Slot] = refusal.facts.get("alternatives", ())
    if not alternatives:
        return Reply(words.GONE_ALL, (Choice("换一天", back),), back=back)
    return _slots(alternatives, relative, prefix, back, words.GONE)


def mine(ask: Ask) -> Reply:
    """The calls I take part in or help with."""
    calls, waiting = calls_of(ask.session, ask.who, ask.now), answers.waiting(ask)
    if not calls:
        return Reply(words.NO_CALLS, (*waiting, Choice("去预约", "call")))
    choices = tuple(
        Choice(f"{other.name} {words.both(call.starts_at, _reader(ask, call))}", f"call/{call.id}")
        for call in calls if (other := ask.session.get_one(Person, other_end(call, ask.who.person_id)))
    )  # fmt: skip
    return Reply(words.CALLS, (*waiting, *choices), back="menu")


def one(ask: Ask, call: int) -> Reply:
    """One call, and what can be done with it."""
    found, role = call_for(ask.session, ask.who, call)
    if role == "cared":
        return _own(ask, found)
    cared, relative = (ask.session.get_one(Person, key) for key in (found.cared_id, found.relative_id))
    centre = ask.session.get_one(ServiceCentre, found.centre_id)
    time = words.both(found.starts_at, _reader(ask, found))
    names = [guest.name for guest in guests_of(ask.session, call)]
    place = words.where(centre.name, cared.name, at_home=found.at_home)
    text = words.whole(cared.name, relative.name, names, place, time, found.state, found.reason)
    enter = entering.ways_in(found, role, ask.now)
    if found.state == "booked":
        text = _warned(ask, text, [found.relative_id, *(guest.id for guest in guests_of(ask.session, call))])
    if role == "cadre":
        return Reply(text, (*enter, *outcomes.choices(ask, found)), back="call/mine")
    if found.state != "booked":
        undoing = ending.undoing(ask, found) if role == "relative" else ()
        return Reply(text, (*enter, *undoing), back="call/mine")
    if role == "guest":
        return Reply(text, (*enter, Choice("我不参加了", f"call/{call}/leave")), back="call/mine")
    choices = (
        *enter,
        Choice("改时间", f"call/{call}/move"), Choice("取消", f"call/{call}/cancel"),
        Choice("请家人一起", f"call/{call}/guests"), Choice("换种方式", f"call/{call}/way"),
        *placing.choices(ask, found, role),
    )  # fmt: skip
    return Reply(text, choices, back="call/mine")


def _own(ask: Ask, call: FamilyCall) -> Reply:
    """A call of my own, to which others call me: what is to be, the way in, and whom to phone."""
    centre, relative = ask.session.get_one(ServiceCentre, call.centre_id), ask.session.get_one(Person, call.relative_id)
    coming: list[str] = []
    if call.state in LIVE_CALLS:
        phone = phone_of(ask.session, centre)
        coming = [words.OWN_HELP, *([words.OWN_PHONE] if joins_alone(call) else [])]
        coming += [words.OWN_ABSENT.format(phone=phone)] if phone else []
    names = [relative.name, *(guest.name for guest in guests_of(ask.session, call.id))]
    place = words.where(centre.name, words.YOU, at_home=call.at_home)
    time = words.both(call.starts_at, ask.who.zone)
    text = words.own(names, place, time, call.state, call.reason, coming=coming)
    return Reply(text, entering.ways_in(call, "cared", ask.now), back="call/mine")


def move_days(ask: Ask, call: int) -> Reply:
    """On which day instead, the kindest three times first."""
    free = to_move_a_call(ask.session, ask.who, call, ask.now)
    return _days(ask, free, f"call/{call}/to/", f"call/{call}/day/", None, f"call/{call}")


def move_slots(ask: Ask, call: int, day: str) -> Reply:
    """At what time instead."""
    free = to_move_a_call(ask.session, ask.who, call, ask.now, day_of(day))
    return _slots(free.slots, free.relative, f"call/{call}/to/", f"call/{call}/move")


def move_to(ask: Ask, call: int, stamp: int) -> Reply:
    """Moved; a cadre is asked first with whom of the family that time was agreed, and how."""
    found, role = call_for(ask.session, ask.who, call)
    if role != "cadre":
        return _moved(ask, call, stamp)
    text = words.WITH_WHOM.format(time=words.both(instant_of(stamp), _reader(ask, found)))
    return Reply(text, agreements.choices(ask, found, f"call/{call}/to/{stamp}"), back=f"call/{call}/move")


def move_agreed(ask: Ask, call: int, stamp: int, yes: int) -> Reply:
    """Moved by a cadre, with the family's yes."""
    return _moved(ask, call, stamp, agreements.tapped(yes))


def _moved(ask: Ask, call: int, stamp: int, agreed: Agreement | None = None) -> Reply:
    """Moved, or the nearest times that are still free; the old time stands until then."""
    try:
        found = move(ask.session, ask.who, call, instant_of(stamp), ask.now, agreed)
    except Refused as refusal:
        if refusal.code != "slot_taken":
            raise
        ask.undo()
        return _instead(ask, refusal, f"call/{call}/to/", f"call/{call}/move")
    cared = ask.session.get_one(Person, found.cared_id)
    text = words.MOVED.format(cared=cared.name, time=words.both(found.starts_at, _reader(ask, found)))
    text = _warned(ask, text, [found.relative_id, *(guest.id for guest in guests_of(ask.session, call))])
    return Reply(text, (Choice("我的连线", "call/mine"),))


def _warned(ask: Ask, text: str, people: Sequence[int]) -> str:
    return warned(text, ask.session, people, ask.who.person_id)


def _reader(ask: Ask, call: FamilyCall) -> str:
    """The zone shown beside China's: a relative's or guest's own; for the helper, that of who booked."""
    if ask.who.person_id != call.helper_id:
        return ask.who.zone
    return ask.session.get_one(Person, call.relative_id).time_zone


ADDRESSES: dict[str, Handler] = {
    "call": home,
    "call/for/<int:person>": days,
    "call/for/<int:person>/time": typed,
    "call/day/<int:person>/<day>": slots,
    "call/at/<int:person>/<int:stamp>": check,
    "call/book/<int:person>/<int:stamp>/<key>": confirm,
    "call/mine": mine,
    "call/<int:call>": one,
    "call/<int:call>/move": move_days,
    "call/<int:call>/day/<day>": move_slots,
    "call/<int:call>/to/<int:stamp>": move_to,
    "call/<int:call>/to/<int:stamp>/<int:yes>": move_agreed,
    **guests.ADDRESSES,
    **ending.ADDRESSES,
    **outcomes.ADDRESSES,
    **answers.ADDRESSES,
    **company.ADDRESSES,
    **rounds.ADDRESSES,
    **placing.ADDRESSES,
}

KEYWORDS = {
    "亲情连线": "call", "视频": "call", "连线": "call", "视频通话": "call",
    "我的连线": "call/mine", "我的视频": "call/mine", **company.KEYWORDS, **rounds.KEYWORDS,
}  # fmt: skip
