"""Saying in one's own words what one needs, or calling for help: for whom, what, and whether it is a secret."""

import secrets
from typing import Any

from handlers.menu import FIRST
from handlers.ordering import helps, lists, mine_said, need_words, triage
from handlers.room import Ask, Choice, Handler, Reply
from models.errors import Refused
from models.messages.media import Attached
from models.ordering.emergencies import IN_CONFIDENCE, emergency_in
from models.ordering.helping import ask_for_help, asked_with
from models.ordering.matters import phone_for
from models.ordering.needs import submit, submitted_with
from models.ordering.said import CLERK_CHANNELS, Words, check_text
from models.people.care import cared_for_by
from models.people.persons import Person
from models.people.scope import act_for, resident_of, residents_named
from models.people.staff import is_cadre
from models.places.areas import Area

WHAT = ("need", "help")
HOW = ("open", "secret", "nameless")
WAYS = tuple((what, channel) for what in WHAT for channel in CLERK_CHANNELS)


def home(ask: Ask) -> Reply:
    """A need or a call for help; and for those who gather them, what waits."""
    choices = [Choice("提一个需求", "need/new"), Choice("请人帮忙", "help/new"), Choice("我提过的", "need/mine")]
    if is_cadre(ask.session, ask.who.person_id):
        choices += [
            Choice("处理需求", "need/desk"), Choice("处理求助", "help/desk"), Choice("替居民记一件", "need/clerk"),
            Choice("需求清单", "need/lists"),
        ]  # fmt: skip
    return Reply(need_words.HOME, tuple(choices), back="menu")


def new_need(ask: Ask) -> Reply:
    """A need: whose."""
    return _for_whom(ask, "need")


def new_help(ask: Ask) -> Reply:
    """A call for help: who needs it."""
    return _for_whom(ask, "help")


def _for_whom(ask: Ask, what: str) -> Reply:
    me = ask.session.get_one(Person, ask.who.person_id)
    people = [Choice("我自己", f"{what}/for/{me.id}")] if me.area_id is not None else []
    people += [Choice(person.name, f"{what}/for/{person.id}") for person, _ in cared_for_by(ask.session, me.id)]
    if not people:
        raise Refused("no_area")
    if len(people) == 1:
        return _say(ask, {"what": what, "person": int(people[0].address.rsplit("/", 1)[-1])})
    return Reply(need_words.FOR_WHOM[what], tuple(people), back="need")


def need_of(ask: Ask, person: int) -> Reply:
    """A need of this person: say it."""
    return _say(ask, {"what": "need", "person": person})


def help_for_person(ask: Ask, person: int) -> Reply:
    """This person needs help: say with what."""
    return _say(ask, {"what": "help", "person": person})


def _say(ask: Ask, draft: dict[str, Any]) -> Reply:
    if draft["person"] is not None:
        act_for(ask.session, ask.who.person_id, draft["person"])
    return Reply(need_words.SAY[draft["what"]], ask_for="need/said", draft=draft, back="need")


def said(ask: Ask) -> Reply:
    """What was said, in text, voice or picture. Danger is answered with the number to call, and kept at once."""
    draft, attached = _draft(ask), _attached(ask)
    text = check_text(ask.text, bool(attached))
    danger = emergency_in(text)
    if danger is not None:
        return _danger(ask, draft, danger, text, attached)
    kinds = [one.kind for one in attached]
    named = ask.session.get_one(Person, draft["person"]).name if draft["person"] is not None else "没有署名"
    key = secrets.token_hex(12)
    choices = [Choice(need_words.OPEN, f"need/send/{key}/open"), Choice(need_words.SECRET, f"need/send/{key}/secret")]
    if draft["what"] == "need" and draft["person"] is not None:
        choices.append(Choice(need_words.NAMELESS, f"need/send/{key}/nameless"))
    kept = {**draft, "text": text, "media": [[one.kind, one.media_id] for one in attached], "key": key}
    return Reply(need_words.check(named or "本人", text, kinds), tuple(choices), "need/said", kept, "need")


def _danger(ask: Ask, draft: dict[str, Any], danger: str, text: str, attached: tuple[Attached, ...]) -> Reply:
    """Whatever becomes of it here, the number stands first."""
    secret = danger in IN_CONFIDENCE
    kept = {**draft, "text": text, "media": [[one.kind, one.media_id] for one in attached]}
    try:
        with ask.session.begin_nested():
            take = submit if draft["person"] is None else ask_for_help
            take(ask.session, ask.who, _words(kept, secrets.token_hex(12), "secret" if secret else "open"), ask.now)
    except Refused:
        return Reply(need_words.DANGER[danger], (Choice("联系工作人员", "person"),))
    then = need_words.DANGER_KEPT_QUIETLY if secret else need_words.DANGER_KEPT
    return Reply(f"{need_words.DANGER[danger]}\n{then}", (Choice("联系工作人员", "person"),))


def dangers(_: Ask) -> Reply:
    """The numbers to call, for who writes nothing but that there is danger."""
    return Reply(need_words.DANGER_ALL, (Choice("请人帮忙", "help/new"), Choice("联系工作人员", "person")))


