"""Calls for help in chat, for those who look after them: given to somebody, noted, done or answered."""

from zoneinfo import ZoneInfo

from handlers.menu import FIRST
from handlers.ordering import need_words
from handlers.ordering.triage import keepers, spoken_by, to_ask
from handlers.room import Ask, Choice, Handler, Reply
from handlers.tasks.words import reached
from handlers.words import plain, when
from models.errors import Refused
from models.messages.media import media_of
from models.ordering.help import LIVE_HELP, HelpRequest, help_for, help_waiting, notes_of
from models.ordering.helping import assign, close, finish, hand_over, helpers_for, look_at_help, note
from models.ordering.said import SAID_CATEGORIES
from models.people.contacts import ways_to
from models.people.persons import Person
from models.people.staff import is_cadre
from models.places.areas import Area

AT_ONCE = 12
NEXT = (Choice("下一件", "help/desk"),)


def desk(ask: Ask) -> Reply:
    """What waits for this person, the most urgent first."""
    if not is_cadre(ask.session, ask.who.person_id):
        return Reply(need_words.NOT_CLERK, FIRST)
    waiting = help_waiting(ask.session, ask.who)
    if not waiting:
        return Reply(need_words.NO_HELP_WAITING)
    lines = tuple(Choice(_line(ask, call), f"help/desk/{call.id}") for call in waiting[:AT_ONCE])
    return Reply(need_words.HELP_WAITING.format(count=len(waiting)), lines, back="need")


def _line(ask: Ask, call: HelpRequest) -> str:
    marks = ("【紧急】" if call.urgent else "") + ("【保密】" if call.confidential else "")
    return f"{marks}{need_words.excerpt(call.text, _kinds(ask, call))} · {_place(ask, call)}"


def one(ask: Ask, call: int) -> Reply:
    """One call with how to reach the person and all notes, and what can be done about it."""
    found = _helpers(ask, call)
    zone = ZoneInfo(ask.who.zone)
    person = ask.session.get_one(Person, found.person_id)
    lines = [
        need_words.desk_head(
            person.name,
            _place(ask, found),
            found.channel,
            spoken_by(ask, found),
            secret=found.confidential,
            urgent=found.urgent,
        ),
        plain(found.text) or need_words.excerpt("", _kinds(ask, found)),
        f"{when(found.created_at, zone)}提出 · {need_words.HELP_STATES[found.state]}",
        f"请在{when(found.due_at, zone)}前办",
        reached(ways_to(ask.session, to_ask(found) or person.id)),
    ]
    lines += [f"· {when(row.at, zone)} {plain(row.text)}" for row in notes_of(ask.session, ask.who, call)[-5:]]
    at = f"help/desk/{call}"
    if found.state not in LIVE_HELP:
        return Reply("\n".join([*lines, plain(found.outcome or found.reason)]), NEXT, back="help/desk")
    choices = (
        Choice("办好了", f"{at}/done"), Choice("交给谁办", f"{at}/to"), Choice("记一笔", f"{at}/note"),
        Choice("办不了", f"{at}/close"),
        *((Choice(f"分类：{need_words.KINDS_OF_SAID[found.category]}", f"{at}/kind"),)
          if found.state != "assigned" else ()),
    )  # fmt: skip
    return Reply("\n".join(lines), choices, back="help/desk")


def pick_helper(ask: Ask, call: int) -> Reply:
    """Asks who is to help: the cadres over the place, the nearest first."""
    _helpers(ask, call)
    people = helpers_for(ask.session, ask.who, call)
    choices = tuple(Choice(person.name, f"help/desk/{call}/to/{person.id}") for person in people[:AT_ONCE])
    return Reply(need_words.PICK_HELPER, choices, back=f"help/desk/{call}")


def given(ask: Ask, call: int, person: int) -> Reply:
    """This person is to help."""
    assign(ask.session, ask.who, call, person, ask.now)
    return Reply(need_words.ASSIGNED.format(name=ask.session.get_one(Person, person).name), NEXT)


def pick_keeper(ask: Ask, call: int) -> Reply:
    """Asks which clerk is to keep a secret whose holder has left: an administrator does not read it."""
    return keepers(ask, "help", call, f"help/desk/{call}/over")


