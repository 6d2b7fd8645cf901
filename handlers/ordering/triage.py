"""A township's clerk gathers needs in chat: one in a tap, decided in two."""

from zoneinfo import ZoneInfo

from handlers.menu import FIRST
from handlers.ordering import need_words
from handlers.room import Ask, Choice, Handler, Reply
from handlers.tasks.words import reached
from handlers.words import plain, when
from models.errors import Refused
from models.messages.media import media_of
from models.ordering.confided import door, takers
from models.ordering.demands import AUDIENCES, TITLE_LIMIT, DemandItem, DemandList, add_item, draft_of, items_of
from models.ordering.needs import WAITING, NeedSubmission, need_for, needs_waiting
from models.ordering.said import SAID_CATEGORIES, Matter
from models.ordering.townships import township_of, townships_of
from models.ordering.triage import adopt, decline, hand_over, likes, look_at, merge, take_off, unmerge
from models.ordering.voices import people_behind, root_of, voices_seen
from models.people.contacts import ways_to
from models.people.persons import Person
from models.places.areas import Area

AT_ONCE = 12
NEXT = (Choice("下一件", "need/desk"),)


def desk(ask: Ask) -> Reply:
    """What waits, the oldest first."""
    if not townships_of(ask.session, ask.who.person_id):
        return Reply(need_words.NOT_CLERK, FIRST)
    waiting = needs_waiting(ask.session, ask.who)
    lists = Choice("需求清单", "need/lists")
    if not waiting:
        return Reply(need_words.NO_WAITING, (lists,))
    lines = tuple(Choice(_line(ask, need), f"need/desk/{need.id}") for need in waiting[:AT_ONCE])
    return Reply(need_words.WAITING.format(count=len(waiting)), (*lines, lists), back="need")


def _line(ask: Ask, need: NeedSubmission) -> str:
    marks = ("【紧急】" if need.urgent else "") + ("【保密】" if need.confidential else "")
    return f"{marks}{need_words.excerpt(need.text, _kinds(ask, need))} · {_place(ask, need)}"


def one(ask: Ask, need: int) -> Reply:
    """One need with its voices, and what can be done with it."""
    found = _clerks(ask, need)
    text = "\n".join([*_head(ask, found), *_voices(ask, found)])
    if found.state == "merged":
        root = root_of(ask.session, found)
        text += f"\n已并入：{plain(need_words.excerpt(root.text))}"
        return Reply(text, (Choice("撤回合并", f"need/desk/{need}/apart"), *NEXT), back="need/desk")
    if found.state == "adopted":
        return Reply(text, (Choice("从清单里取下", f"need/desk/{need}/off"), *NEXT), back="need/desk")
    if found.state not in WAITING:
        state = need_words.NEED_STATES[found.state]
        return Reply(f"{text}\n{state}：{plain(found.reason)}", NEXT, back="need/desk")
    at = f"need/desk/{need}"
    choices = [
        Choice(f"合并到：{need_words.excerpt(other.text)}（{people}人）", f"{at}/into/{other.id}")
        for other, people in likes(ask.session, ask.who, need)
    ]
    choices += [
        Choice("列入清单", f"{at}/list"), Choice("不采纳", f"{at}/decline"),
        Choice(f"分类：{need_words.KINDS_OF_SAID[found.category]}", f"{at}/kind"),
    ]  # fmt: skip
    choices += [Choice("交给别的经办人", f"{at}/to")] if found.confidential else []
    return Reply(text, tuple(choices), back="need/desk")


def _head(ask: Ask, need: NeedSubmission) -> list[str]:
    """Who says what from where; how to reach them stands here and on no task of a secret."""
    name = ask.session.get_one(Person, need.person_id).name if need.person_id is not None else ""
    head = need_words.desk_head(
        name, _place(ask, need), need.channel, spoken_by(ask, need), secret=need.confidential, urgent=need.urgent
    )
    lines = [head, plain(need.text) or need_words.excerpt("", _kinds(ask, need))]
    lines.append(f"{when(need.created_at, ZoneInfo(ask.who.zone))}提出")
    contact = to_ask(need)
    return [*lines, reached(ways_to(ask.session, contact))] if contact is not None else lines


def spoken_by(ask: Ask, thing: Matter) -> str:
    """The relative who said it for somebody else; empty where the person self did, or a cadre."""
    if thing.by_clerk or thing.teller_id in (None, thing.person_id):
        return ""
    return ask.session.get_one(Person, thing.teller_id).name


