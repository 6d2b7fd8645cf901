"""How a message finds its room: every step of a conversation is an address."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from werkzeug.exceptions import HTTPException
from werkzeug.routing import IntegerConverter, Map, Rule

from handlers import words
from handlers.menu import FIRST
from handlers.rendering import pages
from handlers.room import Ask, Choice, EventHandler, Handler, Reply
from handlers.typed import chosen, normalised, synonyms
from models.errors import Refused
from models.messages.inbox import DIALOGUE_LASTS

ADDRESS_LIMIT = 64  # a QR scene holds no more
_LONGEST = 9_999_999_999  # ids of a busy county's decades, instants to the year 2286: ten digits
_BACK, _CANCEL, _MORE = ("0", "返回", "上一步"), ("取消", "退出", "停"), (words.MORE, "下一页")
_MEDIA = ("voice", "image")
_IN_CHAT = frozenset({
    "click", "view", "view_miniprogram", "scan", "location", "scancode_push", "scancode_waitmsg", "pic_sysphoto",
    "pic_photo_or_album", "pic_weixin", "location_select",
})  # fmt: skip
_ALWAYS = {"菜单": "menu", "帮助": "menu", "人工": "person"}  # these lead out of every question
_WIDEST = {"int": len(str(_LONGEST)), "default": 24}  # the longest text in an address is a client key
_PARAMETER = re.compile(r"<(?:(\w+):)?\w+>")


class _Number(IntegerConverter):
    """A number that fits every column: a forged longer one is no address."""

    def __init__(self, rules: Map) -> None:
        super().__init__(rules, max=_LONGEST)


@dataclass(frozen=True)
class Incoming:
    """A message as it came: what was typed, or the address behind what was tapped or scanned, or an event."""

    kind: str  # "text", "image", … or "event"
    text: str = ""
    address: str = ""
    event: str = ""  # lower case
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_a_followers(self) -> bool:
        """Whether it was done in the account's own chat, which is there for who follows."""
        return self.kind != "event" or self.event in _IN_CHAT


@dataclass(frozen=True)
class State:
    """Where a conversation stands between two messages."""

    ask_for: str | None = None
    choices: tuple[Choice, ...] = ()
    text: str = ""
    page: int = 0
    back: str | None = None
    draft: dict[str, Any] = field(default_factory=dict)
    updated_at: datetime | None = None

    def lapsed(self, now: datetime) -> bool:
        """Whether something half-finished is too old to go on with."""
        return self.updated_at is not None and now - self.updated_at > DIALOGUE_LASTS

    def unfinished(self, now: datetime) -> bool:
        """Whether a question waits, or something has been gathered that would be lost."""
        return bool(self.ask_for or self.draft) and not self.lapsed(now)


@dataclass(frozen=True)
class Spoken:
    """The answer as WeChat shows it, and where the conversation stands after it."""

    text: str
    state: State


