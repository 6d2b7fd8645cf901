"""A call as its cadre handles it in chat: who has come, what became of it, how the elder is, who was told."""

from datetime import datetime
from zoneinfo import ZoneInfo

from handlers.family import after_words, asking, daysheets, ending, placing, words
from handlers.room import Ask, Choice, Handler, Reply
from handlers.words import plain, when
from models.errors import Refused
from models.family import told
from models.family.calls import FamilyCall, cadres_call
from models.family.devices import whom_to_ring
from models.family.homes import ended_at, may_set_out, set_out
from models.family.outcomes import EARLY, arrive, report, suggested
from models.family.reports import OUTCOMES
from models.family.told import telling_of
from models.family.wellbeing import SOON, tick, tick_of
from models.hours import CHINA
from models.people.persons import Person
from models.places.centres import ServiceCentre

TASKS = (Choice("我的任务", "task"), Choice("我的连线", "call/mine"))


def desk(ask: Ask, call: int) -> Reply:
    """The call, what is known of it, and what its cadre can write down."""
    found = cadres_call(ask.session, ask.who, call)
    cared, relative = (ask.session.get_one(Person, key) for key in (found.cared_id, found.relative_id))
    text = after_words.DESK.format(
        cared=cared.name, relative=relative.name, state=words.STATE_NAMES[found.state],
        time=words.both(found.starts_at, relative.time_zone),
        place=words.where(
            ask.session.get_one(ServiceCentre, found.centre_id).name, cared.name, at_home=found.at_home
        ),
    )  # fmt: skip
    rings = [(one.person.name, one.state) for one in whom_to_ring(ask.session, [found]).get(call, ())]
    lines = [text, daysheets.ring(rings), _told_line(ask, found), _well_line(ask, found)]
    hint = suggested(ask.session, found, ask.now)
    if hint is not None:
        lines.append(after_words.SUGGESTED.format(what=after_words.WHAT[hint]))
    return Reply("\n".join(line for line in lines if line), choices(ask, found), back="call/mine")


def out(ask: Ask, call: int) -> Reply:
    """The helper has set out for a home."""
    found, arrives_at = set_out(ask.session, ask.who, call, ask.now)
    cared = ask.session.get_one(Person, found.cared_id).name
    text = after_words.HAS_SET_OUT.format(cared=cared, arrives=f"{arrives_at.astimezone(CHINA):%H:%M}")
    return Reply(text, choices(ask, found), back="call/mine")


def choices(ask: Ask, call: FamilyCall) -> tuple[Choice, ...]:
    """What a cadre can do with a call as it stands; what presence suggests comes first, and a tap decides."""
    at = f"call/{call.id}"
    found: list[Choice] = []
    if may_set_out(call, ask.now) and call.set_out_at is None:
        found.append(Choice(after_words.SET_OUT, f"{at}/out"))
    if call.state in ("booked", "unreported") and ask.now >= call.starts_at - EARLY:
        found.append(Choice(after_words.WHAT["arrived"], f"{at}/here"))
    if call.state not in ("cancelled", "completed") and ask.now >= call.starts_at:
        hint = suggested(ask.session, call, ask.now)
        order = sorted(OUTCOMES, key=lambda what: what != hint)
        found += [Choice(after_words.WHAT[what], f"{at}/was/{OUTCOMES.index(what)}") for what in order
                  if what != call.state]  # fmt: skip
    if call.state == "completed":
        found += [Choice(after_words.WELL["ok"], f"{at}/well/ok"), Choice(after_words.WELL["follow_up"], f"{at}/well")]
    if call.state == "booked":
        found += [Choice(after_words.TOLD_MEANS[means], f"{at}/told/{n}") for n, means in enumerate(told.MEANS)]
        found += [Choice("问家人能不能改时间", f"{at}/ask"), Choice("家人已同意，改时间", f"{at}/move"),
                  Choice("请家人一起", f"{at}/guests"), *placing.choices(ask, call, "cadre")]  # fmt: skip
    if call.state == "unreported":
        found.append(Choice("另约时间", f"{at}/move"))
    if call.state in ("booked", "checked_in"):
        found.append(Choice("取消", f"{at}/cancel"))
    return (*found, *ending.undoing(ask, call))


def _told_line(ask: Ask, call: FamilyCall) -> str:
    if call.state != "booked":
        return ""
    found = telling_of(ask.session, call)
    if found is None:
        return after_words.NOT_TOLD
    return after_words.TOLD_LINE.format(
        by=ask.session.get_one(Person, found.by_id).name, at=when(found.at, CHINA),
        means=after_words.TOLD_MEANS[found.means],
    )  # fmt: skip