def to_ask(thing: Matter) -> int | None:
    """Whom to ask about it: the person; of a secret only who told it, for the others may be what it is about."""
    found: int | None = thing.teller_id if thing.confidential else thing.person_id
    return found


def _voices(ask: Ask, need: NeedSubmission) -> list[str]:
    """The voices merged into it; a confidential one that somebody else holds is only counted."""
    voices = voices_seen(ask.session, ask.who, need)
    if len(voices) < 2:
        return []
    lines = [f"一共{people_behind(ask.session, [need.id]).get(need.id, len(voices))}人提过："]
    for voice in voices[1:6]:
        said = "（保密）" if voice.hidden else f"{plain(voice.name) or '匿名'}：{plain(need_words.excerpt(voice.text))}"
        lines.append(f"· {said}")
    return [*lines, *(["……"] if len(voices) > 6 else [])]


def into(ask: Ask, need: int, other: int) -> Reply:
    """Merged."""
    merge(ask.session, ask.who, need, other, ask.now)
    people = people_behind(ask.session, [other]).get(other, 0)
    return Reply(need_words.MERGED.format(people=people), (Choice("撤回合并", f"need/desk/{need}/apart"), *NEXT))


def apart(ask: Ask, need: int) -> Reply:
    """Parted again."""
    unmerge(ask.session, ask.who, need, ask.now)
    return Reply(need_words.PARTED, (Choice("看这件需求", f"need/desk/{need}"), *NEXT))


def pick_kind(ask: Ask, need: int) -> Reply:
    """Asks what kind it is."""
    _clerks(ask, need)
    choices = tuple(
        Choice(need_words.KINDS_OF_SAID[kind], f"need/desk/{need}/kind/{n}") for n, kind in enumerate(SAID_CATEGORIES)
    )
    return Reply(need_words.PICK_KIND, choices, back=f"need/desk/{need}")


def kind_is(ask: Ask, need: int, kind: int) -> Reply:
    """It is of this kind."""
    look_at(ask.session, ask.who, need, _nth(SAID_CATEGORIES, kind), ask.now)
    return one(ask, need)


def pick_item(ask: Ask, need: int) -> Reply:
    """Asks under which item of a draft it goes; or a new one."""
    found, choices = _clerks(ask, need), list[Choice]()
    township = _township(ask, found)
    for number, audience in enumerate(AUDIENCES):
        draft = draft_of(ask.session, ask.who, township.id, audience, ask.now)
        choices += [
            Choice(need_words.place_in(audience, item.position, item.title), f"need/desk/{need}/item/{item.id}")
            for item in items_of(ask.session, draft.id)
        ]
        choices.append(Choice(f"新的一项（{need_words.AUDIENCES[audience]}）", f"need/desk/{need}/new/{number}"))
    return Reply(need_words.PICK_ITEM, tuple(choices), back=f"need/desk/{need}")


def under(ask: Ask, need: int, item: int) -> Reply:
    """Under an item that stands there already."""
    adopt(ask.session, ask.who, need, item, ask.now)
    return _adopted(ask, need, item)


def ask_title(ask: Ask, need: int, audience: int) -> Reply:
    """Asks how a new item is called; of what is no secret its own words may do."""
    found = _clerks(ask, need)
    _nth(AUDIENCES, audience)
    own = " ".join(found.text.split())
    may = own and len(own) <= TITLE_LIMIT and not found.confidential
    choices = (Choice(own, f"need/desk/{need}/own/{audience}"),) if may else ()
    return Reply(need_words.ASK_TITLE.format(limit=TITLE_LIMIT), choices, f"need/desk/{need}/title/{audience}",
                 back=f"need/desk/{need}/list")  # fmt: skip


def titled(ask: Ask, need: int, audience: int) -> Reply:
    """A new item under this title."""
    return _new_item(ask, need, audience, ask.text)


def own_words(ask: Ask, need: int, audience: int) -> Reply:
    """A new item in the need's own words."""
    found = _clerks(ask, need)
    if found.confidential:
        raise Refused("not_yours")
    return _new_item(ask, need, audience, found.text)


def _new_item(ask: Ask, need: int, audience: int, title: str) -> Reply:
    found = _clerks(ask, need)
    draft = draft_of(ask.session, ask.who, _township(ask, found).id, _nth(AUDIENCES, audience), ask.now)
    item = add_item(ask.session, ask.who, draft.id, title, found.category or "other", ask.now)
    adopt(ask.session, ask.who, need, item.id, ask.now)
    return _adopted(ask, need, item.id)


