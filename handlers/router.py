"""How a message finds its room: every step of a conversation is an address."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from handlers import words
from handlers.menu import FIRST
from handlers.rendering import pages
from handlers.room import Ask, Choice, EventHandler, Handler, Reply
from models.errors import Refused
from models.messages.inbox import DIALOGUE_LASTS

ADDRESS_LIMIT = 64  # a QR scene holds no more
_NUMERALS = {n: str(value) for value, n in enumerate("零一二三四五六七八九")}
_BACK, _CANCEL, _MORE = ("0", "返回", "上一步"), ("取消", "退出", "停"), (words.MORE, "下一页")


@dataclass(frozen=True)
class Incoming:
    """A message as it came: what was typed, or the address behind what was tapped or scanned, or an event."""

    kind: str  # "text", "image", … or "event"
    text: str = ""
    address: str = ""
    event: str = ""  # lower case
    fields: Mapping[str, Any] = field(default_factory=dict)


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
        self.nothing: set[str] = set()
        self.refusals: dict[str, str] = dict(words.REFUSALS)
        self._map = Map()
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
    ) -> None:
        """Join one room's tables; a name that stands already, or is no address, is refused with ValueError."""
        for rule, handler in addresses.items():
            if not rule.isascii() or len(rule) > ADDRESS_LIMIT:
                raise ValueError(f"{quarter}: {rule!r} is not an address: ASCII, at most {ADDRESS_LIMIT} bytes")
            _new(self.handlers, rule, handler, quarter)
            self.quarters[rule] = quarter
            self._map.add(Rule(f"/{rule}", endpoint=rule))
            if "<" not in rule:
                self._static[rule] = handler
        for word, address in (keywords or {}).items():
            _new(self.keywords, word, address, quarter)
        for name, hears in (events or {}).items():
            _new(self.events, name, hears, quarter)
        self.nothing |= nothing
        self.refusals.update(refusals or {})

    def find(self, address: str) -> tuple[Handler, dict[str, Any]] | None:
        """The handler of an address and its parameters; None when no room has it."""
        static = self._static.get(address)
        if static is not None:
            return static, {}
        if not address.isascii() or len(address) > ADDRESS_LIMIT:
            return None
        try:
            rule, params = self._map.bind("room").match(f"/{address}")
        except HTTPException:
            return None
        return self.handlers[rule], dict(params)

    def answer(self, incoming: Incoming, state: State, ask: Ask) -> Spoken | None:
        """What is said to a message, and where the conversation stands then; None when there is nothing to say."""
        if incoming.kind == "event":
            return self._on_event(incoming, state, ask)
        if incoming.address:
            return self._go(incoming.address, "", state, ask)
        if incoming.kind != "text":
            return _spoken(Reply(words.MEDIA, FIRST), ask)
        return self._on_text(normalised(incoming.text), incoming.text.strip(), state, ask)

    def _on_event(self, incoming: Incoming, state: State, ask: Ask) -> Spoken | None:
        ask.event = incoming.fields
        hears = self.events.get(incoming.event)
        reply = hears(ask) if hears is not None else None
        if not incoming.address:
            return _spoken(reply, ask) if reply is not None else None
        reached = self._go(incoming.address, "", state, ask)
        if reply is None or reached is None:
            return reached
        # A scan that also follows: the welcome, and then what the code leads to.
        return replace(reached, text=f"{reply.text}\n\n{reached.text}")

    def _on_text(self, short: str, text: str, state: State, ask: Ask) -> Spoken | None:
        if short in _CANCEL:
            busy = state.ask_for or state.draft or state.back
            return _spoken(Reply(words.CANCELLED if busy else words.NOTHING_TO_CANCEL, FIRST), ask)
        if short in ("菜单", "帮助"):
            return self._go("menu", "", state, ask)
        if state.lapsed(ask.now) and (state.ask_for or state.draft):
            return _spoken(Reply(words.LAPSED, FIRST), ask)
        if short in _BACK:
            return self._go(state.back or "menu", "", state, ask)
        if short in _MORE:
            return self._go("more", "", state, ask)
        chosen = _chosen(short, state)
        if chosen is not None:
            return self._go(chosen, "", state, ask)
        if state.ask_for is not None:
            return self._go(state.ask_for, text, state, ask)
        if short in self.keywords:
            return self._go(self.keywords[short], "", state, ask)
        return _spoken(Reply(words.NOT_UNDERSTOOD, FIRST), ask)

    def _go(self, address: str, text: str, state: State, ask: Ask) -> Spoken | None:
        if address == "more":
            return _next_page(state, ask)
        found = self.find(address)
        if found is None:
            return _spoken(Reply(words.EXPIRED, FIRST), ask)
        handler, params = found
        ask.text, ask.draft = text, {} if state.lapsed(ask.now) else dict(state.draft)
        try:
            reply = handler(ask, **params)
        except Refused as refusal:
            ask.undo()
            return self._refused(refusal, text, state, ask)
        return _spoken(reply, ask)

    def _refused(self, refusal: Refused, text: str, state: State, ask: Ask) -> Spoken:
        """A kind sentence; where a free text was not acceptable, the same question waits on with all that was gathered."""
        sentence = self.refusals.get(refusal.code, words.REFUSALS["wrong_state"])
        facts = {name: words.plain(str(value)) for name, value in refusal.facts.items()}
        said = sentence.format_map(_Facts(facts))
        if text and state.ask_for is not None:
            return _spoken(Reply(said, state.choices, state.ask_for, state.draft, state.back), ask)
        return _spoken(Reply(said, FIRST), ask)


class _Facts(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return ""


def _new(table: dict[str, Any], key: str, value: Any, quarter: str) -> None:
    if key in table:
        raise ValueError(f"{quarter}: {key!r} stands already")
    table[key] = value


def normalised(text: str) -> str:
    """What was typed without what does not matter: width, case, blanks, closing punctuation; "三" is 3."""
    flat = unicodedata.normalize("NFKC", text).strip().strip("。.!！?？~ 、,，").lower()
    return _NUMERALS.get(flat, flat)


def _chosen(short: str, state: State) -> str | None:
    """The address of a choice last shown, by its number or its label."""
    if re.fullmatch(r"\d{1,3}", short) and 0 < int(short) <= len(state.choices):
        return state.choices[int(short) - 1].address
    return next((c.address for c in state.choices if normalised(c.label) == short), None)


def _spoken(reply: Reply, ask: Ask) -> Spoken:
    state = State(
        reply.ask_for, tuple(reply.choices), reply.text, 0, reply.back, dict(reply.draft or {}), ask.now
    )
    return Spoken(pages(reply)[0], state)


def _next_page(state: State, ask: Ask) -> Spoken:
    reply = Reply(state.text, state.choices, state.ask_for, state.draft, state.back)
    every = pages(reply)
    if state.page + 1 >= len(every):
        return _spoken(Reply(words.EXPIRED, FIRST), ask)
    return Spoken(every[state.page + 1], replace(state, page=state.page + 1, updated_at=ask.now))