def _well_line(ask: Ask, call: FamilyCall) -> str:
    found = tick_of(ask.session, ask.who, call.id) if call.state == "completed" else None
    if found is None:
        return ""
    note = f"（{plain(found.note)}）" if found.note else ""
    return after_words.LAST_WELL.format(verdict=after_words.WELL[found.verdict], note=note)


def here(ask: Ask, call: int) -> Reply:
    """The elder has come."""
    found = arrive(ask.session, ask.who, call, min(ask.now, _end(ask, call)), ask.now)
    return Reply(after_words.ARRIVED, choices(ask, found), back=f"call/desk/{call}")


def ask_sure(ask: Ask, call: int, what: int) -> Reply:
    """Asks once more: a report sets something going."""
    cadres_call(ask.session, ask.who, call)
    said = after_words.SURE.format(what=after_words.WHAT[_outcome(what)])
    calm = "" if _outcome(what) == "completed" else f"\n{after_words.SURE_CALM}"
    return Reply(said + calm, (Choice("是的，记下", f"call/{call}/was/{what}/yes"),), back=f"call/desk/{call}")


def became(ask: Ask, call: int, what: int) -> Reply:
    """Written down; after a call that went well the next question is how the elder is."""
    name = _outcome(what)
    # Written down later, it was so while the call lasted, and is not news of today.
    happened = ended_at(cadres_call(ask.session, ask.who, call), ask.now)
    found = report(ask.session, ask.who, call, name, happened, ask.now)
    if found.state != name:
        return Reply(after_words.KEPT_AS.format(state=words.STATE_NAMES[found.state]), TASKS)
    return Reply(after_words.NOTED[name], (*(choices(ask, found) if name == "completed" else ()), *TASKS))


def well(ask: Ask, call: int) -> Reply:
    """The elder is well."""
    tick(ask.session, ask.who, call, "ok", ask.now)
    return Reply(after_words.WELL_NOTED, TASKS)


def ask_note(ask: Ask, call: int) -> Reply:
    """Asks what somebody should look at."""
    tick_of(ask.session, ask.who, call)
    return Reply(after_words.ASK_NOTE, ask_for=f"call/{call}/well/note", back=f"call/desk/{call}")


def follow_up(ask: Ask, call: int) -> Reply:
    """Somebody looks in again; within three working days, where nobody says otherwise."""
    return _follow_up(ask, call, ask.text, SOON)


def follow_up_in(ask: Ask, call: int, days: int) -> Reply:
    """Somebody looks in again by that day."""
    known = tick_of(ask.session, ask.who, call)
    return _follow_up(ask, call, known.note if known is not None else "", days)


def _follow_up(ask: Ask, call: int, note: str, days: int) -> Reply:
    found = tick(ask.session, ask.who, call, "follow_up", ask.now, note, days)
    assert found.due_at is not None
    others = (Choice(label, f"call/{call}/well/in/{n}") for n, label in after_words.FOLLOW_DAYS.items() if n != days)
    due = when(found.due_at, ZoneInfo(ask.who.zone))
    return Reply(after_words.FOLLOW_NOTED.format(due=due), (*others, *TASKS))


def tell(ask: Ask, call: int, means: int) -> Reply:
    """The elder has been told when the call is."""
    if means >= len(told.MEANS):
        raise Refused("wrong_state")
    found = told.tell_in_person(ask.session, ask.who, call, told.MEANS[means], ask.now)
    by = ask.session.get_one(Person, found.by_id).name
    return Reply(after_words.TOLD.format(by=by, at=when(found.at, CHINA)), TASKS)


def _outcome(number: int) -> str:
    if number >= len(OUTCOMES):
        raise Refused("wrong_state")
    return OUTCOMES[number]


def _end(ask: Ask, call: int) -> datetime:
    return cadres_call(ask.session, ask.who, call).ends_at


ADDRESSES: dict[str, Handler] = {
    "call/desk/<int:call>": desk,
    "call/<int:call>/here": here,
    "call/<int:call>/out": out,
    "call/<int:call>/was/<int:what>": ask_sure,
    "call/<int:call>/was/<int:what>/yes": became,
    "call/<int:call>/well/ok": well,
    "call/<int:call>/well": ask_note,
    "call/<int:call>/well/note": follow_up,
    "call/<int:call>/well/in/<int:days>": follow_up_in,
    "call/<int:call>/told/<int:means>": tell,
    **asking.ADDRESSES,
}