def _adopted(ask: Ask, need: int, item: int) -> Reply:
    line = ask.session.get_one(DemandItem, item)
    draft = ask.session.get_one(DemandList, line.list_id)
    name = need_words.list_name(draft.audience, draft.quarter, draft.version)
    text = need_words.ADOPTED.format(list=name, position=line.position)
    return Reply(text, (Choice("列错了，取下", f"need/desk/{need}/off"), *NEXT))


def off(ask: Ask, need: int) -> Reply:
    """Taken off the list again."""
    take_off(ask.session, ask.who, need, ask.now)
    return Reply(need_words.TAKEN_OFF, (Choice("看这件需求", f"need/desk/{need}"), *NEXT))


def ask_why(ask: Ask, need: int) -> Reply:
    """Asks why not."""
    _clerks(ask, need)
    reasons = enumerate(need_words.DECLINE_REASONS)
    choices = tuple(Choice(reason, f"need/desk/{need}/decline/{n}") for n, reason in reasons)
    return Reply(need_words.ASK_DECLINE, choices, f"need/desk/{need}/why", back=f"need/desk/{need}")


def declined(ask: Ask, need: int, reason: int) -> Reply:
    """Declined, for a reason from the list."""
    decline(ask.session, ask.who, need, _nth(need_words.DECLINE_REASONS, reason), ask.now)
    return Reply(need_words.DECLINED, NEXT)


def declined_because(ask: Ask, need: int) -> Reply:
    """Declined, for a reason in words."""
    decline(ask.session, ask.who, need, ask.text, ask.now)
    return Reply(need_words.DECLINED, NEXT)


def pick_clerk(ask: Ask, need: int) -> Reply:
    """Asks which clerk is to keep a secret: its holder gives it away, or an administrator, who does not read it."""
    return keepers(ask, "need", need, f"need/desk/{need}/to")


def keepers(ask: Ask, kind: str, key: int, at: str) -> Reply:
    """Which clerks may keep a secret, each at an address below `at`."""
    found = takers(ask.session, ask.who, kind, key)
    if not found:
        return Reply(need_words.NO_KEEPER, back="task")
    choices = tuple(Choice(clerk.name, f"{at}/{clerk.id}") for clerk in found)
    if door(ask.session, ask.who, f"{kind}:{key}") == "open":
        return Reply(need_words.PICK_CLERK, choices, back=f"{kind}/desk/{key}")
    return Reply(need_words.PICK_KEEPER, choices, back="task")


def handed_over(ask: Ask, need: int, clerk: int) -> Reply:
    """Another clerk keeps it."""
    hand_over(ask.session, ask.who, need, clerk, ask.now)
    return Reply(need_words.HANDED_OVER, NEXT)


def _clerks(ask: Ask, need: int) -> NeedSubmission:
    found, role = need_for(ask.session, ask.who, need)
    if role != "clerk":
        raise Refused("not_yours")
    return found


def _nth(names: tuple[str, ...], number: int) -> str:
    if number >= len(names):
        raise Refused("wrong_state")
    return names[number]


def _place(ask: Ask, need: NeedSubmission) -> str:
    return ask.session.get_one(Area, need.area_id).name


def _township(ask: Ask, need: NeedSubmission) -> Area:
    return township_of(ask.session, ask.session.get_one(Area, need.area_id))


def _kinds(ask: Ask, need: NeedSubmission) -> list[str]:
    return [] if need.text else [media.kind for media in media_of(ask.session, need.subject)]


ADDRESSES: dict[str, Handler] = {
    "need/desk": desk,
    "need/desk/<int:need>": one,
    "need/desk/<int:need>/into/<int:other>": into,
    "need/desk/<int:need>/apart": apart,
    "need/desk/<int:need>/kind": pick_kind,
    "need/desk/<int:need>/kind/<int:kind>": kind_is,
    "need/desk/<int:need>/list": pick_item,
    "need/desk/<int:need>/item/<int:item>": under,
    "need/desk/<int:need>/new/<int:audience>": ask_title,
    "need/desk/<int:need>/title/<int:audience>": titled,
    "need/desk/<int:need>/own/<int:audience>": own_words,
    "need/desk/<int:need>/off": off,
    "need/desk/<int:need>/decline": ask_why,
    "need/desk/<int:need>/decline/<int:reason>": declined,
    "need/desk/<int:need>/why": declined_because,
    "need/desk/<int:need>/to": pick_clerk,
    "need/desk/<int:need>/to/<int:clerk>": handed_over,
}