def send(ask: Ask, key: str, how: str) -> Reply:
    """Handed in; the same key again is the same matter."""
    draft = ask.draft
    # Of what is known nothing is shown here.
    known = submitted_with(ask.session, ask.who, key, anonymous=True) or asked_with(ask.session, ask.who, key)
    if how not in HOW or (known is None and draft.get("key") != key):
        return Reply(need_words.STALE, (Choice("重新说", "need"),))
    if known is not None:
        return mine_said.home(ask)
    words = _words(draft, key, how)
    if draft["what"] == "need":
        submit(ask.session, ask.who, words, ask.now)
    else:
        ask_for_help(ask.session, ask.who, words, ask.now)
    return _thanks(ask, draft, how)


def _thanks(ask: Ask, draft: dict[str, Any], how: str) -> Reply:
    if how == "nameless" or draft["person"] is None:
        return Reply(need_words.TAKEN_NAMELESS, FIRST)
    area_id = ask.session.get_one(Person, draft["person"]).area_id
    centre, phone = phone_for(ask.session, ask.session.get_one(Area, area_id))
    text = need_words.TAKEN[draft["what"]].format(centre=centre, phone=phone)
    text += f"\n{need_words.TAKEN_QUIETLY}" if how == "secret" else ""
    return Reply(text, (Choice("我提过的", "need/mine"), Choice("再提一件", "need")))


def _words(draft: dict[str, Any], key: str, how: str) -> Words:
    return Words(
        text=draft["text"], client_key=key, person_id=draft["person"], area_id=draft.get("area"),
        channel=draft.get("channel", "chat"), confidential=how == "secret",
        anonymous=how == "nameless" or draft["person"] is None,
        attached=tuple(Attached(kind, media_id) for kind, media_id in draft["media"]),
    )  # fmt: skip


def _attached(ask: Ask) -> tuple[Attached, ...]:
    kind, media_id = ask.event.get("MsgType"), ask.event.get("MediaId")
    if not isinstance(media_id, str) or kind not in ("voice", "image"):
        return ()
    return (Attached(kind, media_id),)


def _draft(ask: Ask) -> dict[str, Any]:
    if ask.draft.get("what") not in WHAT:
        raise Refused("wrong_state")
    return ask.draft


def for_resident(ask: Ask) -> Reply:
    """A cadre writes down what a resident said: whose words they are."""
    if not is_cadre(ask.session, ask.who.person_id):
        return Reply(need_words.NOT_CLERK, FIRST)
    return Reply(need_words.ASK_RESIDENT, (Choice("没有署名", "need/clerk/box"),), "need/clerk/name", back="need")


def resident_named(ask: Ask) -> Reply:
    """Finds the resident by name, below the cadre's own areas only."""
    found = residents_named(ask.session, ask.who.person_id, ask.text)
    if not found:
        return Reply(need_words.NO_RESIDENT, ask_for="need/clerk/name", back="need")
    choices = tuple(Choice(f"{person.name}（{area.name}）", f"need/clerk/{person.id}") for person, area in found)
    return Reply(need_words.ASK_RESIDENT, choices, back="need")


def resident_said(ask: Ask, person: int) -> Reply:
    """How it reached the cadre, and what it is."""
    resident_of(ask.session, ask.who.person_id, person)
    names = {"need": "需求", "help": "求助"}
    choices = tuple(
        Choice(f"{names[what]} · {need_words.CHANNELS[channel]}", f"need/clerk/{person}/{n}")
        for n, (what, channel) in enumerate(WAYS)
    )
    return Reply(need_words.ASK_CHANNEL, choices, back="need")


def write_down(ask: Ask, person: int, way: int) -> Reply:
    """The cadre types what was said."""
    if way >= len(WAYS):
        raise Refused("wrong_state")
    what, channel = WAYS[way]
    return _say(ask, {"what": what, "person": person, "channel": channel})


def from_the_box(ask: Ask) -> Reply:
    """Paper without a name, from the cadre's own place."""
    area_id = ask.session.get_one(Person, ask.who.person_id).area_id
    if area_id is None:
        raise Refused("no_area")
    return _say(ask, {"what": "need", "person": None, "area": area_id, "channel": "paper"})


ADDRESSES: dict[str, Handler] = {
    "need": home,
    "need/new": new_need,
    "help/new": new_help,
    "need/for/<int:person>": need_of,
    "help/for/<int:person>": help_for_person,
    "need/said": said,
    "need/send/<key>/<how>": send,
    "need/clerk": for_resident,
    "need/clerk/name": resident_named,
    "need/clerk/box": from_the_box,
    "need/clerk/<int:person>": resident_said,
    "need/clerk/<int:person>/<int:way>": write_down,
    "help/danger": dangers,
    **mine_said.ADDRESSES, **triage.ADDRESSES, **lists.ADDRESSES, **helps.ADDRESSES,
}  # fmt: skip

MEDIA = frozenset({"need/said"})  # where a voice note or a picture is an answer

KEYWORDS = {
    "提需求": "need/new", "需求": "need", "求助": "help/new", "请人帮忙": "help/new", "帮忙": "help/new",
    "我的需求": "need/mine", "我的求助": "need/mine", "处理需求": "need/desk", "处理求助": "help/desk",
    "需求清单": "need/lists", "代记": "need/clerk",
    **dict.fromkeys(("救命", "着火", "着火了", "晕倒", "晕倒了", "煤气泄漏", "报警", "急救"), "help/danger"),
}  # fmt: skip
