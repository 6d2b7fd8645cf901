"""Cancelling a call in the official account, taking that back, and the centre that calls one off."""

from zoneinfo import ZoneInfo

from handlers.family import after_words, words
from handlers.room import Ask, Choice, Handler, Reply
from handlers.words import DOERS, called, when
from models.family.calls import FamilyCall, cadres_call, led_by
from models.family.ending import call_off, cancel, ended_by, may_undo, undo
from models.people.persons import Person

MINE = (Choice("我的连线", "call/mine"),)
REASONS = (*words.REASONS, *words.OF_A_CADRE)  # as the addresses count them


def ask_reason(ask: Ask, call: int) -> Reply:
    """Asks why; of a cadre, whether it is the family or the centre that cannot."""
    _, role = led_by(ask.session, ask.who, call)
    theirs = words.OF_A_CADRE if role == "cadre" else words.REASONS
    choices = tuple(Choice(reason, f"call/{call}/cancel/{REASONS.index(reason)}") for reason in theirs)
    if role == "cadre":
        choices = (*choices, Choice("中心办不成", f"call/{call}/off"))
    return Reply(words.ASK_REASON, choices, f"call/{call}/cancel/text", back=f"call/{call}")


def cancel_for(ask: Ask, call: int, reason: int) -> Reply:
    """Cancelled, for a reason from the list."""
    return _cancel(ask, call, REASONS[reason] if reason < len(REASONS) else "")


def cancel_text(ask: Ask, call: int) -> Reply:
    """Cancelled, for a reason in words."""
    return _cancel(ask, call, ask.text)


def _cancel(ask: Ask, call: int, reason: str) -> Reply:
    """The second to cancel, and who comes too late, hears what there was to cancel."""
    found = cancel(ask.session, ask.who, call, reason, ask.now)
    last = ended_by(ask.session, found)
    if found.state != "cancelled":
        return Reply(after_words.OVER.format(state=words.STATE_NAMES[found.state]), MINE)
    if last.by_person_id == ask.who.person_id:
        return Reply(words.CANCELLED, (*undoing(ask, found), *MINE))
    person = ask.session.get(Person, last.by_person_id) if last.by_person_id else None
    name, at = called(person.name) if person else DOERS["rule"], when(last.at, ZoneInfo(ask.who.zone))
    return Reply(after_words.CANCELLED_BEFORE.format(name=name, at=at), MINE)


def undoing(ask: Ask, call: FamilyCall) -> tuple[Choice, ...]:
    """The way back, for as long as there is one."""
    return (Choice("点错了，撤回取消", f"call/{call.id}/undo"),) if may_undo(ask.session, call, ask.now) else ()


def take_back(ask: Ask, call: int) -> Reply:
    """The cancellation was a tap too many."""
    found = undo(ask.session, ask.who, call, ask.now)
    time = words.both(found.starts_at, ask.who.zone)
    return Reply(after_words.RESTORED.format(time=time), (Choice("查看", f"call/{call}"), *MINE))


def ask_off(ask: Ask, call: int) -> Reply:
    """Asks why the centre cannot."""
    cadres_call(ask.session, ask.who, call)
    choices = tuple(Choice(why, f"call/{call}/off/{n}") for n, why in enumerate(words.OF_THE_CENTRE))
    return Reply(after_words.ASK_OFF, choices, f"call/{call}/off/why", back=f"call/{call}")


def why_off(ask: Ask, call: int, reason: int) -> Reply:
    """Asks what there is instead."""
    cadres_call(ask.session, ask.who, call)
    why = words.OF_THE_CENTRE[reason] if reason < len(words.OF_THE_CENTRE) else ""
    return _instead(call, why)


def why_off_text(ask: Ask, call: int) -> Reply:
    """Asks what there is instead."""
    cadres_call(ask.session, ask.who, call)
    return _instead(call, ask.text)


def _instead(call: int, why: str) -> Reply:
    return Reply(after_words.ASK_INSTEAD, ask_for=f"call/{call}/off/instead", draft={"why": why},
                 back=f"call/{call}/off")  # fmt: skip


def off(ask: Ask, call: int) -> Reply:
    """Called off, with its reason and what there is instead."""
    call_off(ask.session, ask.who, call, str(ask.draft.get("why", "")), ask.text, ask.now)
    return Reply(after_words.CALLED_OFF, MINE)


ADDRESSES: dict[str, Handler] = {
    "call/<int:call>/cancel": ask_reason,
    "call/<int:call>/cancel/<int:reason>": cancel_for,
    "call/<int:call>/cancel/text": cancel_text,
    "call/<int:call>/undo": take_back,
    "call/<int:call>/off": ask_off,
    "call/<int:call>/off/<int:reason>": why_off,
    "call/<int:call>/off/why": why_off_text,
    "call/<int:call>/off/instead": off,
}
