"""Several relatives on one call, in the official account: asking them, and leaving in one tap."""

from handlers.family import words
from handlers.reach import warned
from handlers.room import Ask, Choice, Handler, Reply
from models.family.guests import guests_of
from models.family.joining import invite, leave, may_be_asked
from models.people.identities import out_of_reach
from models.people.persons import Person

MINE = (Choice("我的连线", "call/mine"),)


def guests(ask: Ask, call: int) -> Reply:
    """Whom one may ask, and who is on it already."""
    free = may_be_asked(ask.session, ask.who, call)
    away = {one.id for one in out_of_reach(ask.session, [person.id for person in free])}
    asks = tuple(
        Choice(f"请{person.name}{words.NO_WECHAT if person.id in away else ''}", f"call/{call}/guests/{person.id}")
        for person in free
    )
    ends = tuple(
        Choice(f"{person.name}不参加了", f"call/{call}/guests/{person.id}/off")
        for person in guests_of(ask.session, call)
    )
    return Reply(words.ASK_GUESTS if free else words.NO_GUESTS, (*asks, *ends), back=f"call/{call}")


def ask_guest(ask: Ask, call: int, person: int) -> Reply:
    """Asked, and told by a letter."""
    invite(ask.session, ask.who, call, person, ask.now)
    text = warned(words.INVITED.format(guest=_name(ask, person)), ask.session, [person], ask.who.person_id)
    return Reply(text, (Choice("再请一位", f"call/{call}/guests"), *MINE))


def take_off(ask: Ask, call: int, person: int) -> Reply:
    """Who booked takes a guest off."""
    leave(ask.session, ask.who, call, person, ask.now)
    return Reply(words.TAKEN_OFF.format(guest=_name(ask, person)), MINE)


def leave_it(ask: Ask, call: int) -> Reply:
    """A guest leaves."""
    leave(ask.session, ask.who, call, ask.who.person_id, ask.now)
    return Reply(words.LEFT, MINE)


def _name(ask: Ask, person: int) -> str:
    found = ask.session.get(Person, person)
    return found.name if found is not None else ""


ADDRESSES: dict[str, Handler] = {
    "call/<int:call>/guests": guests,
    "call/<int:call>/guests/<int:person>": ask_guest,
    "call/<int:call>/guests/<int:person>/off": take_off,
    "call/<int:call>/leave": leave_it,
}