def handed_over(ask: Ask, call: int, clerk: int) -> Reply:
    """Another clerk keeps it."""
    hand_over(ask.session, ask.who, call, clerk, ask.now)
    return Reply(need_words.HANDED_OVER, NEXT)


def pick_kind(ask: Ask, call: int) -> Reply:
    """Asks what kind it is."""
    _helpers(ask, call)
    choices = tuple(
        Choice(need_words.KINDS_OF_SAID[kind], f"help/desk/{call}/kind/{n}") for n, kind in enumerate(SAID_CATEGORIES)
    )
    return Reply(need_words.PICK_KIND, choices, back=f"help/desk/{call}")


def kind_is(ask: Ask, call: int, kind: int) -> Reply:
    """It is of this kind."""
    look_at_help(ask.session, ask.who, call, SAID_CATEGORIES[kind] if kind < len(SAID_CATEGORIES) else "", ask.now)
    return one(ask, call)


def ask_note(ask: Ask, call: int) -> Reply:
    """Asks what is to be noted."""
    _helpers(ask, call)
    return Reply(need_words.ASK_NOTE, ask_for=f"help/desk/{call}/noted", back=f"help/desk/{call}")


def noted(ask: Ask, call: int) -> Reply:
    """Noted."""
    note(ask.session, ask.who, call, ask.text, ask.now)
    return Reply(need_words.NOTED, (Choice("看这件求助", f"help/desk/{call}"), *NEXT))


def ask_outcome(ask: Ask, call: int) -> Reply:
    """Asks what was done: the person reads it."""
    _helpers(ask, call)
    return Reply(need_words.ASK_OUTCOME, ask_for=f"help/desk/{call}/outcome", back=f"help/desk/{call}")


def done(ask: Ask, call: int) -> Reply:
    """Done."""
    finish(ask.session, ask.who, call, ask.text, ask.now)
    return Reply(need_words.FINISHED, NEXT)


def ask_why(ask: Ask, call: int) -> Reply:
    """Asks why it cannot be done."""
    _helpers(ask, call)
    choices = tuple(Choice(reason, f"help/desk/{call}/close/{n}") for n, reason in enumerate(need_words.CLOSE_REASONS))
    return Reply(need_words.ASK_CLOSE, choices, f"help/desk/{call}/why", back=f"help/desk/{call}")


def closed(ask: Ask, call: int, reason: int) -> Reply:
    """Closed, for a reason from the list."""
    reasons = need_words.CLOSE_REASONS
    close(ask.session, ask.who, call, reasons[reason] if reason < len(reasons) else "", ask.now)
    return Reply(need_words.CLOSED, NEXT)


def closed_because(ask: Ask, call: int) -> Reply:
    """Closed, for a reason in words."""
    close(ask.session, ask.who, call, ask.text, ask.now)
    return Reply(need_words.CLOSED, NEXT)


def _helpers(ask: Ask, call: int) -> HelpRequest:
    found, role = help_for(ask.session, ask.who, call)
    if role == "teller":
        raise Refused("not_yours")
    return found


def _place(ask: Ask, call: HelpRequest) -> str:
    return ask.session.get_one(Area, call.area_id).name


def _kinds(ask: Ask, call: HelpRequest) -> list[str]:
    return [] if call.text else [media.kind for media in media_of(ask.session, call.subject)]


ADDRESSES: dict[str, Handler] = {
    "help/desk": desk,
    "help/desk/<int:call>": one,
    "help/desk/<int:call>/to": pick_helper,
    "help/desk/<int:call>/to/<int:person>": given,
    "help/desk/<int:call>/over": pick_keeper,
    "help/desk/<int:call>/over/<int:clerk>": handed_over,
    "help/desk/<int:call>/kind": pick_kind,
    "help/desk/<int:call>/kind/<int:kind>": kind_is,
    "help/desk/<int:call>/note": ask_note,
    "help/desk/<int:call>/noted": noted,
    "help/desk/<int:call>/done": ask_outcome,
    "help/desk/<int:call>/outcome": done,
    "help/desk/<int:call>/close": ask_why,
    "help/desk/<int:call>/close/<int:reason>": closed,
    "help/desk/<int:call>/why": closed_because,
}