class Router:
    """All addresses, keywords and events of all rooms; each room's tables are joined once, at the start."""

    def __init__(self) -> None:
        self.handlers: dict[str, Handler] = {}
        self.quarters: dict[str, str] = {}
        self.keywords: dict[str, str] = {}
        self.events: dict[str, EventHandler] = {}
        self.media: set[str] = set()
        self.nothing: set[str] = set()
        self.refusals: dict[str, str] = dict(words.REFUSALS)
        self._map = Map(converters={"int": _Number}, merge_slashes=False)
        self._static: dict[str, Handler] = {}

    def join(
        self,
        quarter: str,
        addresses: Mapping[str, Handler],
        *,
        keywords: Mapping[str, str] | None = None,
        events: Mapping[str, EventHandler] | None = None,
        refusals: Mapping[str, str] | None = None,
        nothing: frozenset[str] = frozenset(),
        media: frozenset[str] = frozenset(),
    ) -> None:
        """Join one room's tables; a name that stands already, or is no address, is refused with ValueError.

        At an address of `media` a voice note or a picture is an answer too: `event` holds its fields.
        """
        for rule, handler in addresses.items():
            if not rule.isascii() or _widest(rule) > ADDRESS_LIMIT:
                raise ValueError(f"{quarter}: {rule!r} is not an address: ASCII, at most {ADDRESS_LIMIT} bytes")
            _new(self.handlers, rule, handler, quarter)
            self.quarters[rule] = quarter
            self._map.add(Rule(f"/{rule}", endpoint=rule))
            if "<" not in rule:
                self._static[rule] = handler
        for word, address in (keywords or {}).items():
            _new(self.keywords, normalised(word), address, quarter)
        for name, hears in (events or {}).items():
            _new(self.events, name, hears, quarter)
        self.nothing |= nothing
        self.media |= media
        for code, sentence in (refusals or {}).items():
            _new(self.refusals, code, sentence, quarter)

    def routes(self) -> list[tuple[str, str, str]]:
        """Every address with its quarter and what its handler says of itself, sorted."""
        return [
            (address, self.quarters[address], (handler.__doc__ or "").partition("\n")[0])
            for address, handler in sorted(self.handlers.items())
        ]

    def find(self, address: str) -> tuple[Handler, dict[str, Any]] | None:
        """The handler of an address and its parameters; None when no room has it."""
        static = self._static.get(address)
        if static is not None:
            return static, {}
        if not address.isascii() or len(address) > ADDRESS_LIMIT or address.startswith("/"):
            return None
        try:
            rule, params = self._map.bind("room").match(f"/{address}")
        except HTTPException:
            return None
        return self.handlers[rule], dict(params)

    def has_nothing_to_do(self, incoming: Incoming) -> bool:
        """Whether this is an event that no room listens to and that leads nowhere."""
        return incoming.kind == "event" and not incoming.address and incoming.event not in self.events

    def answer(self, incoming: Incoming, state: State, ask: Ask) -> Spoken | None:
        """What is said to a message, and where the conversation stands then; None when there is nothing to say."""
        ask.event = incoming.fields
        if incoming.kind == "event":
            return self._on_event(incoming, state, ask)
        if incoming.address:
            return self._go(incoming.address, "", state, ask)
        text = incoming.text.strip()
        if incoming.kind in _MEDIA and state.ask_for in self.media and not state.lapsed(ask.now):
            return self._go(state.ask_for, "", state, ask)
        if incoming.kind != "text" or text.startswith(words.UNSUPPORTED):
            heard = self._hear(incoming.kind, state, ask)
            return heard if heard is not None else _again(words.MEDIA, state, ask)
        return self._on_text(normalised(text), text, state, ask)

    def hear_alone(self, incoming: Incoming, state: State, ask: Ask) -> Spoken | None:
        """What the event's own room says when the address behind it cannot be answered: an apology stands there."""
        ask.event = incoming.fields
        heard = self._hear(incoming.event, state, ask)
        if heard is None or not incoming.address:
            return heard
        own = heard.state
        return _spoken(Reply(f"{own.text}\n\n{words.APOLOGY}", own.choices, own.ask_for, own.draft, own.back), ask)

    def _on_event(self, incoming: Incoming, state: State, ask: Ask) -> Spoken | None:
        heard = self._hear(incoming.event, state, ask)
        if not incoming.address:
            return heard
        # What the room kept stands, even when the address behind the code is refused.
        ask.keep()
        reached = self._go(incoming.address, "", state, ask)
        if heard is None:
            return reached
        # A scan that also follows: the welcome, and then what the code leads to.
        after = reached.state
        both = Reply(f"{heard.state.text}\n\n{after.text}", after.choices, after.ask_for, after.draft, after.back)
        return _spoken(both, ask)

    def _hear(self, name: str, state: State, ask: Ask) -> Spoken | None:
        """What a room says to an event, or to a message that is no text."""
        hears = self.events.get(name)
        if hears is None:
            return None
        return self._within(lambda: hears(ask), "", state, ask)

    def _on_text(self, short: str, text: str, state: State, ask: Ask) -> Spoken:
        if short in _CANCEL:
            busy = state.ask_for or state.draft or state.back
            return _spoken(Reply(words.CANCELLED if busy else words.NOTHING_TO_CANCEL, FIRST), ask)
        if short in _ALWAYS:
            return self._go(_ALWAYS[short], "", state, ask)
        if state.lapsed(ask.now):
            return self._after_a_pause(short, state, ask)
        if short in _BACK:
            return self._go(state.back or "menu", "", state, ask)
        if short in _MORE:
            return self._go("more", "", state, ask)
        picked = chosen(short, state.choices)
        if picked is not None:
            return self._go(picked, "", state, ask)
        # A question of its own, with nothing gathered, gives way to a wish that is said word for word.
        if state.ask_for is not None and text and (state.draft or short not in self.keywords):
            return self._go(state.ask_for, text, state, ask)
        wish = self._wish(short)
        return self._go(wish, "", state, ask) if wish else _again(words.NOT_UNDERSTOOD, state, ask)

    def _wish(self, short: str) -> str | None:
        """The address of a keyword, with or without polite words around it."""
        return next((self.keywords[said] for said in synonyms(short) if said in self.keywords), None)

    def _after_a_pause(self, short: str, state: State, ask: Ask) -> Spoken:
        """What was last shown has lapsed: "1" no longer means its first choice, and no question waits."""
        wish = self._wish(short)
        if wish is not None:
            return self._go(wish, "", State(), ask)
        if state.ask_for or state.draft:
            return _spoken(Reply(words.LAPSED, FIRST), ask)
        if short in _BACK:
            return self._go("menu", "", State(), ask)
        shown = short in _MORE or chosen(short, state.choices) is not None
        return _spoken(Reply(words.EXPIRED if shown else words.NOT_UNDERSTOOD, FIRST), ask)

    def _go(self, address: str, text: str, state: State, ask: Ask) -> Spoken:
        if address == "more":
            return _next_page(state, ask)
        found = self.find(address)
        if found is None:
            return _again(words.EXPIRED, state, ask)
        handler, params = found
        ask.text, ask.draft = text, {} if state.lapsed(ask.now) else dict(state.draft)
        shown = {state.ask_for, *(choice.address for choice in state.choices)}
        current = text or (address if address in shown else "")
        spoken = self._within(lambda: handler(ask, **params), current, state, ask)
        assert spoken is not None
        return spoken

    def _within(self, handle: Callable[[], Reply | None], current: str, state: State, ask: Ask) -> Spoken | None:
        """A handler's answer. A refusal undoes what it began and says so kindly.

        Where the refused step belongs to what is being filled in (`current`), that question waits on with all that was
        gathered; else the menu leads on.
        """
        try:
            reply = handle()
        except Refused as refusal:
            ask.undo()
            sentence = self.refusals.get(refusal.code, words.REFUSALS["wrong_state"])
            facts = {name: words.plain(str(value)) for name, value in refusal.facts.items()}
            said = sentence.format_map(_Facts(facts))
            return _again(said, state, ask) if current else _spoken(Reply(said, FIRST), ask)
        return None if reply is None else _spoken(reply, ask)


