"""Where one call is held, in chat: this time at the centre, or this time at the elder's home."""

from handlers.family import words
from handlers.room import Ask, Choice, Handler, Reply
from models.errors import Refused
from models.family.booking import relocate
from models.family.calls import AT_CENTRE, AT_HOME, FamilyCall, led_by
from models.people.persons import Person
from models.places.centres import ServiceCentre


def choices(ask: Ask, call: FamilyCall, role: str) -> tuple[Choice, ...]:
    """The other place, where whoever reads may choose it: home for who is homebound, or where a cadre says why."""
    if call.state != "booked":
        return ()
    if call.at_home:
        return (Choice(words.THIS_TIME[AT_CENTRE], f"call/{call.id}/place/centre"),)
    if role == "cadre" or ask.session.get_one(Person, call.cared_id).homebound:
        return (Choice(words.THIS_TIME[AT_HOME], f"call/{call.id}/place/home"),)
    return ()


def to_centre(ask: Ask, call: int) -> Reply:
    """The elder comes this time."""
    return _put(ask, call, AT_CENTRE, "")


def to_home(ask: Ask, call: int) -> Reply:
    """The helper comes this time; for who is not homebound a cadre says why."""
    found, role = led_by(ask.session, ask.who, call)
    if role == "cadre" and not ask.session.get_one(Person, found.cared_id).homebound:
        reasons = tuple(Choice(why, f"call/{call}/place/home/{n}") for n, why in enumerate(words.WHY_AT_HOME))
        return Reply(words.ASK_WHY_AT_HOME, reasons, f"call/{call}/place/home/text", back=f"call/{call}")
    return _put(ask, call, AT_HOME, "")


def to_home_for(ask: Ask, call: int, reason: int) -> Reply:
    """At home this time, for a reason from the list."""
    return _put(ask, call, AT_HOME, words.WHY_AT_HOME[reason] if reason < len(words.WHY_AT_HOME) else "")


def to_home_text(ask: Ask, call: int) -> Reply:
    """At home this time, for a reason in words."""
    return _put(ask, call, AT_HOME, ask.text)


def _put(ask: Ask, call: int, wish: str, why: str) -> Reply:
    try:
        found = relocate(ask.session, ask.who, call, wish, ask.now, why)
    except Refused as refusal:
        if refusal.code not in ("slot_taken", "bad_time"):
            raise
        ask.undo()
        return Reply(words.NOT_THERE[wish], (Choice("改时间", f"call/{call}/move"),), back=f"call/{call}")
    cared = ask.session.get_one(Person, found.cared_id).name
    centre = ask.session.get_one(ServiceCentre, found.centre_id).name
    text = words.PLACED.format(place=words.where(centre, cared, at_home=found.at_home))
    return Reply(text, (Choice("查看", f"call/{call}"), Choice("我的连线", "call/mine")))


ADDRESSES: dict[str, Handler] = {
    "call/<int:call>/place/centre": to_centre,
    "call/<int:call>/place/home": to_home,
    "call/<int:call>/place/home/<int:reason>": to_home_for,
    "call/<int:call>/place/home/text": to_home_text,
}