class _Facts(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return ""


def _new(table: dict[str, Any], key: str, value: Any, quarter: str) -> None:
    if key in table:
        raise ValueError(f"{quarter}: {key!r} stands already")
    table[key] = value


def _widest(rule: str) -> int:
    """The bytes of the longest address a rule makes."""
    return len(_PARAMETER.sub(lambda found: "x" * _WIDEST.get(found[1] or "default", 24), rule))


def _spoken(reply: Reply, ask: Ask) -> Spoken:
    for choice in reply.choices:
        if not choice.address.isascii() or len(choice.address) > ADDRESS_LIMIT:
            raise ValueError(f"{choice.address!r} is not an address")
    state = State(reply.ask_for, tuple(reply.choices), reply.text, 0, reply.back, dict(reply.draft or {}), ask.now)
    return Spoken(pages(reply)[0], state)


def _again(said: str, state: State, ask: Ask) -> Spoken:
    """Something that did not fit: the question that waits is put again, with all that was gathered; else the menu."""
    if not state.unfinished(ask.now):
        return _spoken(Reply(said, FIRST), ask)
    return _spoken(Reply(said, state.choices, state.ask_for, state.draft, state.back), ask)


def _next_page(state: State, ask: Ask) -> Spoken:
    every = pages(Reply(state.text, state.choices, state.ask_for, state.draft, state.back))
    if state.page + 1 >= len(every):
        return Spoken(words.NO_MORE, replace(state, updated_at=ask.now))
    return Spoken(every[state.page + 1], replace(state, page=state.page + 1, updated_at=ask.now))
